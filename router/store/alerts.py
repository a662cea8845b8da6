"""Alerts and where they belong: what ingest writes, in one transaction per batch."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select

from router.clock import to_ms
from router.core.order import Verdict, judge
from router.store import tables
from router.store.bulk import Bulk
from router.store.known import NEVER_MS, Known, KnownAlerts


class Owner(msgspec.Struct, frozen=True, gc=False):
    """Where a firing alert belongs: the group to join, or to found."""

    route: str
    settings_id: str
    labels: str
    wait_ms: int


class Inhibits(msgspec.Struct, frozen=True, gc=False):
    """What a firing alert holds back: an inhibition and the values of its `equal` labels."""

    rule: str
    equal_values: str
    is_two_sided: bool


class Change(msgspec.Struct, frozen=True, gc=False):
    """One word about an alert, ready to be judged and written. Instants in ms."""

    namespace: str
    fingerprint: str
    source: str
    key: int
    order: int
    digest: int
    is_firing: bool
    starts_ms: int
    ends_ms: int | None
    ttl_ms: int | None
    ttl_is_presumed: bool
    severity_rank: int
    name: str
    document: str
    owners: tuple[Owner, ...]
    inhibits: tuple[Inhibits, ...]


_UPSERT = Bulk(
    """
    INSERT INTO alert (id, namespace, fingerprint, source, name, severity_rank, is_firing, order_no, digest, starts_at,
                       ends_at, ended_how, changed_at, ttl, ttl_is_presumed, expires_at, document)
    VALUES (:id, :namespace, :fingerprint, :source, :name, :severity_rank, :is_firing, :order_no, :digest, :starts_at,
            :ends_at, :ended_how, :changed_at, :ttl, :ttl_is_presumed, :expires_at, :document)
    ON CONFLICT (namespace, fingerprint) DO UPDATE SET
        source = excluded.source, name = excluded.name, severity_rank = excluded.severity_rank,
        is_firing = excluded.is_firing, order_no = excluded.order_no, digest = excluded.digest,
        starts_at = excluded.starts_at, ends_at = excluded.ends_at, ended_how = excluded.ended_how,
        changed_at = excluded.changed_at, ttl = excluded.ttl, ttl_is_presumed = excluded.ttl_is_presumed,
        expires_at = excluded.expires_at, document = excluded.document
    """,
    *(
        "id",
        "namespace",
        "fingerprint",
        "source",
        "name",
        "severity_rank",
        "is_firing",
        "order_no",
        "digest",
        "starts_at",
    ),
    *("ends_at", "ended_how", "changed_at", "ttl", "ttl_is_presumed", "expires_at", "document"),
)
_TOUCH = Bulk(
    "UPDATE alert SET source = :source, ttl = :ttl, expires_at = :expires_at WHERE id = :id",
    *("source", "ttl", "expires_at", "id"),
)
_JOIN = Bulk(
    """
    INSERT INTO membership (group_id, alert_id, is_told, joined_at)
    VALUES (:group_id, :alert_id, :is_told, :joined_at)
    ON CONFLICT (group_id, alert_id) DO NOTHING
    """,
    *("group_id", "alert_id", "is_told", "joined_at"),
)
_LEAVE = Bulk(
    "DELETE FROM membership WHERE group_id = :group_id AND alert_id = :alert_id",
    *("group_id", "alert_id"),
)
_FOUND_GROUP = Bulk(
    """
    INSERT INTO alert_group (route, labels, settings_id, created_at, due_at)
    VALUES (:route, :labels, :settings_id, :created_at, :due_at)
    ON CONFLICT (route, labels) DO UPDATE SET
        settings_id = excluded.settings_id,
        due_at = CASE WHEN alert_group.due_at IS NULL OR alert_group.due_at > excluded.due_at THEN excluded.due_at ELSE alert_group.due_at END
    RETURNING id, created_at
    """,
    *("route", "labels", "settings_id", "created_at", "due_at"),
)
_DUE = Bulk(
    """
    UPDATE alert_group SET due_at = CASE
        WHEN due_at <= CASE WHEN looked_at + 1000 > :now THEN looked_at + 1000 ELSE :now END THEN due_at
        WHEN looked_at + 1000 > :now THEN looked_at + 1000
        ELSE :now END
    WHERE id = :id
    """,
    *("now", "now", "now", "now", "id"),
)
_INHIBIT = Bulk(
    """
    INSERT INTO inhibitor (rule, equal_values, alert_id, is_two_sided)
    VALUES (:rule, :equal_values, :alert_id, :is_two_sided) ON CONFLICT DO NOTHING
    """,
    *("rule", "equal_values", "alert_id", "is_two_sided"),
)


def wake_groups(conn: Connection, group_ids: Iterable[int], now_ms: int) -> None:
    """Make groups due: at once, or a second after their last look, so that a storm into one group costs one look a
    second and not one per batch. Sorted: one lock order everywhere."""
    _DUE.run(conn, [(now_ms, now_ms, now_ms, now_ms, group) for group in sorted(group_ids)])


class Groups:
    """Ids of committed groups: most alerts join one that exists."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], int] = {}

    def get(self, owner: Owner) -> int | None:
        return self._ids.get((owner.route, owner.labels))

    def put(self, found: Iterable[tuple[Owner, int]]) -> None:
        if len(self._ids) > 200_000:
            self._ids.clear()
        for owner, group in found:
            self._ids[owner.route, owner.labels] = group

    def clear(self) -> None:
        self._ids.clear()


