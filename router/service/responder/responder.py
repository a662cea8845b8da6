"""Every gesture of a person in Slack, made into an act or an answer. What is committed is answered; words follow.

Nothing here waits for Slack before an act is written down, except for a name, and for that no longer than a second.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Final, assert_never

import msgspec

from router.core.acts.button import Button, NotOurs, Verb, action_id, decode, metadata
from router.core.acts.grammar import command as ask
from router.core.acts.grammar.command import Command, Mistake
from router.core.acts.grammar.parse import parse, parse_mention
from router.core.acts.grammar.text import Reader
from router.core.acts.life import Act
from router.core.mrkdwn import said
from router.core.render.blocks import OPTIONS, Block
from router.core.render.form import Form, Text, form_view, notice_view
from router.engine import Engine
from router.incidents import privacy
from router.incidents.respond import Answer
from router.notifiers.slack.inbound.response import Reply, Response, Taken, ViewErrors, ViewUpdated
from router.notifiers.slack.inbound.values import (
    BlockActions,
    Inbound,
    Mention,
    MessageAction,
    ReactionAdded,
    Shortcut,
    SlashCommand,
    User,
    View,
    ViewSubmission,
)
from router.notifiers.workspace import Responses, Workspace
from router.service.in_force import InForce
from router.service.responder.commands import wanted as wanted_by
from router.service.responder.connecting import Connecting
from router.service.responder.declaring import Declaring
from router.service.responder.people import People, Somebody, Unknown
from router.service.responder.questions import Questions
from router.service.responder.silencing import LOOKING, Silencing
from router.service.responder.standing_in import StandingIn
from router.service.responder.verbs import (
    DEEDS,
    NOT_OURS,
    Declare,
    Errors,
    Extend,
    Look,
    Moment,
    Nothing,
    Silence,
    StandIn,
    Task,
    Unsilence,
    Wanted,
    Word,
    filled,
    note_of,
    which_incident,
    with_note,
)
from router.service.responder.visitors import Visitors
from router.service.responder.voice import Voice, Where
from router.store.evaluation import groups, incidents, messages
from rules.model.configuration import SLASH_COMMAND, SlackSettings
from rules.model.route import Page, ResolveNote

DECLARE_SHORTCUT: Final = "create_incident"
TIMELINE_SHORTCUT: Final = "add_to_timeline"
"""As the app's manifest names them."""


NOT_ITS_OWN: Final = (
    "This message is of an incident that my database does not know, so nothing was done: most likely it was restored from a"
    " backup since. `list` says what is open."
)


class Via(StrEnum):
    """By what somebody acts: the timeline says it."""

    BUTTON = "button"
    WINDOW = "window"
    SHORTCUT = "shortcut"
    COMMAND = "command"
    MENTION = "mention"
    REACTION = "reaction"


