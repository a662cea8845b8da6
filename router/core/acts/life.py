"""The life of an incident: a condition, which alerts alone move, and a response, which people and timers move. Pure.

`TABLE` says for every condition, phase and act what becomes of the response, what is told of it and what the escalation
does; `decide` asks it about one act.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

import msgspec

from adapters.alert import Severity
from router.core.acts.button import Verb
from router.core.acts.permission import Actor
from router.core.view import EntryKind, IncidentView, Limit, Phase, Response, State
from rules.model.route import Page, Sla


class Timer(StrEnum):
    """What happens by itself, when a phase has lasted as long as it may."""

    ACKNOWLEDGEMENT_OVER = "acknowledgement_over"
    SNOOZE_OVER = "snooze_over"
    CLOSED_OVER = "closed_over"
    SLA_ACKNOWLEDGE = "sla_acknowledge"
    SLA_RESOLVE = "sla_resolve"


LIMITS: Mapping[Timer, Limit] = {Timer.SLA_ACKNOWLEDGE: Limit.ACKNOWLEDGE, Timer.SLA_RESOLVE: Limit.RESOLVE}
"""The timers of a route's limits: counted from the first word, whatever phase it is in. Where the table has none of them
they wait until the phase changes; *already*: it was done in time."""

RUNS_OUT: Mapping[Phase, Timer] = {
    Phase.ACKNOWLEDGED: Timer.ACKNOWLEDGEMENT_OVER,
    Phase.SNOOZED: Timer.SNOOZE_OVER,
    Phase.CLOSED: Timer.CLOSED_OVER,
}
"""Which phase ends by itself, and how."""


class Escalation(StrEnum):
    """What the escalation does."""

    AS_IT_WAS = "as_it_was"
    STOPS = "stops"
    GOES_ON = "goes_on"
    """With the step that would have come next."""
    REACHES = "reaches"
    """At once whom somebody names; where they name nobody, the step that would have come next."""


class Told(StrEnum):
    """How loud an act is told: the name of the route's setting of `tell`."""

    ACKNOWLEDGED = "acknowledged"
    NOTE = "note"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    SLA = "sla"


class Move(msgspec.Struct, frozen=True):
    """It is carried out."""

    to: Phase | None
    """None: the phase stays."""
    kind: EntryKind
    told: Told
    escalation: Escalation = Escalation.AS_IT_WAS
    rings: bool = False
    """Whoever was paged gets a message of their own about it."""


class Already(msgspec.Struct, frozen=True):
    """There is nothing to do: it is as it should be."""

    said: str
    """To who asked. {by}: who brought it about."""


class Refused(msgspec.Struct, frozen=True):
    """It cannot be done now."""

    said: str


Row = Mapping[Verb | Timer, Move | Already | Refused]

_ACKNOWLEDGE = Move(Phase.ACKNOWLEDGED, EntryKind.ACKNOWLEDGED, Told.ACKNOWLEDGED, Escalation.STOPS)
_SNOOZE = Move(Phase.SNOOZED, EntryKind.SNOOZED, Told.ACKNOWLEDGED, Escalation.STOPS)
_CLOSE = Move(Phase.CLOSED, EntryKind.CLOSED, Told.RESOLVED, Escalation.STOPS)
_UNACKNOWLEDGE = Move(Phase.OPEN, EntryKind.UNACKNOWLEDGED, Told.ACKNOWLEDGED, Escalation.GOES_ON)
_WAKE = Move(Phase.OPEN, EntryKind.WOKEN, Told.ACKNOWLEDGED, Escalation.GOES_ON)
_REOPEN = Move(Phase.OPEN, EntryKind.REOPENED_BY_HAND, Told.REOPENED, Escalation.GOES_ON)
_ASSIGN = Move(None, EntryKind.ASSIGNED, Told.ACKNOWLEDGED)
_ESCALATE = Move(None, EntryKind.ESCALATED, Told.ESCALATED, Escalation.REACHES)
_ADD_RESPONDER = Move(None, EntryKind.RESPONDER_ADDED, Told.ACKNOWLEDGED, Escalation.REACHES)
_NOTE = Move(None, EntryKind.NOTE, Told.NOTE)
_SEVERITY = Move(None, EntryKind.SEVERITY_SET, Told.ACKNOWLEDGED)
_LATE_ACKNOWLEDGE = Move(None, EntryKind.SLA_ACKNOWLEDGE, Told.SLA, rings=True)
_LATE_RESOLVE = Move(None, EntryKind.SLA_RESOLVE, Told.SLA, rings=True)
_IN_TIME = Already("it was done in time")
_NOT_ACKNOWLEDGED = Already("nobody has acknowledged it")
_NOT_SNOOZED = Already("it is not snoozed")
_IS_OPEN = Already("it is open")
_IS_CLOSED = Refused("it was closed by {by}; reopen it first")
_IS_OVER = Refused("it is over")


def _comes_back(kind: EntryKind) -> Move:
    return Move(Phase.OPEN, kind, Told.ESCALATED, Escalation.GOES_ON, rings=True)


