"""Labels and annotations: reading, bounds, tags, and what a source's configuration adds. Knows no sender."""

import re
from collections.abc import Container, Mapping
from itertools import islice

import msgspec
from msgspec import Raw

from adapters.adapter import ItemError, Limits, OptionsError
from adapters.text import bounded, clean, cut, written

_TEXTS = msgspec.json.Decoder(dict[str, str])
_VALUES = msgspec.json.Decoder(dict[str, Raw])
_TEXT = msgspec.json.Decoder(str)
_MAX_TAGS = 1_000
_MANY_BYTES = 64 * 1024
_VERY_MANY = 10_000
"""Names of an object: a dictionary of half a million takes a quarter of a second to make."""
_SECRET_LENGTH = 64
_NOT_LETTERS = re.compile("[^a-z]")
_SECRET = re.compile(
    "(?:(?:routing|service|integration|api|app|application|access|private|secret|auth|genie|shared|signing|encryption"
    "|ssh|master|license|ingest|insert|write|admin)key|token|secret|passwo?r?d|passphrase|pwd|credentials?"
    "|authorization|cookie|bearer)s?$"
)


def sent(raw: bytes, limits: Limits) -> tuple[dict[str, str], dict[str, str]]:
    """Labels from a JSON object: clean, bounded, without empty values; and the same before they were cleaned. Most need no
    cleaning, and both are one. Raises ItemError."""
    if len(raw) > _MANY_BYTES:
        _refuse_very_many_names(raw, "labels", limits)
    try:
        labels = _TEXTS.decode(raw)
    except (msgspec.ValidationError, RecursionError):
        labels = _read_values(raw, "labels")
    if _is_plain(raw, len(labels), limits):
        return labels, labels
    kept = checked(labels, limits)
    return kept, {name: text for name, text in labels.items() if text}


def sent_annotations(raw: bytes, limits: Limits) -> dict[str, str]:
    """Annotations from a JSON object, likewise; a long text is cut and marked. Raises ItemError."""
    if len(raw) > _MANY_BYTES:
        _refuse_very_many_names(raw, "annotations", limits)
    try:
        texts = _TEXTS.decode(raw)
    except (msgspec.ValidationError, RecursionError):
        texts = _read_values(raw, "annotations")
    return texts if _is_plain(raw, len(texts), limits) else annotations(texts, limits)


def has_very_many_names(raw: bytes) -> bool:
    """Whether a JSON object has more names than anybody means, found out without decoding it. Each name has two quotes,
    of which at most the second may look escaped; those inside texts are."""
    return len(raw) > _MANY_BYTES and raw.count(b'"') - raw.count(b'\\"') > _VERY_MANY


def _refuse_very_many_names(raw: bytes, what: str, limits: Limits) -> None:
    if has_very_many_names(raw):
        raise ItemError(f"very many {what}", where=what, expected=f"at most {limits.labels}")


def _is_plain(raw: bytes, count: int, limits: Limits) -> bool:
    # ASCII without escapes holds no control character (JSON is strict) but DEL, a short whole has no long part, and an
    # empty name or value is written "".
    return (
        raw.isascii()
        and b"\\" not in raw
        and b"\x7f" not in raw
        and b'""' not in raw
        and len(raw) <= limits.name_bytes <= limits.value_bytes
        and count <= limits.labels
    )


def read(raw: bytes, what: str) -> dict[str, str]:
    """A JSON object of texts, as sent. Raises ItemError.

    Numbers, booleans, lists and objects become their JSON text as sent (1.50 stays 1.50); null is dropped.
    """
    try:
        labels = _TEXTS.decode(raw)
    except (msgspec.ValidationError, RecursionError):
        labels = _read_values(raw, what)
    return labels


def _read_values(raw: bytes, what: str) -> dict[str, str]:
    if raw == b"null":
        return {}
    try:
        values = _VALUES.decode(raw)
    except (msgspec.ValidationError, RecursionError):
        raise ItemError(f"{what} is not an object", where=what, expected='{"name": "value", …}') from None
    return {name: _value(text) for name, value in values.items() if (text := bytes(value)) != b"null"}


def _value(raw: bytes) -> str:
    return _TEXT.decode(raw) if raw.startswith(b'"') else raw.decode()


def checked(labels: Mapping[str, str], limits: Limits) -> dict[str, str]:
    """Clean, without empty values, within bounds. A label too long is refused by name: cut, it would be another one."""
    if len(labels) > limits.labels:
        raise ItemError(f"{len(labels)} labels", where="labels", expected=f"at most {limits.labels}")
    kept = {}
    characters = 0
    for name, text in labels.items():
        _check_name(name, "labels", limits)
        if len(text) * 4 > limits.value_bytes and (size := len(text.encode())) > limits.value_bytes:
            raise ItemError(
                f"a value of {size} bytes",
                where=f"labels.{clean(name)}",
                expected=f"at most {limits.value_bytes} bytes",
            )
        if text:
            kept[clean(name)] = clean(text)
            characters += len(name) + len(text)
    if characters * 4 > limits.labels_bytes and (size := _size(kept)) > limits.labels_bytes:
        raise _too_long(size, limits)
    return kept


def _too_long(size: int, limits: Limits) -> ItemError:
    return ItemError(
        f"labels of {size} bytes", where="labels", expected=f"at most {limits.labels_bytes} bytes together"
    )


