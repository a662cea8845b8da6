"""Slack's limits of pace: a message a second and channel with a small burst, and calls a minute per method."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

TIERS = {
    "chat.update": 50,
    "chat.delete": 50,
    "chat.postMessage": 300,  # "several hundred per minute" in a workspace
    "auth.test": 300,
    "conversations.list": 20,
    "conversations.info": 50,
    "conversations.join": 50,
    "conversations.open": 50,
    "conversations.history": 50,
    "conversations.replies": 50,
    "users.lookupByEmail": 50,
    "usergroups.list": 20,
    "usergroups.users.list": 20,
    "usergroups.users.update": 20,
    "dnd.info": 50,
    "users.info": 100,
    "views.open": 100,
    "chat.postEphemeral": 100,
}
"""Calls a minute and workspace."""

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Strictness:
    """How much above the published pace is let through. Slack tolerates bursts and publishes no caps."""

    channel_interval: timedelta = timedelta(seconds=1)
    channel_burst: int = 3
    """Posts into one channel at once, after it was quiet."""
    tier_burst: int = 5
    """Calls of one method in one minute above its tier."""
    is_enforced: bool = True


@dataclass
class Pace:
    strictness: Strictness = field(default_factory=Strictness)
    _recent: dict[str, deque[datetime]] = field(default_factory=lambda: defaultdict(deque))
    _channel_free_at: dict[str, datetime] = field(default_factory=dict)
    """Theoretical arrival time: when the bucket of a channel is full again."""
    _blocked: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """method → (since, until): a Retry-After was given; calling before it ends is what a client must not do."""

    def block(self, method: str, now: datetime, wait: timedelta) -> None:
        self._blocked[method] = (now, now + wait)

    def is_being_told(self, method: str, now: datetime) -> bool:
        """Blocked so recently that a call in flight could not know."""
        since, until = self._blocked.get(method, (now, now))
        return since <= now < min(until, since + timedelta(seconds=1))

    def wait_for(self, method: str, channel: str, now: datetime) -> int | None:
        """Seconds of Retry-After; None: the call is in time, and counted."""
        if not self.strictness.is_enforced:
            return None
        _, blocked_until = self._blocked.get(method, (now, now))
        if now < blocked_until:
            return _seconds(blocked_until - now)
        recent = self._recent[method]
        while recent and now - recent[0] >= _MINUTE:
            recent.popleft()
        if len(recent) >= TIERS.get(method, 50) + self.strictness.tier_burst:
            return _seconds(recent[0] + _MINUTE - now)
        if method == "chat.postMessage":
            interval = self.strictness.channel_interval
            full_at = max(self._channel_free_at.get(channel, now), now)
            wait = full_at - now - interval * (self.strictness.channel_burst - 1)
            if wait > timedelta(0):
                return _seconds(wait)
            self._channel_free_at[channel] = full_at + interval
        recent.append(now)
        return None


def _seconds(wait: timedelta) -> int:
    return max(1, ceil(wait.total_seconds()))
