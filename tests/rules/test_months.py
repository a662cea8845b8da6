"""Months of being on call, across changes of the clock: layers, rotations, overrides of the file and of people, and every step of
every round of a policy, against a second calculation that knows the calendar and none of the first's ways.

The second one asks a clock on the wall, every half hour.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rules.model.escalation_rounds import rounds
from rules.model.oncall import Override, Schedule, turn_at, turns
from rules.model.ruleset import RuleSet
from tests.rules.reading import rules
from tests.rules.test_oncall import Plain

QUICK = settings(deadline=None, derandomize=True, phases=[Phase.generate])
"""What fails is said as it was found: to shrink it takes minutes, and the rules are short."""
HALF_HOUR = timedelta(minutes=30)
DAYS = 38
SPRING, AUTUMN = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 9, 28, tzinfo=UTC)
"""The clocks change in each of the zones within the days that follow; in one of them by half an hour."""
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
PEOPLE = ("anna", "ben", "carl", "dora")
HOURS = ("", "09:00-18:00", "18:00-09:00", "[00:00-02:30, 12:00-14:00]", "01:30-03:30")
HANDOFFS = ("00:00", "02:30", "09:00", "18:00", "23:30")


class Part(NamedTuple):
    """A layer as it is written."""

    hours: str
    people: tuple[str, ...]
    days: int
    handoff: str
    weekday: str
    starts: date
    until: date | None

    def rotation(self) -> str:
        until = "" if self.until is None else f", until: {self.until}"
        handoff = f"{self.weekday} {self.handoff}" if self.weekday else f"'{self.handoff}'"
        every = f"{self.days // 7}w" if self.weekday else f"{self.days}d"
        people = ", ".join(self.people)
        return f"{{people: [{people}], every: {every}, handoff: {handoff}, starts: {self.starts}{until}}}"


class Written(NamedTuple):
    """One schedule, and what people made of it."""

    zone: str
    begins: datetime
    parts: tuple[Part, ...]
    of_file: tuple[Override, ...]
    made: tuple[Override, ...]

    def text(self, name: str) -> str:
        layers = ", ".join(
            f"{{name: l{number}{f', hours: {part.hours}' if part.hours else ''}, rotation: {part.rotation()}}}"
            for number, part in enumerate(self.parts)
        )
        overrides = ", ".join(
            f"{{person: {one.person}, from: '{one.begins.isoformat()}', until: '{one.ends.isoformat()}'}}"
            for one in self.of_file
        )
        return f"  {name}: {{timezone: {self.zone}, layers: [{layers}], overrides: [{overrides}]}}\n"


@st.composite
def parts(draw: st.DrawFn, begins: datetime) -> Part:
    is_weekly = draw(st.booleans())
    starts = begins.date() + timedelta(days=draw(st.integers(-20, 15)))
    until = draw(st.none() | st.integers(1, 40))
    return Part(
        hours=draw(st.sampled_from(HOURS)),
        people=tuple(draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3, unique=True))),
        days=draw(st.sampled_from((7, 14) if is_weekly else (1, 2, 5))),
        handoff=draw(st.sampled_from(HANDOFFS)),
        weekday=draw(st.sampled_from(("mon", "sun", "wed"))) if is_weekly else "",
        starts=starts,
        until=None if until is None else starts + timedelta(days=until),
    )


@st.composite
def overrides(draw: st.DrawFn, begins: datetime) -> Override:
    since = begins + draw(st.integers(0, DAYS * 48)) * HALF_HOUR
    span = draw(st.sampled_from((1, 3, 8, 48, 200))) * HALF_HOUR
    return Override(draw(st.sampled_from(PEOPLE)), since, since + span)


@st.composite
def schedules(draw: st.DrawFn) -> Written:
    begins = draw(st.sampled_from((SPRING, AUTUMN)))
    return Written(
        draw(st.sampled_from(ZONES)),
        begins,
        tuple(draw(st.lists(parts(begins), min_size=1, max_size=3))),
        tuple(draw(st.lists(overrides(begins), max_size=3))),
        tuple(draw(st.lists(overrides(begins), max_size=4))),
    )


class Second:
    """Who is on call, by the calendar."""

    def __init__(self, written: Written, schedule: Schedule) -> None:
        self._zone, self._last_first = ZoneInfo(written.zone), (*written.made[::-1], *written.of_file[::-1])
        until = (written.begins + timedelta(days=DAYS + 5)).date()
        self._layers = [
            (part.hours, Plain(Schedule("part", written.zone, layer.rotations), until))
            for part, layer in zip(written.parts, schedule.layers, strict=True)
        ]

    def person(self, at: datetime) -> str:
        for one in self._last_first:
            if one.begins <= at < one.ends:
                return one.person
        clock = at.astimezone(self._zone).strftime("%H:%M")
        for hours, turns_of in self._layers:
            if is_within(hours, clock) and (person := turns_of.person(at)):
                return person
        return ""


def is_within(hours: str, clock: str) -> bool:
    """Texts as they stand on a clock: "09:00" <= "17:30" < "18:00"."""
    spans = [one.strip().split("-") for one in hours.strip("[]").split(",")] if hours else [["00:00", "24:00"]]
    return any(begins <= clock < ends if begins < ends else clock >= begins or clock < ends for begins, ends in spans)


def loaded(written: Mapping[str, Written], more: str = "") -> RuleSet:
    people = ", ".join(f"{name}: {{email: {name}@example.com}}" for name in PEOPLE)
    text = "".join(one.text(name) for name, one in written.items())
    found = rules(f"people: {{{people}}}\noncall:\n{text}{more}")
    return found.with_overrides({name: one.made for name, one in written.items()})


@settings(QUICK, max_examples=20)
@given(schedules())
def test_who_is_on_call_every_half_hour_for_weeks(written: Written) -> None:
    schedule = loaded({"s": written}).schedules["s"]
    second = Second(written, schedule)
    end = written.begins + timedelta(days=DAYS)
    current, coming = (
        turn_at(schedule, written.begins).person,
        list(takewhile(lambda change: change[0] <= end, turns(schedule, written.begins))),
    )
    at = written.begins
    while at < end:
        while coming and coming[0][0] <= at:
            current = coming.pop(0)[1].person
        assert current == second.person(at), at
        if at.hour % 4 == 0:
            assert turn_at(schedule, at).person == current, at
        at += HALF_HOUR


class Reaches(NamedTuple):
    """One step as it is written."""

    after: int
    """Minutes."""
    to: str
    """A schedule or a person."""
    window: str
    """only | quiet | "" """
    hours: str


@st.composite
def policies(draw: st.DrawFn) -> tuple[tuple[Reaches, ...], int, int]:
    after, steps = 0, []
    for number in range(draw(st.integers(1, 5))):
        after += draw(st.integers(0 if number == 0 else 1, 600))
        to = draw(st.sampled_from(("s", "t", *PEOPLE[:2])))
        steps.append(Reaches(after, to, draw(st.sampled_from(("", "only", "quiet"))), draw(st.sampled_from(HOURS[1:]))))
    return tuple(steps), draw(st.integers(0, 6)), after + draw(st.integers(1, 900))


def expected(
    steps: Sequence[Reaches], repeat: int, every: int, at: datetime, seconds: Mapping[str, Second]
) -> list[tuple[int, int, datetime, tuple[str, ...]]]:
    """A round is gone through from the top. Until somebody is reached, and whenever nobody has the turn, the next step comes at
    once; what its window leaves out later only passes."""
    found = []
    for round_ in range(repeat + 1):
        began, at_once, has_reached = at + round_ * timedelta(minutes=every), None, False
        for number, step in enumerate(steps, 1):
            when = at_once or began + timedelta(minutes=step.after)
            clock = when.strftime("%H:%M")
            is_left_out = bool(step.window) and is_within(step.hours, clock) != (step.window == "only")
            on_call = seconds[step.to].person(when) if step.to in seconds else step.to
            people: tuple[str, ...] = () if is_left_out or not on_call else (on_call,)
            found.append((round_ + 1, number, when, people))
            at_once = when if not people and not (is_left_out and has_reached) else None
            has_reached = has_reached or bool(people)
    return found


@settings(QUICK, max_examples=50)
@given(schedules(), schedules(), policies(), st.integers(0, DAYS * 24))
def test_every_step_of_every_round_for_months(
    first: Written, second: Written, policy: tuple[tuple[Reaches, ...], int, int], hour: int
) -> None:
    steps, repeat, every = policy
    second = second._replace(begins=first.begins)
    texts = []
    for number, step in enumerate(steps):
        to = f"oncall: {step.to}" if step.to in {"s", "t"} else f"person: {step.to}"
        window = f", {step.window}: [w{number}]" if step.window else ""
        texts.append(f"{{after: {step.after}m, {to}{window}}}")
    windows = "".join(f"  w{number}: {{hours: {step.hours}, timezone: UTC}}\n" for number, step in enumerate(steps))
    again = f", repeat: {repeat}, every: {every}m" if repeat else ""
    more = f"windows:\n{windows}escalation: {{p: {{steps: [{', '.join(texts)}]{again}}}}}\n"
    found = loaded({"s": first, "t": second}, more)
    seconds = {name: Second(one, found.schedules[name]) for name, one in (("s", first), ("t", second))}
    at = first.begins + timedelta(hours=hour)
    calls = [(call.round, call.step, call.at, call.persons) for call in rounds(found.policies["p"], found, at)]
    assert calls == expected(steps, repeat, every, at, seconds)


def test_the_second_calculation_reads_what_is_written() -> None:
    """A mistake in it would be one of both."""
    part = Part("18:00-09:00", ("anna", "ben"), 7, "18:00", "mon", date(2026, 3, 2), None)
    made = Override("dora", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC))
    written = Written("Europe/Berlin", SPRING, (part,), (msgspec.structs.replace(made, person="carl"),), (made,))
    second = Second(written, loaded({"s": written}).schedules["s"])
    for text, person in {
        "2026-03-02T16:59+00:00": "",
        "2026-03-02T17:00+00:00": "anna",
        "2026-03-03T08:00+00:00": "",
        "2026-03-28T23:00+00:00": "ben",  # the fourth week
        "2026-03-29T00:30+00:00": "dora",
        "2026-03-29T01:30+00:00": "ben",
        "2026-03-29T06:59+00:00": "ben",
        "2026-03-29T07:00+00:00": "",  # nine o'clock, in summer
    }.items():
        assert second.person(datetime.fromisoformat(text)) == person, text
