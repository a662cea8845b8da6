"""Why now? Compares what is true of a group with what its destinations were told, and says what to tell and how loud.

Pure: given the same facts at the same instant, the same plan.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from adapters.alert import Severity
from router.core.view import EntryKind, State
from rules.model.route import Loudness, RouteSettings

LOUD_APART = timedelta(minutes=15)
"""Between two broadcasts because more and more alerts fire. A rise in severity does not wait."""
MANY = 10
"""Fewer alerts than this never make a broadcast by their number."""

LINES_APART = timedelta(seconds=20)
"""Thread lines that nobody needs at once and that are due within it are one, however short a group_interval is."""
CROWDED = 10
"""So many thread lines within CROWDED_WITHIN; more come CROWDED_APART."""
CROWDED_WITHIN = timedelta(hours=1)
CROWDED_APART = timedelta(minutes=10)


class Reason(StrEnum):
    """Why something is told now."""

    FIRST = "first"
    NEW_ALERTS = "new_alerts"
    WORSE = "worse"
    SOME_RESOLVED = "some_resolved"
    ALL_RESOLVED = "all_resolved"
    REPEAT = "repeat"
    REOPENED = "reopened"
    MOVED = "moved"


class NotificationState(msgspec.Struct, frozen=True):
    """A group's last incident, as its destinations know it."""

    state: State
    started_at: datetime
    thread_line_at: datetime
    """The last thread line: said, or planned when in the future."""
    loud_at: datetime
    loud_firing: int
    loud_severity: Severity
    last_notified_at: datetime
    """The repeat clock: the last post, line or broadcast."""
    ended_at: datetime | None = None
    """When its end was dispatched."""


class Snapshot(msgspec.Struct, frozen=True):
    """What is true of one group now."""

    now: datetime
    settings: RouteSettings
    notified_firing: int = 0
    """Told, and firing still."""
    new: int = 0
    """Firing, not told, and nothing holds them back."""
    ended: int = 0
    """Told, and ended: their end is owed."""
    moved: int = 0
    """Told, and told elsewhere now: where they went is owed."""
    severity: Severity = Severity.INFO
    """The worst of told and new."""
    waiting_since: datetime | None = None
    """When the oldest of the new joined."""
    is_arriving: bool = False
    """Some of the new were told elsewhere: those who were wait for no further word."""
    is_suppressed: bool = False
    """The route itself is held back: broadcasts and repeats wait too."""
    free_at: datetime | None = None
    """When something that holds back ends by itself, or a window begins."""
    standing: NotificationState | None = None
    lines_lately: int = 0
    """Thread lines of this incident that were said within CROWDED_WITHIN, or are planned."""

    @property
    def lines_apart(self) -> timedelta:
        """How far apart thread lines are that nobody needs at once."""
        apart = max(self.settings.group_interval, LINES_APART)
        return max(apart, CROWDED_APART) if self.lines_lately >= CROWDED else apart


class Line(msgspec.Struct, frozen=True):
    """A timeline entry to append."""

    kind: EntryKind
    say_at: datetime | None = None
    """When the thread at home hears it. None: never."""
    is_broadcast: bool = False
    is_for_paged: bool = False
    """The people paged get a message of their own about it."""


class Decision(msgspec.Struct, frozen=True):
    """What dispatch does now, and when it looks again. The message itself follows from the view."""

    opens: bool = False
    reopens: bool = False
    continues: bool = False
    """The incident of another group goes on in this one."""
    notifies_new: bool = False
    notifies_ended: bool = False
    resolves: bool = False
    pages: bool = False
    lines: tuple[Line, ...] = ()
    standing: NotificationState | None = None
    due_at: datetime | None = None

    @property
    def reason(self) -> Reason | None:
        """The weightiest reason of this plan."""
        if self.opens:
            return Reason.FIRST
        if self.continues:
            return Reason.MOVED
        kinds = {line.kind for line in self.lines}
        for kind, reason in _WEIGHT:
            if kind in kinds:
                return reason
        return None


_WEIGHT = (
    (EntryKind.REOPENED, Reason.REOPENED),
    (EntryKind.ALL_RESOLVED, Reason.ALL_RESOLVED),
    (EntryKind.WORSE, Reason.WORSE),
    (EntryKind.MORE, Reason.NEW_ALERTS),
    (EntryKind.SOME_RESOLVED, Reason.SOME_RESOLVED),
    (EntryKind.REPEAT, Reason.REPEAT),
)


