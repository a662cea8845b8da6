"""Senders' text made safe to keep: no NUL, no control characters, no lone surrogates, bounded. Markup is not its business."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_END = re.compile("\r\n?")


def clean(text: str) -> str:
    """Without C0 and C1 controls (but tab and newline), DEL and surrogates: each becomes U+FFFD."""
    if text.isprintable():
        return text
    return _UNWANTED.sub("\ufffd", _LINE_END.sub("\n", text))


def cut(text: str, size: int) -> str:
    """At most `size` bytes of UTF-8, a cut marked with an ellipsis."""
    if len(text) * 4 <= size:
        return text
    encoded = text.encode()
    if len(encoded) <= size:
        return text
    return encoded[: max(size - 3, 0)].decode(errors="ignore") + "…"


def bounded(text: str, size: int) -> str:
    """`cut` and `clean` in one. Cleaning a character takes a hundred times as long as dropping it, so a long text is cut first."""
    if len(text) > size:
        return cut(clean(text[:size]) + "…", size)
    return cut(clean(text), size)


def written(value: object) -> str:
    """Any JSON value as a person would write it: text as it is, true, 1.5, nothing for null, JSON for the rest."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return msgspec.json.encode(value).decode()
    except (RecursionError, UnicodeEncodeError):
        return ""


def line(text: str, size: int = 1024) -> str:
    """One line of it, for titles and names: the first that is not empty, with single blanks."""
    if text.isprintable() and "  " not in text and len(text) * 4 <= size:
        return text.strip()
    for part in text.splitlines():
        words = " ".join(part.split())
        if words:
            return cut(words, size)
    return ""


def link(*candidates: object) -> str:
    """The first that is an http(s) address, what may not stand in one percent-encoded; "" when none is."""
    for candidate in candidates:
        if isinstance(candidate, str) and (
            address := _remembered(candidate) if len(candidate) <= _SHORT else _address(candidate)
        ):
            return address
    return ""


def _address(text: str) -> str:
    if len(text) > _LONGEST:
        return ""
    address = text.strip()
    return address.translate(_PERCENT) if _LINK.fullmatch(address) else ""


_remembered = lru_cache(maxsize=1024)(_address)
"""Of short texts only: what senders write bounds neither the length of a text nor, otherwise, this memory."""
_SHORT = 1024
_LONGEST = 8 * 1024


_LINK = re.compile(
    "https?://[^\x00-\x20\x7f-\x9f\ud800-\udfff/][^\x00-\x1f\x7f-\x9f\ud800-\udfff]{0,4095}", re.IGNORECASE
)
_PERCENT = {ord(char): f"%{ord(char):02X}" for char in " \"'<>\\^`{|}"}


def first(texts: Mapping[str, str], names: Iterable[str]) -> str:
    """The first of the named that says something, as one line; "" when none does."""
    for name in names:
        if name in texts and (found := line(texts[name])):
            return found
    return ""
