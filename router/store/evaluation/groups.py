"""Groups and who is in them: what dispatch asks before it decides, and what it writes about membership."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec
from sqlalchemy import Connection, and_, bindparam, case, delete, func, literal, or_, select, update

from router.core.evaluation import Wait
from router.core.member import Document, Member
from router.store.tables import InstantMs, alert, alert_group, inhibitor, membership, settings
from rules.model.inhibition import InhibitionKey, is_inhibited_by
from rules.model.route import RouteSettings


class Group(msgspec.Struct, frozen=True):
    """A group that is due."""

    id: int
    route: str
    labels: tuple[tuple[str, str], ...]
    settings: RouteSettings
    route_is_gone: bool
    incident: int | None
    suppressed_rank: int | None
    """Of the worst alert that a window or a maintenance held at the last look."""
    wait: Wait | None = None


class Counts(msgspec.Struct, frozen=True):
    """A group in numbers; held alerts are counted apart from new ones."""

    notified_firing: int = 0
    new: int = 0
    ended: int = 0
    ended_before_notified: int = 0
    """Ended before anybody was told."""
    moved: int = 0
    """Told here, and told by another group now."""
    arriving: int = 0
    """Of the new, those that another group told, which is to be told where they went."""
    severity_rank: int = 0
    """The worst of told and new."""
    unmuted_rank: int = 0
    """The worst of those that are not muted."""
    waiting_since: datetime | None = None
    """When the first of what nobody was told joined, and was not held back: of the new, and of those that ended so."""
    held: Mapping[str, int] = {}
    ended_suppressed: Mapping[str, int] = {}
    """Began and ended while held back: nobody hears of each, a summary counts them."""
    suppressed_ranks: Mapping[str, int] = {}
    """Of the worst that each holds back."""
    muted: Mapping[str, int] = {}
    """Told and firing, by the maintenance or inhibition that holds them now."""


decode_document = msgspec.json.Decoder(Document).decode
_decode_labels = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


@lru_cache(maxsize=4096)
def decode_settings(document: str) -> RouteSettings:
    """A stored snapshot of a route's settings."""
    return msgspec.json.decode(document, type=RouteSettings)


def keep_settings(conn: Connection, documents: Mapping[str, str]) -> None:
    """Store the snapshots of the routes that come into force, by id."""
    standing = set(conn.execute(select(settings.c.id)).scalars())
    fresh = [{"id": key, "document": document} for key, document in sorted(documents.items()) if key not in standing]
    if fresh:
        conn.execute(settings.insert(), fresh)


_GROUPS = select(
    alert_group.c.id,
    alert_group.c.route,
    alert_group.c.labels,
    settings.c.document,
    alert_group.c.route_is_gone,
    alert_group.c.incident,
    alert_group.c.suppressed_rank,
    alert_group.c.waiting_since,
    alert_group.c.waiting_until,
).join(settings, settings.c.id == alert_group.c.settings_id)


def due(conn: Connection, now: datetime, most: int) -> list[Group]:
    """The longest due first; of those that were held back until one instant the worst first."""
    query = _GROUPS.where(alert_group.c.due_at <= now)
    in_turn = query.order_by(alert_group.c.due_at, alert_group.c.suppressed_rank.desc(), alert_group.c.id)
    return [_group(*row) for row in conn.execute(in_turn.limit(most))]


def get(conn: Connection, number: int) -> Group:
    """A group that is known to exist."""
    return _group(*conn.execute(_GROUPS.where(alert_group.c.id == number)).one())


def _group(
    number: int,
    route: str,
    labels: str,
    document: str,
    route_is_gone: bool,
    incident: int | None,
    suppressed_rank: int | None,
    waiting_since: datetime | None,
    waiting_until: datetime | None,
) -> Group:
    wait = None if waiting_since is None else Wait(waiting_since, waiting_until)
    return Group(
        number, route, _decode_labels(labels), decode_settings(document), route_is_gone, incident, suppressed_rank, wait
    )


def next_due(conn: Connection) -> datetime | None:
    return conn.execute(select(func.min(alert_group.c.due_at))).scalar()


