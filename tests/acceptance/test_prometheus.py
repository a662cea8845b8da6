"""A real Prometheus, sending directly and by way of a real Alertmanager, until the last word stands in Slack."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from router.runtime.clock import SystemClock
from tests.acceptance.senders import Alertmanager, Exporter, Prometheus, target
from tests.process import RouterProcess, running, until
from tests.slackworld import FakeSlack, MessageView

CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: {token: {env: SLACK_BOT_TOKEN}, api_url: "<slack>"}
sources:
  prom: {adapter: prometheus, auth: none}
routing: {channel: "#<channel>", group_by: [alertname], group_wait: 1s, group_interval: 1s}
"""
WAYS = ("by-prefix", "bare", "relayed")


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(SystemClock().now) as slack:
        for way in WAYS:
            slack.add_channel(way)
        yield slack


async def router(stack: AsyncExitStack, folder: Path, slack: FakeSlack, channel: str) -> RouterProcess:
    text = CONFIGURATION.replace("<channel>", channel)
    return await stack.enter_async_context(running(folder / channel, text, slack_url=slack.url))


@pytest.mark.needs("prometheus", "prometheus-alertmanager")
async def test_what_prometheus_says_stands_in_slack_by_whatever_way_it_comes(tmp_path: Path, slack: FakeSlack) -> None:
    async with AsyncExitStack() as stack:
        by_prefix, bare, relayed = [await router(stack, tmp_path, slack, way) for way in WAYS]
        relay = Alertmanager(tmp_path / "alertmanager", f"{relayed.url}/webhook/prom")
        await (await stack.enter_async_context(relay)).start()
        exporter = await stack.enter_async_context(Exporter(("db-1", "db-2", "db-3")))
        senders = [
            target(by_prefix.url.removeprefix("http://"), "/webhook/prom"),
            target(bare.url.removeprefix("http://")),
            target(f"127.0.0.1:{relay.port}"),
        ]
        prometheus = Prometheus(tmp_path / "prometheus", exporter, senders)
        await (await stack.enter_async_context(prometheus)).start()

        exporter.down = {"db-1"}
        messages = [await slack.channel(way).expect_message("HIGH #1 db-1 is down", timeout=15) for way in WAYS]
        exporter.down = {"db-1", "db-2"}
        for message in messages:
            await message.expect_reply("+1 alert", timeout=40)
        exporter.down = {"db-1", "db-2", "db-3"}
        for message in messages:
            await message.expect_update("HIGH #1 ServiceDown ×3", timeout=15)
            await message.expect_reply("(3)", timeout=40)
        exporter.down = {"db-2", "db-3"}
        for message in messages:
            await message.expect_update("HIGH #1 ServiceDown ×2", timeout=15)
            await message.expect_reply("still firing", timeout=40)
        exporter.down = set()
        for message in messages:
            await message.expect_update("Resolved #1", timeout=15)
            await message.expect_reply("resolved after", timeout=40)

        for way, message in zip(WAYS, messages, strict=True):
            assert len(slack.channel(way).messages) == 1
            assert not slack.channel(way).broadcasts
            assert_is_over(message)
            said = [reply.text for reply in message.replies]
            assert said[:3] == [
                "#1 ServiceDown: +1 alert (2): db-2 is down",
                "#1 ServiceDown: +1 alert (3): db-3 is down",
                "#1 ServiceDown: 1 alert resolved: db-1 is down · 2 still firing",
            ]
            # The last two may be one evaluation apart on the way through Alertmanager, each of which flushes alone.
            assert said[-1].startswith("#1 ")
            assert "resolved after " in said[-1]
            assert 4 <= len(said) <= 5
        assert slack.duplicates() == []
        assert slack.refused_for_pace == 0


def assert_is_over(message: MessageView) -> None:
    assert message.text.startswith("Resolved #1 ")
    assert message.buttons == []


@pytest.mark.needs("prometheus")
async def test_nothing_turns_green_because_prometheus_died(tmp_path: Path, slack: FakeSlack) -> None:
    services = [f"db-{number}" for number in range(20)]
    async with AsyncExitStack() as stack:
        service = await router(stack, tmp_path, slack, "by-prefix")
        exporter = await stack.enter_async_context(Exporter(services))
        senders = [target(service.url.removeprefix("http://"), "/webhook/prom")]
        prometheus = Prometheus(tmp_path / "prometheus", exporter, senders)
        await (await stack.enter_async_context(prometheus)).start()
        exporter.down = set(services)
        message = await slack.channel("by-prefix").expect_message("×20", timeout=20)
        before = message.text

        await prometheus.kill()  # with resend-delay 1s it vouched for what it sent for no more than 4 s
        await expire_loop_turned(service, times=2)
        assert len(await service.all("alerts", "&state=firing")) == 20
        assert message.text == before
        assert message.replies == []

        # Proof that this is no deafness: from one that lost its disk, what is sent goes on, what is not sent has ended.
        exporter.down = set(services[:5])
        another = Prometheus(tmp_path / "another", exporter, senders)
        await (await stack.enter_async_context(another)).start()
        await message.expect_update("×5", timeout=30)
        ended = await service.all("alerts", "&state=resolved")
        assert {alert["ended_how"] for alert in ended} == {"expired"}
        assert len(ended) == 15
        assert not any("Resolved" in version.text for version in message.versions)


async def expire_loop_turned(service: RouterProcess, *, times: int) -> None:
    """Each turn begins with a look at what has run out of time; there is one every ten seconds."""
    for _ in range(times):
        before = (await service.get("/healthz"))["loops"]["expire"]["turned_at"]

        async def turned(before: str = before) -> bool | None:
            return (await service.get("/healthz"))["loops"]["expire"]["turned_at"] != before or None

        await until(turned, "the expire loop came round", within=15)
