"""Is everything alive that should be? Judges heartbeats and silent sources at each tick and says which of the router's own
alerts should fire; whoever calls it sends the difference the way of every alert.

Absence needs listened time: nothing is missing because the router was away. What is said to be missing
stays so across a restart, until a sign of life.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from adapters.alert import Alert
from router.core import own_alerts
from router.store.heartbeats import expected, stale_sources
from router.store.heartbeats.expected import Expected
from router.store.heartbeats.stale_sources import Asked
from router.store.intake.sources import Expired
from rules.model.heartbeat import Awaited, Heartbeat, HeartbeatKey


class HeartbeatCheck(msgspec.Struct, frozen=True):
    """What a tick came to."""

    own_alerts: tuple[Alert, ...]
    """Every one that should fire, and the end of every one that should no longer."""
    ended: tuple[Expired, ...]
    """Of what is expected no more: nobody will say whether it came."""
    is_news: bool
    """Some incident has to say that its source is silent, or speaks again."""


def step(
    conn: Connection,
    now: datetime,
    since: datetime,
    awaited: Awaited,
    seen: Mapping[HeartbeatKey, datetime],
    asked: Asked,
) -> HeartbeatCheck:
    """`since`: from when we were there to hear; `seen`: signs of life since the last tick."""
    expected.note(conn, seen)
    wanted, forgotten = _missing(conn, now, since, awaited)
    is_news = stale_sources.judge(conn, now, since, awaited.silent_after, asked)
    wanted += [own_alerts.source_silent(name, at, awaited.zone) for name, at in stale_sources.silent(conn).items()]
    ended = expected.presume_over(conn, [alert.fingerprint for alert in forgotten], now)
    firing = {alert.fingerprint for alert in wanted}
    over = [own_alerts.over(alert, now) for alert in expected.raised(conn) if alert.fingerprint not in firing]
    return HeartbeatCheck((*wanted, *over), tuple(ended), is_news or bool(ended))


def _missing(conn: Connection, now: datetime, since: datetime, awaited: Awaited) -> tuple[list[Alert], list[Alert]]:
    """The alerts about what is missing, and about what was missing and is expected no more."""
    by_name = {(one.source, one.name): one for one in awaited.heartbeats}
    found = expected.expected(conn)
    gone = [one.sign for one in found if not _is_asked_for(one.sign, by_name)]
    expected.forget(conn, gone)
    known = {one.sign for one in found}
    fresh = {HeartbeatKey(one.source, one.name): now for one in awaited.heartbeats if not one.per}
    expected.expect(conn, {sign: at for sign, at in fresh.items() if sign not in known})
    wanted, forgotten = [], []
    for one in found:
        heartbeat = by_name.get((one.sign.source, one.sign.name))
        if heartbeat is None or one.sign in gone:
            continue
        due_at, missing_since = _judged(heartbeat, one, now, since)
        if (due_at, missing_since) != (one.due_at, one.missing_since):
            expected.judge(conn, one.sign, due_at=due_at, missing_since=missing_since)
        if due_at is None or missing_since is None:
            continue
        alert = own_alerts.heartbeat_missing(
            heartbeat, one.sign, due_at=due_at, missing_since=missing_since, last_at=one.last_at
        )
        if heartbeat.forget_after is not None and max(one.heard_at, since) + heartbeat.forget_after <= now:
            expected.forget(conn, [one.sign])
            forgotten.append(alert)
        else:
            wanted.append(alert)
    return wanted, forgotten


def _is_asked_for(sign: HeartbeatKey, by_name: Mapping[tuple[str, str], Heartbeat]) -> bool:
    heartbeat = by_name.get((sign.source, sign.name))
    return heartbeat is not None and heartbeat.per == tuple(name for name, _ in sign.labels)


def _judged(
    heartbeat: Heartbeat, one: Expected, now: datetime, since: datetime
) -> tuple[datetime | None, datetime | None]:
    """When it was due and since when it is missing; nothing while it is alive."""
    is_said = one.missing_since is not None and one.heard_at <= one.missing_since
    due_at = heartbeat.due_after(one.heard_at if is_said else max(one.heard_at, since))
    if now < due_at + heartbeat.grace:
        return None, None
    if is_said:
        return one.due_at, one.missing_since
    return due_at, due_at + heartbeat.grace