class Outcome(msgspec.Struct, frozen=True):
    """What was made of what somebody asked for."""

    text: str
    """For who asked; mrkdwn."""
    is_done: bool = True
    is_told: bool = False
    """The incident's thread says it too."""
    is_known: bool = True
    """There is such an incident."""
    blocks: tuple[Block, ...] = ()
    """The text with buttons, where there are any."""
    why: str = ""
    """Of what is not done: why, without the incident's number."""


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
        self._silencing = Silencing(engine, lambda: self._instance)
        self._standing_in = StandingIn(engine, people)
        self._declaring = Declaring(engine)
        self._connecting, self._visitors = Connecting(engine, people), visitors
        self._voice, self._bot, self._wake = Voice(response_urls, slack), bot, wake

    async def __call__(self, inbound: Inbound) -> Response:
        match inbound:
            case BlockActions():
                await self._pressed(inbound)
                return Taken()
            case ViewSubmission():
                return await self._sent(inbound)
            case SlashCommand():
                answer = await self._commanded(inbound)
                return Reply(answer.text, answer.blocks)
            case Mention():
                await self._mentioned(inbound)
                return Taken()
            case ReactionAdded():
                await self._reacted(inbound)
                return Taken()
            case Shortcut():
                await self._begun(inbound)
                return Taken()
            case MessageAction():
                await self._picked(inbound)
                return Taken()
            case _:
                return Taken()

    async def finish(self) -> None:
        """Words that are under way are said before the process ends."""
        await self._voice.finish()

    async def _pressed(self, inbound: BlockActions) -> None:
        action, place = inbound.actions[0], inbound.place
        where = Where(
            inbound.user.id, inbound.response_url, place.channel, place.thread_ts, place.view, inbound.trigger_id
        )
        button = decode(action.action_id, action.value, instance=self._instance)
        if isinstance(button, NotOurs):
            self._voice.whisper(where, NOT_OURS[button])
            return
        if place.message_ts and not place.is_ephemeral:
            is_of = partial(messages.is_of, number=button.incident, channel=place.channel, ts=place.message_ts)
            if not await self._engine.database.read(is_of):
                self._voice.whisper(where, NOT_ITS_OWN)
                return
        match DEEDS[button.verb].press(button, self._moment):
            case Nothing():
                pass
            case Word(text):
                self._voice.whisper(where, text)
            case Form() as form:
                self._voice.begin(self._ask(button, form, inbound.user, where))
            case Look():
                self._voice.begin(self._look_again(button, inbound.user, inbound.view))
            case task:
                outcome = await self._done(task, inbound.user, inbound.key, via=Via.BUTTON)
                if not outcome.is_done or not isinstance(task, Wanted):
                    self._voice.whisper(where, outcome.text, outcome.blocks)

    async def _sent(self, inbound: ViewSubmission) -> Response:
        view = inbound.view
        button = decode(view.callback_id, view.private_metadata, instance=self._instance)
        if isinstance(button, NotOurs):
            return ViewUpdated(notice_view("Nothing was done", NOT_OURS[button]))
        deed = DEEDS[button.verb]
        if deed.send is None:
            return ViewUpdated(notice_view("Nothing was done", NOT_OURS[NotOurs.UNKNOWN_VERB]))
        task = deed.send(button, given_in(view), self._moment)
        if isinstance(task, Errors):
            return ViewErrors(task.by_field)
        outcome = await self._done(task, inbound.user, inbound.key, via=Via.WINDOW)
        if not outcome.is_known:
            return ViewUpdated(notice_view("Nothing was done", outcome.text))
        if not outcome.is_done:
            return _beside_input(view, outcome.why)
        if deed.shows:
            return ViewUpdated(notice_view(deed.shows, outcome.text, *outcome.blocks[1:]))
        if not outcome.is_told and button.detail:
            self._voice.whisper(Where(inbound.user.id, channel=button.detail), outcome.text)
        return Taken()

    async def _reacted(self, inbound: ReactionAdded) -> None:
        """An emoji under one of our messages, where the configuration says what it does."""
        slack = self._in_force.configuration.slack
        emoji = inbound.reaction.partition("::")[0]  # behind it stands a colour of skin
        does = slack.reactions.get(emoji, "") if isinstance(slack, SlackSettings) else ""
        bot = self._bot()
        if not does or not inbound.user.id or inbound.user.id == bot or (bot and inbound.author not in {"", bot}):
            return
        find = partial(messages.incident_at, channel=inbound.channel, ts=inbound.ts)
        if (number := await self._engine.database.read(find)) is None:
            return
        wanted = Wanted(number, Verb(does), note=f":{emoji}:" if does == Verb.NOTE else "")
        outcome = await self._done(wanted, inbound.user, inbound.key, via=Via.REACTION)
        if not outcome.is_done:
            self._voice.whisper(Where(inbound.user.id, channel=inbound.channel), outcome.text)

    async def _begun(self, inbound: Shortcut) -> None:
        """A global shortcut: it stands in no channel."""
        where = Where(inbound.user.id, trigger_id=inbound.trigger_id)
        if inbound.callback_id != DECLARE_SHORTCUT:
            self._voice.whisper(where, NOT_OURS[NotOurs.UNKNOWN_VERB])
            return
        button = Button(Verb.DECLARE, 0)
        form = DEEDS[button.verb].press(button, self._moment)
        if isinstance(form, Form):
            self._voice.begin(self._ask(button, form, inbound.user, where))

    async def _picked(self, inbound: MessageAction) -> None:
        """A message's own menu: what it says goes into the timeline of the incident in whose thread it stands, else of one
        that who picked it chooses."""
        place = inbound.place
        where = Where(
            inbound.user.id, inbound.response_url, place.channel, place.thread_ts, trigger_id=inbound.trigger_id
        )
        if inbound.callback_id != TIMELINE_SHORTCUT:
            self._voice.whisper(where, NOT_OURS[NotOurs.UNKNOWN_VERB])
            return
        if not inbound.text.strip():
            self._voice.whisper(where, "That message has no text, so nothing was added.")
            return
        author = await self._people.who(User(inbound.author)) if inbound.author else None
        note = note_of("an app" if author is None else author.as_author, inbound.link, _read(inbound.text))
        find = partial(messages.incident_at, channel=place.channel, ts=place.thread_ts or place.message_ts)
        if (number := await self._engine.database.read(find)) is not None:
            wanted = Wanted(number, Verb.NOTE, note=note)
            outcome = await self._done(wanted, inbound.user, inbound.key, via=Via.SHORTCUT)
            if not outcome.is_told:
                self._voice.whisper(where, outcome.text)
            return
        who, rules = await self._people.who(inbound.user), self._engine.ruleset
        asking = partial(privacy.open_views, rules=rules, actor=who.actor, most=OPTIONS)
        views, _ = await self._engine.database.read(asking)
        if not views:
            self._voice.whisper(where, "Nothing is open that it could be added to.")
            return
        self._voice.begin(self._open(Button(Verb.TIMELINE, 0, note), which_incident(views), who, where))

    async def _commanded(self, inbound: SlashCommand) -> Outcome:
        command = parse(inbound.text)
        if isinstance(command, Mistake):
            return Outcome(said(str(command), 1_000), is_done=False)
        via, slash = Via.COMMAND, inbound.command
        return await self._carried_out(command, inbound.user, inbound.key, slash=slash, via=via)

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
            self._voice.whisper(where, said(str(command), 1_000))
            return
        outcome = await self._carried_out(command, inbound.user, inbound.key, slash=self._slash, via=Via.MENTION)
        if not outcome.is_told:
            self._voice.whisper(where, outcome.text, outcome.blocks)

    async def _carried_out(self, command: Command, user: User, key: str, *, slash: str, via: Via) -> Outcome:
        task = wanted_by(command, self._moment)
        if task is None:
            who = await self._people.who(user)
            match command:
                case ask.Connect():
                    return Outcome(await self._connecting.answer(command, user, who))
                case ask.Link():
                    return Outcome(await self._visitors.answer(command, user, who))
                case _:
                    return Outcome(await self._questions.answer(command, who, slash=slash))
        return await self._done(task, user, key, via=via)

    async def _done(self, task: Task, user: User, key: str, *, via: Via) -> Outcome:
        """When this returns it is committed."""
        match task:
            case Wanted():
                answer = await self._act(task, user, key, via=via)
                if isinstance(answer, Unknown):
                    return Outcome(said(answer.text, 500), is_done=False, why=answer.text)
                if not answer.is_done:
                    return Outcome(_refusal(answer), is_done=False, is_known=answer.is_known, why=answer.said)
                return Outcome(_confirmation(task, answer), is_told=answer.is_told)
            case Declare() | Silence() | Unsilence() | Extend() | StandIn():
                who = await self._people.who(user)
                if why := self._engine.refusal(who.actor, act_of(task)):
                    return Outcome(f"Nothing is changed: {said(why, 500)}.", is_done=False, why=why)
            case never:
                assert_never(never)
        if isinstance(task, Declare):
            text = await self._declaring.answer(task, who.as_actor, key)
            self._wake()
            return Outcome(text)
        if isinstance(task, StandIn):
            text = await self._standing_in.answer(task.asked, user, key)
            self._wake()
            return Outcome(text)
        done = await self._silencing.answer(task, who, key)
        if not done.is_done:
            return Outcome(done.text, is_done=False, why=done.why)
        self._wake()
        return Outcome(done.text, blocks=done.blocks)

    async def _act(self, wanted: Wanted, user: User, key: str, *, via: Via) -> Answer | Unknown:
        """When this returns it is committed."""
        is_person = wanted.verb is Verb.ADD_RESPONDER
        names = asyncio.gather(*(self._people.named(target, user) for target in wanted.people))
        reached = asyncio.gather(
            *(self._people.reachable(target, user, is_person=is_person) for target in wanted.reaches)
        )
        who, people, pages = await asyncio.gather(self._people.who(user), names, reached)
        if unknown := next((one for one in (*people, *pages) if isinstance(one, Unknown)), None):
            return unknown
        act = Act(
            wanted.verb,
            by=who.as_actor,
            via=via.value,
            note=wanted.note,
            until=wanted.until,
            people=tuple(one for one in people if isinstance(one, str)),
            pages=tuple(one for one in pages if isinstance(one, Page)),
            severity=wanted.severity,
            actor=who.actor,
        )
        answer = await self._engine.act(wanted.incident, act, key=key)
        if answer.is_done:
            self._wake()
        return answer

    async def _ask(self, button: Button, form: Form, user: User, where: Where) -> None:
        """Open its modal, unless there is nothing to ask. Number 0: it is about no incident yet."""
        who, number = await self._people.who(user), button.incident
        if not number:
            if why := self._engine.refusal(who.actor, button.verb.value):
                await self._voice.say(where, f"Nothing is changed: {said(why, 500)}.")
                return
            await self._open(button, form, who, where)
            return
        if (refused := await self._engine.obstacle(number, button.verb, who.actor)) is not None:
            await self._voice.say(where, _refusal(refused))
            return
        current = await self._engine.database.read(partial(incidents.get, number=number))
        if button.verb is Verb.RESOLVE and await self._needs_note(current.group_id):
            form = with_note(form)
        fill = DEEDS[button.verb].fill
        back = msgspec.structs.replace(button, detail=where.channel)
        await self._open(back, form if fill is None else fill(form, current.view), who, where)

    async def _needs_note(self, group_id: int) -> bool:
        group = await self._engine.database.read(partial(groups.find, number=group_id))
        return group is not None and group.settings.resolve_note is ResolveNote.REQUIRED

    async def _open(self, button: Button, form: Form, who: Somebody, where: Where) -> None:
        carried = metadata(button, instance=self._instance)
        if not DEEDS[button.verb].looks:
            await self._voice.open(form_view(form, callback_id=action_id(button.verb), metadata=carried), where)
            return
        looking = self._silencing.with_look(form, button.incident, LOOKING)
        found = await self._voice.open(form_view(looking, callback_id=action_id(button.verb), metadata=carried), where)
        opened = View(str(found.get("id", "")), private_metadata=carried, hash=str(found.get("hash", "")))
        if found:
            await self._look(button, form, who, opened)

    async def _look_again(self, button: Button, user: User, view: View | None) -> None:
        """Somebody asks what their window would come to, as it is filled in."""
        form = DEEDS[button.verb].press(msgspec.structs.replace(button, detail=""), self._moment)
        if view is not None and isinstance(form, Form):
            await self._look(button, filled(form, given_in(view)), await self._people.who(user), view)

    async def _look(self, button: Button, form: Form, who: Somebody, view: View) -> None:
        typed = next((one.initial for one in form.fields if isinstance(one, Text) and one.name == "matchers"), "")
        form = self._silencing.with_look(form, button.incident, await self._silencing.would(typed, who))
        renewed = form_view(form, callback_id=action_id(button.verb), metadata=view.private_metadata)
        await self._voice.renew(view.id, renewed, known=view.hash)

    @property
    def _instance(self) -> str:
        return self._in_force.configuration.name

    @property
    def _moment(self) -> Moment:
        configuration = self._in_force.configuration
        rules = configuration.rules
        return Moment(self._engine.clock.now(), configuration.timezone, tuple(rules.policies), rules.user_groups)

    @property
    def _slash(self) -> str:
        slack = self._in_force.configuration.slack
        return slack.command[0] if isinstance(slack, SlackSettings) and slack.command else SLASH_COMMAND


