"""What the read API, the metrics and the preview page ask: whole pages, never held open. Only reads; decides nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, CursorResult, Row, and_, bindparam, func, or_, select, text

from router.core.content import Subject
from router.core.member import BY_RANK, MemberState
from router.core.view import IncidentView, Response, TimelineEntry
from router.store.evaluation.groups import decode_settings
from router.store.evaluation.members import decode_document
from router.store.evaluation.pages import standing_of
from router.store.heartbeats.stale_sources import silent
from router.store.intake.membership import SIBLING
from router.store.tables import (
    OWED,
    STEP_DUE,
    alert,
    alert_group,
    conversation,
    group_count,
    heartbeat,
    incident,
    membership,
    message,
    page,
    settings,
    silence,
    timeline,
)
from rules.model.escalation import Position
from rules.model.route import Page
from rules.model.suppression import SuppressionKind

PAGE_BYTES = 2 * 1024 * 1024
"""Of stored texts on one page: alerts may be large, and whoever asks for a thousand of them asks for a thousand at most."""
_ROW_BYTES = 400
"""What a row costs beside its texts."""
_IS_FIRING = text("alert.is_firing")
"""As the partial indexes say it; `is_firing = 1` would read the whole table."""
_decode_view = msgspec.json.Decoder(IncidentView).decode
_decode_entry = msgspec.json.Decoder(TimelineEntry).decode
_decode_labels = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


class Silenced(msgspec.Struct, frozen=True):
    """Who silenced an alert, until when, and why."""

    id: str
    created_by: str
    comment: str
    ends_at: datetime


class InGroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """One group that an alert is in."""

    route: str
    labels: dict[str, str]
    told: bool
    """Its destinations know of it."""
    suppressed_by: str | None
    """What holds its news back: "quiet nights", "maintenance eu-1-upgrade", "inhibition cluster-down", "silence ID"."""
    incident: int | None
    silence: Silenced | None = None
    """The one that `suppressed_by` names."""


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


class ResponseRow(msgspec.Struct, frozen=True):
    """What people have made of an incident."""

    phase: str
    """open | acknowledged | snoozed | closed"""
    by: str
    at: datetime | None
    until: datetime | None
    assigned: tuple[str, ...]


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
    response: ResponseRow
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


class TimelineRow(msgspec.Struct, frozen=True):
    """What happened to an incident, or was done with it, as the API shows it."""

    seq: int
    at: datetime
    kind: str
    by: str
    """Who did it, by name; "" of what nobody did."""
    via: str
    """By what: button, window, command, mention, page; "" of what nobody did."""
    before: str
    after: str
    """What an act changed: a phase, a severity, who is responsible."""
    until: datetime | None
    """How long what it began lasts."""
    people: tuple[str, ...]
    """Who was paged or made responsible."""
    firing: int
    severity: str
    """That it rose to, came back with, or was set to."""
    detail: str
    """A note; why these people; what Slack said."""
    said_at: datetime | None
    """When the thread was to say it; None: it does not."""
    heard: bool
    """The channel heard it too."""


class WaitingRow(msgspec.Struct, frozen=True):
    """Alerts of one group that nobody was told yet."""

    route: str
    count: int
    title: str
    due_at: datetime | None
    suppressed_by: str | None
    channel: str


class PendingPage(msgspec.Struct, frozen=True):
    """A step of a page is to come."""

    incident: int
    route: str
    title: str
    firing: int
    page: Page
    due_at: datetime | None
    """None: no window of it opens by itself."""
    position: Position | None
    """Which step; None likewise."""


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
    silences: int = 0
    """Those that are over too."""


def _page(rows: CursorResult[Any], limit: int, size: Callable[[Row[Any]], int]) -> tuple[list[Row[Any]], bool]:
    """As many rows as a page has room for, one at least, and whether there are more. `size`: of a row's texts, in bytes.
    Rows are read one by one: what has no room is never read."""
    found: list[Row[Any]] = []
    room = PAGE_BYTES
    for row in rows:
        room -= size(row) + _ROW_BYTES
        if found and (len(found) == limit or room < 0):
            rows.close()
            return found, True
        found.append(row)
    return found, False


def alerts(
    conn: Connection, *, firing: bool | None, after: int | None, limit: int, of_incident: int | None = None
) -> tuple[list[AlertRow], int | None]:
    """A page in the order they were first heard of, and where the next begins. `firing` None: all. `of_incident`: only
    those of its group, while that group is in it."""
    query = select(alert).order_by(alert.c.id).limit(limit + 1)
    if of_incident is not None:
        its_group = (
            select(alert_group.c.id)
            .join(incident, incident.c.group_id == alert_group.c.id)
            .where(incident.c.number == of_incident, alert_group.c.incident == of_incident)
        )
        query = query.join(membership, membership.c.alert_id == alert.c.id).where(
            membership.c.group_id == its_group.scalar_subquery()
        )
    if firing is not None:
        query = query.where(alert.c.is_firing if firing else ~alert.c.is_firing)
    if after is not None:
        query = query.where(alert.c.id > after)
    shown, is_more = _page(conn.execute(query), limit, lambda row: len(row.document.encode()))
    groups = _groups_of(conn, [row.id for row in shown])
    found = []
    for row in shown:
        document = decode_document(row.document)
        found.append(
            AlertRow(
                fingerprint=document.fingerprint(row.fingerprint),
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
    return found, shown[-1].id if is_more else None


def incidents_of(conn: Connection, alerts: Sequence[int], most: int) -> dict[int, str]:
    """The open incidents that these alerts are in: number -> title, at most so many."""
    query = (
        select(incident.c.number, incident.c.title)
        .join(alert_group, alert_group.c.incident == incident.c.number)
        .join(membership, membership.c.group_id == alert_group.c.id)
        .where(membership.c.alert_id.in_(alerts), incident.c.state != "resolved")
        .distinct()
        .order_by(incident.c.number)
        .limit(most)
    )
    return {row.number: row.title for row in conn.execute(query)}


def _groups_of(conn: Connection, ids: Sequence[int]) -> dict[int, list[InGroup]]:
    query = (
        select(
            membership.c.alert_id,
            membership.c.state,
            membership.c.suppressed_kind,
            membership.c.suppressed_name,
            alert_group.c.route,
            alert_group.c.labels,
            alert_group.c.incident,
            alert_group.c.suppressed_kind.label("route_kind"),
            alert_group.c.suppressed_name.label("route_name"),
        )
        .join(alert_group, alert_group.c.id == membership.c.group_id)
        .where(membership.c.alert_id.in_(ids))
        .order_by(membership.c.group_id)
    )
    found: dict[int, list[InGroup]] = {}
    rows = conn.execute(query).fetchall() if ids else []
    kind = SuppressionKind.SILENCE.value
    silences = _silences(conn, {row.suppressed_name for row in rows if row.suppressed_kind == kind})
    for row in rows:
        state = MemberState(row.state)
        suppressed_by = None
        if state is MemberState.ARRIVED and row.route_kind:
            suppressed_by = f"{row.route_kind} {row.route_name}"
        elif state is MemberState.SHADOWED:
            suppressed_by = " ".join(SIBLING)
        elif row.suppressed_kind:
            suppressed_by = f"{row.suppressed_kind} {row.suppressed_name}"
        one = InGroup(
            row.route,
            dict(_decode_labels(row.labels)),
            state.is_notified,
            suppressed_by,
            row.incident,
            silences.get(row.suppressed_name) if row.suppressed_kind == kind else None,
        )
        found.setdefault(row.alert_id, []).append(one)
    return found


def _response(response: Response) -> ResponseRow:
    return ResponseRow(response.phase.value, response.by, response.at, response.until, response.assigned)


def _silences(conn: Connection, ids: set[str]) -> dict[str, Silenced]:
    columns = (silence.c.id, silence.c.created_by, silence.c.comment, silence.c.ends_at)
    query = select(*columns).where(silence.c.id.in_(sorted(ids)))
    return {row.id: Silenced(*row) for row in conn.execute(query)} if ids else {}


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
    shown, is_more = _page(conn.execute(query), limit, lambda row: len(row.view.encode()))
    channels = _channels_of(conn, [row.number for row in shown])
    found = []
    for row in shown:
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
                response=_response(view.response),
                sources=view.sources,
                on_call=view.on_call,
                channels=tuple(channels.get(row.number, ())),
            )
        )
    return found, shown[-1].number if is_more else None


_OPEN = (
    select(incident.c.view)
    .where(incident.c.state == "triggered", incident.c.view != "")
    .order_by(incident.c.number.desc())
    .limit(bindparam("most"))
)


def open_views(conn: Connection, most: int) -> list[IncidentView]:
    """Of what fires, the newest first."""
    return [_decode_view(view) for view in conn.execute(_OPEN, {"most": most}).scalars()]


def private_among(conn: Connection, numbers: Sequence[int]) -> set[int]:
    """Of these incidents, those that not everybody sees, as far as their groups are known."""
    query = (
        select(incident.c.number, settings.c.document)
        .outerjoin(alert_group, alert_group.c.id == incident.c.group_id)
        .outerjoin(settings, settings.c.id == alert_group.c.settings_id)
        .where(incident.c.number.in_(numbers))
    )
    rows = conn.execute(query) if numbers else ()
    return {row.number for row in rows if row.document is None or decode_settings(row.document).private is not None}


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


def timeline_of(conn: Connection, *, number: int, after: int, limit: int) -> tuple[list[TimelineRow], int | None]:
    """A page of an incident's timeline, in order: what came after a seq."""
    query = (
        select(timeline.c.seq, timeline.c.document, timeline.c.say_at, timeline.c.is_broadcast)
        .where(timeline.c.incident == number, timeline.c.seq > after)
        .order_by(timeline.c.seq)
        .limit(limit + 1)
    )
    shown, is_more = _page(conn.execute(query), limit, lambda row: len(row.document.encode()))
    found = []
    for row in shown:
        one = _decode_entry(row.document)
        found.append(
            TimelineRow(
                seq=row.seq,
                at=one.at,
                kind=one.kind.value,
                by=one.by,
                via=one.via,
                before=one.before,
                after=one.after,
                until=one.until,
                people=one.people,
                firing=one.firing,
                severity="" if one.severity is None else one.severity.value,
                detail=one.detail,
                said_at=row.say_at,
                heard=row.is_broadcast,
            )
        )
    return found, shown[-1].seq if is_more else None


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
    shown, is_more = _page(conn.execute(query), limit, lambda row: len(row.text.encode()))
    found = []
    for row in shown:
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
    return found, shown[-1].id if is_more else None


