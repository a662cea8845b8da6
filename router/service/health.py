"""How well the process is: whether its loops turn, whether an alert could be committed, and what else is not as it should."""

from collections.abc import Callable
from datetime import datetime, timedelta

from router.runtime.clock import Clock
from router.runtime.health import PENDING_TOO_LONG, Health, LoopHealth
from router.service.loops import Loops
from router.store import health as stored_health
from router.store.database import Database

NEW_FOR = timedelta(hours=1)
"""So long it is said that the database is new: whoever lost a volume looks within the hour."""
STUCK_AFTER = timedelta(seconds=60)


class HealthCheck:
    """Asked by /healthz, /readyz and the outward heartbeat."""

    def __init__(self, database: Database, loops: Loops, clock: Clock, *, trouble: Callable[[], list[str]]) -> None:
        """`trouble`: what the other parts of the process have to say, in a person's words."""
        self._database, self._loops, self._clock, self._trouble = database, loops, clock, trouble
        self._since = clock.now()
        self._probe = stored_health.Probe(database, clock)

    async def health(self) -> Health:
        now = self._clock.now()
        loops = tuple(
            LoopHealth(loop.name, loop.turned_at, now - loop.turned_at > STUCK_AFTER, loop.errors)
            for loop in self._loops.all
        )
        can_commit, stored = await self._probe.can_commit(), await self._probe.stored()
        degraded = [*self._trouble(), *self._degraded(stored, now)]
        return Health(loops, can_commit, tuple(degraded), stored.pending_since)

    def _degraded(self, stored: stored_health.Stored, now: datetime) -> list[str]:
        found = []
        if stored.pending_since is not None and now - stored.pending_since > PENDING_TOO_LONG:
            found.append(f"the oldest undelivered truth is {int((now - stored.pending_since).total_seconds())} s old")
        found += [f"Slack refuses {target}" for target in stored.refused]
        if self._database.lost:
            found.append(self._database.lost)
        elif self._database.is_new and now - self._since < NEW_FOR:
            found.append("this process began with a new, empty database")
        return found
