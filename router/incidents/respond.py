"""Carries out what people do with incidents, and what runs out by itself: the response, the timeline, the messages, the
escalation, in one transaction.

An act is durable before it is answered. One that is sent again is answered as it was the first time.
"""

from datetime import datetime
from typing import assert_never

import msgspec
from sqlalchemy import Connection

from adapters.alert import Acknowledgement
from router.core.acts import life, permission
from router.core.acts.button import Verb
from router.core.acts.life import Act, Acted, Already, Escalation, Lasts, Move, Refused, Timer, Told
from router.core.acts.permission import Actor
from router.core.view import EntryKind, IncidentView, Phase, Response, State, TimelineEntry
from router.incidents import privacy
from router.incidents.escalate import Rules, go_on, next_now, reach, ring, stop
from router.incidents.suppression import hush_of
from router.runtime.metrics import Metrics
from router.store.evaluation import acts, groups, incidents, messages
from rules.model.route import Loudness, ResolveNote, RouteSettings, Sla, Tell
from rules.model.ruleset import RuleSet

_DECLARE_ANEW = "it was declared by hand and is over; if it is not, declare it anew"


class Answer(msgspec.Struct, frozen=True):
    """To who acted."""

    number: int
    is_done: bool
    """False: there was nothing to do, or it cannot be done; `said` is why."""
    said: str
    is_told: bool = False
    """Its thread gets a line of it."""
    is_known: bool = True
    """There is such an incident."""


class Ran(msgspec.Struct, frozen=True):
    """What a step did: how many phases ran out, and when the next one does."""

    over: int
    next_due: datetime | None


def act(
    conn: Connection, number: int, wanted: Act, now: datetime, rules: Rules, metrics: Metrics, *, key: str = ""
) -> Answer:
    """`key`: what names this act wherever it comes from; "" of what nobody can send twice."""
    if key and (before := acts.answered(conn, key)) is not None:
        return msgspec.json.decode(before, type=Answer)
    answer = _act(conn, number, wanted, now, rules, metrics)
    if key:
        written = msgspec.json.encode(answer).decode()
        acts.keep(conn, key, incident=number, verb=wanted.verb.value, by=wanted.by, at=now, answer=written)
    return answer


def acknowledged_by_sender(
    conn: Connection,
    source: str,
    namespace: str,
    word: Acknowledgement,
    now: datetime,
    rules: Rules,
    metrics: Metrics,
) -> bool:
    """A sender says that somebody has one of its alerts in hand: an act of that source on the incidents that were told with
    it. Whether anything came of it. Where it says when, what it sends again is the same act."""
    by = f"{source}: {word.by}" if word.by else source
    done = False
    for number in incidents.of_alert(conn, namespace, word.fingerprint):
        at = word.starts_at
        key = "" if at is None else f"{namespace}/{word.fingerprint}/{number}/{at.isoformat()}/{word.by}"
        answer = act(conn, number, Act(Verb.ACKNOWLEDGE, by=by, actor=None), now, rules, metrics, key=key)
        done = done or answer.is_done
    return done


def step(conn: Connection, now: datetime, rules: Rules, metrics: Metrics) -> Ran:
    """Phases that have lasted as long as they may."""
    numbers = incidents.run_out(conn, now)
    for number in numbers:
        phase = incidents.get(conn, number).response.phase
        _act(conn, number, Act(life.RUNS_OUT[phase]), now, rules, metrics)
    late = incidents.limits_due(conn, now)
    for number in late:
        _ask_of_limit(conn, number, now, rules, metrics)
    waits = [at for at in (incidents.next_runs_out(conn), incidents.next_limit(conn)) if at is not None]
    return Ran(len(numbers) + len(late), min(waits, default=None))


def _ask_of_limit(conn: Connection, number: int, now: datetime, rules: Rules, metrics: Metrics) -> None:
    """Whether what its route gives a time for was done in it. Where the route has no such limit any more nothing is asked."""
    current = incidents.get(conn, number)
    group = groups.find(conn, current.group_id)
    sla = None if group is None else group.settings.sla
    for at, timer in life.limits(sla, current.opened_at, current.standing.state, current.response):
        if at <= now:
            answer = _act(conn, number, Act(timer), now, rules, metrics)
            metrics.add("alert_router_sla", (life.LIMITS[timer].value, "missed" if answer.is_done else "met"))
            current = incidents.get(conn, number)
            if not answer.is_done:
                met = life.in_time(current.response, timer)
                view = msgspec.structs.replace(current.view, response=met)
                incidents.respond(conn, number, view, noticed_at=None)
    current = incidents.get(conn, number)
    await_limits(conn, number, sla, current.opened_at, current.view)


