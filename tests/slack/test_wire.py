"""The real client over real HTTP against the fake server: what a socket can do to a call, and what never leaks."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import aiohttp
import aiohttp.abc
import pytest
from aiohttp import web

from router.core.answer import Answer, Outcome
from router.notifiers.slack.client import SlackClient
from router.notifiers.slack.wire import open_session, proxy_for
from router.runtime.clock import SystemClock
from tests.slack.conftest import said, tag
from tests.slackworld import TOKEN, FakeSlack, moods

CLOCK = SystemClock()


@pytest.fixture
async def server() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(CLOCK.now) as fake:
        fake.add_person("maria", slack_id="U0MARIA")
        fake.add_channel("#db", members=("maria",), slack_id="C0DB000")
        yield fake


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session(timeout=timedelta(milliseconds=300)) as opened:
        yield opened


@pytest.fixture
def client(server: FakeSlack, session: aiohttp.ClientSession) -> SlackClient:
    return SlackClient.over(session, lambda: TOKEN, CLOCK, api_url=server.url)


async def test_a_message_is_posted_edited_and_found(server: FakeSlack, client: SlackClient) -> None:
    began = CLOCK.now()
    root = await client.post("#db", said("InstanceDown"), tag("d-1"))
    message = await server.channel("#db").expect_message("InstanceDown")
    assert (root.outcome, root.ts) == (Outcome.DELIVERED, message.ts)
    assert root.server_time is not None
    assert abs(root.server_time - began) < timedelta(seconds=2)
    waiting = asyncio.create_task(message.expect_update("resolved"))
    assert (await client.edit("C0DB000", root.ts, said("resolved"), tag("d-1"))).outcome is Outcome.DELIVERED
    await waiting
    await client.post("C0DB000", said("after 14 min"), tag("d-2"), thread_ts=root.ts)
    assert (await message.expect_reply("14 min")).ts != message.ts
    found = await client.find("C0DB000", "d-2", oldest=began, latest=CLOCK.now(), thread_ts=root.ts)
    assert found.ts == message.replies[0].ts
    assert server.connections == 1


async def test_waiting_for_what_does_not_come_says_what_is_there(server: FakeSlack, client: SlackClient) -> None:
    await client.post("#db", said("InstanceDown"), tag())
    with pytest.raises(AssertionError, match=r"no 'DiskFull' within 0.01 s in #db: .*InstanceDown"):
        await server.channel("#db").expect_message("DiskFull", timeout=0.01)


@pytest.mark.parametrize(
    ("mood", "outcome", "stands"),
    [
        (moods.RESET_BEFORE, Outcome.UNKNOWN, 0),
        (moods.RESET_AFTER, Outcome.UNKNOWN, 1),
        (moods.STALL, Outcome.UNKNOWN, 0),
        (moods.STALL_APPLIED, Outcome.UNKNOWN, 1),
        (moods.slow(5), Outcome.UNKNOWN, 1),
        (moods.html(), Outcome.UNKNOWN, 0),
        (moods.html(lies=True), Outcome.UNKNOWN, 0),
        (moods.html(500, applied=True, lies=True), Outcome.UNKNOWN, 1),
        (moods.html(503), Outcome.RETRY, 0),
        (moods.html(503, lies=True), Outcome.RETRY, 0),
        (moods.status(502, body="bad gateway"), Outcome.UNKNOWN, 0),
        (moods.html(403), Outcome.WORKSPACE_REFUSED, 0),
        (moods.ratelimit(), Outcome.RETRY, 0),
        (moods.ratelimit("soon"), Outcome.RETRY, 0),
        (moods.ratelimit(None), Outcome.RETRY, 0),
        (moods.refuse("internal_error", applied=True), Outcome.UNKNOWN, 1),
        (moods.refuse("invalid_blocks"), Outcome.MESSAGE_REFUSED, 0),
    ],
)
async def test_what_a_connection_can_do_is_sorted_and_never_posted_twice(
    server: FakeSlack, client: SlackClient, mood: moods.Mood, outcome: Outcome, stands: int
) -> None:
    server.mood(mood)
    answer = await client.post("#db", said(), tag())
    assert answer.outcome is outcome
    assert answer.error
    assert len(server.calls) == 1
    assert len(server.channel("#db").messages) == stands


async def test_a_late_effect_comes_by_itself(server: FakeSlack, client: SlackClient) -> None:
    server.mood(moods.late(0.05))
    assert (await client.post("#db", said("InstanceDown"), tag())).outcome is Outcome.UNKNOWN
    assert server.channel("#db").messages == []
    await server.channel("#db").expect_message("InstanceDown")


async def test_a_burst_into_one_channel_meets_a_real_429(server: FakeSlack, client: SlackClient) -> None:
    answers = [await client.post("#db", said(), tag(f"d-{number}")) for number in range(4)]
    assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 3 + [Outcome.RETRY]
    assert answers[-1].retry_after == timedelta(seconds=1)
    assert server.refused_for_pace == 1


async def test_nothing_was_written_where_nobody_listens(session: aiohttp.ClientSession) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/api/", "nonsense"):
        answer = await SlackClient.over(session, lambda: TOKEN, CLOCK, api_url=url).post("#db", said(), tag())
        assert answer.outcome is Outcome.RETRY
        assert answer.error.startswith("cannot connect (")


class Resolver(aiohttp.abc.AbstractResolver):
    """Answers no question: with an error, or not at all."""

    def __init__(self, *, is_silent: bool) -> None:
        self._is_silent = is_silent

    async def resolve(self, *_: object, **__: object) -> list[aiohttp.abc.ResolveResult]:
        if self._is_silent:
            await asyncio.Event().wait()
        raise OSError(None, "name or service not known")

    async def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("is_silent", [False, True])
async def test_nothing_was_written_to_a_name_that_is_not_resolved(*, is_silent: bool) -> None:
    resolver = Resolver(is_silent=is_silent)
    async with open_session(timeout=timedelta(milliseconds=100), resolver=resolver) as session:
        client = SlackClient.over(session, lambda: TOKEN, CLOCK, api_url="http://slack.example/api/")
        answer = await client.post("#db", said(), tag())
    assert answer.outcome is Outcome.RETRY
    assert answer.error.startswith("cannot connect (")


async def test_a_proxy_is_used_except_for_this_host_and_where_it_is_not_wanted(
    server: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{taken.getsockname()[1]}")
    monkeypatch.setenv("NO_PROXY", "slack.internal.example")
    monkeypatch.delenv("no_proxy", raising=False)
    errors = {
        server.url: "",
        "http://slack.example/api/": "cannot connect (ClientProxyConnectionError)",
        "http://slack.internal.example/api/": "cannot connect (ClientConnectorDNSError)",
    }
    async with open_session(resolver=Resolver(is_silent=False)) as session:
        for url, error in errors.items():
            client = SlackClient.over(session, lambda: TOKEN, CLOCK, api_url=url)
            assert (await client.post("#db", said(), tag())).error == error


Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def call_against(session: aiohttp.ClientSession, answering: Answering) -> Answer:
    app = web.Application()
    app.router.add_post("/api/{method}", answering)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        client = SlackClient.over(session, lambda: TOKEN, CLOCK, api_url=f"http://{host}:{port}/api/")
        return await client.post("#db", said(), tag())
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"ok", "text/plain"),
        (b"[1, 2]", "application/json"),
        (b'"ok"', "application/json"),
        (b"", "application/json"),
        (b"\xff\xfe{", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"\x1f\x8b", "application/gzip"),
    ],
)
async def test_bodies_that_are_no_object_may_stand_for_anything(
    session: aiohttp.ClientSession, body: bytes, content_type: str
) -> None:
    async def answering(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type=content_type)

    assert (await call_against(session, answering)).outcome is Outcome.UNKNOWN


async def test_an_answer_cut_short_may_stand_for_anything(session: aiohttp.ClientSession) -> None:
    async def answering(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "400"})
        await response.prepare(request)
        await response.write(b'{"ok": true')
        assert request.transport is not None
        request.transport.close()
        return response

    assert (await call_against(session, answering)).outcome is Outcome.UNKNOWN


async def test_a_rotated_token_is_used_from_the_next_call_on(server: FakeSlack, session: aiohttp.ClientSession) -> None:
    tokens = ["xoxb-old", TOKEN]
    server.tokens["xoxb-old"] = "token_expired"
    client = SlackClient.over(session, lambda: tokens.pop(0), CLOCK, api_url=server.url)
    assert (await client.post("#db", said(), tag())).error == "token_expired"
    assert (await client.post("#db", said(), tag())).outcome is Outcome.DELIVERED


async def test_the_token_is_in_no_log_answer_or_form(
    server: FakeSlack, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "xoxb-very-secret"
    client = SlackClient.over(session, lambda: f" {secret}\n", CLOCK, api_url=server.url)
    refused = await client.post("#db", said("private words"), tag())
    assert refused.error == "invalid_auth"
    server.mood(moods.html(lies=True))
    broken = await client.post("#db", said("private words"), tag())
    server.mood(moods.RESET_BEFORE)
    lost = await client.post("#db", said("private words"), tag())
    malformed = SlackClient.over(session, lambda: f"{secret}\n{secret}", CLOCK, api_url=server.url)
    never_sent = await malformed.post("#db", said("private words"), tag())
    traces = f"{caplog.text} {[refused, broken, lost, never_sent]} {[call.form for call in server.calls]}"
    assert secret not in traces
    assert "private words" not in caplog.text


async def test_cancellation_passes_through(server: FakeSlack, client: SlackClient) -> None:
    server.mood(moods.STALL)
    calling = asyncio.create_task(client.post("#db", said(), tag()))
    while not server.calls:  # noqa: ASYNC110  (the server has no event for "a call came in and is not answered")
        await asyncio.sleep(0.001)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


def test_a_connection_that_stands_takes_the_proxy_of_https(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "http_proxy", "HTTP_PROXY", "no_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "slack.internal.example")
    assert proxy_for("wss://wss-primary.slack.com/link/?ticket=1") == "http://proxy.example:3128"
    assert proxy_for("https://hooks.slack.com/actions/1") == "http://proxy.example:3128"
    assert proxy_for("wss://slack.internal.example/link") is None
    assert proxy_for("ws://127.0.0.1:9/link") is None
    assert proxy_for("ws://elsewhere.example/link") is None
