"""The fake workspace: every rule of Slack's Web API that we rely on, as calls on a state. Knows no socket; asks a given clock.

`serve` is the front door of both fronts: it logs the call, paces it, asks for its mood and says what the caller sees.
Effects that come late are applied by `settle`, which everything that looks or calls runs first.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

from tests.slackworld.blocks import EDIT_TEXT, METADATA_CHARACTERS, POST_TEXT, SPLIT_TEXT, content_error
from tests.slackworld.moods import Does, Mood, Says, Script
from tests.slackworld.pace import Pace, Strictness
from tests.slackworld.state import Content, Conversation, Json, Message, Person, Sound, instant_of, mentioned
from tests.slackworld.views import ChannelView

T = TypeVar("T")

TOKEN = "xoxb-fake-1"

SCOPES = frozenset(
    {
        "chat:write", "chat:write.public", "channels:read", "channels:join", "groups:read", "im:write", "users:read",
        "users:read.email", "channels:history", "groups:history", "im:history",
    }
)  # fmt: skip

_CONTENT = {"text", "blocks", "attachments", "metadata", "parse", "link_names"}
_ARGUMENTS = {
    "auth.test": set[str](),
    "chat.postMessage": _CONTENT
    | {"channel", "thread_ts", "reply_broadcast", "client_msg_id", "unfurl_links", "unfurl_media"},
    "chat.update": _CONTENT | {"channel", "ts"},
    "conversations.list": {"types", "exclude_archived", "limit", "cursor"},
    "conversations.info": {"channel"},
    "conversations.join": {"channel"},
    "conversations.open": {"users"},
    "conversations.history": {"channel", "oldest", "latest", "inclusive", "include_all_metadata", "limit", "cursor"},
    "conversations.replies": {
        "channel", "ts", "oldest", "latest", "inclusive", "include_all_metadata", "limit", "cursor",
    },
    "users.lookupByEmail": {"email"},
}  # fmt: skip
_BOOLEANS = {
    "link_names", "reply_broadcast", "unfurl_links", "unfurl_media", "exclude_archived", "inclusive",
    "include_all_metadata",
}  # fmt: skip
_WRITES = {"chat.postMessage", "chat.update", "conversations.join", "conversations.open"}


class Refused(Exception):  # noqa: N818  (Slack's no is an answer, not an error of ours)
    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.body: Json = {"ok": False, "error": code, **more}


@dataclass(frozen=True)
class Served:
    """What the caller sees of one call."""

    says: Says
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    after: timedelta = timedelta(0)


@dataclass
class Call:
    """One line of the log."""

    at: datetime
    method: str
    form: dict[str, str]
    conversation: str = ""
    """Id, where the call names an existing one."""
    result: str = ""
    """"ok", Slack's error code, or what the mood made of it ("reset", "silence", "http_500", …)."""
    effect: str = ""
    """What became of it, whatever the caller saw: "ok", an error code, "later", "" for nothing."""


