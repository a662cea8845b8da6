"""What an escalation policy does from an instant on: every step of every round, as if nobody acknowledged. Pure.

A round begins with the first step that reaches somebody. After it a step outside its window is left out, and one with
nobody on call gives way to the next at once.
"""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from rules.model.escalation import Policy, skipped
from rules.model.ruleset import RuleSet, said_at


class Call(msgspec.Struct, frozen=True):
    """One step of one round."""

    round: int
    """From 1."""
    step: int
    """From 1, in the order of the file."""
    at: datetime
    reaches: str
    """What the step names."""
    persons: tuple[str, ...]
    channels: tuple[str, ...]
    why: str
    """Why these, or why nobody."""
    webhooks: tuple[str, ...] = ()

    @property
    def is_missed(self) -> bool:
        """Whether it reaches nobody."""
        return not (self.persons or self.channels or self.webhooks)

    @property
    def said(self) -> str:
        """As in "alice: on call for payments until Mon 09:00 CET"."""
        names = (*self.persons, *self.channels, *(f"webhook {name}" for name in self.webhooks))
        return self.why if self.is_missed else f"{', '.join(names)}: {self.why}"


def rounds(policy: Policy, rules: RuleSet, at: datetime) -> tuple[Call, ...]:
    """Whoever is on call is asked for each step's own instant."""
    every = policy.every or timedelta(0)
    return tuple(
        call for number in range(policy.repeat + 1) for call in _round(policy, rules, number + 1, at + number * every)
    )


def first_round(policy: Policy, rules: RuleSet, at: datetime) -> tuple[Call, ...]:
    """The round that a page begins."""
    return tuple(_round(policy, rules, 1, at))


def lines(calls: Sequence[Call], now: datetime, zone_name: str) -> list[str]:
    """The calls as a table; a round that reaches the same people as the one before it is one line."""
    found: list[str] = []
    before: list[tuple[int, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = []
    is_first = True
    for number, group in itertools.groupby(calls, key=lambda call: call.round):
        ones = list(group)
        reached = [(call.step, call.persons, call.channels, call.webhooks) for call in ones]
        again = number > 1 and reached == before
        before = reached
        for call in ones[:1] if again else ones:
            text = "the same again" if again else call.said
            note = "" if is_first or call.is_missed else " (not carried out yet)"
            is_first = is_first and call.is_missed
            which = f"round {number}: " if number > 1 and call is ones[0] else ""
            found.append(f"{said_at(call.at, now, zone_name)}  {which}{text}{note}")
    return found


def _round(policy: Policy, rules: RuleSet, number: int, begins: datetime) -> Iterator[Call]:
    has_reached, early = False, None
    for place, step in enumerate(policy.steps, start=1):
        at = early or begins + step.after
        found = rules.reached(step, at)
        persons = tuple(person.name for person in found.persons)
        yield Call(number, place, at, step.reaches, persons, found.channels, found.why, found.webhooks)
        gives_way = found.nobody and not (has_reached and skipped(step, at))
        early = at if gives_way else None
        has_reached = has_reached or not found.nobody
