"""Siblings: alerts of one sender whose labels are equal but for the one that says the severity. They are one condition.

The worst that fires tells it. A lesser one is shadowed: it stands in the worse one's group, is counted nowhere, and its
end is no news. What was told of it before goes with the worse one as a changed severity's would.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, exists, select

from router.core.member import MemberState
from router.runtime.clock import to_ms
from router.store.bulk import WhereIn
from router.store.evaluation.members import ALERT_COLUMNS, member_of
from router.store.group_counts import Deltas
from router.store.intake import migration
from router.store.intake.change import Belongs
from router.store.intake.membership import Membership, leave, memberships, put, wake_groups, wake_joined
from router.store.tables import alert, alert_group, membership

JUST_ENDED_MS = 60_000
"""What ends before a worse sibling begins: the condition's thresholds may leave a gap."""

_AT_ONCE = 1_000
_SEVERAL = WhereIn("SELECT sibling FROM alert WHERE sibling IN", "GROUP BY sibling HAVING count(*) > 1")
"""Answered by the index alone."""
_ALIKE = WhereIn(
    """
    SELECT namespace, sibling, id, severity_rank, is_firing FROM alert
    WHERE (is_firing OR (changed_at >= ? AND ended_how = 'told')) AND sibling IN
    """
)
_TELLS = (MemberState.ARRIVED, MemberState.NOTIFIED, MemberState.NOTIFIED_MUTED)
"""How the worst of siblings stands where it tells their condition."""
_NOT_TOLD = (MemberState.ARRIVED, MemberState.SUPPRESSED, MemberState.SHADOWED)


class Changed(msgspec.Struct, frozen=True):
    """An alert that began or ended in this batch and may have siblings."""

    alert_id: int
    sibling: int


class _Alike(msgspec.Struct, frozen=True):
    """One of several siblings."""

    id: int
    rank: int
    is_firing: bool


def settle(conn: Connection, begun: Sequence[Changed], ended: Sequence[Changed], belongs: Belongs, now_ms: int) -> None:
    """Let what began fall in with its siblings, and let those go on for what ended. Called when all of the batch is written;
    one statement where nothing has any."""
    if not begun and not ended:
        return
    found: dict[tuple[str, int], list[_Alike]] = {}
    keys = [row[0] for row in _SEVERAL.rows(conn, (), sorted({one.sibling for one in (*begun, *ended)}))]
    for namespace, sibling, number, rank, is_firing in _ALIKE.rows(conn, (now_ms - JUST_ENDED_MS,), keys):
        found.setdefault((namespace, sibling), []).append(_Alike(number, rank, bool(is_firing)))
    conditions = [alike for alike in found.values() if len({one.rank for one in alike}) > 1]
    if not conditions:
        return
    standing = memberships(conn, sorted(one.id for alike in conditions for one in alike))
    numbers = [{one.alert_id for one in some} for some in (begun, ended)]
    settling = _Settling(conn, standing, numbers[0], numbers[1], belongs, now_ms)
    for alike in conditions:
        settling.fall_in(sorted(alike, key=lambda one: (-one.rank, one.id)))
    settling.write()


