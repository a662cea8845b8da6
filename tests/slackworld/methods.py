"""The Web API methods that we rely on, with the refusals of each. Rules on a Workspace; no pace, no weather."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tests.slackworld.blocks import EDIT_TEXT, METADATA_CHARACTERS, POST_TEXT, SPLIT_TEXT, content_error
from tests.slackworld.forms import view_error
from tests.slackworld.state import Content, Group, Json, Message, Modal, Whisper, instant_of
from tests.slackworld.workspace import APP_TOKEN, WORKSPACE_URL, Refused, Workspace

T = TypeVar("T")

TRIGGER_LASTS = timedelta(seconds=3)
_CONTENT = {"text", "blocks", "attachments", "metadata", "parse", "link_names"}
_ARGUMENTS = {
    "auth.test": set[str](),
    "apps.connections.open": set[str](),
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
    "dnd.info": {"user"},
    "usergroups.list": {"include_count", "include_disabled", "include_users"},
    "usergroups.users.list": {"usergroup", "include_disabled"},
    "usergroups.users.update": {"usergroup", "users", "include_count"},
    "users.info": {"user", "include_locale"},
    "views.open": {"trigger_id", "interactivity_pointer", "view"},
    "views.update": {"view_id", "external_id", "hash", "view"},
    "chat.postEphemeral": {
        "channel", "user", "text", "blocks", "attachments", "thread_ts", "parse", "link_names", "icon_emoji", "username",
    },
}  # fmt: skip
_BOOLEANS = {
    "link_names", "reply_broadcast", "unfurl_links", "unfurl_media", "exclude_archived", "inclusive",
    "include_all_metadata",
}  # fmt: skip


class WebApi(Workspace):
    """A workspace that can be called."""

    def __init__(self, page: int) -> None:
        super().__init__()
        self.app_tokens: dict[str, str] = {APP_TOKEN: ""}
        """As `tokens`, of Socket Mode."""
        self.open_link: Callable[[], str] = lambda: "wss://wss-primary.slack.com/link/?ticket=1"
        self.page = page
        """Most items a cursor page holds, whatever `limit` asks for: small, so that paging happens."""

    def check_caller(self, method: str, form: dict[str, str], token: str) -> None:
        if not token:
            raise Refused("not_authed")
        own, others = self.tokens, self.app_tokens
        if method == "apps.connections.open":
            own, others = others, own
        if token in others:
            raise Refused("not_allowed_token_type")
        if code := own.get(token, "invalid_auth"):
            raise Refused(code)
        if method not in _ARGUMENTS:
            raise Refused("unknown_method", req_method=method)
        if extra := set(form) - _ARGUMENTS[method]:
            raise Refused("invalid_arg_name", response_metadata={"messages": sorted(extra)})
        for name in _BOOLEANS & set(form):
            if form[name] not in {"true", "false"}:
                raise Refused("invalid_arguments", response_metadata={"messages": [f"{name} is no boolean"]})

    def _need(self, *scopes: str) -> None:
        if not self.scopes & set(scopes):
            raise Refused("missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.scopes)))

    def apply(self, method: str, form: dict[str, str], at: datetime) -> Json:
        match method:
            case "auth.test":
                return {"team_id": "T000001", "team": "Fake", "user_id": "U0ROBOT", "url": WORKSPACE_URL}
            case "apps.connections.open":
                return {"url": self.open_link()}
            case "chat.postMessage":
                return self._post(form, at)
            case "chat.update":
                return self._update(form, at)
            case "conversations.list":
                return self._list(form)
            case "conversations.info":
                return {"channel": self._describe(self._visible(form.get("channel", "")))}
            case "conversations.join":
                return self._join(form)
            case "conversations.open":
                return self._open(form)
            case "conversations.history" | "conversations.replies":
                return self._history(form, is_thread=method == "conversations.replies")
            case "users.lookupByEmail":
                return self._lookup(form)
            case "dnd.info":
                return self._dnd(form)
            case "usergroups.list":
                return self._usergroups()
            case "usergroups.users.list":
                return {
                    "users": [
                        member.id for member in self._usergroup(form, "usergroups:read").members if member.is_active
                    ]
                }
            case "usergroups.users.update":
                return self._update_usergroup(form)
            case "users.info":
                return self._info(form)
            case "views.open":
                return self._open_view(form, at)
            case "views.update":
                return self._update_view(form, at)
            case "chat.postEphemeral":
                return self._whisper(form, at)
            case other:
                raise AssertionError(other)

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

    def _dnd(self, form: dict[str, str]) -> Json:
        self._need("dnd:read")
        person = self.people.get(form.get("user", ""))
        if person is None:
            raise Refused("user_not_found")
        begins, ends = person.paused
        return {"dnd_enabled": person.paused != (0, 0), "next_dnd_start_ts": begins, "next_dnd_end_ts": ends}

    def _usergroups(self) -> Json:
        self._need("usergroups:read")
        if not self.is_paid:
            raise Refused("paid_teams_only")
        return {
            "usergroups": [
                {"id": group.id, "handle": group.handle, "name": group.handle.title(), "date_delete": 0}
                for group in self.groups.values()
            ]
        }

    def _usergroup(self, form: dict[str, str], scope: str) -> Group:
        self._need(scope)
        if not self.is_paid:
            raise Refused("plan_upgrade_required")
        group = self.groups.get(form.get("usergroup", ""))
        if group is None:
            raise Refused("no_such_subteam")
        return group

    def _update_usergroup(self, form: dict[str, str]) -> Json:
        group = self._usergroup(form, "usergroups:write")
        if not self.lets_apps_change_groups:
            raise Refused("permission_denied")
        ids = [one for one in form.get("users", "").split(",") if one]
        if not ids:
            raise Refused("no_users_provided")
        people = [self.people.get(one) for one in ids]
        if any(one is None or not one.is_active or one.is_bot for one in people):
            group.members = [one for one in people if one is not None and one.is_active and not one.is_bot]
            raise Refused("invalid_users")  # Slack is known to have changed the group all the same
        group.members = [one for one in people if one is not None]
        return {"usergroup": {"id": group.id, "handle": group.handle, "users": ids}}

    def _info(self, form: dict[str, str]) -> Json:
        self._need("users:read")
        person = self.people.get(form.get("user", ""))
        if person is None:
            raise Refused("user_not_found")
        profile = {"real_name": person.name.title(), "display_name": person.name}
        if "users:read.email" in self.scopes and person.is_active and not person.is_bot:
            profile["email"] = person.email
        said = {"id": person.id, "team_id": person.team, "name": person.name, "is_bot": person.is_bot}
        return {"user": {**said, "deleted": not person.is_active, "profile": profile}}

    def _open_view(self, form: dict[str, str], at: datetime) -> Json:
        trigger = self.triggers.get(form.get("trigger_id", ""))
        if trigger is None:
            raise Refused("invalid_trigger_id")
        if at - trigger.made_at > TRIGGER_LASTS:
            raise Refused("expired_trigger_id")
        if trigger.is_used:
            raise Refused("exchanged_trigger_id")
        view = _parsed(form, "view", dict, "invalid_arguments")
        if found := view_error(view):
            code, complaints = found
            raise Refused(code, response_metadata={"messages": complaints})
        trigger.is_used = True
        number = len(self.modals) + 1
        opened = {
            **view,
            "id": f"V1{number:06d}",
            "team_id": "T000001",
            "hash": f"{int(at.timestamp())}.m{number}",
            "root_view_id": f"V1{number:06d}",
            "previous_view_id": None,
            "state": {"values": {}},
            "app_id": "A0ROUTER",
            "bot_id": "B0ROUTER",
        }
        self.modals.append(Modal(trigger.person, at, opened))
        self._tell_changed()
        return {"view": opened}

    def _update_view(self, form: dict[str, str], at: datetime) -> Json:
        """As its person sees it: what they typed into inputs of the same ids stays."""
        modal = next((one for one in self.modals if one.view["id"] == form.get("view_id", "")), None)
        if modal is None or modal.is_closed:
            raise Refused("not_found")
        if form.get("hash", modal.view["hash"]) != modal.view["hash"]:
            raise Refused("hash_conflict")
        view = _parsed(form, "view", dict, "invalid_arguments")
        if found := view_error(view):
            code, complaints = found
            raise Refused(code, response_metadata={"messages": complaints})
        modal.renewals += 1
        kept = ("id", "team_id", "root_view_id", "previous_view_id", "state", "app_id", "bot_id")
        own = {name: modal.view[name] for name in kept}
        modal.view = {**view, **own, "hash": f"{int(at.timestamp())}.m{modal.view['id']}.{modal.renewals}"}
        self._tell_changed()
        return {"view": modal.view}

    def _whisper(self, form: dict[str, str], at: datetime) -> Json:
        self._need("chat:write")
        conversation = self.conversations.get(form.get("channel", ""))
        if conversation is None or (conversation.is_private and not conversation.is_joined):
            raise Refused("channel_not_found")
        if conversation.is_archived:
            raise Refused("is_archived")
        if not conversation.is_joined:
            raise Refused("not_in_channel")
        person = self.people.get(form.get("user", ""))
        if person is None or not person.is_active or person not in conversation.members:
            raise Refused("user_not_in_channel")
        content = self._content(form, at)
        if not content.text and not content.blocks:
            raise Refused("no_text")
        if len(content.text) > POST_TEXT:
            raise Refused("msg_too_long")
        thread_ts = form.get("thread_ts", "")
        if thread_ts and conversation.find(thread_ts) is None:
            raise Refused("thread_not_found")
        self.whispers.append(Whisper(at, person.id, conversation.id, content.text, content.blocks, thread_ts))
        self._tell_changed()
        return {"message_ts": self._new_ts(at)}

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

    def _page(self, items: list[T], form: dict[str, str]) -> tuple[list[T], Json]:
        try:
            start = int(base64.b64decode(form.get("cursor", ""), validate=True) or b"0")
        except ValueError:
            raise Refused("invalid_cursor") from None
        end = start + min(int(form.get("limit", "100")), self.page)
        if end >= len(items):
            return items[start:], {}
        return items[start:end], {"response_metadata": {"next_cursor": base64.b64encode(b"%d" % end).decode()}}


def _parsed(form: dict[str, str], name: str, kind: type[Any], error: str) -> Any:
    try:
        value = json.loads(form[name]) if name in form else kind()
    except ValueError:
        raise Refused(error) from None
    if not isinstance(value, kind):
        raise Refused(error)
    return value
