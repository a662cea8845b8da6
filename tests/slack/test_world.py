"""The fake Slack itself: that it refuses what Slack refuses, and that its weather does what it says."""

from datetime import timedelta

import pytest

from router.core.answer import Outcome
from router.core.view import Rendered
from router.notifiers.slack.client import SlackClient
from tests.slack.conftest import HandClock, said, tag
from tests.slackworld import SlackWorld, moods


async def test_a_post_stands_in_its_channel_and_is_heard_by_its_members(world: SlackWorld, slack: SlackClient) -> None:
    answer = await slack.post("C0DB000", said(), tag())
    message = world.channel("#db").message("InstanceDown")
    assert (answer.outcome, answer.ts, answer.channel) == (Outcome.DELIVERED, message.ts, "C0DB000")
    assert message.metadata == {"instance": "prod", "delivery_id": "d-1", "incident": 42, "group_key": "db"}
    assert [(sound.person, sound.why) for sound in world.sounds] == [("maria", "post"), ("jonas", "post")]


async def test_edits_and_replies_make_no_sound_but_broadcasts_and_mentions_do(
    world: SlackWorld, slack: SlackClient
) -> None:
    root = await slack.post("#db", said(), tag("d-1"))
    world.sounds.clear()
    await slack.edit("C0DB000", root.ts, said("CRITICAL #42 ×2"), tag("d-1"))
    await slack.post("C0DB000", Rendered(text="+1 alert"), tag("d-2"), thread_ts=root.ts)
    assert world.sounds == []
    await slack.post("C0DB000", Rendered(text="worse, <@U0JONAS>"), tag("d-3"), thread_ts=root.ts, broadcast=True)
    assert [(sound.person, sound.why) for sound in world.sounds] == [("maria", "broadcast"), ("jonas", "mention")]
    message = world.channel("#db").message("×2")
    assert message.edits == 1
    assert [reply.text for reply in message.replies] == ["+1 alert", "worse, <@U0JONAS>"]
    assert [reply.ts for reply in world.channel("#db").broadcasts] == [message.replies[1].ts]


async def test_mentions_in_attachments_wake_nobody_by_name(world: SlackWorld, slack: SlackClient) -> None:
    mention = {"type": "section", "text": {"type": "mrkdwn", "text": "<@U0JONAS>"}}
    await slack.post("#db", Rendered(text="x", attachments=({"color": "#ff0000", "blocks": [mention]},)), tag())
    assert {sound.why for sound in world.sounds} == {"post"}


async def test_a_channel_takes_a_burst_of_three_then_one_a_second(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    for number in range(3):
        assert (await slack.post("#db", said(), tag(f"d-{number}"))).outcome is Outcome.DELIVERED
    refused = await slack.post("#db", said(), tag("d-3"))
    assert (refused.outcome, refused.is_rate_limit, refused.retry_after) == (Outcome.RETRY, True, timedelta(seconds=1))
    assert world.refused_for_pace == 1
    for number in range(3, 40):
        clock.advance(seconds=1)
        assert (await slack.post("#db", said(), tag(f"d-{number}"))).outcome is Outcome.DELIVERED
    assert world.refused_for_pace == 1
    assert world.duplicates() == []


async def test_a_method_has_its_tier(world: SlackWorld, slack: SlackClient, clock: HandClock) -> None:
    root = await slack.post("#db", said(), tag())
    for number in range(55):
        assert (await slack.edit("C0DB000", root.ts, said(f"v{number}"), tag())).outcome is Outcome.DELIVERED
        clock.advance(milliseconds=500)
    refused = await slack.edit("C0DB000", root.ts, said(), tag())
    assert refused.retry_after == timedelta(seconds=33)
    clock.advance(seconds=33)
    assert (await slack.edit("C0DB000", root.ts, said(), tag())).outcome is Outcome.DELIVERED


async def test_calling_through_a_retry_after_is_counted_but_meeting_one_is_not(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    world.mood(moods.ratelimit(5))
    assert (await slack.post("#db", said(), tag())).retry_after == timedelta(seconds=5)
    clock.advance(milliseconds=900)
    await slack.post("#db", said(), tag())  # in flight when the first was refused
    assert world.refused_for_pace == 0
    clock.advance(seconds=1)
    await slack.post("#db", said(), tag())
    assert world.refused_for_pace == 1
    clock.advance(seconds=4)
    assert (await slack.post("#db", said(), tag())).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("mood", "outcome", "stands"),
    [
        (moods.FINE, Outcome.DELIVERED, 1),
        (moods.ratelimit("soon"), Outcome.RETRY, 0),
        (moods.status(500), Outcome.UNKNOWN, 0),
        (moods.status(500, applied=True), Outcome.UNKNOWN, 1),
        (moods.status(503), Outcome.RETRY, 0),
        (moods.html(), Outcome.UNKNOWN, 0),
        (moods.html(applied=True, lies=True), Outcome.UNKNOWN, 1),
        (moods.RESET_BEFORE, Outcome.UNKNOWN, 0),
        (moods.RESET_AFTER, Outcome.UNKNOWN, 1),
        (moods.STALL, Outcome.UNKNOWN, 0),
        (moods.STALL_APPLIED, Outcome.UNKNOWN, 1),
        (moods.UNREACHABLE, Outcome.RETRY, 0),
        (moods.slow(3), Outcome.DELIVERED, 1),
        (moods.slow(11), Outcome.UNKNOWN, 1),
        (moods.refuse("is_archived"), Outcome.CHANNEL_REFUSED, 0),
        (moods.refuse("fatal_error", applied=True), Outcome.UNKNOWN, 1),
    ],
)
async def test_moods_do_and_say_what_they_are_called(
    world: SlackWorld, slack: SlackClient, mood: moods.Mood, outcome: Outcome, stands: int
) -> None:
    world.mood(mood)
    assert (await slack.post("#db", said(), tag())).outcome is outcome
    assert len(world.channel("#db").messages) == stands


async def test_a_late_effect_comes_when_nobody_expects_it_any_more(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    root = await slack.post("#db", said("old"), tag())
    world.mood(moods.late(25), method="chat.update")
    assert (await slack.edit("C0DB000", root.ts, said("late"), tag())).outcome is Outcome.UNKNOWN
    await slack.edit("C0DB000", root.ts, said("new"), tag())
    clock.advance(seconds=24)
    assert world.channel("#db").messages[0].text == "new"
    clock.advance(seconds=1)
    assert world.channel("#db").messages[0].text == "late"


async def test_a_stalled_call_takes_its_ten_seconds(world: SlackWorld, slack: SlackClient, clock: HandClock) -> None:
    world.mood(moods.STALL)
    await slack.post("#db", said(), tag())
    assert clock.passed == timedelta(seconds=10)


def test_weather_is_the_same_for_the_same_seed() -> None:
    first, second, other = moods.foul(1), moods.foul(1), moods.foul(2)
    drawn = [first() for _ in range(300)]
    assert drawn == [second() for _ in range(300)]
    assert drawn != [other() for _ in range(300)]
    assert 60 <= sum(mood is not moods.FINE for mood in drawn) <= 120
