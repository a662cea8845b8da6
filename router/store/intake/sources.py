"""Who was heard from, whether we were there to hear, and which alerts have run out of time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import BigInteger, Connection, and_, bindparam, or_, select, text, type_coerce, update

from router.runtime.clock import to_ms
from router.store.group_counts import Deltas
from router.store.intake import inhibition
from router.store.intake.apply import suppress_targets
from router.store.intake.membership import AlertNow, follow, memberships, wake_groups
from router.store.tables import Milliseconds, alert, listening, source

GAP = timedelta(seconds=30)
"""Longer than this without a tick: we were not there, whatever the reason, and listening begins anew."""


def listen(conn: Connection, now: datetime, heard: Mapping[str, datetime]) -> datetime:
    """One tick: this process is there. Returns since when there was no gap."""
    row = conn.execute(select(listening.c.since, listening.c.until).where(listening.c.id == 1)).first()
    since = now
    if row is None:
        conn.execute(listening.insert().values(id=1, since=now, until=now))
    else:
        if timedelta(0) <= now - row.until <= GAP:
            since = row.since
        conn.execute(update(listening).where(listening.c.id == 1).values(since=since, until=now))
    for name, at in sorted(heard.items()):
        if conn.execute(update(source).where(source.c.name == name).values(heard_at=at)).rowcount == 0:
            conn.execute(source.insert().values(name=name, heard_at=at))
    return since


def restart_listening(conn: Connection, now: datetime) -> None:
    """The clock stepped: what we think we heard before does not count."""
    conn.execute(update(listening).where(listening.c.id == 1).values(since=now, until=now))


class Expired(msgspec.Struct, frozen=True):
    """An alert that ended without its sender's word."""

    namespace: str
    fingerprint: str
    source: str
    how: str
    ended_ms: int


_RIPE = (
    select(
        alert.c.id,
        alert.c.namespace,
        alert.c.fingerprint,
        alert.c.source,
        alert.c.expires_at,
        alert.c.ttl,
        alert.c.ttl_is_presumed,
        source.c.heard_at,
    )
    .outerjoin(source, source.c.name == alert.c.source)
    .where(
        text("alert.is_firing"),  # as the index of those that may expire says it
        alert.c.expires_at <= bindparam("now"),
        alert.c.ttl <= bindparam("listened", type_=Milliseconds()),
    )
    .where(
        or_(
            alert.c.ttl_is_presumed,
            and_(
                source.c.heard_at > alert.c.expires_at,
                # One that speaks again after a silence does not send all its alerts with its first word.
                source.c.stale_since.is_(None),
                or_(
                    source.c.fresh_since.is_(None),
                    alert.c.ttl <= bindparam("now_ms") - type_coerce(source.c.fresh_since, BigInteger),
                ),
            ),
        )
    )
    .order_by(alert.c.expires_at)
    .limit(bindparam("most"))
)


def expire(conn: Connection, now: datetime, since: datetime, most: int) -> list[Expired]:
    """End what its sender no longer sends, if both of us were there: not before max(expires_at, since + ttl), nor before
    the source was heard from after expires_at, and, if it was silent, for that long again. A presumed end needs no word from anybody, and says so."""
    rows = conn.execute(_RIPE, {"now": now, "now_ms": to_ms(now), "listened": now - since, "most": most}).fetchall()
    over = [
        Expired(
            row.namespace, row.fingerprint, row.source, "presumed" if row.ttl_is_presumed else "expired", to_ms(now)
        )
        for row in rows
    ]
    end(conn, sorted((row.id, one.how, row.expires_at) for row, one in zip(rows, over, strict=True)), now)
    return over


_END = (
    update(alert)
    .where(alert.c.id == bindparam("b_id"))
    .values(
        is_firing=False,
        ended_how=bindparam("b_how"),
        ends_at=bindparam("b_ended"),
        expires_at=None,
        changed_at=bindparam("b_now"),
    )
)


def end(conn: Connection, over: Sequence[tuple[int, str, datetime]], now: datetime) -> None:
    """These alerts (id, how, when) ended without their sender's word: their groups are due, and what they held back is
    free."""
    if not over:
        return
    conn.execute(
        _END, [{"b_id": number, "b_how": how, "b_ended": ended_at, "b_now": now} for number, how, ended_at in over]
    )
    alert_ids = [number for number, _, _ in over]
    standing = [one for found in memberships(conn, alert_ids).values() for one in found]
    alerts = {one.alert_id: AlertNow(is_firing=False, rank=one.rank, suppressed=None) for one in standing}
    deltas = Deltas()
    follow(conn, standing, alerts, deltas)
    deltas.write(conn)
    wake_groups(conn, {one.group_id for one in standing}, to_ms(now))
    others = inhibition.record(conn, alert_ids, {}) - set(alert_ids)
    suppress_targets(conn, others, to_ms(now))
