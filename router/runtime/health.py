"""How well the process is, as `/readyz`, the metrics and the outward heartbeat ask it. Shapes only."""

from datetime import datetime, timedelta

import msgspec

PENDING_TOO_LONG = timedelta(minutes=2)
"""A truth that is not delivered for so long is worth a word."""


class LoopHealth(msgspec.Struct, frozen=True):
    """One loop, seen from outside."""

    name: str
    turned_at: datetime
    """When it last came round."""
    is_stuck: bool
    """It has not come round for far longer than it ever should."""
    errors: int


class Health(msgspec.Struct, frozen=True):
    """The process as a whole."""

    loops: tuple[LoopHealth, ...]
    can_commit: bool
    degraded: tuple[str, ...]
    """What is wrong but does not keep an alert from being committed, in a person's words."""
    pending_since: datetime | None
    """The oldest undelivered truth."""
