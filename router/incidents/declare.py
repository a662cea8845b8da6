"""Incidents that people declare: an alert of the router's own that takes the way of every other, looked at where it comes in,
and ended by who closes it.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from router.core.member import NOTIFIED_FIRING
from router.core.own_alerts import DECLARED
from router.incidents import evaluate
from router.incidents.escalate import Rules
from router.runtime.clock import to_ms
from router.runtime.metrics import Metrics
from router.store.evaluation import acts, groups, incidents, members, messages
from router.store.intake import sources
from router.store.intake.sources import Expired
from rules.model.heartbeat import OWN_SOURCE

VERB = "declare"
MOST = 10
"""Alerts of one declaration; there is one."""


class Declared(msgspec.Struct, frozen=True):
    """To who declared it."""

    number: int = 0
    """0: it is held back, and gets its number when it is told."""
    where: str = ""
    """Its home channel, as the rules have it; "": it is told to nobody."""
    held_by: str = ""
    """What keeps it from being told now."""


def answered(conn: Connection, key: str) -> Declared | None:
    """What was answered to the same declaration before."""
    before = acts.answered(conn, key) if key else None
    return None if before is None else msgspec.json.decode(before, type=Declared)


def opened(
    conn: Connection,
    founded: Sequence[int],
    by: str,
    now: datetime,
    rules: Rules,
    metrics: Metrics,
    *,
    key: str,
    waits_for: str = "",
) -> Declared:
    """What became of an alert that has just been written. `founded`: the groups that were made for it; `waits_for`: why
    nothing is evaluated now."""
    found = Declared(held_by=waits_for)
    for group in () if waits_for else founded:
        looked = evaluate.look_at(conn, group, now, rules, metrics)
        if looked.incident is None:
            found = Declared(found.number, found.where, found.held_by or _holder(conn, looked))
        elif not found.number:
            found = Declared(looked.incident, messages.home_of(conn, looked.incident))
    metrics.add("alert_router_acts", (VERB, "done"))
    if key:
        written = msgspec.json.encode(found).decode()
        acts.keep(conn, key, incident=found.number, verb=VERB, by=by, at=now, answer=written)
    return found


def _holder(conn: Connection, group: groups.Group) -> str:
    if group.suppressed is not None:
        return group.suppressed[1]
    kinds = [kind for kind, _ in members.count(conn, group.id).suppressed]
    return f"a {kinds[0]}" if kinds else "the rules"


def closed(conn: Connection, number: int, now: datetime, rules: Rules, metrics: Metrics) -> list[Expired]:
    """Whoever closes what a person declared ends it: nobody else would ever say that it is over. Of every other incident,
    and again: nothing."""
    current = incidents.find(conn, number)
    group = None if current is None else groups.find(conn, current.group_id)
    if group is None or not group.is_declared:
        return []
    firing = members.worst(conn, group.id, members.count(conn, group.id), NOTIFIED_FIRING, MOST)
    own = [one for one in firing if one.source == OWN_SOURCE]
    sources.end(conn, [(one.id, "told", now) for one in own], now)
    if own:
        evaluate.look_at(conn, group.id, now, rules, metrics)
    return [Expired(DECLARED, one.fingerprint, OWN_SOURCE, "told", to_ms(now)) for one in own]