def await_limits(conn: Connection, number: int, sla: Sla | None, opened_at: datetime, view: IncidentView) -> None:
    """What has changed in an incident may let a limit wait, or end its waiting."""
    coming = life.limits(sla, opened_at, view.state, view.response)
    incidents.ask_of_limits(conn, number, coming[0][0] if coming else None)


def obstacle(conn: Connection, number: int, verb: Verb, actor: Actor, rules: RuleSet) -> Answer | None:
    """Why there is nothing to ask about an act before somebody fills anything in; None: it can be done."""
    current = privacy.find(conn, number, rules, actor)
    if current is None:
        return _unknown(number)
    actions = privacy.settings_of(groups.find(conn, current.group_id), current, rules).actions
    why = permission.refusal(actor, verb.value, actions, rules.holders)
    why = why or life.obstacle(current.standing.state, current.response, verb)
    return Answer(number, is_done=False, said=why) if why else None


def _unknown(number: int) -> Answer:
    """The same of one that is none of somebody's business."""
    return Answer(number, is_done=False, said=f"there is no incident #{number}", is_known=False)


def _act(conn: Connection, number: int, wanted: Act, now: datetime, rules: Rules, metrics: Metrics) -> Answer:
    actor = None if isinstance(wanted.verb, Timer) else wanted.actor
    current = incidents.find(conn, number)
    if current is None:
        return _unknown(number)
    group = groups.find(conn, current.group_id)
    settings = privacy.settings_of(group, current, rules.ruleset)
    if not privacy.sees(conn, current, settings, actor):
        return _unknown(number)
    if why := permission.refusal(actor, wanted.verb.value, settings.actions, rules.ruleset.holders):
        metrics.add("alert_router_acts", (wanted.verb.value, "forbidden"))
        return Answer(number, is_done=False, said=why)
    lasts = Lasts(settings.acknowledge_within, settings.reopen_closed_after)
    is_declared = group is not None and group.is_declared
    needs_note = settings.resolve_note is ResolveNote.REQUIRED
    decided = life.decide(current.standing.state, current.response, wanted, now, lasts, needs_note=needs_note)
    match decided:
        case Already(said) | Refused(said):
            metrics.add("alert_router_acts", (wanted.verb.value, "idle" if isinstance(decided, Already) else "refused"))
            if wanted.verb is Verb.REOPEN and is_declared and isinstance(decided, Refused):
                said = _DECLARE_ANEW
            return Answer(number, is_done=False, said=said)
        case Acted(response, move) if move.escalation is Escalation.REACHES:
            answer = _reach(conn, current, wanted, response, move, now, rules, metrics)
            metrics.add("alert_router_acts", (wanted.verb.value, "done" if answer.is_done else "idle"))
            return answer
        case Acted():
            metrics.add("alert_router_acts", (wanted.verb.value, "done"))
            is_told = _carry_out(conn, current, wanted, decided, settings, now, rules, is_declared=is_declared)
            # The repeat clock, a severity that was set: what follows is evaluation's.
            groups.make_due(conn, now, [current.group_id])
            return Answer(number, is_done=True, said=_said(decided.move.kind), is_told=is_told)
        case never:
            assert_never(never)


def _reach(
    conn: Connection,
    current: incidents.Incident,
    wanted: Act,
    response: Response,
    move: Move,
    now: datetime,
    rules: Rules,
    metrics: Metrics,
) -> Answer:
    """Whom somebody names, or the next step, whatever phase it is in: who asks for help gets it. The timeline is written by
    whoever reaches them."""
    number = current.number
    if move.kind is EntryKind.ESCALATED and not wanted.pages:
        reached = next_now(conn, number, now, rules, metrics, by=wanted.by, via=wanted.via)
        said = f"escalated to {', '.join(reached.names)}" if reached.names else f"nobody was reached: {reached.why}"
        return Answer(number, is_done=bool(reached.names), said=said)
    known = current.response.responders if move.kind is EntryKind.RESPONDER_ADDED else ()
    new = [page for page in dict.fromkeys(wanted.pages) if page.target not in known]
    found = [
        reach(conn, number, page, now, rules, metrics, by=wanted.by, via=wanted.via, asked=move.kind) for page in new
    ]
    names = tuple(dict.fromkeys(name for one in found for name in one.names))
    why = "; ".join(one.why for one in found if one.why)
    if not names:
        return Answer(number, is_done=False, said=why)
    if move.kind is EntryKind.RESPONDER_ADDED:
        view = incidents.get(conn, number).view
        there = tuple(name for name in response.responders if name in {*known, *names})
        with_them = msgspec.structs.replace(response, responders=there)
        incidents.respond(conn, number, msgspec.structs.replace(view, response=with_them), noticed_at=None)
        messages.raise_versions(conn, number, rank=view.severity.rank, tells_end=False, now=now)
    said = f"{'escalated to' if move.kind is EntryKind.ESCALATED else 'asked to help:'} {', '.join(names)}"
    group = groups.find(conn, current.group_id)
    has_line = group is not None and _loudness(group.settings.tell, move.told).has_line
    return Answer(number, is_done=True, said=f"{said}; {why}" if why else said, is_told=has_line)


