"""What is stored of instants that have not come yet because the machine's clock went back: pulled back to now.

Without this, nobody would be told, ended or asked again until the clock has caught up with what was written down.
"""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import BigInteger, Connection, select, text, type_coerce, update

from router.core.view import Phase, Response, State
from router.runtime.clock import to_ms
from router.store.intake import sender_groups
from router.store.tables import (
    HAS_LINE,
    IS_PUT_OFF,
    STEP_DUE,
    InstantMs,
    alert,
    alert_group,
    announcement,
    conversation,
    heartbeat,
    incident,
    membership,
    message,
    pace,
    page,
    source,
)

AHEAD = timedelta(hours=1)
"""Nothing but windows and pages is ever planned further ahead than this."""
_LINE_AHEAD = timedelta(minutes=5)
_decode_response = msgspec.json.Decoder(Response).decode


def clamp(conn: Connection, now: datetime) -> list[tuple[str, str]]:
    """Returns (namespace, fingerprint) of the alerts that it changed: what is known of them in memory is not so."""
    conn.execute(update(membership).where(membership.c.joined_at > now).values(joined_at=now))
    for column in (alert_group.c.created_at, alert_group.c.arrived_since):
        conn.execute(update(alert_group).where(column > now).values({column: now}))
    # An empty group too is asked anew when an alert joins it, not when the clock has caught up with its last evaluation.
    conn.execute(update(alert_group).where(alert_group.c.evaluated_at > now).values(evaluated_at=None))
    put_off = update(message).where(text(IS_PUT_OFF), message.c.not_before > now + AHEAD)
    conn.execute(put_off.values(not_before=now))
    has_line = update(message).where(text(HAS_LINE), message.c.thread_due_at > now + AHEAD)
    conn.execute(has_line.values(thread_due_at=now + _LINE_AHEAD))
    conn.execute(update(conversation).where(conversation.c.refused_at > now).values(refused_at=now))
    conn.execute(update(source).where(source.c.heard_at > now).values(heard_at=now))
    conn.execute(update(source).where(source.c.stale_since > now).values(stale_since=now))
    conn.execute(update(source).where(source.c.fresh_since > now).values(fresh_since=now))
    for column in (heartbeat.c.created_at, heartbeat.c.last_at, heartbeat.c.missing_since):
        conn.execute(update(heartbeat).where(column > now).values({column: now}))
    conn.execute(update(announcement).where(announcement.c.at > now).values(at=now))
    conn.execute(update(pace).where(pace.c.blocked_until > now + AHEAD).values(blocked_until=now))
    conn.execute(
        update(incident).where(incident.c.released_in.is_not(None), incident.c.opened_at > now).values(opened_at=now)
    )
    sender_groups.clamp(conn, now)
    _responses(conn, now)
    _pages(conn, now)
    _limits(conn, now)
    return _alerts(conn, now)


def _pages(conn: Connection, now: datetime) -> None:
    """The next step comes as long after this instant as it was to come after the one before it."""
    back = type_coerce(page.c.moved_at, BigInteger) - to_ms(now)
    earlier = {
        column.name: type_coerce(type_coerce(column, BigInteger) - back, InstantMs)
        for column in (page.c.due_at, page.c.began_at)
    }
    written = update(page).where(text(STEP_DUE), page.c.moved_at > now)
    conn.execute(written.values({**earlier, "moved_at": now}))
    # Whether what made a reminder wait is over is looked at when it is due.
    conn.execute(update(page).where(page.c.remind_at > now).values(remind_at=now))


def _responses(conn: Connection, now: datetime) -> None:
    """An acknowledgement and a closing last as long from now as they were to from then. Somebody snoozes until an instant:
    that stays."""
    rows = conn.execute(
        select(incident.c.number, incident.c.response).where(
            incident.c.state == State.TRIGGERED, incident.c.response_ends_at.is_not(None)
        )
    )
    for number, document in rows.fetchall():
        was = _decode_response(document)
        if was.at is None or was.at <= now or was.until is None:
            continue
        until = was.until if was.phase is Phase.SNOOZED else was.until - (was.at - now)
        response = msgspec.structs.replace(was, at=now, until=until)
        values = {"response": msgspec.json.encode(response).decode(), "response_ends_at": until}
        conn.execute(update(incident).where(incident.c.number == number).values(values))


def _limits(conn: Connection, now: datetime) -> None:
    """A limit is as far from the incident's opening as it was."""
    back = type_coerce(incident.c.opened_at, BigInteger) - to_ms(now)
    earlier = type_coerce(type_coerce(incident.c.limit_at, BigInteger) - back, InstantMs)
    ahead = update(incident).where(incident.c.limit_at.is_not(None), incident.c.opened_at > now)
    conn.execute(ahead.values(limit_at=earlier, opened_at=now))


def _alerts(conn: Connection, now: datetime) -> list[tuple[str, str]]:
    """A word of now must be able to end what fires; an end must not count as fresh for ever; time to live is from now."""
    latest = 2 * to_ms(now)
    longest = type_coerce(to_ms(now) + type_coerce(alert.c.ttl, BigInteger), InstantMs)
    changed: set[tuple[str, str]] = set()
    for statement in (
        update(alert).where(alert.c.is_firing, alert.c.order_no > latest).values(order_no=latest),
        update(alert).where(~alert.c.is_firing, alert.c.changed_at > now).values(changed_at=now),
        update(alert).where(alert.c.is_firing, alert.c.expires_at > longest).values(expires_at=longest),
    ):
        found = conn.execute(statement.returning(alert.c.namespace, alert.c.fingerprint))
        changed.update((row.namespace, row.fingerprint) for row in found)
    return sorted(changed)
