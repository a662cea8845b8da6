"""Who is on call, said in a channel by the real engine: each hand-over and each morning once, whatever is killed between, and
nothing that is old."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from router.core.acts.override import Wanted, by_schedule
from router.core.render.announcement import LATE
from router.store.evaluation import overrides
from rules.model.oncall import turns
from tests.machines.stage import START, Stage
from tests.slackworld.state import instant_of

MINUTE = timedelta(minutes=1)
SLACK = 3 * MINUTE
"""So long a word is under way at most, where a lost one is looked for first."""
RULES = """
routing: {channel: "#db", group_by: [alertname], group_wait: 0s}
people: {maria: {email: maria@example.com}, omar: {email: omar@example.com}, lena: {slack: U0LENA0}}
oncall:
  s:
    rotation: {people: [maria, omar], every: 1d, handoff: '12:20', starts: 2026-10-01}
    announce: {channel: "#team", at: mon-sun 12:40}
escalation: {p: {steps: [{oncall: s}, {after: 10m, person: lena}]}}
"""


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = made_of(RULES)
    yield made
    made.close()


def made_of(rules: str) -> Stage:
    made = Stage(rules)
    made.world.add_person("omar")
    made.world.add_person("lena", slack_id="U0LENA0")
    made.world.add_channel("#team", members=("maria", "omar", "lena"))
    return made


def posts(stage: Stage) -> list[tuple[datetime, str]]:
    return [(instant_of(one.ts).replace(microsecond=0), one.text) for one in stage.world.channel("#team").messages]


def wait(stage: Stage, minutes: float) -> None:
    stage.run(stage.sim.run_for(minutes * MINUTE))


def test_a_day_of_hand_overs_and_mornings(stage: Stage) -> None:
    wait(stage, 60)
    [over, morning] = posts(stage)
    first, second = ("Omar", "Maria") if over[1].startswith("Omar") else ("Maria", "Omar")
    assert over == (START + 20 * MINUTE, f"{first} is on call for s until Tue 12:20 UTC; it was {second}")
    assert morning[0] == START + 40 * MINUTE
    assert morning[1].startswith(f"On call for s, primary: {first} until Tue 12:20 UTC; secondary: Lena. To page")
    [handed, said] = stage.world.channel("#team").messages
    [slack_id] = [key for key, one in stage.world.people.items() if one.name == first.lower()]
    assert f"<@{slack_id}> ({first}) is on call" in handed.said, "found by the address of the account"
    assert "secondary: <@U0LENA0> (Lena)" in said.said
    wait(stage, 24 * 60)
    assert len(posts(stage)) == 4


def test_whoever_takes_a_turn_is_said_and_so_is_who_comes_after(stage: Stage) -> None:
    wait(stage, 21)
    stage.run(stage.sim.take_turn(Wanted("lena", 5 * MINUTE, "lena", "s")))
    wait(stage, 10)
    texts = [text for _, text in posts(stage)]
    before = texts[0].partition(" ")[0]
    assert texts[1] == f"Lena is on call for s until Mon 12:26 UTC (override); it was {before}"
    assert texts[2] == f"{before} is on call for s until Tue 12:20 UTC; it was Lena"
    assert len(texts) == 3


def test_what_happened_while_the_process_was_away_for_long_is_not_told_late(stage: Stage) -> None:
    stage.run(stage.sim.restart(away=timedelta(minutes=79)))
    wait(stage, 1)
    assert [at.replace(second=0) for at, _ in posts(stage)] == [START + 79 * MINUTE] * 2, "within the hour it is"
    stage.run(stage.sim.restart(away=timedelta(days=1, hours=1)))
    wait(stage, 30)
    assert len(posts(stage)) == 2, "and later nobody hears of it"
    wait(stage, 24 * 60)
    assert len(posts(stage)) == 4


STEPS = st.one_of(  # a script that fails is short already: to shrink it takes minutes
    st.tuples(st.just("wait"), st.integers(1, 300)),
    st.tuples(st.just("restart"), st.integers(0, 90)),
    st.tuples(st.just("kill"), st.sampled_from(["before", "after"])),
    st.tuples(st.just("take"), st.integers(1, 300)),
)


@settings(deadline=None, derandomize=True, max_examples=8, phases=[Phase.generate])
@given(st.lists(STEPS, min_size=3, max_size=9))
def test_nothing_is_said_twice_and_nothing_late(steps: list[tuple[str, int | str]]) -> None:
    """However often the process is killed in the middle of a call, and started again: each word is of a change of its own."""
    stage = made_of(RULES)
    try:
        for what, how in steps:
            if what == "wait":
                stage.survive(stage.sim.run_for(int(how) * MINUTE))
            elif what == "restart":
                stage.survive(stage.sim.restart(away=int(how) * MINUTE))
            elif what == "kill":
                stage.transport.kill = str(how)
            else:
                stage.survive(stage.sim.take_turn(Wanted("lena", int(how) * MINUTE, "lena", "s")))
        stage.transport.kill = ""
        wait(stage, 10)
        taken = stage.run(stage.sim.engine.database.read(lambda conn: overrides.open_at(conn, START)))
        schedule = stage.sim.engine.ruleset.with_overrides(by_schedule(taken)).schedules["s"]
        changes = [
            (at, turn.person)
            for at, turn in takewhile(lambda one: one[0] <= stage.clock.now(), turns(schedule, START - MINUTE))
        ]
        for at, text in posts(stage):
            if text.startswith("On call"):
                planned = [START.replace(hour=12, minute=40) + timedelta(days=day) for day in range(8)]
                mine = [one for one in planned if one <= at]
                planned_at = mine[-1]
                changes.append((planned_at, "morning"))
                assert changes.count((planned_at, "morning")) == 1, "told twice"
            else:
                person = text.partition(" ")[0].lower()
                planned_at = max(change for change, who in changes if who == person and change <= at + SLACK)
                changes.remove((planned_at, person))
            if not any(what == "kill" for what, _ in steps):  # what was written down in time goes out when it can
                assert at - planned_at <= LATE + SLACK, (at, planned_at, text)
    finally:
        stage.close()
