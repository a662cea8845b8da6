"""When each source was last heard from, between two ticks in memory only."""

from datetime import datetime


class LastHeard:
    """What a tick takes and writes down."""

    def __init__(self) -> None:
        self._heard: dict[str, datetime] = {}

    def hear(self, source: str, at: datetime) -> None:
        self._heard[source] = at

    def take(self) -> dict[str, datetime]:
        heard, self._heard = self._heard, {}
        return heard
