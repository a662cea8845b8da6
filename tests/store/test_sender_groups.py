"""Senders' groups on rows: who is absent, who has been spoken of, and who is over."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from router.store.intake import sender_groups
from router.store.intake.sender_groups import Mentioned, Noted
from router.store.tables import alert, sender_group
from tests.store.stores import NOW, SECOND, put_alert, store

MINUTE = timedelta(minutes=1)
NOBODY = frozenset[int]()


def put(conn: Connection, *numbers: int, **changes: object) -> None:
    for number in numbers:
        put_alert(conn, number, **{"ttl_is_presumed": True, **changes})


def note(conn: Connection, *firing: int, at: datetime = NOW, ended: frozenset[int] = NOBODY, group: int = 7) -> Noted:
    words = Mentioned(frozenset(firing), ended)
    return sender_groups.note(conn, group=group, namespace="prometheus", words=words, at=at, heard_before=at - MINUTE)


def rows(conn: Connection, group: int = 7) -> dict[int, datetime | None]:
    """Alert -> since when it is absent."""
    query = select(sender_group.c.alert_id, sender_group.c.absent_at).where(sender_group.c.group_no == group)
    return {row.alert_id: row.absent_at for row in conn.execute(query)}


def test_who_was_told_in_a_group_and_is_in_it_no_more_is_absent() -> None:
    with store() as conn:
        put(conn, 1, 2)
        assert note(conn, 1, 2) == Noted((), is_settled=True)
        later = NOW + MINUTE
        assert note(conn, 1, at=later) == Noted((("prometheus", 2),), is_settled=True)
        assert rows(conn) == {1: None, 2: later}
        assert sender_groups.absent(conn) == [("prometheus", 2)]
        assert note(conn, 1, at=later + MINUTE) == Noted((), is_settled=True), "it is absent since the first time"
        assert rows(conn) == {1: None, 2: later}
        note(conn, 1, 2, at=later + MINUTE)
        assert rows(conn) == {1: None, 2: None}


def test_a_last_word_that_is_fresh_leaves_the_question_open() -> None:
    with store() as conn:
        put(conn, 1)
        note(conn, 1)
        assert note(conn, at=NOW + MINUTE - SECOND) == Noted((), is_settled=False)
        assert rows(conn) == {1: None}
        everybody_lately = sender_groups.note(
            conn, group=7, namespace="prometheus", words=Mentioned(NOBODY, NOBODY), at=NOW + MINUTE, heard_before=None
        )
        assert everybody_lately == Noted((), is_settled=False)


def test_who_has_ended_leaves_and_who_is_said_to_have_ended_is_not_absent() -> None:
    with store() as conn:
        put(conn, 1, 2)
        note(conn, 1, 2)
        conn.execute(update(alert).where(alert.c.id == 1).values(is_firing=False))
        assert note(conn, at=NOW + MINUTE, ended=frozenset({2})) == Noted((), is_settled=True)
        assert rows(conn) == {2: None}


def ended(conn: Connection, *spoken: int) -> list[str]:
    later = NOW + 5 * MINUTE
    over = sender_groups.end_missing(conn, later, later - 2 * MINUTE, [("prometheus", number) for number in spoken])
    assert all((one.how, one.source, one.namespace) == ("missing", "p", "prometheus") for one in over)
    return [one.fingerprint for one in over]


def test_the_absent_are_over_when_nobody_has_spoken_of_them() -> None:
    with store() as conn:
        put(conn, 1, 2)
        note(conn, 1, 2)
        note(conn, at=NOW + 3 * MINUTE)
        assert ended(conn, 2) == [f"{1:016x}"]
        row = conn.execute(select(alert.c.is_firing, alert.c.ended_how, alert.c.ends_at).where(alert.c.id == 1)).one()
        assert tuple(row) == (False, "missing", NOW + 3 * MINUTE)
        assert conn.execute(select(alert.c.is_firing).where(alert.c.id == 2)).scalar()
        assert rows(conn) == {}


def test_the_absent_are_over_no_sooner() -> None:
    with store() as conn:
        put(conn, 1)
        note(conn, 1)
        note(conn, at=NOW + 3 * MINUTE + SECOND)
        assert ended(conn) == []
        assert list(rows(conn)) == [1]


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_who_is_told_in_another_group_is_not_over(*, is_elsewhere: bool) -> None:
    with store() as conn:
        put(conn, 1)
        note(conn, 1)
        if is_elsewhere:
            note(conn, 1, group=8)
        note(conn, at=NOW + 3 * MINUTE)
        assert ended(conn) == ([] if is_elsewhere else [f"{1:016x}"])
        assert rows(conn) == {}


def test_who_has_a_time_to_live_of_its_own_is_not_over() -> None:
    with store() as conn:
        put(conn, 1, ttl_is_presumed=False)
        note(conn, 1)
        note(conn, at=NOW + 3 * MINUTE)
        assert ended(conn) == []


def test_a_clock_that_went_back_makes_nobody_absent_for_ever() -> None:
    with store() as conn:
        put(conn, 1, 2)
        note(conn, 1, 2)
        note(conn, 1, at=NOW + 3 * MINUTE)
        sender_groups.clamp(conn, NOW + MINUTE)
        assert rows(conn) == {1: None, 2: NOW + MINUTE}


def test_rows_of_what_has_ended_are_dropped() -> None:
    with store() as conn:
        put(conn, 1, 2)
        note(conn, 1, 2)
        conn.execute(update(alert).where(alert.c.id == 1).values(is_firing=False))
        sender_groups.drop_over(conn)
        assert list(rows(conn)) == [2]
