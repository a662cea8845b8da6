"""Bodies of requests: read within a limit of size and time, and how many bytes of them the process holds at once, by a budget
for all requests together.

What is here whole when its handler begins is in the connection's buffer already and is not counted; nor is the first part
of any other body, so that large ones cannot keep small ones out.
"""

import asyncio
from datetime import timedelta
from typing import Self

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

FREE_BYTES = 64 * 1024
"""Of each request. How many of these there can be is a matter of how many connections there are."""


class NoRoomError(RuntimeError):
    """The bodies of other requests fill the budget: the sender should come again."""


class TooLargeError(RuntimeError):
    """The body is larger than it may be."""


class TooSlowError(RuntimeError):
    """The body was not here in time: the connection would be kept open for the rest of it (`hang_up`)."""


class BrokenOffError(RuntimeError):
    """The connection, or the body in it, ended early; the text says which."""


class BodyBudget:
    """Not for more than one thread."""

    def __init__(self, total_bytes: int) -> None:
        self._left = total_bytes

    @property
    def left_bytes(self) -> int:
        return self._left

    def take(self, size: int) -> None:
        """Raises NoRoomError, and takes nothing then."""
        if size > self._left:
            raise NoRoomError
        self._left -= size

    def give_back(self, size: int) -> None:
        self._left += size


class Share:
    """What one request holds of a budget, until it is answered."""

    __slots__ = ("_budget", "_free", "_taken")

    def __init__(self, budget: BodyBudget) -> None:
        self._budget, self._free, self._taken = budget, FREE_BYTES, 0

    def add(self, size: int) -> None:
        """Raises NoRoomError."""
        free = min(self._free, size)
        self._free -= free
        if size > free:
            self._budget.take(size - free)
            self._taken += size - free

    def move_to(self, budget: BodyBudget) -> None:
        """Its bytes are counted there from now on. Raises NoRoomError."""
        budget.take(self._taken)
        self._budget.give_back(self._taken)
        self._budget = budget

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.give_back(self._taken)
        self._taken = 0


async def read(request: web.Request, limit: int, within: timedelta, share: Share) -> bytes:
    """The body as sent. Raises TooLargeError, TooSlowError, BrokenOffError and NoRoomError; after the first two the
    connection is to be closed."""
    length = request.content_length
    if length is not None and length > limit:
        raise TooLargeError
    if not request.body_exists:
        return b""
    try:
        if request.content.is_eof():  # most bodies are here before their handler begins
            body = request.content.read_nowait()
            if len(body) > limit:
                raise TooLargeError
            return body
        async with asyncio.timeout(within.total_seconds()):
            return await _read_chunks(request, limit, share)
    except TimeoutError:
        raise TooSlowError from None
    except ConnectionError:
        raise BrokenOffError("the connection ended before the body did") from None
    except (HttpProcessingError, ClientPayloadError, EOFError) as error:
        raise BrokenOffError(f"the body ended early or was broken in transfer ({type(error).__name__})") from None


async def hang_up(request: web.Request, response: web.Response) -> web.Response:
    """Answered here, and the connection closed: it would be kept open for the rest of the body."""
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    request.protocol.force_close()
    return response


async def _read_chunks(request: web.Request, limit: int, share: Share) -> bytes:
    chunks, size = [], 0
    while chunk := await request.content.readany():
        size += len(chunk)
        if size > limit:
            raise TooLargeError
        share.add(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)
