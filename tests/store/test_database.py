"""One file, one writer: who may open it, what its schema is, and what happens to a transaction that fails."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, insert, select

from router.runtime.metrics import Metrics
from router.service.simulate import VirtualClock
from router.store import database as stores
from router.store import migrate
from router.store.database import Database, StorageError
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


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_file_system", lambda _: "nfs4")
    with pytest.raises(StorageError, match=r"network file system \(nfs4\).*use a local disk"):
        opened(tmp_path / "a.db")


def test_the_file_system_of_a_folder_is_the_deepest_mount(tmp_path: Path) -> None:
    assert stores._file_system(Path("/proc/self")) == "proc"
    assert stores._file_system(tmp_path) not in {"", "proc"}


def test_an_older_file_is_copied_whole_before_it_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = Config()
    first.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
    first.attributes |= {"url": f"sqlite:///{path}", "metadata": metadata}
    command.upgrade(first, "0001")
    killed = sqlite3.connect(path)  # whoever holds it open leaves its last words in the log beside the file
    killed.execute("PRAGMA journal_mode = WAL")
    killed.execute("INSERT INTO source (name, heard_at) VALUES ('prometheus', 1)")
    killed.execute("INSERT INTO pace (workspace, method, arrival_at) VALUES ('T1', 'chat.update', 1)")
    killed.commit()
    migrate.upgrade(path)
    copy = sqlite3.connect(tmp_path / f"a.db.before-{migrate.HEAD}")
    for file, revision in ((copy, "0001"), (killed, migrate.HEAD)):
        assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
        assert file.execute("SELECT name FROM source").fetchall() == [("prometheus",)]
    assert killed.execute("SELECT method, calls FROM pace").fetchall() == [("chat.update", "[]")]
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


async def test_what_is_short_goes_ahead_of_the_next_batch(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")
    order: list[str] = []
    try:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()
        go_on = asyncio.Event()

        def long(_: Connection) -> None:
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

        first = asyncio.ensure_future(database.write_bulk(long))
        await begun.wait()
        batch = asyncio.ensure_future(database.write_bulk(lambda _: order.append("batch")))
        short = asyncio.ensure_future(database.write(lambda _: order.append("short")))
        await asyncio.sleep(0)
        assert database.has_urgent
        go_on.set()
        await asyncio.gather(first, batch, short)
        assert order == ["short", "batch"]
    finally:
        await database.close()


def _names(conn: Connection) -> list[str]:
    return list(conn.execute(select(source.c.name)).scalars())
