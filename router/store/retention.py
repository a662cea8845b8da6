"""What is forgotten, in small batches. Never: open incidents, anything pending, ended alerts younger than a day.

How long what is over is kept is the rules' to say (`rules.model.ruleset.Retention`); here are its bounds and how it goes. Every
table that grows is in here, or is bounded by what fills it: names in the configuration, the preview's last messages,
the accounts that admins connect.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, exists, or_, select, text, update

from router.store.evaluation import overrides, sign_ins
from router.store.intake import sender_groups, silences
from router.store.tables import (
    IS_OVER,
    OWED,
    act,
    alert,
    alert_group,
    conversation,
    fallback,
    group_count,
    group_source,
    incident,
    membership,
    message,
    page,
    settings,
    timeline,
)
from rules.model.ruleset import Retention

GROUPS_FOR = timedelta(hours=24)
"""At least: an empty group is what a late word finds its incident by."""
ACTS_FOR = timedelta(hours=24)
"""Nobody sends an act again so late; what it changed stands in the timeline."""
GIVE_UP_AFTER = timedelta(days=7)
BATCH = 250


class Pruned(msgspec.Struct, frozen=True):
    """What one batch removed, for the caches and the counters."""

    alerts: list[tuple[str, str]]
    groups: int
    incidents: int
    notices: int
    """Messages that belong to no incident."""
    conversations: int
    acts: int
    given_up: list[tuple[int | None, str]]
    """(incident, last error) of truths owed for too long."""
    silences: int = 0
    sign_ins: int = 0
    overrides: int = 0

    @property
    def is_more(self) -> bool:
        return BATCH in {
            len(self.alerts),
            self.groups,
            self.incidents,
            self.notices,
            self.conversations,
            self.acts,
            len(self.given_up),
            self.silences,
            self.sign_ins,
            self.overrides,
        }


def prune(conn: Connection, now: datetime, kept: Retention, reopens_within: timedelta) -> Pruned:
    """One batch of each. `reopens_within`: the longest of all routes, which a group and its incident outlive."""
    given_up = _give_up(conn, now)
    sender_groups.drop_over(conn)
    return Pruned(
        alerts=_alerts(conn, now - kept.alerts),
        groups=_groups(conn, now - max(GROUPS_FOR, reopens_within)),
        incidents=_incidents(conn, now - kept.incidents),
        notices=_notices(conn, now - kept.incidents),
        conversations=_conversations(conn, now - kept.incidents),
        acts=_acts(conn, now - ACTS_FOR),
        given_up=given_up,
        silences=silences.forget(conn, now - kept.incidents, BATCH),
        sign_ins=sign_ins.forget(conn, now, BATCH),
        overrides=overrides.forget(conn, now - kept.incidents, BATCH),
    )


def unused_settings(conn: Connection, in_force: Collection[str]) -> set[str]:
    """Ids of routes' settings that neither a route in force nor a group has."""
    of_group = exists().where(alert_group.c.settings_id == settings.c.id)
    return set(conn.execute(select(settings.c.id).where(~of_group)).scalars()) - set(in_force)


def drop_settings(conn: Connection, ids: Collection[str], in_force: Collection[str]) -> int:
    """Of these, those that are still unused. The caller found them unused an hour ago: a group that was being opened
    under the rules before a reload has long been committed."""
    gone = sorted(set(ids) & unused_settings(conn, in_force))[:BATCH]
    if gone:
        conn.execute(delete(settings).where(settings.c.id.in_(gone)))
    return len(gone)


def oldest_kept(conn: Connection) -> datetime | None:
    """When the oldest of what is over ended, of alerts and incidents; None: nothing is over."""
    first = select(incident.c.ended_at).where(incident.c.state == "resolved").order_by(incident.c.number).limit(1)
    ended = select(alert.c.ends_at).where(_HAS_ENDED).order_by(alert.c.ends_at).limit(1)
    found = [at for at in (conn.execute(first).scalar(), conn.execute(ended).scalar()) if at is not None]
    return min(found, default=None)


_HAS_ENDED = text("NOT alert.is_firing")
"""As the index on what has ended says it."""


