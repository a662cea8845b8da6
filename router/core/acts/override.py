"""Overrides that people make at run time: who is on call instead of whose turn it is, until when, who said so and why. Pure.

They stand above the turns of a schedule exactly as the overrides of its file do, and above those.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, pairwise

import msgspec

from router.core.acts.grammar.words import nearest
from rules.language.times import Moment
from rules.model.oncall import Override, Schedule, in_turn, turn_at, turns
from rules.model.ruleset import RuleSet
from rules.model.window import instant, zone

MOST_OPEN = 100
"""Overrides of one schedule that have not ended."""
FURTHEST = timedelta(days=366)
"""How far ahead one may begin."""
TURNS_AHEAD = 200
"""So many changes are looked through for somebody's next turn."""


class OverrideError(ValueError):
    """Nothing is changed; the text says why, for whoever asked."""


class MadeOverride(msgspec.Struct, frozen=True):
    """As it is kept, with who made it. An instant is a whole millisecond."""

    schedule: str
    person: str
    begins: datetime
    ends: datetime
    """Exclusive."""
    made_by: str
    made_at: datetime
    why: str = ""
    ended_by: str = ""
    """Who ended it before its time; "": nobody did."""
    number: int = 0
    """In the order in which they were made; 0: it is not kept yet."""

    @property
    def override(self) -> Override:
        """As the calculation of turns takes it."""
        return Override(self.person, self.begins, self.ends)


class Wanted(msgspec.Struct, frozen=True):
    """What somebody asks for."""

    person: str
    """Who is to be on call, as the rules call them."""
    span: timedelta
    by: str
    schedule: str = ""
    """As it was typed."""
    begins: int | Moment | None = None
    """The next such time of day in the schedule's zone, in minutes since midnight; an instant; None: now."""
    why: str = ""


def made(wanted: Wanted, rules: RuleSet, open_: Iterable[MadeOverride], now: datetime) -> MadeOverride:
    """`rules`: with every override that is in force. `open_`: those that have not ended. Raises OverrideError."""
    now = _whole(now)
    schedule = schedule_of(rules, wanted.schedule, wanted.person)
    begins = _begins(wanted.begins, now, schedule.zone)
    if begins - now > FURTHEST:
        raise OverrideError("that is more than a year ahead")
    _check_room(schedule, open_)
    turn = turn_at(schedule, begins)
    if turn.person == wanted.person and (turn.until is None or turn.until >= begins + wanted.span):
        raise OverrideError(f"{wanted.person} is on call for {schedule.name} then already")
    return MadeOverride(
        schedule=schedule.name,
        person=wanted.person,
        begins=begins,
        ends=begins + wanted.span,
        made_by=wanted.by,
        made_at=now,
        why=wanted.why,
    )


def swapped(
    rules: RuleSet, typed: str, one: str, other: str, by: str, open_: Iterable[MadeOverride], now: datetime
) -> tuple[MadeOverride, MadeOverride]:
    """Two people's turns, now or next, changed for each other. `typed`: the schedule, as it was. Raises OverrideError."""
    now = _whole(now)
    if one == other:
        raise OverrideError("nobody swaps with themselves")
    schedule = schedule_of(rules, typed, one, other)
    _check_room(schedule, open_, 2)
    mine, theirs = _next_turn(schedule, one, now), _next_turn(schedule, other, now)

    def override(person: str, turn: tuple[datetime, datetime]) -> MadeOverride:
        return MadeOverride(schedule.name, person, turn[0], turn[1], made_by=by, made_at=now, why="swap")

    return override(other, mine), override(one, theirs)


