"""The preview: what Slack would take, it takes; what Slack would refuse, it refuses; who would have heard it."""

from datetime import timedelta

import pytest

from router.core.answer import Outcome
from router.core.content import Content, Subject
from router.core.render.blocks import mentioned_groups, section
from router.core.view import EntryKind, Rendered, TimelineEntry
from router.notifiers.preview.notifier import PreviewNotifier
from router.notifiers.preview.preview import Preview, Sound, conversation_id, conversation_name, group_id
from router.notifiers.tag import Tag
from tests.core.incidents import OPEN
from tests.preview.rows import BEGAN, Hand, MemoryRows

TAG = Tag(instance="prod", delivery_id="d1", incident=7, group_key="g")
HELLO = Rendered(text="hello", blocks=(section("hello"),))


@pytest.fixture
def rows() -> MemoryRows:
    return MemoryRows()


@pytest.fixture
def preview(rows: MemoryRows) -> Preview:
    return Preview(rows, Hand())


async def test_a_post_is_kept_with_what_slack_would_keep(preview: Preview, rows: MemoryRows) -> None:
    answer = await preview.post("#db", HELLO, TAG)
    assert (answer.outcome, answer.ts, answer.server_time) == (Outcome.DELIVERED, "1795227240.000000", BEGAN)
    [row] = rows.all
    assert (row.channel, row.ts, row.text, row.blocks) == (answer.channel, answer.ts, "hello", HELLO.blocks)
    assert (row.instance, row.delivery_id, row.incident, row.group_key) == ("prod", "d1", 7, "g")
    assert row.sounds == (Sound("#db", "new message"),)


async def test_ts_is_unique_and_grows_over_restarts_and_a_clock_that_steps_back(rows: MemoryRows) -> None:
    clock = Hand()
    preview = Preview(rows, clock)
    first, second = [(await preview.post("#db", HELLO, TAG)).ts for _ in range(2)]
    clock.after(hours=-1)
    third = (await preview.post("#db", HELLO, TAG)).ts
    again = Preview(rows, clock)
    fourth = (await again.post("#web", HELLO, TAG)).ts
    assert first < second < third < fourth


async def test_an_edit_replaces_what_is_said_and_makes_no_sound(rows: MemoryRows) -> None:
    clock = Hand()
    preview = Preview(rows, clock)
    told = await preview.post("#db", HELLO, TAG)
    clock.after(seconds=5)
    answer = await preview.edit(told.channel, told.ts, Rendered(text="bye"), Tag("prod", ""))
    assert (answer.outcome, answer.ts) == (Outcome.DELIVERED, told.ts)
    [row] = rows.all
    assert (row.text, row.blocks, row.edits, row.edited_at) == ("bye", (), 1, BEGAN + timedelta(seconds=5))
    assert (row.delivery_id, row.sounds) == ("d1", (Sound("#db", "new message"),))


async def test_a_lost_anchor_is_told(preview: Preview) -> None:
    channel = conversation_id("#db")
    assert (await preview.edit(channel, "1.0", HELLO, TAG)).error == "message_not_found"
    answer = await preview.post(channel, HELLO, TAG, thread_ts="1.0")
    assert (answer.outcome, answer.error) == (Outcome.ANCHOR_LOST, "thread_not_found")


async def test_what_slack_would_refuse_is_refused_with_the_reason(preview: Preview, rows: MemoryRows) -> None:
    bad = Rendered(text="x", blocks=(section("<!channel>"),))
    answer = await preview.post("#db", bad, TAG)
    assert (answer.outcome, answer.error) == (
        Outcome.MESSAGE_REFUSED,
        "invalid_blocks: blocks: a bracket that is not ours",
    )
    told = await preview.post("#db", HELLO, TAG)
    assert (await preview.edit(told.channel, told.ts, bad, TAG)).outcome is Outcome.MESSAGE_REFUSED
    assert [row.text for row in rows.all] == ["hello"]
    assert (await preview.post("nowhere", HELLO, TAG)).outcome is Outcome.CHANNEL_REFUSED
    assert (await preview.join("C1")).outcome is Outcome.DELIVERED


