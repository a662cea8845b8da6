"""Overrides of schedules that people make: each change is one transaction, and is known in this process once it stands.

Owns what is remembered of those that have not ended, and the rules as they are with them. What the writer writes is
remembered by the writer, after the commit and before the next transaction: a step that comes later reaches whoever is on
call by it.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

import msgspec
from sqlalchemy import Connection

from router.core.acts import override
from router.core.acts.override import MadeOverride, OverrideError, Wanted
from router.runtime.clock import Clock
from router.store.database import Database
from router.store.evaluation import acts
from router.store.evaluation import overrides as store
from rules.model.ruleset import RuleSet

Decide = Callable[[RuleSet, list[MadeOverride], datetime], tuple[MadeOverride, ...]]
"""(rules with what is in force, what has not ended, now) → what is to be written. Raises OverrideError."""


class OverrideAnswer(msgspec.Struct, frozen=True):
    """To who asked."""

    changed: tuple[MadeOverride, ...] = ()
    """As they are from now on."""
    error: str = ""
    """Why nothing is changed."""
    instead_of: str = ""
    """Who would have been on call when the first of them begins; "": nobody."""


class Overrides:
    """All of one process."""

    def __init__(
        self, database: Database, clock: Clock, rules: Callable[[], RuleSet], on_change: Callable[[], None]
    ) -> None:
        """`rules`: those of the file in force, asked each time. `on_change`: somebody else is on call now, or will be."""
        self._database, self._clock, self._of_file, self._on_change = database, clock, rules, on_change
        self._open: tuple[MadeOverride, ...] = ()
        self._with: tuple[RuleSet, tuple[MadeOverride, ...], RuleSet] | None = None

    @property
    def rules(self) -> RuleSet:
        """Those of the file in force, and what people have said since."""
        of_file, open_ = self._of_file(), self._open
        known = self._with
        if known is None or known[0] is not of_file or known[1] is not open_:
            found = of_file.with_overrides(override.by_schedule(open_)) if open_ else of_file
            known = self._with = of_file, open_, found
        return known[2]

    @property
    def open(self) -> tuple[MadeOverride, ...]:
        """Those that have not ended."""
        now = self._clock.now()
        return tuple(one for one in self._open if one.ends > now)

    def without_effect(self, rules: RuleSet | None = None) -> list[str]:
        """Those that name what these rules, or those in force, do not have."""
        return list(override.without_effect(self.open, self._of_file() if rules is None else rules))

    async def load(self) -> None:
        """At a start: what is stored."""
        await self._database.write(partial(store.open_at, now=self._clock.now()), then=self._take_all)

    async def take(self, wanted: Wanted, *, key: str = "") -> OverrideAnswer:
        """Somebody is on call instead of whose turn it is. When this returns it is committed."""

        def decide(rules: RuleSet, open_: list[MadeOverride], now: datetime) -> tuple[MadeOverride, ...]:
            return (override.made(wanted, rules, open_, now),)

        return await self._change(decide, "take", wanted.by, key)

    async def swap(self, schedule: str, one: str, other: str, *, by: str, key: str = "") -> OverrideAnswer:
        """Two people's turns are changed for each other. When this returns it is committed."""

        def decide(rules: RuleSet, open_: list[MadeOverride], now: datetime) -> tuple[MadeOverride, ...]:
            return override.swapped(rules, schedule, one, other, by, open_, now)

        return await self._change(decide, "swap", by, key)

    async def give_back(self, schedule: str, person: str, *, by: str, key: str = "") -> OverrideAnswer:
        """What somebody took ends. When this returns it is committed."""

        def decide(rules: RuleSet, open_: list[MadeOverride], now: datetime) -> tuple[MadeOverride, ...]:
            return override.given_back(rules, schedule, person, by, open_, now)

        return await self._change(decide, "untake", by, key)

    async def _change(self, decide: Decide, verb: str, by: str, key: str) -> OverrideAnswer:
        def step(conn: Connection) -> tuple[OverrideAnswer, tuple[MadeOverride, ...]]:
            if key and (before := acts.answered(conn, key)) is not None:
                return msgspec.json.decode(before, type=OverrideAnswer), ()
            now = self._clock.now()
            answer = self._decided(conn, decide, now)
            if key:
                written = msgspec.json.encode(answer).decode()
                acts.keep(conn, key, incident=0, verb=verb, by=by, at=now, answer=written)
            return answer, answer.changed

        answer, changed = await self._database.write(step, then=lambda found: self._take(found[1]))
        if changed:
            self._on_change()
        return answer

    def _decided(self, conn: Connection, decide: Decide, now: datetime) -> OverrideAnswer:
        rules = self.rules
        try:
            wanted = decide(rules, store.open_at(conn, now), now)
        except OverrideError as error:
            return OverrideAnswer(error=str(error))
        first = min(wanted, key=lambda one: one.begins)
        instead_of = override.on_call_at(rules, first.schedule, first.begins)
        return OverrideAnswer(tuple(store.put(conn, one) for one in wanted), instead_of=instead_of)

    def _take_all(self, found: Iterable[MadeOverride]) -> None:
        self._open = tuple(found)

    def _take(self, found: Iterable[MadeOverride]) -> None:
        """On the writer, after the commit."""
        changed = {one.number: one for one in found}
        if changed:
            now = self._clock.now()
            kept = {one.number: one for one in self._open} | changed
            self._open = tuple(one for _, one in sorted(kept.items()) if one.ends > now)