def plan(facts: Snapshot) -> Decision:
    """The one decision. Looking is always safe: nothing changed gives an empty plan."""
    if facts.standing is None or facts.standing.state is not State.TRIGGERED:
        return _begin(facts)
    if facts.notified_firing + facts.new == 0:
        return _end(facts, facts.standing)
    return _go_on(facts, _clamped(facts.standing, facts))


def _begin(facts: Snapshot) -> Decision:
    if facts.new == 0 or facts.waiting_since is None:
        return Decision(due_at=facts.free_at)
    now, last = facts.now, facts.standing
    ended_at = last.ended_at if last is not None else None
    if last is not None and ended_at is not None and now - ended_at < facts.settings.reopen_within:
        standing = _loud(msgspec.structs.replace(last, state=State.TRIGGERED, ended_at=None), facts)
        line = _said(EntryKind.REOPENED, facts.settings.tell.reopened, now)
        return Decision(
            reopens=True,
            notifies_new=True,
            notifies_ended=True,
            pages=True,
            lines=(line,),
            standing=standing,
            due_at=_next(facts, standing),
        )
    waited = min(facts.waiting_since, now) + facts.settings.wait(facts.severity)
    if now < waited and not facts.is_arriving:
        return Decision(due_at=waited)
    standing = NotificationState(State.TRIGGERED, now, now, now, facts.new, facts.severity, now)
    return Decision(
        opens=True,
        notifies_new=True,
        pages=True,
        lines=(Line(EntryKind.FIRST),),
        standing=standing,
        due_at=_next(facts, standing),
    )


def continue_elsewhere(
    decided: Decision, facts: Snapshot, last: NotificationState, *, is_primary: bool, stands: bool
) -> Decision:
    """All alerts of an incident go to this group, which is about to open one: the incident goes with them.

    `is_primary`: the home channel is the same; `stands`: the incident has a message in the new one. It is news, and loud,
    only where the severity rose; a post in a channel that had none makes its sound by itself.
    """
    now, rises = facts.now, facts.severity.rank > last.loud_severity.rank
    standing = msgspec.structs.replace(last, state=State.TRIGGERED, ended_at=None, thread_line_at=now)
    lines = [Line(EntryKind.MOVED, say_at=None if is_primary else now)]
    if rises:
        worse = _said(EntryKind.WORSE, facts.settings.tell.worse, now)
        lines.append(worse if stands else msgspec.structs.replace(worse, say_at=None, is_broadcast=False))
        standing = _loud(standing, facts)
    if facts.ended:
        standing, line = _paced(standing, facts, EntryKind.SOME_RESOLVED, facts.settings.tell.some_resolved)
        lines.append(line)
    return Decision(
        continues=True,
        notifies_new=True,
        notifies_ended=True,
        pages=decided.pages,
        lines=tuple(lines),
        standing=standing,
        due_at=_next(facts, standing),
    )


def _end(facts: Snapshot, standing: NotificationState) -> Decision:
    if facts.moved:
        line = Line(EntryKind.MOVED, say_at=facts.now)
    else:
        line = _said(EntryKind.ALL_RESOLVED, facts.settings.tell.resolved, facts.now)
    planned = _clamped(standing, facts).thread_line_at
    if line.say_at is None and planned > facts.now:
        # A line that is to come would be the thread's last word, and wrong: it says the end too.
        line = msgspec.structs.replace(line, say_at=planned)
    over = msgspec.structs.replace(
        standing, state=State.RESOLVED, ended_at=facts.now, thread_line_at=facts.now, last_notified_at=facts.now
    )
    return Decision(resolves=True, notifies_ended=True, lines=(line,), standing=over, due_at=facts.free_at)


