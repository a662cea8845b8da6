"""The read API: alerts, incidents and messages, paged by cursor. Shapes only; what is asked is in `store/read.py`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec
from aiohttp import web

from router.core.view import State
from router.http.access import Access, Endpoint, Handler
from router.http.parameters import ParameterError, Parameters, cursor
from router.http.service import Service
from router.store import read

_encode = msgspec.json.Encoder().encode

ALERT_STATES: Mapping[str, bool | None] = {"firing": True, "resolved": False, "all": None}
INCIDENT_STATES: Mapping[str, str | None] = {
    "open": "open",
    **{state.value: state.value for state in State},
    "all": None,
}
MESSAGE_STATES: Mapping[str, bool | None] = {"owed": True, "told": False, "all": None}


class Api:
    """GET only."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/api/alerts", checked(self._alerts), Access.READ),
            Endpoint("GET", "/api/incidents", checked(self._incidents), Access.READ),
            Endpoint("GET", "/api/timeline", checked(self._timeline), Access.READ),
            Endpoint("GET", "/api/messages", checked(self._messages), Access.READ),
        ]

    async def _alerts(self, request: web.Request) -> web.StreamResponse:
        asked = Parameters(request, ("state", "incident", "limit", "after"))
        firing, limit, after = asked.one_of("state", ALERT_STATES, "all"), asked.limit(), asked.after(int)
        number = asked.number("incident")
        asked.done()
        call = partial(read.alerts, firing=firing, after=after, limit=limit, of_incident=number)
        rows, following = await self._service.engine.database.read(call)
        return page("alerts", rows, cursor(following))

    async def _incidents(self, request: web.Request) -> web.StreamResponse:
        asked = Parameters(request, ("state", "limit", "after"))
        state, limit, after = asked.one_of("state", INCIDENT_STATES, "all"), asked.limit(), asked.after(int)
        asked.done()
        call = partial(read.incidents, state=state, after=after, limit=limit)
        rows, following = await self._service.engine.database.read(call)
        return page("incidents", rows, cursor(following))

    async def _timeline(self, request: web.Request) -> web.StreamResponse:
        asked = Parameters(request, ("incident", "limit", "after"))
        number, limit, after = asked.required("incident"), asked.limit(), asked.after(int)
        asked.done()
        rows, following = await self._service.engine.database.read(
            partial(read.timeline_of, number=number, after=after or 0, limit=limit)
        )
        return page("timeline", rows, cursor(following))

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        asked = Parameters(request, ("state", "incident", "limit", "after"))
        owed, limit, after = asked.one_of("state", MESSAGE_STATES, "all"), asked.limit(), asked.after(int)
        incident = asked.number("incident")
        asked.done()
        call = partial(read.messages, owed=owed, incident=incident, after=after, limit=limit)
        rows, following = await self._service.engine.database.read(call)
        return page("messages", rows, cursor(following))


def checked(handler: Handler) -> Handler:
    """The handler, whose query may be one that is not understood."""

    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ParameterError as error:
            return error.response

    return answered


def page(name: str, rows: Sequence[msgspec.Struct], following: str | None) -> web.Response:
    """{name: [...], "next": …}"""
    body = _encode({name: [as_json(row) for row in rows], "next": following})
    return web.Response(body=body, content_type="application/json")


def as_json(row: msgspec.Struct) -> dict[str, object]:
    """A row as it is shown: instants as RFC 3339 UTC with milliseconds."""
    fields = ((name, getattr(row, name)) for name in row.__struct_fields__)
    return {name: instant(value) if isinstance(value, datetime) else value for name, value in fields}


def instant(at: datetime) -> str:
    """2026-12-01T20:00:00.000Z"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
