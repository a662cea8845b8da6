"""Incidents and their timelines. Numbers are never reused; what a timeline says is only ever appended to."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, bindparam, case, distinct, func, literal, select, update

from adapters.alert import Severity
from router.core.content import Subject
from router.core.evaluation import NotificationState
from router.core.member import NOTIFIED_FIRING
from router.core.view import EndKind, IncidentView, Phase, Response, State, TimelineEntry
from router.store.file import LAST_INCIDENT
from router.store.tables import InstantMs, alert, alert_group, conversation, incident, membership, message, timeline

FREED = 5
FREED_WITHIN = timedelta(minutes=1)
"""So many of those that a window held back open in one channel within it; the others follow in turn."""
_decode_view = msgspec.json.Decoder(IncidentView).decode
_decode_response = msgspec.json.Decoder(Response).decode
_decode_entry = msgspec.json.Decoder(TimelineEntry).decode


class Incident(msgspec.Struct, frozen=True):
    """A row, decoded."""

    number: int
    group_id: int
    standing: NotificationState
    alerts_ended: int
    ended_how: EndKind | None
    seq: int
    view: IncidentView
    opened_at: datetime
    response: Response = Response()


_FIND = select(incident).where(incident.c.number == bindparam("number"))


def get(conn: Connection, number: int) -> Incident:
    """The incident of a number that is known to exist."""
    found = find(conn, number)
    if found is None:
        raise LookupError(f"incident {number} is gone")
    return found


def find(conn: Connection, number: int) -> Incident | None:
    row = conn.execute(_FIND, {"number": number}).first()
    if row is None:
        return None
    standing = NotificationState(
        state=State(row.state),
        started_at=row.started_at,
        thread_line_at=row.thread_line_at,
        loud_at=row.loud_at,
        loud_firing=row.loud_firing,
        loud_severity=Severity(row.loud_severity),
        last_notified_at=row.last_notified_at,
        ended_at=row.ended_at,
    )
    how = None if row.ended_how is None else EndKind(row.ended_how)
    view, response = _decode_view(row.view), _decode_response(row.response)
    return Incident(row.number, row.group_id, standing, row.alerts_ended, how, row.seq, view, row.opened_at, response)


# Statements of every evaluation are made once: SQLAlchemy takes longer to put one together than SQLite to carry it out.
_OPEN = incident.insert().returning(incident.c.number)
_SAVE = update(incident).where(incident.c.number == bindparam("b_number"))
_APPEND = timeline.insert()


def open_incident(
    conn: Connection,
    *,
    group_id: int,
    route: str,
    group_labels: str,
    standing: NotificationState,
    now: datetime,
    released_in: str | None = None,
) -> int:
    """A new number. Its view follows in `save`, within the same transaction. `released_in`: its home channel, where a
    window or a maintenance held it back until now."""
    values = {
        "group_id": group_id,
        "route": route,
        "group_labels": group_labels,
        "opened_at": now,
        "title": "",
        "view": "",
        "severity": "",
        "released_in": released_in,
    }
    values |= _standing_values(standing)
    number = int(conn.execute(_OPEN, values).scalar_one())
    conn.info[LAST_INCIDENT] = number
    return number


def turn(conn: Connection, channel: str, now: datetime) -> datetime | None:
    """When the next of those that were held back may open in a channel; None: now."""
    lately = select(incident.c.opened_at).where(
        incident.c.released_in == channel, incident.c.opened_at > now - FREED_WITHIN
    )
    opened = conn.execute(lately.order_by(incident.c.opened_at.desc()).limit(FREED)).scalars().all()
    return opened[-1] + FREED_WITHIN if len(opened) == FREED else None


def move(conn: Connection, number: int, *, group_id: int, route: str, group_labels: str) -> None:
    """It goes on in another group, under its number."""
    values = {"group_id": group_id, "route": route, "group_labels": group_labels}
    conn.execute(update(incident).where(incident.c.number == number).values(values))


def place(conn: Connection, number: int) -> str:
    """Where it is told, as people say it: "#incidents-p1 as #42"."""
    query = (
        select(conversation.c.target)
        .join(message, message.c.conversation == conversation.c.id)
        .where(message.c.incident == number, message.c.subject == Subject.INCIDENT, message.c.is_primary)
    )
    where = conn.execute(query).scalar()
    if where is None:
        where = conn.execute(select(incident.c.route).where(incident.c.number == number)).scalar_one()
    return f"{where} as #{number}"


def save(
    conn: Connection,
    number: int,
    *,
    standing: NotificationState,
    view: IncidentView,
    alerts_ended: int,
    ended_how: EndKind | None,
    seq: int,
) -> None:
    """The response is that of the view."""
    values = {
        **_standing_values(standing),
        **_response_values(view),
        "started_at": view.started_at,
        "severity": view.severity.value,
        "title": view.title,
        "view": msgspec.json.encode(view).decode(),
        "alerts_ended": alerts_ended,
        "ended_how": None if ended_how is None else ended_how.value,
        "seq": seq,
    }
    conn.execute(_SAVE, {"b_number": number, **values})


def append(conn: Connection, number: int, entries: Sequence[tuple[TimelineEntry, datetime | None, bool]]) -> None:
    """Entries with when the thread hears them, and whether the channel does; the home message learns when to reply."""
    if not entries:
        return
    conn.execute(
        _APPEND,
        [
            {
                "incident": number,
                "seq": entry.seq,
                "at": entry.at,
                "kind": entry.kind.value,
                "say_at": say_at,
                "is_broadcast": is_broadcast,
                "document": msgspec.json.encode(entry).decode(),
            }
            for entry, say_at, is_broadcast in entries
        ],
    )
    said = [say_at for _, say_at, _ in entries if say_at is not None]
    if said:
        home = (
            (message.c.incident == number)
            & (message.c.subject == Subject.INCIDENT)
            & message.c.is_primary
            & ~message.c.is_over
        )
        soonest = case(
            (message.c.thread_due_at <= min(said), message.c.thread_due_at), else_=literal(min(said), InstantMs)
        )
        conn.execute(update(message).where(home).values(thread_due_at=soonest))


def advance(conn: Connection, number: int, seq: int) -> None:
    """The timeline's last number, for entries that are appended outside `save`."""
    conn.execute(update(incident).where(incident.c.number == number).values(seq=seq))