def given_back(
    rules: RuleSet, typed: str, person: str, by: str, open_: Iterable[MadeOverride], now: datetime
) -> tuple[MadeOverride, ...]:
    """What somebody took, or made others take, as it is from now on: ended. `person`: whose, where it is not `by`'s own.
    Raises OverrideError where there is nothing, or it is not clear of which schedule."""
    now = _whole(now)
    theirs = [one for one in open_ if one.ends > now and (one.person == person or (person == by == one.made_by))]
    names = list(dict.fromkeys(one.schedule for one in theirs))
    if typed:
        wanted = typed.casefold()
        names = [name for name in names if wanted in {name.casefold(), name.casefold().rpartition("/")[2]}]
        if not names:
            schedule_of(rules, typed, person)  # says so where there is no such schedule
    if not names:
        raise OverrideError("there is no override to end")
    if len(names) > 1:
        raise OverrideError(f"of which schedule: {_listed(names)}?")
    return tuple(ended(one, now, by) for one in theirs if one.schedule == names[0])


def ended(one: MadeOverride, now: datetime, by: str) -> MadeOverride:
    """Over now; one that has not begun never does."""
    now = _whole(now)
    return msgspec.structs.replace(one, begins=min(one.begins, now), ends=now, ended_by=by)


def on_call_at(rules: RuleSet, schedule: str, at: datetime) -> str:
    """Their name; "" for nobody."""
    found = rules.schedules.get(schedule)
    return "" if found is None else turn_at(found, at).person


def by_schedule(open_: Iterable[MadeOverride]) -> dict[str, tuple[Override, ...]]:
    """As `RuleSet.with_overrides` takes them."""
    found: dict[str, tuple[Override, ...]] = {}
    for one in sorted(open_, key=lambda one: one.number):
        found[one.schedule] = (*found.get(one.schedule, ()), one.override)
    return found


def without_effect(open_: Iterable[MadeOverride], rules: RuleSet) -> Iterator[str]:
    """Those that name what these rules do not have, in words."""
    for one in open_:
        if one.schedule not in rules.schedules:
            yield f"the override of {one.person} in {one.schedule} has no effect: the rules have no such schedule"
        elif one.person not in rules.people:
            yield f"the override of {one.person} in {one.schedule} has no effect: the rules have no such person"


def schedule_of(rules: RuleSet, typed: str, *people: str) -> Schedule:
    """The one that is meant; where none is named, the only one in which all of these people take turns. Raises OverrideError."""
    names = list(rules.schedules)
    if typed:
        wanted = typed.casefold()
        found = [name for name in names if name.casefold() == wanted]
        found = found or [name for name in names if name.casefold().rpartition("/")[2] == wanted]
        if not found:
            near = nearest(typed, names)
            hint = f"; did you mean {near}?" if near else ""
            raise OverrideError(f"the rules have no schedule called {typed[:80]}{hint}")
    else:
        found = [name for name in names if set(people) <= in_turn(rules.schedules[name])]
        found = found or (names if len(names) == 1 else [])
        if not found:
            raise OverrideError(f"of which schedule: {_listed(names)}?" if names else "the rules have no schedule")
    if len(found) > 1:
        raise OverrideError(f"of which schedule: {_listed(found)}?")
    return rules.schedules[found[0]]


def _check_room(schedule: Schedule, open_: Iterable[MadeOverride], more: int = 1) -> None:
    if sum(one.schedule == schedule.name for one in open_) + more > MOST_OPEN:
        raise OverrideError(f"{schedule.name} has {MOST_OPEN} overrides already; end some")


def _begins(begins: int | Moment | None, now: datetime, zone_name: str) -> datetime:
    if begins is None:
        return now
    if isinstance(begins, int):
        today = now.astimezone(zone(zone_name)).date()
        days = (today + timedelta(days=number) for number in range(3))
        return next(at for day in days if (at := instant(day, begins, zone_name)) >= now)
    at = begins.placed(zone_name)
    if at < now:
        raise OverrideError("that is past")
    return at


def _next_turn(schedule: Schedule, person: str, now: datetime) -> tuple[datetime, datetime]:
    """From when, not before now, and until when somebody is on call."""
    changes = [(now, turn_at(schedule, now)), *islice(turns(schedule, now), TURNS_AHEAD)]
    for (begins, turn), (ends, _) in pairwise(changes):
        if turn.person == person:
            return begins, ends
    raise OverrideError(f"no turn of {person} in {schedule.name} is in sight that ends")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _whole(at: datetime) -> datetime:
    """As the store keeps it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
