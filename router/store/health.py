"""What the store says of itself: whether it takes a commit, what is owed, who refuses us."""

from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection, and_, create_engine, func, or_, select
from sqlalchemy.exc import DBAPIError

from router.store import group_counts
from router.store.tables import conversation, message, pace


class Stored(msgspec.Struct, frozen=True):
    """A reading."""

    pending_since: datetime | None
    """The oldest truth that somebody was not told yet."""
    refused: tuple[str, ...]
    """Channels and people that Slack refuses, with its word."""


def read(conn: Connection) -> Stored:
    owed = and_(
        ~message.c.is_over, or_(message.c.notified_version < message.c.version, message.c.delivery_id.is_not(None))
    )
    since = conn.execute(select(func.min(message.c.due_since)).where(owed)).scalar()
    rows = conn.execute(
        select(conversation.c.target, conversation.c.refused).where(conversation.c.refused != "").limit(20)
    )
    return Stored(since, tuple(f"{row.target}: {row.refused}" for row in rows))


def is_blocked(conn: Connection, workspace: str, now: datetime) -> bool:
    """Whether the whole workspace is still left in peace after a refusal."""
    where = and_(pace.c.workspace == workspace, pace.c.method == "*", pace.c.blocked_until > now)
    return conn.execute(select(pace.c.method).where(where)).first() is not None


def wrong_counts(path: Path) -> int | None:
    """How many of the counts kept with groups a recount of a file contradicts; None where it cannot be read. Changes
    nothing, and may be asked while a router runs on it."""
    engine = create_engine(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true")
    try:
        with engine.connect() as conn:
            return len(group_counts.wrong(conn))
    except DBAPIError:
        return None
    finally:
        engine.dispose()
