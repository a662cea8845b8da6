"""Escalation policies: in which order whom a page reaches, and which step comes after which. A policy never reaches a policy.

`take` is the one calculation of it: what is shown beforehand and what is carried out both ask it, step by step.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from rules.model.oncall import Person
from rules.model.window import NamedWindow, any_holds


class Step(msgspec.Struct, frozen=True):
    """One step reaches a schedule, persons, groups, channels or a webhook. `after` counts from the start of the round."""

    after: timedelta = timedelta(0)
    schedule: str = ""
    persons: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    only: tuple[NamedWindow, ...] = ()
    quiet: tuple[NamedWindow, ...] = ()
    """Outside `only`, or inside `quiet`, the step is skipped."""
    groups: tuple[str, ...] = ()
    """Slack user groups: "@team" or an S-id."""
    webhook: str = ""
    """The name of one."""
    users: tuple[Person, ...] = ()
    """Whom the rules do not name: no file has such a step, only somebody's word (`RuleSet.policy_of`)."""

    @property
    def reaches(self) -> str:
        """Who that is, in a few words."""
        if self.webhook:
            return f"webhook {self.webhook}"
        if self.groups:
            return f"group {', '.join(self.groups)}"
        if self.users:
            return ", ".join(user.name for user in self.users)
        return self.schedule or ", ".join(self.persons or self.channels)


class Policy(msgspec.Struct, frozen=True):
    """Steps, and up to `repeat` further rounds, one `every`, until somebody acknowledges."""

    name: str
    steps: tuple[Step, ...]
    repeat: int = 0
    every: timedelta | None = None


def skipped(step: Step, at: datetime) -> str:
    """Which window keeps the step from being taken now, as in "during nights"; "" when none does."""
    inside = any_holds(step.quiet, at)
    if inside is not None:
        return f"during {inside.name}"
    if step.only and any_holds(step.only, at) is None:
        return f"outside {', '.join(named.name for named in step.only)}"
    return ""


class OnCall(msgspec.Struct, frozen=True):
    """Whom a step, or a page, reaches at an instant."""

    persons: tuple[Person, ...]
    channels: tuple[str, ...]
    why: str
    """As in "on call for payments until Mon 09:00 CET"."""
    until: datetime | None
    """When the answer may change; None: not by itself."""
    nobody: bool
    webhooks: tuple[str, ...] = ()
    """By name."""
    groups: tuple[str, ...] = ()
    """Slack user groups, as written."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, as people say it."""
        people = (person.name for person in self.persons)
        groups = (f"group {name}" for name in self.groups)
        return (*people, *groups, *self.channels, *(f"webhook {name}" for name in self.webhooks))


Reached = Callable[[Step, datetime], OnCall]
"""Whom a step reaches at an instant; of one that reaches nobody, why."""


class Position(msgspec.Struct, frozen=True):
    """Where an escalation stands: which step comes next."""

    round: int
    """From 1."""
    step: int
    """From 1, in the order of the file."""
    began: datetime
    """When the round did: from there each `after` counts."""
    due: datetime
    has_reached: bool = False
    """Whether a step of this round has reached somebody."""

    def moved(self, due: datetime) -> "Position":
        """It waits until then, or is not waited for any more; those after it keep their distance from it."""
        return msgspec.structs.replace(self, due=due, began=self.began + (due - self.due))


def begin(policy: Policy, at: datetime) -> Position:
    """The first step of the first round, which begins at `at`."""
    return Position(1, 1, at, at + policy.steps[0].after)


def take(policy: Policy, position: Position, at: datetime, reached: Reached) -> tuple[OnCall | None, Position | None]:
    """Carry out the step that comes next at `at`, which is when it was due or later. Returns whom it reaches, and what comes
    then; None when that was the last. Where the policy has no such step any more: (None, where it goes on).

    A round begins with the first step that reaches somebody. After it a step outside its window is left out, and one that
    reaches nobody for another reason gives way to the next at once.
    """
    if position.step > len(policy.steps):
        return None, _next_round(policy, position)
    step = policy.steps[position.step - 1]
    found = reached(step, at)
    if position.step == len(policy.steps):
        return found, _next_round(policy, position)
    gives_way = found.nobody and not (position.has_reached and skipped(step, at))
    due = position.due if gives_way else position.began + policy.steps[position.step].after
    following = Position(
        position.round, position.step + 1, position.began, due, position.has_reached or not found.nobody
    )
    return found, following


def _next_round(policy: Policy, position: Position) -> Position | None:
    if policy.every is None or position.round > policy.repeat:
        return None
    began = position.began + policy.every
    return Position(position.round + 1, 1, began, began + policy.steps[0].after)


def distance(policy: Policy, position: Position) -> timedelta:
    """How long after the step before it the step that comes next is planned."""
    number = min(position.step, len(policy.steps))
    if number > 1:
        return policy.steps[number - 1].after - policy.steps[number - 2].after
    first = policy.steps[0].after
    return first if position.round == 1 or policy.every is None else policy.every + first - policy.steps[-1].after
