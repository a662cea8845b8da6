"""Datadog's monitor and a job of one's own, from the first word to the end, against the real process."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.runtime.clock import SystemClock
from tests.process import ROOT, RouterProcess, running
from tests.slackworld import FakeSlack

CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: {token: {env: SLACK_BOT_TOKEN}, api_url: "<slack>"}
sources:
  datadog: {adapter: datadog, auth: {basic: {username: datadog, password: {env: DATADOG_PASSWORD}}}}
  backups:
    adapter: generic
    auth: {bearer: {env: BACKUP_TOKEN}}
    map: {name: job, title: '{{ job }} failed on {{ host }}', severity: level, status: state, dedupe_key: job}
    severity_map: {fatal: critical}
routing: {channel: "#ops", group_wait: 0s, group_interval: 1s}
"""


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(SystemClock().now) as slack:
        slack.add_person("maria")
        slack.add_channel("ops", members=("maria",))
        yield slack


@pytest.fixture
async def service(tmp_path: Path, slack: FakeSlack) -> AsyncIterator[RouterProcess]:
    secrets = {"DATADOG_PASSWORD": "s3cret", "BACKUP_TOKEN": "t0ken"}
    async with running(tmp_path, CONFIGURATION, slack_url=slack.url, environment=secrets) as service:
        yield service


def datadog(transition: str, *, kind: str, second: int) -> str:
    """The template that docs/sources/datadog.md tells to paste, as Datadog fills it in."""
    page = (ROOT / "docs" / "sources" / "datadog.md").read_text()
    found = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert found is not None
    known = {
        "$ALERT_ID": "4711", "$ALERT_TITLE": "Disk is filling up", "$ALERT_TRANSITION": transition, "$ALERT_TYPE": kind,
        "$ALERT_PRIORITY": "", "$ALERT_SCOPE": "host:db-1", "$EVENT_TYPE": "query_alert_monitor",
        "$TEXT_ONLY_MSG": "Free some space.", "$TAGS": "env:prod,host:db-1,team:storage",
        "$DATE": str(1_780_000_000_000 + second * 1000), "$LINK": "https://app.datadoghq.com/monitors/4711",
        "$EVENT_TITLE": f"[{transition}] Disk is filling up", "$AGGREG_KEY": "a1",
    }  # fmt: skip
    return re.sub(r'"(\$\w+)"', lambda match: f'"{known.get(match[1], "")}"', found[1])


async def send(service: RouterProcess, body: str) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Basic ZGF0YWRvZzpzM2NyZXQ="}
    async with service.session.post(f"{service.url}/webhook/datadog", data=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()


async def test_datadog_triggers_warns_and_recovers_in_one_message(service: RouterProcess, slack: FakeSlack) -> None:
    await send(service, datadog("Triggered", kind="error", second=1))
    message = await slack.channel("ops").expect_message("HIGH #1 Disk is filling up")
    await send(service, datadog("Warn", kind="warning", second=2))
    await message.expect_update("MEDIUM #1 Disk is filling up")
    await send(service, datadog("Recovered", kind="success", second=3))
    await message.expect_update("Resolved #1 HIGH Disk is filling up")
    await message.expect_reply("resolved after")

    await send(service, datadog("Triggered", kind="error", second=1))  # Datadog's retry, overtaken: no news
    assert [alert["status"] for alert in await service.all("alerts")] == ["resolved"]
    assert len(slack.channel("ops").messages) == 1
    assert len(message.replies) == 1
    assert [sound.why for sound in slack.sounds_of("maria")] == ["post"]


async def test_a_job_of_ones_own_fails_and_recovers(service: RouterProcess, slack: FakeSlack) -> None:
    job = {"job": "nightly", "host": "db-1", "level": "fatal", "state": "failed"}
    assert await service.post("/webhook/backups", job) == 401
    token = {"Authorization": "Bearer t0ken"}
    assert await service.post("/webhook/backups", job, headers=token) == 200
    message = await slack.channel("ops").expect_message("CRITICAL #1 nightly failed on db-1")
    assert await service.post("/webhook/backups", {**job, "state": "ok"}, headers=token) == 200
    await message.expect_update("Resolved #1 CRITICAL nightly failed on db-1")
    await message.expect_reply("resolved after")
    assert len(slack.channel("ops").messages) == 1
