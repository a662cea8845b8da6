"""From an incident to the request that a receiver understands, in each of four formats. Pure: makes no call, asks no time.

The key of every request is the incident's. So a request that is sent twice is one incident at the receiver.

PagerDuty: https://developer.pagerduty.com/docs/send-alert-event. Opsgenie: https://docs.opsgenie.com/docs/alert-api.
Alertmanager: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. Our own: docs/webhooks.md.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from adapters.alert import Severity, fingerprint
from router.core.content import Content
from router.core.mrkdwn import clean, clip
from router.core.render.headline import acted_by, end_word, end_words, place
from router.core.templates.template import render
from router.core.templates.values import Link, Marks, Special
from router.core.view import AlertLine, IncidentView, Phase, State
from router.notifiers.webhook.endpoint import Endpoint
from rules.model.route import COMPUTED
from rules.model.webhook import Format

LARGEST_BYTES: Final = 512_000
"""Of a body: what PagerDuty takes; others say no limit, and need no more."""
JSON_VERSION: Final = 1
"""Of our own format. A key is added without a new version; one that goes or changes its meaning makes one."""
UNSET: Final = "0001-01-01T00:00:00Z"
"""Alertmanager's word for an end that is not known."""

_PAGERDUTY_PATH, _OPSGENIE_PATH = "/v2/enqueue", "/v2/alerts"
_PAGERDUTY_SEVERITY = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
    Severity.INFO: "info",
}
_OPSGENIE_PRIORITY = {
    Severity.CRITICAL: "P1",
    Severity.HIGH: "P2",
    Severity.MEDIUM: "P3",
    Severity.LOW: "P4",
    Severity.INFO: "P5",
}
_SUMMARY, _URL = 1_024, 2_000
_MESSAGE, _ENTITY, _SOURCE, _DESCRIPTION, _TAG, _DETAILS = 130, 512, 100, 15_000, 50, 8_000
_WHERE = ("instance", "host", "pod", "node", "service", "job")
_TAG_OPENS = re.compile(r"<(?=[A-Za-z/!?])")


class Action(StrEnum):
    """What a receiver is to do with an incident."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class Request(msgspec.Struct, frozen=True):
    """One POST. Holds secrets: it has no readable form."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Request({len(self.body)} bytes)"


class _Room(msgspec.Struct, frozen=True):
    """How much of what a sender wrote is sent along."""

    labels: int
    value: int
    """Characters of a label's or an annotation's value."""
    text: int
    """Characters of the description."""


_FULL = _Room(labels=100, value=1_024, text=12_000)
_PLAIN = _Room(labels=20, value=100, text=500)


_STAYS_QUIET: Final = frozenset({Format.PAGERDUTY, Format.OPSGENIE})
"""Whoever is told of an acknowledgement rings no more, whatever comes under the same key, until it is resolved there."""


def next_action(kind: Format, content: Content) -> tuple[Action | None, Phase]:
    """The next call, and as what the receiver has the incident then; None: it knows that already. What it was not told the
    beginning of is begun first; what somebody let go of is ended before it begins again, where it would ring for nobody
    else."""
    told = content.told_phase
    if content.is_end:
        # What is closed is closed; others tell apart whether somebody said so or its alerts did.
        return None if told is Phase.CLOSED and kind in _STAYS_QUIET else Action.RESOLVE, Phase.CLOSED
    match content.phase:
        case Phase.ACKNOWLEDGED | Phase.SNOOZED if told in {Phase.OPEN, Phase.ACKNOWLEDGED}:
            return Action.ACKNOWLEDGE, Phase.ACKNOWLEDGED
        case Phase.CLOSED if told is not None:
            return Action.RESOLVE, Phase.CLOSED
        case Phase.OPEN if told is Phase.ACKNOWLEDGED and kind in _STAYS_QUIET:
            return Action.RESOLVE, Phase.CLOSED
        case _:
            return Action.TRIGGER, Phase.OPEN


def incident_key(instance: str, number: int) -> str:
    """What a receiver knows an incident by: the same in every request about it, whoever sends it and how often. With the
    longest name that an instance may have it is within what every vendor takes."""
    return f"{instance}/{number}"


def request(
    endpoint: Endpoint,
    view: IncidentView,
    action: Action,
    *,
    instance: str,
    external_url: str = "",
    is_plain: bool = False,
) -> Request | None:
    """What to send; None where the format has no word for it: Alertmanager's knows alerts, and nothing that people do with
    an incident. `external_url`: this router's, without a slash at
    its end; "" for no links to it. `is_plain` says less: for a receiver that has refused the whole."""
    is_of_people = action is Action.ACKNOWLEDGE or (action is Action.RESOLVE and view.state is State.TRIGGERED)
    if is_of_people and endpoint.format is Format.ALERTMANAGER:
        return None
    about = _Notification(view, action, endpoint, instance, external_url)
    make = _BODIES[endpoint.format]
    body = msgspec.json.encode(make(about, _PLAIN if is_plain else _FULL))
    if len(body) > LARGEST_BYTES:
        body = msgspec.json.encode(make(about, _PLAIN))
    headers = {**endpoint.headers, "Content-Type": "application/json; charset=utf-8"}
    return Request(_address(endpoint, action, about.key), headers, body)


