"""Escalation policies: in which order whom a page reaches. Owns the steps' shape; a policy never reaches a policy."""

from datetime import timedelta

import msgspec

from rules.window import NamedWindow


class Step(msgspec.Struct, frozen=True):
    """One step reaches a schedule, persons, or channels. `after` counts from the start of the round."""

    after: timedelta = timedelta(0)
    schedule: str = ""
    persons: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    only: tuple[NamedWindow, ...] = ()
    quiet: tuple[NamedWindow, ...] = ()
    """Outside `only`, or inside `quiet`, the step is skipped."""

    @property
    def reaches(self) -> str:
        """Who that is, in a few words."""
        return self.schedule or ", ".join(self.persons or self.channels)


class Policy(msgspec.Struct, frozen=True):
    """Steps, and up to `repeat` further rounds, one `every`, until somebody acknowledges."""

    name: str
    steps: tuple[Step, ...]
    repeat: int = 0
    every: timedelta | None = None
