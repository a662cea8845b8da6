"""How many calls of each method Slack was sent lately, and whether one more may go out. Shared by all processes.

A minute's calls are counted in slices, so that a burst is free after a quiet minute and no minute ever holds more than
the allowance (SLACK §1: windows of a minute, per method and workspace).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, select, update

from router.runtime.clock import from_ms, to_ms
from router.store.tables import pace

SLICE = timedelta(seconds=2)
_SLICE_MS = SLICE // timedelta(milliseconds=1)
_KEPT = timedelta(minutes=1) // SLICE + 1
"""Slices that may hold calls of the last minute."""

_Calls = list[tuple[int, int]]
"""(slice since the epoch, calls in it), the oldest first. Slices ahead of a clock that went back are not counted."""
_decode = msgspec.json.Decoder(_Calls).decode


class Rate(msgspec.Struct, frozen=True):
    """A method's allowance in one workspace, calls in any minute."""

    per_minute: int
    informational: int
    """Of these, what may be used for calls that nobody waits for."""


class Pacer:
    """The counts as one claim finds and leaves them."""

    def __init__(self, conn: Connection, now: datetime, rates: Mapping[str, Rate]) -> None:
        self._conn, self._now, self._rates = conn, now, rates
        self._slice = to_ms(now) // _SLICE_MS
        self._calls: dict[tuple[str, str], _Calls] = {}
        self._blocked: dict[tuple[str, str], datetime] = {}
        for row in conn.execute(select(pace)):
            key = row.workspace, row.method
            self._calls[key] = [one for one in _decode(row.calls) if self._slice - _KEPT < one[0] <= self._slice]
            if row.blocked_until is not None and row.blocked_until > now:
                self._blocked[key] = row.blocked_until
        self._changed: set[tuple[str, str]] = set()
        self.free_at: datetime | None = None
        """When the first of those that were sent away may come again."""
        self.waited: set[str] = set()

    def free(self, method: str) -> datetime | None:
        """Until when no more news goes out by this method in any workspace; None: some may go now."""
        waits = [self._wait(workspace, method, is_news=True) for workspace in {name for name, _ in self._calls}]
        return None if None in waits else min((at for at in waits if at is not None), default=None)

    def take(self, workspace: str, method: str, *, is_news: bool) -> bool:
        """Whether one more call goes out now; it is counted."""
        until = self._wait(workspace, method, is_news=is_news)
        if until is not None:
            self.send_away(method, until)
            return False
        calls = self._calls.setdefault((workspace, method), [])
        if calls and calls[-1][0] == self._slice:
            calls[-1] = (self._slice, calls[-1][1] + 1)
        else:
            calls.append((self._slice, 1))
        self._changed.add((workspace, method))
        return True

    def send_away(self, method: str, until: datetime) -> None:
        """Something waits for its pace."""
        self.waited.add(method)
        self.free_at = until if self.free_at is None else min(self.free_at, until)

    def save(self) -> None:
        for workspace, method in sorted(self._changed):
            _put(self._conn, workspace, method, calls=msgspec.json.encode(self._calls[workspace, method]).decode())

    def _wait(self, workspace: str, method: str, *, is_news: bool) -> datetime | None:
        """Until when, if not now."""
        for name in ("*", method):
            if (blocked := self._blocked.get((workspace, name))) is not None:
                return blocked
        rate = self._rates.get(method)
        if rate is None:
            return None
        calls = self._calls.get((workspace, method), [])
        over = sum(count for _, count in calls) - (rate.per_minute if is_news else rate.informational) + 1
        for number, count in calls:
            if over <= 0:
                break
            over -= count
            if over <= 0:
                return from_ms((number + _KEPT) * _SLICE_MS)
        return None


def block(conn: Connection, workspace: str, method: str, *, until: datetime) -> None:
    """Slack asked for silence: of one method, or with "*" of the whole workspace."""
    _put(conn, workspace, method, blocked_until=until)


def _put(conn: Connection, workspace: str, method: str, **values: object) -> None:
    where = (pace.c.workspace == workspace) & (pace.c.method == method)
    if conn.execute(update(pace).where(where).values(values)).rowcount == 0:
        conn.execute(pace.insert().values(workspace=workspace, method=method, **values))
