"""Messages that must be kept true, and the conversations they stand in: what the verbs raise, not how it is sent."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, case, literal, select, update

from router.core.view import Rendered
from router.store.tables import Instant, conversation, message


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
    is_home: bool = False,
    body: Rendered | None = None,
) -> int:
    """A message that nobody was told yet."""
    values = {
        "subject": subject,
        "incident": incident,
        "page": page,
        "entry": entry,
        "conversation": conversation_id,
        "is_home": is_home,
        "rank": rank,
        "version": 1,
        "told_version": 0,
        "due_since": now,
        "body": None if body is None else msgspec.json.encode(body).decode(),
    }
    return int(conn.execute(message.insert().values(values).returning(message.c.id)).scalar_one())


def raise_versions(conn: Connection, incident: int, *, rank: int, now: datetime) -> None:
    """What these messages should say has changed."""
    conn.execute(
        update(message)
        .where(message.c.incident == incident, message.c.subject.in_(("incident", "page")), ~message.c.is_over)
        .values(
            version=message.c.version + 1,
            rank=rank,
            due_since=case(
                (message.c.told_version < message.c.version, message.c.due_since), else_=literal(now, Instant)
            ),
        )
    )


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
