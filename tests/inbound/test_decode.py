"""Slack's payloads as values: each kind, what is sent twice, and whatever else may stand in a body."""

import json
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.notifiers.slack.inbound import values
from router.notifiers.slack.inbound.decode import (
    LARGEST_BODY,
    Decoded,
    Door,
    Refusal,
    Unreadable,
    decode,
    decode_payload,
    is_slacks,
)
from router.notifiers.slack.inbound.values import (
    Action,
    BlockActions,
    Inbound,
    Mention,
    MessageAction,
    Place,
    ReactionAdded,
    Shortcut,
    SlashCommand,
    SslCheck,
    Unknown,
    UrlVerification,
    User,
    View,
    ViewSubmission,
)
from rules.model.configuration import SLACK_API_URL
from tests.inbound.stage import acting
from tests.slack.conftest import HandClock
from tests.slackworld.acting import BOT, TEAM, Acting, Gesture

MARIA = User("U0MARIA", TEAM, "maria")


def understood(gesture: Gesture) -> Inbound:
    """Over HTTP, and the same as the payload of an envelope."""
    over_http = decode(Door(gesture.door), gesture.body, api_url=SLACK_API_URL)
    assert isinstance(over_http, Decoded), over_http
    if gesture.payload.get("ssl_check") is None:
        payload = json.dumps(gesture.payload).encode()
        assert decode_payload(Door(gesture.door), payload, api_url=SLACK_API_URL) == over_http
    return over_http.inbound


def refused(door: Door, body: bytes) -> Unreadable:
    found = decode(door, body, api_url=SLACK_API_URL)
    assert isinstance(found, Refusal), found
    return found.reason


@pytest.fixture
def people() -> Acting:
    return acting(HandClock())


def test_a_button(people: Acting) -> None:
    found = understood(people.click("1.5", "ar.acknowledge", by="maria", channel="#db", value="{}", thread_ts="1.1"))
    assert isinstance(found, BlockActions)
    assert found.user == MARIA
    assert found.place == Place("C0DB000", "1.5", "1.1")
    [action] = found.actions
    assert (action.action_id, action.block_id, action.kind, action.value) == (
        "ar.acknowledge",
        "actions",
        "button",
        "{}",
    )
    assert found.key == f"action:U0MARIA:{action.ts}:actions:ar.acknowledge"
    assert found.trigger_id
    assert found.response_url.startswith("https://hooks.slack.com/actions/")


def test_a_button_under_a_message_that_only_one_person_sees(people: Acting) -> None:
    found = understood(people.click("1.5", "ar.x", by="maria", channel="#db", is_ephemeral=True))
    assert isinstance(found, BlockActions)
    assert (found.place, found.text) == (Place("C0DB000", "1.5", is_ephemeral=True), "")


ELEMENTS = [
    ({"type": "overflow", "selected_option": {"text": {}, "value": "o1"}}, "o1", ()),
    ({"type": "static_select", "selected_option": {"value": "15m"}}, "15m", ()),
    ({"type": "static_select", "selected_option": None}, "", ()),
    ({"type": "users_select", "selected_user": "U1"}, "U1", ()),
    ({"type": "multi_users_select", "selected_users": ["U1", "U2"]}, "", ("U1", "U2")),
    ({"type": "channels_select", "selected_channel": "C1"}, "C1", ()),
    ({"type": "multi_channels_select", "selected_channels": ["C1"]}, "", ("C1",)),
    ({"type": "conversations_select", "selected_conversation": "G1"}, "G1", ()),
    ({"type": "multi_conversations_select", "selected_conversations": ["G1"]}, "", ("G1",)),
    ({"type": "datepicker", "selected_date": "2026-03-05"}, "2026-03-05", ()),
    ({"type": "timepicker", "selected_time": "09:30"}, "09:30", ()),
    ({"type": "checkboxes", "selected_options": [{"value": "a"}, {"value": "b"}]}, "", ("a", "b")),
    ({"type": "radio_buttons", "selected_option": {"value": "r"}}, "r", ()),
    ({"type": "plain_text_input", "value": "words"}, "words", ()),
    ({"type": "plain_text_input", "value": None}, "", ()),
]


@pytest.mark.parametrize(("element", "value", "several"), ELEMENTS)
def test_every_element_gives_what_was_chosen(
    people: Acting, element: dict[str, object], value: str, several: tuple[str, ...]
) -> None:
    pressed = understood(people.click("1.5", "ar.x", by="maria", channel="#db", element=element))
    assert isinstance(pressed, BlockActions)
    assert (pressed.actions[0].value, pressed.actions[0].values) == (value, several)
    sent = understood(people.submit(people.opened("ar.x"), by="maria", values={"b": {"a": element}}))
    assert isinstance(sent, ViewSubmission)
    assert sent.view.given("b", "a") == Action("a", "b", str(element["type"]), value, several)
    assert sent.view.given("b", "other") is None


