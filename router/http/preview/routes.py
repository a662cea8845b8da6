"""`/preview` and what it polls, and `/`, where a newcomer lands. Puts the store's rows into the page's shapes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import msgspec
from aiohttp import web

from router.core.recipient import target_of, webhook_notifier
from router.http.access import Access, Endpoint
from router.http.incident_page import held_page
from router.http.preview.acting import Acting
from router.http.preview.page import (
    ASSETS,
    CONTENT_SECURITY_POLICY,
    Seen,
    Waiting,
    Why,
    preview_asset,
    preview_html,
    preview_json,
)
from router.http.problem import problem
from router.http.service import Service
from router.incidents.suppression import suppressor_words
from router.notifiers.preview.preview import PreviewMessage
from router.store import read
from router.store.delivery import preview
from rules.model.configuration import PreviewSettings
from rules.model.escalation_rounds import upcoming
from rules.model.ruleset import RuleSet
from rules.model.suppression import SuppressionKind, SuppressorsInForce

SHOWN = 500
"""Messages, the newest: beyond that a page is no preview."""
_HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
_decode = msgspec.json.Decoder(PreviewMessage).decode


class PreviewRoutes:
    """The page, its files and its data."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._acting = None if service.preview is None else Acting(service.preview, service.clock)

    def routes(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/", self._index, Access.READ),
            Endpoint("GET", "/preview", self._page, Access.READ),
            Endpoint("GET", "/preview/data.json", self._data, Access.READ),
            Endpoint("GET", "/preview/{asset}", self._asset, Access.READ),
            # Whoever sees the page may play any part in it: what is done here reaches nobody else.
            Endpoint("POST", "/preview/act", self._act, Access.READ),
        ]

    async def _index(self, _: web.Request) -> web.StreamResponse:
        if self._is_on:
            return web.Response(status=302, headers={"Location": "/preview"})
        return web.Response(text=_INDEX, content_type="text/html")

    async def _page(self, _: web.Request) -> web.StreamResponse:
        if not self._is_on:
            return _absent()
        return web.Response(text=preview_html(), content_type="text/html", headers=_HEADERS)

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["asset"]
        body = preview_asset(name) if self._is_on else None
        if body is None:
            return _absent()
        return web.Response(body=body, content_type=ASSETS[name], charset="utf-8", headers=_HEADERS)

    async def _act(self, request: web.Request) -> web.StreamResponse:
        if self._acting is None or not self._is_on:
            return _absent()
        return await self._acting.act(request)

    async def _data(self, request: web.Request) -> web.StreamResponse:
        if not self._is_on:
            return _absent()
        ask = self._service.engine.database.read
        messages = [_decode(document) for document in _newest(await ask(partial(preview.rows, most=SHOWN)))]
        in_force = self._service.engine.silences.at(self._service.clock.now())
        waiting = [_waiting(one, in_force) for one in await ask(read.waiting)]
        rules, now = self._service.engine.ruleset, self._service.clock.now()
        waiting += [one for page in await ask(read.pending_pages) for one in _pages(page, rules, now)]
        numbers = sorted({row.incident for row in messages if row.incident})
        routes, said = (
            await ask(partial(read.routes_of, numbers=numbers)),
            await ask(partial(read.said, numbers=numbers)),
        )
        body = preview_json(
            messages,
            waiting,
            now=now,
            why={row.delivery_id: _why(row, routes, said) for row in messages if row.incident},
            channels=rules.channels,
            people=() if self._service.preview is None else self._service.preview.workspace.members,
            seen=self._seen(request.query.get("as", "")),
        )
        return web.Response(body=body, content_type="application/json", headers=_HEADERS)

    def _seen(self, person: str) -> Seen:
        if self._service.preview is None:
            return Seen()
        workspace = self._service.preview.workspace
        return Seen(workspace.view_of(person), tuple(workspace.words_of(person)))

    @property
    def _is_on(self) -> bool:
        return isinstance(self._service.configuration.slack, PreviewSettings)


def _absent() -> web.Response:
    return problem(
        404, "there is no preview here: messages go to Slack", expected="`slack: preview` in the configuration"
    )


def _waiting(one: read.WaitingRow, in_force: SuppressorsInForce) -> Waiting:
    by = one.suppressed_by
    why = "group_wait" if by is None else f"held back: {suppressor_words(by, in_force)}"
    if one.suppressed_by is not None and one.suppressed_by.partition(" ")[0] == SuppressionKind.INHIBITION:
        # When its group is looked at next has nothing to do with when it is told.
        return Waiting(one.route, one.count, one.title, None, why, one.channel, "when the inhibitor ends")
    return Waiting(one.route, one.count, one.title, one.due_at, why, one.channel)


def _pages(one: read.PendingPage, rules: RuleSet, now: datetime) -> list[Waiting]:
    """An entry for each who will be paged; one without a conversation where that is nobody."""
    held = held_page(rules, one, now)
    why = f"page of {held.who}" + (f", held back: {held.why}" if held.why else "")
    reached = upcoming(rules, one.page, one.position, now)
    channels = (*reached.channels, *reached.groups)
    targets = (*map(target_of, reached.persons), *channels, *map(webhook_notifier, reached.webhooks))
    return [Waiting(one.route, one.firing, one.title, one.due_at, why, target) for target in targets or ("",)]


def _newest(documents: Sequence[str]) -> list[str]:
    """As many of the last as a page has room for."""
    kept: list[str] = []
    room = read.PAGE_BYTES
    for document in reversed(documents):
        room -= len(document.encode())
        if kept and room < 0:
            break
        kept.append(document)
    return kept[::-1]


def _why(row: PreviewMessage, routes: Mapping[int, str], said: Mapping[int, list[tuple[datetime, str]]]) -> Why:
    """Why a message is there: of a reply the last entry that its thread was given before it."""
    reason = "page" if row.channel.startswith("D") else "first"
    if row.thread_ts:
        before = [kind for at, kind in said.get(row.incident, ()) if at <= row.posted_at]
        reason = before[-1].replace("_", " ") if before else "thread"
    return Why(reason, routes.get(row.incident, ""), row.incident)


_INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>alert-router</title><link rel="stylesheet" href="/sign-in.css"></head>
<body><main><h1>alert-router</h1><ul>
<li><a href="/api/incidents?state=open">Open incidents</a></li>
<li><a href="/api/alerts?state=firing">Firing alerts</a></li>
<li><a href="/api/messages?state=owed">Messages that are owed</a></li>
<li><a href="/readyz">Readiness</a></li>
<li><a href="/metrics">Metrics</a></li>
</ul><form method="post" action="/sign-out"><button>Sign out</button></form></main></body></html>
"""
