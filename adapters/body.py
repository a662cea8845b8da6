"""From a request's bytes to text or JSON. Owns encodings, repair of nearly-JSON, nesting; knows no sender.

msgspec is strict, and one stray byte would cost a whole batch. So what fails is repaired once where the repair cannot
change a meaning: raw control characters become blanks, escaped lone surrogates become U+FFFD. What still fails is
refused with its place. NaN, trailing text and unquoted words are not repaired: a guess would be a lie.
"""

import json
import re
from collections.abc import Mapping
from typing import NoReturn, TypeVar
from urllib.parse import parse_qsl

import msgspec

from adapters.adapter import Limits, Payload, PayloadError

T = TypeVar("T")
FORM = "application/x-www-form-urlencoded"

_ANY: msgspec.json.Decoder[object] = msgspec.json.Decoder()
_OFFSET = re.compile(r"\(byte (\d+)\)")
_CONTROLS_TO_BLANKS = bytes(range(256)).translate(bytes.maketrans(bytes(range(32)), b" " * 32))
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_HIGH = frozenset(b"89abAB")
_BACKSLASH = ord("\\")
_MOST_REPAIRS = 100_000
_SLOW_JSON_BYTES = 1024 * 1024
"""The standard library's decoder is a tenth as fast: beyond this it would hold up the loop."""
_CHARSETS: Mapping[str, str] = {
    **dict.fromkeys(("ascii", "us-ascii"), "ascii"),
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin-1", "latin1"), "latin-1"),
    **dict.fromkeys(("iso-8859-15", "iso8859-15", "latin-9"), "iso8859-15"),
    **dict.fromkeys(("windows-1252", "cp1252"), "cp1252"),
}
"""Beside UTF-8. A list, because Python looks for whatever it is asked for, and remembers what it did not find."""


def utf8(payload: Payload, limits: Limits) -> bytes:
    """The body as valid UTF-8 without byte-order mark. Raises PayloadError, as all here."""
    body = payload.body
    if len(body) > limits.body_bytes:
        raise PayloadError(
            f"body of {len(body)} bytes", where="body", expected=f"at most {limits.body_bytes} bytes", status=413
        )
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PayloadError("body is UTF-16", where="byte 0", expected="UTF-8", status=415)
    if body.startswith(b"\x1f\x8b"):
        raise PayloadError("body is gzip", where="byte 0", expected="the header Content-Encoding: gzip", status=415)
    body = body.removeprefix(b"\xef\xbb\xbf")
    if body.isascii():
        return body
    charset = payload.charset.lower().replace("_", "-")
    if charset not in {"utf-8", "utf8", ""}:
        return _transcoded(body, charset)
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise PayloadError("body is not UTF-8", where=f"byte {error.start}", expected="UTF-8") from None
    return body


def _transcoded(body: bytes, charset: str) -> bytes:
    codec = _CHARSETS.get(charset)
    if codec is None:
        raise PayloadError(
            f"unknown charset {charset[:40]!r}",
            where="Content-Type",
            expected="utf-8, us-ascii, iso-8859-1, iso-8859-15 or windows-1252",
            status=415,
        )
    try:
        return body.decode(codec).encode()
    except UnicodeError:
        raise PayloadError(f"body is not {charset[:40]}", where="body", expected="UTF-8") from None


def looks_like_json(body: bytes) -> bool:
    """Whether it begins as an object or an array does: curl -d says "form" of whatever it sends."""
    return body[:64].lstrip()[:1] in {b"{", b"["}