def test_an_instant(people: Acting) -> None:
    element = {"type": "datetimepicker", "selected_date_time": 1772625600}
    found = understood(people.click("1.5", "ar.x", by="maria", channel="#db", element=element))
    assert isinstance(found, BlockActions)
    assert found.actions[0].instant_s == 1772625600


def test_a_modal_that_was_sent(people: Acting) -> None:
    view = people.opened("ar.resolve", '{"n":12}')
    sent = understood(people.submit(view, by="maria"))
    seen = View(view["id"], "ar.resolve", '{"n":12}', view["hash"], view["root_view_id"])
    assert isinstance(sent, ViewSubmission)
    assert (sent.user, sent.view) == (MARIA, seen)
    assert sent.key.startswith(f"view:{view['id']}:{view['hash']}:")


def test_a_modal_that_was_corrected_is_another_submission(people: Acting) -> None:
    view = people.opened("ar.resolve")

    def sent(text: str) -> str:
        values = {"b": {"a": {"type": "plain_text_input", "value": text}}}
        return understood(people.submit(view, by="maria", values=values)).key

    assert sent("because") == sent("because")
    assert sent("because") != sent("")


def test_an_element_of_a_modal_stands_in_no_channel(people: Acting) -> None:
    view = people.opened("ar.silence")
    found = understood(people.click_in_view(view, "ar.preview", by="maria"))
    assert isinstance(found, BlockActions)
    assert found.place == Place(view=view["id"])
    assert found.view is not None
    assert (found.view.id, found.response_url) == (view["id"], "")


def test_where_a_modal_asked_for_a_channel_the_addresses_are_slacks(people: Acting) -> None:
    gesture = people.submit(people.opened("x"), by="maria")
    urls = [
        {"channel_id": "C1", "response_url": "https://hooks.slack.com/app/1"},
        {"channel_id": "C2", "response_url": "https://evil.example/app/1"},
    ]
    found = decode(
        Door.ACTIONS, Gesture("interactive", {**gesture.payload, "response_urls": urls}).body, api_url=SLACK_API_URL
    )
    assert isinstance(found, Decoded)
    assert isinstance(found.inbound, ViewSubmission)
    assert found.inbound.response_urls == (("C1", "https://hooks.slack.com/app/1"),)
    assert found.dropped_urls == 1


def test_the_shortcuts(people: Acting) -> None:
    everywhere = understood(people.shortcut("create_incident", by="maria"))
    assert isinstance(everywhere, Shortcut)
    assert (everywhere.user, everywhere.callback_id) == (MARIA, "create_incident")
    assert everywhere.key == f"shortcut:{everywhere.trigger_id}"
    of_message = understood(people.message_action("1.7", "add_to_timeline", by="jonas", channel="#db"))
    assert isinstance(of_message, MessageAction)
    assert (of_message.callback_id, of_message.place, of_message.text, of_message.author) == (
        "add_to_timeline",
        Place("C0DB000", "1.7"),
        "I see it too",
        "U0MARIA",
    )


def test_what_nothing_is_made_of_is_known_by_its_kind_alone(people: Acting) -> None:
    view = people.opened("ar.view")
    gestures = {
        "view_closed": people.close(view, by="maria"),
        "block_suggestion": people.suggest("ar.assign", "mar", by="jonas", view=view),
        "app_home_opened": people.open_home(by="maria"),
        "app_uninstalled": people.uninstall(),
        "tokens_revoked": people.revoke(),
    }
    assert {kind: understood(gesture) for kind, gesture in gestures.items()} == {
        kind: Unknown(kind) for kind in gestures
    }


def test_a_command(people: Acting) -> None:
    found = understood(people.command("ack 12 “ö” &amp; <@U1>\nmore", by="maria", channel="#db", command="/pd"))
    assert isinstance(found, SlashCommand)
    assert (found.user, found.command, found.text) == (MARIA, "/pd", "ack 12 “ö” &amp; <@U1>\nmore")
    assert (found.channel, found.channel_name) == ("C0DB000", "db")
    assert found.key == f"command:{found.trigger_id}"
    assert found.response_url.startswith("https://hooks.slack.com/commands/")


