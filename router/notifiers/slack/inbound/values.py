"""What a person or Slack itself did, as a value: one type for each kind of payload. Data only.

https://docs.slack.dev/interactivity/handling-user-interaction, https://docs.slack.dev/apis/events-api,
https://docs.slack.dev/interactivity/implementing-slash-commands. Texts are as Slack sends them: `&`, `<` and `>` written as
entities, mentions as `<@U…>`.
"""

from collections.abc import Mapping

import msgspec


class User(msgspec.Struct, frozen=True):
    """Who did it."""

    id: str
    team: str = ""
    """Their workspace: not ours where a channel is shared with another company."""
    name: str = ""
    """Their user name, as Slack gives it with some payloads; for the eye only."""


class Place(msgspec.Struct, frozen=True):
    """Where it was done. "" for what the payload does not name: a button in a modal stands in no channel."""

    channel: str = ""
    message_ts: str = ""
    thread_ts: str = ""
    """Of the thread that the message is a reply in."""
    view: str = ""
    """The id of the modal or home tab that it stands in."""
    is_ephemeral: bool = False
    """The message is seen by this person only: it has no history, and can only be changed by its response_url."""


class Action(msgspec.Struct, frozen=True):
    """One element that was used."""

    action_id: str
    block_id: str
    kind: str
    """Slack's: button, overflow, static_select, datepicker, …"""
    value: str = ""
    """A button's value, the chosen option's value, the chosen user's or channel's id, a date, a time, the text."""
    values: tuple[str, ...] = ()
    """Where several can be chosen."""
    instant_s: int | None = None
    """Of a datetimepicker: seconds since the epoch."""
    ts: str = ""


class View(msgspec.Struct, frozen=True):
    """A modal or home tab."""

    id: str
    callback_id: str = ""
    private_metadata: str = ""
    hash: str = ""
    """Of its content: views.update with it is refused when somebody changed it in between."""
    root: str = ""
    external_id: str = ""
    state: Mapping[str, Mapping[str, Action]] = {}
    """block_id → action_id → what stands there."""

    def given(self, block_id: str, action_id: str) -> Action | None:
        return self.state.get(block_id, {}).get(action_id)


class BlockActions(msgspec.Struct, frozen=True):
    """Somebody used a button or a menu. Slack sends one action, in a list."""

    key: str
    user: User
    actions: tuple[Action, ...]
    place: Place = Place()
    view: View | None = None
    trigger_id: str = ""
    """Opens a modal within three seconds, once."""
    response_url: str = ""
    """"" where there is none, or where it leads elsewhere than to Slack."""
    text: str = ""
    """What the message said in its plain text."""


class ViewSubmission(msgspec.Struct, frozen=True):
    """Somebody sent a modal."""

    key: str
    user: User
    view: View
    trigger_id: str = ""
    response_urls: tuple[tuple[str, str], ...] = ()
    """(channel, address), of elements with `response_url_enabled`."""


class Shortcut(msgspec.Struct, frozen=True):
    """A global shortcut."""

    key: str
    user: User
    callback_id: str
    trigger_id: str = ""


class MessageAction(msgspec.Struct, frozen=True):
    """A message shortcut: one of the entries in a message's own menu."""

    key: str
    user: User
    callback_id: str
    place: Place
    text: str = ""
    author: str = ""
    """The message's: a user id, "" of a bot's."""
    link: str = ""
    """To the message; "" where the payload does not say enough for one."""
    trigger_id: str = ""
    response_url: str = ""


class SlashCommand(msgspec.Struct, frozen=True):
    """`/incident …`. Slack takes none inside a thread."""

    key: str
    user: User
    command: str
    text: str = ""
    channel: str = ""
    channel_name: str = ""
    trigger_id: str = ""
    response_url: str = ""


class Mention(msgspec.Struct, frozen=True):
    """A message that mentions the app."""

    key: str
    user: User
    text: str
    channel: str
    ts: str
    thread_ts: str = ""
    is_bot: bool = False
    """Another app wrote it: to answer may begin a conversation that nobody ends."""


class ReactionAdded(msgspec.Struct, frozen=True):
    """An emoji under a message."""

    key: str
    user: User
    reaction: str
    """Without colons."""
    channel: str
    ts: str
    author: str = ""


class UrlVerification(msgspec.Struct, frozen=True):
    """Slack asks whether an address is ours: the challenge is the answer."""

    challenge: str
    key: str = ""


class SslCheck(msgspec.Struct, frozen=True):
    """Slack looks at a certificate."""

    key: str = ""


class Unknown(msgspec.Struct, frozen=True):
    """A kind that we do not know, or an event that we did not ask for."""

    kind: str
    """Slack's word for it, at most 100 characters."""
    key: str = ""


Interaction = BlockActions | ViewSubmission | Shortcut | MessageAction
Event = Mention | ReactionAdded
Inbound = Interaction | SlashCommand | Event | UrlVerification | SslCheck | Unknown
"""`key` of each: what Slack sends again is sent with the same key; "" where sending it again does nothing."""

KINDS: Mapping[type, str] = {
    BlockActions: "block_actions",
    ViewSubmission: "view_submission",
    Shortcut: "shortcut",
    MessageAction: "message_action",
    SlashCommand: "command",
    Mention: "app_mention",
    ReactionAdded: "reaction_added",
    UrlVerification: "url_verification",
    SslCheck: "ssl_check",
    Unknown: "unknown",
}
"""As metrics and the log name them."""