class _Settling:
    """Gathers what becomes of memberships, and writes it once."""

    def __init__(
        self,
        conn: Connection,
        standing: Mapping[int, Sequence[Membership]],
        begun: Collection[int],
        ended: Collection[int],
        belongs: Belongs,
        now_ms: int,
    ) -> None:
        self._conn, self._standing, self._begun, self._ended = conn, standing, begun, ended
        self._belongs, self._now_ms = belongs, now_ms
        self._gone: list[Membership] = []
        self._before: list[Membership] = []
        self._after: list[Membership] = []
        self._moves: list[tuple[int, int, migration.Move]] = []
        self._due: dict[int, int] = {}
        self._woken: set[int] = set()

    def fall_in(self, alike: Sequence[_Alike]) -> None:
        """`alike`: the worst first."""
        worst = next((one for one in alike if one.is_firing), None)
        if worst is None:
            return
        homes = [one for one in self._of(worst.id) if one.state in _TELLS]
        for one in alike:
            goes_on = one.rank < worst.rank and one.id in self._ended and self._goes_on(one, worst)
            if one.rank < worst.rank and homes and not goes_on:
                self._shadow(one, worst, homes)
        if worst.id in self._begun and alike[0] is not worst:
            self._inherit(worst, alike)

    def write(self) -> None:
        deltas = Deltas()
        leave(self._conn, self._gone, deltas)
        put(self._conn, self._before, self._after, deltas)
        deltas.write(self._conn)
        migration.note(self._conn, self._moves)
        wake_joined(self._conn, self._due, self._now_ms)
        wake_groups(self._conn, self._woken, self._now_ms)

    def _of(self, number: int) -> Sequence[Membership]:
        return self._standing.get(number, ())

    def _shadow(self, one: _Alike, worst: _Alike, homes: Sequence[Membership]) -> None:
        """It gives way to a worse one. Where that is told already, what was told of this one stays where it stands."""
        is_rise = worst.id in self._begun and any(home.state is MemberState.ARRIVED for home in homes)
        if not (is_rise or one.id in self._begun):
            return
        at_home = {home.group_id for home in homes}
        here = [mine for mine in self._of(one.id) if mine.group_id in at_home]
        firing_here = [mine for mine in here if mine.state.is_firing and mine.state is not MemberState.SHADOWED]
        self._before += firing_here
        self._after += [msgspec.structs.replace(mine, state=MemberState.SHADOWED) for mine in firing_here]
        if here:
            return
        theirs = self._of(one.id)
        told = [mine.group_id for mine in theirs if mine.state not in _NOT_TOLD]
        told = told or [mine.migrates_from for mine in theirs if mine.migrates_from is not None]
        if not told and not one.is_firing:
            told = self._told_lately(one.id)
        if (told and not is_rise) or not (told or one.is_firing):
            return
        self._gone += [mine for mine in theirs if mine.state in _NOT_TOLD]
        kind, name = next(((mine.kind, mine.name) for mine in theirs), ("", ""))
        for home, left in zip_longest(homes, told[: len(homes)]):
            self._after.append(
                Membership(one.id, home.group_id, MemberState.SHADOWED, one.rank, kind, name, self._now_ms)
            )
            if left is not None:
                self._moves.append((home.group_id, one.id, migration.Move(left, rose=True)))
                self._due[home.group_id] = 0

    def _goes_on(self, one: _Alike, worst: _Alike) -> bool:
        """It ended before anybody was told of the worse one, which something may hold back for long: its condition holds, and
        what was told of it goes on with the worse one as with an alert whose severity rose."""
        theirs, worse = self._of(one.id), self._of(worst.id)
        told = [mine for mine in theirs if mine.state is MemberState.ENDED]
        if not told or any(other.is_notified for other in worse):
            return False
        kind, name = next(((other.kind, other.name) for other in worse if other.kind), ("", ""))
        state = MemberState.NOTIFIED.next(is_firing=True, is_suppressed=bool(kind))
        for group in dict.fromkeys(mine.group_id for mine in told):
            here = [other for other in worse if other.group_id == group]
            self._before += here
            self._after.append(
                Membership(worst.id, group, state, worst.rank, kind, name, here[0].joined_ms if here else self._now_ms)
            )
            for other in worse if not here else ():
                self._moves.append((other.group_id, worst.id, migration.Move(group, rose=True)))
                self._woken.add(other.group_id)
            self._woken.add(group)
        self._gone += [mine for mine in theirs if mine.state is not MemberState.MOVED]
        return True

    def _inherit(self, lesser: _Alike, alike: Sequence[_Alike]) -> None:
        """A worse one ended with the word that this one begins: the incident goes on where it stands, at a lesser severity."""
        ended = [
            mine
            for one in alike
            if one.rank > lesser.rank and not one.is_firing
            for mine in self._of(one.id)
            if mine.state is MemberState.ENDED
        ]
        theirs = self._of(lesser.id)
        if not ended or any(mine.state is not MemberState.ARRIVED for mine in theirs):
            return
        if {mine.group_id for mine in theirs} & {mine.group_id for mine in ended}:
            return
        self._gone += [*theirs, *ended]
        for group in dict.fromkeys(mine.group_id for mine in ended):
            self._after.append(Membership(lesser.id, group, MemberState.NOTIFIED, lesser.rank, "", "", self._now_ms))
            self._woken.add(group)

    def _told_lately(self, number: int) -> list[int]:
        """The groups whose incidents this alert's end has just ended."""
        found: list[int] = []
        member = member_of(self._conn.execute(select(*ALERT_COLUMNS).where(alert.c.id == number)).one())
        for owner in self._belongs(member).owners:
            query = select(alert_group.c.id).where(
                alert_group.c.route == owner.route, alert_group.c.labels == owner.labels
            )
            group = self._conn.execute(query).scalar()
            if group is not None and migration.ended_lately(self._conn, group, self._now_ms - JUST_ENDED_MS):
                found.append(int(group))
        return found


