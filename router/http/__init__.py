"""aiohttp routes only: bytes in, a verb called, bytes out. Each route declares who may ask; one that does not is refused."""

import logging
from collections.abc import Iterable

from aiohttp import web

from router.http.access import Access, Endpoint, Guard, Handler
from router.http.api import Api
from router.http.incident_page import IncidentPage
from router.http.ops import Ops
from router.http.people.acting import Acting
from router.http.people.personal_link import PersonalLink
from router.http.people.sign_in import SignIn
from router.http.people.with_slack import WithSlack
from router.http.preview.routes import PreviewRoutes
from router.http.problem import problem
from router.http.service import Service
from router.http.silences import SilenceRoutes
from router.http.slack_routes import SlackRoutes
from router.http.webhooks import Webhooks

log = logging.getLogger(__name__)

DECLARED = web.AppKey("DECLARED", dict[Handler, Access])
"""What the router calls -> who may ask."""


def application(service: Service) -> web.Application:
    """All of them; the hot ones first."""
    guard = Guard(service)
    parts = (
        Webhooks(service),
        Ops(service),
        Api(service),
        IncidentPage(service),
        SilenceRoutes(service),
        PreviewRoutes(service),
        SignIn(service, guard),
        PersonalLink(service, guard),
        WithSlack(service),
        Acting(service, service.acted),
        SlackRoutes(service),
    )
    return assembled(guard, [route for part in parts for route in part.routes()])


def assembled(guard: Guard, routes: Iterable[Endpoint | web.RouteDef]) -> web.Application:
    """One of aiohttp's own route definitions does not say who may ask: it is there, and refused to everybody. What gets
    into the router without being declared at all keeps it from starting."""
    made = web.Application(client_max_size=64 * 1024 * 1024)
    made[DECLARED] = declared = {}
    for route in routes:
        handler: Handler
        if isinstance(route, Endpoint):
            handler = guard.guarded(route)
            declared[handler] = route.access
        else:
            log.error("a route does not declare who may ask for it: it is refused", extra={"path": route.path})
            handler = _refused
            declared[handler] = Access.ADMIN
        made.add_routes([web.route(route.method, route.path, handler)])
    made.on_startup.append(_all_declared)
    return made


async def _refused(_: web.Request) -> web.StreamResponse:
    return problem(403, "nothing says who may ask for this", expected="a route that declares its access")


async def _all_declared(made: web.Application) -> None:
    for route in made.router.routes():
        if route.handler not in made[DECLARED]:
            path = "" if route.resource is None else route.resource.canonical
            raise RuntimeError(f"{route.method} {path} does not declare who may ask for it")
