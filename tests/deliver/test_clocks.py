"""Our clock is not Slack's: what was posted is found all the same, by a process that has heard nothing of Slack yet."""

from datetime import timedelta

import pytest

from tests.deliver.test_outcomes import fire, wait
from tests.machines.stage import Stage, alert

RULES = 'routing: {channel: "#db", group_by: [alertname]}'


@pytest.mark.parametrize("minutes", [-90, -5, -3, 3, 5, 90])
def test_a_first_word_that_was_taken_before_the_kill_is_not_posted_twice(minutes: int) -> None:
    stage = Stage(RULES)
    try:
        stage.world._now = lambda: stage.clock.now() + timedelta(minutes=minutes)
        killed_in_a_post(stage)
        wait(stage, 300)
        assert len(stage.world.channel("#db").messages) == 2
        assert stage.world.duplicates() == []
    finally:
        stage.close()


@pytest.mark.parametrize("minutes", [-5, 5])
def test_nor_where_our_clock_was_set_right_in_between(minutes: int) -> None:
    """What was written down of when it was posted is wrong by as much."""
    stage = Stage(RULES)
    try:
        off = timedelta(minutes=minutes)
        stage.world._now = lambda: stage.clock.now() + off
        killed_in_a_post(stage)
        stage.world._now = stage.clock.now
        stage.clock._now += off
        stage.run(stage.sim.restart())
        forget(stage)
        wait(stage, 900)
        assert len(stage.world.channel("#db").messages) == 2
        assert stage.world.duplicates() == []
    finally:
        stage.close()


def killed_in_a_post(stage: Stage) -> None:
    """One incident is told; of a second the process is killed once Slack has it."""
    fire(stage)
    wait(stage, 30)
    stage.transport.kill = "after"
    stage.run(
        stage.sim.engine.intake.take(
            "p", "prometheus", [alert("Second", 1, since=stage.clock.now())], stage.clock.now()
        )
    )
    stage.sim._next_due = None
    stage.survive(stage.sim.run_for(timedelta(seconds=30)))
    assert stage.transport.kill == ""
    assert len(stage.world.channel("#db").messages) == 2
    forget(stage)


def forget(stage: Stage) -> None:
    """A process that begins knows nothing of Slack's clock."""
    stage.transport.client._ahead = None
