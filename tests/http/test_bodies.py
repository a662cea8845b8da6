"""Bodies on their way in: long ones are not worked on by the loop, slow ones are not waited for, many have one budget."""

import asyncio
import gzip
import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from adapters.adapter import Payload
from router.http import assembled, webhooks
from router.http.access import Guard
from router.http.body import FREE_BYTES, BodyBudget, NoRoomError, Share
from router.http.webhooks import BODIES_BYTES, ON_LOOP_BYTES, UNSIGNED_BYTES, Webhooks
from tests.http.conftest import Client
from tests.http.service import OPEN, StandIn

TEXT = OPEN.replace(
    "  shell: {adapter: generic, auth: none}\n",
    """\
  shell: {adapter: generic, auth: none}
  signed: {adapter: generic, auth: {hmac: {header: X-Signature, algorithm: sha256, secret: {env: READ}}}}
""",
)
AT_ONCE = timedelta(milliseconds=20)


class Stage:
    """A service behind a real server, its webhooks at hand, and which thread read each body."""

    def __init__(self, path: Path, **given: Any) -> None:
        self.service = StandIn(path, TEXT)
        self.webhooks = Webhooks(self.service, **given)
        self.read_by: list[tuple[int, bool]] = []
        """Length, and whether it was the loop's thread."""
        shell = self.service.sources["shell"]
        loop = threading.get_ident()

        def parse(payload: Payload) -> Any:
            self.read_by.append((len(payload.body), threading.get_ident() == loop))
            return shell.parse(payload)

        self.service.sources = {**self.service.sources, "shell": msgspec.structs.replace(shell, parse=parse)}

    def application(self) -> web.Application:
        return assembled(Guard(self.service), self.webhooks.routes())


class AsServed(TestServer):
    """Bodies as they were sent, and handlers that a sender's hanging up does not cancel: as the process has it."""

    async def _make_runner(self, **_: Any) -> web.AppRunner:
        return web.AppRunner(self.app, auto_decompress=False)


@asynccontextmanager
async def staged(path: Path, **given: Any) -> AsyncIterator[tuple[Stage, Client]]:
    stage = Stage(path, **given)
    await stage.service.simulation.start()
    async with TestClient(AsServed(stage.application())) as client:
        yield stage, client
    await stage.service.simulation.close()


def event(size: int) -> bytes:
    body = json.dumps({"title": "t", "id": "k"}).encode()
    return body[:-1] + b" " * (size - len(body)) + b"}"


async def half(client: Client, path: str, head: str, part: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request whose body stops."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: {client.host}\r\n{head}\r\n\r\n".encode() + part)
    await writer.drain()
    return reader, writer


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # another task's doing rings no event of ours
            await asyncio.sleep(0)


async def test_only_short_bodies_are_read_by_the_loop(tmp_path: Path) -> None:
    async with staged(tmp_path) as (stage, client):
        for size in (100, ON_LOOP_BYTES, ON_LOOP_BYTES + 1, 1_000_000):
            assert (await client.post("/webhook/shell", data=event(size))).status == 200
        packed = {"Content-Encoding": "gzip"}
        assert (await client.post("/webhook/shell", data=gzip.compress(event(2_000_000)), headers=packed)).status == 200
    assert stage.read_by == [
        (100, True), (ON_LOOP_BYTES, True), (ON_LOOP_BYTES + 1, False), (1_000_000, False), (2_000_000, False),
    ]  # fmt: skip


async def test_what_a_long_body_holds_is_brought_to_normal_form_outside_the_loop(tmp_path: Path) -> None:
    built_by: set[bool] = set()

    class Draft:
        key = 0

        def alert(self) -> Any:
            built_by.add(threading.get_ident() == loop)
            return alert

    async with staged(tmp_path) as (stage, client):
        loop = threading.get_ident()
        shell = stage.service.sources["shell"]
        alert = shell.parse(Payload(event(100), "application/json", stage.service.clock.now()))[0].alert()
        opened = msgspec.structs.replace(shell, parse=lambda _: [Draft()])
        stage.service.sources = {"shell": opened}
        answer = await client.post("/webhook/shell", data=event(ON_LOOP_BYTES + 1))
        assert (await answer.json())["accepted"] == 1
    assert built_by == {False}


async def test_long_bodies_are_read_one_at_a_time(tmp_path: Path) -> None:
    working, most = 0, 0
    first = threading.Event()

    async with staged(tmp_path) as (stage, client):
        shell = stage.service.sources["shell"]

        def parse(payload: Payload) -> Any:
            nonlocal working, most
            working += 1
            most = max(most, working)
            first.wait(0.05)  # a second one would come in between
            working -= 1
            return shell.parse(payload)

        stage.service.sources = {"shell": msgspec.structs.replace(shell, parse=parse)}
        answers = await asyncio.gather(
            *(client.post("/webhook/shell", data=event(ON_LOOP_BYTES + 1)) for _ in range(3))
        )
    assert [answer.status for answer in answers] == [200] * 3
    assert most == 1


