"""Where alerts belong: groups, which alerts are in them, and when they are due. What ingest, expire and reload share."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import BigInteger, Connection, bindparam, select, type_coerce

from router.core.member import MemberState, Suppressor
from router.store import tables
from router.store.bulk import Insert, Statement, WhereIn
from router.store.group_counts import Deltas
from router.store.intake.change import GroupKey

SIBLING: Suppressor = ("sibling", "of a worse one")
"""What held an alert back that a worse sibling was told for."""
_AT_ONCE = 1_000
"""Alerts that one statement asks about."""

_FOUND_GROUP = Statement(
    """
    INSERT INTO alert_group (route, labels, settings_id, created_at, due_at, arrived_since) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (route, labels) DO UPDATE SET
        settings_id = excluded.settings_id,
        arrived_since = CASE WHEN alert_group.arrived_since <= excluded.arrived_since THEN alert_group.arrived_since ELSE excluded.arrived_since END,
        due_at = CASE WHEN alert_group.due_at IS NULL OR alert_group.due_at > excluded.due_at THEN excluded.due_at ELSE alert_group.due_at END
    RETURNING id, created_at
    """
)
_DUE = WhereIn(
    """
    UPDATE alert_group SET due_at = CASE
        WHEN due_at <= CASE WHEN evaluated_at + 1000 > ? THEN evaluated_at + 1000 ELSE ? END THEN due_at
        WHEN evaluated_at + 1000 > ? THEN evaluated_at + 1000
        ELSE ? END
    WHERE id IN
    """
)
_JOINED = WhereIn(
    """
    UPDATE alert_group SET
        arrived_since = CASE WHEN arrived_since <= ? THEN arrived_since ELSE ? END,
        due_at = CASE
            WHEN incident IS NULL AND waiting_since IS NULL AND due_at <= ? THEN due_at
            WHEN incident IS NULL AND waiting_since IS NULL THEN ?
            WHEN due_at <= CASE WHEN evaluated_at + 1000 > ? THEN evaluated_at + 1000 ELSE ? END THEN due_at
            WHEN evaluated_at + 1000 > ? THEN evaluated_at + 1000
            ELSE ? END
    WHERE id IN
    """
)


def wake_groups(conn: Connection, group_ids: Iterable[int], now_ms: int) -> None:
    """Make groups due: at once, or a second after their last evaluation, so that a storm into one group costs one a second
    and not one per batch. Sorted: one lock order everywhere."""
    _DUE.run(conn, (now_ms,) * 4, sorted(group_ids))


def wake_joined(conn: Connection, waits_ms: Mapping[int, int], now_ms: int) -> None:
    """Groups that alerts have joined, and how long the first notice of one of these waits. A group that never had an
    incident is evaluated when that time is over; no other waits, nor one whose wait was begun by what has ended since."""
    by_wait: dict[int, list[int]] = {}
    for group, wait_ms in waits_ms.items():
        by_wait.setdefault(wait_ms, []).append(group)
    for wait_ms, groups in sorted(by_wait.items()):
        _JOINED.run(conn, (now_ms, now_ms, *(now_ms + wait_ms,) * 2, *(now_ms,) * 4), sorted(groups))


class Groups:
    """Ids of committed groups: most alerts join one that exists."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], int] = {}

    def get(self, owner: GroupKey) -> int | None:
        return self._ids.get((owner.route, owner.labels))

    def put(self, found: Iterable[tuple[GroupKey, int]]) -> None:
        if len(self._ids) > 200_000:
            self._ids.clear()
        for owner, group in found:
            self._ids[owner.route, owner.labels] = group

    def clear(self) -> None:
        self._ids.clear()


def found_group(conn: Connection, owner: GroupKey, now_ms: int) -> int:
    """The group an owner names, made when it is not there."""
    group, _ = found_or_made(conn, owner, now_ms)
    return group


def found_or_made(conn: Connection, owner: GroupKey, now_ms: int) -> tuple[int, int]:
    values = (owner.route, owner.labels, owner.settings_id, now_ms, now_ms + owner.wait_ms, now_ms)
    row = _FOUND_GROUP.run(conn, values).one()
    return row.id, row.created_at


class Membership(msgspec.Struct, frozen=True):
    """An alert in a group."""

    alert_id: int
    group_id: int
    state: MemberState
    rank: int
    kind: str
    name: str
    """What suppresses it; both "" for nothing."""
    joined_ms: int
    route: str = ""
    labels: str = ""
    migrates_from: int | None = None
    """The group that was notified of it before it changed and came here."""
    rose: bool = False

    @property
    def is_notified(self) -> bool:
        return self.state.is_notified


class AlertNow(msgspec.Struct, frozen=True):
    """What a membership follows: an alert as it is now."""

    is_firing: bool
    rank: int
    suppressed: Suppressor | None


