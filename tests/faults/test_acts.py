"""`kill -9` right after an act was answered: it is there, its message tells it, and Slack sending it again does nothing more."""

import asyncio
from pathlib import Path

import aiohttp

from router.core.acts.button import Button, Verb, action_id, value
from router.runtime.clock import SystemClock
from tests.process import RouterProcess, running
from tests.slackworld import FakeSlack
from tests.slackworld.acting import SIGNING_SECRET, Acting, Gesture

CLOCK = SystemClock()
CONFIGURATION = """
version: 1
name: prod
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: {token: {env: SLACK_BOT_TOKEN}, signing_secret: {env: SIGNING}, api_url: "<slack>"}
sources: {shell: {adapter: generic, auth: none}}
people: {maria: {slack: U0MARIA}}
routing: {channel: "#ops", group_wait: 0s, group_by: [alertname]}
"""
PEOPLE = 8


async def test_an_act_that_was_answered_outlives_the_process(tmp_path: Path) -> None:
    async with FakeSlack(CLOCK.now) as slack:
        slack.add_person("maria", slack_id="U0MARIA")
        others = [f"p{number}" for number in range(PEOPLE)]
        for name in others:
            slack.add_person(name)
        slack.add_channel("#ops", members=("maria", *others))
        people = Acting(slack, hooks=slack.hooks)
        async with running(
            tmp_path, CONFIGURATION, slack_url=slack.url, environment={"SIGNING": SIGNING_SECRET}
        ) as router:
            word = {"title": "Disk is full", "severity": "critical", "status": "firing"}
            assert await router.post("/webhook/shell", word) == 200
            message = await slack.channel("#ops").expect_message("Disk is full")

            pressed = people.click(
                message.ts, action_id(Verb.ACKNOWLEDGE), by="maria", channel="#ops",
                value=value(Button(Verb.ACKNOWLEDGE, 1), instance="prod"),
            )  # fmt: skip
            assert await sent(router, pressed) == 200
            await router.kill()
            await router.start()
            assert "acknowledged by Maria" in await timeline(router)

            undone = people.mention("unack", by="maria", channel="#ops", thread_ts=message.ts)
            assert await sent(router, undone) == 200
            await router.kill()
            await router.start()
            assert "acknowledgement taken back by Maria" in await timeline(router)
            assert await sent(router, pressed) == 200  # Slack did not hear our answer

            # Among many notes the process dies: each that was answered is in the timeline, once.
            notes = {name: people.command(f"note 1 by-{name}", by=name, channel="#ops") for name in others}
            calls = {name: asyncio.create_task(sent(router, note)) for name, note in notes.items()}
            done, _ = await asyncio.wait(calls.values(), return_when=asyncio.FIRST_COMPLETED)
            assert done
            await router.kill()
            answers = dict(zip(calls, await asyncio.gather(*calls.values()), strict=True))
            answered = [name for name, status in answers.items() if status == 200]
            assert answered
            await router.start()
            for name in others:  # those that were not are sent again
                assert await sent(router, notes[name]) == 200
            told = await timeline(router)
            for name in others:
                assert told.count(f"by-{name} <small>") == 1, name
            assert told.count("acknowledged by Maria") == 1
            # A word that the process died with is looked for when its claim is over.
            await message.expect_reply("acknowledgement taken back by Maria", timeout=120)
            assert sum("acknowledged by Maria" in reply.text for reply in message.replies) == 1
            channel = slack.channel("#ops")
            await channel.wait_until(lambda: "acknowledged" not in message.text or None, "nobody works on it", 120)


async def sent(router: RouterProcess, gesture: Gesture) -> int | None:
    """None: there was no answer."""
    headers = gesture.headers(CLOCK.now())
    try:
        async with router.session.post(router.url + gesture.path, data=gesture.body, headers=headers) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, ConnectionError, TimeoutError):
        return None


async def timeline(router: RouterProcess) -> str:
    async with router.session.get(f"{router.url}/incidents/1") as page:
        return await page.text()
