"""Anything that can send a webhook: JSON, form or plain text, read by a `map` or by familiar names.

Identity: the dedupe_key when there is one; else name (or title), host and labels but the severity. So a sender whose
title differs between failure and recovery should send an id. Order is the receipt's: what a sender's time field means
is not known. A status that is not known as an end means firing. With a dedupe_key an event may be sparse: what it does
not say stays as it was.
"""

import re
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec
from jmespath.parser import ParsedResult

from adapters import familiar
from adapters.adapter import Adapter, Draft, ItemError, OptionsError, Parse, Payload, PayloadError, SourceOptions
from adapters.alert import Acknowledgement, Alert, PartialAlert, Severity, Status
from adapters.body import FORM, anything, form, looks_like_json, utf8
from adapters.labels import Additions, annotations, checked, tags
from adapters.mapping import FieldMap, Taken, compiled, search
from adapters.severity import Scale, is_on_scale
from adapters.text import bounded, clean, cut, line, link, written
from adapters.times import past

_TEXT_TYPES = frozenset({"", "text/plain", "text/markdown", FORM})
_LISTS = ("alerts", "events", "items", "incidents")
_NOT_IDENTITY = frozenset({"severity", "status", "state", "level", "priority"})
_STATE = re.compile(r"\s*(?:\[([^\]\n]{1,20})\]\s*:?|(\w{1,20})(?::|\s+[-–—])(?=\s))\s*(\S.*)", re.DOTALL)
_NO_STATUS = frozenset({"acknowledge", "acknowledged", "ack", "acked"})
"""Of a key: they speak of an alert, and neither begin nor end it."""
_MAY_BE_UNSAID = ("description", "name", "severity", "status", "title", "url")
_READ_BYTES = 64 * 1024
"""Of one text. What is kept of it is less; what is beyond is not looked at."""
_SEVERITY_LENGTH = 256
_BY_LENGTH = 100
_NUMBERED = re.compile(r"\s*[1-5]\s*")
_PRIORITY = re.compile(r"prio(?:rity)?\W*(?:\(familiar name\))?$", re.IGNORECASE)
_LAST_NAME = re.compile(r"(\w+)\W*$")


class _Source:
    """One configured source, compiled. Raises OptionsError."""

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self.fields = FieldMap(options.map)
        self.mapped = frozenset(options.map)
        self.items = compiled(options.items, ("items",)) if options.items else None
        self.scale = Scale(options.severity_map)
        self.additions = Additions(options.labels)
        self.statuses: dict[str, Status] = {}
        for word, status in options.status_map.items():
            try:
                self.statuses[word.strip().lower()] = Status(status.strip().lower())
            except ValueError:
                raise OptionsError(f"{status!r} is neither firing nor resolved", path=("status_map", word)) from None

    def status(self, taken: Taken | None) -> Status | None:
        """None when the sender says nothing of it."""
        if taken is None or taken.found is None:
            return None
        word = written(taken.found).strip().lower()
        default = self.statuses.get("*", Status.FIRING)
        if word in self.statuses:
            return self.statuses[word]
        if isinstance(taken.found, bool):
            last = _LAST_NAME.search(taken.expression)
            name = familiar.bare(last[1]) if last else ""
            said = familiar.verdict(name, taken.found) or ("firing" if taken.found else "resolved")
            return Status(said)
        return Status.RESOLVED if word in familiar.RESOLVED_WORDS else default

    def speaks_only(self, taken: Taken | None) -> bool:
        """Whether the state is one that neither begins nor ends anything: somebody has it in hand."""
        word = _text(taken).strip().lower()
        return word in _NO_STATUS and word not in self.statuses

    def severity(self, raw: str, taken: Taken | None) -> Severity:
        """A bare number under a key called priority is one: 1 is the first."""
        if taken is not None and _NUMBERED.fullmatch(raw) and _PRIORITY.search(taken.expression):
            return self.scale.severity(f"P{raw.strip()}") if not self.scale.maps(raw) else self.scale.severity(raw)
        return self.scale.severity(raw)

    def take(self, item: Mapping[str, object]) -> dict[str, Taken]:
        """What each field found: as mapped, and where nothing is mapped by familiar names."""
        guessed = familiar.take(item)
        if self.mapped & {"starts_at", "ends_at"}:
            guessed.pop("at", None)
        return {field: found for field, found in guessed.items() if field not in self.mapped} | self.fields.take(item)


