"""The one way to tell Slack something: a Transport makes one call and classifies the answer. When, is deliver's."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

from router.core.view import Rendered


class Outcome(StrEnum):
    """What one call came to (SLACK §3)."""

    TOLD = "told"
    RETRY = "retry"
    """Certainly nothing happened; try again after `Answer.retry_after`, or by backoff when that is None."""
    UNKNOWN = "unknown"
    """It may have happened."""
    MESSAGE_REFUSED = "message_refused"
    CHANNEL_REFUSED = "channel_refused"
    ANCHOR_LOST = "anchor_lost"
    EDIT_CLOSED = "edit_closed"
    """`edit_window_closed`: go on in the thread, post anew only for the end."""
    WORKSPACE_REFUSED = "workspace_refused"
    NOT_FOUND = "not_found"
    """Of a search: nothing with that delivery id, in all pages."""
    UNSEARCHABLE = "unsearchable"
    """Of a search: the history scope is missing."""


class Answer(msgspec.Struct, frozen=True):
    """Slack's answer, sorted."""

    outcome: Outcome
    channel: str = ""
    """The conversation's id, where the answer names it."""
    ts: str = ""
    retry_after: timedelta | None = None
    is_rate_limit: bool = False
    """The method is blocked in the whole workspace until then, not only this message."""
    error: str = ""
    """Slack's code or the transport's fault; safe to show, never a token or a body."""
    server_time: datetime | None = None
    """From the `Date` header: bounds of a later search."""
    warning: str = ""


class Tag(msgspec.Struct, frozen=True):
    """Metadata of every message: to find a duplicate, adopt our own messages, refuse another instance's click."""

    instance: str
    delivery_id: str
    incident: int = 0
    group_key: str = ""


class Notifier(Protocol):
    """Slack, or the preview. No method raises on Slack's weather; cancellation passes through."""

    @property
    def workspace(self) -> str:
        """Key of pacing: the team id, or "preview"."""

    async def post(
        self, channel: str, message: Rendered, tag: Tag, *, thread_ts: str = "", broadcast: bool = False
    ) -> Answer:
        """A new message in a conversation id (or `#name`), or a reply in a thread; `broadcast` shows it to the channel."""

    async def edit(self, channel: str, ts: str, message: Rendered, tag: Tag) -> Answer:
        """Replace what a message says. Idempotent."""

    async def find(
        self, channel: str, delivery_id: str, *, oldest: datetime, latest: datetime, thread_ts: str = ""
    ) -> Answer:
        """Look through all pages of history between two instants for our delivery id: TOLD with its ts, NOT_FOUND, …"""

    async def resolve(self, target: str) -> Answer:
        """The conversation id of `#name`, `C…`, a person's Slack id (opens the direct message: D…) or `email:a@b.c`.

        TOLD with `channel`; CHANNEL_REFUSED when there is no such channel or person.
        """

    async def join(self, channel: str) -> Answer:
        """Enter a public channel after `not_in_channel`."""
