"""`/incidents/{number}`: what an incident is, what happened to it, who was told what. "Why am I seeing this" leads here."""

import html
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import msgspec
from aiohttp import web

from router.core.render.headline import acted_by, person
from router.core.render.thread import thread_reply
from router.core.view import IncidentView, Limit, Phase, State, Suppressed
from router.http.access import VISITOR, Access, Endpoint
from router.http.api import checked, instant
from router.http.parameters import Parameters, cursor
from router.http.people.acting import OFFERED, forms
from router.http.problem import problem
from router.http.service import Service, Visitor
from router.incidents import privacy
from router.incidents.suppression import suppressor_words
from router.store import read
from router.store.evaluation import groups, incidents
from router.store.evaluation.incidents import Incident, TimelineLine
from rules.model.escalation_rounds import upcoming
from rules.model.route import Sla
from rules.model.ruleset import RuleSet
from rules.model.suppression import SuppressionKind, SuppressorsInForce, page_suppression

ALERTS = 100
"""On one page."""
_LARGEST = (1 << 63) - 1
_LISTED = 100
_ENTRIES = 200
"""Of the timeline, the newest."""
_UNTIL_INHIBITOR_ENDS = "until the inhibitor ends"


class Held(msgspec.Struct, frozen=True):
    """A page that waits, in words."""

    who: str
    """As "alice, bob", or why it is nobody."""
    why: str
    """What it waits for, as "quiet nights"; "" when only for its first step's time."""


def held_page(rules: RuleSet, pending: read.PendingPage, now: datetime) -> Held:
    """Who would be paged when its time comes, and what keeps it until then."""
    reached = upcoming(rules, pending.page, pending.position, now)
    hold = page_suppression(pending.page, now)
    return Held(", ".join(reached.names) or reached.why, "" if hold is None else f"{hold.kind.value} {hold.name}")


class _Facts(msgspec.Struct, frozen=True):
    """All that the page shows, read at one time."""

    incident: Incident
    alerts: Sequence[read.AlertRow]
    following: str | None
    """Where the next alerts begin."""
    pending: read.PendingPage | None
    timeline: Sequence[TimelineLine]
    messages: Sequence[read.MessageRow]
    sla: Sla | None


