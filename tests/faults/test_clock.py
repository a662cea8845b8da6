"""The machine's clock jumps, forwards or back: nothing ends because of it, nobody is left untold because of it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from router.runtime.clock import SystemClock
from router.service.app import App
from router.service.simulate import VirtualClock
from tests.acceptance.stage import START, Condition, Stage
from tests.process import filled, free_port, in_this_process, until

CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: preview
sources: {prometheus: {adapter: prometheus, auth: none}, jobs: {adapter: generic, auth: none}}
routing: {channel: "#ops", group_by: [alertname], group_wait: 10s}
"""
JUMPS = [timedelta(hours=2), timedelta(days=400), timedelta(hours=-2), timedelta(days=-400)]


class JumpingClock(VirtualClock):
    """A wall clock that somebody sets. Slack has its own."""

    def __init__(self) -> None:
        super().__init__(START)
        self._ahead = timedelta(0)

    def jump(self, by: timedelta) -> None:
        self._ahead += by
        self._now += by

    def true(self) -> datetime:
        return self._now - self._ahead


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
async def stage(tmp_path: Path, clock: JumpingClock) -> AsyncIterator[Stage]:
    async with Stage(tmp_path, CONFIGURATION, clock=clock, slack_now=clock.true) as stage:
        stage.world.add_channel("#ops")
        yield stage


async def jump(stage: Stage, clock: JumpingClock, by: timedelta) -> None:
    """As the process does when its expire loop notices."""
    clock.jump(by)
    stage.simulation._next_tick = clock.now()  # a process ticks by its monotonic clock
    await stage.simulation.engine.clock_stepped()


@pytest.mark.parametrize("by", JUMPS, ids=str)
async def test_nothing_ends_and_nobody_is_left_untold_after_a_jump(
    stage: Stage, clock: JumpingClock, by: timedelta
) -> None:
    first, second, third = (Condition(name, "web-1") for name in ("First", "Second", "Third"))
    await stage.send_array(first, second)
    await stage.run_for(seconds=15)
    await stage.send_array(first, second, third)  # Third waits for its group_wait when the clock jumps
    await jump(stage, clock, by)
    await stage.run_for(seconds=15)
    assert [message.text.split()[0] for message in stage.world.channel("#ops").messages] == ["HIGH"] * 3

    # First is sent on, Second is not: it runs out of time, but not before its time was listened to.
    began = clock.now()
    while clock.now() < began + timedelta(minutes=3):
        await stage.send_array(first, third)
        await stage.run_for(seconds=30)
    assert [message.text.split()[0] for message in stage.world.channel("#ops").messages] == ["HIGH"] * 3
    for _ in range(6):
        await stage.send_array(first, third)
        await stage.run_for(minutes=1)
    ended = [message.text for message in stage.world.channel("#ops").messages if message.text.startswith("Resolved")]
    assert len(ended) == 1
    assert "Second" in ended[0]


@pytest.mark.parametrize("by", JUMPS, ids=str)
async def test_a_jump_is_no_word_of_a_sender(stage: Stage, clock: JumpingClock, by: timedelta) -> None:
    await stage.send_array(Condition("Silent", "web-1"))
    await stage.run_for(seconds=30)
    await jump(stage, clock, by)
    await stage.run_for(minutes=30)
    [message, silent] = stage.world.channel("#ops").messages
    assert message.text.startswith("HIGH #1 Silent · unknown since"), "neither over nor said to fire still"
    assert silent.text.startswith("HIGH #2 prometheus is silent")


@pytest.mark.parametrize("by", JUMPS, ids=str)
async def test_an_end_that_its_sender_dates_by_our_receipt_is_taken_after_a_jump(
    stage: Stage, clock: JumpingClock, by: timedelta
) -> None:
    await stage.post("jobs", {"title": "Backup", "status": "failed"})
    await stage.run_for(seconds=30)
    await jump(stage, clock, by)
    await stage.post("jobs", {"title": "Backup", "status": "ok"})
    await stage.run_for(seconds=30)
    [message] = stage.world.channel("#ops").messages
    assert message.text.startswith("Resolved")


class Ahead(SystemClock):
    """The machine's clock, set forward by a person."""

    by = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.by


async def test_the_process_notices_a_jump(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Ahead()
    file = tmp_path / "router.yaml"
    file.write_text(filled(CONFIGURATION, tmp_path, listen=f"127.0.0.1:{free_port()}"))
    async with in_this_process(file, clock=clock) as app:
        await the_step_is_noticed(app, clock, caplog)


async def the_step_is_noticed(app: App, clock: Ahead, caplog: pytest.LogCaptureFixture) -> None:
    began = clock.now()

    async def noticed() -> bool | None:
        app._wake_ups.expire.wake()  # it looks every ten seconds; a ring makes it look now
        return "the clock stepped" in caplog.text or None

    async def turning() -> bool | None:
        app._wake_ups.expire.wake()
        loops = (await app.health()).loops
        return any(loop.name == "expire" and loop.turned_at > began for loop in loops) or None

    await until(turning, "the loop turns")
    clock.by = timedelta(hours=1)
    await until(noticed, "a word about the clock")
