"""What people do from a menu: the global shortcut that declares an incident, and the message's own that writes it down."""

from pathlib import Path

import pytest
import yaml

from router.service.responder.responder import DECLARE_SHORTCUT, TIMELINE_SHORTCUT
from tests.inbound.office import Office, Via, office

BOTH = pytest.mark.parametrize("via", list(Via))


async def timeline(at: Office, number: int) -> list[str]:
    async with at.session.get(f"{at.url}/api/timeline?incident={number}") as answer:
        found = await answer.json()
    return [entry["detail"] for entry in found["timeline"] if entry["kind"] == "note"]


def test_the_manifest_has_both() -> None:
    manifest = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml").read_text())
    shortcuts = {one["callback_id"]: one for one in manifest["features"]["shortcuts"]}
    assert {name: one["type"] for name, one in shortcuts.items()} == {
        DECLARE_SHORTCUT: "global",
        TIMELINE_SHORTCUT: "message",
    }
    for one in shortcuts.values():
        assert len(one["name"]) <= 24
        assert len(one["description"]) <= 150


@BOTH
async def test_the_global_shortcut_declares_an_incident(tmp_path: Path, via: Via) -> None:
    """Row 60: the global shortcut `create_incident`."""
    async with office(tmp_path, via) as at:
        assert await at.do(at.people.shortcut("create_incident", by="eve")) is None
        modal = await at.modal("Declare an incident")
        filled = {"title": "Nobody can pay", "service": "checkout", "severity": "CRITICAL"}
        gesture = at.people.send(modal, **filled)
        for _ in range(2 if via is Via.SOCKET_MODE else 1):
            answer = await at.do(gesture)
            assert answer is not None
            assert answer["response_action"] == "update"
            assert "#1 CRITICAL Nobody can pay: declared, told in #ops." in str(answer["view"])
        message = await at.ops.expect_message("CRITICAL #1 Nobody can pay")
        assert "declared_by=via Slack (eve)" in message.said
        assert "service=checkout" in message.said
        await at.slack.direct("maria").expect_message("You are paged")


async def test_a_title_alone_is_enough_and_none_is_not(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.do(at.people.shortcut("create_incident", by="maria"))
        modal = await at.modal("Declare an incident")
        answer = await at.do(at.people.send(modal, title="   "))
        assert answer == {"response_action": "errors", "errors": {"title": "It needs a title."}}
        answer = await at.do(at.people.send(modal, title="It is <!channel> slow"))
        assert "#1 HIGH It is &lt;!channel&gt; slow: declared" in str(answer)
        assert "<!channel>" not in (await at.ops.expect_message("#1 It is")).said


async def test_a_shortcut_of_another_release_opens_a_word(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.do(at.people.shortcut("page_everybody", by="maria"))
        await at.modal("does not know that")
        message = await at.fire()
        await at.do(at.people.message_action(message.ts, "translate", by="maria", channel="#ops"))
        assert await at.heard("maria", "does not know that")


@BOTH
async def test_a_message_of_a_thread_goes_into_its_timeline(tmp_path: Path, via: Via) -> None:
    async with office(tmp_path, via) as at:
        message = await at.fire()
        await at.say("ack 1", by="maria")
        await message.expect_reply("acknowledged by Maria")  # so that it is known where the message stands
        said = "the disk of <@U0JONAS|jonas> is &lt;full&gt;"
        thread = {"text": said, "author": "jonas", "thread_ts": message.ts, "channel": "#ops"}
        ts = f"{message.ts[:-6]}999999"
        await at.do(at.people.message_action(ts, "add_to_timeline", by="maria", **thread))
        assert await at.heard("maria", "written into the timeline") == ["#1: written into the timeline."]
        link = f"https://fake.slack.com/archives/{at.ops.id}/p{ts.replace('.', '')}"
        link += f"?thread_ts={message.ts}&cid={at.ops.id}"
        assert await timeline(at, 1) == [f"jonas ({link}): the disk of @jonas is <full>"]
        await at.do(at.people.message_action(message.ts, "add_to_timeline", by="eve", channel="#ops", author=""))
        assert len(await timeline(at, 1)) == 2


async def test_of_another_message_who_picked_it_says_which_incident(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        elsewhere = {"channel": "#ops", "author": "eve", "text": '"' * 4_000}
        await at.do(at.people.message_action("1.000001", "add_to_timeline", by="maria", **elsewhere))
        assert await at.heard("maria", "Nothing is open") == ["Nothing is open that it could be added to."]
        await at.fire("Disk is full")
        await at.fire("Cpu is hot", labels={"alertname": "Cpu"})
        await at.do(at.people.message_action("1.000001", "add_to_timeline", by="maria", **elsewhere))
        modal = await at.modal("Add to timeline")
        answer = await at.do(at.people.send(modal, incident="#1 CRITICAL Disk is full"))
        assert "#1: written into the timeline." in str(answer)
        [note] = await timeline(at, 1)
        assert note.startswith("eve (https://fake.slack.com/archives/")
        assert note.endswith('""…')
        assert await timeline(at, 2) == []


async def test_a_message_without_text_adds_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        await at.do(at.people.message_action(message.ts, "add_to_timeline", by="maria", channel="#ops", text="  "))
        assert await at.heard("maria", "no text")
        assert await timeline(at, 1) == []
