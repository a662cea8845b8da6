"""Who a Slack user is: what `users.info` says, kept a while. An act never waits for it longer than its caller allows."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from router.core.answer import Outcome
from router.notifiers.slack.directory import Call
from router.notifiers.workspace import SlackUser
from router.runtime.clock import Clock

KEEP_FOUND: Final = timedelta(hours=24)
KEEP_MISSING: Final = timedelta(minutes=1)
MOST_KEPT: Final = 2_000


class Users:
    """Accounts by id. `call`: the client's one call path."""

    def __init__(self, call: Call, clock: Clock) -> None:
        self._call, self._clock = call, clock
        self._kept: OrderedDict[str, tuple[float, SlackUser | None]] = OrderedDict()
        """id → (monotonic time it is kept until, account)."""
        self._asking: dict[str, asyncio.Task[SlackUser | None]] = {}

    async def get(self, user_id: str, *, within: timedelta) -> SlackUser | None:
        """None: Slack does not say, or not `within`; then whoever asks next may have the answer."""
        kept = self._kept.get(user_id)
        if kept is not None and self._clock.monotonic() < kept[0]:
            return kept[1]
        task = self._asking.get(user_id)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(user_id))
            self._asking[user_id] = task
            task.add_done_callback(lambda _: self._asking.pop(user_id, None))
        done, _ = await asyncio.wait({task}, timeout=within.total_seconds())
        return task.result() if done else None

    async def _ask(self, user_id: str) -> SlackUser | None:
        answer, body = await self._call("users.info", {"user": user_id})
        found = _read(body.get("user")) if answer.outcome is Outcome.DELIVERED else None
        age = KEEP_MISSING if found is None else KEEP_FOUND
        self._kept[user_id] = (self._clock.monotonic() + age.total_seconds(), found)
        self._kept.move_to_end(user_id)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found


def _read(user: object) -> SlackUser | None:
    if not isinstance(user, dict) or not (user_id := _text(user, "id")):
        return None
    profile, grid = _object(user, "profile"), _object(user, "enterprise_user")
    listed = grid.get("teams")
    teams = {one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, str)}
    names = (_text(profile, "display_name"), _text(profile, "real_name"), _text(user, "real_name"), _text(user, "name"))
    return SlackUser(
        id=user_id,
        name=next((name for name in names if name), ""),
        email=_text(profile, "email"),
        teams=frozenset(teams | {team for team in (_text(user, "team_id"),) if team}),
        is_active=not (user.get("deleted") or user.get("is_bot")),
    )


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    return found.strip() if isinstance(found, str) else ""
