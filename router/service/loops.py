"""The loops: each turn compares what is true with what was told, and nothing is remembered between two turns.

Owns when the engine's steps are taken; what a step does is the engine's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from router.delivery.deliver import AT_ONCE
from router.engine import Engine
from router.incidents.expire import TICK
from router.runtime.clock import Clock
from router.runtime.metrics import Metrics
from router.runtime.wake_up import WakeUps
from router.service.way_out import WayOut
from router.store import retention
from router.store.delivery import pace
from router.store.delivery.claim import Work

log = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(seconds=5)
"""A loop comes round at least this often, so that a stuck one is seen."""
CLOCK_STEP = timedelta(seconds=5)
PRUNE_EVERY = timedelta(hours=1)
DRAIN = timedelta(seconds=15)


class Loop:
    """One loop: turned again and again, its errors logged and counted, never its end."""

    def __init__(self, name: str, turn: Callable[[], Awaitable[None]], clock: Clock, metrics: Metrics) -> None:
        self.name, self._turn, self._clock, self._metrics = name, turn, clock, metrics
        self.turned_at = clock.now()
        self.errors = 0

    async def run(self) -> None:
        while True:
            await self.turn()

    async def run_until_well(self) -> None:
        """For what is to be done once, at the start: again and again, until it is."""
        while not await self.turn():
            pass

    async def turn(self) -> bool:
        """Whether it went well."""
        is_well = False
        try:
            await self._turn()
            is_well = True
        except asyncio.CancelledError:
            raise
        except Exception:  # the top of a loop: the next turn compares again
            self.errors += 1
            self._metrics.add("alert_router_loop_errors", (self.name,))
            log.exception("a loop stumbled and goes on", extra={"loop": self.name})
            await self._clock.sleep(timedelta(seconds=1))
        self.turned_at = self._clock.now()
        return is_well


class Loops:
    """All loops of one process."""

    def __init__(
        self,
        engine: Engine,
        wake_ups: WakeUps,
        way_out: WayOut,
        clock: Clock,
        metrics: Metrics,
        *,
        on_given_up: Callable[[int], Awaitable[None]],
    ) -> None:
        self._engine, self._wake_ups, self._clock, self._metrics = engine, wake_ups, clock, metrics
        self._way_out, self._on_given_up = way_out, on_given_up
        self._calls: set[asyncio.Task[None]] = set()
        self.oldest_kept: datetime | None = None
        """When the oldest of what is over ended, as of the last time that something was forgotten."""
        turns: dict[str, Callable[[], Awaitable[None]]] = {
            "dispatch": self._dispatch,
            "deliver": self._deliver,
            "expire": self._expire,
            "escalate": self._escalate,
            "announce": self._announce,
            "prune": self._prune,
            "identify": self._identify,
            "lag": self._measure_lag,
        }
        self.all = [Loop(name, turn, clock, metrics) for name, turn in turns.items()]

    def add(self, name: str, turn: Callable[[], Awaitable[None]]) -> None:
        self.all.append(Loop(name, turn, self._clock, self._metrics))

    @property
    def calls_in_flight(self) -> int:
        return len(self._calls)

    async def finish_calls(self) -> None:
        """Let the calls in flight end, and write down what came of them."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=DRAIN.total_seconds())

    async def _dispatch(self) -> None:
        stepped = await self._engine.dispatch()
        if stepped.told:
            self._wake_ups.deliver.wake()
            self._wake_ups.escalate.wake()
        if not stepped.looked:
            await self._wake_ups.dispatch.wait(until=stepped.next_due, at_most=LONGEST_WAIT)

    async def _escalate(self) -> None:
        stepped = await self._engine.escalate()
        if stepped.paged:
            self._wake_ups.deliver.wake()
        else:
            await self._wake_ups.escalate.wait(until=stepped.next_due, at_most=LONGEST_WAIT)

    async def _announce(self) -> None:
        announced = await self._engine.announce()
        if announced.said:
            self._wake_ups.deliver.wake()
        await self._wake_ups.announce.wait(until=announced.next_due, at_most=LONGEST_WAIT)

    async def _deliver(self) -> None:
        free = AT_ONCE - len(self._calls)
        if free <= 0:
            await self._wake_ups.deliver.wait(until=None, at_most=LONGEST_WAIT)
            return
        claimed = await self._engine.claim(free)
        for work in claimed.works:
            task = asyncio.get_running_loop().create_task(self._tell(work))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        if not claimed.works:
            await self._wake_ups.deliver.wait(until=claimed.next_due, at_most=LONGEST_WAIT)

    async def _tell(self, work: Work) -> None:
        try:
            await self._engine.tell(work)
            if self._way_out.refused and not await self._is_refused():
                self._way_out.accept()
        except Exception:  # the claim runs out by itself; an intent without an outcome is looked for
            self._metrics.add("alert_router_loop_errors", ("deliver",))
            log.exception("a delivery stumbled", extra={"incident": work.incident})
        finally:
            self._wake_ups.deliver.wake()
            if work.page is not None:  # who does not hear it gives way to the next step
                self._wake_ups.escalate.wake()

    async def _is_refused(self) -> bool:
        return await self._engine.database.read(partial(pace.is_blocked, notifier=self._engine.settings.notifier))

    async def _expire(self) -> None:
        wall, steady = self._clock.now(), self._clock.monotonic()
        ticked = await self._engine.expire()
        if ticked.is_news:
            self._wake_ups.dispatch.wake()
        if ticked.is_more:
            return
        await self._wake_ups.expire.wait(until=None, at_most=TICK)
        passed = timedelta(seconds=self._clock.monotonic() - steady)
        if abs(self._clock.now() - wall - passed) > CLOCK_STEP:
            log.warning("the clock stepped: listening begins anew, everything is looked at once")
            await self._engine.clock_stepped()
            self._wake_ups.wake_all()

    async def _identify(self) -> None:
        await self._wait_stopping("identify", await self._way_out.identify())

    async def _prune(self) -> None:
        pruned = await self._engine.prune()
        if pruned.given_up:
            await self._on_given_up(len(pruned.given_up))
        if not pruned.is_more:
            self.oldest_kept = await self._engine.database.read(retention.oldest_kept)
            await self._wait_stopping("prune", PRUNE_EVERY)

    async def _wait_stopping(self, name: str, span: timedelta) -> None:
        """In steps, so that the loop is seen to turn."""
        until = self._clock.now() + span
        while self._clock.now() < until:
            await self._clock.sleep(min(LONGEST_WAIT, until - self._clock.now()))
            self._loop(name).turned_at = self._clock.now()

    async def _measure_lag(self) -> None:
        before = self._clock.monotonic()
        await self._clock.sleep(timedelta(seconds=1))
        self._metrics.observe("loop_lag_seconds", (), max(self._clock.monotonic() - before - 1, 0))

    def _loop(self, name: str) -> Loop:
        return next(loop for loop in self.all if loop.name == name)
