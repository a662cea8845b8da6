"""A request as somebody has it in a file, or an alert as they give it by its labels: read for a command that wants to know
what it would become, as it would come from a source of the configuration.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import Message
from pathlib import Path

import msgspec

from adapters import ADAPTERS
from adapters.adapter import Draft, ItemError, Payload, PayloadError, SourceOptions
from adapters.alert import Alert, Severity
from router.commands.terms import UserError
from router.runtime.clock import SystemClock
from rules.model.configuration import Configuration, SourceSettings
from rules.model.route import COMPUTED


def source(configuration: Configuration, name: str) -> SourceSettings:
    """Raises UserError with the names there are."""
    sources = configuration.sources
    if name not in sources:
        raise UserError(f"there is no source {name!r}; there are {', '.join(sorted(sources)) or 'none'}")
    return sources[name]


def request(file: Path, content_type: str, *, is_array: bool) -> Payload:
    """As if it had just been sent; "-" is standard input. Without a content type the body is looked at."""
    body = _bytes(file)
    media, charset = _media(content_type or _guessed(body))
    return Payload(
        body=body, content_type=media, received_at=SystemClock().now(), charset=charset, is_alert_array=is_array
    )


def drafts(settings: SourceSettings, asked: Payload) -> Sequence[Draft]:
    """Raises UserError when the source would refuse the whole of it."""
    try:
        return ADAPTERS[settings.adapter].open(settings.options)(asked)
    except PayloadError as error:
        raise UserError(refusal("the payload is refused", error.message, error.where, error.expected)) from None


def refusal(what: str, message: str, where: str, expected: str) -> str:
    return f"{what}: {message}" + (f" at {where}" if where else "") + (f"; expected {expected}" if expected else "")


def _bytes(payload: Path) -> bytes:
    if str(payload) == "-":
        return sys.stdin.buffer.read()
    try:
        return payload.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {payload}: {error.strerror}") from None


def _guessed(body: bytes) -> str:
    return "application/json" if body.lstrip()[:1] in {b"{", b"["} else "text/plain"


def _media(content_type: str) -> tuple[str, str]:
    """The media type alone, and the charset."""
    message = Message()
    message["Content-Type"] = content_type
    return message.get_content_type(), message.get_content_charset() or "utf-8"


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
