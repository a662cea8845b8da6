"""The sign-in of browsers: a form that takes a token of the configuration and gives a cookie for it."""

import asyncio
import html
from urllib.parse import parse_qsl

from aiohttp import web

from router.http.access import COOKIE, GRANTS, SIGNED_IN_FOR, Access, Endpoint, Guard
from router.http.problem import problem
from router.http.service import Service

FORM_WITHIN_S = 10
"""From its head to its end: else whoever sends half of it holds a connection for ever."""
_LARGEST_FORM_BYTES = 16 * 1024
_FORM = "application/x-www-form-urlencoded"


class SignIn:
    """The page, its style, and what its form is posted to."""

    def __init__(self, service: Service, guard: Guard) -> None:
        self._service, self._guard = service, guard

    def routes(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/sign-in", self._page, Access.OPEN),
            Endpoint("POST", "/sign-in", self._sign_in, Access.OPEN),
            Endpoint("GET", "/sign-in.css", self._style, Access.OPEN),
            Endpoint("POST", "/sign-out", self._sign_out, Access.OPEN),
        ]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return _sign_in_page(_local(request.query.get("next", "")))

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        refusal = self._guard.cross_site(request)
        if refusal is not None:
            return refusal
        form = await _form(request)
        if form is None:
            return problem(400, "this is not the form of the sign-in page", expected=f"{_FORM} with `token`")
        token, address = form.get("token", "").strip(), _local(form.get("next", ""))
        presented = self._guard.presented(request, token, "sign_in")
        if presented.wait_s:
            word = f"Too many unknown tokens came from your address. Try again in {presented.wait_s} s."
            response = _sign_in_page(address, word=word, status=429)
            response.headers["Retry-After"] = str(presented.wait_s)
            return response
        if presented.key not in GRANTS:
            return _sign_in_page(address, word="This token is not known here.", status=401)
        response = web.Response(status=303, headers={"Location": address})
        response.set_cookie(
            COOKIE,
            self._guard.cookie(presented.key, token),
            max_age=int(SIGNED_IN_FOR.total_seconds()),
            path="/",
            httponly=True,
            # Not Strict: whoever follows a link in Slack would be asked for the token again each time. What changes
            # something is a POST, and says where it comes from.
            samesite="Lax",
            secure=self._service.configuration.server.external_url.startswith("https://"),
        )
        return response

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        refusal = self._guard.cross_site(request)
        if refusal is not None:
            return refusal
        response = web.Response(status=303, headers={"Location": "/sign-in"})
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
        return response

    async def _style(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text=_STYLE, content_type="text/css")


async def _form(request: web.Request) -> dict[str, str] | None:
    """The fields; None when it is no form, larger than a token could be, or does not come."""
    if request.content_type != _FORM:
        return None
    body = b""
    try:
        async with asyncio.timeout(FORM_WITHIN_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > _LARGEST_FORM_BYTES:
                    return None
    except TimeoutError:
        return None
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=10))
    except ValueError:
        return None


def _local(address: str) -> str:
    """A path of ours to go on to; never another site's address."""
    is_path = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_path and address.isprintable() and len(address) < 2_000 else "/"


def _sign_in_page(address: str, *, word: str = "", status: int = 200) -> web.Response:
    said = f'<p role="alert">{html.escape(word)}</p>' if word else ""
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · alert-router</title><link rel="stylesheet" href="/sign-in.css"></head>
<body><main><h1>alert-router</h1>{said}
<form method="post" action="/sign-in"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{html.escape(address)}">
<button>Sign in</button></form>
<p>A token of <code>server.tokens</code> in the configuration.</p></main></body></html>
"""
    return web.Response(status=status, text=text, content_type="text/html")


_STYLE = """:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0; display: grid; place-items: center; min-height: 100vh }
main { width: min(24rem, 90vw) }
h1 { font-size: 1.3rem }
input, button { font: inherit; width: 100%; box-sizing: border-box; padding: .6rem; margin: .3rem 0 .8rem }
[role=alert] { color: #b3261e }
a { color: inherit }
"""
