"""What a load of rules changes in the store: snapshots, gone routes, who waits where. Never what was told."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select, update

from router.core.member import MemberState
from router.core.view import State
from router.runtime.clock import to_ms
from router.store.evaluation.groups import keep_settings, make_due
from router.store.evaluation.members import ALERT_COLUMNS, member_of
from router.store.group_counts import Deltas
from router.store.intake import inhibition, migration, siblings
from router.store.intake.apply import suppress_targets
from router.store.intake.change import Belongs
from router.store.intake.membership import (
    AlertNow,
    Membership,
    follow,
    found_group,
    leave,
    memberships,
    put,
    wake_groups,
    wake_joined,
)
from router.store.tables import alert, alert_group, group_source, incident, membership, ruleset

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
    """One chunk of the alerts that fire: what nobody was told yet goes where the new rules want it, as does what
    was on its way to a group that told it not yet; what each alert inhibits, and is inhibited by, is recorded anew. Returns where to go on, None at the end."""
    query = select(*ALERT_COLUMNS).where(alert.c.is_firing, alert.c.id > after).order_by(alert.c.id).limit(CHUNK)
    members = {member.id: member for member in map(member_of, conn.execute(query))}
    now_ms, deltas = to_ms(now), Deltas()
    places = {number: belongs(member) for number, member in members.items()}
    sides = {number: (one.inhibits, one.targets) for number, one in places.items() if one.inhibits or one.targets}
    others = inhibition.record(conn, sorted(members), sides) - members.keys()
    suppressed = inhibition.holding(conn, members)
    for number, place in places.items():
        if place.suppressor is not None:
            suppressed[number] = place.suppressor
    alerts = {
        number: AlertNow(is_firing=True, rank=member.severity_rank, suppressed=suppressed.get(number))
        for number, member in members.items()
    }
    standing = memberships(conn, sorted(members))
    stays: list[Membership] = []
    joins: list[Membership] = []
    left: set[int] = set()
    waits: dict[int, int] = {}
    moves: list[tuple[int, int, migration.Move]] = []
    for number, member in members.items():
        belonged = standing.get(number, [])
        is_notified = any(one.is_notified for one in belonged)
        wanted = {(owner.route, owner.labels): owner for owner in places[number].owners}
        under_way = migration.under_way_of(belonged, wanted)
        gone = [one for one in belonged if wanted.pop((one.route, one.labels), None) is None and not one.is_notified]
        leave(conn, gone, deltas)
        left.update(one.group_id for one in gone)
        stays += [one for one in belonged if one not in gone]
        for owner in () if is_notified and under_way is None else wanted.values():
            group = found_group(conn, owner, now_ms)
            if under_way is not None:
                moves.append((group, number, under_way))
            joins.append(_joined(alerts[number], number, group, now_ms))
            waits[group] = 0
            _note_source(conn, group, member.source)
    put(conn, (), joins, deltas)
    migration.note(conn, moves)
    woken = follow(conn, stays, alerts, deltas)
    deltas.write(conn)
    wake_groups(conn, woken, now_ms)
    wake_joined(conn, waits, now_ms)
    suppress_targets(conn, others, now_ms)
    _let_siblings_fall_in(conn, sorted({one.alert_id for one in joins}), left, belongs, now_ms)
    return max(members) if len(members) == CHUNK else None


def _let_siblings_fall_in(
    conn: Connection, joined: Sequence[int], left: Collection[int], belongs: Belongs, now_ms: int
) -> None:
    """What goes elsewhere before anybody was told of it is there what it would have been had it begun under the new rules: the
    worse sibling of what was told, which comes along, or a lesser one."""
    siblings_of = select(alert.c.id, alert.c.sibling).where(alert.c.id.in_(joined), alert.c.sibling.is_not(None))
    begun = [siblings.Changed(row.id, row.sibling) for row in conn.execute(siblings_of)]
    if not begun:
        return
    is_open = (
        select(alert_group.c.id, incident.c.state)
        .outerjoin(incident, incident.c.number == alert_group.c.incident)
        .where(alert_group.c.id.in_(sorted(left)))
        .order_by(alert_group.c.id)
    )
    for row in conn.execute(is_open).fetchall():
        siblings.release(conn, row.id, is_told=row.state == State.TRIGGERED.value)
    siblings.settle(conn, begun, (), belongs, now_ms)


def _joined(alert_now: AlertNow, number: int, group: int, now_ms: int) -> Membership:
    kind, name = alert_now.suppressed or ("", "")
    state = MemberState.SUPPRESSED if kind else MemberState.ARRIVED
    return Membership(number, group, state, alert_now.rank, kind, name, now_ms)


def _note_source(conn: Connection, group: int, source: str) -> None:
    mine = select(group_source.c.source).where(group_source.c.group_id == group, group_source.c.source == source)
    if conn.execute(mine).first() is None:
        conn.execute(group_source.insert().values(group_id=group, source=source))
