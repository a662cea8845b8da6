"""Socket Mode: Slack sends through connections that we open, so that nothing of ours has to be reachable.

Two connections stand. One that is about to end is replaced before it does; one that answers no ping is given up; what comes
through either goes to the one dispatch. https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from tenacity import wait_exponential

from router.core.answer import Answer, Outcome
from router.notifiers.slack.errors import CallFault, sort_answer
from router.notifiers.slack.inbound.decode import LARGEST_BODY, Door, Refusal, decode_payload
from router.notifiers.slack.inbound.dispatch import Dispatch, Via
from router.notifiers.slack.inbound.link import End, Envelope, Link
from router.notifiers.slack.wire import Wire, proxy_for
from router.runtime.back_off import back_off
from router.runtime.clock import Clock
from router.runtime.metrics import Metrics
from router.runtime.wake_up import WakeUp

log = logging.getLogger(__name__)

NAME: Final = "socket_mode"
WANTED: Final = 2
MOST_OPEN: Final = 6
"""With those that are about to end. Slack allows an app ten."""
CONNECT_WITHIN: Final = timedelta(seconds=10)
HELLO_WITHIN: Final = timedelta(seconds=15)
PING_EVERY: Final = timedelta(seconds=10)
ANSWERS_WITHIN: Final = timedelta(seconds=20)
"""From a ping to anything that is heard. Silence alone proves nothing: this machine may have slept."""
LEAVES_WITHIN: Final = timedelta(seconds=60)
"""Slack closes what it said it would close; if not, we do."""
WELL_AFTER: Final = timedelta(seconds=30)
"""A connection that has stood for so long says that the next failure is a new one."""
TICK: Final = timedelta(seconds=5)
MOST_WAITING: Final = 64
"""Envelopes that are being answered; beyond these nothing is read, and Slack's own queue holds the rest."""
_RESTS: Final = {End.LINK_DISABLED: timedelta(minutes=5), End.TOO_MANY: timedelta(minutes=1)}
_WORDS: Final = {
    End.LINK_DISABLED: "Socket Mode is switched off in the app's settings (link_disabled); asked again every 5 min",
    End.TOO_MANY: "the app has too many connections (too_many_websockets): do other routers use the same slack.app_token?",
    End.DEAD: "the connection to Slack answered no ping",
    End.LOST: "the connection to Slack broke off",
}
_BACKOFF: Final = wait_exponential(multiplier=1, max=60)


