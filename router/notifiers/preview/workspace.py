"""What people see in the preview beside the messages: modals, and words that one of them sees alone. Kept in memory.

It refuses what Slack would refuse, in Slack's words. As in Slack, none of it outlives the process.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from router.core.answer import Answer, Outcome
from router.core.render.blocks import faults
from router.core.render.view_faults import view_faults
from router.core.view import Rendered
from router.notifiers.preview.members import APP, BOT, TEAM, Member, members
from router.notifiers.workspace import Accounts, Groups, SlackUser
from router.runtime.clock import Clock, NewId, to_ms
from rules.model.oncall import Person

API_URL: Final = "https://preview.invalid/api/"
"""Nothing is there: response_urls beside it are taken for the workspace's own, and lead nowhere but to `post`."""
_RESPONSE_URL: Final = "https://preview.invalid/response/"
TRIGGER_LASTS: Final = timedelta(seconds=3)
RESPONSE_LASTS: Final = timedelta(minutes=30)
RESPONSE_USES: Final = 5
MOST_STACKED: Final = 3
MOST_KEPT: Final = 500
"""Trigger ids, response_urls, private words: of each the newest."""


class OpenView(msgspec.Struct, frozen=True):
    """A modal that somebody has before them."""

    id: str
    hash: str
    """Another one whenever its content is."""
    root: str
    view: Mapping[str, Any]
    """As it was opened."""

    @property
    def named(self) -> dict[str, Any]:
        """As Slack names it in its answers and payloads."""
        previous = None if self.root == self.id else self.root
        place = {"id": self.id, "team_id": TEAM, "root_view_id": self.root, "previous_view_id": previous}
        own = {**place, "hash": self.hash, "app_id": APP, "bot_id": BOT}
        return {"private_metadata": "", "callback_id": "", "external_id": "", **self.view, **own}


class PrivateWord(msgspec.Struct, frozen=True):
    """A message that one person sees."""

    person: str
    channel: str
    thread_ts: str
    ts: str
    at: datetime
    text: str
    """mrkdwn."""
    blocks: tuple[Mapping[str, Any], ...] = ()
    """The same with buttons, where it has any."""


class ViewRefusedError(Exception):
    """A view that Slack would not show."""


class _Issued(msgspec.Struct):
    """A trigger id, or a response_url."""

    person: str
    at: float
    channel: str = ""
    uses: int = 0


class _Accounts:
    def __init__(self, those: Callable[[], Sequence[Member]]) -> None:
        self._those = those

    async def get(self, user_id: str, *, within: timedelta) -> SlackUser | None:  # noqa: ARG002  it is known at once
        found = next((one for one in self._those() if one.id == user_id), None)
        return None if found is None else SlackUser(found.id, found.name, found.email, frozenset({TEAM}))


class _NoGroups:
    """The preview has no user groups: who needs a role there has it by name."""

    async def of(self, user_id: str, groups: Iterable[str], *, within: timedelta) -> frozenset[str]:  # noqa: ARG002
        return frozenset()


