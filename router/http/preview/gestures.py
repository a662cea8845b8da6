"""What a person does on the page, and the body that Slack would send for it. Pure.

https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/interactivity/implementing-slash-commands
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from router.notifiers.preview.members import APP, BOT, ROUTER_ID, TEAM, Member
from router.notifiers.preview.preview import PreviewMessage, conversation_name
from router.notifiers.preview.workspace import OpenView, PrivateWord

Id = Annotated[str, Meta(max_length=255)]
Given = str | list[str]
"""What stands in an input: a text, the chosen value or id, or several."""
Filled = Mapping[str, Mapping[str, Given]]
"""block_id → action_id → what stands there."""


class Text(msgspec.Struct):
    """Of an option."""

    type: Literal["plain_text", "mrkdwn"]
    text: Annotated[str, Meta(max_length=75)]
    emoji: bool = True


class Option(msgspec.Struct):
    """The one that was chosen."""

    text: Text
    value: Annotated[str, Meta(max_length=150)] = ""


class Element(msgspec.Struct, omit_defaults=True):
    """A button or a menu as the page shows it: of a message that changed since then it is as it was, as in Slack."""

    type: Literal["button", "overflow", "static_select"]
    action_id: Id
    block_id: Id = ""
    value: Annotated[str, Meta(max_length=2_000)] | None = None
    selected_option: Option | None = None


class Press(msgspec.Struct, tag="press"):
    """A button or a menu under a message."""

    by: Id
    channel: Id
    ts: Id
    element: Element


class PressInView(msgspec.Struct, tag="press_in_view"):
    """A button or a menu in a modal."""

    by: Id
    view: Id
    element: Element
    given: Filled = {}


class Submit(msgspec.Struct, tag="submit"):
    """The button of a modal."""

    by: Id
    view: Id
    given: Filled = {}


class Close(msgspec.Struct, tag="close"):
    """Away with a modal."""

    by: Id
    view: Id


class Write(msgspec.Struct, tag="write"):
    """What stands in the line below a conversation: a slash command, or a message."""

    by: Id
    channel: Id
    text: Annotated[str, Meta(max_length=40_000)]
    thread_ts: Id = ""


class Shortcut(msgspec.Struct, tag="shortcut"):
    """An entry of the app's own in Slack's menu, or with `ts` in that of a message."""

    by: Id
    callback_id: Id
    channel: Id = ""
    ts: Id = ""


Gesture = Press | PressInView | Submit | Close | Write | Shortcut


class Moment(msgspec.Struct, frozen=True):
    """What comes with every gesture, new each time."""

    by: Member
    at: datetime
    ts: str
    trigger_id: str
    response_url: str = ""


def pressed(element: Element, message: PreviewMessage, moment: Moment) -> bytes:
    """block_actions of a message."""
    place = {"message_ts": message.ts, "channel_id": message.channel}
    thread = {"thread_ts": message.thread_ts} if message.thread_ts else {}
    said = {"type": "message", "user": ROUTER_ID, "ts": message.ts, "text": message.text, "bot_id": BOT, "app_id": APP}
    return _form(
        {
            **_interaction("block_actions", moment),
            "container": {"type": "message", **place, "is_ephemeral": False, **thread},
            "channel": _channel(message.channel),
            "message": {**said, **thread},
            "state": {"values": {}},
            "response_url": moment.response_url,
            "actions": [{**msgspec.to_builtins(element), "action_ts": moment.ts}],
        }
    )


def pressed_alone(element: Element, word: PrivateWord, moment: Moment) -> bytes:
    """block_actions of a message that one person sees: Slack does not say what stands in it."""
    thread = {"thread_ts": word.thread_ts} if word.thread_ts else {}
    place = {"message_ts": word.ts, "channel_id": word.channel}
    return _form(
        {
            **_interaction("block_actions", moment),
            "container": {"type": "message", **place, "is_ephemeral": True, **thread},
            "channel": _channel(word.channel),
            "state": {"values": {}},
            "response_url": moment.response_url,
            "actions": [{**msgspec.to_builtins(element), "action_ts": moment.ts}],
        }
    )


def pressed_in_view(element: Element, view: OpenView, given: Filled, moment: Moment) -> bytes:
    """block_actions of a modal."""
    return _form(
        {
            **_interaction("block_actions", moment),
            "container": {"type": "view", "view_id": view.id},
            "view": _filled(view, given),
            "actions": [{**msgspec.to_builtins(element), "action_ts": moment.ts}],
        }
    )


def submitted(view: OpenView, given: Filled, moment: Moment) -> bytes:
    """view_submission."""
    return _form({**_interaction("view_submission", moment), "view": _filled(view, given), "response_urls": []})


def _filled(view: OpenView, given: Filled) -> dict[str, Any]:
    values: dict[str, dict[str, object]] = {}
    for block in _inputs(view):
        element = block["element"]
        found = given.get(block["block_id"], {}).get(element["action_id"], "")
        values[block["block_id"]] = {element["action_id"]: _state(element, found)}
    return {**view.named, "state": {"values": values}}


def closed(view: OpenView, moment: Moment) -> bytes:
    """view_closed; Slack sends it of a modal that asked for it."""
    payload = _interaction("view_closed", moment)
    del payload["trigger_id"]
    return _form({**payload, "view": view.named, "is_cleared": False})


def commanded(command: str, text: str, channel: str, moment: Moment) -> bytes:
    """A slash command. `text`: as Slack sends it."""
    place, by = _channel(channel), moment.by
    return urlencode(
        {
            "token": "preview",
            "team_id": TEAM,
            "team_domain": "preview",
            "channel_id": place["id"],
            "channel_name": place["name"],
            "user_id": by.id,
            "user_name": by.name,
            "command": command,
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": moment.response_url,
            "trigger_id": moment.trigger_id,
        }
    ).encode()


def mentioned(text: str, channel: str, thread_ts: str, moment: Moment, event_id: str) -> bytes:
    """An event: a message with the router's name in it. `text`: as Slack sends it."""
    event = {
        "type": "app_mention",
        "user": moment.by.id,
        "text": text,
        "ts": moment.ts,
        "channel": channel,
        "team": TEAM,
        "event_ts": moment.ts,
        **({"thread_ts": thread_ts} if thread_ts else {}),
    }
    return msgspec.json.encode(
        {
            "token": "preview",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": int(moment.at.timestamp()),
            "authorizations": [{"team_id": TEAM, "user_id": ROUTER_ID, "is_bot": True}],
        }
    )


