"""Messages that must be kept true, and the conversations they stand in: what the verbs raise, not how it is sent."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Boolean, Connection, Text, bindparam, case, false, select, text, update

from router.core.content import Mention, Subject
from router.core.recipient import webhook_notifier
from router.core.view import EntryKind, Phase
from router.runtime.clock import from_ms
from router.store.tables import STANDS, InstantMs, conversation, incident, message, timeline

# Statements of every evaluation are made once: SQLAlchemy takes longer to put one together than SQLite to carry it out.
_CONVERSATION = select(conversation.c.id).where(
    conversation.c.notifier == bindparam("notifier"), conversation.c.target == bindparam("target")
)
_NEW_CONVERSATION = conversation.insert().returning(conversation.c.id)
_NEW_MESSAGE = message.insert().returning(message.c.id)


def conversation_for(conn: Connection, notifier: str, target: str, *, person: str = "", now: datetime) -> int:
    """The row of a channel or a person, made when it is first needed."""
    found = conn.execute(_CONVERSATION, {"notifier": notifier, "target": target}).scalar()
    if found is not None:
        return int(found)
    values = {"notifier": notifier, "target": target, "person": person, "next_at": now}
    return int(conn.execute(_NEW_CONVERSATION, values).scalar_one())


def begin(
    conn: Connection,
    *,
    subject: Subject,
    conversation_id: int,
    rank: int,
    now: datetime,
    incident: int | None = None,
    page: int | None = None,
    entry: int | None = None,
    is_primary: bool = False,
    is_copy: bool = False,
    text: str = "",
    thread_seq: int = 0,
    rings: bool = True,
    fell_back: bool = False,
) -> int:
    """A message that nobody was told yet."""
    values = {
        "subject": subject.value,
        "incident": incident,
        "page": page,
        "entry": entry,
        "conversation": conversation_id,
        "is_primary": is_primary,
        "is_copy": is_copy,
        "rank": rank,
        "version": 1,
        "notified_version": 0,
        "due_since": now,
        "thread_seq": thread_seq,
        "text": text,
        "rings": rings,
        "fell_back": fell_back,
    }
    return int(conn.execute(_NEW_MESSAGE, values).scalar_one())


def tell_webhook(
    conn: Connection,
    number: int,
    webhook: str,
    *,
    rank: int,
    now: datetime,
    page: int | None = None,
    rings_again: bool = False,
) -> int | None:
    """An incident is told a webhook, to its end, wherever it goes. Returns the message; None: it is told there already.

    `page`: because somebody is to be woken. Only pages wake again there; else whatever comes back or gets worse does.
    `rings_again`: by a further step or round, whoever told it there first.
    """
    there = conversation_for(conn, webhook_notifier(webhook), webhook, now=now)
    query = select(message.c.id, message.c.rings, message.c.notified_version).where(
        message.c.incident == number, message.c.conversation == there, ~message.c.is_over
    )
    found = conn.execute(query).first()
    if found is None:
        return begin(
            conn,
            subject=Subject.INCIDENT,
            conversation_id=there,
            rank=rank,
            now=now,
            incident=number,
            page=page,
            is_copy=True,
            rings=page is None,
            fell_back=True,
        )
    if page is not None and (rings_again or not found.rings):
        again = {"version": message.c.version + 1, "ring_version": message.c.version + 1, "due_since": now}
        begins = {} if found.notified_version else {"version": message.c.version, "ring_version": 0}
        anew = {**again, **begins, "ring_phase": Phase.OPEN.value}
        conn.execute(update(message).where(message.c.id == found.id).values(anew))
    return None


_THIS = conversation.alias()
_SHOWN = (
    select(message.c.id, message.c.is_primary)
    .join(conversation, conversation.c.id == message.c.conversation)
    .join(_THIS, _THIS.c.id == bindparam("this"))
    .where(message.c.incident == bindparam("number"), message.c.subject == Subject.INCIDENT, message.c.moved_to == "")
    .where(
        (conversation.c.id == _THIS.c.id)
        | ((conversation.c.channel != "") & (conversation.c.channel == _THIS.c.channel))
    )
    .order_by(message.c.is_primary.desc())
    .limit(1)
)


def shown_at(conn: Connection, number: int, conversation_id: int) -> int | None:
    """An incident's message in this channel, under this or another of the channel's names."""
    found = conn.execute(_SHOWN, {"number": number, "this": conversation_id}).scalar()
    return None if found is None else int(found)


def shows(conn: Connection, number: int, conversation_id: int) -> bool | None:
    """Whether the message that an incident has there is that of its home. None: it has none there."""
    found = conn.execute(_SHOWN, {"number": number, "this": conversation_id}).first()
    return None if found is None else bool(found.is_primary)


def open_home(conn: Connection, number: int) -> str:
    """The channel where the thread of an open incident lives, as it was written; "": it has none, or is over."""
    query = (
        select(conversation.c.target)
        .join(message, message.c.conversation == conversation.c.id)
        .join(incident, incident.c.number == message.c.incident)
        .where(message.c.incident == number, message.c.subject == Subject.INCIDENT, message.c.is_primary)
        .where(incident.c.state != "resolved")
    )
    return conn.execute(query.limit(1)).scalar() or ""


def home_of(conn: Connection, number: int) -> str:
    """The channel where its thread lives, as it was written; "": nowhere."""
    query = (
        select(conversation.c.target)
        .join(message, message.c.conversation == conversation.c.id)
        .where(message.c.incident == number, message.c.subject == Subject.INCIDENT, message.c.is_primary)
        .where(~message.c.is_over)
    )
    return conn.execute(query.limit(1)).scalar() or ""


_AT = (
    select(message.c.incident)
    .join(conversation, conversation.c.id == message.c.conversation)
    .where(text(f"message.{STANDS}"), message.c.ts == bindparam("ts"), conversation.c.channel == bindparam("channel"))
    .where(message.c.incident.is_not(None))
    .limit(1)
)


def incident_at(conn: Connection, channel: str, ts: str) -> int | None:
    """The incident whose message stands there. `channel`: Slack's id of it."""
    found = conn.execute(_AT, {"ts": ts, "channel": channel}).scalar()
    return None if found is None else int(found)


