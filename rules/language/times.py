"""The words of the language that speak of time: durations, instants, zones, hours, days, turns."""

import functools
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec

from rules.language.shape import Place, Schema, close_to, shown, text_of
from rules.language.yaml import Items, Node, Scalar
from rules.model.oncall import Morning, midnight, wall
from rules.model.window import Dates, Range, Span

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", re.ASCII)
_YEARS = range(2000, 2200)


class Duration:
    """A duration such as 90s, 10m, 1h30m, 2d or 1w."""

    def __init__(self, least: timedelta = timedelta(0)) -> None:
        self.least = least
        self.expected = "a duration such as 90s, 10m, 1h30m, 2d or 1w"

    def read(self, node: Node, place: Place) -> timedelta | None:
        if isinstance(node, Scalar) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            hint = f"{node.text}s or {node.text}m" if isinstance(node.value, int) else ""
            place.error(node, f"{node.text} what?", expected=self.expected, hint=f"write {hint}" if hint else "")
            return None
        found = duration(text_of(node) or "")
        if found is None:
            place.error(node, f"found {shown(node)}", expected=self.expected)
        elif found < self.least:
            place.error(node, f"found {shown(node)}", expected=f"at least {said(self.least)}")
            return None
        return found

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": "^(?=.)([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"}


def duration(text: str) -> timedelta | None:
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return None
    seconds = sum(int(number) * unit for number, unit in zip(match.groups(), _UNITS.values(), strict=True) if number)
    return timedelta(seconds=seconds) if seconds <= 3660 * 86_400 else None


def said(span: timedelta) -> str:
    """A duration as it is written in the file."""
    rest, text = int(span.total_seconds()), ""
    for name, unit in _UNITS.items():
        number, rest = divmod(rest, unit)
        text += f"{number}{name}" if number else ""
    return text or "0s"


class Moment(msgspec.Struct, frozen=True):
    """An instant as written: aware, or a wall-clock time still to be placed in its entry's zone."""

    at: datetime
    is_date: bool

    def placed(self, zone_name: str) -> datetime:
        if self.at.tzinfo is not None:
            return self.at.astimezone(UTC)
        return midnight(self.at.date(), zone_name) if self.is_date else wall(self.at, zone_name)


class Instant:
    """RFC 3339, seconds optional; without an offset in the entry's zone."""

    expected = "an instant such as 2026-12-01T20:00, 2026-12-01T20:00Z or 2026-12-01T20:00+01:00"

    def read(self, node: Node, place: Place) -> Moment | None:
        found = moment(text_of(node) or "")
        if found is None:
            place.error(node, f"found {shown(node)}", expected=self.expected)
        return found

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?$",
        }


_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)


def moment(text: str) -> Moment | None:
    match = _INSTANT.fullmatch(text)
    day = day_of(match.group(1)) if match is not None else None
    if match is None or day is None:
        return None
    _, hour, minute, second, offset = match.groups()
    if hour is None:
        return Moment(datetime.combine(day, time()), is_date=True)
    try:
        at = datetime.combine(day, time(int(hour), int(minute), int(second or 0)))
        if offset is None:
            return Moment(at, is_date=False)
        if offset in "Zz":
            return Moment(at.replace(tzinfo=UTC), is_date=False)
        shift = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6]))
        return Moment(at.replace(tzinfo=timezone(shift if offset[0] == "+" else -shift)), is_date=False)
    except ValueError:
        return None


def day_of(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in _YEARS else None


_ABBREVIATED = {
    "CEST": "Europe/Berlin",
    "BST": "Europe/London",
    "EEST": "Europe/Helsinki",
    "WEST": "Europe/Lisbon",
    "MSK": "Europe/Moscow",
    "EDT": "America/New_York",
    "CDT": "America/Chicago",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "JST": "Asia/Tokyo",
    "SGT": "Asia/Singapore",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
}
"""One of the places that say so. Those that IANA knows itself, such as CET and EST, are taken as zones."""


class Zone:
    """An IANA time zone."""

    expected = "an IANA time zone such as Europe/Berlin, or UTC"

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node) or ""
        if text and _zone_exists(text):
            return text
        known = available_timezones()
        by_place = {name.rpartition("/")[2].lower(): name for name in sorted(known, key=len, reverse=True)}
        near = by_place.get(text.rpartition("/")[2].replace(" ", "_").lower())
        hint = f"did you mean {near}?" if near else close_to(text, known)
        if re.fullmatch(r"[A-Z]{2,5}|(UTC|GMT) ?[+-].*", text, re.ASCII):
            place_of = _ABBREVIATED.get(text, "")
            hint = "an abbreviation stands for no place and its summer time" + (
                f": write {place_of}" if place_of else ""
            )
        place.error(node, f"unknown time zone {shown(node)}", expected=self.expected, hint=hint)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "minLength": 1}


