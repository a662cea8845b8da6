"""The one place that speaks HTTP to Slack: a form goes out, a Reply or a Fault comes back. Judges no answer, repeats no call.

slack-sdk is a thin transport here: no retry handler of its own (one of them posts twice after a reset), no session of
its own (it would open a connection per call), no logger of its own (at DEBUG it prints whole messages).
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import aiohttp.abc
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from router.notifiers.slack.errors import CallFault, Reply

SLACK_API_URL: Final = "https://slack.com/api/"

CALL_TIMEOUT: Final = timedelta(seconds=10)
"""One call, from connecting to the last byte. A claim is longer."""

LARGEST_ANSWER: Final = 1024 * 1024
"""Bytes. A page of history is a fifth of it."""

Wire = Callable[[str, Mapping[str, str]], Awaitable[Reply | CallFault]]
"""(method, form) → what came back. The seam below which a test puts its own Slack."""

_silent = logging.getLogger("router.slack.sdk")
_silent.setLevel(logging.CRITICAL)
_silent.propagate = False


def open_session(
    *, timeout: timedelta = CALL_TIMEOUT, resolver: aiohttp.abc.AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """The shared session. The bound must be set here: with a session, slack-sdk ignores its own `timeout`.

    Connecting has half of the time to itself, so that a network that swallows packets is told apart from a Slack that
    does not answer: in the first case nothing was written, and nothing needs to be searched for.
    """
    total = timeout.total_seconds()
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver),
        timeout=aiohttp.ClientTimeout(total=total, connect=total / 2),
        response_class=_Bounded,
        trace_configs=[trace],
    )


def open_socket_session(*, resolver: aiohttp.abc.AbstractResolver | None = None) -> aiohttp.ClientSession:
    """For connections that stand for hours, and the calls that ask for them: each bounds its own time."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver),
        timeout=aiohttp.ClientTimeout(total=None, connect=CALL_TIMEOUT.total_seconds() / 2),
        trace_configs=[trace],
    )


def proxy_for(url: str) -> str | None:
    """The proxy for a connection that stands: for `wss:` it is the one for `https:`, which aiohttp does not think of."""
    parts = urlsplit(url)
    if _is_reached_directly(url):
        return None
    return getproxies().get({"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme))


class _RedirectError(aiohttp.ClientError):
    """Slack never redirects a call: somebody else answered, and would be sent the message next."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def _refuse_redirect(
    _session: aiohttp.ClientSession, _context: object, redirect: aiohttp.TraceRequestRedirectParams
) -> None:
    # slack-sdk has no way to say that none is followed.
    redirect.response.close()
    raise _RedirectError(redirect.response.status)


class _Bounded(aiohttp.ClientResponse):
    """An answer of which no more than LARGEST_ANSWER is read."""

    async def read(self) -> bytes:
        if self._body is None:
            body = bytearray()
            try:
                async for piece in self.content.iter_chunked(64 * 1024):
                    body += piece
                    if len(body) > LARGEST_ANSWER:
                        break
            except BaseException:
                self.close()
                raise
            if len(body) > LARGEST_ANSWER:
                self.close()
                raise aiohttp.ClientPayloadError("the answer is too long")
            self._body = bytes(body)
        return self._body


class SdkWire:
    """slack-sdk's `api_call`, one form per call; the token is asked for at each, so that it may be rotated."""

    def __init__(
        self, session: aiohttp.ClientSession, token: Callable[[], str], *, api_url: str = SLACK_API_URL
    ) -> None:
        self._token = token
        self._client = AsyncWebClient(base_url=api_url, session=session, retry_handlers=[], logger=_silent)
        if _is_reached_directly(api_url):
            self._client.proxy = None  # slack-sdk takes HTTPS_PROXY for every address and knows no NO_PROXY

    async def __call__(self, method: str, form: Mapping[str, str]) -> Reply | CallFault:
        try:
            response = await self._client.api_call(
                method, data=dict(form), headers={"Authorization": f"Bearer {self._token().strip()}"}
            )
        except SlackApiError as error:
            return _reply(error.response)
        except _RedirectError as error:
            return Reply(status=error.status, headers={}, body=None)
        except (
            aiohttp.ClientConnectorError,  # refused, DNS, TLS, the proxy's own connection
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientHttpProxyError,
            aiohttp.InvalidURL,
        ) as error:
            return CallFault(error=f"cannot connect ({type(error).__name__})", is_written=False)
        except TimeoutError:
            return CallFault(error="no answer in time", is_written=True)
        except (aiohttp.ClientError, OSError) as error:
            return CallFault(error=f"connection lost ({type(error).__name__})", is_written=True)
        except (AttributeError, ValueError, RecursionError) as error:
            # slack-sdk stumbles over bodies that are no JSON object: plain text, a list, broken UTF-8.
            return CallFault(error=f"unreadable answer ({type(error).__name__})", is_written=True)
        return _reply(response)


def _is_reached_directly(api_url: str) -> bool:
    host = urlsplit(api_url).hostname or ""
    return host in {"localhost", "127.0.0.1", "::1"} or bool(proxy_bypass(host))


def _reply(response: Any) -> Reply:
    """From slack-sdk's response, or from aiohttp's own: that is what its error carries when JSON was broken."""
    body = getattr(response, "data", None)
    status = response.status if isinstance(response, aiohttp.ClientResponse) else response.status_code
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(status=status, headers=headers, body=body if isinstance(body, dict) else None)
