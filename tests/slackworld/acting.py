"""What people do in the fake Slack, as the payloads that Slack makes of it: built here, signed here, sent by HTTP or Socket Mode."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tests.slackworld.forms import answers
from tests.slackworld.hooks import Hooks
from tests.slackworld.state import Json, Message, Modal, Trigger
from tests.slackworld.world import SlackWorld

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
APP = "A0ROUTER"
TEAM = "T000001"
BOT = "U0ROBOT"
PATHS = {
    "interactive": "/api/slack/actions",
    "slash_commands": "/api/slack/commands",
    "events_api": "/api/slack/events",
}


def sign(body: bytes, at: datetime, *, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """The headers that Slack sends with a body."""
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest.hexdigest()}"}


@dataclass(frozen=True)
class Gesture:
    """One thing that somebody did, or that Slack says of itself."""

    door: str
    """interactive, slash_commands, events_api."""
    payload: Json

    @property
    def path(self) -> str:
        return PATHS[self.door]

    @property
    def body(self) -> bytes:
        match self.door:
            case "interactive":
                return urlencode({"payload": json.dumps(self.payload)}).encode()
            case "slash_commands":
                return urlencode(self.payload).encode()
            case _:
                return json.dumps(self.payload).encode()

    def headers(self, at: datetime, *, secret: str = SIGNING_SECRET) -> dict[str, str]:
        """Everything that is sent beside the body."""
        kind = "application/json" if self.door == "events_api" else "application/x-www-form-urlencoded"
        return {"Content-Type": kind, "User-Agent": "Slackbot 1.0", **sign(self.body, at, secret=secret)}


@dataclass
class Acting:
    """People of a world who act. `by` is a person's name or id, `channel` a channel's."""

    world: SlackWorld
    hooks: Hooks | str = "https://hooks.slack.com"
    """Where its response_urls lead: the fake's own, or addresses that nothing stands behind."""
    _count: int = field(default=0, init=False)

    @property
    def now(self) -> datetime:
        return self.world._now()

    def click(
        self,
        message: Message | str,
        action_id: str,
        *,
        by: str,
        channel: str,
        value: str = "",
        element: Mapping[str, Any] | None = None,
        thread_ts: str = "",
        is_ephemeral: bool = False,
    ) -> Gesture:
        """A button; with `element` another one: {type: static_select, selected_option: {…}}. Under a message or its ts."""
        ts = message if isinstance(message, str) else message.ts
        text = "" if isinstance(message, str) else message.now.text
        thread = thread_ts or ("" if isinstance(message, str) else message.thread_ts)
        place = self._channel(channel)
        said: Json = {"type": "message", "user": BOT, "ts": ts, "text": text, "bot_id": "B0ROUTER", "app_id": APP}
        container: Json = {
            "type": "message",
            "message_ts": ts,
            "channel_id": place["id"],
            "is_ephemeral": is_ephemeral,
        }
        if thread:
            said["thread_ts"] = container["thread_ts"] = thread
        payload = {
            **self._interaction("block_actions", by),
            "container": container,
            "channel": place,
            "state": {"values": {}},
            "response_url": self._response_url("actions", place["id"], by, "" if is_ephemeral else ts),
            "actions": [self._action(action_id, value, element)],
        }
        return Gesture("interactive", payload if is_ephemeral else {**payload, "message": said})

    def click_in_view(
        self,
        view: Json,
        action_id: str,
        *,
        by: str,
        value: str = "",
        element: Mapping[str, Any] | None = None,
        given: Mapping[str, str] | None = None,
    ) -> Gesture:
        """An element of a modal. `given`: what stands in its inputs by then, by block_id."""
        view = view if given is None else {**view, "state": {"values": answers(view, given, is_sent=False)}}
        payload = {
            **self._interaction("block_actions", by),
            "container": {"type": "view", "view_id": view["id"]},
            "view": view,
            "actions": [self._action(action_id, value, element)],
        }
        return Gesture("interactive", payload)

    def submit(self, view: Json, *, by: str, values: Mapping[str, Mapping[str, Json]] | None = None) -> Gesture:
        """`view` as `opened` makes it; `values`: block_id → action_id → what stands there."""
        payload = {
            **self._interaction("view_submission", by),
            "view": {**view, "state": {"values": values or {}}},
            "response_urls": [],
        }
        return Gesture("interactive", payload)

    def send(self, modal: Modal, **given: str) -> Gesture:
        """Whoever has it before them fills it in, by block_id, and sends it."""
        return self.submit(modal.view, by=modal.person, values=answers(modal.view, given))

    def close(self, view: Json, *, by: str) -> Gesture:
        payload = {**self._interaction("view_closed", by), "view": view, "is_cleared": False}
        del payload["trigger_id"]
        return Gesture("interactive", payload)

    def shortcut(self, callback_id: str, *, by: str) -> Gesture:
        payload = {**self._interaction("shortcut", by), "callback_id": callback_id, "action_ts": self._ts()}
        return Gesture("interactive", payload)

    def message_action(
        self,
        message: Message | str,
        callback_id: str,
        *,
        by: str,
        channel: str,
        text: str = "I see it too",
        author: str = "maria",
        thread_ts: str = "",
    ) -> Gesture:
        """An entry of a message's own menu. `author`: a person; "" of an app's."""
        ts = message if isinstance(message, str) else message.ts
        said: Json = {"type": "message", "ts": ts, "text": text}
        said |= {"user": self.world._person_named(author).id} if author else {"bot_id": "B0OTHER"}
        said |= {"thread_ts": thread_ts} if thread_ts else {}
        payload = {
            **self._interaction("message_action", by),
            "callback_id": callback_id,
            "action_ts": self._ts(),
            "message_ts": ts,
            "channel": self._channel(channel),
            "message": said,
            "response_url": self._response_url("app", self._channel(channel)["id"], by, ts),
        }
        return Gesture("interactive", payload)

    def suggest(self, action_id: str, typed: str, *, by: str, view: Json) -> Gesture:
        payload = {
            **self._interaction("block_suggestion", by),
            "action_id": action_id,
            "block_id": "b",
            "value": typed,
            "container": {"type": "view", "view_id": view["id"]},
            "view": view,
        }
        del payload["trigger_id"]
        return Gesture("interactive", payload)

    def command(self, text: str, *, by: str, channel: str, command: str = "/incident") -> Gesture:
        place, person = self._channel(channel), self.world._person_named(by)
        payload = {
            "token": "legacy",
            "team_id": TEAM,
            "team_domain": "fake",
            "channel_id": place["id"],
            "channel_name": place["name"],
            "user_id": person.id,
            "user_name": person.name,
            "command": command,
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self._response_url("commands", place["id"], by, ""),
            "trigger_id": self._trigger(by),
        }
        return Gesture("slash_commands", payload)

    def mention(self, text: str, *, by: str, channel: str, thread_ts: str = "") -> Gesture:
        """`text` after the app's name."""
        event: Json = {
            "type": "app_mention",
            "user": self.world._person_named(by).id,
            "text": f"<@{BOT}> {text}",
            "ts": self._ts(),
            "channel": self._channel(channel)["id"],
            "team": TEAM,
            "event_ts": self._ts(),
        }
        return self.event({**event, "thread_ts": thread_ts} if thread_ts else event)

    def react(self, message: Message | str, reaction: str, *, by: str, channel: str) -> Gesture:
        ts = message if isinstance(message, str) else message.ts
        item = {"type": "message", "channel": self._channel(channel)["id"], "ts": ts}
        person = self.world._person_named(by).id
        return self.event(
            {
                "type": "reaction_added",
                "user": person,
                "reaction": reaction,
                "item": item,
                "item_user": BOT,
                "event_ts": self._ts(),
            }
        )

    def open_home(self, *, by: str) -> Gesture:
        person = self.world._person_named(by)
        return self.event({"type": "app_home_opened", "user": person.id, "channel": f"D{person.id[1:]}", "tab": "home"})

    def uninstall(self) -> Gesture:
        return self.event({"type": "app_uninstalled"})

    def revoke(self) -> Gesture:
        return self.event({"type": "tokens_revoked", "tokens": {"oauth": ["U0MARIA"], "bot": [BOT]}})

    def event(self, event: Json) -> Gesture:
        """Any event, in its envelope."""
        self._count += 1
        payload = {
            "token": "legacy",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{self._count:08d}",
            "event_time": int(self.now.timestamp()),
            "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
        }
        return Gesture("events_api", payload)

    @staticmethod
    def verify_url(challenge: str) -> Gesture:
        return Gesture("events_api", {"token": "legacy", "challenge": challenge, "type": "url_verification"})

    @staticmethod
    def check_ssl() -> Gesture:
        return Gesture("slash_commands", {"ssl_check": "1", "token": "legacy"})

    def opened(self, callback_id: str, private_metadata: str = "") -> Json:
        """A modal that is open: as views.open answers, and as later payloads name it."""
        self._count += 1
        return {
            "id": f"V{self._count:08d}",
            "team_id": TEAM,
            "type": "modal",
            "callback_id": callback_id,
            "private_metadata": private_metadata,
            "hash": f"{int(self.now.timestamp())}.h{self._count}",
            "root_view_id": f"V{self._count:08d}",
            "previous_view_id": None,
            "external_id": "",
            "state": {"values": {}},
            "app_id": APP,
            "bot_id": "B0ROUTER",
        }

    def _interaction(self, kind: str, by: str) -> Json:
        person = self.world._person_named(by)
        return {
            "type": kind,
            "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": TEAM},
            "api_app_id": APP,
            "token": "legacy",
            "team": {"id": TEAM, "domain": "fake"},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self._trigger(by),
        }

    def _action(self, action_id: str, value: str, element: Mapping[str, Any] | None) -> Json:
        button = {"type": "button", "text": {"type": "plain_text", "text": "x"}, "value": value}
        return {"action_id": action_id, "block_id": "actions", **(element or button), "action_ts": self._ts()}

    def _channel(self, name: str) -> Json:
        conversation = self.world._named(name)
        return {"id": conversation.id, "name": conversation.name.removeprefix("#")}

    def _trigger(self, by: str) -> str:
        self._count += 1
        made = f"{int(self.now.timestamp() * 1000)}.{self._count}.{'a' * 32}"
        self.world.triggers[made] = Trigger(self.world._person_named(by).id, self.now)
        return made

    def _response_url(self, kind: str, channel: str, by: str, ts: str) -> str:
        if isinstance(self.hooks, Hooks):
            return self.hooks.address(kind, channel, self.world._person_named(by).id, ts)
        self._count += 1
        return f"{self.hooks}/{kind}/{TEAM}/{self._count}/secret"

    def _ts(self) -> str:
        self._count += 1
        return f"{int(self.now.timestamp())}.{self._count:06d}"
