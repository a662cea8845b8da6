"""Silences by words: made and ended where somebody stands, and what that holds back is answered."""

from datetime import timedelta

from router.core.acts import silence
from router.core.acts.grammar import command as ask
from router.core.acts.silence import SilenceError, UnknownSilenceError
from router.core.mrkdwn import instant, said
from router.engine import Engine


class Silencing:
    """Of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def answer(self, command: ask.Silence | ask.Unsilence | ask.Extend, by: str) -> str:
        """As mrkdwn. When this returns it is committed. `by`: who asks for it, as the timeline has it."""
        match command:
            case ask.Silence():
                return await self._made(command, by)
            case ask.Unsilence(number):
                return await self._ended(number)
            case ask.Extend(number, span):
                return await self._extended(number, span)

    async def _made(self, command: ask.Silence, by: str) -> str:
        now = self._engine.clock.now()
        wanted = silence.Wanted(command.matchers, now, now + command.span, by, command.comment)
        try:
            made = await self._engine.silences.put(wanted)
        except SilenceError as error:
            return f"Nothing is silenced: {said(str(error), 500)}."
        held = await self._engine.silences.preview(made.matchers)
        alerts = "1 alert that fires now" if held.alerts == 1 else f"{held.alerts} alerts that fire now"
        names = f" ({', '.join(said(one, 80) for one in held.examples[:3])})" if held.examples else ""
        return f"Silenced until {instant(made.ends_at)}: {alerts}{names}. `unsilence {made.id}` ends it."

    async def _extended(self, number: str, span: timedelta) -> str:
        silences, now = self._engine.silences, self._engine.clock.now()
        try:
            stored = await silences.get(number)
            ends_at = max(stored.ends_at, now) + span
            made = await silences.put(
                silence.Wanted(
                    stored.matchers,
                    stored.starts_at,
                    ends_at,
                    stored.created_by,
                    stored.comment,
                    stored.id,
                    is_forced=True,
                )
            )
        except UnknownSilenceError:
            return f"There is no silence {said(number, 60)}."
        except SilenceError as error:
            return f"It ends when it did: {said(str(error), 500)}."
        another = "" if made.id == stored.id else f", under another id: {made.id}"
        return f"Silenced until {instant(made.ends_at)}{another}."

    async def _ended(self, number: str) -> str:
        try:
            over = await self._engine.silences.expire(number)
        except UnknownSilenceError:
            return f"There is no silence {said(number, 60)}."
        return f"The silence {over.id} is over."
