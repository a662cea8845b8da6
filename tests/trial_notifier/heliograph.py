"""Heliograph, a way out that does not exist: what a newcomer writes to add a notifier. Registered in these tests only.

Towers that flash signals. One takes no edit, has no thread and keeps no history, but the same signal twice is one signal.
"""

from router.core.answer import Answer, Outcome
from router.core.content import Content
from router.core.delivery import Capability, Terms
from router.notifiers.notifier import Notifier

TERMS = Terms(frozenset({Capability.IDEMPOTENT}))


class Heliograph(Notifier):
    """One line of towers. `weather` is what the next calls meet."""

    def __init__(self) -> None:
        self.signals: dict[str, list[str]] = {}
        self.keys: list[str] = []
        self.weather: list[Outcome] = []
        self.calls = 0

    @property
    def name(self) -> str:
        return "heliograph"

    @property
    def terms(self) -> Terms:
        return TERMS

    async def post(self, channel: str, content: Content, key: str, *, ts: str = "") -> Answer:
        self.calls += 1
        met = self.weather.pop(0) if self.weather else Outcome.DELIVERED
        if met in {Outcome.DELIVERED, Outcome.UNKNOWN} and key not in self.keys:
            self.keys.append(key)
            signal = content.text or f"{'over' if content.is_end else 'begun'} #{content.incident}"
            self.signals.setdefault(channel, []).append(signal)
        return Answer(met, ts=ts or "begun")
