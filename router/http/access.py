"""Who may ask for what: each endpoint declares it, and here it is held. Tokens, cookies, and what an open listener refuses.

Deny by default: an endpoint that declares nothing is refused, whoever asks (`router/http/__init__.py`).
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from enum import IntEnum
from urllib.parse import quote, urlsplit

import msgspec
from aiohttp import web

from router.http import peer
from router.http.guesses import Guesses
from router.http.problem import problem
from router.http.service import Service, Visitor
from router.runtime.clock import to_ms
from rules.model.configuration import ServerSettings, is_loopback

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "alert_router"
PERSON_COOKIE = "alert_router_person"
VISITOR = web.RequestKey("VISITOR", Visitor)
"""Who asks, where they are signed in as themselves."""
SIGNED_IN_FOR = timedelta(days=30)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # With no-referrer Chromium sends `Origin: null` with our own forms, which nobody can tell from another site's.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer that does not say otherwise."""
_SAFE = frozenset({"GET", "HEAD"})


class Access(IntEnum):
    """Who may ask. READ, WRITE and ADMIN are what a token allows; the higher includes the lower."""

    OPEN = 0
    """Anybody: nothing in it is worth hiding."""
    SOURCE = 1
    """Whoever proves to be the source that is named; the handler asks for the proof."""
    SLACK = 2
    """Slack, by its signature of the raw body; the handler asks for it."""
    READ = 3
    WRITE = 4
    ADMIN = 5
    PERSON = 6
    """Somebody who is signed in as themselves: no token is anybody."""


GRANTS: Mapping[str, Access] = {"read": Access.READ, "write": Access.WRITE, "admin": Access.ADMIN}
"""What a token of `server.tokens` allows, by its key."""


class Endpoint(msgspec.Struct, frozen=True):
    """One route of the listener. `access` has no default on purpose."""

    method: str
    path: str
    handler: Handler
    access: Access
    is_for_people: bool = False
    """Somebody who is signed in as themselves may ask too; the handler looks to what they see."""


class Presented(msgspec.Struct, frozen=True):
    """What came of a token that somebody presented."""

    key: str = ""
    """Of `server.tokens`; "": it is none of them."""
    wait_s: int = 0
    """It was not looked at: this address has guessed too often, and may try again after so many seconds."""


