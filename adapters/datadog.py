"""Datadog webhook. The payload is whatever the user typed into Datadog's template; ours is in docs/sources/datadog.md.

https://docs.datadoghq.com/integrations/webhooks/. Keys are compared without case and underscores, and nested ones by
their path (alert.id, alert_id and alertid are one), so that most people's templates are taken. Only Recovered resolves.

Identity: monitor and scope; else the aggregation key; else the cycle key; else the monitor; else the title without its
prefixes. Severity: the monitor's priority P1 to P5; else high for an alert or no data, medium for a warning.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import islice

import msgspec

from adapters.adapter import (
    Adapter,
    Draft,
    ItemError,
    Limits,
    OptionsError,
    Parse,
    Payload,
    PayloadError,
    SourceOptions,
)
from adapters.alert import Acknowledgement, Alert, PartialAlert, Severity, Status
from adapters.body import FORM, anything, form, looks_like_json, utf8
from adapters.familiar import MAX_KEYS, bare
from adapters.labels import Additions, annotations, checked, tags
from adapters.severity import Scale
from adapters.text import bounded, clean, cut, line, link, written
from adapters.times import milliseconds, past

_KEYS: Mapping[str, tuple[str, ...]] = {
    "monitor": ("alertid", "monitorid"),
    "scope": ("alertscope", "alertscopes", "scope", "scopes"),
    "transition": ("alerttransition", "transition", "eventtransition"),
    "title": ("alerttitle", "eventtitle", "title", "monitorname"),
    "event_title": ("eventtitle", "title"),
    "type": ("alerttype",),
    "priority": ("alertpriority", "monitorpriority", "severity", "priority"),
    "cycle": ("alertcyclekey", "cyclekey"),
    "aggregation": ("aggregkey", "aggregationkey"),
    "body": ("textonlymsg", "alertmessage", "text", "eventmsg", "body", "message", "msg"),
    "date": ("date", "lastupdated", "eventdate", "alertdate", "timestamp"),
    "link": ("link", "eventlink", "alertlink", "url", "eventurl", "alerturl"),
    "host": ("hostname", "host"),
    "query": ("alertquery", "query"),
    "metric": ("alertmetric",),
    "measured": ("alertstatus",),
    "snapshot": ("snapshot",),
    "by": ("acknowledgedby", "username", "user"),
}
_SEVERITY_LENGTH = 256
_BY_LENGTH = 100
_ACKNOWLEDGED = frozenset({"acknowledged", "acknowledge", "acked", "ack"})
"""No transition of a monitor's own: of events that somebody's workflow sends, or a template for those of its incidents."""
_UNSAID_BY_AN_END = ("labels.severity", "severity")
_SHOWN = ("query", "metric", "measured", "snapshot", "transition")
"""Become annotations."""
_UNSET = re.compile(r"\s*(?:null|\$[A-Z_]+)?\s*")
_STATES = "Re-Triggered|Triggered|Re-No Data|No Data|Re-Warn|Warn|Recovered|Renotify"
_PREFIX = re.compile(
    rf"\s*\[(?:P[1-5]|TEST|(?P<state>{_STATES})(?: on (?:\{{(?P<scope>[^\n]*?)\}})?)?)\]\s*", re.IGNORECASE
)
_PRIORITY = re.compile(r"P?[1-5]", re.IGNORECASE)
_IMAGE = re.compile(r"\[?!\[[^\]\n]{0,300}\]\([^)\s]{0,2000}\)(?:\]\([^)\s]{0,2000}\))?")
_MENTION = re.compile(r"(?<![^\s(,])@[\w@.+/{}-]+")
# No two parts of these may take the same blanks: a body of a million of them would take hours.
_FOOTER = re.compile(r"\n[ \t]*+- - -[ \t]*+\n\s*+\[\[.*", re.DOTALL)
_BLANK_LINES = re.compile(r"(?<![ \t])[ \t]*+\n(?:[ \t]*+\n)++")
_BY_STATE: Mapping[str, Severity] = {
    "triggered": Severity.HIGH,
    "retriggered": Severity.HIGH,
    "nodata": Severity.HIGH,
    "renodata": Severity.HIGH,
    "error": Severity.HIGH,
    "warn": Severity.MEDIUM,
    "rewarn": Severity.MEDIUM,
    "warning": Severity.MEDIUM,
}


class _Source:
    """One configured source, compiled. Raises OptionsError."""

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self.scale = Scale(options.severity_map)
        self.own_words = frozenset(word.strip().lower() for word in options.severity_map)
        self.additions = Additions(options.labels)
        self.statuses: dict[str, Status] = {"recovered": Status.RESOLVED}
        for word, status in options.status_map.items():
            try:
                self.statuses[bare(word) or word] = Status(status.strip().lower())
            except ValueError:
                raise OptionsError(f"{status!r} is neither firing nor resolved", path=("status_map", word)) from None

    def status(self, transition: str) -> Status:
        """Only Recovered resolves, unless the source's status_map says more."""
        return self.statuses.get(bare(transition)) or self.statuses.get("*", Status.FIRING)

    def severity(self, raw: str, state: str) -> Severity:
        """Of the priority; without one, of the state."""
        if raw:
            return self.scale.severity(raw)
        if state.lower() in self.own_words:
            return self.scale.severity(state)
        return _BY_STATE.get(bare(state)) or self.scale.severity("")


