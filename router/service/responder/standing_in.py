"""Who stands in for whom, by words: `take`, `untake` and `swap`, committed before they are answered."""

from router.core.acts.grammar import command as ask
from router.core.acts.grammar.command import Target
from router.core.acts.override import MadeOverride, Wanted
from router.core.mrkdwn import instant, said
from router.core.render.headline import person as called
from router.engine import Engine
from router.incidents.overrides import OverrideAnswer
from router.notifiers.slack.inbound.values import User
from router.service.responder.people import People, Unknown

Asked = ask.Take | ask.Untake | ask.Swap


class StandingIn:
    """Of one process."""

    def __init__(self, engine: Engine, people: People) -> None:
        self._engine, self._people = engine, people

    async def answer(self, command: Asked, user: User, key: str) -> str:
        """As mrkdwn. When this returns it is committed. `key`: names the command, however often Slack sends it."""
        who = await self._people.who(user)
        if not who.person:
            return (
                f"Nothing is changed: only people of the rules can be on call, and nobody there is you. Put "
                f"`{{slack: {said(user.id, 30)}}}` or your address under people."
            )
        other = await self._person(command.who, user)
        if isinstance(other, Unknown):
            return said(other.text, 500)
        overrides, by = self._engine.overrides, who.person
        match command:
            case ask.Take(span, schedule, _, begins, why):
                wanted = Wanted(other, span, by, schedule, begins, why)
                return self._taken(await overrides.take(wanted, key=key), by)
            case ask.Untake(schedule, _):
                return self._ended(await overrides.give_back(schedule, other, by=by, key=key))
            case ask.Swap(_, schedule):
                return self._swapped(await overrides.swap(schedule, by, other, by=by, key=key), by)

    async def _person(self, target: Target, user: User) -> str | Unknown:
        found = await self._people.named(target, user)
        if isinstance(found, Unknown) or found in self._engine.ruleset.people:
            return found
        return Unknown(f"Nobody in the rules is {found}; only people of the rules can be on call.")

    @staticmethod
    def _taken(answer: OverrideAnswer, by: str) -> str:
        if answer.error:
            return _refused(answer)
        one = answer.changed[0]
        instead = f", instead of {said(called(answer.instead_of), 60)}" if answer.instead_of else ""
        begins = "" if one.begins <= one.made_at else f" from {instant(one.begins)}"
        back = f"untake {one.schedule}" + ("" if one.person == by else f" @{one.person}")
        return f"{_is_on_call(one, by)}{begins} until {instant(one.ends)}{instead}. `{said(back, 200)}` ends it."

    @staticmethod
    def _ended(answer: OverrideAnswer) -> str:
        if answer.error:
            return _refused(answer)
        one = answer.changed[0]
        names = ", ".join(dict.fromkeys(said(called(over.person), 60) for over in answer.changed))
        return f"The override of {names} in *{said(one.schedule, 80)}* is over: the turns are as the rules say."

    @staticmethod
    def _swapped(answer: OverrideAnswer, by: str) -> str:
        if answer.error:
            return _refused(answer)
        lines = [
            f"{_is_on_call(one, by)} from {instant(one.begins)} until {instant(one.ends)}." for one in answer.changed
        ]
        return "\n".join([*lines, f"`untake {said(answer.changed[0].schedule, 80)}` ends both."])


def _is_on_call(one: MadeOverride, by: str) -> str:
    who = "You are" if one.person == by else f"{said(called(one.person), 60)} is"
    return f"{who} on call for *{said(one.schedule, 80)}*"


def _refused(answer: OverrideAnswer) -> str:
    return f"Nothing is changed: {said(answer.error, 300)}."
