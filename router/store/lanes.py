"""What waits for the writer: one lane for intake, one for all else, and which of it shares a commit."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

TOGETHER = 16
"""Transactions of one commit: a commit is a write to the disk, and most of them are shorter than that."""


class Job(Generic[T]):
    """One transaction that somebody waits for. `then` runs after its commit, and before the next transaction."""

    __slots__ = ("_future", "_loop", "call", "then")

    def __init__(self, call: Callable[[Connection], T], then: Callable[[T], None] | None) -> None:
        self.call, self.then = call, then
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[T] = self._loop.create_future()

    def outcome(self) -> asyncio.Future[T]:
        """A transaction once queued runs to its end even if who asked for it went away."""
        return asyncio.shield(self._future)

    def finish(self, result: T | None, error: BaseException | None) -> None:
        """From the writer's thread."""
        # The loop may be gone when a process is being torn down; then nobody is left to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._finish, result, error)

    def _finish(self, result: T | None, error: BaseException | None) -> None:
        if self._future.done():
            return
        if error is not None:
            self._future.set_exception(error)
        else:
            self._future.set_result(result)  # type: ignore[arg-type]


class Lanes:
    """Fair turns: no turn leaves both lanes' first waiting. Ten thousand first words to evaluate must not keep a single
    alert from its 2xx, nor a flood of alerts the words about it.

    Who has a `then` tells the memory of what is committed about it, and what others of the same commit do may rest on that
    memory: such a transaction is the first of its commit, or alone.
    """

    def __init__(self) -> None:
        self._bulk: deque[Job[Any]] = deque()
        self._others: deque[Job[Any]] = deque()
        self._waiting = threading.Condition()
        self._is_closed = False
        self._is_others_turn = False

    @property
    def has_others(self) -> bool:
        return bool(self._others)

    def put(self, job: Job[Any], *, is_bulk: bool) -> None:
        with self._waiting:
            (self._bulk if is_bulk else self._others).append(job)
            self._waiting.notify()

    def close(self) -> None:
        with self._waiting:
            self._is_closed = True
            self._waiting.notify()

    def take(self) -> list[Job[Any]]:
        """Those of the next commit, in order; waits for one. Empty: closed, and all is done."""
        with self._waiting:
            while not (self._bulk or self._others or self._is_closed):
                self._waiting.wait()
            must_be_alone = bool(self._others) and self._others[0].then is not None
            if must_be_alone and (self._is_others_turn or not self._bulk):
                self._is_others_turn = False
                return [self._others.popleft()]
            self._is_others_turn = must_be_alone
            taken = [self._bulk.popleft()] if self._bulk else []
            while self._others and self._others[0].then is None and len(taken) < TOGETHER:
                taken.append(self._others.popleft())
            return taken
