"""Slack as a way out: contents become Block Kit, and each act the one method that Slack has for it. Owns its pace."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from router.core.answer import Answer, Outcome
from router.core.content import Content
from router.core.delivery import Act, Capability, Rate, Terms
from router.core.render.content import rendered
from router.notifiers.notifier import Notifier
from router.notifiers.slack.client import SlackClient
from router.notifiers.tag import tag_of
from rules.model.configuration import POSTS_PER_MINUTE

NAME: Final = "slack"
CLOCK_DOUBT: Final = timedelta(minutes=10)
"""How far our clock may have been off when something was posted."""
POST_APART: Final = timedelta(seconds=1)
"""Slack's pace of posts in one channel."""

RATES: Final[Mapping[str, Rate]] = {
    # Below the tiers of 50 a minute; edits that tell no end leave room for those that do.
    "chat.update": Rate(per_minute=48, informational=40),
    "conversations.history": Rate(per_minute=20, informational=16),  # a search may take two pages
    "conversations.open": Rate(per_minute=40, informational=32),
}
_METHODS: Final[Mapping[Act, str]] = {
    Act.POST: "chat.postMessage",
    Act.EDIT: "chat.update",
    Act.REPLY: "chat.postMessage",
    Act.FIND: "conversations.history",
}
_CAN: Final = frozenset({Capability.EDIT, Capability.THREAD, Capability.FIND, Capability.LOOK_UP})


def method_of(act: Act, target: str) -> str:
    """A person costs a call to look up; channels come from a list that is kept."""
    if act is Act.LOOK_UP:
        return "conversations.open" if target.startswith(("email:", "U", "W")) else "conversations.list"
    return _METHODS[act]


def terms_of(posts_per_minute: int, workspace_url: Callable[[], str] = str) -> Terms:
    """`workspace_url`: as https://acme.slack.com/; "" while it is not known."""

    def link_of(channel: str, ts: str) -> str:
        # What chat.getPermalink answers, without a call for each message.
        url = workspace_url()
        return f"{url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}" if url and channel and ts else ""

    posts = Rate(per_minute=posts_per_minute, informational=max(posts_per_minute * 4 // 5, 1))
    return Terms(_CAN, {**RATES, "chat.postMessage": posts}, POST_APART, method_of, link_of)


class SlackNotifier(Notifier):
    """One workspace."""

    def __init__(
        self,
        client: SlackClient,
        *,
        name: str = NAME,
        posts_per_minute: int = POSTS_PER_MINUTE,
        workspace_url: Callable[[], str] = str,
    ) -> None:
        self.client = client
        self._name = name
        self._terms = terms_of(posts_per_minute, workspace_url)

    @property
    def name(self) -> str:
        return self._name

    @property
    def terms(self) -> Terms:
        return self._terms

    async def post(self, channel: str, content: Content, key: str, *, ts: str = "") -> Answer:  # noqa: ARG002  it edits
        if content.mentions:
            ids = {one.target: await self.client.person(one.target) for one in content.mentions}
            content = content.with_people(ids)
        message = rendered(content)
        unheard_until = await self.client.paused_until(content.recipient) if content.is_of_a_step else None
        answer = await self._entered(channel, await self.client.post(channel, message, tag_of(content, key)))
        return msgspec.structs.replace(answer, unheard_until=unheard_until)

    async def edit(self, channel: str, ts: str, content: Content, key: str) -> Answer:
        return await self.client.edit(channel, ts, rendered(content), tag_of(content, key))

    async def reply(self, channel: str, ts: str, content: Content, key: str) -> Answer:
        ids: dict[str, str] = {}
        for group in content.groups:
            found = await self.client.group(group)
            if found.outcome is Outcome.RETRY:
                return found
            if found.outcome is Outcome.DELIVERED:
                ids[group] = found.channel
        message = rendered(content.with_groups(ids), is_reply=True)
        answer = await self.client.post(
            channel, message, tag_of(content, key), thread_ts=ts, broadcast=content.is_broadcast
        )
        return await self._entered(channel, answer)

    async def find(self, channel: str, key: str, *, since: datetime, until: datetime, ts: str = "") -> Answer:
        # Our own clock may have been set right since the intent was written down.
        return await self.client.find(
            channel, key, oldest=since - CLOCK_DOUBT, latest=until + CLOCK_DOUBT, thread_ts=ts
        )

    async def look_up(self, target: str) -> Answer:
        return await self.client.resolve(target)

    async def _entered(self, channel: str, answer: Answer) -> Answer:
        """A public channel that we are not in is entered, and told again at once."""
        if answer.outcome is not Outcome.CHANNEL_REFUSED or answer.error != "not_in_channel":
            return answer
        joined = await self.client.join(channel)
        if joined.outcome is Outcome.DELIVERED:
            return Answer(Outcome.RETRY, error="joined the channel", retry_after=timedelta(0))
        return answer