class _Draft:
    """One event. No two are alike (each has its own id and date), so it is always built."""

    __slots__ = ("_item", "_received_at", "_source")
    key = 0

    def __init__(self, source: _Source, item: object, received_at: datetime) -> None:
        self._source, self._item, self._received_at = source, item, received_at

    def alert(self) -> Alert:
        """Raises ItemError."""
        source = self._source
        options = source.options
        if not isinstance(self._item, Mapping):
            raise ItemError(f"an alert that is {clean(written(self._item))[:40] or 'null'}", expected="an object")
        if len(self._item) > MAX_KEYS:
            raise ItemError(f"an object of {len(self._item)} keys", expected=f"at most {MAX_KEYS}")
        keys = _flat(self._item)
        size = options.limits.text_bytes
        said = {field: _said(keys, names, 2 * size) for field, names in _KEYS.items()}
        title, state, title_scope = _without_prefixes(said["title"] or "")
        if not state:
            _, state, event_scope = _without_prefixes(said["event_title"] or "")
            title_scope = title_scope or event_scope
        is_test = "[TEST]" in (said["title"] or "").upper()
        transition = said["transition"] or state
        body = _readable(said["body"] or "")
        name = title or line(body)
        if not name:
            raise ItemError(
                f"no title among {clean(', '.join(sorted(keys)[:10])[:200]) or 'no keys'}",
                expected='"alert_title": "$ALERT_TITLE"',
            )
        scope = said["scope"] if said["scope"] is not None else title_scope
        labels = _labels(keys, scope or "", said["host"] or "", name)
        priority = said["priority"] or ""
        has_priority = bool(_PRIORITY.fullmatch(priority)) or priority.lower() in source.own_words
        severity_raw = priority if has_priority else said["type"] or ""
        severity = source.severity(priority if has_priority else "", transition or said["type"] or "")
        labels = checked(labels, options.limits)
        status = source.status(transition)
        at = past(said["date"], self._received_at)
        firing_for = options.resolve_after if status is Status.FIRING else None
        shown = {
            field: text for field in _SHOWN if (text := said[field] or (transition if field == "transition" else ""))
        }
        alert = Alert(
            fingerprint=_identity(said, scope, name, options.limits),
            name=name,
            title=f"[TEST] {name}" if is_test else name,
            description=cut(body, size),
            severity=severity,
            status=status,
            labels=source.additions.added({"severity": severity.value} | labels),
            annotations=annotations(shown, options.limits),
            starts_at=at if status is Status.FIRING else None,
            ends_at=at if status is Status.RESOLVED else None,
            order=None if at is None else 2 * milliseconds(at),
            ttl=firing_for,
            ttl_is_presumed=firing_for is not None,
            url=link(said["link"]),
            severity_raw=cut(severity_raw, _SEVERITY_LENGTH),
        )
        if bare(transition) in _ACKNOWLEDGED and bare(transition) not in source.statuses:
            return Acknowledgement(**msgspec.structs.asdict(alert), by=line(bounded(said["by"] or "", _BY_LENGTH)))
        if status is Status.FIRING or has_priority:
            return alert
        # Recovered says nothing of how bad it was.
        return PartialAlert(**msgspec.structs.asdict(alert), unsaid=_UNSAID_BY_AN_END)


