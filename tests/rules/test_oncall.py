"""Who is on call: compared with a calculation of its own, which writes out every hand-over of two years."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rules.model.oncall import Layer, Override, Rotation, Schedule, Turn, gaps, turn_at, turns
from rules.model.window import Pattern, Span, Window
from tests.rules.reading import at, rules

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Sydney")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 730


def when_the_clock_shows(day: date, minute: int, zone: str) -> datetime:
    """The first instant at which a clock on the wall shows that time, or a later one where that time is skipped."""
    wanted = (day, minute)
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minute) - timedelta(hours=13)
    while True:
        wall = instant.astimezone(ZoneInfo(zone))
        if (wall.date(), wall.hour * 60 + wall.minute) >= wanted:
            return instant
        instant += timedelta(minutes=30 if (wall.date() < day) and wall.hour < 20 else 1)


class Plain:
    """A list of hand-overs, written out by walking the calendar day by day."""

    def __init__(self, schedule: Schedule, until: date) -> None:
        self.schedule = schedule
        self.changes: list[tuple[datetime, str]] = []
        for number, rotation in enumerate(schedule.rotations):
            following = schedule.rotations[number + 1] if number + 1 < len(schedule.rotations) else None
            stop = None if following is None else self.first(following)
            end = None if rotation.until is None else self.first(rotation, rotation.until)
            turn, days = 0, 0
            day = self.first(rotation).astimezone(ZoneInfo(schedule.zone)).date()
            while day <= until:
                instant = when_the_clock_shows(day, rotation.handoff_minute, schedule.zone)
                if (stop is not None and instant >= stop) or (end is not None and instant >= end):
                    break
                if days % rotation.every_days == 0:
                    self.changes.append((instant, rotation.people[turn % len(rotation.people)]))
                    turn += 1
                day += timedelta(days=1)
                days += 1
            if end is not None and (stop is None or end < stop):
                self.changes.append((end, ""))

    def first(self, rotation: Rotation, after: datetime | None = None) -> datetime:
        after = after or rotation.starts
        day = after.astimezone(ZoneInfo(self.schedule.zone)).date()
        while True:
            instant = when_the_clock_shows(day, rotation.handoff_minute, self.schedule.zone)
            right_day = rotation.handoff_weekday in {None, day.weekday()}
            if right_day and instant >= after:
                return instant
            day += timedelta(days=1)

    def person(self, instant: datetime) -> str:
        found = ""
        for change, person in self.changes:
            if change <= instant:
                found = person
        for override in self.schedule.overrides:
            if override.begins <= instant < override.ends:
                found = override.person
        return found


def random_instants(seed: str, number: int) -> Iterator[datetime]:
    for count in range(number):
        digest = hashlib.blake2b(f"{seed} {count}".encode(), digest_size=8).digest()
        yield FIRST + timedelta(seconds=int.from_bytes(digest) % (DAYS * 86_400))


def clock_turns(zone: str) -> Iterator[datetime]:
    """Every quarter of an hour around the nights on which the zone's offset changes."""
    where = ZoneInfo(zone)
    for hour in range(DAYS * 24):
        instant = FIRST + timedelta(hours=hour)
        if instant.astimezone(where).utcoffset() != (instant + timedelta(hours=1)).astimezone(where).utcoffset():
            for quarter in range(-16, 17):
                yield instant + timedelta(minutes=15 * quarter)


def schedules(zone: str) -> list[Schedule]:
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    switch = datetime(2027, 3, 10, tzinfo=UTC)
    return [
        Schedule("weeks", zone, (Rotation(("a", "b", "c"), 7, 540, start, handoff_weekday=0),)),
        Schedule("days", zone, (Rotation(("a", "b"), 1, 150, start),)),
        Schedule("fortnights", zone, (Rotation(("a", "b"), 14, 150, start, handoff_weekday=6),)),
        Schedule(
            "changed",
            zone,
            (
                Rotation(("a", "b"), 2, 0, start, until=switch),
                Rotation(("b", "c", "a"), 7, 1439, switch, handoff_weekday=2),
            ),
            (
                Override("x", datetime(2026, 12, 24, 8, tzinfo=UTC), datetime(2026, 12, 27, 8, tzinfo=UTC)),
                Override("y", datetime(2026, 12, 25, 8, tzinfo=UTC), datetime(2026, 12, 25, 20, tzinfo=UTC)),
            ),
        ),
        Schedule(
            "gap",
            zone,
            (
                Rotation(("a",), 1, 600, start, until=datetime(2026, 6, 1, tzinfo=UTC)),
                Rotation(("b",), 1, 600, datetime(2026, 8, 1, tzinfo=UTC), until=datetime(2027, 6, 1, tzinfo=UTC)),
            ),
        ),
    ]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("number", range(5))
