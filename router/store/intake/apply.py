"""Alerts and where they belong: what ingest writes, in one transaction per batch."""

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from router.core.member import MemberState, Suppressor, visible_of
from router.core.order import Verdict, judge
from router.store import tables
from router.store.bulk import DO_NOTHING, Insert, WhereIn
from router.store.evaluation.members import decode_document
from router.store.group_counts import Deltas
from router.store.intake import inhibition, migration, siblings
from router.store.intake.change import Belongs, Change, GroupKey
from router.store.intake.committed import NEVER_MS, Committed, CommittedAlerts, State, touch_at
from router.store.intake.completion import completed
from router.store.intake.membership import (
    AlertNow,
    Groups,
    Joining,
    Membership,
    follow,
    followed,
    found_group,
    join,
    leave,
    memberships,
    put,
    wake_groups,
    wake_joined,
)
from rules.model.suppression import BY_LABELS, NOTHING, SuppressorsInForce

_COLUMNS = (
    *("id", "namespace", "fingerprint", "source", "name", "severity_rank", "is_firing", "order_no", "digest"),
    *("starts_at", "ends_at", "ended_how", "changed_at", "ttl", "ttl_is_presumed", "expires_at", "document"),
    "sibling",
)
_NEW = Insert("alert", _COLUMNS)
"""Without ON CONFLICT: were it there already, its id would not be the one that is given here."""
_CHANGED = Insert(
    "alert",
    _COLUMNS,
    f"ON CONFLICT (namespace, fingerprint) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[3:])}",
)
_TOUCH = WhereIn("UPDATE alert SET source = ?, ttl = ?, expires_at = ? WHERE id IN")
_UNASKED = WhereIn("UPDATE membership SET is_unasked = state IN (?, ?) WHERE alert_id IN")
_SENT = Insert("group_source", ("group_id", "source"), DO_NOTHING)
_SENT_BY_ANOTHER = WhereIn(
    "INSERT INTO group_source (group_id, source) SELECT DISTINCT group_id, ? FROM membership WHERE alert_id IN",
    DO_NOTHING,
)


class Applied(msgspec.Struct):
    """What became of a batch; `known` and `groups` hold once the transaction stands."""

    verdicts: list[Verdict]
    known: list[State]
    groups: list[tuple[GroupKey, int]]


