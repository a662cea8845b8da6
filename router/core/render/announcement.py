"""What is said of a schedule in a channel: that somebody else is on call, and every morning who is. Decided here, and in
which words. Pure.

Told once, and not when it is old news: what nobody told within `LATE` is left out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

import msgspec

from router.core.content import Mention
from router.core.mrkdwn import MOST_MARKS, Mark, unmarked, words
from router.core.recipient import target_of
from router.core.render.headline import person, title_of
from router.core.view import IncidentView
from rules.model.escalation import OnCall
from rules.model.escalation_rounds import first_two
from rules.model.oncall import Person, Schedule, Turn, last_morning, next_morning, turn_at, turns
from rules.model.ruleset import RuleSet, said_at

LATE = timedelta(hours=1)
OPEN_LISTED = 5


class LastTold(msgspec.Struct, frozen=True):
    """What is known to have been said, or left out, of one schedule."""

    at: datetime
    """The hand-over or the morning."""
    person: str = ""
    """Who was on call from then on."""


class Said(msgspec.Struct, frozen=True):
    """A word of the router's own. In its text whom it mentions stands as a mark, by their number."""

    text: str
    mentions: tuple[Mention, ...] = ()


class HandOver(msgspec.Struct, frozen=True):
    """Somebody else is on call."""

    before: str
    """"": nobody was."""
    turn: Turn
    at: datetime


def hand_over(
    schedule: Schedule, last: LastTold | None, now: datetime, looked_at: datetime | None
) -> tuple[LastTold | None, HandOver | None]:
    """What is to be kept (None: as it is), and what is to be told. `looked_at`: when this process looked last.

    A gap that ends by itself is no hand-over. Who is on call at the first look is taken for known.
    """
    turn = turn_at(schedule, now)
    if last is None:
        return LastTold(now, turn.person), None
    if turn.person == last.person or last.at > now or (not turn.person and turn.until is not None):
        return None, None
    since = max(last.at, now - LATE)
    # The calculation knows when a turn began; a change of the rules has no instant but the one at which it is seen.
    began = [at for at, _ in takewhile(lambda change: change[0] <= now, turns(schedule, since))]
    is_fresh = bool(began) or (looked_at is not None and now - looked_at <= LATE)
    at = began[-1] if began else now
    kept = LastTold(now, turn.person)
    return kept, HandOver(last.person, turn, at) if is_fresh else None


def morning(schedule: Schedule, last: LastTold | None, now: datetime) -> tuple[LastTold | None, bool]:
    """What is to be kept (None: as it is), and whether it is told now who is on call."""
    planned = None if schedule.announce is None else schedule.announce.morning
    if planned is None:
        return None, False
    if last is None:
        return LastTold(now), False
    at = last_morning(planned, schedule.zone, now)
    if at is None or at <= last.at:
        return None, False
    return LastTold(at), now - at <= LATE


def next_due(schedule: Schedule, now: datetime) -> datetime | None:
    """When there may be something to say."""
    if schedule.announce is None:
        return None
    planned = schedule.announce.morning
    found = [None if planned is None else next_morning(planned, schedule.zone, now)]
    found += [turn_at(schedule, now).until if schedule.announce.handover else None]
    return min((at for at in found if at is not None), default=None)


def hand_over_words(rules: RuleSet, schedule: Schedule, change: HandOver, open_: Sequence[IncidentView]) -> Said:
    """`open_`: incidents that fire, the newest first."""
    mentions = _Mentions()
    name, turn = words(schedule.name, 80), change.turn
    found = rules.people.get(turn.person)
    until = "" if turn.until is None else f" until {said_at(turn.until, change.at, schedule.zone, is_named=True)}"
    note = " (override)" if turn.is_override else ""
    if found is None:
        text = f"Nobody is on call for {name}{until} any more"
    else:
        text = f"{mentions.of(found)} is on call for {name}{until}{note}"
    if change.before:
        text += f"; it was {person(change.before)}"
    theirs = [view for view in open_ if _is_of(view, change.before)] if change.before else []
    if theirs:
        lines = [f"#{view.number} {view.severity.value.upper()} {words(title_of(view), 80)}" for view in theirs]
        more = [f"and {len(lines) - OPEN_LISTED} more"] if len(lines) > OPEN_LISTED else []
        text += ". Open with them: " + "; ".join([*lines[:OPEN_LISTED], *more])
    return Said(_signed(text), mentions.all)


def morning_words(rules: RuleSet, schedule: Schedule, now: datetime, command: str) -> Said:
    """Primary and secondary: the first two steps of the policy. `command`: how the slash command is called."""
    mentions = _Mentions()
    ranks = [
        f"{rank}: {_reached(found, mentions, schedule, now)}"
        for rank, found in zip(("primary", "secondary"), first_two(rules, schedule.name, now), strict=False)
    ]
    text = f"On call for {words(schedule.name, 80)}, {'; '.join(ranks)}."
    text += f" To page the next step of an incident: `{command} escalate N`."
    return Said(_signed(text), mentions.all)


def _reached(found: OnCall, mentions: "_Mentions", schedule: Schedule, now: datetime) -> str:
    if found.nobody:
        return f"nobody, {words(found.why, 200)}"
    until = "" if found.until is None else f" until {said_at(found.until, now, schedule.zone, is_named=True)}"
    people = [mentions.of(one) for one in found.persons]
    others = [words(name, 80) for name in msgspec.structs.replace(found, persons=()).names]
    return ", ".join((*people, *others)) + until


class _Mentions:
    """Whom a text mentions: of each the sign that stands for them."""

    def __init__(self) -> None:
        self._found: list[Mention] = []

    def of(self, one: Person) -> str:
        mention = Mention(target_of(one), person(one.name))
        if mention not in self._found:
            if len(self._found) >= MOST_MARKS:
                return mention.name
            self._found.append(mention)
        return f"\0{self._found.index(mention)}\0"

    @property
    def all(self) -> tuple[Mention, ...]:
        return tuple(self._found)


def _signed(text: str) -> str:
    """With a sign for each who is mentioned; names of the rules and titles of senders bring none along."""
    pieces = unmarked(text).split("\0")
    signs = [Mark.sign(int(piece)) if number % 2 else piece for number, piece in enumerate(pieces)]
    return "".join(signs)


def _is_of(view: IncidentView, name: str) -> bool:
    return name in view.on_call or view.response.by == name or name in view.response.assigned
