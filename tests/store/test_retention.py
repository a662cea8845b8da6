"""What is forgotten, and what never is."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from router.core.member import MemberState
from router.store import retention
from router.store.retention import ENDED_ALERTS_FOR, GIVE_UP_AFTER, INCIDENTS_FOR
from router.store.tables import alert, alert_group, incident, membership, message, timeline
from tests.store.stores import NOW, SECOND, post, put_alert, row, store

DAY = timedelta(days=1)


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
        assert retention.prune(conn, NOW + ENDED_ALERTS_FOR).alerts == []
        pruned = retention.prune(conn, NOW + ENDED_ALERTS_FOR + SECOND)
        assert pruned.alerts == [("prometheus", f"{1:016x}")]
        assert conn.execute(select(func.count()).select_from(alert)).scalar() == 2


def test_groups_live_as_long_as_their_incident_can_reopen() -> None:
    with store() as conn:
        put_group(conn, last_incident=put_incident(conn, ended_at=None))
        put_group(conn, last_incident=put_incident(conn, ended_at=NOW + DAY))
        put_group(conn, last_incident=put_incident(conn, ended_at=NOW))
        put_group(conn)
        assert retention.prune(conn, NOW + DAY).groups == 0
        assert retention.prune(conn, NOW + DAY + SECOND).groups == 2
        assert retention.prune(conn, NOW + 2 * DAY + SECOND).groups == 1


def test_incidents_are_forgotten_with_all_that_belongs_to_them_but_never_while_owed() -> None:
    with store() as conn:
        open_one = put_incident(conn, ended_at=None)
        owed, over = put_incident(conn, ended_at=NOW), put_incident(conn, ended_at=NOW)
        for number in (owed, over):
            about = post(conn, "#a")
            told = 0 if number == owed else 1
            conn.execute(update(message).where(message.c.id == about).values(incident=number, notified_version=told))
        conn.execute(update(message).values(due_since=NOW + INCIDENTS_FOR))
        pruned = retention.prune(conn, NOW + INCIDENTS_FOR + SECOND)
        assert pruned.incidents == 1
        assert set(conn.execute(select(incident.c.number)).scalars()) == {open_one, owed}
        assert set(conn.execute(select(timeline.c.incident)).scalars()) == {open_one, owed}
        assert set(conn.execute(select(message.c.incident)).scalars()) == {owed}
        assert put_incident(conn, ended_at=None) > over, "numbers are never reused"


def test_a_truth_owed_for_a_week_is_given_up_and_said() -> None:
    with store() as conn:
        number = post(conn, "#a")
        conn.execute(update(message).values(last_error="is_archived"))
        assert retention.prune(conn, NOW + GIVE_UP_AFTER).given_up == []
        pruned = retention.prune(conn, NOW + GIVE_UP_AFTER + SECOND)
        assert pruned.given_up == [(None, "is_archived")]
        assert row(conn, number).is_over
        assert retention.prune(conn, NOW + GIVE_UP_AFTER + 2 * SECOND).given_up == []


def test_a_batch_is_bounded() -> None:
    with store() as conn:
        for number in range(retention.BATCH + 1):
            put_alert(conn, number + 1, is_firing=False)
        later = NOW + 2 * DAY
        first = retention.prune(conn, later)
        assert (len(first.alerts), first.is_more) == (retention.BATCH, True)
        second = retention.prune(conn, later)
        assert (len(second.alerts), second.is_more) == (1, False)
