"""Schedules: who is on call when. Owns the calculation of turns; knows no policy and never asks what time it is.

Turns are calendar days or weeks in the schedule's zone, not multiples of 24 h: a hand-over at 09:00 stays at 09:00.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta

import msgspec

from rules.model.permission import Role
from rules.model.window import Window, holds, instant, next_change, zone

TURNS_OF_ONE = 400
"""A rotation of one person hands over to the same for ever; so many turns are looked through for another."""

_DAY = timedelta(days=1)


class Person(msgspec.Struct, frozen=True):
    """Somebody who can be reached by direct message: by e-mail address, Slack id, or both."""

    name: str
    email: str = ""
    slack_id: str = ""
    role: Role | None = None
    """None: what the user groups of Slack say, else what every person has."""


class Rotation(msgspec.Struct, frozen=True):
    """People take turns, the first name first, from the hand-over on or after `starts`."""

    people: tuple[str, ...]
    every_days: int
    handoff_minute: int
    """Minutes since midnight, wall-clock."""
    starts: datetime
    """Aware."""
    handoff_weekday: int | None = None
    """0 is Monday; set when turns are whole weeks."""
    until: datetime | None = None
    """Aware. It ends with the hand-over on or after it; None: with the first of the next rotation."""


class Override(msgspec.Struct, frozen=True):
    """One person instead of whose turn it is; of two that overlap the later in the file wins."""

    person: str
    begins: datetime
    ends: datetime
    """Exclusive."""


class Layer(msgspec.Struct, frozen=True):
    """A part of a schedule with rotations of its own. It covers an instant when its hours do and somebody has the turn."""

    name: str
    rotations: tuple[Rotation, ...]
    hours: Window | None = None
    """None: all of them."""


class Morning(msgspec.Struct, frozen=True):
    """A time of day on some days of the week, on the wall clock of a schedule."""

    days: tuple[int, ...]
    """0 is Monday."""
    minute: int
    """Since midnight."""


class Announce(msgspec.Struct, frozen=True):
    """What of a schedule is told in a channel."""

    channel: str
    morning: Morning | None = None
    """When it is said who is on call; None: never."""
    handover: bool = True
    """Whether it is said when somebody else is."""


class Schedule(msgspec.Struct, frozen=True):
    """Who is on call when; rotations follow each other in the order of the file. Either rotations or layers."""

    name: str
    zone: str
    rotations: tuple[Rotation, ...] = ()
    overrides: tuple[Override, ...] = ()
    layers: tuple[Layer, ...] = ()
    """The first that covers an instant wins."""
    announce: Announce | None = None
    group: str = ""
    """A Slack user group whose members are whoever is on call: "@team" or an S-id."""


class Turn(msgspec.Struct, frozen=True):
    """One person's time on call; `person` is "" while nobody is. The end is exclusive; None: no end is known."""

    person: str
    until: datetime | None
    is_override: bool = False
    layer: str = ""


def turn_at(schedule: Schedule, at: datetime) -> Turn:
    """Who is on call at this instant, and until when that stays so."""
    edges = [edge for override in schedule.overrides for edge in (override.begins, override.ends) if edge > at]
    over = [override.person for override in schedule.overrides if override.begins <= at < override.ends]
    if over:
        # Whose turn it would be is of no interest; the next edge of an override decides.
        return Turn(over[-1], min(edges), is_override=True)
    turn = _layered(schedule, at) if schedule.layers else _rotation_turn(schedule.rotations, schedule.zone, at)
    return msgspec.structs.replace(turn, until=_first((*edges, turn.until)))


def in_turn(schedule: Schedule) -> frozenset[str]:
    """Everybody who takes turns in it."""
    rotations = (*schedule.rotations, *(rotation for layer in schedule.layers for rotation in layer.rotations))
    return frozenset(person for rotation in rotations for person in rotation.people)


def turns(schedule: Schedule, after: datetime) -> Iterator[tuple[datetime, Turn]]:
    """The changes after an instant, in order: when, and who then. Ends where no further change is in sight."""
    current, same = turn_at(schedule, after), 0
    while current.until is not None and same < TURNS_OF_ONE:
        at = current.until
        following = turn_at(schedule, at)
        same += 1
        if (following.person, following.is_override) != (current.person, current.is_override):
            same = 0
            yield at, following
        current = following


