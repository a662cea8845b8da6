"""Acts by the key that their sender gave them, and what was answered: what is sent again is not done again."""

from datetime import datetime

from sqlalchemy import Connection, select

from router.store.tables import act


def answered(conn: Connection, key: str) -> str | None:
    """What was answered to an act; None: it is new."""
    return conn.execute(select(act.c.answer).where(act.c.key == key)).scalar()


def keep(conn: Connection, key: str, *, incident: int, verb: str, by: str, at: datetime, answer: str) -> None:
    conn.execute(act.insert().values(key=key, incident=incident, verb=verb, by=by, at=at, answer=answer))