def begun(callback_id: str, moment: Moment) -> bytes:
    """A global shortcut: Slack names no channel."""
    return _form({**_interaction("shortcut", moment), "callback_id": callback_id, "action_ts": moment.ts})


def picked(callback_id: str, message: PreviewMessage, moment: Moment) -> bytes:
    """A message shortcut."""
    said = {"type": "message", "user": message.author or ROUTER_ID, "ts": message.ts, "text": message.text}
    thread = {"thread_ts": message.thread_ts} if message.thread_ts else {}
    return _form(
        {
            **_interaction("message_action", moment),
            "callback_id": callback_id,
            "action_ts": moment.ts,
            "message_ts": message.ts,
            "channel": _channel(message.channel),
            "message": {**said, **thread},
            "response_url": moment.response_url,
        }
    )


def wrong(view: OpenView, given: Filled) -> dict[str, str]:
    """What Slack itself does not let somebody send, by block_id."""
    found = {}
    for block in _inputs(view):
        element = block["element"]
        said = given.get(block["block_id"], {}).get(element["action_id"], "")
        if not said and not block.get("optional"):
            found[block["block_id"]] = "Please complete this required field."
        elif element["type"] == "plain_text_input" and isinstance(said, str):
            least, most = element.get("min_length", 0), element.get("max_length", 3_000)
            if said and not least <= len(said) <= most:
                found[block["block_id"]] = f"Between {least} and {most} characters, please."
    return found


def _inputs(view: OpenView) -> list[dict[str, Any]]:
    return [block for block in view.view["blocks"] if block.get("type") == "input"]


def _state(element: Mapping[str, Any], given: Given) -> dict[str, object]:
    """As Slack names what stands in an element."""
    kind, several = element["type"], given if isinstance(given, list) else [given] if given else []
    one = several[0] if several else None
    options = [option for option in element.get("options", ()) if option["value"] in several]
    name, value = {
        "plain_text_input": ("value", one),
        "static_select": ("selected_option", next(iter(options), None)),
        "radio_buttons": ("selected_option", next(iter(options), None)),
        "checkboxes": ("selected_options", options),
        "multi_static_select": ("selected_options", options),
        "users_select": ("selected_user", one),
        "multi_users_select": ("selected_users", several),
        "datepicker": ("selected_date", one),
        "timepicker": ("selected_time", one),
    }[kind]
    return {"type": kind, name: value}


def _interaction(kind: str, moment: Moment) -> dict[str, object]:
    by = moment.by
    return {
        "type": kind,
        "user": {"id": by.id, "username": by.name, "name": by.name, "team_id": TEAM},
        "api_app_id": APP,
        "token": "preview",
        "team": {"id": TEAM, "domain": "preview"},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": moment.trigger_id,
    }


def _channel(channel: str) -> dict[str, str]:
    name = "directmessage" if channel.startswith("D") else conversation_name(channel).removeprefix("#")
    return {"id": channel, "name": name}


def _form(payload: Mapping[str, object]) -> bytes:
    return urlencode({"payload": msgspec.json.encode(payload).decode()}).encode()
