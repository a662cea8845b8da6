"""Sources that have gone silent while their alerts fire: who, since when, and which incidents have to say so."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from router.core.member import NOTIFIED_FIRING, MemberState
from router.runtime.clock import to_ms
from router.store.intake.membership import wake_groups
from router.store.tables import alert, group_source, membership, source
from rules.model.heartbeat import StaleAfter

Asked = dict[str, tuple[datetime, int | None]]
"""Source -> when it had last been heard from, and an alert of it that fired then; None: none did. Only a source's own word
can change that, so a silent one is not asked about every alert again."""


def judge(conn: Connection, now: datetime, since: datetime, allowed: Mapping[str, StaleAfter], asked: Asked) -> bool:
    """Note who fell silent and who speaks again. `since`: from when we were there to hear. Returns whether any did."""
    is_news = False
    for row in conn.execute(select(source.c.name, source.c.heard_at, source.c.stale_since)).fetchall():
        name, silence = row.name, allowed.get(row.name)
        stale_since: datetime | None = None
        if silence is not None and _is_due(row.heard_at, row.stale_since, since, now, silence):
            stale_since = row.heard_at if _fires(conn, name, row.heard_at, silence, asked) else None
        if stale_since != row.stale_since:
            changes = {"stale_since": stale_since}
            if stale_since is None:
                changes["fresh_since"] = row.heard_at
            conn.execute(update(source).where(source.c.name == name).values(changes))
            wake_groups(conn, _groups_of(conn, name), to_ms(now))
            is_news = True
    return is_news


def _is_due(
    heard_at: datetime, stale_since: datetime | None, since: datetime, now: datetime, silence: StaleAfter
) -> bool:
    """What is known to be silent stays so until it speaks, whether we were away or not."""
    if stale_since is not None and heard_at <= stale_since:
        return now >= heard_at + silence.after
    return now >= max(heard_at, since) + silence.after


def _fires(conn: Connection, name: str, heard_at: datetime, silence: StaleAfter, asked: Asked) -> bool:
    found = asked.get(name)
    if found is not None and found[0] == heard_at:
        number = found[1]
        if number is None:
            return False
        if conn.execute(select(alert.c.is_firing).where(alert.c.id == number)).scalar():
            return True
    # What no route took, such as the source's own heartbeat, is in no group: nobody waits to hear how it is.
    number = next((one for group in _groups_of(conn, name) for one in _firing_in(conn, group, name, silence)), None)
    asked[name] = (heard_at, number)
    return number is not None


def _groups_of(conn: Connection, name: str) -> list[int]:
    """Who has, or lately had, alerts of a source."""
    query = select(group_source.c.group_id).where(group_source.c.source == name)
    return list(conn.execute(query.order_by(group_source.c.group_id)).scalars())


_FIRES = (MemberState.NOTIFIED, MemberState.NOTIFIED_MUTED, MemberState.ARRIVED, MemberState.SUPPRESSED)


def _firing_in(conn: Connection, group: int, name: str, silence: StaleAfter) -> list[int]:
    """An alert of a source that fires in a group, if there is one that its sender would send again."""
    query = (
        select(alert.c.id)
        .join(membership, membership.c.alert_id == alert.c.id)
        .where(membership.c.group_id == group, membership.c.state.in_(_FIRES), alert.c.source == name)
    )
    if not silence.is_said:
        query = query.where(~alert.c.ttl_is_presumed)
    return list(conn.execute(query.limit(1)).scalars())


def silent(conn: Connection) -> dict[str, datetime]:
    """Every silent source, and when it was last heard from."""
    rows = conn.execute(select(source.c.name, source.c.stale_since).where(source.c.stale_since.is_not(None)))
    return {row.name: row.stale_since for row in rows}


_SILENT_IN = (
    select(source.c.name, source.c.stale_since)
    .join(group_source, group_source.c.source == source.c.name)
    .where(group_source.c.group_id == bindparam("group_id"), source.c.stale_since.is_not(None))
    .order_by(source.c.name)
)


def silent_in(conn: Connection, group: int) -> dict[str, datetime]:
    """Of the sources whose alerts a group was notified of and that fire, those that are silent."""
    rows = conn.execute(_SILENT_IN, {"group_id": group}).fetchall()
    return {row.name: row.stale_since for row in rows if _tells(conn, group, row.name)}


def _tells(conn: Connection, group: int, name: str) -> bool:
    query = (
        select(alert.c.id)
        .join(membership, membership.c.alert_id == alert.c.id)
        .where(
            membership.c.group_id == group,
            membership.c.state.in_(NOTIFIED_FIRING),
            alert.c.source == name,
        )
    )
    return conn.execute(query.limit(1)).first() is not None
