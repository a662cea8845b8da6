"""`/link/{secret}`: a personal link, which Slack carried to its owner alone. To look at it uses nothing up: whoever previews links for
others only looks. The button below signs in, once."""

import html

from aiohttp import web

from router.http.access import PERSON_COOKIE, Access, Endpoint, Guard
from router.http.problem import problem
from router.http.service import Entered, Service


class PersonalLink:
    """The page, and what its button is posted to."""

    def __init__(self, service: Service, guard: Guard) -> None:
        self._service, self._guard = service, guard

    def routes(self) -> list[Endpoint]:
        address = r"/link/{secret:[A-Za-z0-9_-]{1,100}}"
        return [
            Endpoint("GET", address, self._page, Access.OPEN),
            Endpoint("POST", address, self._enter, Access.OPEN),
        ]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = await self._service.visitors.invited(request.match_info["secret"])
        if not name:
            return _over()
        return simple_page(
            f"<p>Sign in as <b>{html.escape(name)}</b>. Go on only if that is you.</p>"
            '<form method="post"><button>Sign in</button></form>'
        )

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        refusal = self._guard.cross_site(request)
        if refusal is not None:
            return refusal
        if request.can_read_body and (request.content_length or 0) > 0:
            return problem(400, "this form has no fields", expected="the page of the link, and its button")
        entered = await self._service.visitors.enter(request.match_info["secret"])
        if entered is None:
            return _over()
        where = "/me" if entered.incident is None else f"/incidents/{entered.incident}"
        return signed_in(self._service, entered, where)


def signed_in(service: Service, entered: Entered, where: str) -> web.Response:
    """On to a page of ours, with the session's cookie."""
    response = web.Response(status=303, headers={"Location": where})
    response.set_cookie(
        PERSON_COOKIE,
        entered.session,
        max_age=int(entered.lasts.total_seconds()),
        path="/",
        httponly=True,
        # Not Strict: whoever follows a link in Slack would have to sign in again. What changes something is a POST,
        # says where it comes from, and carries a proof that stands in our own pages only.
        samesite="Lax",
        secure=service.configuration.server.external_url.startswith("https://"),
    )
    return response


def _over() -> web.Response:
    return simple_page(
        '<p role="alert">This link was used already, or is older than ten minutes.</p>'
        "<p>Ask for another in Slack: <code>/incident link</code>.</p>",
        status=410,
    )


def simple_page(text: str, *, status: int = 200) -> web.Response:
    """A few words of HTML, as they are."""
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in · alert-router</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/sign-in.css">'
        f"</head><body><main><h1>alert-router</h1>{text}</main></body></html>"
    )
    return web.Response(status=status, text=page, content_type="text/html")