class _Notification(msgspec.Struct, frozen=True):
    """An incident, what is to be done with it, and who is notified."""

    view: IncidentView
    action: Action
    endpoint: Endpoint
    instance: str
    external_url: str

    @property
    def key(self) -> str:
        return incident_key(self.instance, self.view.number)

    @property
    def page(self) -> str:
        """The incident's page here; "" where there is no address."""
        return f"{self.external_url}/incidents/{self.view.number}" if self.external_url else ""


def _address(endpoint: Endpoint, action: Action, key: str) -> str:
    parts = urlsplit(endpoint.url)
    path = parts.path.rstrip("/")
    match endpoint.format:
        case Format.PAGERDUTY:
            return urlunsplit(parts._replace(path=path or _PAGERDUTY_PATH, fragment=""))
        case Format.OPSGENIE:
            path = path.removesuffix(_OPSGENIE_PATH) + _OPSGENIE_PATH
            if action is Action.TRIGGER:
                return urlunsplit(parts._replace(path=path, fragment=""))
            verb = "acknowledge" if action is Action.ACKNOWLEDGE else "close"
            query = "&".join(part for part in (parts.query, "identifierType=alias") if part)
            path = f"{path}/{quote(_alias(key), safe='')}/{verb}"
            return urlunsplit(parts._replace(path=path, query=query, fragment=""))
        case _:
            return endpoint.url


def _alias(key: str) -> str:
    """Opsgenie's has its place in a path, where many servers take no slash however it is written."""
    return key.replace("/", ":")


def _pagerduty(about: _Notification, room: _Room) -> dict[str, object]:
    view = about.view
    event: dict[str, object] = {
        "routing_key": about.endpoint.key,
        "event_action": about.action.value,
        "dedup_key": about.key,
    }
    if about.action is not Action.TRIGGER:
        return event  # the rest is not looked at
    payload: dict[str, object] = {
        "summary": _headline(about, _SUMMARY),
        "source": _where(view) or _line(about.instance, 200) or "alert-router",
        "severity": _PAGERDUTY_SEVERITY[view.severity],
        "timestamp": _rfc3339(view.started_at),
        "group": _line(view.route, 200),
        "class": _line(view.name, 200),
        "custom_details": _details(about, room),
    }
    component = _line(view.common_labels.get("service", ""), 200)
    links = [{"href": address, "text": label} for label, address in _links(about)]
    return {
        **event,
        "payload": {key: value for key, value in payload.items() if value != ""}
        | ({"component": component} if component else {}),
        "links": links,
        "client": f"alert-router {_line(about.instance, 100)}",
        **({"client_url": about.page} if about.page else {}),
    }


def _opsgenie(about: _Notification, room: _Room) -> dict[str, object]:
    view = about.view
    source = _harmless(_line(f"alert-router {about.instance}", _SOURCE))
    if about.action is not Action.TRIGGER:
        note = f"{end_word(view)} {end_words(view).strip(': ')}".strip()
        if view.state is State.TRIGGERED:  # somebody's word
            phase = view.response.phase
            is_held = phase is not Phase.OPEN
            note = f"{phase.value}{acted_by(view.response.by)}" if is_held else "nobody has it in hand any more"
        return {"source": source, **({"note": _harmless(_line(note, 500))} if note else {})}
    links = [f"{label}: {address}" for label, address in _links(about)]
    lines = [f"• {_line(alert.title, 200)} {_pairs(alert.differs)}".rstrip() for alert in view.alerts]
    left = view.firing - len(view.alerts)
    more = [f"and {left} more"] if left > 0 else []
    text = "\n".join([*links, "", *lines, *more, "", _description(about, room.text)]).strip()
    details: dict[str, str] = {"incident": about.key, "route": _raw(view.route, 1_000), "firing": str(view.firing)}
    details |= _labels(view.common_labels, room)
    team = _harmless(_line(view.common_labels.get("team", ""), _TAG))
    where = _harmless(clip(_where(view), _ENTITY))
    return {
        "message": _harmless(_headline(about, _MESSAGE)),
        "alias": _alias(about.key),
        "description": _harmless(clip(text, _DESCRIPTION)),
        **({"entity": where} if where else {}),
        "source": source,
        "priority": _OPSGENIE_PRIORITY[view.severity],
        "tags": [tag for tag in ("alert-router", view.severity.value, team) if tag],
        "details": _within(details, _DETAILS),
    }


