"""Somebody else answers where Slack should: a redirect is not followed, an answer without end is not read."""

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web

from router.core.answer import Answer, Outcome
from router.notifiers.slack.client import SlackClient
from router.notifiers.slack.wire import LARGEST_ANSWER, open_session
from router.runtime.clock import SystemClock
from tests.slack.conftest import said, tag
from tests.slackworld import TOKEN

OK = '{"ok": true, "ts": "1.000001", "channel": "C0DB000"}'
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Stranger:
    """A server on loopback that answers everything in one way."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent = 0

    async def redirect(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path == "/elsewhere":
            return web.Response(text=OK, content_type="application/json")
        return web.Response(status=int(request.query.get("as", "307")), headers={"Location": "/elsewhere"})

    async def endless(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        try:
            while self.sent < 64 * LARGEST_ANSWER:
                await answer.write(b" " * 65_536)
                self.sent += 65_536
        except ConnectionError:
            pass
        return answer

    async def swollen(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        body = gzip.compress(b'{"ok": true, "ts": "1.000001", "pad": "' + b"x" * 16 * LARGEST_ANSWER + b'"}')
        return web.Response(body=body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session(timeout=timedelta(seconds=10)) as opened:
        yield opened


async def asked(session: aiohttp.ClientSession, handler: Handler) -> Answer:
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port, *_ = runner.addresses[0]
        client = SlackClient.over(session, lambda: TOKEN, SystemClock(), api_url=f"http://{host}:{port}/api/")
        return await client.post("C0DB000", said(), tag())
    finally:
        await runner.cleanup()


async def test_a_redirect_is_not_followed_nor_its_ok_believed(session: aiohttp.ClientSession) -> None:
    stranger = Stranger()
    answer = await asked(session, stranger.redirect)
    assert stranger.asked == ["/api/chat.postMessage"]
    assert (answer.outcome, answer.ts) == (Outcome.WORKSPACE_REFUSED, "")
    assert answer.error == "http_307_no_slack_answer"


async def test_no_more_of_an_answer_is_read_than_one_of_slacks_may_be(session: aiohttp.ClientSession) -> None:
    stranger = Stranger()
    answer = await asked(session, stranger.endless)
    assert answer.outcome is Outcome.UNKNOWN
    assert stranger.sent < 32 * LARGEST_ANSWER, "the connection was closed long before its end"


async def test_nor_of_one_that_swells_when_it_is_unpacked(session: aiohttp.ClientSession) -> None:
    assert (await asked(session, Stranger().swollen)).outcome is Outcome.UNKNOWN