def _go_on(facts: Snapshot, standing: NotificationState) -> Decision:
    now, firing, tell = facts.now, facts.notified_firing + facts.new, facts.settings.tell
    lines: list[Line] = []
    rises = facts.severity.rank > standing.loud_severity.rank
    is_many = firing >= MANY and firing >= 2 * standing.loud_firing
    if not facts.is_suppressed and (rises or (is_many and now - standing.loud_at >= LOUD_APART)):
        lines.append(_said(EntryKind.WORSE, tell.worse, now))
        standing = _loud(standing, facts) if tell.worse.has_line else _noticed(standing, facts)
    # A line about what is worse counts the new alerts too; where there is none, they have their own.
    if facts.new and not (lines and tell.worse.has_line):
        standing, line = _paced(standing, facts, EntryKind.MORE, tell.new_alerts)
        lines.append(line)
        if line.is_broadcast:
            standing = msgspec.structs.replace(standing, loud_firing=max(firing, standing.loud_firing))
    if facts.ended:
        standing, line = _paced(standing, facts, EntryKind.SOME_RESOLVED, tell.some_resolved)
        lines.append(line)
    if facts.moved:
        standing, line = _paced(standing, facts, EntryKind.MOVED, Loudness.THREAD)
        lines.append(line)
    repeat = _repeats(facts.settings)
    if repeat is not None and not facts.is_suppressed and now >= standing.last_notified_at + repeat:
        lines.append(_said(EntryKind.REPEAT, tell.repeat, now, is_for_paged=False))
        standing = _loud(standing, facts)
    return Decision(
        notifies_new=facts.new > 0,
        notifies_ended=facts.ended > 0,
        lines=tuple(lines),
        standing=standing,
        due_at=_next(facts, standing),
    )


def _clamped(standing: NotificationState, facts: Snapshot) -> NotificationState:
    """A clock that went back must not silence anybody: what lies further ahead than we ever plan counts as now."""
    now, ahead = facts.now, facts.now + max(facts.settings.group_interval, CROWDED_APART)
    return msgspec.structs.replace(
        standing,
        thread_line_at=standing.thread_line_at if standing.thread_line_at <= ahead else now,
        last_notified_at=standing.last_notified_at if standing.last_notified_at <= ahead else now,
        loud_at=min(standing.loud_at, now),
    )


def _said(kind: EntryKind, how_loud: Loudness, now: datetime, *, is_for_paged: bool = True) -> Line:
    """Told at once, as loud as the route wants it."""
    return Line(
        kind,
        say_at=now if how_loud.has_line else None,
        is_broadcast=how_loud is Loudness.CHANNEL,
        is_for_paged=is_for_paged and how_loud is not Loudness.NONE,
    )


def _paced(
    standing: NotificationState, facts: Snapshot, kind: EntryKind, how_loud: Loudness
) -> tuple[NotificationState, Line]:
    """Told with the next thread line; what has no line moves no timer either."""
    if not how_loud.has_line:
        return standing, Line(kind)
    standing = _line_up(standing, facts)
    return standing, Line(kind, say_at=standing.thread_line_at, is_broadcast=how_loud is Loudness.CHANNEL)


def _repeats(settings: RouteSettings) -> timedelta | None:
    """How often it is said again; a repeat that nobody would hear is none."""
    return settings.repeat_interval if settings.tell.repeat.has_line else None


def _line_up(standing: NotificationState, facts: Snapshot) -> NotificationState:
    """The next thread line: with the one already planned, else a group_interval after the last, more in a crowd."""
    if standing.thread_line_at > facts.now:
        return standing
    at = max(facts.now, standing.thread_line_at + facts.lines_apart)
    return msgspec.structs.replace(standing, thread_line_at=at, last_notified_at=at)


def _loud(standing: NotificationState, facts: Snapshot) -> NotificationState:
    return msgspec.structs.replace(_noticed(standing, facts), thread_line_at=facts.now, last_notified_at=facts.now)


def _noticed(standing: NotificationState, facts: Snapshot) -> NotificationState:
    """From here on it takes more to be worse."""
    firing = facts.notified_firing + facts.new
    return msgspec.structs.replace(standing, loud_at=facts.now, loud_firing=firing, loud_severity=facts.severity)


def _next(facts: Snapshot, standing: NotificationState) -> datetime | None:
    """When something can change without anybody's word."""
    firing = facts.notified_firing + facts.new
    times = [facts.free_at]
    repeat = _repeats(facts.settings)
    if not facts.is_suppressed and repeat is not None:
        times.append(standing.last_notified_at + repeat)
    if not facts.is_suppressed and firing >= MANY and firing >= 2 * standing.loud_firing:
        times.append(standing.loud_at + LOUD_APART)
    return min((time for time in times if time is not None), default=None)
