"""A request as somebody has it in a file: read for a command that wants to know what it would become."""

import sys
from collections.abc import Sequence
from email.message import Message
from pathlib import Path

from adapters import ADAPTERS
from adapters.adapter import Draft, Payload, PayloadError
from router.commands.terms import UserError
from router.runtime.clock import SystemClock
from rules.model.configuration import Configuration, SourceSettings


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