def _flat(item: Mapping[str, object]) -> dict[str, object]:
    """Keys as they are compared; those of inner objects by their path, where the top level has no such key."""
    keys = {bare(key): value for key, value in item.items() if not isinstance(value, Mapping) or bare(key) == "tags"}
    for key, value in item.items():
        if isinstance(value, Mapping):
            for inner, found in islice(value.items(), MAX_KEYS):
                keys.setdefault(bare(f"{key}{inner}"), found)
    return keys


def _said(keys: Mapping[str, object], names: Sequence[str], size: int) -> str | None:
    """The first that is given; "" when it is given but empty, null or an unexpanded $VARIABLE; None when it is not."""
    found: str | None = None
    for name in names:
        if name in keys:
            value = keys[name]
            text = ", ".join(map(written, value[:MAX_KEYS])) if isinstance(value, list) else written(value)
            if not _UNSET.fullmatch(text):
                return bounded(text, size).strip()
            found = ""
    return found


def _without_prefixes(title: str) -> tuple[str, str, str | None]:
    """The title as the monitor has it, and the state and scope that stood before it."""
    rest, state, scope = line(title), "", None
    while (prefix := _PREFIX.match(rest)) is not None and prefix.end() < len(rest):
        if prefix["state"] and not state:
            state, scope = prefix["state"], prefix["scope"] or ""
        rest = rest[prefix.end() :]
    return rest, state, scope


def _readable(text: str) -> str:
    """What a person wrote: without the %%% fence, images, mentions of Datadog's channels, and the row of links below."""
    text = _FOOTER.sub("", text.replace("%%%", ""))
    text = _MENTION.sub("", _IMAGE.sub("", text))
    return _BLANK_LINES.sub("\n\n", text).strip()


def _labels(keys: Mapping[str, object], scope: str, host: str, monitor: str) -> dict[str, str]:
    """Tags, the pairs of the scope, monitor, host and scope."""
    labels = tags(keys.get("tags") or keys.get("alerttags") or "")
    for name, text in tags(scope).items():
        labels.setdefault(name, text)
    if host:
        labels.setdefault("host", host)
    labels.setdefault("monitor", monitor)
    if scope and scope != "*":
        labels.setdefault("scope", scope)
    return labels


def _identity(said: Mapping[str, str | None], scope: str | None, title: str, limits: Limits) -> str:
    """Without a scope the monitor alone would make one alert of a multi-alert's groups, so it comes late. Raises ItemError."""
    parts = ["title", title]
    if said["monitor"] and scope is not None:
        # Tags of a scope come in any order.
        parts = ["scope", said["monitor"], *sorted(part.strip() for part in scope.split(","))]
    else:
        for field in ("aggregation", "cycle", "monitor"):
            if key := said[field]:
                parts = [field, key]
                break
    if (size := sum(len(part.encode()) for part in parts)) > limits.labels_bytes:
        raise ItemError(
            f"a {parts[0]} key of {size} bytes", where=parts[0], expected=f"at most {limits.labels_bytes} bytes"
        )
    return blake2b(msgspec.json.encode(parts), digest_size=8).hexdigest()


def open_source(options: SourceOptions) -> Parse:
    """Raises OptionsError."""
    source = _Source(options)

    def parse(payload: Payload) -> Sequence[Draft]:
        body = utf8(payload, options.limits)
        value = (
            form(body, options.limits)
            if payload.content_type == FORM and not looks_like_json(body)
            else _json(body, source)
        )
        if (
            isinstance(value, Mapping)
            and isinstance(inner := value.get("payload"), str)
            and looks_like_json(inner.encode())
        ):
            value = anything(inner.encode(), options.limits)
        items = value if isinstance(value, list) else [value]
        if not isinstance(value, Mapping | list):
            raise PayloadError(f"found {clean(written(value))[:40] or 'null'}", where="body", expected="an object")
        if len(items) > options.limits.alerts:
            raise PayloadError(
                f"{len(items)} alerts", where="body", expected=f"at most {options.limits.alerts}", status=413
            )
        return [_Draft(source, item, payload.received_at) for item in items]

    return parse


def _json(body: bytes, source: _Source) -> object:
    try:
        return anything(body, source.options.limits)
    except PayloadError as error:
        if error.status == 400 and error.where.startswith("byte") and body.strip():
            error.expected = f"{error.expected}; in Datadog's template every $VARIABLE stands in double quotes, else an empty one breaks the JSON"
        raise


DATADOG = Adapter(
    name="datadog",
    open=open_source,
    docs="https://docs.datadoghq.com/integrations/webhooks/",
)