_CLOCKS_APART = timedelta(minutes=5)
"""Between Slack's clock and ours; of what is further apart Slack's requests are not believed."""


def is_of(conn: Connection, number: int, channel: str, ts: str) -> bool:
    """Whether the message that stands there may be one of this incident. No: it is known as another's, or was posted before
    the incident began, by a database that this one was restored from the past of. What is not known of it is no proof."""
    opened_at = conn.execute(select(incident.c.opened_at).where(incident.c.number == number)).scalar()
    if opened_at is None:  # there is none of this number: that is for whoever is asked to act on it to say
        return True
    known = incident_at(conn, channel, ts)
    seconds = ts.partition(".")[0]
    if known is not None or not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
        return known in {None, number}
    posted_at = from_ms(int(seconds) * 1000)
    return bool(posted_at + _CLOCKS_APART >= opened_at)


_IS_RUNG = message.c.rings & (
    (message.c.rank < bindparam("b_rank"))
    | (message.c.tells_end & (bindparam("b_tells_end", type_=Boolean()) == false()))
)
_RAISE = (
    update(message)
    .where(
        message.c.incident == bindparam("b_incident"),
        message.c.subject.in_((Subject.INCIDENT, Subject.PAGE)),
        ~message.c.is_over,
        message.c.moved_to == "",
    )
    .values(
        version=message.c.version + 1,
        rank=bindparam("b_rank"),
        tells_end=bindparam("b_tells_end"),
        ring_version=case((_IS_RUNG, message.c.version + 1), else_=message.c.ring_version),
        ring_phase=case((_IS_RUNG, bindparam("b_phase", type_=Text())), else_=message.c.ring_phase),
        due_since=case(
            # An end is owed from the end on, whatever change waited before it.
            (
                (message.c.notified_version < message.c.version)
                & ((message.c.ts == "") | (message.c.tells_end == bindparam("b_tells_end"))),
                message.c.due_since,
            ),
            else_=bindparam("b_now", type_=InstantMs()),
        ),
    )
)


