"""Slack's own framework as a peer: what our fake makes and signs is what an app of Slack's makers believes and understands."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from router.runtime.clock import SystemClock
from tests.slackworld import TOKEN, SlackWorld
from tests.slackworld.acting import BOT, SIGNING_SECRET, TEAM, Acting, Gesture

async_app = pytest.importorskip("slack_bolt.async_app")
authorization = pytest.importorskip("slack_bolt.authorization")
async_request = pytest.importorskip("slack_bolt.request.async_request")

CLOCK = SystemClock()
"""Bolt asks the machine's."""

GESTURES: dict[str, Callable[[Acting], Gesture]] = {
    "button": lambda people: people.click("1.5", "ar.x", by="maria", channel="#db"),
    "view": lambda people: people.submit(people.opened("ar.view"), by="maria"),
    "closed": lambda people: people.close(people.opened("ar.view"), by="maria"),
    "shortcut": lambda people: people.shortcut("create_incident", by="maria"),
    "message": lambda people: people.message_action("1.5", "add_to_timeline", by="maria", channel="#db"),
    "options": lambda people: people.suggest("ar.person", "mar", by="maria", view=people.opened("ar.view")),
    "command": lambda people: people.command("help", by="maria", channel="#db"),
    "mention": lambda people: people.mention("ack", by="maria", channel="#db"),
    "reaction": lambda people: people.react("1.5", "eyes", by="maria", channel="#db"),
    "home": lambda people: people.open_home(by="maria"),
    "gone": lambda people: people.uninstall(),
    "revoked": lambda people: people.revoke(),
}


def bolt(heard: asyncio.Queue[str]) -> Any:
    """An app that hears everything which our fake can do."""

    async def authorize() -> Any:
        return authorization.AuthorizeResult(
            enterprise_id=None, team_id=TEAM, bot_user_id=BOT, bot_id="B0ROUTER", bot_token=TOKEN
        )

    app = async_app.AsyncApp(signing_secret=SIGNING_SECRET, authorize=authorize)

    def hears(name: str, listen: Any) -> None:
        async def listener(ack: Any) -> None:
            heard.put_nowait(name)
            await ack()

        listen(listener)

    hears("button", app.action("ar.x"))
    hears("view", app.view("ar.view"))
    hears("closed", app.view_closed("ar.view"))
    hears("shortcut", app.global_shortcut("create_incident"))
    hears("message", app.message_shortcut("add_to_timeline"))
    hears("options", app.options("ar.person"))
    hears("command", app.command("/incident"))
    hears("mention", app.event("app_mention"))
    hears("reaction", app.event("reaction_added"))
    hears("home", app.event("app_home_opened"))
    hears("gone", app.event("app_uninstalled"))
    hears("revoked", app.event("tokens_revoked"))
    return app


async def asked(app: Any, gesture: Gesture, *, secret: str = SIGNING_SECRET) -> Any:
    headers = gesture.headers(CLOCK.now(), secret=secret)
    return await app.async_dispatch(async_request.AsyncBoltRequest(body=gesture.body.decode(), headers=headers))


@pytest.fixture
def people() -> Acting:
    world = SlackWorld(CLOCK.now)
    world.add_person("maria", slack_id="U0MARIA")
    world.add_channel("#db", members=("maria",), slack_id="C0DB000")
    return Acting(world)


async def test_bolt_believes_and_understands_everything_that_our_fake_does(people: Acting) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    app = bolt(heard)
    for name, make in GESTURES.items():
        answer = await asked(app, make(people))
        assert answer.status == 200, name
        async with asyncio.timeout(10):  # an event is answered before its listener is asked
            assert await heard.get() == name
    verified = await asked(app, people.verify_url("abc"))
    assert (verified.status, verified.body) == (200, '{"challenge": "abc"}')
    assert (await asked(app, people.check_ssl())).status == 200


async def test_bolt_believes_no_other_secret(people: Acting) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    answer = await asked(bolt(heard), GESTURES["mention"](people), secret="another")
    assert (answer.status, heard.empty()) == (401, True)
