"""What a load of rules changes in the store: snapshots, gone routes, who waits where. Never what was told."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, select, update

from router.core.member import Member
from router.runtime.clock import to_ms
from router.store.evaluation.groups import ALERT_COLUMNS, keep_settings, make_due, member_of
from router.store.intake.change import Belongs, GroupKey, Inhibits
from router.store.intake.membership import Membership, found_group, memberships, wake_groups
from router.store.tables import alert, alert_group, inhibitor, membership, ruleset

CHUNK = 250


class SettingsSnapshot(msgspec.Struct, frozen=True):
    """A route's settings as stored: an id that is a hash of the document."""

    settings_id: str
    document: str


def put_in_force(
    conn: Connection, snapshots: Mapping[str, SettingsSnapshot], now: datetime, *, has_copies: bool
) -> None:
    """Replace the snapshots of routes that exist; mark the groups of those that do not; look at everything once."""
    if not has_copies:
        # What changes from here on is no news to copies that come with a later load: that would move what was told.
        conn.execute(update(membership).where(membership.c.is_unasked).values(is_unasked=False))
    keep_settings(conn, {one.settings_id: one.document for one in snapshots.values()})
    conn.execute(update(alert_group).where(alert_group.c.route.not_in(list(snapshots))).values(route_is_gone=True))
    for route, snapshot in sorted(snapshots.items()):
        stale = (alert_group.c.route == route) & (
            (alert_group.c.settings_id != snapshot.settings_id) | alert_group.c.route_is_gone
        )
        conn.execute(update(alert_group).where(stale).values(settings_id=snapshot.settings_id, route_is_gone=False))
    make_due(conn, now)


def routed_by(conn: Connection) -> str:
    """The digest of the rules that all stored alerts were routed by; "" before the first."""
    return conn.execute(select(ruleset.c.digest).where(ruleset.c.id == 1)).scalar() or ""


def note_routed_by(conn: Connection, digest: str) -> None:
    if conn.execute(update(ruleset).where(ruleset.c.id == 1).values(digest=digest)).rowcount == 0:
        conn.execute(ruleset.insert().values(id=1, digest=digest))


def reroute(conn: Connection, belongs: Belongs, after: int, now: datetime) -> int | None:
    """One chunk of the alerts that fire: what nobody was told yet goes where the new rules want it, and each alert's
    inhibitions are recorded anew. Returns where to go on, None at the end."""
    query = select(*ALERT_COLUMNS).where(alert.c.is_firing, alert.c.id > after).order_by(alert.c.id).limit(CHUNK)
    rows = conn.execute(query).fetchall()
    standing = memberships(conn, [row.id for row in rows])
    had_inhibitors = conn.execute(select(inhibitor.c.rule).limit(1)).first() is not None
    woken: set[int] = set()
    for row in rows:
        member = member_of(row)
        owners, inhibits = belongs(member)
        if had_inhibitors or inhibits:
            _inhibit(conn, member, inhibits)
        woken |= _move_untold(conn, member, standing.get(member.id, []), owners, now)
    wake_groups(conn, woken, to_ms(now))
    return rows[-1].id if len(rows) == CHUNK else None


def _inhibit(conn: Connection, member: Member, inhibits: Sequence[Inhibits]) -> None:
    conn.execute(delete(inhibitor).where(inhibitor.c.alert_id == member.id))
    for one in inhibits:
        values = {"rule": one.rule, "equal_values": one.equal_values, "is_two_sided": one.is_two_sided}
        conn.execute(inhibitor.insert().values(**values, alert_id=member.id))


def _move_untold(
    conn: Connection, member: Member, standing: Sequence[Membership], owners: Sequence[GroupKey], now: datetime
) -> set[int]:
    is_notified = any(one.is_notified for one in standing)
    wanted = {(owner.route, owner.labels): owner for owner in owners}
    for one in standing:
        if wanted.pop((one.route, one.labels), None) is None and not one.is_notified:
            mine = (membership.c.alert_id == member.id) & (membership.c.group_id == one.group_id)
            conn.execute(delete(membership).where(mine))
    woken: set[int] = set()
    for owner in () if is_notified else wanted.values():
        group = found_group(conn, owner, to_ms(now))
        conn.execute(membership.insert().values(group_id=group, alert_id=member.id, is_notified=False, joined_at=now))
        woken.add(group)
    return woken
