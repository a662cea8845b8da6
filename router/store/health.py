"""What the store says of itself: whether it takes a commit, what is owed, who refuses us."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, func, or_, select

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
