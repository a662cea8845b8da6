"""What began and ended while it was held back: counted by channel and holder, told as one word when the holding ends."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select, update

from router.core.member import Suppressor
from router.store.tables import InstantMs, suppressed_summary


class Summary(msgspec.Struct, frozen=True):
    """A count that is due to be told."""

    channel: str
    kind: str
    name: str
    """What suppressed them."""
    alerts: int


def add(conn: Connection, channel: str, suppressor: Suppressor, alerts: int, *, due_at: datetime) -> None:
    kind, name = suppressor
    mine = (
        (suppressed_summary.c.channel == channel)
        & (suppressed_summary.c.kind == kind)
        & (suppressed_summary.c.name == name)
    )
    more = update(suppressed_summary).where(mine).values(alerts=suppressed_summary.c.alerts + alerts, due_at=due_at)
    if conn.execute(more).rowcount == 0:
        conn.execute(
            suppressed_summary.insert().values(channel=channel, kind=kind, name=name, due_at=due_at, alerts=alerts)
        )


_DUE = select(
    suppressed_summary.c.channel, suppressed_summary.c.kind, suppressed_summary.c.name, suppressed_summary.c.alerts
).where(suppressed_summary.c.due_at <= bindparam("now", type_=InstantMs()))
_NEXT_DUE = select(func.min(suppressed_summary.c.due_at))


def take_due(conn: Connection, now: datetime) -> list[Summary]:
    """Those whose time has come; they are told in the transaction that takes them."""
    rows = conn.execute(_DUE, {"now": now}).fetchall()
    if rows:
        conn.execute(delete(suppressed_summary).where(suppressed_summary.c.due_at <= now))
    return [Summary(row.channel, row.kind, row.name, row.alerts) for row in rows]


def next_due(conn: Connection) -> datetime | None:
    return conn.execute(_NEXT_DUE).scalar()