class TimelineLine(msgspec.Struct, frozen=True):
    """A timeline entry and how it is told."""

    entry: TimelineEntry
    say_at: datetime | None
    is_broadcast: bool


_ALL = 1 << 31
_ENTRIES = (
    select(timeline.c.document, timeline.c.say_at, timeline.c.is_broadcast)
    .where(timeline.c.incident == bindparam("number"), timeline.c.seq > bindparam("after"))
    .order_by(timeline.c.seq)
    .limit(bindparam("most"))
)


def entries(conn: Connection, number: int, *, after: int = 0, most: int | None = None) -> list[TimelineLine]:
    """In order, those after a seq; at most so many of them."""
    rows = conn.execute(_ENTRIES, {"number": number, "after": after, "most": _ALL if most is None else most})
    return [TimelineLine(_decode_entry(row.document), row.say_at, row.is_broadcast) for row in rows]


_NEXT_LINE = select(func.min(timeline.c.say_at)).where(
    timeline.c.incident == bindparam("number"), timeline.c.seq > bindparam("seq")
)


def next_line_at(conn: Connection, number: int, seq: int) -> datetime | None:
    """When a thread that has heard everything up to there is to hear of what came after; None: of nothing yet."""
    found: datetime | None = conn.execute(_NEXT_LINE, {"number": number, "seq": seq}).scalar()
    return found


def say_quietly(conn: Connection, number: int, *, after: int, until: int) -> None:
    """These entries rang in one thread: in another they are said without a sound."""
    rang = (timeline.c.incident == number) & timeline.c.is_broadcast
    conn.execute(
        update(timeline).where(rang, timeline.c.seq > after, timeline.c.seq <= until).values(is_broadcast=False)
    )


def lines_since(conn: Connection, number: int, since: datetime) -> int:
    """How many thread lines an incident has had since, or is to have; entries told at one time are one line."""
    query = select(func.count(distinct(timeline.c.say_at)))
    return int(conn.execute(query.where(timeline.c.incident == number, timeline.c.say_at > since)).scalar_one())


def respond(conn: Connection, number: int, view: IncidentView, *, noticed_at: datetime | None) -> None:
    """What people have made of it. `noticed_at`: the repeat clock begins anew; None: it goes on."""
    values = {
        "view": msgspec.json.encode(view).decode(),
        "severity": view.severity.value,
        **_response_values(view),
        **({} if noticed_at is None else {"last_notified_at": noticed_at}),
    }
    conn.execute(update(incident).where(incident.c.number == number).values(values))


def _response_values(view: IncidentView) -> dict[str, object]:
    response = view.response
    lasts = view.state is State.TRIGGERED and response.phase is not Phase.OPEN
    return {
        "response": msgspec.json.encode(response).decode(),
        "response_ends_at": response.until if lasts else None,
    }


_RUN_OUT = (
    select(incident.c.number)
    .where(incident.c.response_ends_at <= bindparam("now", type_=InstantMs()))
    .order_by(incident.c.response_ends_at, incident.c.number)
    .limit(20)
)


def run_out(conn: Connection, now: datetime) -> list[int]:
    """Whose phase has lasted as long as it may."""
    return list(conn.execute(_RUN_OUT, {"now": now}).scalars())


def next_runs_out(conn: Connection) -> datetime | None:
    return conn.execute(select(func.min(incident.c.response_ends_at))).scalar()


_OF_ALERT = (
    select(alert_group.c.incident)
    .join(membership, membership.c.group_id == alert_group.c.id)
    .join(alert, alert.c.id == membership.c.alert_id)
    .join(incident, incident.c.number == alert_group.c.incident)
    .where(alert.c.namespace == bindparam("namespace"), alert.c.fingerprint == bindparam("fingerprint"))
    .where(
        membership.c.state.in_([state.value for state in NOTIFIED_FIRING]), incident.c.state == State.TRIGGERED.value
    )
    .order_by(alert_group.c.incident)
)


def of_alert(conn: Connection, namespace: str, fingerprint: str) -> list[int]:
    """The open incidents that were told with this alert, which fires."""
    return list(conn.execute(_OF_ALERT, {"namespace": namespace, "fingerprint": fingerprint}).scalars())


def ask_of_limits(conn: Connection, number: int, at: datetime | None) -> None:
    """When it is next asked whether its route's limits were kept; None: not, as it stands."""
    conn.execute(_SAVE, {"b_number": number, "limit_at": at})


_LIMITS = (
    select(incident.c.number)
    .where(incident.c.limit_at <= bindparam("now", type_=InstantMs()))
    .order_by(incident.c.limit_at, incident.c.number)
    .limit(20)
)


def limits_due(conn: Connection, now: datetime) -> list[int]:
    """Of whose limits it is to be asked now."""
    return list(conn.execute(_LIMITS, {"now": now}).scalars())


def next_limit(conn: Connection) -> datetime | None:
    return conn.execute(select(func.min(incident.c.limit_at)).where(incident.c.limit_at.is_not(None))).scalar()


def save_view(conn: Connection, number: int, view: IncidentView) -> None:
    conn.execute(update(incident).where(incident.c.number == number).values(view=msgspec.json.encode(view).decode()))


def _standing_values(standing: NotificationState) -> dict[str, object]:
    return {
        "state": standing.state.value,
        "started_at": standing.started_at,
        "ended_at": standing.ended_at,
        "thread_line_at": standing.thread_line_at,
        "loud_at": standing.loud_at,
        "loud_firing": standing.loud_firing,
        "loud_severity": standing.loud_severity.value,
        "last_notified_at": standing.last_notified_at,
    }


def add(conn: Connection, number: int, entry: TimelineEntry, *, say_at: datetime | None, is_broadcast: bool) -> int:
    """Append one entry from outside dispatch; its seq is taken here, under the incident's row, and returned."""
    taken = update(incident).where(incident.c.number == number).values(seq=incident.c.seq + 1).returning(incident.c.seq)
    seq = conn.execute(taken).scalar_one()
    append(conn, number, [(msgspec.structs.replace(entry, seq=seq), say_at, is_broadcast)])
    return int(seq)