def _carry_out(
    conn: Connection,
    current: incidents.Incident,
    wanted: Act,
    decided: Acted,
    settings: RouteSettings,
    now: datetime,
    rules: Rules,
    *,
    is_declared: bool,
) -> bool:
    """Whether its thread gets a line of it."""
    number, move = current.number, decided.move
    how_loud = _loudness(settings.tell, move.told)
    view = _view(current.view, decided, settings)
    is_limit = move.told is Told.SLA
    lasted = now - view.started_at if current.standing.state is State.TRIGGERED else None
    if is_limit and settings.sla is not None:
        lasted = settings.sla.acknowledge if move.kind is EntryKind.SLA_ACKNOWLEDGE else settings.sla.resolve
    was, became = life.changed(current.view, view)
    entry = TimelineEntry(
        seq=0,
        at=now,
        kind=move.kind,
        firing=0 if is_declared and move.kind is EntryKind.CLOSED else view.firing,  # it ends with that
        severity=wanted.severity if move.kind is EntryKind.SEVERITY_SET else None,
        lasted=lasted,
        by="" if is_limit else wanted.by or current.response.by,
        via=wanted.via,
        before=was,
        after=became,
        until=decided.response.until if move.to is not None else None,
        people=wanted.people,
        detail=wanted.note,
    )
    say_at = now if how_loud.has_line else None
    # What runs out by itself makes no sound while nothing of the incident may; what people do, they do aloud.
    hush = hush_of(conn, current.group_id, now, rules.suppressors) if move.rings else None
    is_broadcast = how_loud is Loudness.CHANNEL and hush is None
    seq = incidents.add(conn, number, entry, say_at=say_at, is_broadcast=is_broadcast)
    incidents.respond(conn, number, view, noticed_at=say_at)
    if settings.sla is not None:
        await_limits(conn, number, settings.sla, current.opened_at, view)
    rank = view.severity.rank
    messages.raise_versions(conn, number, rank=rank, tells_end=view.state is State.RESOLVED, now=now)
    if messages.told_as(view.response.phase) is not messages.told_as(current.response.phase):
        messages.tell_phase(conn, number, view.response.phase)
    paged = messages.people_paged(conn, number)
    if move.rings and how_loud is not Loudness.NONE:
        # Of a limit who works on it hears, and nobody beside them.
        heard = [
            one for one in paged if not is_limit or view.response.phase is Phase.OPEN or one[2] == view.response.by
        ]
        ring(conn, number, seq, rank=rank, paged=heard, now=now, hush=hush)
    match move.escalation:
        case Escalation.STOPS:
            stop(conn, number)
        case Escalation.GOES_ON:
            # Who is told by a timer has just been rung, unless the acknowledgement overtook every page; of what somebody
            # lets go of nobody was.
            at_once = wanted.verb is Verb.UNACKNOWLEDGE or (move.rings and not paged)
            go_on(conn, number, now, rules, at_once=at_once)
        case Escalation.AS_IT_WAS:
            pass
    return how_loud.has_line


def _view(before: IncidentView, decided: Acted, settings: RouteSettings) -> IncidentView:
    severity = decided.response.severity or settings.severity or before.severity
    worst = max(severity, before.worst or before.severity, key=lambda one: one.rank)
    return msgspec.structs.replace(before, response=decided.response, severity=severity, worst=worst)


def _loudness(tell: Tell, told: Told) -> Loudness:
    match told:
        case Told.ACKNOWLEDGED:
            return tell.acknowledged
        case Told.NOTE:
            return tell.note
        case Told.RESOLVED:
            return tell.resolved
        case Told.REOPENED:
            return tell.reopened
        case Told.ESCALATED:
            return tell.escalated
        case Told.SLA:
            return tell.sla
        case never:
            assert_never(never)


def _said(kind: EntryKind) -> str:
    return kind.value.replace("_", " ")
