"""What was said of schedules in their channels, a row for each schedule and kind: told in the transaction that writes it."""

from collections.abc import Collection
from enum import StrEnum

from sqlalchemy import Connection, delete, select, update

from router.core.render.announcement import LastTold
from router.store.tables import announcement


class Kind(StrEnum):
    """What is said of a schedule."""

    HANDOVER = "handover"
    MORNING = "morning"


def all_told(conn: Connection) -> dict[tuple[str, Kind], LastTold]:
    """By schedule and kind."""
    rows = conn.execute(select(announcement))
    return {(row.schedule, Kind(row.kind)): LastTold(row.at, row.person) for row in rows}


def note(conn: Connection, schedule: str, kind: Kind, last: LastTold) -> None:
    values = {"at": last.at, "person": last.person}
    mine = (announcement.c.schedule == schedule) & (announcement.c.kind == kind.value)
    if conn.execute(update(announcement).where(mine).values(values)).rowcount == 0:
        conn.execute(announcement.insert().values(schedule=schedule, kind=kind.value, **values))


def forget_others(conn: Connection, schedules: Collection[str]) -> None:
    """What is known of schedules of which nothing is said any more."""
    conn.execute(delete(announcement).where(announcement.c.schedule.not_in(list(schedules))))
