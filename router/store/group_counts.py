"""How many members a group has of each kind. Whoever writes `membership` says here what became of whom, in the same
transaction; so what an evaluation asks of a group costs the same whatever its size.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from router.core.member import MemberState
from router.store.bulk import Insert, WhereIn
from router.store.tables import group_count, membership

Key = tuple[int, int, int, str, str]
"""Group, state, rank, and what suppresses: a kind and a name, both "" for nothing."""

_COLUMNS = ("group_id", "state", "rank", "suppressed_kind", "suppressed_name")
_ADD = Insert(
    "group_count",
    (*_COLUMNS, "alerts"),
    f"ON CONFLICT ({', '.join(_COLUMNS)}) DO UPDATE SET alerts = group_count.alerts + excluded.alerts",
)
_DROP_EMPTY = WhereIn("DELETE FROM group_count WHERE alerts = 0 AND group_id IN")


class Deltas:
    """What a transaction changes, gathered and written once."""

    def __init__(self) -> None:
        self._of: dict[Key, int] = {}

    def add(self, group: int, state: int, rank: int, kind: str = "", name: str = "", *, alerts: int = 1) -> None:
        key = (group, state, rank, kind, name)
        self._of[key] = self._of.get(key, 0) + alerts

    def write(self, conn: Connection) -> None:
        changed = sorted((*key, alerts) for key, alerts in self._of.items() if alerts)
        _ADD.run(conn, changed)
        _DROP_EMPTY.run(conn, (), sorted({row[0] for row in changed if row[-1] < 0}))
        self._of.clear()


class Count(msgspec.Struct, frozen=True):
    """Members of one kind."""

    state: MemberState
    rank: int
    kind: str
    name: str
    alerts: int


_OF = (
    select(
        group_count.c.state,
        group_count.c.rank,
        group_count.c.suppressed_kind,
        group_count.c.suppressed_name,
        group_count.c.alerts,
    )
    .where(group_count.c.group_id == bindparam("group_id"))
    .order_by(group_count.c.state, group_count.c.rank.desc())
)


def of_group(conn: Connection, group: int) -> tuple[Count, ...]:
    """By state, of each the worst first."""
    rows = conn.execute(_OF, {"group_id": group})
    return tuple(Count(MemberState(state), rank, kind, name, alerts) for state, rank, kind, name, alerts in rows)


def wrong(conn: Connection) -> dict[Key, tuple[int, int]]:
    """Where the counts differ from a recount: key -> (stored, true). Empty when all is well."""
    stored, true = _stored(conn), _recounted(conn)
    keys = (key for key in stored.keys() | true.keys() if stored.get(key, 0) != true.get(key, 0))
    return {key: (stored.get(key, 0), true.get(key, 0)) for key in sorted(keys)}


def repair(conn: Connection) -> int:
    """Count anew; returns how many counts were wrong. Of use where somebody wrote past the store."""
    found = wrong(conn)
    deltas = Deltas()
    for key, (stored, true) in found.items():
        deltas.add(*key, alerts=true - stored)
    deltas.write(conn)
    return len(found)


def _stored(conn: Connection) -> Mapping[Key, int]:
    return _by_key(conn.execute(select(*(group_count.c[name] for name in _COLUMNS), group_count.c.alerts)).fetchall())


def _recounted(conn: Connection) -> Mapping[Key, int]:
    columns = [membership.c[name] for name in _COLUMNS]
    return _by_key(conn.execute(select(*columns, func.count()).group_by(*columns)).fetchall())


def _by_key(rows: Iterable[Any]) -> Mapping[Key, int]:
    return {(row[0], row[1], row[2], row[3], row[4]): row[5] for row in rows}
