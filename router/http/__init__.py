"""aiohttp routes only: bytes in, a verb called, bytes out."""

from aiohttp import web

from router.http.access import Access
from router.http.api import Api
from router.http.incident_page import IncidentPage
from router.http.ops import Ops
from router.http.preview_routes import PreviewRoutes
from router.http.service import Service
from router.http.webhooks import Webhooks


def routes(service: Service) -> list[web.RouteDef]:
    """All of them; the hot ones first."""
    parts = (
        Webhooks(service),
        Ops(service),
        Api(service),
        IncidentPage(service),
        PreviewRoutes(service),
        Access(service),
    )
    return [route for part in parts for route in part.routes()]
