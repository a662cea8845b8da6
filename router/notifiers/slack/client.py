"""Slack, told something: every method makes its call and sorts the answer. When to call, and what then, is deliver's.

No method raises on Slack's weather, sleeps, or calls twice what may have happened.
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Self

import aiohttp
import msgspec

from router.core.answer import Answer, Outcome
from router.core.view import Rendered
from router.notifiers.slack.directory import Directory, as_lookup, next_cursor
from router.notifiers.slack.errors import Reply, sort_answer
from router.notifiers.slack.user_groups import UserGroups
from router.notifiers.slack.users import Users
from router.notifiers.slack.wire import SLACK_API_URL, SdkWire, Wire
from router.notifiers.tag import Tag
from router.runtime.clock import Clock

EVENT_TYPE: Final = "alert_router_message"
"""`metadata.event_type` of everything we post."""

_GROUP_KEY_LIMIT: Final = 500
"""Characters of the group key in metadata: it is a hint for people, and too much metadata refuses the whole message."""

_PAGE: Final = 200
"""Messages per page of a search: Slack asks for no more than this."""

_ASKED_FOR: Final = timedelta(seconds=2)
"""So long is waited for a word that a post does not depend on."""
_SCOPE_AGAIN_AFTER: Final = timedelta(hours=1)

_MARGIN: Final = timedelta(seconds=2)
"""Added to both ends of a search: `Date` counts whole seconds, the messages' own times do not."""

_DELIVERIES: Final = uuid.uuid5(uuid.NAMESPACE_URL, "alert-router:delivery")


class Check(msgspec.Struct, frozen=True):
    """What `auth.test` says of our token."""

    answer: Answer
    workspace: str = ""
    """Team id."""
    team: str = ""
    bot: str = ""
    """The bot's user id."""
    url: str = ""
    scopes: frozenset[str] = frozenset()
    """Granted ones. Empty also when Slack did not say."""


