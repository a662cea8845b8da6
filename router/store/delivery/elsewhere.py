"""A channel refuses: what it was to be told is told in the fallback channel meanwhile, and comes home again.

What stands in the channel that refuses stays owed there. Its stand-in is a message of its own, one for each; the thread
goes with it, and back.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from router.core.content import Subject
from router.core.delivery import Elsewhere
from router.core.view import EntryKind, TimelineEntry
from router.store.delivery.claim import Work
from router.store.evaluation import incidents, messages
from router.store.tables import message


def go(conn: Connection, work: Work, where: Elsewhere, now: datetime) -> None:
    """Tell it there, unless it is told there already."""
    there = messages.conversation_for(conn, work.notifier, where.channel, now=now)
    if work.incident is None or work.state.subject is Subject.POST:
        _move(conn, work, there, word=where.word, now=now)
        return
    if _stand_in(conn, work) is not None or messages.is_shown(conn, work.incident, there):
        return
    mine = conn.execute(select(message).where(message.c.id == work.message_id)).one()
    number = messages.begin(
        conn,
        subject=Subject.INCIDENT,
        conversation_id=there,
        rank=mine.rank,
        now=now,
        incident=work.incident,
        is_primary=mine.is_primary,
        is_copy=mine.is_copy,
        thread_seq=mine.thread_seq,
    )
    conn.execute(
        update(message)
        .where(message.c.id == number)
        .values(
            stands_in_for=mine.id,
            word=where.word,
            tells_end=mine.tells_end,
            posts=mine.posts,  # who was told of it before is told the end of it there
            thread_due_at=mine.thread_due_at,
        )
    )
    conn.execute(update(message).where(message.c.id == mine.id).values(is_primary=False, thread_due_at=None))
    entry = TimelineEntry(
        seq=0,
        at=now,
        kind=EntryKind.CHANNEL_REFUSED,
        detail=f"{work.state.target}: {where.error}; told in {where.channel} instead",
    )
    incidents.add(conn, work.incident, entry, say_at=None, is_broadcast=False)


def come_home(conn: Connection, work: Work, now: datetime) -> None:
    """The channel takes what it refused: its stand-in says where it went, and the thread goes on at home."""
    found = _stand_in(conn, work)
    if found is None or work.incident is None:
        return
    gone = {"is_primary": False, "thread_due_at": None, "version": found.version + 1, "due_since": now}
    moved = f"{work.state.target} as #{work.incident}"
    conn.execute(
        update(message)
        .where(message.c.id == found.id)
        .values(gone | {"moved_to": moved, "tells_end": True, "stands_in_for": None})
    )
    if found.is_primary:
        mine = message.c.id == work.message_id
        own = conn.execute(select(message.c.thread_seq).where(mine)).scalar_one()
        conn.execute(
            update(message)
            .where(mine)
            .values(is_primary=True, thread_seq=max(own, found.thread_seq), thread_due_at=found.thread_due_at)
        )


_STAND_IN = select(message).where(
    message.c.stands_in_for == bindparam("id"), ~message.c.is_over, message.c.moved_to == ""
)


def _stand_in(conn: Connection, work: Work) -> Row[Any] | None:
    return conn.execute(_STAND_IN, {"id": work.message_id}).first()


def _move(conn: Connection, work: Work, conversation_id: int, *, word: str, now: datetime) -> None:
    """A word of the router's own, said once: it is said there instead."""
    anew = {"posts": message.c.posts + 1, "attempts": 0, "not_before": None, "due_since": now}
    conn.execute(
        update(message)
        .where(message.c.id == work.message_id)
        .values(anew | {"conversation": conversation_id, "word": word})
    )
