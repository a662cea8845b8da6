"""Listening and expiry on rows: nothing ends before max(expires_at, since + ttl), nor before its source spoke after."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from router.store.intake import sources
from router.store.intake.sources import GAP
from router.store.tables import alert, listening
from tests.store.stores import NOW, SECOND, put_alert, store

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("later", "is_new"), [(GAP, False), (GAP + SECOND, True), (-SECOND, True)])
def test_a_gap_or_a_clock_that_went_back_begins_listening_anew(later: timedelta, *, is_new: bool) -> None:
    with store() as conn:
        assert sources.listen(conn, NOW, {}) == NOW
        assert sources.listen(conn, NOW + later, {}) == (NOW + later if is_new else NOW)
        assert conn.execute(select(listening.c.until)).scalar() == NOW + later


@pytest.mark.parametrize(
    ("listened", "after", "heard", "ends"),
    [
        (timedelta(hours=1), 5 * MINUTE, 5 * MINUTE, True),
        (timedelta(hours=1), 5 * MINUTE, 4 * MINUTE, False),  # not heard from after it ran out
        (timedelta(hours=1), 5 * MINUTE, None, False),
        (timedelta(hours=1), 4 * MINUTE - SECOND, 4 * MINUTE - SECOND, False),  # not yet
        (4 * MINUTE - SECOND, 5 * MINUTE, 5 * MINUTE, False),  # we were not there long enough
        (4 * MINUTE, 5 * MINUTE, 5 * MINUTE, True),
    ],
)
def test_what_expires(listened: timedelta, after: timedelta, heard: timedelta | None, *, ends: bool) -> None:
    with store() as conn:
        put_alert(conn, 1)
        if heard is not None:
            sources.listen(conn, NOW, {"p": NOW + heard})
        now = NOW + after
        over = sources.expire(conn, now, now - listened, 10)
        assert [one.how for one in over] == (["expired"] if ends else [])
        row = conn.execute(select(alert.c.is_firing, alert.c.ended_how, alert.c.ends_at)).one()
        assert row.is_firing is not ends
        if ends:
            assert (row.ended_how, row.ends_at) == ("expired", NOW + 4 * MINUTE)


def test_a_presumed_end_needs_nobodys_word() -> None:
    with store() as conn:
        put_alert(conn, 1, ttl_is_presumed=True)
        [over] = sources.expire(conn, NOW + 4 * MINUTE, NOW, 10)
        assert over.how == "presumed"


def test_no_more_than_asked_for_at_once() -> None:
    with store() as conn:
        for number in range(5):
            put_alert(conn, number + 1, ttl_is_presumed=True)
        later = NOW + timedelta(hours=1)
        assert len(sources.expire(conn, later, NOW, 3)) == 3
        assert len(sources.expire(conn, later, NOW, 3)) == 2


def test_after_a_clock_step_listening_begins_anew() -> None:
    with store() as conn:
        sources.listen(conn, NOW, {})
        sources.restart_listening(conn, NOW + SECOND)
        assert sources.listen(conn, NOW + 2 * SECOND, {}) == NOW + SECOND
