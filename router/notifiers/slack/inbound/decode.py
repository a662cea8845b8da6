"""Bytes → what was done. Total: whatever comes is a value, a kind that we do not know, or a refusal in a word.

Asks nobody whether the bytes are Slack's: that was asked before.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from router.notifiers.slack.inbound import payloads, values
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
    ViewSubmission,
)

T = TypeVar("T")

LARGEST_BODY: Final = 1024 * 1024
"""Bytes. Slack publishes no limit; a modal of 250 kB is the largest thing that it sends."""
MOST_FIELDS: Final = 100
HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
"""Where a response_url leads."""


class Door(StrEnum):
    """Which kind of payload comes here. The words are Slack's own for the envelopes of Socket Mode."""

    ACTIONS = "interactive"
    COMMANDS = "slash_commands"
    EVENTS = "events_api"


class Unreadable(StrEnum):
    """Why a body is refused."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    """Most often it was cut short."""
    TOO_DEEP = "too_deep"
    NO_PAYLOAD = "no_payload"
    """A form without the one field that it is for, or with several."""
    MISSHAPEN = "misshapen"
    """Fields that are absent, of another type, or longer than Slack makes them."""


class Refusal(msgspec.Struct, frozen=True):
    """It is refused; `detail` names a place in it, never a value."""

    reason: Unreadable
    detail: str = ""


class Decoded(msgspec.Struct, frozen=True):
    """It is understood."""

    inbound: Inbound
    dropped_urls: int = 0
    """Addresses to answer to that were not Slack's."""


class _UnreadableError(Exception):
    def __init__(self, reason: Unreadable, detail: str = "") -> None:
        super().__init__(reason)
        self.refusal = Refusal(reason, detail[:200])


def decode(door: Door, body: bytes, *, api_url: str) -> Decoded | Refusal:
    """A request's body: a form with `payload`, a form, or JSON. `api_url`: the address of Slack's API as configured."""
    if len(body) > LARGEST_BODY:
        return Refusal(Unreadable.TOO_LARGE)
    try:
        if door is Door.EVENTS:
            return _Reader(api_url).event(body)
        form = _form(body)
        if form.get("ssl_check") == "1":
            return Decoded(SslCheck())
        if door is Door.COMMANDS:
            return _Reader(api_url).command(_read(lambda: msgspec.convert(form, payloads.Command)))
        if "payload" not in form:
            return Refusal(Unreadable.NO_PAYLOAD)
        return _Reader(api_url).interaction(form["payload"].encode())
    except _UnreadableError as error:
        return error.refusal


def decode_payload(door: Door, payload: bytes, *, api_url: str) -> Decoded | Refusal:
    """The JSON of an envelope of Socket Mode."""
    if len(payload) > LARGEST_BODY:
        return Refusal(Unreadable.TOO_LARGE)
    try:
        match door:
            case Door.EVENTS:
                return _Reader(api_url).event(payload)
            case Door.ACTIONS:
                return _Reader(api_url).interaction(payload)
            case Door.COMMANDS:
                return _Reader(api_url).command(_json(payload, payloads.Command))
    except _UnreadableError as error:
        return error.refusal


def is_slacks(url: str, api_url: str) -> bool:
    """Whether what it names is Slack's own: we post there what is nobody else's business, from inside a network that others
    cannot reach into. Where the API is another's, a test's or a proxy's, its own address too, port and scheme included."""
    try:
        found, api = urlsplit(url), urlsplit(api_url)
        host, port, is_https = found.hostname or "", found.port, found.scheme == "https"
        if found.username is not None or found.password is not None or not host or _UNFIT.search(url):
            return False
        is_beside_api = (found.scheme, host, port) == (api.scheme, api.hostname, api.port)
    except ValueError:
        return False
    return (is_https and host in HOSTS and port in {None, 443}) or (is_beside_api and found.scheme in {"http", "https"})


_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,80}", re.ASCII)
_CHANNEL = re.compile(r"[A-Z0-9]{1,40}", re.ASCII)
_TS = re.compile(r"[0-9]{1,15}\.[0-9]{1,10}", re.ASCII)
_UNFIT = re.compile(r"[\s\\\x00-\x20\x7f]")


