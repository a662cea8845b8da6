"""Why now? Compares what is true of a group with what its destinations were told, and says what to tell and how loud.

Pure: of the same facts at the same instant, the same decision. An edit is made whatever is decided here; decided are the
lines of the thread, the sounds and the pages.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from adapters.alert import Severity
from router.core.acts.life import brought_back, woken_by_rise
from router.core.view import EntryKind, Phase, Response, State
from rules.model.route import Loudness, RouteSettings, Tell

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

COMES_BACK = timedelta(seconds=30)
"""What fires again within it, or within a longer group_wait, goes on with the wait that it began: as long as Alertmanager
keeps a group that has become empty."""


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
    """How many fired when it was last loud, those that make no sound now too."""
    loud_severity: Severity
    """The worst of its alerts', as they say it, when it was last loud; falls with what stands, so that the next rise is
    one. Not the route's: a reload that gives a route another severity is no rise."""
    last_notified_at: datetime
    """The repeat clock: the last post, line or broadcast."""
    ended_at: datetime | None = None
    """When its end was dispatched."""


class Wait(msgspec.Struct, frozen=True):
    """The group_wait of what nobody was told yet: one for the group, whichever of its alerts come and go meanwhile."""

    since: datetime
    """When the first of them joined."""
    until: datetime | None = None
    """None of them fires any more: forgotten then."""


class Snapshot(msgspec.Struct, frozen=True):
    """What is true of one group now."""

    now: datetime
    settings: RouteSettings
    notified_firing: int = 0
    """Told, and firing still: those that are muted too."""
    muted: int = 0
    """Of these, how many a maintenance or an inhibition holds now: kept true, and no reason for a sound."""
    new: int = 0
    """Firing, not told, and nothing holds them back."""
    arriving: int = 0
    """Of the new, how many another group was told of: they wait for no further word."""
    ended: int = 0
    """Told, and ended: their end is owed."""
    moved: int = 0
    """Told, and told elsewhere now: where they went is owed."""
    severity: Severity = Severity.INFO
    """The worst of told and new, as the alerts say it."""
    unmuted_severity: Severity = Severity.INFO
    """The worst of those that are not muted; asked for only where some are."""
    waiting_since: datetime | None = None
    """When the first of what nobody was told joined: the new, and those that ended without being held back."""
    waiting_started_at: datetime | None = None
    """When the one that joined first began, as its sender says."""
    wait: Wait | None = None
    """As the last evaluation left it."""
    is_suppressed: bool = False
    """The route itself is held back: broadcasts and repeats wait too."""
    free_at: datetime | None = None
    """When something that holds back ends by itself, or a window begins."""
    standing: NotificationState | None = None
    response: Response = Response()
    """What people have made of the last incident."""
    is_declared: bool = False
    """A person declared it, and ends it by closing it."""
    lines_lately: int = 0
    """Thread lines of this incident that were said within CROWDED_WITHIN, or are planned."""

    @property
    def said_severity(self) -> Severity:
        """What the messages say: as somebody set it, the route's, else the alerts'."""
        return self.response.severity or self.settings.severity or self.severity

    @property
    def firing(self) -> int:
        return self.notified_firing + self.new

    @property
    def audible(self) -> int:
        """How many fire that may be a reason for a sound."""
        return self.firing - self.muted

    @property
    def is_hushed(self) -> bool:
        """Nothing of it may make a sound now."""
        return self.is_suppressed or self.audible == 0

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
    is_rise: bool = False
    """WORSE: the severity rose. Else only more alerts fire, and what is as severe as before is not said to be so now."""


class Decision(msgspec.Struct, frozen=True):
    """What dispatch does now, and when it looks again. The message itself follows from the view."""

    opens: bool = False
    reopens: bool = False
    continues: bool = False
    """The incident of another group goes on in this one."""
    notifies_new: bool = False
    resolves: bool = False
    pages: bool = False
    """The rules are asked whom to page: of a rise too, because by then somebody else may be on call."""
    lines: tuple[Line, ...] = ()
    standing: NotificationState | None = None
    response: Response = Response()
    """What people have made of it, after what its alerts did."""
    wait: Wait | None = None
    due_at: datetime | None = None

    @property
    def is_rise(self) -> bool:
        return any(line.is_rise for line in self.lines)

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
    """The one decision. Evaluating is always safe: nothing changed gives an empty decision."""
    if facts.standing is None or facts.standing.state is not State.TRIGGERED:
        return _begin(facts)
    if facts.firing == 0:
        return _end(facts, facts.standing)
    standing = _leveled(_clamped(facts.standing, facts), facts)
    if facts.response.phase is Phase.CLOSED and (facts.new or _rises(facts, standing)):
        return _bring_back(facts, standing)
    return _go_on(facts, standing)