def test_two_years_of_turns(zone: str, number: int) -> None:
    schedule = schedules(zone)[number]
    plain = Plain(schedule, date(2028, 1, 10))
    instants = [*random_instants(f"{zone} {number}", 200), *clock_turns(zone)]
    assert len(instants) > 200 + 4 * 30
    for instant in instants:
        turn = turn_at(schedule, instant)
        assert turn.person == plain.person(instant), instant
        if turn.until is not None:
            assert turn.until > instant
            assert plain.person(turn.until - timedelta(seconds=1)) == turn.person, instant


SCHEDULES = """
timezone: Europe/Berlin
people: {alice: {email: alice@example.com}, bob: {email: bob@example.com}, lead: {email: lead@example.com}}
oncall:
  weekly:
    rotation: {people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02}
    overrides: [{person: lead, from: 2026-12-24T09:00, until: 2026-12-27T09:00}]
  other-zone:
    timezone: America/New_York
    rotation: {people: [alice, bob], every: 1d, handoff: 09:00, starts: 2026-11-02T10:00}
  changed:
    rotations:
      - {people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02, until: 2027-01-04}
      - {people: [bob, alice, lead], every: 1w, handoff: mon 09:00, starts: 2027-01-04}
"""


@pytest.mark.parametrize(
    ("name", "when", "person", "until"),
    [
        ("weekly", "2026-11-02T08:59+01:00", "", "2026-11-02T09:00+01:00"),
        ("weekly", "2026-11-02T09:00+01:00", "alice", "2026-11-09T09:00+01:00"),
        ("weekly", "2026-11-09T09:00+01:00", "bob", "2026-11-16T09:00+01:00"),
        ("weekly", "2026-12-23T09:00+01:00", "bob", "2026-12-24T09:00+01:00"),
        ("weekly", "2026-12-25T09:00+01:00", "lead", "2026-12-27T09:00+01:00"),
        # The first hand-over on or after 10:00 in New York is the next morning's.
        ("other-zone", "2026-11-03T08:00-05:00", "", "2026-11-03T09:00-05:00"),
        ("other-zone", "2026-11-03T09:00-05:00", "alice", "2026-11-04T09:00-05:00"),
        # The turn that began before the switch goes on until its hour.
        ("changed", "2027-01-04T08:59+01:00", "alice", "2027-01-04T09:00+01:00"),
        ("changed", "2027-01-04T09:00+01:00", "bob", "2027-01-11T09:00+01:00"),
    ],
)
def test_turns_as_written(name: str, when: str, person: str, until: str) -> None:
    assert turn_at(rules(SCHEDULES).schedules[name], at(when)) == Turn(person, at(until), is_override=person == "lead")


LAYERS = """
timezone: Europe/Berlin
people: {alice: {email: alice@example.com}, bob: {email: bob@example.com}, lead: {email: lead@example.com}}
oncall:
  split:
    layers:
      - {name: nights, hours: 18:00-09:00, rotation: {people: [alice, bob], every: 1w, handoff: mon 18:00, starts: 2026-11-02}}
      - {name: days, hours: 09:00-17:00, rotation: {people: [lead], every: 1w, handoff: mon 09:00, starts: 2026-11-02}}
    overrides: [{person: bob, from: 2026-11-05T12:00, until: 2026-11-05T20:00}]
  rest:
    timezone: UTC
    layers:
      - {name: early, hours: [06:00-08:00, 12:00-13:00], rotations: [{people: [bob], every: 1d, handoff: 06:00, starts: 2026-11-02, until: 2026-11-04}]}
      - {name: rest, rotation: {people: [alice], every: 1d, handoff: 00:00, starts: 2026-11-02}}
"""


@pytest.mark.parametrize(
    ("name", "when", "person", "until", "layer"),
    [
        ("split", "2026-11-02T17:59+01:00", "", "2026-11-02T18:00+01:00", ""),
        ("split", "2026-11-02T18:00+01:00", "alice", "2026-11-03T09:00+01:00", "nights"),
        ("split", "2026-11-03T03:00+01:00", "alice", "2026-11-03T09:00+01:00", "nights"),
        ("split", "2026-11-03T09:00+01:00", "lead", "2026-11-03T17:00+01:00", "days"),
        # Nothing is inherited: hours of no layer are nobody's.
        ("split", "2026-11-03T17:00+01:00", "", "2026-11-03T18:00+01:00", ""),
        # An override stands above every layer.
        ("split", "2026-11-05T12:00+01:00", "bob", "2026-11-05T20:00+01:00", ""),
        ("split", "2026-11-05T20:00+01:00", "alice", "2026-11-06T09:00+01:00", "nights"),
        # The night belongs to whose turn it is then: the hand-over is Monday 18:00.
        ("split", "2026-11-09T08:59+01:00", "alice", "2026-11-09T09:00+01:00", "nights"),
        ("split", "2026-11-09T18:00+01:00", "bob", "2026-11-10T09:00+01:00", "nights"),
        ("rest", "2026-11-02T06:00+00:00", "bob", "2026-11-02T08:00+00:00", "early"),
        ("rest", "2026-11-02T08:00+00:00", "alice", "2026-11-02T12:00+00:00", "rest"),
        # A layer in which nobody has the turn covers nothing.
        ("rest", "2026-11-05T06:30+00:00", "alice", "2026-11-05T08:00+00:00", "rest"),
    ],
)
def test_layers_as_written(name: str, when: str, person: str, until: str, layer: str) -> None:
    is_override = when.startswith("2026-11-05T12")
    assert turn_at(rules(LAYERS).schedules[name], at(when)) == Turn(person, at(until), is_override, layer)


