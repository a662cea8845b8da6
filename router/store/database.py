"""One SQLite file and who may touch it: one writer thread with one queue, and reading connections beside it.

A store function is a whole transaction in synchronous SQLAlchemy Core, `def f(conn, …)`, without await.
"""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy import Connection, create_engine, event

from router.runtime.clock import Clock
from router.runtime.metrics import Metrics
from router.store import migrate
from router.store.file import DatabaseFile, StorageError, trouble

log = logging.getLogger(__name__)
T = TypeVar("T")


class _Job(Generic[T]):
    __slots__ = ("call", "future", "loop", "then")

    def __init__(
        self, call: Callable[[Connection], T], then: Callable[[T], None] | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.call = call
        self.then = then
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()

    def finish(self, result: T | None, error: BaseException | None) -> None:
        # The loop may be gone when a process is being torn down; then nobody is left to tell.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._finish, result, error)

    def _finish(self, result: T | None, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)  # type: ignore[arg-type]


class Wrote(NamedTuple):
    """How the last transaction ended that changed something."""

    at: float
    """Monotonic seconds."""
    is_committed: bool


class Database:
    """The store's door. `write` runs on the one writer thread in BEGIN IMMEDIATE … COMMIT; `read` beside it."""

    def __init__(self, path: Path, clock: Clock, metrics: Metrics) -> None:
        """Raises StorageError, whose text says what a person can do."""
        self.path = path
        self._clock = clock
        self._metrics = metrics
        self._urgent: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._bulk: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._last = self._bulk
        self._work = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="reader")
        self.wrote: Wrote | None = None
        self._file = DatabaseFile(path)
        self.is_new = self._file.is_new
        try:
            migrate.upgrade(self._file.path)
            self._engine = _engine(self._file.path)
            self._writer = self._engine.connect()
            self._transact(self._file.begin)
        except (migrate.MigrationError, sqlalchemy.exc.DBAPIError, sqlite3.Error, OSError) as error:
            self._file.release()
            raise StorageError(trouble(path, error)) from error
        self._thread.start()

    @property
    def lost(self) -> str:
        """What this file has lost since the last time it was used, in a person's words; "" when nothing is missing."""
        return self._file.lost

    @property
    def size_bytes(self) -> int:
        """Of the file and its write-ahead log; 0 for what is not there."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    @property
    def has_urgent(self) -> bool:
        """Dispatch or delivery waits: the next ingest batch should be small."""
        return not self._urgent.empty()

    async def write(self, call: Callable[[Connection], T], *, then: Callable[[T], None] | None = None) -> T:
        """Evaluation, delivery and all else that is short: it waits for one ingest batch at most.

        `then` runs on the writer after the commit and before the next transaction.
        """
        return await self._put(self._urgent, call, then)

    async def write_bulk(self, call: Callable[[Connection], T], *, then: Callable[[T], None] | None = None) -> T:
        """An ingest batch: it waits for one transaction of the others at most, however many are queued."""
        return await self._put(self._bulk, call, then)

    async def read(self, call: Callable[[Connection], T]) -> T:
        """On a connection of its own; the transaction ends with the call."""

        def run() -> T:
            with self._engine.connect() as conn:
                return call(conn)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def close(self) -> None:
        """Finish what is queued, then let go of the file."""
        self._work.release()  # one turn more than there are jobs: the writer finds nothing, and ends
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        self._writer.close()
        self._engine.dispose()
        self._file.end()

    async def _put(
        self,
        lane: "queue.SimpleQueue[_Job[Any]]",
        call: Callable[[Connection], T],
        then: Callable[[T], None] | None,
    ) -> T:
        job = _Job(call, then, asyncio.get_running_loop())
        lane.put(job)
        self._work.release()
        # A transaction once queued runs to its end even if who asked for it went away.
        return await asyncio.shield(job.future)

    def _next(self) -> _Job[Any] | None:
        """Fair turns: where both lanes wait, the one that did not go last. Neither can keep the other from its turn:
        ten thousand first words to evaluate must not keep a single alert from its 2xx. None: closed, and all is done."""
        self._work.acquire()
        lanes = (self._urgent, self._bulk)
        for lane in lanes[::-1] if self._last is self._urgent else lanes:
            with contextlib.suppress(queue.Empty):
                job = lane.get_nowait()
                self._last = lane
                return job
        return None

    def _run(self) -> None:
        while (job := self._next()) is not None:
            started = self._clock.monotonic()
            try:
                result = self._transact(job.call)
                if job.then is not None:
                    job.then(result)
            except BaseException as error:  # noqa: BLE001  # handed to who asked; the writer itself must go on
                job.finish(None, error)
            else:
                job.finish(result, None)
            self._metrics.observe("commit_seconds", (), self._clock.monotonic() - started)

    def _transact(self, call: Callable[[Connection], T]) -> T:
        raw: Any = self._writer.connection.dbapi_connection
        before = raw.total_changes
        try:
            self._writer.exec_driver_sql("BEGIN IMMEDIATE")
            self._file.check()
            result = call(self._writer)
            self._file.reserve(self._writer)
            self._writer.exec_driver_sql("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlalchemy.exc.DBAPIError):
                self._writer.exec_driver_sql("ROLLBACK")
            if isinstance(error, (sqlalchemy.exc.DBAPIError, StorageError)):
                self.wrote = Wrote(self._clock.monotonic(), is_committed=False)
            raise
        if raw.total_changes != before:  # one that changes nothing succeeds on a full disk too
            self.wrote = Wrote(self._clock.monotonic(), is_committed=True)
        return result


def _engine(path: Path) -> sqlalchemy.Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        isolation_level="AUTOCOMMIT",  # transactions are begun by hand: BEGIN IMMEDIATE, never a deferred one
        connect_args={"check_same_thread": False, "timeout": 10, "cached_statements": 512},
    )

    def on_connect(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=OFF")  # held by the statements' order; a check per row costs the hot path
        # 16 MiB hold the indexes of 150,000 alerts and any transaction; what is beyond comes from the system's cache. The
        # whole file in here would be half a kilobyte an alert.
        cursor.execute("PRAGMA cache_size=-16384")
        cursor.execute("PRAGMA wal_autocheckpoint=4000")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    event.listen(engine, "connect", on_connect)
    return engine
