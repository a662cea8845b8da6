"""What is forgotten, and what never is."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, event, func, insert, select, update

from router.core.acts.silence import Silence
from router.core.member import MemberState
from router.store import retention
from router.store.intake import silences
from router.store.retention import BATCH, GIVE_UP_AFTER, Pruned
from router.store.tables import alert, alert_group, conversation, incident, membership, message, settings, timeline
from rules.model.matcher import parse
from rules.model.ruleset import Retention
from tests.store.stores import NOW, SECOND, post, put_alert, row, store

DAY = timedelta(days=1)
KEPT = Retention()
ENDED_ALERTS_FOR, INCIDENTS_FOR = KEPT.alerts, KEPT.incidents


def prune(
    conn: Connection, now: datetime, kept: Retention = KEPT, reopens_within: timedelta = timedelta(minutes=10)
) -> Pruned:
    return retention.prune(conn, now, kept, reopens_within)


def put_incident(conn: Connection, *, ended_at: datetime | None, group: int = 1) -> int:
    values: dict[str, Any] = {
        "group_id": group,
        "route": "default",
        "group_labels": "[]",
        "state": "triggered" if ended_at is None else "resolved",
        "severity": "high",
        "title": "Down",
        "started_at": NOW,
        "ended_at": ended_at,
        "opened_at": NOW,
        "thread_line_at": NOW,
        "loud_at": NOW,
        "loud_firing": 1,
        "loud_severity": "high",
        "last_notified_at": NOW,
        "view": "{}",
    }
    number = int(conn.execute(insert(incident).values(values).returning(incident.c.number)).scalar_one())
    entry = {"incident": number, "seq": 1, "at": NOW, "kind": "first", "is_broadcast": False, "document": "{}"}
    conn.execute(insert(timeline).values(entry))
    return number


def put_group(conn: Connection, *, last_incident: int | None = None, created_at: datetime = NOW) -> int:
    values = {
        "route": "default",
        "labels": f"[{last_incident}]",
        "settings_id": "s",
        "created_at": created_at,
        "incident": last_incident,
    }
    return int(conn.execute(insert(alert_group).values(values).returning(alert_group.c.id)).scalar_one())


def test_ended_alerts_are_forgotten_after_a_day_unless_somebody_was_told() -> None:
    with store() as conn:
        put_alert(conn, 1, is_firing=False)
        put_alert(conn, 2, is_firing=False)
        put_alert(conn, 3)
        member = {"group_id": 1, "alert_id": 2, "state": MemberState.NOTIFIED, "rank": 3, "joined_at": NOW}
        conn.execute(insert(membership).values(member))
        assert prune(conn, NOW + ENDED_ALERTS_FOR).alerts == []
        pruned = prune(conn, NOW + ENDED_ALERTS_FOR + SECOND)
        assert pruned.alerts == [("prometheus", f"{1:016x}")]
        assert conn.execute(select(func.count()).select_from(alert)).scalar() == 2


def test_groups_live_as_long_as_their_incident_can_reopen() -> None:
    with store() as conn:
        put_group(conn, last_incident=put_incident(conn, ended_at=None))
        put_group(conn, last_incident=put_incident(conn, ended_at=NOW + DAY))
        put_group(conn, last_incident=put_incident(conn, ended_at=NOW))
        put_group(conn)
        assert prune(conn, NOW + DAY).groups == 0
        assert prune(conn, NOW + DAY + SECOND).groups == 2
        assert prune(conn, NOW + 2 * DAY + SECOND).groups == 1


def test_incidents_are_forgotten_with_all_that_belongs_to_them_but_never_while_owed() -> None:
    with store() as conn:
        open_one = put_incident(conn, ended_at=None)
        owed, over = put_incident(conn, ended_at=NOW), put_incident(conn, ended_at=NOW)
        for number in (owed, over):
            about = post(conn, "#a")
            told = 0 if number == owed else 1
            conn.execute(update(message).where(message.c.id == about).values(incident=number, notified_version=told))
        conn.execute(update(message).values(due_since=NOW + INCIDENTS_FOR))
        pruned = prune(conn, NOW + INCIDENTS_FOR + SECOND)
        assert pruned.incidents == 1
        assert set(conn.execute(select(incident.c.number)).scalars()) == {open_one, owed}
        assert set(conn.execute(select(timeline.c.incident)).scalars()) == {open_one, owed}
        assert set(conn.execute(select(message.c.incident)).scalars()) == {owed}
        assert put_incident(conn, ended_at=None) > over, "numbers are never reused"


def test_a_truth_owed_for_a_week_is_given_up_and_said() -> None:
    with store() as conn:
        number = post(conn, "#a")
        conn.execute(update(message).values(last_error="is_archived"))
        assert prune(conn, NOW + GIVE_UP_AFTER).given_up == []
        pruned = prune(conn, NOW + GIVE_UP_AFTER + SECOND)
        assert pruned.given_up == [(None, "is_archived")]
        assert row(conn, number).is_over
        assert prune(conn, NOW + GIVE_UP_AFTER + 2 * SECOND).given_up == []


def test_a_batch_is_bounded() -> None:
    with store() as conn:
        for number in range(BATCH + 1):
            put_alert(conn, number + 1, is_firing=False)
        later = NOW + 2 * DAY
        first = prune(conn, later)
        assert (len(first.alerts), first.is_more) == (BATCH, True)
        second = prune(conn, later)
        assert (len(second.alerts), second.is_more) == (1, False)


def test_how_long_is_the_rules_to_say() -> None:
    kept = Retention(alerts=3 * DAY, incidents=2 * DAY)
    with store() as conn:
        put_alert(conn, 1, is_firing=False)
        number = put_incident(conn, ended_at=NOW)
        assert (prune(conn, NOW + 2 * DAY, kept).alerts, prune(conn, NOW + 2 * DAY, kept).incidents) == ([], 0)
        assert prune(conn, NOW + 2 * DAY + SECOND, kept).incidents == 1
        assert prune(conn, NOW + 3 * DAY, kept).alerts == []
        assert prune(conn, NOW + 3 * DAY + SECOND, kept).alerts == [("prometheus", f"{1:016x}")]
        assert number


def test_a_group_outlives_the_time_in_which_its_incident_may_reopen() -> None:
    with store() as conn:
        put_group(conn, last_incident=put_incident(conn, ended_at=NOW))
        kept = Retention(incidents=DAY)
        pruned = prune(conn, NOW + 3 * DAY, kept, reopens_within=3 * DAY)
        assert (pruned.groups, pruned.incidents) == (0, 0)
        pruned = prune(conn, NOW + 3 * DAY + SECOND, kept, reopens_within=3 * DAY)
        assert (pruned.groups, pruned.incidents) == (1, 1)


def test_a_message_without_an_incident_is_forgotten_once_it_is_said() -> None:
    with store() as conn:
        said, owed = post(conn, "#a"), post(conn, "#b")
        conn.execute(update(message).where(message.c.id == said).values(notified_version=1))
        conn.execute(update(message).values(due_since=NOW + INCIDENTS_FOR - DAY))
        assert prune(conn, NOW + 2 * INCIDENTS_FOR - DAY).notices == 0
        conn.execute(update(message).where(message.c.id == owed).values(due_since=NOW + 2 * INCIDENTS_FOR))
        assert prune(conn, NOW + 2 * INCIDENTS_FOR).notices == 1
        assert list(conn.execute(select(message.c.id)).scalars()) == [owed]


def test_a_silence_is_kept_for_a_while_when_it_is_over() -> None:
    with store() as conn:
        for number, ends_at in (("a", NOW), ("b", NOW + DAY), ("c", NOW + 200 * DAY)):
            silences.put(conn, Silence(number, parse("a = b"), NOW - DAY, ends_at, "maria", "", NOW, NOW))
        assert prune(conn, NOW + INCIDENTS_FOR).silences == 0
        assert prune(conn, NOW + INCIDENTS_FOR + SECOND).silences == 1
        assert prune(conn, NOW + 2 * DAY + INCIDENTS_FOR).silences == 1
        assert [one.id for one in silences.open_at(conn, NOW)] == ["c"]


def test_a_channel_is_forgotten_when_nothing_stands_in_it() -> None:
    with store() as conn:
        said, _ = post(conn, "#a"), post(conn, "#b")
        conn.execute(update(message).where(message.c.id == said).values(notified_version=1))
        conn.execute(update(message).where(message.c.id != said).values(due_since=NOW + 2 * INCIDENTS_FOR))
        later = NOW + INCIDENTS_FOR + SECOND
        assert prune(conn, later).conversations == 1
        assert list(conn.execute(select(conversation.c.target)).scalars()) == ["#b"]


def test_settings_go_when_neither_a_route_nor_a_group_has_them() -> None:
    with store() as conn:
        put_group(conn)
        conn.execute(insert(settings), [{"id": key, "document": "{}"} for key in ("s", "in force", "gone")])
        assert retention.unused_settings(conn, {"in force"}) == {"gone"}
        assert retention.drop_settings(conn, {"s", "in force", "gone"}, {"in force"}) == 1
        assert set(conn.execute(select(settings.c.id)).scalars()) == {"s", "in force"}


def test_the_oldest_that_is_kept_is_named() -> None:
    with store() as conn:
        assert retention.oldest_kept(conn) is None
        put_incident(conn, ended_at=None)
        assert retention.oldest_kept(conn) is None
        put_incident(conn, ended_at=NOW)
        assert retention.oldest_kept(conn) == NOW
        put_alert(conn, 1, is_firing=False)
        conn.execute(update(alert).values(ends_at=NOW - DAY))
        assert retention.oldest_kept(conn) == NOW - DAY


def test_ended_alerts_are_found_by_their_end() -> None:
    """However many are kept: what is looked at is what is to go."""
    said: list[str] = []
    with store() as conn:

        def hear(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            if statement.startswith("SELECT alert.id, alert.namespace"):
                rows = conn.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                said.extend(str(row[3]) for row in rows)

        event.listen(conn, "before_cursor_execute", hear)
        prune(conn, NOW)
    assert said
    assert not [line for line in said if line.startswith("SCAN")], said
