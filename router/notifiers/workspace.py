"""What the people who act in a workspace are reached by, whichever it is: Slack's, or the preview's. Interfaces only.

What is refused is answered in Slack's words, so that whoever asks sorts it in one way.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from router.core.answer import Answer


class SlackUser(msgspec.Struct, frozen=True):
    """An account, as far as we ask."""

    id: str
    name: str
    """As people see it; "" where Slack names none."""
    email: str = ""
    """"" where there is none, or we may not see it."""
    teams: frozenset[str] = frozenset()
    """The workspaces that it belongs to: several in an organisation."""
    is_active: bool = True
    """A person's, and in use: neither deactivated nor a bot."""


class Accounts(Protocol):
    """Who somebody is."""

    async def get(self, user_id: str, *, within: timedelta) -> SlackUser | None:
        """None: the workspace does not say, or not `within`."""


class Groups(Protocol):
    """Who is in a user group."""

    async def of(self, user_id: str, groups: Iterable[str], *, within: timedelta) -> frozenset[str]:
        """Those of these groups that somebody is in, as far as the workspace says it `within`."""


class Workspace(Protocol):
    """What is told to one person. No method raises on its weather."""

    @property
    def users(self) -> Accounts: ...

    @property
    def user_groups(self) -> Groups: ...

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> tuple[Answer, Mapping[str, Any]]:
        """Open a modal for whoever did what the trigger id stands for, once and within three seconds of it. With it, the
        view as it is named from now on; {} where there is none."""

    async def update_view(self, view_id: str, view: Mapping[str, Any], *, known: str = "") -> Answer:
        """Put another in the place of a modal that is open. `known`: the hash of the one that is to go; should it be another
        by now, it is refused."""

    async def whisper(
        self, channel: str, person: str, text: str, blocks: Sequence[Mapping[str, Any]] = (), *, thread_ts: str = ""
    ) -> Answer:
        """A message that one person sees. `person`: a user id. `text`: mrkdwn; `blocks`: the same with buttons."""


class Responses(Protocol):
    """Answers to what a person did, at the address that came with it: its response_url."""

    async def post(
        self, url: str, text: str, blocks: Sequence[Mapping[str, Any]] = (), *, thread_ts: str = ""
    ) -> Answer:
        """Seen by that person alone."""