def raise_versions(
    conn: Connection, incident: int, *, rank: int, tells_end: bool, now: datetime, phase: Phase = Phase.OPEN
) -> None:
    """What these messages should say has changed. `tells_end`: the incident is over now. `phase`: as what one that comes
    back or gets worse is told where nothing can be edited."""
    raised = {"b_incident": incident, "b_rank": rank, "b_tells_end": tells_end, "b_now": now}
    conn.execute(_RAISE, {**raised, "b_phase": told_as(phase).value})


def told_as(phase: Phase) -> Phase:
    """What of a phase is told where nothing can be edited: who has put it off has it in hand, as who acknowledged."""
    return Phase.ACKNOWLEDGED if phase is Phase.SNOOZED else phase


_RING = update(message).where(
    message.c.incident == bindparam("b_incident"),
    message.c.subject == Subject.INCIDENT,
    ~message.c.is_over,
    message.c.moved_to == "",
)


def tell_phase(conn: Connection, incident: int, phase: Phase) -> None:
    """It was taken in hand, or let go of: that is told where nothing can be edited, too, whose versions were raised for it.
    Of what was to ring there the last word counts."""
    told = {"ring_version": message.c.version, "ring_phase": bindparam("b_phase", type_=Text())}
    conn.execute(_RING.values(told), {"b_incident": incident, "b_phase": told_as(phase).value})


_AGAIN: Mapping[str, Any] = {
    "version": message.c.version + 1,
    "due_since": case(
        (message.c.notified_version < message.c.version, message.c.due_since),
        else_=bindparam("b_now", type_=InstantMs()),
    ),
}
_OF_INCIDENT = update(message).where(message.c.incident == bindparam("b_incident"), ~message.c.is_over)
_RENEW = _OF_INCIDENT.where(
    message.c.subject.in_((Subject.INCIDENT, Subject.PAGE)), message.c.moved_to == "", message.c.ts != ""
).values(_AGAIN)
_RAISE_PAGES = _OF_INCIDENT.where(message.c.subject == Subject.PAGE).values(_AGAIN)


def renew(conn: Connection, incident: int, *, now: datetime) -> None:
    """What stands of it says where its thread is: that has changed."""
    conn.execute(_RENEW, {"b_incident": incident, "b_now": now})


def raise_pages(conn: Connection, incident: int, *, now: datetime) -> None:
    """What is next in its escalation has changed: only those who were paged read that."""
    conn.execute(_RAISE_PAGES, {"b_incident": incident, "b_now": now})


def renew_ends(conn: Connection, incident: int, *, now: datetime) -> None:
    """What people who were paged were told of its end: that it goes on after all, and later, that it is over."""
    ends = select(timeline.c.seq).where(
        timeline.c.incident == incident, timeline.c.kind == EntryKind.ALL_RESOLVED.value
    )
    conn.execute(
        update(message)
        .where(
            message.c.incident == incident, message.c.subject == Subject.NOTE, ~message.c.is_over, message.c.ts != ""
        )
        .where(message.c.entry.in_(ends))
        .values(_AGAIN),
        {"b_now": now},
    )


_HOLDER = message.alias()
_HOLDS = (_HOLDER.c.stands_in_for == message.c.id) & _HOLDER.c.is_primary & ~_HOLDER.c.is_over