_COUNT = (
    select(
        membership.c.is_notified,
        alert.c.is_firing,
        membership.c.suppressed_by,
        membership.c.moved_to,
        func.count().label("alerts"),
        func.max(alert.c.severity_rank).label("rank"),
        func.min(membership.c.joined_at).label("joined_at"),
        func.count(membership.c.migrates_from).label("arriving"),
    )
    .join(alert, alert.c.id == membership.c.alert_id)
    .where(membership.c.group_id == bindparam("group_id"))
    .group_by(membership.c.is_notified, alert.c.is_firing, membership.c.suppressed_by, membership.c.moved_to)
)


def count(conn: Connection, group: int) -> Counts:
    notified_firing = new = ended = ended_before_notified = moved = rank = arriving = unmuted_rank = 0
    muted: dict[str, int] = {}
    suppressed_ranks: dict[str, int] = {}
    waiting_since: datetime | None = None
    held: dict[str, int] = {}
    ended_suppressed: dict[str, int] = {}
    for row in conn.execute(_COUNT, {"group_id": group}):
        if row.moved_to is not None:
            moved += row.alerts
        elif not row.is_firing and row.is_notified:
            ended += row.alerts
        elif not row.is_firing:
            ended_before_notified += row.alerts
            if row.suppressed_by is not None:
                ended_suppressed[row.suppressed_by] = ended_suppressed.get(row.suppressed_by, 0) + row.alerts
            else:
                waiting_since = row.joined_at if waiting_since is None else min(waiting_since, row.joined_at)
        elif row.is_notified:
            notified_firing, rank = notified_firing + row.alerts, max(rank, row.rank)
            if row.suppressed_by is None:
                unmuted_rank = max(unmuted_rank, row.rank)
            else:
                muted[row.suppressed_by] = muted.get(row.suppressed_by, 0) + row.alerts
        elif row.suppressed_by is not None:
            held[row.suppressed_by] = held.get(row.suppressed_by, 0) + row.alerts
            suppressed_ranks[row.suppressed_by] = max(row.rank, suppressed_ranks.get(row.suppressed_by, 0))
        else:
            new, rank, unmuted_rank = new + row.alerts, max(rank, row.rank), max(unmuted_rank, row.rank)
            arriving += row.arriving
            waiting_since = row.joined_at if waiting_since is None else min(waiting_since, row.joined_at)
    return Counts(
        notified_firing,
        new,
        ended,
        ended_before_notified,
        moved,
        arriving,
        rank,
        unmuted_rank,
        waiting_since,
        held,
        ended_suppressed,
        suppressed_ranks,
        muted,
    )


def waiting_started_at(conn: Connection, group: int, joined_at: datetime) -> datetime | None:
    """When what joined first began, as its sender says; of several that came together the earliest."""
    query = (
        select(func.min(alert.c.starts_at))
        .join(membership, alert.c.id == membership.c.alert_id)
        .where(membership.c.group_id == group, ~membership.c.is_notified, membership.c.joined_at == joined_at)
    )
    return conn.execute(query).scalar()


ALERT_COLUMNS = tuple(alert.c[name] for name in Member.__struct_fields__ if name != "suppressed_by")
"""What `member_of` needs of an alert."""
_MEMBERS = select(*ALERT_COLUMNS, membership.c.suppressed_by).join(alert, alert.c.id == membership.c.alert_id)
_UNTOLD = _MEMBERS.where(
    membership.c.group_id == bindparam("group_id"), ~membership.c.is_notified, alert.c.is_firing
).limit(bindparam("most"))
_NEWEST = _UNTOLD.where(membership.c.suppressed_by.is_(None)).order_by(
    alert.c.severity_rank.desc(), alert.c.starts_at, alert.c.fingerprint
)
_STAYS = and_(membership.c.group_id == bindparam("group_id"), membership.c.is_notified, membership.c.moved_to.is_(None))
_WORST = (
    _MEMBERS.where(_STAYS, alert.c.is_firing)
    .order_by(alert.c.severity_rank.desc(), alert.c.starts_at, alert.c.fingerprint)
    .limit(bindparam("most"))
)
_UNHEARD = (
    _MEMBERS.where(membership.c.group_id == bindparam("group_id"), ~membership.c.is_notified, ~alert.c.is_firing)
    .order_by(alert.c.severity_rank.desc(), alert.c.starts_at, alert.c.fingerprint)
    .limit(bindparam("most"))
)
_ENDED = (
    _MEMBERS.where(_STAYS, ~alert.c.is_firing)
    .order_by(alert.c.ends_at.desc(), alert.c.severity_rank.desc(), alert.c.fingerprint)
    .limit(bindparam("most"))
)