def act_of(task: Declare | Silence | Unsilence | Extend | StandIn) -> str:
    """As `actions` of a route call it."""
    match task:
        case Declare():
            return Verb.DECLARE.value
        case Silence() | Extend():
            return Verb.SILENCE.value
        case Unsilence():
            return Verb.UNSILENCE.value
        case StandIn():
            return "take"


def _refusal(answer: Answer) -> str:
    text = said(answer.said, 300)
    return f"#{answer.number}: {text}." if answer.is_known else f"{text[:1].upper()}{text[1:]}."


def _confirmation(wanted: Wanted, answer: Answer) -> str:
    if wanted.reaches:  # whom, by name
        return f"#{answer.number}: {said(answer.said, 500)}."
    return f"#{wanted.incident}: {DEEDS[wanted.verb].done}."


def given_in(view: View) -> Mapping[str, str]:
    """What stands in a modal's fields."""
    return {block: action.value for block, actions in view.state.items() for action in actions.values()}


def _read(text: str) -> str:
    """A message as its reader sees it: mentions by what they are called, or by their ids."""
    return Reader(text).text


def _beside_input(view: View, text: str) -> Response:
    """Below the first input; where the modal has none, in its place."""
    field = next(iter(view.state), "")
    return ViewErrors({field: text}) if field else ViewUpdated(notice_view("Nothing was done", said(text, 500)))
