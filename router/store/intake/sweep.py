"""Which maintenances all firing alerts were last held against, and the way through them when those have changed.

Intake says of each alert that changes whether a maintenance holds it; only when one begins or ends are the others asked.
"""

from collections.abc import Callable

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, select, update

from router.core.member import Member, MemberState
from router.store.evaluation.members import ALERT_COLUMNS, member_of
from router.store.group_counts import Deltas
from router.store.intake import inhibition
from router.store.intake.membership import AlertNow, follow, memberships, wake_groups
from router.store.tables import alert, membership, ruleset
from rules.model.suppression import SuppressionKind

AT_ONCE = 250
"""Alerts asked about in one transaction."""
MAINTENANCE = SuppressionKind.MAINTENANCE.value
UNKNOWN = "?"
"""Not every alert was held against the same."""


class Progress(msgspec.Struct, frozen=True):
    """Names of sets of maintenances; "" is none at all."""

    finished: str = ""
    """What every alert was held against."""
    under_way: str = ""
    """What those up to `alert` are held against."""
    alert: int = 0


_PROGRESS = select(ruleset.c.maintenance, ruleset.c.sweep, ruleset.c.swept_to).where(ruleset.c.id == 1)


def progress(conn: Connection) -> Progress:
    row = conn.execute(_PROGRESS).first()
    return Progress() if row is None else Progress(*row)


def note(conn: Connection, progress: Progress) -> None:
    values = {"maintenance": progress.finished, "sweep": progress.under_way, "swept_to": progress.alert}
    if conn.execute(update(ruleset).where(ruleset.c.id == 1).values(values)).rowcount == 0:
        conn.execute(ruleset.insert().values(id=1, digest="", **values))


def begin_anew(conn: Connection) -> None:
    """Some alerts may have been held against others than the rest."""
    note(conn, Progress(UNKNOWN))


def examine(
    conn: Connection, maintenance_of: Callable[[Member], str], now_ms: int, *, after: int, only_suppressed: bool
) -> int | None:
    """One part of the firing alerts; `only_suppressed`: of those that a maintenance holds, which is enough when none has
    begun. Returns where to go on, None at the end."""
    chosen: ColumnElement[bool]
    if only_suppressed:
        held = select(membership.c.alert_id).where(_IS_HELD, membership.c.alert_id > after).distinct()
        chosen = alert.c.id.in_(held.order_by(membership.c.alert_id).limit(AT_ONCE))
    else:
        chosen = and_(alert.c.is_firing, alert.c.id > after)
    rows = conn.execute(select(*ALERT_COLUMNS).where(chosen).order_by(alert.c.id).limit(AT_ONCE)).fetchall()
    members = [member_of(row) for row in rows]
    suppressed = inhibition.holding(conn, (member.id for member in members))
    for member in members:
        if name := maintenance_of(member):
            suppressed[member.id] = (MAINTENANCE, name)
    alerts = {
        member.id: AlertNow(is_firing=True, rank=member.severity_rank, suppressed=suppressed.get(member.id))
        for member in members
    }
    standing = [one for found in memberships(conn, sorted(alerts)).values() for one in found]
    deltas = Deltas()
    wake_groups(conn, follow(conn, standing, alerts, deltas), now_ms)
    deltas.write(conn)
    return members[-1].id if len(members) == AT_ONCE else None


_IS_HELD = (
    (membership.c.suppressed_kind == MAINTENANCE)
    & (membership.c.suppressed_kind != "")  # as the index says it
    & membership.c.state.in_((MemberState.SUPPRESSED, MemberState.NOTIFIED_MUTED, MemberState.SHADOWED))
)