_ALWAYS: Row = {
    Verb.ESCALATE: _ESCALATE,
    Verb.ASSIGN: _ASSIGN,
    Verb.ADD_RESPONDER: _ADD_RESPONDER,
    Verb.NOTE: _NOTE,
    Verb.SEVERITY: _SEVERITY,
}

_OVER: Row = {
    Verb.ACKNOWLEDGE: _IS_OVER,
    Verb.UNACKNOWLEDGE: _IS_OVER,
    Verb.SNOOZE: _IS_OVER,
    Verb.WAKE: _IS_OVER,
    Verb.RESOLVE: Already("it is over"),
    Verb.REOPEN: Refused("nothing of it fires; it comes back by itself when an alert does"),
    Verb.ESCALATE: _IS_OVER,
    Verb.ASSIGN: _ASSIGN,
    Verb.ADD_RESPONDER: _IS_OVER,
    Verb.NOTE: _NOTE,
    Verb.SEVERITY: _IS_OVER,
    Timer.SLA_ACKNOWLEDGE: _IN_TIME,
    Timer.SLA_RESOLVE: _IN_TIME,
}

TABLE: Mapping[State, Mapping[Phase, Row]] = {
    State.TRIGGERED: {
        Phase.OPEN: {
            Verb.ACKNOWLEDGE: _ACKNOWLEDGE,
            Verb.UNACKNOWLEDGE: _NOT_ACKNOWLEDGED,
            Verb.SNOOZE: _SNOOZE,
            Verb.WAKE: _NOT_SNOOZED,
            Verb.RESOLVE: _CLOSE,
            Verb.REOPEN: _IS_OPEN,
            Timer.SLA_ACKNOWLEDGE: _LATE_ACKNOWLEDGE,
            Timer.SLA_RESOLVE: _LATE_RESOLVE,
            **_ALWAYS,
        },
        Phase.ACKNOWLEDGED: {
            Verb.ACKNOWLEDGE: Already("{by} has acknowledged it"),
            Verb.UNACKNOWLEDGE: _UNACKNOWLEDGE,
            Verb.SNOOZE: _SNOOZE,
            Verb.WAKE: _NOT_SNOOZED,
            Verb.RESOLVE: _CLOSE,
            Verb.REOPEN: _IS_OPEN,
            Timer.ACKNOWLEDGEMENT_OVER: _comes_back(EntryKind.ACKNOWLEDGEMENT_OVER),
            Timer.SLA_ACKNOWLEDGE: _IN_TIME,
            Timer.SLA_RESOLVE: _LATE_RESOLVE,
            **_ALWAYS,
        },
        Phase.SNOOZED: {
            Verb.ACKNOWLEDGE: _ACKNOWLEDGE,
            Verb.UNACKNOWLEDGE: _NOT_ACKNOWLEDGED,
            Verb.SNOOZE: _SNOOZE,
            Verb.WAKE: _WAKE,
            Verb.RESOLVE: _CLOSE,
            Verb.REOPEN: _IS_OPEN,
            Timer.SNOOZE_OVER: _comes_back(EntryKind.SNOOZE_OVER),
            **_ALWAYS,
        },
        Phase.CLOSED: {
            Verb.ACKNOWLEDGE: _IS_CLOSED,
            Verb.UNACKNOWLEDGE: _IS_CLOSED,
            Verb.SNOOZE: _IS_CLOSED,
            Verb.WAKE: _IS_CLOSED,
            Verb.RESOLVE: Already("{by} has closed it"),
            Verb.REOPEN: _REOPEN,
            Timer.CLOSED_OVER: _comes_back(EntryKind.CLOSED_OVER),
            Timer.SLA_ACKNOWLEDGE: _IN_TIME,
            **_ALWAYS,
        },
    },
    State.RESOLVED: dict.fromkeys(Phase, _OVER),
}


class Act(msgspec.Struct, frozen=True):
    """What somebody, or a timer, does to an incident."""

    verb: Verb | Timer
    by: str = ""
    """By name; "" of a timer."""
    via: str = ""
    """By what it is done, as "button"."""
    note: str = ""
    until: datetime | None = None
    """SNOOZE: until then."""
    people: tuple[str, ...] = ()
    """ASSIGN: whom, by name."""
    pages: tuple[Page, ...] = ()
    """ESCALATE: whom; (): the next step of its escalation. ADD_RESPONDER: whom."""
    severity: Severity | None = None
    """SEVERITY: which; None: as its alerts say it."""
    actor: Actor | None = Actor()
    """Who may do it is asked of them. None: no person, but a timer, a rule or a source, of whom it is not asked."""


class Lasts(msgspec.Struct, frozen=True):
    """How long a phase lasts, as the route has it. None: until somebody ends it."""

    acknowledged: timedelta | None
    closed: timedelta | None


class Acted(msgspec.Struct, frozen=True):
    """What becomes of it."""

    response: Response
    move: Move