class _Draft:
    """One item. Generic senders rarely re-send what did not change, so it is always built."""

    __slots__ = ("_item", "_received_at", "_source")
    key = 0

    def __init__(self, source: _Source, item: object, received_at: datetime) -> None:
        self._source, self._item, self._received_at = source, item, received_at

    def alert(self) -> Alert:
        """Raises ItemError."""
        source, item, received_at = self._source, _as_object(self._item), self._received_at
        options = source.options
        taken = source.take(item)
        labels = _labels(item, taken, source)
        texts = {
            field: bounded(_text(taken.get(field)), _READ_BYTES).strip()
            for field in ("name", "title", "description", "dedupe_key")
        }
        if (size := len(texts["dedupe_key"].encode())) > options.limits.value_bytes:
            raise ItemError(
                f"a key of {size} bytes", where="dedupe_key", expected=f"at most {options.limits.value_bytes} bytes"
            )
        name = line(texts["name"] or labels.get("alertname", ""))
        title = line(texts["title"]) or name or line(texts["description"]) or line(texts["dedupe_key"])
        if not title:
            raise ItemError(
                f"nothing to name the alert by among {_names(item)}",
                expected="a title, a name or a message; or a map that says where they are",
            )
        host = bounded(_text(taken.get("host")), _READ_BYTES).strip()
        if host:
            labels.setdefault("host", host)
        status, starts_at, ends_at = _times(source, taken, received_at)
        severity_raw = bounded(_severity_raw(source, taken, labels), _SEVERITY_LENGTH)
        severity = source.severity(severity_raw, taken.get("severity"))
        labels = checked(labels, options.limits)
        identity = _identity(texts["dedupe_key"], name or title, labels)
        added = source.additions.added({"severity": severity.value} | labels)
        firing_for = options.resolve_after if status is Status.FIRING else None
        alert = Alert(
            fingerprint=identity,
            name=name or title,
            title=title,
            description=_description(texts, title, options.limits.text_bytes),
            severity=severity,
            status=status,
            labels=added,
            annotations=annotations(_annotations(item, taken, source), options.limits),
            starts_at=starts_at,
            ends_at=ends_at,
            ttl=firing_for,
            ttl_is_presumed=firing_for is not None,
            url=link(_text(taken.get("url"))),
            severity_raw=severity_raw,
        )
        if source.speaks_only(taken.get("status")):
            return Acknowledgement(**msgspec.structs.asdict(alert), by=_by(taken.get("acknowledged_by")))
        if not texts["dedupe_key"]:
            return alert
        said = {"status", *(field for field in ("title", "description") if texts[field])}
        said |= {
            field
            for field, is_said in (
                ("name", bool(name)),
                ("url", bool(alert.url)),
                # An end's "OK" is no severity of what has ended.
                ("severity", bool(severity_raw) and (status is Status.FIRING or _says_severity(taken, labels))),
            )
            if is_said
        }
        return _partial(alert, said, source, labels)


def _by(taken: Taken | None) -> str:
    return line(bounded(_text(taken), _BY_LENGTH))


def _partial(alert: Alert, said: Container[str], source: _Source, sent: Mapping[str, str]) -> Alert:
    """What of an alert that a key names its sender did not say; the alert itself where it said all."""
    unsaid = [field for field in _MAY_BE_UNSAID if field not in said]
    if not unsaid:
        return alert
    labels = source.additions.constants | ({"severity"} if "severity" in unsaid else set())
    unsaid += [f"labels.{name}" for name in labels if name not in sent]
    return PartialAlert(**msgspec.structs.asdict(alert), unsaid=tuple(sorted(unsaid)))


