"""The call to a dead man's switch: made while all is well, withheld in doubt, and its address never said."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.heartbeats.dead_mans_switch import NAME, DeadMansSwitch, IntakeNumbers, Target
from router.runtime.health import Health, LoopHealth
from router.runtime.metrics import Metrics
from router.service.simulate import VirtualClock
from tests.http.service import START

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Stage:
    """A router that is as well as a test says, and somebody who waits for its call."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.calls = 0
        self.status = 200
        self.clock = VirtualClock(START)
        self.metrics = Metrics()
        self.target: Target | None = None
        self.health = Health(self._loops(), True, (), None)
        self.intake = IntakeNumbers(commits=0, failures=0, waiting=0)
        self.are_loops_turning = True

        async def health() -> Health:
            return msgspec.structs.replace(self.health, loops=self._loops()) if self.are_loops_turning else self.health

        self.outward = DeadMansSwitch(
            session,
            self.clock,
            self.metrics,
            target=lambda: self.target,
            health=health,
            intake=lambda: self.intake,
        )

    def _loops(self) -> tuple[LoopHealth, ...]:
        turned = LoopHealth("dispatch", self.clock.now(), is_stuck=False, errors=0)
        return (turned, LoopHealth(NAME, START - MINUTE, is_stuck=False, errors=0))

    async def answer(self, _: web.Request) -> web.Response:
        self.calls += 1
        elsewhere = {"Location": "/ping/hunter2"} if 300 <= self.status < 400 else {}
        return web.Response(status=self.status, headers=elsewhere)

    async def run_for(self, span: timedelta) -> None:
        end = self.clock.now() + span
        while self.clock.now() < end:
            await self.outward.turn()

    def count(self, outcome: str) -> float:
        return self.metrics.value("alert_router_dead_mans_switch_calls", (outcome,))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with aiohttp.ClientSession() as session:
        made = Stage(session)
        application = web.Application()
        application.router.add_get("/ping/hunter2", made.answer)
        async with TestServer(application) as server:
            made.target = Target(str(server.make_url("/ping/hunter2")), MINUTE)
            yield made


async def test_it_is_called_every_so_often_while_all_is_well(stage: Stage) -> None:
    await stage.run_for(5 * MINUTE)
    assert (stage.calls, stage.count("told"), stage.outward.trouble) == (5, 5, "")


async def test_without_a_target_nobody_is_called(stage: Stage) -> None:
    stage.target = None
    await stage.run_for(5 * MINUTE)
    assert (stage.calls, stage.count("told"), stage.count("withheld")) == (0, 0, 0)


async def test_intake_that_commits_is_well_and_one_that_only_fails_is_not(stage: Stage) -> None:
    await stage.run_for(MINUTE)
    stage.intake = IntakeNumbers(commits=1, failures=3, waiting=7)
    await stage.run_for(MINUTE)
    assert stage.calls == 2
    await stage.run_for(MINUTE)
    assert (stage.calls, stage.outward.trouble) == (2, "intake has committed nothing, and is not idle")
    stage.intake = IntakeNumbers(commits=1, failures=4, waiting=0)
    await stage.run_for(MINUTE)
    assert (stage.calls, stage.outward.trouble) == (2, "intake has committed nothing, and is not idle")
    await stage.run_for(MINUTE)
    assert (stage.calls, stage.outward.trouble) == (3, "")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"can_commit": False}, "an alert could not be committed now"),
        ({"pending_since": START - 2 * MINUTE}, "a truth has been owed for 180 s"),
    ],
)
async def test_it_is_withheld_when_something_is_wrong(stage: Stage, change: dict[str, object], why: str) -> None:
    await stage.run_for(MINUTE)
    stage.health = msgspec.structs.replace(stage.health, **change)
    await stage.run_for(MINUTE)
    assert (stage.calls, stage.count("withheld"), stage.outward.trouble) == (1, 1, why)
    stage.health = msgspec.structs.replace(stage.health, can_commit=True, pending_since=stage.clock.now() - 2 * MINUTE)
    await stage.run_for(SECOND)
    assert (stage.calls, stage.outward.trouble) == (2, "")


async def test_it_is_withheld_when_a_loop_has_not_turned_since(stage: Stage) -> None:
    await stage.run_for(MINUTE)
    stage.are_loops_turning = False
    stage.health = msgspec.structs.replace(stage.health, loops=stage._loops())
    await stage.run_for(MINUTE + SECOND)
    assert stage.calls == 2
    await stage.run_for(MINUTE)
    assert (stage.calls, stage.outward.trouble) == (2, "a loop has not turned: dispatch")


async def test_a_call_that_failed_is_made_again_soon_and_its_address_is_never_said(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stage.status = 500
    await stage.run_for(25 * SECOND)
    assert (stage.calls, stage.count("failed"), stage.outward.trouble) == (3, 3, "it was answered 500")
    stage.status = 200
    await stage.run_for(5 * SECOND)
    await stage.run_for(SECOND)
    assert (stage.calls, stage.outward.trouble) == (4, "")
    for url in ("http://127.0.0.1:1/hunter2", "http://hunter2 x/", "http://[hunter2/"):
        stage.target = Target(url, MINUTE)
        await stage.run_for(2 * MINUTE)
        assert stage.outward.trouble.startswith("it could not be made (")
    assert "hunter2" not in stage.outward.trouble
    said = [
        f"{record.getMessage()} {record.__dict__}"
        for record in caplog.records
        if record.name == "router.heartbeats.dead_mans_switch"
    ]
    assert said
    assert not any("hunter2" in one for one in said)


async def test_a_redirect_is_not_followed_and_is_no_answer(stage: Stage) -> None:
    """It would call whoever the redirect names, and take their word for it."""
    stage.status = 302
    await stage.run_for(SECOND)
    assert (stage.calls, stage.count("failed"), stage.outward.trouble) == (1, 1, "it was answered 302")
