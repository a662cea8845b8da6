"""What is committed about each alert, in memory: why a re-sent alert is free.

Entries are written by the writer, after the commit. While it is complete a miss means that an alert is new; while it is
not, a miss costs a SELECT. A wrong entry would cost an alert, so whoever changes or deletes an alert goes through the
writer and says so here. It is the largest thing in memory: an entry is packed bytes, about 250 bytes in all.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from router.store.tables import fingerprint_no

NEVER_MS = 1 << 62
MOST = 1_000_000
"""With more alerts than this it forgets the oldest, and is not complete any more."""


class Committed(NamedTuple):
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


State = tuple[str, int, Committed]
"""A namespace, a fingerprint as it is stored, and what is known of that alert."""

_PACKED = struct.Struct("<qqq?q?qqq")
_KEY = struct.Struct("<q")
_KEY_AT = _PACKED.size - _KEY.size

_ALL = """
    SELECT namespace, fingerprint, id, order_no, digest, is_firing, changed_at, ended_how, starts_at, ttl, expires_at
    FROM alert ORDER BY id
"""
_AT_ONCE = 5_000


class CommittedAlerts:
    """By identity, and by the draft key of the last word that applied."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._by_identity: dict[str, dict[int, bytes]] = {}
        self._touch_by_key: dict[int, int] = {}
        self._count = 0
        self.is_complete = False
        self.last_id = 0
        """The highest id that was given; of use while complete."""

    def load(self, conn: Connection) -> None:
        """Every alert there is, or none: then each batch asks for its own. 100,000 take a third of a second."""
        if (conn.exec_driver_sql("SELECT count(*) FROM alert").scalar() or 0) > self._most:
            return
        spaces: dict[str, dict[int, bytes]] = {}
        pack, count, number = _PACKED.pack, 0, 0
        cursor = conn.connection.cursor()  # the driver's rows: Core's would cost as much again
        cursor.execute(_ALL)
        while rows := cursor.fetchmany(_AT_ONCE):
            for namespace, fingerprint, number, order, digest, firing, changed, how, starts, ttl, expires in rows:
                if namespace not in spaces:
                    spaces[namespace] = {}
                touch_ms = NEVER_MS if ttl is None or expires is None else expires - ttl + ttl // 2
                entry = pack(number, order, digest, firing, changed, how == "told", starts, touch_ms, 0)
                spaces[namespace][fingerprint] = entry
            count += len(rows)
        cursor.close()
        self._by_identity, self._touch_by_key = spaces, {}
        self._count, self.last_id = count, number
        self.is_complete = True

    def invalidate(self) -> None:
        """Something is stored that is not known here: ask from now on."""
        self.is_complete = False

    def is_unchanged(self, key: int, now_ms: int) -> bool:
        """True: exactly this was committed, and its time to live needs no renewal yet."""
        return now_ms < self._touch_by_key.get(key, 0)

    def get(self, namespace: str, fingerprint: int) -> Committed | None:
        alerts = self._by_identity.get(namespace)
        entry = None if alerts is None else alerts.get(fingerprint)
        return None if entry is None else Committed._make(_PACKED.unpack(entry))

    def forget_key(self, namespace: str, fingerprint: int) -> None:
        """Another word about this alert is on its way: whatever comes after it must wait its turn."""
        alerts = self._by_identity.get(namespace)
        if alerts is not None and (entry := alerts.get(fingerprint)) is not None:
            self._touch_by_key.pop(_KEY.unpack_from(entry, _KEY_AT)[0], None)

    def forget_keys(self) -> None:
        """Every word is to be looked into again, once."""
        self._touch_by_key.clear()

    def put(self, states: Iterable[State]) -> None:
        """What a commit made true."""
        pack, key_of, by_key = _PACKED.pack, _KEY.unpack_from, self._touch_by_key
        touches: dict[int, int] = {}  # one number object for many alerts of a batch
        try:
            for namespace, fingerprint, known in states:
                alerts = self._by_identity.get(namespace)
                if alerts is None:
                    alerts = self._by_identity[namespace] = {}
                before = alerts.get(fingerprint)
                if before is None:
                    self._count += 1
                    self.last_id = max(self.last_id, known.id)
                else:
                    by_key.pop(key_of(before, _KEY_AT)[0], None)
                alerts[fingerprint] = pack(*known)
                if known.key:
                    by_key[known.key] = touches.setdefault(known.touch_ms, known.touch_ms)
        except BaseException:
            self.invalidate()
            raise
        while self._count > self._most:
            self._drop_oldest()

    def end(self, namespace: str, fingerprint: str, ended_ms: int) -> None:
        """It ended without a word of its sender."""
        number = fingerprint_no(fingerprint)
        if (known := self.get(namespace, number)) is not None:
            over = known._replace(is_firing=False, ended_ms=ended_ms, was_told=False, touch_ms=NEVER_MS, key=0)
            self.put([(namespace, number, over)])

    def drop(self, identities: Iterable[tuple[str, str]]) -> None:
        """These alerts are not stored any more."""
        for namespace, fingerprint in identities:
            self._drop(namespace, fingerprint_no(fingerprint))

    def _drop(self, namespace: str, fingerprint: int) -> None:
        entry = self._by_identity.get(namespace, {}).pop(fingerprint, None)
        if entry is not None:
            self._count -= 1
            self._touch_by_key.pop(_KEY.unpack_from(entry, _KEY_AT)[0], None)

    def _drop_oldest(self) -> None:
        self.is_complete = False
        largest = max(self._by_identity, key=lambda namespace: len(self._by_identity[namespace]))
        self._drop(largest, next(iter(self._by_identity[largest])))


def touch_at(ttl_ms: int | None, expires_ms: int | None) -> int:
    """When half of a time to live is used. One that has ended, or has none, is never renewed."""
    return NEVER_MS if ttl_ms is None or expires_ms is None else expires_ms - ttl_ms + ttl_ms // 2