def _description(texts: Mapping[str, str], title: str, size: int) -> str:
    """Nothing where it says the title over again; but not where it stands for that of an alert that may have one already."""
    said = texts["description"]
    is_own_title = said == title and (bool(texts["title"]) or not texts["dedupe_key"])
    return "" if is_own_title else cut(said, size)


def _as_object(item: object) -> Mapping[str, object]:
    if isinstance(item, str) and item.strip():
        return _from_text(item)
    if not isinstance(item, Mapping):
        raise ItemError(f"an alert that is {written(item)[:40] or 'null'}", expected="an object or a text")
    if len(item) > familiar.MAX_KEYS:
        raise ItemError(f"an object of {len(item)} keys", expected=f"at most {familiar.MAX_KEYS}")
    return item


def _from_text(text: str) -> dict[str, object]:
    """Plain text: its first line is the title; a leading "RESOLVED:" or "[critical]" is a state, a severity, or both."""
    item: dict[str, object] = {}
    text = text.strip()[:_READ_BYTES]
    found = _STATE.match(text)
    if found is not None:
        word = (found[1] or found[2]).strip().lower()
        if word in familiar.RESOLVED_WORDS | familiar.FIRING_WORDS:
            item["status"] = word
        if is_on_scale(word) and word not in familiar.RESOLVED_WORDS:
            item["severity"] = word
        if item:
            text = found[3]
    title, _, rest = text.partition("\n")
    return item | {"title": title, "description": rest.strip()}


def _text(taken: Taken | None) -> str:
    return "" if taken is None else written(familiar.simple(taken.found))


def _names(item: Mapping[str, object]) -> str:
    return clean(", ".join(sorted(item)[:10])[:200]) or "no keys at all"


def _labels(item: Mapping[str, object], taken: Mapping[str, Taken], source: _Source) -> dict[str, str]:
    if "labels" in source.mapped:
        return tags(taken["labels"].found, named=_named(source, "labels"))
    return familiar.labels(item) | tags(item.get("tags")) | tags(item.get("labels"))


def _named(source: _Source, field: str) -> Container[str]:
    """The names that the map gives one by one: somebody asked for these, whatever they are called."""
    named = source.options.map[field]
    return named if isinstance(named, Mapping) else ()


def _annotations(item: Mapping[str, object], taken: Mapping[str, Taken], source: _Source) -> dict[str, str]:
    if "annotations" in source.mapped:
        return tags(taken["annotations"].found, named=_named(source, "annotations"))
    return familiar.rest(item, taken, source.options.limits.labels)


def _times(
    source: _Source, taken: Mapping[str, Taken], received_at: datetime
) -> tuple[Status, datetime | None, datetime | None]:
    starts_at, ends_at, at = (
        past(familiar.simple(taken[field].found), received_at) if field in taken else None
        for field in ("starts_at", "ends_at", "at")
    )
    status = source.status(taken.get("status"))
    if status is None:
        status = Status.RESOLVED if ends_at is not None and ends_at <= received_at else Status.FIRING
    if status is Status.FIRING:
        return status, starts_at or at, None
    ends_at = ends_at or at
    if starts_at is not None and ends_at is not None and ends_at < starts_at:
        ends_at = None
    return status, starts_at, ends_at


def _severity_raw(source: _Source, taken: Mapping[str, Taken], labels: Mapping[str, str]) -> str:
    """The severity; else, where the state says one (CRITICAL, OK), that."""
    said = _says_severity(taken, labels)
    state = _text(taken.get("status")).strip()
    return said or (state if source.scale.knows(state) else "")


def _says_severity(taken: Mapping[str, Taken], labels: Mapping[str, str]) -> str:
    return _text(taken.get("severity")).strip() or labels.get("severity", "")


