"""Which firing alerts inhibit which. An alert that begins or ceases to inhibit changes exactly its targets, in the same
transaction: nobody is asked again who is not concerned.
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, and_, bindparam, or_, select, true, tuple_

from router.store.bulk import DO_NOTHING, Insert, WhereIn
from router.store.intake.change import Inhibits
from router.store.tables import inhibition_target, inhibitor
from rules.model.suppression import SuppressionKind

INHIBITION = SuppressionKind.INHIBITION.value
_Key = tuple[str, str]
"""A rule, and the values of its `equal` labels."""
_AT_ONCE = 200

_INHIBITS = Insert("inhibitor", ("rule", "equal_values", "is_two_sided", "alert_id"), DO_NOTHING)
_IS_TARGET = Insert("inhibition_target", ("rule", "equal_values", "alert_id", "is_two_sided"), DO_NOTHING)
_KEYS_OF = WhereIn("SELECT rule, equal_values FROM inhibitor WHERE alert_id IN")
_NO_INHIBITORS = WhereIn("DELETE FROM inhibitor WHERE alert_id IN")
_NO_TARGETS = WhereIn("DELETE FROM inhibition_target WHERE alert_id IN")


def record(
    conn: Connection, stood: Sequence[int], now: Mapping[int, tuple[Sequence[Inhibits], Sequence[Inhibits]]]
) -> set[int]:
    """Alerts that were there already, and what each alert inhibits and is a target of from now on (nothing: it ended).
    Returns the targets, among all alerts, that may be inhibited otherwise than before."""
    ids = sorted(stood)
    gone = set(map(tuple, _KEYS_OF.rows(conn, (), ids))) if ids else set()
    new = {(one.rule, one.equal_values) for inhibits, _ in now.values() for one in inhibits}
    touched: list[_Key] = sorted(gone | new)
    before = _sides(conn, touched)
    _NO_INHIBITORS.run(conn, (), ids)
    _NO_TARGETS.run(conn, (), ids)
    _INHIBITS.run(
        conn,
        sorted(
            (one.rule, one.equal_values, one.is_two_sided, number)
            for number, (inhibits, _) in now.items()
            for one in inhibits
        ),
    )
    _IS_TARGET.run(
        conn,
        sorted(
            (one.rule, one.equal_values, number, one.is_two_sided)
            for number, (_, targets) in now.items()
            for one in targets
        ),
    )
    after = _sides(conn, touched)
    return set(_targets(conn, [key for key in touched if before.get(key) != after.get(key)]))


def _sides(conn: Connection, keys: Sequence[_Key]) -> dict[_Key, bool]:
    """Of the keys that something inhibits: whether all that do are two-sided. One look at the index each."""
    found: dict[_Key, bool] = {}
    for rule, equal_values in keys:
        is_two_sided = conn.execute(_FIRST, {"rule": rule, "equal_values": equal_values}).scalar()
        if is_two_sided is not None:
            found[rule, equal_values] = is_two_sided
    return found


_FIRST = (
    select(inhibitor.c.is_two_sided)
    .where(inhibitor.c.rule == bindparam("rule"), inhibitor.c.equal_values == bindparam("equal_values"))
    .order_by(inhibitor.c.is_two_sided)
    .limit(1)
)


def _targets(conn: Connection, keys: Sequence[_Key]) -> Iterable[int]:
    key = tuple_(inhibition_target.c.rule, inhibition_target.c.equal_values)
    for start in range(0, len(keys), _AT_ONCE):
        query = select(inhibition_target.c.alert_id).where(key.in_(keys[start : start + _AT_ONCE]))
        yield from conn.execute(query).scalars()


_least = (
    select(inhibitor.c.is_two_sided)
    .where(inhibitor.c.rule == inhibition_target.c.rule, inhibitor.c.equal_values == inhibition_target.c.equal_values)
    .order_by(inhibitor.c.is_two_sided)
    .limit(1)
    .scalar_subquery()
)
_HOLDING = (
    select(inhibition_target.c.alert_id, inhibition_target.c.rule)
    .where(inhibition_target.c.alert_id.in_(bindparam("alert_ids", expanding=True)))
    # Of two alerts that match both sides neither inhibits the other.
    .where(and_(_least.is_not(None), or_(~inhibition_target.c.is_two_sided, _least != true())))
    .order_by(inhibition_target.c.alert_id, inhibition_target.c.rule.desc())
)


def holding(conn: Connection, alert_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Of these alerts those that are inhibited, and by which inhibition; of several the first by name."""
    found: dict[int, tuple[str, str]] = {}
    ids = sorted(alert_ids)
    for start in range(0, len(ids), _AT_ONCE):
        for number, rule in conn.execute(_HOLDING, {"alert_ids": ids[start : start + _AT_ONCE]}):
            found[number] = (INHIBITION, rule)
    return found
