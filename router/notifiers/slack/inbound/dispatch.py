"""One dispatch behind HTTP and Socket Mode: each thing that was done is handed on once, and answered in time.

What is remembered here saves work; that an act counts once for good is for whoever writes it down.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec

from router.core.acts.grammar.words import LATE, NOT_TAKEN
from router.notifiers.slack.inbound.response import Reply, Response, changes_nothing, encoded
from router.notifiers.slack.inbound.values import KINDS, Inbound, SlashCommand, SslCheck, Unknown, UrlVerification
from router.runtime.metrics import Metrics

log = logging.getLogger(__name__)

Respond = Callable[[Inbound], Awaitable[Response]]
"""What is made of it. Returns when it is written down; may be asked the same twice, at the same time too."""

ANSWER_WITHIN: Final = timedelta(seconds=2.5)
"""Slack waits three seconds, the way there and back included."""
FINISH_WITHIN: Final = timedelta(seconds=15)
MOST_AT_ONCE: Final = 256
MOST_REMEMBERED: Final = 2_000
MOST_REMEMBERED_BYTES: Final = 8 * 1024 * 1024


class Via(StrEnum):
    """How it came."""

    HTTP = "http"
    SOCKET_MODE = "socket_mode"


class Outcome(StrEnum):
    """What became of it."""

    ANSWERED = "answered"
    REPEATED = "repeated"
    FAILED = "failed"
    LATE = "late"
    BUSY = "busy"


class Answered(msgspec.Struct, frozen=True):
    """What goes back to Slack."""

    is_taken: bool
    body: bytes = b""


class Dispatch:
    """Of one process."""

    def __init__(self, respond: Respond, metrics: Metrics) -> None:
        self._respond, self._metrics = respond, metrics
        self._running: dict[object, asyncio.Task[bytes | None]] = {}
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    async def answer(self, inbound: Inbound, via: Via, *, within: timedelta = ANSWER_WITHIN) -> Answered:
        """Never raises, and takes no longer than `within`: what is not done by then is done all the same, and Slack sends it
        again or tells the person."""
        outcome, body = await self._outcome(inbound, within)
        self._metrics.add("alert_router_slack_received", (via.value, KINDS[type(inbound)], outcome.value))
        if body is not None:
            return Answered(True, body)
        if isinstance(inbound, SlashCommand):
            # Slack would say "failed with the error http_service_error", and nothing else.
            words = LATE if outcome is Outcome.LATE else NOT_TAKEN
            return Answered(True, encoded(inbound, Reply(words)))
        return Answered(False)

    async def finish(self, *, within: timedelta = FINISH_WITHIN) -> None:
        """Let what has begun end."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=within.total_seconds())

    async def _outcome(self, inbound: Inbound, within: timedelta) -> tuple[Outcome, bytes | None]:
        match inbound:
            case UrlVerification(challenge):
                return Outcome.ANSWERED, msgspec.json.encode({"challenge": challenge})
            case SslCheck():
                return Outcome.ANSWERED, b""
            case Unknown(kind):
                log.info("Slack sent something that nothing is made of", extra={"kind": kind})
                return Outcome.ANSWERED, b""
        known = self._answers.get(inbound.key) if inbound.key else None
        if known is not None:
            return Outcome.REPEATED, known
        task = self._running.get(inbound.key) if inbound.key else None
        is_repeated = task is not None
        if task is None:
            if len(self._running) >= MOST_AT_ONCE:
                return Outcome.BUSY, None
            task = self._begin(inbound)
        try:
            async with asyncio.timeout(within.total_seconds()):
                body = await asyncio.shield(task)
        except TimeoutError:
            log.warning("a person's act in Slack was not written down in time", extra={"kind": KINDS[type(inbound)]})
            return Outcome.LATE, None
        if body is None:
            return Outcome.FAILED, None
        return Outcome.REPEATED if is_repeated else Outcome.ANSWERED, body

    def _begin(self, inbound: Inbound) -> "asyncio.Task[bytes | None]":
        name: object = inbound.key or object()
        task = asyncio.get_running_loop().create_task(self._carried_out(inbound))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))
        return task

    async def _carried_out(self, inbound: Inbound) -> bytes | None:
        try:
            response = await self._respond(inbound)
            body = encoded(inbound, response)
        except Exception:  # the top of a person's act: Slack sends it again, or tells them
            log.exception("a person's act in Slack stumbled", extra={"kind": KINDS[type(inbound)]})
            return None
        if inbound.key and not changes_nothing(response):
            self._remember(inbound.key, body)
        return body

    def _remember(self, key: str, body: bytes) -> None:
        self._answers[key] = body
        self._bytes += len(body)
        while len(self._answers) > MOST_REMEMBERED or self._bytes > MOST_REMEMBERED_BYTES:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= len(oldest)
