"""Webhooks of the whole service: a process that is killed in a call, and secrets that are missing, wrong or renewed."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from router.runtime.clock import SystemClock
from router.service.app import opened
from router.service.in_force import StartError
from tests.process import filled, free_port, in_this_process, running, until
from tests.receivers import Mood, PagerDuty, Receiver, Says
from tests.receivers.pagerduty import ROUTING_KEY
from tests.slackworld import FakeSlack

CONFIGURATION = """
version: 1
name: prod
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: {token: {env: SLACK_BOT_TOKEN}, api_url: "<slack>"}
sources: {shell: {adapter: generic, auth: none}}
routing: {channel: "#ops", group_wait: 0s, also: [{webhook: phone}]}
webhooks: {phone: {format: pagerduty-v2, url: "<phone>", routing_key: <key>}}
"""


def written(phone: str, key: str = "{env: PD_KEY}") -> str:
    return CONFIGURATION.replace("<phone>", phone).replace("<key>", key)


async def knows(there: Receiver, **states: str) -> bool | None:
    return there.states == {f"prod/{number.lstrip('n')}": state for number, state in states.items()} or None


async def test_killed_in_the_call_it_is_made_again_and_doubled_by_its_key_alone(tmp_path: Path) -> None:
    async with FakeSlack(SystemClock().now) as slack, PagerDuty() as there:
        slack.add_channel("ops")
        there.moods = [Mood(Says.SILENCE)]  # taken, and no answer before the end of the process
        keys = {"PD_KEY": ROUTING_KEY}
        async with running(tmp_path, written(there.url), slack_url=slack.url, environment=keys) as service:
            word = {"title": "Down", "severity": "high", "status": "firing"}
            assert await service.post("/webhook/shell", word) == 200
            async with asyncio.timeout(10):
                await there.called.wait()
            await until(lambda: knows(there, n1="triggered"), "it is taken")
            await service.kill()
            await service.start()
            await until(lambda: twice(there), "it is sent again once the claim is over", within=90)
            assert await service.post("/webhook/shell", {**word, "status": "resolved"}) == 200
            await until(lambda: knows(there, n1="resolved"), "it ends there", within=60)
            incident = there.incidents["prod/1"]
            assert (incident.opened, incident.triggers, len(there.calls)) == (1, 2, 3)
            assert there.problems == []
            assert len(slack.channel("ops").messages) == 1


async def twice(there: Receiver) -> bool | None:
    return len(there.calls) == 2 or None


async def test_a_key_that_is_not_there_is_named_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    file.write_text(filled(written("https://events.example"), tmp_path))
    with pytest.raises(StartError, match="the environment variable PD_KEY is not set"):
        await opened([file], environ={"SLACK_BOT_TOKEN": "xoxb-1"}).__aenter__()


async def test_a_secret_that_is_no_address_is_named_at_the_start_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    text = written("", "{env: PD_KEY}").replace('url: ""', "url: {env: PHONE_URL}")
    file.write_text(filled(text, tmp_path))
    environ = {"SLACK_BOT_TOKEN": "xoxb-1", "PD_KEY": ROUTING_KEY, "PHONE_URL": "hunter2"}
    with pytest.raises(StartError, match="the address of the webhook phone is no http") as raised:
        await opened([file], environ=environ).__aenter__()
    assert "hunter2" not in str(raised.value)


async def test_a_key_that_is_refused_is_read_again(tmp_path: Path) -> None:
    async with FakeSlack(SystemClock().now) as slack, PagerDuty() as there:
        slack.add_channel("ops")
        key = tmp_path / "key"
        key.write_text("R" + "0" * 31)
        file = tmp_path / "router.yaml"
        listen = f"127.0.0.1:{free_port()}"
        text = written(there.url, f"{{file: {key}}}").replace("SLACK_BOT_TOKEN", "TOKEN")
        file.write_text(filled(text, tmp_path, listen=listen, slack_url=slack.url))
        async with in_this_process(file, environ={"TOKEN": "xoxb-fake-1"}) as app, aiohttp.ClientSession() as session:
            key.write_text(ROUTING_KEY)
            word = {"title": "Down", "severity": "high", "status": "firing"}
            async with session.post(f"{app.addresses[0]}/webhook/shell", json=word) as answer:
                assert answer.status == 200
            await until(lambda: knows(there, n1="triggered"), "it is told with the new key", within=15)
        assert len(there.calls) == 2
        assert b"R0000" in there.calls[0].body