def untold(conn: Connection, group: int, most: int) -> list[Member]:
    """Firing and not told, held or not."""
    return [member_of(row) for row in conn.execute(_UNTOLD, {"group_id": group, "most": most})]


def newest(conn: Connection, group: int, most: int) -> list[Member]:
    """Firing, not told and not held, worst first."""
    return [member_of(row) for row in conn.execute(_NEWEST, {"group_id": group, "most": most})]


def unheard_of(conn: Connection, group: int, most: int) -> list[Member]:
    """Of the newest those that no other group told either."""
    query = _NEWEST.where(membership.c.migrates_from.is_(None))
    return [member_of(row) for row in conn.execute(query, {"group_id": group, "most": most})]


def worst(conn: Connection, group: int, most: int) -> list[Member]:
    """Told and firing, worst first."""
    return [member_of(row) for row in conn.execute(_WORST, {"group_id": group, "most": most})]


def unheard(conn: Connection, group: int, most: int) -> list[Member]:
    """Ended before anybody was told, worst first."""
    return [member_of(row) for row in conn.execute(_UNHEARD, {"group_id": group, "most": most})]


def ended(conn: Connection, group: int, most: int) -> list[Member]:
    """Told and ended, the last first."""
    return [member_of(row) for row in conn.execute(_ENDED, {"group_id": group, "most": most})]


_MOVED = (
    _MEMBERS.where(membership.c.group_id == bindparam("group_id"), membership.c.moved_to.is_not(None))
    .order_by(alert.c.severity_rank.desc(), alert.c.starts_at, alert.c.fingerprint)
    .limit(bindparam("most"))
)


def moved(conn: Connection, group: int, most: int) -> list[Member]:
    """Told here, and told by another group now, worst first."""
    return [member_of(row) for row in conn.execute(_MOVED, {"group_id": group, "most": most})]


def ended_hows(conn: Connection, group: int) -> set[str]:
    query = (
        select(alert.c.ended_how)
        .join(membership, alert.c.id == membership.c.alert_id)
        .where(membership.c.group_id == group, membership.c.is_notified, ~alert.c.is_firing)
        .distinct()
    )
    return {how or "told" for how in conn.execute(query).scalars()}


def notified_sources(conn: Connection, group: int) -> tuple[str, ...]:
    query = (
        select(alert.c.source)
        .join(membership, alert.c.id == membership.c.alert_id)
        .where(membership.c.group_id == group, membership.c.is_notified)
        .distinct()
        .order_by(alert.c.source)
    )
    return tuple(conn.execute(query).scalars())


def suppress_all(conn: Connection, group: int, suppressed_by: str) -> None:
    """The route itself is held back: every alert that nobody was told waits."""
    conn.execute(
        update(membership)
        .where(
            membership.c.group_id == group,
            ~membership.c.is_notified,
            func.coalesce(membership.c.suppressed_by, "") != suppressed_by,
        )
        .values(suppressed_by=suppressed_by)
    )


def release_all(conn: Connection, group: int) -> None:
    conn.execute(
        update(membership)
        .where(membership.c.group_id == group, membership.c.suppressed_by.is_not(None))
        .values(suppressed_by=None)
    )


_HOLD = (
    update(membership)
    .where(
        membership.c.group_id == bindparam("b_group"),
        membership.c.alert_id == bindparam("b_alert"),
    )
    .values(suppressed_by=bindparam("b_held_by"))
)


def suppress_each(conn: Connection, group: int, changes: Sequence[tuple[Member, str | None]]) -> None:
    if changes:
        conn.execute(
            _HOLD,
            [
                {
                    "b_group": group,
                    "b_alert": member.id,
                    "b_held_by": suppressed_by,
                }
                for member, suppressed_by in changes
            ],
        )


_SOURCES = (
    select(inhibitor.c.is_two_sided)
    .where(inhibitor.c.rule == bindparam("rule"), inhibitor.c.equal_values == bindparam("equal_values"))
    .distinct()
)