def _identity(dedupe_key: str, name: str, labels: Mapping[str, str]) -> str:
    parts: object = ["key", dedupe_key]
    if not dedupe_key:
        parts = ["name", name, sorted((key, text) for key, text in labels.items() if key.lower() not in _NOT_IDENTITY)]
    return blake2b(msgspec.json.encode(parts), digest_size=8).hexdigest()


def open_source(options: SourceOptions) -> Parse:
    """Raises OptionsError."""
    source = _Source(options)

    def parse(payload: Payload) -> Sequence[Draft]:
        return [_Draft(source, item, payload.received_at) for item in _items(source, payload)]

    return parse


def _items(source: _Source, payload: Payload) -> Sequence[object]:
    body = utf8(payload, source.options.limits)
    value = _value(body, payload, source)
    items = _picked(value, source.items, source.options.items) if source.items is not None else _found(value)
    if len(items) > source.options.limits.alerts:
        raise PayloadError(
            f"{len(items)} alerts", where="body", expected=f"at most {source.options.limits.alerts}", status=413
        )
    return items


def _value(body: bytes, payload: Payload, source: _Source) -> object:
    limits = source.options.limits
    if looks_like_json(body) or payload.content_type.endswith("json"):
        try:
            return anything(body, limits)
        except PayloadError:
            if payload.content_type not in {"text/plain", "text/markdown"}:
                raise
            # A text may begin with a bracket: "[critical] disk full".
    if payload.content_type not in _TEXT_TYPES or body.lstrip()[:1] == b"<":
        raise PayloadError(
            f"content of type {clean(payload.content_type)[:80] or 'XML'}",
            where="Content-Type",
            expected="application/json, application/x-www-form-urlencoded or text/plain",
            status=415,
        )
    if payload.content_type == FORM:
        fields = form(body, limits)
        inner = fields.get("payload", "").encode()
        return anything(inner, limits) if looks_like_json(inner) else fields
    if not body.strip():
        raise PayloadError("body is empty", where="byte 0", expected="an alert as JSON, form or text")
    return body.decode()


def _found(value: object) -> Sequence[object]:
    """The list itself, the list inside, or the one object."""
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping):
        for key in _LISTS:
            inside = value.get(key)
            is_list = isinstance(inside, list) and all(isinstance(item, Mapping) for item in inside)
            if is_list and inside and (key == "alerts" or not familiar.take(value).keys() & {"name", "title"}):
                return list(inside)
        return [value]
    if isinstance(value, str) and value.strip():
        return [value]
    raise PayloadError(
        f"found {clean(written(value))[:40] or 'null'}", where="body", expected="an object or a list of objects"
    )


def _picked(value: object, path: ParsedResult, written_path: str) -> Sequence[object]:
    taken = search(path, written_path, value)
    if isinstance(taken.found, list):
        return taken.found
    if isinstance(taken.found, Mapping):
        return [taken.found]
    raise PayloadError(
        f"items: {taken.mistake or 'nothing found'}", where=written_path, expected="a list of objects there"
    )


def mapped(options: SourceOptions, payload: Payload) -> Sequence[Mapping[str, object]]:
    """For `normalize`: of every item, where each field was looked for and what was found. Raises as open and parse do."""
    source = _Source(options)
    shown: list[Mapping[str, object]] = []
    for item in _items(source, payload):
        try:
            taken = source.take(_as_object(item))
        except ItemError as error:
            shown.append({"error": error.message})
            continue
        shown.append({field: msgspec.to_builtins(found) for field, found in sorted(taken.items())})
    return shown


def possible_labels(options: SourceOptions) -> frozenset[str] | None:
    """Those its `map` names one by one; without such a map, or with one expression for all, any."""
    named = options.map.get("labels")
    if not isinstance(named, Mapping) or set(named) == {"value"}:
        return None
    return frozenset(map(str, named)) | {"host", "severity"} | set(options.labels)


GENERIC = Adapter(
    name="generic",
    open=open_source,
    docs="https://jmespath.org/specification.html",
    mapped=mapped,
    labels=possible_labels,
)
