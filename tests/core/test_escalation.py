"""What is carried out is what was shown beforehand: random policies, schedules and windows, across changes of the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.escalation import Taken, another_round, carry_on, resumed
from rules.model.escalation import OnCall, Policy, Position, Step, begin, distance, take
from rules.model.escalation_rounds import Call, rounds
from rules.model.oncall import Person, Rotation, Schedule
from rules.model.ruleset import RuleSet
from rules.model.window import NamedWindow, Pattern, Span, Window
from tests.rules.reading import rules
from tests.rules.test_oncall import Plain

MINUTE = timedelta(minutes=1)
ZONE = "Europe/Berlin"
AROUND = (
    datetime(2026, 3, 28, 12, tzinfo=UTC),
    datetime(2026, 10, 24, 12, tzinfo=UTC),
    datetime(2026, 6, 1, tzinfo=UTC),
)
"""Two days about each turn of the clock, and a summer's night."""
PEOPLE = {name: Person(name, f"{name}@example.com") for name in ("ann", "ben", "cleo", "dan")}
ROOT = rules('routing: {channel: "#a"}').root

minutes = st.integers(0, 24 * 60 - 1)
schedules = st.builds(
    lambda people, every, handoff, starts: Schedule(
        "s", ZONE, (Rotation(tuple(people), every, handoff, AROUND[0] - timedelta(days=40) + starts * MINUTE),)
    ),
    st.lists(st.sampled_from(sorted(PEOPLE)), min_size=1, max_size=3),
    st.integers(1, 3),
    minutes,
    st.integers(0, 5 * 24 * 60) | st.integers(38 * 24 * 60, 42 * 24 * 60),
)
windows = st.builds(
    lambda start, end: NamedWindow("w", Window((Pattern(ZONE, hours=(Span(start, end),)),))), minutes, minutes
)
kept = st.just(()) | windows.map(lambda one: (one,))
steps = st.builds(
    lambda whom, only, quiet: msgspec.structs.replace(whom, only=only, quiet=quiet),
    st.sampled_from(
        (
            Step(schedule="s"),
            Step(schedule="gone"),
            Step(persons=("ann", "dan")),
            Step(persons=("unknown",)),
            Step(channels=("#x",)),
            Step(webhook="phone"),
            Step(groups=("@db",)),
        )
    ),
    kept,
    kept,
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    found = draw(st.lists(steps, min_size=1, max_size=5))
    apart = draw(st.lists(st.integers(1, 90), min_size=len(found), max_size=len(found)))
    apart[0] = draw(st.integers(0, 60))
    afters = [sum(apart[: number + 1]) for number in range(len(found))]
    repeat = draw(st.integers(0, 3))
    every = (afters[-1] + draw(st.integers(1, 300))) * MINUTE if repeat else None
    timed = (msgspec.structs.replace(one, after=after * MINUTE) for one, after in zip(found, afters, strict=True))
    return Policy("p", tuple(timed), repeat, every)


begins = st.builds(lambda day, after: day + after * MINUTE, st.sampled_from(AROUND), st.integers(0, 48 * 60))


def ruleset(policy: Policy, schedule: Schedule) -> RuleSet:
    return RuleSet(ROOT, zone_name=ZONE, people=PEOPLE, schedules={"s": schedule}, policies={"p": policy})


def plainly(policy: Policy, schedule: Schedule, at: datetime) -> Iterator[tuple[int, int, datetime, tuple[str, ...]]]:
    """A second calculation, that shares nothing with the first: round, step, instant, and who."""
    shifts = Plain(schedule, (at + timedelta(days=3)).date())
    for number in range(policy.repeat + 1):
        began = at + number * (policy.every or timedelta(0))
        somebody, now = False, None
        for place, step in enumerate(policy.steps):
            instant = now if now is not None else began + step.after
            now = None
            is_out = any(_shows(one, instant) for one in step.quiet) or (
                step.only != () and not any(_shows(one, instant) for one in step.only)
            )
            who = () if is_out else _who(step, shifts, instant)
            yield number + 1, place + 1, instant, who
            if not who and (not is_out or not somebody):
                now = instant
            somebody = somebody or who != ()


def _who(step: Step, shifts: Plain, instant: datetime) -> tuple[str, ...]:
    if step.schedule == "s":
        before = [person for begun, person in sorted(shifts.changes) if begun <= instant]
        return (before[-1],) if before and before[-1] else ()
    named = tuple(name for name in step.persons if name in PEOPLE)
    return (*named, *step.channels, *step.groups, *((step.webhook,) if step.webhook else ()))


def _shows(one: NamedWindow, instant: datetime) -> bool:
    """Whether the clock on the wall is within its hours, the end of which is not."""
    [span] = one.window.any_of[0].hours
    wall = instant.astimezone(ZoneInfo(ZONE)).time()
    shown = wall.hour * 60 + wall.minute
    return span.start <= shown < span.end if span.start < span.end else shown >= span.start or shown < span.end


def told(call: Call) -> tuple[str, ...]:
    return (*call.persons, *call.channels, *call.groups, *call.webhooks)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(policies(), schedules, begins)
def test_what_is_shown_is_what_a_plain_calculation_finds(policy: Policy, schedule: Schedule, at: datetime) -> None:
    shown = [(one.round, one.step, one.at, told(one)) for one in rounds(policy, ruleset(policy, schedule), at)]
    assert shown == list(plainly(policy, schedule, at))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(policies(), schedules, begins)
def test_what_is_carried_out_is_what_was_shown(policy: Policy, schedule: Schedule, at: datetime) -> None:
    """An unacknowledged incident whose page is looked at whenever something of it is due."""
    there = ruleset(policy, schedule)
    done: list[tuple[int, int, datetime, tuple[str, ...]]] = []
    position: Position | None = begin(policy, at)
    while position is not None:
        now = position.due
        carried = carry_on(policy, position, now, there.reached)
        done += [(one.round, one.step, now, names(one.found)) for one in carried.taken if not one.found.nobody]
        assert carried.following is None or carried.following.due > now
        position = carried.following
    assert done == [(*one[:3], one[3]) for one in plainly(policy, schedule, at) if one[3]]


def names(found: OnCall) -> tuple[str, ...]:
    people = tuple(person.name for person in found.persons)
    return (*people, *found.channels, *found.groups, *found.webhooks)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(policies(), schedules, begins, st.lists(st.integers(1, 400), max_size=8))
def test_whenever_it_is_looked_at_nothing_is_missed_and_nothing_comes_twice(
    policy: Policy, schedule: Schedule, at: datetime, pauses: list[int]
) -> None:
    """Nobody looks for hours; what fell due meanwhile is done in order, each step of the policy once."""
    asked: list[tuple[int, datetime]] = []
    there = ruleset(policy, schedule)

    def reached(step: Step, instant: datetime) -> OnCall:
        asked.append((policy.steps.index(step), instant))
        return there.reached(step, instant)

    position: Position | None = begin(policy, at)
    now = at
    for pause in (*pauses, 100_000):
        now += pause * MINUTE
        if position is None:
            break
        before = position
        carried = carry_on(policy, position, now, reached)
        position = carried.following
        steps_taken = [one.step for one in carried.taken]
        assert len(set(steps_taken)) == len(steps_taken)
        assert [(one.round, one.step) for one in carried.taken] == sorted(
            (one.round, one.step) for one in carried.taken
        )
        assert all(one.round >= before.round for one in carried.taken)
        assert position is None or position.due > now
    assert position is None
    assert len(asked) == len(policy.steps) * (policy.repeat + 1), "every step of every round was asked for, once"


@settings(deadline=None, derandomize=True, max_examples=60)
@given(policies(), begins, st.integers(0, 6), st.integers(0, 600), st.booleans())
def test_where_it_was_stopped_it_goes_on(
    policy: Policy, at: datetime, taken: int, stopped_for: int, at_once: bool
) -> None:
    """The steps after it keep their distance from the one that was to come."""
    there = ruleset(policy, Schedule("s", ZONE))
    position: Position | None = begin(policy, at)
    for _ in range(taken):
        if position is not None:
            position = take(policy, position, position.due, there.reached)[1]
    if position is None:
        return
    now = position.due + stopped_for * MINUTE
    there_again = resumed(policy, position, now, at_once=at_once)
    assert there_again.due == (now if at_once else now + distance(policy, position))
    assert (there_again.round, there_again.step) == (position.round, position.step)
    assert there_again.due - there_again.began == position.due - position.began
    gone = resumed(None, position, now, at_once=False)
    assert gone.due == now


def test_the_distance_of_a_step_is_from_the_one_before_it() -> None:
    steps_of = tuple(Step(after=after * MINUTE, persons=("ann",)) for after in (5, 15, 40))
    policy = Policy("p", steps_of, 1, 60 * MINUTE)
    at = AROUND[0]
    distances = [distance(policy, Position(1, step, at, at)) for step in (1, 2, 3)]
    assert distances == [5 * MINUTE, 10 * MINUTE, 25 * MINUTE]
    assert distance(policy, Position(2, 1, at, at)) == 25 * MINUTE
    assert distance(policy, Position(1, 9, at, at)) == 25 * MINUTE, "of a policy that has become shorter: its last"


def test_one_more_round_begins_now_with_its_first_step() -> None:
    policy = Policy("p", (Step(after=5 * MINUTE, persons=("ann",)), Step(after=15 * MINUTE, persons=("ben",))))
    now = AROUND[0]
    position = another_round(policy, 1, now)
    carried = carry_on(policy, position, now, ruleset(policy, Schedule("s", ZONE)).reached)
    assert [(one.round, one.step) for one in carried.taken] == [(2, 1)]
    assert carried.following is not None
    assert carried.following.due == now + 10 * MINUTE
    last = carry_on(policy, carried.following, carried.following.due, ruleset(policy, Schedule("s", ZONE)).reached)
    assert last.following is None


def test_a_policy_that_has_become_shorter_goes_on_with_its_next_round() -> None:
    policy = Policy("p", (Step(persons=("ann",)),), 1, 60 * MINUTE)
    at = AROUND[0]
    carried = carry_on(
        policy, Position(1, 3, at, at + 20 * MINUTE), at + 20 * MINUTE, ruleset(policy, Schedule("s", ZONE)).reached
    )
    assert carried.taken == ()
    assert carried.following == Position(2, 1, at + 60 * MINUTE, at + 60 * MINUTE)


def test_why_nobody_was_reached_before_is_said_with_who_is() -> None:
    found = OnCall((), ("#x",), "told in #x", None, nobody=False)
    assert Taken(1, 2, found, ("nobody on call for s",)).why == "told in #x; nobody on call for s"
