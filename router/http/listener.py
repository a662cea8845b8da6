"""The listening socket and its connections: how many there may be, how long one may take to ask, and what is logged of it.

aiohttp waits for ever for the rest of a request's head, and takes as many connections as there are descriptors; beyond
that nothing of this process can be opened, and nobody says so.
"""

import asyncio
import errno
import logging
import resource
import socket
from datetime import timedelta
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from router.runtime.clock import Clock
from router.runtime.metrics import Metrics

log = logging.getLogger(__name__)

NAME = "listener"
HEAD_WITHIN = timedelta(seconds=10)
"""From connecting, or from the first byte of a later request, to the last byte of its head."""
IDLE_FOR = timedelta(seconds=620)
"""Between two requests. Longer than load balancers keep a connection: else they send into one that is being closed."""
MOST = 4_096
"""Connections that are open at once."""
RESERVED = 128
"""Descriptors for all else: the database, its readers, calls to Slack."""
LONGEST_LINE = 16_384
_LOOK_EVERY = timedelta(seconds=1)
_SAY_EVERY_S = 60.0
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 30\r\n\r\ntoo many connections are open\n"
)


class Listener:
    """Serves one application. `turn` is one of the process's loops. `finish_within`: how long requests may take to end
    when it stops."""

    def __init__(
        self, application: web.Application, clock: Clock, metrics: Metrics, *, finish_within: timedelta
    ) -> None:
        self._clock = clock
        self._runner = _Runner(application, clock, metrics, finish_within)
        self._metrics = metrics
        self._is_exhausted = False

    @property
    def addresses(self) -> list[str]:
        """Where it listens, once started."""
        return [f"http://{_bracketed(host)}:{port}" for host, port, *_ in self._runner.addresses]

    @property
    def connections(self) -> "Connections":
        return self._runner.connections

    async def start(self, host: str, port: int) -> None:
        """Raises OSError."""
        await self._runner.setup()
        connections = self.connections
        self._metrics.gauge("alert_router_connections", "Open connections.", lambda: len(connections.open))
        self._metrics.gauge(
            "alert_router_connections_limit", "How many may be open at once.", lambda: connections.limit
        )
        try:
            await web.TCPSite(self._runner, host, port, backlog=1024).start()
        except OSError:
            await self._runner.cleanup()
            raise

    async def stop(self) -> None:
        """No more connections; requests in flight are answered."""
        await self._runner.cleanup()

    async def turn(self) -> None:
        """Wait a little, then look."""
        await self._clock.sleep(_LOOK_EVERY)
        self.look()

    def look(self) -> None:
        """Close what takes too long to ask, and find out how many connections there may be now."""
        connections = self.connections
        connections.limit = _limit()
        connections.close_late()
        self._look_for_descriptors()

    def _look_for_descriptors(self) -> None:
        """The event loop closes connections without a word where it has no descriptor for them."""
        try:
            socket.socket().close()
        except OSError as error:
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            self._metrics.add("alert_router_descriptors_exhausted")
            if not self._is_exhausted:
                log.error(  # noqa: TRY400  # the text says it all
                    "no file descriptor is left: connections are refused unseen; raise LimitNOFILE= or `ulimit -n`",
                    extra={"error": errno.errorcode[error.errno]},
                )
            self._is_exhausted = True
        else:
            if self._is_exhausted:
                log.info("there are file descriptors again")
            self._is_exhausted = False


class _Runner(web.AppRunner):
    """As aiohttp's, with connections of our own."""

    def __init__(self, application: web.Application, clock: Clock, metrics: Metrics, finish_within: timedelta) -> None:
        super().__init__(application, access_log=None, shutdown_timeout=finish_within.total_seconds())
        self._clock, self._metrics = clock, metrics
        self._connections: Connections | None = None

    @property
    def connections(self) -> "Connections":
        if self._connections is None:
            raise AssertionError("not set up")
        return self._connections

    async def _make_server(self) -> web.Server:
        self._connections = Connections(await super()._make_server(), self._clock, self._metrics)
        return self._connections


class Connections(web.Server):
    """All that are open, and whether another one may be."""

    def __init__(self, made: web.Server, clock: Clock, metrics: Metrics) -> None:
        super().__init__(made.request_handler, request_factory=made.request_factory)
        self.clock, self._metrics = clock, metrics
        self.open: dict[_Connection, None] = {}
        self.limit = _limit()
        self._said_at = -_SAY_EVERY_S

    def __call__(self) -> "_Connection":
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,
            logger=_unreadable,
            auto_decompress=False,
            keepalive_timeout=IDLE_FOR.total_seconds(),
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if isinstance(handler, _Connection):
            self.open[handler] = None

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        if isinstance(handler, _Connection):
            self.open.pop(handler, None)

    def has_room(self) -> bool:
        """Room is made for a new one, where there is none, by closing those that ask for nothing: first whose head takes
        the longest, then the idle."""
        if len(self.open) < self.limit:
            return True
        late = sorted((one for one in self.open if one.head_since is not None), key=lambda one: one.head_since or 0.0)
        idle = [one for one in self.open if one.head_since is None and one.is_waiting]
        closed = (late + idle)[: max(self.limit // 16, 1)]
        for one in closed:
            self._close(one, "made_room")
        if not closed:
            self._metrics.add("alert_router_connections_closed", ("refused",))
        now = self.clock.monotonic()
        if now - self._said_at >= _SAY_EVERY_S:
            self._said_at = now
            log.warning(
                "too many connections are open: those that ask for nothing are closed",
                extra={"limit": self.limit, "half_asked": len(late), "idle": len(idle)},
            )
        return bool(closed)

    def close_late(self) -> None:
        latest = self.clock.monotonic() - HEAD_WITHIN.total_seconds()
        for one in [one for one in self.open if one.head_since is not None and one.head_since <= latest]:
            self._close(one, "head_late")

    def _close(self, one: "_Connection", why: str) -> None:
        self.open.pop(one, None)  # its descriptor is free a moment later
        one.force_close()
        self._metrics.add("alert_router_connections_closed", (why,))


class _Connection(web.RequestHandler):
    """As aiohttp's, but it knows since when the head of a request is awaited."""

    __slots__ = ("_connections", "_is_refused", "head_since")

    def __init__(self, connections: Connections, **settings: Any) -> None:
        super().__init__(connections, **settings)
        self._connections = connections
        self.head_since: float | None = None
        """Monotonic; None while there is no head that is not whole."""
        self._is_refused = False

    @property
    def is_waiting(self) -> bool:
        """For the next request."""
        return self._waiter is not None and not self._waiter.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self._connections.has_room() and isinstance(transport, asyncio.WriteTransport):
            self._is_refused = True
            transport.write(_FULL)
            transport.close()
            return
        self.head_since = self._connections.clock.monotonic()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        super().data_received(data)
        waiter = self._waiter
        if waiter is None or waiter.done():  # what came was the end of a head, or is of a body
            self.head_since = None
        elif self.head_since is None:
            self.head_since = self._connections.clock.monotonic()


def _limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST
    return min(MOST, max(soft - RESERVED, soft // 2, 1))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _WithoutWords(logging.Filter):
    """What is logged of requests that are no HTTP: that there was one, and never what it said. aiohttp logs them as errors,
    with the line or header that it could not read: a mistyped token would lie in the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
            record.msg, record.args = "a request was refused: it is not readable as HTTP", ()
            record.exc_info = record.exc_text = None
            record.error = type(error).__name__
        return True


_unreadable = logging.getLogger(f"{__name__}.unreadable")
_unreadable.addFilter(_WithoutWords())
