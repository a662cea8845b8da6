"""The listener from outside, by raw sockets: half a head is not waited for, and many connections keep nobody out."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from router.http.listener import HEAD_WITHIN, IDLE_FOR, Listener
from router.runtime.metrics import Metrics
from router.service.simulate import VirtualClock
from tests.http.service import START
from tests.process import RouterProcess, running, until

HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: "
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: preview
sources: {shell: {adapter: generic, auth: none}}
routing: {channel: none}
"""


class Site:
    """A listener with one page, on a clock that the test moves."""

    def __init__(self) -> None:
        self.clock, self.metrics = VirtualClock(START), Metrics()
        self.is_asked, self.release = asyncio.Event(), asyncio.Event()
        application = web.Application()
        application.router.add_get("/", self._page)
        application.router.add_get("/slow", self._slow)
        self.listener = Listener(application, self.clock, self.metrics, finish_within=timedelta(seconds=1))

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text="well")

    async def _slow(self, _: web.Request) -> web.Response:
        self.is_asked.set()
        await self.release.wait()
        return web.Response(text="late")

    async def connect(self, first: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        port = int(self.listener.addresses[0].rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        await writer.drain()
        return reader, writer

    def closed(self, why: str) -> float:
        return self.metrics.value("alert_router_connections_closed", (why,))

    async def pass_by(self, span: timedelta) -> None:
        """So much time, after what was sent until now has been read."""
        reader, writer = await self.connect(WHOLE)  # answered after what came before it
        await answer_of(reader)
        writer.close()
        self.clock.move_to(self.clock.now() + span)
        self.listener.look()


async def answer_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(4)
    return head


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.read()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.listener.start("127.0.0.1", 0)
    yield made
    made.release.set()
    await made.listener.stop()


@pytest.mark.parametrize(("first", "then"), [(b"", b""), (b"", b"G"), (b"G", b"E"), (HALF, b"x")])
async def test_half_a_head_is_not_waited_for(site: Site, first: bytes, then: bytes) -> None:
    reader, writer = await site.connect(first)
    await site.pass_by(HEAD_WITHIN - timedelta(seconds=1))
    assert site.closed("head_late") == 0
    writer.write(then)
    await site.pass_by(timedelta(seconds=1))
    assert site.closed("head_late") == 1
    assert await rest_of(reader) == b""
    writer.close()


async def test_half_a_head_of_a_later_request_is_not_waited_for_either(site: Site) -> None:
    reader, writer = await site.connect(WHOLE)
    assert b"200 OK" in await answer_of(reader)
    await site.pass_by(HEAD_WITHIN * 2)  # idle until now
    writer.write(HALF)
    await site.pass_by(HEAD_WITHIN / 2)
    assert site.closed("head_late") == 0
    await site.pass_by(HEAD_WITHIN / 2)
    assert site.closed("head_late") == 1
    assert await rest_of(reader) == b""
    writer.close()


async def test_whoever_has_asked_may_be_answered_late(site: Site) -> None:
    reader, writer = await site.connect(WHOLE.replace(b"/ ", b"/slow "))
    await site.pass_by(HEAD_WITHIN * 3)
    site.release.set()
    assert b"200 OK" in await answer_of(reader)
    assert site.closed("head_late") == 0
    writer.close()


async def test_idle_connections_have_an_end(site: Site) -> None:
    reader, writer = await site.connect(WHOLE)
    await answer_of(reader)
    [connection] = site.listener.connections.open
    assert connection.keepalive_timeout == IDLE_FOR.total_seconds()
    writer.close()


async def test_room_is_made_by_closing_those_that_ask_for_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.listener.connections.limit = 3
    idle, busy, half = [await site.connect(first) for first in (WHOLE, WHOLE.replace(b"/ ", b"/slow "), HALF)]
    await answer_of(idle[0])
    for _ in range(2):
        reader, writer = await site.connect(WHOLE)
        assert b"200 OK" in await answer_of(reader)
        writer.close()
    assert site.closed("made_room") >= 1
    assert await rest_of(half[0]) == b""
    [line] = [one for one in caplog.records if one.getMessage().startswith("too many connections are open")]
    assert vars(line)["limit"] == 3
    site.release.set()
    assert b"200 OK" in await answer_of(busy[0])
    for _, writer in (idle, busy, half):
        writer.close()


async def test_where_all_are_busy_another_one_is_refused_by_name(site: Site) -> None:
    site.listener.connections.limit = 1
    busy = await site.connect(WHOLE.replace(b"/ ", b"/slow "))
    async with asyncio.timeout(10):
        await site.is_asked.wait()
    reader, writer = await site.connect()
    said = await rest_of(reader)
    assert said.startswith(b"HTTP/1.1 503 ")
    assert said.endswith(b"\r\n\r\ntoo many connections are open\n")
    assert int(said.partition(b"Content-Length: ")[2].split()[0]) == len(said.partition(b"\r\n\r\n")[2])
    assert site.closed("refused") == 1
    writer.close()
    site.release.set()
    assert b"200 OK" in await answer_of(busy[0])
    busy[1].close()


async def test_that_no_descriptor_is_left_is_said(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as highest:
        used = highest.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
    try:
        site.listener.look()
        site.listener.look()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    site.listener.look()
    said = [(one.levelname, one.getMessage()) for one in caplog.records if "descriptor" in one.getMessage()]
    assert said == [
        ("ERROR", "no file descriptor is left: connections are refused unseen; raise LimitNOFILE= or `ulimit -n`"),
        ("INFO", "there are file descriptors again"),
    ]
    assert site.metrics.value("alert_router_descriptors_exhausted") == 2


async def test_a_thousand_half_asked_requests_keep_nobody_out(tmp_path: Path) -> None:
    async with running(tmp_path, CONFIGURATION) as service:
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (256, 256))
        await until(lambda: limited(service, 128), "the router has noticed its new limit")
        with ExitStack() as held:
            for _ in range(1_000):
                half = held.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=5))
                half.sendall(HALF)
            assert await service.status("/readyz") == 200
            assert await service.post("/webhook/shell", {"title": "Heard", "status": "firing"}) == 200
        assert "too many connections are open" in service.words
        assert "no file descriptor is left" not in service.words


async def limited(service: RouterProcess, most: int) -> bool | None:
    async with service.session.get(f"{service.url}/metrics") as answer:
        return f"alert_router_connections_limit {most}.0" in await answer.text() or None