class Applied(msgspec.Struct):
    """What became of a batch. `after_commit` is the writer's to call once the transaction stands."""

    verdicts: list[Verdict]
    known: list[tuple[str, str, Known]]
    groups: list[tuple[Owner, int]]


class _Entry:
    """An alert of the batch while it is being judged."""

    __slots__ = ("applied", "id", "is_new", "starts_ms", "state", "touched")

    def __init__(self, state: Known | None) -> None:
        self.state = state
        self.is_new = state is None
        self.id = 0 if state is None else state.id
        self.applied: Change | None = None
        self.touched: Change | None = None
        self.starts_ms = 0


def apply_batch(
    conn: Connection, changes: Sequence[Change], known: KnownAlerts, groups: Groups, now_ms: int
) -> Applied:
    """Judge and write one batch; words about one alert are merged in order of arrival, then written by fingerprint."""
    entries = _load(conn, changes, known)
    verdicts = [_judge(entries[change.namespace, change.fingerprint], change, now_ms) for change in changes]
    identities = sorted(entries)
    ordered = [entries[identity] for identity in identities]
    _number(conn, ordered)
    changed = [(entry, change) for entry in ordered if (change := entry.applied) is not None]
    _UPSERT.run(conn, [_row(entry, change, now_ms) for entry, change in changed])
    touched = [(entry, change) for entry in ordered if entry.applied is None and (change := entry.touched) is not None]
    _TOUCH.run(conn, [_touch_row(entry, change, now_ms) for entry, change in touched])
    found = _join(conn, changed, groups, now_ms)
    _inhibit(conn, changed, now_ms)
    states = [
        (*identity, entry.state) for identity, entry in zip(identities, ordered, strict=True) if entry.state is not None
    ]
    return Applied(verdicts=verdicts, known=states, groups=found)


_FIND = select(
    *(
        tables.alert.c[name]
        for name in (
            *(
                "id",
                "fingerprint",
                "order_no",
                "digest",
                "is_firing",
                "changed_at",
                "ended_how",
                "starts_at",
                "ttl",
                "expires_at",
            ),
        )
    )
).where(
    tables.alert.c.namespace == bindparam("namespace"),
    tables.alert.c.fingerprint.in_(bindparam("fingerprints", expanding=True)),
)


