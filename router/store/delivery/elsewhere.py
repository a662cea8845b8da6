"""A channel refuses: what it was to be told is told in the fallback channel, and the thread is there until it takes it again.

An incident has one message in the fallback channel, and it is kept true to the end as in any further channel, whatever the
channel that refused takes or refuses meanwhile. What stands in that one stays owed there. Only the thread, and with it
what is broadcast, has one place at a time: while the primary channel refuses it is in the fallback channel, and with the
first word that the primary channel takes it is there again. Each thread hears what it has missed, and nothing rings in
both. It is neither taken from nor given to a message in the middle of a word: that would be said twice, or never.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from router.core.content import Subject
from router.core.delivery import Elsewhere
from router.core.view import EntryKind, TimelineEntry
from router.store.delivery.claim import Work
from router.store.evaluation import incidents, messages
from router.store.tables import conversation, message


def go(conn: Connection, work: Work, where: Elsewhere, now: datetime) -> None:
    """Tell it there, unless it is told there already; the thread goes there either way."""
    there = messages.conversation_for(conn, work.notifier, where.channel, now=now)
    if work.incident is None:
        _move(conn, work, there, word=where.word, now=now)
        return
    mine = _message(conn, work.message_id)
    found = _stand_in(conn, mine.id)
    if found is None and (shown := messages.shown_at(conn, work.incident, there)) is not None:
        found = _message(conn, shown)
    if found is not None and (not mine.is_primary or found.is_over or _is_speaking(found)):
        return
    number = _begin(conn, mine, there, word=where.word, now=now) if found is None else found.id
    conn.execute(update(message).where(message.c.id == number).values(stands_in_for=mine.id))
    if mine.is_primary:
        _hand_over(conn, mine, number, now=now)
    entry = TimelineEntry(
        seq=0,
        at=now,
        kind=EntryKind.CHANNEL_REFUSED,
        detail=f"{work.state.target}: {where.error}; told in {where.channel} instead",
    )
    incidents.add(conn, work.incident, entry, say_at=None, is_broadcast=False)


def come_home(conn: Connection, work: Work, now: datetime) -> None:
    """A word was taken, by a channel that may have refused or by what stands in for one that may refuse no longer: the
    thread is at home again, and what was begun elsewhere meanwhile and nobody has seen is not needed any more."""
    found = _message(conn, work.message_id) if work.state.stands_in else _stand_in(conn, work.message_id)
    if found is None or found.incident is None:
        return
    mine = _message(conn, found.stands_in_for)
    if mine.ts == "" or mine.is_over or _refuses(conn, mine) or _is_speaking(mine) or _is_speaking(found):
        return
    if found.is_primary:
        _hand_over(conn, found, mine.id, now=now)
    if found.ts == "" and found.word:
        moved = {"moved_to": f"{work.state.target} as #{work.incident}", "tells_end": True}
        conn.execute(update(message).where(message.c.id == found.id).values(moved))


def _begin(conn: Connection, mine: Row[Any], there: int, *, word: str, now: datetime) -> int:
    """A message like the one that is refused. `posts`: who was told of it before is told the end of it there."""
    number = messages.begin(
        conn,
        subject=Subject.INCIDENT,
        conversation_id=there,
        rank=mine.rank,
        now=now,
        incident=mine.incident,
        is_copy=mine.is_copy,
        thread_seq=mine.thread_seq,
    )
    like_it = {"word": word, "tells_end": mine.tells_end, "posts": mine.posts}
    conn.execute(update(message).where(message.c.id == number).values(like_it))
    return number


def _hand_over(conn: Connection, holder: Row[Any], to: int, *, now: datetime) -> None:
    """The thread goes on below another message, with the lines that were told elsewhere since it was there; those rang
    already. Whoever says where the thread is says so anew."""
    number, heard = holder.incident, _message(conn, to).thread_seq
    incidents.say_quietly(conn, number, after=heard, until=holder.thread_seq)
    due_at = incidents.next_line_at(conn, number, heard)
    conn.execute(update(message).where(message.c.id == holder.id).values(is_primary=False, thread_due_at=None))
    conn.execute(update(message).where(message.c.id == to).values(is_primary=True, thread_due_at=due_at))
    messages.renew(conn, number, now=now)


def _is_speaking(row: Row[Any]) -> bool:
    """It is being posted or answered below, or may have been."""
    return row.delivery_id is not None


def _refuses(conn: Connection, row: Row[Any]) -> bool:
    return bool(conn.execute(_REFUSED, {"id": row.conversation}).scalar_one())


_REFUSED = select(conversation.c.refused).where(conversation.c.id == bindparam("id"))
_BY_ID = select(message).where(message.c.id == bindparam("id"))
_STAND_IN = select(message).where(
    message.c.stands_in_for == bindparam("id"), ~message.c.is_over, message.c.moved_to == ""
)


def _message(conn: Connection, number: int) -> Row[Any]:
    return conn.execute(_BY_ID, {"id": number}).one()


def _stand_in(conn: Connection, number: int) -> Row[Any] | None:
    return conn.execute(_STAND_IN, {"id": number}).first()


def _move(conn: Connection, work: Work, conversation_id: int, *, word: str, now: datetime) -> None:
    """A word of the router's own, said once: it is said there instead."""
    anew = {"posts": message.c.posts + 1, "attempts": 0, "not_before": None, "due_since": now}
    conn.execute(
        update(message)
        .where(message.c.id == work.message_id)
        .values(anew | {"conversation": conversation_id, "word": word})
    )
