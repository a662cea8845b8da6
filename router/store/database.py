"""One SQLite file and who may touch it: one writer thread with one queue, and reading connections beside it.

A store function is a whole transaction in synchronous SQLAlchemy Core, `def f(conn, …)`, without await.
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy import Connection, create_engine, event

from router.runtime.clock import Clock
from router.runtime.metrics import Metrics
from router.store import migrate
from router.store.file import DatabaseFile, StorageError, trouble
from router.store.lanes import Job, Lanes

log = logging.getLogger(__name__)
T = TypeVar("T")


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
        self._lanes = Lanes()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="reader")
        self.wrote: Wrote | None = None
        self._is_shared = False
        self._file = DatabaseFile(path)
        self.is_new = self._file.is_new
        try:
            migrate.upgrade(self._file.path)
            self._engine = _engine(self._file.path)
            self._writer = self._engine.connect()
            self._writer.exec_driver_sql("BEGIN IMMEDIATE")
            self._file.begin(self._writer)
            self._writer.exec_driver_sql("COMMIT")
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
        """Evaluation or delivery waits, maybe for this very commit: an ingest batch should be small."""
        return self._is_shared or self._lanes.has_others

    async def write(self, call: Callable[[Connection], T], *, then: Callable[[T], None] | None = None) -> T:
        """Evaluation, delivery and all else that is short: it waits for one ingest batch at most.

        `then` runs on the writer after the commit and before the next transaction.
        """
        return await self._put(call, then, is_bulk=False)

    def write_bulk(self, call: Callable[[Connection], T], *, then: Callable[[T], None] | None = None) -> Awaitable[T]:
        """An ingest batch: it waits for one transaction of the others at most, however many are queued. It is queued when
        this returns, awaited or not."""
        return self._put(call, then, is_bulk=True)

    async def read(self, call: Callable[[Connection], T]) -> T:
        """On a connection of its own; the transaction ends with the call."""

        def run() -> T:
            with self._engine.connect() as conn:
                return call(conn)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def close(self) -> None:
        """Finish what is queued, then let go of the file."""
        self._lanes.close()
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        self._writer.close()
        self._engine.dispose()
        self._file.end()

    def _put(self, call: Callable[[Connection], T], then: Callable[[T], None] | None, *, is_bulk: bool) -> Awaitable[T]:
        job = Job(call, then)
        self._lanes.put(job, is_bulk=is_bulk)
        return job.outcome()

    def _run(self) -> None:
        while jobs := self._lanes.take():
            started = self._clock.monotonic()
            self._is_shared = len(jobs) > 1
            try:
                outcomes = self._transact(jobs)
            except BaseException as fault:  # noqa: BLE001  # handed to who asked; the writer itself must go on
                outcomes = [(None, fault)] * len(jobs)
            for job, (result, error) in zip(jobs, outcomes, strict=True):
                self._finish(job, result, error)
            self._metrics.observe("commit_seconds", (), self._clock.monotonic() - started)

    @staticmethod
    def _finish(job: Job[Any], result: Any, error: BaseException | None) -> None:
        try:
            if error is None and job.then is not None:
                job.then(result)
        except BaseException as found:  # noqa: BLE001  # as above
            error = found
        job.finish(result, error)

    def _transact(self, jobs: Sequence[Job[Any]]) -> list[tuple[Any, BaseException | None]]:
        """All of them in one transaction: what each came to, or why it alone was undone. Raises where none is committed."""
        raw: Any = self._writer.connection.dbapi_connection
        before = raw.total_changes
        try:
            self._writer.exec_driver_sql("BEGIN IMMEDIATE")
            self._file.check()
            if len(jobs) == 1:
                outcomes: list[tuple[Any, BaseException | None]] = [(jobs[0].call(self._writer), None)]
            else:
                outcomes = [self._one_of_several(job) for job in jobs]
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
        return outcomes

    def _one_of_several(self, job: Job[Any]) -> tuple[Any, BaseException | None]:
        """Its fault undoes it alone; a fault of the disk ends the whole transaction, and is raised."""
        self._writer.exec_driver_sql("SAVEPOINT one")
        try:
            result = job.call(self._writer)
        except BaseException as error:
            raw: Any = self._writer.connection.dbapi_connection
            if not raw.in_transaction:
                raise
            self._writer.exec_driver_sql("ROLLBACK TO one")
            self._writer.exec_driver_sql("RELEASE one")
            return None, error
        self._writer.exec_driver_sql("RELEASE one")
        return result, None


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
