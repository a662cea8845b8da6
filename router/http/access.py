"""Who may do what beside sending alerts: tokens, a sign-in for browsers, and what an open loopback listener refuses.

Three levels, each includes the one before it. Everything but intake, health and metrics is behind `Access.guard`.
"""

import hashlib
import hmac
import html
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import IntEnum
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import web

from router.http.problem import problem
from router.http.service import Service
from router.runtime.clock import to_ms

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "alert_router"
SIGNED_IN_FOR = timedelta(days=30)
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LARGEST_FORM_BYTES = 16 * 1024
_FORM = "application/x-www-form-urlencoded"
_SAFE = frozenset({"GET", "HEAD"})


class Level(IntEnum):
    """What a token allows."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class Access:
    """Asks the configuration in force each time, so that a reload changes who may enter."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def guard(self, level: Level, handler: Handler) -> Handler:
        """The handler, for those who may; with the headers that every page of ours carries."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            refusal = self.refusal(request, level)
            # `or` would not do: a response is a mapping, and an empty one is false.
            response = await handler(request) if refusal is None else refusal
            if not response.prepared:
                for name, value in SECURITY_HEADERS.items():
                    response.headers.setdefault(name, value)
            return response

        return guarded

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sign-in", self._with_headers(self._page)),
            web.post("/sign-in", self._with_headers(self._sign_in)),
            web.get("/sign-in.css", self._with_headers(_style)),
            web.post("/sign-out", self._with_headers(self._sign_out)),
        ]

    def refusal(self, request: web.Request, level: Level) -> web.Response | None:
        """None: go on."""
        server = self._service.configuration.server
        if not any(server.tokens.values()):
            if not server.is_loopback:
                return problem(
                    403,
                    "this listener can be reached by others, and the configuration names no server.tokens",
                    expected="server.tokens in the configuration: read, write, admin",
                )
            return self._foreign(request)
        bearer = _bearer(request)
        granted = self._granted_to(bearer) if bearer is not None else self._signed_in(request)
        if granted is None:
            return self._unauthorized(request, level, is_wrong=bearer is not None)
        if granted < level:
            return problem(403, f"this token allows {granted.word}", expected=f"a token of server.tokens.{level.word}")
        # A bearer token is set by a program on purpose; a cookie is added by the browser to whatever a page asks for.
        return None if bearer is not None else _cross_site(request, self._own_hosts(request))

    def _foreign(self, request: web.Request) -> web.Response | None:
        """Nobody has to say who they are here, so a page on the web must not be able to act through a browser."""
        host = _hostname(request.host)
        if not _is_this_machine(host) and host != self._external_host():
            return problem(
                403,
                f"the host {request.host[:100]!r} is not this listener's",
                where="Host",
                expected=f"localhost, a loopback address, or the host of server.external_url ({self._external_host()})",
            )
        return _cross_site(request, self._own_hosts(request))

    def _own_hosts(self, request: web.Request) -> frozenset[str]:
        return frozenset(
            {request.host.lower(), urlsplit(self._service.configuration.server.external_url).netloc.lower()}
        )

    def _external_host(self) -> str:
        return urlsplit(self._service.configuration.server.external_url).hostname or ""

    def _granted_to(self, token: str) -> Level | None:
        """The highest level of a token. All are compared, whichever it is."""
        tokens, vault = self._service.configuration.server.tokens, self._service.vault
        found = [level for level in Level if vault.accepts(tokens.get(level.word, ()), token)]
        return max(found, default=None)

    def _signed_in(self, request: web.Request) -> Level | None:
        """A cookie names its level and its end, signed with the token that was given: it ends with that token too."""
        said, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        word, _, until = said.partition(".")
        level = next((level for level in Level if level.word == word), None)
        if level is None or not (until.isascii() and until.isdigit() and len(until) < 16):
            return None
        tokens = self._service.configuration.server.tokens.get(word, ())
        given, is_ours = signature.encode("utf-8", "surrogateescape"), False
        for token in self._service.vault.all(tokens):
            is_ours = hmac.compare_digest(_signature(token, said).encode(), given) or is_ours
        return level if is_ours and int(until) > to_ms(self._service.clock.now()) else None

    def _unauthorized(self, request: web.Request, level: Level, *, is_wrong: bool) -> web.Response:
        if request.method in _SAFE and not is_wrong and "text/html" in request.headers.get("Accept", ""):
            address = f"/sign-in?next={quote(request.path_qs, safe='')}"
            return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})
        response = problem(
            401,
            "this token is not known" if is_wrong else "not signed in",
            expected=f"a header `Authorization: Bearer …` with a token of server.tokens.{level.word}, or a browser signed in at /sign-in",
        )
        response.headers["WWW-Authenticate"] = 'Bearer realm="alert-router"'
        return response

    def _with_headers(self, handler: Handler) -> Handler:
        async def answered(request: web.Request) -> web.StreamResponse:
            response = await handler(request)
            response.headers.update(SECURITY_HEADERS)
            response.headers["Cache-Control"] = "no-store"
            return response

        return answered

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return _sign_in_page(_local(request.query.get("next", "")))

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        refusal = _cross_site(request, self._own_hosts(request))
        if refusal is not None:
            return refusal
        form = await _form(request)
        if form is None:
            return problem(400, "this is not the form of the sign-in page", expected=f"{_FORM} with `token`")
        token, address = form.get("token", "").strip(), _local(form.get("next", ""))
        level = self._granted_to(token) if token else None
        if level is None:
            return _sign_in_page(address, word="This token is not known here.", status=401)
        until = self._service.clock.now() + SIGNED_IN_FOR
        said = f"{level.word}.{to_ms(until)}"
        response = web.Response(status=303, headers={"Location": address})
        response.set_cookie(
            COOKIE,
            f"{said}.{_signature(token, said)}",
            max_age=int(SIGNED_IN_FOR.total_seconds()),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._service.configuration.server.external_url.startswith("https://"),
        )
        return response

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        refusal = _cross_site(request, self._own_hosts(request))
        if refusal is not None:
            return refusal
        response = web.Response(status=303, headers={"Location": "/sign-in"})
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return response


async def _form(request: web.Request) -> dict[str, str] | None:
    """The fields; None when it is no form, or larger than a token could be."""
    if request.content_type != _FORM:
        return None
    body = b""
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > _LARGEST_FORM_BYTES:
            return None
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=10))
    except ValueError:
        return None


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _signature(token: str, said: str) -> str:
    return hmac.new(token.encode(), f"alert-router sign-in {said}".encode(), hashlib.sha256).hexdigest()


def _cross_site(request: web.Request, own_hosts: frozenset[str]) -> web.Response | None:
    """What a browser says about where a request comes from; programs say nothing, and are let through."""
    if request.method in _SAFE:
        return None
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    is_foreign = site not in {None, "same-origin", "none"}
    if origin is not None:
        is_foreign = is_foreign or urlsplit(origin).netloc.lower() not in own_hosts
    if is_foreign:
        return problem(
            403, "a page of another site asked for this", where="Origin", expected="a request from our own pages"
        )
    return None


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_this_machine(host: str) -> bool:
    """A loopback address or its name. Not "127.example.org", which somebody may point anywhere."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


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
<p>A token of <code>server.tokens</code> in the configuration: read, write or admin.</p></main></body></html>
"""
    return web.Response(status=status, text=text, content_type="text/html")


async def _style(_: web.Request) -> web.StreamResponse:
    return web.Response(text=_STYLE, content_type="text/css")


_STYLE = """:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0; display: grid; place-items: center; min-height: 100vh }
main { width: min(24rem, 90vw) }
h1 { font-size: 1.3rem }
input, button { font: inherit; width: 100%; box-sizing: border-box; padding: .6rem; margin: .3rem 0 .8rem }
[role=alert] { color: #b3261e }
a { color: inherit }
"""
