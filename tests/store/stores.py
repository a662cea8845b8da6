"""An empty store in memory, and rows put into it as the verbs would."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import Connection, create_engine, insert, select, update

from router.core.content import Subject
from router.core.delivery import Capability, Change, Effect, Hold, NotSent, Rate, Terms
from router.notifiers.slack.notifier import method_of
from router.store.delivery import claim as claiming
from router.store.delivery.claim import Claimed, Sender, Work
from router.store.delivery.settle import settle
from router.store.evaluation import messages
from router.store.tables import alert, conversation, message, metadata

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CAN = frozenset({Capability.EDIT, Capability.THREAD, Capability.FIND, Capability.LOOK_UP})
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
        conn, subject=Subject.POST, conversation_id=channel(conn, place), rank=rank, now=now, text=text
    )


def stand(conn: Connection, number: int, ts: str = "1.000001") -> None:
    """The message was posted and is true."""
    done = {"ts": ts, "notified_version": message.c.version, "delivery_id": None, "intent": None}
    conn.execute(update(message).where(message.c.id == number).values(done))


def change_text(conn: Connection, number: int) -> None:
    conn.execute(update(message).where(message.c.id == number).values(version=message.c.version + 1))


def claim(conn: Connection, now: datetime = NOW, *, most: int = 16, rates: dict[str, Rate] | None = None) -> Claimed:
    """As Slack's notifier would have it, but for its pace."""
    terms = {"T1": Terms(CAN, rates or {}, timedelta(0), method_of)}
    new_token = partial(next, map("token-{}".format, _tokens))
    return claiming.claim(conn, now, sender=Sender("t"), terms=terms, most=most, new_id=new_token)


def give_back(
    conn: Connection, work: Work, *, next_post_at: datetime | None = None, effect: Effect | None = None
) -> bool:
    """Slack's word that nothing happened, unless another effect is given."""
    return settle(conn, work, Change(effect or NotSent(""), Hold(next_post_at=next_post_at)), NOW)


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
