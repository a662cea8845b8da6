"""The client over the fake world, on a virtual clock: what is sent, and what finding, resolving and joining come to."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from router.core.answer import Outcome
from router.core.view import Rendered
from router.notifiers.slack.client import SlackClient
from router.notifiers.slack.errors import CallFault, Reply
from tests.slack.conftest import HandClock, said, tag
from tests.slackworld import FakeTransport, SlackWorld, Strictness, moods


class Canned:
    """A wire that gives the same answer to every call of a method, and keeps what was sent."""

    def __init__(self, **bodies: Mapping[str, Any]) -> None:
        self.bodies = {name.replace("_", "."): body for name, body in bodies.items()}
        self.sent: list[tuple[str, Mapping[str, str]]] = []

    async def __call__(self, method: str, form: Mapping[str, str]) -> Reply | CallFault:
        self.sent.append((method, form))
        return Reply(status=200, headers={}, body=self.bodies[method])


# Posting and editing.


async def test_a_post_is_a_flat_form_with_our_metadata(clock: HandClock) -> None:
    wire = Canned(chat_postMessage={"ok": True, "ts": "1.000001", "channel": "C0DB000"})
    await SlackClient(wire, clock).post("C0DB000", said("up"), tag("d-7", group_key="g" * 2_000))
    method, form = wire.sent[0]
    assert method == "chat.postMessage"
    assert {name: form[name] for name in ("channel", "text", "unfurl_links", "unfurl_media", "parse")} == {
        "channel": "C0DB000",
        "text": "up",
        "unfurl_links": "false",
        "unfurl_media": "false",
        "parse": "none",
    }
    assert json.loads(form["blocks"])[0]["text"]["text"] == "*up*"
    assert json.loads(form["metadata"]) == {
        "event_type": "alert_router_message",
        "event_payload": {"instance": "prod", "delivery_id": "d-7", "incident": 42, "group_key": "g" * 500},
    }
    assert "thread_ts" not in form
    assert "reply_broadcast" not in form


async def test_client_msg_id_is_the_same_on_every_attempt_of_a_delivery_only(
    world: SlackWorld, slack: SlackClient
) -> None:
    for delivery_id in ("d-1", "d-1", "d-2"):
        await slack.post("#db", said(), tag(delivery_id))
    first, second, other = [call.form["client_msg_id"] for call in world.calls]
    assert first == second != other


async def test_a_broadcast_needs_a_thread(world: SlackWorld, slack: SlackClient) -> None:
    await slack.post("#db", said(), tag(), broadcast=True)
    assert "reply_broadcast" not in world.calls[0].form


async def test_success_without_a_ts_may_have_happened(clock: HandClock) -> None:
    wire = Canned(chat_postMessage={"ok": True})
    assert (await SlackClient(wire, clock).post("C0DB000", said(), tag())).outcome is Outcome.UNKNOWN


async def test_an_edit_to_plain_text_takes_blocks_and_attachments_away(world: SlackWorld, slack: SlackClient) -> None:
    both = Rendered(text="x", blocks=said().blocks, attachments=({"color": "#ff0000", "fallback": "x"},))
    root = await slack.post("#db", both, tag())
    await slack.edit("C0DB000", root.ts, Rendered(text="plain"), tag())
    message = world.channel("#db").message("plain")
    assert (message.blocks, message.attachments) == ([], [])


async def test_bare_names_in_an_edit_are_not_linked(slack: SlackClient) -> None:
    root = await slack.post("#db", said(), tag())
    assert (await slack.edit("C0DB000", root.ts, Rendered(text="@channel"), tag())).outcome is Outcome.DELIVERED


async def test_lone_surrogates_do_not_stop_a_message(world: SlackWorld, slack: SlackClient) -> None:
    assert (await slack.post("#db", Rendered(text="disk \ud800 full"), tag())).outcome is Outcome.DELIVERED
    assert world.channel("#db").messages[0].text == "disk ? full"


def made_of(block: dict[str, object], times: int = 1) -> Rendered:
    return Rendered(text="x", blocks=(block,) * times)


def with_attachments(attachment: dict[str, object], times: int = 1) -> Rendered:
    return Rendered(text="x", attachments=(attachment,) * times)


def section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (made_of({"type": "divider"}, 51), "invalid_blocks"),
        (made_of({"type": "header", "text": {"type": "plain_text", "text": "h" * 151}}), "invalid_blocks"),
        (made_of({"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}] * 11}), "invalid_blocks"),
        (made_of(section("")), "invalid_blocks"),
        (made_of(section("m" * 3_001)), "invalid_blocks"),
        (made_of(section("m" * 2_900), 5), "msg_blocks_too_long"),
        (with_attachments({"fallback": "x"}, 101), "too_many_attachments"),
        (with_attachments({"color": "reddish", "fallback": "x"}), "invalid_attachments"),
        (with_attachments({"color": "#ff0000"}), "no_text"),
        (Rendered(text=""), "no_text"),
    ],
)
async def test_what_slack_would_not_take_is_the_messages_fault(
    slack: SlackClient, message: Rendered, error: str
) -> None:
    answer = await slack.post("#db", message, tag())
    assert (answer.outcome, answer.error) == (Outcome.MESSAGE_REFUSED, error)


async def test_overlong_text_is_too_long_to_edit_and_truncated_to_post(world: SlackWorld, slack: SlackClient) -> None:
    root = await slack.post("#db", said(), tag())
    refused = await slack.edit("C0DB000", root.ts, Rendered(text="x" * 4_001), tag())
    assert (refused.outcome, refused.error) == (Outcome.MESSAGE_REFUSED, "msg_too_long")
    told = await slack.post("#db", Rendered(text="x" * 40_001), tag("d-2"))
    assert (told.outcome, told.warning) == (Outcome.DELIVERED, "message_truncated")
    assert len(world.channel("#db").messages) == 11


async def test_anchors_windows_and_channels_are_told_apart(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    root = await slack.post("#db", said(), tag())
    world.edit_window = timedelta(minutes=5)
    clock.advance(minutes=6)
    assert (await slack.edit("C0DB000", root.ts, said(), tag())).outcome is Outcome.EDIT_CLOSED
    world.delete(root.ts)
    assert (await slack.edit("C0DB000", root.ts, said(), tag())).outcome is Outcome.ANCHOR_LOST
    assert (await slack.post("C0DB000", said(), tag("d-2"), thread_ts=root.ts)).outcome is Outcome.ANCHOR_LOST
    world.archive("#db")
    assert (await slack.edit("C0DB000", root.ts, said(), tag())).outcome is Outcome.CHANNEL_REFUSED
    world.unarchive("#db")
    world.tokens["xoxb-fake-1"] = "token_revoked"
    assert (await slack.post("C0DB000", said(), tag("d-3"))).outcome is Outcome.WORKSPACE_REFUSED


# Finding.


@pytest.fixture
def busy(clock: HandClock) -> SlackWorld:
    """Forty messages, a minute apart, in pages of three."""
    made = SlackWorld(clock.now, page=3, strictness=Strictness(is_enforced=False))
    made.add_person("maria", slack_id="U0MARIA")
    made.add_channel("#db", members=("maria",), slack_id="C0DB000")
    return made


async def fill(transport: SlackClient, clock: HandClock, *, thread_ts: str = "") -> None:
    for number in range(40):
        clock.advance(minutes=1)
        await transport.post("C0DB000", said(), tag(f"d-{number}"), thread_ts=thread_ts)


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_delivery_is_found_on_whatever_page_it_is(
    busy: SlackWorld, clock: HandClock, *, in_thread: bool
) -> None:
    slack = FakeTransport(busy, clock).client
    began = clock.now()
    thread_ts = (await slack.post("#db", said(), tag("root"))).ts if in_thread else ""
    await fill(slack, clock, thread_ts=thread_ts)
    posted = {call.form["metadata"]: call for call in busy.calls_of("chat.postMessage")}
    assert len(posted) == 40 + in_thread
    for number in (0, 20, 39):
        found = await slack.find("C0DB000", f"d-{number}", oldest=began, latest=clock.now(), thread_ts=thread_ts)
        view = busy.channel("#db")
        standing = {
            reply.metadata["delivery_id"]: reply.ts
            for reply in (view.replies_to(thread_ts) if in_thread else view.messages)
        }
        assert (found.outcome, found.ts, found.channel) == (Outcome.DELIVERED, standing[f"d-{number}"], "C0DB000")
    calls = len(busy.calls)
    missing = await slack.find("C0DB000", "d-40", oldest=began, latest=clock.now(), thread_ts=thread_ts)
    assert missing.outcome is Outcome.NOT_FOUND
    assert len(busy.calls) - calls == 14


async def test_a_search_keeps_to_its_bounds_give_or_take_slacks_whole_seconds(
    busy: SlackWorld, clock: HandClock
) -> None:
    slack = FakeTransport(busy, clock).client
    await fill(slack, clock)
    at = clock.now()
    inside = await slack.find("C0DB000", "d-39", oldest=at + timedelta(seconds=1), latest=at + timedelta(minutes=1))
    assert inside.outcome is Outcome.DELIVERED
    before = await slack.find("C0DB000", "d-38", oldest=at - timedelta(seconds=30), latest=at)
    assert before.outcome is Outcome.NOT_FOUND


async def test_another_apps_metadata_is_not_ours(clock: HandClock) -> None:
    foreign = {"event_type": "deployed", "event_payload": {"delivery_id": "d-1"}}
    wire = Canned(
        conversations_history={
            "ok": True,
            "messages": ["?", {"ts": "1.1"}, {"ts": "1.2", "metadata": {"event_type": 1}}, {"ts": "1.3", "metadata": foreign}],
        }
    )  # fmt: skip
    found = await SlackClient(wire, clock).find("C0DB000", "d-1", oldest=clock.now(), latest=clock.now())
    assert found.outcome is Outcome.NOT_FOUND


async def test_paging_that_goes_in_circles_is_not_believed(clock: HandClock) -> None:
    wire = Canned(conversations_history={"ok": True, "messages": 0, "response_metadata": {"next_cursor": "same"}})
    found = await SlackClient(wire, clock).find("C0DB000", "d-1", oldest=clock.now(), latest=clock.now())
    assert (found.outcome, found.error) == (Outcome.RETRY, "paging_does_not_end")
    assert len(wire.sent) == 2


@pytest.mark.parametrize(
    ("mood", "outcome"),
    [
        (moods.ratelimit(9), Outcome.RETRY),
        (moods.RESET_BEFORE, Outcome.RETRY),
        (moods.UNREACHABLE, Outcome.RETRY),
        (moods.html(), Outcome.RETRY),
        (moods.status(502), Outcome.RETRY),
        (moods.refuse("invalid_cursor"), Outcome.RETRY),
        (moods.refuse("missing_scope"), Outcome.UNSEARCHABLE),
        (moods.refuse("a_code_from_next_year"), Outcome.UNSEARCHABLE),
        (moods.refuse("edit_window_closed"), Outcome.UNSEARCHABLE),
        (moods.refuse("thread_not_found"), Outcome.NOT_FOUND),
        (moods.refuse("channel_not_found"), Outcome.CHANNEL_REFUSED),
        (moods.refuse("token_revoked"), Outcome.WORKSPACE_REFUSED),
    ],
)
async def test_a_search_that_fails_never_says_not_there(
    world: SlackWorld, slack: SlackClient, clock: HandClock, mood: moods.Mood, outcome: Outcome
) -> None:
    await slack.post("#db", said(), tag())
    world.mood(mood, method="conversations.history")
    assert (await slack.find("C0DB000", "d-1", oldest=clock.now(), latest=clock.now())).outcome is outcome


async def test_a_channel_we_are_not_in_is_joined_to_be_searched(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    world.kick("#db")
    await slack.post("#db", said(), tag())
    assert (await slack.find("C0DB000", "d-1", oldest=clock.now(), latest=clock.now())).outcome is Outcome.DELIVERED
    assert world.channel("#db").is_joined


async def test_what_cannot_be_joined_cannot_be_searched(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    world.kick("#db")
    world.mood(moods.RESET_BEFORE, method="conversations.join")
    assert (await slack.find("C0DB000", "d-1", oldest=clock.now(), latest=clock.now())).outcome is Outcome.RETRY
    world.scopes.discard("channels:join")
    assert (await slack.find("C0DB000", "d-1", oldest=clock.now(), latest=clock.now())).outcome is Outcome.UNSEARCHABLE


# Joining and resolving.


async def test_join(world: SlackWorld, slack: SlackClient) -> None:
    world.kick("#db")
    assert (await slack.join("C0DB000")).outcome is Outcome.DELIVERED
    secret = world.add_channel("#secret", is_private=True)
    assert (await slack.join(secret)).outcome is Outcome.CHANNEL_REFUSED
    world.mood(moods.refuse("already_in_channel"))
    assert (await slack.join("C0DB000")).outcome is Outcome.DELIVERED
    world.mood(moods.STALL)
    assert (await slack.join("C0DB000")).outcome is Outcome.RETRY


async def test_ids_pass_through_without_a_call(world: SlackWorld, slack: SlackClient) -> None:
    for target in ("C0DB000", "D0MARIA", "G0OLDGROUP"):
        answer = await slack.resolve(target)
        assert (answer.outcome, answer.channel) == (Outcome.DELIVERED, target)
    assert world.calls == []


async def test_names_are_found_on_later_pages_with_one_listing_for_all(clock: HandClock) -> None:
    world = SlackWorld(clock.now, page=2)
    ids = {f"#team-{number}": world.add_channel(f"#team-{number}") for number in range(9)}
    ids["#secret"] = world.add_channel("#secret", is_private=True)
    world.add_channel("#hidden", is_private=True, is_joined=False)
    world.add_channel("#old", is_archived=True)
    slack = FakeTransport(world, clock).client
    for name, expected in ids.items():
        assert (await slack.resolve(name)).channel == expected
    assert len(world.calls_of("conversations.list")) == 5
    for name in ("#hidden", "#old", "#nowhere"):
        refused = await slack.resolve(name)
        assert (refused.outcome, refused.error) == (Outcome.CHANNEL_REFUSED, "channel_not_found")
    assert len(world.calls_of("conversations.list")) == 5


async def test_a_channel_made_just_now_is_found_a_minute_later(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    assert (await slack.resolve("#new")).outcome is Outcome.CHANNEL_REFUSED
    made = world.add_channel("#new")
    assert (await slack.resolve("#new")).outcome is Outcome.CHANNEL_REFUSED
    clock.advance(minutes=1)
    assert (await slack.resolve("#new")).channel == made


async def test_a_listing_cut_short_goes_on_where_it_was(clock: HandClock) -> None:
    world = SlackWorld(clock.now, page=1)
    names = [f"#team-{number:02}" for number in range(60)]
    for name in names:
        world.add_channel(name)
    slack = FakeTransport(world, clock).client
    waits = 0
    while (answer := await slack.resolve(names[-1])).outcome is Outcome.RETRY:
        assert answer.retry_after is not None
        clock.advance(seconds=answer.retry_after.total_seconds())
        waits += 1
    assert answer.outcome is Outcome.DELIVERED
    assert waits == 2
    assert len(world.calls_of("conversations.list")) == 60 + waits


async def test_a_cursor_that_aged_begins_the_listing_again(clock: HandClock) -> None:
    world = SlackWorld(clock.now, page=1)
    for name in ("#a", "#b"):
        world.add_channel(name)
    slack = FakeTransport(world, clock).client
    assert (await slack.resolve("#a")).outcome is Outcome.DELIVERED
    world.mood(moods.refuse("invalid_cursor"))
    assert (await slack.resolve("#b")).outcome is Outcome.RETRY
    assert (await slack.resolve("#b")).outcome is Outcome.DELIVERED
    assert [call.form.get("cursor", "") != "" for call in world.calls] == [False, True, False, True]


async def test_a_listing_of_junk_is_nobodys_channel(clock: HandClock) -> None:
    wire = Canned(conversations_list={"ok": True, "channels": "?"})
    assert (await SlackClient(wire, clock).resolve("#db")).outcome is Outcome.CHANNEL_REFUSED
    wire = Canned(conversations_list={"ok": True, "channels": [7, {"name": "db"}], "response_metadata": 7})
    assert (await SlackClient(wire, clock).resolve("#db")).outcome is Outcome.CHANNEL_REFUSED


@pytest.mark.parametrize("target", ["U0MARIA", "email:maria@example.com"])
async def test_a_person_is_a_direct_message(
    world: SlackWorld, slack: SlackClient, target: str, clock: HandClock
) -> None:
    for _ in range(2):
        answer = await slack.resolve(target)
        assert (answer.outcome, answer.channel) == (Outcome.DELIVERED, world.direct("maria").id)
    assert len(world.calls_of("conversations.open")) == 1
    await slack.post(answer.channel, said(), tag())
    assert [sound.why for sound in world.sounds_of("maria")] == ["direct"]
    clock.advance(hours=25)
    await slack.resolve(target)
    assert len(world.calls_of("conversations.open")) == 2


async def test_people_who_cannot_be_reached_are_refused_and_asked_about_again_later(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    for target, error in {"email:nobody@example.com": "users_not_found", "U0NOBODY": "user_not_found"}.items():
        for _ in range(2):
            answer = await slack.resolve(target)
            assert (answer.outcome, answer.error) == (Outcome.CHANNEL_REFUSED, error)
    assert len(world.calls) == 2
    world.add_person("nobody", slack_id="U0NOBODY")
    clock.advance(minutes=10)
    assert (await slack.resolve("email:nobody@example.com")).outcome is Outcome.DELIVERED
    gone = world.add_person("gone", slack_id="U0GONE00", is_active=False)
    assert (await slack.resolve(gone)).error == "user_disabled"


@pytest.mark.parametrize(
    ("mood", "outcome"),
    [
        (moods.STALL, Outcome.RETRY),
        (moods.ratelimit(), Outcome.RETRY),
        (moods.refuse("a_code_from_next_year"), Outcome.CHANNEL_REFUSED),
        (moods.refuse("missing_scope"), Outcome.CHANNEL_REFUSED),
        (moods.refuse("invalid_auth"), Outcome.WORKSPACE_REFUSED),
    ],
)
@pytest.mark.parametrize("target", ["#db", "U0MARIA", "email:maria@example.com"])
async def test_a_lookup_that_fails_is_told_as_what_it_is(
    world: SlackWorld, slack: SlackClient, target: str, mood: moods.Mood, outcome: Outcome
) -> None:
    world.mood(mood)
    assert (await slack.resolve(target)).outcome is outcome


async def test_success_that_names_nobody_is_asked_again(clock: HandClock) -> None:
    wire = Canned(users_lookupByEmail={"ok": True, "user": "?"}, conversations_open={"ok": True, "channel": {}})
    slack = SlackClient(wire, clock)
    assert (await slack.resolve("email:maria@example.com")).error == "no_user_in_answer"
    assert (await slack.resolve("U0MARIA")).outcome is Outcome.RETRY


# Who we are.


async def test_a_user_group_is_found_by_its_handle_with_one_listing_for_all(
    world: SlackWorld, slack: SlackClient
) -> None:
    known = world.add_group("db")
    assert (await slack.group("@db")).channel == known
    assert (await slack.group("S0123ABCD")).channel == "S0123ABCD", "an id needs no listing"
    assert (await slack.group("@db")).channel == known
    assert len(world.calls_of("usergroups.list")) == 1


async def test_a_group_made_just_now_is_found_a_minute_later(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    assert (await slack.group("@db")).error == "no_such_group"
    known = world.add_group("db")
    assert (await slack.group("@db")).outcome is Outcome.CHANNEL_REFUSED, "a listing is 20 calls a minute at best"
    clock.advance(minutes=1)
    assert (await slack.group("@db")).channel == known


@pytest.mark.parametrize("is_paid", [True, False])
async def test_who_may_not_list_groups_is_told_so_at_once(world: SlackWorld, slack: SlackClient, is_paid: bool) -> None:
    world.is_paid = is_paid
    world.scopes -= {"usergroups:read"} if is_paid else set()
    answer = await slack.group("@db")
    assert (answer.outcome, answer.error) == (
        Outcome.CHANNEL_REFUSED,
        "missing_scope" if is_paid else "paid_teams_only",
    )


async def test_slacks_trouble_with_its_groups_is_waited_out_for_a_minute(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    world.add_group("db")
    world.mood(moods.UNREACHABLE, method="usergroups.list", times=None)
    assert (await slack.group("@db")).outcome is Outcome.RETRY
    clock.advance(seconds=59)
    assert (await slack.group("@db")).outcome is Outcome.RETRY
    clock.advance(seconds=1)
    assert (await slack.group("@db")).outcome is Outcome.CHANNEL_REFUSED
    world.clear_moods()
    assert (await slack.group("@db")).outcome is Outcome.DELIVERED


async def test_until_when_notifications_are_paused(world: SlackWorld, slack: SlackClient, clock: HandClock) -> None:
    now, hour = clock.now(), timedelta(hours=1)
    assert await slack.paused_until("email:maria@example.com") is None
    world.pause("maria", now - hour, now + hour)
    assert await slack.paused_until("email:maria@example.com") == now + hour
    assert await slack.paused_until("U0MARIA") == now + hour
    clock.advance(hours=1)
    assert await slack.paused_until("U0MARIA") is None, "the end is not"
    world.pause("maria", clock.now() + hour, clock.now() + 9 * hour)
    assert await slack.paused_until("U0MARIA") is None, "tonight's have not begun"
    assert await slack.paused_until("email:nobody@example.com") is None
    assert len(world.calls_of("users.lookupByEmail")) == 2, "known once it was found"


async def test_who_may_not_ask_for_pauses_asks_once_an_hour(
    world: SlackWorld, slack: SlackClient, clock: HandClock
) -> None:
    world.pause("maria", clock.now(), clock.now() + timedelta(hours=9))
    world.scopes -= {"dnd:read"}
    for _ in range(3):
        assert await slack.paused_until("U0MARIA") is None
    assert len(world.calls_of("dnd.info")) == 1
    world.scopes |= {"dnd:read"}
    clock.advance(hours=1)
    assert await slack.paused_until("U0MARIA") is not None


@pytest.mark.parametrize("mood", [moods.UNREACHABLE, moods.ratelimit(), moods.refuse("a_code_from_next_year")])
async def test_a_word_about_pauses_that_does_not_come_is_not_waited_for(
    world: SlackWorld, slack: SlackClient, clock: HandClock, mood: moods.Mood
) -> None:
    world.pause("maria", clock.now(), clock.now() + timedelta(hours=9))
    world.mood(mood, method="dnd.info")
    assert await slack.paused_until("U0MARIA") is None
    clock.advance(minutes=2)
    assert await slack.paused_until("U0MARIA") is not None


async def test_check_learns_the_workspace_and_its_scopes(clock: HandClock, world: SlackWorld) -> None:
    slack = SlackClient(FakeTransport(world, clock)._serve, clock)
    check = await slack.check()
    assert (check.workspace, check.team, check.bot, check.url) == (
        "T000001",
        "Fake",
        "U0ROBOT",
        "https://fake.example/",
    )
    assert {"chat:write", "channels:history"} <= check.scopes
    world.tokens["xoxb-fake-1"] = "account_inactive"
    assert (await slack.check()).answer.error == "account_inactive"


async def test_check_that_finds_no_slack_says_why(clock: HandClock, world: SlackWorld, slack: SlackClient) -> None:
    world.mood(moods.UNREACHABLE)
    check = await slack.check()
    assert (check.answer.outcome, check.workspace, check.scopes) == (Outcome.RETRY, "", frozenset())