def stands_at(conn: Connection, number: int, notifier: str, target: str) -> tuple[bool, bool]:
    """Whether a channel is an incident's home, and whether it has a message there at all. It is home also while it refuses
    and another message has the thread for it."""
    query = (
        select(message.c.is_primary | select(_HOLDER.c.id).where(_HOLDS).exists())
        .join(conversation, conversation.c.id == message.c.conversation)
        .where(message.c.incident == number, message.c.subject == Subject.INCIDENT, ~message.c.is_over)
        .where(message.c.moved_to == "", conversation.c.notifier == notifier, conversation.c.target == target)
    )
    found = conn.execute(query).scalars().all()
    return any(found), bool(found)


def rehome(
    conn: Connection, number: int, wanted: Collection[int], *, home: int | None, moved_to: str, seq: int, now: datetime
) -> list[int]:
    """The incident is told in these conversations from now on. Messages elsewhere are told where it went, the old thread
    too, and are over with that; only those of copies stay, and what stands in for one that does. Returns the
    conversations that have none yet."""
    query = select(
        message.c.id,
        message.c.conversation,
        message.c.is_primary,
        message.c.is_copy,
        message.c.version,
        message.c.stands_in_for,
    ).where(
        message.c.incident == number,
        message.c.subject == Subject.INCIDENT,
        ~message.c.is_over,
        message.c.moved_to == "",
    )
    rows = conn.execute(query).fetchall()
    stay = {row.id for row in rows if row.conversation in wanted or row.is_copy}
    at_home = {row.id for row in rows if row.conversation == home}
    is_held = any(row.is_primary and row.stands_in_for in at_home for row in rows)
    standing = set()
    for row in rows:
        values: dict[str, object] = {}
        if row.id not in stay and row.stands_in_for not in stay:
            values |= {"moved_to": moved_to, "version": row.version + 1, "due_since": now, "tells_end": True}
        elif row.conversation == home and not row.is_primary and not is_held:
            values |= {"is_primary": True, "thread_seq": seq}
        if row.stands_in_for is not None and (row.conversation == home or row.stands_in_for not in stay):
            values |= {"stands_in_for": None}
        standing.add(row.conversation)
        if row.is_primary and row.conversation != home and not is_held:
            values |= {"is_primary": False, "thread_due_at": now}
        if values:
            conn.execute(update(message).where(message.c.id == row.id).values(values))
    return [one for one in wanted if one not in standing]


_PAGED = (
    select(message.c.page, message.c.conversation, conversation.c.person)
    .join(conversation, conversation.c.id == message.c.conversation)
    .where(message.c.incident == bindparam("number"), message.c.subject == Subject.PAGE, ~message.c.is_over)
    .order_by(message.c.id)
)


def people_paged(conn: Connection, incident: int) -> list[tuple[int, int, str]]:
    """(page, conversation, person) of each direct message that stands or is due for an incident."""
    return [(row.page, row.conversation, row.person) for row in conn.execute(_PAGED, {"number": incident})]


def names_paged(conn: Connection, incident: int) -> tuple[str, ...]:
    """The same people, each once."""
    return tuple(dict.fromkeys(person for _, _, person in people_paged(conn, incident)))


_EVER_PAGED = (
    select(conversation.c.person)
    .join(message, message.c.conversation == conversation.c.id)
    .where(message.c.incident == bindparam("number"), message.c.subject == Subject.PAGE)
    .distinct()
)


def names_ever_paged(conn: Connection, incident: int) -> tuple[str, ...]:
    """Everybody who was paged for it, also where that is over."""
    return tuple(conn.execute(_EVER_PAGED, {"number": incident}).scalars())


def post(
    conn: Connection,
    *,
    notifier: str,
    target: str,
    text: str,
    now: datetime,
    person: str = "",
    mentions: Sequence[Mention] = (),
) -> None:
    """A word of the router's own, said once. `text` is as a person writes it."""
    conversation_id = conversation_for(conn, notifier, target, person=person, now=now)
    number = begin(conn, subject=Subject.POST, conversation_id=conversation_id, rank=0, now=now, text=text)
    if mentions:
        written = msgspec.json.encode(mentions).decode()
        conn.execute(update(message).where(message.c.id == number).values(mentions=written))
