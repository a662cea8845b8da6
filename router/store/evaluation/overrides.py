"""Overrides of schedules as they are stored: each a row, kept for a while when it is over. What one means is
`core.acts.override`'s to say."""

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.exc import DBAPIError

from router.core.acts.override import MadeOverride
from router.store.tables import oncall_override

_COLUMNS = tuple(oncall_override.c[name] for name in MadeOverride.__struct_fields__)


def _override(row: Any) -> MadeOverride:
    return MadeOverride(**row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it


def open_at(conn: Connection, now: datetime) -> list[MadeOverride]:
    """Those that have not ended, in the order in which they were made."""
    query = select(*_COLUMNS).where(oncall_override.c.ends > now).order_by(oncall_override.c.number)
    return [_override(row) for row in conn.execute(query)]


def put(conn: Connection, one: MadeOverride) -> MadeOverride:
    """Made, or changed; as it is kept."""
    values = msgspec.structs.asdict(one)
    number = values.pop("number")
    if number:
        conn.execute(update(oncall_override).where(oncall_override.c.number == number).values(values))
        return one
    made = conn.execute(oncall_override.insert().values(values).returning(oncall_override.c.number)).scalar_one()
    return msgspec.structs.replace(one, number=int(made))


def forget(conn: Connection, before: datetime, most: int) -> int:
    """Of those that ended before; returns how many."""
    old = select(oncall_override.c.number).where(oncall_override.c.ends < before)
    found = list(conn.execute(old.order_by(oncall_override.c.ends).limit(most)).scalars())
    if found:
        conn.execute(delete(oncall_override).where(oncall_override.c.number.in_(found)))
    return len(found)


def at_hand(path: Path, now: datetime) -> list[MadeOverride]:
    """Those of a database that may be another process's, which is left as it is. None where it cannot be read."""
    if not path.is_file():
        return []
    engine = sqlalchemy.create_engine(
        f"sqlite:///file:{path.absolute()}?mode=ro&uri=true", poolclass=sqlalchemy.NullPool
    )
    try:
        with closing(engine.connect()) as conn:
            return open_at(conn, now)
    except DBAPIError:  # an older one, or none of ours: the commands that ask are about rules
        return []
