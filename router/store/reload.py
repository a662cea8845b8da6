"""What a load of rules changes in the store: snapshots, gone routes, who waits where. Never what was told."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, delete, select, tuple_, update

from router.clock import to_ms
from router.core.member import Member
from router.store.alerts import Inhibits, Owner, found_group, wake_groups
from router.store.groups import decode_document, keep_settings, make_due
from router.store.tables import alert, alert_group, inhibitor, membership

CHUNK = 250


class Snapshot(msgspec.Struct, frozen=True):
    """A route's settings as stored: an id that is a hash of the document."""

    settings_id: str
    document: str


Belongs = Callable[[Member], tuple[Sequence[Owner], Sequence[Inhibits]]]
"""Where an alert belongs under the rules in force, and what it holds back."""


def put_in_force(conn: Connection, snapshots: Mapping[str, Snapshot], now: datetime) -> None:
    """Replace the snapshots of routes that exist; mark the groups of those that do not; look at everything once."""
    keep_settings(conn, {one.settings_id: one.document for one in snapshots.values()})
    conn.execute(update(alert_group).where(alert_group.c.route.not_in(list(snapshots))).values(route_is_gone=True))
    for route, snapshot in sorted(snapshots.items()):
        stale = (alert_group.c.route == route) & (
            (alert_group.c.settings_id != snapshot.settings_id) | alert_group.c.route_is_gone
        )
        conn.execute(update(alert_group).where(stale).values(settings_id=snapshot.settings_id, route_is_gone=False))
    make_due(conn, now)


def reroute(conn: Connection, belongs: Belongs, after: tuple[str, str], now: datetime) -> tuple[str, str] | None:
    """One chunk of the alerts that fire: what nobody was told yet goes where the new rules want it, and each alert's
    inhibitions are recorded anew. Returns where to go on, None at the end."""
    columns = [alert.c[name] for name in Member.__struct_fields__ if name != "held_by"]
    query = select(*columns).where(alert.c.is_firing, tuple_(alert.c.namespace, alert.c.fingerprint) > after)
    rows = conn.execute(query.order_by(alert.c.namespace, alert.c.fingerprint).limit(CHUNK)).fetchall()
    woken: set[int] = set()
    for row in rows:
        values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it
        member = Member(**{**values, "document": decode_document(values["document"])})
        owners, inhibits = belongs(member)
        _inhibit(conn, member, inhibits)
        woken |= _move_untold(conn, member, owners, now)
    wake_groups(conn, woken, to_ms(now))
    if len(rows) < CHUNK:
        return None
    return (rows[-1].namespace, rows[-1].fingerprint)


def _inhibit(conn: Connection, member: Member, inhibits: Sequence[Inhibits]) -> None:
    mine = and_(inhibitor.c.namespace == member.namespace, inhibitor.c.fingerprint == member.fingerprint)
    conn.execute(delete(inhibitor).where(mine))
    for one in inhibits:
        conn.execute(
            inhibitor.insert().values(
                rule=one.rule,
                equal_values=one.equal_values,
                namespace=member.namespace,
                fingerprint=member.fingerprint,
                is_two_sided=one.is_two_sided,
            )
        )


def _move_untold(conn: Connection, member: Member, owners: Sequence[Owner], now: datetime) -> set[int]:
    mine = and_(membership.c.namespace == member.namespace, membership.c.fingerprint == member.fingerprint)
    query = select(membership.c.group_id, membership.c.is_told, alert_group.c.route, alert_group.c.labels)
    standing = conn.execute(query.join(alert_group, alert_group.c.id == membership.c.group_id).where(mine)).fetchall()
    if any(row.is_told for row in standing):
        return set()
    wanted = {(owner.route, owner.labels): owner for owner in owners}
    woken: set[int] = set()
    for row in standing:
        if wanted.pop((row.route, row.labels), None) is None:
            conn.execute(delete(membership).where(mine, membership.c.group_id == row.group_id))
    for owner in wanted.values():
        group = found_group(conn, owner, to_ms(now))
        values = {"group_id": group, "namespace": member.namespace, "fingerprint": member.fingerprint}
        conn.execute(membership.insert().values(**values, is_told=False, joined_at=now))
        woken.add(group)
    return woken
