"""The whole service before the fake Slack: what people do reaches it by HTTP and by Socket Mode, and it says what is wrong."""

from datetime import timedelta
from pathlib import Path

import aiohttp

from router.runtime.clock import SystemClock
from tests.process import filled, free_port, in_this_process, until
from tests.slackworld import TOKEN, FakeSlack
from tests.slackworld.acting import SIGNING_SECRET, Acting
from tests.slackworld.workspace import APP_TOKEN

CONFIGURATION = """
version: 1
name: prod
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack:
  token: {env: SLACK_BOT_TOKEN}
  signing_secret: [{env: SIGNING_OLD}, {env: SIGNING}]
  app_token: {env: APP_TOKEN}
  api_url: "<slack>"
sources: {shell: {adapter: generic, auth: none}}
routing: {channel: "#ops"}
"""
SECRETS = {"SLACK_BOT_TOKEN": TOKEN, "SIGNING_OLD": "old", "SIGNING": SIGNING_SECRET, "APP_TOKEN": APP_TOKEN}
CLOCK = SystemClock()


async def test_people_are_heard_both_ways_and_trouble_is_said(tmp_path: Path) -> None:
    """Rows 3 and 118."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with FakeSlack(CLOCK.now) as slack, aiohttp.ClientSession() as session:
        slack.add_person("maria", slack_id="U0MARIA")
        slack.add_channel("#ops", members=("maria",))
        people = Acting(slack)
        file = tmp_path / "router.yaml"
        file.write_text(filled(CONFIGURATION, tmp_path, listen=f"127.0.0.1:{port}", slack_url=slack.url))
        async with in_this_process(file, environ=SECRETS):
            await slack.sockets.until(lambda: len(slack.sockets.open) == 2)
            command = people.command("help ack", by="maria", channel="#ops", command="/pd")
            over_socket = await slack.sockets.answer(await slack.sockets.send(command))
            again = people.command("help ack", by="maria", channel="#ops", command="/pd")
            async with session.post(url + again.path, data=again.body, headers=again.headers(CLOCK.now())) as answer:
                assert answer.status == 200
                assert await answer.json() == over_socket
            assert over_socket == {
                "response_type": "ephemeral",
                "text": "`/pd ack [N]`: acknowledge: nobody else is paged.\nFor example `/pd ack 12`.\nAlso `acknowledge`.",
            }
            async with session.get(url + "/metrics") as answer:
                text = await answer.text()
            assert "alert_router_slack_sockets 2.0" in text
            assert "alert_router_slack_sockets_missing 0.0" in text
            received = 'alert_router_slack_received_total{kind="command",outcome="answered",via="%s"} 1.0'
            assert received % "http" in text
            assert received % "socket_mode" in text

            async def degraded() -> list[str]:
                async with session.get(url + "/readyz") as ready:
                    found: list[str] = (await ready.json())["degraded"]
                    return found

            assert not [one for one in await degraded() if "Slack" in one]
            headers = again.headers(CLOCK.now() - timedelta(minutes=7))
            async with session.post(url + again.path, data=again.body, headers=headers) as answer:
                assert (answer.status, await answer.read()) == (401, b"")
            [said] = [one for one in await degraded() if "Slack" in one]
            assert "Is the clock right" in said
        await slack.sockets.until(lambda: not slack.sockets.open)
        assert slack.sockets.complaints == []


async def test_an_app_token_that_is_wrong_is_said_and_nothing_else_suffers(tmp_path: Path) -> None:
    port = free_port()
    async with FakeSlack(CLOCK.now) as slack, aiohttp.ClientSession() as session:
        slack.app_tokens[APP_TOKEN] = "token_revoked"
        file = tmp_path / "router.yaml"
        file.write_text(filled(CONFIGURATION, tmp_path, listen=f"127.0.0.1:{port}", slack_url=slack.url))
        async with in_this_process(file, environ=SECRETS):

            async def said() -> str | None:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as ready:
                    assert ready.status == 200
                    found = [one for one in (await ready.json())["degraded"] if "Socket Mode" in one]
                    return found[0] if found else None

            words = await until(said, "the token is refused")
            assert words == (
                "Slack's Socket Mode has no connection, so nobody can act: apps.connections.open: token_revoked"
            )
