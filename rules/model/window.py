"""Windows: when something holds. Owns the algebra (days, hours, months, dates, not, except) and its meaning in a zone.

Wall-clock time in an IANA zone: an hour that DST repeats holds twice; a time it skips counts from the next minute that
exists. A span that crosses midnight belongs to the day it begins on. Knows no route and never asks what time it is.
"""

import calendar
import functools
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

HORIZON_DAYS = 8 * 366
"""How far `next_change` looks: past the next 29 February, even across 2100."""

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class Span(msgspec.Struct, frozen=True):
    """Hours of a day in minutes since midnight; the end is exclusive. An end at or before the start is next day's."""

    start: int
    end: int

    @property
    def crosses_midnight(self) -> bool:
        return self.end <= self.start


class Range(msgspec.Struct, frozen=True):
    """Days of a month, both included; −1 is the last."""

    first: int
    last: int


class Dates(msgspec.Struct, frozen=True):
    """Calendar days, both included."""

    first: date
    last: date


class Pattern(msgspec.Struct, frozen=True):
    """Everything said must hold; what is not said (an empty tuple) holds always."""

    zone: str
    days: tuple[int, ...] = ()
    """0 is Monday."""
    hours: tuple[Span, ...] = ()
    months: tuple[int, ...] = ()
    days_of_month: tuple[Range, ...] = ()
    dates: tuple[Dates, ...] = ()
    without: "tuple[Window, ...]" = ()
    """None of these may hold: `not` and `except`."""


class Window(msgspec.Struct, frozen=True):
    """Holds when any of its patterns does."""

    any_of: tuple[Pattern, ...]


class NamedWindow(msgspec.Struct, frozen=True):
    """A window with the name its writer gave it. Carries the definition, so a stored snapshot needs no rules."""

    name: str
    window: Window


@functools.lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def holds(window: Window, at: datetime) -> bool:
    """Whether it holds at this aware instant."""
    return any(_pattern_holds(pattern, at) for pattern in window.any_of)


def any_holds(windows: Iterable[NamedWindow], at: datetime) -> NamedWindow | None:
    return next((named for named in windows if holds(named.window, at)), None)


def next_change(windows: tuple[Window, ...], after: datetime) -> datetime | None:
    """The first instant after `after` at which one of them begins or ceases to hold; None: not in eight years."""
    # Every boundary is a whole minute, so the answer is the same for all instants within one.
    return _next_change(windows, after.astimezone(UTC).replace(second=0, microsecond=0))


def instant(day: date, minutes: int, zone_name: str) -> datetime:
    """A wall-clock time as an instant: skipped by DST, the next minute that exists; repeated, the first of the two."""
    where = zone(zone_name)
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    early = wall.replace(tzinfo=where, fold=0).astimezone(UTC)
    if early.astimezone(where).replace(tzinfo=None) == wall:
        return early
    # Skipped: fold=1 reads the wall clock with the offset after the change, which lands before it; fold=0 after it.
    low, high = wall.replace(tzinfo=where, fold=1).astimezone(UTC), early
    offset = low.astimezone(where).utcoffset()
    while high - low > _MINUTE:
        middle = low + ((high - low) // 2 // _MINUTE) * _MINUTE
        if middle.astimezone(where).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _pattern_holds(pattern: Pattern, at: datetime) -> bool:
    wall = at.astimezone(zone(pattern.zone))
    today, minute = wall.date(), wall.hour * 60 + wall.minute
    if not pattern.hours:
        inside = _day_matches(pattern, today)
    else:
        inside = any(_span_holds(pattern, span, today, minute) for span in pattern.hours)
    return inside and not any(holds(window, at) for window in pattern.without)


def _span_holds(pattern: Pattern, span: Span, today: date, minute: int) -> bool:
    if not span.crosses_midnight:
        return span.start <= minute < span.end and _day_matches(pattern, today)
    if minute >= span.start and _day_matches(pattern, today):
        return True
    return minute < span.end and today > date.min and _day_matches(pattern, today - _DAY)


def _day_matches(pattern: Pattern, day: date) -> bool:
    if pattern.days and day.weekday() not in pattern.days:
        return False
    if pattern.months and day.month not in pattern.months:
        return False
    if pattern.dates and not any(dates.first <= day <= dates.last for dates in pattern.dates):
        return False
    if not pattern.days_of_month:
        return True
    length = calendar.monthrange(day.year, day.month)[1]
    return any(
        _from_end(span.first, length) <= day.day <= _from_end(span.last, length) for span in pattern.days_of_month
    )


def _from_end(number: int, length: int) -> int:
    return number if number > 0 else length + 1 + number


@functools.lru_cache(maxsize=4096)
def _next_change(windows: tuple[Window, ...], after: datetime) -> datetime | None:
    now = [holds(window, after) for window in windows]
    patterns = tuple(dict.fromkeys(_patterns(windows)))
    for offset in range(-1, HORIZON_DAYS, 7):
        found = sorted(at for at in _boundaries(patterns, after, offset, min(offset + 7, HORIZON_DAYS)) if at > after)
        for at in found:
            if [holds(window, at) for window in windows] != now:
                return at
    return None


def _patterns(windows: Iterable[Window]) -> Iterator[Pattern]:
    for window in windows:
        for pattern in window.any_of:
            yield pattern
            yield from _patterns(pattern.without)


def _boundaries(patterns: tuple[Pattern, ...], after: datetime, first: int, last: int) -> set[datetime]:
    """Every instant at which one of the patterns may change, on local days `first` to `last` − 1 counted from `after`."""
    found: set[datetime] = set()
    for pattern in patterns:
        where = zone(pattern.zone)
        start = after.astimezone(where).date() + first * _DAY
        before = _day_matches(pattern, start - _DAY)
        for number in range(last - first):
            day = start + number * _DAY
            matches = _day_matches(pattern, day)
            if not pattern.hours:
                if matches != before:
                    found |= _both(day, 0, pattern.zone)
            elif matches:
                for span in pattern.hours:
                    end = span.end + 1440 if span.crosses_midnight else span.end
                    found |= _both(day, span.start, pattern.zone) | _both(day, end, pattern.zone)
                    found |= _turns_of_clock(day, pattern.zone, crosses_midnight=span.crosses_midnight)
            before = matches
    return found


def _both(day: date, minutes: int, zone_name: str) -> set[datetime]:
    """A wall-clock time as the one or two instants it is."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    late = wall.replace(tzinfo=zone(zone_name), fold=1).astimezone(UTC)
    return {instant(day, minutes, zone_name), late}


def _turns_of_clock(day: date, zone_name: str, *, crosses_midnight: bool) -> set[datetime]:
    """The instants at which the zone's offset changes on this day (and the next, for a span that reaches into it)."""
    where, found = zone(zone_name), set()
    for number in range(2 if crosses_midnight else 1):
        low = datetime.combine(day + number * _DAY, time(), where).astimezone(UTC)
        high = datetime.combine(day + (number + 1) * _DAY, time(), where).astimezone(UTC)
        before, after = low.astimezone(where).utcoffset(), high.astimezone(where).utcoffset()
        if before == after:
            continue
        while high - low > _MINUTE:
            middle = low + ((high - low) // 2 // _MINUTE) * _MINUTE
            if middle.astimezone(where).utcoffset() == before:
                low = middle
            else:
                high = middle
        found.add(high)
    return found
