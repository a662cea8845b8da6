"""What began and ended while it was held back: counted by channel and holder, told as one word when the holding ends."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from router.store.tables import held_over


class Summary(msgspec.Struct, frozen=True):
    """A count that is due to be told."""

    channel: str
    held_by: str
    alerts: int


def add(conn: Connection, channel: str, held_by: str, alerts: int, *, due_at: datetime) -> None:
    mine = (held_over.c.channel == channel) & (held_over.c.held_by == held_by)
    more = update(held_over).where(mine).values(alerts=held_over.c.alerts + alerts, due_at=due_at)
    if conn.execute(more).rowcount == 0:
        conn.execute(held_over.insert().values(channel=channel, held_by=held_by, due_at=due_at, alerts=alerts))


def take_due(conn: Connection, now: datetime) -> list[Summary]:
    """Those whose time has come; they are told in the transaction that takes them."""
    due = held_over.c.due_at <= now
    rows = conn.execute(select(held_over.c.channel, held_over.c.held_by, held_over.c.alerts).where(due)).fetchall()
    if rows:
        conn.execute(delete(held_over).where(due))
    return [Summary(row.channel, row.held_by, row.alerts) for row in rows]


def next_due(conn: Connection) -> datetime | None:
    return conn.execute(select(func.min(held_over.c.due_at))).scalar()
