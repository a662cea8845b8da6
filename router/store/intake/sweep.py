"""Which maintenances and silences all firing alerts were last held against, and the way through them when those change.

Intake says of each alert that changes whether one holds it; only when one begins or ends are the others asked. What has
ended is found by what it holds. For what has begun all firing alerts are gone through once, from wherever the way is: while
silences come one after another it is one way round and round, not one begun anew with each.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from router.core.member import MemberState, visible_of
from router.runtime.clock import to_ms
from router.store.group_counts import Deltas
from router.store.intake import inhibition
from router.store.intake.membership import AlertNow, follow, memberships, wake_groups
from router.store.tables import alert, group_count, membership, ruleset
from rules.model.suppression import BY_LABELS, LabelSuppressor, SuppressorsInForce

WRITTEN_AT_ONCE = 250
"""Alerts that one transaction may have to write,"""
READ_AT_ONCE = 500
"""and that it looks at."""
_AT_ONCE = 500
"""Groups, or names, in one statement."""


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


class Firing(msgspec.Struct, frozen=True):
    """An alert that fires, as matchers see it."""

    id: int
    severity_rank: int
    title: str
    labels: dict[str, str]
    """With the computed names."""


class _Document(msgspec.Struct, frozen=True):
    """What matchers see of a stored document; the rest is not read."""

    title: str
    labels: dict[str, str] = {}


_decode = msgspec.json.Decoder(_Document).decode
_SEEN = select(alert.c.id, alert.c.severity_rank, alert.c.name, alert.c.source, alert.c.document).order_by(alert.c.id)
_FIRING = _SEEN.where(alert.c.is_firing, alert.c.id > bindparam("after")).limit(READ_AT_ONCE)
_THESE = _SEEN.where(alert.c.id.in_(bindparam("ids", expanding=True)))
_HELD_HERE = (
    select(membership.c.alert_id)
    .where(membership.c.alert_id > bindparam("after"), membership.c.alert_id <= bindparam("last"))
    .where(membership.c.suppressed_kind.in_(sorted(BY_LABELS)))
)


def firing(conn: Connection, after: int) -> list[Firing]:
    """One part of the alerts that fire; none at the end."""
    return [_firing(*row) for row in conn.execute(_FIRING, {"after": after})]


def _firing(number: int, rank: int, name: str, source: str, text: str) -> Firing:
    document = _decode(text)
    return Firing(number, rank, document.title, visible_of(document.labels, document.title, name, rank, source))


def examine(conn: Connection, in_force: SuppressorsInForce, now: datetime, after: int) -> int | None:
    """Hold one part of the firing alerts against these. Returns where to go on, None at the end."""
    alerts = firing(conn, after)
    if not alerts:
        return None
    held = set(conn.execute(_HELD_HERE, {"after": after, "last": alerts[-1].id}).scalars())
    concerned: list[tuple[Firing, LabelSuppressor | None]] = []
    for one in alerts:
        by = in_force.of(one.labels)
        if by is not None or one.id in held:
            concerned.append((one, by))
            if len(concerned) == WRITTEN_AT_ONCE:
                break
    _write(conn, concerned, now)
    if len(concerned) == WRITTEN_AT_ONCE:
        return concerned[-1][0].id
    return alerts[-1].id if len(alerts) == READ_AT_ONCE else None


_HELD_BY = (
    select(membership.c.alert_id)
    .where(membership.c.suppressed_kind == bindparam("kind"))
    .where(membership.c.suppressed_name.in_(bindparam("names", expanding=True)))
    # An end keeps the name of what held it, for who counts it.
    .where(membership.c.state.in_((MemberState.SUPPRESSED, MemberState.NOTIFIED_MUTED, MemberState.SHADOWED)))
    .where(membership.c.suppressed_kind != "")  # as the index says it
    .limit(bindparam("most"))
)


def let_go(conn: Connection, gone: Collection[tuple[str, str]], in_force: SuppressorsInForce, now: datetime) -> bool:
    """Hold one part of what these held against those in force. Returns whether there may be more."""
    ids: list[int] = []
    for kind in sorted({kind for kind, _ in gone}):
        names = sorted(name for one, name in gone if one == kind)
        for start in range(0, len(names), _AT_ONCE):
            some = {"kind": kind, "names": names[start : start + _AT_ONCE], "most": WRITTEN_AT_ONCE - len(ids)}
            ids += conn.execute(_HELD_BY, some).scalars()
    if not ids:
        return False
    theirs = [_firing(*row) for row in conn.execute(_THESE, {"ids": sorted(set(ids))})]
    _write(conn, [(one, in_force.of(one.labels)) for one in theirs], now)
    return True


def _write(conn: Connection, found: Sequence[tuple[Firing, LabelSuppressor | None]], now: datetime) -> None:
    """What holds these firing alerts by their labels is this; an inhibition does where nothing of the kind does."""
    if not found:
        return
    inhibited = inhibition.holding(conn, (one.id for one, by in found if by is None))
    alerts = {
        one.id: AlertNow(
            is_firing=True, rank=one.severity_rank, suppressed=inhibited.get(one.id) if by is None else by.key
        )
        for one, by in found
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
