"""Modals, words for one person, and who a Slack user is: the calls that follow from what people do."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from router.core.answer import Answer, Outcome
from router.notifiers.slack.client import SlackClient
from router.notifiers.slack.users import KEEP_FOUND, KEEP_MISSING, MOST_KEPT, Users
from router.notifiers.slack.views import Opened, opened
from tests.slack.conftest import HandClock
from tests.slackworld import SlackWorld, moods
from tests.slackworld.acting import Acting

SECOND = timedelta(seconds=1)


def modal(**more: Any) -> dict[str, Any]:
    title = {"type": "plain_text", "text": "Note on #12"}
    field = {"type": "plain_text_input", "action_id": "text", "multiline": True}
    label = {"type": "plain_text", "text": "Note"}
    block = {"type": "input", "block_id": "note", "label": label, "element": field}
    submit = {"type": "plain_text", "text": "Write down"}
    return {"type": "modal", "callback_id": "ar.note", "title": title, "submit": submit, "blocks": [block], **more}


def trigger(world: SlackWorld) -> str:
    found: str = Acting(world).command("note", by="maria", channel="#db").payload["trigger_id"]
    return found


async def test_a_modal_opens_once_within_three_seconds(world: SlackWorld, slack: SlackClient, clock: HandClock) -> None:
    first, second = trigger(world), trigger(world)
    assert opened((await slack.open_view(first, modal()))[0]) is Opened.OPEN
    assert opened((await slack.open_view(first, modal()))[0]) is Opened.TWICE
    clock.advance(seconds=3.1)
    assert opened((await slack.open_view(second, modal()))[0]) is Opened.LATE
    [found] = world.modals
    assert (found.person, found.said) == ("U0MARIA", "Note on #12\nNote")


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": {"type": "plain_text", "text": "x" * 25}},
        {"blocks": []},
        {"private_metadata": "x" * 3_001},
        {"callback_id": "x" * 256},
        {"submit": {"type": "mrkdwn", "text": "Send"}},
        {"colour": "red"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_modal_that_slack_would_not_open_is_refused(
    world: SlackWorld, slack: SlackClient, wrong: dict[str, Any]
) -> None:
    assert opened((await slack.open_view(trigger(world), modal(**wrong)))[0]) is Opened.REFUSED
    assert world.modals == []


async def test_a_modal_is_renewed_unless_it_is_another_by_now(world: SlackWorld, slack: SlackClient) -> None:
    _, first = await slack.open_view(trigger(world), modal())
    other = modal(title={"type": "plain_text", "text": "Another"})
    assert (await slack.update_view(first["id"], other, known=first["hash"])).outcome is Outcome.DELIVERED
    assert (await slack.update_view(first["id"], modal(), known=first["hash"])).error == "hash_conflict"
    assert (await slack.update_view("V0", modal())).error == "not_found"
    assert [one.said for one in world.modals] == ["Another\nNote"]


async def test_what_slack_did_not_answer_may_have_opened(world: SlackWorld, slack: SlackClient) -> None:
    for code in (500, 503):
        world.mood(moods.status(code), method="views.open")
        assert opened((await slack.open_view(trigger(world), modal()))[0]) is Opened.UNSURE


async def test_a_word_for_one_person(world: SlackWorld, slack: SlackClient) -> None:
    assert (await slack.whisper("C0DB000", "U0MARIA", "it is over")).outcome is Outcome.DELIVERED
    [heard] = world.whispers
    assert (heard.person, heard.channel, heard.text, heard.thread_ts) == ("U0MARIA", "C0DB000", "it is over", "")
    world.add_person("eve", slack_id="U0EVE00")
    refused = await slack.whisper("C0DB000", "U0EVE00", "it is over")
    assert (refused.outcome, refused.error) == (Outcome.CHANNEL_REFUSED, "user_not_in_channel")


async def test_an_account_is_asked_for_once_a_day(world: SlackWorld, slack: SlackClient, clock: HandClock) -> None:
    found = await asyncio.gather(*(slack.users.get("U0MARIA", within=SECOND) for _ in range(20)))
    assert {(one.name, one.email, one.is_active) for one in found if one} == {("maria", "maria@example.com", True)}
    clock.passed += KEEP_FOUND - SECOND
    await slack.users.get("U0MARIA", within=SECOND)
    assert len(world.calls_of("users.info")) == 1
    clock.advance(seconds=2)
    await slack.users.get("U0MARIA", within=SECOND)
    assert len(world.calls_of("users.info")) == 2


async def test_one_that_is_not_there_is_asked_for_again_after_a_minute(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    assert await slack.users.get("U0NOBODY", within=SECOND) is None
    assert await slack.users.get("U0NOBODY", within=SECOND) is None
    assert len(world.calls_of("users.info")) == 1
    clock.passed += KEEP_MISSING
    world.add_person("nina", slack_id="U0NOBODY")
    found = await slack.users.get("U0NOBODY", within=SECOND)
    assert found is not None
    assert found.name == "nina"


async def test_deactivated_accounts_and_bots_are_nobody(world: SlackWorld, slack: SlackClient) -> None:
    world.add_person("gone", slack_id="U0GONE00", is_active=False)
    world.add_person("robot", slack_id="U0BOT000", is_bot=True)
    for person in ("U0GONE00", "U0BOT000"):
        found = await slack.users.get(person, within=SECOND)
        assert found is not None
        assert not found.is_active


async def test_who_does_not_wait_leaves_the_answer_to_the_next(clock: HandClock) -> None:
    asked, may_answer = 0, asyncio.Event()

    async def call(_: str, arguments: Mapping[str, object]) -> tuple[Answer, Mapping[str, Any]]:
        nonlocal asked
        asked += 1
        await may_answer.wait()
        return Answer(Outcome.DELIVERED), {"user": {"id": arguments["user"], "name": "maria"}}

    users = Users(call, clock)
    async with asyncio.timeout(5):
        assert await users.get("U0MARIA", within=timedelta(milliseconds=10)) is None
    may_answer.set()
    found = await users.get("U0MARIA", within=SECOND)
    assert found is not None
    assert (found.name, asked) == ("maria", 1)


async def test_it_remembers_a_bounded_number(slack: SlackClient) -> None:
    for number in range(MOST_KEPT + 10):
        slack.users._kept[f"U{number}"] = (1e9, None)
    await slack.users.get("U0MARIA", within=SECOND)
    assert len(slack.users._kept) == MOST_KEPT
