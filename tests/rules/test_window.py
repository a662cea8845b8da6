"""Windows: the algebra in tables; zones, midnight and DST against a calculation that walks minute by minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.model.window import Dates, Pattern, Range, Span, Window, holds, instant, next_change
from tests.rules.reading import at, rules

WINDOWS = """
timezone: Europe/Berlin
windows:
  office: {days: [mon-fri], hours: 09:00-18:00, except: [holidays]}
  nights: {hours: 22:00-06:00}
  friday-night: {days: fri, hours: 22:00-06:00}
  weekend: {days: [sat-sun]}
  off: {not: [office]}
  holidays: {dates: [2026-12-24..2026-12-26, 2027-01-01]}
  last-day: {days_of_month: -1}
  first-week: {days_of_month: [1..7], months: [jan, jul-aug]}
  winter: {months: nov-feb}
  lunch-or-tea: {hours: [12:00-13:00, 16:00-16:30]}
  late: {hours: 20:00-24:00}
  london: {hours: 09:00-10:00, timezone: Europe/London}
  mixed: [{days: [sun]}, {hours: 00:00-01:00}]
  over-the-turn: {days: [sat-mon]}
"""

CASES = [
    ("office", "2026-11-20T09:00+01:00", True),
    ("office", "2026-11-20T08:59+01:00", False),
    ("office", "2026-11-20T18:00+01:00", False),
    ("office", "2026-11-21T12:00+01:00", False),
    ("office", "2026-12-24T12:00+01:00", False),
    ("nights", "2026-11-20T23:00+01:00", True),
    ("nights", "2026-11-20T05:59+01:00", True),
    ("nights", "2026-11-20T06:00+01:00", False),
    ("friday-night", "2026-11-21T05:00+01:00", True),
    ("friday-night", "2026-11-20T05:00+01:00", False),
    ("friday-night", "2026-11-20T22:00+01:00", True),
    ("friday-night", "2026-11-21T22:00+01:00", False),
    ("weekend", "2026-11-22T23:59+01:00", True),
    ("weekend", "2026-11-23T00:00+01:00", False),
    ("off", "2026-11-20T09:00+01:00", False),
    ("off", "2026-12-24T12:00+01:00", True),
    ("holidays", "2026-12-26T23:59+01:00", True),
    ("holidays", "2026-12-27T00:00+01:00", False),
    ("last-day", "2028-02-29T12:00+01:00", True),
    ("last-day", "2027-02-28T12:00+01:00", True),
    ("last-day", "2028-02-28T12:00+01:00", False),
    ("first-week", "2026-07-07T12:00+02:00", True),
    ("first-week", "2026-07-08T12:00+02:00", False),
    ("first-week", "2026-06-01T12:00+02:00", False),
    ("winter", "2026-01-15T12:00+01:00", True),
    ("winter", "2026-10-31T12:00+01:00", False),
    ("lunch-or-tea", "2026-01-15T16:29+01:00", True),
    ("lunch-or-tea", "2026-01-15T15:00+01:00", False),
    ("late", "2026-01-15T23:59+01:00", True),
    ("late", "2026-01-15T00:00+01:00", False),
    ("london", "2026-01-15T10:30+01:00", True),
    ("london", "2026-01-15T09:30+01:00", False),
    ("mixed", "2026-11-22T12:00+01:00", True),
    ("mixed", "2026-11-20T00:30+01:00", True),
    ("mixed", "2026-11-20T12:00+01:00", False),
    ("over-the-turn", "2026-11-23T12:00+01:00", True),
    ("over-the-turn", "2026-11-24T12:00+01:00", False),
]


@pytest.mark.parametrize(("name", "when", "expected"), CASES)
def test_holds(name: str, when: str, expected: bool) -> None:
    assert holds(rules(WINDOWS).windows[name].window, at(when)) is expected


@pytest.mark.parametrize(
    ("pattern", "holds_at", "ends_before"),
    [
        ("{days: [tue], hours: 22:00-06:00}", "2026-11-25T05:59+01:00", "2026-11-24T05:59+01:00"),
        ("{dates: [2026-12-24], hours: 22:00-06:00}", "2026-12-25T03:00+01:00", "2026-12-24T03:00+01:00"),
        ("{months: [dec], hours: 22:00-06:00}", "2027-01-01T03:00+01:00", "2026-12-01T03:00+01:00"),
        ("{days_of_month: [-1], hours: 22:00-06:00}", "2026-12-01T03:00+01:00", "2026-11-30T03:00+01:00"),
        # What it leaves out is asked of the instant itself: the night that began on the 26th goes on after the holidays.
        ("{hours: 22:00-06:00, except: [holidays]}", "2026-12-27T03:00+01:00", "2026-12-24T03:00+01:00"),
    ],
)
def test_one_that_crosses_midnight_belongs_to_the_day_it_begins_on(
    pattern: str, holds_at: str, ends_before: str
) -> None:
    window = rules(WINDOWS + f"  asked: {pattern}\n").windows["asked"].window
    assert holds(window, at(holds_at))
    assert not holds(window, at(ends_before))


def clock(start: int, end: int, zone: str = "Europe/Berlin") -> Window:
    return Window((Pattern(zone, hours=(Span(start, end),)),))


@pytest.mark.parametrize(
    ("window", "after", "changes"),
    [
        # 02:00 to 03:00 does not exist: what begins in it begins at 03:00.
        (clock(150, 240), "2026-03-29T00:00+01:00", ["03:00+02:00", "04:00+02:00"]),
        # Both ends in it: nothing is left of it that night.
        (clock(130, 170), "2026-03-28T12:00+01:00", ["02:10+02:00"]),
        # 02:00 to 03:00 exists twice, and so does the window.
        (clock(150, 165), "2026-10-25T00:00+02:00", ["02:30+02:00", "02:45+02:00", "02:30+01:00", "02:45+01:00"]),
        (clock(150, 210), "2026-10-25T00:00+02:00", ["02:30+02:00", "02:00+01:00", "02:30+01:00", "03:30+01:00"]),
        (clock(1320, 360), "2026-10-24T12:00+02:00", ["22:00+02:00", "06:00+01:00"]),
    ],
)
def test_nights_on_which_the_clock_turns(window: Window, after: str, changes: list[str]) -> None:
    now, found = at(after), []
    for _ in changes:
        change = next_change((window,), now)
        assert change is not None
        found.append(
            change.astimezone(ZoneInfo("Europe/Berlin")).isoformat()[11:16]
            + change.astimezone(ZoneInfo("Europe/Berlin")).isoformat()[19:]
        )
        now = change
    assert found == changes


def test_a_day_that_begins_at_one_in_the_morning() -> None:
    # Santiago skips midnight: the Sunday begins at 01:00.
    sunday = Window((Pattern("America/Santiago", days=(6,)),))
    assert next_change((sunday,), at("2026-09-05T12:00-04:00")) == at("2026-09-06T01:00-03:00")


def test_no_change_in_sight() -> None:
    always = Window((Pattern("UTC", days=tuple(range(7))),))
    past = Window((Pattern("UTC", dates=(Dates(date(2020, 1, 1), date(2020, 1, 2)),)),))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_change((always,), now) is None
    assert next_change((past,), now) is None
    assert next_change((), now) is None


def test_the_next_leap_day_is_found() -> None:
    leap = Window((Pattern("UTC", months=(2,), days_of_month=(Range(29, 29),)),))
    assert next_change((leap,), datetime(2096, 3, 1, tzinfo=UTC)) == datetime(2104, 2, 29, tzinfo=UTC)


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
"""Lord Howe turns its clock by half an hour only."""
NIGHTS = {
    "Europe/Berlin": (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)),
    "America/New_York": (datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 10, 3, tzinfo=UTC)),
}

spans = (
    st.tuples(st.integers(0, 95), st.integers(1, 96))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: Span(pair[0] * 15, pair[1] * 15))
)


@st.composite
def windows(draw: st.DrawFn, depth: int = 2) -> Window:
    zone = draw(st.sampled_from(ZONES))
    without = draw(st.lists(windows(depth - 1), max_size=1)) if depth else []
    patterns = [
        Pattern(
            zone=zone,
            days=tuple(sorted(draw(st.sets(st.integers(0, 6), max_size=4)))),
            hours=tuple(draw(st.lists(spans, max_size=2))),
            months=tuple(sorted(draw(st.sets(st.integers(1, 12), max_size=6)))),
            days_of_month=tuple(
                draw(st.lists(st.sampled_from([Range(1, 15), Range(-5, -1), Range(20, -2)]), max_size=1))
            ),
            without=tuple(without),
        )
        for _ in range(draw(st.integers(1, 2)))
    ]
    return Window(tuple(patterns))


@settings(max_examples=150, deadline=None)
@given(windows(), st.sampled_from(ZONES), st.integers(0, 1), st.integers(0, 2 * 24 * 60))
def test_the_next_change_is_the_first(window: Window, zone: str, night: int, minutes: int) -> None:
    start = NIGHTS[zone][night] + timedelta(minutes=minutes)
    before = holds(window, start)
    walked = start
    for _ in range(36 * 12):  # a day and a half in steps of five minutes
        walked += timedelta(minutes=5)
        if holds(window, walked) is not before:
            break
    else:
        walked = datetime.max.replace(tzinfo=UTC)
    found = next_change((window,), start)
    if walked.year == 9999:
        assert found is None or found > start + timedelta(hours=36)
    else:
        assert found is not None
        assert walked - timedelta(minutes=5) < found <= walked
        assert holds(window, found) is not before


def plainly_holds(hours: Span, days: set[int], zone: str, when: datetime) -> bool:
    """The same from what a wall clock shows, for one span: the day it belongs to is the day it began on."""
    wall = when.astimezone(ZoneInfo(zone))
    minute = wall.hour * 60 + wall.minute
    begins_today = minute >= hours.start and (minute < hours.end or hours.end <= hours.start)
    began_yesterday = hours.end <= hours.start and minute < hours.end
    yesterday = (wall.weekday() - 1) % 7
    return (begins_today and wall.weekday() in days) or (began_yesterday and yesterday in days)


@settings(max_examples=300, deadline=None)
@given(spans, st.sets(st.integers(0, 6), min_size=1), st.sampled_from(ZONES), st.integers(0, 1), st.integers(0, 2880))
def test_holds_is_what_the_wall_clock_says(hours: Span, days: set[int], zone: str, night: int, minutes: int) -> None:
    when = NIGHTS[zone][night] + timedelta(minutes=minutes)
    window = Window((Pattern(zone, days=tuple(sorted(days)), hours=(hours,)),))
    assert holds(window, when) is plainly_holds(hours, days, zone, when)


def plain_instant(day: date, minutes: int, zone: str) -> datetime:
    """Walks UTC minute by minute until the wall clock shows the time or, for the first time, a later one."""
    wanted = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    when = wanted.replace(tzinfo=UTC) - timedelta(hours=14)
    while when.astimezone(ZoneInfo(zone)).replace(tzinfo=None) < wanted:
        when += timedelta(minutes=1)
    return when


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 1), st.integers(0, 2), st.integers(0, 1439))
def test_an_instant_skipped_counts_from_the_next_minute(zone: str, night: int, offset: int, minutes: int) -> None:
    day = NIGHTS[zone][night].date() + timedelta(days=offset)
    assert instant(day, minutes, zone) == plain_instant(day, minutes, zone)