def decoded(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """JSON of the decoder's type. msgspec.ValidationError when it is JSON of another shape; PayloadError if it is none."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except RecursionError:
        _refuse_depth()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mistake = error
    try:
        return decoder.decode(_repaired(body))
    except msgspec.ValidationError:
        raise
    except RecursionError:
        _refuse_depth()
    except (msgspec.DecodeError, UnicodeDecodeError):
        _refuse_syntax(body, mistake)


def refuse_very_many(body: bytes, containers: int, values: int) -> None:
    """Before a decoder makes something of each of them."""
    if body.count(b"[") + body.count(b"{") > containers or body.count(b",") > values:
        raise PayloadError(
            "body of very many values",
            where="body",
            expected=f"at most {containers:,} lists and objects and {values:,} commas",
            status=413,
        )


def anything(body: bytes, limits: Limits) -> object:
    """Any JSON value, nested no deeper than the limit. Numbers too big for a float stay text."""
    refuse_very_many(body, limits.containers, limits.values)
    try:
        value = decoded(body, _ANY)
    except msgspec.ValidationError as error:
        value = _with_big_numbers(body, error)
    if is_nested_deeper(value, limits.nesting):
        _refuse_depth(limits.nesting)
    return value


def form(body: bytes, limits: Limits) -> dict[str, str]:
    """Fields of a form body; of a repeated field the last."""
    if len(body) > limits.form_bytes:
        raise PayloadError(
            f"form of {len(body)} bytes", where="body", expected=f"at most {limits.form_bytes} bytes", status=413
        )
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="replace", max_num_fields=1_000))
    except ValueError:
        raise PayloadError("form of more than 1,000 fields", where="body", expected="at most 1,000") from None


def is_nested_deeper(value: object, limit: int) -> bool:
    """Whether a decoded value nests deeper than the limit. Level by level: each value is looked at once."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            inner
            for container in level
            for inner in (container.values() if isinstance(container, dict) else container)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _repaired(body: bytes) -> bytes:
    return _without_lone_surrogates(body.translate(_CONTROLS_TO_BLANKS))


def _without_lone_surrogates(body: bytes) -> bytes:
    """One short step for each escape that may be one, so that another thread gets its turn between them: substituting in
    one call took 1.6 s for 8 MB of them."""
    lone: list[int] = []
    high = None
    for found in _SURROGATE.finditer(body):
        at = found.start()
        if _is_escaped(body, at):
            continue
        is_high = body[at + 3] in _HIGH
        if high is not None and (is_high or high != at - 6):
            lone.append(high)
        if not is_high and high != at - 6:
            lone.append(at)
        high = at if is_high else None
        if len(lone) > _MOST_REPAIRS:
            raise PayloadError(
                f"more than {_MOST_REPAIRS:,} lone surrogates", where=f"byte {at}", expected="text that is Unicode"
            )
    if high is not None:
        lone.append(high)
    parts: list[bytes] = []
    end = 0
    for at in lone:
        parts += (body[end:at], b"\\ufffd")
        end = at + 6
    return b"".join((*parts, body[end:]))


def _is_escaped(body: bytes, at: int) -> bool:
    """Whether the backslash there is itself the second of a pair."""
    before = at
    while before and body[before - 1] == _BACKSLASH:
        before -= 1
    return (at - before) % 2 == 1


def _with_big_numbers(body: bytes, error: msgspec.ValidationError) -> object:
    if len(body) > _SLOW_JSON_BYTES:
        raise PayloadError(str(error), where="body", expected="numbers that fit a double") from None
    try:
        value: object = json.loads(
            _repaired(body), parse_int=_integer, parse_float=_float, parse_constant=_refuse_constant
        )
    except RecursionError:
        _refuse_depth()
    except json.JSONDecodeError as mistake:
        # msgspec stopped at the number and did not see what comes after it.
        raise PayloadError(mistake.msg, where=f"character {mistake.pos}", expected="valid JSON") from None
    return value


def _integer(digits: str) -> object:
    return int(digits) if len(digits) <= 300 else digits


def _float(digits: str) -> object:
    number = float(digits)
    return digits if number in {float("inf"), float("-inf")} else number


def _refuse_constant(word: str) -> NoReturn:
    raise PayloadError(f"{word} is not JSON", where="body", expected="a number or null")


def _refuse_depth(limit: int = Limits().nesting) -> NoReturn:
    raise PayloadError("nested too deep", where="body", expected=f"at most {limit} levels")


def _refuse_syntax(body: bytes, error: Exception) -> NoReturn:
    if not body.strip():
        raise PayloadError("body is empty", where="byte 0", expected="a JSON object or array")
    if body.lstrip()[:1] == b"<":
        raise PayloadError("body is XML or HTML", where="byte 0", expected="JSON", status=415)
    text = str(error)
    found = _OFFSET.search(text)
    if found is None:
        raise PayloadError("JSON ends too early", where=f"byte {len(body)}", expected="the rest of the document")
    offset = int(found[1])
    if "trailing" in text:
        offset -= 1  # msgspec counts the character it has read
        raise PayloadError(
            f"more after the end of the JSON: {_excerpt(body, offset)}", where=f"byte {offset}", expected="one document"
        )
    raise PayloadError(f"not JSON at {_excerpt(body, offset)}", where=f"byte {offset}", expected="valid JSON")


def _excerpt(body: bytes, offset: int) -> str:
    return repr(body[offset : offset + 20].decode(errors="replace"))
