"""Escalation on the real engine: what was shown beforehand is what people get, and what a person's act stops, resumes or
hurries."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from adapters.alert import Severity
from router.core.acts.override import Wanted, by_schedule
from router.core.view import EntryKind, TimelineEntry
from router.incidents.escalate import Reach, go_on, next_now, stop
from router.store.evaluation import incidents
from rules.language.times import Moment
from rules.model.escalation_rounds import rounds
from tests.machines.stage import START, Stage, alert
from tests.scenarios.player import ruleset

MINUTE = timedelta(minutes=1)
PEOPLE = (
    "people: {maria: {email: maria@example.com}, omar: {email: omar@example.com}, lena: {email: lena@example.com}}\n"
)
TOLD = {EntryKind.PAGED, EntryKind.ESCALATED, EntryKind.NOBODY_ON_CALL}
RULES = (
    'routing: {channel: "#db", group_by: [alertname], group_wait: 0s, page: p, repeat_interval: none}\n'
    + PEOPLE
    + "escalation: {p: {steps: [{person: maria}, {after: 10m, person: omar}, {after: 30m, person: lena}], repeat: 1, every: 1h}}\n"
)


def stage_of(rules: str) -> Stage:
    stage = Stage(rules)
    for person in ("omar", "lena"):
        stage.world.add_person(person)
    return stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = stage_of(RULES)
    yield made
    made.close()


def fire(stage: Stage, *, is_firing: bool = True, severity: Severity = Severity.HIGH) -> None:
    stage.run(
        stage.sim.take(
            "prometheus", "prometheus", [alert("Down", 1, since=START, is_firing=is_firing, severity=severity)]
        )
    )


def wait(stage: Stage, minutes: float) -> None:
    stage.run(stage.sim.run_for(minutes * MINUTE))


def timeline(stage: Stage) -> list[TimelineEntry]:
    def read(conn: Connection) -> list[TimelineEntry]:
        return [one.entry for one in incidents.entries(conn, 1) if one.entry.kind in TOLD]

    return stage.run(stage.sim.engine.database.read(read))


def sounds(stage: Stage) -> list[tuple[float, str]]:
    """Whom a direct message reached, and how many minutes after the beginning."""
    return [
        (round((sound.at - START) / MINUTE, 1), sound.person) for sound in stage.world.sounds if sound.why == "direct"
    ]


def stopped(stage: Stage) -> None:
    stage.run(stage.sim.engine.database.write(partial(stop, incident=1)))


def goes_on(stage: Stage, *, at_once: bool = False) -> bool:
    engine = stage.sim.engine
    call = partial(go_on, incident=1, now=engine.clock.now(), rules=engine.rules, at_once=at_once)
    return stage.run(engine.database.write(call))


def presses_next(stage: Stage) -> Reach:
    engine = stage.sim.engine
    call = partial(
        next_now,
        incident=1,
        now=engine.clock.now(),
        rules=engine.rules,
        metrics=engine.metrics,
        by="Maria",
        via="command",
    )
    return stage.run(engine.database.write(call))


STEPS = (
    "person: maria",
    "person: [lena, omar]",
    "oncall: s",
    "oncall: later",
    'channel: "#db"',
    'channel: "#ops"',
    'group: "@db"',
)
WINDOWS = ("", ", only: [early]", ", quiet: [early]")


@st.composite
def texts(draw: st.DrawFn) -> str:
    count = draw(st.integers(1, 4))
    apart = [draw(st.integers(0, 5)), *(draw(st.integers(1, 15)) for _ in range(count - 1))]
    afters = [sum(apart[: number + 1]) for number in range(count)]
    steps = ", ".join(
        f"{{after: {after}m, {draw(st.sampled_from(STEPS))}{draw(st.sampled_from(WINDOWS))}}}" for after in afters
    )
    repeat = draw(st.integers(0, 2))
    again = f", repeat: {repeat}, every: {afters[-1] + draw(st.integers(1, 20))}m" if repeat else ""
    return f"escalation: {{p: {{steps: [{steps}]{again}}}}}\n"


@st.composite
def takings(draw: st.DrawFn) -> list[Wanted]:
    """Who takes whose turn when, in the two hours to come."""
    found = []
    for _ in range(draw(st.integers(0, 3))):
        person = draw(st.sampled_from(("maria", "omar", "lena")))
        begins = START + draw(st.integers(0, 60)) * MINUTE
        span = draw(st.integers(1, 60)) * MINUTE
        schedule = draw(st.sampled_from(("s", "later")))
        found.append(Wanted(person, span, person, schedule, Moment(begins, is_date=False)))
    return found


@settings(deadline=None, derandomize=True, max_examples=15)
@given(texts(), takings(), st.booleans())
def test_each_step_that_was_shown_is_carried_out_at_its_instant(
    escalation: str, takings: list[Wanted], restarts: bool
) -> None:
    """Of an incident that nobody acknowledges, whoever takes turns and whether the process is another one by then."""
    rules = (
        'routing: {channel: "#db", group_by: [alertname], group_wait: 0s, page: p, repeat_interval: none}\n'
        + PEOPLE
        + "windows: {early: {hours: 12:00-12:25}}\n"
        + "oncall:\n"
        + "  s: {rotation: {people: [maria, omar], every: 1d, handoff: '12:20', starts: 2026-10-01}}\n"
        + "  later: {rotation: {people: [lena], every: 1d, handoff: '12:30', starts: 2026-11-02T12:00}}\n"
        + escalation
    )
    loaded = ruleset(rules)
    stage = stage_of(rules)
    stage.world.add_channel("#ops", members=("lena",))
    stage.world.add_group("db", members=("maria",))
    try:
        taken = [stage.run(stage.sim.take_turn(wanted)) for wanted in takings]
        made = [one for answer in taken for one in answer.changed]
        loaded = loaded.with_overrides(by_schedule(made))
        if restarts:
            stage.run(stage.sim.restart())
        fire(stage)
        wait(stage, 120)
        found = [(entry.at, entry.people) for entry in timeline(stage) if entry.kind is not EntryKind.NOBODY_ON_CALL]
        shown = [
            (one.at, (*one.persons, *one.groups, *one.channels))
            for one in rounds(loaded.policies["p"], loaded, START)
            if not one.is_missed
        ]
        assert [one for one in found if one[1]] == shown
        heard = sounds(stage)
        for at, reached in shown:
            for person in {"maria", "omar", "lena"} & set(reached):
                assert any(0 <= minute - (at - START) / MINUTE <= 0.5 and who == person for minute, who in heard)
        assert len(heard) == sum(len({"maria", "omar", "lena"} & set(reached)) for _, reached in shown)
    finally:
        stage.close()


def test_a_step_reaches_whoever_has_taken_the_turn_by_then() -> None:
    made = stage_of(
        'routing: {channel: "#db", group_by: [alertname], group_wait: 0s, page: p, repeat_interval: none}\n'
        + PEOPLE
        + "oncall: {s: {rotation: {people: [maria, omar], every: 1w, handoff: mon 09:00, starts: 2026-10-26}}}\n"
        + "escalation: {p: {steps: [{oncall: s}, {after: 10m, oncall: s}, {after: 20m, oncall: s}], repeat: 1, every: 30m}}\n"
    )
    try:
        fire(made)
        wait(made, 5)
        assert made.run(made.sim.take_turn(Wanted("lena", 17 * MINUTE, "lena", "s"))).instead_of == "omar"
        made.run(made.sim.restart())
        wait(made, 30)
        assert sounds(made) == [(0, "omar"), (10, "lena"), (20, "lena"), (30, "omar")]
        assert made.run(made.sim.take_turn(Wanted("lena", timedelta(days=1), "lena", "s"))).changed
        assert made.run(made.sim.give_back("s", "lena")).changed
        wait(made, 10)
        assert sounds(made)[4:] == [(40, "omar")], "what was given back before it reaches nobody"
    finally:
        made.close()


def test_what_is_stopped_reaches_nobody_and_goes_on_where_it_stood(stage: Stage) -> None:
    fire(stage)
    wait(stage, 12)
    stopped(stage)
    wait(stage, 300)
    assert [person for _, person in sounds(stage)] == ["maria", "omar"]
    assert goes_on(stage)
    wait(stage, 19)
    assert [person for _, person in sounds(stage)] == ["maria", "omar"]
    wait(stage, 2)
    assert [person for _, person in sounds(stage)] == ["maria", "omar", "lena"], "20 min after the step before it"
    wait(stage, 32)
    assert sounds(stage)[-1][1] == "maria", "and the next round 30 min after it"


def test_who_was_paged_reads_no_next_step_while_it_is_stopped(stage: Stage) -> None:
    fire(stage)
    wait(stage, 1)
    [message] = stage.world.direct("maria").messages
    assert "next: omar at" in message.said
    stopped(stage)
    fire(stage, severity=Severity.LOW)  # whatever edits it
    wait(stage, 1)
    [message] = stage.world.direct("maria").messages
    assert "next:" not in message.said
    assert goes_on(stage)
    wait(stage, 1)
    [message] = stage.world.direct("maria").messages
    assert "next: omar at" in message.said


def test_an_acknowledgement_that_timed_out_is_the_next_step_at_once(stage: Stage) -> None:
    fire(stage)
    wait(stage, 2)
    stopped(stage)
    wait(stage, 60)
    assert goes_on(stage, at_once=True)
    wait(stage, 1)
    assert [person for _, person in sounds(stage)] == ["maria", "omar"]
    wait(stage, 20)
    assert [person for _, person in sounds(stage)] == ["maria", "omar", "lena"], "the one after it keeps its distance"


def test_after_the_last_round_one_more_begins_at_once_or_none(stage: Stage) -> None:
    fire(stage)
    wait(stage, 120)
    before = [person for _, person in sounds(stage)]
    assert before == ["maria", "omar", "lena"] * 2
    stopped(stage)
    assert not goes_on(stage), "by itself nothing is left"
    stopped(stage)
    assert goes_on(stage, at_once=True)
    wait(stage, 11)
    assert [person for _, person in sounds(stage)] == [*before, "maria", "omar"]
    assert not goes_on(stage), "what is not stopped cannot go on"


def test_somebody_wants_the_next_step_now(stage: Stage) -> None:
    fire(stage)
    wait(stage, 2)
    assert presses_next(stage) == Reach(("omar",), "named in the rules")
    wait(stage, 1)
    [*_, entry] = timeline(stage)
    assert (entry.kind, entry.step, entry.people) == (EntryKind.ESCALATED, 2, ("omar",))
    assert (entry.detail, entry.by) == ("named in the rules", "Maria")
    wait(stage, 18)
    assert [person for _, person in sounds(stage)] == ["maria", "omar"]
    wait(stage, 2)
    assert [person for _, person in sounds(stage)] == ["maria", "omar", "lena"], "20 min after the one before it"


def test_the_next_step_of_what_is_stopped_starts_nothing_else(stage: Stage) -> None:
    fire(stage)
    wait(stage, 2)
    stopped(stage)
    assert presses_next(stage).names == ("omar",)
    wait(stage, 300)
    assert [person for _, person in sounds(stage)] == ["maria", "omar"]


def test_after_the_last_step_the_next_is_the_first_of_another_round(stage: Stage) -> None:
    fire(stage)
    wait(stage, 120)
    assert presses_next(stage).names == ("maria",)
    [*_, entry] = timeline(stage)
    assert (entry.round, entry.step) == (3, 1)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (RULES.replace(" page: p,", ""), "it pages nobody: its route has no page"),
        (RULES.replace("{person: maria}", "{oncall: none}").replace("{after: 10m, person: omar}, {after: 30m, person: lena}", "{after: 10m, oncall: none}") + "oncall: {none: {rotation: {people: [maria], every: 1d, handoff: 09:00, starts: 2027-01-01}}}\n", "nobody on call for none; nobody on call for none"),
    ],
)  # fmt: skip
def test_why_nobody_is_reached_by_the_next_step(rules: str, why: str) -> None:
    made = stage_of(rules)
    try:
        fire(made)
        wait(made, 1)
        assert presses_next(made) == Reach((), why)
    finally:
        made.close()


def test_nothing_goes_on_after_the_end(stage: Stage) -> None:
    fire(stage)
    wait(stage, 2)
    fire(stage, is_firing=False)
    wait(stage, 1)
    assert presses_next(stage) == Reach((), "it is over")
    goes_on(stage, at_once=True)
    wait(stage, 200)
    assert [person for _, person in sounds(stage)] == ["maria", "maria"], "the page, and its end"
    assert stage.sim.engine.clock.now() > datetime(2026, 11, 2, 15, tzinfo=START.tzinfo)