class IncidentPage:
    """One page an incident, readable without scripts."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Endpoint]:
        return [
            Endpoint("GET", r"/incidents/{number:\d{1,19}}", checked(self._page), Access.READ, is_for_people=True),
            Endpoint("GET", "/incident.css", self._style, Access.READ, is_for_people=True),
            Endpoint("GET", "/me", self._me, Access.PERSON),
        ]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        asked = Parameters(request, ("after",))
        after = asked.after(int)
        asked.done()
        ask, visitor = self._service.engine.database.read, _visitor(request)
        rules, actor = self._service.engine.ruleset, None if visitor is None else visitor.actor
        found = None
        if number <= _LARGEST:
            found = await ask(partial(privacy.find, number=number, rules=rules, actor=actor))
        if found is None:
            return problem(
                404, f"there is no incident #{number}", expected="a number from a message, or from /api/incidents"
            )
        alerts, following = await ask(partial(read.alerts, firing=None, after=after, limit=ALERTS, of_incident=number))
        group = await ask(partial(groups.find, number=found.group_id))
        messages, _ = await ask(partial(read.messages, owed=None, incident=number, after=None, limit=100))
        facts = _Facts(
            found,
            alerts,
            cursor(following),
            await ask(partial(read.pending_page_of, number=number)),
            await ask(partial(incidents.entries, number=number, after=max(found.seq - _ENTRIES, 0))),
            messages,
            None if group is None else group.settings.sla,
        )
        now = self._service.clock.now()
        in_force = self._service.engine.silences.at(now)
        acts = "" if visitor is None else await self._acts(number, visitor)
        return web.Response(text=_html(facts, rules, in_force, now, acts), content_type="text/html")

    async def _acts(self, number: int, visitor: Visitor) -> str:
        """What this person can do now."""
        engine = self._service.engine
        refused = [await engine.obstacle(number, verb, visitor.actor) for verb in OFFERED]
        can = [verb for verb, why in zip(OFFERED, refused, strict=True) if why is None]
        return forms(number, can, visitor, engine.new_id)

    async def _me(self, request: web.Request) -> web.StreamResponse:
        """What is open, for somebody who is signed in as themselves."""
        visitor, rules = _visitor(request), self._service.engine.ruleset
        actor = None if visitor is None else visitor.actor
        look = partial(privacy.open_views, rules=rules, actor=actor, most=_LISTED)
        views, _ = await self._service.engine.database.read(look)
        rows = "".join(
            f'<li><a href="/incidents/{one.number}">#{one.number}</a> <b>{one.severity.value.upper()}</b> '
            f"{html.escape(one.title[:200])} · {html.escape(_in_hand(one))}</li>"
            for one in views
        )
        name = "" if visitor is None else html.escape(visitor.name)
        text = f"{_head('Open incidents')}<h1>Open incidents</h1><p>You are {name}.</p><ul>{rows or '<li>none</li>'}</ul>{_FOOT}"
        return web.Response(text=text, content_type="text/html")

    async def _style(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text=_CSS, content_type="text/css")


def _visitor(request: web.Request) -> Visitor | None:
    return request.get(VISITOR)


def _head(title: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/incident.css"></head>'
        "<body><main>"
    )


_FOOT = "</main></body></html>"


def _html(facts: _Facts, rules: RuleSet, in_force: SuppressorsInForce, now: datetime, acts: str) -> str:
    """`acts`: what whoever looks can do, where they are signed in as themselves."""
    found, view = facts.incident, facts.incident.view
    said = {
        "State": found.standing.state.value + (f", {found.ended_how.value}" if found.ended_how else ""),
        "In hand": _in_hand(view),
        **_limits(found, facts.sla),
        "Severity": view.severity.value,
        "Route": f"{view.route}: the first of the rules that matches owns an alert",
        "Group": ", ".join(f"{name} = {value}" for name, value in view.group_labels.items())
        or "one group for the whole route",
        "Source": ", ".join(view.sources),
        "Began": instant(view.started_at),
        "Ended": instant(view.ended_at) if view.ended_at else "not yet",
        "Alerts": f"{view.firing} firing, {view.ended} ended",
        "On call": ", ".join(view.on_call) or "nobody was paged",
        "Will be paged": _pending(facts.pending, rules, now),
        "Held back": "; ".join(_held_back(one, rules) for one in view.suppressed) or "nothing",
    }
    heading = f"#{found.number} {html.escape(view.title[:200])}"
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in said.items())
    alerts = "".join(_alert(one, found.number, in_force) for one in facts.alerts)
    more = "" if facts.following is None else f'<p><a href="?after={facts.following}">More alerts</a></p>'
    lines = "".join(_line(one, view) for one in facts.timeline)
    told = "".join(map(_message, facts.messages)) or "<li>nobody: the route says channel: none</li>"
    return (
        f"{_head(heading)}<h1>{heading}</h1>{acts}<h2>Why you see this</h2><dl>{rows}</dl>"
        f'<h2 id="alerts">Alerts in it now</h2><ul>{alerts or "<li>none</li>"}</ul>{more}'
        f"<h2>What happened</h2><ol>{lines}</ol><h2>Who is told</h2><ul>{told}</ul>"
        f"{_ALL_OF_A_PERSON if acts else _ALL}{_FOOT}"
    )


def _in_hand(view: IncidentView) -> str:
    """Who has it, since when, and how long that lasts."""
    response = view.response
    facts = [] if response.phase is Phase.OPEN else [f"{response.phase.value}{acted_by(response.by)}"]
    facts += [f"since {instant(response.at)}"] if response.at else []
    facts += [f"until {instant(response.until)}"] if response.until and view.state is State.TRIGGERED else []
    facts += [f"assigned to {', '.join(map(person, response.assigned))}"] if response.assigned else []
    facts += [f"responders: {', '.join(map(person, response.responders))}"] if response.responders else []
    return ", ".join(facts) or "nobody has acknowledged it"


def _limits(found: Incident, sla: Sla | None) -> dict[str, str]:
    """What its route gives a time for, until when, and whether it was done."""
    if sla is None:
        return {}
    response, lines = found.response, []
    for limit, span in ((Limit.ACKNOWLEDGE, sla.acknowledge), (Limit.RESOLVE, sla.resolve)):
        if span is not None:
            how = "missed" if limit in response.missed else "kept" if limit in response.met else ""
            lines.append(f"{limit.value} by {instant(found.opened_at + span)}{f': {how}' if how else ''}")
    return {"Time limits": "; ".join(lines)}


def _pending(pending: read.PendingPage | None, rules: RuleSet, now: datetime) -> str:
    if pending is None:
        return "nobody"
    held = held_page(rules, pending, now)
    when = f"at {instant(pending.due_at)}" if pending.due_at else "not before the rules change"
    return f"{held.who}, {when}" + (f" (held back: {held.why})" if held.why else "")


def _held_back(one: Suppressed, rules: RuleSet) -> str:
    until = f", until {instant(one.until)}" if one.until else ""
    if one.until is None and any(rule.name == one.by for rule in rules.inhibit):
        until = f", {_UNTIL_INHIBITOR_ENDS}"
    return f"{one.count} ({'silenced ' if one.is_silence else ''}{one.by}{until})"


def _alert(row: read.AlertRow, number: int, in_force: SuppressorsInForce) -> str:
    here = next((group for group in row.groups if group.incident == number), None)
    facts = [f"since {instant(row.starts_at)}"]
    if row.ends_at is not None:
        facts.append(f"ended {instant(row.ends_at)} ({row.ended_how})")
    if here is not None and here.suppressed_by is not None:
        by, name = here.suppressed_by.split(" ", 1)
        until = f", {_UNTIL_INHIBITOR_ENDS}" if by == SuppressionKind.INHIBITION else ""
        if (one := in_force.get((by, name))) is not None and one.ends is not None:
            until = f", until {instant(one.ends)}"
        facts.append(f"held back: {suppressor_words(here.suppressed_by, in_force)}{until}")
    elif here is not None and not here.told:
        facts.append("not told yet")
    labels = " ".join(f"{name}={value}" for name, value in sorted(row.labels.items()))[:500]
    return (
        f"<li><b>{html.escape(row.severity.upper())}</b> {html.escape(row.title[:200])} "
        f"<code>{html.escape(labels)}</code> {html.escape(' · '.join(facts))}</li>"
    )


def _line(one: TimelineLine, view: IncidentView) -> str:
    what = thread_reply([one.entry], view).text.partition(": ")[2] or one.entry.kind.value
    heard = " <b>(heard in the channel)</b>" if one.is_broadcast else ""
    how = [f"by {one.entry.via}"] if one.entry.via else []
    how += (
        [f"{one.entry.before or 'nobody'} → {one.entry.after or 'nobody'}"]
        if one.entry.before != one.entry.after
        else []
    )
    changed = f" <small>({html.escape(', '.join(how))})</small>" if how else ""
    return f"<li><time>{instant(one.entry.at)}</time> {html.escape(html.unescape(what))}{changed}{heard}</li>"


def _message(row: read.MessageRow) -> str:
    state = "owed" if row.owed else "told"
    at = f" {instant(row.notified_at)}" if row.notified_at else ""
    error = f" · {html.escape(row.last_error)}" if row.last_error else ""
    return f"<li><b>{html.escape(row.person or row.target)}</b> {state}{at}{error}</li>"


_ALL, _ALL_OF_A_PERSON = '<p><a href="/">All messages</a></p>', '<p><a href="/me">Open incidents</a></p>'
_CSS = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; } dt { opacity: .75; } dd { margin: 0; }
time { font-variant-numeric: tabular-nums; opacity: .75; }
.acts form { margin: .5rem 0; } .acts button, .acts select, .acts textarea { font: inherit; padding: .6rem 1rem; min-height: 2.75rem; }
.acts textarea { display: block; width: 100%; box-sizing: border-box; margin-bottom: .25rem; } .acts .out { display: inline; }
.acts .out button { padding: 0 .5rem; min-height: 0; } [role=alert] { color: #b3261e; }
"""
