"""Alerts that changed so that another route or group owns them: which do, where they come from, what went with them.

A reload moves nothing: what counts is whether the rules in force would have owned the alert otherwise before it changed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Select, bindparam, func, select, type_coerce, update

from router.core.member import NOTIFIED_FIRING, Member, MemberState
from router.runtime.clock import from_ms
from router.store.evaluation.members import ALERT_COLUMNS, Counts, decode_document, member_of
from router.store.group_counts import Deltas
from router.store.intake.change import Belongs, Change, GroupKey
from router.store.intake.membership import Membership, leave, put
from router.store.tables import alert, alert_group, group_count, incident, membership

SEVERITY = "severity"
"""The label that senders without labels get, and others mostly have: it falls with the severity."""


class Move(msgspec.Struct, frozen=True):
    """An alert that was told in one group and belongs to another now."""

    group: int
    """That was told of it."""
    rose: bool
    """Its severity did: news at the new place."""


def find(
    conn: Connection,
    changes: Sequence[tuple[int, Change]],
    standing: Mapping[int, Sequence[Membership]],
    belongs: Belongs,
) -> dict[int, Move]:
    """Which of these changed alerts move. Asked before their rows change; costs nothing for those that stay. One that was
    on its way to a group that does not own it any more goes on to the one that does."""
    candidates: list[tuple[Change, int, int]] = []
    found = {}
    for number, change in changes:
        told = [one for one in standing[number] if one.is_notified]
        wanted = {(owner.route, owner.labels) for owner in change.owners}
        left = [one for one in told if (one.route, one.labels) not in wanted]
        if not left or not wanted.difference((one.route, one.labels) for one in told):
            continue
        if (under_way := under_way_of(standing[number], wanted)) is not None:
            found[number] = under_way
        else:
            candidates.append((change, number, left[0].group_id))
    for change, number, group in candidates:
        before = _member(conn, number)
        if _moves(change, before, belongs):
            found[number] = Move(group, change.severity_rank > before.severity_rank)
    return found


def under_way_of(standing: Sequence[Membership], wanted: Collection[tuple[str, str]]) -> Move | None:
    """Where an alert was told that is on its way from there to a group that has not told it yet, when neither of these
    is wanted (a route and a group's labels) any more."""
    left = {one.group_id: one for one in standing if (one.route, one.labels) not in wanted}
    for one in left.values():
        if not one.is_notified and one.migrates_from in left:
            return Move(left[one.migrates_from].group_id, one.rose)
    return None


def _moves(change: Change, before: Member, belongs: Belongs) -> bool:
    """It changed, and that is why it belongs elsewhere. A fall in severity alone makes no sound: it stays."""
    wanted = _places(change.owners)
    if _places(belongs(before).owners) == wanted:
        return False
    if change.severity_rank >= before.severity_rank:
        return True
    document = decode_document(change.document)
    labels = dict(document.labels)
    if SEVERITY in labels and SEVERITY in before.document.labels:
        labels[SEVERITY] = before.document.labels[SEVERITY]
    as_bad = msgspec.structs.replace(
        before, source=change.source, name=change.name, document=msgspec.structs.replace(document, labels=labels)
    )
    return _places(belongs(as_bad).owners) != _places(belongs(before).owners)


def _places(owners: Sequence[GroupKey]) -> set[tuple[str, str]]:
    return {(owner.route, owner.labels) for owner in owners}


def _member(conn: Connection, number: int) -> Member:
    return member_of(conn.execute(select(*ALERT_COLUMNS).where(alert.c.id == number)).one())


def note(conn: Connection, moving: Sequence[tuple[int, int, Move]]) -> None:
    """(group, alert, move) of what has joined the group it moves to, and is told where it was until that has told it."""
    for group, number, move in moving:
        mine = (membership.c.group_id == group) & (membership.c.alert_id == number)
        conn.execute(update(membership).where(mine).values(migrates_from=move.group, rose=move.rose))


class Arrival(msgspec.Struct, frozen=True):
    """Alerts that a group is about to tell, and that another group told before."""

    group: int
    incident: int | None
    """The other group's, while it is open."""
    is_whole: bool
    """All that the other group told and that still fires comes along, if not itself, by a worse sibling."""


_IS_ARRIVING = membership.c.state.in_((MemberState.ARRIVED, MemberState.SHADOWED)) & membership.c.migrates_from.is_not(
    None
)


_ARRIVING = (
    select(func.count()).select_from(membership).where(membership.c.group_id == bindparam("group_id"), _IS_ARRIVING)
)


def arriving(conn: Connection, group: int) -> int:
    """Of how many that this group is about to tell another one was told."""
    return int(conn.execute(_ARRIVING, {"group_id": group}).scalar_one())


def arrivals(conn: Connection, group: int, ended_since_ms: int) -> list[Arrival]:
    """From which groups, the earliest incident first. `ended_since_ms`: one that has ended since counts as open, for what
    comes from it is a worse sibling of what ended."""
    there = membership.alias()
    coming = (
        select(membership.c.migrates_from, func.count(there.c.alert_id).label("firing"))
        .outerjoin(
            there,
            (there.c.group_id == membership.c.migrates_from)
            & (there.c.alert_id == membership.c.alert_id)
            & there.c.state.in_(NOTIFIED_FIRING),
        )
        .where(membership.c.group_id == group, _IS_ARRIVING)
        .group_by(membership.c.migrates_from)
    )
    found = []
    for row in conn.execute(coming).fetchall():
        standing = select(func.coalesce(func.sum(group_count.c.alerts), 0)).where(
            group_count.c.group_id == row.migrates_from, group_count.c.state.in_(NOTIFIED_FIRING)
        )
        number = _latest(row.migrates_from, ended_since_ms)
        is_whole = conn.execute(standing).scalar() == row.firing
        found.append(Arrival(row.migrates_from, conn.execute(number).scalar(), is_whole))
    return sorted(found, key=lambda one: (one.incident is None, one.incident, one.group))


def _latest(group: int, ended_since_ms: int) -> Select[Any]:
    is_open = (incident.c.state != "resolved") | (incident.c.ended_at >= from_ms(ended_since_ms))
    return (
        select(incident.c.number)
        .join(alert_group, alert_group.c.incident == incident.c.number)
        .where(alert_group.c.id == group, is_open)
    )


def ended_lately(conn: Connection, group: int, since_ms: int) -> bool:
    """Whether the incident of a group has ended since; not one that another incident goes on for."""
    number = conn.execute(_latest(group, since_ms).where(incident.c.state == "resolved")).scalar()
    return number is not None


_LEAVING = (
    select(membership.c.group_id)
    .where(
        membership.c.migrates_from == bindparam("group_id"),
        membership.c.state.not_in((*NOTIFIED_FIRING, MemberState.ENDED, MemberState.MOVED)),
    )
    .distinct()
    .order_by(membership.c.group_id)
)


def leaving_for(conn: Connection, group: int) -> list[int]:
    """The groups that are about to tell what this group told."""
    return list(conn.execute(_LEAVING, {"group_id": group}).scalars())


def destinations(conn: Connection, group: int) -> list[int]:
    """The incidents that have what this group told."""
    query = select(membership.c.moved_to).where(
        membership.c.group_id == group, membership.c.state == MemberState.MOVED, membership.c.moved_to.is_not(None)
    )
    return [int(number) for number in conn.execute(query.distinct().order_by(membership.c.moved_to)).scalars()]


def is_news(conn: Connection, group: int, counted: Counts) -> bool:
    """Whether anything that is about to be told wakes people: it is new, or it rose when it came."""
    known = select(func.count()).where(membership.c.group_id == group, _IS_ARRIVING, ~membership.c.rose)
    return counted.new > conn.execute(known).scalar_one()


_ROWS = select(
    membership.c.alert_id,
    membership.c.group_id,
    membership.c.state,
    membership.c.rank,
    membership.c.suppressed_kind,
    membership.c.suppressed_name,
    type_coerce(membership.c.joined_at, BigInteger),
)


def take_over(conn: Connection, group: int, came_from: int) -> None:
    """What the other group told is told by this one: who comes along, and the ends that are to be told there."""
    came = select(membership.c.alert_id).where(membership.c.group_id == group, membership.c.migrates_from == came_from)
    here = select(membership.c.alert_id).where(membership.c.group_id == group)
    mine = _ROWS.where(membership.c.group_id == came_from)
    deltas = Deltas()
    leave(conn, _found(conn, mine.where(_IS_NOTIFIED, membership.c.alert_id.in_(came))), deltas)
    ended = _found(conn, mine.where(membership.c.state == MemberState.ENDED, membership.c.alert_id.not_in(here)))
    leave(conn, ended, deltas)
    put(conn, (), [msgspec.structs.replace(one, group_id=group) for one in ended], deltas)
    deltas.write(conn)
    conn.execute(update(alert_group).where(alert_group.c.id == came_from).values(incident=None))


_IS_NOTIFIED = membership.c.state.in_((*NOTIFIED_FIRING, MemberState.ENDED, MemberState.MOVED))
_IS_AT_HOME = _IS_NOTIFIED | (membership.c.state == MemberState.SHADOWED)


def tell(conn: Connection, group: int, came_from: int, number: int) -> None:
    """This group has told them in this incident: the other one is to be told where they went."""
    came = select(membership.c.alert_id).where(
        membership.c.group_id == group, membership.c.migrates_from == came_from, _IS_AT_HOME
    )
    told = (membership.c.group_id == came_from) & _IS_NOTIFIED & membership.c.alert_id.in_(came)
    before = _found(conn, _ROWS.where(told))
    after = [msgspec.structs.replace(one, state=MemberState.MOVED, kind="", name="") for one in before]
    deltas = Deltas()
    put(conn, before, after, deltas)
    deltas.write(conn)
    moved = membership.c.alert_id.in_([one.alert_id for one in before])
    conn.execute(update(membership).where(membership.c.group_id == came_from, moved).values(moved_to=number))


def settle(conn: Connection, group: int) -> None:
    """They are at home here."""
    mine = (membership.c.group_id == group) & membership.c.migrates_from.is_not(None) & _IS_AT_HOME
    conn.execute(update(membership).where(mine).values(migrates_from=None, rose=False))


def _found(conn: Connection, query: Select[Any]) -> list[Membership]:
    return [Membership(number, group, MemberState(state), *rest) for number, group, state, *rest in conn.execute(query)]
