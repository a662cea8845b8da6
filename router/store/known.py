"""What is committed about each alert, in memory: why a re-sent alert is free (ENGINE, *Unchanged is free*).

Entries are written by the writer, after the commit. A miss costs one SELECT; a wrong entry would cost an alert, so
whoever changes or deletes an alert goes through the writer and says so here.
"""

from collections.abc import Iterable
from typing import NamedTuple

NEVER_MS = 1 << 62
_MOST = 1_000_000


class Known(NamedTuple):
    """The committed state of one alert. Instants in ms."""

    id: int
    order: int
    digest: int
    is_firing: bool
    ended_ms: int
    was_told: bool
    starts_ms: int
    touch_ms: int
    key: int


class KnownAlerts:
    """By identity, and by the draft key of the last word that applied."""

    def __init__(self) -> None:
        self._by_identity: dict[str, dict[str, Known]] = {}
        self._touch_by_key: dict[int, int] = {}
        self._count = 0

    def is_unchanged(self, key: int, now_ms: int) -> bool:
        """True: exactly this was committed, and its time to live needs no renewal yet."""
        return now_ms < self._touch_by_key.get(key, 0)

    def get(self, namespace: str, fingerprint: str) -> Known | None:
        alerts = self._by_identity.get(namespace)
        return None if alerts is None else alerts.get(fingerprint)

    def forget_key(self, namespace: str, fingerprint: str) -> None:
        """Another word about this alert is on its way: whatever comes after it must wait its turn."""
        known = self.get(namespace, fingerprint)
        if known is not None and known.key:
            self._touch_by_key.pop(known.key, None)

    def put(self, namespace: str, fingerprint: str, known: Known) -> None:
        alerts = self._by_identity.setdefault(namespace, {})
        before = alerts.pop(fingerprint, None)
        if before is not None:
            if before.key:
                self._touch_by_key.pop(before.key, None)
        else:
            self._count += 1
            if self._count > _MOST:
                self._drop_oldest()
        alerts[fingerprint] = known
        if known.key:
            self._touch_by_key[known.key] = known.touch_ms

    def drop(self, identities: Iterable[tuple[str, str]]) -> None:
        for namespace, fingerprint in identities:
            known = self._by_identity.get(namespace, {}).pop(fingerprint, None)
            if known is not None:
                self._count -= 1
                if known.key:
                    self._touch_by_key.pop(known.key, None)

    def _drop_oldest(self) -> None:
        largest = max(self._by_identity, key=lambda namespace: len(self._by_identity[namespace]))
        self.drop([(largest, next(iter(self._by_identity[largest])))])
