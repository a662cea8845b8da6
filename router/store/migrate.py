"""Brings a database file to this version's schema: Alembic's revisions in `migrations/`, a copy of the file first."""

import sqlite3
from contextlib import closing
from pathlib import Path

from router.store.tables import metadata

HEAD = "0003"
_MIGRATIONS = Path(__file__).with_name("migrations")


class MigrationError(RuntimeError):
    """The file cannot be brought to this version's schema."""


def upgrade(path: Path) -> None:
    """Alembic is loaded only when there is something to do: it would double the start-up time."""
    revision = _revision(path)
    if revision == HEAD:
        return
    if revision is not None and revision not in _known():
        raise MigrationError(
            f"the database {path} is of a newer alert-router (schema {revision}; this one knows up to {HEAD}): run that version, or restore the copy made before its upgrade"
        )
    if revision is not None:
        _copy(path, path.with_name(f"{path.name}.before-{HEAD}"))
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = f"sqlite:///{path}"
    config.attributes["metadata"] = metadata
    command.upgrade(config, "head")


def _copy(path: Path, to: Path) -> None:
    """Whole, with what stands only in the write-ahead log of a process that was killed."""
    to.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _revision(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(path)
        try:
            has_versions = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if has_versions else None
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise MigrationError(
            f"{path} is not a database of alert-router ({error}): move it away, or choose another storage.path"
        ) from error
    return str(row[0]) if row else None


def _known() -> set[str]:
    return {file.name.split("_")[0] for file in (_MIGRATIONS / "versions").glob("*.py")}
