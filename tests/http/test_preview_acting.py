"""Acting on `/preview`: each gesture is heard as Slack's own would be, and nobody but the page gets in that way."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from slack_sdk.signature import Clock as SdkClock
from slack_sdk.signature import SignatureVerifier

from adapters.alert import Severity
from router.core.render.blocks import actions, button
from router.core.render.form import Choice, Form, Somebody, Text, form_view, notice_view
from router.http.preview.acting import LARGEST_BODY
from router.notifiers.preview.members import ROUTER_ID, TEAM
from router.notifiers.preview.preview import conversation_id
from router.notifiers.slack.inbound.decode import Door
from router.notifiers.slack.inbound.door import Entrance, Served
from router.notifiers.slack.inbound.response import Reply, Response, Taken, ViewErrors, ViewUpdated
from router.notifiers.slack.inbound.values import (
    BlockActions,
    Inbound,
    Mention,
    MessageAction,
    Shortcut,
    SlashCommand,
    ViewSubmission,
)
from tests.http.conftest import Client, serving
from tests.http.service import OPEN, StandIn
from tests.http.test_access import bearer
from tests.slackworld import SlackWorld
from tests.slackworld.acting import Acting, sign

DB, ALICES = conversation_id("#db"), conversation_id("email:alice@example.com")
Shape = Mapping[str, Any]
VIEW = form_view(
    Form(
        "Severity #1",
        "Set",
        (
            Text("note", "Note", is_long=True),
            Choice("severity", "Severity", tuple((one.value, one.value.upper()) for one in Severity)),
            Somebody("who", "Who?"),
        ),
    ),
    callback_id="ar.severity",
    metadata="{}",
)
GIVEN = {"note": {"given": "x"}, "severity": {"given": "low"}, "who": {"given": "U1"}}


class Page:
    """What the page's scripts do, as one person."""

    def __init__(self, service: StandIn, client: Client) -> None:
        self.service, self.client = service, client
        assert service.preview is not None
        self.parts = service.preview
        self.alice, self.robin = self.parts.workspace.members

    async def act(self, kind: str, *, by: str = "", **what: object) -> dict[str, Any]:
        answer = await self.client.post("/preview/act", json={"type": kind, "by": by or self.alice.id, **what})
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    async def seen(self, by: str = "") -> dict[str, Any]:
        answer = await self.client.get("/preview/data.json", params={"as": by or self.alice.id})
        found: dict[str, Any] = await answer.json()
        return found

    async def told(self, channel: str = DB) -> tuple[str, dict[str, Any]]:
        """The `ts` of a message of an incident, and its first button."""
        await self.client.post("/webhook/shell", json={"title": "Disk", "severity": "critical", "team": "db"})
        await self.service.turn(minutes=1)
        message = next(one for one in (await self.seen())["messages"] if one["channel"] == channel)
        blocks = [*message["blocks"], {"type": "actions", "elements": [BUTTON]}]
        return message["ts"], next(block for block in blocks if block["type"] == "actions")["elements"][0]

    async def opens(self) -> str:
        await self.parts.workspace.open_view(self.parts.workspace.trigger(self.alice.id), VIEW)
        return str((await self.seen())["view"]["id"])

    def answers(self, response: Response) -> None:
        self.service.heard.answer = response

    @property
    def heard(self) -> list[Inbound]:
        return self.service.heard.heard


BUTTON = {
    "type": "button",
    "text": {"type": "plain_text", "text": "Acknowledge", "emoji": True},
    "action_id": "ar.acknowledge",
    "value": '{"v":1,"i":"test","n":1}',
    "style": "primary",
}


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, OPEN) as (service, client):
        yield Page(service, client)


class Overheard(Entrance):
    """Keeps what came before it."""

    bodies: list[tuple[Door, str, str, bytes]]

    async def receive(self, door: Door, timestamps: Any, signatures: Any, body: bytes, **more: Any) -> Served:
        self.bodies.append((door, timestamps[0], signatures[0], body))
        return await super().receive(door, timestamps, signatures, body, **more)


