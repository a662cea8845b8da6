"""Forms that a browser posts: bounded in size and in time, and read as text."""

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web

FORM_WITHIN_S = 10
"""From its head to its end: else whoever sends half of it holds a connection for ever."""
_LARGEST_FORM_BYTES = 16 * 1024
FORM = "application/x-www-form-urlencoded"


async def read_form(request: web.Request) -> dict[str, str] | None:
    """The fields; None when it is no form, too large, or does not come."""
    if request.content_type != FORM:
        return None
    body = b""
    try:
        async with asyncio.timeout(FORM_WITHIN_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > _LARGEST_FORM_BYTES:
                    return None
    except TimeoutError:
        return None
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=10))
    except ValueError:
        return None