_IS_OWED: ColumnElement[bool] = and_(
    ~message.c.is_over, or_(message.c.notified_version < message.c.version, message.c.delivery_id.is_not(None))
)


_example = (
    select(alert.c.document)
    .join(membership, membership.c.alert_id == alert.c.id)
    .where(membership.c.group_id == group_count.c.group_id, membership.c.state == group_count.c.state)
    .where(membership.c.suppressed_kind == group_count.c.suppressed_kind)
    .where(membership.c.suppressed_name == group_count.c.suppressed_name)
    .limit(1)
    .scalar_subquery()
)


def waiting(conn: Connection, most: int = 50) -> list[WaitingRow]:
    """Groups with news that nobody was told yet, the soonest first, apart by what holds it back."""
    by = (group_count.c.state, group_count.c.suppressed_kind, group_count.c.suppressed_name)
    query = (
        select(
            alert_group.c.route,
            alert_group.c.due_at,
            settings.c.document,
            *by,
            alert_group.c.suppressed_kind.label("route_kind"),
            alert_group.c.suppressed_name.label("route_name"),
            func.sum(group_count.c.alerts).label("alerts"),
            _example.label("example"),
        )
        .select_from(group_count)
        .join(alert_group, alert_group.c.id == group_count.c.group_id)
        .join(settings, settings.c.id == alert_group.c.settings_id)
        .where(group_count.c.state.in_((MemberState.ARRIVED, MemberState.SUPPRESSED)))
        .group_by(alert_group.c.id, *by)
        .order_by(alert_group.c.due_at, alert_group.c.id, *by)
        .limit(most)
    )
    found = []
    for row in conn.execute(query):
        kind, name = row.suppressed_kind, row.suppressed_name
        if row.state == MemberState.ARRIVED:
            kind, name = row.route_kind, row.route_name
        found.append(
            WaitingRow(
                row.route,
                row.alerts,
                decode_document(row.example).title,
                row.due_at,
                f"{kind} {name}" if kind else None,
                str(next(iter(decode_settings(row.document).channels), "")),
            )
        )
    return found