@functools.lru_cache(maxsize=1024)
def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


class Hours:
    """Hours such as 09:00-18:00, or a list of them; the end is exclusive and may lie on the next day."""

    expected = "hours such as 09:00-18:00 or 22:00-06:00, or a list of such"
    one = re.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)", re.ASCII)

    def read(self, node: Node, place: Place) -> tuple[Span, ...] | None:
        if isinstance(node, Items) and node.items:
            found = [self._span(item, place.item(number)) for number, item in enumerate(node.items)]
            return tuple(span for span in found if span is not None) if all(found) else None
        span = self._span(node, place)
        return None if span is None else (span,)

    def _span(self, node: Node, place: Place) -> Span | None:
        match = self.one.fullmatch(text_of(node) or "")
        if match is None:
            place.error(node, f"found {shown(node)}", expected=self.expected)
            return None
        a, b, c, d = map(int, match.groups())
        start, end = a * 60 + b, c * 60 + d
        if b > 59 or d > 59 or start >= 1440 or end > 1440:
            place.error(node, f"found {shown(node)}", expected="times from 00:00 to 24:00")
            return None
        if start == end:
            place.error(node, f"{shown(node)} begins when it ends", expected="hours; for the whole day leave hours out")
            return None
        return Span(start, end)

    def schema(self, _: dict[str, Schema], /) -> Schema:
        one = {"type": "string", "pattern": r"^[0-2]\d:[0-5]\d\s*-\s*[0-2]\d:[0-5]\d$"}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Names:
    """Days of the week or months, one by one or from-to; a list of them. Reads to numbers from `first` on."""

    def __init__(self, names: tuple[str, ...], what: str, first: int) -> None:
        self.names, self.first = names, first
        self.expected = f"{what} such as [{names[0]}-{names[4]}] or [{names[-1]}]"

    def read(self, node: Node, place: Place) -> tuple[int, ...] | None:
        if isinstance(node, Items) and node.items:
            found = [self._one(item, place.item(number)) for number, item in enumerate(node.items)]
            if any(one is None for one in found):
                return None
            return tuple(sorted({number for one in found for number in one or ()}))
        one = self._one(node, place)
        return None if one is None else tuple(sorted(one))

    def _one(self, node: Node, place: Place) -> list[int] | None:
        text = text_of(node) or ""
        begin, _, end = text.partition("-")
        last = end or begin
        if begin in self.names and last in self.names and not text.endswith("-"):
            start, stop = self.names.index(begin), self.names.index(last)
            count = (stop - start) % len(self.names) + 1
            return [(start + step) % len(self.names) + self.first for step in range(count)]
        short = [word[:3].lower() for word in text.split("-")]
        hint = f"write {'-'.join(short)}" if all(word in self.names for word in short) else ""
        place.error(node, f"found {shown(node)}", expected=self.expected, hint=hint)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        names = "|".join(self.names)
        one = {"type": "string", "pattern": f"^({names})(-({names}))?$"}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


