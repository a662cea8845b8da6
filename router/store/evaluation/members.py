"""Who is in a group: a bounded number of each kind, through an index, and what an evaluation makes of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from router.core.member import Document, Member, MemberState, Suppressor
from router.store import group_counts
from router.store.group_counts import Count, Deltas
from router.store.tables import alert, group_count, group_source, membership

decode_document = msgspec.json.Decoder(Document).decode
ALERT_COLUMNS = tuple(alert.c[name] for name in Member.__struct_fields__)
"""What `member_of` needs of an alert."""
_MEMBERS = select(*ALERT_COLUMNS).join(membership, alert.c.id == membership.c.alert_id)
_OVER = (MemberState.ENDED, MemberState.ENDED_BEFORE_NOTIFIED, MemberState.MOVED)


def member_of(row: object) -> Member:
    """An alert's row with `ALERT_COLUMNS`."""
    values = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001  # SQLAlchemy's public name for it
    return Member(**{**values, "document": decode_document(values["document"])})


class Counts(msgspec.Struct, frozen=True):
    """A group in numbers."""

    notified_firing: int = 0
    """Notified, and firing still: those that are muted too."""
    new: int = 0
    """Firing, nobody was notified, and nothing suppresses them."""
    ended: int = 0
    """Notified, and ended: to be told."""
    ended_before_notified: int = 0
    """Ended before anybody was notified."""
    moved: int = 0
    """Notified here, and another group's now: to be told."""
    shadowed: int = 0
    """Firing, and a worse sibling is told for them."""
    severity_rank: int = 0
    """The worst of notified and new."""
    unmuted_rank: int = 0
    """The worst of those that are not muted."""
    new_rank: int = 0
    suppressed: Mapping[Suppressor, int] = {}
    """Firing, and nobody was notified: by what suppresses them."""
    suppressed_ranks: Mapping[Suppressor, int] = {}
    """Of the worst of these."""
    ended_suppressed: Mapping[Suppressor, int] = {}
    """Began and ended while suppressed: nobody hears of each, a summary counts them."""
    muted: Mapping[Suppressor, int] = {}
    """Notified and firing: by what mutes them."""
    ranks: Mapping[MemberState, tuple[int, ...]] = {}
    """Severities that there are of a state, the worst first."""


def count(conn: Connection, group: int) -> Counts:
    """From what is kept with the group: costs the same whatever its size."""
    alerts: Counter[MemberState] = Counter()
    ranks: dict[MemberState, list[int]] = {}
    suppressed: Counter[Suppressor] = Counter()
    suppressed_ranks: dict[Suppressor, int] = {}
    ended_suppressed: Counter[Suppressor] = Counter()
    muted: Counter[Suppressor] = Counter()
    for one in group_counts.of_group(conn, group):
        by = (one.kind, one.name)
        alerts[one.state] += one.alerts
        ranks.setdefault(one.state, []).append(one.rank)
        match one.state:
            case MemberState.SUPPRESSED:
                suppressed[by] += one.alerts
                suppressed_ranks[by] = max(one.rank, suppressed_ranks.get(by, 0))
            case MemberState.NOTIFIED_MUTED:
                muted[by] += one.alerts
            case MemberState.ENDED_BEFORE_NOTIFIED if one.kind:
                ended_suppressed[by] += one.alerts
            case _:
                pass

    def worst_of(*states: MemberState) -> int:
        return max((rank for state in states for rank in ranks.get(state, ())), default=0)

    audible = (MemberState.ARRIVED, MemberState.NOTIFIED)
    return Counts(
        notified_firing=alerts[MemberState.NOTIFIED] + alerts[MemberState.NOTIFIED_MUTED],
        new=alerts[MemberState.ARRIVED],
        ended=alerts[MemberState.ENDED],
        ended_before_notified=alerts[MemberState.ENDED_BEFORE_NOTIFIED],
        moved=alerts[MemberState.MOVED],
        shadowed=alerts[MemberState.SHADOWED],
        severity_rank=worst_of(*audible, MemberState.NOTIFIED_MUTED),
        unmuted_rank=worst_of(*audible),
        new_rank=worst_of(MemberState.ARRIVED),
        suppressed=suppressed,
        suppressed_ranks=suppressed_ranks,
        ended_suppressed=ended_suppressed,
        muted=muted,
        ranks={state: tuple(dict.fromkeys(found)) for state, found in ranks.items()},
    )


_WORST = (
    _MEMBERS.where(
        membership.c.group_id == bindparam("group_id"),
        membership.c.state == bindparam("state"),
        membership.c.rank == bindparam("rank"),
    )
    .order_by(membership.c.alert_id)
    .limit(bindparam("most"))
)


def worst(conn: Connection, group: int, counted: Counts, states: Sequence[MemberState], most: int) -> list[Member]:
    """Worst first, of each severity those that were known first. Severity by severity: an index reads one way only."""
    found: list[Member] = []
    for rank in sorted({rank for state in states for rank in counted.ranks.get(state, ())}, reverse=True):
        if len(found) >= most:
            break
        alike: list[Member] = []
        for state in states:
            if rank in counted.ranks.get(state, ()):
                values = {"group_id": group, "state": state, "rank": rank, "most": most - len(found)}
                alike += [member_of(row) for row in conn.execute(_WORST, values)]
        found += sorted(alike, key=_known_first)[: most - len(found)]
    return found


