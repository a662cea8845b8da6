"""What a way out is to delivery: what it can do, how fast, and one method for each thing it does. When, is delivery's.

A notifier is one folder below this one and one line where `service` makes it. It renders for itself what it is handed,
makes one call, and sorts the answer. Delivery asks what it can do before it asks for anything.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from router.core.answer import Answer, Outcome
from router.core.content import Content
from router.core.delivery import Terms

CALL_TIMEOUT = timedelta(seconds=10)
"""The longest that one call may take: a claim outlives it."""


class Notifier(ABC):
    """One way out. No method raises on the receiver's weather; cancellation passes through.

    `RenderError` may be raised before anything was sent: delivery then hands over `Content.bare`.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Names its conversations in the store, and its pace. Stays the same over restarts."""

    @property
    @abstractmethod
    def terms(self) -> Terms:
        """What it can do, and how fast."""

    @abstractmethod
    async def post(self, channel: str, content: Content, key: str, *, ts: str = "") -> Answer:
        """Tell something new there. `key` is the same whenever this is tried again. DELIVERED with the `ts` that names it;
        a receiver that gives no name makes one up. `ts`: what stands there already, where posts are all it can do."""

    async def edit(self, channel: str, ts: str, content: Content, key: str) -> Answer:  # noqa: ARG002
        """Replace what a message says. Idempotent. With Capability.EDIT."""
        return _UNABLE

    async def reply(self, channel: str, ts: str, content: Content, key: str) -> Answer:  # noqa: ARG002
        """Tell `content.entries` in the thread below a message. With Capability.THREAD."""
        return _UNABLE

    async def find(self, channel: str, key: str, *, since: datetime, until: datetime, ts: str = "") -> Answer:  # noqa: ARG002
        """Look for what was sent with a key between two instants of our clock, `ts`: below that message. DELIVERED with its
        `ts`, NOT_FOUND, UNSEARCHABLE, or why not now. With Capability.FIND; all others cannot be searched."""
        return Answer(Outcome.UNSEARCHABLE, channel=channel, error="it keeps no history that can be read")

    async def look_up(self, target: str) -> Answer:
        """The conversation that a name means: DELIVERED with `channel`. With Capability.LOOK_UP; else the name is it."""
        return Answer(Outcome.DELIVERED, channel=target)


Notifiers = Mapping[str, Notifier]
"""By name."""


def by_name(notifiers: Iterable[Notifier]) -> Notifiers:
    return {one.name: one for one in notifiers}


_UNABLE = Answer(Outcome.MESSAGE_REFUSED, error="it cannot do that")
