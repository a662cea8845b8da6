"""An alert as a group knows it: what is stored of it, without where it is stored; and how it stands there."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import IntEnum

import msgspec

from adapters.alert import Severity, alertmanager_fingerprint

BY_RANK: tuple[Severity, ...] = tuple(sorted(Severity, key=lambda severity: severity.rank))
"""Severity of a rank: what is stored is the rank, so that SQL can ask for the worst."""


Suppressor = tuple[str, str]
"""What keeps news back: a kind (`rules.model.suppression.SuppressionKind`, or GONE) and a name."""


class MemberState(IntEnum):
    """How an alert stands in a group. Stored as its number."""

    ARRIVED = 0
    """It fires, and nobody was notified."""
    SUPPRESSED = 1
    """The same, and a maintenance, a silence or an inhibition keeps it from being news."""
    NOTIFIED = 2
    """It fires, and its destinations know."""
    NOTIFIED_MUTED = 3
    """The same, and by now a maintenance, a silence or an inhibition keeps it from making sounds."""
    ENDED = 4
    """It has ended, and its destinations are to be told."""
    ENDED_BEFORE_NOTIFIED = 5
    """It has ended, and nobody knew of it."""
    MOVED = 6
    """Another incident has it now, and its destinations here are to be told where it went."""
    SHADOWED = 7
    """It fires, and a worse sibling of it stands here: that is the one that is told."""

    @property
    def is_notified(self) -> bool:
        """Its destinations were notified of it, and it is no other incident's yet, or they were not told so."""
        return self in _NOTIFIED

    @property
    def is_firing(self) -> bool:
        """It fires, and is this group's."""
        return self <= MemberState.NOTIFIED_MUTED or self is MemberState.SHADOWED

    def next(self, *, is_firing: bool, is_suppressed: bool) -> "MemberState":
        """How it stands once its alert, or what suppresses that, has changed."""
        if self is MemberState.MOVED:
            return self
        if self is MemberState.SHADOWED:
            return self if is_firing else MemberState.ENDED_BEFORE_NOTIFIED
        if not is_firing:
            return MemberState.ENDED if self.is_notified else MemberState.ENDED_BEFORE_NOTIFIED
        if self.is_notified:
            return MemberState.NOTIFIED_MUTED if is_suppressed else MemberState.NOTIFIED
        return MemberState.SUPPRESSED if is_suppressed else MemberState.ARRIVED


NOTIFIED_FIRING = (MemberState.NOTIFIED, MemberState.NOTIFIED_MUTED)
"""They fire, and their destinations know."""
_NOTIFIED = frozenset(
    {
        MemberState.NOTIFIED,
        MemberState.NOTIFIED_MUTED,
        MemberState.ENDED,
        MemberState.MOVED,
        MemberState.SHADOWED,
    }
)


class Document(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of an alert beside its columns."""

    title: str
    description: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    url: str = ""
    severity_raw: str = ""
    added: tuple[str, ...] | None = None
    """Of an alert of the Prometheus family: names of the labels that were not sent."""
    sent_fingerprint: str = ""
    """Alertmanager's, where it cannot be told from the labels."""

    def fingerprint(self, stored: str) -> str:
        """What people call the alert that is stored under a fingerprint: Alertmanager's, where it has one."""
        if self.added is None:
            return stored
        return self.sent_fingerprint or alertmanager_fingerprint(self.labels, self.added)


class Member(msgspec.Struct, frozen=True):
    """An alert in a group."""

    id: int
    fingerprint: str
    source: str
    name: str
    severity_rank: int
    starts_at: datetime
    ends_at: datetime | None
    ended_how: str | None
    ttl: timedelta | None
    document: Document

    @property
    def severity(self) -> Severity:
        return BY_RANK[self.severity_rank]


def visible(member: Member) -> dict[str, str]:
    """What matchers see of a stored alert."""
    document = member.document
    return visible_of(document.labels, document.title, member.name, member.severity_rank, member.source)


def visible_of(labels: Mapping[str, str], title: str, name: str, severity_rank: int, source: str) -> dict[str, str]:
    """The same of one that is known in parts."""
    return {
        **labels,
        "alert.name": name,
        "alert.severity": BY_RANK[severity_rank].value,
        "alert.source": source,
        "alert.title": title,
    }