class SocketMode:
    """Of one process. `token` and `api_url` are asked each time: "" means that there is no Socket Mode."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        dispatch: Dispatch,
        clock: Clock,
        metrics: Metrics,
        *,
        wire: Callable[[], Wire],
        token: Callable[[], str],
        api_url: Callable[[], str],
        on_refused: Callable[[], None],
    ) -> None:
        """`session`: for the connections. `wire`: makes calls with the token. `on_refused`: Slack does not take the token;
        another may lie in its file."""
        self._session, self._dispatch, self._clock, self._metrics = session, dispatch, clock, metrics
        self._token, self._api_url, self._on_refused = token, api_url, on_refused
        self._wire = wire
        self._links: dict[Link, asyncio.Task[None]] = {}
        self._noted: set[Link] = set()
        """Of those that will end: what that means for the next one is known."""
        self._answers: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(MOST_WAITING)
        self._wake_up = WakeUp(clock)
        self._failures = 0
        self._next_try = 0.0
        self._used_token = ""
        self._is_closing = False
        self.last_error = ""
        """In a person's words; "" while all is well."""

    @property
    def wanted(self) -> int:
        return WANTED if self._used_token else 0

    @property
    def connected(self) -> int:
        """Connections over which something may come now."""
        return sum(link.is_standing for link in self._links)

    def trouble(self) -> str:
        """For /readyz; "" when all is well, or none is wanted."""
        if not self._used_token or self.connected or not self.last_error:
            return ""
        return f"Slack's Socket Mode has no connection, so nobody can act: {self.last_error}"

    async def turn(self) -> None:
        """One turn of its loop."""
        next_look = await self.tend()
        await self._wake_up.wait(until=None, at_most=next_look)

    async def tend(self) -> timedelta:
        """Look at every connection, and open what is missing. Returns when to look again at the latest."""
        token = self._token()
        if token != self._used_token:
            for link in self._links:
                link.will_end(End.UNASKED)
            self._used_token, self._failures, self._next_try, self.last_error = token, 0, 0.0, ""
        await self._look()
        if not token:
            return TICK
        now = self._clock.monotonic()
        while self._is_short() and now >= self._next_try:
            await self._open()
            now = self._clock.monotonic()
        return min(TICK, timedelta(seconds=max(self._next_try - now, 0.0))) if self._is_short() else TICK

    async def close(self) -> None:
        """What is being answered is answered; then nothing stands any more."""
        self._is_closing = True
        if self._answers:
            await asyncio.wait(self._answers, timeout=CONNECT_WITHIN.total_seconds())
        for link, task in self._links.items():
            link.will_end(End.UNASKED)
            task.cancel()
        if self._links:
            await asyncio.wait(self._links.values())
        for link in self._links:
            await link.close()
        self._links.clear()

    def _is_short(self) -> bool:
        lasting = sum(link.end is None for link in self._links)
        return lasting < WANTED and len(self._links) < MOST_OPEN and not self._is_closing

    async def _look(self) -> None:
        now = self._clock.monotonic()
        for link, task in list(self._links.items()):
            if task.done():
                await self._ended(link, task)
                continue
            if task.cancelling():
                continue  # it is being closed, which takes as long as the other side lets it
            self._note(link)
            if link.stands_since is not None and now - link.stands_since >= WELL_AFTER.total_seconds():
                self._failures = 0
            if _is_dead(link, now):
                link.will_end(End.DEAD)
                self._note(link)
                task.cancel()
            elif link.end is not None and self._may_go(link, now):
                task.cancel()
            elif now - max(link.heard_at, link.pinged_at) >= PING_EVERY.total_seconds():
                await link.ping()

    def _may_go(self, link: Link, now: float) -> bool:
        """One that will end is used until Slack closes it; where it does not, until another has long stood in its place."""
        has_heir = any(other.end is None and other.is_standing for other in self._links)
        if link.end is End.UNASKED:
            return has_heir or not self._used_token
        return link.end in {End.DEAD, End.LOST} or now - link.ends_since >= LEAVES_WITHIN.total_seconds()

    def _note(self, link: Link) -> None:
        if link.end in _WORDS and link not in self._noted:
            self._noted.add(link)
            self._failed(_WORDS[link.end], rest=_RESTS.get(link.end))

    async def _ended(self, link: Link, task: asyncio.Task[None]) -> None:
        await link.close()  # a reader that never began to run has closed nothing
        self._note(link)
        self._noted.discard(link)
        del self._links[link]
        end = link.end or End.LOST
        self._metrics.add("alert_router_slack_sockets_closed", (end.value,))
        error = None if task.cancelled() else task.exception()
        log.log(
            logging.INFO if error is None else logging.ERROR,
            "a connection of Socket Mode ended",
            extra={"reason": end.value, "standing": self.connected},
            exc_info=error,
        )

    async def _open(self) -> None:
        address = await self._address()
        if not address:
            return
        try:
            async with asyncio.timeout(CONNECT_WITHIN.total_seconds()):
                socket = await self._session.ws_connect(
                    address,
                    autoping=False,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2),
                    max_msg_size=2 * LARGEST_BODY,
                    proxy=proxy_for(address),
                )
        except TimeoutError:
            self._failed("Slack did not answer the handshake in time")
            return
        except (aiohttp.ClientError, OSError) as error:
            self._failed(f"cannot connect ({type(error).__name__})")
            return
        link = Link(socket, self._clock, self._take, self._changed)
        self._links[link] = asyncio.get_running_loop().create_task(link.run())

    async def _address(self) -> str:
        """Of one connection, for one use; "" when there is none, which `last_error` explains."""
        api_url = self._api_url()
        got = await self._wire()("apps.connections.open", {})
        answer = sort_answer(got)
        if answer.outcome is not Outcome.DELIVERED or isinstance(got, CallFault):
            self._refused(answer)
            return ""
        url = (got.body or {}).get("url")
        schemes = {"wss"} if urlsplit(api_url).scheme == "https" else {"ws", "wss"}
        if not isinstance(url, str) or urlsplit(url).scheme not in schemes:
            self._failed("Slack named no address to connect to")
            return ""
        return url

    def _refused(self, answer: Answer) -> None:
        if answer.outcome is Outcome.WORKSPACE_REFUSED:
            self._on_refused()
        hint = " (slack.app_token must be an app-level token, which begins with xapp-)"
        is_other_token = answer.error in {"not_allowed_token_type", "invalid_auth", "not_authed"}
        words = answer.error + (f": {answer.warning}" if answer.warning else "")
        self._failed(f"apps.connections.open: {words}{hint if is_other_token else ''}", rest=answer.retry_after)

    def _failed(self, words: str, *, rest: timedelta | None = None) -> None:
        self._failures += 1
        wait = rest or back_off(_BACKOFF, self._failures)
        self._next_try = max(self._next_try, self._clock.monotonic() + wait.total_seconds())
        if words != self.last_error:
            log.warning("Socket Mode has a connection less", extra={"why": words, "standing": self.connected})
        self.last_error = words

    def _changed(self) -> None:
        if any(link.is_standing and link.end is None for link in self._links):
            self.last_error = ""
        self._wake_up.wake()

    # What comes in.

    async def _take(self, link: Link, envelope: Envelope) -> None:
        if self._is_closing:
            return  # without an acknowledgement Slack sends it to another connection
        await self._room.acquire()
        task = asyncio.get_running_loop().create_task(self._answer(link, envelope))
        self._answers.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answers.discard(task)
        self._room.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an envelope of Slack's was not answered", exc_info=error)

    async def _answer(self, link: Link, envelope: Envelope) -> None:
        try:
            door = Door(envelope.type)
        except ValueError:
            log.info("Slack sent an envelope that nothing is made of", extra={"kind": envelope.type[:100]})
            await link.acknowledge(envelope, b"")
            return
        decoded = decode_payload(door, bytes(envelope.payload), api_url=self._api_url())
        if isinstance(decoded, Refusal):
            self._metrics.add("alert_router_slack_received", (Via.SOCKET_MODE.value, door.value, "unreadable"))
            log.warning(
                "Slack sent something that could not be read",
                extra={"door": door.value, "reason": decoded.reason.value, "detail": decoded.detail},
            )
            await link.acknowledge(envelope, b"")  # it would be as unreadable the next time
            return
        if decoded.dropped_urls:
            self._metrics.add("alert_router_slack_response_urls_refused", (), decoded.dropped_urls)
        answered = await self._dispatch.answer(decoded.inbound, Via.SOCKET_MODE)
        if answered.is_taken:
            await link.acknowledge(envelope, answered.body)


def _is_dead(link: Link, now: float) -> bool:
    if link.stands_since is None:
        return now - link.opened_at >= HELLO_WITHIN.total_seconds()
    return link.asked_at is not None and now - link.asked_at >= ANSWERS_WITHIN.total_seconds()
