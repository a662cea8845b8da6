"""Who is signed in on the router's pages as themselves: by a personal link, which Slack carried to its owner alone, or with Slack.

What is kept is an account of Slack's; who that is, and their role, is asked anew with every request.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from router.core.acts.grammar import command as ask
from router.core.mrkdwn import instant, words
from router.engine import Engine
from router.http.service import Entered, Visitor
from router.incidents import privacy
from router.notifiers.slack.inbound.values import User
from router.service.responder.people import People, Somebody
from router.service.responder.slack_sign_in import SlackSignIn
from router.store.evaluation import sign_ins
from router.store.evaluation.sign_ins import LINK, SESSION, SignIn

LINK_FOR: Final = timedelta(minutes=10)
SESSION_FOR: Final = timedelta(hours=12)


class Visitors:
    """Of one process. Satisfies http.service.Visitors."""

    def __init__(
        self, engine: Engine, people: People, new_secret: Callable[[], str], by_slack: SlackSignIn | None = None
    ) -> None:
        """`by_slack`: None where there is no Slack to sign in with."""
        self._engine, self._people, self._new_secret, self._by_slack = engine, people, new_secret, by_slack

    async def answer(self, command: ask.Link, user: User, who: Somebody) -> str:
        """`link`, as mrkdwn. For the eyes of whoever asked alone."""
        number, rules = command.incident, self._engine.ruleset
        if number is not None:
            found = partial(privacy.find, number=number, rules=rules, actor=who.actor)
            if await self._engine.database.read(found) is None:
                return f"There is no incident #{number}."
        now, secret = self._engine.clock.now(), self._new_secret()
        until, whose = now + LINK_FOR, SignIn(user.id, who.shown or user.name, number)
        await self._engine.database.write(partial(sign_ins.issue, secret=secret, whose=whose, until=until, now=now))
        address = f"{self._engine.settings.external_url}/link/{secret}"
        return f"<{address}|Sign in as {words(who.as_actor, 80)}>: once, until {instant(until)}. It is yours alone: pass it on to nobody."

    async def invited(self, link: str) -> str:
        whose = await self._engine.database.read(
            partial(sign_ins.find, secret=link, kind=LINK, now=self._engine.clock.now())
        )
        return "" if whose is None else (await self._who(whose)).as_actor

    async def enter(self, link: str) -> Entered | None:
        now, session = self._engine.clock.now(), self._new_secret()
        work = partial(sign_ins.enter, link=link, session=session, until=now + SESSION_FOR, now=now)
        whose = await self._engine.database.write(work)
        return None if whose is None else Entered(session, whose.incident, SESSION_FOR)

    def slack_address(self, *, state: str, nonce: str) -> str:
        return "" if self._by_slack is None else self._by_slack.address(state=state, nonce=nonce)

    async def enter_with_slack(self, code: str, *, nonce: str) -> Entered | None:
        account = "" if self._by_slack is None else await self._by_slack.account(code, nonce=nonce)
        if not account or await self._people.is_gone(account):
            return None
        now, session = self._engine.clock.now(), self._new_secret()
        whose = SignIn(account, (await self._people.who(User(account))).shown, None)
        await self._engine.database.write(
            partial(sign_ins.begin, session=session, whose=whose, until=now + SESSION_FOR, now=now)
        )
        return Entered(session, None, SESSION_FOR)

    async def find(self, session: str) -> Visitor | None:
        look = partial(sign_ins.find, secret=session, kind=SESSION, now=self._engine.clock.now())
        whose = await self._engine.database.read(look)
        if whose is None or await self._people.is_gone(whose.account):
            return None
        who = await self._who(whose)
        proof = hashlib.sha256(f"alert-router form {session}".encode("utf-8", "surrogateescape")).hexdigest()
        return Visitor(who.as_actor, who.actor, proof)

    async def leave(self, session: str) -> None:
        await self._engine.database.write(partial(sign_ins.end, secret=session))

    async def _who(self, whose: SignIn) -> Somebody:
        return await self._people.who(User(whose.account, name=whose.name))
