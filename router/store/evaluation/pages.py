"""Pages: who is to be reached about an incident, where the escalation of that stands, and what became of it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, func, select, text, update

from router.store.tables import STEP_DUE, page
from rules.model.escalation import Position
from rules.model.route import Page

AT_ONCE = 20
"""Pages per transaction."""


class Standing(msgspec.Struct, frozen=True):
    """A page, and where its escalation stands."""

    id: int
    incident: int
    page: Page
    position: Position | None
    """None: no step is left, or nobody knows when the next one comes."""
    rounds: int
    """That there were, with the present one. 0: it carries out no policy, or another page does it now."""
    has_paged: bool
    """A step was carried out."""
    is_stopped: bool
    next_step: str
    is_asked: bool = False
    """Somebody named whom it reaches."""

    def is_same(self, wanted: Page) -> bool:
        """Whether it reaches the same, whatever its windows."""
        return (self.page.target, self.page.kind) == (wanted.target, wanted.kind)


class Reminder(msgspec.Struct, frozen=True):
    """Who was paged is to hear of an entry of the timeline: it was written while the page's window was closed."""

    page: int
    incident: int
    window: Page
    entry: int


_DUE = select(page).where(text(STEP_DUE), page.c.due_at <= bindparam("now")).order_by(page.c.due_at, page.c.id)
_REMINDERS = select(page).where(page.c.remind_at <= bindparam("now")).order_by(page.c.remind_at, page.c.id)
_OF_INCIDENT = select(page).where(page.c.incident == bindparam("incident")).order_by(page.c.id.desc())
_SAVE = update(page).where(page.c.id == bindparam("b_id"))
_decode = msgspec.json.Decoder(Page).decode


def standing_of(row: Row[Any]) -> Standing:
    position = None
    if row.step and row.due_at is not None and row.began_at is not None:
        position = Position(row.round, row.step, row.began_at, row.due_at, row.has_reached)
    return Standing(
        id=row.id,
        incident=row.incident,
        page=_decode(row.document),
        position=position,
        rounds=row.round,
        has_paged=row.paged_at is not None,
        is_stopped=row.is_stopped,
        next_step=row.next_step,
        is_asked=row.is_asked,
    )


def begin(
    conn: Connection, incident: int, wanted: Page, position: Position | None, now: datetime, *, is_hushed: bool = False
) -> int:
    """`position` None: a window of it opens nobody knows when. `is_hushed` as of `move`."""
    values = {"incident": incident, "document": msgspec.json.encode(wanted).decode(), "round": 1, "step": 1}
    values |= {"moved_at": now, "is_hushed": is_hushed} | ({} if position is None else _of_position(position))
    return int(conn.execute(page.insert().values(values).returning(page.c.id)).scalar_one())


def begin_asked(
    conn: Connection, incident: int, wanted: Page, position: Position, now: datetime, *, is_stopped: bool
) -> Standing:
    """Somebody names whom to reach. `is_stopped`: what comes after the first step waits until the escalation goes on."""
    values = {"incident": incident, "document": msgspec.json.encode(wanted).decode(), "is_asked": True}
    values |= {"moved_at": now, "is_stopped": is_stopped} | _of_position(position)
    return standing_of(conn.execute(page.insert().values(values).returning(page)).one())


_ASKED = select(page.c.id).where(page.c.incident == bindparam("incident"), page.c.is_asked)


def is_asked(conn: Connection, incident: int, wanted: Page) -> bool:
    """Whether somebody named exactly these for it before."""
    document = msgspec.json.encode(wanted).decode()
    return conn.execute(_ASKED.where(page.c.document == document).limit(1), {"incident": incident}).first() is not None


def begin_reached(conn: Connection, incident: int, wanted: Page, now: datetime) -> int:
    """Who was paged for another incident is, for this one: it has no steps of its own."""
    values = {"incident": incident, "document": msgspec.json.encode(wanted).decode(), "round": 0, "step": 0}
    values |= {"moved_at": now, "paged_at": now}
    return int(conn.execute(page.insert().values(values).returning(page.c.id)).scalar_one())


def due(conn: Connection, now: datetime) -> list[Standing]:
    """Those of which a step is to be carried out now."""
    return [standing_of(row) for row in conn.execute(_DUE.limit(AT_ONCE), {"now": now})]


def reminders(conn: Connection, now: datetime) -> list[Reminder]:
    rows = conn.execute(_REMINDERS.limit(AT_ONCE), {"now": now})
    return [Reminder(row.id, row.incident, _decode(row.document), row.entry) for row in rows]


def of(conn: Connection, page_id: int) -> Page:
    return _decode(conn.execute(select(page.c.document).where(page.c.id == page_id)).scalar_one())


def of_incident(conn: Connection, incident: int) -> list[Standing]:
    """The newest first; not those that another one took the place of."""
    rows = conn.execute(_OF_INCIDENT, {"incident": incident})
    return [standing_of(row) for row in rows if row.round]


def last(conn: Connection, incident: int) -> Page | None:
    """Whom an incident was to page by the rules when it opened, or reopened, last; not whom another that went on as it had
    paged."""
    own = select(page.c.document).where(page.c.incident == incident, page.c.round > 0, ~page.c.is_asked)
    document = conn.execute(own.order_by(page.c.id.desc()).limit(1)).scalar()
    return None if document is None else _decode(document)