def overheard(page: Page) -> list[tuple[Door, str, str, bytes]]:
    entrance = page.parts.entrance
    entrance.__class__ = Overheard
    bodies: list[tuple[Door, str, str, bytes]] = []
    entrance.bodies = bodies  # type: ignore[attr-defined]  # its class was changed above
    return bodies


def payload(body: bytes, door: Door) -> Shape:
    if door is Door.EVENTS:
        found: Shape = json.loads(body)
        return found
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return json.loads(form["payload"]) if door is Door.ACTIONS else form


class Machine(SdkClock):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return self.seconds


async def test_each_gesture_is_the_body_that_slack_would_send_and_signed_like_it(page: Page) -> None:
    """Held against the fake Slack's, and against the verifier of Slack's own SDK."""
    world = SlackWorld(page.service.clock.now)
    world.add_person("alice", slack_id="U0ALICE")
    world.add_person("maria", slack_id="U0MARIA")
    world.add_channel("#db", members=("alice",), slack_id="C0DB000")
    people, view = Acting(world), Acting(world).opened("ar.severity")
    ts, button = await page.told()
    bodies = overheard(page)
    page.answers(Taken())
    await page.act("press", channel=DB, ts=ts, element=_used(button))
    open_view = await page.opens()
    await page.act("press_in_view", view=open_view, element=_used(button), given=GIVEN)
    await page.act("submit", view=open_view, given=GIVEN)
    await page.parts.workspace.whisper(DB, page.alice.id, "x")
    await page.act("press", channel=DB, ts=(await page.seen())["words"][0]["ts"], element=_used(button))
    page.answers(Reply("done"))
    await page.act("write", channel=DB, text="/incident ack 1")
    page.answers(Taken())
    await page.act("write", channel=DB, thread_ts=ts, text="@alert-router ack")
    page.answers(Taken())
    said = (await page.seen())["messages"][-1]
    await page.act("shortcut", callback_id="create_incident")
    await page.act("shortcut", callback_id="add_to_timeline", channel=DB, ts=said["ts"])
    expected = (
        people.click("1.5", "ar.acknowledge", by="alice", channel="#db", value="x"),
        people.click_in_view(view, "ar.acknowledge", by="alice"),
        people.submit(view, by="alice", values={"note": {"given": {"type": "plain_text_input", "value": "x"}}}),
        people.click("1.5", "ar.acknowledge", by="alice", channel="#db", value="x", is_ephemeral=True),
        people.command("ack 1", by="alice", channel="#db"),
        people.mention("ack", by="alice", channel="#db", thread_ts="1.5"),
        people.shortcut("create_incident", by="alice"),
        people.message_action("1.5", "add_to_timeline", by="alice", channel="#db"),
    )
    verifier = SignatureVerifier(page.parts.secret, clock=Machine(page.service.clock.now().timestamp()))
    for (door, timestamp, signature, body), gesture in zip(bodies, expected, strict=True):
        assert door.value == gesture.door
        assert verifier.is_valid(body, timestamp, signature)
        ours, theirs = payload(body, door), payload(gesture.body, door)
        assert set(ours) == set(theirs)
        for part in ("user", "channel", "container", "team", "event", "authorizations"):
            if isinstance(theirs.get(part), dict):
                assert set(ours[part]) == set(theirs[part]), part
    assert set(payload(bodies[2][3], Door.ACTIONS)["view"]) >= set(view)
    kinds = [type(one) for one in page.heard]
    assert kinds == [
        BlockActions,
        BlockActions,
        ViewSubmission,
        BlockActions,
        SlashCommand,
        Mention,
        Shortcut,
        MessageAction,
    ]


def _used(button: Mapping[str, Any]) -> dict[str, Any]:
    return {name: button[name] for name in ("type", "action_id", "value") if name in button}


