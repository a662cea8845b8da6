"""What the read API, the metrics and the preview page ask: whole pages, never held open. Only reads; decides nothing."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, distinct, func, or_, select, text

from router.core.content import Subject
from router.core.member import BY_RANK
from router.core.view import IncidentView
from router.store.evaluation.groups import decode_document, decode_settings
from router.store.heartbeats.stale_sources import silent
from router.store.tables import (
    OWED,
    alert,
    alert_group,
    conversation,
    heartbeat,
    incident,
    membership,
    message,
    settings,
    timeline,
)

_IS_FIRING = text("alert.is_firing")
"""As the partial indexes say it; `is_firing = 1` would read the whole table."""
_IS_HELD = text("membership.suppressed_by IS NOT NULL")
_decode_view = msgspec.json.Decoder(IncidentView).decode
_decode_labels = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


class InGroup(msgspec.Struct, frozen=True):
    """One group that an alert is in."""

    route: str
    labels: dict[str, str]
    told: bool
    """Its destinations know of it."""
    suppressed_by: str | None
    """What holds its news back: "quiet nights", "maintenance eu-1-upgrade", "inhibition cluster-down"."""
    incident: int | None


class AlertRow(msgspec.Struct, frozen=True):
    """An alert as the API shows it."""

    fingerprint: str
    namespace: str
    source: str
    name: str
    status: str
    ended_how: str | None
    severity: str
    title: str
    description: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    url: str
    groups: tuple[InGroup, ...]


class IncidentRow(msgspec.Struct, frozen=True):
    """An incident as the API shows it."""

    number: int
    state: str
    severity: str
    title: str
    name: str
    route: str
    group_labels: dict[str, str]
    started_at: datetime
    ended_at: datetime | None
    ended_how: str | None
    firing: int
    ended: int
    sources: tuple[str, ...]
    on_call: tuple[str, ...]
    channels: tuple[str, ...]
    """Where it is told, home first."""


class MessageRow(msgspec.Struct, frozen=True):
    """A message that must be kept true, as the API shows it."""

    id: int
    incident: int | None
    subject: str
    """incident | page | note | post"""
    target: str
    """As the rules name it: "#alerts", "C…", "email:…", "U…"."""
    person: str
    channel: str
    """Slack's id, once known."""
    ts: str
    told: bool
    """It stands there, though perhaps not with the last word."""
    owed: bool
    """There is a word that it has not told yet."""
    pending_since: datetime | None
    notified_at: datetime | None
    not_before: datetime | None
    attempts: int
    last_error: str
    word: str
    """Why it stands here and not where it belongs."""


class WaitingRow(msgspec.Struct, frozen=True):
    """Alerts of one group that nobody was told yet."""

    route: str
    count: int
    title: str
    due_at: datetime | None
    suppressed_by: str | None
    channel: str


class Numbers(msgspec.Struct, frozen=True):
    """The store in numbers."""

    active: int
    suppressed: int
    groups: int
    incidents: int
    """Not resolved."""
    owed: int
    pending_since: datetime | None
    heartbeats: tuple[tuple[str, str, int, int], ...] = ()
    """(source, name, how many are expected, how many of them are missing)"""
    silent_sources: int = 0


def alerts(
    conn: Connection, *, firing: bool | None, after: int | None, limit: int
) -> tuple[list[AlertRow], int | None]:
    """A page in the order they were first heard of, and where the next begins. `firing` None: all."""
    query = select(alert).order_by(alert.c.id).limit(limit + 1)
    if firing is not None:
        query = query.where(alert.c.is_firing if firing else ~alert.c.is_firing)
    if after is not None:
        query = query.where(alert.c.id > after)
    rows = conn.execute(query).fetchall()
    page = rows[:limit]
    groups = _groups_of(conn, [row.id for row in page])
    found = []
    for row in page:
        document = decode_document(row.document)
        found.append(
            AlertRow(
                fingerprint=row.fingerprint,
                namespace=row.namespace,
                source=row.source,
                name=row.name,
                status="firing" if row.is_firing else "resolved",
                ended_how=None if row.is_firing else row.ended_how,
                severity=BY_RANK[row.severity_rank].value,
                title=document.title,
                description=document.description,
                labels=document.labels,
                annotations=document.annotations,
                starts_at=row.starts_at,
                ends_at=None if row.is_firing else row.ends_at,
                url=document.url,
                groups=tuple(groups.get(row.id, ())),
            )
        )
    return found, page[-1].id if len(rows) > limit else None


