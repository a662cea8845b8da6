"""The Prometheus family: Alertmanager's webhook (v4, v3, Grafana, Mimir) and the array of POST /api/v2/alerts.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and Alertmanager's api/v2/openapi.yaml.

Most of what arrives is a re-sent alert that changes nothing, so this is the hot path: a request is decoded once, by
type, labels and annotations stay raw bytes, and `key` hashes them. Only `alert()` looks inside. When one item has an
unexpected shape, items are decoded one by one, so that it harms only itself.

Identity is that of the labels as sent, as it is for Alertmanager: a direct send and a relay are one alert.
A fingerprint in the payload is not used (Grafana's is over labels it does not send).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from adapters import labels as labels_
from adapters.adapter import Adapter, Draft, GroupDrafts, ItemError, Limits, Parse, Payload, PayloadError, SourceOptions
from adapters.alert import Alert, PrometheusAlert, Status, fingerprint, identities, identity
from adapters.body import FORM, decoded, looks_like_json, refuse_very_many, utf8
from adapters.labels import Additions
from adapters.severity import Scale
from adapters.text import clean, first, line, link
from adapters.times import instant, milliseconds, past

RESOLVE_TIMEOUT = timedelta(minutes=5)
"""Alertmanager's default for an alert of the array without endsAt, when the source has no `resolve_after`."""

_IS_RESOLVED = {
    "firing": False, "alerting": False, "active": False, "pending": False, "nodata": False, "no_data": False,
    "resolved": True, "ok": True, "normal": True, "inactive": True,
}  # fmt: skip
_Time = str | int | float | None
_NULL = Raw(b"null")
_LONG = 64 * 1024
"""Bytes of a body whose items are worth counting before they are made, and of annotations that are slow to read."""


class _Source(msgspec.Struct, frozen=True):
    """One configured source, compiled."""

    options: SourceOptions
    scale: Any  # Scale and Additions are plain classes, and a Struct's annotations are for msgspec's eyes
    additions: Any
    salt: int
    """Drafts of differently configured sources have different keys."""


class _Batch(msgspec.Struct, frozen=True, gc=False):
    """What the items of one request share."""

    source: _Source
    received_at: datetime
    now: str
    """The receipt as 2024-03-04T10:11:12, to compare with."""
    is_array: bool
    group: bool | None
    """Whether the group is resolved; None when its status does not say."""
    ttls: dict[_Time, timedelta]
    """By endsAt, which most of them share."""


