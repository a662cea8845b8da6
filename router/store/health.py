"""What the store says of itself: whether it takes a commit, what is owed, who refuses us."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, select, text

from router.store.tables import IS_REFUSED, OWED, conversation, message


class Stored(msgspec.Struct, frozen=True):
    """A reading."""

    pending_since: datetime | None
    """The oldest truth that somebody was not told yet."""
    refused: tuple[str, ...]
    """Channels and people that Slack refuses, with its word."""


def read(conn: Connection) -> Stored:
    since = conn.execute(select(func.min(message.c.due_since)).where(text(OWED))).scalar()
    rows = conn.execute(select(conversation.c.target, conversation.c.refused).where(text(IS_REFUSED)).limit(20))
    return Stored(since, tuple(f"{row.target}: {row.refused}" for row in rows))
