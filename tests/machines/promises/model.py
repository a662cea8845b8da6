"""What is so, whatever the router does: which conditions hold, how bad they are, whose they are, and what holds them back.

Knows the rule files as values and the words of the documents; nothing of the engine, nothing of Slack. Where the words
leave open where something belongs (a reload does not move what was told; neither does a fall) it keeps all that may be.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.machines.promises.rulebook import RANK, Route, Rulebook
from tests.machines.promises.site import START, Condition

UNTOLD = timedelta(seconds=2)
"""So soon after its beginning or a change an end may not be told yet: what fires again is where it was."""


@dataclass(frozen=True)
class Moment:
    """What is so of one condition from here on."""

    at: datetime
    """Of the right clock, as Slack's."""
    severity: str = ""
    """The worst that fires; "" when nothing does."""
    homes: frozenset[Route] = frozenset()
    """Where it may belong."""
    owner: Route | None = None
    """Where the rules in force want it."""
    is_exact: bool = True
    """It belongs where its owner is, and nowhere else."""
    held: frozenset[bool] = frozenset({False})
    """Whether something holds it back: both where that depends on where it belongs."""
    pages: bool = False
    """Its owner pages now."""
    is_sibling: bool = False
    """More than one alert of it fires."""

    @property
    def fires(self) -> bool:
        return bool(self.severity)

    @property
    def rank(self) -> int:
        return RANK[self.severity] if self.severity else -1


@dataclass(frozen=True)
class Silenced:
    """What somebody wants to hear nothing of: alerts with this label, by the wall clock."""

    label: str
    value: str
    begins: datetime
    ends: datetime

    def holds(self, one: Condition, at: datetime) -> bool:
        return one.labels[self.label] == self.value and self.begins <= at < self.ends


@dataclass
class Life:
    """One condition from the beginning."""

    name: str
    firing: dict[str, Condition] = field(default_factory=dict)
    """By severity for siblings; else under ""."""
    homes: frozenset[Route] = frozenset()
    is_exact: bool = True
    is_gone: bool = False
    """A route it may belong to is no longer in the rules."""
    pending: Route | None = None
    """Where it goes as soon as nothing holds it back there."""
    moments: list[Moment] = field(default_factory=list)

    @property
    def worst(self) -> Condition | None:
        return max(self.firing.values(), key=lambda one: RANK[one.severity], default=None)

    def at(self, instant: datetime) -> Moment:
        return next((moment for moment in reversed(self.moments) if moment.at <= instant), Moment(instant))

    def between(self, begins: datetime, ends: datetime) -> list[Moment]:
        """All that was so from one instant to another."""
        return [self.at(begins), *(moment for moment in self.moments if begins < moment.at <= ends)]

    def fires_throughout(self, begins: datetime, ends: datetime) -> bool:
        return all(moment.fires for moment in self.between(begins, ends))

    def is_free_throughout(self, begins: datetime, ends: datetime) -> bool:
        """Surely nothing held it back."""
        return all(moment.held == {False} for moment in self.between(begins, ends))

    def is_held_throughout(self, begins: datetime, ends: datetime) -> bool:
        """Surely something did, all the time."""
        return all(moment.held == {True} for moment in self.between(begins, ends))

    def begun_at(self, instant: datetime, *, gaps: timedelta = timedelta(0)) -> datetime:
        """Since when it fires without a pause at that instant, or without one that is longer than `gaps`."""
        begun = instant
        for moment in reversed(self.moments):
            if moment.at > instant:
                continue
            if moment.fires:
                begun = moment.at
            elif begun - moment.at > gaps:
                break
        return begun


class Model:
    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.lives: dict[str, Life] = {}
        self.now = START
        self.silences: dict[str, Silenced] = {}

    def life(self, name: str) -> Life:
        return self.lives.setdefault(name, Life(name))

    def firing(self) -> list[Condition]:
        return [one for life in self.lives.values() for one in life.firing.values()]

    def unsilence(self, name: str, at: datetime) -> None:
        if name in self.silences:
            self.silences[name] = replace(self.silences[name], ends=min(self.silences[name].ends, at))

    def next_boundary(self, at: datetime) -> datetime:
        """When anything begins or ends by itself."""
        edges = [edge for one in self.silences.values() for edge in (one.begins, one.ends) if edge > at]
        return min([self.book.next_boundary(at), *edges])

    def fire(self, name: str, variant: str, one: Condition) -> None:
        life = self.life(name)
        before = life.worst
        life.firing[variant] = one
        self._belongs(life, before)

    def end(self, name: str, variant: str) -> None:
        life = self.life(name)
        before = life.worst
        if life.firing.pop(variant, None) is not None:
            self._belongs(life, before)

    def _belongs(self, life: Life, before: Condition | None) -> None:
        after = life.worst
        if after is None:
            return
        owner = self.book.owner(after)
        is_told = not life.moments or self.now - life.moments[-1].at > UNTOLD
        if before is None and not is_told:
            life.homes |= {owner}
            life.is_exact, life.pending = len(life.homes) == 1, None
            return
        if before is None:
            life.homes, life.is_exact, life.is_gone, life.pending = frozenset({owner}), True, False, None
            return
        was = self.book.owner(before)
        if owner == was and self.book.group(after) == self.book.group(before):
            return
        is_fall = RANK[after.severity] < RANK[before.severity] and after.labels == before.labels
        if is_fall or len(life.firing) > 1:
            life.homes |= {owner}
            life.is_exact = False
        else:
            life.homes |= {owner}
            life.is_exact, life.pending = False, owner

    def reload(self, book: Rulebook) -> None:
        """What was told stays; what nobody was told goes where the new rules want it. Who cannot tell keeps both."""
        self.book = book
        named = {route.name: route for route in book.routes}
        for life in self.lives.values():
            worst = life.worst
            if worst is None:
                continue
            goes_on = {named[route.name] for route in life.homes if route.name in named}
            life.is_gone = life.is_gone or any(route.name not in named for route in life.homes)
            life.homes |= goes_on | {book.owner(worst)}
            life.is_exact, life.pending = False, None

    def note(self, at: datetime, wall: datetime) -> None:
        """Write down what is so now, where that is something else than before."""
        self.now = at
        firing = self.firing()
        for life in self.lives.values():
            moment = self._moment(life, firing, at, wall)
            if not life.moments or _but_time(life.moments[-1]) != _but_time(moment):
                life.moments.append(moment)

    def _moment(self, life: Life, firing: list[Condition], at: datetime, wall: datetime) -> Moment:
        worst = life.worst
        if worst is None:
            return Moment(at)
        held = any(
            self.book.is_maintained(one, wall)
            or self.book.is_inhibited(one, firing)
            or any(silence.holds(one, wall) for silence in self.silences.values())
            for one in life.firing.values()
        )
        if life.pending is not None and not held and not life.pending.is_quiet(wall):
            life.homes, life.is_exact, life.pending = frozenset({life.pending}), True, None
            life.is_gone = False
        quiet = {True} if held else {route.is_quiet(wall) for route in life.homes}
        owner = self.book.owner(worst)
        return Moment(
            at,
            worst.severity,
            life.homes,
            owner,
            life.is_exact,
            frozenset(quiet | ({True} if life.is_gone else set())),
            owner.pages_at(wall),
            len(life.firing) > 1,
        )


def _but_time(moment: Moment) -> tuple[object, ...]:
    return (
        moment.severity, moment.homes, moment.owner, moment.is_exact, moment.held, moment.pages, moment.is_sibling,
    )  # fmt: skip