def _begin(facts: Snapshot) -> Decision:
    now, last, wait = facts.now, facts.standing, _waited(facts)
    if facts.new == 0 or wait is None:
        return Decision(wait=wait, due_at=_soonest(facts.free_at, None if wait is None else wait.until))
    ended_at = last.ended_at if last is not None else None
    if last is not None and ended_at is not None and now - ended_at < facts.settings.reopen_within:
        standing = _loud(msgspec.structs.replace(last, state=State.TRIGGERED, ended_at=None), facts)
        line = _said(EntryKind.REOPENED, facts.settings.tell.reopened, now)
        return Decision(
            reopens=True,
            notifies_new=True,
            pages=facts.response.phase in {Phase.OPEN, Phase.CLOSED},
            lines=(line,),
            standing=standing,
            response=brought_back(facts.response),
            due_at=_next(facts, standing),
        )
    first_word_at = _first_word_at(facts, wait)
    if now < first_word_at and not facts.arriving:
        return Decision(wait=wait, due_at=first_word_at)
    standing = NotificationState(State.TRIGGERED, now, now, now, facts.new, facts.severity, now)
    return Decision(
        opens=True,
        notifies_new=True,
        pages=True,
        lines=(Line(EntryKind.FIRST),),
        standing=standing,
        due_at=_next(facts, standing),
    )


def _waited(facts: Snapshot) -> Wait | None:
    """Counts from the group's first alert: a group in which always something fires is told, though none of it for long."""
    now, kept = facts.now, facts.wait
    if kept is not None and kept.until is not None and kept.until <= now:
        kept = None
    since = _soonest(facts.waiting_since, None if kept is None else kept.since)
    if since is None:
        return None
    since = min(since, now)  # a clock that went back must not silence anybody
    if facts.new:
        return Wait(since)
    forgotten_at = now + max(COMES_BACK, facts.settings.wait(facts.said_severity))
    return Wait(since, _soonest(forgotten_at, None if kept is None else kept.until))


def _first_word_at(facts: Snapshot, wait: Wait) -> datetime:
    """As Alertmanager has it: what fires for longer than group_wait when it begins a group is told at once."""
    length = facts.settings.wait(facts.said_severity)
    begun = facts.waiting_started_at if facts.waiting_since == wait.since else None
    return wait.since if begun is not None and begun + length < wait.since else wait.since + length


def continue_elsewhere(
    decided: Decision, facts: Snapshot, last: NotificationState, *, said: Severity, is_primary: bool, stands: bool
) -> Decision:
    """All alerts of an incident go to this group, which is about to open one: the incident goes with them.

    `said`: its severity as its messages say it; `is_primary`: the home channel is the same; `stands`: the incident has a
    message in the new one. It is news, and loud, where the severity rose or others waited here for their first word; a post
    in a channel that had none makes its sound by itself.
    """
    now, tell = facts.now, facts.settings.tell
    rises = _rises(facts, last) or facts.said_severity.rank > said.rank
    standing = msgspec.structs.replace(_leveled(last, facts), state=State.TRIGGERED, ended_at=None, thread_line_at=now)
    lines = [Line(EntryKind.MOVED, say_at=None if is_primary else now)]
    if rises:
        worse = msgspec.structs.replace(_said(EntryKind.WORSE, tell.worse, now), is_rise=True)
        lines.append(worse if stands else msgspec.structs.replace(worse, say_at=None, is_broadcast=False))
        standing = _loud(standing, facts)
    is_said = rises and stands and tell.worse.has_line
    if facts.new > facts.arriving and not is_said:
        # What would have been a first word here is as loud as one.
        lines.append(Line(EntryKind.MORE, say_at=now, is_broadcast=stands, is_for_paged=not rises))
        standing = _loud(standing, facts)
    if facts.ended:
        standing, line = _paced(standing, facts, EntryKind.SOME_RESOLVED, tell.some_resolved)
        lines.append(line)
    return Decision(
        continues=True,
        notifies_new=True,
        pages=decided.pages or (rises and tell.worse is not Loudness.NONE),
        lines=tuple(lines),
        standing=standing,
        response=woken_by_rise(facts.response) if rises else facts.response,
        due_at=_next(facts, standing),
    )


