"""A silence holds every one of thousands, its end costs what it held, and silences that come one after another keep nobody
waiting for ever."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from router.core.acts.silence import Silence, Wanted
from router.core.member import MemberState
from router.engine import SWEEPS_WITHIN
from router.store.intake import sweep
from rules.model.matcher import parse
from tests.machines.stage import START, Stage, alert
from tests.machines.test_suppressed_many import ROUTING, standing, take_slow, told

ALL = 5_000


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(ROUTING)
    yield made
    made.close()


def wanted(stage: Stage, match: str, **lasts: float) -> Wanted:
    now = stage.clock.now()
    return Wanted(parse(match), now, now + timedelta(**(lasts or {"hours": 2})), "maria", "")


def begun(stage: Stage, match: str) -> Silence:
    """Made; nothing else has happened yet."""
    return stage.run(stage.sim.engine.silences.put(wanted(stage, match)))


def progress(stage: Stage) -> sweep.Progress:
    return stage.run(stage.sim.engine.database.read(sweep.progress))


def test_of_thousands_none_is_told_and_all_are_free_when_it_ends(stage: Stage) -> None:
    one = stage.run(stage.sim.silence(wanted(stage, "alertname = Slow")))
    take_slow(stage, ALL)
    stage.run(stage.sim.run_for(timedelta(minutes=20)))
    assert standing(stage) == {MemberState.SUPPRESSED: ALL}
    assert told(stage) == []
    stage.run(stage.sim.unsilence(one.id))
    stage.run(stage.sim.run_for(timedelta(minutes=1)))
    assert standing(stage) == {MemberState.NOTIFIED: ALL}


def test_one_that_begins_over_thousands_is_written_in_parts_and_nobody_is_evaluated_between(stage: Stage) -> None:
    take_slow(stage, ALL)
    stage.run(stage.sim.run_for(timedelta(minutes=1)))
    assert standing(stage) == {MemberState.NOTIFIED: ALL}
    begun(stage, "alertname = Slow")
    parts = 0
    while (stepped := stage.run(stage.sim.engine.dispatch())).swept is None:
        parts += 1
        assert not stepped.told
        muted = standing(stage).get(MemberState.NOTIFIED_MUTED, 0)
        assert muted == min(parts * sweep.WRITTEN_AT_ONCE, ALL)
    assert standing(stage) == {MemberState.NOTIFIED_MUTED: ALL}
    assert parts >= ALL // sweep.WRITTEN_AT_ONCE - 1


def test_what_only_ends_is_found_by_what_it_held(stage: Stage) -> None:
    take_slow(stage, ALL)
    stage.run(stage.sim.take("prometheus", "prometheus", [alert("Other", 1, since=START)]))
    stage.run(stage.sim.run_for(timedelta(minutes=1)))
    one = stage.run(stage.sim.silence(wanted(stage, "alertname = Other")))
    other = stage.run(stage.sim.silence(wanted(stage, "instance = 7")))
    stage.run(stage.sim.engine.silences.expire(one.id))
    stage.run(stage.sim.engine.dispatch())
    assert progress(stage).alert == sweep.ENDS
    while stage.run(stage.sim.engine.dispatch()).swept is None:
        assert progress(stage).alert == sweep.ENDS
    assert standing(stage) == {MemberState.NOTIFIED: ALL - 1, MemberState.NOTIFIED_MUTED: 1}
    stage.run(stage.sim.unsilence(other.id))
    assert standing(stage) == {MemberState.NOTIFIED: ALL}


def test_one_that_begins_in_the_middle_of_another_makes_it_one_way_round(stage: Stage) -> None:
    take_slow(stage, ALL)
    stage.run(stage.sim.run_for(timedelta(minutes=1)))
    begun(stage, "alertname = Slow, instance =~ .*1")
    for _ in range(3):
        stage.run(stage.sim.engine.dispatch())
    between = progress(stage)
    assert 0 < between.alert < ALL
    begun(stage, "alertname = Slow, instance =~ .*2")
    parts = 0
    while stage.run(stage.sim.engine.dispatch()).swept is None:
        parts += 1
        assert progress(stage).since == between.alert or progress(stage).under_way is None
    assert parts < 2 * ALL // sweep.WRITTEN_AT_ONCE
    assert standing(stage) == {MemberState.NOTIFIED_MUTED: 2 * ALL // 10, MemberState.NOTIFIED: 8 * ALL // 10}


def test_a_restart_in_the_middle_goes_through_all_of_them(stage: Stage) -> None:
    take_slow(stage, ALL)
    stage.run(stage.sim.run_for(timedelta(minutes=1)))
    one = begun(stage, "alertname = Slow")
    for _ in range(5):
        stage.run(stage.sim.engine.dispatch())
    stage.run(stage.sim.restart())
    assert standing(stage) == {MemberState.NOTIFIED_MUTED: ALL}
    stage.run(stage.sim.engine.silences.expire(one.id))
    for _ in range(5):
        stage.run(stage.sim.engine.dispatch())
    stage.run(stage.sim.restart())
    assert standing(stage) == {MemberState.NOTIFIED: ALL}


def test_silences_one_after_another_keep_nobody_waiting_for_ever(stage: Stage) -> None:
    take_slow(stage, ALL)
    stage.run(stage.sim.run_for(timedelta(minutes=1)))
    stage.run(stage.sim.engine.intake.take("prometheus", "prometheus", [alert("Fresh", 1, since=START)], START))
    begun_at, number = stage.clock.now(), 0
    while not any("Fresh" in text for text in told(stage)):
        begun(stage, f"instance = x{number}")
        stage.run(stage.sim.engine.dispatch())
        for work in stage.run(stage.sim.engine.claim()).works:
            stage.run(stage.sim.engine.tell(work))
        stage.clock.move_to(stage.clock.now() + timedelta(seconds=1))
        number += 1
        assert stage.clock.now() - begun_at < timedelta(seconds=SWEEPS_WITHIN + 5)
    assert stage.clock.now() - begun_at >= timedelta(seconds=SWEEPS_WITHIN)


def test_an_alert_that_was_on_its_way_when_the_silence_was_made_is_held(stage: Stage) -> None:
    async def both() -> None:
        one = [alert("Slow", 1, since=START)]
        await asyncio.gather(
            stage.sim.engine.intake.take("prometheus", "prometheus", one, START),
            stage.sim.engine.silences.put(wanted(stage, "alertname = Slow")),
        )

    stage.run(both())
    stage.run(stage.sim.run_for(timedelta(minutes=5)))
    assert standing(stage) == {MemberState.SUPPRESSED: 1}
    assert told(stage) == []
