"""The whole service before the fake Slack, with people who act in it: over HTTP or over Socket Mode."""

import contextlib
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import aiohttp

from router.core.acts.button import Button, Verb, action_id, value
from router.runtime.clock import SystemClock
from router.service.app import App
from tests.process import filled, free_port, in_this_process, until
from tests.slackworld import TOKEN, FakeSlack
from tests.slackworld.acting import SIGNING_SECRET, Acting, Gesture
from tests.slackworld.state import Json, Modal
from tests.slackworld.views import ChannelView, MessageView
from tests.slackworld.workspace import APP_TOKEN

INSTANCE = "prod"
CLOCK = SystemClock()
SECRETS = {"SLACK_BOT_TOKEN": TOKEN, "SIGNING": SIGNING_SECRET, "APP_TOKEN": APP_TOKEN}
CONFIGURATION = """
version: 1
name: prod
timezone: Europe/Berlin
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack:
  token: {env: SLACK_BOT_TOKEN}
  signing_secret: {env: SIGNING}
  app_token: {env: APP_TOKEN}
  api_url: "<slack>"
  command: [/incident, /pd]
sources: {shell: {adapter: generic, auth: none}}
people:
  maria: {slack: U0MARIA}
  jonas: {email: jonas@example.com}
oncall:
  payments: {rotation: {people: [maria, jonas], every: 1w, handoff: mon 09:00, starts: 2026-01-05}}
escalation: {late: {steps: [{person: maria}]}}
routing: {channel: "#ops", group_wait: 0s, group_by: [alertname], page: maria}
"""


class Via(StrEnum):
    HTTP = "http"
    SOCKET_MODE = "socket_mode"


class Office:
    """One router, one workspace, and whoever works there: maria by Slack id, jonas by address, eve whom no rule names."""

    def __init__(self, app: App, slack: FakeSlack, session: aiohttp.ClientSession, via: Via) -> None:
        self.app, self.slack, self.session, self.via = app, slack, session, via
        self.url = app.addresses[0]
        self.people = Acting(slack, hooks=slack.hooks)

    @property
    def ops(self) -> ChannelView:
        return self.slack.channel("#ops")

    async def do(self, gesture: Gesture) -> Json | None:
        """What it was answered; None: nothing."""
        if self.via is Via.SOCKET_MODE:
            return await self.slack.sockets.answer(await self.slack.sockets.send(gesture))
        headers = gesture.headers(CLOCK.now())
        async with self.session.post(self.url + gesture.path, data=gesture.body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            text = await answer.text()
            found: Json | None = await answer.json() if text else None
            return found

    async def fire(self, title: str = "Disk is full", *, status: str = "firing", **more: Any) -> MessageView:
        """An alert comes in; the message that tells it."""
        word = {"title": title, "severity": "critical", "status": status, **more}
        async with self.session.post(f"{self.url}/webhook/shell", json=word) as answer:
            assert answer.status == 200, await answer.text()
        return await self.ops.expect_message(title)

    async def tap(self, message: MessageView, label: str, *, by: str) -> None:
        """A button, or a line of a menu, that stands under it now, or will."""
        channel = "#ops" if message.ts in {one.ts for one in self.ops.messages} else self.slack.direct(by).id
        element = await until(lambda: _standing(message, label), f"{label} under {message}")
        await self.do(self.people.click(message.ts, element.pop("action_id"), by=by, channel=channel, element=element))

    async def press(
        self, message: MessageView, verb: Verb, number: int = 1, *, by: str, detail: str = "", instance: str = INSTANCE
    ) -> Json | None:
        carried = value(Button(verb, number, detail), instance=instance)
        return await self.do(self.people.click(message.ts, action_id(verb), by=by, channel="#ops", value=carried))

    async def say(self, text: str, *, by: str, command: str = "/incident") -> str:
        """A slash command; what it is answered."""
        answer = await self.do(self.people.command(text, by=by, channel="#ops", command=command))
        assert answer is not None
        assert answer["response_type"] == "ephemeral"
        return str(answer["text"])

    async def mention(self, text: str, *, by: str, thread: MessageView | None = None) -> None:
        ts = "" if thread is None else thread.ts
        assert await self.do(self.people.mention(text, by=by, channel="#ops", thread_ts=ts)) is None

    async def modal(self, text: str) -> Modal:
        """The last that was opened, once its title is this."""

        async def look() -> Modal | None:
            return next((one for one in self.slack.modals[-1:] if text in one.said), None)

        return await until(look, f"a modal with {text!r}")

    async def push(self, modal: Modal, label: str, **given: str) -> Json | None:
        """A button in a window, by whoever has it before them, with this in its fields."""
        elements = [element for block in modal.view["blocks"] for element in block.get("elements", ())]
        element = next(one for one in elements if one["text"]["text"] == label)
        action, carried = element["action_id"], element["value"]
        gesture = self.people.click_in_view(modal.view, action, by=modal.person, value=carried, given=given)
        return await self.do(gesture)

    async def heard(self, name: str, text: str, *, times: int = 1) -> list[str]:
        """What was said to one person alone, once `text` is in it so often."""

        async def look() -> list[str] | None:
            found = self.slack.heard_by(name)
            return found if sum(text in one for one in found) >= times else None

        return await until(look, f"{text!r} said to {name}, who heard {self.slack.heard_by(name)}")


async def _standing(message: MessageView, label: str) -> Json | None:
    """As Slack sends it when it is used."""
    elements = [element for block in message.blocks for element in block.get("elements", ()) if "action_id" in element]
    for element in elements:
        if element["type"] == "button" and element["text"]["text"] == label:
            return {key: element[key] for key in ("type", "action_id", "value", "url") if key in element}
        for option in element.get("options", ()):
            if option["text"]["text"] == label:
                return {"type": element["type"], "action_id": element["action_id"], "selected_option": option}
    return None


async def _identified(app: App) -> str | None:
    return app._way_out.who.workspace or None


@contextlib.asynccontextmanager
async def office(folder: Path, via: Via = Via.HTTP, *, configuration: str = CONFIGURATION) -> AsyncIterator[Office]:
    port = free_port()
    async with FakeSlack(CLOCK.now) as slack, aiohttp.ClientSession() as session:
        for name in ("maria", "jonas", "eve"):
            slack.add_person(name, slack_id=f"U0{name.upper()}")
        slack.add_channel("#ops", members=("maria", "jonas", "eve"))
        file = folder / "router.yaml"
        file.write_text(filled(configuration, folder, listen=f"127.0.0.1:{port}", slack_url=slack.url))
        async with in_this_process(file, environ=SECRETS) as app:
            await until(
                lambda: _identified(app), "Slack said which workspace it is"
            )  # nobody is known by address before
            if via is Via.SOCKET_MODE:
                await slack.sockets.until(lambda: len(slack.sockets.open) == 2)
            yield Office(app, slack, session, via)
        assert slack.sockets.complaints == []
