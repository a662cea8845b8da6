"""Signs of life between two ticks, in memory only: which heartbeats were heard of, and when (as `expire.LastHeard` for sources).

Most signs come as alerts that change nothing and are never looked into: whose they are is remembered
by the hash of what was sent.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from rules.model.heartbeat import HeartbeatKey

MOST_KEYS = 50_000
"""Words remembered; with more of them all are looked into once again."""


class HeartbeatsSeen:
    """What was seen since the last tick."""

    def __init__(self, forget_keys: Callable[[], None]) -> None:
        """`forget_keys`: from now on every word is looked into again."""
        self._last: dict[HeartbeatKey, datetime] = {}
        self._by_key: dict[int, tuple[HeartbeatKey, ...]] = {}
        self._forget_keys = forget_keys

    def see(self, signs: tuple[HeartbeatKey, ...], key: int, at: datetime) -> None:
        """A word that was looked into."""
        for sign in signs:
            self._last[sign] = at
        if signs and key:
            if len(self._by_key) >= MOST_KEYS:
                self.begin_anew()
            self._by_key[key] = signs

    def see_again(self, key: int, at: datetime) -> None:
        """The same word once more."""
        for sign in self._by_key.get(key, ()):
            self._last[sign] = at

    def begin_anew(self) -> None:
        """Other rules may take other words for signs of life."""
        self._by_key.clear()
        self._forget_keys()

    def take(self) -> dict[HeartbeatKey, datetime]:
        seen, self._last = self._last, {}
        return seen

    def give_back(self, seen: Mapping[HeartbeatKey, datetime]) -> None:
        """They were not written down."""
        self._last = {**seen, **self._last}
