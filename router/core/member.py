"""An alert as a group knows it: what is stored of it, without where it is stored."""

from datetime import datetime, timedelta

import msgspec

from adapters.alert import Severity, alertmanager_fingerprint

BY_RANK: tuple[Severity, ...] = tuple(sorted(Severity, key=lambda severity: severity.rank))
"""Severity of a rank: what is stored is the rank, so that SQL can ask for the worst."""


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
    suppressed_by: str | None = None

    @property
    def severity(self) -> Severity:
        return BY_RANK[self.severity_rank]


def visible(member: Member) -> dict[str, str]:
    """What matchers see of a stored alert."""
    document = member.document
    return {
        **document.labels,
        "alert.name": member.name,
        "alert.severity": member.severity.value,
        "alert.source": member.source,
        "alert.title": document.title,
    }
