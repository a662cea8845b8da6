"""Silences by words: made and ended where somebody stands, and what that holds back is answered."""

from router.core.acts import silence
from router.core.acts.silence import SilenceError, UnknownSilenceError
from router.core.mrkdwn import instant, said
from router.engine import Engine
from router.service.responder.verbs import Silence, Unsilence


class Silencing:
    """Of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def answer(self, command: Silence | Unsilence, by: str) -> str:
        """As mrkdwn. When this returns it is committed. `by`: who asks for it, as the timeline has it."""
        match command:
            case Silence():
                return await self._made(command, by)
            case Unsilence(number):
                return await self._ended(number)

    async def _made(self, command: Silence, by: str) -> str:
        now = self._engine.clock.now()
        wanted = silence.Wanted(command.matchers, now, command.until, by, command.comment)
        try:
            made = await self._engine.silences.put(wanted)
        except SilenceError as error:
            return f"Nothing is silenced: {said(str(error), 500)}."
        held = await self._engine.silences.preview(made.matchers)
        alerts = "1 alert that fires now" if held.alerts == 1 else f"{held.alerts} alerts that fire now"
        names = f" ({', '.join(said(one, 80) for one in held.examples[:3])})" if held.examples else ""
        return f"Silenced until {instant(made.ends_at)}: {alerts}{names}. `unsilence {made.id}` ends it."

    async def _ended(self, number: str) -> str:
        try:
            over = await self._engine.silences.expire(number)
        except UnknownSilenceError:
            return f"There is no silence {said(number, 60)}."
        return f"The silence {over.id} is over."