def _form(body: bytes) -> dict[str, str]:
    try:
        text = body.decode()
        # Strict for what stands behind percent signs too.
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except UnicodeDecodeError:
        raise _UnreadableError(Unreadable.NOT_UTF8) from None
    except ValueError:
        raise _UnreadableError(Unreadable.MISSHAPEN, f"more than {MOST_FIELDS} fields") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _UnreadableError(Unreadable.MISSHAPEN, "a field that stands there twice")
    return form


def _json(text: bytes | msgspec.Raw, shape: type[T]) -> T:
    try:
        return _read(lambda: msgspec.json.decode(text, type=shape))
    except (UnicodeDecodeError, msgspec.DecodeError):
        reason = Unreadable.NOT_JSON if _is_utf8(bytes(text)) else Unreadable.NOT_UTF8
        raise _UnreadableError(reason) from None
    except RecursionError:
        raise _UnreadableError(Unreadable.TOO_DEEP) from None


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except msgspec.ValidationError as error:
        raise _UnreadableError(Unreadable.MISSHAPEN, str(error)) from None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Reader:
    """One payload."""

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url
        self._dropped = 0

    def interaction(self, text: bytes) -> Decoded:
        kind = _json(text, payloads.Head).type
        read = self._INTERACTIONS.get(kind)
        if read is None:
            return Decoded(Unknown(kind[:100]))
        inbound = read(self, _json(text, payloads.Interaction))
        return Decoded(inbound, self._dropped)

    def command(self, found: payloads.Command) -> Decoded:
        return Decoded(
            SlashCommand(
                key=_key("command", found.trigger_id),
                user=User(found.user_id, found.team_id, found.user_name),
                command=found.command,
                text=found.text,
                channel=found.channel_id,
                channel_name=found.channel_name,
                trigger_id=found.trigger_id,
                response_url=self._url(found.response_url),
            ),
            self._dropped,
        )

    def event(self, text: bytes) -> Decoded:
        envelope = _json(text, payloads.Envelope)
        if envelope.type == "url_verification":
            return Decoded(UrlVerification(envelope.challenge))
        if envelope.type != "event_callback":
            return Decoded(Unknown(envelope.type[:100]))
        kind = _json(envelope.event, payloads.Head).type
        read = self._EVENTS.get(kind)
        if read is None:
            return Decoded(Unknown(kind[:100]))
        happened = _json(envelope.event, payloads.Happened)
        return Decoded(read(self, _key("event", envelope.event_id), envelope.team_id or "", happened))

    # Interactions.

    def _block_actions(self, found: payloads.Interaction) -> Inbound:
        actions = tuple(_action(element) for element in found.actions)
        if not actions:
            raise _UnreadableError(Unreadable.MISSHAPEN, "block_actions without an action")
        first = actions[0]
        return BlockActions(
            key=_key("action", found.user.id, first.ts, first.block_id, first.action_id) if first.ts else "",
            user=_user(found),
            actions=actions,
            place=_place(found),
            view=None if found.view is None else _view(found.view),
            trigger_id=found.trigger_id or "",
            response_url=self._url(found.response_url),
            text=(found.message.text if found.message else None) or "",
        )

    def _view_submission(self, found: payloads.Interaction) -> Inbound:
        modal = _present(found.view, "view")
        # The hash is that of the view as it was opened: whoever corrects an input sends the same one.
        state = hashlib.blake2b(msgspec.json.encode(modal.state), digest_size=8).hexdigest()
        urls = tuple((one.channel_id, url) for one in found.response_urls or () if (url := self._url(one.response_url)))
        return ViewSubmission(
            key=_key("view", modal.id, modal.hash or "", state),
            user=_user(found),
            view=_view(modal),
            trigger_id=found.trigger_id or "",
            response_urls=urls,
        )

    def _shortcut(self, found: payloads.Interaction) -> Inbound:
        callback_id = _present(found.callback_id, "callback_id")
        return Shortcut(_key("shortcut", found.trigger_id), _user(found), callback_id, found.trigger_id or "")

    def _message_action(self, found: payloads.Interaction) -> Inbound:
        said = found.message or payloads.Said()
        return MessageAction(
            key=_key("shortcut", found.trigger_id),
            user=_user(found),
            callback_id=_present(found.callback_id, "callback_id"),
            place=_place(found),
            text=said.text or "",
            author=said.user or "",
            link=_link(found),
            trigger_id=found.trigger_id or "",
            response_url=self._url(found.response_url),
        )

    # Events.

    def _mention(self, key: str, team: str, found: payloads.Happened) -> Inbound:
        return Mention(
            key=key,
            user=User(found.user or "", found.team or team),
            text=found.text,
            channel=found.channel,
            ts=found.ts,
            thread_ts=found.thread_ts or "",
            is_bot=bool(found.bot_id),
        )

    def _reaction(self, key: str, team: str, found: payloads.Happened) -> Inbound:
        item = found.item or payloads.Item()
        return ReactionAdded(
            key, User(found.user or "", team), found.reaction, item.channel, item.ts, found.item_user or ""
        )

    def _url(self, url: str | None) -> str:
        if not url:
            return ""
        if is_slacks(url, self._api_url):
            return url
        self._dropped += 1
        return ""

    _INTERACTIONS: Final[Mapping[str, "Callable[[_Reader, payloads.Interaction], Inbound]"]] = {
        "block_actions": _block_actions,
        "view_submission": _view_submission,
        "shortcut": _shortcut,
        "message_action": _message_action,
    }
    _EVENTS: Final[Mapping[str, "Callable[[_Reader, str, str, payloads.Happened], Inbound]"]] = {
        "app_mention": _mention,
        "reaction_added": _reaction,
    }