async def test_a_button_is_pressed_by_who_is_chosen(page: Page) -> None:
    ts, button = await page.told()
    assert await page.act("press", by=page.robin.id, channel=DB, ts=ts, element=_used(button)) == {}
    menu = {"type": "overflow", "action_id": "ar.menu", "selected_option": {"text": BUTTON["text"], "value": "v"}}
    assert await page.act("press", channel=DB, ts=ts, element=menu) == {}
    first, second = page.heard
    assert isinstance(first, BlockActions)
    assert isinstance(second, BlockActions)
    assert (first.user.id, first.user.name, first.user.team) == (page.robin.id, "robin", TEAM)
    assert (first.actions[0].action_id, first.actions[0].value) == (button["action_id"], button["value"])
    assert (first.place.channel, first.place.message_ts) == (DB, ts)
    assert (second.user.id, second.actions[0].value) == (page.alice.id, "v")
    assert first.key != second.key
    assert first.trigger_id != second.trigger_id
    assert first.response_url.startswith("https://preview.invalid/response/"), "it is the workspace's own"


async def test_a_button_of_a_private_word_is_its_persons(page: Page) -> None:
    view = page.parts.workspace
    await view.whisper(DB, page.alice.id, "done", [actions(button("Undo", "ar.undo", "u"))], thread_ts="1.5")
    [word] = (await page.seen())["words"]
    element = _used(word["blocks"][0]["elements"][0])
    assert await page.act("press", channel=DB, ts=word["ts"], element=element) == {}
    [pressed] = page.heard
    assert isinstance(pressed, BlockActions)
    assert (pressed.place.is_ephemeral, pressed.place.message_ts, pressed.place.thread_ts) == (True, word["ts"], "1.5")
    assert (pressed.actions[0].action_id, pressed.actions[0].value) == ("ar.undo", "u")
    answer = await page.act("press", by=page.robin.id, channel=DB, ts=word["ts"], element=element)
    assert answer == {"trouble": "This message is gone."}


async def test_a_button_in_a_modal_carries_what_stands_in_it(page: Page) -> None:
    name = await page.opens()
    element = {"type": "button", "action_id": "ar.look", "value": "l"}
    assert await page.act("press_in_view", view=name, element=element, given=GIVEN) == {}
    [pressed] = page.heard
    assert isinstance(pressed, BlockActions)
    assert pressed.view is not None
    assert (pressed.view.id, pressed.place.view, pressed.response_url) == (name, name, "")
    chosen = pressed.view.given("severity", "given")
    assert chosen is not None
    assert chosen.value == "low"
    answer = await page.act("press_in_view", view="V0", element=element)
    assert answer == {"trouble": "This window is no longer open."}


async def test_the_same_button_counts_each_time_it_is_pressed(page: Page) -> None:
    ts, button = await page.told()
    for _ in range(3):
        await page.act("press", channel=DB, ts=ts, element=_used(button))
    assert len({one.key for one in page.heard}) == 3


async def test_a_direct_message_is_its_persons(page: Page) -> None:
    ts, button = await page.told(ALICES)
    answer = await page.act("press", by=page.robin.id, channel=ALICES, ts=ts, element=_used(button))
    assert answer == {"trouble": "robin does not see this direct message. Act as whom it was sent to."}
    answer = await page.act("write", by=page.robin.id, channel=ALICES, text="hello")
    assert answer == {"trouble": "robin cannot write there: it is somebody else's."}
    assert page.heard == []
    assert await page.act("press", channel=ALICES, ts=ts, element=_used(button)) == {}
    assert len(page.heard) == 1


