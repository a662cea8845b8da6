"""How long what is over is kept. What is open, fires or is still to be told is never forgotten, whatever stands here."""

from datetime import timedelta

import msgspec

LEAST = timedelta(days=1)
"""Of either: a late word about an alert must be known for late, and an incident that can reopen must be there."""


class Retention(msgspec.Struct, frozen=True):
    """Counted from the end. Neither is shorter than a day, or than the longest `reopen_within` of a route."""

    alerts: timedelta = LEAST
    """Alerts that have ended and that nobody has to be told of."""
    incidents: timedelta = timedelta(days=90)
    """Resolved incidents, with their timeline, messages and pages; messages that belong to no incident."""
