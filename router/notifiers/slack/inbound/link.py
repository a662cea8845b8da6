"""One connection of Socket Mode: envelopes come in, acknowledgements go out. Opens nothing and decides nothing about others.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

import aiohttp
import msgspec

from router.runtime.clock import Clock

log = logging.getLogger(__name__)


class End(StrEnum):
    """Why a connection is over, or will be soon."""

    WARNING = "warning"
    """Slack will close it within some ten seconds."""
    REFRESH = "refresh_requested"
    LINK_DISABLED = "link_disabled"
    """Socket Mode was switched off in the app's settings."""
    TOO_MANY = "too_many_websockets"
    DEAD = "dead"
    """No answer to a ping."""
    LOST = "lost"
    """It broke off, and nobody had said that it would."""
    UNASKED = "unasked"
    """We closed it: the configuration has no such app token any more, or the process ends."""


_SAID_BY_SLACK: Final = frozenset({End.WARNING, End.REFRESH, End.LINK_DISABLED, End.TOO_MANY})


class Envelope(msgspec.Struct):
    """One frame from Slack."""

    type: str
    envelope_id: str = ""
    payload: msgspec.Raw = msgspec.Raw(b"null")
    accepts_response_payload: bool = False
    reason: str = ""


_decode = msgspec.json.Decoder(Envelope).decode
_encode = msgspec.json.Encoder().encode


def acknowledgement(envelope: Envelope, body: bytes) -> str:
    """`body`: JSON, or b"" for none. Slack closes a connection that says more than was asked."""
    frame: dict[str, object] = {"envelope_id": envelope.envelope_id}
    if body and envelope.accepts_response_payload:
        frame["payload"] = msgspec.Raw(body)
    return _encode(frame).decode()


Take = Callable[["Link", Envelope], Awaitable[None]]
"""Called for each envelope, in order; while it waits nothing more is read."""


class Link:
    """From the handshake to its end. `run` is its reader."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, clock: Clock, take: Take, changed: Callable[[], None]
    ) -> None:
        self._socket, self._clock, self._take, self._changed = socket, clock, take, changed
        self.opened_at = self.heard_at = self.pinged_at = clock.monotonic()
        self.asked_at: float | None = None
        """Since when a ping has been waiting for an answer."""
        self.stands_since: float | None = None
        """Monotonic; since Slack's hello."""
        self.end: End | None = None
        """Set as soon as it is known that it will end: from then on another should stand in its place."""
        self.ends_since = 0.0

    @property
    def is_standing(self) -> bool:
        return self.stands_since is not None and not self._socket.closed

    async def run(self) -> None:
        """Until it is closed by either side."""
        try:
            while True:
                frame = await self._socket.receive()
                self._heard()
                match frame.type:
                    case aiohttp.WSMsgType.TEXT:
                        await self._read(frame.data)
                    case aiohttp.WSMsgType.PING:
                        await self._socket.pong(frame.data)
                    case aiohttp.WSMsgType.PONG | aiohttp.WSMsgType.BINARY:
                        pass
                    case _:
                        break
        except (ConnectionError, aiohttp.ClientError):
            log.info("a connection of Socket Mode broke off")
        finally:
            self.will_end(End.LOST)
            await self._socket.close()
            self._changed()

    async def close(self) -> None:
        """Again: nothing happens."""
        await self._socket.close()

    async def ping(self) -> None:
        self.pinged_at = self._clock.monotonic()
        if self.asked_at is None:
            self.asked_at = self.pinged_at
        try:
            await self._socket.ping()
        except (ConnectionError, aiohttp.ClientError):
            self.will_end(End.LOST)

    async def acknowledge(self, envelope: Envelope, body: bytes) -> None:
        """Where the connection is gone Slack sends it again on another."""
        try:
            await self._socket.send_str(acknowledgement(envelope, body))
        except (ConnectionError, aiohttp.ClientError):
            log.info("a connection of Socket Mode ended before an acknowledgement")

    def will_end(self, end: End) -> None:
        """What is said first counts."""
        if self.end is None:
            self.end, self.ends_since = end, self._clock.monotonic()
            self._changed()

    def _heard(self) -> None:
        self.heard_at, self.asked_at = self._clock.monotonic(), None

    async def _read(self, text: str) -> None:
        try:
            envelope = _decode(text)
        except (msgspec.DecodeError, RecursionError):
            log.warning("Slack sent a frame that is no envelope")
            return
        if envelope.type == "hello":
            self.stands_since = self._clock.monotonic()
            self._changed()
        elif envelope.type == "disconnect":
            said = next((end for end in _SAID_BY_SLACK if end.value == envelope.reason), End.REFRESH)
            self.will_end(said)
        elif envelope.envelope_id:
            await self._take(self, envelope)
            self._heard()