async def test_a_modal_is_filled_in_refused_and_sent(page: Page) -> None:
    view = await page.opens()
    required = "Please complete this required field."
    assert await page.act("submit", view=view) == {"errors": dict.fromkeys(("note", "severity", "who"), required)}
    long = {**GIVEN, "note": {"given": "x" * 3_001}}
    assert await page.act("submit", view=view, given=long) == {
        "errors": {"note": "Between 0 and 3000 characters, please."}
    }
    assert page.heard == [], "Slack does not send what it does not take itself"
    page.answers(ViewErrors({"note": "Say more."}))
    assert await page.act("submit", view=view, given=GIVEN) == {"errors": {"note": "Say more."}}
    assert (await page.seen())["view"]["id"] == view
    page.answers(ViewUpdated(notice_view("Nothing was done", "There is no incident #1.")))
    assert await page.act("submit", view=view, given=GIVEN) == {"errors": {}}
    assert (await page.seen())["view"]["view"]["title"]["text"] == "Nothing was done"
    assert (await page.seen(page.robin.id))["view"] is None
    page.answers(Taken())
    assert await page.act("close", view=view) == {}
    assert (await page.seen())["view"] is None
    assert await page.act("submit", view=view, given=GIVEN) == {"trouble": "This window is no longer open."}
    first = page.heard[0]
    assert isinstance(first, ViewSubmission)
    state = {block: action.value for block, actions in first.view.state.items() for action in actions.values()}
    assert state == {"note": "x", "severity": "low", "who": "U1"}
    assert (first.view.callback_id, first.view.private_metadata) == ("ar.severity", "{}")