class _Item(msgspec.Struct, gc=False):
    """One alert of a request, and the Draft of it: decoding makes the very object that is handed on."""

    labels: Raw = _NULL
    annotations: Raw = _NULL
    starts_at: _Time = msgspec.field(default=None, name="startsAt")
    ends_at: _Time = msgspec.field(default=None, name="endsAt")
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")
    batch: Any = msgspec.field(default=None, name="(batch)")
    """Always set here after decoding, whatever was sent under this name."""

    @property
    def key(self) -> int:
        is_resolved = self.is_resolved()
        return hash(
            (
                bytes(self.labels),
                bytes(self.annotations),
                self.starts_at,
                self.generator_url,
                is_resolved,
                self.ends_at if is_resolved else None,
                self.batch.source.salt,
            )
        )

    def is_resolved(self) -> bool:
        """Of the array: ended when endsAt is past. Missing, zero and unreadable ones are in the future."""
        return _has_ended(self.ends_at, self.batch)

    def is_long(self) -> bool:
        return len(bytes(self.labels)) + len(bytes(self.annotations)) > _LONG

    def dashboard(self) -> str | None:
        """Where it is drawn, if the sender says."""
        return None

    def alert(self) -> Alert:
        """Raises ItemError."""
        batch: _Batch = self.batch
        source = batch.source
        limits = source.options.limits
        raw = bytes(self.labels)
        sent, as_sent = labels_.sent(raw, limits)
        if not sent:
            raise ItemError("no labels", where="labels", expected="at least one label with a value")
        texts = _texts(bytes(self.annotations), limits)
        labels = source.additions.added(sent)
        alertname = line(sent.get("alertname", ""))
        title = first(texts, _TITLES) or alertname or _pairs(sent)
        severity_raw = sent.get("severity", "")
        is_resolved = self.is_resolved()
        starts_at = past(self.starts_at, batch.received_at)
        ends_at = past(self.ends_at, batch.received_at) if is_resolved else None
        if ends_at is not None and starts_at is not None and ends_at < starts_at:
            ends_at = None
        ttl, ttl_is_presumed = (None, False) if is_resolved else self._ttl(batch)
        known, sibling = identities(as_sent, "severity") if severity_raw else (identity(as_sent), "")
        return PrometheusAlert(
            fingerprint=known,
            name=alertname or line(sent.get("rulename", "")) or title,
            title=title,
            description=texts.get("description") or texts.get("message") or texts.get("details") or "",
            severity=source.scale.severity(severity_raw),
            status=Status.RESOLVED if is_resolved else Status.FIRING,
            labels=labels,
            annotations=texts,
            starts_at=starts_at,
            ends_at=ends_at,
            order=None if starts_at is None else 2 * milliseconds(starts_at) + is_resolved,
            ttl=ttl,
            ttl_is_presumed=ttl_is_presumed,
            url=link(self.generator_url) or link(*map(texts.get, _LINKS), self.dashboard()),
            severity_raw=severity_raw,
            added=() if labels is sent else tuple(name for name in labels if name not in sent),
            sibling=sibling,
            sent_fingerprint="" if as_sent is sent or as_sent == sent else fingerprint(as_sent),
        )

    def _ttl(self, batch: _Batch) -> tuple[timedelta | None, bool]:
        presumed = batch.source.options.resolve_after
        if not batch.is_array:
            return presumed, presumed is not None
        ttl = batch.ttls.get(self.ends_at)
        if ttl is None and (ends_at := instant(self.ends_at)) is not None:
            ttl = batch.ttls[self.ends_at] = ends_at - batch.received_at
        if ttl is not None:
            return ttl, False
        return presumed or RESOLVE_TIMEOUT, presumed is not None


_TITLES = ("summary", "title", "message", "name")
_LINKS = ("runbook_url", "runbook", "dashboard_url", "dashboard", "__dashboardUrl__", "link", "url")


class _Grouped(_Item, gc=False):
    """One alert of a webhook: its own status, then its group's, then endsAt."""

    status: str | None = None
    dashboard_url: str | None = msgspec.field(default=None, name="dashboardURL")
    """Grafana's; decided by the rule, as generatorURL is, so it needs no part in the key."""

    def dashboard(self) -> str | None:
        return self.dashboard_url

    def is_resolved(self) -> bool:
        status = self.status
        if status == "firing":
            return False
        if status == "resolved":
            return True
        word = _IS_RESOLVED.get(status.strip().lower()) if status else None
        if word is not None:
            return word
        batch: _Batch = self.batch
        return _has_ended(self.ends_at, batch) if batch.group is None else batch.group


class _Long:
    """An item that is not quickly read: without a key, it is read where its body is, and not again by the loop."""

    __slots__ = ("_item",)
    key = 0

    def __init__(self, item: _Item) -> None:
        self._item = item

    def alert(self) -> Alert:
        """Raises ItemError."""
        return self._item.alert()


class _Refused:
    """An item that is no alert."""

    __slots__ = ("_found",)
    key = 0

    def __init__(self, found: str) -> None:
        self._found = found

    def alert(self) -> Alert:
        raise ItemError(f"an alert that is {self._found}", expected='an object with "labels"')