def _key(kind: str, *parts: str | None) -> str:
    """What is the same if it comes again; "" where Slack names nothing of the kind."""
    return ":".join((kind, *(part or "" for part in parts))) if parts[0] else ""


def _present(value: T | None, name: str) -> T:
    if value is None:
        raise _UnreadableError(Unreadable.MISSHAPEN, f"{name} is missing")
    return value


def _user(found: payloads.Interaction) -> User:
    sender = found.user
    team = sender.team_id or (found.team.id if found.team else "")
    return User(sender.id, team, sender.username or sender.name or "")


def _link(found: payloads.Interaction) -> str:
    """To the message, as Slack's own permalinks are: https://docs.slack.dev/reference/methods/chat.getPermalink"""
    place, domain = _place(found), "" if found.team is None else found.team.domain
    if not (_DOMAIN.fullmatch(domain) and _CHANNEL.fullmatch(place.channel) and _TS.fullmatch(place.message_ts)):
        return ""
    address = f"https://{domain}.slack.com/archives/{place.channel}/p{place.message_ts.replace('.', '')}"
    if place.thread_ts in {"", place.message_ts} or not _TS.fullmatch(place.thread_ts):
        return address
    return f"{address}?thread_ts={place.thread_ts}&cid={place.channel}"


def _place(found: payloads.Interaction) -> Place:
    said, inside = found.message or payloads.Said(), found.container or payloads.Container()
    return Place(
        channel=(found.channel.id if found.channel else inside.channel_id) or "",
        message_ts=said.ts or inside.message_ts or found.message_ts or "",
        thread_ts=said.thread_ts or inside.thread_ts or "",
        view=inside.view_id or (found.view.id if found.view else ""),
        is_ephemeral=bool(inside.is_ephemeral),
    )


def _view(modal: payloads.Modal) -> values.View:
    state = {} if modal.state is None else modal.state.values
    return values.View(
        id=modal.id,
        callback_id=modal.callback_id or "",
        private_metadata=modal.private_metadata or "",
        hash=modal.hash or "",
        root=modal.root_view_id or "",
        external_id=modal.external_id or "",
        state={
            block: {name: _action(element, block, name) for name, element in elements.items()}
            for block, elements in state.items()
        },
    )


def _action(element: payloads.Element, block_id: str = "", action_id: str = "") -> Action:
    chosen = element.selected_option.value if element.selected_option else None
    found = (
        element.value,
        chosen,
        element.selected_user,
        element.selected_channel,
        element.selected_conversation,
        element.selected_date,
        element.selected_time,
    )
    several = [
        *(option.value or "" for option in element.selected_options or ()),
        *(element.selected_users or ()),
        *(element.selected_channels or ()),
        *(element.selected_conversations or ()),
    ]
    return Action(
        action_id=element.action_id or action_id,
        block_id=element.block_id or block_id,
        kind=element.type,
        value=next((one for one in found if one is not None), ""),
        values=tuple(several),
        instant_s=element.selected_date_time,
        ts=element.action_ts,
    )
