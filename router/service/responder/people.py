"""Who somebody in Slack is by the rules: by Slack id, else as an admin said it, else by the e-mail address of their
account; else they act "via Slack"."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec

from router.core.acts.grammar.command import Target, TargetKind
from router.core.acts.grammar.words import nearest
from router.core.acts.permission import Actor
from router.core.mrkdwn import is_group_id, words
from router.core.render.answers import called
from router.notifiers.slack.inbound.values import User
from router.notifiers.workspace import SlackUser, Workspace
from rules.model.permission import Role
from rules.model.route import Page, PageKind
from rules.model.ruleset import RuleSet

log = logging.getLogger(__name__)

ASK_WITHIN: Final = timedelta(seconds=1)
"""An act waits so long for a name, and is done without it."""
VIA: Final = "via Slack"


class How(StrEnum):
    """How somebody is known."""

    ID = "id"
    """The rules name their Slack account."""
    CONNECTED = "connected"
    """An admin said it."""
    EMAIL = "email"
    """The rules have the address of their account."""
    NOT_AT_ALL = "not_at_all"


class Somebody(msgspec.Struct, frozen=True):
    """Who it is."""

    person: str
    """In the rules; "": nobody there."""
    shown: str
    """What Slack calls them; "" where that is not known."""
    how: How = How.NOT_AT_ALL
    role: Role = Role.RESPONDER
    groups: frozenset[str] = frozenset()
    """The Slack user groups that they are in, of those that the rules give something."""

    @property
    def as_actor(self) -> str:
        """As the timeline has it."""
        if self.person:
            return self.person
        return f"{VIA} ({self.shown})" if self.shown else VIA

    @property
    def actor(self) -> Actor:
        """As who may do what is asked."""
        return Actor(self.role, self.person, self.groups)

    @property
    def as_author(self) -> str:
        """Of what they wrote."""
        return self.person or self.shown or "somebody"


class Unknown(msgspec.Struct, frozen=True):
    """A person that a command names and nobody is called."""

    text: str


Connected = Callable[[str, str], Awaitable[str]]
"""(workspace, account) → the person that an admin said it is; "": nobody said it."""


class People:
    """Of one workspace. All are asked each time: they may change."""

    def __init__(
        self,
        rules: Callable[[], RuleSet],
        slack: Callable[[], Workspace | None],
        workspace: Callable[[], str],
        connected: Connected,
    ) -> None:
        """`workspace`: its id; "" while it is not known."""
        self._rules, self._slack, self._workspace, self._connected = rules, slack, workspace, connected

    async def who(self, user: User) -> Somebody:
        """Never raises, and waits for Slack no longer than ASK_WITHIN."""
        found, groups = await asyncio.gather(self._identify(user), self._groups(user.id))
        return msgspec.structs.replace(found, role=self._role(found, groups), groups=groups)

    async def _identify(self, user: User) -> Somebody:
        people = self._rules().people
        person = next((one.name for one in people.values() if one.slack_id and one.slack_id == user.id), "")
        if person:
            return Somebody(person, user.name, How.ID)
        workspace = self._workspace()
        person = await self._connected(workspace, user.id) if workspace and user.id else ""
        if person in people:
            return Somebody(person, words(user.name, 60), How.CONNECTED)
        has_addresses = any(one.email for one in people.values())
        if user.name and not has_addresses:
            return Somebody("", words(user.name, 60))
        found = await self._account(user.id)
        if found is None:
            return Somebody("", words(user.name, 60))
        shown = words(found.name or user.name, 60)
        if not self._is_own(found):
            return Somebody("", shown)
        address = found.email.casefold()
        person = next((one.name for one in people.values() if address and one.email.casefold() == address), "")
        return Somebody(person, shown, How.EMAIL if person else How.NOT_AT_ALL)

    async def _groups(self, user_id: str) -> frozenset[str]:
        """As far as Slack says it in time: who is not known to be in a group has nothing of it."""
        asked, slack = self._rules().role_groups, self._slack()
        if not asked or slack is None:
            return frozenset()
        try:
            return await slack.user_groups.of(user_id, asked, within=ASK_WITHIN)
        except Exception:  # an act does not hang on a group
            log.exception("Slack could not be asked for its user groups")
            return frozenset()

    def _role(self, found: Somebody, groups: frozenset[str]) -> Role:
        """What stands beside their name; else the highest of their groups, and what everybody has at least."""
        rules = self._rules()
        person = rules.people.get(found.person)
        if person is not None and person.role is not None:
            return person.role
        least = rules.roles.unmatched if person is None else rules.roles.known
        given = [role for role, members in rules.roles.groups if not groups.isdisjoint(members)]
        return max(least, *given, key=lambda role: role.rank) if given else least

    async def colleague(self, user_id: str) -> SlackUser | None:
        """An account of our own workspace that is in use, as Slack says; None: it is none, or Slack does not say."""
        found = await self._account(user_id)
        return found if found is not None and self._is_own(found) else None

    async def is_gone(self, user_id: str) -> bool:
        """Whether Slack says that an account is not in use any more. While it says nothing it is as it was."""
        found = await self._account(user_id)
        return found is not None and not found.is_active

    @property
    def workspace(self) -> str:
        return self._workspace()

    async def named(self, target: Target, actor: User) -> str | Unknown:
        """What the timeline calls whom a command names."""
        match target.kind:
            case TargetKind.ME:
                found = await self.who(actor)
                return found.person or found.shown or actor.id
            case TargetKind.USER:
                found = await self.who(User(target.id, name=target.name))
                return found.person or found.shown or target.id
            case TargetKind.GROUP:
                return Unknown("A group cannot be made responsible; name a person.")
            case TargetKind.NAME:
                return self.by_name(target.name)

    async def reachable(self, target: Target, actor: User, *, is_person: bool = False) -> Page | Unknown:
        """Whom to page, of whom a command names. `is_person`: nobody but a person will do."""
        match target.kind:
            case TargetKind.GROUP if is_person:
                return Unknown("A group cannot be a responder; name people, or escalate to the group.")
            case TargetKind.GROUP:
                name = f"@{target.name.removeprefix('@')}" if target.name and not is_group_id(target.name) else ""
                return Page(words(name or target.name or target.id, 60), PageKind.GROUP, slack_id=target.id)
            case TargetKind.NAME:
                return self._page_by_name(target.name, is_person=is_person)
            case TargetKind.USER | TargetKind.ME:
                user = actor if target.kind is TargetKind.ME else User(target.id, name=target.name)
                found = await self.who(user)
                if found.person:
                    return Page(found.person, PageKind.PERSON)
                return Page(found.shown or user.id, PageKind.USER, slack_id=user.id)

    def _page_by_name(self, typed: str, *, is_person: bool) -> Page | Unknown:
        if is_person:
            person = self.by_name(typed)
            return person if isinstance(person, Unknown) else Page(person, PageKind.PERSON)
        if (group := f"@{typed}") in self._rules().user_groups:  # which Slack made no mention of
            return Page(group, PageKind.GROUP)
        found = list(dict.fromkeys(called(self._rules(), typed)))
        same = [page for page in found if page.kind is found[0].kind]
        if len(same) == 1:
            return same[0]
        shown = words(typed, 60)
        if same:
            names = ", ".join(words(page.target, 60) for page in same[:5])
            return Unknown(f"{shown} may be any of {names}; name one of them.")
        near = nearest(typed, [*self._rules().policies, *self._rules().schedules, *self._rules().people])
        hint = f" Did you mean {words(near, 60)}?" if near else ""
        return Unknown(
            f"The rules have no policy, schedule or person called {shown}, or mention somebody with @.{hint}"
        )

    def by_name(self, typed: str) -> str | Unknown:
        names, wanted = list(self._rules().people), typed.casefold()
        found = [name for name in names if name.casefold() == wanted]
        found = found or [name for name in names if name.casefold().rpartition("/")[2] == wanted]
        if len(found) == 1:
            return found[0]
        shown = words(typed, 60)
        if found:
            return Unknown(f"Several people are called {shown}: {', '.join(words(name, 60) for name in found[:5])}.")
        near = nearest(typed, [*names, *(name.rpartition("/")[2] for name in names)])
        hint = f" Did you mean {words(near, 60)}?" if near else ""
        return Unknown(
            f"Nobody in the rules is called {shown}; name a person of the rules, or mention one with @.{hint}"
        )

    async def _account(self, user_id: str) -> SlackUser | None:
        slack = self._slack()
        if slack is None or not user_id:
            return None
        try:
            return await slack.users.get(user_id, within=ASK_WITHIN)
        except Exception:  # an act does not hang on a name
            log.exception("Slack could not be asked who somebody is")
            return None

    def _is_own(self, found: SlackUser) -> bool:
        """Whether its address proves who it is: another company's workspace has its own word for that. While Slack has not
        said which workspace we are in, no address does."""
        return found.is_active and self._workspace() in found.teams