def _end(facts: Snapshot, standing: NotificationState) -> Decision:
    if facts.moved:
        line = Line(EntryKind.MOVED, say_at=facts.now)
    else:
        line = _said(EntryKind.ALL_RESOLVED, facts.settings.tell.resolved, facts.now)
        if facts.is_declared and facts.response.phase is Phase.CLOSED:  # whoever closed it has said so
            line = msgspec.structs.replace(line, say_at=None, is_broadcast=False)
    planned = _clamped(standing, facts).thread_line_at
    if line.say_at is None and planned > facts.now:
        # A line that is to come would be the thread's last word, and wrong: it says the end too.
        line = msgspec.structs.replace(line, say_at=planned)
    over = msgspec.structs.replace(
        standing, state=State.RESOLVED, ended_at=facts.now, thread_line_at=facts.now, last_notified_at=facts.now
    )
    return Decision(
        resolves=True,
        lines=(line,),
        standing=over,
        response=facts.response,
        due_at=facts.free_at,
    )


def _is_worse(facts: Snapshot, standing: NotificationState) -> bool:
    return _rises(facts, standing) or (_is_many(facts, standing) and facts.now >= standing.loud_at + LOUD_APART)


def _rises(facts: Snapshot, standing: NotificationState) -> bool:
    """The alerts became worse than what stood. Where the route says the severity, none of theirs is shown or heard."""
    severity = facts.unmuted_severity if facts.muted else facts.severity
    is_theirs = facts.settings.severity is None and facts.response.severity is None
    is_shown = is_theirs and not facts.is_hushed
    return is_shown and severity.rank > standing.loud_severity.rank


def _is_many(facts: Snapshot, standing: NotificationState) -> bool:
    return not facts.is_hushed and facts.audible >= MANY and facts.audible >= 2 * standing.loud_firing


def _repeats_at(facts: Snapshot, standing: NotificationState) -> datetime | None:
    """When it is said again. A repeat that nobody would hear is none, and one that is held back comes when that ends. Who
    works on it, or has put it off, is not reminded."""
    settings = facts.settings
    if (
        facts.is_hushed
        or facts.response.phase is not Phase.OPEN
        or settings.repeat_interval is None
        or not settings.tell.repeat.has_line
    ):
        return None
    return standing.last_notified_at + settings.repeat_interval


def _is_repeated(facts: Snapshot, standing: NotificationState) -> bool:
    repeats_at = _repeats_at(facts, standing)
    return repeats_at is not None and facts.now >= repeats_at


def _leveled(standing: NotificationState, facts: Snapshot) -> NotificationState:
    """Above which severity a rise is one: what is worse than what stands now is, however loud it was before it fell. It falls
    by all that fires, muted or not: the end of a maintenance is no rise. Where the route says the severity, what the alerts
    say is shown nowhere, and is no rise when a reload takes the route's away."""
    is_lower = facts.severity.rank < standing.loud_severity.rank
    if facts.firing == 0 or not (is_lower or facts.settings.severity is not None):
        return standing
    return msgspec.structs.replace(standing, loud_severity=facts.severity)


class _Change(NamedTuple):
    """What may have happened to an incident that stands, and how it is told."""

    kind: EntryKind
    has_happened: Callable[[Snapshot, NotificationState], bool]
    loudness: Callable[[Tell], Loudness]
    is_at_once: bool = False
    """Said now, and counts as loud. Else with the next thread line, which is a group_interval after the last."""
    is_for_paged: bool = False
    is_said_with: EntryKind | None = None
    """Has no line of its own where there is one of that kind."""


