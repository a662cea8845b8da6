"""What an escalation does now, and where it stands then. Pure: it is given the policy, the time, and whom a step reaches.

Nothing here is a second calculation: whatever comes next is asked of `rules.model.escalation.take`, as what is shown
beforehand is.
"""

from datetime import datetime

import msgspec

from rules.model.escalation import OnCall, Policy, Position, Reached, distance, take


class Taken(msgspec.Struct, frozen=True):
    """A step that was carried out, with those before it that gave way to it."""

    round: int
    step: int
    """Of those that gave way and found nobody after them: the last."""
    found: OnCall
    missed: tuple[str, ...] = ()
    """Why those that gave way reach nobody, and this one if it reaches nobody either."""

    @property
    def why(self) -> str:
        """As people read it: why these, and why none of those before."""
        own = () if self.found.nobody else (self.found.why,)
        return "; ".join((*own, *self.missed))


class Carried(msgspec.Struct, frozen=True):
    """What was due, in order, and what comes then."""

    taken: tuple[Taken, ...]
    following: Position | None


def carry_on(policy: Policy, position: Position, now: datetime, reached: Reached) -> Carried:
    """Every step that has fallen due, whoever is reached by now. Where one fell due in several rounds while nobody looked, it
    is carried out once, in the last of them."""
    taken: dict[int, Taken] = {}
    missed: tuple[str, ...] = ()
    at: Position | None = position
    while at is not None and at.due <= now:
        found, following = take(policy, at, now, reached)
        gives_way = (
            found is not None
            and found.nobody
            and following is not None
            and (following.round, following.due) == (at.round, at.due)
        )
        if found is not None and gives_way:
            missed = (*missed, found.why)
        elif found is not None:
            taken.pop(at.step, None)  # the last of them stands in order
            taken[at.step] = Taken(at.round, at.step, found, (*missed, found.why) if found.nobody else missed)
            missed = ()
        at = following
    return Carried(tuple(taken.values()), at)


def resumed(policy: Policy | None, position: Position, now: datetime, *, at_once: bool) -> Position:
    """Where an escalation goes on that was stopped: with the step that would have come, after its own distance from the one
    before it, or now. A policy that is gone is found to be so at once."""
    if policy is None or at_once:
        return position.moved(now)
    return position.moved(now + distance(policy, position))


def another_round(policy: Policy, rounds: int, now: datetime) -> Position:
    """After the last step of the last round somebody wants it to go on: one more begins now. `rounds`: that there were."""
    return Position(rounds + 1, 1, now - policy.steps[0].after, now)
