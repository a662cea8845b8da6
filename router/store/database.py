"""One SQLite file and who may touch it: one writer thread with one queue, and reading connections beside it.

A store function is a whole transaction in synchronous SQLAlchemy Core, `def f(conn, …)`, without await (ENGINE, *Store*).
"""

import asyncio
import contextlib
import errno
import fcntl
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy
from sqlalchemy import Connection, create_engine, event

from router.runtime.clock import Clock
from router.runtime.metrics import Metrics
from router.store import migrate

log = logging.getLogger(__name__)
T = TypeVar("T")

_NETWORK_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "fuse.sshfs",
    "fuse.glusterfs",
    "ceph",
    "lustre",
    "afs",
}


class StorageError(RuntimeError):
    """The database cannot be used; the text says what a person can do about it."""


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


class Database:
    """The store's door. `write` runs on the one writer thread in BEGIN IMMEDIATE … COMMIT; `read` beside it."""

    def __init__(self, path: Path, clock: Clock, metrics: Metrics) -> None:
        self.path = path
        self._clock = clock
        self._metrics = metrics
        self._urgent: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._bulk: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._last = self._bulk
        self._work = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="reader")
        self._lock_file = _lock(path)
        self.is_new = not path.exists() or path.stat().st_size == 0
        try:
            migrate.upgrade(path)
        except migrate.MigrationError as error:
            raise StorageError(str(error)) from error
        self._engine = _engine(path)
        self._writer = self._engine.connect()
        self._thread.start()

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
        self._lock_file.close()

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
        self._writer.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            result = call(self._writer)
            self._writer.exec_driver_sql("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlalchemy.exc.DBAPIError):
                self._writer.exec_driver_sql("ROLLBACK")
            raise
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


def _lock(path: Path) -> Any:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot create the folder of the database {path}: {error.strerror}") from error
    file_system = _file_system(path.parent)
    if file_system in _NETWORK_FILE_SYSTEMS:
        raise StorageError(
            f"the database {path} lies on a network file system ({file_system}), where SQLite loses data: use a local disk"
        )
    try:
        lock = path.with_name(path.name + ".lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES} and path.parent.exists():
            raise StorageError(
                f"another alert-router runs on the database {path}, or its folder may not be written: stop it, or choose another storage.path"
            ) from error
        raise StorageError(f"cannot write beside the database {path}: {error.strerror}") from error
    return lock


def _file_system(folder: Path) -> str:
    """The type of the file system a folder lies on, as /proc/mounts names it; "" where that cannot be read."""
    try:
        mounts = Path("/proc/mounts").read_text()
    except OSError:
        return ""
    resolved = str(folder.resolve())
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        point = fields[1].replace("\\040", " ")
        if (resolved == point or resolved.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind
