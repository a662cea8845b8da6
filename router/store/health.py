"""What the store says of itself: whether it takes a commit, what is owed, who refuses us."""

import asyncio
import logging
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import Connection, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError

from router.runtime.clock import Clock
from router.store import group_counts
from router.store.database import Database, Wrote
from router.store.intake import sources
from router.store.tables import IS_REFUSED, OWED, conversation, message

log = logging.getLogger(__name__)

FRESH_S = 1.0
"""What was found out serves for so long, whoever asks."""
WITHIN = timedelta(seconds=3)
"""A commit that takes longer is none."""


class Stored(msgspec.Struct, frozen=True):
    """A reading."""

    pending_since: datetime | None
    """The oldest truth that somebody was not told yet."""
    refused: tuple[str, ...]
    """Channels and people that Slack refuses, with its word."""


def read(conn: Connection) -> Stored:
    since = conn.execute(select(func.min(message.c.due_since)).where(text(OWED))).scalar()
    rows = conn.execute(select(conversation.c.target, conversation.c.refused).where(text(IS_REFUSED)).limit(20))
    return Stored(since, tuple(f"{row.target}: {row.refused}" for row in rows))


class Probe:
    """Whether an alert can be committed now. Where something was written within the last second its outcome is the answer;
    only a writer that has nothing to do, or gets nothing done, is given a commit to make: at most one a second, for all
    who ask together."""

    def __init__(self, database: Database, clock: Clock, *, within: timedelta = WITHIN) -> None:
        self._database, self._clock, self._within = database, clock, within
        self._one_at_a_time = asyncio.Lock()
        self._timed_out: Wrote | None = None
        self._stored, self._read_at = Stored(None, ()), float("-inf")

    async def can_commit(self) -> bool:
        async with self._one_at_a_time:
            known = max(filter(None, (self._database.wrote, self._timed_out)), default=None)
            if known is None or self._clock.monotonic() - known.at >= FRESH_S:
                known = await self._commit()
            return known.is_committed

    async def stored(self) -> Stored:
        """What is stored about deliveries; the last reading where it cannot be read now."""
        async with self._one_at_a_time:
            if self._clock.monotonic() - self._read_at >= FRESH_S:
                self._read_at = self._clock.monotonic()
                try:
                    async with asyncio.timeout(self._within.total_seconds()):
                        self._stored = await self._database.read(read)
                except Exception:  # the top of this question: whether a commit can be made is another one
                    log.exception("what is owed could not be read")
        return self._stored

    async def _commit(self) -> Wrote:
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                await self._database.write(partial(sources.listen, now=self._clock.now(), heard={}))
        except Exception:  # whatever it is, an alert could not be committed now
            log.exception("the database does not take a commit")
            self._timed_out = Wrote(self._clock.monotonic(), is_committed=False)
            return self._timed_out
        return Wrote(self._clock.monotonic(), is_committed=True)


def wrong_counts(path: Path) -> int | None:
    """How many of the counts kept with groups a recount of a file contradicts; None where it cannot be read. Changes
    nothing, and may be asked while a router runs on it."""
    engine = create_engine(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true")
    try:
        with engine.connect() as conn:
            return len(group_counts.wrong(conn))
    except DBAPIError:
        return None
    finally:
        engine.dispose()
