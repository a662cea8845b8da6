"""Says elsewhere that this router is well: calls a dead man's switch, and does not call it when something is wrong.

Whoever waits for the call raises the alarm when it does not come. It is the only watch over a router that is gone, so it
is withheld rather than made in doubt. The address may be a secret: it is never logged, nor what an error says of it.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import aiohttp
import msgspec

from router.runtime.clock import Clock
from router.runtime.health import PENDING_TOO_LONG, Health
from router.runtime.metrics import Metrics

log = logging.getLogger(__name__)

AGAIN_AFTER = timedelta(seconds=10)
"""After a call that failed."""
NAME = "heartbeat"
_STEP = timedelta(seconds=5)


class Target(msgspec.Struct, frozen=True):
    """Whom to call, and how often."""

    url: str
    every: timedelta


class IntakeNumbers(msgspec.Struct, frozen=True):
    """Intake in numbers since the start of the process."""

    commits: int
    failures: int
    waiting: int
    """Alerts that wait for a commit now."""


class DeadMansSwitch:
    """One loop of the process."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clock: Clock,
        metrics: Metrics,
        *,
        target: Callable[[], Target | None],
        health: Callable[[], Awaitable[Health]],
        intake: Callable[[], IntakeNumbers],
    ) -> None:
        self._session, self._clock, self._metrics = session, clock, metrics
        self._target, self._health, self._intake = target, health, intake
        self._looked_at = clock.now()
        self._before = intake()
        self._next_at = clock.now()
        self.trouble = ""
        """Why the last call was not made, or what came of it; "" when it was well."""

    async def turn(self) -> None:
        """Wait a little, or look and call."""
        target, now = self._target(), self._clock.now()
        if target is None or now < self._next_at:
            await self._clock.sleep(_STEP if target is None else min(_STEP, self._next_at - now))
            return
        health, intake = await self._health(), self._intake()
        trouble = self._doubt(health, intake)
        self._looked_at, self._before = self._clock.now(), intake
        self._next_at = now + target.every
        if trouble:
            outcome = "withheld"
        else:
            trouble = await self._call(target.url)
            outcome = "failed" if trouble else "told"
            if trouble:
                self._next_at = now + min(AGAIN_AFTER, target.every)
        self._metrics.add("alert_router_dead_mans_switch_calls", (outcome,))
        if trouble and trouble != self.trouble:
            log.warning("the outward heartbeat was not made", extra={"outcome": outcome, "why": trouble})
        self.trouble = trouble

    def _doubt(self, health: Health, intake: IntakeNumbers) -> str:
        """What is wrong; "" when all is well since the last look."""
        now, before = self._clock.now(), self._before
        if not health.can_commit:
            return "an alert could not be committed now"
        is_idle = intake.waiting == 0 and intake.failures == before.failures
        if not is_idle and intake.commits == before.commits:
            return "intake has committed nothing, and is not idle"
        still = [one.name for one in health.loops if one.name != NAME and one.turned_at <= self._looked_at]
        if still and now - self._looked_at >= _STEP * 2:
            return f"a loop has not turned: {', '.join(still)}"
        if health.pending_since is not None and now - health.pending_since > PENDING_TOO_LONG:
            return f"a truth has been owed for {int((now - health.pending_since).total_seconds())} s"
        return ""

    async def _call(self, url: str) -> str:
        try:
            # A redirect leads to somebody else, whose word says nothing about who waits for this call.
            async with self._session.get(url, allow_redirects=False) as answer:
                return "" if answer.status < 300 else f"it was answered {answer.status}"
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            return f"it could not be made ({type(error).__name__})"
