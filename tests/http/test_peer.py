"""Who a request comes from: proxies are believed where they are trusted, and never beyond the first stranger."""

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request, Response

from router.http.peer import address
from tests.http.conftest import Client
from tests.http.service import OPEN, StandIn, configuration

LOCAL = "127.0.0.0/8"
PRIVATE = "10.0.0.0/8"


@pytest.mark.parametrize(
    ("trusted", "headers", "expected"),
    [
        ((), [("X-Forwarded-For", "192.0.2.1")], "127.0.0.1"),
        ((PRIVATE,), [("X-Forwarded-For", "192.0.2.1")], "127.0.0.1"),
        ((LOCAL,), [], "127.0.0.1"),
        ((LOCAL,), [("X-Forwarded-For", "192.0.2.1")], "192.0.2.1"),
        ((LOCAL,), [("X-Forwarded-For", "10.0.0.1, 192.0.2.1")], "192.0.2.1"),
        ((LOCAL, PRIVATE), [("X-Forwarded-For", "127.0.0.1, 192.0.2.1, 10.0.0.1")], "192.0.2.1"),
        ((LOCAL, PRIVATE), [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "10.0.0.1")], "192.0.2.1"),
        ((LOCAL, PRIVATE), [("X-Forwarded-For", "10.0.0.9, 10.0.0.1")], "10.0.0.9"),
        ((LOCAL,), [("X-Forwarded-For", "192.0.2.1:4711")], "192.0.2.1"),
        ((LOCAL,), [("X-Forwarded-For", "[2001:db8::1]:4711")], "2001:db8::1"),
        ((LOCAL,), [("X-Forwarded-For", "2001:db8::1")], "2001:db8::1"),
        ((LOCAL,), [("X-Forwarded-For", "::ffff:192.0.2.1")], "192.0.2.1"),
        ((LOCAL,), [("X-Forwarded-For", "unknown")], "None"),
        ((LOCAL,), [("X-Forwarded-For", "")], "None"),
        ((LOCAL,), [("Forwarded", 'for=10.9.9.9, FOR="[2001:db8::1]:4711";proto=https')], "2001:db8::1"),
        ((LOCAL,), [("Forwarded", "proto=https;by=10.0.0.1")], "None"),
        ((LOCAL,), [("Forwarded", "for=192.0.2.1"), ("X-Forwarded-For", "192.0.2.1")], "192.0.2.1"),
        ((LOCAL,), [("Forwarded", "for=10.0.0.1"), ("X-Forwarded-For", "192.0.2.1")], "None"),
    ],
)
async def test_the_nearest_address_that_is_no_proxys(
    trusted: tuple[str, ...], headers: list[tuple[str, str]], expected: str
) -> None:
    async def said(request: Request) -> Response:
        return Response(text=str(address(request, trusted)))

    application = Application()
    application.router.add_get("/", said)
    async with TestClient(TestServer(application)) as client:
        answer = await client.get("/", headers=headers)
        assert await answer.text() == expected


PROXIED = OPEN.replace(
    "shell: {adapter: generic, auth: none}", "shell: {adapter: generic, auth: none, allow: [192.0.2.0/24]}"
)


@pytest.mark.parametrize(
    ("trusted", "forwarded", "status"),
    [
        ("127.0.0.0/8", "192.0.2.7", 200),
        ("127.0.0.0/8", "198.51.100.1", 403),
        ("127.0.0.0/8", "192.0.2.7, 198.51.100.1", 403),
        ("10.0.0.0/8", "192.0.2.7", 403),
    ],
)
async def test_allow_asks_for_the_sender_behind_the_proxy(
    open_service: tuple[StandIn, Client], trusted: str, forwarded: str, status: int
) -> None:
    service, client = open_service
    text = PROXIED.replace("server: {", f"server: {{trusted_proxies: [{trusted}], ")
    service.take_over(configuration(text))
    answer = await client.post("/webhook/shell", json={"title": "x"}, headers={"X-Forwarded-For": forwarded})
    assert answer.status == status, await answer.text()


async def test_a_source_that_says_nothing_about_auth_takes_nothing_from_a_proxy(
    open_service: tuple[StandIn, Client],
) -> None:
    service, client = open_service
    service.take_over(configuration(OPEN.replace("shell: {adapter: generic, auth: none}", "shell: {adapter: generic}")))
    assert (await client.post("/webhook/shell", json={"title": "x"})).status == 200
    answer = await client.post("/webhook/shell", json={"title": "y"}, headers={"X-Forwarded-For": "192.0.2.7"})
    assert answer.status == 403
    body = await answer.json()
    assert body["detail"] == "a proxy may not send to a source that says nothing about auth"
    assert body["expected"] == "`auth` of the source in the configuration; `auth: none` to take alerts from anyone"
