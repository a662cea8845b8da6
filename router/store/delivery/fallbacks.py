"""For which incidents the fallback was called, once each, and that it is said where they belong once they are told there.

What the webhook is told of an incident is a message like every other: owed until it is told, and ended.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, text, update

from router.core.content import Subject
from router.core.delivery import FallsBack
from router.core.view import EntryKind, TimelineEntry
from router.store.delivery import pace
from router.store.evaluation import incidents, messages
from router.store.tables import FALLS_BACK, conversation, fallback, message
from rules.model.webhook import Fallback

log = logging.getLogger(__name__)

AT_ONCE = 50
"""Messages per transaction."""
_MOMENT = timedelta(minutes=1)
"""What could not be told for less than it has no beginning and end of its own."""

_OPEN = select(fallback).where(fallback.c.incident == bindparam("number"), fallback.c.until.is_(None))


def is_open(conn: Connection, number: int, notifier: str) -> bool:
    """Whether it was called for an incident of which its own notifier has told nothing since."""
    return conn.execute(_OPEN.where(fallback.c.notifier == notifier), {"number": number}).first() is not None


def away(conn: Connection, notifier: str, wanted: Fallback, now: datetime) -> None:
    """A call failed: where none was answered for so long, call it for all that has waited as long. What is left waits for
    the next failure, seconds later."""
    since = pace.failing_since(conn, notifier)
    if since is not None and since <= now - wanted.after:
        why = FallsBack("Slack is away", "Slack was away", since)
        _call_for_all(conn, notifier, wanted, why, before=now - wanted.after, now=now)


def refused_whole(conn: Connection, notifier: str, wanted: Fallback, why: FallsBack, now: datetime) -> None:
    """Everything is refused: call it for all that waits. What is left waits for the next refusal, seconds later."""
    _call_for_all(conn, notifier, wanted, why, before=now, now=now)


def _call_for_all(
    conn: Connection, notifier: str, wanted: Fallback, why: FallsBack, *, before: datetime, now: datetime
) -> None:
    query = (
        select(message.c.id, message.c.incident, message.c.subject, conversation.c.notifier)
        .join(conversation, conversation.c.id == message.c.conversation)
        .where(text(FALLS_BACK), message.c.due_since <= before)
        .order_by(message.c.due_since)
        .limit(AT_ONCE)
    )
    rows = conn.execute(query).fetchall()
    for row in rows:
        if row.notifier == notifier:
            call(conn, row.incident, Subject(row.subject), notifier, wanted, why, now)
    if rows:
        asked = update(message).where(message.c.id.in_([row.id for row in rows]))
        conn.execute(asked.values(fell_back=True))


def call(
    conn: Connection,
    number: int,
    subject: Subject,
    notifier: str,
    wanted: Fallback,
    why: FallsBack,
    now: datetime,
    *,
    refused: int | None = None,
) -> None:
    """Unless it was called before, is over, or, of its message in a channel, stands in another one. `refused`: that message
    was, alone: a channel that has not refused yet will tell it."""
    current = incidents.get(conn, number)
    stands = _has(conn, number, notifier, message.c.ts != "")
    if subject is Subject.INCIDENT and refused is not None:
        is_open = (conversation.c.refused == "") & (message.c.id != refused)
        if _has(conn, number, notifier, is_open):
            return
    known = conn.execute(select(fallback.c.incident).where(fallback.c.incident == number)).first()
    if known is not None or current.standing.ended_at is not None or (subject is Subject.INCIDENT and stands):
        return
    begun = messages.tell_webhook(conn, number, wanted.webhook, rank=current.view.severity.rank, now=now)
    conn.execute(
        insert(fallback).values(
            incident=number,
            notifier=notifier,
            webhook=wanted.webhook,
            why=why.past,
            since=why.since,
            until=now if stands and why.is_refusal else None,
            message=begun,
        )
    )
    entry = TimelineEntry(seq=0, at=now, kind=EntryKind.FALLBACK, people=(wanted.webhook,), detail=why.present)
    incidents.add(conn, number, entry, say_at=now if stands and why.is_refusal else None, is_broadcast=False)
    log.error("the fallback is called", extra={"incident": number, "webhook": wanted.webhook, "why": why.present})


def told(conn: Connection, number: int, notifier: str, now: datetime) -> None:
    """An incident is told where it belongs: if somebody else was called meanwhile, that is said there."""
    found = conn.execute(_OPEN.where(fallback.c.notifier == notifier), {"number": number}).first()
    if found is None:
        return
    conn.execute(update(fallback).where(fallback.c.incident == number).values(until=now))
    conn.execute(update(message).where(message.c.id == found.message).values(rings=False))
    lasted = now - found.since if now - found.since >= _MOMENT else None
    entry = TimelineEntry(
        seq=0, at=now, kind=EntryKind.FALLBACK, people=(found.webhook,), detail=found.why, lasted=lasted
    )
    incidents.add(conn, number, entry, say_at=now, is_broadcast=False)


def _has(conn: Connection, number: int, notifier: str, which: ColumnElement[bool]) -> bool:
    """Whether it has such a message in a channel."""
    query = (
        select(message.c.id)
        .join(conversation, conversation.c.id == message.c.conversation)
        .where(message.c.incident == number, message.c.subject == Subject.INCIDENT, which)
        .where(message.c.moved_to == "", ~message.c.is_over, conversation.c.notifier == notifier)
        .limit(1)
    )
    return conn.execute(query).first() is not None
