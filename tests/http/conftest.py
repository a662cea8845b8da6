"""A stand-in service behind a real HTTP server: open on loopback, or guarded by tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from tests.http.service import GUARDED, OPEN, StandIn

Client = TestClient[Request, Application]


@asynccontextmanager
async def serving(path: Path, text: str) -> AsyncIterator[tuple[StandIn, Client]]:
    service = StandIn(path, text)
    await service.simulation.start()
    async with TestClient(TestServer(service.application()), cookie_jar=CookieJar(unsafe=True)) as client:
        yield service, client
    await service.simulation.close()


@pytest.fixture
async def open_service(tmp_path: Path) -> AsyncIterator[tuple[StandIn, Client]]:
    async with serving(tmp_path, OPEN) as made:
        yield made


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[tuple[StandIn, Client]]:
    async with serving(tmp_path, GUARDED) as made:
        yield made
