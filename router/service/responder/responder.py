"""Every gesture of a person in Slack, made into an act or an answer. What is committed is answered; words follow.

Nothing here waits for Slack before an act is written down, except for a name, and for that no longer than a second.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final

import msgspec

from router.core.acts.button import Button, NotOurs, action_id, decode, metadata
from router.core.acts.grammar import command as ask
from router.core.acts.grammar.command import Command, Mistake
from router.core.acts.grammar.parse import parse, parse_mention
from router.core.acts.life import Act
from router.core.answer import Outcome
from router.core.mrkdwn import said
from router.core.render.form import Form, form_view, notice_view
from router.engine import Engine
from router.incidents.respond import Answer
from router.notifiers.slack.inbound.response import Reply, Response, Taken, ViewErrors, ViewUpdated
from router.notifiers.slack.inbound.values import (
    BlockActions,
    Inbound,
    Mention,
    SlashCommand,
    User,
    View,
    ViewSubmission,
)
from router.notifiers.slack.views import Opened, opened
from router.notifiers.workspace import Responses, Workspace
from router.service.in_force import InForce
from router.service.responder.commands import wanted as wanted_by
from router.service.responder.connecting import Connecting
from router.service.responder.people import People, Unknown
from router.service.responder.questions import Questions
from router.service.responder.silencing import Silencing
from router.service.responder.verbs import (
    DEEDS,
    NOT_OURS,
    Errors,
    Moment,
    Nothing,
    Wanted,
    Word,
)
from router.service.responder.visitors import Visitors
from router.store.evaluation import messages
from rules.model.configuration import SLASH_COMMAND, SlackSettings

log = logging.getLogger(__name__)

MOST_LATER: Final = 500
"""Words that are under way to people."""
FINISH_WITHIN: Final = timedelta(seconds=5)
_NOT_OPENED: Mapping[Opened, str] = {
    Opened.LATE: "Slack's time for opening a window was over before I could; please press again.",
    Opened.UNSURE: "Slack did not answer when I asked it to open a window; if there is none, please press again.",
    Opened.REFUSED: "Slack refused to open a window; the log says why.",
}


class Via(StrEnum):
    """By what somebody acts: the timeline says it."""

    BUTTON = "button"
    WINDOW = "window"
    COMMAND = "command"
    MENTION = "mention"


class Where(msgspec.Struct, frozen=True):
    """How one person is reached with a word that nobody else sees."""

    person: str
    """Their user id."""
    response_url: str = ""
    channel: str = ""
    thread_ts: str = ""


class CommandOutcome(msgspec.Struct, frozen=True):
    """What a command came to."""

    text: str
    """For who gave it; mrkdwn."""
    is_told: bool = False
    """The incident's thread says it too."""