def pending_pages(conn: Connection, most: int = 50) -> list[PendingPage]:
    """Of all incidents, the soonest first."""
    query = _PENDING_PAGES.where(text(STEP_DUE)).order_by(page.c.due_at, page.c.id).limit(most)
    return [_pending_page(row) for row in conn.execute(query)]


def pending_page_of(conn: Connection, number: int) -> PendingPage | None:
    """The page of an open incident of which a step is to come, the newest."""
    to_come = (page.c.incident == number) & (page.c.step > 0) & ~page.c.is_stopped
    row = conn.execute(_PENDING_PAGES.where(to_come).order_by(page.c.id.desc()).limit(1)).first()
    return None if row is None else _pending_page(row)


_PENDING_PAGES = (
    select(page, incident.c.route, incident.c.view)
    .join(incident, incident.c.number == page.c.incident)
    .where(incident.c.state != "resolved")
)


def _pending_page(row: Any) -> PendingPage:
    view, standing = _decode_view(row.view), standing_of(row)
    return PendingPage(row.incident, row.route, view.title, view.firing, standing.page, row.due_at, standing.position)


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
    suppressed = min(_suppressed(conn), firing)  # one alert may be in several groups
    groups = conn.execute(select(func.count()).select_from(alert_group)).scalar_one()
    open_ = conn.execute(select(func.count()).select_from(incident).where(incident.c.state != "resolved")).scalar_one()
    owed = conn.execute(select(func.count(), func.min(message.c.due_since)).where(text(OWED), _IS_OWED)).one()
    silences = conn.execute(select(func.count()).select_from(silence)).scalar_one()
    return Numbers(
        firing - suppressed, suppressed, groups, open_, owed[0], owed[1], _heartbeats(conn), len(silent(conn)), silences
    )


def _suppressed(conn: Connection) -> int:
    """Of whom nobody was notified because an alert, or its whole route, is suppressed."""
    by_route = and_(group_count.c.state == MemberState.ARRIVED, alert_group.c.suppressed_kind != "")
    query = (
        select(func.sum(group_count.c.alerts))
        .join(alert_group, alert_group.c.id == group_count.c.group_id)
        .where(or_(group_count.c.state == MemberState.SUPPRESSED, by_route))
    )
    return int(conn.execute(query).scalar() or 0)


def _heartbeats(conn: Connection) -> tuple[tuple[str, str, int, int], ...]:
    query = select(heartbeat.c.source, heartbeat.c.name, func.count(), func.count(heartbeat.c.missing_since))
    rows = conn.execute(query.group_by(heartbeat.c.source, heartbeat.c.name).order_by(heartbeat.c.source))
    return tuple((source, name, expected, missing) for source, name, expected, missing in rows)