class _Entry:
    """An alert of the batch while it is being judged."""

    __slots__ = ("applied", "id", "is_new", "order", "starts_ms", "state", "touched", "was_firing")

    def __init__(self, state: Committed | None) -> None:
        self.state = state
        self.is_new = state is None
        self.was_firing = state is not None and state.is_firing
        self.id = 0 if state is None else state.id
        self.applied: Change | None = None
        self.touched: Change | None = None
        self.order = 0
        """Of what applied."""
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
    suppressors: Callable[[], SuppressorsInForce] = lambda: NOTHING,
    has_copies: bool = False,
) -> Applied:
    """Judge and write one batch; words about one alert are merged in order of arrival, then written by fingerprint.

    `belongs` is asked about alerts that were told elsewhere than where they belong now: did they change, or the rules?
    `suppressors`: the maintenances and silences in force, as the writer knows them. With
    `has_copies`, alerts that were told and have changed are news to the copies.
    """
    if any(change.unsaid for change in changes):
        changes = completed(conn, changes, belongs)
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
    suppressed = _suppress(conn, changed, suppressors(), now_ms)
    found = _join(conn, changed, standing, moving, suppressed, groups, now_ms)
    begun: list[siblings.Changed] = []
    ended: list[siblings.Changed] = []
    for entry, change in changed:
        if change.sibling is not None and change.is_firing != entry.was_firing:
            (begun if change.is_firing else ended).append(siblings.Changed(entry.id, change.sibling))
    siblings.settle(conn, begun, ended, belongs, now_ms)
    if has_copies:
        _UNASKED.run(
            conn,
            (MemberState.NOTIFIED.value, MemberState.NOTIFIED_MUTED.value),
            sorted(entry.id for entry, _ in changed if not entry.is_new),
        )
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
    state, is_firing, ttl_ms, order = entry.state, change.is_firing, change.ttl_ms, change.order
    verdict = Verdict.APPLY
    if state is not None:
        if change.sent_order is None and order < state.order:
            order = state.order  # it came later, whatever the wall clock says of it
        verdict = judge(
            stored=(state.order, state.digest, state.is_firing, state.ended_ms, state.was_told),
            order=order,
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
        entry.starts_ms, entry.order = starts_ms, order
        entry.applied, entry.touched = change, None
        entry.state = Committed(
            entry.id, order, change.digest, is_firing, now_ms, not is_firing, starts_ms, touch_ms, change.key
        )
    elif state is not None and verdict is Verdict.TOUCH:
        entry.touched = change
        entry.state = state._replace(touch_ms=touch_ms, key=change.key if order == state.order else 0)
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
        entry.order,
        change.digest,
        entry.starts_ms,
        None if is_firing else now_ms if change.ends_ms is None else change.ends_ms,
        None if is_firing else "told",
        now_ms,
        change.ttl_ms,
        change.ttl_is_presumed,
        None if change.ttl_ms is None or not is_firing else now_ms + change.ttl_ms,
        change.document,
        change.sibling,
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
        _SENT_BY_ANOTHER.run(conn, (source,), sorted(ids))


def _suppress(
    conn: Connection,
    changed: Sequence[tuple[_Entry, Change]],
    in_force: SuppressorsInForce,
    now_ms: int,
) -> Mapping[int, Suppressor]:
    """Record what the changed alerts inhibit and are inhibited by. Their targets follow here and now; what suppresses the
    changed ones themselves is returned, for `_join` to write with the rest."""
    places = {entry.id: change.place for entry, change in changed}
    stood = [entry.id for entry, _ in changed if not entry.is_new]
    sides = {number: (one.inhibits, one.targets) for number, one in places.items() if one.inhibits or one.targets}
    others = inhibition.record(conn, stood, sides) - places.keys()
    suppress_targets(conn, others, now_ms)
    found = inhibition.holding(conn, (number for number, place in places.items() if place.targets))
    for entry, change in changed:
        by = change.place.suppressor
        if change.is_firing and change.place.asked is not in_force:  # one has begun or ended on its way here
            by = _suppressor_of(change, in_force)
        if by is not None:
            found[entry.id] = by
    return found


def _suppressor_of(change: Change, in_force: SuppressorsInForce) -> Suppressor | None:
    if not in_force:
        return None
    document = decode_document(change.document)
    labels = visible_of(document.labels, document.title, change.name, change.severity_rank, change.source)
    one = in_force.of(labels)
    return None if one is None else one.key


def suppress_targets(conn: Connection, alert_ids: Collection[int], now_ms: int) -> None:
    """These firing alerts may be inhibited otherwise than before: their memberships follow, and their groups are due. What
    a maintenance or a silence suppresses stays so."""
    if not alert_ids:
        return
    inhibited, deltas = inhibition.holding(conn, alert_ids), Deltas()
    standing = [
        one for found in memberships(conn, sorted(alert_ids)).values() for one in found if one.kind not in BY_LABELS
    ]
    alerts = {
        one.alert_id: AlertNow(is_firing=True, rank=one.rank, suppressed=inhibited.get(one.alert_id))
        for one in standing
    }
    wake_groups(conn, follow(conn, standing, alerts, deltas), now_ms)
    deltas.write(conn)


def _join(
    conn: Connection,
    changed: Sequence[tuple[_Entry, Change]],
    standing: Mapping[int, Sequence[Membership]],
    moving: Mapping[int, migration.Move],
    suppressed: Mapping[int, Suppressor],
    groups: Groups,
    now_ms: int,
) -> list[tuple[GroupKey, int]]:
    """Put each alert where it belongs and wake those groups. Routed once: what was notified stays where it was, unless
    the alert itself changed; then it is in both groups until the new one has told it."""
    founding: dict[tuple[str, str], tuple[GroupKey, list[tuple[_Entry, Change]]]] = {}
    deltas, due = Deltas(), set[int]()
    before: list[Membership] = []
    after: list[Membership] = []
    gone: list[Membership] = []
    stays: set[tuple[int, str]] = set()
    joining: list[Joining] = []
    reached: dict[tuple[int, str], int] = {}
    """Which group each source's alerts joined, and how long the first notice of these waits at least."""
    arrived, held_back = MemberState.ARRIVED.value, MemberState.SUPPRESSED.value

    def enter(group: int, owner: GroupKey, entry: _Entry, change: Change) -> None:
        number = entry.id
        if number in suppressed:
            joining.append((number, group, held_back, change.severity_rank, *suppressed[number], now_ms))
        else:
            joining.append((number, group, arrived, change.severity_rank, "", "", now_ms))
        # What begins a group and fires for longer than group_wait already waits no more, nor what comes from another group.
        is_old = entry.starts_ms + owner.wait_ms < now_ms
        wait_ms = 0 if is_old or number in moving else owner.wait_ms
        key = (group, change.source)
        if wait_ms < reached.get(key, NEVER_MS):
            reached[key] = wait_ms

    for entry, change in changed:
        owners: Sequence[GroupKey] = change.owners
        if not entry.is_new and (belongs := standing.get(entry.id)):
            wanted = {(owner.route, owner.labels) for owner in owners}
            alert = AlertNow(change.is_firing, change.severity_rank, suppressed.get(entry.id))
            for one in belongs:
                due.add(one.group_id)
                stays.add((one.group_id, change.source))
                if change.is_firing and not one.is_notified and (one.route, one.labels) not in wanted:
                    gone.append(one)
                elif (now := followed(one, alert)) != one:
                    before.append(one)
                    after.append(now)
            if entry.id not in moving and any(one.is_notified for one in belongs):
                continue
            present = {(one.route, one.labels) for one in belongs}
            owners = [owner for owner in owners if (owner.route, owner.labels) not in present]
        for owner in owners:
            group = groups.get(owner)
            if group is not None:
                enter(group, owner, entry, change)
            else:
                founding.setdefault((owner.route, owner.labels), (owner, []))[1].append((entry, change))
    found = []
    for _, (owner, members) in sorted(founding.items(), key=lambda one: one[0]):
        group = found_group(conn, owner, now_ms)
        found.append((owner, group))
        for entry, change in members:
            enter(group, owner, entry, change)
    leave(conn, gone, deltas)
    put(conn, before, after, deltas)
    join(conn, joining, deltas)
    deltas.write(conn)
    _SENT.run(conn, sorted(stays | reached.keys()))
    if moving:
        migration.note(conn, [(one[1], one[0], moving[one[0]]) for one in joining if one[0] in moving])
    wake_groups(conn, due, now_ms)
    waits: dict[int, int] = {}
    for (group, _), wait_ms in reached.items():
        waits[group] = min(wait_ms, waits.get(group, wait_ms))
    wake_joined(conn, waits, now_ms)
    return found
