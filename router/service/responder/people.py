"""Who somebody in Slack is by the rules: by Slack id, else by the e-mail address of their account; else they act "via Slack"."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec

from router.core.acts.grammar.command import Target, TargetKind
from router.core.acts.grammar.words import nearest
from router.core.mrkdwn import is_group_id, words
from router.core.render.answers import called
from router.notifiers.slack.inbound.values import User
from router.notifiers.workspace import SlackUser, Workspace
from rules.model.route import Page, PageKind
from rules.model.ruleset import RuleSet

log = logging.getLogger(__name__)

ASK_WITHIN: Final = timedelta(seconds=1)
"""An act waits so long for a name, and is done without it."""
VIA: Final = "via Slack"


class Somebody(msgspec.Struct, frozen=True):
    """Who it is."""

    person: str
    """In the rules; "": nobody there."""
    shown: str
    """What Slack calls them; "" where that is not known."""

    @property
    def as_actor(self) -> str:
        """As the timeline has it."""
        if self.person:
            return self.person
        return f"{VIA} ({self.shown})" if self.shown else VIA

    @property
    def as_author(self) -> str:
        """Of what they wrote."""
        return self.person or self.shown or "somebody"


class Unknown(msgspec.Struct, frozen=True):
    """A person that a command names and nobody is called."""

    text: str


class People:
    """Of one workspace. All three are asked each time: they may change."""

    def __init__(
        self,
        rules: Callable[[], RuleSet],
        slack: Callable[[], Workspace | None],
        workspace: Callable[[], str],
    ) -> None:
        """`workspace`: its id; "" while it is not known."""
        self._rules, self._slack, self._workspace = rules, slack, workspace

    async def who(self, user: User) -> Somebody:
        """Never raises, and waits for Slack no longer than ASK_WITHIN."""
        people = self._rules().people
        person = next((one.name for one in people.values() if one.slack_id and one.slack_id == user.id), "")
        if person:
            return Somebody(person, user.name)
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
        return Somebody(person, shown)

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
                return self._by_name(target.name)

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
            person = self._by_name(typed)
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

    def _by_name(self, typed: str) -> str | Unknown:
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
        """Whether its address proves who it is: another company's workspace has its own word for that."""
        workspace = self._workspace()
        return found.is_active and (not workspace or not found.teams or workspace in found.teams)
