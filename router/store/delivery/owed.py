"""What is owed, conversation by conversation: of each the few messages that could go next, whatever the backlog.

Every lookup goes through an index of what is owed alone; none reads what was told before, nor all that waits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, Row, bindparam, select, text

from router.core.content import Subject
from router.core.delivery import Act, Intent, MessageState
from router.core.view import EntryKind, Phase, Response
from router.runtime.clock import from_ms
from router.store.delivery import fallbacks
from router.store.tables import (
    CHANGES,
    ENDS,
    FIRST_WORD,
    HAS_LINE,
    IN_DOUBT,
    IS_PUT_OFF,
    NOTE,
    OWED,
    InstantMs,
    conversation,
    incident,
    message,
    timeline,
)

_IS_FREE = "(not_before IS NULL OR not_before <= :now)"


def _head(where: str, order: str) -> str:
    """The first of a conversation's messages in some order."""
    return f"(SELECT id FROM message WHERE conversation = c.id AND {where} AND {_IS_FREE} ORDER BY {order} LIMIT 1)"  # noqa: S608  our own words


_WORST = f"(SELECT max(rank) FROM message WHERE conversation = c.id AND {FIRST_WORD} AND {_IS_FREE})"  # noqa: S608
_WAITS_FOR_PAGE = (
    "EXISTS (SELECT 1 FROM message AS p WHERE p.page = message.page AND p.conversation = message.conversation"
    " AND p.subject = 'page' AND p.page IS NOT NULL AND p.ts = '' AND NOT p.is_over)"
)
_HEADS = (
    _head(f"{IN_DOUBT} AND intent_due_at <= :now", "intent_due_at, id"),
    _head(f"{FIRST_WORD} AND rank = {_WORST}", "due_since, id"),
    _head(FIRST_WORD, "due_since, id"),
    _head(f"{NOTE} AND NOT {_WAITS_FOR_PAGE}", "due_since, id"),
    _head(ENDS, "due_since, id"),
    _head(CHANGES, "due_since, id"),
    _head(f"{HAS_LINE} AND thread_due_at <= :now AND delivery_id IS NULL", "thread_due_at, id"),
)


def _next(column: str, where: str) -> str:
    return f"(SELECT min({column}) FROM message WHERE conversation = c.id AND {where} AND {column} > :now)"  # noqa: S608


_NEXT = (_next("intent_due_at", IN_DOUBT), _next("not_before", IS_PUT_OFF), _next("thread_due_at", HAS_LINE))
_heads = ", ".join(f"CASE WHEN c.is_ready THEN {head} END AS head_{number}" for number, head in enumerate(_HEADS))
_nexts = ", ".join(f"{after} AS next_{number}" for number, after in enumerate(_NEXT))
_READY = "(next_at <= :now AND (claimed_until IS NULL OR claimed_until <= :now))"
_OWING = text(
    "WITH RECURSIVE owing(id) AS ("  # noqa: S608
    f"SELECT (SELECT min(conversation) FROM message WHERE {OWED}) "
    f"UNION ALL SELECT (SELECT min(conversation) FROM message WHERE {OWED} AND conversation > owing.id) "
    "FROM owing WHERE owing.id IS NOT NULL) "
    f"SELECT c.id, c.notifier, c.next_at, c.next_post_at, c.claimed_until, c.claim_token, c.claimed_message, c.posts, "
    f"c.is_ready, {_heads}, {_nexts} "
    f"FROM (SELECT conversation.*, {_READY} AS is_ready FROM owing JOIN conversation ON conversation.id = owing.id) AS c"
).bindparams(bindparam("now", type_=InstantMs()))


class Owing(msgspec.Struct, frozen=True):
    """A conversation in which something is owed."""

    id: int
    notifier: str
    is_ready: bool
    """A call may be made there now."""
    next_at: datetime | None
    """When that changes, or something falls due there; None: nothing is to come."""
    next_post_at: datetime | None
    posts: int
    lapsed: tuple[str, int, datetime] | None
    """Of a claim that ran out without an outcome: (token, message, when)."""
    heads: tuple[int, ...]
    """Messages that could go next: at most one of a kind."""


def owing(conn: Connection, now: datetime) -> list[Owing]:
    """Every conversation in which something is owed, ready or not."""
    return [_owing(row, now) for row in conn.execute(_OWING, {"now": now})]