async def test_a_modal_that_slack_would_refuse_is_refused(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    view = await page.opens()
    page.answers(ViewUpdated({**notice_view("x", "y"), "blocks": []}))
    answer = await page.act("submit", view=view, given=GIVEN)
    assert answer == {"trouble": "Slack would refuse what follows: blocks: 1 to 100 expected"}
    assert "Slack would refuse what stands in place of a modal" in caplog.text
    assert (await page.seen())["view"]["id"] == view


async def test_a_modal_that_asks_for_it_says_that_it_was_closed(page: Page) -> None:
    workspace = page.parts.workspace
    await workspace.open_view(workspace.trigger(page.alice.id), {**VIEW, "notify_on_close": True})
    view = (await page.seen())["view"]["id"]
    await page.act("close", view="V0")
    assert (await page.seen())["view"] is not None
    await page.act("close", view=view)
    assert (await page.seen())["view"] is None
    assert page.heard == []  # nothing is made of it


async def test_a_command_is_answered_to_who_gave_it(page: Page) -> None:
    page.answers(Reply("2 incidents are open"))
    assert await page.act("write", channel=DB, text="/incident assign 1 @alice <b>") == {}
    [command] = page.heard
    assert isinstance(command, SlashCommand)
    assert (command.command, command.channel, command.channel_name) == ("/incident", DB, "db")
    assert command.text == f"assign 1 <@{page.alice.id}|alice> &lt;b&gt;"
    [word] = (await page.seen())["words"]
    assert (word["channel"], word["thread_ts"], word["text"]) == (DB, "", "2 incidents are open")
    assert (await page.seen(page.robin.id))["words"] == []
    page.answers(Reply("said aloud", is_public=True))
    await page.act("write", channel=DB, text="/incident x")
    data = await page.seen(page.robin.id)
    assert [(one["text"], one["author"]) for one in data["messages"]] == [("said aloud", "")]
    for text, thread, trouble in (
        ("/pd ack 1", "", "/pd is no command here: it is /incident."),
        ("/incident ack", data["messages"][0]["ts"], "Slack takes no slash command in a thread. Write @alert-router"),
    ):
        answer = await page.act("write", channel=DB, text=text, thread_ts=thread)
        assert answer["trouble"].startswith(trouble)
    assert len(page.heard) == 2


async def test_what_is_written_stands_there_and_a_mention_is_heard(page: Page) -> None:
    ts, _ = await page.told()
    assert await page.act("write", channel=DB, text="I look at it, @alert-router is not asked <b>") == {}
    assert await page.act("write", channel=DB, text="just talking") == {}
    assert await page.act("write", channel=DB, thread_ts=ts, text=" @Alert-Router ack ") == {}
    assert await page.act("write", channel=DB, text="  ") == {}
    mine = [one for one in (await page.seen())["messages"] if one["author"]]
    assert [(one["author"], one["thread_ts"], one["text"]) for one in mine] == [
        (page.alice.id, "", f"I look at it, <@{ROUTER_ID}> is not asked &lt;b&gt;"),
        (page.alice.id, "", "just talking"),
        (page.alice.id, ts, f"<@{ROUTER_ID}> ack"),
    ]
    first, second = page.heard
    assert isinstance(first, Mention)
    assert isinstance(second, Mention)
    assert (second.channel, second.thread_ts, second.ts) == (DB, ts, mine[-1]["ts"])
    assert first.key != second.key
    for where in ({"channel": "#db"}, {"channel": DB, "thread_ts": "1.5"}):
        assert await page.act("write", **where, text="x") == {"trouble": "There is no such conversation."}


async def test_what_was_not_taken_is_said(page: Page) -> None:
    ts, button = await page.told()
    page.service.heard.stumbles = True
    said = {"trouble": "The router did not take it in time. Please try again."}
    assert await page.act("press", channel=DB, ts=ts, element=_used(button)) == said
    assert await page.act("submit", view=await page.opens(), given=GIVEN) == said
    assert (await page.seen())["view"] is not None, "what was filled in stays"
    assert await page.act("press", channel=DB, ts="1.5", element=_used(button)) == {"trouble": "This message is gone."}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b"[" * 5_000, 400),
        (b'{"type":"write"}', 400),
        (b'{"type":"other","by":"x"}', 400),
        (b'{"type":"write","by":"U0NOBODY","channel":"C1","text":"x"}', 400),
        (b'{"type":"write","by":"UPVGUEST","channel":"C1","text":"' + b"x" * 40_001 + b'"}', 400),
        (b"x" * (LARGEST_BODY + 1), 413),
    ],
)
async def test_what_the_page_does_not_send_is_refused(page: Page, body: bytes, status: int) -> None:
    answer = await page.client.post("/preview/act", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == status
    assert "detail" in await answer.json()
    assert page.heard == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Content-Type": "application/json"},
        {"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"},
        {"Sec-Fetch-Site": "same-site", "Content-Type": "application/json"},
        {"Origin": "null", "Content-Type": "application/json"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
async def test_another_sites_page_cannot_act(page: Page, headers: dict[str, str]) -> None:
    gesture = {"type": "write", "by": page.alice.id, "channel": DB, "text": "/incident ack 1"}
    answer = await page.client.post("/preview/act", data=msgspec.json.encode(gesture), headers=headers)
    assert answer.status == (403 if "application/json" in headers.values() else 415)
    assert page.heard == []


async def test_acting_needs_what_looking_needs(guarded: tuple[StandIn, Client]) -> None:
    service, client = guarded
    assert service.preview is not None
    robin = service.preview.workspace.members[-1]
    gesture = {"type": "write", "by": robin.id, "channel": DB, "text": "hello"}
    assert (await client.post("/preview/act", json=gesture)).status == 401
    assert (await client.post("/preview/act", json=gesture, headers=bearer("read-token"))).status == 200


async def test_what_the_page_is_signed_with_opens_no_other_door(page: Page) -> None:
    """The public address of Slack's requests does not believe the preview's secret, nor the preview Slack's."""
    ts, button = await page.told()
    bodies = overheard(page)
    await page.act("press", channel=DB, ts=ts, element=_used(button))
    [(_, timestamp, signature, body)] = bodies
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}
    assert (await page.client.post("/api/slack/actions", data=body, headers=headers)).status == 401
    slacks = sign(body, page.service.clock.now())
    served = await page.parts.entrance.receive(
        Door.ACTIONS, [slacks["X-Slack-Request-Timestamp"]], [slacks["X-Slack-Signature"]], body
    )
    assert served.status == 401
    assert len(page.heard) == 1


async def test_nobody_acts_where_messages_go_to_slack(tmp_path: Path) -> None:
    text = OPEN.replace("slack: preview", "slack: {token: {env: READ}}")
    async with serving(tmp_path, text) as (_, client):
        answer = await client.post("/preview/act", json={"type": "write", "by": "x", "channel": DB, "text": "x"})
        assert answer.status == 404
