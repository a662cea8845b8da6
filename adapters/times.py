"""Instants as senders write them. Owns RFC 3339 and epoch numbers; never refuses: what cannot be read is None."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
"""Before this it is an unset field (Go's year 1, an epoch of 0), not a time at which something fired."""
_CLOCK_SKEW = timedelta(hours=1)
_LONGEST = 64
"""Characters. No form of an instant is longer; what is remembered must be short."""


def instant(value: object) -> datetime | None:
    """Aware UTC from RFC 3339 text (any offset, any fraction; none given: UTC) or an epoch, as number or digits.

    Seconds, milliseconds, micro- and nanoseconds are told apart by magnitude.
    """
    if isinstance(value, str):
        return _said(value) if len(value) <= _LONGEST else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _epoch(value)


def past(value: object, received_at: datetime) -> datetime | None:
    """An instant that can have been: one beyond what clocks differ by is as good as none, the receipt counts then."""
    at = instant(value)
    return at if at is None or at <= received_at or at <= received_at + _CLOCK_SKEW else None


@lru_cache(maxsize=1024)
def milliseconds(at: datetime) -> int:
    """Since the epoch."""
    return (at - EPOCH) // _MILLISECOND


@lru_cache(maxsize=1024)
def _said(value: str) -> datetime | None:
    """Remembered: alerts of one evaluation began together, and many end together."""
    text = value.strip()
    if value[10:11] == "T":
        return _written(text)
    number = _number(text)
    return _written(text) if number is None else _epoch(number)


def _number(text: str) -> float | None:
    # float() would also read "infinity", "1_000" and 5,000 digits.
    if len(text) <= 32 and text.replace(".", "", 1).isdigit() and text.isascii():
        return float(text)
    return None


def _epoch(number: float) -> datetime | None:
    for scale, bound in ((1, 1e11), (1e3, 1e14), (1e6, 1e17), (1e9, 1e20)):
        if number < bound:
            at = EPOCH + timedelta(seconds=number / scale) if number > 0 else EPOCH
            return at if at >= _EARLIEST else None
    return None


def _written(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not UTC:
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at >= _EARLIEST else None