class SlackWorld:
    """One workspace with our bot in it."""

    def __init__(self, now: Callable[[], datetime], *, strictness: Strictness | None = None, page: int = 3) -> None:
        self._now = now
        self.page = page
        """Most items a cursor page holds, whatever `limit` asks for: small, so that paging happens."""
        self.pace = Pace(strictness or Strictness())
        self.script = Script()
        self.calls: list[Call] = []
        self.refused_for_pace = 0
        """429s that a well-behaved caller would not have met. Scripted ones are not counted."""
        self.sounds: list[Sound] = []
        self.edit_window: timedelta | None = None
        self.scopes = set(SCOPES)
        self.tokens: dict[str, str] = {TOKEN: ""}
        """token → the error it is answered with; "" for a good one."""
        self.conversations: dict[str, Conversation] = {}
        self.people: dict[str, Person] = {}
        self.changed: list[Callable[[], None]] = []
        """Called after every change, for those who wait for one."""
        self._due: list[tuple[datetime, int, Call]] = []
        self._last_ts = 0

    # What a test sets up and does, as a person or an administrator would.

    def add_person(
        self, name: str, *, email: str = "", slack_id: str = "", is_active: bool = True, takes_direct: bool = True
    ) -> str:
        """The person's Slack id."""
        person_id = slack_id or f"U{len(self.people) + 1:06d}"
        self.people[person_id] = Person(person_id, name, email or f"{name}@example.com", is_active, takes_direct)
        return person_id

    def add_channel(
        self,
        name: str,
        *,
        members: tuple[str, ...] = (),
        slack_id: str = "",
        is_private: bool = False,
        is_archived: bool = False,
        is_joined: bool = True,
    ) -> str:
        """The conversation's id. `members` are names of people."""
        channel_id = slack_id or f"C{len(self.conversations) + 1:06d}"
        joined = [self._person_named(member) for member in members]
        self.conversations[channel_id] = Conversation(
            channel_id, f"#{name.removeprefix('#')}", is_private, is_archived, is_joined, members=joined
        )
        return channel_id

    def archive(self, name: str) -> None:
        self._named(name).is_archived = True

    def unarchive(self, name: str) -> None:
        self._named(name).is_archived = False

    def kick(self, name: str) -> None:
        """Remove our bot from a channel."""
        self._named(name).is_joined = False

    def delete(self, ts: str) -> None:
        """A person deletes a message."""
        for conversation in self.conversations.values():
            if message := conversation.find(ts):
                message.is_deleted = True
        self._tell_changed()

    def mood(self, mood: Mood, *, method: str = "", channel: str = "", times: int | None = 1) -> None:
        """The next `times` calls (of this method, in this channel) meet this mood; None: until `clear_moods`."""
        conversation = self._named(channel).id if channel else ""
        self.script.lines.append((mood, method, conversation, times))

    def weather(self, draw: Callable[[], Mood] | None) -> None:
        """Moods for all calls that no script names (`moods.foul`)."""
        self.script.weather = draw

    def clear_moods(self) -> None:
        self.script = Script()

    # What a test looks at.

    def channel(self, name: str) -> ChannelView:
        """By `#name` or id."""
        return ChannelView(self, self._named(name))

    def direct(self, name: str) -> ChannelView:
        """Our direct messages with a person; empty before the first."""
        return ChannelView(self, self._direct(self._person_named(name)))

    def sounds_of(self, name: str) -> list[Sound]:
        self.settle()
        return [sound for sound in self.sounds if sound.person == name]

    def duplicates(self) -> list[str]:
        """Delivery ids that stand in Slack more than once."""
        self.settle()
        seen: dict[str, int] = {}
        for conversation in self.conversations.values():
            for message in conversation.messages:
                seen[message.delivery_id] = seen.get(message.delivery_id, 0) + 1
        return sorted(delivery for delivery, count in seen.items() if delivery and count > 1)

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    def next_due(self) -> datetime | None:
        """When the next late effect comes."""
        return min((at for at, _, _ in self._due), default=None)

    def settle(self) -> None:
        """Apply the late effects whose time has come."""
        now = self._now()
        ready = sorted((entry for entry in self._due if entry[0] <= now), key=lambda entry: entry[:2])
        self._due = [entry for entry in self._due if entry[0] > now]
        for at, _, call in ready:
            try:
                self._apply(call, at)
                call.effect = "ok"
            except Refused as refused:
                call.effect = str(refused)

    # The front door.

    def serve(self, method: str, form: dict[str, str], *, token: str) -> Served:
        self.settle()
        now = self._now()
        call = Call(now, method, form)
        self.calls.append(call)
        target = self._find(form.get("channel", ""))
        call.conversation = target.id if target else ""
        in_flight = self.pace.is_being_told(method, now)
        wait = self.pace.wait_for(method, call.conversation, now)
        if wait is not None:
            self.refused_for_pace += not in_flight
            call.result = "ratelimited"
            return self._limited(str(wait), now)
        mood = self.script.next(method, call.conversation)
        body = self._do(call, mood, token, now)
        call.result = {Says.ANSWER: "ok" if body.get("ok") else str(body.get("error")), Says.REFUSAL: mood.error}.get(
            mood.says, f"http_{mood.status}" if mood.says is Says.STATUS else mood.says.value
        )
        headers = self._headers(now)
        match mood.says:
            case Says.ANSWER:
                return Served(mood.says, headers=headers, body=json.dumps(body), after=mood.after)
            case Says.REFUSAL:
                refusal = {"ok": False, "error": mood.error}
                return Served(Says.ANSWER, headers=headers, body=json.dumps(refusal))
            case Says.STATUS:
                if mood.retry_after is not None:
                    headers["Retry-After"] = mood.retry_after
                    if mood.retry_after.isdigit():
                        self.pace.block(method, now, timedelta(seconds=int(mood.retry_after)))
                headers["Content-Type"] = mood.content_type
                return Served(Says.ANSWER, mood.status, headers, mood.body)
            case _:
                return Served(mood.says)

    def _do(self, call: Call, mood: Mood, token: str, now: datetime) -> Json:
        """Let the call take effect as its mood says; what Slack would answer."""
        if mood.does is Does.NOTHING:
            return {}
        try:
            self._check_caller(call, token)
            if mood.does is Does.IT_LATER and call.method in _WRITES:
                self._due.append((now + mood.after, len(self.calls), call))
                call.effect = "later"
                return {}
            body = {"ok": True, **self._apply(call, now)}
        except Refused as refused:
            body = refused.body
        call.effect = "ok" if body["ok"] else str(body["error"])
        return body

    def _headers(self, now: datetime) -> dict[str, str]:
        return {
            "Date": format_datetime(now, usegmt=True),
            "Content-Type": "application/json; charset=utf-8",
            "X-OAuth-Scopes": ",".join(sorted(self.scopes)),
        }

    def _limited(self, retry_after: str, now: datetime) -> Served:
        headers = {**self._headers(now), "Retry-After": retry_after}
        return Served(Says.ANSWER, 429, headers, '{"ok":false,"error":"ratelimited"}')

    def _check_caller(self, call: Call, token: str) -> None:
        if not token:
            raise Refused("not_authed")
        if code := self.tokens.get(token, "invalid_auth"):
            raise Refused(code)
        if call.method not in _ARGUMENTS:
            raise Refused("unknown_method", req_method=call.method)
        if extra := set(call.form) - _ARGUMENTS[call.method]:
            raise Refused("invalid_arg_name", response_metadata={"messages": sorted(extra)})
        for name in _BOOLEANS & set(call.form):
            if call.form[name] not in {"true", "false"}:
                raise Refused("invalid_arguments", response_metadata={"messages": [f"{name} is no boolean"]})

    def _need(self, *scopes: str) -> None:
        if not self.scopes & set(scopes):
            raise Refused("missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.scopes)))

    def _apply(self, call: Call, at: datetime) -> Json:
        match call.method:
            case "auth.test":
                return {"team_id": "T000001", "team": "Fake", "user_id": "U0ROBOT", "url": "https://fake.example/"}
            case "chat.postMessage":
                return self._post(call.form, at)
            case "chat.update":
                return self._update(call.form, at)
            case "conversations.list":
                return self._list(call.form)
            case "conversations.info":
                return {"channel": self._describe(self._visible(call.form.get("channel", "")))}
            case "conversations.join":
                return self._join(call.form)
            case "conversations.open":
                return self._open(call.form)
            case "conversations.history" | "conversations.replies":
                return self._history(call.form, is_thread=call.method == "conversations.replies")
            case "users.lookupByEmail":
                return self._lookup(call.form)
            case other:
                raise AssertionError(other)

    # Methods.

    def _post(self, form: dict[str, str], at: datetime) -> Json:
        self._need("chat:write")
        conversation = self._writable(form.get("channel", ""))
        content = self._content(form, at)
        thread_ts = form.get("thread_ts", "")
        if thread_ts and conversation.find(thread_ts) is None:
            raise Refused("thread_not_found")
        if not content.text and not content.blocks and not content.attachments:
            raise Refused("no_text")
        warning: Json = {}
        text = content.text
        if len(text) > POST_TEXT:
            text, warning = text[:POST_TEXT], {"warning": "message_truncated"}
        parts = [text]
        if len(text) > SPLIT_TEXT and not content.blocks:
            parts = [text[start : start + 4_000] for start in range(0, len(text), 4_000)]
        posted = [
            Message(
                self._new_ts(at),
                thread_ts,
                is_broadcast=form.get("reply_broadcast") == "true",
                client_msg_id=form.get("client_msg_id", ""),
                versions=[Content(at, part, content.blocks, content.attachments, content.metadata)],
            )
            for part in parts
        ]
        for message in posted:
            conversation.messages.append(message)
            self._sound(conversation, message, at)
        self._tell_changed()
        return {"channel": conversation.id, "ts": posted[0].ts, "message": {"text": posted[0].now.text}, **warning}

    def _update(self, form: dict[str, str], at: datetime) -> Json:
        self._need("chat:write")
        conversation = self.conversations.get(form.get("channel", ""))  # names and people's ids are not taken here
        if conversation is None or (conversation.is_private and not conversation.is_joined):
            raise Refused("channel_not_found")
        if conversation.is_archived:
            raise Refused("is_archived")
        message = conversation.find(form.get("ts", ""))
        if message is None:
            raise Refused("message_not_found")
        if self.edit_window is not None and at - instant_of(message.ts) > self.edit_window:
            raise Refused("edit_window_closed")
        content = self._content(form, at)
        if len(content.text) > EDIT_TEXT:
            raise Refused("msg_too_long")
        before = message.now
        if form.get("parse", "client") != "none" and "@" in content.text:
            raise Refused("invalid_arguments", response_metadata={"messages": ["parse: client would link bare names"]})
        message.versions.append(
            Content(
                at,
                content.text if "text" in form else before.text,
                content.blocks if "blocks" in form or "text" in form else before.blocks,
                content.attachments if "attachments" in form else before.attachments,
                content.metadata if "metadata" in form else before.metadata,
            )
        )
        self._tell_changed()
        return {"channel": conversation.id, "ts": message.ts, "text": message.now.text}

    def _content(self, form: dict[str, str], at: datetime) -> Content:
        blocks = _parsed(form, "blocks", list, "invalid_blocks_format")
        attachments = _parsed(form, "attachments", list, "invalid_attachments")
        metadata = _parsed(form, "metadata", dict, "invalid_metadata_format")
        if metadata and not (
            metadata.keys() == {"event_type", "event_payload"}
            and isinstance(metadata["event_type"], str)
            and isinstance(metadata["event_payload"], dict)
        ):
            raise Refused("invalid_metadata_format")
        if len(form.get("metadata", "")) > METADATA_CHARACTERS:
            raise Refused("metadata_too_large")
        if found := content_error(blocks, attachments):
            code, complaints = found
            raise Refused(code, response_metadata={"messages": complaints})
        return Content(at, form.get("text", ""), blocks, attachments, metadata)

    def _list(self, form: dict[str, str]) -> Json:
        self._need("channels:read", "groups:read")
        types = set(form.get("types", "public_channel").split(","))
        listed = [
            conversation
            for conversation in self.conversations.values()
            if conversation.person is None
            and ("private_channel" if conversation.is_private else "public_channel") in types
            and (not conversation.is_private or conversation.is_joined)
            and not (conversation.is_archived and form.get("exclude_archived") == "true")
        ]
        page, more = self._page(listed, form)
        return {"channels": [self._describe(conversation) for conversation in page], **more}

    def _join(self, form: dict[str, str]) -> Json:
        self._need("channels:join")
        conversation = self._visible(form.get("channel", ""))
        if conversation.is_private or conversation.person is not None:
            raise Refused("method_not_supported_for_channel_type")
        if conversation.is_archived:
            raise Refused("is_archived")
        conversation.is_joined = True
        return {"channel": self._describe(conversation)}

    def _open(self, form: dict[str, str]) -> Json:
        self._need("im:write")
        person = self.people.get(form.get("users", ""))
        if person is None:
            raise Refused("user_not_found")
        if not person.is_active:
            raise Refused("user_disabled")
        if not person.takes_direct:
            raise Refused("cannot_dm_bot")
        return {"channel": {"id": self._direct(person).id}}

    def _lookup(self, form: dict[str, str]) -> Json:
        self._need("users:read.email")
        for person in self.people.values():
            if person.email == form.get("email") and person.is_active:
                return {"user": {"id": person.id, "name": person.name}}
        raise Refused("users_not_found")

    def _history(self, form: dict[str, str], *, is_thread: bool) -> Json:
        conversation = self._visible(form.get("channel", ""))
        if conversation.person is not None:
            self._need("im:history")
        else:
            self._need("groups:history" if conversation.is_private else "channels:history")
        if not conversation.is_joined:
            raise Refused("not_in_channel")
        oldest, latest = float(form.get("oldest", "0")), float(form.get("latest", "inf"))
        bounds = form.get("inclusive") == "true"
        standing = [
            message
            for message in conversation.messages
            if not message.is_deleted
            and (oldest < float(message.ts) < latest or (bounds and float(message.ts) in {oldest, latest}))
        ]
        if is_thread:
            root = conversation.find(form.get("ts", ""))
            if root is None:
                raise Refused("thread_not_found")
            standing = [root, *(message for message in standing if message.thread_ts == root.ts)]
        else:
            standing = [message for message in reversed(standing) if not message.thread_ts or message.is_broadcast]
        page, more = self._page(standing, form)
        with_metadata = form.get("include_all_metadata") == "true"
        return {
            "messages": [
                {
                    "type": "message",
                    "ts": message.ts,
                    "text": message.now.text,
                    **({"thread_ts": message.thread_ts} if message.thread_ts else {}),
                    **({"metadata": message.now.metadata} if with_metadata and message.now.metadata else {}),
                }
                for message in page
            ],
            "has_more": "response_metadata" in more,
            **more,
        }

    # Who and where.

    def _page(self, items: list[T], form: dict[str, str]) -> tuple[list[T], Json]:
        try:
            start = int(base64.b64decode(form.get("cursor", ""), validate=True) or b"0")
        except ValueError:
            raise Refused("invalid_cursor") from None
        end = start + min(int(form.get("limit", "100")), self.page)
        if end >= len(items):
            return items[start:], {}
        return items[start:end], {"response_metadata": {"next_cursor": base64.b64encode(b"%d" % end).decode()}}

    def _find(self, target: str) -> Conversation | None:
        """As chat.postMessage reads its `channel`: an id, a person's id, a name with or without #."""
        if target in self.people and self.people[target].is_active:
            return self._direct(self.people[target])
        return self.conversations.get(target) or next(
            (found for found in self.conversations.values() if found.name == f"#{target.removeprefix('#')}"), None
        )

    def _visible(self, channel_id: str) -> Conversation:
        conversation = self.conversations.get(channel_id)
        if conversation is None or (conversation.is_private and not conversation.is_joined):
            raise Refused("channel_not_found")
        return conversation

    def _writable(self, target: str) -> Conversation:
        conversation = self._find(target)
        if conversation is None or (conversation.is_private and not conversation.is_joined):
            raise Refused("channel_not_found")
        if conversation.is_archived:
            raise Refused("is_archived")
        if not conversation.is_joined and "chat:write.public" not in self.scopes:
            raise Refused("not_in_channel")
        if conversation.person is not None and not conversation.person.takes_direct:
            raise Refused("messages_tab_disabled")
        return conversation

    def _direct(self, person: Person) -> Conversation:
        for conversation in self.conversations.values():
            if conversation.person is person:
                return conversation
        opened = Conversation(f"D{person.id[1:]}", person.name, is_private=True, person=person, members=[person])
        self.conversations[opened.id] = opened
        return opened

    def _named(self, name: str) -> Conversation:
        conversation = self._find(name)
        if conversation is None:
            raise AssertionError(f"the test made no channel {name}")
        return conversation

    def _person_named(self, name: str) -> Person:
        for person in self.people.values():
            if name in {person.name, person.id}:
                return person
        raise AssertionError(f"the test made no person {name}")

    @staticmethod
    def _describe(conversation: Conversation) -> Json:
        return {
            "id": conversation.id,
            "name": conversation.name.removeprefix("#"),
            "is_private": conversation.is_private,
            "is_archived": conversation.is_archived,
            "is_member": conversation.is_joined,
        }

    # What follows from a message.

    def _new_ts(self, at: datetime) -> str:
        micros = max(round(at.timestamp() * 1_000_000), self._last_ts + 1)
        self._last_ts = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    def _sound(self, conversation: Conversation, message: Message, at: datetime) -> None:
        people, everybody = mentioned(message.now.text, message.now.blocks)
        is_loud = not message.thread_ts or message.is_broadcast
        for person in conversation.members:
            if conversation.person is not None:
                why = "direct" if is_loud else ""
            elif person.id in people or (everybody and is_loud):
                why = "mention"
            else:
                why = "broadcast" if message.is_broadcast else "post" if is_loud else ""
            if why:
                self.sounds.append(Sound(at, person.name, conversation.name, why, message.now.text))

    def _tell_changed(self) -> None:
        for ring in list(self.changed):
            ring()


def _parsed(form: dict[str, str], name: str, kind: type[Any], error: str) -> Any:
    try:
        value = json.loads(form[name]) if name in form else kind()
    except ValueError:
        raise Refused(error) from None
    if not isinstance(value, kind):
        raise Refused(error)
    return value