def _alertmanager(about: _Notification, room: _Room) -> dict[str, object]:
    view = about.view
    is_over = about.action is Action.RESOLVE
    status = "resolved" if is_over else "firing"
    whole = [_alert_labels(view, line, is_worst=number == 0) for number, line in enumerate(view.alerts)]
    shown = [_labels(labels, room) for labels in whole]
    common = _common(shown)
    total = view.ended if is_over else view.firing
    return {
        "version": "4",
        "groupKey": about.key,
        "truncatedAlerts": max(total - len(view.alerts), 0),
        "status": status,
        "receiver": about.endpoint.name,
        "groupLabels": _group_labels(view, common, room),
        "commonLabels": common,
        "commonAnnotations": _annotations(view, room) if len(view.alerts) == 1 and total <= 1 else {},
        "externalURL": about.external_url,
        "alerts": [
            {
                "status": status,
                "labels": shown[number],
                "annotations": _annotations(view, room) if number == 0 else _labels({"summary": line.title}, room),
                "startsAt": _rfc3339(line.starts_at),
                "endsAt": _rfc3339(view.ended_at or line.starts_at) if is_over else UNSET,
                "generatorURL": _raw(line.url, _URL),
                # Of the labels as they were sent, however much of them is shown: it is who the alert is.
                "fingerprint": fingerprint(_whole(labels)),
            }
            for number, (line, labels) in enumerate(zip(view.alerts, whole, strict=True))
        ],
    }


def _json(about: _Notification, room: _Room) -> dict[str, object]:
    view = about.view
    total = view.ended if view.state is State.RESOLVED else view.firing
    return {
        "version": JSON_VERSION,
        "action": about.action.value,
        "key": about.key,
        "instance": about.instance,
        "webhook": about.endpoint.name,
        "incident": {
            "number": view.number,
            "state": view.state.value,
            "severity": view.severity.value,
            "headline": _headline(about, _SUMMARY),
            "title": _title(about),
            "name": _raw(view.name, 1_024),
            "description": _description(about, room.text),
            "route": _raw(view.route, 1_000),
            "sources": [_raw(name, 200) for name in view.sources[:100]],
            "firing": view.firing,
            "ended": view.ended,
            "started_at": _rfc3339(view.started_at),
            "ended_at": None if view.ended_at is None else _rfc3339(view.ended_at),
            "ended_how": None if view.ended_how is None else view.ended_how.value,
            "phase": view.response.phase.value,
            "phase_by": _raw(view.response.by, 200),
            "on_call": [_raw(name, 200) for name in view.on_call[:100]],
            "url": about.page,
        },
        "labels": _labels(view.common_labels, room),
        "group_labels": _labels(view.group_labels, room),
        "annotations": _labels(view.annotations, room),
        "links": [{"label": label, "url": address} for label, address in _links(about) if address != about.page],
        "alerts": [
            {
                "title": _raw(line.title, 1_024),
                "severity": line.severity.value,
                "started_at": _rfc3339(line.starts_at),
                "labels": _labels({**view.common_labels, **line.differs}, room),
                "url": _raw(line.url, _URL),
            }
            for line in view.alerts
        ],
        "alerts_left_out": max(total - len(view.alerts), 0),
    }


_BODIES = {
    Format.PAGERDUTY: _pagerduty,
    Format.OPSGENIE: _opsgenie,
    Format.ALERTMANAGER: _alertmanager,
    Format.JSON: _json,
}


def _details(about: _Notification, room: _Room) -> dict[str, object]:
    """PagerDuty's table beside an alert."""
    view = about.view
    left = view.firing - len(view.alerts)
    alerts = [f"{_line(line.title, 200)} {_pairs(line.differs)}".rstrip() for line in view.alerts]
    return {
        "incident": about.key,
        "severity": view.severity.value,
        "route": _raw(view.route, 1_000),
        "sources": _line(", ".join(view.sources), 1_000),
        "firing": view.firing,
        "description": _description(about, room.text),
        "labels": _labels(view.common_labels, room),
        "alerts": [*alerts, *([f"and {left} more"] if left > 0 else [])],
        **({"on call here": _line(", ".join(view.on_call), 1_000)} if view.on_call else {}),
    }


def _headline(about: _Notification, limit: int) -> str:
    """One line for a locked phone; the severity is said by the receiver."""
    view = about.view
    times = f" ×{view.firing}" if view.firing > 1 else ""
    where = place(view)
    return clip(f"#{view.number} {_title(about)}{times}{f' · {where}' if where else ''}", limit)


