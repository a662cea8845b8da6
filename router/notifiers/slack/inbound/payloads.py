"""The shapes of Slack's payloads, as far as we read them; everything else in them is passed over. Bounded, and nothing more.

Slack writes null for much of what it leaves out elsewhere.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

Id = Annotated[str, Meta(max_length=255)]
Text = Annotated[str, Meta(max_length=40_000)]
"""The longest message that Slack keeps."""
Few = Meta(max_length=100)


class Head(msgspec.Struct):
    """What decides how the rest is read."""

    type: Id


class Named(msgspec.Struct):
    """An object that is read for its id."""

    id: Id


class Team(msgspec.Struct):
    """`team` of an interaction: the workspace that it was done in."""

    id: Id
    domain: Id = ""


class Sender(msgspec.Struct):
    """`user` of an interaction."""

    id: Id
    team_id: Id | None = None
    username: Id | None = None
    name: Id | None = None


class Chosen(msgspec.Struct):
    """One option of a menu."""

    value: Text | None = None


class Element(msgspec.Struct):
    """One element: in `actions`, or in the state of a view."""

    type: Id
    action_id: Id = ""
    block_id: Id = ""
    value: Text | None = None
    selected_option: Chosen | None = None
    selected_options: Annotated[list[Chosen], Few] | None = None
    selected_user: Id | None = None
    selected_users: Annotated[list[Id], Few] | None = None
    selected_channel: Id | None = None
    selected_channels: Annotated[list[Id], Few] | None = None
    selected_conversation: Id | None = None
    selected_conversations: Annotated[list[Id], Few] | None = None
    selected_date: Id | None = None
    selected_time: Id | None = None
    selected_date_time: int | None = None
    action_ts: Id = ""


class Said(msgspec.Struct):
    """The message that a button stands under."""

    ts: Id = ""
    thread_ts: Id | None = None
    text: Text | None = None
    user: Id | None = None


class Container(msgspec.Struct):
    """What an element stands in. Of an ephemeral message this is all there is."""

    message_ts: Id | None = None
    thread_ts: Id | None = None
    channel_id: Id | None = None
    view_id: Id | None = None
    is_ephemeral: bool | None = None


class State(msgspec.Struct):
    """What stands in the inputs of a view."""

    values: Annotated[dict[Id, Annotated[dict[Id, Element], Few]], Few] = {}


class Modal(msgspec.Struct):
    """`view`."""

    id: Id
    callback_id: Id | None = None
    private_metadata: Annotated[str, Meta(max_length=3_000)] | None = None
    hash: Id | None = None
    root_view_id: Id | None = None
    external_id: Id | None = None
    state: State | None = None


class ResponseUrl(msgspec.Struct):
    """Of a modal's element that asks for a channel."""

    response_url: Text = ""
    channel_id: Id = ""


class Interaction(msgspec.Struct):
    """Every kind of it that we know."""

    user: Sender
    team: Team | None = None
    channel: Named | None = None
    message: Said | None = None
    container: Container | None = None
    view: Modal | None = None
    actions: Annotated[list[Element], Few] = []
    callback_id: Id | None = None
    trigger_id: Id | None = None
    response_url: Text | None = None
    response_urls: Annotated[list[ResponseUrl], Few] | None = None
    action_ts: Id | None = None
    message_ts: Id | None = None


class Command(msgspec.Struct):
    """A slash command: a form over HTTP, an object in Socket Mode."""

    command: Id
    user_id: Id
    text: Text = ""
    team_id: Id = ""
    user_name: Id = ""
    channel_id: Id = ""
    channel_name: Id = ""
    trigger_id: Id = ""
    response_url: Text = ""


class Envelope(msgspec.Struct):
    """Around every event."""

    type: Id
    event_id: Id = ""
    team_id: Id | None = None
    challenge: Text = ""
    event: msgspec.Raw = msgspec.Raw(b"{}")


class Item(msgspec.Struct):
    """What a reaction stands under: a message, where it has a channel and a ts."""

    channel: Id = ""
    ts: Id = ""


class Happened(msgspec.Struct):
    """The events that we know."""

    user: Id | None = None
    team: Id | None = None
    text: Text = ""
    channel: Id = ""
    ts: Id = ""
    thread_ts: Id | None = None
    bot_id: Id | None = None
    reaction: Id = ""
    item: Item | None = None
    item_user: Id | None = None
