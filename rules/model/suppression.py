"""Holding back: what keeps news from being told now, and until when. Works on stored settings, without a RuleSet."""

import hashlib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

import msgspec

from rules.model.matcher import Matcher
from rules.model.route import Page, RouteSettings
from rules.model.tree import MatcherIndex
from rules.model.window import NamedWindow, any_holds, next_change

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class SuppressionKind(StrEnum):
    """What it is that holds."""

    QUIET = "quiet"
    ONLY = "only"
    MAINTENANCE = "maintenance"
    INHIBITION = "inhibition"
    SILENCE = "silence"


BY_LABELS: frozenset[str] = frozenset({SuppressionKind.MAINTENANCE, SuppressionKind.SILENCE})
"""What holds an alert for what its labels are, and before an inhibition does."""


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

    @property
    def suppressor(self) -> "LabelSuppressor":
        return LabelSuppressor(
            SuppressionKind.MAINTENANCE, self.name, self.match, self.begins, self.ends, reason=self.reason
        )


class LabelSuppressor(msgspec.Struct, frozen=True):
    """What holds back news of the alerts whose labels it matches, for a time: a maintenance of the rules, or a silence that
    somebody made. One meaning for both; they differ in who wrote them, and in how a message says it."""

    kind: SuppressionKind
    name: str
    """Of the maintenance; the id of a silence."""
    match: tuple[Matcher, ...]
    begins: datetime
    ends: datetime | None
    """Exclusive; None: until it is taken away."""
    reason: str = ""
    """Of a silence its comment."""
    author: str = ""
    """Who made a silence."""

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name, as a membership is stored with."""
        return self.kind.value, self.name

    def holds_at(self, at: datetime) -> bool:
        return self.begins <= at and (self.ends is None or at < self.ends)


class SuppressorsInForce:
    """Those that hold from one instant until the next of them begins or ends. Immutable."""

    def __init__(
        self, entries: Iterable[LabelSuppressor] = (), *, since: datetime = _FIRST, until: datetime | None = None
    ) -> None:
        """In the order of `entries`, of those that end at one time."""
        self.entries = tuple(sorted(entries, key=_last_to_end_first))
        self.since, self.until = since, until
        """`until`: exclusive; None: for ever."""

    def __bool__(self) -> bool:
        return bool(self.entries)

    def is_at(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)

    def of(self, labels: Mapping[str, str]) -> LabelSuppressor | None:
        """What holds news about these visible labels back; of several the one that ends last."""
        if not self.entries:
            return None
        position = next(self._index.matching(labels), None)
        return None if position is None else self.entries[position]

    def get(self, key: tuple[str, str]) -> LabelSuppressor | None:
        return self._by_key.get(key)

    @property
    def keys(self) -> AbstractSet[tuple[str, str]]:
        return self._by_key.keys()

    @cached_property
    def digest(self) -> str:
        """Of what is held, and which of several says until when; "" for nothing."""
        if not self.entries:
            return ""
        said = [
            (*one.key, [(matcher.name, matcher.op, matcher.value) for matcher in one.match], one.ends)
            for one in self.entries
        ]
        return hashlib.blake2b(msgspec.json.encode(said, order="deterministic"), digest_size=16).hexdigest()

    @cached_property
    def _index(self) -> MatcherIndex:
        return MatcherIndex([one.match for one in self.entries])

    @cached_property
    def _by_key(self) -> dict[tuple[str, str], LabelSuppressor]:
        return {one.key: one for one in self.entries}


def _last_to_end_first(one: LabelSuppressor) -> float:
    return -(_LAST if one.ends is None else one.ends).timestamp()


NOTHING = SuppressorsInForce()
"""Holds, whenever it is asked."""


class LabelSuppressors:
    """All that were, are and will be in force. Remembers the answer for the instant that was asked for last."""

    def __init__(self, entries: Iterable[LabelSuppressor] = ()) -> None:
        self.entries = tuple(entries)
        self._latest = SuppressorsInForce(until=_FIRST) if self.entries else NOTHING

    def at(self, at: datetime) -> SuppressorsInForce:
        """The same value for every instant until one begins or ends."""
        latest = self._latest
        if not latest.is_at(at):
            edges = [edge for one in self.entries for edge in (one.begins, one.ends) if edge is not None]
            latest = self._latest = SuppressorsInForce(
                (one for one in self.entries if one.holds_at(at)),
                since=max((edge for edge in edges if edge <= at), default=_FIRST),
                until=min((edge for edge in edges if edge > at), default=None),
            )
        return latest


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