def decide(
    state: State, response: Response, act: Act, now: datetime, lasts: Lasts, *, needs_note: bool = False
) -> Acted | Already | Refused:
    """The one decision about one act. `needs_note`: who closes it must say what it was."""
    found = TABLE[state][response.phase].get(act.verb)
    match found:
        case None:  # a timer of a phase that is over
            return Already("")
        case Already(said) | Refused(said):
            return type(found)(said.format(by=_who(response.by)))
        case Move(to=Phase.CLOSED) if needs_note and not act.note.strip():
            return Refused('its route asks for a note: resolve it with one, as in resolve 12 "what it was"')
        case Move(kind=EntryKind.RESPONDER_ADDED) if act.pages and not _new_responders(response, act):
            return Already(_respond_already(act))
        case Move() as move:
            return _acted(response, act, move, now, lasts)
        case never:
            assert_never(never)


def obstacle(state: State, response: Response, verb: Verb) -> str:
    """Why there is nothing to ask about an act before somebody fills anything in; "": it can be done."""
    found = TABLE[state][response.phase].get(verb)
    return found.said.format(by=_who(response.by)) if isinstance(found, Already | Refused) else ""


def _who(by: str) -> str:
    """At the beginning of a sentence: of "via Slack (jane)", "jane (via Slack)"."""
    if not by.startswith("via "):
        return by or "somebody"
    way, _, name = by.partition(" (")
    return f"{name.removesuffix(')')} ({way})" if name else f"somebody ({way})"


def _acted(response: Response, act: Act, move: Move, now: datetime, lasts: Lasts) -> Acted:
    until = None
    match move.to:
        case None:
            changed = msgspec.structs.replace(
                response,
                assigned=act.people if act.verb is Verb.ASSIGN else response.assigned,
                responders=(*response.responders, *_new_responders(response, act)),
                severity=act.severity if act.verb is Verb.SEVERITY else response.severity,
                missed=(*response.missed, *([LIMITS[act.verb]] if isinstance(act.verb, Timer) else [])),
            )
            return Acted(changed, move)
        case Phase.ACKNOWLEDGED if lasts.acknowledged is not None:
            until = now + lasts.acknowledged
        case Phase.SNOOZED:
            until = act.until
        case Phase.CLOSED if lasts.closed is not None:
            until = now + lasts.closed
        case _:
            pass
    if move.to is Phase.OPEN:
        return Acted(_opened(response), move)
    # What was said with an act lives in the timeline; the message repeats only what is said of an end.
    note = act.note if move.to is Phase.CLOSED else ""
    return Acted(msgspec.structs.replace(response, phase=move.to, by=act.by, at=now, until=until, note=note), move)


def _new_responders(response: Response, act: Act) -> tuple[str, ...]:
    """By name, each once."""
    if act.verb is not Verb.ADD_RESPONDER:
        return ()
    return tuple(dict.fromkeys(page.target for page in act.pages if page.target not in response.responders))


def _respond_already(act: Act) -> str:
    names = tuple(dict.fromkeys(page.target for page in act.pages))
    return f"{', '.join(names)} {'is a responder' if len(names) == 1 else 'are responders'} already"


def _opened(response: Response) -> Response:
    """Nobody has it in hand; who is responsible stays, and what else stands beside the phase."""
    return msgspec.structs.replace(response, phase=Phase.OPEN, by="", at=None, until=None, note="")


def in_time(response: Response, timer: Timer) -> Response:
    """It was done when its time was over."""
    return msgspec.structs.replace(response, met=(*response.met, LIMITS[timer]))


def limits(sla: Sla | None, opened_at: datetime, state: State, response: Response) -> list[tuple[datetime, Timer]]:
    """Which limits are still to be asked about, and when, the next one first; not those that wait for another phase."""
    if sla is None:
        return []
    spans = ((Timer.SLA_ACKNOWLEDGE, sla.acknowledge), (Timer.SLA_RESOLVE, sla.resolve))
    settled = {*response.met, *response.missed}
    return sorted(
        (opened_at + span, timer)
        for timer, span in spans
        if span is not None and LIMITS[timer] not in settled and timer in TABLE[state][response.phase]
    )


def brought_back(response: Response) -> Response:
    """News of its alerts: what was closed is open again. What somebody works on, or has put off, stays so."""
    if response.phase is not Phase.CLOSED:
        return response
    return _opened(response)


def woken_by_rise(response: Response) -> Response:
    """It got worse: whoever put it off put off something less."""
    if response.phase not in {Phase.CLOSED, Phase.SNOOZED}:
        return response
    return _opened(response)


def changed(before: IncidentView, after: IncidentView) -> tuple[str, str]:
    """What an act changed, as it was and as it is, in words; ("", "") of one that changed nothing."""
    for one, other in (
        (before.response.phase.value, after.response.phase.value),
        (", ".join(before.response.assigned), ", ".join(after.response.assigned)),
        (", ".join(before.response.responders), ", ".join(after.response.responders)),
        (before.severity.value, after.severity.value),
    ):
        if one != other:
            return one, other
    return "", ""
