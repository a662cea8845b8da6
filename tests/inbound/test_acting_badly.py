"""What goes wrong when people act in Slack: too many, too late, twice, on what is gone, by nobody. Nobody meets silence."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.core.acts.button import Button, Verb, action_id, metadata, value
from router.runtime.health import Health
from router.service.responder import voice
from router.service.responder.verbs import NOT_OURS
from tests.inbound.office import CLOCK, INSTANCE, Office, Via, office
from tests.slackworld import moods
from tests.slackworld.views import MessageView

BOTH = pytest.mark.parametrize("via", list(Via))


async def whispered(at: Office, message: MessageView, action: str, carried: str) -> str:
    """What maria is told who presses it."""
    before = len(at.slack.heard_by("maria"))
    await at.do(at.people.click(message.ts, action, by="maria", channel="#ops", value=carried))
    return (await at.heard("maria", "", times=before + 1))[-1]


@BOTH
async def test_of_twenty_who_press_at_once_one_acts_and_the_others_are_told_who(tmp_path: Path, via: Via) -> None:
    async with office(tmp_path, via) as at:
        names = [f"p{number}" for number in range(20)]
        for name in names:
            at.slack.add_person(name)
        message = await at.fire()
        await asyncio.gather(*(at.press(message, Verb.ACKNOWLEDGE, by=name) for name in names))
        reply = await message.expect_reply("acknowledged via Slack (")
        [winner] = [name for name in names if f"({name})" in reply.text]
        for name in names:
            if name != winner:
                assert await at.heard(name, "has") == [f"#1: {winner} (via Slack) has acknowledged it."]
        assert at.slack.heard_by(winner) == []
        assert sum("acknowledged" in one.text for one in message.replies) == 1


@BOTH
async def test_what_slack_sends_again_is_done_once(tmp_path: Path, via: Via) -> None:
    """Also by the process after this one, which remembers nothing but what is written down."""
    async with office(tmp_path, via) as at:
        message = await at.fire()
        pressed = at.people.click(
            message.ts, action_id(Verb.ACKNOWLEDGE), by="maria", channel="#ops",
            value=value(Button(Verb.ACKNOWLEDGE, 1), instance=INSTANCE),
        )  # fmt: skip
        await at.do(pressed)
        await message.expect_reply("acknowledged by Maria")
        await at.press(message, Verb.UNACKNOWLEDGE, by="maria")
        await message.expect_reply("taken back by Maria")
        await at.app._responder(decoded(at, pressed))  # past everything that remembers in memory
        await at.say("note 1 after it", by="maria")
        shown = await at.say("show 1", by="maria")
        assert shown.index("taken back by Maria") < shown.index("note by Maria: after it")
        assert shown.count("acknowledged by Maria") == 1


def decoded(at: Office, gesture: Any) -> Any:
    from router.notifiers.slack.inbound.decode import Decoded, Door, decode

    found = decode(Door(gesture.door), gesture.body, api_url=at.slack.url)
    assert isinstance(found, Decoded)
    return found.inbound


async def test_a_button_that_says_nothing_to_us_is_answered(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        good = value(Button(Verb.ACKNOWLEDGE, 1), instance=INSTANCE)
        for action, carried, why in (
            ("ar.teleport", good, "unknown_verb"),
            ("ar.acknowledge", good.replace('"v":1', '"v":9'), "unknown_version"),
            ("ar.acknowledge", value(Button(Verb.ACKNOWLEDGE, 1), instance="staging"), "other_instance"),
            ("ar.acknowledge", "{", "unreadable"),
            ("other.thing", "x", "foreign"),
        ):
            assert await whispered(at, message, action, carried) == NOT_OURS[type(next(iter(NOT_OURS)))(why)]
        for verb in (Verb.ACKNOWLEDGE, Verb.RESOLVE):
            gone = value(Button(verb, 77), instance=INSTANCE)
            assert await whispered(at, message, action_id(verb), gone) == "There is no incident #77."
        count = len(at.slack.heard_by("maria"))
        await at.press(message, Verb.OPEN, by="maria")
        await at.tap(message, "View", by="maria")  # a link: Slack tells us of it, without a value
        await at.press(message, Verb.ACKNOWLEDGE, by="maria")
        await message.expect_reply("acknowledged by Maria")
        assert len(at.slack.heard_by("maria")) == count


async def test_where_the_response_url_is_dead_it_is_said_by_a_message_of_ours(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        at.people.hooks = f"{at.slack.hooks.base}/hooks"  # addresses that the fake does not know
        await at.press(message, Verb.UNACKNOWLEDGE, by="maria")
        await at.heard("maria", "#1: nobody has acknowledged it.")
        assert [one.text for one in at.slack.whispers] == ["#1: nobody has acknowledged it."]


async def test_a_dead_trigger_is_said_instead_of_a_modal(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        carried = value(Button(Verb.NOTE, 1), instance=INSTANCE)
        pressed = at.people.click(message.ts, "ar.note", by="maria", channel="#ops", value=carried)
        at.slack.triggers[pressed.payload["trigger_id"]].made_at -= timedelta(seconds=4)
        await at.do(pressed)
        assert await at.heard("maria", "press again") == [
            "Slack's time for opening a window was over before I could; please press again."
        ]
        at.slack.mood(moods.status(503), method="views.open")
        await at.press(message, Verb.NOTE, by="jonas")
        await at.heard("jonas", "Slack did not answer")
        at.slack.mood(moods.refuse("invalid_arguments"), method="views.open")
        await at.press(message, Verb.NOTE, by="eve")
        await at.heard("eve", "Slack refused")
        assert at.slack.modals == []


@BOTH
async def test_a_modal_that_is_sent_after_the_incident_changed_says_so(tmp_path: Path, via: Via) -> None:
    async with office(tmp_path, via) as at:
        message = await at.fire()
        await at.press(message, Verb.RESOLVE, by="maria")
        modal = await at.modal("Resolve #1")
        await at.say("resolve 1", by="jonas")
        sent = await at.do(at.people.send(modal, note="late"))
        assert sent == {"response_action": "errors", "errors": {"note": "jonas has closed it"}}
        await at.say("reopen 1", by="jonas")
        await at.press(message, Verb.SNOOZE, by="maria", detail="custom")
        modal = await at.modal("Snooze #1")
        wrong = await at.do(at.people.send(modal, until="a while"))
        assert wrong == {
            "response_action": "errors",
            "errors": {"until": "Expected a duration such as 90m or 2d, or a time such as 09:00."},
        }
        await at.fire(status="resolved")
        await message.expect_update("Resolved #1")
        over = await at.do(at.people.send(modal, until="2h"))
        assert over == {"response_action": "errors", "errors": {"until": "it is over"}}
        await at.press(message, Verb.SNOOZE, by="maria", detail="custom")
        await at.heard("maria", "#1: it is over.")
        assert len(at.slack.modals) == 2


async def test_a_modal_of_something_else_is_answered_in_its_place(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.fire()
        for carried, callback in (
            (metadata(Button(Verb.NOTE, 1), instance="staging"), "ar.note"),
            (metadata(Button(Verb.ACKNOWLEDGE, 1), instance=INSTANCE), "ar.acknowledge"),
        ):
            answer = await at.do(at.people.submit(at.people.opened(callback, carried), by="maria"))
            assert answer is not None
            assert answer["response_action"] == "update"
            assert "nothing was done" in answer["view"]["blocks"][0]["text"]["text"]
        gone = at.people.opened("ar.resolve", metadata(Button(Verb.RESOLVE, 77), instance=INSTANCE))
        answer = await at.do(at.people.submit(gone, by="maria"))
        assert answer is not None
        assert answer["view"]["blocks"][0]["text"]["text"] == "There is no incident #77."


async def test_a_note_that_nothing_shows_is_confirmed_to_who_wrote_it(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        await at.press(message, Verb.NOTE, by="maria")
        assert await at.do(at.people.send(await at.modal("Note on #1"), note="the disk of node-3")) is None
        await at.heard("maria", "#1: written into the timeline.")
        assert "note by Maria: the disk of node-3" in await at.say("show 1", by="jonas")


async def test_snoozed_until_a_time_of_day_is_until_the_next_one_here(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        await at.press(message, Verb.SNOOZE, by="maria", detail="until 09:00")
        await message.expect_update("snoozed by Maria")
        [incident] = await incidents(at)
        until = incident["response"]["until"]
        assert timedelta(0) < until - CLOCK.now() <= timedelta(hours=25)
        await at.press(message, Verb.SNOOZE, by="jonas", detail="until it rains")
        await at.heard("jonas", "cannot be read")


async def incidents(at: Office) -> list[dict[str, Any]]:
    from router.store import read

    views = await at.app.engine.database.read(lambda conn: read.open_views(conn, 10))
    return [{"response": msgspec.structs.asdict(view.response)} for view in views]


async def test_commands_of_any_length_are_answered(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.fire()
        assert await at.say("note 1 " + "x" * 3_990, by="maria") == "#1: written into the timeline."
        assert (await at.say("note 1 " + "x" * 4_001, by="maria")).startswith("a text of 4,008 characters")
        assert "is no command" in await at.say("y" * 4_000, by="maria")
        assert (await at.say("connect", by="maria")).startswith("You are maria: ")
        assert await at.say("ack 123456789", by="maria") == "There is no incident #123456789."


async def test_somebody_who_left_acts_as_nobody_of_the_rules(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        at.slack.people["U0JONAS"].is_active = False  # between the press and our look
        await at.press(message, Verb.ACKNOWLEDGE, by="jonas")
        await message.expect_reply("acknowledged via Slack (jonas)")


async def test_a_bot_that_mentions_us_is_not_answered(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        gesture = at.people.mention("frobnicate", by="jonas", channel="#ops", thread_ts=message.ts)
        gesture.payload["event"]["bot_id"] = "B0OTHER"
        await at.do(gesture)
        await at.mention("frobnicate", by="eve", thread=message)
        await at.heard("eve", "is no command")
        await at.app._responder.finish()
        assert at.slack.heard_by("jonas") == []


async def test_slack_that_does_not_say_who_it_is_holds_no_act_up(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        at.slack.mood(moods.slow(8), method="users.info")
        await at.press(message, Verb.ACKNOWLEDGE, by="jonas")
        await message.expect_reply("acknowledged via Slack (jonas)")


async def test_what_is_asked_is_answered(tmp_path: Path) -> None:
    """Row 79."""
    async with office(tmp_path) as at:
        await at.fire("Disk is full", labels={"alertname": "Disk", "team": "payments"})
        await at.fire("Cache is cold", labels={"alertname": "Cache", "team": "search"}, severity="low")
        await at.say("ack 2", by="maria")
        listed = (await at.say("list", by="maria")).splitlines()
        assert listed[0] == "2 incidents are open:"
        assert listed[1].startswith("🔴 #1 CRITICAL Disk is full · open · ")
        assert listed[2].startswith("🔵 #2 LOW Cache is cold · acknowledged by Maria · ")
        for asked in ("team=payments", "critical", "open", "DISK"):
            found = (await at.say(f"list {asked}", by="maria")).splitlines()
            assert [line.split(" · ")[0] for line in found[1:]] == ["🔴 #1 CRITICAL Disk is full"]
        assert await at.say("list team=nobody", by="maria") == "Nothing is open with team=nobody."
        shown = await at.say("show 1", by="maria")
        assert shown.startswith("🔴 *CRITICAL #1 Disk is full*")
        assert "paged Maria" in shown
        assert await at.say("show 9", by="maria") == "There is no incident #9."
        on_call = await at.say("oncall payments", by="maria")
        assert on_call.startswith("*payments*: ")
        assert " until <!date^" in on_call
        assert ", then " in on_call
        assert await at.say("oncall", by="maria") == on_call
        assert "Did you mean payments?" in await at.say("oncall paymets", by="maria")
        health, rest = (await at.say("status", by="maria")).splitlines()
        assert health.startswith("alert-router ")
        assert "2 open incidents, 2 alerts firing" in health
        assert rest == "this process began with a new, empty database"
        assert (await at.say("help ack", by="maria", command="/pd")).startswith("`/pd ack [N]`")


async def test_a_word_that_is_under_way_is_said_before_the_process_ends(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        at.people.hooks = f"{at.slack.hooks.base}/hooks"  # addresses that the fake does not know
        at.slack.mood(moods.slow(0.5), method="chat.postEphemeral")
        await at.press(message, Verb.UNACKNOWLEDGE, by="maria")
        slack = at.slack
    assert slack.heard_by("maria") == ["#1: nobody has acknowledged it."]
    [call] = slack.calls_of("chat.postEphemeral")
    assert call.result == "ok"


async def test_more_words_than_can_be_under_way_hold_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with office(tmp_path) as at:
        message = await at.fire()
        monkeypatch.setattr(voice, "MOST_LATER", 0)
        await at.press(message, Verb.UNACKNOWLEDGE, by="maria")
        await at.press(message, Verb.ACKNOWLEDGE, by="maria")
        await message.expect_reply("acknowledged by Maria")
        assert at.slack.heard_by("maria") == []
        assert "too many are under way" in caplog.text


@pytest.mark.parametrize(("can_commit", "says"), [(True, "degraded"), (False, "it cannot write alerts down")])
async def test_the_status_names_a_few_troubles_and_where_the_others_are(
    tmp_path: Path, can_commit: bool, says: str
) -> None:
    async with office(tmp_path) as at:

        async def health() -> Health:
            return Health((), can_commit, tuple(f"trouble <{number}>" for number in range(5)), None)

        at.app._responder._questions._health = health
        first, second = (await at.say("status", by="maria")).splitlines()
        assert f", prod: {says}. 0 open incidents" in first
        assert second == ("trouble &lt;0&gt;; trouble &lt;1&gt;; trouble &lt;2&gt;; and 2 more: /readyz names them")


async def test_acts_count_while_slack_takes_no_calls_and_are_told_when_it_does(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        names = [f"p{number}" for number in range(20)]
        for name in names:
            at.slack.add_person(name)
        message = await at.fire()
        at.slack.mood(moods.status(503), times=None)
        await asyncio.gather(*(at.press(message, Verb.ACKNOWLEDGE, by=name) for name in names))
        [shown] = (await at.say("list", by="maria")).splitlines()[1:]
        assert "acknowledged" in shown
        assert "acknowledged" not in message.said
        at.slack.clear_moods()
        await message.expect_update("acknowledged via Slack (p", timeout=30)
        reply = await message.expect_reply("acknowledged via Slack (p", timeout=30)
        [winner] = [name for name in names if f"({name})" in reply.text]
        for name in names:
            if name != winner:
                assert await at.heard(name, "has") == [f"#1: {winner} (via Slack) has acknowledged it."]
