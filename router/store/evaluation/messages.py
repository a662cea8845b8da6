"""Messages that must be kept true, and the conversations they stand in: what the verbs raise, not how it is sent."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, case, literal, select, update

from router.core.view import EntryKind, Rendered
from router.store.tables import InstantMs, conversation, incident, message, timeline


def conversation_for(conn: Connection, workspace: str, target: str, *, person: str = "", now: datetime) -> int:
    """The row of a channel or a person, made when it is first needed."""
    where = (conversation.c.workspace == workspace) & (conversation.c.target == target)
    found = conn.execute(select(conversation.c.id).where(where)).scalar()
    if found is not None:
        return int(found)
    values = {"workspace": workspace, "target": target, "person": person, "next_at": now}
    return int(conn.execute(conversation.insert().values(values).returning(conversation.c.id)).scalar_one())


def begin(
    conn: Connection,
    *,
    subject: str,
    conversation_id: int,
    rank: int,
    now: datetime,
    incident: int | None = None,
    page: int | None = None,
    entry: int | None = None,
    is_primary: bool = False,
    is_copy: bool = False,
    body: Rendered | None = None,
    thread_seq: int = 0,
) -> int:
    """A message that nobody was told yet."""
    values = {
        "subject": subject,
        "incident": incident,
        "page": page,
        "entry": entry,
        "conversation": conversation_id,
        "is_primary": is_primary,
        "is_copy": is_copy,
        "rank": rank,
        "version": 1,
        "notified_version": 0,
        "due_since": now,
        "thread_seq": thread_seq,
        "body": None if body is None else msgspec.json.encode(body).decode(),
    }
    return int(conn.execute(message.insert().values(values).returning(message.c.id)).scalar_one())


_THIS = conversation.alias()
_SHOWN = (
    select(message.c.id)
    .join(conversation, conversation.c.id == message.c.conversation)
    .join(_THIS, _THIS.c.id == bindparam("this"))
    .where(message.c.incident == bindparam("number"), message.c.subject == "incident", message.c.moved_to == "")
    .where(
        (conversation.c.id == _THIS.c.id)
        | ((conversation.c.channel != "") & (conversation.c.channel == _THIS.c.channel))
    )
    .limit(1)
)


def is_shown(conn: Connection, number: int, conversation_id: int) -> bool:
    """Whether an incident has its message in this channel already, under this or another of the channel's names."""
    return conn.execute(_SHOWN, {"number": number, "this": conversation_id}).first() is not None


def open_home(conn: Connection, number: int) -> str:
    """The channel where the thread of an open incident lives, as it was written; "": it has none, or is over."""
    query = (
        select(conversation.c.target)
        .join(message, message.c.conversation == conversation.c.id)
        .join(incident, incident.c.number == message.c.incident)
        .where(message.c.incident == number, message.c.subject == "incident", message.c.is_primary)
        .where(incident.c.state != "resolved")
    )
    return conn.execute(query.limit(1)).scalar() or ""


def raise_versions(conn: Connection, incident: int, *, rank: int, now: datetime) -> None:
    """What these messages should say has changed."""
    conn.execute(
        update(message)
        .where(message.c.incident == incident, message.c.subject.in_(("incident", "page")), ~message.c.is_over)
        .where(message.c.moved_to == "")
        .values(
            version=message.c.version + 1,
            rank=rank,
            due_since=case(
                (message.c.notified_version < message.c.version, message.c.due_since), else_=literal(now, InstantMs)
            ),
        )
    )


def renew_ends(conn: Connection, incident: int, *, now: datetime) -> None:
    """What people who were paged were told of its end: that it goes on after all, and later, that it is over."""
    ends = select(timeline.c.seq).where(
        timeline.c.incident == incident, timeline.c.kind == EntryKind.ALL_RESOLVED.value
    )
    conn.execute(
        update(message)
        .where(message.c.incident == incident, message.c.subject == "note", ~message.c.is_over, message.c.ts != "")
        .where(message.c.entry.in_(ends))
        .values(
            version=message.c.version + 1,
            due_since=case(
                (message.c.notified_version < message.c.version, message.c.due_since), else_=literal(now, InstantMs)
            ),
        )
    )


def settle_unposted(conn: Connection, incident: int) -> None:
    """What ended before its first word was posted is not posted: nothing is owed where nothing stands and nothing is on its
    way. Should the incident come back, its messages are raised, and with them the first word is owed again."""
    conn.execute(
        update(message)
        .where(message.c.incident == incident, message.c.subject == "incident")
        .where(message.c.ts == "", message.c.delivery_id.is_(None), ~message.c.is_over)
        .values(notified_version=message.c.version, thread_due_at=None)
    )


def stands_at(conn: Connection, number: int, workspace: str, target: str) -> tuple[bool, bool]:
    """Whether a channel is an incident's home, and whether it has a message there at all."""
    query = (
        select(message.c.is_primary)
        .join(conversation, conversation.c.id == message.c.conversation)
        .where(message.c.incident == number, message.c.subject == "incident", ~message.c.is_over)
        .where(message.c.moved_to == "", conversation.c.workspace == workspace, conversation.c.target == target)
    )
    found = conn.execute(query).scalars().all()
    return any(found), bool(found)


def rehome(
    conn: Connection, number: int, wanted: Collection[int], *, home: int | None, moved_to: str, seq: int, now: datetime
) -> list[int]:
    """The incident is told in these conversations from now on. Messages elsewhere are told where it went, the old thread
    too, and are over with that; only those of copies stay. Returns the conversations that have none yet."""
    query = select(
        message.c.id, message.c.conversation, message.c.is_primary, message.c.is_copy, message.c.version
    ).where(message.c.incident == number, message.c.subject == "incident", ~message.c.is_over, message.c.moved_to == "")
    standing = set()
    for row in conn.execute(query).fetchall():
        values: dict[str, object] = {}
        if row.conversation not in wanted and not row.is_copy:
            values |= {"moved_to": moved_to, "version": row.version + 1, "due_since": now}
        elif row.conversation == home and not row.is_primary:
            values |= {"is_primary": True, "thread_seq": seq}
        standing.add(row.conversation)
        if row.is_primary and row.conversation != home:
            values |= {"is_primary": False, "thread_due_at": now}
        if values:
            conn.execute(update(message).where(message.c.id == row.id).values(values))
    return [one for one in wanted if one not in standing]


def people_paged(conn: Connection, incident: int) -> list[tuple[int, int, str]]:
    """(page, conversation, person) of each direct message that stands or is due for an incident."""
    query = (
        select(message.c.page, message.c.conversation, conversation.c.person)
        .join(conversation, conversation.c.id == message.c.conversation)
        .where(message.c.incident == incident, message.c.subject == "page", ~message.c.is_over)
        .order_by(message.c.id)
    )
    return [(row.page, row.conversation, row.person) for row in conn.execute(query)]


def post(conn: Connection, *, workspace: str, target: str, body: Rendered, now: datetime, person: str = "") -> None:
    """A word of the router's own, said once."""
    conversation_id = conversation_for(conn, workspace, target, person=person, now=now)
    begin(conn, subject="post", conversation_id=conversation_id, rank=0, now=now, body=body)
