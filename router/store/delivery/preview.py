"""The preview's messages: what would stand in Slack, kept so that a restart changes nothing."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from router.store.tables import preview

KEPT = 2_000
"""Messages; the oldest go first. The preview is for looking at, not a record: that is the timeline."""


class Row(msgspec.Struct, frozen=True):
    """One message. `document` is the transport's own JSON."""

    channel: str
    ts: str
    delivery_id: str
    document: str


def add(conn: Connection, row: Row, now: datetime) -> None:
    conn.execute(
        preview.insert().values(
            channel=row.channel, ts=row.ts, delivery_id=row.delivery_id, changed_at=now, document=row.document
        )
    )
    last = conn.execute(select(func.max(preview.c.seq))).scalar() or 0
    if last % 100 == 0:
        conn.execute(delete(preview).where(preview.c.seq <= last - KEPT))


def change(conn: Connection, channel: str, ts: str, document: str, now: datetime) -> bool:
    """False: there is no such message."""
    where = (preview.c.channel == channel) & (preview.c.ts == ts)
    return conn.execute(update(preview).where(where).values(document=document, changed_at=now)).rowcount == 1


def get(conn: Connection, channel: str, ts: str) -> str | None:
    where = (preview.c.channel == channel) & (preview.c.ts == ts)
    return conn.execute(select(preview.c.document).where(where)).scalar()


def find(conn: Connection, channel: str, delivery_id: str) -> str | None:
    """The `ts` of the message that carries a delivery id."""
    where = (preview.c.channel == channel) & (preview.c.delivery_id == delivery_id)
    return conn.execute(select(preview.c.ts).where(where)).scalar()


def last_ts(conn: Connection) -> str:
    return conn.execute(select(preview.c.ts).order_by(preview.c.seq.desc()).limit(1)).scalar() or ""


def rows(conn: Connection, *, since: datetime | None = None, most: int = KEPT) -> list[str]:
    """Documents, oldest message first; with `since` only what changed after it."""
    query = select(preview.c.document).order_by(preview.c.seq.desc()).limit(most)
    if since is not None:
        query = query.where(preview.c.changed_at > since)
    return list(reversed(list(conn.execute(query).scalars())))