async def test_a_delivery_is_found_where_it_was_made(preview: Preview) -> None:
    told = await preview.post("#db", HELLO, TAG)
    reply = await preview.post("#db", HELLO, Tag("prod", "d2"), thread_ts=told.ts)

    async def find(delivery: str, thread_ts: str = "") -> tuple[Outcome, str]:
        answer = await preview.find(told.channel, delivery, oldest=BEGAN, latest=BEGAN, thread_ts=thread_ts)
        return answer.outcome, answer.ts

    assert await find("d1") == (Outcome.DELIVERED, told.ts)
    assert await find("d2", told.ts) == (Outcome.DELIVERED, reply.ts)
    assert await find("d2") == (Outcome.NOT_FOUND, "")
    assert await find("d3") == (Outcome.NOT_FOUND, "")


async def test_who_hears_what(preview: Preview, rows: MemoryRows) -> None:
    mention = Rendered(text="x", blocks=(section("<@U012ABCDEF> <@U012ABCDEF>"),))
    told = await preview.post("#db", mention, TAG)
    await preview.post("#db", HELLO, TAG, thread_ts=told.ts)
    await preview.post("#db", mention, TAG, thread_ts=told.ts)
    await preview.post("#db", HELLO, TAG, thread_ts=told.ts, broadcast=True)
    await preview.post("email:maria@example.com", HELLO, TAG)
    assert [[(sound.who, sound.why) for sound in row.sounds] for row in rows.all] == [
        [("#db", "new message"), ("U012ABCDEF", "mentioned")],
        [],
        [("U012ABCDEF", "mentioned")],
        [("#db", "reply shown in the channel")],
        [("maria@example.com", "direct message")],
    ]


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("#db", "#db"),
        ("#größe", "#größe"),
        ("email:maria@example.com", "maria@example.com"),
        ("U012ABCDEF", "U012ABCDEF"),
        ("C012ABCDEF", "C012ABCDEF"),
        ("D012ABCDEF", "D012ABCDEF"),
        ("CPV", "CPV"),
        ("CPV1", "CPV1"),
        ("CPV77777777", "CPV77777777"),
    ],
)
async def test_a_conversation_keeps_its_name_in_its_id(preview: Preview, target: str, name: str) -> None:
    answer = await preview.resolve(target)
    assert answer.outcome is Outcome.DELIVERED
    assert answer.channel.isalnum()
    assert conversation_name(answer.channel) == name
    assert (await preview.resolve(answer.channel)).channel == answer.channel


@pytest.mark.parametrize("target", ["", "#", "email:", "db", "C0/x", "X012", "Ü1"])
async def test_what_is_no_conversation_is_refused(preview: Preview, target: str) -> None:
    answer = await preview.resolve(target)
    assert (answer.outcome, answer.error) == (Outcome.CHANNEL_REFUSED, "channel_not_found")


async def test_a_user_group_is_mentioned_by_an_id_that_carries_its_name(preview: Preview, rows: MemoryRows) -> None:
    told = TimelineEntry(1, BEGAN, EntryKind.ESCALATED, people=("@db-team",), groups=("@db-team", "S0123ABCD"), step=2)
    content = Content(Subject.INCIDENT, "prod", view=OPEN, entries=(told,), is_broadcast=True)
    notifier = PreviewNotifier(preview)
    home = await notifier.post("#db", content, "d1")
    await notifier.reply(home.channel, home.ts, content, "d2")
    reply = rows.all[-1]
    assert mentioned_groups(reply.blocks) == [group_id("@db-team"), "S0123ABCD"]
    assert group_id("@db-team") == "SPV64622D7465616D"
    assert [(sound.who, sound.why) for sound in reply.sounds] == [
        ("#db", "reply shown in the channel"),
        ("@db-team", "mentioned"),
        ("S0123ABCD", "mentioned"),
    ]
