"""`/incidents/{number}`: what an incident is, what happened to it, who was told what. "Why am I seeing this" leads here."""

import html
from functools import partial

from aiohttp import web

from router.core.render.thread import thread_reply
from router.http.access import Access, Level
from router.http.api import as_json, instant
from router.http.problem import problem
from router.http.service import Service
from router.store import read
from router.store.evaluation import incidents

_LARGEST = (1 << 63) - 1


class IncidentPage:
    """One page an incident, readable without scripts."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        guard = Access(self._service).guard
        return [
            web.get(r"/incidents/{number:\d{1,19}}", guard(Level.READ, self._page)),
            web.get("/incident.css", guard(Level.READ, self._style)),
        ]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        ask = self._service.engine.database.read
        found = await ask(partial(incidents.find, number=number)) if number <= _LARGEST else None
        if found is None:
            return problem(
                404, f"there is no incident #{number}", expected="a number from a message, or from /api/incidents"
            )
        said = await ask(partial(incidents.entries, number=number))
        told, _ = await ask(partial(read.messages, owed=None, incident=number, after=None, limit=100))
        view = found.view
        facts = {
            "State": found.standing.state.value + (f", {found.ended_how.value}" if found.ended_how else ""),
            "Severity": view.severity.value,
            "Route": f"{view.route}: the first of the rules that matches owns an alert",
            "Group": ", ".join(f"{name} = {value}" for name, value in view.group_labels.items())
            or "one group for the whole route",
            "Source": ", ".join(view.sources),
            "Began": instant(view.started_at),
            "Ended": instant(view.ended_at) if view.ended_at else "not yet",
            "Alerts": f"{view.firing} firing, {view.ended} ended",
            "On call": ", ".join(view.on_call) or "nobody was paged",
            "Held back": ", ".join(
                f"{one.count} ({one.by}{f', until {instant(one.until)}' if one.until else ''})"
                for one in view.suppressed
            )
            or "nothing",
        }
        timeline = [
            (
                instant(one.entry.at),
                thread_reply([one.entry], view).text.partition(": ")[2] or one.entry.kind.value,
                one.is_broadcast,
            )
            for one in said
        ]
        messages = [as_json(row) for row in told]
        return web.Response(text=_html(number, view.title, facts, timeline, messages), content_type="text/html")

    @staticmethod
    async def _style(_: web.Request) -> web.StreamResponse:
        return web.Response(text=_CSS, content_type="text/css")


def _html(
    number: int,
    title: str,
    facts: dict[str, str],
    timeline: list[tuple[str, str, bool]],
    messages: list[dict[str, object]],
) -> str:
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in facts.items())
    lines = "".join(
        f"<li><time>{html.escape(at)}</time> {html.escape(html.unescape(what))}{' <b>(heard in the channel)</b>' if loud else ''}</li>"
        for at, what, loud in timeline
    )
    told = "".join(
        f"<li><b>{html.escape(str(row['person'] or row['target']))}</b> "
        f"{'owed' if row['owed'] else 'told'}{' ' + html.escape(str(row['notified_at'])) if row['notified_at'] else ''}"
        f"{' · ' + html.escape(str(row['last_error'])) if row['last_error'] else ''}</li>"
        for row in messages
    )
    heading = f"#{number} {html.escape(title[:200])}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{heading}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/incident.css"></head>'
        f"<body><main><h1>{heading}</h1><h2>Why you see this</h2><dl>{rows}</dl>"
        f"<h2>What happened</h2><ol>{lines}</ol><h2>Who is told</h2><ul>{told or '<li>nobody: the route says channel: none</li>'}</ul>"
        '<p><a href="/">All messages</a></p></main></body></html>'
    )


_CSS = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; } dt { opacity: .75; } dd { margin: 0; }
time { font-variant-numeric: tabular-nums; opacity: .75; }
"""
