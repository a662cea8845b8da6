"""Silences as they are stored: each a row, kept for a while when it is over. What one means is `core.acts.silence`'s to say."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select, update

from router.core.acts.silence import Silence
from router.store.tables import InstantMs, silence, suppressed_summary
from rules.model.matcher import Matcher, Op
from rules.model.suppression import SuppressionKind

KIND = SuppressionKind.SILENCE.value
_COLUMNS = tuple(silence.c[name] for name in Silence.__struct_fields__)
_decode = msgspec.json.Decoder(tuple[tuple[str, Op, str], ...]).decode


def _silence(row: Any) -> Silence:
    values = row._mapping  # noqa: SLF001  # SQLAlchemy's public name for it
    return Silence(**{**values, "matchers": tuple(Matcher(*one) for one in _decode(values["matchers"]))})


def get(conn: Connection, number: str) -> Silence | None:
    """`number`: its id, a UUID in lower case."""
    row = conn.execute(select(*_COLUMNS).where(silence.c.id == number)).one_or_none()
    return None if row is None else _silence(row)


_OPEN = select(*_COLUMNS).where(silence.c.ends_at > bindparam("now", type_=InstantMs()))


def open_at(conn: Connection, now: datetime) -> list[Silence]:
    """Those that have not ended."""
    return [_silence(row) for row in conn.execute(_OPEN.order_by(silence.c.ends_at, silence.c.id), {"now": now})]


def count_open(conn: Connection, now: datetime) -> int:
    return int(conn.execute(select(func.count()).select_from(silence).where(silence.c.ends_at > now)).scalar_one())


def ended_before(conn: Connection, now: datetime, most: int) -> list[Silence]:
    """Those that are over, the last that ended first."""
    query = select(*_COLUMNS).where(silence.c.ends_at <= now).order_by(silence.c.ends_at.desc(), silence.c.id)
    return [_silence(row) for row in conn.execute(query.limit(most))]


def put(conn: Connection, one: Silence) -> None:
    """Made, or changed. What it held is counted in a summary that is told when it ends: with it that moves."""
    values = msgspec.structs.asdict(one) | {
        "matchers": msgspec.json.encode(
            [(matcher.name, matcher.op, matcher.value) for matcher in one.matchers]
        ).decode()
    }
    if conn.execute(update(silence).where(silence.c.id == one.id).values(values)).rowcount == 0:
        conn.execute(silence.insert().values(values))
    mine = (suppressed_summary.c.kind == KIND) & (suppressed_summary.c.name == one.id)
    conn.execute(update(suppressed_summary).where(mine).values(due_at=one.ends_at))


_REMIND = (
    select(*_COLUMNS)
    .where(silence.c.remind_at <= bindparam("now", type_=InstantMs()))
    .order_by(silence.c.remind_at)
    .limit(bindparam("most"))
)
_NEXT = select(func.min(silence.c.remind_at)).where(silence.c.remind_at.is_not(None))


def take_reminders(conn: Connection, now: datetime, most: int) -> list[Silence]:
    """Whose author is to be told now that it ends soon; told in the transaction that takes them."""
    found = [_silence(row) for row in conn.execute(_REMIND, {"now": now, "most": most})]
    if found:
        told = update(silence).where(silence.c.id.in_([one.id for one in found]))
        conn.execute(told.values(remind_at=None))
    return found


def next_reminder(conn: Connection) -> datetime | None:
    return conn.execute(_NEXT).scalar()


def forget(conn: Connection, before: datetime, most: int) -> int:
    """Of those that ended before; returns how many."""
    old = select(silence.c.id).where(silence.c.ends_at < before).order_by(silence.c.ends_at).limit(most)
    found = list(conn.execute(old).scalars())
    if found:
        conn.execute(delete(silence).where(silence.c.id.in_(found)))
    return len(found)
