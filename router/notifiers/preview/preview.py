"""Slack without Slack: its messages are rows of our own, shown by `/preview`. Owns no page, no SQL.

It refuses what Slack would refuse, so that what looks right here is right there. Conversation ids carry their name
(`#db` is `CPV` and the name in base 32), so nothing about them needs to be remembered across a restart.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from router.core.answer import Answer, Outcome
from router.core.render.blocks import faults, mentioned, mentioned_groups
from router.core.view import Rendered
from router.notifiers.tag import Tag
from router.runtime.clock import EPOCH

_MICROSECOND = timedelta(microseconds=1)
_MARK = "PV"


class Sound(msgspec.Struct, frozen=True):
    """A phone or desktop that rang, unless its owner has muted it."""

    who: str
    """`#db`: everyone in it. Else a person."""
    why: str


class PreviewMessage(msgspec.Struct, frozen=True):
    """A message as it stands now. (channel, ts) is its identity, as in Slack."""

    channel: str
    ts: str
    text: str
    posted_at: datetime
    blocks: tuple[dict[str, object], ...] = ()
    attachments: tuple[dict[str, object], ...] = ()
    thread_ts: str = ""
    """Of a reply: the message it answers."""
    broadcast: bool = False
    """A reply that is shown in the channel too."""
    instance: str = ""
    delivery_id: str = ""
    incident: int = 0
    group_key: str = ""
    edited_at: datetime | None = None
    edits: int = 0
    sounds: tuple[Sound, ...] = ()
    """Made by its post; edits make none."""
    author: str = ""
    """The user id of the person who wrote it; "" of the router's own."""


class PreviewRows(Protocol):
    """Where the messages are kept."""

    async def newest_ts(self) -> str:
        """The highest `ts` of all; "" when there is none."""

    async def add(self, message: PreviewMessage) -> None: ...

    async def replace(self, message: PreviewMessage) -> None:
        """The row of the same channel and ts."""

    async def get(self, channel: str, ts: str) -> PreviewMessage | None: ...

    async def find(self, channel: str, delivery_id: str) -> PreviewMessage | None: ...