_CHANGES = (
    _Change(EntryKind.WORSE, _is_worse, lambda tell: tell.worse, is_at_once=True, is_for_paged=True),
    _Change(EntryKind.MORE, lambda facts, _: facts.new > 0, lambda tell: tell.new_alerts, is_said_with=EntryKind.WORSE),
    _Change(EntryKind.SOME_RESOLVED, lambda facts, _: facts.ended > 0, lambda tell: tell.some_resolved),
    _Change(EntryKind.MOVED, lambda facts, _: facts.moved > 0, lambda _: Loudness.THREAD),
    _Change(EntryKind.REPEAT, _is_repeated, lambda tell: tell.repeat, is_at_once=True),
)
"""In the order in which they are said; each is asked of what the ones before it left."""


def _go_on(facts: Snapshot, standing: NotificationState) -> Decision:
    is_rise = _rises(facts, standing)
    lines: list[Line] = []
    for change in _CHANGES:
        is_said = any(line.kind is change.is_said_with and line.say_at is not None for line in lines)
        if is_said or not change.has_happened(facts, standing):
            continue
        how_loud = change.loudness(facts.settings.tell)
        if change.is_at_once:
            line = _said(change.kind, how_loud, facts.now, is_for_paged=change.is_for_paged)
            standing = _loud(standing, facts) if how_loud.has_line else _noticed(standing, facts)
        else:
            standing, line = _paced(standing, facts, change.kind, how_loud)
        lines.append(msgspec.structs.replace(line, is_rise=is_rise and change.kind is EntryKind.WORSE))
    return Decision(
        notifies_new=facts.new > 0,
        pages=is_rise and facts.settings.tell.worse is not Loudness.NONE,
        lines=tuple(lines),
        standing=standing,
        response=woken_by_rise(facts.response) if is_rise else facts.response,
        due_at=_next(facts, standing),
    )


def _bring_back(facts: Snapshot, standing: NotificationState) -> Decision:
    """News of what somebody had closed: it is open again, and as loud as one that came back."""
    going_on = _go_on(facts, standing)
    line = _said(EntryKind.REOPENED, facts.settings.tell.reopened, facts.now)
    others = tuple(one for one in going_on.lines if one.kind not in {EntryKind.WORSE, EntryKind.MORE})
    loud = _loud(going_on.standing or standing, facts)
    return msgspec.structs.replace(
        going_on,
        pages=True,
        lines=(line, *others),
        standing=loud,
        response=brought_back(facts.response),
        due_at=_next(facts, loud),
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
    is_broadcast = how_loud is Loudness.CHANNEL
    if is_broadcast and kind is EntryKind.MORE:  # these were loud: they are not said again because they are many
        standing = msgspec.structs.replace(standing, loud_firing=max(facts.firing, standing.loud_firing))
    return standing, Line(kind, say_at=standing.thread_line_at, is_broadcast=is_broadcast)


def _line_up(standing: NotificationState, facts: Snapshot) -> NotificationState:
    """The next thread line: with the one already planned, else a group_interval after the last, more in a crowd."""
    if standing.thread_line_at > facts.now:
        return standing
    at = max(facts.now, standing.thread_line_at + facts.lines_apart)
    return msgspec.structs.replace(standing, thread_line_at=at, last_notified_at=at)


def _loud(standing: NotificationState, facts: Snapshot) -> NotificationState:
    return msgspec.structs.replace(_noticed(standing, facts), thread_line_at=facts.now, last_notified_at=facts.now)


def _noticed(standing: NotificationState, facts: Snapshot) -> NotificationState:
    """From here on it takes more to be worse. What rose while it was muted is not counted: that is loud when it is free."""
    severity = facts.severity
    if facts.muted:
        severity = max(facts.unmuted_severity, standing.loud_severity, key=lambda one: one.rank)
    return msgspec.structs.replace(standing, loud_at=facts.now, loud_firing=facts.firing, loud_severity=severity)


def _next(facts: Snapshot, standing: NotificationState) -> datetime | None:
    """When something can change without anybody's word."""
    many_at = standing.loud_at + LOUD_APART if _is_many(facts, standing) else None
    return _soonest(facts.free_at, _repeats_at(facts, standing), many_at)


def _soonest(*instants: datetime | None) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)
