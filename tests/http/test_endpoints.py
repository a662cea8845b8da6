"""Deny by default: every route of the running application says who may ask, and one that does not is refused."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from router.http import DECLARED, assembled
from router.http.access import Access, Guard
from tests.http.conftest import Client
from tests.http.service import StandIn

Service = tuple[StandIn, Client]
PARTS = {
    "{source}": "shell",
    "{token}": "x",
    "{asset}": "preview.js",
    "{number}": "1",
    "{silence}": "x",
    "{secret}": "x",
}


def addresses(service: StandIn) -> dict[tuple[str, str], Access]:
    """Every (method, path) that the router answers, filled in, and who may ask there."""
    application = service.application()
    found = {}
    for route in application.router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        for part, value in PARTS.items():
            path = path.replace(part, value)
        found[route.method, path] = application[DECLARED][route.handler]
    return found


async def test_every_route_is_open_on_purpose_or_asks_for_a_token(guarded: Service) -> None:
    service, client = guarded
    asked = addresses(service)
    assert len(asked) > 25
    for (method, path), access in asked.items():
        answer = await client.request(method, path, allow_redirects=False)
        is_refused = answer.status == 401 and "server.tokens" in answer.headers.get("WWW-Authenticate", "") + str(
            await answer.read()
        )
        if method == "HEAD":
            is_refused = answer.status == 401
        assert is_refused == (access >= Access.READ), (method, path, answer.status)
    assert service.reloads == 0
    is_open = {path for (_, path), access in asked.items() if access is Access.OPEN}
    assert is_open == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/sign-in",
        "/sign-in.css",
        "/sign-out",
        "/link/x",
        "/sign-in/slack",
        "/sign-in/slack/callback",
    }


async def test_a_token_to_read_changes_nothing(guarded: Service) -> None:
    service, client = guarded
    for (method, path), access in addresses(service).items():
        if access >= Access.READ:
            headers = {"Authorization": "Bearer read-token"}
            answer = await client.request(method, path, headers=headers, allow_redirects=False)
            assert (answer.status == 403) == (access > Access.READ), (method, path)


async def test_a_route_that_declares_nothing_is_refused_to_everybody(guarded: Service) -> None:
    service, _ = guarded
    application = assembled(Guard(service), [web.get("/secret", secret)])
    async with TestClient(TestServer(application)) as client:
        for headers in ({}, {"Authorization": "Bearer admin-token"}):
            answer = await client.get("/secret", headers=headers)
            assert answer.status == 403
            assert (await answer.json())["detail"] == "nothing says who may ask for this"


async def test_a_route_that_came_by_another_way_keeps_it_from_starting(guarded: Service) -> None:
    service, _ = guarded
    application = service.application()
    application.router.add_route("GET", "/secret", secret)
    server = TestServer(application)
    with pytest.raises(RuntimeError, match="GET /secret does not declare who may ask for it"):
        await server.start_server()
    await server.close()


async def secret(_: web.Request) -> web.StreamResponse:
    return web.Response(text="secret")