class Guard:
    """Asks the configuration in force each time, so that a reload changes who may enter."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._guesses = Guesses(service.clock)

    def guarded(self, endpoint: Endpoint) -> Handler:
        """The handler, for those who may; with the headers that every answer of ours carries. Of a source's intake, and of
        what Slack sends, it is the handler itself: a source asks ten thousand times a second, and no browser sees the
        answers."""
        handler, access = endpoint.handler, endpoint.access
        if access in {Access.SOURCE, Access.SLACK}:
            return handler

        is_for_people = endpoint.is_for_people or access is Access.PERSON

        async def guarded(request: web.Request) -> web.StreamResponse:
            if is_for_people and (visitor := await self._visitor(request)) is not None:
                request[VISITOR] = visitor
                refusal = self.cross_site(request)
            else:
                refusal = None if access is Access.OPEN else self.refusal(request, access)
            if refusal is not None and endpoint.path.startswith("/api/v2/"):
                refusal.content_type = "application/json"  # all that Alertmanager's clients read
            # `or` would not do: a response is a mapping, and an empty one is false.
            response = await handler(request) if refusal is None else refusal
            if not response.prepared:
                for name, value in HEADERS.items():
                    response.headers.setdefault(name, value)
            return response

        return guarded

    async def _visitor(self, request: web.Request) -> Visitor | None:
        """Who asks as themselves. A token that is sent on purpose goes before the cookie that a browser adds."""
        session = request.cookies.get(PERSON_COOKIE, "")
        if not session or "Authorization" in request.headers:
            return None
        return await self._service.visitors.find(session)

    def refusal(self, request: web.Request, access: Access) -> web.Response | None:
        """None: go on."""
        server = self._service.configuration.server
        if access is Access.PERSON:
            return _nobody(request)
        if not any(server.tokens.values()):
            return _without_tokens(request, server)
        bearer = _bearer(request)
        token = _password(request) if bearer is None else bearer
        presented = Presented(self._signed_in(request)) if token is None else self.presented(request, token, "api")
        if presented.wait_s:
            return too_many(presented.wait_s)
        if not presented.key:
            return _unauthorized(request, access, is_wrong=token is not None)
        if GRANTS[presented.key] < access:
            return problem(
                403, f"this token allows {presented.key}", expected=f"a token of server.tokens.{_key(access)}"
            )
        # A bearer token is set by a program on purpose; a cookie, and a password, are added by the browser to whatever a
        # page asks for.
        return None if bearer is not None else self.cross_site(request)

    def presented(self, request: web.Request, token: str, door: str) -> Presented:
        """Which of `server.tokens` it is; the strongest where it is several. All are compared, whichever it is. A wrong
        one is counted, and after some of them no more are looked at for a while: else guessing costs nothing."""
        add, server = self._service.metrics.add, self._service.configuration.server
        address = peer.address(request, server.trusted_proxies)
        if wait_s := self._guesses.wait_s(address):
            add("alert_router_tokens_refused", (door, "too_many"))
            return Presented(wait_s=wait_s)
        vault = self._service.vault
        found = [key for key in GRANTS if vault.accepts(server.tokens.get(key, ()), token)]
        if found:
            return Presented(max(found, key=lambda key: GRANTS[key]))
        add("alert_router_tokens_refused", (door, "unknown"))
        left = self._guesses.missed(address)
        log.warning("an unknown token was presented", extra={"address": str(address), "door": door, "tries_left": left})
        return Presented()

    def cross_site(self, request: web.Request) -> web.Response | None:
        """What a browser says about where a request comes from; programs say nothing, and are let through."""
        own = {request.host.lower(), urlsplit(self._service.configuration.server.external_url).netloc.lower()}
        return _cross_site(request, own)

    def cookie(self, key: str, token: str) -> str:
        """Names the token's key and the cookie's end, signed with the token: it ends with that token too."""
        said = f"{key}.{to_ms(self._service.clock.now() + SIGNED_IN_FOR)}"
        return f"{said}.{_signature(token, said)}"

    def _signed_in(self, request: web.Request) -> str:
        """The key of the token that a cookie was made for; "": there is no good one."""
        said, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        key, _, until = said.partition(".")
        if key not in GRANTS or not (until.isascii() and until.isdigit() and len(until) < 16):
            return ""
        tokens = self._service.configuration.server.tokens.get(key, ())
        given, is_ours = signature.encode("utf-8", "surrogateescape"), False
        for token in self._service.vault.all(tokens):
            is_ours = hmac.compare_digest(_signature(token, said).encode(), given) or is_ours
        return key if is_ours and int(until) > to_ms(self._service.clock.now()) else ""


def _nobody(request: web.Request) -> web.Response:
    """A token says what may be done, and not who does it."""
    expected = "a browser that is signed in by a personal link: say `link` to me in Slack"
    if "Authorization" in request.headers or COOKIE in request.cookies:
        return problem(403, "a token of server.tokens is nobody in particular", expected=expected)
    response = problem(401, "not signed in as somebody; a token of server.tokens would not do", expected=expected)
    response.headers["WWW-Authenticate"] = 'Bearer realm="alert-router"'
    return response


def too_many(wait_s: int) -> web.Response:
    """Too many wrong tokens came from this address."""
    response = problem(
        429, "too many unknown tokens came from your address", expected=f"the right token, in {wait_s} s or later"
    )
    response.headers["Retry-After"] = str(wait_s)
    return response


def _without_tokens(request: web.Request, server: ServerSettings) -> web.Response | None:
    """Nobody has to say who they are, so only this machine may ask: not a proxy in the name of others, and not a page on
    the web through a browser."""
    expected = "server.tokens in the configuration: read, admin"
    if not server.is_loopback:
        detail = "this listener can be reached by others, and the configuration names no server.tokens"
        return problem(403, detail, expected=expected)
    if server.is_behind_proxy or peer.is_forwarded(request):
        detail = "this listener is reached through a proxy, and the configuration names no server.tokens"
        return problem(403, detail, expected=expected)
    if not is_loopback(_hostname(request.host)):
        return problem(
            403,
            f"the host {request.host[:100]!r} is not this listener's",
            where="Host",
            expected="localhost or a loopback address",
        )
    return _cross_site(request, {request.host.lower(), urlsplit(server.external_url).netloc.lower()})


def _unauthorized(request: web.Request, access: Access, *, is_wrong: bool) -> web.Response:
    if request.method in _SAFE and not is_wrong and "text/html" in request.headers.get("Accept", ""):
        return web.Response(status=303, headers={"Location": f"/sign-in?next={quote(request.path_qs, safe='')}"})
    response = problem(
        401,
        "this token is not known" if is_wrong else "not signed in",
        expected=f"a header `Authorization: Bearer …` with a token of server.tokens.{_key(access)}, or a browser signed in at /sign-in",
    )
    response.headers["WWW-Authenticate"] = 'Bearer realm="alert-router"'
    return response


def _key(access: Access) -> str:
    return next(key for key, granted in GRANTS.items() if granted >= access)


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _password(request: web.Request) -> str | None:
    """Of basic authentication, which Alertmanager's clients know: the token is the password, whatever the name is."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        given = base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        return ""
    return given.partition(":")[2]


def _signature(token: str, said: str) -> str:
    return hmac.new(token.encode(), f"alert-router sign-in {said}".encode(), hashlib.sha256).hexdigest()


def _cross_site(request: web.Request, own_hosts: set[str]) -> web.Response | None:
    if request.method in _SAFE:
        return None
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    is_foreign = site not in {None, "same-origin", "none"} or (origin is not None and _host(origin) not in own_hosts)
    if is_foreign:
        return problem(
            403, "a page of another site asked for this", where="Origin", expected="a request from our own pages"
        )
    return None


def _host(origin: str) -> str:
    """With its port; "" where it is no address."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
