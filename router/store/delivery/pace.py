"""How many calls of each method a notifier made lately, and whether one more may go out. Shared by all processes.

A minute's calls are counted in slices, so that a burst is free after a quiet minute and no minute ever holds more than
the allowance. Which methods there are, and how fast, each notifier says for itself.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from router.core.delivery import WORKSPACE_AGAIN_AFTER, Rate
from router.runtime.clock import from_ms, to_ms
from router.store.tables import pace

SLICE = timedelta(seconds=2)
_SLICE_MS = SLICE // timedelta(milliseconds=1)
_KEPT = timedelta(minutes=1) // SLICE + 1
"""Slices that may hold calls of the last minute."""

_Calls = list[tuple[int, int]]
"""(slice since the epoch, calls in it), the oldest first. Slices ahead of a clock that went back are not counted."""
_decode = msgspec.json.Decoder(_Calls).decode


_ALL = select(pace)


class Pacer:
    """The counts as one claim finds and leaves them."""

    def __init__(self, conn: Connection, now: datetime, rates: Mapping[str, Mapping[str, Rate]]) -> None:
        """`rates`: of each notifier, by method."""
        self._conn, self._now, self._rates = conn, now, rates
        self._slice = to_ms(now) // _SLICE_MS
        self._calls: dict[tuple[str, str], _Calls] = {}
        self._blocked: dict[tuple[str, str], datetime] = {}
        for row in conn.execute(_ALL):
            key = row.notifier, row.method
            self._calls[key] = [one for one in _decode(row.calls) if self._slice - _KEPT < one[0] <= self._slice]
            if row.blocked_until is not None and (row.blocked_until > now or not row.method):
                self._blocked[key] = row.blocked_until
        self._changed: set[tuple[str, str]] = set()
        self.free_at: datetime | None = None
        """When the first of those that were sent away may come again."""
        self.waited: set[tuple[str, str]] = set()
        """(notifier, method) for which something waited."""

    def take(self, notifier: str, method: str, *, is_news: bool) -> bool:
        """Whether one more call goes out now; it is counted."""
        until = self._wait(notifier, method, is_news=is_news)
        if until is not None:
            self.waited.add((notifier, method))
            self.free_at = until if self.free_at is None else min(self.free_at, until)
            return False
        if (notifier, "") in self._blocked:  # it was refused whole: one call finds out whether it is still
            self._blocked[notifier, ""] = again_at = self._now + WORKSPACE_AGAIN_AFTER
            block(self._conn, notifier, "", until=again_at)
        calls = self._calls.setdefault((notifier, method), [])
        if calls and calls[-1][0] == self._slice:
            calls[-1] = (self._slice, calls[-1][1] + 1)
        else:
            calls.append((self._slice, 1))
        self._changed.add((notifier, method))
        return True

    def save(self) -> None:
        for notifier, method in sorted(self._changed):
            _put(self._conn, notifier, method, calls=msgspec.json.encode(self._calls[notifier, method]).decode())

    def _wait(self, notifier: str, method: str, *, is_news: bool) -> datetime | None:
        """Until when, if not now."""
        for name in ("", method):
            if (blocked := self._blocked.get((notifier, name))) is not None and blocked > self._now:
                return blocked
        rate = self._rates.get(notifier, {}).get(method)
        if rate is None:
            return None
        calls = self._calls.get((notifier, method), [])
        over = sum(count for _, count in calls) - (rate.per_minute if is_news else rate.informational) + 1
        for number, count in calls:
            if over <= 0:
                break
            over -= count
            if over <= 0:
                return from_ms((number + _KEPT) * _SLICE_MS)
        return None


def block(conn: Connection, notifier: str, method: str, *, until: datetime) -> None:
    """The receiver asked for silence: of one method, or with "" of every one."""
    _put(conn, notifier, method, blocked_until=until)


_UNBLOCK = (
    update(pace)
    .where(pace.c.notifier == bindparam("b_notifier"), pace.c.method == "", pace.c.blocked_until.is_not(None))
    .values(blocked_until=None)
)


def unblock(conn: Connection, notifier: str) -> bool:
    """It takes calls again. Whether it did not."""
    return conn.execute(_UNBLOCK, {"b_notifier": notifier}).rowcount > 0


def note_reached(conn: Connection, notifier: str, failed_at: datetime | None) -> None:
    """Whether somebody answered there: None; else since when nobody does."""
    whole = (pace.c.notifier == notifier) & (pace.c.method == "")
    if failed_at is None:
        conn.execute(update(pace).where(whole, pace.c.failing_since.is_not(None)).values(failing_since=None))
    elif failing_since(conn, notifier) is None:
        _put(conn, notifier, "", failing_since=failed_at)


def failing_since(conn: Connection, notifier: str) -> datetime | None:
    """Since when no call was answered."""
    whole = (pace.c.notifier == notifier) & (pace.c.method == "")
    return conn.execute(select(pace.c.failing_since).where(whole)).scalar()


def is_blocked(conn: Connection, notifier: str) -> bool:
    """Whether every call was refused, and none has gone through since."""
    whole = (pace.c.notifier == notifier) & (pace.c.method == "") & pace.c.blocked_until.is_not(None)
    return conn.execute(select(pace.c.method).where(whole)).first() is not None


_CHANGE = update(pace).where(pace.c.notifier == bindparam("b_notifier"), pace.c.method == bindparam("b_method"))


def _put(conn: Connection, notifier: str, method: str, **values: object) -> None:
    if conn.execute(_CHANGE, {"b_notifier": notifier, "b_method": method, **values}).rowcount == 0:
        conn.execute(pace.insert(), {"notifier": notifier, "method": method, **values})