def _groups_of(conn: Connection, ids: Sequence[int]) -> dict[int, list[InGroup]]:
    query = (
        select(membership, alert_group.c.route, alert_group.c.labels, alert_group.c.incident)
        .join(alert_group, alert_group.c.id == membership.c.group_id)
        .where(membership.c.alert_id.in_(ids))
        .order_by(membership.c.group_id)
    )
    found: dict[int, list[InGroup]] = {}
    for row in conn.execute(query) if ids else ():
        one = InGroup(row.route, dict(_decode_labels(row.labels)), row.is_notified, row.suppressed_by, row.incident)
        found.setdefault(row.alert_id, []).append(one)
    return found


def incidents(
    conn: Connection, *, state: str | None, after: int | None, limit: int
) -> tuple[list[IncidentRow], int | None]:
    """A page, the newest first. `state` None: all; "open": all that are not resolved."""
    query = select(incident).where(incident.c.view != "").order_by(incident.c.number.desc()).limit(limit + 1)
    if state == "open":
        query = query.where(incident.c.state != "resolved")
    elif state is not None:
        query = query.where(incident.c.state == state)
    if after is not None:
        query = query.where(incident.c.number < after)
    rows = conn.execute(query).fetchall()
    page = rows[:limit]
    channels = _channels_of(conn, [row.number for row in page])
    found = []
    for row in page:
        view = _decode_view(row.view)
        found.append(
            IncidentRow(
                number=row.number,
                state=row.state,
                severity=row.severity,
                title=row.title,
                name=view.name,
                route=row.route,
                group_labels=dict(_decode_labels(row.group_labels)),
                started_at=row.started_at,
                ended_at=row.ended_at,
                ended_how=row.ended_how if row.state == "resolved" else None,
                firing=view.firing,
                ended=row.alerts_ended,
                sources=view.sources,
                on_call=view.on_call,
                channels=tuple(channels.get(row.number, ())),
            )
        )
    return found, page[-1].number if len(rows) > limit else None


def _channels_of(conn: Connection, numbers: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(message.c.incident, conversation.c.target)
        .join(conversation, conversation.c.id == message.c.conversation)
        .where(message.c.incident.in_(numbers), message.c.subject == Subject.INCIDENT)
        .order_by(message.c.is_primary.desc(), message.c.id)
    )
    found: dict[int, list[str]] = {}
    for row in conn.execute(query) if numbers else ():
        found.setdefault(row.incident, []).append(row.target)
    return found


def messages(
    conn: Connection, *, owed: bool | None, incident: int | None, after: int | None, limit: int
) -> tuple[list[MessageRow], int | None]:
    """A page, the newest first. `owed` None: all."""
    query = (
        select(message, conversation.c.target, conversation.c.person, conversation.c.channel)
        .join(conversation, conversation.c.id == message.c.conversation)
        .order_by(message.c.id.desc())
        .limit(limit + 1)
    )
    if owed is not None:
        query = query.where(text(OWED), _IS_OWED) if owed else query.where(~_IS_OWED)
    if incident is not None:
        query = query.where(message.c.incident == incident)
    if after is not None:
        query = query.where(message.c.id < after)
    rows = conn.execute(query).fetchall()
    page = rows[:limit]
    found = []
    for row in page:
        is_owed = not row.is_over and (row.notified_version < row.version or row.delivery_id is not None)
        found.append(
            MessageRow(
                id=row.id,
                incident=row.incident,
                subject=row.subject,
                target=row.target,
                person=row.person,
                channel=row.channel,
                ts=row.ts,
                told=row.ts != "",
                owed=is_owed,
                pending_since=row.due_since if is_owed else None,
                notified_at=row.notified_at,
                not_before=row.not_before if is_owed else None,
                attempts=row.attempts,
                last_error=row.last_error,
                word=row.word,
            )
        )
    return found, page[-1].id if len(rows) > limit else None


