"""Where alerts belong: groups, which alerts are in them, and when they are due. What ingest, expire and reload share."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, select

from router.store import tables
from router.store.bulk import Statement, WhereIn
from router.store.intake.change import GroupKey

_FOUND_GROUP = Statement(
    """
    INSERT INTO alert_group (route, labels, settings_id, created_at, due_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (route, labels) DO UPDATE SET
        settings_id = excluded.settings_id,
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


def wake_groups(conn: Connection, group_ids: Iterable[int], now_ms: int) -> None:
    """Make groups due: at once, or a second after their last look, so that a storm into one group costs one look a
    second and not one per batch. Sorted: one lock order everywhere."""
    _DUE.run(conn, (now_ms,) * 4, sorted(group_ids))


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
    values = (owner.route, owner.labels, owner.settings_id, now_ms, now_ms + owner.wait_ms)
    row = _FOUND_GROUP.run(conn, values).one()
    return row.id, row.created_at


class Membership(msgspec.Struct, frozen=True):
    """An alert in a group."""

    group_id: int
    is_notified: bool
    route: str
    labels: str


_STANDING = (
    select(
        tables.membership.c.alert_id,
        tables.membership.c.group_id,
        tables.membership.c.is_notified,
        tables.alert_group.c.route,
        tables.alert_group.c.labels,
    )
    .join(tables.alert_group, tables.alert_group.c.id == tables.membership.c.group_id)
    .where(tables.membership.c.alert_id.in_(bindparam("alert_ids", expanding=True)))
)


def memberships(conn: Connection, alert_ids: Sequence[int]) -> dict[int, list[Membership]]:
    """Where these alerts are."""
    standing: dict[int, list[Membership]] = {}
    if alert_ids:
        for row in conn.execute(_STANDING, {"alert_ids": alert_ids}):
            one = Membership(row.group_id, row.is_notified, row.route, row.labels)
            standing.setdefault(row.alert_id, []).append(one)
    return standing
