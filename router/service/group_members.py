"""Slack user groups whose members follow schedules: compares who is in them with who is on call, and says what differs.

Nothing is remembered across a start: the first look at each group asks Slack who is in it. A group is never emptied: while nobody
is on call, or nobody of them can be a member, it stays as it is.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from router.core.answer import Answer, Outcome
from router.core.recipient import target_of
from router.notifiers.slack.client import SlackClient
from router.runtime.clock import Clock
from rules.model.oncall import Person
from rules.model.ruleset import RuleSet

log = logging.getLogger(__name__)

NAME: Final = "groups"
TURN: Final = timedelta(seconds=5)
"""One group at a time: two calls of methods that Slack takes twenty times a minute."""
LOOK_AGAIN: Final = timedelta(hours=1)
"""Somebody may have changed it by hand."""
AFTER_TROUBLE: Final = timedelta(minutes=1)
AFTER_REFUSAL: Final = timedelta(minutes=10)
ASK_WITHIN: Final = timedelta(seconds=2)


class _Known(msgspec.Struct, frozen=True):
    """Of one group, since it was looked at last."""

    targets: tuple[str, ...]
    """Who was on call then."""
    again_at: datetime


class _Found(msgspec.Struct, frozen=True):
    """Who can be a member, and what is wrong with the others."""

    ids: tuple[str, ...]
    wrong: str = ""
    is_unsure: bool = False
    """Slack did not say of somebody: nothing is done until it does."""


class GroupMembers:
    """Of one process."""

    def __init__(self, rules: Callable[[], RuleSet], slack: Callable[[], SlackClient | None], clock: Clock) -> None:
        """Both are asked each time. `rules`: with who has taken a turn."""
        self._rules, self._slack, self._clock = rules, slack, clock
        self._known: dict[str, _Known] = {}
        self._trouble: dict[str, str] = {}

    @property
    def trouble(self) -> list[str]:
        """What keeps groups from following their schedules, in a person's words."""
        return [f"the user group {group} does not follow its schedule: {why}" for group, why in self._trouble.items()]

    async def turn(self) -> None:
        """Look after the group that needs it most, if any does."""
        rules, slack, now = self._rules(), self._slack(), self._clock.now()
        groups = rules.groups_on_call if slack is not None else ()
        self._known = {group: known for group, known in self._known.items() if group in groups}
        self._trouble = {group: why for group, why in self._trouble.items() if group in groups}
        wanted = {group: rules.members_on_call(group, now) for group in groups}
        group = next(self._due(wanted, now), None)
        if slack is not None and group is not None:
            again = await self._follow(slack, group, wanted[group])
            self._known[group] = _Known(_targets(wanted[group]), self._clock.now() + again)
        await self._clock.sleep(TURN)

    def _due(self, wanted: Mapping[str, tuple[Person, ...]], now: datetime) -> Iterator[str]:
        """Where somebody else is on call first, then those that are to be looked at again."""
        known = self._known
        changed = (group for group in wanted if group not in known or known[group].targets != _targets(wanted[group]))
        yield from changed
        yield from (group for group in wanted if known[group].again_at <= now)

    async def _follow(self, slack: SlackClient, group: str, people: tuple[Person, ...]) -> timedelta:
        """Returns when to look again."""
        if not people:
            return LOOK_AGAIN  # nobody is on call: whoever was stays in it, Slack empties no group
        found = await _found(slack, people)
        if found.is_unsure:
            return AFTER_TROUBLE
        if not found.ids:
            return self._refused(group, found.wrong, AFTER_REFUSAL)
        named = await slack.group(group)
        if named.outcome is not Outcome.DELIVERED:
            return self._answered(group, named, "")
        asked, members = await slack.members(named.channel)
        if asked.outcome is Outcome.DELIVERED and members != set(found.ids):
            asked = await slack.set_members(named.channel, found.ids)
            if asked.outcome is Outcome.DELIVERED:
                log.info("a user group follows its schedule", extra={"group": group, "members": len(found.ids)})
        return self._answered(group, asked, found.wrong)

    def _answered(self, group: str, answer: Answer, wrong: str) -> timedelta:
        match answer.outcome:
            case Outcome.DELIVERED if not wrong:
                self._trouble.pop(group, None)
                return LOOK_AGAIN
            case Outcome.DELIVERED:
                return self._refused(group, wrong, AFTER_REFUSAL)
            case Outcome.RETRY | Outcome.UNKNOWN:
                return max(answer.retry_after or AFTER_TROUBLE, TURN)
            case _:
                why = f"{answer.error} ({answer.warning})" if answer.warning else answer.error
                return self._refused(group, f"Slack says {why}", AFTER_REFUSAL)

    def _refused(self, group: str, why: str, again: timedelta) -> timedelta:
        if self._trouble.get(group) != why:
            log.error("a user group does not follow its schedule", extra={"group": group, "error": why})
        self._trouble[group] = why
        return again


def _targets(people: tuple[Person, ...]) -> tuple[str, ...]:
    return tuple(target_of(one) for one in people)


async def _found(slack: SlackClient, people: tuple[Person, ...]) -> _Found:
    """Only accounts that are in use: of a list with another in it Slack may empty the group."""
    ids, wrong = [], []
    for one in people:
        slack_id = await slack.person(target_of(one))
        account = await slack.users.get(slack_id, within=ASK_WITHIN) if slack_id else None
        if account is None:
            answer = await slack.resolve(target_of(one))
            if answer.outcome is not Outcome.CHANNEL_REFUSED:
                return _Found((), is_unsure=True)
            wrong.append(f"Slack does not know {one.name} ({answer.error})")
        elif not account.is_active:
            wrong.append(f"{one.name}'s account is deactivated, or a bot's")
        else:
            ids.append(slack_id)
    return _Found(tuple(ids), "; ".join(wrong))
