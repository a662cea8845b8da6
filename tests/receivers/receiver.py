"""A real aiohttp server on a free loopback port: what it was told, and its moods."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

import msgspec
from aiohttp import web

FLOOD = b"x" * (2 * 1024 * 1024)


class Says(StrEnum):
    """What the caller sees of a call."""

    ANSWER = "answer"
    """What it would say without any mood."""
    STATUS = "status"
    REDIRECT = "redirect"
    FLOOD = "flood"
    """The status of its answer, and 2 MB."""
    CUT = "cut"
    """The connection is reset."""
    CUT_IN_BODY = "cut_in_body"
    """The status of its answer, and a reset in the middle of its body."""
    SILENCE = "silence"
    """No answer until the caller gives up."""


@dataclass(frozen=True)
class Mood:
    says: Says = Says.ANSWER
    does: bool = True
    """Whether the call is carried out all the same."""
    status: int = 200
    retry_after: str | None = None
    body: str = ""


@dataclass(frozen=True)
class Call:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Incident:
    """What a receiver knows under one key."""

    state: str
    opened: int = 1
    """How often somebody was woken for it."""
    triggers: int = 1
    last: dict[str, Any] = field(default_factory=dict)


class Receiver:
    """`async with PagerDuty() as receiver:` and call `receiver.url`. `moods` are used up call by call."""

    accepts: ClassVar[int] = 200
    refuses: ClassVar[int] = 400

    def __init__(self) -> None:
        self.url = ""
        self.moods: list[Mood] = []
        self.calls: list[Call] = []
        self.incidents: dict[str, Incident] = {}
        self.dropped: list[str] = []
        """Keys that it was told the end of, and did not know."""
        self.problems: list[str] = []
        """What it refused, in all calls."""
        self._runner: web.AppRunner | None = None
        self.called = asyncio.Event()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=4 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def states(self) -> dict[str, str]:
        return {key: incident.state for key, incident in self.incidents.items()}

    def judge(self, request: web.Request, body: dict[str, Any]) -> tuple[int, list[str]]:
        """The status that is due, and what is wrong; carries out what is right."""
        raise NotImplementedError

    def answer(self, problems: list[str]) -> dict[str, Any]:
        return {"errors": problems} if problems else {"ok": True}

    def tell(self, action: str, key: str, body: dict[str, Any]) -> None:
        """What all of them do: a key opens one incident until it is resolved."""
        known = self.incidents.get(key)
        if known is None or (known.state == "resolved" and action != "trigger"):
            if action != "trigger":
                self.dropped.append(key)
                return
            self.incidents[key] = Incident("triggered", last=body)
            return
        if action == "trigger":
            known.opened += known.state == "resolved"
            known.triggers += 1
            known.state = "triggered" if known.state == "resolved" else known.state
        else:
            known.state = {"acknowledge": "acknowledged", "resolve": "resolved"}[action]
        known.last = body

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        self.calls.append(Call(request.path_qs, dict(request.headers), content))
        self.called.set()
        mood = self.moods.pop(0) if self.moods else Mood()
        status, answer = self._carried_out(request, content) if mood.does else (self.accepts, {})
        match mood.says:
            case Says.CUT:
                _reset(request)
                return web.Response()
            case Says.SILENCE:
                await self._closing.wait()
                return web.Response()
            case Says.REDIRECT:
                return web.Response(status=mood.status, headers={"Location": f"{self.url}/elsewhere"})
            case Says.STATUS:
                headers = {} if mood.retry_after is None else {"Retry-After": mood.retry_after}
                return web.Response(status=mood.status, text=mood.body, headers=headers)
            case Says.FLOOD | Says.CUT_IN_BODY:
                response = web.StreamResponse(status=status, headers={"Content-Length": str(len(FLOOD))})
                await response.prepare(request)
                await response.write(FLOOD[:1000])
                if mood.says is Says.CUT_IN_BODY:
                    _reset(request)
                    return response
                with contextlib.suppress(ConnectionError):  # the caller has read enough
                    await response.write(FLOOD[1000:])
                return response
            case Says.ANSWER:
                return web.json_response(answer, status=status)

    def _carried_out(self, request: web.Request, content: bytes) -> tuple[int, dict[str, Any]]:
        problems = [] if request.method == "POST" else [f"method {request.method}"]
        if request.content_type != "application/json":
            problems.append(f"content type {request.content_type}")
        try:
            body = msgspec.json.decode(content)
        except msgspec.DecodeError:
            body = None
        if not isinstance(body, dict):
            problems.append("no JSON object")
        status = self.refuses
        if not problems:
            status, problems = self.judge(request, body)
        self.problems += problems
        return status, self.answer(problems)


def _reset(request: web.Request) -> None:
    """Not a polite end: RST."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def unknown_keys(body: Mapping[str, Any], *known: str) -> list[str]:
    return [f"unknown key {key!r}" for key in body if key not in known]


def text(body: Mapping[str, Any], key: str, most: int, *, required: bool = False) -> list[str]:
    value = body.get(key)
    if value is None:
        return [f"{key} is missing"] if required else []
    if not isinstance(value, str) or not value.strip():
        return [f"{key} is no text"]
    return [f"{key} is too long (maximum is {most} characters)"] if len(value) > most else []


def instant(value: object) -> datetime | None:
    """RFC 3339 with its offset."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def texts(value: object) -> bool:
    """A map of text to text, none of it empty."""
    return isinstance(value, dict) and all(isinstance(one, str) and one for pair in value.items() for one in pair)
