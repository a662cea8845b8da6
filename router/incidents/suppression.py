"""Why nothing of an incident may make a sound now, and when what suppresses ends. Reads only."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from router.core.member import Suppressor
from router.store.evaluation import groups, members
from rules.model.ruleset import RuleSet, window_suppression
from rules.model.suppression import SuppressionKind


class Hush(msgspec.Struct, frozen=True):
    """What holds all of an incident."""

    until: datetime | None
    """None: nobody knows when it ends."""


def ends_of(suppressors: Collection[Suppressor], ruleset: RuleSet) -> dict[Suppressor, datetime | None]:
    """When each ends by itself; None: nobody knows."""
    ends = {entry.name: entry.ends for entry in ruleset.maintenance}
    kind = SuppressionKind.MAINTENANCE.value
    return {by: ends.get(by[1]) if by[0] == kind else None for by in suppressors}


def hush_of(conn: Connection, group_id: int, now: datetime, ruleset: RuleSet) -> Hush | None:
    """Why nothing of what a group was notified of may make a sound now: its route's window, or each of its alerts is muted. Of
    several reasons the one that ends first. None: something may."""
    group = groups.get(conn, group_id)
    if (hold := window_suppression(group.settings, now)) is not None:
        return Hush(hold.until)
    counts = members.count(conn, group_id)
    if not counts.notified_firing or counts.notified_firing > sum(counts.muted.values()):
        return None
    ends = ends_of(counts.muted, ruleset).values()
    return Hush(min((at for at in ends if at is not None), default=None))
