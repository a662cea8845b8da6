"""Loads what the decision about a group needs: how many of its alerts stand how, the last incident, what suppresses."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from router.core.evaluation import CROWDED_WITHIN, Snapshot
from router.core.member import BY_RANK, NOTIFIED_FIRING, MemberState, Suppressor
from router.core.view import Response, State
from router.store.evaluation import groups, incidents, members
from router.store.intake import migration
from rules.model.suppression import BY_LABELS, SuppressionKind

GONE: Suppressor = ("gone", "its route is no longer in the rules")
PLANNED: frozenset[str] = frozenset({SuppressionKind.QUIET, SuppressionKind.ONLY}) | BY_LABELS
"""What ends by itself, and whose end one summary follows."""


def snapshot_of(
    conn: Connection,
    group: groups.Group,
    counts: members.Counts,
    last: incidents.Incident | None,
    by_route: Suppressor | None,
    until: Mapping[Suppressor, datetime | None],
    now: datetime,
) -> Snapshot:
    """What `plan` is asked about. `by_route`: what holds the whole group back; `until`: when each suppressor ends."""
    new = counts.new if by_route is None else 0
    waits = [
        at
        for by, at in until.items()
        if at is not None
        and (
            by in counts.suppressed or by in counts.muted or (by == by_route and (counts.notified_firing or counts.new))
        )
    ]
    has_lines = last is not None and new + counts.ended + counts.moved > 0
    rank, unmuted_rank = counts.severity_rank, counts.unmuted_rank
    if by_route is not None:
        rank = max((found for state in NOTIFIED_FIRING for found in counts.ranks.get(state, ())), default=0)
        unmuted_rank = max(counts.ranks.get(MemberState.NOTIFIED, ()), default=0)
    # What ended before anybody was notified, unless something held it back, began the wait as well.
    is_waiting = by_route is None and counts.new + counts.ended_before_notified > sum(counts.ended_suppressed.values())
    waiting_since, started_at = group.arrived_since if is_waiting else None, None
    if waiting_since is not None and (last is None or last.standing.state is State.RESOLVED):
        started_at = members.started_at(conn, group.id, waiting_since)
    return Snapshot(
        now=now,
        settings=group.settings,
        notified_firing=counts.notified_firing,
        muted=sum(counts.muted.values()),
        new=new,
        arriving=migration.arriving(conn, group.id) if new else 0,
        ended=counts.ended,
        moved=counts.moved,
        severity=BY_RANK[rank],
        unmuted_severity=BY_RANK[unmuted_rank],
        waiting_since=waiting_since,
        waiting_started_at=started_at,
        wait=group.wait,
        is_suppressed=by_route is not None,
        free_at=min(waits, default=None),
        standing=None if last is None else last.standing,
        response=Response() if last is None else last.response,
        is_declared=group.is_declared,
        lines_lately=incidents.lines_since(conn, last.number, now - CROWDED_WITHIN) if last and has_lines else 0,
    )


def held_rank(counts: members.Counts, by_route: Suppressor | None) -> int | None:
    """Of the worst alert that waits for a window, a maintenance or a silence to end."""
    ranks = [rank for (kind, _), rank in counts.suppressed_ranks.items() if kind in PLANNED]
    if by_route is not None and by_route != GONE and counts.new:
        ranks.append(counts.new_rank)
    return max(ranks, default=None)
