"""Ends alerts that their senders no longer send, if we and the sender were there: silence is not an end."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from router.runtime.metrics import Metrics
from router.store.intake import sources
from router.store.intake.committed import CommittedAlerts
from router.store.intake.sender_groups import Identity, end_missing

TICK = timedelta(seconds=10)
AT_ONCE = 250
CONFIRM = timedelta(minutes=2)
"""How long an alert stays absent from its group before it ends: a Prometheus that sends it directly does so every minute."""


class Expiry(msgspec.Struct, frozen=True):
    """What a tick did."""

    ended: list[sources.Expired]
    is_more: bool
    since: datetime
    """From when we were there to hear, without a gap."""


def step(
    conn: Connection,
    now: datetime,
    heard: dict[str, datetime],
    metrics: Metrics,
    spoken: Collection[Identity] = (),
) -> Expiry:
    """Note that we are here and who was heard; then end what is ripe, and what its group no longer has. `spoken`: of those
    absent from a group, who was heard of otherwise."""
    since = sources.listen(conn, now, heard)
    expired = sources.expire(conn, now, since, AT_ONCE)
    # Absent only while we were there to hear: before that, nobody is.
    missing = end_missing(conn, now, now - CONFIRM, spoken) if since <= now - CONFIRM else []
    ended = [*expired, *missing]
    count(ended, metrics)
    return Expiry(ended, len(expired) == AT_ONCE, since)


def count(ended: Iterable[sources.Expired], metrics: Metrics) -> None:
    for one in ended:
        metrics.add("alert_router_alerts_ended", (one.source, one.how))


def forget(known: CommittedAlerts, ended: Iterable[sources.Expired]) -> None:
    """After the commit: these alerts are no longer what was known of them."""
    for one in ended:
        known.end(one.namespace, one.fingerprint, one.ended_ms)
