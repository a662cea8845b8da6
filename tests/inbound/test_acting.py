"""People act in Slack on the whole service: an alert comes in, its message stands, and every gesture is seen in it, its thread and
the direct message."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from router.commands.samples import Kind, Sample, requests
from router.core.acts.button import Verb
from tests.inbound.office import CLOCK, CONFIGURATION, Via, office

JSON = {"Content-Type": "application/json"}
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
        await message.expect_reply("assigned to Jonas by Maria")

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
    """Row 216, in part: made, kept and ended where somebody stands."""
    async with office(tmp_path) as at:
        await at.fire()
        answer = await at.say('silence alert.name="Disk is full" 2h "we know"', by="maria")
        assert answer.startswith("Silenced until <!date^")
        assert "1 alert that fires now (CRITICAL Disk is full)" in answer
        [number] = re.findall(r"unsilence ([0-9a-f-]{36})", answer)
        async with at.session.get(f"{at.url}/api/v2/silence/{number}") as found:
            silence = await found.json()
        assert (silence["createdBy"], silence["comment"], silence["status"]["state"]) == ("maria", "we know", "active")
        before = (await at.app.engine.silences.get(number)).ends_at
        assert (await at.say(f"extend {number} 1h", by="maria")).startswith("Silenced until <!date^")
        assert (await at.app.engine.silences.get(number)).ends_at - before == timedelta(hours=1)
        assert await at.say("extend 7 1h", by="maria") == "There is no silence 7."
        assert await at.say(f"unsilence {number}", by="jonas") == f"The silence {number} is over."
        assert await at.say("unsilence 7", by="jonas") == "There is no silence 7."
        assert (await at.say('silence alert.name=~".*" 2h', by="maria")).startswith("Nothing is silenced: ")


async def test_the_sample_that_tries_a_source_is_acknowledged_like_any_other(tmp_path: Path) -> None:
    """Row 27."""
    async with office(tmp_path) as at:
        [sample] = requests(Kind.GENERIC, "shell", [Sample("Try me", "db-1", "critical")], CLOCK.now())
        async with at.session.post(f"{at.url}{sample.path}", data=sample.body, headers=JSON) as answer:
            assert answer.status == 200, await answer.text()
        message = await at.ops.expect_message("Try me")
        await at.tap(message, "Acknowledge", by="maria")
        await message.expect_reply("acknowledged by Maria")


async def test_escalate_is_the_next_step_now(tmp_path: Path) -> None:
    """Rows 59 and 70."""
    async with office(tmp_path) as at:
        message = await at.fire()
        await at.tap(message, "Escalate …", by="jonas")
        assert await at.do(at.people.send(await at.modal("Escalate #1"))) is None
        await message.expect_reply("escalated to round 2, step 1 by Jonas: Maria")
        assert await at.say("escalate 1", by="jonas") == "#1: escalated."


@BOTH
async def test_escalated_to_somebody_by_name(tmp_path: Path, via: Via) -> None:
    """Row 41, row 59, row 70, row 77: to a person, a user group or a policy, from a window, by command and by mention; whoever is
    reached hears the end."""
    async with office(tmp_path, via) as at:
        message = await at.fire()
        await at.tap(message, "Escalate …", by="maria")
        window = await at.modal("Escalate #1")
        assert "Policy late" in window.said
        assert await at.do(at.people.send(window, who="U0JONAS")) is None
        await message.expect_reply("escalated to Jonas by Maria")
        direct = await at.slack.direct("jonas").expect_message("You are paged")
        await direct.expect_update("escalated to you by Maria")
        assert await at.say("escalate 1 @jonas", by="eve") == "#1: jonas was paged already."
        assert await at.say("escalate 1 to policy late", by="eve") == "#1: escalated to maria."
        await message.expect_reply("escalated to Maria (late) via Slack (eve)")
        group = at.slack.add_group("@backend-team", members=("jonas",))
        await at.mention(f"escalate <!subteam^{group}|@backend-team>", by="maria", thread=message)
        await message.expect_reply("escalated to @backend-team by Maria")
        assert "Did you mean payments?" in await at.say("escalate 1 paymnts", by="eve")
        await at.fire(status="resolved")
        await direct.expect_update("Resolved #1")
        assert await at.say("escalate 1 @jonas", by="eve") == "#1: it is over."


async def test_a_route_that_asks_for_a_note_gets_one(tmp_path: Path) -> None:
    """Row 55: the window does not close without it, and the command says how."""
    async with office(
        tmp_path, configuration=CONFIGURATION.replace("group_wait: 0s,", "group_wait: 0s, resolve_note: required,")
    ) as at:
        message = await at.fire()
        assert await at.say("resolve 1", by="maria") == (
            '#1: its route asks for a note: resolve it with one, as in resolve 12 "what it was".'
        )
        await at.press(message, Verb.RESOLVE, by="maria")
        window = await at.modal("Resolve #1")
        with pytest.raises(AssertionError, match="note is required"):
            at.people.send(window)
        assert await at.do(at.people.send(window, note="  ")) is not None  # what is blank is none
        assert await at.do(at.people.send(window, note="the pool")) is None
        await message.expect_reply("Resolution: the pool")


@BOTH
async def test_somebody_is_asked_to_help(tmp_path: Path, via: Via) -> None:
    """Row 71, row 89: responders are named, paged, and stand in the incident."""
    async with office(tmp_path, via) as at:
        message = await at.fire()
        assert await at.say("add-responder 1 <@U0JONAS> @maria", by="eve") == "#1: asked to help: jonas, maria."
        await message.expect_reply("Jonas, Maria asked to help via Slack (eve)")
        await message.expect_update("responders: Jonas, Maria")
        await at.slack.direct("jonas").expect_message("You are paged")
        await at.slack.direct("maria").expect_message("You are asked to help via Slack (eve)")
        await at.tap(message, "Add responder …", by="maria")
        await at.do(at.people.send(await at.modal("Responder for #1"), who="U0JONAS"))
        assert await at.say("add-responder 1 <!subteam^S1|@db>", by="eve") == (
            "A group cannot be a responder; name people, or escalate to the group."
        )
        shown = await at.say("show 1", by="eve")
        assert "responders: Jonas, Maria" in shown
