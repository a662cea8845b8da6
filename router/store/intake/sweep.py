"""Which maintenances and silences all firing alerts were last held against, and the way through them when those change.

Intake says of each alert that changes whether one holds it; only when one begins or ends are the others asked. What has
ended is found by what it holds. For what has begun all firing alerts are gone through once, from wherever the way is: while
silences come one after another it is one way round and round, not one begun anew with each.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from router.core.member import Member, MemberState, visible
from router.runtime.clock import to_ms
from router.store.evaluation.members import ALERT_COLUMNS, member_of
from router.store.group_counts import Deltas
from router.store.intake import inhibition
from router.store.intake.membership import AlertNow, follow, memberships, wake_groups
from router.store.tables import alert, group_count, membership, ruleset
from rules.model.suppression import BY_LABELS, SuppressorsInForce

WRITTEN_AT_ONCE = 250
"""Alerts that one transaction may have to write,"""
READ_AT_ONCE = 1_000
"""and that it looks at."""
_AT_ONCE = 500
"""Groups that one statement makes due."""


class Progress(msgspec.Struct, frozen=True):
    """Digests of `SuppressorsInForce`; "" is none at all."""

    finished: str = ""
    """What every alert was held against."""
    under_way: str | None = None
    """What alerts are being held against now; None: nothing is under way."""
    alert: int = 0
    """Up to this one. ENDS: there is nothing new, what is over is let go of."""
    since: int = 0
    """Those up to this alert come last, after the end of the table."""
    is_round: bool = False
    """The end of the table was passed."""


ENDS = -1
_PROGRESS = select(
    ruleset.c.suppressors, ruleset.c.sweep, ruleset.c.swept_to, ruleset.c.swept_since, ruleset.c.sweep_is_round
).where(ruleset.c.id == 1)


def progress(conn: Connection) -> Progress:
    row = conn.execute(_PROGRESS).first()
    return Progress() if row is None else Progress(*row)


def note(conn: Connection, progress: Progress) -> None:
    values = {
        "suppressors": progress.finished,
        "sweep": progress.under_way,
        "swept_to": progress.alert,
        "swept_since": progress.since,
        "sweep_is_round": progress.is_round,
    }
    if conn.execute(update(ruleset).where(ruleset.c.id == 1).values(values)).rowcount == 0:
        conn.execute(ruleset.insert().values(id=1, digest="", **values))


_FIRING = (
    select(*ALERT_COLUMNS)
    .where(alert.c.is_firing, alert.c.id > bindparam("after"))
    .order_by(alert.c.id)
    .limit(READ_AT_ONCE)
)
_HELD_HERE = (
    select(membership.c.alert_id)
    .where(membership.c.alert_id > bindparam("after"), membership.c.alert_id <= bindparam("last"))
    .where(membership.c.suppressed_kind.in_(sorted(BY_LABELS)))
)


def firing(conn: Connection, after: int) -> list[Member]:
    """One part of the alerts that fire; none at the end."""
    return [member_of(row) for row in conn.execute(_FIRING, {"after": after})]


def examine(conn: Connection, in_force: SuppressorsInForce, now: datetime, after: int) -> int | None:
    """Hold one part of the firing alerts against these. Returns where to go on, None at the end."""
    members = firing(conn, after)
    if not members:
        return None
    held = set(conn.execute(_HELD_HERE, {"after": after, "last": members[-1].id}).scalars())
    found: dict[int, tuple[str, str] | None] = {}
    concerned: list[Member] = []
    for member in members:
        by = in_force.of(visible(member))
        if by is not None or member.id in held:
            found[member.id] = None if by is None else by.key
            concerned.append(member)
            if len(concerned) == WRITTEN_AT_ONCE:
                break
    _write(conn, concerned, found, now)
    if len(concerned) == WRITTEN_AT_ONCE:
        return concerned[-1].id
    return members[-1].id if len(members) == READ_AT_ONCE else None


_IS_KEPT = membership.c.state.in_((MemberState.SUPPRESSED, MemberState.NOTIFIED_MUTED, MemberState.SHADOWED))
"""Firing; an end keeps the name of what held it, for who counts it."""


def let_go(conn: Connection, gone: Collection[tuple[str, str]], in_force: SuppressorsInForce, now: datetime) -> bool:
    """Hold one part of what these held against those in force. Returns whether there may be more."""
    ids: set[int] = set()
    for kind, name in sorted(gone):
        theirs = (
            select(membership.c.alert_id)
            .where(membership.c.suppressed_kind == kind, membership.c.suppressed_name == name)
            .where(membership.c.suppressed_kind != "", _IS_KEPT)  # as the index says it
            .limit(WRITTEN_AT_ONCE - len(ids))
        )
        ids.update(conn.execute(theirs).scalars())
        if len(ids) >= WRITTEN_AT_ONCE:
            break
    if not ids:
        return False
    rows = conn.execute(select(*ALERT_COLUMNS).where(alert.c.id.in_(sorted(ids))).order_by(alert.c.id))
    members = [member_of(row) for row in rows]
    found = {member.id: None if (by := in_force.of(visible(member))) is None else by.key for member in members}
    _write(conn, members, found, now)
    return True


def _write(
    conn: Connection, members: Sequence[Member], found: Mapping[int, tuple[str, str] | None], now: datetime
) -> None:
    """What holds these firing alerts by their labels is this; an inhibition does where nothing of the kind does."""
    if not members:
        return
    inhibited = inhibition.holding(conn, (number for number, by in found.items() if by is None))
    alerts = {
        member.id: AlertNow(
            is_firing=True, rank=member.severity_rank, suppressed=found[member.id] or inhibited.get(member.id)
        )
        for member in members
    }
    standing = [one for these in memberships(conn, sorted(alerts)).values() for one in these]
    deltas = Deltas()
    wake_groups(conn, follow(conn, standing, alerts, deltas), to_ms(now))
    deltas.write(conn)


def wake_held(conn: Connection, key: tuple[str, str], now: datetime) -> None:
    """The groups of what it holds are due: until when, or why, is to be said otherwise."""
    kind, name = key
    holding = (
        select(group_count.c.group_id)
        .where(group_count.c.suppressed_kind == kind, group_count.c.suppressed_name == name)
        .where(group_count.c.suppressed_kind != "")  # as the index says it
        .distinct()
    )
    groups = sorted(conn.execute(holding).scalars())
    for start in range(0, len(groups), _AT_ONCE):
        wake_groups(conn, groups[start : start + _AT_ONCE], to_ms(now))