class Responder:
    """Of one process. Satisfies `Respond`."""

    def __init__(
        self,
        engine: Engine,
        in_force: InForce,
        people: People,
        questions: Questions,
        visitors: Visitors,
        response_urls: Responses,
        *,
        slack: Callable[[], Workspace | None],
        bot: Callable[[], str],
        wake: Callable[[], None],
    ) -> None:
        """`bot`: our own user id; "" while it is not known. `wake`: something is to be told."""
        self._engine, self._in_force, self._people, self._questions = engine, in_force, people, questions
        self._silencing, self._connecting, self._visitors = Silencing(engine), Connecting(engine, people), visitors
        self._response_urls, self._slack, self._bot, self._wake = response_urls, slack, bot, wake
        self._later: set[asyncio.Task[None]] = set()

    async def __call__(self, inbound: Inbound) -> Response:
        match inbound:
            case BlockActions():
                await self._pressed(inbound)
                return Taken()
            case ViewSubmission():
                return await self._sent(inbound)
            case SlashCommand():
                return Reply(await self._commanded(inbound))
            case Mention():
                await self._mentioned(inbound)
                return Taken()
            case _:
                return Taken()

    async def finish(self) -> None:
        """Words that are under way are said before the process ends."""
        if self._later:
            await asyncio.wait(self._later, timeout=FINISH_WITHIN.total_seconds())

    async def _pressed(self, inbound: BlockActions) -> None:
        action, place = inbound.actions[0], inbound.place
        where = Where(inbound.user.id, inbound.response_url, place.channel, place.thread_ts)
        button = decode(action.action_id, action.value, instance=self._instance)
        if isinstance(button, NotOurs):
            self._whisper(where, NOT_OURS[button])
            return
        match DEEDS[button.verb].press(button, self._moment):
            case Nothing():
                pass
            case Word(text):
                self._whisper(where, text)
            case Form() as form:
                self._begin(self._ask(button, form, inbound.user, inbound.trigger_id, where))
            case Wanted() as wanted:
                answer = await self._act(wanted, inbound.user, inbound.key, via=Via.BUTTON)
                if isinstance(answer, Unknown):
                    self._whisper(where, said(answer.text, 500))
                elif not answer.is_done:
                    self._whisper(where, _refusal(answer))

    async def _sent(self, inbound: ViewSubmission) -> Response:
        view = inbound.view
        button = decode(view.callback_id, view.private_metadata, instance=self._instance)
        if isinstance(button, NotOurs):
            return ViewUpdated(notice_view("Nothing was done", NOT_OURS[button]))
        deed = DEEDS[button.verb]
        if deed.send is None:
            return ViewUpdated(notice_view("Nothing was done", NOT_OURS[NotOurs.UNKNOWN_VERB]))
        given = {block: action.value for block, actions in view.state.items() for action in actions.values()}
        wanted = deed.send(button, given, self._moment)
        if isinstance(wanted, Errors):
            return ViewErrors(wanted.by_field)
        answer = await self._act(wanted, inbound.user, inbound.key, via=Via.WINDOW)
        if isinstance(answer, Unknown):
            return _beside_input(view, answer.text)
        if not answer.is_known:
            return ViewUpdated(notice_view("Nothing was done", _refusal(answer)))
        if not answer.is_done:
            return _beside_input(view, answer.said)
        if not answer.is_told and button.detail:
            self._whisper(Where(inbound.user.id, channel=button.detail), _confirmation(wanted))
        return Taken()

    async def _commanded(self, inbound: SlashCommand) -> str:
        command = parse(inbound.text)
        if isinstance(command, Mistake):
            return said(str(command), 1_000)
        via, slash = Via.COMMAND, inbound.command
        return (await self._carried_out(command, inbound.user, inbound.key, slash=slash, via=via)).text

    async def _mentioned(self, inbound: Mention) -> None:
        if inbound.is_bot or not inbound.user.id or inbound.user.id == self._bot():
            return
        where = Where(inbound.user.id, channel=inbound.channel, thread_ts=inbound.thread_ts)
        incident = None
        if inbound.thread_ts:
            find = partial(messages.incident_at, channel=inbound.channel, ts=inbound.thread_ts)
            incident = await self._engine.database.read(find)
        command = parse_mention(inbound.text, bot=self._bot(), incident=incident)
        if isinstance(command, Mistake):
            self._whisper(where, said(str(command), 1_000))
            return
        outcome = await self._carried_out(command, inbound.user, inbound.key, slash=self._slash, via=Via.MENTION)
        if not outcome.is_told:
            self._whisper(where, outcome.text)

    async def _carried_out(self, command: Command, user: User, key: str, *, slash: str, via: Via) -> CommandOutcome:
        wanted = wanted_by(command, self._moment)
        match command:
            case ask.Silence() | ask.Unsilence():
                return CommandOutcome(await self._silencing.answer(command, await self._people.who(user)))
            case ask.Connect():
                return CommandOutcome(await self._connecting.answer(command, user, await self._people.who(user)))
            case ask.Link():
                return CommandOutcome(await self._visitors.answer(command, user, await self._people.who(user)))
            case _:
                pass
        if wanted is None:
            return CommandOutcome(await self._questions.answer(command, await self._people.who(user), slash=slash))
        answer = await self._act(wanted, user, key, via=via)
        if isinstance(answer, Unknown):
            return CommandOutcome(said(answer.text, 500))
        if not answer.is_done:
            return CommandOutcome(_refusal(answer))
        return CommandOutcome(_confirmation(wanted), is_told=answer.is_told)

    async def _act(self, wanted: Wanted, user: User, key: str, *, via: Via) -> Answer | Unknown:
        """When this returns it is committed."""
        names = asyncio.gather(*(self._people.named(target, user) for target in wanted.people))
        who, people = await asyncio.gather(self._people.who(user), names)
        if unknown := next((one for one in people if isinstance(one, Unknown)), None):
            return unknown
        act = Act(
            wanted.verb,
            by=who.as_actor,
            via=via.value,
            note=wanted.note,
            until=wanted.until,
            people=tuple(one for one in people if isinstance(one, str)),
            severity=wanted.severity,
            actor=who.actor,
        )
        answer = await self._engine.act(wanted.incident, act, key=key)
        if answer.is_done:
            self._wake()
        return answer

    async def _ask(self, button: Button, form: Form, user: User, trigger_id: str, where: Where) -> None:
        """Open its modal, unless there is nothing to ask."""
        slack = self._slack()
        actor = (await self._people.who(user)).actor
        if (refused := await self._engine.obstacle(button.incident, button.verb, actor)) is not None:
            await self._say(where, _refusal(refused))
            return
        if slack is None:
            return
        back = msgspec.structs.replace(button, detail=where.channel)
        view = form_view(form, callback_id=action_id(button.verb), metadata=metadata(back, instance=self._instance))
        answer = await slack.open_view(trigger_id, view)
        how = opened(answer)
        if how is Opened.REFUSED:
            extra = {"error": answer.error, "detail": answer.warning}
            log.error("Slack refused to open a window for somebody", extra=extra)
        if how in _NOT_OPENED:
            await self._say(where, _NOT_OPENED[how])

    def _whisper(self, where: Where, text: str) -> None:
        self._begin(self._say(where, text))

    async def _say(self, where: Where, text: str) -> None:
        """By the response_url, which reaches people in channels that we are not in; else as a message of ours."""
        error = "there is no way to say it"
        if where.response_url:
            answer = await self._response_urls.post(where.response_url, text, thread_ts=where.thread_ts)
            if answer.outcome in {Outcome.DELIVERED, Outcome.UNKNOWN}:
                return
            error = answer.error
        slack = self._slack()
        if where.channel and slack is not None:
            answer = await slack.whisper(where.channel, where.person, text, thread_ts=where.thread_ts)
            if answer.outcome is Outcome.DELIVERED:
                return
            error = answer.error
        log.warning("a word to somebody who acted in Slack did not reach them", extra={"error": error})

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """After the answer to Slack: what Slack takes its time for keeps nobody waiting."""
        if len(self._later) >= MOST_LATER:
            work.close()
            log.warning("a word to somebody who acted in Slack was not said: too many are under way")
            return
        task = asyncio.get_running_loop().create_task(self._carefully(work))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    @staticmethod
    async def _carefully(work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # the top of a task: what it was about is written down already
            log.exception("a word to somebody who acted in Slack stumbled")

    @property
    def _instance(self) -> str:
        return self._in_force.configuration.name

    @property
    def _moment(self) -> Moment:
        return Moment(self._engine.clock.now(), self._in_force.configuration.timezone)

    @property
    def _slash(self) -> str:
        slack = self._in_force.configuration.slack
        return slack.command[0] if isinstance(slack, SlackSettings) and slack.command else SLASH_COMMAND


def _refusal(answer: Answer) -> str:
    text = said(answer.said, 300)
    return f"#{answer.number}: {text}." if answer.is_known else f"{text[:1].upper()}{text[1:]}."


def _confirmation(wanted: Wanted) -> str:
    return f"#{wanted.incident}: {DEEDS[wanted.verb].done}."


def _beside_input(view: View, text: str) -> Response:
    """Below the first input; where the modal has none, in its place."""
    field = next(iter(view.state), "")
    return ViewErrors({field: text}) if field else ViewUpdated(notice_view("Nothing was done", said(text, 500)))
