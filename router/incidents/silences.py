"""Silences that people make: each change is one transaction, and is known in this process once it stands.

Owns what is remembered of those that have not ended, and, with the maintenances of the rules, what is in force at any
instant. What the writer writes is remembered by the writer, after the commit and before the next transaction: an alert
that comes later is held against it.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

import msgspec
from sqlalchemy import Connection

from router.core.acts import silence as made
from router.core.acts.silence import (
    Changed,
    Limits,
    Silence,
    SilenceError,
    SilenceState,
    UnknownSilenceError,
    Wanted,
    change,
)
from router.core.member import BY_RANK
from router.core.mrkdwn import duration
from router.core.recipient import target_of
from router.runtime.clock import Clock, NewId
from router.store import read
from router.store.database import Database
from router.store.evaluation import acts, messages
from router.store.intake import silences as store
from router.store.intake import sweep
from rules.model.matcher import Matcher, all_match, written
from rules.model.oncall import Person
from rules.model.ruleset import RuleSet
from rules.model.suppression import LabelSuppressors, SuppressorsInForce

REMINDED_AT_ONCE = 20
SHOWN = 10
"""Alerts that a preview names."""


class Preview(msgspec.Struct, frozen=True):
    """What a silence would hold back now."""

    alerts: int
    """Firing ones that it matches."""
    incidents: tuple[tuple[int, str], ...]
    """Open ones that they are in: number and title, the first so many."""
    examples: tuple[str, ...]
    """Of the alerts: "CRITICAL InstanceDown node-1", the worst first."""
    is_everything: bool
    """It would have to be forced."""


class Silences:
    """All of one process. What it is asked at an instant it answers from memory."""

    def __init__(self, database: Database, clock: Clock, new_id: NewId, on_commit: Callable[[], None]) -> None:
        self._database, self._clock, self._new_id, self._on_commit = database, clock, new_id, on_commit
        self._ruleset: RuleSet | None = None
        self._open: dict[str, Silence] = {}
        self._suppressors = LabelSuppressors()
        self.swept: SuppressorsInForce | None = None
        """What every firing alert was held against when all were last, as far as this process knows."""

    def at(self, now: datetime) -> SuppressorsInForce:
        """The maintenances and silences in force."""
        return self._suppressors.at(now)

    def count(self, stored: int) -> dict[SilenceState, int]:
        """How many there are in each state, of so many that are stored."""
        now = self._clock.now()
        states = Counter(one.state(now) for one in self._open.values())
        open_ = {state: states[state] for state in (SilenceState.ACTIVE, SilenceState.PENDING)}
        return {**open_, SilenceState.EXPIRED: max(stored - sum(open_.values()), 0)}

    @property
    def limits(self) -> Limits:
        ruleset = self._ruleset
        return Limits() if ruleset is None else Limits(ruleset.silences.longest, ruleset.silences.remind)

    def take_rules(self, ruleset: RuleSet) -> None:
        """These are in force from now on."""
        self._ruleset = ruleset
        self._renew()

    async def load(self) -> None:
        """At a start: what is stored."""
        now = self._clock.now()
        await self._database.write(partial(store.open_at, now=now), then=self._take_all)

    async def put(self, wanted: Wanted, *, key: str = "") -> Silence:
        """Make a silence, or change the one that `wanted.id` names. `key`: what names this wish wherever it comes from; what
        is sent again under it is answered as it was, not done again. Raises SilenceError and UnknownSilenceError."""
        now, limits = self._clock.now(), self.limits
        fresh = str(uuid.UUID(self._new_id()))

        def step(conn: Connection) -> Changed:
            if (before := acts.answered(conn, key) if key else None) is not None:
                if (made_then := store.get(conn, before)) is None:
                    raise UnknownSilenceError(before)
                return Changed(made_then)
            stored = store.get(conn, made.id_of(wanted.id)) if wanted.id else None
            if wanted.id and stored is None:
                raise UnknownSilenceError(wanted.id)
            changed = change(wanted, stored, fresh, now, limits)
            if changed.made.id == fresh and store.count_open(conn, now) >= made.MOST_OPEN:
                raise SilenceError(f"there are {made.MOST_OPEN} silences already; expire some")
            for one in (changed.made, changed.ended):
                if one is not None:
                    self._write(conn, one, now)
            if key:
                by = wanted.created_by
                acts.keep(conn, key, incident=0, verb="silence", by=by, at=now, answer=changed.made.id)
            return changed

        changed = await self._database.write(step, then=lambda found: self._take((found.made, found.ended)))
        self._on_commit()
        return changed.made

    async def expire(self, number: str) -> Silence:
        """End a silence now; one that is over stays as it was. Raises UnknownSilenceError."""
        now = self._clock.now()

        def step(conn: Connection) -> Silence:
            stored = store.get(conn, made.id_of(number))
            if stored is None:
                raise UnknownSilenceError(number)
            over = made.ended(stored, now)
            if over != stored:
                self._write(conn, over, now)
            return over

        over = await self._database.write(step, then=lambda found: self._take((found,)))
        self._on_commit()
        return over

    async def get(self, number: str) -> Silence:
        """Raises UnknownSilenceError."""
        found = await self._database.read(partial(store.get, number=made.id_of(number)))
        if found is None:
            raise UnknownSilenceError(number)
        return found

    async def listed(self, *, expired: int) -> list[Silence]:
        """As Alertmanager lists them: active by soonest end, pending by soonest start, then at most so many `expired`,
        the last that ended first."""
        now = self._clock.now()

        def step(conn: Connection) -> list[Silence]:
            open_ = store.open_at(conn, now)
            pending = [one for one in open_ if one.starts_at > now]
            active = [one for one in open_ if one.starts_at <= now]
            pending.sort(key=lambda one: one.starts_at)
            return [*active, *pending, *(store.ended_before(conn, now, expired) if expired else ())]

        return await self._database.read(step)

    async def preview(self, matchers: Sequence[Matcher]) -> Preview:
        """What a silence with these would hold back now. Looks at every firing alert, part by part, beside the writer and
        the loop."""
        wanted = tuple(matchers)
        count = 0
        numbers: dict[int, str] = {}
        examples: list[sweep.Firing] = []

        def look(conn: Connection, after: int) -> tuple[int | None, list[sweep.Firing], dict[int, str]]:
            alerts = sweep.firing(conn, after)
            found = [one for one in alerts if all_match(wanted, one.labels)]
            named = read.incidents_of(conn, [one.id for one in found], SHOWN) if found and len(numbers) < SHOWN else {}
            return (alerts[-1].id if alerts else None), found, named

        after: int | None = 0
        while after is not None:
            after, found, named = await self._database.read(partial(look, after=after))
            count += len(found)
            numbers |= named
            examples = sorted([*examples, *found], key=lambda one: -one.severity_rank)[:SHOWN]
        return Preview(
            alerts=count,
            incidents=tuple(sorted(numbers.items())[:SHOWN]),
            examples=tuple(f"{BY_RANK[one.severity_rank].value.upper()} {one.title}" for one in examples),
            is_everything=made.holds_everything(wanted),
        )

    @staticmethod
    def _write(conn: Connection, one: Silence, now: datetime) -> None:
        store.put(conn, one)
        sweep.wake_held(conn, one.suppressor.key, now)

    def _take_all(self, found: Iterable[Silence]) -> None:
        self._open = {one.id: one for one in found}
        self._renew()

    def _take(self, found: Iterable[Silence | None]) -> None:
        """On the writer, after the commit."""
        now = self._clock.now()
        changed = {one.id: one for one in found if one is not None}
        self._open = {number: one for number, one in (self._open | changed).items() if one.ends_at > now}
        self._renew()

    def _renew(self) -> None:
        maintenance = () if self._ruleset is None else self._ruleset.maintenance
        self._suppressors = LabelSuppressors(
            (*(one.suppressor for one in maintenance), *(one.suppressor for one in self._open.values()))
        )


def remind(conn: Connection, now: datetime, ruleset: RuleSet, notifier: str, command: str) -> bool:
    """Tell authors that are people of the rules, by name or e-mail address, that their silence ends soon. Whether any.
    `command`: how the slash command is called."""
    is_told = False
    for one in store.take_reminders(conn, now, REMINDED_AT_ONCE):
        author = person_of(one.created_by, ruleset)
        if author is None or one.state(now) is SilenceState.EXPIRED:
            continue
        text = (
            f"Your silence {written(one.matchers)[:300]} ends in {duration(one.ends_at - now)}"
            f" ({one.comment[:200] or 'no comment'}). To keep it: `{command} extend {one.id} 1h`"
        )
        messages.post(conn, notifier=notifier, target=target_of(author), text=text, now=now, person=author.name)
        is_told = True
    return is_told


def person_of(author: str, ruleset: RuleSet) -> Person | None:
    """Who a silence's author is."""
    said = author.strip().lower()
    for name, person in ruleset.people.items():
        if said in {name.lower(), person.email.lower()} - {""}:
            return person
    return None
