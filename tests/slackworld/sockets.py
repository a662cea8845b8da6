"""The fake Slack's side of Socket Mode: one-use addresses, hello, envelopes, acknowledgements, and every way in which it ends.

Strict where Slack is strict: an address works once, ten connections are the most, and an acknowledgement that nobody is
waiting for, comes late or says more than was asked is written down in `complaints`.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import WSMsgType, web

from tests.slackworld.acting import Gesture
from tests.slackworld.state import Json

MOST = 10
PATIENCE_S = 10
"""Of a test that waits for something over a real connection."""


@dataclass(eq=False)
class Socket:
    """One connection, as Slack sees it."""

    stream: web.WebSocketResponse
    request: web.Request
    number: int
    answers_pings: bool = True
    pings: int = 0
    pongs: list[bytes] = field(default_factory=list)
    """Answers to our own."""
    is_open: bool = True

    async def say(self, frame: Json | str | bytes) -> None:
        if isinstance(frame, bytes):
            await self.stream.send_bytes(frame)
        else:
            await self.stream.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def disconnect(self, reason: str) -> None:
        """Only says that it will end."""
        await self.say({"type": "disconnect", "reason": reason, "debug_info": {"host": "fake"}})

    async def close(self) -> None:
        self.is_open = False
        await self.stream.close()

    def kill(self) -> None:
        """The network is gone, without a word."""
        self.is_open = False
        if self.request.transport is not None:
            self.request.transport.abort()


@dataclass
class Sockets:
    now: Callable[[], datetime]
    says_hello: bool = True
    open: list[Socket] = field(default_factory=list)
    opened: int = 0
    acknowledged: list[tuple[str, Json | None]] = field(default_factory=list)
    """(envelope_id, payload)."""
    complaints: list[str] = field(default_factory=list)
    base: str = ""
    """ws://127.0.0.1:port"""
    _sent: dict[str, tuple[datetime, bool, Json]] = field(default_factory=dict)
    _tickets: set[str] = field(default_factory=set)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/link/{ticket}", self._serve)]

    def address(self) -> str:
        """What apps.connections.open answers."""
        ticket = f"t{next(self._numbers)}"
        self._tickets.add(ticket)
        return f"{self.base}/link/{ticket}?app_id=A0ROUTER"

    async def send(self, gesture: Gesture, *, over: Socket | None = None, envelope_id: str = "", retry: int = 0) -> str:
        """Over the connection of one's choice; the envelope's id."""
        envelope_id = envelope_id or f"e{next(self._numbers)}"
        accepts = gesture.door != "events_api"
        envelope: Json = {
            "envelope_id": envelope_id,
            "type": gesture.door,
            "payload": gesture.payload,
            "accepts_response_payload": accepts,
        }
        if not accepts:
            envelope |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        self._sent[envelope_id] = (self.now(), accepts, envelope)
        await (over or self.open[0]).say(envelope)
        return envelope_id

    def sent(self, envelope_id: str) -> Json:
        """The envelope."""
        return self._sent[envelope_id][2]

    async def answer(self, envelope_id: str, *, count: int = 1) -> Json | None:
        """The payload of its acknowledgement, once there are so many."""
        await self.until(lambda: sum(one == envelope_id for one, _ in self.acknowledged) >= count)
        return next(payload for one, payload in reversed(self.acknowledged) if one == envelope_id)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(holds)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        ticket = request.match_info["ticket"]
        if ticket not in self._tickets:
            return web.Response(status=404)
        self._tickets.remove(ticket)
        stream = web.WebSocketResponse(autoping=False)
        await stream.prepare(request)
        self.opened += 1
        socket = Socket(stream, request, self.opened)
        if len(self.open) >= MOST:
            await socket.disconnect("too_many_websockets")
            await stream.close()
            return stream
        self.open.append(socket)
        if self.says_hello:
            await socket.say(
                {
                    "type": "hello",
                    "num_connections": len(self.open),
                    "debug_info": {"host": "fake", "build_number": 1, "approximate_connection_time": 18060},
                    "connection_info": {"app_id": "A0ROUTER"},
                }
            )
        await self._tell()
        try:
            await self._read(socket)
        finally:
            socket.is_open = False
            self.open.remove(socket)
            with contextlib.suppress(RuntimeError):
                await self._tell()
        return stream

    async def _read(self, socket: Socket) -> None:
        async for frame in socket.stream:
            if frame.type is WSMsgType.PING:
                socket.pings += 1
                if socket.answers_pings:
                    await socket.stream.pong(frame.data)
                await self._tell()
            elif frame.type is WSMsgType.PONG:
                socket.pongs.append(frame.data)
                await self._tell()
            elif frame.type is WSMsgType.TEXT and frame.data != "ping":
                self._acknowledge(json.loads(frame.data))
                await self._tell()

    def _acknowledge(self, frame: Json) -> None:
        envelope_id, payload = frame.get("envelope_id", ""), frame.get("payload")
        sent_at, accepts, _ = self._sent.get(envelope_id, (None, False, {}))
        if sent_at is None:
            self.complaints.append(f"nobody waits for {envelope_id!r}")
            return
        if set(frame) - {"envelope_id", "payload"}:
            self.complaints.append(f"{envelope_id} has {sorted(frame)}")
        if payload is not None and not accepts:
            self.complaints.append(f"{envelope_id} accepts no payload")
        if self.now() - sent_at > timedelta(seconds=3):
            self.complaints.append(f"{envelope_id} was acknowledged late")
        self.acknowledged.append((envelope_id, payload))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
