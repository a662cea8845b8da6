"""Whom a name means: `#db`, `email:maria@example.com` and people's ids to conversation ids. Keeps what Slack answered a while.

Owns the cache and the paging of `conversations.list`; makes its calls through the client's one call path.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from router.core.answer import Answer, Outcome
from router.runtime.clock import Clock

Call = Callable[[str, Mapping[str, object]], Awaitable[tuple[Answer, Mapping[str, Any]]]]
"""(method, arguments) → the sorted answer and Slack's own body ({} when there was none)."""

_CONVERSATION: Final = re.compile(r"[CDG][A-Z0-9]{5,}")
_PERSON: Final = re.compile(r"[UW][A-Z0-9]{5,}")

_KEEP_FOUND: Final = timedelta(hours=24)
_KEEP_MISSING_PERSON: Final = timedelta(minutes=1)
_KEEP_MISSING_CHANNEL: Final = timedelta(seconds=6)
"""For each page of the listing: the person who reads "no such channel" creates it and looks again, but a listing is 20
calls a minute at best, and a big workspace has many pages."""

_KEEP_GROUPS: Final = timedelta(hours=1)
_KEEP_MISSING_GROUP: Final = timedelta(minutes=1)
_PATIENCE_WITH_GROUPS: Final = timedelta(minutes=1)
"""So long a mention waits while Slack does not list its user groups."""

_PAGE: Final = 1000

_REFUSALS: Final = frozenset({Outcome.MESSAGE_REFUSED, Outcome.ANCHOR_LOST, Outcome.EDIT_CLOSED})


def as_lookup(answer: Answer) -> Answer:
    """Read an answer to a call that looks up, opens or joins. It may be repeated freely, and there is no message to degrade.

    A scope that only this call needs is no reason to stop the workspace: the rest can still be told.
    """
    if answer.outcome is Outcome.UNKNOWN:
        return msgspec.structs.replace(answer, outcome=Outcome.RETRY)
    if answer.outcome in _REFUSALS or answer.error == "missing_scope":
        return msgspec.structs.replace(answer, outcome=Outcome.CHANNEL_REFUSED)
    return answer


def next_cursor(body: Mapping[str, Any]) -> str:
    """Where the next page begins; "" after the last."""
    metadata = body.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return cursor if isinstance(cursor, str) else ""