class _Webhook(msgspec.Struct, gc=False):
    alerts: list[_Grouped]
    status: str | None = None
    group_key: Raw = msgspec.field(default=_NULL, name="groupKey")
    receiver: Raw = _NULL
    truncated: Raw = msgspec.field(default=_NULL, name="truncatedAlerts")

    def whole_group(self) -> str:
        """The group that this is all of; "" where alerts may have been left out, or the group has no name (version 3
        numbers them)."""
        key = bytes(self.group_key)
        if bytes(self.truncated) != b"0" or key[:1] != b'"' or key == b'""':
            return ""
        return f"{bytes(self.receiver).decode()} {key.decode()}"


class _LooseWebhook(msgspec.Struct, gc=False):
    alerts: list[Raw]
    status: Raw = _NULL


_WEBHOOK = msgspec.json.Decoder(_Webhook)
_LOOSE_WEBHOOK = msgspec.json.Decoder(_LooseWebhook)
_ARRAY = msgspec.json.Decoder(list[_Item])
_LOOSE_ARRAY = msgspec.json.Decoder(list[Raw])
_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_ANYTHING = msgspec.json.Decoder(Raw)
_TIME: msgspec.json.Decoder[_Time] = msgspec.json.Decoder(_Time)
_TEXT: msgspec.json.Decoder[str | None] = msgspec.json.Decoder(str | None)


def open_source(options: SourceOptions) -> Parse:
    """Raises OptionsError."""
    salt = hash(msgspec.json.encode((options.labels, options.severity_map, options.resolve_after)))
    source = _Source(options, Scale(options.severity_map), Additions(options.labels), salt)

    def parse(payload: Payload) -> Sequence[Draft]:
        body = utf8(payload, options.limits)
        if len(body) > _LONG:
            refuse_very_many(body, options.limits.containers, options.limits.items)
        opening = body[:64].lstrip()[:1]
        is_array = opening == b"["
        if is_array:
            items, group, whole = _array(body, options.limits), None, ""
            if not payload.is_alert_array:
                _refuse_ungrouped(body)
        elif opening == b"{" and not payload.is_alert_array:
            items, group, whole = _webhook(body, options.limits)
        else:
            _refuse_shape(body, payload)
        received_at = payload.received_at
        batch = _Batch(source, received_at, received_at.isoformat()[:19], is_array, group, {})
        for item in items:
            if isinstance(item, _Item):
                item.batch = batch
        drafts: Sequence[Draft] = items
        if len(body) > _LONG:
            drafts = [_Long(item) if isinstance(item, _Item) and item.is_long() else item for item in items]
        return GroupDrafts(drafts, whole) if whole else drafts

    return parse


def _array(body: bytes, limits: Limits) -> Sequence[_Item | _Refused]:
    try:
        items = decoded(body, _ARRAY)
    except msgspec.ValidationError:
        loose = decoded(body, _LOOSE_ARRAY)
        _refuse_too_many(len(loose), limits)
        return [_loosely(bytes(raw), _Item) for raw in loose]
    _refuse_too_many(len(items), limits)
    return items


def _refuse_too_many(count: int, limits: Limits) -> None:
    if count > limits.alerts:
        raise PayloadError(f"{count} alerts", where="alerts", expected=f"at most {limits.alerts}", status=413)


def _webhook(body: bytes, limits: Limits) -> tuple[Sequence[_Item | _Refused], bool | None, str]:
    """Its items, whether the group is resolved, and the group that they are all of."""
    try:
        webhook = decoded(body, _WEBHOOK)
    except msgspec.ValidationError:
        return _loose_webhook(body, limits)
    _refuse_too_many(len(webhook.alerts), limits)
    return webhook.alerts, _group(webhook.status), webhook.whole_group()


