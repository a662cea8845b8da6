"""What must be heard from: heartbeats, and sources that should not fall silent. Pure: which alert is a sign of life of
what, and when the next one is due. Knows no clock and no store.
"""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from cronsim import CronSim

from adapters.alert import Severity
from rules.model.matcher import Matcher, Op, all_match
from rules.model.window import zone

OWN_SOURCE = "alert-router"
"""Source and namespace of the alerts that the router raises itself."""
EARLY = timedelta(minutes=1)
"""A sign of life so shortly before its time is taken for the one that is due: clocks differ."""
SILENT_AFTER = timedelta(minutes=5)
"""For the family of Prometheus, where the file says nothing."""
CRON_GRACE = timedelta(minutes=15)
"""A job that starts by the clock needs time to run."""
FORGET_AFTER = timedelta(days=14)

_NAMES_OF_ALERTS = frozenset({"alertname", "severity", "heartbeat", "source"})
"""What the alert about a heartbeat says itself."""


class HeartbeatKey(msgspec.Struct, frozen=True):
    """What an alert is a sign of life of: a heartbeat and, where it has one per label values, which."""

    source: str
    """The source whose own heartbeat it is; "" for one of `heartbeats:`."""
    name: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def is_of_source(self) -> bool:
        return bool(self.source)


class Heartbeat(msgspec.Struct, frozen=True):
    """One expectation, or one for each distinct value of some labels. Either `every` or `cron` says when."""

    name: str
    match: tuple[Matcher, ...]
    source: str = ""
    """Of a source's own heartbeat: only its alerts count, and only while they fire."""
    every: timedelta | None = None
    cron: str = ""
    zone: str = "UTC"
    grace: timedelta = timedelta(0)
    severity: Severity = Severity.HIGH
    per: tuple[str, ...] = ()
    forget_after: timedelta | None = None
    """Only with `per`: what was not heard of for so long is expected no more."""

    def sign(self, labels: Mapping[str, str]) -> HeartbeatKey | None:
        """What an alert with these visible labels is a sign of; None when it says nothing about this heartbeat."""
        if self.source and labels.get("alert.source") != self.source:
            return None
        key = tuple((name, labels.get(name, "")) for name in self.per)
        if not all(value for _, value in key) or not all_match(self.match, labels):
            return None
        return HeartbeatKey(self.source, self.name, key)

    def due_after(self, begin: datetime) -> datetime:
        """When the sign of life after one at `begin` is due. Aware UTC."""
        return begin + self.every if self.every is not None else next_tick(self.cron, self.zone, begin + EARLY)

    def labels(self, key: tuple[tuple[str, str], ...]) -> dict[str, str]:
        """Of the alert about its absence. What a matcher fixes is among them, so that the routes for what is expected
        take the word that it did not come."""
        fixed = {
            one.name: one.value
            for one in self.match
            if one.op is Op.EQUAL
            and one.value
            and not one.name.startswith("alert.")
            and one.name not in _NAMES_OF_ALERTS
        }
        own = {"source": self.source} if self.source else {"heartbeat": self.name}
        return {**({} if self.source else fixed), **dict(key), **own, "alertname": "HeartbeatMissing"}


class StaleAfter(msgspec.Struct, frozen=True):
    """How long a source with firing alerts may say nothing."""

    after: timedelta
    is_said: bool = False
    """True: the file says so, and any firing alert counts. False: the default, which counts only alerts whose sender sends
    them again and again: an Alertmanager may rightly be still for hours."""


class Awaited(msgspec.Struct, frozen=True):
    """Everything that must be heard from."""

    heartbeats: tuple[Heartbeat, ...] = ()
    silent_after: Mapping[str, StaleAfter] = {}
    """By source; who is not among them may be silent."""
    zone: str = "UTC"
    """Of instants in words."""

    def signs(self, labels: Mapping[str, str]) -> tuple[HeartbeatKey, ...]:
        """What an alert is a sign of life of. The router's own words are none: it would be waiting for itself."""
        if not self.heartbeats or labels.get("alert.source") == OWN_SOURCE:
            return ()
        found = (heartbeat.sign(labels) for heartbeat in self.heartbeats)
        return tuple(sign for sign in found if sign is not None)

    def names(self) -> set[str]:
        """The labels that `signs` depends on."""
        if not self.heartbeats:
            return set()
        matched = {matcher.name for heartbeat in self.heartbeats for matcher in heartbeat.match}
        return matched | {name for heartbeat in self.heartbeats for name in heartbeat.per} | {"alert.source"}


@functools.lru_cache(maxsize=32_768)
def next_tick(cron: str, zone_name: str, after: datetime) -> datetime:
    """The first instant after this one that five fields of cron name, as Debian's cron counts across a change of the
    clock: a time that is skipped counts from the next minute there is, one that is repeated counts once."""
    return next(CronSim(cron, after.astimezone(zone(zone_name)))).astimezone(UTC)
