"""Clocks that tests move."""

from datetime import datetime, timedelta

from router.runtime.clock import EPOCH
from router.service.simulate import VirtualClock


class SettableClock(VirtualClock):
    """Our machine's, which somebody may set. Slack's is right; the time that passes is the same for both."""

    def __init__(self, start: datetime, ahead: timedelta = timedelta(0)) -> None:
        super().__init__(start)
        self.ahead = ahead
        """Of Slack's."""

    def now(self) -> datetime:
        return self._now + self.ahead

    def right(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - EPOCH).total_seconds()

    def move_to(self, instant: datetime) -> None:
        super().move_to(instant - self.ahead)
