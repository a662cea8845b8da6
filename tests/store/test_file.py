"""The database's file: by whatever name, one process; what was taken away is said; and no number is given twice."""

import asyncio
import resource
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from adapters.alert import Severity
from router.core.evaluation import NotificationState
from router.core.view import State
from router.runtime.metrics import Metrics
from router.service.app import opened as service
from router.service.in_force import StartError
from router.service.simulate import VirtualClock
from router.store.database import Database
from router.store.evaluation import incidents
from router.store.file import BLOCK, StorageError, trouble
from router.store.tables import alert_group, settings, source
from tests.process import COMMAND, ROOT
from tests.store.stores import NOW

CONFIGURATION = """\
version: 1
server: {{listen: 127.0.0.1:0}}
storage: {{path: {path}}}
slack: preview
sources: {{p: {{adapter: prometheus, auth: none}}}}
routing: {{channel: '#a'}}
"""
STATE = NotificationState(State.TRIGGERED, NOW, NOW, NOW, 1, Severity.HIGH, NOW)


def opened(path: Path) -> Database:
    return Database(path, VirtualClock(NOW), Metrics())


def incident(conn: Connection) -> int:
    return incidents.open_incident(conn, group_id=1, route="r", group_labels="[]", standing=STATE, now=NOW)


async def test_a_second_process_is_kept_out_by_whatever_name_it_comes(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    first = opened(tmp_path / "real" / "a.db")
    (tmp_path / "b.db").symlink_to(tmp_path / "real" / "a.db")
    for other in (tmp_path / "link" / "a.db", tmp_path / "b.db"):
        with pytest.raises(StorageError, match="another alert-router runs on the database"):
            opened(other)
    await first.close()


@pytest.mark.parametrize("ending", ["", "-wal"])
async def test_a_file_that_is_taken_away_takes_no_commit(tmp_path: Path, ending: str) -> None:
    database = opened(tmp_path / "a.db")
    assert await database.write(incident) == 1
    (tmp_path / f"a.db{ending}").rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="was taken away while the router runs"):
        await database.write(incident)
    (tmp_path / f"a.db{ending}").write_bytes(b"another file")
    with pytest.raises(StorageError, match="or another file lies in its place"):
        await database.write(incident)
    (tmp_path / "elsewhere").rename(tmp_path / f"a.db{ending}")
    assert await database.write(incident) == 2
    await database.close()


async def test_numbers_go_on_where_a_file_that_is_gone_had_come_to(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = opened(path)
    assert database.lost == ""
    assert [await database.write(incident) for _ in range(3)] == [1, 2, 3]
    await database.close()
    path.unlink()
    again = opened(path)
    assert again.is_new
    assert "is gone: an empty one was begun" in again.lost
    assert await again.write(incident) == 1 + BLOCK + 1
    await again.close()
    third = opened(path)
    assert (third.lost, third.is_new) == ("", False)
    await third.close()


async def test_a_log_that_was_taken_away_after_a_kill_is_said_and_no_number_given_twice(tmp_path: Path) -> None:
    database = opened(tmp_path / "a.db")
    assert [await database.write(incident) for _ in range(3)] == [1, 2, 3]
    killed = tmp_path / "killed"
    killed.mkdir()
    for ending in ("", "-wal", ".mark"):  # as kill -9 leaves them
        shutil.copy(tmp_path / f"a.db{ending}", killed / f"a.db{ending}")
    await database.close()
    shutil.copytree(killed, tmp_path / "whole")
    whole = opened(tmp_path / "whole" / "a.db")
    assert whole.lost == ""
    assert await whole.write(incident) == 4
    await whole.close()

    (killed / "a.db-wal").unlink()
    torn = opened(killed / "a.db")
    assert "(-wal) was taken away" in torn.lost
    assert await torn.write(incident) == 1 + BLOCK + 1
    await torn.close()


async def test_a_damaged_file_is_named_at_the_start_with_what_to_do(tmp_path: Path) -> None:
    path, config = tmp_path / "a.db", tmp_path / "router.yaml"
    database = opened(path)
    await database.write(fill)
    await database.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 12288) + whole[-4096:])
    config.write_text(CONFIGURATION.format(path=path))
    with pytest.raises(StartError, match=r"is damaged \(.*\): restore a backup"):
        async with service([config]):
            raise AssertionError("it began")


def fill(conn: Connection) -> None:
    conn.execute(insert(settings).values(id="s", document="x" * 200_000))
    conn.execute(insert(source), [{"name": f"s{number}", "heard_at": NOW} for number in range(2_000)])
    rows = [
        {"route": f"r{number}", "labels": "[]" + "x" * 300, "settings_id": "s", "created_at": NOW}
        for number in range(500)
    ]
    conn.execute(insert(alert_group), rows)


async def test_a_disk_that_takes_nothing_is_named_at_the_start_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "router.yaml"
    config.write_text(CONFIGURATION.format(path=tmp_path / "a.db"))
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "serve",
        "--config",
        str(config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode
    assert f"the database {tmp_path / 'a.db'} cannot be read or written (disk I/O error)" in said.decode()
    assert "Traceback" not in said.decode()


def test_every_trouble_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    assert "no room for the database" in trouble(path, OSError(28, "No space left on device"))
    assert "cannot be written" in trouble(path, RuntimeError("attempt to write a readonly database"))
    assert trouble(path, RuntimeError("something else")) == "something else"
