"""The door for alerts: authenticates raw bytes, bounds and inflates the body, has it parsed, and answers after the commit.

This is the hot path: no middleware, nothing computed that a re-sent alert does not need.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

import msgspec
from aiohttp import web

from adapters import ADAPTERS
from adapters.adapter import Draft, Parse, Payload, PayloadError, built
from router.http import peer
from router.http.access import Access, Endpoint
from router.http.body import BodyBudget, BrokenOffError, NoRoomError, Share, TooLargeError, TooSlowError, hang_up
from router.http.body import read as body_of
from router.http.problem import problem
from router.http.service import OpenSource, Service
from router.intake.group_commit import NotCommittedError
from router.intake.intake import OverloadError, Receipt
from router.runtime.config import Vault
from rules.model.configuration import Auth, Basic, Bearer, Hmac, UrlToken

T = TypeVar("T")
log = logging.getLogger(__name__)

ON_LOOP_BYTES = 128 * 1024
"""A longer body, and a compressed one, is worked on in a thread: reading it would keep other requests waiting."""
BODIES_BYTES = 96 * 1024 * 1024
"""Of the bodies of all requests in flight."""
UNSIGNED_BYTES = 32 * 1024 * 1024
"""Of those beside them whose signature can only be looked at when they are whole."""
BODY_WITHIN = timedelta(seconds=20)
"""From a request's head to the end of its body. Senders themselves give up after 10 to 15 s."""
_INFLATE_STEP = 64 * 1024
_NO_CONTENT_TYPE = "application/octet-stream"
_JSON = "application/json"
_SAYS_AUTH = "`auth` of the source in the configuration; `auth: none` to take alerts from anyone"
_encode = msgspec.json.Encoder().encode


class _Refusal(Exception):  # noqa: N818  # an answer, not a failure of ours
    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