_worse, _worse_here = alert.alias(), membership.alias()
_IS_SHADOWED_STILL = exists().where(
    _worse.c.namespace == alert.c.namespace,
    _worse.c.sibling == alert.c.sibling,
    _worse.c.is_firing,
    _worse.c.severity_rank > alert.c.severity_rank,
    _worse_here.c.alert_id == _worse.c.id,
    _worse_here.c.group_id == membership.c.group_id,
    _worse_here.c.state.in_((*_TELLS, MemberState.SUPPRESSED)),
)
_FREE = (
    select(membership, alert.c.is_firing.label("alert_is_firing"))
    .join(alert, alert.c.id == membership.c.alert_id)
    .where(membership.c.state == MemberState.SHADOWED)
    .where(~_IS_SHADOWED_STILL | (~alert.c.is_firing & membership.c.migrates_from.is_(None)))
)


def release(conn: Connection, group: int, *, is_told: bool) -> bool:
    """What no worse sibling shadows here any more: it goes on in its place where that is told, silently; what another group
    tells is told there. Whether there was any."""
    gone: list[Membership] = []
    after: list[Membership] = []
    for row in conn.execute(_FREE.where(membership.c.group_id == group)).fetchall():
        kind, name = row.suppressed_kind, row.suppressed_name
        one = Membership(row.alert_id, group, MemberState.SHADOWED, row.rank, kind, name, to_ms(row.joined_at))
        gone.append(one)
        if row.alert_is_firing and row.migrates_from is None:
            state = MemberState.NOTIFIED if is_told else MemberState.ARRIVED
            after.append(msgspec.structs.replace(one, state=state.next(is_firing=True, is_suppressed=bool(kind))))
    if gone:
        deltas = Deltas()
        going_on = {one.alert_id for one in after}
        leave(conn, [one for one in gone if one.alert_id not in going_on], deltas)
        leave(conn, _ended_for(conn, group, going_on), deltas)
        put(conn, [one for one in gone if one.alert_id in going_on], after, deltas)
        deltas.write(conn)
    return bool(gone)


_lesser = alert.alias()
_ENDED = (
    select(membership)
    .join(alert, alert.c.id == membership.c.alert_id)
    .join(_lesser, (_lesser.c.namespace == alert.c.namespace) & (_lesser.c.sibling == alert.c.sibling))
    .where(membership.c.state == MemberState.ENDED)
    .distinct()
)


def _ended_for(conn: Connection, group: int, going_on: Collection[int]) -> list[Membership]:
    """Whose end is none: their condition holds yet, at a lesser severity."""
    numbers, rows = sorted(going_on), list[Row[Any]]()
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        rows += conn.execute(_ENDED.where(membership.c.group_id == group, _lesser.c.id.in_(some))).fetchall()
    return [
        Membership(row.alert_id, group, MemberState.ENDED, row.rank, row.suppressed_kind, row.suppressed_name, 0)
        for row in rows
    ]
