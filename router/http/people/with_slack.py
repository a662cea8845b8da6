"""Sign in with Slack: `/sign-in/slack` sends a browser there, `/sign-in/slack/callback` is where it comes back with a code.

What was begun in one browser is ended in the same: `state` and `nonce` stand in a cookie of its own.
"""

import base64
import hmac

from aiohttp import web

from router.http.access import Access, Endpoint
from router.http.people.personal_link import signed_in, simple_page
from router.http.people.sign_in import local
from router.http.problem import problem
from router.http.service import Service
from router.runtime.clock import new_secret

BEGUN = "alert_router_sign_in"
BEGUN_FOR_S = 600
_PATH = "/sign-in/slack"


class WithSlack:
    """Both addresses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Endpoint]:
        return [
            Endpoint("GET", _PATH, self._begin, Access.OPEN),
            Endpoint("GET", f"{_PATH}/callback", self._end, Access.OPEN),
        ]

    async def _begin(self, request: web.Request) -> web.StreamResponse:
        state, nonce = new_secret(), new_secret()
        address = self._service.visitors.slack_address(state=state, nonce=nonce)
        if not address:
            return problem(404, "nobody signs in with Slack here", expected="slack: {client: {id: …, secret: …}}")
        response = web.Response(status=303, headers={"Location": address})
        where = base64.urlsafe_b64encode(local(request.query.get("next", "/me")).encode()).decode().rstrip("=")
        response.set_cookie(
            BEGUN,
            f"{state}.{nonce}.{where}",
            max_age=BEGUN_FOR_S,
            path=_PATH,
            httponly=True,
            samesite="Lax",  # Slack sends the browser back from its own site
            secure=self._service.configuration.server.external_url.startswith("https://"),
        )
        return response

    async def _end(self, request: web.Request) -> web.StreamResponse:
        state, _, rest = request.cookies.get(BEGUN, "").partition(".")
        nonce, _, where = rest.partition(".")
        given = request.query.get("state", "").encode("utf-8", "surrogateescape")
        is_ours = bool(state and nonce) and hmac.compare_digest(state.encode("utf-8", "surrogateescape"), given)
        entered = None
        if is_ours and "error" not in request.query:
            entered = await self._service.visitors.enter_with_slack(request.query.get("code", ""), nonce=nonce)
        if entered is None:
            response = simple_page(
                '<p role="alert">Slack did not say who you are, or not of this workspace; nobody is signed in.</p>'
                f'<p><a href="{_PATH}">Try again</a>, or say <code>/incident link</code> in Slack.</p>',
                status=403,
            )
        else:
            response = signed_in(self._service, entered, _where(where))
        response.del_cookie(BEGUN, path=_PATH, httponly=True, samesite="Lax")
        return response


def _where(encoded: str) -> str:
    try:
        return local(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    except ValueError:
        return "/me"
