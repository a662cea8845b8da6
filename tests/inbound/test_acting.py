"""People act in Slack on the whole service: an alert comes in, its message stands, and every gesture is seen in it, its thread and
the direct message."""

import re
from pathlib import Path

import pytest

from router.core.acts.button import Verb
from tests.inbound.office import CONFIGURATION, Via, office

BOTH = pytest.mark.parametrize("via", list(Via))


@BOTH
async def test_buttons_and_modals_from_the_alert_to_the_end(tmp_path: Path, via: Via) -> None:
    """Rows 42, 43 and 57."""
    async with office(tmp_path, via) as at:
        message = await at.fire()
        direct = await at.slack.direct("maria").expect_message("You are paged")

        await at.tap(direct, "Acknowledge", by="maria")
        await message.expect_update("acknowledged by Maria")
        await message.expect_reply("acknowledged by Maria")
        await direct.expect_update("acknowledged by Maria")

        await at.press(message, Verb.ACKNOWLEDGE, by="jonas")  # of a telephone that shows what was
        assert await at.heard("jonas", "acknowledged") == ["#1: maria has acknowledged it."]

        await at.tap(message, "Acknowledged ✓", by="jonas")  # whom the rules know by the address of his account
        await message.expect_reply("acknowledgement taken back by Jonas")

        await at.tap(message, "15 min", by="eve")
        await message.expect_reply("snoozed via Slack (eve)")
        await message.expect_update("until")
        await at.tap(message, "End snooze", by="maria")
        await message.expect_reply("snooze ended by Maria")

        await at.tap(message, "Assign …", by="maria")
        assert await at.do(at.people.send(await at.modal("Assign #1"), who="U0JONAS")) is None
        await message.expect_update("assigned to Jonas")

        await at.tap(message, "Severity …", by="maria")
        assert await at.do(at.people.send(await at.modal("Severity #1"), severity="LOW")) is None
        await message.expect_update("LOW #1")
        await message.expect_reply("severity LOW, set by Maria")

        await at.tap(message, "Resolve", by="maria")
        assert await at.do(at.people.send(await at.modal("Resolve #1"), note="restarted the pool")) is None
        await message.expect_update("Closed #1 LOW")
        await message.expect_reply("Resolution: restarted the pool")
        await direct.expect_update("Closed #1")

        await at.tap(message, "Reopen", by="jonas")
        await message.expect_reply("reopened by Jonas")
        await at.fire(status="resolved")
        await message.expect_update("Resolved #1")
        assert message.buttons == []
        assert at.slack.heard_by("maria") == []
        assert at.slack.heard_by("eve") == []
        assert len(at.ops.messages) == 1


@BOTH
async def test_commands_and_mentions_act(tmp_path: Path, via: Via) -> None:
    """Rows 66, 67, 69 and 78."""
    async with office(tmp_path, via, configuration=CONFIGURATION.replace("/pd]", "/pd, /ilert]")) as at:
        message = await at.fire()
        assert await at.say("ack 1", by="maria", command="/pd") == "#1: acknowledged."
        await message.expect_reply("acknowledged by Maria")
        assert await at.say("ack #1", by="jonas") == "#1: maria has acknowledged it."
        await at.mention("unack", by="jonas", thread=message)
        await message.expect_reply("acknowledgement taken back by Jonas")
        await at.mention("unack", by="jonas", thread=message)
        assert await at.heard("jonas", "nobody") == ["#1: nobody has acknowledged it."]
        await at.mention("note the disk of node-3 is full", by="maria", thread=message)
        assert await at.heard("maria", "written") == ["#1: written into the timeline."]
        assert [one.thread_ts for one in at.slack.whispers] == [message.ts, message.ts]
        assert await at.say("snooze 1 1h30m", by="eve", command="/ilert") == "#1: snoozed."
        await message.expect_reply("snoozed via Slack (eve)")
        assert await at.say("wake 1", by="eve") == "#1: the snooze is over."
        assert await at.say("assign 1 &lt;@U0JONAS&gt;", by="eve") != "#1: assigned."
        assert await at.say("assign 1 <@U0JONAS|jo>", by="eve") == "#1: assigned."
        await message.expect_update("assigned to Jonas")
        assert await at.say("severity 1 high", by="maria") == "#1: the severity is set."
        await message.expect_update("HIGH #1")
        await at.mention('resolve "rotated the logs"', by="maria", thread=message)
        await message.expect_reply("Resolution: rotated the logs")
        assert await at.say("reopen 1", by="maria") == "#1: open again."
        shown = await at.say("show 1", by="maria")
        assert "note by Maria: the disk of node-3 is full" not in shown  # of the timeline only the newest
        assert "reopened by Maria" in shown


async def test_a_mention_without_a_thread_needs_a_number(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        await at.mention("ack", by="maria")
        [said] = await at.heard("maria", "which incident?")
        assert "in an incident's thread it can be left out" in said
        await at.mention("ack 1", by="maria")
        await message.expect_reply("acknowledged by Maria")
        await at.mention("frobnicate", by="jonas", thread=message)
        [said] = await at.heard("jonas", "is no command")
        assert "<" not in said


async def test_a_silence_is_made_and_ended_by_words(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.fire()
        answer = await at.say('silence alert.name="Disk is full" 2h "we know"', by="maria")
        assert answer.startswith("Silenced until <!date^")
        assert "1 alert that fires now (CRITICAL Disk is full)" in answer
        [number] = re.findall(r"unsilence ([0-9a-f-]{36})", answer)
        async with at.session.get(f"{at.url}/api/v2/silence/{number}") as found:
            silence = await found.json()
        assert (silence["createdBy"], silence["comment"], silence["status"]["state"]) == ("maria", "we know", "active")
        assert await at.say(f"unsilence {number}", by="jonas") == f"The silence {number} is over."
        assert await at.say("unsilence 7", by="jonas") == "There is no silence 7."
        assert (await at.say('silence alert.name=~".*" 2h', by="maria")).startswith("Nothing is silenced: ")


async def test_escalate_is_the_next_step_now(tmp_path: Path) -> None:
    """Rows 59 and 70."""
    async with office(tmp_path) as at:
        message = await at.fire()
        await at.tap(message, "Escalate: next step", by="jonas")
        await message.expect_reply("escalated to round 2, step 1: Maria")
        assert await at.say("escalate 1", by="jonas") == "#1: escalated."
