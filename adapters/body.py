"""From a request's bytes to text or JSON. Owns encodings, repair of nearly-JSON, nesting; knows no sender.

msgspec is strict, and one stray byte would cost a whole batch. So what fails is repaired once where the repair cannot
change a meaning: raw control characters become blanks, escaped lone surrogates become U+FFFD. What still fails is
refused with its place. NaN, trailing text and unquoted words are not repaired: a guess would be a lie.
"""

import json
import re
from typing import NoReturn, TypeVar
from urllib.parse import parse_qsl

import msgspec

from adapters.adapter import Limits, Payload, PayloadError

T = TypeVar("T")
FORM = "application/x-www-form-urlencoded"

_ANY: msgspec.json.Decoder[object] = msgspec.json.Decoder()
_OFFSET = re.compile(r"\(byte (\d+)\)")
_CONTROLS_TO_BLANKS = bytes(range(256)).translate(bytes.maketrans(bytes(range(32)), b" " * 32))
_LONE_HIGH = re.compile(rb"(?<!\\)((?:\\\\)*)\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
_LONE_LOW = re.compile(rb"(?<!\\)(?<!\\u[dD][89abAB][0-9a-fA-F]{2})((?:\\\\)*)\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_BRACKETS = b"[]{}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
_SLOW_JSON_BYTES = 1024 * 1024
"""The standard library's decoder is a tenth as fast: beyond this it would hold up the loop."""


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
    if payload.charset.lower().replace("_", "-") not in {"utf-8", "utf8", ""}:
        return _transcoded(body, payload.charset)
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise PayloadError("body is not UTF-8", where=f"byte {error.start}", expected="UTF-8") from None
    return body


def _transcoded(body: bytes, charset: str) -> bytes:
    try:
        return body.decode(charset).encode()
    except LookupError:
        raise PayloadError(
            f"unknown charset {charset[:40]!r}", where="Content-Type", expected="utf-8", status=415
        ) from None
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


def anything(body: bytes, limits: Limits) -> object:
    """Any JSON value, nested no deeper than the limit. Numbers too big for a float stay text."""
    if body.count(b"[") + body.count(b"{") > limits.containers or body.count(b",") > limits.values:
        raise PayloadError(
            "body of very many values",
            where="body",
            expected=f"at most {limits.containers:,} lists and objects and {limits.values:,} commas",
            status=413,
        )
    try:
        value = decoded(body, _ANY)
    except msgspec.ValidationError as error:
        value = _with_big_numbers(body, error)
    if is_nested_deeper(body, limits.nesting):
        _refuse_depth(limits.nesting)
    return value


def form(body: bytes) -> dict[str, str]:
    """Fields of a form body; of a repeated field the last."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="replace", max_num_fields=1_000))
    except ValueError:
        raise PayloadError("form of more than 1,000 fields", where="body", expected="at most 1,000") from None


def is_nested_deeper(body: bytes, limit: int) -> bool:
    """Whether valid JSON nests deeper than the limit.

    Innermost pairs are removed `limit` times: at C's speed, but blind to brackets inside strings. Only when something is
    left, strings are looked at too.
    """
    brackets = body.translate(None, _NOT_BRACKETS)
    for _ in range(limit):
        if not brackets:
            return False
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    if not brackets:
        return False
    depth = 0
    for token in _TOKEN.finditer(body):
        match token[0][:1]:
            case b"{" | b"[":
                depth += 1
                if depth > limit:
                    return True
            case b"}" | b"]":
                depth -= 1
    return False


def _repaired(body: bytes) -> bytes:
    body = body.translate(_CONTROLS_TO_BLANKS)
    return _LONE_LOW.sub(rb"\1\\ufffd", _LONE_HIGH.sub(rb"\1\\ufffd", body))


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
