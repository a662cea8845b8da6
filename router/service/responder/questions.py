"""What is answered to a command that changes nothing. Each asks the store for a bounded number of rows."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from router.core.acts.grammar import command as ask
from router.core.acts.grammar.command import Command
from router.core.acts.grammar.words import help_text
from router.core.mrkdwn import said
from router.core.render.answers import ENTRIES, incident_card, incident_list, who_is_on_call
from router.engine import Engine
from router.incidents import privacy
from router.runtime.health import Health
from router.service.in_force import InForce
from router.service.responder.people import Somebody
from router.store import read
from router.store.evaluation import incidents

MOST_LISTED = 500
"""Incidents that a list is chosen from: the newest."""
MOST_TROUBLES = 3


class Questions:
    """Of one process."""

    def __init__(
        self, engine: Engine, in_force: InForce, health: Callable[[], Awaitable[Health]], version: str
    ) -> None:
        self._engine, self._in_force, self._health, self._version = engine, in_force, health, version

    async def answer(self, command: Command, who: Somebody, *, slash: str) -> str:
        """As mrkdwn. `slash`: what commands are called here."""
        now = self._engine.clock.now()
        match command:
            case ask.Help(topic):
                return help_text(topic, command=slash)
            case ask.List(asked):
                rules = self._engine.ruleset
                asking = partial(privacy.open_views, rules=rules, actor=who.actor, most=MOST_LISTED)
                views, is_whole = await self._engine.database.read(asking)
                return await asyncio.to_thread(incident_list, views, asked, now, is_whole=is_whole)
            case ask.Show(number):
                return await self._card(number, who)
            case ask.OnCall(service):
                # Years of turns are looked through for the next one's: beside the loop, which has alerts to take.
                made = self._engine.overrides.open
                return await asyncio.to_thread(who_is_on_call, self._engine.ruleset, service, now, made)
            case ask.Status():
                return await self._status()
            case _:
                raise TypeError(f"{type(command).__name__} is no question")

    async def _card(self, number: int, who: Somebody) -> str:
        rules = self._engine.ruleset
        asking = partial(privacy.find, number=number, rules=rules, actor=who.actor)
        found = await self._engine.database.read(asking)
        if found is None:
            return f"There is no incident #{number}."
        last = partial(incidents.entries, number=number, after=max(found.seq - ENTRIES, 0))
        entries = [line.entry for line in await self._engine.database.read(last)]
        return incident_card(found.view, entries, self._engine.settings.external_url)

    async def _status(self) -> str:
        health = await self._health()
        stored = await self._engine.database.read(read.numbers)
        well = "well" if health.can_commit and not health.degraded else "degraded"
        if not health.can_commit:
            well = "it cannot write alerts down"
        name = said(self._in_force.configuration.name, 80)
        counts = f"{stored.incidents} open incidents, {stored.active} alerts firing, {stored.owed} messages to be told"
        troubles = [said(trouble, 300) for trouble in health.degraded[:MOST_TROUBLES]]
        if len(health.degraded) > MOST_TROUBLES:
            troubles.append(f"and {len(health.degraded) - MOST_TROUBLES} more: /readyz names them")
        return f"alert-router {self._version}, {name}: {well}. {counts}.\n{'; '.join(troubles) or 'Nothing is amiss.'}"
