"""`connect`: how somebody is known here, and an admin's word for which person of the rules an account is.

Nobody becomes somebody by their own word: whoever is not found by the rules is connected by an admin, and by another than themselves.
"""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Final

from router.core.acts import permission
from router.core.acts.grammar import command as ask
from router.core.acts.grammar.command import Target
from router.core.mrkdwn import said, words
from router.engine import Engine
from router.notifiers.slack.inbound.values import User
from router.service.responder.people import How, People, Somebody, Unknown
from router.store.evaluation import accounts
from rules.model.permission import Role

log = logging.getLogger(__name__)

_ACTIONS: Final = (("connect", Role.ADMIN),)
_HOW: Mapping[How, str] = {
    How.ID: "the configuration names your Slack account",
    How.CONNECTED: "an admin connected your Slack account",
    How.EMAIL: "the configuration has the address of your Slack account",
}


class Connecting:
    """Of one process."""

    def __init__(self, engine: Engine, people: People) -> None:
        self._engine, self._people = engine, people

    async def answer(self, command: ask.Connect, user: User, who: Somebody) -> str:
        """As mrkdwn. When this returns it is committed."""
        if command.who is None:
            return self._known(user, who)
        holders = self._engine.ruleset.holders
        if why := permission.refusal(who.actor, "connect", _ACTIONS, holders):
            return f"Nothing is changed: {said(why, 500)}."
        return await self._connect(command.who, command.person, user, who)

    def _known(self, user: User, who: Somebody) -> str:
        role = f"Your role is {who.role.value}."
        if who.person:
            return f"You are {words(who.person, 60)}: {_HOW[who.how]}. {role}"
        admins = [words(one, 60) for one in self._engine.ruleset.holders(Role.ADMIN)][:4]
        named = f" ({', '.join(admins)})" if admins else ""
        return (
            f"Nobody in the configuration is you: you act as {words(who.as_actor, 80)}. {role} To be known, have `{{slack: "
            f"{words(user.id, 30)}}}` written beside your name under people, or ask an admin{named} to say `connect @you NAME`."
        )

    async def _connect(self, target: Target, name: str, user: User, who: Somebody) -> str:
        rules, workspace = self._engine.ruleset, self._people.workspace
        shown = words(target.name or target.id, 60)
        if not workspace:
            return "Nothing is changed: Slack has not said yet which workspace this is. Please try again."
        if target.id == user.id:
            return "Nothing is changed: nobody connects their own account; ask another admin."
        named = next((one.name for one in rules.people.values() if one.slack_id == target.id), "")
        if named:
            return f"Nothing is changed: the configuration says that {shown} is {words(named, 60)}."
        if not name:
            work = partial(accounts.disconnect, workspace=workspace, account_id=target.id)
            was = await self._engine.database.write(work)
            log.info("an account was disconnected", extra={"account": target.id, "by": who.as_actor})
            return f"{shown} is connected to nobody{'' if was else ', as before'}."
        person = self._people.by_name(name)
        if isinstance(person, Unknown):
            return f"Nothing is changed: {said(person.text, 500)}"
        if rules.people[person].slack_id:
            return f"Nothing is changed: the configuration names another Slack account of {words(person, 60)}."
        if await self._people.colleague(target.id) is None:
            return (
                f"Nothing is changed: Slack does not say that {shown} is an account of this workspace that is in use."
            )
        at, by = self._engine.clock.now(), who.as_actor
        work_ = partial(accounts.connect, workspace=workspace, account_id=target.id, name=person, by=by, at=at)
        if not await self._engine.database.write(work_):
            return "Nothing is changed: too many accounts are connected."
        log.info("an account was connected", extra={"account": target.id, "person": person, "by": by})
        return f"{shown} is {words(person, 60)} from now on. `connect @{shown} none` takes it back."