class DaysOfMonth:
    """Days of the month, −1 being the last; `1..7` from-to."""

    expected = "days of the month such as [1, 15, -1] or [1..7, -3..-1]"

    def read(self, node: Node, place: Place) -> tuple[Range, ...] | None:
        items = node.items if isinstance(node, Items) else (node,)
        found = [self._one(item, place.item(number)) for number, item in enumerate(items)]
        if not items:
            place.error(node, "an empty list", expected=self.expected)
        return tuple(one for one in found if one is not None) if found and all(found) else None

    def _one(self, node: Node, place: Place) -> Range | None:
        text = node.text if isinstance(node, Scalar) else ""
        match = re.fullmatch(r"(-?\d{1,2})(?:\.\.(-?\d{1,2}))?", text, re.ASCII)
        if match is not None:
            first, last = int(match.group(1)), int(match.group(2) or match.group(1))
            in_bounds = all(1 <= abs(number) <= 31 for number in (first, last))
            if in_bounds and ((first > 0) != (last > 0) or first <= last):
                return Range(first, last)
        place.error(node, f"found {shown(node)}", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        one = {
            "anyOf": [
                {"type": "integer", "minimum": -31, "maximum": 31},
                {"type": "string", "pattern": r"^-?\d{1,2}(\.\.-?\d{1,2})?$"},
            ]
        }
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


class DatesList:
    """Calendar days, one by one or from..to, both included."""

    expected = "dates such as [2026-12-24, 2026-12-31..2027-01-02]"

    def read(self, node: Node, place: Place) -> tuple[Dates, ...] | None:
        items = node.items if isinstance(node, Items) else (node,)
        found = [self._one(item, place.item(number)) for number, item in enumerate(items)]
        if not items:
            place.error(node, "an empty list", expected=self.expected)
        return tuple(one for one in found if one is not None) if found and all(found) else None

    def _one(self, node: Node, place: Place) -> Dates | None:
        begin, dots, end = (text_of(node) or "").partition("..")
        first = day_of(begin)
        last = day_of(end) if dots else first
        if first is not None and last is not None and first <= last:
            return Dates(first, last)
        place.error(node, f"found {shown(node)}", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        one = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d(\.\.\d{4}-\d\d-\d\d)?$"}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


class Handoff(msgspec.Struct, frozen=True):
    """When people hand over: a time, and a day of the week where turns are weeks."""

    weekday: int | None
    minute: int


class MorningTime:
    """`mon-fri 09:00`; `09:00` is that too: weekdays."""

    expected = "a time such as 09:00, which is on weekdays, or with its days: mon-fri 09:00, mon 08:30"

    def read(self, node: Node, place: Place) -> Morning | None:
        match = re.fullmatch(r"(?:([a-z]{3})(?:-([a-z]{3}))? +)?(\d\d):(\d\d)", text_of(node) or "", re.ASCII)
        if match is not None:
            first, last = match[1] or DAYS[0], match[2] or match[1] or DAYS[4]
            minute = int(match[3]) * 60 + int(match[4])
            if first in DAYS and last in DAYS and minute < 1440 and int(match[4]) < 60:
                begin = DAYS.index(first)
                count = (DAYS.index(last) - begin) % 7 + 1
                return Morning(tuple(sorted((begin + number) % 7 for number in range(count))), minute)
        place.error(node, f"found {shown(node)}", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        day = "|".join(DAYS)
        return {"type": "string", "pattern": f"^(({day})(-({day}))? +)?[0-2]\\d:[0-5]\\d$"}


class HandoffTime:
    """`mon 09:00`, or `09:00` where turns are days."""

    expected = "mon 09:00, or for turns of days 09:00"

    def read(self, node: Node, place: Place) -> Handoff | None:
        match = re.fullmatch(r"(?:([a-z]{3}) +)?(\d\d):(\d\d)", text_of(node) or "", re.ASCII)
        if match is not None:
            day, hour, minute = match.groups()
            if (day is None or day in DAYS) and int(hour) < 24 and int(minute) < 60:
                return Handoff(None if day is None else DAYS.index(day), int(hour) * 60 + int(minute))
        place.error(node, f"found {shown(node)}", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": f"^(({'|'.join(DAYS)}) +)?[0-2]\\d:[0-5]\\d$"}


class TurnLength:
    """How long a turn is, in days: whole days or weeks."""

    expected = "whole days or weeks such as 1d, 1w or 2w"

    def read(self, node: Node, place: Place) -> int | None:
        match = re.fullmatch(r"([1-9]\d{0,2})([dw])", text_of(node) or "", re.ASCII)
        if match is None:
            place.error(node, f"found {shown(node)}", expected=self.expected)
            return None
        return int(match.group(1)) * (7 if match.group(2) == "w" else 1)

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": "^[1-9][0-9]{0,2}[dw]$"}
