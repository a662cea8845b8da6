"""Signs of life as they are stored: what was heard of when, what is missing, and which of the router's own alerts fire."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, func, select, update

from adapters.alert import Alert, Status
from router.core.member import BY_RANK
from router.runtime.clock import to_ms
from router.store.evaluation.members import decode_document
from router.store.intake import sources
from router.store.tables import alert, heartbeat
from rules.model.heartbeat import OWN_SOURCE, HeartbeatKey

MOST = 10_000
"""Label values that one heartbeat expects: senders choose them, and must not fill the store."""

_decode_labels = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode
_THIS = and_(
    heartbeat.c.source == bindparam("b_source"),
    heartbeat.c.name == bindparam("b_name"),
    heartbeat.c.labels == bindparam("b_labels"),
)


class Expected(msgspec.Struct, frozen=True):
    """One expectation and what is known of it."""

    sign: HeartbeatKey
    created_at: datetime
    last_at: datetime | None
    due_at: datetime | None
    missing_since: datetime | None

    @property
    def heard_at(self) -> datetime:
        """The last sign of life; before the first, since when one is expected."""
        return self.last_at or self.created_at


def expected(conn: Connection) -> list[Expected]:
    query = select(heartbeat).order_by(heartbeat.c.source, heartbeat.c.name, heartbeat.c.labels)
    return [
        Expected(
            HeartbeatKey(row.source, row.name, _decode_labels(row.labels)),
            row.created_at,
            row.last_at,
            row.due_at,
            row.missing_since,
        )
        for row in conn.execute(query)
    ]


def note(conn: Connection, seen: Mapping[HeartbeatKey, datetime]) -> None:
    """Signs of life, the last of each. Values that nobody has seen before are expected from now on, up to MOST."""
    if not seen:
        return
    known = {one.sign for one in expected(conn)}
    heard = [{**_key(sign), "b_at": at} for sign, at in seen.items() if sign in known]
    if heard:
        conn.execute(update(heartbeat).where(_THIS).values(last_at=bindparam("b_at")), heard)
    expect(conn, {sign: at for sign, at in seen.items() if sign not in known}, are_heard=True)


def expect(conn: Connection, since: Mapping[HeartbeatKey, datetime], *, are_heard: bool = False) -> None:
    """From these instants on. `are_heard`: each was a sign of life."""
    room: dict[tuple[str, str], int] = {}
    for sign, at in since.items():
        name = (sign.source, sign.name)
        if name not in room:
            of_name = and_(heartbeat.c.source == sign.source, heartbeat.c.name == sign.name)
            room[name] = MOST - conn.execute(select(func.count()).where(of_name)).scalar_one()
        if room[name] > 0:
            room[name] -= 1
            values = {"source": sign.source, "name": sign.name, "labels": _labels(sign)}
            conn.execute(heartbeat.insert().values(**values, created_at=at, last_at=at if are_heard else None))


def forget(conn: Connection, signs: Iterable[HeartbeatKey]) -> None:
    """Nobody expects these any more."""
    if keys := [_key(sign) for sign in signs]:
        conn.execute(delete(heartbeat).where(_THIS), keys)


def judge(conn: Connection, sign: HeartbeatKey, *, due_at: datetime | None, missing_since: datetime | None) -> None:
    conn.execute(update(heartbeat).where(_THIS).values(due_at=due_at, missing_since=missing_since), _key(sign))


_RAISED = select(alert.c.fingerprint, alert.c.name, alert.c.severity_rank, alert.c.starts_at, alert.c.document).where(
    alert.c.namespace == OWN_SOURCE, alert.c.is_firing
)


def raised(conn: Connection) -> list[Alert]:
    """Which of the router's own alerts fire."""
    found = []
    for row in conn.execute(_RAISED):
        document = decode_document(row.document)
        found.append(
            Alert(
                fingerprint=row.fingerprint,
                name=row.name,
                title=document.title,
                description=document.description,
                severity=BY_RANK[row.severity_rank],
                status=Status.FIRING,
                labels=document.labels,
                annotations=document.annotations,
                starts_at=row.starts_at,
                order=2 * to_ms(row.starts_at),
            )
        )
    return found


def _labels(sign: HeartbeatKey) -> str:
    return msgspec.json.encode(sign.labels).decode()


def _key(sign: HeartbeatKey) -> dict[str, object]:
    return {"b_source": sign.source, "b_name": sign.name, "b_labels": _labels(sign)}


def presume_over(conn: Connection, fingerprints: Sequence[str], now: datetime) -> list[sources.Expired]:
    """End these of the router's own alerts: nobody will say any more whether what was missing came."""
    found = []
    for fingerprint in fingerprints:
        where = and_(alert.c.namespace == OWN_SOURCE, alert.c.fingerprint == fingerprint, alert.c.is_firing)
        number = conn.execute(select(alert.c.id).where(where)).scalar()
        if number is not None:
            sources.end(conn, [(number, "presumed", now)], now)
            found.append(sources.Expired(OWN_SOURCE, fingerprint, OWN_SOURCE, "presumed", to_ms(now)))
    return found