class PreviewWorkspace:
    """Of one process. Satisfies Workspace and Responses."""

    def __init__(self, people: Callable[[], Mapping[str, Person]], clock: Clock, new_id: NewId) -> None:
        """`people`: of the rules in force, asked each time."""
        self._people, self._clock, self._new_id = people, clock, new_id
        self.users: Accounts = _Accounts(lambda: self.members)
        self.user_groups: Groups = _NoGroups()
        self._triggers: OrderedDict[str, _Issued] = OrderedDict()
        self._responses: OrderedDict[str, _Issued] = OrderedDict()
        self._words: deque[PrivateWord] = deque(maxlen=MOST_KEPT)
        self._views: dict[str, tuple[OpenView, ...]] = {}
        self._last = 0
        self._known: tuple[Mapping[str, Person], tuple[Member, ...]] | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        people = self._people()
        if self._known is None or self._known[0] is not people:  # a reload brings another mapping
            self._known = (people, members(people))
        return self._known[1]

    # What comes with a gesture.

    def trigger(self, person: str) -> str:
        """A new id, with which one modal can be opened for them."""
        return _kept(self._triggers, self._new_id(), _Issued(person, self._clock.monotonic()))

    def response_url(self, person: str, channel: str) -> str:
        """A new address: what is posted there that person sees in that channel."""
        return _kept(
            self._responses, f"{_RESPONSE_URL}{self._new_id()}", _Issued(person, self._clock.monotonic(), channel)
        )

    def ts(self) -> str:
        """Later than every one before it: seconds and six digits."""
        self._last = max(to_ms(self._clock.now()) * 1_000, self._last + 1)
        seconds, rest = divmod(self._last, 1_000_000)
        return f"{seconds}.{rest:06}"

    # What is told to people.

    async def post(
        self, url: str, text: str = "", blocks: Sequence[Mapping[str, Any]] = (), *, thread_ts: str = ""
    ) -> Answer:
        issued = self._responses.get(url)
        if issued is None or self._age(issued) > RESPONSE_LASTS:
            return _refused("expired_url")
        if issued.uses >= RESPONSE_USES:
            return _refused("used_url")
        issued.uses += 1
        return await self.whisper(issued.channel, issued.person, text, blocks, thread_ts=thread_ts)

    async def whisper(
        self, channel: str, person: str, text: str, blocks: Sequence[Mapping[str, Any]] = (), *, thread_ts: str = ""
    ) -> Answer:
        if not channel:
            return _refused("channel_not_found")
        if not self._is_in(channel, person):
            return _refused("user_not_in_channel")
        if not text.strip():
            return _refused("no_text")
        shown = tuple(dict(block) for block in blocks)
        if found := faults(Rendered("x", shown)):
            return _refused("invalid_blocks", "; ".join(found))
        ts = self.ts()
        self._words.append(PrivateWord(person, channel, thread_ts, ts, self._clock.now(), text, shown))
        return Answer(Outcome.DELIVERED, channel=channel, ts=ts)

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> tuple[Answer, Mapping[str, Any]]:
        issued = self._triggers.get(trigger_id)
        if issued is None:
            return _refused("invalid_trigger_id"), {}
        if self._age(issued) > TRIGGER_LASTS:
            return _refused("expired_trigger_id"), {}
        if issued.uses:
            return _refused("exchanged_trigger_id"), {}
        issued.uses += 1
        try:
            made = self._opened(view)
        except ViewRefusedError as refused:
            return _refused("invalid_arguments", str(refused)), {}
        self._views[issued.person] = (made,)
        return Answer(Outcome.DELIVERED), made.named

    async def update_view(self, view_id: str, view: Mapping[str, Any], *, known: str = "") -> Answer:
        for person, stack in self._views.items():
            for number, one in enumerate(stack):
                if one.id != view_id:
                    continue
                if known and one.hash != known:
                    return _refused("hash_conflict")
                try:
                    made = self._opened(view, one.id, one.root)
                except ViewRefusedError as refused:
                    return _refused("invalid_arguments", str(refused))
                self._views[person] = (*stack[:number], made, *stack[number + 1 :])
                return Answer(Outcome.DELIVERED)
        return _refused("not_found")

    # What somebody has before them.

    def word_of(self, person: str, ts: str) -> PrivateWord | None:
        return next((one for one in self.words_of(person) if one.ts == ts), None)

    def words_of(self, person: str) -> list[PrivateWord]:
        return [one for one in self._words if one.person == person]

    def view_of(self, person: str) -> OpenView | None:
        """The uppermost."""
        return self._views.get(person, (None,))[-1]

    def close(self, person: str) -> None:
        """The uppermost goes; what lay below it is seen again."""
        stack = self._views.pop(person, ())[:-1]
        if stack:
            self._views[person] = stack

    def answered(self, person: str, body: Mapping[str, Any]) -> Mapping[str, str]:
        """What the router answers to a modal that was sent. Returns what is wrong, by block_id: then it stays open. Raises
        ViewRefusedError."""
        stack = self._views.get(person, ())
        match body:
            case {"response_action": "errors", "errors": dict(errors)}:
                inputs = {block.get("block_id") for block in stack[-1].view["blocks"]} if stack else set()
                if not errors or set(errors) - inputs:
                    raise ViewRefusedError("errors: a block_id that the modal has not")
                return {str(block): str(wrong) for block, wrong in errors.items()}
            case {"response_action": "update", "view": dict(view)} if stack:
                top = stack[-1]
                self._views[person] = (*stack[:-1], self._opened(view, top.id, top.root))
            case {"response_action": "push", "view": dict(view)} if stack:
                if len(stack) >= MOST_STACKED:
                    raise ViewRefusedError("push_limit_reached")
                self._views[person] = (*stack, self._opened(view, root=stack[0].id))
            case {"response_action": "clear"}:
                self._views.pop(person, None)
            case _:
                self.close(person)
        return {}

    def _opened(self, view: Mapping[str, Any], name: str = "", root: str = "") -> OpenView:
        if found := view_faults(view):
            raise ViewRefusedError("; ".join(found))
        made = name or f"V{self._new_id()[:12].upper()}"
        return OpenView(made, self._new_id()[:12], root or made, view)

    def _is_in(self, channel: str, person: str) -> bool:
        """Everybody is in every channel, and in no direct message but their own."""
        own = next((one.direct for one in self.members if one.id == person), None)
        return own is not None and (not channel.startswith("D") or channel == own)

    def _age(self, issued: _Issued) -> timedelta:
        return timedelta(seconds=self._clock.monotonic() - issued.at)


def _kept(those: OrderedDict[str, _Issued], name: str, issued: _Issued) -> str:
    those[name] = issued
    while len(those) > MOST_KEPT:
        those.popitem(last=False)
    return name


def _refused(error: str, detail: str = "") -> Answer:
    return Answer(Outcome.MESSAGE_REFUSED, error=error, warning=detail)
