"""Folders in memory and an empty database to begin on: nobody pulls the plug here, and a migration costs more than a story."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from router.runtime.metrics import Metrics
from router.service.simulate import VirtualClock
from router.store.database import Database

MEMORY = Path("/dev/shm")  # noqa: S108  # a file system of Linux, not a guessable name in one


@contextmanager
def folder_with(name: str) -> Iterator[Path]:
    """A folder that is gone afterwards, with an empty database of that name in it."""
    with tempfile.TemporaryDirectory(dir=_place(), prefix="alert-router-") as made:
        (Path(made) / name).write_bytes(_empty())
        yield Path(made)


@cache
def _empty() -> bytes:
    folder = Path(tempfile.mkdtemp(dir=_place()))
    try:
        path = folder / "empty.db"
        clock = VirtualClock(datetime(2026, 11, 2, 12, tzinfo=UTC))
        asyncio.run(Database(path, clock, Metrics()).close())
        return path.read_bytes()
    finally:
        shutil.rmtree(folder)


def _place() -> Path | None:
    return MEMORY if MEMORY.is_dir() else None
