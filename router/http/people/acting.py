"""What somebody does with an incident on its page, signed in as themselves: `POST /incidents/{number}/act`. As Slack's buttons do,
by `Engine.act`: who may is asked there."""

import hmac
import html
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.http.access import VISITOR, Access, Endpoint
from router.http.people.forms import FORM, read_form
from router.http.problem import problem
from router.http.service import Service, Visitor

LONGEST_NOTE: Final = 3_000
LARGEST_NUMBER: Final = (1 << 63) - 1
SNOOZES: Final[Mapping[str, timedelta]] = {
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "12h": timedelta(hours=12),
}
_NOTE = '<textarea name="note" rows="2" aria-label="{label}" placeholder="{label}" maxlength="3000"{more}></textarea>'
_SPANS = "".join(f"<option>{span}</option>" for span in SNOOZES)
OFFERED: Final[Mapping[Verb, tuple[str, str]]] = {
    Verb.ACKNOWLEDGE: ("Acknowledge", ""),
    Verb.UNACKNOWLEDGE: ("Take the acknowledgement back", ""),
    Verb.RESOLVE: ("Resolve", _NOTE.format(label="What was it?", more="")),
    Verb.REOPEN: ("Reopen", ""),
    Verb.SNOOZE: ("Snooze", f'<select name="for" aria-label="For how long">{_SPANS}</select>'),
    Verb.WAKE: ("End the snooze", ""),
    Verb.ASSIGN: ("Make me responsible", ""),
    Verb.ESCALATE: ("Escalate: next step", ""),
    Verb.NOTE: ("Write down", _NOTE.format(label="A note", more=" required")),
}
"""What the page offers: the button's words, and the fields before it."""


class Acting:
    """What the forms of incidents' pages are posted to."""

    def __init__(self, service: Service, acted: Callable[[], None]) -> None:
        """`acted`: something is to be told."""
        self._service, self._acted = service, acted

    def routes(self) -> list[Endpoint]:
        return [Endpoint("POST", r"/incidents/{number:\d{1,19}}/act", self._act, Access.PERSON)]

    async def _act(self, request: web.Request) -> web.StreamResponse:
        visitor = request[VISITOR]
        form = await read_form(request)
        if form is None:
            return problem(400, "this is not the form of an incident's page", expected=FORM)
        if not hmac.compare_digest(form.get("proof", "").encode(), visitor.form_proof.encode()):
            return problem(
                403, "this was not sent from a page of yours", where="proof", expected="the page, loaded anew"
            )
        number = int(request.match_info["number"])
        wanted = _wanted(form, visitor, self._service.clock.now())
        if isinstance(wanted, str):
            return _not_done(number, wanted, 400)
        if number > LARGEST_NUMBER:
            return _not_done(number, f"there is no incident #{number}", 404)
        # The same form, sent again by an impatient thumb or a browser that goes back, is the same act.
        once = form.get("once", "")[:64]
        key = f"page:{visitor.form_proof[:32]}:{once}" if once else ""
        answer = await self._service.engine.act(number, wanted, key=key)
        if not answer.is_known:
            return _not_done(number, answer.said, 404)
        if not answer.is_done:
            return _not_done(number, answer.said, 409)
        self._acted()
        return web.Response(status=303, headers={"Location": f"/incidents/{number}"})


def _wanted(form: Mapping[str, str], visitor: Visitor, now: datetime) -> Act | str:
    """The act; or what is wrong with the form."""
    verb, note, span = form.get("verb", ""), form.get("note", "").strip(), SNOOZES.get(form.get("for", ""))
    if verb not in {one.value for one in OFFERED}:
        return "this page does not know that button"
    if len(note) > LONGEST_NOTE:
        return f"a note of {len(note):,} characters: {LONGEST_NOTE:,} at most"
    match Verb(verb):
        case Verb.NOTE if not note:
            return "the note is empty"
        case Verb.SNOOZE if span is None:
            return "for how long?"
        case Verb.SNOOZE:
            until = None if span is None else now + span
            return Act(Verb.SNOOZE, by=visitor.name, via="page", until=until, actor=visitor.actor)
        case Verb.ASSIGN:
            return Act(
                Verb.ASSIGN,
                by=visitor.name,
                via="page",
                people=(visitor.actor.person or visitor.name,),
                actor=visitor.actor,
            )
        case other:
            return Act(other, by=visitor.name, via="page", note=note, actor=visitor.actor)


def forms(number: int, verbs: Sequence[Verb], visitor: Visitor, new_id: Callable[[], str]) -> str:
    """As HTML: what somebody can do now. Each has its own key, so that it is done once."""
    shown = "".join(_form(number, verb, visitor, new_id()) for verb in verbs)
    name = html.escape(visitor.name)
    return (
        f'<section class="acts"><p>You are {name}, {visitor.actor.role.value}. '
        f'<form class="out" method="post" action="/sign-out"><button>Sign out</button></form></p>{shown}</section>'
    )


def _form(number: int, verb: Verb, visitor: Visitor, once: str) -> str:
    label, fields = OFFERED[verb]
    hidden = {"verb": verb.value, "proof": visitor.form_proof, "once": once}
    inputs = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in hidden.items()
    )
    return f'<form method="post" action="/incidents/{number}/act">{inputs}{fields}<button>{label}</button></form>'


def _not_done(number: int, why: str, status: int) -> web.Response:
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Nothing was done</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/incident.css">'
        f'</head><body><main><h1>#{number}: nothing was done</h1><p role="alert">{html.escape(why)}</p>'
        f'<p><a href="/incidents/{number}">Back to the incident</a></p></main></body></html>'
    )
    return web.Response(status=status, text=page, content_type="text/html")
