"""An empty store in memory, and rows put into it as the verbs would."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, create_engine, insert, select, update

from router.core.render.blocks import post_message
from router.store.delivery import outbox
from router.store.delivery.outbox import Claimed, Work
from router.store.delivery.pace import Rate
from router.store.evaluation import messages
from router.store.tables import alert, conversation, message, metadata

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_tokens = count(1)


@contextmanager
def store() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as conn:
        yield conn
    engine.dispose()


def channel(conn: Connection, name: str) -> int:
    """A conversation that needs no resolving."""
    found = messages.conversation_for(conn, "T1", name, now=NOW)
    conn.execute(update(conversation).where(conversation.c.id == found).values(channel=f"C{name}"))
    return found


def post(conn: Connection, place: str, *, text: str = "hello", rank: int = 0, now: datetime = NOW) -> int:
    return messages.begin(
        conn, subject="post", conversation_id=channel(conn, place), rank=rank, now=now, body=post_message(text)
    )


def stand(conn: Connection, number: int, ts: str = "1.000001") -> None:
    """The message was posted and is true."""
    done = {"ts": ts, "notified_version": message.c.version, "delivery_id": None, "intent": None}
    conn.execute(update(message).where(message.c.id == number).values(done))


def change_text(conn: Connection, number: int) -> None:
    conn.execute(update(message).where(message.c.id == number).values(version=message.c.version + 1))


def claim(conn: Connection, now: datetime = NOW, *, most: int = 16, rates: dict[str, Rate] | None = None) -> Claimed:
    return outbox.claim(conn, now, instance="t", rates=rates or {}, most=most, new_id=lambda: f"token-{next(_tokens)}")


def one(conn: Connection, now: datetime = NOW) -> Work:
    [work] = claim(conn, now).works
    return work


def row(conn: Connection, number: int) -> Any:
    return conn.execute(select(message).where(message.c.id == number)).one()


def put_alert(conn: Connection, number: int, **changes: Any) -> None:
    values = {
        "id": number,
        "namespace": "prometheus",
        "fingerprint": f"{number:016x}",
        "source": "p",
        "name": "Down",
        "severity_rank": 3,
        "is_firing": True,
        "order_no": 1,
        "digest": 1,
        "starts_at": NOW,
        "changed_at": NOW,
        "ttl": timedelta(minutes=4),
        "ttl_is_presumed": False,
        "expires_at": NOW + timedelta(minutes=4),
        "document": '{"title":"Down"}',
        **changes,
    }
    conn.execute(insert(alert).values(values))
