"""How the loops hear of each other: who commits rings a bell, who waits for due time is woken early by it."""

import asyncio
from datetime import datetime, timedelta

from router.runtime.clock import Clock


class WakeUp:
    """One loop's wake-up. Ringing while nobody waits is remembered; ringing twice is ringing once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def wake(self) -> None:
        self._rung.set()

    async def wait(self, *, until: datetime | None, at_most: timedelta) -> None:
        """Return when rung, at `until`, or after `at_most`, whichever comes first."""
        delay = at_most if until is None else min(until - self._clock.now(), at_most)
        if delay > timedelta(0):
            try:
                async with asyncio.timeout(delay.total_seconds()):
                    await self._rung.wait()
            except TimeoutError:
                pass
        self._rung.clear()


class WakeUps:
    """The bells of one process, by verb."""

    def __init__(self, clock: Clock) -> None:
        self.dispatch = WakeUp(clock)
        self.expire = WakeUp(clock)
        self.escalate = WakeUp(clock)
        self.deliver = WakeUp(clock)
        self.announce = WakeUp(clock)

    def acted(self) -> None:
        """Somebody did something to an incident: it is told, timed and evaluated anew."""
        for bell in (self.dispatch, self.escalate, self.deliver):
            bell.wake()

    def wake_all(self) -> None:
        for bell in (self.dispatch, self.expire, self.escalate, self.deliver, self.announce):
            bell.wake()
