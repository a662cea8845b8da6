"""What is forgotten, in small batches. Never: open incidents, anything owed, ended alerts younger than a day."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, and_, delete, exists, or_, select, update

from router.store.intake import sender_groups
from router.store.tables import (
    alert,
    alert_group,
    group_count,
    group_source,
    incident,
    membership,
    message,
    page,
    timeline,
)

ENDED_ALERTS_FOR = timedelta(hours=24)
INCIDENTS_FOR = timedelta(days=90)
GIVE_UP_AFTER = timedelta(days=7)
BATCH = 250


class Pruned(msgspec.Struct, frozen=True):
    """What one batch removed, for the caches and the counters."""

    alerts: list[tuple[str, str]]
    groups: int
    incidents: int
    given_up: list[tuple[int | None, str]]
    """(incident, last error) of truths owed for too long."""

    @property
    def is_more(self) -> bool:
        return BATCH in {len(self.alerts), self.groups, self.incidents, len(self.given_up)}


def prune(conn: Connection, now: datetime) -> Pruned:
    given_up = _give_up(conn, now)
    sender_groups.drop_over(conn)
    return Pruned(_alerts(conn, now), _groups(conn, now), _incidents(conn, now), given_up)


def _alerts(conn: Connection, now: datetime) -> list[tuple[str, str]]:
    is_member = exists().where(membership.c.alert_id == alert.c.id)
    old = select(alert.c.id, alert.c.namespace, alert.c.fingerprint)
    rows = conn.execute(
        old.where(~alert.c.is_firing, alert.c.changed_at < now - ENDED_ALERTS_FOR, ~is_member).limit(BATCH)
    ).fetchall()
    if rows:
        conn.execute(delete(alert).where(alert.c.id.in_([row.id for row in rows])))
    return [(row.namespace, row.fingerprint) for row in rows]


def _groups(conn: Connection, now: datetime) -> int:
    """Groups that are empty and whose last incident nobody could reopen any more."""
    has_members = exists().where(membership.c.group_id == alert_group.c.id)
    is_recent = exists().where(
        incident.c.number == alert_group.c.incident,
        or_(incident.c.state != "resolved", incident.c.ended_at >= now - ENDED_ALERTS_FOR),
    )
    old = (
        select(alert_group.c.id)
        .where(~has_members, ~is_recent, alert_group.c.created_at < now - ENDED_ALERTS_FOR)
        .limit(BATCH)
    )
    found = list(conn.execute(old).scalars())
    if found:
        for table in (group_count, group_source):
            conn.execute(delete(table).where(table.c.group_id.in_(found)))
        conn.execute(delete(alert_group).where(alert_group.c.id.in_(found)))
    return len(found)


def _incidents(conn: Connection, now: datetime) -> int:
    is_owed = exists().where(
        message.c.incident == incident.c.number,
        ~message.c.is_over,
        or_(
            message.c.notified_version < message.c.version,
            message.c.thread_due_at.is_not(None),
            message.c.delivery_id.is_not(None),
        ),
    )
    in_group = exists().where(alert_group.c.incident == incident.c.number)
    old = select(incident.c.number).where(
        incident.c.state == "resolved", incident.c.ended_at < now - INCIDENTS_FOR, ~is_owed, ~in_group
    )
    found = list(conn.execute(old.limit(BATCH)).scalars())
    for table, column in ((timeline, timeline.c.incident), (message, message.c.incident), (page, page.c.incident)):
        if found:
            conn.execute(delete(table).where(column.in_(found)))
    if found:
        conn.execute(delete(incident).where(incident.c.number.in_(found)))
    return len(found)


def _give_up(conn: Connection, now: datetime) -> list[tuple[int | None, str]]:
    owed = and_(
        ~message.c.is_over, message.c.notified_version < message.c.version, message.c.due_since < now - GIVE_UP_AFTER
    )
    rows = conn.execute(
        select(message.c.id, message.c.incident, message.c.last_error).where(owed).limit(BATCH)
    ).fetchall()
    if rows:
        over = update(message).where(message.c.id.in_([row.id for row in rows]))
        conn.execute(over.values(is_over=True, thread_due_at=None, delivery_id=None, intent=None))
    return [(row.incident, row.last_error) for row in rows]
