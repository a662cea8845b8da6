"""Whether an alert can be committed: asked by many, answered from what the writer does anyway."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from router.runtime.metrics import Metrics
from router.service.health import HealthCheck
from router.service.loops import Loops
from router.service.simulate import VirtualClock
from router.store.database import Database
from router.store.health import Probe
from router.store.intake import sources
from tests.http.service import START

SECOND = timedelta(seconds=1)
Made = tuple[Database, Probe, VirtualClock]


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Made]:
    clock = VirtualClock(START)
    database = Database(tmp_path / "router.db", clock, Metrics())
    yield database, Probe(database, clock, within=timedelta(milliseconds=200)), clock
    await database.close()


def changes(database: Database) -> int:
    """Rows that were ever changed: one by each probe, one by each `write_something`."""
    raw: Any = database._writer.connection.dbapi_connection
    return int(raw.total_changes)


async def test_a_database_is_called_new_for_an_hour(made: Made) -> None:
    database, _, clock = made
    check = HealthCheck(database, cast("Loops", SimpleNamespace(all=[])), clock, trouble=list)
    new = ("this process began with a new, empty database",)
    assert (await check.health()).degraded == new
    clock.move_to(START + timedelta(minutes=60) - SECOND)
    assert (await check.health()).degraded == new
    clock.move_to(START + timedelta(minutes=60))
    assert (await check.health()).degraded == ()


def write_something(conn: Connection) -> None:
    sources.listen(conn, START, {})


async def test_who_asks_within_a_second_is_answered_by_one_commit(made: Made) -> None:
    database, probe, clock = made
    before = changes(database)
    assert all(await asyncio.gather(*(probe.can_commit() for _ in range(100))))
    assert changes(database) == before + 1
    clock.move_to(START + SECOND)
    assert all([await probe.can_commit() for _ in range(100)])
    assert changes(database) == before + 2


async def test_while_alerts_are_committed_nobody_probes(made: Made) -> None:
    database, probe, clock = made
    before = changes(database)
    for tenth in range(50):
        clock.move_to(START + SECOND * tenth / 10)
        await database.write_bulk(write_something)
        assert await probe.can_commit()
    assert changes(database) == before + 50


async def test_it_does_not_wait_behind_what_is_being_written(made: Made) -> None:
    database, probe, clock = made
    await database.write_bulk(write_something)
    begun, go_on = threading.Event(), threading.Event()

    def long(conn: Connection) -> None:
        begun.set()
        go_on.wait(10)
        write_something(conn)

    writing = asyncio.create_task(database.write(long))
    await asyncio.to_thread(begun.wait, 10)
    try:
        assert await probe.can_commit()  # something was committed just now: the writer lives
        clock.move_to(START + SECOND)
        assert not any(await asyncio.gather(*(probe.can_commit() for _ in range(20))))  # one waited, and not for ever
    finally:
        go_on.set()
    await writing
    clock.move_to(START + SECOND * 2)
    assert await probe.can_commit()


async def test_a_commit_that_failed_is_the_answer_and_so_is_one_that_works_again(made: Made) -> None:
    database, probe, _ = made
    assert await probe.can_commit()
    read_only(database, is_on=True)
    with pytest.raises(Exception, match="readonly"):
        await database.write_bulk(write_something)
    before = changes(database)
    assert not await probe.can_commit()
    read_only(database, is_on=False)
    await database.write_bulk(write_something)
    assert await probe.can_commit()
    assert changes(database) == before + 1


async def test_what_changes_nothing_proves_nothing(made: Made) -> None:
    database, probe, clock = made
    assert await probe.can_commit()
    proved = database.wrote
    clock.move_to(START + SECOND)
    await database.write(lambda conn: conn.exec_driver_sql("SELECT 1").scalar())
    assert database.wrote == proved


def read_only(database: Database, *, is_on: bool) -> None:
    """While nothing is written."""
    database._writer.exec_driver_sql(f"PRAGMA query_only = {'ON' if is_on else 'OFF'}")
