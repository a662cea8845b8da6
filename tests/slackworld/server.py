"""The HTTP front of the fake Slack: a real aiohttp server on a free loopback port, with resets and stalls that are real."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from datetime import datetime
from typing import Self

from aiohttp import web

from tests.slackworld.hooks import Hooks
from tests.slackworld.moods import Says
from tests.slackworld.openid import SignIn
from tests.slackworld.pace import Strictness
from tests.slackworld.sockets import Sockets
from tests.slackworld.state import Json, Message
from tests.slackworld.workspace import TOKEN
from tests.slackworld.world import SlackWorld


class FakeSlack(SlackWorld):
    """`async with FakeSlack(clock.now) as slack:` and point `slack.api_url` at `slack.url`."""

    def __init__(self, now: Callable[[], datetime], *, strictness: Strictness | None = None, page: int = 10) -> None:
        super().__init__(now, strictness=strictness, page=page)
        self.token = TOKEN
        self.url = ""
        self.connections = 0
        """TCP connections that calls came over."""
        self.sockets = Sockets(now)
        """Socket Mode."""
        self.open_link = self.sockets.address
        self.hooks = Hooks(now, self._message_at, self._say_publicly)
        """Where response_urls lead: `Acting(slack, hooks=slack.hooks)`."""
        self.sign_in = SignIn(now)
        """Sign in with Slack."""
        self._seen: set[int] = set()
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()
        self._timers: list[asyncio.TimerHandle] = []

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=4 * 2**20)
        app.add_routes(self.sign_in.routes())
        app.router.add_route("*", "/api/{method}", self._handle)
        app.add_routes([*self.sockets.routes(), *self.hooks.routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/api/"
        self.hooks.base = f"http://{host}:{port}"
        self.sockets.base = f"ws://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        for timer in self._timers:
            timer.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None and id(request.transport) not in self._seen:
            self._seen.add(id(request.transport))
            self.connections += 1
        problem = _malformed(request)
        if problem:
            return web.json_response({"ok": False, "error": problem})
        form = {name: str(value) for name, value in (await request.post()).items()}
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        served = self.serve(request.match_info["method"], form, token=token)
        self._wake_for_late_effects()
        match served.says:
            case Says.RESET | Says.UNREACHABLE:
                _reset(request)
                return web.Response()
            case Says.SILENCE:
                await self._closing.wait()
                return web.Response()
            case _:
                if served.after:
                    await asyncio.sleep(served.after.total_seconds())
                return web.Response(status=served.status, headers=served.headers, body=served.body.encode())

    def heard_by(self, name: str) -> list[str]:
        """What we said to one person alone, by either way, oldest first."""
        person = self._person_named(name).id
        whispers = sorted((*self.whispers, *self.hooks.whispers), key=lambda one: one.at)
        return [one.text for one in whispers if one.person == person]

    def _message_at(self, channel: str, ts: str) -> Message | None:
        return self.conversations[channel].find(ts)

    def _say_publicly(self, channel: str, thread_ts: str, text: str, blocks: list[Json]) -> None:
        form = {"channel": channel, "text": text, "blocks": json.dumps(blocks)}
        self.apply("chat.postMessage", {**form, "thread_ts": thread_ts} if thread_ts else form, self._now())

    def _wake_for_late_effects(self) -> None:
        due = self.next_due()
        if due is not None:
            wait = max((due - self._now()).total_seconds(), 0) + 0.002
            self._timers.append(asyncio.get_running_loop().call_later(wait, self.settle))


def _malformed(request: web.Request) -> str:
    """Our one call path is a form by POST with the token in its header; all else is a mistake of ours."""
    if request.method != "POST" or request.query_string:
        return "invalid_arguments"
    if request.content_type != "application/x-www-form-urlencoded":
        return "invalid_post_type"
    return "" if request.headers.get("Authorization", "").startswith("Bearer ") else "not_authed"


def _reset(request: web.Request) -> None:
    """RST, not FIN: what a load balancer that lost its backend does."""
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