def is_inhibited(conn: Connection, key: InhibitionKey) -> bool:
    """Whether some firing alert is a source of this key. A real set: any one suffices."""
    found = conn.execute(_SOURCES, {"rule": key.rule, "equal_values": encode_equal(key)}).scalars()
    return any(is_inhibited_by(key, InhibitionKey(key.rule, key.equal, two_sided)) for two_sided in found)


def encode_equal(key: InhibitionKey) -> str:
    return msgspec.json.encode(key.equal).decode()


def mark_notified(conn: Connection, group: int, *, for_copies: bool = False) -> None:
    """From now on their end is owed; the copies, where there are any, are to be asked about them."""
    firing = select(alert.c.id).where(alert.c.id == membership.c.alert_id, alert.c.is_firing)
    conn.execute(
        update(membership)
        .where(
            membership.c.group_id == group,
            ~membership.c.is_notified,
            membership.c.suppressed_by.is_(None),
            firing.exists(),
        )
        .values(is_notified=True, is_unasked=for_copies)
    )


_UNASKED = (
    _MEMBERS.where(
        membership.c.group_id == bindparam("group_id"),
        membership.c.is_notified,
        membership.c.is_unasked,
        alert.c.is_firing,
    )
    .order_by(alert.c.severity_rank.desc(), alert.c.starts_at, alert.c.fingerprint)
    .limit(bindparam("most"))
)
_ASKED = (
    update(membership)
    .where(membership.c.group_id == bindparam("b_group"), membership.c.alert_id == bindparam("b_alert"))
    .values(is_unasked=False)
)


def take_unasked(conn: Connection, group: int, most: int) -> list[Member]:
    """Told and firing, news to the copies: new since they were asked, or changed. Whoever takes them asks."""
    found = [member_of(row) for row in conn.execute(_UNASKED, {"group_id": group, "most": most})]
    if found:
        conn.execute(_ASKED, [{"b_group": group, "b_alert": member.id} for member in found])
    return found


def remove_ended(conn: Connection, group: int) -> None:
    """What ended or moved away leaves: what was told is told that in this transaction, the rest was never news."""
    over = select(alert.c.id).where(alert.c.id == membership.c.alert_id, ~alert.c.is_firing)
    mine = membership.c.group_id == group
    conn.execute(delete(membership).where(mine, or_(over.exists(), membership.c.moved_to.is_not(None))))


def settle(
    conn: Connection,
    group: int,
    *,
    now: datetime,
    due_at: datetime | None,
    incident: int | None,
    suppressed_rank: int | None,
    wait: Wait | None,
) -> None:
    """Looked at; next time at `due_at`."""
    values = {
        "evaluated_at": now,
        "due_at": due_at,
        "incident": incident,
        "suppressed_rank": suppressed_rank,
        "waiting_since": None if wait is None else wait.since,
        "waiting_until": None if wait is None else wait.until,
    }
    conn.execute(update(alert_group).where(alert_group.c.id == group).values(values))


def put_off_first(conn: Connection, now: datetime, until: datetime) -> int | None:
    """The group that is due the longest waits until then. Returns its id."""
    first = due_ids(conn, now, 1)
    if first:
        conn.execute(update(alert_group).where(alert_group.c.id == first[0]).values(due_at=until))
    return first[0] if first else None


def due_ids(conn: Connection, now: datetime, most: int) -> list[int]:
    query = select(alert_group.c.id).where(alert_group.c.due_at <= now).order_by(alert_group.c.due_at, alert_group.c.id)
    return list(conn.execute(query.limit(most)).scalars())


def make_due(conn: Connection, now: datetime, group_ids: Iterable[int] | None = None) -> None:
    """Some groups, or all that have members or an open incident: a look is always safe."""
    condition = (
        alert_group.c.id.in_(list(group_ids))
        if group_ids is not None
        else alert_group.c.id.in_(select(membership.c.group_id))
    )
    soonest = case((alert_group.c.due_at < now, alert_group.c.due_at), else_=literal(now, InstantMs))
    conn.execute(update(alert_group).where(condition).values(due_at=soonest, evaluated_at=None))


def member_of(row: object) -> Member:
    """An alert's row with `ALERT_COLUMNS`, and `suppressed_by` where it was asked for."""
    values = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001  # SQLAlchemy's public name for it
    return Member(**{**values, "document": decode_document(values["document"])})