def _known_first(member: Member) -> int:
    return member.id


_STARTED = (
    select(alert.c.starts_at)
    .join(membership, alert.c.id == membership.c.alert_id)
    .where(
        membership.c.group_id == bindparam("group_id"),
        membership.c.state.in_((MemberState.ARRIVED, MemberState.ENDED_BEFORE_NOTIFIED)),
        membership.c.joined_at == bindparam("joined_at"),
    )
    .limit(50)
)


def started_at(conn: Connection, group: int, joined_at: datetime) -> datetime | None:
    """When what joined then began, as its sender says; of several that came together the earliest of the first few."""
    found = conn.execute(_STARTED, {"group_id": group, "joined_at": joined_at}).scalars()
    return min(found, default=None)


_NOT_ARRIVING = (
    _MEMBERS.where(
        membership.c.group_id == bindparam("group_id"),
        membership.c.state == MemberState.ARRIVED,
        membership.c.migrates_from.is_(None),
    )
    .order_by(membership.c.rank.desc(), membership.c.alert_id)
    .limit(bindparam("most"))
)


def not_arriving(conn: Connection, group: int, most: int) -> list[Member]:
    """Of those that have arrived the ones that no other group was notified of either, the worst first."""
    return [member_of(row) for row in conn.execute(_NOT_ARRIVING, {"group_id": group, "most": most})]


_LAST_ENDED = (
    _MEMBERS.where(membership.c.group_id == bindparam("group_id"), membership.c.state == MemberState.ENDED)
    .order_by(alert.c.ends_at.desc(), alert.c.severity_rank.desc(), alert.c.fingerprint)
    .limit(bindparam("most"))
)


def last_ended(conn: Connection, group: int, most: int) -> list[Member]:
    """Whose end is to be told, the last first. Reads as many as have ended since the last evaluation."""
    return [member_of(row) for row in conn.execute(_LAST_ENDED, {"group_id": group, "most": most})]


def ended_hows(conn: Connection, group: int) -> set[str]:
    query = (
        select(alert.c.ended_how)
        .join(membership, alert.c.id == membership.c.alert_id)
        .where(membership.c.group_id == group, membership.c.state == MemberState.ENDED)
        .distinct()
    )
    return {how or "told" for how in conn.execute(query).scalars()}


_SOURCES = select(group_source.c.source).where(group_source.c.group_id == bindparam("group_id"))


def sources(conn: Connection, group: int) -> tuple[str, ...]:
    """Who sent the alerts it has had since it was last empty."""
    return tuple(conn.execute(_SOURCES.order_by(group_source.c.source), {"group_id": group}).scalars())


def forget_sources(conn: Connection, group: int) -> None:
    """It is empty."""
    conn.execute(delete(group_source).where(group_source.c.group_id == group))


_NOTIFY = (
    update(membership)
    .where(membership.c.group_id == bindparam("b_group"), membership.c.state == MemberState.ARRIVED)
    .values(state=MemberState.NOTIFIED.value, is_unasked=bindparam("b_unasked"))
)


def mark_notified(conn: Connection, group: int, *, for_copies: bool = False) -> None:
    """Of those that have arrived: from now on their end is to be told; the copies, where there are any, are to be asked
    about them."""
    arrived = [one for one in group_counts.of_group(conn, group) if one.state is MemberState.ARRIVED]
    if arrived:
        conn.execute(_NOTIFY, {"b_group": group, "b_unasked": for_copies})
        _turn(conn, group, arrived, MemberState.NOTIFIED)


def _turn(conn: Connection, group: int, counted: Sequence[Count], state: MemberState) -> None:
    deltas = Deltas()
    for one in counted:
        deltas.add(group, one.state, one.rank, one.kind, one.name, alerts=-one.alerts)
        deltas.add(group, state, one.rank, one.kind, one.name, alerts=one.alerts)
    deltas.write(conn)


_UNASKED = (
    _MEMBERS.where(
        membership.c.group_id == bindparam("group_id"),
        membership.c.is_unasked,
        membership.c.state == MemberState.NOTIFIED,
    )
    .order_by(membership.c.alert_id)
    .limit(bindparam("most"))
)
_ASKED = (
    update(membership)
    .where(membership.c.group_id == bindparam("b_group"), membership.c.alert_id == bindparam("b_alert"))
    .values(is_unasked=False)
)


def take_unasked(conn: Connection, group: int, most: int) -> list[Member]:
    """Notified and firing, news to the copies: new since they were asked, or changed. Whoever takes them asks. Those that
    are muted come when nothing mutes them any more: a post in another channel is a sound."""
    found = [member_of(row) for row in conn.execute(_UNASKED, {"group_id": group, "most": most})]
    if found:
        conn.execute(_ASKED, [{"b_group": group, "b_alert": member.id} for member in found])
    return found


_REMOVE = delete(membership).where(membership.c.group_id == bindparam("b_group"), membership.c.state.in_(_OVER))
_REMOVE_COUNTS = delete(group_count).where(
    group_count.c.group_id == bindparam("b_group"), group_count.c.state.in_(_OVER)
)


def remove_ended(conn: Connection, group: int) -> None:
    """What ended or moved away leaves: its destinations are told in this transaction, the rest was never news."""
    conn.execute(_REMOVE, {"b_group": group})
    conn.execute(_REMOVE_COUNTS, {"b_group": group})
