"""The sign-in of browsers: a form that takes a token of the configuration and gives a cookie for it."""

import html
from urllib.parse import quote

from aiohttp import web

from router.http.access import COOKIE, GRANTS, PERSON_COOKIE, SIGNED_IN_FOR, Access, Endpoint, Guard
from router.http.people.forms import FORM, read_form
from router.http.problem import problem
from router.http.service import Service


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
        return self._form(local(request.query.get("next", "")))

    def _form(self, address: str, *, word: str = "", status: int = 200) -> web.Response:
        has_slack = bool(self._service.visitors.slack_address(state="-", nonce="-"))
        return _sign_in_page(address, word=word, status=status, has_slack=has_slack)

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        refusal = self._guard.cross_site(request)
        if refusal is not None:
            return refusal
        form = await read_form(request)
        if form is None:
            return problem(400, "this is not the form of the sign-in page", expected=f"{FORM} with `token`")
        token, address = form.get("token", "").strip(), local(form.get("next", ""))
        presented = self._guard.presented(request, token, "sign_in")
        if presented.wait_s:
            word = f"Too many unknown tokens came from your address. Try again in {presented.wait_s} s."
            response = self._form(address, word=word, status=429)
            response.headers["Retry-After"] = str(presented.wait_s)
            return response
        if presented.key not in GRANTS:
            return self._form(address, word="This token is not known here.", status=401)
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
        if session := request.cookies.get(PERSON_COOKIE):
            await self._service.visitors.leave(session)
        response = web.Response(status=303, headers={"Location": "/sign-in"})
        for cookie in (COOKIE, PERSON_COOKIE):
            response.del_cookie(cookie, path="/", httponly=True, samesite="Lax")
        return response

    async def _style(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text=_STYLE, content_type="text/css")


def local(address: str) -> str:
    """A path of ours to go on to; never another site's address."""
    is_path = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_path and address.isprintable() and len(address) < 2_000 else "/"


def _sign_in_page(address: str, *, word: str, status: int, has_slack: bool) -> web.Response:
    with_slack = (
        f'<p><a href="/sign-in/slack?next={quote(address, safe="")}">Sign in with Slack</a></p>' if has_slack else ""
    )
    said = f'<p role="alert">{html.escape(word)}</p>' if word else ""
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · alert-router</title><link rel="stylesheet" href="/sign-in.css"></head>
<body><main><h1>alert-router</h1>{said}{with_slack}
<form method="post" action="/sign-in"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{html.escape(address)}">
<button>Sign in</button></form>
<p>A token of <code>server.tokens</code> in the configuration. Or as yourself: say <code>/incident link</code> in Slack, and follow
the link that you are given.</p></main></body></html>
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
