"""Acting in the preview on the whole service: the same entrance, dispatch and responder as for Slack, and what comes back from them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.commands.demo.player import Deed, NotThereError, Player
from router.notifiers.slack.inbound.decode import Door
from router.runtime.clock import SystemClock
from router.service.app import App
from tests.http.test_preview_browser import CONFIGURATION
from tests.process import filled, free_port, in_this_process, until
from tests.slackworld.acting import sign

TITLE = "Checkout is slow"
Json = dict[str, Any]


class Stage:
    def __init__(self, app: App, session: aiohttp.ClientSession) -> None:
        self.app, self.session, self.url = app, session, app.addresses[0]
        self.player = Player(session, self.url, SystemClock())
        assert app.preview is not None
        self.parts = app.preview
        self.ids = {one.name: one.id for one in self.parts.workspace.members}

    async def fire(self) -> None:
        alert = {"title": TITLE, "severity": "critical", "status": "firing"}
        async with self.session.post(f"{self.url}/webhook/shell", json=alert) as answer:
            assert answer.status == 200

    async def do(self, by: str, label: str, *, channel: str = "#ops", **given: str) -> None:
        await self.player.do(Deed(by, channel, TITLE, label, given))

    async def thread(self, words: str) -> None:
        async def look() -> bool | None:
            async with self.session.get(f"{self.url}/preview/data.json") as answer:
                messages = (await answer.json())["messages"]
            return any(words in str(one["blocks"]) for one in messages if one["thread_ts"]) or None

        await until(look, f"{words!r} in a thread")

    async def hears(self, name: str) -> str:
        """The last that was said to them alone."""

        async def look() -> str | None:
            found = self.parts.workspace.words_of(self.ids[name])
            return found[-1].text if found else None

        return await until(look, f"a word to {name}")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    file = tmp_path / "router.yaml"
    file.write_text(filled(CONFIGURATION, tmp_path, listen=f"127.0.0.1:{free_port()}"))
    async with in_this_process(file) as app, aiohttp.ClientSession() as session:
        yield Stage(app, session)


async def test_what_is_done_there_is_told_and_written_into_the_timeline(stage: Stage) -> None:
    await stage.fire()
    await stage.do("maria", "Acknowledge", channel="maria@example.com")
    await stage.thread("acknowledged by Maria")
    await stage.do("robin", "Acknowledged ✓")
    await stage.thread("acknowledgement taken back via Slack (robin)")
    await stage.do("jonas", "Add a note …", note="the pool is exhausted")
    await stage.do("jonas", "Resolve", note="restarted it")
    await stage.thread("Resolution: restarted it")
    async with stage.session.get(f"{stage.url}/incidents/1") as answer:
        page = await answer.text()
    assert "the pool is exhausted" in page
    with pytest.raises(NotThereError, match="nobody is called eve"):
        await stage.do("eve", "Reopen")


async def test_a_window_that_comes_too_late_is_not_opened_and_that_is_said(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.fire()
    workspace = stage.parts.workspace
    fresh = workspace.trigger

    def old(person: str) -> str:
        name = fresh(person)
        workspace._triggers[name].at -= 4
        return name

    monkeypatch.setattr(workspace, "trigger", old)
    await stage.do("maria", "Resolve")
    assert (
        await stage.hears("maria") == "Slack's time for opening a window was over before I could; please press again."
    )
    assert workspace.view_of(stage.ids["maria"]) is None
    monkeypatch.undo()
    await stage.do("maria", "Resolve", note="")
    await stage.thread("closed by Maria")


async def test_only_this_process_signs_for_the_page(stage: Stage) -> None:
    assert len(stage.parts.secret) >= 32
    body = b"command=/incident&user_id=U0JONAS&text=help&trigger_id=1"
    now = SystemClock().now()
    for secret, status in (("", 401), ("another", 401), (stage.parts.secret, 200)):
        headers = sign(body, now, secret=secret)
        timestamp, signature = headers["X-Slack-Request-Timestamp"], headers["X-Slack-Signature"]
        served = await stage.parts.entrance.receive(Door.COMMANDS, [timestamp], [signature], body)
        assert served.status == status
    headers = sign(body, now, secret=stage.parts.secret)
    async with stage.session.post(f"{stage.url}/api/slack/commands", data=body, headers=headers) as answer:
        assert answer.status == 401, "the address that the network reaches does not know it"
