"""Time and ids come from here and from nowhere else, so that a test or a replay can put its own in their place."""

import asyncio
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

NewId = Callable[[], str]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Milliseconds since the epoch, exact (no float on the way)."""
    return (instant - EPOCH) // _MILLISECOND


def from_ms(instant_ms: int) -> datetime:
    return EPOCH + instant_ms * _MILLISECOND


class Clock(Protocol):
    """Wall time to write down, monotonic time to measure with, and a wait that ends by time."""

    def now(self) -> datetime:
        """Aware UTC, whole milliseconds: what is stored is what was compared."""

    def monotonic(self) -> float:
        """Seconds since some moment; never steps."""

    async def sleep(self, delay: timedelta) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return from_ms(time.time_ns() // 1_000_000)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, delay: timedelta) -> None:
        await asyncio.sleep(max(delay.total_seconds(), 0))


def new_id() -> str:
    return uuid.uuid4().hex


def new_secret() -> str:
    """What nobody guesses: 256 bits, as it stands in an address or a cookie."""
    return secrets.token_urlsafe(32)
