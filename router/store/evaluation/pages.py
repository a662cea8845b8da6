"""Pages: who is to be reached about an incident, and what became of it."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, func, select, text, update

from router.store.tables import InstantMs, page
from rules.model.route import Page


class DuePage(msgspec.Struct, frozen=True):
    """A page to be carried out now."""

    id: int
    incident: int
    page: Page
    entry: int | None
    """Who was paged already is to hear of this entry of the timeline: it was written while the page's window was closed."""


_DUE = (
    select(page.c.id, page.c.incident, page.c.document, page.c.entry)
    .where(page.c.due_at <= bindparam("now"))
    .order_by(page.c.due_at, page.c.id)
    .limit(20)
)
_decode = msgspec.json.Decoder(Page).decode


def begin(conn: Connection, incident: int, wanted: Page, due_at: datetime | None, *, is_hushed: bool = False) -> int:
    document = msgspec.json.encode(wanted).decode()
    values = {"incident": incident, "document": document, "due_at": due_at, "is_hushed": is_hushed}
    return int(conn.execute(page.insert().values(values).returning(page.c.id)).scalar_one())


def due(conn: Connection, now: datetime) -> list[DuePage]:
    return [DuePage(row.id, row.incident, _decode(row.document), row.entry) for row in conn.execute(_DUE, {"now": now})]


def of(conn: Connection, page_id: int) -> Page:
    return _decode(conn.execute(select(page.c.document).where(page.c.id == page_id)).scalar_one())


def is_pending(conn: Connection, incident: int, wanted: Page) -> bool:
    """Whether an incident is to page exactly so already."""
    query = select(page.c.document).where(
        page.c.incident == incident, page.c.due_at.is_not(None), page.c.entry.is_(None)
    )
    return any(_decode(document) == wanted for document in conn.execute(query).scalars())


def last(conn: Connection, incident: int) -> Page | None:
    """Whom an incident was to page when it opened, or reopened, last."""
    query = select(page.c.document).where(page.c.incident == incident).order_by(page.c.id.desc()).limit(1)
    document = conn.execute(query).scalar()
    return None if document is None else _decode(document)


def next_due(conn: Connection) -> datetime | None:
    return conn.execute(select(func.min(page.c.due_at))).scalar()


def put_off(conn: Connection, page_id: int, due_at: datetime | None, *, is_hushed: bool = False) -> None:
    """Its window opens then; None: never by itself. `is_hushed`: no window of its own, what holds its incident's alerts ends
    then, unless it ends before (`wake_hushed`)."""
    conn.execute(update(page).where(page.c.id == page_id).values(due_at=due_at, is_hushed=is_hushed))


_WAKE = (
    update(page)
    .where(page.c.incident == bindparam("b_incident"), text("is_hushed"), page.c.due_at.is_not(None))
    .values(due_at=bindparam("b_now", type_=InstantMs()), is_hushed=False)
)


def wake_hushed(conn: Connection, incident: int, now: datetime) -> bool:
    """Nothing holds the alerts of this incident any more: its pages need not wait until that would have ended. Whether
    there are any."""
    return conn.execute(_WAKE, {"b_incident": incident, "b_now": now}).rowcount > 0


def remind(conn: Connection, page_id: int, *, entry: int | None, due_at: datetime | None) -> None:
    """Who was paged is to hear of an entry then. None, None: they have heard, or never will."""
    conn.execute(update(page).where(page.c.id == page_id).values(entry=entry, due_at=due_at))


def carried_out(conn: Connection, page_id: int, *, why: str, next_step: str, now: datetime) -> None:
    conn.execute(
        update(page).where(page.c.id == page_id).values(due_at=None, paged_at=now, why=why, next_step=next_step)
    )


def call_off(conn: Connection, incident: int) -> None:
    """The incident is over: whoever was not reached yet is left in peace."""
    conn.execute(update(page).where(page.c.incident == incident, page.c.due_at.is_not(None)).values(due_at=None))
