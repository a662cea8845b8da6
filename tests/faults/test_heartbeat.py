"""The router's own heartbeat and what it remembers of others', in a whole process: config to call, word to row."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.service.app import App, opened
from router.service.in_force import StartError
from tests.process import filled, free_port, in_this_process, until

CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: preview
sources: {shell: {adapter: generic, auth: none}}
routing: {channel: "#ops"}
heartbeats: {nightly: {match: ['job = nightly'], every: 1d}}
router: {heartbeat: {url: {env: PING}, every: 10s}}
"""


@asynccontextmanager
async def started(folder: Path, environ: dict[str, str]) -> AsyncIterator[tuple[App, str]]:
    port = free_port()
    file = folder / "router.yaml"
    file.write_text(filled(CONFIGURATION, folder, listen=f"127.0.0.1:{port}"))
    async with in_this_process(file, environ=environ) as app:
        yield app, f"http://127.0.0.1:{port}"


async def test_the_dead_mans_switch_is_called_at_its_secret_address(tmp_path: Path) -> None:
    calls: list[str] = []

    async def ping(request: web.Request) -> web.Response:
        calls.append(request.path_qs)
        return web.Response()

    async def is_called() -> bool | None:
        return bool(calls) or None

    application = web.Application()
    application.router.add_get("/hunter2", ping)
    async with TestServer(application) as server:
        environ = {"PING": str(server.make_url("/hunter2?status=up"))}
        async with started(tmp_path, environ) as (app, _):
            await until(is_called, "the dead man's switch is called")
            assert app.metrics.value("alert_router_dead_mans_switch_calls", ("told",)) >= 1
            health = await app.health()
            assert "heartbeat" in {loop.name for loop in health.loops}
            assert health.degraded == ("this process began with a new, empty database",)
    assert calls[0] == "/hunter2?status=up"


async def test_a_dead_mans_switch_that_cannot_be_reached_is_said_without_its_address(tmp_path: Path) -> None:
    async with started(tmp_path, {"PING": f"http://127.0.0.1:{free_port()}/hunter2"}) as (app, _):

        async def is_said() -> str | None:
            degraded = (await app.health()).degraded
            return next((said for said in degraded if said.startswith("the outward heartbeat")), None)

        said = await until(is_said, "it is said that the call failed")
        assert said == "the outward heartbeat was not made: it could not be made (ClientConnectorError)"


async def test_a_secret_address_that_is_not_there_is_named_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    file.write_text(filled(CONFIGURATION, tmp_path))
    with pytest.raises(StartError, match="the environment variable PING is not set"):
        await opened([file], environ={}).__aenter__()


async def test_a_sign_of_life_just_before_the_end_is_written_down(tmp_path: Path) -> None:
    async with started(tmp_path, {"PING": "http://127.0.0.1:1/"}) as (_, address), aiohttp.ClientSession() as session:
        word = {"title": "nightly", "job": "nightly", "status": "resolved"}
        async with session.post(f"{address}/webhook/shell", json=word) as answer:
            assert answer.status == 200
    with sqlite3.connect(tmp_path / "data" / "router.db") as database:
        [(last_at,)] = database.execute("SELECT last_at FROM heartbeat WHERE name = 'nightly'")
    assert last_at is not None
