"""Silences by words: made and ended where somebody stands, and what that holds back is answered."""

from router.core.acts import silence
from router.core.acts.grammar import command as ask
from router.core.acts.silence import SilenceError, UnknownSilenceError
from router.core.mrkdwn import instant, said
from router.engine import Engine
from router.service.responder.people import Somebody
from rules.model.permission import Role


class Silencing:
    """Of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def answer(self, command: ask.Silence | ask.Unsilence, who: Somebody) -> str:
        """As mrkdwn. When this returns it is committed."""
        act = "silence" if isinstance(command, ask.Silence) else "unsilence"
        if why := self._engine.refusal(who.actor, act):
            return f"Nothing is changed: {said(why, 500)}."
        match command:
            case ask.Silence():
                return await self._made(command, who)
            case ask.Unsilence(number):
                return await self._ended(number)

    async def _made(self, command: ask.Silence, who: Somebody) -> str:
        now = self._engine.clock.now()
        wanted = silence.Wanted(command.matchers, now, now + command.span, who.as_actor, command.comment)
        try:
            made = await self._engine.silences.put(wanted)
        except SilenceError as error:
            return f"Nothing is silenced: {said(str(error), 500)}."
        held = await self._engine.silences.preview(made.matchers)
        alerts = "1 alert that fires now" if held.alerts == 1 else f"{held.alerts} alerts that fire now"
        # What is private is not named to who may not see it: whether it is among these is not asked of each.
        examples = held.examples if who.role is Role.ADMIN or not self._engine.ruleset.has_private else ()
        names = f" ({', '.join(said(one, 80) for one in examples[:3])})" if examples else ""
        return f"Silenced until {instant(made.ends_at)}: {alerts}{names}. `unsilence {made.id}` ends it."

    async def _ended(self, number: str) -> str:
        try:
            over = await self._engine.silences.expire(number)
        except UnknownSilenceError:
            return f"There is no silence {said(number, 60)}."
        return f"The silence {over.id} is over."