def _size(texts: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + len(text.encode()) for name, text in texts.items())


def annotations(texts: Mapping[str, str], limits: Limits) -> dict[str, str]:
    """Clean, without empty values, within bounds; a long text is cut and marked."""
    if len(texts) > limits.labels:
        raise ItemError(f"{len(texts)} annotations", where="annotations", expected=f"at most {limits.labels}")
    kept = {}
    for name, text in texts.items():
        _check_name(name, "annotations", limits)
        if text:
            kept[clean(name)] = bounded(text, limits.text_bytes)
    return kept if _size(kept) <= limits.annotations_bytes else _shared(kept, limits.annotations_bytes)


def _shared(texts: Mapping[str, str], size: int) -> dict[str, str]:
    """So many bytes for all: the shorter are whole, the longest are cut at one length. A name that fills its share has no
    room for a text."""
    left, shares = size, {}
    for others, name in zip(range(len(texts), 0, -1), sorted(texts, key=lambda one: len(texts[one])), strict=True):
        name_bytes = len(name.encode())
        room = left // others - name_bytes
        if room < len("…".encode()):
            continue
        shares[name] = cut(texts[name], room)
        left -= name_bytes + len(shares[name].encode())
    return {name: shares[name] for name in texts if name in shares}


def _check_name(name: str, what: str, limits: Limits) -> None:
    if not name:
        raise ItemError(f"{what} with an empty name", where=what, expected="a name")
    if len(name) * 4 > limits.name_bytes and (size := len(name.encode())) > limits.name_bytes:
        raise ItemError(
            f"a name of {size} bytes",
            where=f"{what}.{clean(name[:40])}…",
            expected=f"at most {limits.name_bytes} bytes",
        )


def is_secret(name: str) -> bool:
    """Whether a key promises a credential: routing_key, apiToken, DB-PASSWORD; not token_age or dedup_key."""
    return _SECRET.search(_NOT_LETTERS.sub("", name[-_SECRET_LENGTH:].lower())) is not None


def tags(value: object, *, named: Container[str] = ()) -> dict[str, str]:
    """Tags in the forms in use: "env:prod,team:shop", a list of such or of {key, value} objects, an object. Raises ItemError.

    A name ends at its first colon, or equals sign where there is no colon. A bare word names nothing and is left out.
    Of a repeated name all values are kept, in order, joined by commas. What is called like a credential is left out,
    unless it is one of the `named`, which somebody asked for.
    """
    found: dict[str, dict[str, None]] = {}
    count = value.count(",") if isinstance(value, str) else len(value) if isinstance(value, Mapping | list) else 0
    if count > _MAX_TAGS:
        raise ItemError(f"{count} tags", where="tags", expected=f"at most {_MAX_TAGS}")
    if isinstance(value, Mapping):
        for name, text in value.items():
            _add(found, str(name), written(text))
    elif isinstance(value, str):
        for tag in value.split(","):
            _add_tag(found, tag)
    elif isinstance(value, list):
        for tag in value:
            if isinstance(tag, str):
                _add_tag(found, tag)
            elif isinstance(tag, Mapping):
                lower = {str(key).lower(): text for key, text in islice(tag.items(), _MAX_TAGS)}
                name = next((lower[key] for key in ("key", "name", "k", "label") if key in lower), None)
                text = next((lower[key] for key in ("value", "v") if key in lower), None)
                _add(found, written(name), written(text))
    return {name: ",".join(texts) for name, texts in found.items() if name in named or not is_secret(name)}


def without_secrets(text: str) -> str:
    """Tags as they were written, but for those that are called like a credential."""
    return ",".join(tag for tag in text.split(",", _MAX_TAGS) if not is_secret(_parted(tag)[0].strip()))


def _parted(tag: str) -> tuple[str, str, str]:
    return tag.partition(":" if ":" in tag else "=")


def _add_tag(found: dict[str, dict[str, None]], tag: str) -> None:
    name, separator, text = _parted(tag)
    if separator:
        _add(found, name, text)


def _add(found: dict[str, dict[str, None]], name: str, text: str) -> None:
    name, text = name.strip(), text.strip()
    if name and text:
        found.setdefault(name, {})[text] = None


class Additions:
    """What a source's `labels:` adds: constants, or copies of sent labels. A sent label of the same name stays."""

    __slots__ = ("_constants", "_copies")

    @property
    def constants(self) -> frozenset[str]:
        """Names of the labels that are added whatever was sent."""
        return frozenset(self._constants)

    def __init__(self, configured: Mapping[str, str | Mapping[str, str]]) -> None:
        self._constants: dict[str, str] = {}
        self._copies: dict[str, str] = {}
        for name, value in configured.items():
            if isinstance(value, str):
                self._constants[name] = value
            elif set(value) == {"label"} and value["label"]:
                self._copies[name] = value["label"]
            else:
                raise OptionsError("neither a text nor {label: name}", path=("labels", name))

    def added(self, labels: dict[str, str]) -> dict[str, str]:
        """The labels with what is added to them."""
        if not self._constants and not self._copies:
            return labels
        copied = {name: labels[origin] for name, origin in self._copies.items() if labels.get(origin)}
        return {name: text for name, text in {**self._constants, **copied}.items() if text} | labels