def _load(conn: Connection, changes: Sequence[Change], known: KnownAlerts) -> dict[tuple[str, str], _Entry]:
    entries: dict[tuple[str, str], _Entry] = {}
    missing: dict[str, list[str]] = {}
    for change in changes:
        identity = (change.namespace, change.fingerprint)
        if identity not in entries:
            state = known.get(*identity)
            entries[identity] = _Entry(state)
            if state is None:
                missing.setdefault(change.namespace, []).append(change.fingerprint)
    for namespace, fingerprints in missing.items():
        for row in conn.execute(_FIND, {"namespace": namespace, "fingerprints": fingerprints}):
            entries[namespace, row.fingerprint] = _Entry(
                Known(
                    id=row.id,
                    order=row.order_no,
                    digest=row.digest,
                    is_firing=row.is_firing,
                    ended_ms=to_ms(row.changed_at),
                    was_told=row.ended_how == "told",
                    starts_ms=to_ms(row.starts_at),
                    touch_ms=NEVER_MS if row.expires_at is None else to_ms(row.expires_at - row.ttl / 2),
                    key=0,
                )
            )
    return entries


def _number(conn: Connection, entries: Sequence[_Entry]) -> None:
    """Ids of new alerts, in the order in which they are written. The writer is alone: the next free one is its to take."""
    fresh = [entry for entry in entries if entry.is_new and entry.applied is not None]
    if not fresh:
        return
    last = conn.execute(_LAST_ID).scalar() or 0
    for number, entry in enumerate(fresh, last + 1):
        entry.id = number
        if entry.state is not None:
            entry.state = entry.state._replace(id=number)


_LAST_ID = select(func.max(tables.alert.c.id))


def _judge(entry: _Entry, change: Change, now_ms: int) -> Verdict:
    state = entry.state
    verdict = judge(
        stored=None if state is None else (state.order, state.digest, state.is_firing, state.ended_ms, state.was_told),
        order=change.order,
        digest=change.digest,
        is_firing=change.is_firing,
        now_ms=now_ms,
        is_touch_due=state is not None and now_ms >= state.touch_ms,
    )
    touch_ms = NEVER_MS if change.ttl_ms is None or not change.is_firing else now_ms + change.ttl_ms // 2
    if verdict is Verdict.APPLY:
        entry.starts_ms = change.starts_ms
        if state is not None and (state.is_firing or not change.is_firing):
            entry.starts_ms = min(state.starts_ms, change.starts_ms)
        entry.applied, entry.touched = change, None
        entry.state = Known(
            id=entry.id,
            order=change.order,
            digest=change.digest,
            is_firing=change.is_firing,
            ended_ms=now_ms,
            was_told=not change.is_firing,
            starts_ms=entry.starts_ms,
            touch_ms=touch_ms,
            key=change.key,
        )
    elif state is not None and verdict is Verdict.TOUCH:
        entry.touched = change
        entry.state = state._replace(touch_ms=touch_ms, key=change.key if change.order == state.order else 0)
    elif state is not None and verdict is Verdict.UNCHANGED and change.digest == state.digest:
        # The same alert, maybe in other bytes (a relay, another order of keys): remember the bytes that came last.
        entry.state = state._replace(key=change.key)
    return verdict


def _row(entry: _Entry, change: Change, now_ms: int) -> tuple[object, ...]:
    is_firing = change.is_firing
    return (
        entry.id,
        change.namespace,
        tables.fingerprint_no(change.fingerprint),
        change.source,
        change.name,
        change.severity_rank,
        is_firing,
        change.order,
        change.digest,
        entry.starts_ms,
        None if is_firing else now_ms if change.ends_ms is None else change.ends_ms,
        None if is_firing else "told",
        now_ms,
        change.ttl_ms,
        change.ttl_is_presumed,
        None if change.ttl_ms is None or not is_firing else now_ms + change.ttl_ms,
        change.document,
    )


def _touch_row(entry: _Entry, change: Change, now_ms: int) -> tuple[object, ...]:
    return (change.source, change.ttl_ms, None if change.ttl_ms is None else now_ms + change.ttl_ms, entry.id)


