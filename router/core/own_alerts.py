"""The alerts that the router raises itself, in its own words: a source that went silent, a heartbeat that did not come, an
incident that a person declares."""

from datetime import datetime
from hashlib import blake2b
from typing import Final

import msgspec

from adapters.alert import Alert, Severity, Status, fingerprint
from adapters.times import milliseconds
from rules.model.heartbeat import OWN_SOURCE, Heartbeat, HeartbeatKey
from rules.model.matcher import written
from rules.model.route import DECLARATION
from rules.model.window import zone

DECLARED: Final = f"{OWN_SOURCE}/declared"
"""The namespace of what people declare: no source can have one of that name, and no tick of ours ends what is in it."""
DECLARED_NAME: Final = "IncidentDeclared"


class Declaration(msgspec.Struct, frozen=True):
    """What a person says is the matter."""

    title: str
    by: str
    """As the timeline names them."""
    service: str = ""
    severity: Severity = Severity.HIGH


class DeclaredAlert(Alert, frozen=True, gc=False):
    """An incident that a person declared. It fires until somebody closes it: it has no time to live, not even a presumed one."""


class OwnDraft:
    """An alert that needs no bringing to normal form."""

    def __init__(self, alert: Alert) -> None:
        self._alert = alert
        self.key = hash(
            (OWN_SOURCE, alert.fingerprint, alert.status, alert.title, alert.description, alert.severity, alert.order)
        )

    def alert(self) -> Alert:
        return self._alert


def source_silent(source: str, since: datetime, zone_name: str) -> Alert:
    """`since`: when it was last heard from."""
    return _alert(
        {"alertname": "SourceSilent", "source": source},
        title=f"{source} is silent: nothing heard since {_when(since, zone_name)}",
        description=f"What {source} said last still counts: its alerts are neither confirmed nor over until it speaks again.",
        severity=Severity.HIGH,
        starts_at=since,
    )


def heartbeat_missing(
    heartbeat: Heartbeat, sign: HeartbeatKey, *, due_at: datetime, missing_since: datetime, last_at: datetime | None
) -> Alert:
    """What was expected, when it was due, and by when it had not come."""
    values = ", ".join(value for _, value in sign.labels)
    who = f"the heartbeat of {sign.source}" if sign.source else sign.name + (f" ({values})" if values else "")
    due = _when(due_at, heartbeat.zone)
    by = missing_since.astimezone(zone(heartbeat.zone))
    came = f"nothing by {by:%H:%M}" if missing_since > due_at else "nothing came"
    title = f"{who} was due {due}, {came}"
    last = "none was ever seen" if last_at is None else f"the last was seen {_when(last_at, heartbeat.zone)}"
    alert = _alert(
        heartbeat.labels(sign.labels),
        title=title,
        description=f"A sign of life is an alert with {written(heartbeat.match)}; {last}.",
        severity=heartbeat.severity,
        starts_at=missing_since,
    )
    identity = {"heartbeat": sign.name, "source": sign.source, **{f"per {name}": value for name, value in sign.labels}}
    return msgspec.structs.replace(
        alert,
        fingerprint=fingerprint({"alertname": "HeartbeatMissing", **identity}),
        ttl=heartbeat.forget_after,
        ttl_is_presumed=heartbeat.forget_after is not None,
    )


def declared(declaration: Declaration, key: str, now: datetime) -> DeclaredAlert:
    """`key`: what names this declaration and no other; of the same key the same alert."""
    mark = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    labels = {
        "alertname": DECLARED_NAME,
        "declared_by": declaration.by,
        "service": declaration.service,
        "severity": declaration.severity.value,
        DECLARATION: mark,
    }
    return DeclaredAlert(
        fingerprint=fingerprint({DECLARATION: mark}),
        name=DECLARED_NAME,
        title=declaration.title,
        description="",
        severity=declaration.severity,
        status=Status.FIRING,
        labels={name: text for name, text in labels.items() if text},
        annotations={},
        starts_at=now,
        order=2 * milliseconds(now),
        severity_raw=declaration.severity.value,
    )


def over(alert: Alert, now: datetime) -> Alert:
    """Its end, told."""
    return msgspec.structs.replace(
        alert, status=Status.RESOLVED, ends_at=now, order=2 * milliseconds(alert.starts_at or now) + 1, ttl=None
    )


def _alert(labels: dict[str, str], *, title: str, description: str, severity: Severity, starts_at: datetime) -> Alert:
    return Alert(
        fingerprint=fingerprint(labels),
        name=labels["alertname"],
        title=title,
        description=description,
        severity=severity,
        status=Status.FIRING,
        labels={**labels, "severity": severity.value},
        annotations={},
        starts_at=starts_at,
        order=2 * milliseconds(starts_at),
        severity_raw=severity.value,
    )


def _when(at: datetime, zone_name: str) -> str:
    """With its zone: the title of an alert is plain text, read where the reader happens to be."""
    return f"{at.astimezone(zone(zone_name)):%a %H:%M %Z}"