_IS_OWED: ColumnElement[bool] = and_(
    ~message.c.is_over, or_(message.c.notified_version < message.c.version, message.c.delivery_id.is_not(None))
)


def waiting(conn: Connection, most: int = 50) -> list[WaitingRow]:
    """Groups with news that nobody was told yet, the soonest first, apart by what holds it back."""
    query = (
        select(
            alert_group.c.route,
            alert_group.c.due_at,
            settings.c.document,
            membership.c.suppressed_by,
            func.count().label("alerts"),
            func.min(alert.c.document).label("example"),
        )
        .select_from(membership)
        .join(alert, alert.c.id == membership.c.alert_id)
        .join(alert_group, alert_group.c.id == membership.c.group_id)
        .join(settings, settings.c.id == alert_group.c.settings_id)
        .where(~membership.c.is_notified, alert.c.is_firing)
        .group_by(
            alert_group.c.id, alert_group.c.route, alert_group.c.due_at, settings.c.document, membership.c.suppressed_by
        )
        .order_by(alert_group.c.due_at, alert_group.c.id)
        .limit(most)
    )
    return [
        WaitingRow(
            row.route,
            row.alerts,
            decode_document(row.example).title,
            row.due_at,
            row.suppressed_by,
            str(next(iter(decode_settings(row.document).channels), "")),
        )
        for row in conn.execute(query)
    ]


def said(conn: Connection, numbers: Sequence[int]) -> dict[int, list[tuple[datetime, str]]]:
    """Incident -> when its thread was given something to say, and of what kind, oldest first."""
    query = (
        select(timeline.c.incident, timeline.c.at, timeline.c.kind)
        .where(timeline.c.incident.in_(numbers), timeline.c.say_at.is_not(None))
        .order_by(timeline.c.incident, timeline.c.seq)
    )
    found: dict[int, list[tuple[datetime, str]]] = {}
    for row in conn.execute(query) if numbers else ():
        found.setdefault(row.incident, []).append((row.at, row.kind))
    return found


def routes_of(conn: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Incident -> the route that owns it."""
    query = select(incident.c.number, incident.c.route).where(incident.c.number.in_(numbers))
    return {row.number: row.route for row in conn.execute(query)} if numbers else {}


def numbers(conn: Connection) -> Numbers:
    """What the metrics show of the store; each count is an index's."""
    firing = conn.execute(select(func.count()).select_from(alert).where(_IS_FIRING)).scalar_one()
    held = conn.execute(select(func.count(distinct(membership.c.alert_id))).where(_IS_HELD)).scalar_one()
    suppressed = min(held, firing)  # an alert may end while it is held, and stay in its group until the next look
    groups = conn.execute(select(func.count()).select_from(alert_group)).scalar_one()
    open_ = conn.execute(select(func.count()).select_from(incident).where(incident.c.state != "resolved")).scalar_one()
    owed = conn.execute(select(func.count(), func.min(message.c.due_since)).where(text(OWED), _IS_OWED)).one()
    return Numbers(
        firing - suppressed, suppressed, groups, open_, owed[0], owed[1], _heartbeats(conn), len(silent(conn))
    )


def _heartbeats(conn: Connection) -> tuple[tuple[str, str, int, int], ...]:
    query = select(heartbeat.c.source, heartbeat.c.name, func.count(), func.count(heartbeat.c.missing_since))
    rows = conn.execute(query.group_by(heartbeat.c.source, heartbeat.c.name).order_by(heartbeat.c.source))
    return tuple((source, name, expected, missing) for source, name, expected, missing in rows)
