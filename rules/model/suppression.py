"""Holding back: what keeps news from being told now, and until when. Works on stored settings, without a RuleSet."""

from datetime import datetime
from enum import StrEnum

import msgspec

from rules.model.matcher import Matcher
from rules.model.route import Page, RouteSettings
from rules.model.window import NamedWindow, any_holds, next_change


class SuppressionKind(StrEnum):
    """What it is that holds."""

    QUIET = "quiet"
    ONLY = "only"
    MAINTENANCE = "maintenance"
    INHIBITION = "inhibition"


class Suppression(msgspec.Struct, frozen=True):
    """Why news is not told now. `until` None: until somebody changes the rules, or (inhibition) its source ends."""

    kind: SuppressionKind
    name: str
    """Of the window, the maintenance or the inhibition, as in "+3 held back until 06:00 (nights)"."""
    until: datetime | None
    reason: str = ""


class Maintenance(msgspec.Struct, frozen=True):
    """A planned span in which news about what matches is held back."""

    name: str
    match: tuple[Matcher, ...]
    begins: datetime
    ends: datetime | None
    """Exclusive; None: until the entry is taken out."""
    reason: str = ""


def window_suppression(settings: RouteSettings, at: datetime) -> Suppression | None:
    """What a route's `quiet` and `only` hold back at this instant."""
    return _suppression(settings.quiet, settings.only, at)


def page_suppression(page: Page, at: datetime) -> Suppression | None:
    """The same for a page: while the message is told, the page waits."""
    return _suppression(page.quiet, page.only, at)


def _suppression(quiet: tuple[NamedWindow, ...], only: tuple[NamedWindow, ...], at: datetime) -> Suppression | None:
    if (inside := any_holds(quiet, at)) is not None:
        return Suppression(
            SuppressionKind.QUIET, inside.name, _until_free(quiet, only, at), f"quiet during {inside.name}"
        )
    if only and any_holds(only, at) is None:
        names = ", ".join(named.name for named in only)
        return Suppression(SuppressionKind.ONLY, names, _until_free(quiet, only, at), f"told only during {names}")
    return None


def _until_free(quiet: tuple[NamedWindow, ...], only: tuple[NamedWindow, ...], at: datetime) -> datetime | None:
    """The first change at which neither holds any more; windows that touch are walked through, within reason."""
    windows = tuple(named.window for named in quiet + only)
    change = next_change(windows, at)
    for _ in range(64):
        if change is None:
            return None
        if any_holds(quiet, change) is None and (not only or any_holds(only, change) is not None):
            return change
        change = next_change(windows, change)
    return change