@pytest.mark.parametrize("zone", ZONES)
def test_two_years_of_layers(zone: str) -> None:
    """The first layer whose hours a clock on the wall shows and in which somebody has the turn."""
    begins = datetime(2026, 1, 1, 12, tzinfo=UTC)
    nights, lunch = (Span(1080, 150),), (Span(720, 780), Span(840, 900))
    parts = (
        (nights, (Rotation(("a", "b"), 7, 1080, begins, handoff_weekday=0),)),
        (lunch, (Rotation(("c", "d"), 1, 0, begins, until=datetime(2027, 1, 1, tzinfo=UTC)),)),
        ((Span(120, 840),), (Rotation(("e",), 1, 540, begins),)),
    )
    layers = tuple(
        Layer(f"{number}", rotations, Window((Pattern(zone, hours=hours),)))
        for number, (hours, rotations) in enumerate(parts)
    )
    schedule = Schedule("layers", zone, layers=layers)
    plain = [Plain(Schedule("part", zone, rotations), date(2028, 1, 10)) for _, rotations in parts]

    def expected(instant: datetime) -> str:
        wall = instant.astimezone(ZoneInfo(zone))
        minute = wall.hour * 60 + wall.minute
        for (hours, _), part in zip(parts, plain, strict=True):
            inside = (
                span.start <= minute < span.end if span.start < span.end else minute >= span.start or minute < span.end
                for span in hours
            )
            if any(inside) and (person := part.person(instant)):
                return person
        return ""

    seen = set()
    for instant in [*random_instants(zone, 200), *clock_turns(zone)]:
        turn = turn_at(schedule, instant)
        assert turn.person == expected(instant), instant
        seen.add(turn.person)
        assert turn.until is not None
        assert turn.until > instant
        assert expected(turn.until - timedelta(seconds=1)) == turn.person, instant
    assert seen == {"a", "b", "c", "d", "e", ""}


def test_gaps() -> None:
    schedules = rules(LAYERS).schedules

    def found(name: str, after: str, until: str) -> list[tuple[datetime, datetime | None]]:
        return list(gaps(schedules[name], at(after), at(until)))

    assert found("split", "2026-11-03T10:00+01:00", "2026-11-05T17:00+01:00") == [
        (at("2026-11-03T17:00+01:00"), at("2026-11-03T18:00+01:00")),
        (at("2026-11-04T17:00+01:00"), at("2026-11-04T18:00+01:00")),
    ]
    # One that has begun counts from now.
    assert found("split", "2026-11-03T17:30+01:00", "2026-11-04T17:00+01:00") == [
        (at("2026-11-03T17:30+01:00"), at("2026-11-03T18:00+01:00"))
    ]
    assert found("rest", "2026-11-03T00:00+00:00", "2026-11-17T00:00+00:00") == []
    ended = Schedule("s", "UTC", (Rotation(("a",), 1, 0, FIRST, until=FIRST + timedelta(days=3)),))
    assert list(gaps(ended, FIRST, FIRST + timedelta(days=14))) == [(FIRST + timedelta(days=3), None)]
    assert list(gaps(ended, FIRST, FIRST + timedelta(days=3))) == []


def test_the_next_hand_overs() -> None:
    schedule = rules(SCHEDULES).schedules["weekly"]
    found = [
        (when.isoformat(), turn.person)
        for _, (when, turn) in zip(range(4), turns(schedule, at("2026-12-20T12:00+01:00")), strict=False)
    ]
    assert found == [
        ("2026-12-21T08:00:00+00:00", "bob"),
        ("2026-12-24T08:00:00+00:00", "lead"),
        ("2026-12-27T08:00:00+00:00", "bob"),
        ("2026-12-28T08:00:00+00:00", "alice"),
    ]


def test_turns_end_where_nothing_more_is_known() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    schedule = Schedule("s", "UTC", (Rotation(("a",), 1, 0, start, until=datetime(2026, 2, 1, tzinfo=UTC)),))
    assert [(when.date(), turn.person) for when, turn in turns(schedule, start)] == [(date(2026, 2, 1), "")]
    assert turn_at(Schedule("none", "UTC"), start) == Turn("", None)


def test_a_rotation_of_one_person_never_hands_over() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert list(turns(Schedule("s", "UTC", (Rotation(("a",), 1, 0, start),)), start)) == []