class Webhooks:
    """Routes of all sources. Sources come and go with reloads, so their names are looked up, not routed."""

    def __init__(self, service: Service, *, body_within: timedelta = BODY_WITHIN) -> None:
        self._service = service
        self._body_within = body_within
        self.budget = BodyBudget(BODIES_BYTES)
        self.unsigned_budget = BodyBudget(UNSIGNED_BYTES)
        self._worker = asyncio.Semaphore(1)

    def routes(self) -> list[Endpoint]:
        methods = ("POST", "PUT")
        paths = {
            "/webhook/{source}": self._webhook,
            "/webhook/{source}/{token}": self._webhook,
            "/webhook/{source}/api/v2/alerts": self._alert_array,
            "/api/v2/alerts": self._bare_alert_array,
        }
        return [Endpoint(method, path, handler, Access.SOURCE) for path, handler in paths.items() for method in methods]

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        return await self._take(request, request.match_info["source"], is_alert_array=False)

    async def _alert_array(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["source"]
        source = self._service.sources.get(name)
        if source is not None and not ADAPTERS[source.settings.adapter].is_prometheus_family:
            return problem(404, f"source {name!r} is no Prometheus: send to /webhook/{name}")
        return await self._take(request, name, is_alert_array=True)

    async def _bare_alert_array(self, request: web.Request) -> web.StreamResponse:
        name = self._service.bare_source
        if name is None:
            return problem(
                404,
                "no source answers /api/v2/alerts",
                expected="one source of adapter prometheus, or `alertmanager_api: true` on one of several",
            )
        return await self._take(request, name, is_alert_array=True)

    async def _take(self, request: web.Request, name: str, *, is_alert_array: bool) -> web.StreamResponse:
        service = self._service
        source = service.sources.get(name)
        if source is None:
            # The name comes from outside: it is answered, but never becomes a label of a metric.
            return problem(
                404, f"there is no source {name[:100]!r}", expected="a name under `sources` in the configuration"
            )
        try:
            receipt = await self._receive(request, source, is_alert_array=is_alert_array)
        except _Refusal as refusal:
            response = refusal.response
            service.metrics.add("alert_router_requests", (name, str(response.status)))
            if response.status == 400:
                service.metrics.add("alertmanager_alerts_invalid", ("v2",))
            return response
        is_refused = bool(receipt.errors) and (
            is_alert_array or receipt.accepted + receipt.unchanged + receipt.stale == 0
        )
        self._count(name, receipt, 400 if is_refused else 200)
        if is_alert_array and not receipt.errors:
            return web.Response()
        return web.Response(status=400 if is_refused else 200, body=_encode(receipt), content_type=_JSON)

    async def _receive(self, request: web.Request, source: OpenSource, *, is_alert_array: bool) -> Receipt:
        service, settings = self._service, source.settings
        _allow(request, source, service.configuration.server.trusted_proxies)
        if settings.auth:
            _authenticate_head(request, settings.auth, service.vault)
        elif "Origin" in request.headers:
            # Monitoring does not send it, browsers always do: some page would send alerts in its visitor's name.
            raise _Refusal(problem(403, "a browser may not send to a source without authentication"))
        elif not settings.auth_said and peer.is_forwarded(request):
            # Nothing is said because only this machine can reach the listener; a proxy asks in the name of others.
            raise _Refusal(
                problem(403, "a proxy may not send to a source that says nothing about auth", expected=_SAYS_AUTH)
            )
        elif "token" in request.match_info:
            raise _Refusal(problem(404, f"nothing answers below /webhook/{settings.name}"))
        must_be_signed = _must_be_signed(request, settings.auth, service.vault)
        with Share(self.unsigned_budget if must_be_signed else self.budget) as share:
            try:
                return await self._accept(request, source, share, is_alert_array=is_alert_array)
            except NoRoomError:
                raise _Refusal(_later("other requests' bodies fill the memory that there is for them")) from None

    async def _accept(self, request: web.Request, source: OpenSource, share: Share, *, is_alert_array: bool) -> Receipt:
        service, settings = self._service, source.settings
        limit = settings.options.limits.body_bytes
        body = await self._read(request, settings.name, limit, share)
        encoding = request.headers.get("Content-Encoding", "")
        is_long = len(body) > ON_LOOP_BYTES or bool(encoding)
        if settings.auth:
            await self._work(partial(_authenticate_body, request, body, settings.auth, service.vault), is_long=is_long)
            share.move_to(self.budget)
        if encoding:
            body = await self._work(partial(_inflate, body, encoding, limit), is_long=True)
            share.add(len(body))
        received_at = service.clock.now()
        service.engine.heard.hear(settings.name, received_at)
        content_type = request.content_type
        payload = Payload(
            body=body,
            content_type="" if content_type == _NO_CONTENT_TYPE else content_type,
            received_at=received_at,
            charset=_charset(request),
            is_alert_array=is_alert_array,
        )
        try:
            drafts = await self._work(partial(_parsed, source.parse, payload, is_long=is_long), is_long=is_long)
        except PayloadError as error:
            raise _Refusal(problem(error.status, error.message, where=error.where, expected=error.expected)) from None
        try:
            return await service.engine.intake.take(settings.name, settings.namespace, drafts, received_at)
        except OverloadError:
            raise _Refusal(_later("more alerts are waiting to be committed than may wait")) from None
        except NotCommittedError:
            raise _Refusal(_later("the database did not take it; nothing of this request was accepted")) from None

    async def _work(self, work: Callable[[], T], *, is_long: bool) -> T:
        """Short work at once. Long work in a thread, one at a time: it shares the interpreter's lock with the loop, and a
        second one would take as long a turn again."""
        if not is_long:
            return work()
        async with self._worker:
            return await asyncio.to_thread(work)

    async def _read(self, request: web.Request, name: str, limit: int, share: Share) -> bytes:
        """The body as sent, at most `limit` bytes. One that is not here in time is answered, and the connection closed."""
        try:
            return await body_of(request, limit, self._body_within, share)
        except TooLargeError:
            raise _Refusal(_too_large(limit)) from None
        except TooSlowError:
            raise _Refusal(await _too_slow(request, self._body_within)) from None
        except BrokenOffError as error:
            log.info("a sender hung up in mid-body", extra={"source": name})
            raise _Refusal(problem(400, str(error))) from None

    def _count(self, name: str, receipt: Receipt, status: int) -> None:
        add = self._service.metrics.add
        add("alert_router_requests", (name, str(status)))
        taken = receipt.accepted + receipt.unchanged + receipt.stale
        add("alertmanager_alerts_received", ("firing", "v2"), taken - receipt.resolved)
        if receipt.resolved:
            add("alertmanager_alerts_received", ("resolved", "v2"), receipt.resolved)
        for outcome, amount in (
            ("unchanged", receipt.unchanged),
            ("accepted", receipt.accepted),
            ("stale", receipt.stale),
            ("refused", len(receipt.errors)),
        ):
            if amount:
                add("alert_router_alerts", (name, outcome), amount)
        if receipt.errors:
            add("alertmanager_alerts_invalid", ("v2",), len(receipt.errors))


def _later(detail: str) -> web.Response:
    """503, not 429: Alertmanager and Datadog come again only after a 5xx."""
    response = problem(503, detail, expected="the same request again in a few seconds")
    response.headers["Retry-After"] = "5"
    return response


def _allow(request: web.Request, source: OpenSource, trusted_proxies: tuple[str, ...]) -> None:
    if not source.networks:
        return
    address = peer.address(request, trusted_proxies)
    if address is None or not any(address in network for network in source.networks):
        raise _Refusal(problem(403, "this address may not send here", expected="an address in the source's `allow`"))


def _authenticate_head(request: web.Request, auth: tuple[Auth, ...], vault: Vault) -> None:
    """What can be refused before a byte of the body is read is refused then; a signature has to wait for it."""
    if any(isinstance(one, Hmac) for one in auth) or any(_head_matches(request, one, vault) for one in auth):
        return
    raise _Refusal(_unauthorized(auth))


def _authenticate_body(request: web.Request, body: bytes, auth: tuple[Auth, ...], vault: Vault) -> None:
    if any(
        _head_matches(request, one, vault) or (isinstance(one, Hmac) and _is_signed(request, body, one, vault))
        for one in auth
    ):
        return
    raise _Refusal(_unauthorized(auth))


def _head_matches(request: web.Request, auth: Auth, vault: Vault) -> bool:
    header = request.headers.get("Authorization", "")
    match auth:
        case Bearer(tokens):
            scheme, _, token = header.partition(" ")
            return scheme.lower() == "bearer" and vault.accepts(tokens, token.strip())
        case Basic(username, passwords):
            scheme, _, encoded = header.partition(" ")
            if scheme.lower() != "basic":
                return False
            try:
                given = base64.b64decode(encoded, validate=True).decode("utf-8", "surrogateescape")
            except (binascii.Error, ValueError):
                return False
            name, _, password = given.partition(":")
            is_name = hmac.compare_digest(name.encode("utf-8", "surrogateescape"), username.encode())
            return vault.accepts(passwords, password) and is_name
        case UrlToken(tokens):
            return vault.accepts(tokens, request.match_info.get("token") or request.query.get("token", ""))
        case _:
            return False


def _is_signed(request: web.Request, body: bytes, auth: Hmac, vault: Vault) -> bool:
    """Hex or base64 of the raw body's HMAC, with or without `algorithm=` before it; several may be separated by commas."""
    given = request.headers.get(auth.header, "")
    found = False
    for secret in vault.all(auth.secrets):
        digest = hmac.new(secret.encode(), body, getattr(hashlib, auth.algorithm)).digest()
        accepted = (digest.hex().encode(), base64.b64encode(digest))
        for part in given.split(",")[:4]:
            signature = (
                part.strip().removeprefix(f"{auth.algorithm}=").removeprefix("v1=").encode("utf-8", "surrogateescape")
            )
            found = any(hmac.compare_digest(one, signature) for one in accepted) or found
    return found


_CHALLENGES: Mapping[type, tuple[str, str]] = {
    Bearer: ("a header `Authorization: Bearer …` with the source's token", "Bearer"),
    Basic: (
        "basic authentication with the source's user name and password",
        'Basic realm="alert-router", charset="UTF-8"',
    ),
    Hmac: ("the body's signature in the source's header", ""),
    UrlToken: ("the source's token as `?token=…` or as the last part of the path", ""),
}


def _unauthorized(auth: tuple[Auth, ...]) -> web.Response:
    wanted = [_CHALLENGES[type(one)] for one in auth]
    response = problem(401, "not authenticated", expected=", or ".join(expected for expected, _ in wanted))
    challenges = ", ".join(challenge for _, challenge in wanted if challenge)
    if challenges:
        response.headers["WWW-Authenticate"] = challenges
    return response


async def _too_slow(request: web.Request, within: timedelta) -> web.Response:
    response = problem(
        408, "the body did not come in time", expected=f"all of it within {within.total_seconds():g} s of its head"
    )
    return await hang_up(request, response)


def _parsed(parse: Parse, payload: Payload, *, is_long: bool) -> Sequence[Draft]:
    """A long body's items are brought to normal form here too, where that is always done: one of them may be all of it."""
    drafts = parse(payload)
    return built(drafts) if is_long else drafts


def _charset(request: web.Request) -> str:
    """As its sender names it; of one that names it in a way that cannot be read, UTF-8."""
    charset: object = request.charset
    return charset if isinstance(charset, str) and charset else "utf-8"


def _must_be_signed(request: web.Request, auth: tuple[Auth, ...], vault: Vault) -> bool:
    """Whether it is unknown until its body is here who sends it."""
    return any(isinstance(one, Hmac) for one in auth) and not any(_head_matches(request, one, vault) for one in auth)


def _too_large(limit: int) -> web.Response:
    return problem(
        413,
        "the body is too large",
        expected=f"at most {limit} bytes, compressed or not: send the alerts in several requests",
    )


def _inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """In bounded steps: a bomb costs no more than the limit."""
    name = encoding.strip().lower()
    if name == "identity":
        return body
    if name not in {"gzip", "x-gzip", "deflate"}:
        raise _Refusal(
            problem(415, f"Content-Encoding {encoding[:50]!r} is not understood", expected="gzip, deflate or none")
        )
    for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # gzip and zlib headers by themselves; then bare deflate
        try:
            return _inflated(zlib.decompressobj(window), body, limit)
        except zlib.error:
            if name != "deflate":
                break
    raise _Refusal(problem(400, f"the body is not {name}, although Content-Encoding says so"))


def _inflated(inflate: "zlib._Decompress", body: bytes, limit: int) -> bytes:
    parts, size, rest = [], 0, body
    while rest and not inflate.eof:
        part = inflate.decompress(rest, _INFLATE_STEP)
        rest = inflate.unconsumed_tail
        size += len(part)
        if size > limit:
            raise _Refusal(_too_large(limit))
        parts.append(part)
        if not part and not rest:
            break
    if not inflate.eof:
        parts.append(inflate.flush(_INFLATE_STEP))
        if not inflate.eof:
            raise _Refusal(problem(400, "the compressed body ends early"))
    return b"".join(parts)