def _join(
    conn: Connection, changed: Sequence[tuple[_Entry, Change]], groups: Groups, now_ms: int
) -> list[tuple[Owner, int]]:
    """Put each alert where it belongs and wake those groups. Routed once: who was told stays where it was told."""
    standing = memberships(conn, [entry.id for entry, _ in changed if not entry.is_new])
    founding: dict[tuple[str, str], tuple[Owner, list[int]]] = {}
    due: set[int] = set()
    joining: list[tuple[int, int]] = []
    leaving: list[tuple[int, int]] = []
    for entry, change in changed:
        owners: Sequence[Owner] = change.owners
        if not entry.is_new and (belongs := standing.get(entry.id)):
            due.update(one.group_id for one in belongs)
            if any(one.is_told for one in belongs):
                continue
            present = {(one.route, one.labels) for one in belongs}
            if change.is_firing:
                wanted = {(owner.route, owner.labels) for owner in owners}
                leaving += [(one.group_id, entry.id) for one in belongs if (one.route, one.labels) not in wanted]
            owners = [owner for owner in owners if (owner.route, owner.labels) not in present]
        for owner in owners:
            group = groups.get(owner)
            if group is not None:
                joining.append((group, entry.id))
            else:
                founding.setdefault((owner.route, owner.labels), (owner, []))[1].append(entry.id)
    _LEAVE.run(conn, leaving)
    due.update(group for group, _ in joining)
    found = []
    for _, (owner, members) in sorted(founding.items()):
        group, created_ms = _FOUND_GROUP.one(
            conn, (owner.route, owner.labels, owner.settings_id, now_ms, now_ms + owner.wait_ms)
        )
        if created_ms != now_ms:  # it was there before this process knew it: an open incident should not wait
            due.add(group)
        found.append((owner, group))
        joining += [(group, member) for member in members]
    joining.sort()
    _JOIN.run(conn, [(group, member, False, now_ms) for group, member in joining])
    wake_groups(conn, due, now_ms)
    return found


def found_group(conn: Connection, owner: Owner, now_ms: int) -> int:
    """The group an owner names, made when it is not there."""
    group, _ = _FOUND_GROUP.one(conn, (owner.route, owner.labels, owner.settings_id, now_ms, now_ms + owner.wait_ms))
    return int(group)


class Membership(msgspec.Struct, frozen=True):
    """An alert in a group."""

    group_id: int
    is_told: bool
    route: str
    labels: str


_STANDING = (
    select(
        tables.membership.c.alert_id,
        tables.membership.c.group_id,
        tables.membership.c.is_told,
        tables.alert_group.c.route,
        tables.alert_group.c.labels,
    )
    .join(tables.alert_group, tables.alert_group.c.id == tables.membership.c.group_id)
    .where(tables.membership.c.alert_id.in_(bindparam("alert_ids", expanding=True)))
)


def memberships(conn: Connection, alert_ids: Sequence[int]) -> dict[int, list[Membership]]:
    """Where these alerts are."""
    standing: dict[int, list[Membership]] = {}
    if alert_ids:
        for row in conn.execute(_STANDING, {"alert_ids": alert_ids}):
            one = Membership(row.group_id, row.is_told, row.route, row.labels)
            standing.setdefault(row.alert_id, []).append(one)
    return standing


def _inhibit(conn: Connection, changed: Sequence[tuple[_Entry, Change]], now_ms: int) -> None:
    """Record what these alerts hold back while they fire, and wake what those that ended held back."""
    free(conn, [entry.id for entry, _ in changed if not entry.is_new], now_ms)
    _INHIBIT.run(
        conn,
        [
            (held.rule, held.equal_values, entry.id, held.is_two_sided)
            for entry, change in changed
            for held in change.inhibits
        ],
    )


_FREED = delete(tables.inhibitor).where(tables.inhibitor.c.alert_id.in_(bindparam("freed", expanding=True)))
_HELD = (
    select(tables.membership.c.group_id)
    .where(tables.membership.c.held_by.in_(bindparam("held_by", expanding=True)))
    .distinct()
)


def free(conn: Connection, alert_ids: Sequence[int], now_ms: int) -> None:
    """These alerts inhibit nothing any more: the groups that waited for them look again."""
    if not alert_ids:
        return
    rules = set(conn.execute(_FREED.returning(tables.inhibitor.c.rule), {"freed": alert_ids}).scalars())
    if rules:
        held = conn.execute(_HELD, {"held_by": [f"inhibition {rule}" for rule in sorted(rules)]}).scalars()
        wake_groups(conn, set(held), now_ms)