@pytest.mark.parametrize("head", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
async def test_a_body_that_does_not_come_is_answered_and_its_connection_closed(tmp_path: Path, head: str) -> None:
    part = b'{"title"' if "Length" in head else b'8\r\n{"title"\r\n'
    async with staged(tmp_path, body_within=AT_ONCE) as (stage, client):
        reader, writer = await half(client, "/webhook/shell", head, part)
        answer = (await asyncio.wait_for(reader.read(), 10)).decode()
        writer.close()
        assert answer.startswith("HTTP/1.1 408 ")
        assert "all of it within 0.02 s of its head" in answer
        assert "connection: close" in answer.lower()
        assert stage.webhooks.budget.left_bytes == BODIES_BYTES


async def test_whoever_hangs_up_in_mid_body_is_worth_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with staged(tmp_path) as (stage, client):
        part = b" " * 200_000
        for head, sent in (("Content-Length: 300000", part), ("Transfer-Encoding: chunked", b"30d40\r\n" + part)):
            _, writer = await half(client, "/webhook/shell", head, sent)
            await until(lambda: stage.webhooks.budget.left_bytes < BODIES_BYTES)
            writer.transport.abort()
            await until(lambda: len(ours(caplog)) > 0)
            assert ours(caplog) == [("INFO", "a sender hung up in mid-body", "shell")]
            assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
            caplog.clear()


def ours(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [
        (record.levelname, record.getMessage(), getattr(record, "source", ""))
        for record in caplog.records
        if record.name.startswith("router")
    ]


async def test_unsigned_bodies_have_a_budget_of_their_own(tmp_path: Path) -> None:
    part = b"x" * 7_000_000
    async with staged(tmp_path) as (stage, client):
        held = [await half(client, "/webhook/signed", "Content-Length: 8000000", part) for _ in range(8)]
        unsigned = stage.webhooks.unsigned_budget
        lines = [asyncio.ensure_future(reader.readline()) for reader, _ in held]
        await asyncio.wait(lines, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        assert {line.result().split()[1] for line in lines if line.done()} == {b"503"}
        assert 0 <= unsigned.left_bytes < UNSIGNED_BYTES - 3 * len(part)
        assert stage.webhooks.budget.left_bytes == BODIES_BYTES
        # Who is known is not kept out by them, nor is a short unsigned one.
        assert (await client.post("/webhook/shell", data=event(2_000_000))).status == 200
        assert (await client.post("/webhook/signed", data=event(40_000))).status == 401
        for line in lines:
            line.cancel()
        for _, writer in held:
            writer.transport.abort()
        await until(lambda: unsigned.left_bytes == UNSIGNED_BYTES)


async def test_beyond_the_budget_a_sender_is_asked_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "BODIES_BYTES", 1_000_000)
    async with staged(tmp_path) as (stage, client):
        reader, writer = await half(client, "/webhook/shell", "Content-Length: 900000", b" " * 800_000)
        await until(lambda: stage.webhooks.budget.left_bytes < 300_000)
        answer = await client.post("/webhook/shell", data=event(500_000))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert (await client.post("/webhook/shell", data=event(1_000))).status == 200
        packed = gzip.compress(event(900_000))
        answer = await client.post("/webhook/shell", data=packed, headers={"Content-Encoding": "gzip"})
        assert answer.status == 503, "what a body becomes is counted as well"
        writer.write(event(100_000))  # it found room, and is taken
        assert b" 200 " in await reader.readline()
        writer.close()
        await until(lambda: stage.webhooks.budget.left_bytes == 1_000_000)
        assert (await client.post("/webhook/shell", data=event(500_000))).status == 200


def test_a_share_is_given_back_whole_wherever_it_was_moved() -> None:
    first, second = BodyBudget(1_000), BodyBudget(2_000)
    with Share(first) as share:
        share.add(FREE_BYTES - 1)
        share.add(601)
        assert (first.left_bytes, second.left_bytes) == (400, 2_000)
        share.move_to(second)
        assert (first.left_bytes, second.left_bytes) == (1_000, 1_400)
        with pytest.raises(NoRoomError):
            share.add(1_401)
        share.add(1_400)
    assert (first.left_bytes, second.left_bytes) == (1_000, 2_000)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset*=utf-8''%00",
        "application/json; charset*=utf-8''klingon",
        "application/json; charset*0=a; charset*1=b",
        "application/json; charset=\x7f",
        "application/json; charset=",
        "application/json; charset*=x",
    ],
)
async def test_no_charset_however_written_is_our_failure(tmp_path: Path, content_type: str) -> None:
    async with staged(tmp_path) as (_, client):
        opened = await half(
            client,
            "/webhook/shell",
            f"Content-Type: {content_type}\r\nConnection: close\r\nContent-Length: 14",
            '{"title":"é"}'.encode(),
        )
        reader, writer = opened
        status = int((await asyncio.wait_for(reader.readline(), 10)).split()[1])
        writer.close()
        assert status in {200, 400, 415}
