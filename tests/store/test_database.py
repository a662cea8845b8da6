"""One file, one writer: who may open it, what its schema is, and what happens to a transaction that fails."""

import asyncio
import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, insert, select

from router.runtime.metrics import Metrics
from router.service.simulate import VirtualClock
from router.store import file as stores
from router.store import migrate
from router.store.database import Database
from router.store.file import StorageError
from router.store.lanes import TOGETHER
from router.store.tables import metadata, source
from tests.store.stores import NOW


def opened(path: Path) -> Database:
    return Database(path, VirtualClock(NOW), Metrics())


def test_migrations_give_exactly_the_schema_that_statements_are_written_against(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    migrate.upgrade(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as conn:
        differences = compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), metadata)
        indexes = {row[0] for row in conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index'")}
    engine.dispose()
    assert differences == []
    assert {index.name for table in metadata.tables.values() for index in table.indexes} <= indexes


async def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    first = opened(tmp_path / "a.db")
    try:
        with pytest.raises(StorageError, match="another alert-router runs on the database"):
            opened(tmp_path / "a.db")
    finally:
        await first.close()
    again = opened(tmp_path / "a.db")
    assert not again.is_new
    await again.close()


@asynccontextmanager
async def held(database: Database) -> AsyncIterator[None]:
    """The writer is busy until the block ends: what is queued within waits together."""
    has_begun, may_go_on = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        has_begun.set()
        may_go_on.wait()

    first = asyncio.ensure_future(database.write(hold))
    await asyncio.to_thread(has_begun.wait)
    yield
    may_go_on.set()
    await first


async def test_neither_lane_keeps_the_other_waiting_however_many_wait_in_it(tmp_path: Path) -> None:
    database, order = opened(tmp_path / "a.db"), list[str]()
    async with held(database):
        others = [asyncio.ensure_future(database.write(lambda _: order.append("other"))) for _ in range(40)]
        batches = [asyncio.ensure_future(database.write_bulk(lambda _: order.append("batch"))) for _ in range(3)]
        await asyncio.sleep(0)  # all of them are queued
    await asyncio.gather(*others, *batches)
    turn = ["batch", *["other"] * (TOGETHER - 1)]
    assert order == [*turn, *turn, "batch", *["other"] * (40 - 2 * (TOGETHER - 1))]
    await database.close()


async def test_what_tells_the_memory_of_commits_goes_first_or_alone_and_is_not_starved(tmp_path: Path) -> None:
    database, order = opened(tmp_path / "a.db"), list[str]()

    def said(what: str) -> Callable[[object], None]:
        return lambda _: order.append(what)

    async with held(database):
        waiting = []
        for number in range(2):
            call, then = said(f"ends {number}"), said(f"known {number}")
            waiting.append(asyncio.ensure_future(database.write(call, then=then)))
        waiting += [asyncio.ensure_future(database.write_bulk(said("batch"), then=said("kept"))) for _ in range(3)]
        waiting += [asyncio.ensure_future(database.write(said("other")))]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    ends = [["ends 0", "known 0"], ["ends 1", "known 1"]]
    assert order == ["batch", "kept", *ends[0], "batch", "kept", *ends[1], "batch", "other", "kept"]
    await database.close()


async def test_one_that_fails_in_a_shared_commit_is_undone_alone(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")

    def note(name: str) -> Callable[[Connection], object]:
        return lambda conn: conn.execute(insert(source).values(name=name, heard_at=NOW)).rowcount

    def fail(conn: Connection) -> None:
        note("half")(conn)
        raise LookupError("midway")

    async with held(database):
        calls: list[Callable[[Connection], object]] = [note("a"), fail, note("b"), note("a"), note("c")]
        jobs = [asyncio.ensure_future(database.write(call)) for call in calls]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(one).__name__ for one in outcomes] == ["int", "LookupError", "int", "IntegrityError", "int"]
    assert await database.read(_names) == ["a", "b", "c"]
    await database.close()


async def test_a_fault_that_ends_the_transaction_fails_all_of_a_shared_commit(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")

    def note(conn: Connection) -> int:
        return conn.execute(insert(source).values(name="a", heard_at=NOW)).rowcount

    def undo(conn: Connection) -> None:
        conn.exec_driver_sql("ROLLBACK")  # as SQLite does by itself after a fault of the disk
        raise OSError("disk I/O error")

    async with held(database):
        jobs = [asyncio.ensure_future(database.write(call)) for call in (note, undo)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [str(one) for one in outcomes] == ["disk I/O error"] * 2
    assert await database.read(_names) == []
    assert await database.write(note) == 1
    await database.close()


async def test_what_is_queued_is_done_before_the_file_is_let_go(tmp_path: Path) -> None:
    database, done, may_begin = opened(tmp_path / "a.db"), list[int](), threading.Event()
    first = asyncio.ensure_future(database.write(lambda _: may_begin.wait()))
    jobs = [asyncio.ensure_future(database.write(lambda _: done.append(1))) for _ in range(3)]
    jobs += [asyncio.ensure_future(database.write_bulk(lambda _: done.append(2)))]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(database.close())
    await asyncio.sleep(0)
    may_begin.set()
    await asyncio.gather(closing, first, *jobs)
    assert sorted(done) == [1, 1, 1, 2]


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_file_system", lambda _: "nfs4")
    with pytest.raises(StorageError, match=r"network file system \(nfs4\).*use a local disk"):
        opened(tmp_path / "a.db")


def test_the_file_system_of_a_folder_is_the_deepest_mount(tmp_path: Path) -> None:
    assert stores._file_system(Path("/proc/self")) == "proc"
    assert stores._file_system(tmp_path) not in {"", "proc"}


NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9998", "{before}", None, None


def upgrade() -> None:
    op.add_column("source", sa.Column("colour", sa.Text(), server_default=sa.text("'grey'"), nullable=False))
"""


def test_an_older_file_is_copied_whole_before_it_is_upgraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, before = tmp_path / "a.db", migrate.HEAD
    migrate.upgrade(path)
    killed = sqlite3.connect(path)  # whoever holds it open leaves its last words in the log beside the file
    killed.execute("PRAGMA journal_mode = WAL")
    killed.execute("INSERT INTO source (name, heard_at) VALUES ('prometheus', 1)")
    killed.commit()
    shutil.copytree(Path(migrate.__file__).with_name("migrations"), tmp_path / "migrations")
    (tmp_path / "migrations" / "versions" / "9998_next.py").write_text(NEXT.format(before=before))
    monkeypatch.setattr(migrate, "_MIGRATIONS", tmp_path / "migrations")
    monkeypatch.setattr(migrate, "HEAD", "9998")
    migrate.upgrade(path)
    copy = sqlite3.connect(tmp_path / "a.db.before-9998")
    for file, revision in ((copy, before), (killed, "9998")):
        assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
        assert file.execute("SELECT name FROM source").fetchall() == [("prometheus",)]
    assert killed.execute("SELECT colour FROM source").fetchall() == [("grey",)]
    killed.close()
    copy.close()


def test_a_schema_from_the_future_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    migrate.upgrade(path)
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match=r"is of a newer alert-router \(schema 9999"):
        opened(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("this is a letter, not a database" * 100)
    with pytest.raises(StorageError, match="is not a database of alert-router"):
        opened(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot create the folder"):
        opened(tmp_path / "file" / "a.db")


async def test_a_failed_transaction_leaves_nothing_and_the_writer_goes_on(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")
    try:

        def fail(conn: Connection) -> None:
            conn.execute(insert(source).values(name="half", heard_at=NOW))
            raise LookupError("midway")

        def note_whole(conn: Connection) -> str:
            conn.execute(insert(source).values(name="whole", heard_at=NOW))
            return "done"

        with pytest.raises(LookupError, match="midway"):
            await database.write(fail)
        noted: list[str] = []
        await database.write(note_whole, then=noted.append)
        assert noted == ["done"]
        assert await database.read(_names) == ["whole"]
    finally:
        await database.close()


def _names(conn: Connection) -> list[str]:
    return list(conn.execute(select(source.c.name)).scalars())


async def test_what_is_stored_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "deep" / "router.db"
    before = os.umask(0o022)
    try:
        database = opened(path)
        await database.write(lambda conn: conn.exec_driver_sql("CREATE TABLE more (x)"))
    finally:
        os.umask(before)
    assert database.is_new
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert files == dict.fromkeys(
        ("router.db", "router.db-wal", "router.db-shm", "router.db.lock", "router.db.mark"), 0o600
    )
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await database.close()


async def test_files_that_others_could_read_are_hidden(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await opened(path).close()
    copy = tmp_path / "router.db.before-0001"
    copy.touch()
    for file in (path, copy):
        file.chmod(0o644)
    await opened(path).close()
    assert {stat.S_IMODE(file.stat().st_mode) for file in (path, copy)} == {0o600}
