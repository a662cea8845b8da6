"""Groups: which are due, what each is, and when it is evaluated again. Who is in them is `members`' business."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, case, func, literal, select, update

from router.core.evaluation import Wait
from router.core.member import Suppressor
from router.store.tables import InstantMs, alert_group, group_count, settings
from rules.model.route import RouteSettings, is_declared


class Group(msgspec.Struct, frozen=True):
    """A group that is due."""

    id: int
    route: str
    labels: tuple[tuple[str, str], ...]
    settings: RouteSettings
    route_is_gone: bool
    incident: int | None
    arrived_since: datetime | None
    """Since when somebody has arrived of whom nobody was notified; None: there is none."""
    suppressed: Suppressor | None
    """What suppressed the route itself at the last evaluation."""
    suppressed_rank: int | None
    """Of the worst alert that a window or a maintenance suppressed then."""
    wait: Wait | None
    """The group_wait that was begun, as the last evaluation left it."""
    is_declared: bool = False
    """Of an incident that a person declared: nobody waits for more of it."""


_decode_labels = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


@lru_cache(maxsize=4096)
def decode_settings(document: str) -> RouteSettings:
    """A stored snapshot of a route's settings."""
    return msgspec.json.decode(document, type=RouteSettings)


def keep_settings(conn: Connection, documents: Mapping[str, str]) -> None:
    """Store the snapshots of the routes that come into force, by id."""
    standing = set(conn.execute(select(settings.c.id)).scalars())
    fresh = [{"id": key, "document": document} for key, document in sorted(documents.items()) if key not in standing]
    if fresh:
        conn.execute(settings.insert(), fresh)


_GROUPS = select(
    alert_group.c.id,
    alert_group.c.route,
    alert_group.c.labels,
    settings.c.document,
    alert_group.c.route_is_gone,
    alert_group.c.incident,
    alert_group.c.arrived_since,
    alert_group.c.suppressed_kind,
    alert_group.c.suppressed_name,
    alert_group.c.suppressed_rank,
    alert_group.c.waiting_since,
    alert_group.c.waiting_until,
).join(settings, settings.c.id == alert_group.c.settings_id)


_DUE = (
    _GROUPS.where(alert_group.c.due_at <= bindparam("now", type_=InstantMs()))
    .order_by(alert_group.c.due_at, alert_group.c.suppressed_rank.desc(), alert_group.c.id)
    .limit(bindparam("most"))
)
_ONE = _GROUPS.where(alert_group.c.id == bindparam("number"))


def due(conn: Connection, now: datetime, most: int) -> list[Group]:
    """The longest due first; of those that were held back until one instant the worst first."""
    return [_group(row) for row in conn.execute(_DUE, {"now": now, "most": most})]


def get(conn: Connection, number: int) -> Group:
    """A group that is known to exist."""
    return _group(conn.execute(_ONE, {"number": number}).one())


def find(conn: Connection, number: int) -> Group | None:
    """None: it was empty, and is forgotten."""
    row = conn.execute(_ONE, {"number": number}).first()
    return None if row is None else _group(row)


def _group(row: Any) -> Group:
    labels, settings = _decode_labels(row.labels), decode_settings(row.document)
    if is_apart := is_declared(labels):
        settings = msgspec.structs.replace(settings, group_wait=timedelta(0))
    return Group(
        row.id,
        row.route,
        labels,
        settings,
        row.route_is_gone,
        row.incident,
        row.arrived_since,
        (row.suppressed_kind, row.suppressed_name) if row.suppressed_kind else None,
        row.suppressed_rank,
        None if row.waiting_since is None else Wait(row.waiting_since, row.waiting_until),
        is_apart,
    )


_NEXT_DUE = select(func.min(alert_group.c.due_at))


def next_due(conn: Connection) -> datetime | None:
    return conn.execute(_NEXT_DUE).scalar()


class Evaluated(msgspec.Struct, frozen=True):
    """What an evaluation leaves of a group."""

    at: datetime
    due_at: datetime | None
    """None: when somebody says so."""
    incident: int | None
    arrived_since: datetime | None
    suppressed: Suppressor | None
    suppressed_rank: int | None
    wait: Wait | None


_SAVE = update(alert_group).where(alert_group.c.id == bindparam("b_id"))


def save(conn: Connection, group: int, evaluated: Evaluated) -> None:
    kind, name = evaluated.suppressed or ("", "")
    values = {
        "evaluated_at": evaluated.at,
        "due_at": evaluated.due_at,
        "incident": evaluated.incident,
        "arrived_since": evaluated.arrived_since,
        "suppressed_kind": kind,
        "suppressed_name": name,
        "suppressed_rank": evaluated.suppressed_rank,
        "waiting_since": None if evaluated.wait is None else evaluated.wait.since,
        "waiting_until": None if evaluated.wait is None else evaluated.wait.until,
    }
    conn.execute(_SAVE, {"b_id": group, **values})


def put_off(conn: Connection, group: int, *, now: datetime, due_at: datetime) -> None:
    """Evaluated, and all as before: it waits for its turn."""
    values = {"evaluated_at": now, "due_at": due_at}
    conn.execute(update(alert_group).where(alert_group.c.id == group).values(values))


def put_off_first(conn: Connection, now: datetime, until: datetime) -> int | None:
    """The group that is due the longest waits until then. Returns its id."""
    first = due_ids(conn, now, 1)
    if first:
        conn.execute(update(alert_group).where(alert_group.c.id == first[0]).values(due_at=until))
    return first[0] if first else None


def due_ids(conn: Connection, now: datetime, most: int) -> list[int]:
    query = select(alert_group.c.id).where(alert_group.c.due_at <= now).order_by(alert_group.c.due_at, alert_group.c.id)
    return list(conn.execute(query.limit(most)).scalars())


def make_due(conn: Connection, now: datetime, group_ids: Iterable[int] | None = None) -> None:
    """Some groups, or all that have members or an open incident: a look is always safe."""
    condition = (
        alert_group.c.id.in_(list(group_ids))
        if group_ids is not None
        else alert_group.c.id.in_(select(group_count.c.group_id))
    )
    soonest = case((alert_group.c.due_at < now, alert_group.c.due_at), else_=literal(now, InstantMs))
    conn.execute(update(alert_group).where(condition).values(due_at=soonest, evaluated_at=None))