def _owing(row: Row[Any], now: datetime) -> Owing:
    found = row._mapping  # noqa: SLF001  SQLAlchemy's documented way
    is_ready = bool(found["is_ready"])
    waits = [_instant(found[f"next_{number}"]) for number in range(len(_NEXT))]
    claimed_until = _instant(found["claimed_until"])
    if not is_ready:
        waits += [_instant(found["next_at"]), claimed_until]
    heads = dict.fromkeys(found[f"head_{number}"] for number in range(len(_HEADS)))
    lapsed = None
    if found["claim_token"] is not None and claimed_until is not None and claimed_until <= now:
        lapsed = found["claim_token"], int(found["claimed_message"] or 0), claimed_until
    return Owing(
        id=found["id"],
        notifier=found["notifier"],
        is_ready=is_ready,
        next_at=min((at for at in waits if at is not None and at > now), default=None),
        next_post_at=_instant(found["next_post_at"]),
        posts=found["posts"],
        lapsed=lapsed,
        heads=tuple(head for head in heads if head is not None),
    )


def _instant(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


_MESSAGES = (
    select(message)
    .add_columns(
        conversation.c.notifier,
        conversation.c.target,
        conversation.c.person,
        conversation.c.channel,
        conversation.c.refused_at,
        incident.c.state.label("incident_state"),
        incident.c.response,
        timeline.c.kind.label("entry_kind"),
    )
    .join(conversation, conversation.c.id == message.c.conversation)
    .outerjoin(incident, incident.c.number == message.c.incident)
    .outerjoin(timeline, (timeline.c.incident == message.c.incident) & (timeline.c.seq == message.c.entry))
    .where(message.c.id.in_(bindparam("ids", expanding=True, type_=Integer)))
)


def rows(conn: Connection, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """Messages with their conversation and incident, by id."""
    if not ids:
        return {}
    return {row.id: row for row in conn.execute(_MESSAGES, {"ids": list(ids)})}


def state_of(conn: Connection, row: Row[Any]) -> MessageState:
    """What delivery decides by."""
    subject = Subject(row.subject)
    return MessageState(
        subject=subject,
        target=row.target,
        channel=row.channel,
        ts=row.ts,
        posts=row.posts,
        version=row.version,
        notified_version=row.notified_version,
        due_since=row.due_since,
        thread_due_at=row.thread_due_at,
        not_before=row.not_before,
        intent=_intent(row),
        attempts=row.attempts,
        degraded=row.degraded,
        tells_end=row.tells_end,
        end_notified=row.end_notified,
        moved_to=row.moved_to,
        stands_in=row.stands_in_for is not None,
        refused_since=row.refused_at,
        is_resolved=row.incident_state == "resolved",
        taken_on_at=_taken_on_at(row.response),
        entry_is_end=row.entry_kind == EntryKind.ALL_RESOLVED.value,
        page_stands=_page_stands(conn, row) if subject is Subject.NOTE else None,
        ring_version=row.ring_version,
        ring_phase=Phase(row.ring_phase),
        told_phase=Phase(row.told_phase) if row.told_phase else None,
        only_wakes=not row.rings and subject is Subject.INCIDENT,
        is_known_elsewhere=row.fell_back and fallbacks.is_open(conn, row.incident, row.notifier),
    )


_decode_response = msgspec.json.Decoder(Response).decode


def _taken_on_at(response: str | None) -> datetime | None:
    if response is None or response == _NOBODYS:
        return None
    found = _decode_response(response)
    return None if found.phase is Phase.OPEN else found.at


_NOBODYS = msgspec.json.encode(Response()).decode()
"""Of nearly every incident, and quicker to compare than to read."""


def _intent(row: Row[Any]) -> Intent | None:
    if row.delivery_id is None:
        return None
    return Intent(
        act=Act(row.intent),
        key=row.delivery_id,
        at=row.intent_at,
        due_at=row.intent_due_at,
        version=row.intent_version,
        seq=row.intent_seq,
    )


_PAGE = (
    select(message.c.ts, message.c.is_over)
    .where(message.c.page == bindparam("page", type_=BigInteger), message.c.page.is_not(None))
    .where(message.c.conversation == bindparam("conversation", type_=BigInteger), message.c.subject == "page")
    .order_by(message.c.id.desc())  # one that was dropped may have been begun again
    .limit(1)
)


def _page_stands(conn: Connection, row: Row[Any]) -> bool | None:
    """Whether the page that a note follows stands; None: it never will."""
    found = conn.execute(_PAGE, {"page": row.page, "conversation": row.conversation}).first()
    if found is None or (found.is_over and found.ts == ""):
        return None
    return bool(found.ts != "")
