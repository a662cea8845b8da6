"""Who is in a Slack user group: `usergroups.users.list`, kept a while. Nobody who asks waits for it longer than they allow.

https://docs.slack.dev/reference/methods/usergroups.users.list
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Final

from router.core.answer import Answer, Outcome
from router.notifiers.slack.directory import Call
from router.runtime.clock import Clock

KEEP_FOUND: Final = timedelta(minutes=5)
KEEP_MISSING: Final = timedelta(seconds=20)
BELIEVED_FOR: Final = timedelta(hours=1)
"""What Slack said last holds so long while it does not answer: whoever left the group loses what it gave no later."""


class UserGroups:
    """Members by group. `find`: the id of a group by what the rules call it; `call`: the client's one call path."""

    def __init__(self, find: Callable[[str], Awaitable[Answer]], call: Call, clock: Clock) -> None:
        self._find, self._call, self._clock = find, call, clock
        self._members: dict[str, tuple[float, frozenset[str]]] = {}
        """group → (when Slack said it, on the monotonic clock; the ids of its members)."""
        self._asked: dict[str, float] = {}
        """group → until when it is not asked for again."""
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def of(self, user_id: str, groups: Iterable[str], *, within: timedelta) -> frozenset[str]:
        """Those of these groups that somebody is in, as far as Slack says it `within`."""
        wanted = [group for group in groups if user_id]
        due = {self._task(group) for group in wanted if self._clock.monotonic() >= self._asked.get(group, 0.0)}
        if due:
            await asyncio.wait(due, timeout=within.total_seconds())
        return frozenset(group for group in wanted if user_id in self._known(group))

    def _known(self, group: str) -> frozenset[str]:
        at, members = self._members.get(group, (0.0, frozenset()))
        return members if self._clock.monotonic() - at < BELIEVED_FOR.total_seconds() else frozenset()

    def _task(self, group: str) -> "asyncio.Task[None]":
        task = self._asking.get(group)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(group))
            self._asking[group] = task
            task.add_done_callback(lambda _: self._asking.pop(group, None))
        return task

    async def _ask(self, group: str) -> None:
        found, users = await self._find(group), None
        if found.outcome is Outcome.DELIVERED:
            answer, body = await self._call("usergroups.users.list", {"usergroup": found.channel})
            users = body.get("users") if answer.outcome is Outcome.DELIVERED else None
        now = self._clock.monotonic()
        if isinstance(users, list):
            self._members[group] = now, frozenset(one for one in users if isinstance(one, str))
        keep = KEEP_FOUND if isinstance(users, list) else KEEP_MISSING
        self._asked[group] = now + keep.total_seconds()