class Directory:
    """Names, addresses and people of one workspace."""

    def __init__(self, call: Call, clock: Clock) -> None:
        self._call = call
        self._clock = clock
        self._kept: dict[str, tuple[float, Answer]] = {}
        """target → (monotonic time it is kept until, answer)."""
        self._names: dict[str, str] = {}
        self._cursor: str | None = ""
        """Where the listing goes on: a big workspace takes more calls than one minute allows. None: it is whole."""
        self._whole_at = 0.0
        self._pages = 0
        """Of the listing, the last time it was read."""
        self._listing = asyncio.Lock()
        self._people: dict[str, str] = {}
        """`email:…` → id."""
        self._groups: dict[str, str] = {}
        """handle → id."""
        self._groups_until = self._groups_missing_until = 0.0
        self._groups_failing_since: float | None = None
        self._listing_groups = asyncio.Lock()

    async def resolve(self, target: str) -> Answer:
        if _CONVERSATION.fullmatch(target):
            return Answer(outcome=Outcome.DELIVERED, channel=target)
        kept = self._kept.get(target)
        if kept is not None and self._clock.monotonic() < kept[0]:
            return kept[1]
        if target.startswith("email:"):
            return await self._by_address(target)
        if _PERSON.fullmatch(target):
            return await self._direct(target, target)
        return await self._by_name(target)

    async def _by_address(self, target: str) -> Answer:
        answer, body = await self._call("users.lookupByEmail", {"email": target.removeprefix("email:")})
        user = body.get("user")
        person = user.get("id") if isinstance(user, dict) else None
        if answer.outcome is not Outcome.DELIVERED:
            return self._keep_refusal(target, as_lookup(answer), _KEEP_MISSING_PERSON)
        if not isinstance(person, str):
            return Answer(outcome=Outcome.RETRY, error="no_user_in_answer", server_time=answer.server_time)
        self._people[target] = person
        return await self._direct(target, person)

    async def _direct(self, target: str, person: str) -> Answer:
        answer, _ = await self._call("conversations.open", {"users": person})
        if answer.outcome is Outcome.DELIVERED and not answer.channel:
            return Answer(outcome=Outcome.RETRY, error="no_channel_in_answer", server_time=answer.server_time)
        if answer.outcome is Outcome.DELIVERED:
            return self._keep(target, answer, _KEEP_FOUND)
        return self._keep_refusal(target, as_lookup(answer), _KEEP_MISSING_PERSON)

    async def _by_name(self, target: str) -> Answer:
        name = target.removeprefix("#")
        async with self._listing:  # whoever waited here finds the list already read
            if name not in self._names and self._is_stale():
                self._cursor, self._pages = "", 0
            while name not in self._names and self._cursor is not None:
                refused = await self._read_page(self._cursor)
                if refused is not None:
                    return refused
        channel = self._names.get(name)
        if channel is None:
            return Answer(outcome=Outcome.CHANNEL_REFUSED, error="channel_not_found")
        return self._keep(target, Answer(outcome=Outcome.DELIVERED, channel=channel), _KEEP_FOUND)

    async def person(self, target: str) -> str:
        """The id of a person who is reached; "" where Slack does not say."""
        if not target.startswith("email:"):
            return target
        if target not in self._people:
            answer, body = await self._call("users.lookupByEmail", {"email": target.removeprefix("email:")})
            user = body.get("user")
            found = user.get("id") if isinstance(user, dict) else None
            if answer.outcome is not Outcome.DELIVERED or not isinstance(found, str):
                return ""
            self._people[target] = found
        return self._people[target]

    async def group(self, name: str) -> Answer:
        """A user group by its handle; an id is one. Slack's trouble is waited out for a while only: what is to be said goes
        before whom it mentions."""
        if not name.startswith("@"):
            return Answer(outcome=Outcome.DELIVERED, channel=name)
        handle = name.removeprefix("@")
        async with self._listing_groups:
            now = self._clock.monotonic()
            if now >= self._groups_until or (handle not in self._groups and now >= self._groups_missing_until):
                answer, body = await self._call("usergroups.list", {})
                answer = as_lookup(answer)
                if answer.outcome is not Outcome.DELIVERED:
                    return self._no_groups(answer, now)
                self._take_groups(body, now)
        if (found := self._groups.get(handle)) is None:
            return Answer(outcome=Outcome.CHANNEL_REFUSED, error="no_such_group")
        return Answer(outcome=Outcome.DELIVERED, channel=found)

    def _take_groups(self, body: Mapping[str, Any], now: float) -> None:
        groups = body.get("usergroups")
        self._groups = {
            str(group.get("handle")): group["id"]
            for group in (groups if isinstance(groups, list) else ())
            if isinstance(group, dict) and isinstance(group.get("id"), str)
        }
        self._groups_until = now + _KEEP_GROUPS.total_seconds()
        self._groups_missing_until = now + _KEEP_MISSING_GROUP.total_seconds()
        self._groups_failing_since = None

    def _no_groups(self, answer: Answer, now: float) -> Answer:
        if self._groups_failing_since is None:
            self._groups_failing_since = now
        is_patient = now - self._groups_failing_since < _PATIENCE_WITH_GROUPS.total_seconds()
        if answer.outcome is Outcome.RETRY and is_patient:
            return answer
        return msgspec.structs.replace(answer, outcome=Outcome.CHANNEL_REFUSED)

    def _is_stale(self) -> bool:
        age = self._clock.monotonic() - self._whole_at
        return self._cursor is None and age >= _KEEP_MISSING_CHANNEL.total_seconds() * max(self._pages, 1)

    async def _read_page(self, cursor: str) -> Answer | None:
        """Read one page into `_names`. The answer when Slack would not give it; where we were is remembered."""
        answer, body = await self._call(
            "conversations.list",
            {
                "types": "public_channel,private_channel",
                "exclude_archived": True,
                "limit": _PAGE,
                **({"cursor": cursor} if cursor else {}),
            },
        )
        if answer.outcome is not Outcome.DELIVERED:
            if answer.error == "invalid_cursor":
                self._cursor = ""  # cursors age; begin again the next time
                return Answer(outcome=Outcome.RETRY, error=answer.error, server_time=answer.server_time)
            return as_lookup(answer)
        self._pages += 1
        channels = body.get("channels")
        for channel in channels if isinstance(channels, list) else ():
            if isinstance(channel, dict) and isinstance(channel.get("id"), str):
                self._names[str(channel.get("name"))] = channel["id"]
        following = next_cursor(body)
        self._cursor = following if following != cursor else ""
        if not self._cursor:
            self._cursor = None
            self._whole_at = self._clock.monotonic()
        return None

    def _keep_refusal(self, target: str, answer: Answer, age: timedelta) -> Answer:
        return self._keep(target, answer, age) if answer.outcome is Outcome.CHANNEL_REFUSED else answer

    def _keep(self, target: str, answer: Answer, age: timedelta) -> Answer:
        self._kept[target] = (self._clock.monotonic() + age.total_seconds(), answer)
        return answer