def _alerts(conn: Connection, before: datetime) -> list[tuple[str, str]]:
    is_member = exists().where(membership.c.alert_id == alert.c.id)
    old = select(alert.c.id, alert.c.namespace, alert.c.fingerprint).where(
        _HAS_ENDED, alert.c.changed_at < before, ~is_member
    )
    rows: list[Row[Any, Any, Any]] = []
    for when in (alert.c.ends_at < before, alert.c.ends_at.is_(None)):  # each finds its place in the index, both none
        rows += conn.execute(old.where(when).limit(BATCH - len(rows))).fetchall()
    if rows:
        conn.execute(delete(alert).where(alert.c.id.in_([row.id for row in rows])))
    return [(row.namespace, row.fingerprint) for row in rows]


def _groups(conn: Connection, before: datetime) -> int:
    """Groups that are empty and whose last incident nobody could reopen any more."""
    has_members = exists().where(membership.c.group_id == alert_group.c.id)
    is_recent = exists().where(
        incident.c.number == alert_group.c.incident,
        or_(incident.c.state != "resolved", incident.c.ended_at >= before),
    )
    old = select(alert_group.c.id).where(~has_members, ~is_recent, alert_group.c.created_at < before).limit(BATCH)
    found = list(conn.execute(old).scalars())
    if found:
        for table in (group_count, group_source):
            conn.execute(delete(table).where(table.c.group_id.in_(found)))
        conn.execute(delete(alert_group).where(alert_group.c.id.in_(found)))
    return len(found)


def _incidents(conn: Connection, before: datetime) -> int:
    is_owed = exists().where(
        message.c.incident == incident.c.number,
        ~message.c.is_over,
        or_(
            message.c.notified_version < message.c.version,
            message.c.thread_due_at.is_not(None),
            message.c.delivery_id.is_not(None),
        ),
    )
    in_group = exists().where(alert_group.c.id == incident.c.group_id, alert_group.c.incident == incident.c.number)
    old = select(incident.c.number).where(text(IS_OVER), incident.c.ended_at < before, ~is_owed, ~in_group)
    found = list(conn.execute(old.limit(BATCH)).scalars())
    for table in (timeline, message, page, fallback):
        if found:
            conn.execute(delete(table).where(table.c.incident.in_(found)))
    if found:
        conn.execute(delete(incident).where(incident.c.number.in_(found)))
    return len(found)


def _notices(conn: Connection, before: datetime) -> int:
    """Summaries of what was held back and words about teams' files: messages that no incident takes along."""
    is_said = or_(message.c.is_over, message.c.notified_version >= message.c.version)
    old = select(message.c.id).where(
        message.c.incident.is_(None), is_said, message.c.delivery_id.is_(None), message.c.due_since < before
    )
    found = list(conn.execute(old.limit(BATCH)).scalars())
    if found:
        conn.execute(delete(message).where(message.c.id.in_(found)))
    return len(found)


def _conversations(conn: Connection, before: datetime) -> int:
    """Channels and people to whom nothing was posted for so long, and in whom no message is left."""
    quiet = select(conversation.c.id).where(conversation.c.next_at < before, conversation.c.claim_token.is_(None))
    idle = set(conn.execute(quiet).scalars())
    if not idle:  # nearly always: messages are many, and no index finds those of a conversation
        return 0
    used = set(
        conn.execute(select(message.c.conversation).where(message.c.conversation.in_(quiet)).distinct()).scalars()
    )
    found = sorted(idle - used)[:BATCH]
    if found:
        conn.execute(delete(conversation).where(conversation.c.id.in_(found)))
    return len(found)


def _give_up(conn: Connection, now: datetime) -> list[tuple[int | None, str]]:
    owed = and_(text(OWED), message.c.notified_version < message.c.version, message.c.due_since < now - GIVE_UP_AFTER)
    rows = conn.execute(
        select(message.c.id, message.c.incident, message.c.last_error).where(owed).limit(BATCH)
    ).fetchall()
    if rows:
        over = update(message).where(message.c.id.in_([row.id for row in rows]))
        conn.execute(over.values(is_over=True, thread_due_at=None, delivery_id=None, intent=None))
    return [(row.incident, row.last_error) for row in rows]


def _acts(conn: Connection, before: datetime) -> int:
    found = list(conn.execute(select(act.c.key).where(act.c.at < before).order_by(act.c.at).limit(BATCH)).scalars())
    if found:
        conn.execute(delete(act).where(act.c.key.in_(found)))
    return len(found)
