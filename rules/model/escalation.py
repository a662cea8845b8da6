"""Escalation policies: in which order whom a page reaches. Owns the steps' shape; a policy never reaches a policy."""

from datetime import datetime, timedelta

import msgspec

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

    @property
    def reaches(self) -> str:
        """Who that is, in a few words."""
        if self.webhook:
            return f"webhook {self.webhook}"
        if self.groups:
            return f"group {', '.join(self.groups)}"
        return self.schedule or ", ".join(self.persons or self.channels)

    @property
    def is_carried_out(self) -> bool:
        """Whether this version can reach it. What it cannot gives way to the next step, and that is said."""
        return not self.groups


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
