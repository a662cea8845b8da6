"""Which alerts a sender told together, by its own groups: who was in one, and who is no longer."""

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, exists, select, update

from router.runtime.clock import to_ms
from router.store.bulk import DO_NOTHING, Insert, WhereIn
from router.store.intake import sources
from router.store.intake.change import Change
from router.store.tables import alert, fingerprint_no, sender_group

Identity = tuple[str, int]
"""A namespace, and a fingerprint as it is stored."""


class Mentioned(msgspec.Struct, frozen=True):
    """Whom a webhook mentions, by fingerprint as stored."""

    firing: frozenset[int]
    ended: frozenset[int]

    @classmethod
    def of(cls, changes: Iterable[Change]) -> "Mentioned":
        listed = [(change.fingerprint, change.is_firing) for change in changes]
        return cls(
            frozenset(number for number, is_firing in listed if is_firing),
            frozenset(number for number, is_firing in listed if not is_firing),
        )


class Noted(msgspec.Struct, frozen=True):
    """What came of comparing a webhook with those before."""

    absent: tuple[Identity, ...]
    """They fired in this group, and it does not mention them any more."""
    is_settled: bool
    """False: somebody is absent whose last word is too fresh to say so; the next webhook is to be compared again."""


_FIND = WhereIn("SELECT fingerprint, id FROM alert WHERE namespace = ? AND fingerprint IN")
_JOIN = Insert("sender_group", ("group_no", "alert_id", "heard_at"), DO_NOTHING)
_HEARD = WhereIn("UPDATE sender_group SET heard_at = ?, absent_at = NULL WHERE group_no = ? AND alert_id IN")
_ABSENT = WhereIn("UPDATE sender_group SET absent_at = ? WHERE group_no = ? AND alert_id IN")
_LEAVE = WhereIn("DELETE FROM sender_group WHERE group_no = ? AND alert_id IN")
_BEFORE = (
    select(
        sender_group.c.alert_id,
        sender_group.c.heard_at,
        sender_group.c.absent_at,
        alert.c.fingerprint,
        alert.c.is_firing,
    )
    .outerjoin(alert, alert.c.id == sender_group.c.alert_id)
    .where(sender_group.c.group_no == bindparam("group_no"))
)


def note(
    conn: Connection, *, group: int, namespace: str, words: Mentioned, at: datetime, heard_before: datetime | None
) -> Noted:
    """One webhook, its alerts committed already. Who is absent from it must have had the last word in this group not
    after `heard_before`; None: everybody was heard of too lately."""
    now_ms = to_ms(at)
    before = {row.alert_id: row for row in conn.execute(_BEFORE, {"group_no": group})}
    firing = {number for _, number in _FIND.rows(conn, (namespace,), sorted(words.firing))}
    _JOIN.run(conn, [(group, number, now_ms) for number in sorted(firing - before.keys())])
    _HEARD.run(conn, (now_ms, group), sorted(firing & before.keys()))
    over, absent, is_settled = [], [], True
    for number, row in sorted(before.items()):
        if number in firing:
            continue
        if not row.is_firing:
            over.append(number)
        elif fingerprint_no(row.fingerprint) not in words.ended and row.absent_at is None:
            if heard_before is not None and row.heard_at <= heard_before:
                absent.append(number)
            else:
                is_settled = False
    _LEAVE.run(conn, (group,), over)
    _ABSENT.run(conn, (now_ms, group), absent)
    return Noted(tuple((namespace, fingerprint_no(before[number].fingerprint)) for number in absent), is_settled)


_IS_ABSENT = sender_group.c.absent_at.is_not(None)


def absent(conn: Connection) -> list[Identity]:
    """Everybody who is absent from a group and may yet be heard of."""
    query = select(alert.c.namespace, alert.c.fingerprint).join(sender_group, sender_group.c.alert_id == alert.c.id)
    return [(row.namespace, fingerprint_no(row.fingerprint)) for row in conn.execute(query.where(_IS_ABSENT))]


_elsewhere = sender_group.alias()
_RIPE = (
    select(alert.c.id, alert.c.namespace, alert.c.fingerprint, alert.c.source, sender_group.c.absent_at)
    .join(sender_group, sender_group.c.alert_id == alert.c.id)
    .where(
        _IS_ABSENT,
        sender_group.c.absent_at <= bindparam("before"),
        alert.c.is_firing,
        # Its time to live is told by a sender of its own: that one says when it is over.
        alert.c.ttl_is_presumed,
        ~exists().where(and_(_elsewhere.c.alert_id == alert.c.id, _elsewhere.c.absent_at.is_(None))),
    )
    .order_by(alert.c.id)
)


def end_missing(
    conn: Connection, now: datetime, before: datetime, spoken: Collection[Identity]
) -> list[sources.Expired]:
    """End whom a group has not had since `before`, who is in no other, and of whom nobody spoke meanwhile."""
    for namespace, fingerprint in sorted(spoken):
        said = select(alert.c.id).where(
            alert.c.namespace == namespace, alert.c.fingerprint == f"{fingerprint & 0xFFFFFFFFFFFFFFFF:016x}"
        )
        conn.execute(delete(sender_group).where(_IS_ABSENT, sender_group.c.alert_id.in_(said)))
    rows = {row.id: row for row in conn.execute(_RIPE, {"before": before})}
    sources.end(conn, [(row.id, "missing", row.absent_at) for row in rows.values()], now)
    conn.execute(delete(sender_group).where(_IS_ABSENT, sender_group.c.absent_at <= before))
    return [sources.Expired(row.namespace, row.fingerprint, row.source, "missing", to_ms(now)) for row in rows.values()]


def drop_over(conn: Connection) -> None:
    """Alerts that have ended are in no group any more."""
    fires = exists().where(alert.c.id == sender_group.c.alert_id, alert.c.is_firing)
    conn.execute(delete(sender_group).where(~fires))


def clamp(conn: Connection, now: datetime) -> None:
    """The clock went back: nobody was heard of at an instant that is yet to come."""
    for column in (sender_group.c.heard_at, sender_group.c.absent_at):
        conn.execute(update(sender_group).where(column > now).values({column: now}))
