"""Silences that people make from Slack, by words or in a window: made and ended where somebody stands, and what each would
hold back, or does, is said.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec

from router.core.acts import silence
from router.core.acts.button import Button, Verb, action_id, value
from router.core.acts.silence import SilenceError, UnknownSilenceError
from router.core.mrkdwn import instant, said
from router.core.render.blocks import Block, actions, button, section
from router.core.render.form import Form
from router.engine import Engine
from router.incidents.silences import Preview
from router.service.responder.people import Somebody
from router.service.responder.verbs import LOOK, Extend, Silence, Unsilence, matchers_in
from rules.model.matcher import Matcher, MatcherError
from rules.model.permission import Role

log = logging.getLogger(__name__)

COUNT_WITHIN: Final = timedelta(seconds=1)
"""What a silence holds back is looked for in every alert that fires: whoever made one reads without it that it is made."""
LOOKING: Final = "Looking what it would hold back now …"
_UNCOUNTED: Final = "what it holds back could not be counted in time"


class Answer(msgspec.Struct, frozen=True):
    """To who asked for it."""

    text: str
    """mrkdwn."""
    is_done: bool = True
    blocks: tuple[Block, ...] = ()
    """The text, then what takes it back."""
    why: str = ""
    """Nothing was done: as it was found, without markup."""


class Silencing:
    """Of one process."""

    def __init__(self, engine: Engine, instance: Callable[[], str]) -> None:
        self._engine, self._instance = engine, instance

    async def answer(self, task: Silence | Unsilence | Extend, who: Somebody, key: str) -> Answer:
        """When this returns it is committed; under the same key it is done once."""
        match task:
            case Silence():
                return await self._made(task, who, key)
            case Unsilence(number):
                return await self._ended(number)
            case Extend(number, span):
                return await self._extended(number, span, key)

    async def would(self, typed: str, who: Somebody) -> str:
        """What a silence with the matchers of a window's field would hold back now, as far as somebody sees it; mrkdwn."""
        try:
            matchers = matchers_in(typed)
        except MatcherError as error:
            return f"Not yet: {said(error.message, 300)}; expected {said(error.expected, 200)}."
        if silence.holds_everything(matchers):
            return "It would hold back whatever alert there may be; such a silence is not made from here."
        found = await self._counted(matchers, who)
        if found is None:
            return f"{_UNCOUNTED.capitalize()}."
        where = ", ".join(f"#{number} {said(title, 60)}" for number, title in found.incidents[:5])
        return f"Now it would hold back {_alerts(found)}.{f' They are in {where}.' if where else ''}"

    def with_look(self, form: Form, incident: int, text: str) -> Form:
        """The window, and below its fields what it would hold back, and a button to look anew."""
        again = value(Button(Verb.SILENCE, incident, LOOK), instance=self._instance())
        look = button("What would it hold back?", action_id(Verb.SILENCE, suffix=LOOK), again)
        return msgspec.structs.replace(form, below=(section(text), actions(look)))

    async def _made(self, task: Silence, who: Somebody, key: str) -> Answer:
        now = self._engine.clock.now()
        wanted = silence.Wanted(task.matchers, now, task.until, who.as_actor, task.comment)
        try:
            made = await self._engine.silences.put(wanted, key=key)
        except SilenceError as error:
            return Answer(f"Nothing is silenced: {said(str(error), 500)}.", is_done=False, why=str(error))
        found = await self._counted(made.matchers, who)  # it is made, whatever comes of this
        holds = _UNCOUNTED if found is None else _alerts(found)
        text = f"Silenced until {instant(made.ends_at)}: {holds}. `unsilence {made.id}` ends it."
        ends = value(Button(Verb.UNSILENCE, 0, made.id), instance=self._instance())
        return Answer(text, blocks=(section(text), actions(button("End silence", action_id(Verb.UNSILENCE), ends))))

    async def _extended(self, number: str, span: timedelta, key: str) -> Answer:
        silences, now = self._engine.silences, self._engine.clock.now()
        try:
            stored = await silences.get(number)
            ends_at = max(stored.ends_at, now) + span
            wanted = silence.Wanted(
                stored.matchers,
                stored.starts_at,
                ends_at,
                stored.created_by,
                stored.comment,
                stored.id,
                is_forced=True,
            )
            made = await silences.put(wanted, key=key)
        except UnknownSilenceError:
            return Answer(f"There is no silence {said(number, 60)}.", is_done=False)
        except SilenceError as error:
            return Answer(f"It ends when it did: {said(str(error), 500)}.", is_done=False, why=str(error))
        another = "" if made.id == stored.id else f", under another id: {made.id}"
        return Answer(f"Silenced until {instant(made.ends_at)}{another}.")

    async def _ended(self, number: str) -> Answer:
        try:
            over = await self._engine.silences.expire(number)
        except UnknownSilenceError:
            return Answer(f"There is no silence {said(number, 60)}.", is_done=False)
        return Answer(f"The silence {over.id} is over.")

    async def _counted(self, matchers: tuple[Matcher, ...], who: Somebody) -> Preview | None:
        """None: that cannot be said now."""
        try:
            async with asyncio.timeout(COUNT_WITHIN.total_seconds()):
                return self._seen(await self._engine.silences.preview(matchers), who)
        except TimeoutError:
            log.warning("what a silence holds back was not counted in time")
        except Exception:  # whoever made it must not read that it is not made
            log.exception("what a silence holds back could not be counted")
        return None

    def _seen(self, found: Preview, who: Somebody) -> Preview:
        """What is private is not named to who may not see it: whether it is among these is not asked of each."""
        if who.role is Role.ADMIN or not self._engine.ruleset.has_private:
            return found
        return msgspec.structs.replace(found, incidents=(), examples=())


def _alerts(found: Preview) -> str:
    alerts = "1 alert that fires now" if found.alerts == 1 else f"{found.alerts} alerts that fire now"
    return alerts + (f" ({', '.join(said(one, 80) for one in found.examples[:3])})" if found.examples else "")
