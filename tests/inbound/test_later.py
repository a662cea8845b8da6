"""Answers by response_url: where they land, how often and how long Slack takes them, and every way in which it does not."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from router.core.answer import Outcome
from router.notifiers.slack.inbound.decode import Decoded, Door, decode
from router.notifiers.slack.inbound.later import ResponseUrls
from router.notifiers.slack.inbound.values import BlockActions, SlashCommand
from router.notifiers.slack.wire import open_session
from tests.slack.conftest import HandClock
from tests.slackworld import TOKEN, FakeSlack
from tests.slackworld.acting import Acting, Gesture
from tests.slackworld.hooks import LASTS, USES


class Stage:
    def __init__(self, slack: FakeSlack, clock: HandClock, urls: ResponseUrls) -> None:
        self.slack, self.clock, self.urls = slack, clock, urls
        self.people = Acting(slack, hooks=slack.hooks)

    def url(self, gesture: Gesture) -> str:
        """As it comes to us: decoded, and let through because the API is there too."""
        found = decode(Door(gesture.door), gesture.body, api_url=self.slack.url)
        assert isinstance(found, Decoded)
        assert isinstance(found.inbound, SlashCommand | BlockActions)
        assert found.inbound.response_url
        return found.inbound.response_url

    def command(self) -> str:
        return self.url(self.people.command("ack 12", by="maria", channel="#db"))

    def posted(self) -> str:
        """The ts of a message of ours."""
        body = self.slack.serve("chat.postMessage", {"channel": "C0DB000", "text": "before"}, token=TOKEN).body
        ts: str = json.loads(body)["ts"]
        return ts

    def click(self, ts: str) -> str:
        return self.url(self.people.click(ts, "ar.x", by="maria", channel="#db"))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    clock = HandClock()
    async with FakeSlack(clock.now) as slack, open_session() as session:
        slack.add_person("maria", slack_id="U0MARIA")
        slack.add_channel("#db", members=("maria",), slack_id="C0DB000")
        yield Stage(slack, clock, ResponseUrls(session))


async def test_a_word_to_one_person(stage: Stage) -> None:
    answer = await stage.urls.post(stage.command(), "done", [{"type": "divider"}], thread_ts="1.1")
    assert answer.outcome is Outcome.DELIVERED
    [whisper] = stage.slack.hooks.whispers
    assert (whisper.person, whisper.channel, whisper.text, whisper.thread_ts) == ("U0MARIA", "C0DB000", "done", "1.1")
    assert whisper.blocks == [{"type": "divider"}]


async def test_a_word_after_a_click_leaves_the_message_as_it_is(stage: Stage) -> None:
    ts = stage.posted()
    await stage.urls.post(stage.click(ts), "it was acknowledged by jonas")
    assert [one.text for one in stage.slack.hooks.whispers] == ["it was acknowledged by jonas"]
    assert [message.now.text for message in stage.slack.conversations["C0DB000"].messages] == ["before"]


async def test_five_times_in_thirty_minutes(stage: Stage) -> None:
    url, other = stage.command(), stage.command()
    for _ in range(USES):
        assert (await stage.urls.post(url, "x")).outcome is Outcome.DELIVERED
    refused = await stage.urls.post(url, "x")
    assert (refused.outcome, refused.error) == (Outcome.MESSAGE_REFUSED, "used_url")
    stage.clock.passed += LASTS + timedelta(seconds=1)
    refused = await stage.urls.post(other, "x")
    assert (refused.outcome, refused.error) == (Outcome.MESSAGE_REFUSED, "expired_url")


async def test_nobody_there_and_no_address(stage: Stage) -> None:
    for url in ("http://127.0.0.1:1/hooks/x", "http://[", "https://"):
        assert (await stage.urls.post(url, "x")).outcome is Outcome.RETRY
    gone = await stage.urls.post(stage.slack.hooks.base + "/elsewhere", "x")
    assert (gone.outcome, gone.error) == (Outcome.MESSAGE_REFUSED, "http_404_no_slack_answer")


@pytest.mark.parametrize(
    ("status", "body", "outcome", "error"),
    [
        (200, "ok", Outcome.DELIVERED, ""),
        (200, '{"ok":true}', Outcome.DELIVERED, ""),
        (404, "no_service", Outcome.MESSAGE_REFUSED, "no_service"),
        (404, '{"ok":false,"error":"used_url"}', Outcome.MESSAGE_REFUSED, "used_url"),
        (429, "", Outcome.RETRY, "ratelimited"),
        (500, "ok", Outcome.UNKNOWN, "http_500"),
        (503, "", Outcome.RETRY, "http_503"),
        (200, "<html>", Outcome.UNKNOWN, "http_200_no_slack_answer"),
        (200, "[" * 100_000, Outcome.UNKNOWN, "http_200_no_slack_answer"),
        (302, "", Outcome.UNKNOWN, "connection lost (_RedirectError)"),
    ],
)
async def test_what_slack_may_say(status: int, body: str, outcome: Outcome, error: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})

    application = web.Application()
    application.router.add_post("/", answer)
    async with TestServer(application) as server, open_session() as session:
        found = await ResponseUrls(session).post(str(server.make_url("/")), "x")
    assert (found.outcome, found.error) == (outcome, error)
