"""What holds an alert, or all of an incident, back now. Reads only; what is marked and told follows elsewhere."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from router.core.member import Member, visible
from router.store.evaluation import groups
from rules.model.ruleset import RuleSet, window_suppression
from rules.model.suppression import Suppression, SuppressionKind

EXAMINED = 2_000
"""Alerts of one group whose labels are held against maintenances and inhibitions in one evaluation."""


def suppression_of(conn: Connection, member: Member, now: datetime, ruleset: RuleSet) -> Suppression | None:
    """The maintenance or inhibition that holds an alert, told or not."""
    labels = visible(member)
    if (hold := ruleset.maintenance_suppression(labels, now)) is not None:
        return hold
    for key in ruleset.decide(labels).inhibited_by:
        if groups.is_inhibited(conn, key):
            return Suppression(SuppressionKind.INHIBITION, key.rule, None)
    return None


def hush_of(conn: Connection, group_id: int, now: datetime, ruleset: RuleSet) -> Suppression | None:
    """Why nothing of what a group told may make a sound now: its route's window, or each of its alerts is held. Of several
    the one that ends first. None: something may."""
    group = groups.get(conn, group_id)
    if (hold := window_suppression(group.settings, now)) is not None:
        return hold
    holds: list[Suppression] = []
    members: Sequence[Member] = ()
    if ruleset.maintenance or ruleset.inhibit:
        members = groups.worst(conn, group_id, EXAMINED)
    for member in members:
        hold = suppression_of(conn, member, now, ruleset)
        if hold is None:
            return None
        holds.append(hold)
    return min(holds, key=lambda one: (one.until is None, one.until or now), default=None)