def gaps(schedule: Schedule, after: datetime, until: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """The times that begin before `until` in which nobody is on call, in order. No end: none is in sight."""
    at: datetime | None = after
    while at is not None and at < until:
        turn = turn_at(schedule, at)
        if turn.person:
            at = turn.until
            continue
        begins, (at, _) = at, next(turns(schedule, at), (None, turn))
        yield begins, at


def last_morning(morning: Morning, zone_name: str, at: datetime) -> datetime | None:
    """The last one at or before an instant; None: not within a week."""
    days = (at.astimezone(zone(zone_name)).date() - number * _DAY for number in range(8))
    found = (instant(day, morning.minute, zone_name) for day in days if day.weekday() in morning.days)
    return next((one for one in found if one <= at), None)


def next_morning(morning: Morning, zone_name: str, after: datetime) -> datetime | None:
    """The first one after an instant; None: not within a week."""
    days = (after.astimezone(zone(zone_name)).date() + number * _DAY for number in range(9))
    found = (instant(day, morning.minute, zone_name) for day in days if day.weekday() in morning.days)
    return next((one for one in found if one > after), None)


def first_handover(rotation: Rotation, zone_name: str, on_or_after: datetime) -> datetime:
    """The first hand-over time of the rotation on or after an instant."""
    return instant(_handover_day(rotation, zone_name, on_or_after), rotation.handoff_minute, zone_name)


def _handover_day(rotation: Rotation, zone_name: str, on_or_after: datetime) -> date:
    day = on_or_after.astimezone(zone(zone_name)).date()
    if rotation.handoff_weekday is not None:
        day += ((rotation.handoff_weekday - day.weekday()) % 7) * _DAY
    step = _DAY if rotation.handoff_weekday is None else 7 * _DAY
    while instant(day, rotation.handoff_minute, zone_name) < on_or_after:
        day += step
    return day


def _layered(schedule: Schedule, at: datetime) -> Turn:
    """A layer above that has nobody now, or not these hours, still says when that may change."""
    edges: list[datetime | None] = []
    for layer in schedule.layers:
        if layer.hours is not None:
            edges.append(next_change((layer.hours,), at))
            if not holds(layer.hours, at):
                continue
        turn = _rotation_turn(layer.rotations, schedule.zone, at)
        edges.append(turn.until)
        if turn.person:
            return Turn(turn.person, _first(edges), layer=layer.name)
    return Turn("", _first(edges))


def _first(edges: Iterable[datetime | None]) -> datetime | None:
    return min((edge for edge in edges if edge is not None), default=None)


def _rotation_turn(rotations: tuple[Rotation, ...], zone_name: str, at: datetime) -> Turn:
    """The last rotation that has begun decides; one that has not says when the gap ends."""
    current: tuple[Rotation, date] | None = None
    following: datetime | None = None
    for rotation in rotations:
        first = _handover_day(rotation, zone_name, rotation.starts)
        begins = instant(first, rotation.handoff_minute, zone_name)
        if begins <= at:
            current, following = (rotation, first), None
        elif following is None or begins < following:
            following = begins
    if current is None:
        return Turn("", following)
    rotation, first = current
    if rotation.until is not None:
        end = first_handover(rotation, zone_name, rotation.until)
        if end <= at:
            return Turn("", following)
        following = end if following is None else min(end, following)
    number = max(0, (at.astimezone(zone(zone_name)).date() - first).days // rotation.every_days)
    day = first + number * rotation.every_days * _DAY
    if instant(day, rotation.handoff_minute, zone_name) > at:
        number, day = number - 1, day - rotation.every_days * _DAY
    person = rotation.people[number % len(rotation.people)]
    until = instant(day + rotation.every_days * _DAY, rotation.handoff_minute, zone_name)
    return Turn(person, until if following is None else min(until, following))


def midnight(day: date, zone_name: str) -> datetime:
    """The first instant of a calendar day in a zone."""
    return instant(day, 0, zone_name)


def wall(naive: datetime, zone_name: str) -> datetime:
    """A wall-clock date and time as an instant, DST included; seconds are kept."""
    minutes = naive.hour * 60 + naive.minute
    found = instant(naive.date(), minutes, zone_name)
    return found + (naive - datetime.combine(naive.date(), time(naive.hour, naive.minute))) if naive.second else found
