"""One call to a receiver, and what its answer means. When to call, and what then, is delivery's.

Follows no redirect, reads no more of an answer than it needs, and says nothing of addresses, headers and bodies.
"""

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import aiohttp.abc

from router.core.answer import Answer, Outcome
from router.core.mrkdwn import clean, clip
from router.notifiers.webhook.endpoint import Endpoint
from router.notifiers.webhook.payloads import Request
from router.runtime.clock import Clock
from rules.model.configuration import is_loopback
from rules.model.webhook import Format

CALL_TIMEOUT: Final = timedelta(seconds=10)
"""One call, from connecting to the last byte."""
LARGEST_ANSWER: Final = 64 * 1024
DEFAULT_WAIT: Final = timedelta(seconds=30)
"""After a 429 whose Retry-After cannot be read."""
LONGEST_WAIT: Final = timedelta(hours=1)
"""A Retry-After beyond it is junk, or is asked about again then."""
_DETAIL: Final = 200

_ACCEPTED: Final = {Format.PAGERDUTY: 202, Format.OPSGENIE: 202}
"""The vendors' only word for yes. Another 2xx comes from somebody else: a proxy's page, a wrong address."""
_MESSAGE_REFUSED: Final = frozenset({400, 406, 409, 411, 413, 414, 415, 422, 431})
_NOT_NOW: Final = frozenset({408, 425})
_KEY_REFUSED: Final = {Format.PAGERDUTY: ("routing_key", "routing key"), Format.OPSGENIE: ("key format is not valid",)}
"""What the vendors say of a wrong key under a status that else speaks of the message."""


def open_session(
    *, timeout: timedelta = CALL_TIMEOUT, resolver: aiohttp.abc.AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """The session that all webhooks share: no cookies, nothing unpacked. Connecting has half of the time to itself, so
    that a network that swallows packets is told apart from a receiver that does not answer."""
    total = timeout.total_seconds()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver),
        timeout=aiohttp.ClientTimeout(total=total, connect=total / 2),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": "alert-router", "Accept": "application/json", "Accept-Encoding": "identity"},
    )


class WebhookClient:
    """Makes calls over `open_session()`. Never raises on a receiver's weather; cancellation passes through."""

    def __init__(self, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._session, self._clock = session, clock

    async def send(self, endpoint: Endpoint, request: Request) -> Answer:
        """TOLD once the receiver has accepted it. After UNKNOWN it may be sent again: its key makes it one incident."""
        status = 0
        headers: dict[str, str] = {}
        body = b""
        try:
            async with self._session.post(
                request.url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                proxy=_proxy_of(request.url),
            ) as response:
                status = response.status
                headers = {name.lower(): value for name, value in response.headers.items()}
                body = await _bounded(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            if not status:
                return _fault(error)
        return self._sorted(endpoint, status, headers, _detail(endpoint, body))

    def _sorted(self, endpoint: Endpoint, status: int, headers: dict[str, str], detail: str) -> Answer:
        outcome = _outcome(endpoint.format, status, detail)
        error = f"answered {status}" + (f": {detail}" if detail else "")
        if outcome is Outcome.DELIVERED:
            return Answer(outcome)
        if outcome is Outcome.RETRY:
            wait = _retry_after(headers.get("retry-after", ""), self._clock.now())
            is_limit = status == 429
            return Answer(
                outcome,
                retry_after=wait or (DEFAULT_WAIT if is_limit else None),
                is_rate_limit=is_limit,
                error=error,
            )
        if 300 <= status < 400:
            error = f"answered {status}: it leads elsewhere, and redirects are not followed"
        elif 200 <= status < 300:
            error = f"answered {status} where {_ACCEPTED[endpoint.format]} means accepted: is that its address?"
        return Answer(outcome, error=error)


def _proxy_of(url: str) -> str | None:
    """HTTPS_PROXY and NO_PROXY, as for Slack. aiohttp's own way would send passwords from ~/.netrc along."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return None if is_loopback(host) or proxy_bypass(host) else getproxies().get(parts.scheme)


def _outcome(kind: Format, status: int, detail: str) -> Outcome:
    if 200 <= status < 300:
        return Outcome.DELIVERED if status == _ACCEPTED.get(kind, status) else Outcome.CHANNEL_REFUSED
    if status == 429 or status >= 500 or status in _NOT_NOW:
        return Outcome.RETRY
    said = detail.lower()
    if status in _MESSAGE_REFUSED and not any(words in said for words in _KEY_REFUSED.get(kind, ())):
        return Outcome.MESSAGE_REFUSED
    return Outcome.CHANNEL_REFUSED


def _fault(error: Exception) -> Answer:
    """No answer came. The kind of the error is named and nothing else: its text has addresses in it."""
    kind = type(error).__name__
    match error:
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return Answer(Outcome.CHANNEL_REFUSED, error="not an address that can be called")
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError() | aiohttp.ClientHttpProxyError():
            return Answer(Outcome.RETRY, error=f"cannot connect ({kind})")
        case TimeoutError():
            return Answer(Outcome.UNKNOWN, error="no answer in time")
        case aiohttp.ClientError() | OSError():
            return Answer(Outcome.UNKNOWN, error=f"connection lost ({kind})")
        case _:
            return Answer(Outcome.CHANNEL_REFUSED, error="its headers cannot be sent")


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """What is left unread closes the connection, which no other call gets then."""
    found = bytearray()
    while piece := await response.content.read(LARGEST_ANSWER - len(found)):  # of none left it reads none
        found += piece
    return bytes(found)


def _detail(endpoint: Endpoint, body: bytes) -> str:
    """What a vendor says of a refusal, where it is JSON of its own; never what another receiver writes, nor a secret."""
    if endpoint.format not in _ACCEPTED:
        return ""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, dict):
        return ""
    errors = found.get("errors")
    parts = (
        [found.get("message"), *(errors.values() if isinstance(errors, dict) else errors or [])][:5]
        if isinstance(errors, dict | list | None)
        else [found.get("message")]
    )
    text = "; ".join(part for part in parts if isinstance(part, str))
    for secret in endpoint.secrets:
        text = text.replace(secret, "…")
    return clip(" ".join(clean(text, _DETAIL).split()), _DETAIL)


def _retry_after(text: str, now: datetime) -> timedelta | None:
    """Seconds or a date; None where it is neither, or has passed."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=min(int(text[:10]), LONGEST_WAIT.total_seconds()))
    else:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        wait = timedelta(seconds=ceil((at - now).total_seconds()))
    return min(wait, LONGEST_WAIT) if wait > timedelta(0) else None
