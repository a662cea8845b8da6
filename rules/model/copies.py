"""Copies: the same incident shown in further channels, chosen by matchers. Asked when something is told, never at intake."""

from collections.abc import Mapping

import msgspec

from rules.model.matcher import Matcher, all_match
from rules.model.route import ChannelForm

MEMO_SIZE = 8_192


class Copy(msgspec.Struct, frozen=True):
    """Incidents with an alert that matches are shown here too: edited only, no thread, no page."""

    name: str
    match: tuple[Matcher, ...]
    channels: tuple[ChannelForm, ...]
    file: str = ""
    line: int = 0


class Copies:
    """Every copy of a configuration. Remembers what it answered, within bounds: alerts of an incident are much alike."""

    def __init__(self, copies: tuple[Copy, ...]) -> None:
        self.all = copies
        self._names = tuple(sorted({matcher.name for copy in copies for matcher in copy.match}))
        self._memo: dict[tuple[str | None, ...], tuple[Copy, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self.all)

    def of(self, labels: Mapping[str, str]) -> tuple[Copy, ...]:
        """Those that an alert with these visible labels joins."""
        key = tuple([labels.get(name) for name in self._names])
        found = self._memo.get(key)
        if found is None:
            found = tuple(copy for copy in self.all if all_match(copy.match, labels))
            if len(self._memo) >= MEMO_SIZE:
                self._memo = {}
            self._memo[key] = found
        return found
