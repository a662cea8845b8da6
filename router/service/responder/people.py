"""Who somebody in Slack is by the rules: by Slack id, else by the e-mail address of their account; else they act "via Slack"."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec

from router.core.acts.grammar.command import Target, TargetKind
from router.core.acts.grammar.words import nearest
from router.core.mrkdwn import words
from router.notifiers.slack.inbound.values import User
from router.notifiers.workspace import SlackUser, Workspace
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
