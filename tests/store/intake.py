"""A store that takes batches of changes: one SQLite file, transactions by hand, and the memory of what is committed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import create_engine

from adapters.alert import fingerprint
from router.core.member import Member, MemberState
from router.core.order import Verdict
from router.store import migrate
from router.store.evaluation import members
from router.store.intake.apply import Applied, apply_batch
from router.store.intake.change import Change, GroupKey, Place
from router.store.intake.committed import CommittedAlerts
from router.store.intake.membership import Groups
from router.store.tables import fingerprint_no
from rules.model.suppression import NOTHING, SuppressorsInForce

MINUTE = 60_000
NOW = 1_772_000_000_000
"""Some instant, in ms."""
TTL = 4 * MINUTE
WEB = GroupKey("web", "s1", '[["alert.name","InstanceDown"]]', 10_000)
DISK = GroupKey("disk", "s1", "[]", 20_000)


def number_of(instance: str) -> int:
    """The fingerprint of an InstanceDown, as it is stored."""
    return fingerprint_no(fingerprint({"alertname": "InstanceDown", "instance": instance}))


def change(instance: str = "a", **given: Any) -> Change:
    """An InstanceDown that began now; what a test is about is given by name."""
    starts_ms, is_firing = given.get("starts_ms", NOW), given.get("is_firing", True)
    order = given.get("order", 2 * starts_ms + (not is_firing))
    made = Change(
        namespace="prometheus",
        fingerprint=number_of(instance),
        source="prom",
        key=0,
        order=order,
        digest=1 if is_firing else 2,
        is_firing=is_firing,
        starts_ms=starts_ms,
        ends_ms=None,
        ttl_ms=TTL,
        ttl_is_presumed=False,
        severity_rank=3,
        name="InstanceDown",
        document='{"title":"down"}',
        place=Place((WEB,)) if is_firing else Place(),
        sent_order=order,
    )
    if of_place := {name: given.pop(name) for name in Place.__struct_fields__ if name in given}:
        given["place"] = msgspec.structs.replace(made.place, **of_place)
    return msgspec.structs.replace(made, **given)


class Store:
    """`knows`: whether it remembers what is committed, reads it anew before each batch, or never knows anything."""

    def __init__(self, path: Path, knows: str) -> None:
        migrate.upgrade(path)
        self._conn = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT").connect()
        self._knows = knows
        self.owns_before: tuple[GroupKey, ...] = (DISK,)
        """Who owns an alert before it changes, as the rules in force have it."""
        self.known, self.groups = CommittedAlerts(), Groups()
        self.load()

    def load(self) -> None:
        """As a start does."""
        self.known, self.groups = CommittedAlerts(), Groups()
        if self._knows != "nothing":
            self.known.load(self._conn)

    def take(self, *changes: Change, at: int = NOW, in_force: SuppressorsInForce = NOTHING) -> list[Verdict]:
        """One batch that arrives `at`, committed."""
        if self._knows != "what it took":
            self.load()
        self._conn.exec_driver_sql("BEGIN IMMEDIATE")
        applied: Applied = apply_batch(
            self._conn, changes, self.known, self.groups, at, self._belongs, suppressors=lambda: in_force
        )
        self._conn.exec_driver_sql("COMMIT")
        self.known.put(applied.known)
        self.groups.put(applied.groups)
        return applied.verdicts

    def lose(self, *changes: Change, at: int = NOW) -> None:
        """One batch whose commit fails."""
        self._conn.exec_driver_sql("BEGIN IMMEDIATE")
        apply_batch(self._conn, changes, self.known, self.groups, at, self._belongs)
        self._conn.exec_driver_sql("ROLLBACK")

    def _belongs(self, _: Member) -> Place:
        return Place(self.owns_before)

    def do(self, sql: str, *values: Any) -> None:
        self._conn.exec_driver_sql(sql, values)

    def rows(self, sql: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        return [tuple(row) for row in self._conn.exec_driver_sql(sql, values)]

    def one(self, columns: str, instance: str = "a") -> tuple[Any, ...]:
        """Columns of an alert."""
        (row,) = self.rows(f"SELECT {columns} FROM alert WHERE fingerprint = ?", number_of(instance))  # noqa: S608  # a test's own words
        return row

    def state(self, instance: str = "a") -> tuple[MemberState, str, str]:
        """How an alert stands in its only group, and what suppresses it."""
        (alert,) = self.one("id", instance)
        ((state, kind, name),) = self.rows(
            "SELECT state, suppressed_kind, suppressed_name FROM membership WHERE alert_id = ?", alert
        )
        return MemberState(state), kind, name

    def groups_of(self, instance: str = "a") -> list[str]:
        """The routes of the groups an alert is in."""
        (alert,) = self.one("id", instance)
        sql = "SELECT route FROM membership JOIN alert_group ON alert_group.id = group_id WHERE alert_id = ? ORDER BY 1"
        return [route for (route,) in self.rows(sql, alert)]

    def tell(self) -> None:
        """As if dispatch had told of every member, and looked at every group just before `NOW`."""
        for (group,) in self.rows("SELECT id FROM alert_group"):
            members.mark_notified(self._conn, group)
        self.look()

    def look(self, *, at: int = NOW - MINUTE) -> None:
        self.do("UPDATE alert_group SET evaluated_at = ?, due_at = NULL, incident = 1", at)

    def close(self) -> None:
        self._conn.close()
        self._conn.engine.dispose()
