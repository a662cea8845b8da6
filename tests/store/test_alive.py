"""Heartbeats and silence on rows: what a tick finds missing, and what it takes back."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, insert, select, update

from adapters.alert import Status
from router.core.member import MemberState
from router.heartbeats import check
from router.store.heartbeats import expected
from router.store.heartbeats.expected import Expected
from router.store.heartbeats.stale_sources import Asked
from router.store.intake import sources
from router.store.tables import alert, group_source, heartbeat, membership, source
from rules.model.heartbeat import Awaited, Heartbeat, HeartbeatKey, StaleAfter
from rules.model.matcher import parse
from tests.store.stores import NOW, SECOND, put_alert, store

MINUTE = timedelta(minutes=1)
LONG_AGO = NOW - timedelta(days=30)
JOB = Heartbeat("job", parse("job = x"), every=10 * MINUTE, grace=MINUTE)
PER = Heartbeat("per", parse("job = y"), every=10 * MINUTE, per=("host",), forget_after=timedelta(hours=1))
ALIVE = HeartbeatKey("", "job")


def titles(
    conn: Connection,
    awaited: Awaited,
    now: datetime,
    *,
    seen: dict[HeartbeatKey, datetime] | None = None,
    since: datetime = LONG_AGO,
    asked: Asked | None = None,
) -> list[str]:
    looked = check.step(conn, now, since, awaited, seen or {}, {} if asked is None else asked)
    return [one.title for one in looked.own_alerts if one.status is Status.FIRING]


def test_it_is_missing_at_its_time_and_no_sooner() -> None:
    awaited = Awaited((JOB,))
    with store() as conn:
        assert titles(conn, awaited, NOW) == []
        assert titles(conn, awaited, NOW + SECOND, seen={ALIVE: NOW + SECOND}) == []
        assert titles(conn, awaited, NOW + 11 * MINUTE) == []
        assert titles(conn, awaited, NOW + 11 * MINUTE + SECOND) == ["job was due Mon 12:10 UTC, nothing by 12:11"]
        assert titles(conn, awaited, NOW + 60 * MINUTE) == ["job was due Mon 12:10 UTC, nothing by 12:11"]
        assert titles(conn, awaited, NOW + 61 * MINUTE, seen={ALIVE: NOW + 61 * MINUTE}) == []


def test_the_time_before_we_listened_does_not_count_but_takes_back_nothing() -> None:
    awaited = Awaited((JOB,))
    with store() as conn:
        titles(conn, awaited, NOW)
        back = NOW + 30 * MINUTE
        assert titles(conn, awaited, back + 11 * MINUTE - SECOND, since=back) == []
        assert titles(conn, awaited, back + 11 * MINUTE, since=back) == ["job was due Mon 12:40 UTC, nothing by 12:41"]
        again = NOW + 60 * MINUTE
        assert titles(conn, awaited, again, since=again) == ["job was due Mon 12:40 UTC, nothing by 12:41"]


def test_what_is_not_in_the_rules_is_expected_no_more() -> None:
    with store() as conn:
        titles(conn, Awaited((JOB, PER)), NOW, seen={HeartbeatKey("", "per", (("host", "a"),)): NOW})
        assert len(expected.expected(conn)) == 2
        per_other = msgspec.structs.replace(PER, per=("job",))
        titles(conn, Awaited((per_other,)), NOW)
        assert expected.expected(conn) == []


def test_of_several_each_is_missing_by_itself_and_forgotten_in_the_end() -> None:
    awaited = Awaited((PER,))
    a, b = HeartbeatKey("", "per", (("host", "a"),)), HeartbeatKey("", "per", (("host", "b"),))
    with store() as conn:
        assert titles(conn, awaited, NOW, seen={a: NOW, b: NOW}) == []
        later = NOW + 10 * MINUTE
        assert titles(conn, awaited, later, seen={a: later}) == ["per (b) was due Mon 12:10 UTC, nothing came"]
        away = NOW + timedelta(hours=1)
        assert len(titles(conn, awaited, away, since=later)) == 2, "nothing is forgotten because we were away"
        assert titles(conn, awaited, away) == ["per (a) was due Mon 12:20 UTC, nothing came"]
        assert [one.sign for one in expected.expected(conn)] == [a]


def test_senders_cannot_fill_the_store() -> None:
    seen = {HeartbeatKey("", "per", (("host", str(number)),)): NOW for number in range(expected.MOST + 5)}
    with store() as conn:
        expected.note(conn, seen)
        expected.note(conn, {HeartbeatKey("", "per", (("host", "new"),)): NOW})
        assert len(expected.expected(conn)) == expected.MOST


def test_the_last_sign_counts() -> None:
    with store() as conn:
        expected.note(conn, {ALIVE: NOW})
        expected.note(conn, {ALIVE: NOW + MINUTE})
        assert expected.expected(conn) == [Expected(ALIVE, NOW, NOW + MINUTE, None, None)]


def put_routed(conn: Connection, number: int, **changes: object) -> None:
    put_alert(conn, number, **changes)
    conn.execute(
        insert(membership).values(group_id=1, alert_id=number, state=MemberState.NOTIFIED, rank=3, joined_at=NOW)
    )
    conn.execute(insert(group_source).values(group_id=1, source="p"))


def silent_at(conn: Connection) -> datetime | None:
    return conn.execute(select(source.c.stale_since).where(source.c.name == "p")).scalar()


def test_a_source_is_silent_only_while_its_alerts_fire() -> None:
    awaited = Awaited(silent_after={"p": StaleAfter(5 * MINUTE)})
    asked: Asked = {}
    with store() as conn:
        put_routed(conn, 1)
        sources.listen(conn, NOW, {"p": NOW})
        assert titles(conn, awaited, NOW + 5 * MINUTE - SECOND, asked=asked) == []
        found = titles(conn, awaited, NOW + 5 * MINUTE, asked=asked)
        assert found == ["p is silent: nothing heard since Mon 12:00 UTC"]
        assert silent_at(conn) == NOW
        conn.execute(update(alert).values(is_firing=False))
        conn.execute(update(membership).values(state=MemberState.ENDED))
        assert titles(conn, awaited, NOW + 6 * MINUTE, asked=asked) == []
        assert silent_at(conn) is None


def test_what_no_route_took_makes_no_source_silent() -> None:
    with store() as conn:
        put_alert(conn, 1)
        sources.listen(conn, NOW, {"p": NOW})
        assert titles(conn, Awaited(silent_after={"p": StaleAfter(5 * MINUTE)}), NOW + timedelta(hours=1)) == []


def test_a_silent_source_without_firing_alerts_is_asked_about_once() -> None:
    awaited = Awaited(silent_after={"p": StaleAfter(5 * MINUTE)})
    asked: Asked = {}
    with store() as conn:
        sources.listen(conn, NOW, {"p": NOW})
        assert titles(conn, awaited, NOW + 5 * MINUTE, asked=asked) == []
        assert asked == {"p": (NOW, None)}
        put_routed(conn, 1)  # without a word of its source nobody can have done that
        assert titles(conn, awaited, NOW + 6 * MINUTE, asked=asked) == []
        sources.listen(conn, NOW + 7 * MINUTE, {"p": NOW + 7 * MINUTE})
        assert len(titles(conn, awaited, NOW + 12 * MINUTE, asked=asked)) == 1


def test_the_default_watches_what_is_sent_again_and_again_only() -> None:
    with store() as conn:
        put_routed(conn, 1, ttl_is_presumed=True)
        sources.listen(conn, NOW, {"p": NOW})
        later = NOW + timedelta(hours=1)
        assert titles(conn, Awaited(silent_after={"p": StaleAfter(5 * MINUTE)}), later) == []
        assert len(titles(conn, Awaited(silent_after={"p": StaleAfter(5 * MINUTE, is_said=True)}), later)) == 1
        assert titles(conn, Awaited(), later) == []


def test_a_clock_that_went_back_makes_nobody_missing_for_ever() -> None:
    from router.store.clock_step import clamp

    awaited = Awaited((JOB,))
    with store() as conn:
        expected.note(conn, {ALIVE: NOW + timedelta(days=300)})
        clamp(conn, NOW)
        assert conn.execute(select(heartbeat.c.last_at)).scalar() == NOW
        assert len(titles(conn, awaited, NOW + 11 * MINUTE)) == 1