def test_the_events(people: Acting) -> None:
    mention = understood(people.mention("ack", by="maria", channel="#db", thread_ts="1.1"))
    assert isinstance(mention, Mention)
    assert (mention.user, mention.text, mention.channel, mention.thread_ts) == (
        User("U0MARIA", TEAM),
        f"<@{BOT}> ack",
        "C0DB000",
        "1.1",
    )
    assert mention.key.startswith("event:Ev")
    assert not mention.is_bot
    reaction = understood(people.react("1.5", "eyes", by="maria", channel="#db"))
    assert isinstance(reaction, ReactionAdded)
    assert (reaction.reaction, reaction.channel, reaction.ts, reaction.author) == ("eyes", "C0DB000", "1.5", BOT)


def test_another_app_that_mentions_us_is_a_bot(people: Acting) -> None:
    event = {"type": "app_mention", "bot_id": "B1", "text": "<@U0ROBOT> ack", "channel": "C1", "ts": "1.2"}
    found = understood(people.event(event))
    assert isinstance(found, Mention)
    assert found.is_bot


def test_slack_asks_whether_an_address_is_ours(people: Acting) -> None:
    assert understood(people.verify_url("abc")) == UrlVerification("abc")
    assert understood(people.check_ssl()) == SslCheck()


@pytest.mark.parametrize(
    "gesture",
    [
        Gesture("interactive", {"type": "dialog_submission", "user": "not even an object"}),
        Gesture("events_api", {"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1}),
        Gesture(
            "events_api", {"type": "event_callback", "event_id": "E", "event": {"type": "user_change", "user": {}}}
        ),
    ],
)
def test_a_kind_that_nobody_knows_is_no_mistake(gesture: Gesture) -> None:
    found = understood(gesture)
    assert isinstance(found, Unknown)
    assert (found.key, found.kind in {"dialog_submission", "app_rate_limited", "user_change"}) == ("", True)


def test_the_word_for_an_unknown_kind_is_short() -> None:
    assert understood(Gesture("interactive", {"type": "x" * 200})) == Unknown("x" * 100)


EVERY: list[Callable[[Acting], Gesture]] = [
    lambda people: people.click("1.5", "ar.x", by="maria", channel="#db"),
    lambda people: people.submit(people.opened("x"), by="maria"),
    lambda people: people.command("help", by="maria", channel="#db"),
    lambda people: people.mention("help", by="maria", channel="#db"),
]


@pytest.mark.parametrize("make", EVERY)
def test_a_body_that_breaks_off_is_refused(people: Acting, make: Callable[[Acting], Gesture]) -> None:
    gesture = make(people)
    whole = decode(Door(gesture.door), gesture.body, api_url=SLACK_API_URL)
    for length in range(len(gesture.body)):
        found = decode(Door(gesture.door), gesture.body[:length], api_url=SLACK_API_URL)
        # The end of a command's form is a field that nothing depends on.
        assert isinstance(found, Refusal) or (gesture.door == "slash_commands" and found != whole)


@pytest.mark.parametrize(
    ("door", "body", "reason"),
    [
        (Door.EVENTS, b"", Unreadable.NOT_JSON),
        (Door.EVENTS, b"\xff\xfe{}", Unreadable.NOT_UTF8),
        (Door.EVENTS, b'{"type":"\xff"}', Unreadable.NOT_UTF8),
        (
            Door.EVENTS,
            b'{"type":"event_callback","event":{"type":"app_mention","text":"\\ud800"}}',
            Unreadable.NOT_JSON,
        ),
        (Door.EVENTS, b"[]", Unreadable.MISSHAPEN),
        (Door.EVENTS, b'{"type":7}', Unreadable.MISSHAPEN),
        (Door.EVENTS, b'{"type":"event_callback","event":null}', Unreadable.MISSHAPEN),
        (Door.EVENTS, b'{"type":"event_callback"}', Unreadable.MISSHAPEN),
        (Door.EVENTS, b'{"type":"x","y":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Unreadable.TOO_DEEP),
        (Door.EVENTS, b" " * (LARGEST_BODY + 1), Unreadable.TOO_LARGE),
        (Door.EVENTS, json.dumps({"type": "x" * 256}).encode(), Unreadable.MISSHAPEN),
        (Door.ACTIONS, b"", Unreadable.NO_PAYLOAD),
        (Door.ACTIONS, b"payload", Unreadable.NOT_JSON),
        (Door.ACTIONS, b"payload=%FF", Unreadable.NOT_UTF8),
        (Door.ACTIONS, b"payload=\xff", Unreadable.NOT_UTF8),
        (Door.ACTIONS, b"payload={}&payload={}", Unreadable.MISSHAPEN),
        (Door.ACTIONS, b"&".join(b"f%d=" % number for number in range(101)), Unreadable.MISSHAPEN),
        (Door.ACTIONS, b'payload={"type":"block_actions"}', Unreadable.MISSHAPEN),
        (Door.ACTIONS, b'payload={"type":"block_actions","user":{"id":"U1"},"actions":[]}', Unreadable.MISSHAPEN),
        (Door.ACTIONS, b'payload={"type":"view_submission","user":{"id":"U1"}}', Unreadable.MISSHAPEN),
        (Door.ACTIONS, b'payload={"type":"shortcut","user":{"id":"U1"}}', Unreadable.MISSHAPEN),
        (Door.COMMANDS, b"command=/incident", Unreadable.MISSHAPEN),
        (Door.COMMANDS, urlencode({"command": "/x", "user_id": "U" * 256}).encode(), Unreadable.MISSHAPEN),
        (
            Door.COMMANDS,
            urlencode({"command": "/x", "user_id": "U1", "text": "x" * 40_001}).encode(),
            Unreadable.MISSHAPEN,
        ),
    ],
)
def test_what_is_refused_and_why(door: Door, body: bytes, reason: Unreadable) -> None:
    assert refused(door, body) is reason


def test_a_refusal_repeats_nothing_of_the_body() -> None:
    found = decode(Door.EVENTS, b'{"type":"event_callback","event_id":["hunter2"]}', api_url=SLACK_API_URL)
    assert found == Refusal(Unreadable.MISSHAPEN, "Expected `str`, got `array` - at `$.event_id`")


@given(st.sampled_from(Door), st.binary(max_size=300))
def test_no_bytes_raise(door: Door, body: bytes) -> None:
    assert isinstance(decode(door, body, api_url=SLACK_API_URL), Decoded | Refusal)
    assert isinstance(decode_payload(door, body, api_url=SLACK_API_URL), Decoded | Refusal)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=10,
)
KEYS = st.sampled_from(
    [
        "user",
        "team",
        "channel",
        "message",
        "container",
        "view",
        "actions",
        "trigger_id",
        "response_url",
        "state",
        "event",
    ]
)
TYPES = st.sampled_from(
    ["block_actions", "view_submission", "event_callback", "app_mention", "message_action", "other"]
)


@given(st.sampled_from(Door), TYPES, st.dictionaries(KEYS, JSON | st.fixed_dictionaries({"id": JSON, "type": TYPES})))
def test_no_shape_raises(door: Door, kind: str, rest: dict[str, object]) -> None:
    payload = json.dumps({**rest, "type": kind}).encode()
    assert isinstance(decode_payload(door, payload, api_url=SLACK_API_URL), Decoded | Refusal)


@pytest.mark.parametrize(
    ("url", "api", "is_ours"),
    [
        ("https://hooks.slack.com/actions/T/1/x", SLACK_API_URL, True),
        ("https://hooks.slack.com:443/actions/T/1/x", SLACK_API_URL, True),
        ("https://hooks.slack-gov.com/commands/T/1/x", SLACK_API_URL, True),
        ("https://slack.com/api/x", SLACK_API_URL, True),
        ("http://hooks.slack.com/actions/T/1/x", SLACK_API_URL, False),
        ("https://hooks.slack.com:8443/x", SLACK_API_URL, False),
        ("https://hooks.slack.com.evil.example/x", SLACK_API_URL, False),
        ("https://hooks.slack.com@evil.example/x", SLACK_API_URL, False),
        ("https://evil.example@hooks.slack.com/x", SLACK_API_URL, False),
        ("https://hooks.slack.com\\@evil.example/x", SLACK_API_URL, False),
        ("https://hooks.slack.com /x", SLACK_API_URL, False),
        ("https://hooks.slack.com\n.evil.example/x", SLACK_API_URL, False),
        ("https://169.254.169.254/latest", SLACK_API_URL, False),
        ("http://127.0.0.1:9080/-/reload", SLACK_API_URL, False),
        ("file:///etc/passwd", SLACK_API_URL, False),
        ("//hooks.slack.com/x", SLACK_API_URL, False),
        ("https://[::1", SLACK_API_URL, False),
        ("https://hooks.slack.com:99999/x", SLACK_API_URL, False),
        ("", SLACK_API_URL, False),
        ("http://127.0.0.1:4711/hooks/1", "http://127.0.0.1:4711/api/", True),
        ("http://127.0.0.1:4712/hooks/1", "http://127.0.0.1:4711/api/", False),
        ("https://127.0.0.1:4711/hooks/1", "http://127.0.0.1:4711/api/", False),
        ("https://hooks.slack.com/x", "http://127.0.0.1:4711/api/", True),
    ],
)
def test_an_address_to_answer_to_leads_to_slack(url: str, api: str, is_ours: bool) -> None:
    assert is_slacks(url, api) is is_ours


def test_every_kind_has_a_name() -> None:
    kinds = {kind for kind in vars(values).values() if isinstance(kind, type) and hasattr(kind, "key")}
    assert kinds == set(values.KINDS)
