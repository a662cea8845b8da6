"""Why nothing of an incident may make a sound now, and when what suppresses ends. Reads only."""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from router.core.member import Suppressor
from router.core.view import Suppressed
from router.store.evaluation import groups, members
from rules.model.route import Page
from rules.model.suppression import SuppressionKind, SuppressorsInForce, page_suppression, window_suppression

HUSHED = timedelta(minutes=1)
"""What an inhibition holds back is looked at again after it: nobody knows when that ends."""


class Hush(msgspec.Struct, frozen=True):
    """What holds all of an incident."""

    until: datetime | None
    """None: nobody knows when it ends."""

    def look_again(self, now: datetime) -> datetime:
        """When it ends, or may have ended."""
        return self.until or now + HUSHED


class PageHold(msgspec.Struct, frozen=True):
    """What makes a page wait."""

    until: datetime | None
    """When it ends or is looked at again; None: nobody knows."""
    is_hush: bool
    """What holds the incident's alerts does; False: a window of the page's own."""
    is_known: bool
    """It ends then."""


def ends_of(suppressors: Collection[Suppressor], in_force: SuppressorsInForce) -> dict[Suppressor, datetime | None]:
    """When each ends by itself; None: nobody knows."""
    return {by: None if (one := in_force.get(by)) is None else one.ends for by in suppressors}


def words_of(count: int, by: Suppressor, until: datetime | None, in_force: SuppressorsInForce) -> Suppressed:
    """News that waits, as a message says it: a maintenance and a window by their names, a silence by who made it and why."""
    if by[0] != SuppressionKind.SILENCE:
        return Suppressed(count, by[1], until)
    return Suppressed(count, silence_words(by, in_force), until, is_silence=True)


def silence_words(by: Suppressor, in_force: SuppressorsInForce) -> str:
    """As "by maria: disk is being replaced"."""
    one = in_force.get(by)
    if one is None:
        return ""
    return f"by {one.author[:100]}" + (f": {one.reason[:200]}" if one.reason else "")


def suppressor_words(kind_and_name: str, in_force: SuppressorsInForce) -> str:
    """What holds an alert, as it is stored in one text: a silence is told by who made it and why, not by its id."""
    kind, _, name = kind_and_name.partition(" ")
    if kind != SuppressionKind.SILENCE:
        return kind_and_name
    return f"silence {silence_words((kind, name), in_force) or name}"


def hush_of(conn: Connection, group_id: int, now: datetime, in_force: SuppressorsInForce) -> Hush | None:
    """Why nothing of what a group was notified of may make a sound now: its route's window, or each of its alerts is muted. Of
    several reasons the one that ends first. None: something may."""
    group = groups.get(conn, group_id)
    if (hold := window_suppression(group.settings, now)) is not None:
        return Hush(hold.until)
    counts = members.count(conn, group_id)
    if not counts.notified_firing or counts.notified_firing > sum(counts.muted.values()):
        return None
    ends = ends_of(counts.muted, in_force).values()
    return Hush(min((at for at in ends if at is not None), default=None))


def page_hold(
    conn: Connection, page: Page, group_id: int, now: datetime, in_force: SuppressorsInForce
) -> PageHold | None:
    """None: it may be told now."""
    if (hold := page_suppression(page, now)) is not None:
        return PageHold(hold.until, is_hush=False, is_known=hold.until is not None)
    if (hush := hush_of(conn, group_id, now, in_force)) is not None:
        return PageHold(hush.look_again(now), is_hush=True, is_known=hush.until is not None)
    return None
