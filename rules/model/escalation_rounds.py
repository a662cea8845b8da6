"""What an escalation policy does from an instant on: every step of every round, as if nobody acknowledged. Pure."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from rules.model.escalation import OnCall, Policy, Position, Step, begin, take
from rules.model.route import Page
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
    groups: tuple[str, ...] = ()

    @property
    def is_missed(self) -> bool:
        """Whether it reaches nobody."""
        return not (self.persons or self.channels or self.webhooks or self.groups)

    @property
    def to_come(self) -> str:
        """What the step names, as of one that is to come."""
        return self.reaches if self.round == 1 else f"{self.reaches} (round {self.round})"

    @property
    def said(self) -> str:
        """As in "alice: on call for payments until Mon 09:00 CET"."""
        groups, webhooks = (f"group {name}" for name in self.groups), (f"webhook {name}" for name in self.webhooks)
        names = (*self.persons, *groups, *self.channels, *webhooks)
        return self.why if self.is_missed else f"{', '.join(names)}: {self.why}"


def rounds(policy: Policy, rules: RuleSet, at: datetime) -> tuple[Call, ...]:
    """Whoever is on call is asked for each step's own instant."""
    return tuple(calls(policy, begin(policy, at), rules))


def first_round(policy: Policy, rules: RuleSet, at: datetime) -> tuple[Call, ...]:
    """The round that a page begins."""
    return tuple(itertools.takewhile(lambda call: call.round == 1, calls(policy, begin(policy, at), rules)))


def calls(policy: Policy, position: Position | None, rules: RuleSet) -> Iterator[Call]:
    """From a position on, each step when it is due."""
    while position is not None:
        found, following = take(policy, position, position.due, rules.reached)
        if found is not None:
            yield call_of(policy, position, position.due, found)
        position = following


def ahead(policy: Policy, position: Position | None, rules: RuleSet) -> Call | None:
    """The next step that will reach somebody, as far as is known now."""
    return next((call for call in calls(policy, position, rules) if not call.is_missed), None)


def upcoming(rules: RuleSet, page: Page, position: Position | None, now: datetime) -> OnCall:
    """Whom the next step reaches that will reach somebody; where none will, why. `position` None: nobody knows when."""
    policy = rules.policy_of(page)
    if policy is None or position is None or (position.round, position.step) == (1, 1):
        return rules.on_call(page, now if position is None else position.due)
    why = f"no step of {page.target} is left that reaches anybody"
    while position is not None:
        found, position = take(policy, position, position.due, rules.reached)
        if found is not None and not found.nobody:
            return found
    return OnCall((), (), why, None, nobody=True)


def policy_around(rules: RuleSet, schedule: str) -> Policy | None:
    """The policy that a schedule stands in: of its name, else the first that begins with it, else the first that reaches it."""
    those = [one for one in rules.policies.values() if any(step.schedule == schedule for step in one.steps)]
    named = [one for one in those if one.name == schedule]
    begin_with = [one for one in those if one.steps[0].schedule == schedule]
    return next(iter((*named, *begin_with, *those)), None)


def first_two(rules: RuleSet, schedule: str, at: datetime) -> tuple[OnCall, ...]:
    """Primary and secondary: whom the first two steps of its policy reach now; of a schedule in no policy, itself alone."""
    policy = policy_around(rules, schedule)
    steps = (Step(schedule=schedule),) if policy is None else policy.steps[:2]
    return tuple(rules.reached(step, at) for step in steps)


def call_of(policy: Policy, position: Position, at: datetime, found: OnCall) -> Call:
    return Call(
        round=position.round,
        step=position.step,
        at=at,
        reaches=policy.steps[position.step - 1].reaches,
        persons=tuple(person.name for person in found.persons),
        channels=found.channels,
        why=found.why,
        webhooks=found.webhooks,
        groups=found.groups,
    )


def lines(calls: Sequence[Call], now: datetime, zone_name: str) -> list[str]:
    """The calls as a table; a round that reaches the same people as the one before it is one line."""
    found: list[str] = []
    before: list[tuple[int, tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = []
    for number, group in itertools.groupby(calls, key=lambda call: call.round):
        ones = list(group)
        reached = [(call.step, call.persons, call.groups, call.channels, call.webhooks) for call in ones]
        again = number > 1 and reached == before
        before = reached
        for call in ones[:1] if again else ones:
            text = "the same again" if again else call.said
            which = f"round {number}: " if number > 1 and call is ones[0] else ""
            found.append(f"{said_at(call.at, now, zone_name)}  {which}{text}")
    return found
