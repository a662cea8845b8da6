"""Says in their channels who is on call: when that changes, and in the morning. What is said, and in which words, is
`core.render.announcement`'s to decide."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from router.core.render.announcement import Said, hand_over, hand_over_words, morning, morning_words, next_due
from router.incidents.escalate import Rules
from router.store import read
from router.store.evaluation import announcements, messages
from router.store.evaluation.announcements import Kind
from rules.model.oncall import Schedule

OPEN_LOOKED_AT = 200
"""Incidents in which those of somebody are looked for: the newest."""


class Announced(msgspec.Struct, frozen=True):
    """What a step said, and when there may be more."""

    said: int
    next_due: datetime | None


def step(conn: Connection, now: datetime, rules: Rules, *, looked_at: datetime | None) -> Announced:
    """`looked_at`: when this process looked last."""
    schedules = [one for one in rules.ruleset.schedules.values() if one.announce is not None]
    announcements.forget_others(conn, [one.name for one in schedules])
    told = announcements.all_told(conn) if schedules else {}
    said = 0
    for schedule in schedules:
        if schedule.announce is not None and schedule.announce.handover:
            kept, change = hand_over(schedule, told.get((schedule.name, Kind.HANDOVER)), now, looked_at)
            if kept is not None:
                announcements.note(conn, schedule.name, Kind.HANDOVER, kept)
            if change is not None:
                open_ = read.open_views(conn, OPEN_LOOKED_AT)
                _post(conn, schedule, hand_over_words(rules.ruleset, schedule, change, open_), now, rules)
                said += 1
        kept, is_told = morning(schedule, told.get((schedule.name, Kind.MORNING)), now)
        if kept is not None:
            announcements.note(conn, schedule.name, Kind.MORNING, kept)
        if is_told:
            _post(conn, schedule, morning_words(rules.ruleset, schedule, now, rules.command), now, rules)
            said += 1
    due = [at for at in (next_due(one, now) for one in schedules) if at is not None]
    return Announced(said, min(due, default=None))


def _post(conn: Connection, schedule: Schedule, word: Said, now: datetime, rules: Rules) -> None:
    if schedule.announce is not None:
        messages.post(
            conn,
            notifier=rules.notifier,
            target=schedule.announce.channel,
            text=word.text,
            mentions=word.mentions,
            now=now,
        )