def next_due(conn: Connection) -> datetime | None:
    """When a step or a reminder is."""
    step = conn.execute(select(func.min(page.c.due_at)).where(text(STEP_DUE))).scalar()
    reminder = conn.execute(select(func.min(page.c.remind_at)).where(page.c.remind_at.is_not(None))).scalar()
    return min((at for at in (step, reminder) if at is not None), default=None)


def move(
    conn: Connection,
    page_id: int,
    position: Position | None,
    *,
    next_step: str,
    now: datetime,
    is_hushed: bool = False,
) -> None:
    """Its next step waits until then; None: nobody knows until when. `is_hushed`: no window of its own, what holds its
    incident's alerts ends then, unless it ends before (`wake_hushed`)."""
    moved: dict[str, Any] = {"due_at": None} if position is None else _of_position(position)
    conn.execute(_SAVE, {"b_id": page_id, **moved, "next_step": next_step, "moved_at": now, "is_hushed": is_hushed})


_HUSHED = select(page).where(page.c.incident == bindparam("incident"), text("is_hushed"), page.c.due_at.is_not(None))


def wake_hushed(conn: Connection, incident: int, now: datetime) -> bool:
    """Nothing holds the alerts of this incident any more: its pages and reminders need not wait until that would have ended.
    Whether there are any."""
    reminding = update(page).where(page.c.incident == incident, page.c.remind_at > now)
    reminded = conn.execute(reminding.values(remind_at=now)).rowcount
    waiting = [standing_of(row) for row in conn.execute(_HUSHED, {"incident": incident}).fetchall()]
    for one in waiting:
        position = None if one.position is None else one.position.moved(now)
        move(conn, one.id, position, next_step=one.next_step, now=now)
    return bool(waiting) or bool(reminded)


def carried_out(
    conn: Connection, page_id: int, following: Position | None, *, next_step: str, awaited: int, now: datetime
) -> None:
    """A step was. `following`: what comes then; None: nothing. `awaited`: how many people it reaches, if nothing else."""
    moved: dict[str, Any] = {"due_at": None, "step": 0} if following is None else _of_position(following)
    conn.execute(
        _SAVE, {"b_id": page_id, **moved, "next_step": next_step, "moved_at": now, "paged_at": now, "awaited": awaited}
    )


def carried_out_since(conn: Connection, incident: int, since: datetime) -> set[int]:
    """Pages of an incident that reached somebody since then."""
    return set(conn.execute(select(page.c.id).where(page.c.incident == incident, page.c.paged_at >= since)).scalars())


_UNHEARD = (
    update(page)
    .where(page.c.id == bindparam("b_id"), page.c.awaited > 0)
    .values(awaited=page.c.awaited - 1)
    .returning(page.c.awaited, page.c.step, page.c.due_at, page.c.is_stopped, page.c.next_step)
)


def unheard(conn: Connection, page_id: int, now: datetime) -> str:
    """One of those whom the last step reached hears nothing of it. Where nobody is left, the next step of the round is due at
    once; those after it at their own time. Returns whom that reaches, in words; "": it does not come sooner."""
    found = conn.execute(_UNHEARD, {"b_id": page_id}).first()
    if found is None or found.awaited > 0 or found.step < 2 or found.is_stopped:
        return ""
    if found.due_at is None or found.due_at <= now:
        return ""
    conn.execute(_SAVE, {"b_id": page_id, "due_at": now, "moved_at": now})
    return str(found.next_step)


def remind(conn: Connection, page_id: int, *, entry: int | None, remind_at: datetime | None) -> None:
    """Who was paged is to hear of an entry then. None, None: they have heard, or never will."""
    conn.execute(update(page).where(page.c.id == page_id).values(entry=entry, remind_at=remind_at))


def stop(conn: Connection, incident: int) -> None:
    """Nothing of it is due any more; where its escalation stands is kept."""
    stopped = {"is_stopped": True, "entry": None, "remind_at": None}
    conn.execute(update(page).where(page.c.incident == incident).values(stopped))


def call_off(conn: Connection, incident: int) -> None:
    """The incident is over: whoever was not reached yet is left in peace. Should it reopen, its escalation goes on."""
    stop(conn, incident)


def replace(conn: Connection, ids: Collection[int]) -> None:
    """Another page is carried out from now on: these never go on."""
    gone = {"round": 0, "step": 0, "due_at": None, "is_stopped": False, "entry": None, "remind_at": None}
    if ids:
        conn.execute(update(page).where(page.c.id.in_(ids)).values(gone))


def resume(conn: Connection, page_id: int, position: Position | None, now: datetime) -> None:
    """It goes on; None: no step is left, and it is stopped no more."""
    moved = {} if position is None else _of_position(position)
    conn.execute(_SAVE, {"b_id": page_id, **moved, "is_stopped": False, "moved_at": now})


def is_pending(conn: Connection, incident: int, wanted: Page) -> bool:
    """Whether an incident is to page exactly so already, and has not yet."""
    return any(
        one.page == wanted and not one.has_paged and one.position is not None and not one.is_stopped
        for one in of_incident(conn, incident)
    )


def running(standing: Sequence[Standing], wanted: Page) -> Standing | None:
    """The newest of the same target that goes on by itself."""
    same = (one for one in standing if one.is_same(wanted))
    return next((one for one in same if one.position is not None and not one.is_stopped), None)


def _of_position(position: Position) -> dict[str, Any]:
    return {
        "round": position.round,
        "step": position.step,
        "began_at": position.began,
        "due_at": position.due,
        "has_reached": position.has_reached,
    }