def _loose_webhook(body: bytes, limits: Limits) -> tuple[Sequence[_Item | _Refused], bool | None, str]:
    """As `_webhook`. Where something is not as it should be nobody is called absent."""
    try:
        webhook = decoded(body, _LOOSE_WEBHOOK)
    except msgspec.ValidationError as error:
        raise PayloadError(
            f"not an Alertmanager webhook: {error}",
            where="alerts",
            expected='an object with "alerts": [{"status": …, "labels": {…}}, …] (another payload needs adapter: generic)',
        ) from None
    _refuse_too_many(len(webhook.alerts), limits)
    return [_loosely(bytes(raw), _Grouped) for raw in webhook.alerts], _group(_text(webhook.status)), ""


def _group(status: str | None) -> bool | None:
    return _IS_RESOLVED.get(status.strip().lower()) if status else None


def _loosely(raw: bytes, kind: type[_Item]) -> _Item | _Refused:
    """One item, each field on its own: what is not as it should be counts as absent."""
    try:
        fields = {} if labels_.has_very_many_names(raw) else _FIELDS.decode(raw)
    except msgspec.ValidationError:
        return _Refused(raw[:40].decode(errors="replace"))
    item = kind(
        labels=fields.get("labels", _NULL),
        annotations=fields.get("annotations", _NULL),
        starts_at=_time(fields.get("startsAt", _NULL)),
        ends_at=_time(fields.get("endsAt", _NULL)),
        generator_url=_text(fields.get("generatorURL", _NULL)),
    )
    if isinstance(item, _Grouped):
        item.status = _text(fields.get("status", _NULL))
        item.dashboard_url = _text(fields.get("dashboardURL", _NULL))
    return item


def _time(raw: Raw) -> _Time:
    try:
        return _TIME.decode(raw)
    except msgspec.ValidationError:
        return None


def _text(raw: Raw) -> str | None:
    try:
        return _TEXT.decode(raw)
    except msgspec.ValidationError:
        return None


def _refuse_ungrouped(body: bytes) -> None:
    """At the webhook's URL an array is taken when it can only be Prometheus' own: with a status it is half a webhook."""
    for raw in decoded(body, _LOOSE_ARRAY):
        if bytes(raw)[:1] == b"{" and not labels_.has_very_many_names(bytes(raw)) and "status" in _FIELDS.decode(raw):
            raise PayloadError(
                "an array of alerts with a status: a webhook without its envelope",
                where="body",
                expected='an object with "alerts": […]; Prometheus itself posts to …/api/v2/alerts',
            )


def _refuse_shape(body: bytes, payload: Payload) -> NoReturn:
    expected = "an array of alerts" if payload.is_alert_array else 'an object with "alerts": […]'
    if payload.content_type == FORM and not looks_like_json(body):
        raise PayloadError("a form", where="Content-Type", expected=f"JSON: {expected}", status=415)
    decoded(body, _ANYTHING)
    found = "an object" if body.lstrip()[:1] == b"{" else clean(body[:40].decode(errors="replace"))
    raise PayloadError(f"found {found}", where="body", expected=expected)


def _has_ended(ends_at: _Time, batch: _Batch) -> bool:
    """Compares text where it can: RFC 3339 in UTC sorts as it reads, and most alerts end minutes from now."""
    if not ends_at:
        return False
    if isinstance(ends_at, str) and ends_at[-1] == "Z" and (ends_at[:19] > batch.now or ends_at[:4] == "0001"):
        return False
    at = instant(ends_at)
    return at is not None and at <= batch.received_at


def _texts(raw: bytes, limits: Limits) -> dict[str, str]:
    """A wrong shape never costs an alert: a bare text becomes the description, any other nothing."""
    if raw[:1] == b"{":
        return labels_.sent_annotations(raw, limits)
    text = _text(Raw(raw))
    return labels_.annotations({"description": text}, limits) if text else {}


def _pairs(labels: dict[str, str]) -> str:
    return line(", ".join(f"{name}={text}" for name, text in sorted(labels.items())), 200)


PROMETHEUS = Adapter(
    name="prometheus",
    open=open_source,
    docs="https://prometheus.io/docs/alerting/latest/configuration/#webhook_config",
    is_prometheus_family=True,
)
