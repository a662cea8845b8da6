"""Alerts and where they belong: what ingest writes, in one transaction per batch."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.exc import IntegrityError

from router.core.order import Verdict, judge
from router.store import tables
from router.store.bulk import Insert, WhereIn
from router.store.intake import migration
from router.store.intake.change import Belongs, Change, GroupKey
from router.store.intake.committed import NEVER_MS, Committed, CommittedAlerts, State, touch_at
from router.store.intake.membership import Groups, Membership, found_or_made, memberships, wake_groups

_COLUMNS = (
    *("id", "namespace", "fingerprint", "source", "name", "severity_rank", "is_firing", "order_no", "digest"),
    *("starts_at", "ends_at", "ended_how", "changed_at", "ttl", "ttl_is_presumed", "expires_at", "document"),
)
_NEW = Insert("alert", _COLUMNS)
"""Without ON CONFLICT: were it there already, its id would not be the one that is given here."""
_CHANGED = Insert(
    "alert",
    _COLUMNS,
    f"ON CONFLICT (namespace, fingerprint) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[3:])}",
)
_TOUCH = WhereIn("UPDATE alert SET source = ?, ttl = ?, expires_at = ? WHERE id IN")
_JOIN = Insert(
    "membership",
    ("group_id", "alert_id", "is_notified", "joined_at"),
    "ON CONFLICT (group_id, alert_id) DO NOTHING",
)
_UNASKED = WhereIn("UPDATE membership SET is_unasked = is_notified WHERE alert_id IN")
_LEAVE = WhereIn("DELETE FROM membership WHERE group_id = ? AND alert_id IN")
_INHIBIT = Insert("inhibitor", ("rule", "equal_values", "alert_id", "is_two_sided"), "ON CONFLICT DO NOTHING")


class Applied(msgspec.Struct):
    """What became of a batch; `known` and `groups` hold once the transaction stands."""

    verdicts: list[Verdict]
    known: list[State]
    groups: list[tuple[GroupKey, int]]


class _Entry:
    """An alert of the batch while it is being judged."""

    __slots__ = ("applied", "id", "is_new", "starts_ms", "state", "touched")

    def __init__(self, state: Committed | None) -> None:
        self.state = state
        self.is_new = state is None
        self.id = 0 if state is None else state.id
        self.applied: Change | None = None
        self.touched: Change | None = None
        self.starts_ms = 0


_Entries = dict[str, dict[int, _Entry]]
"""By namespace and fingerprint."""


def apply_batch(
    conn: Connection,
    changes: Sequence[Change],
    known: CommittedAlerts,
    groups: Groups,
    now_ms: int,
    belongs: Belongs,
    *,
    has_copies: bool = False,
) -> Applied:
    """Judge and write one batch; words about one alert are merged in order of arrival, then written by fingerprint.

    `belongs` is asked about alerts that were told elsewhere than where they belong now: did they change, or the rules? With
    `has_copies`, alerts that were told and have changed are news to the copies.
    """
    entries = _load(conn, changes, known)
    ordered = [
        (space, number, entries[space][number]) for space in sorted(entries) for number in sorted(entries[space])
    ]
    _number(conn, [entry for _, _, entry in ordered if entry.state is None], known)
    verdicts = [_judge(entries[change.namespace][change.fingerprint], change, now_ms) for change in changes]
    changed = [(entry, change) for _, _, entry in ordered if (change := entry.applied) is not None]
    standing = memberships(conn, [entry.id for entry, _ in changed if not entry.is_new])
    moving = migration.find(
        conn, [(entry.id, change) for entry, change in changed if entry.id in standing], standing, belongs
    )
    try:
        _NEW.run(conn, [_row(entry, change, now_ms) for entry, change in changed if entry.is_new])
    except IntegrityError:
        known.invalidate()
        raise
    _CHANGED.run(conn, [_row(entry, change, now_ms) for entry, change in changed if not entry.is_new])
    _touch(conn, [entry for _, _, entry in ordered], now_ms)
    found = _join(conn, changed, standing, moving, groups, now_ms)
    _inhibit(conn, changed, now_ms)
    if has_copies:
        _UNASKED.run(conn, (), sorted(entry.id for entry, _ in changed if not entry.is_new))
    states = [(space, number, entry.state) for space, number, entry in ordered if entry.state is not None]
    return Applied(verdicts=verdicts, known=states, groups=found)


_FIND = WhereIn(
    """
    SELECT fingerprint, id, order_no, digest, is_firing, changed_at, ended_how, starts_at, ttl, expires_at
    FROM alert WHERE namespace = ? AND fingerprint IN
    """
)


def _load(conn: Connection, changes: Sequence[Change], known: CommittedAlerts) -> _Entries:
    entries: _Entries = {}
    missing: dict[str, list[int]] = {}
    get, is_complete = known.get, known.is_complete
    for change in changes:
        namespace, fingerprint = change.namespace, change.fingerprint
        space = entries.get(namespace)
        if space is None:
            space = entries[namespace] = {}
        if fingerprint not in space:
            state = get(namespace, fingerprint)
            space[fingerprint] = _Entry(state)
            if state is None and not is_complete:
                missing.setdefault(namespace, []).append(fingerprint)
    for namespace, fingerprints in missing.items():
        for row in _FIND.rows(conn, (namespace,), fingerprints):
            fingerprint, number, order, digest, is_firing, changed, how, starts, ttl, expires = row
            touch_ms = touch_at(ttl, expires)
            entries[namespace][fingerprint] = _Entry(
                Committed(number, order, digest, bool(is_firing), changed, how == "told", starts, touch_ms, 0)
            )
    return entries


def _number(conn: Connection, fresh: Sequence[_Entry], known: CommittedAlerts) -> None:
    """Ids of new alerts, in the order in which they are written. The writer is alone: the next free one is its to take."""
    if fresh:
        last = known.last_id if known.is_complete else conn.execute(_LAST_ID).scalar() or 0
        for number, entry in enumerate(fresh, last + 1):
            entry.id = number


_LAST_ID = select(func.max(tables.alert.c.id))


def _judge(entry: _Entry, change: Change, now_ms: int) -> Verdict:
    state, is_firing, ttl_ms = entry.state, change.is_firing, change.ttl_ms
    verdict = Verdict.APPLY
    if state is not None:
        verdict = judge(
            stored=(state.order, state.digest, state.is_firing, state.ended_ms, state.was_told),
            order=change.order,
            digest=change.digest,
            is_firing=is_firing,
            now_ms=now_ms,
            is_touch_due=now_ms >= state.touch_ms,
        )
    touch_ms = NEVER_MS if ttl_ms is None or not is_firing else now_ms + ttl_ms // 2
    if verdict is Verdict.APPLY:
        starts_ms = change.starts_ms
        if state is not None and (state.is_firing or not is_firing) and state.starts_ms < starts_ms:
            starts_ms = state.starts_ms
        entry.starts_ms = starts_ms
        entry.applied, entry.touched = change, None
        entry.state = Committed(
            entry.id, change.order, change.digest, is_firing, now_ms, not is_firing, starts_ms, touch_ms, change.key
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
        change.fingerprint,
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


def _touch(conn: Connection, entries: Sequence[_Entry], now_ms: int) -> None:
    """Alerts of one evaluation end at one instant: most of a batch is one statement."""
    alike: dict[tuple[str, int | None], list[int]] = {}
    for entry in entries:
        change = entry.touched
        if change is not None and entry.applied is None:
            alike.setdefault((change.source, change.ttl_ms), []).append(entry.id)
    for (source, ttl_ms), ids in alike.items():
        _TOUCH.run(conn, (source, ttl_ms, None if ttl_ms is None else now_ms + ttl_ms), sorted(ids))


def _join(
    conn: Connection,
    changed: Sequence[tuple[_Entry, Change]],
    standing: Mapping[int, Sequence[Membership]],
    moving: Mapping[int, migration.Move],
    groups: Groups,
    now_ms: int,
) -> list[tuple[GroupKey, int]]:
    """Put each alert where it belongs and wake those groups. Routed once: who was told stays where it was told, unless
    the alert itself changed; then it is in both groups until the new one has told it."""
    founding: dict[tuple[str, str], tuple[GroupKey, list[int]]] = {}
    starts_ms: dict[int, int] = {}
    due: set[int] = set()
    joining: list[tuple[int, int]] = []
    leaving: dict[int, list[int]] = {}
    for entry, change in changed:
        owners: Sequence[GroupKey] = change.owners
        if not entry.is_new and (belongs := standing.get(entry.id)):
            due.update(one.group_id for one in belongs)
            wanted = {(owner.route, owner.labels) for owner in owners}
            if change.is_firing:
                for one in belongs:
                    if not one.is_notified and (one.route, one.labels) not in wanted:
                        leaving.setdefault(one.group_id, []).append(entry.id)
            if entry.id not in moving and any(one.is_notified for one in belongs):
                continue
            present = {(one.route, one.labels) for one in belongs}
            owners = [owner for owner in owners if (owner.route, owner.labels) not in present]
        for owner in owners:
            group = groups.get(owner)
            if group is not None:
                joining.append((group, entry.id))
            else:
                founding.setdefault((owner.route, owner.labels), (owner, []))[1].append(entry.id)
                starts_ms[entry.id] = entry.starts_ms
    for left, members in sorted(leaving.items()):
        _LEAVE.run(conn, (left,), members)
    due.update(group for group, _ in joining)
    found = []
    for _, (owner, members) in sorted(founding.items()):
        group, created_ms = found_or_made(conn, owner, now_ms)
        # It was there before this process knew it, and an open incident should not wait; or what begins it fires for longer
        # than group_wait already.
        if created_ms != now_ms or (owner.wait_ms and starts_ms[members[0]] + owner.wait_ms < now_ms):
            due.add(group)
        found.append((owner, group))
        joining += [(group, member) for member in members]
    joining.sort()
    _JOIN.run(conn, [(group, member, False, now_ms) for group, member in joining])
    migration.note(conn, [(group, member, moving[member]) for group, member in joining if member in moving])
    wake_groups(conn, due, now_ms)
    return found


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
    .where(tables.membership.c.suppressed_by.in_(bindparam("suppressed_by", expanding=True)))
    .distinct()
)


def free(conn: Connection, alert_ids: Sequence[int], now_ms: int) -> None:
    """These alerts inhibit nothing any more: the groups that waited for them look again."""
    if not alert_ids:
        return
    rules = set(conn.execute(_FREED.returning(tables.inhibitor.c.rule), {"freed": alert_ids}).scalars())
    if rules:
        held = conn.execute(_HELD, {"suppressed_by": [f"inhibition {rule}" for rule in sorted(rules)]}).scalars()
        wake_groups(conn, set(held), now_ms)