class Preview:
    """What Slack would do, on rows. `now` tells aware UTC."""

    def __init__(self, rows: PreviewRows, now: Callable[[], datetime]) -> None:
        self._rows, self._now = rows, now
        self._last = 0
        self._is_resumed = False

    async def post(
        self, channel: str, message: Rendered, tag: Tag, *, thread_ts: str = "", broadcast: bool = False
    ) -> Answer:
        there = (await self.resolve(channel)).channel
        if not there:
            return self._answer(Outcome.CHANNEL_REFUSED, error="channel_not_found")
        if refused := self._refused(message):
            return refused
        if thread_ts and await self._rows.get(there, thread_ts) is None:
            return self._answer(Outcome.ANCHOR_LOST, channel=there, error="thread_not_found")
        at = self._now()
        row = PreviewMessage(
            channel=there,
            ts=await self._next_ts(at),
            text=message.text,
            posted_at=at,
            blocks=message.blocks,
            attachments=message.attachments,
            thread_ts=thread_ts,
            broadcast=broadcast,
            instance=tag.instance,
            delivery_id=tag.delivery_id,
            incident=tag.incident,
            group_key=tag.group_key,
            sounds=tuple(_sounds(there, message.blocks, is_reply=bool(thread_ts), is_broadcast=broadcast)),
        )
        await self._rows.add(row)
        return self._answer(Outcome.DELIVERED, channel=there, ts=row.ts)

    async def edit(self, channel: str, ts: str, message: Rendered, tag: Tag) -> Answer:
        row = await self._rows.get(channel, ts)
        if row is None:
            return self._answer(Outcome.ANCHOR_LOST, channel=channel, error="message_not_found")
        if refused := self._refused(message):
            return refused
        await self._rows.replace(
            msgspec.structs.replace(
                row,
                text=message.text,
                blocks=message.blocks,
                attachments=message.attachments,
                delivery_id=tag.delivery_id or row.delivery_id,
                edited_at=self._now(),
                edits=row.edits + 1,
            )
        )
        return self._answer(Outcome.DELIVERED, channel=channel, ts=ts)

    async def say(self, channel: str, author: str, text: str, *, thread_ts: str = "") -> str | None:
        """What a person writes, as Slack sends it; its `ts`. None: there is no such channel or thread."""
        if channel != (await self.resolve(channel)).channel:
            return None
        if thread_ts and await self._rows.get(channel, thread_ts) is None:
            return None
        at = self._now()
        row = PreviewMessage(channel, await self._next_ts(at), text, at, thread_ts=thread_ts, author=author)
        await self._rows.add(row)
        return row.ts

    async def get(self, channel: str, ts: str) -> PreviewMessage | None:
        return await self._rows.get(channel, ts)

    async def find(
        self,
        channel: str,
        delivery_id: str,
        *,
        oldest: datetime,  # noqa: ARG002  the rows are indexed by delivery id; Slack's history is not
        latest: datetime,  # noqa: ARG002
        thread_ts: str = "",
    ) -> Answer:
        row = await self._rows.find(channel, delivery_id)
        if row is None or row.thread_ts != thread_ts:
            return self._answer(Outcome.NOT_FOUND, channel=channel)
        return self._answer(Outcome.DELIVERED, channel=channel, ts=row.ts)

    async def resolve(self, target: str) -> Answer:
        channel = conversation_id(target)
        if not channel:
            return self._answer(Outcome.CHANNEL_REFUSED, error="channel_not_found")
        return self._answer(Outcome.DELIVERED, channel=channel)

    async def join(self, channel: str) -> Answer:
        return self._answer(Outcome.DELIVERED, channel=channel)

    def _refused(self, message: Rendered) -> Answer | None:
        found = faults(message)
        return self._answer(Outcome.MESSAGE_REFUSED, error=f"invalid_blocks: {'; '.join(found)}") if found else None

    def _answer(self, outcome: Outcome, *, channel: str = "", ts: str = "", error: str = "") -> Answer:
        return Answer(outcome=outcome, channel=channel, ts=ts, error=error, server_time=self._now())

    async def _next_ts(self, at: datetime) -> str:
        """Later than every ts before it, also when the clock stepped back or the process is a new one."""
        if not self._is_resumed:
            newest = await self._rows.newest_ts()
            self._last = max(self._last, int(newest.replace(".", "") or 0))
            self._is_resumed = True
        self._last = max((at - EPOCH) // _MICROSECOND, self._last + 1)
        seconds, rest = divmod(self._last, 1_000_000)
        return f"{seconds}.{rest:06}"


def conversation_id(target: str) -> str:
    """The id of `#name`, of a person (their Slack id or `email:…`), or of an id itself; "" of anything else."""
    if target.startswith("#"):
        return _encoded("C", target[1:])
    if target.startswith("email:"):
        return _encoded("D", target.removeprefix("email:"))
    if not target.isascii() or not target.isalnum():
        return ""
    if target.startswith(("U", "W")):
        return _encoded("D", target)
    return target if target.startswith(("C", "G", "D")) else ""


def conversation_name(channel: str) -> str:
    """What a person calls a conversation: `#db`, `alice@example.com`; an id we did not make is its own name."""
    code = channel[1 + len(_MARK) :]
    if channel[1 : 1 + len(_MARK)] != _MARK or not code:
        return channel
    try:
        name = base64.b32decode(code + "=" * (-len(code) % 8)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return channel
    return f"#{name}" if channel.startswith("C") else name


def group_id(name: str) -> str:
    """Of a user group by its handle: the id carries it, for the page to show. An id is one."""
    return f"S{_MARK}{name.removeprefix('@').encode().hex().upper()}" if name.startswith("@") else name


def group_name(group: str) -> str:
    """What a person calls it; an id we did not make is its own name."""
    code = group.removeprefix(f"S{_MARK}")
    try:
        return group if code == group else f"@{bytes.fromhex(code).decode()}"
    except ValueError:
        return group


def _encoded(kind: str, name: str) -> str:
    return f"{kind}{_MARK}{base64.b32encode(name.encode()).decode().rstrip('=')}" if name else ""


def _sounds(channel: str, blocks: Sequence[dict[str, object]], *, is_reply: bool, is_broadcast: bool) -> list[Sound]:
    """Who hears a post. A reply rings only for who follows its thread, unless it is broadcast."""
    name = conversation_name(channel)
    mentions = [Sound(who=user, why="mentioned") for user in mentioned(blocks)]
    mentions += [Sound(who=group_name(group), why="mentioned") for group in mentioned_groups(blocks)]
    if is_reply and not is_broadcast:
        return mentions
    if channel.startswith("D"):
        return [Sound(who=name, why="direct message")]
    return [Sound(who=name, why="reply shown in the channel" if is_reply else "new message"), *mentions]