class SlackClient:
    """Slack's Web API, as far as we use it: one method a call, its answer sorted."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock
        self._directory = Directory(self._call_for_body, clock)
        self.users = Users(self._call_for_body, clock)
        self.user_groups = UserGroups(self._directory.group, self._call_for_body, clock)
        self._pauses_unknown_until = 0.0
        """On the monotonic clock: we may not ask for them, as Slack said."""
        self._ahead: timedelta | None = None
        """Slack's clock against ours, as its last answer told; None: it has not answered yet."""

    @classmethod
    def over(
        cls,
        session: aiohttp.ClientSession,
        token: Callable[[], str],
        clock: Clock,
        *,
        api_url: str = SLACK_API_URL,
    ) -> Self:
        """The real thing, over `wire.open_session()`."""
        return cls(SdkWire(session, token, api_url=api_url), clock)

    async def check(self) -> Check:
        """Ask who we are and what we may. For `doctor`."""
        answer, reply = await self._call("auth.test", {})
        body = (reply.body if reply else None) or {}
        if answer.outcome is not Outcome.DELIVERED or reply is None:
            return Check(answer=answer)
        scopes = (scope.strip() for scope in reply.headers.get("x-oauth-scopes", "").split(","))
        return Check(
            answer=answer,
            workspace=str(body.get("team_id") or ""),
            team=str(body.get("team") or ""),
            bot=str(body.get("user_id") or ""),
            url=str(body.get("url") or ""),
            scopes=frozenset(scope for scope in scopes if scope),
        )

    async def post(
        self, channel: str, message: Rendered, tag: Tag, *, thread_ts: str = "", broadcast: bool = False
    ) -> Answer:
        arguments = {
            "channel": channel,
            **_content(message, tag),
            # Undocumented, harmless, and where Slack honours it, one more guard against a second copy.
            "client_msg_id": str(uuid.uuid5(_DELIVERIES, tag.delivery_id)),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if thread_ts:
            arguments["thread_ts"] = thread_ts
            if broadcast:
                arguments["reply_broadcast"] = True
        answer, _ = await self._call("chat.postMessage", arguments)
        if answer.outcome is Outcome.DELIVERED and not answer.ts:
            return msgspec.structs.replace(answer, outcome=Outcome.UNKNOWN, error="no_ts_in_answer")
        return answer

    async def edit(self, channel: str, ts: str, message: Rendered, tag: Tag) -> Answer:
        # Empty lists are sent: a field left out would keep the blocks and attachments of the version before.
        answer, _ = await self._call("chat.update", {"channel": channel, "ts": ts, **_content(message, tag)})
        return answer

    async def find(
        self, channel: str, delivery_id: str, *, oldest: datetime, latest: datetime, thread_ts: str = ""
    ) -> Answer:
        """Look through all pages of history between two instants of our clock for a delivery id: DELIVERED with its ts, NOT_FOUND, …

        A public channel that we post to without being in it is entered first: only members may read."""
        search = partial(self._search, channel, delivery_id, oldest=oldest, latest=latest, thread_ts=thread_ts)
        known = self._ahead
        answer = await search()
        if answer.outcome is Outcome.NOT_FOUND and known is None and abs(self._ahead or _MARGIN) > _MARGIN:
            answer = await search()  # the clocks differ, as its answer said: it was looked for at another time
        if answer.error == "not_in_channel":
            joined = await self.join(channel)
            if joined.outcome is Outcome.RETRY:
                return joined
            if joined.outcome is Outcome.DELIVERED:
                answer = await search()
        return _as_search(answer)

    async def resolve(self, target: str) -> Answer:
        return await self._directory.resolve(target)

    async def group(self, name: str) -> Answer:
        """DELIVERED with the id of a user group as `channel`; RETRY while it may yet be known; or why it never will be."""
        return await self._directory.group(name)

    async def members(self, group: str) -> tuple[Answer, frozenset[str]]:
        """Of a user group, by its id: the user ids that are in it now."""
        answer, body = await self._call_for_body("usergroups.users.list", {"usergroup": group})
        users = body.get("users")
        found = frozenset(one for one in (users if isinstance(users, list) else ()) if isinstance(one, str))
        return as_lookup(answer), found

    async def set_members(self, group: str, users: Sequence[str]) -> Answer:
        """From now on these and nobody else are in a user group. Slack takes no empty list; of one with somebody in it who
        cannot be a member it may empty the group and refuse all the same: the caller knows that each is in use."""
        answer, _ = await self._call("usergroups.users.update", {"usergroup": group, "users": ",".join(users)})
        return as_lookup(answer)

    async def person(self, target: str) -> str:
        """The id of a person of the rules; "" where Slack does not say within a moment: what mentions them does not wait."""
        try:
            async with asyncio.timeout(_ASKED_FOR.total_seconds()):
                return await self._directory.person(target)
        except TimeoutError:
            return ""

    async def paused_until(self, person: str) -> datetime | None:
        """Until when a person's notifications are paused; None: they are not, or Slack does not say. `person`: an id, or
        `email:…`. Asked for a moment only: what is to be said to them does not wait for it."""
        if self._clock.monotonic() < self._pauses_unknown_until:
            return None
        try:
            async with asyncio.timeout(_ASKED_FOR.total_seconds()):
                slack_id = await self._directory.person(person)
                if not slack_id:
                    return None
                answer, body = await self._call_for_body("dnd.info", {"user": slack_id})
        except TimeoutError:
            return None
        if answer.outcome is not Outcome.DELIVERED:
            if answer.error == "missing_scope":
                self._pauses_unknown_until = self._clock.monotonic() + _SCOPE_AGAIN_AFTER.total_seconds()
            return None
        now = self._clock.now() + (self._ahead or timedelta(0))
        match body:
            case {"dnd_enabled": True, "next_dnd_start_ts": int(begins), "next_dnd_end_ts": int(ends)}:
                is_paused = begins <= now.timestamp() < ends
                return datetime.fromtimestamp(ends, UTC) if is_paused else None
            case _:
                return None

    async def join(self, channel: str) -> Answer:
        answer, _ = await self._call("conversations.join", {"channel": channel})
        return as_lookup(answer)

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> tuple[Answer, Mapping[str, Any]]:
        """Open a modal for whoever did what the trigger id stands for; `views.opened` says what became of it. With it, the view
        as Slack names it from now on; {} where there is none."""
        answer, body = await self._call_for_body("views.open", {"trigger_id": trigger_id, "view": dict(view)})
        found = body.get("view")
        return answer, found if isinstance(found, dict) else {}

    async def update_view(self, view_id: str, view: Mapping[str, Any], *, known: str = "") -> Answer:
        """Put another in the place of a modal that is open. `known`: Slack's hash of the one that is to go; should it be
        another by now, Slack refuses."""
        arguments: dict[str, object] = {"view_id": view_id, "view": dict(view)}
        answer, _ = await self._call("views.update", {**arguments, "hash": known} if known else arguments)
        return answer

    async def whisper(
        self, channel: str, person: str, text: str, blocks: Sequence[Mapping[str, Any]] = (), *, thread_ts: str = ""
    ) -> Answer:
        """A message that one person sees. `person`: a user id; they must be in the channel, and so must we. `text`: mrkdwn;
        `blocks`: the same with buttons."""
        arguments: dict[str, object] = {"channel": channel, "user": person, "text": text}
        arguments |= {"parse": "none", "link_names": False}
        arguments |= {"blocks": list(blocks)} if blocks else {}
        answer, _ = await self._call(
            "chat.postEphemeral", {**arguments, "thread_ts": thread_ts} if thread_ts else arguments
        )
        return answer

    async def _search(
        self, channel: str, delivery_id: str, *, oldest: datetime, latest: datetime, thread_ts: str
    ) -> Answer:
        ahead = self._ahead or timedelta(0)
        arguments: dict[str, object] = {
            "channel": channel,
            "oldest": f"{(oldest + ahead - _MARGIN).timestamp():.6f}",
            "latest": f"{(latest + ahead + _MARGIN).timestamp():.6f}",
            "inclusive": True,
            "include_all_metadata": True,
            "limit": _PAGE,
        }
        method = "conversations.history"
        if thread_ts:
            method, arguments["ts"] = "conversations.replies", thread_ts
        seen: set[str] = set()
        while True:
            answer, body = await self._call_for_body(method, arguments)
            if answer.outcome is not Outcome.DELIVERED:
                return answer
            ts = _ts_of(delivery_id, body)
            if ts:
                return msgspec.structs.replace(answer, channel=channel, ts=ts)
            cursor = next_cursor(body)
            if not cursor:
                return msgspec.structs.replace(answer, outcome=Outcome.NOT_FOUND, channel=channel)
            if cursor in seen:  # the rest was not seen, so "not there" would be a guess
                return msgspec.structs.replace(answer, outcome=Outcome.RETRY, error="paging_does_not_end")
            seen.add(cursor)
            arguments["cursor"] = cursor

    async def _call_for_body(self, method: str, arguments: Mapping[str, object]) -> tuple[Answer, Mapping[str, Any]]:
        answer, reply = await self._call(method, arguments)
        return answer, (reply.body if reply else None) or {}

    async def _call(self, method: str, arguments: Mapping[str, object]) -> tuple[Answer, Reply | None]:
        """The one call path."""
        got = await self._wire(method, {name: _form_value(value) for name, value in arguments.items()})
        answer = sort_answer(got)
        if answer.server_time is not None:
            self._ahead = answer.server_time - self._clock.now()
        return answer, got if isinstance(got, Reply) else None


def _content(message: Rendered, tag: Tag) -> dict[str, object]:
    return {
        "text": message.text,
        "blocks": list(message.blocks),
        "attachments": list(message.attachments),
        "metadata": {
            "event_type": EVENT_TYPE,
            "event_payload": {
                "instance": tag.instance,
                "delivery_id": tag.delivery_id,
                "incident": tag.incident,
                "group_key": tag.group_key[:_GROUP_KEY_LIMIT],
            },
        },
        # chat.update's own default, "client", would turn bare @names and #names of senders into mentions.
        "parse": "none",
        "link_names": False,
    }


def _form_value(value: object) -> str:
    """Slack's forms: words for booleans, JSON for structures. A lone surrogate would not survive UTF-8."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return json.dumps(value, separators=(",", ":"))


def _ts_of(delivery_id: str, body: Mapping[str, Any]) -> str:
    """`ts` of the message on this page that carries our delivery id; "" when none does."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        match message:
            case {"ts": str(ts), "metadata": {"event_type": str(kind), "event_payload": {"delivery_id": str(found)}}}:
                if kind == EVENT_TYPE and found == delivery_id:
                    return ts
            case _:
                pass
    return ""


def _as_search(answer: Answer) -> Answer:
    """Read a history call's answer: what we may not read is UNSEARCHABLE; a thread that is gone holds nothing of ours."""
    match answer.outcome:
        case Outcome.UNKNOWN:
            outcome = Outcome.RETRY
        case _ if answer.error == "invalid_cursor":
            outcome = Outcome.RETRY  # cursors age
        case Outcome.MESSAGE_REFUSED | Outcome.EDIT_CLOSED:
            outcome = Outcome.UNSEARCHABLE
        case Outcome.ANCHOR_LOST:
            outcome = Outcome.NOT_FOUND
        case _ if answer.error in {"missing_scope", "not_in_channel"}:
            outcome = Outcome.UNSEARCHABLE
        case _:
            return answer
    return msgspec.structs.replace(answer, outcome=outcome)