_STANDING = (
    select(
        tables.membership.c.alert_id,
        tables.membership.c.group_id,
        tables.membership.c.state,
        tables.membership.c.rank,
        tables.membership.c.suppressed_kind,
        tables.membership.c.suppressed_name,
        type_coerce(tables.membership.c.joined_at, BigInteger).label("joined_ms"),
        tables.alert_group.c.route,
        tables.alert_group.c.labels,
        tables.membership.c.migrates_from,
        tables.membership.c.rose,
    )
    .join(tables.alert_group, tables.alert_group.c.id == tables.membership.c.group_id)
    .where(tables.membership.c.alert_id.in_(bindparam("alert_ids", expanding=True)))
    .order_by(tables.membership.c.alert_id, tables.membership.c.group_id)
)


def memberships(conn: Connection, alert_ids: Sequence[int]) -> dict[int, list[Membership]]:
    """Where these alerts are."""
    standing: dict[int, list[Membership]] = {}
    for start in range(0, len(alert_ids), _AT_ONCE):
        for number, group, state, *rest in conn.execute(_STANDING, {"alert_ids": alert_ids[start : start + _AT_ONCE]}):
            standing.setdefault(number, []).append(Membership(number, group, MemberState(state), *rest))
    return standing


def followed(one: Membership, alert: AlertNow) -> Membership:
    """The membership once its alert, or what suppresses that, has changed. An end keeps what suppressed the alert: who
    counts what nobody heard of asks for it."""
    state = one.state.next(is_firing=alert.is_firing, is_suppressed=alert.suppressed is not None)
    kind, name = alert.suppressed or ("", "")
    if one.state is MemberState.SHADOWED and not alert.is_firing:
        kind, name = SIBLING
    elif state is MemberState.ENDED_BEFORE_NOTIFIED:
        kind, name = one.kind, one.name
    elif not state.is_firing:
        kind = name = ""
    return msgspec.structs.replace(one, state=state, rank=alert.rank, kind=kind, name=name)


_PUT = Insert(
    "membership",
    ("alert_id", "group_id", "state", "rank", "suppressed_kind", "suppressed_name", "joined_at"),
    """
    ON CONFLICT (alert_id, group_id) DO UPDATE SET state = excluded.state, rank = excluded.rank,
        suppressed_kind = excluded.suppressed_kind, suppressed_name = excluded.suppressed_name
    """,
)
_LEAVE = WhereIn("DELETE FROM membership WHERE group_id = ? AND alert_id IN")


Joining = tuple[int, int, int, int, str, str, int]
"""An alert that joins a group: alert, group, state, rank, what suppresses it (kind, name), and when, as they are stored."""


def join(conn: Connection, joining: list[Joining], deltas: Deltas) -> None:
    """Of new alerts there are thousands in a second: no more is made of them than rows."""
    joining.sort()
    for key, alerts in Counter([row[1:6] for row in joining]).items():
        deltas.add(*key, alerts=alerts)
    _PUT.run(conn, joining)


def put(conn: Connection, before: Iterable[Membership], after: Iterable[Membership], deltas: Deltas) -> None:
    """Write memberships that were `before` (those that were already there) and are `after` from now on."""
    written = sorted(after, key=lambda one: (one.alert_id, one.group_id))
    stood = set[tuple[int, int]]()
    for one in before:
        stood.add((one.alert_id, one.group_id))
        deltas.add(one.group_id, one.state, one.rank, one.kind, one.name, alerts=-1)
    for one in written:
        deltas.add(one.group_id, one.state, one.rank, one.kind, one.name)
    _PUT.run(
        conn,
        [(one.alert_id, one.group_id, one.state.value, one.rank, one.kind, one.name, one.joined_ms) for one in written],
    )
    waiting: dict[int, set[int]] = {}
    for one in written if stood else ():
        if one.state is MemberState.ARRIVED and (one.alert_id, one.group_id) in stood:
            waiting.setdefault(one.joined_ms, set()).add(one.group_id)
    for joined_ms, groups in sorted(waiting.items()):
        _WAITS.run(conn, (joined_ms, joined_ms), sorted(groups))


_WAITS = WhereIn(
    "UPDATE alert_group SET arrived_since = CASE WHEN arrived_since <= ? THEN arrived_since ELSE ? END WHERE id IN"
)


def leave(conn: Connection, gone: Iterable[Membership], deltas: Deltas) -> None:
    """These alerts are in these groups no more."""
    by_group: dict[int, list[int]] = {}
    for one in gone:
        deltas.add(one.group_id, one.state, one.rank, one.kind, one.name, alerts=-1)
        by_group.setdefault(one.group_id, []).append(one.alert_id)
    for group, alert_ids in sorted(by_group.items()):
        _LEAVE.run(conn, (group,), sorted(alert_ids))


def follow(
    conn: Connection,
    standing: Iterable[Membership],
    alerts: Mapping[int, AlertNow],
    deltas: Deltas,
) -> set[int]:
    """Bring memberships in line with their alerts. Returns the groups that are not as they were."""
    before, after = [], []
    for one in standing:
        now = followed(one, alerts[one.alert_id])
        if now != one:
            before.append(one)
            after.append(now)
    put(conn, before, after, deltas)
    return {one.group_id for one in before}