def _title(about: _Notification) -> str:
    view = about.view
    own = _own(view, "" if view.template is None else view.template.title, about.external_url)
    return _line(own, 200) or _line(view.title, 200) or _line(view.name, 200) or "(no title)"


def _description(about: _Notification, limit: int) -> str:
    view = about.view
    own = _own(view, "" if view.template is None else view.template.text, about.external_url)
    return clip(clean(own or view.summary, limit).strip(), limit)


def _own(view: IncidentView, template: str, external_url: str) -> str:
    """What the route's own template says, in plain text; "" where there is none, or it fails."""
    if not template:
        return ""
    return render(template, view, _InPlainText(), external_url)[0] or ""


class _InPlainText(Marks):
    """A template's links with their addresses, which nothing else shows here."""

    def __init__(self) -> None:
        super().__init__(is_plain=True)

    def put(self, value: Special) -> str:
        plain = super().put(value)
        return f"{plain} ({value.url})" if isinstance(value, Link) and _is_web(value.url) else plain


def _where(view: IncidentView) -> str:
    """What is concerned, as far as a label says it of all alerts, or of the only one."""
    only = view.alerts[0].differs if len(view.alerts) == 1 else {}
    known = {**view.common_labels, **only}
    return next((found for name in _WHERE if (found := _line(known.get(name, ""), 200))), "") or _line(
        ", ".join(view.sources), 200
    )


def _links(about: _Notification) -> list[tuple[str, str]]:
    """(label, address), our own page first."""
    own = [("incident", about.page)] if about.page else []
    links = [(_line(label, 100), _sent(address)) for label, address in about.view.links[:10]]
    return own + [(label, address) for label, address in links if _is_web(address)]


def _is_web(address: str) -> bool:
    if not address.startswith(("http://", "https://")) or len(address) > _URL or re.search(r"[\s\x00-\x1f]", address):
        return False
    try:
        return bool(urlsplit(address).hostname)
    except ValueError:
        return False


def _alert_labels(view: IncidentView, line: AlertLine, *, is_worst: bool) -> dict[str, str]:
    """As they were sent; an alert of a sender that knows no `alertname` gets one, which Alertmanager's receivers ask for."""
    labels = {**view.common_labels, **line.differs}
    names = (view.group_labels.get("alert.name", ""), view.name if is_worst else "", line.title, "alert")
    return labels if labels.get("alertname") else {"alertname": next(filter(_sent, names)), **labels}


def _group_labels(view: IncidentView, common: Mapping[str, str], room: _Room) -> dict[str, str]:
    """Those that a receiver finds again on the alerts: our computed names are not among them, but for the alert's."""
    found = _labels({name: value for name, value in view.group_labels.items() if name not in COMPUTED}, room)
    if "alert.name" in view.group_labels and "alertname" in common:
        found = {"alertname": common["alertname"], **found}
    return {name: value for name, value in found.items() if common.get(name) == value}


def _common(all_labels: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Of the alerts that are sent along."""
    first, *others = list(all_labels) or [{}]
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _annotations(view: IncidentView, room: _Room) -> dict[str, str]:
    """The worst alert's; what it says of itself stands under the usual names where it has none of its own."""
    said = {"summary": view.alerts[0].title if view.alerts else view.title, "description": view.summary}
    return _labels({**said, **view.annotations}, room)


def _labels(labels: Mapping[str, str], room: _Room) -> dict[str, str]:
    """Names and values as they are, as many and as long as there is room for."""
    kept = itertools.islice(_whole(labels).items(), room.labels)
    return {clip(name, 200): clip(value, room.value) for name, value in kept}


def _whole(labels: Mapping[str, str]) -> dict[str, str]:
    sent = ((_sent(name), _sent(value)) for name, value in labels.items())
    return {name: value for name, value in sent if name and value}


def _within(details: Mapping[str, str], limit: int) -> dict[str, str]:
    """The first of them, until the characters of all names and values are used up."""
    found: dict[str, str] = {}
    left = limit
    for name, value in details.items():
        left -= len(name)
        if left <= 0:
            break
        found[_harmless(name)] = kept = _harmless(_line(value, left))
        left -= len(kept)
    return found


def _pairs(labels: Mapping[str, str]) -> str:
    return " ".join(f"{_line(name, 60)}={_line(value, 100)}" for name, value in list(labels.items())[:8])


def _line(text: str, limit: int) -> str:
    """One line, of what can be seen of a text."""
    return clip(" ".join(clean(text, limit).split()), limit)


def _raw(text: str, limit: int) -> str:
    """As it was sent: for programs."""
    return clip(_sent(text), limit)


def _sent(text: str) -> str:
    """Only what is no text at all is replaced."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _harmless(text: str) -> str:
    """For Opsgenie, which takes HTML in what it shows: nothing in it opens a tag."""
    return _TAG_OPENS.sub("‹", text)


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
