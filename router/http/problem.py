"""Errors as RFC 9457 `application/problem+json`: where it is, what it is, what was expected."""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from aiohttp import web


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several things wrong with a request."""

    message: str
    where: str = ""
    expected: str = ""


class _Problem(msgspec.Struct, omit_defaults=True):
    title: str
    status: int
    detail: str
    where: str = ""
    expected: str = ""
    errors: Sequence[Fault] = ()


_encode = msgspec.json.Encoder().encode


def problem(
    status: int, detail: str, *, where: str = "", expected: str = "", errors: Sequence[Fault] = ()
) -> web.Response:
    """`type` is left out: it would be about:blank."""
    body = _encode(_Problem(HTTPStatus(status).phrase, status, detail, where, expected, errors))
    return web.Response(status=status, body=body, content_type="application/problem+json")
