"""An alert that somebody gives by its labels, as it would come from a source of the configuration: its own labels are added,
its `severity_map` is asked."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from adapters import ADAPTERS
from adapters.adapter import ItemError, Payload, SourceOptions
from adapters.alert import Alert, Severity
from router.commands.payloads import refusal
from router.commands.terms import UserError
from rules.model.configuration import Configuration
from rules.model.route import COMPUTED


def typed(
    loaded: Configuration, name: str | None, labels: Mapping[str, str], annotations: Mapping[str, str], now: datetime
) -> tuple[str, Alert]:
    """As Prometheus would send it; computed names may be among the labels, and win. Returns who sends it, too: `name`,
    else the source that the labels say, else the first that takes what Prometheus sends. Raises UserError."""
    family = [one for one, settings in loaded.sources.items() if ADAPTERS[settings.adapter].is_prometheus_family]
    name = name or labels.get("alert.source") or next(iter([*family, *loaded.sources]), "prometheus")
    plain = {key: value for key, value in labels.items() if key not in COMPUTED} or {
        "alertname": labels.get("alert.name") or labels.get("alert.title") or "Example"
    }
    body = msgspec.json.encode([{"labels": plain, "annotations": annotations, "startsAt": now}])
    asked = Payload(body=body, content_type="application/json", received_at=now, is_alert_array=True)
    try:
        alert = ADAPTERS["prometheus"].open(_options(loaded, name))(asked)[0].alert()
    except ItemError as error:
        raise UserError(refusal("no alert", error.message, error.where, error.expected)) from None
    return name, msgspec.structs.replace(
        alert,
        name=labels.get("alert.name") or alert.name,
        title=labels.get("alert.title") or alert.title,
        severity=_severity(labels.get("alert.severity"), alert.severity),
    )


def _options(loaded: Configuration, name: str) -> SourceOptions:
    """What a source does to labels, whatever its payload looks like."""
    settings = loaded.sources.get(name)
    if settings is None:
        return SourceOptions(name=name)
    return SourceOptions(name=name, labels=settings.options.labels, severity_map=settings.options.severity_map)


def _severity(said: str | None, otherwise: Severity) -> Severity:
    if not said:
        return otherwise
    try:
        return Severity(said)
    except ValueError:
        raise UserError(f"alert.severity={said}: expected one of {', '.join(Severity)}") from None
