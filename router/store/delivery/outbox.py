"""What deliver claims and how it writes down what came of it (ENGINE, *Delivery*): one call per conversation in flight.

The intent is committed before the call, the outcome after it, compare-and-set on the claim's token.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from router.core.view import EntryKind, IncidentView, PageView, Rendered, State, TimelineEntry
from router.runtime.clock import EPOCH
from router.store.delivery.pace import Pacer, Rate
from router.store.evaluation import incidents
from router.store.tables import InstantMs, conversation, incident, message, page, timeline

LEASE = timedelta(seconds=20)
SEARCH_AFTER = timedelta(seconds=30)
"""After the end of a lease: a late effect has happened by then, or never will."""
PATIENCE = timedelta(seconds=60)
"""Nothing waits longer than this behind a higher class because of order alone."""
UNEDITABLE = timedelta(minutes=2)
"""An end that could not be edited for so long is told in the thread first."""
_IDS = uuid.UUID("5b0f6c0e-0c9f-4a9c-8b5e-6f6b2d1a7e10")


class greatest(FunctionElement[datetime]):  # noqa: N801  # an SQL function's name
    """The latest of several instants: SQLite says max(a, b), PostgreSQL greatest(a, b)."""

    type = InstantMs()
    inherit_cache = True


@compiles(greatest)
def _greatest(element: greatest, compiler: SQLCompiler, **kw: object) -> str:
    return f"greatest({compiler.process(element.clauses, **kw)})"


@compiles(greatest, "sqlite")
def _greatest_sqlite(element: greatest, compiler: SQLCompiler, **kw: object) -> str:
    return f"max({compiler.process(element.clauses, **kw)})"


class Act(StrEnum):
    """What is done with one claimed conversation."""

    RESOLVE = "resolve"
    POST = "post"
    EDIT = "edit"
    REPLY = "reply"
    FIND = "find"


METHODS: Mapping[Act, str] = {
    Act.RESOLVE: "conversations.open",
    Act.POST: "chat.postMessage",
    Act.EDIT: "chat.update",
    Act.REPLY: "chat.postMessage",
    Act.FIND: "conversations.history",
}


def method_of(act: Act, target: str) -> str:
    """The method whose pace a call counts against. A person costs a call; channels come from a list that is kept."""
    if act is Act.RESOLVE and not target.startswith(("email:", "U", "W")):
        return "conversations.list"
    return METHODS[act]


class Work(msgspec.Struct, frozen=True):
    """A claimed conversation and the one thing to be done there."""

    act: Act
    token: str
    message_id: int
    conversation_id: int
    workspace: str
    target: str
    person: str
    channel: str
    subject: str
    is_primary: bool
    version: int
    due_since: datetime
    ts: str
    attempts: int
    degraded: int
    word: str
    delivery_id: str
    incident: int | None
    view: IncidentView | None
    entries: tuple[TimelineEntry, ...]
    is_broadcast: bool
    last_seq: int
    page: PageView | None
    home: str
    home_ts: str
    intent: str
    intent_at: datetime
    body: Rendered | None
    moved_to: str = ""
    """The incident went on elsewhere; here it ends with saying so."""


class Claimed(msgspec.Struct, frozen=True):
    """Works to do now, and when there may be more."""

    works: list[Work]
    next_due: datetime | None
    paced: list[str]
    """Methods for which something waited."""


_LONG_AGO = literal(EPOCH, InstantMs)
_first_word = message.c.ts == ""
_overdue = type_coerce(
    type_coerce(message.c.intent_at, BigInteger) + (LEASE + SEARCH_AFTER) // timedelta(milliseconds=1), InstantMs
)
_work_at = case(
    (message.c.delivery_id.is_not(None), _overdue),
    (message.c.notified_version < message.c.version, _LONG_AGO),
    else_=message.c.thread_due_at,
)
_ready_at = greatest(
    _work_at,
    conversation.c.next_at,
    func.coalesce(conversation.c.claimed_until, _LONG_AGO, type_=InstantMs()),
    func.coalesce(message.c.not_before, _LONG_AGO, type_=InstantMs()),
)
_ends = or_(incident.c.state == "resolved", message.c.moved_to != "")
_is_impatient = message.c.due_since <= bindparam("impatient", type_=InstantMs())
_class = case(
    (and_(message.c.subject.in_(("page", "note")), _first_word), 0),
    # Where first words come without end, what has waited for long goes every other time.
    (and_(_is_impatient, conversation.c.was_first_post), 1),
    (_first_word, 2),
    (or_(_is_impatient, _ends, message.c.thread_due_at <= bindparam("now", type_=InstantMs())), 3),
    else_=4,
)
_rank = case((_is_impatient, 99), else_=message.c.rank)
"""What has waited for long goes by age, whatever its severity."""
_OWED = and_(
    ~message.c.is_over,
    or_(
        message.c.notified_version < message.c.version,
        message.c.thread_due_at.is_not(None),
        message.c.delivery_id.is_not(None),
    ),
)
_is_edit = and_(message.c.ts != "", message.c.delivery_id.is_(None), conversation.c.channel != "")
_CANDIDATES = (
    select(message, conversation.c.workspace, conversation.c.target, conversation.c.person, conversation.c.channel)
    .add_columns(
        incident.c.state.label("incident_state"),
        conversation.c.claim_token.label("lapsed_token"),
        conversation.c.claimed_until.label("lapsed_at"),
    )
    .join(conversation, conversation.c.id == message.c.conversation)
    .outerjoin(incident, incident.c.number == message.c.incident)
    .where(_OWED, _ready_at <= bindparam("now", type_=InstantMs()))
    .where(or_(bindparam("may_edit"), ~_is_edit, message.c.thread_due_at <= bindparam("now", type_=InstantMs())))
    .order_by(_class, _rank.desc(), message.c.due_since, message.c.id)
    .limit(400)
)
_EDITS = (
    select(message.c.id)
    .join(conversation, conversation.c.id == message.c.conversation)
    .where(
        _OWED,
        _ready_at <= bindparam("now", type_=InstantMs()),
        _is_edit,
        message.c.notified_version < message.c.version,
    )
    .limit(1)
)
_NEXT = (
    select(func.min(_ready_at, type_=InstantMs()))
    .select_from(message.join(conversation, conversation.c.id == message.c.conversation))
    .where(_OWED, _ready_at > bindparam("now", type_=InstantMs()))
)


def claim(
    conn: Connection, now: datetime, *, instance: str, rates: Mapping[str, Rate], most: int, new_id: Callable[[], str]
) -> Claimed:
    """Claim up to `most` conversations, the best due item of each; write down what is about to be tried."""
    pacer = Pacer(conn, now, rates)
    works: list[Work] = []
    seen: set[int] = set()
    lapsed: set[int] = set()
    # Five hundred edits that wait for their pace must not keep a page from being seen.
    edits_wait = pacer.free(METHODS[Act.EDIT])
    if edits_wait is not None and conn.execute(_EDITS, {"now": now}).first() is not None:
        pacer.send_away(METHODS[Act.EDIT], edits_wait)
    wanted = {"now": now, "impatient": now - PATIENCE, "may_edit": edits_wait is None}
    for row in conn.execute(_CANDIDATES, wanted).fetchall():
        if len(works) >= most:
            break
        if row.conversation in seen:
            continue
        if row.lapsed_token is not None:
            if row.conversation not in lapsed:
                _let_rest(conn, row.conversation, row.lapsed_at + SEARCH_AFTER)
                lapsed.add(row.conversation)
            if _may_be_edited_late(row) and row.lapsed_at + SEARCH_AFTER > now:
                continue
        if row.subject == "note" and row.ts == "" and not _is_page_notified(conn, row):
            continue
        if _is_pointless(conn, row):
            _drop(conn, row, now)
            continue
        act = _act(row, now, pacer)
        if act is None:
            continue
        seen.add(row.conversation)
        works.append(_take(conn, row, act, now, instance=instance, token=new_id()))
    pacer.save()
    next_due = conn.execute(_NEXT, {"now": now}).scalar()
    waits = [at for at in (next_due, pacer.free_at) if at is not None]
    return Claimed(works, min(waits, default=None), sorted(pacer.waited))


def _let_rest(conn: Connection, conversation_id: int, until: datetime) -> None:
    """A claim ran out without an outcome: whoever held it may have sent an edit that takes effect yet. It must not have
    the last word, so what was to be edited there waits until it has happened or never will."""
    edits = (message.c.conversation == conversation_id) & (message.c.ts != "")
    edits &= message.c.notified_version < message.c.version
    waits = greatest(func.coalesce(message.c.not_before, _LONG_AGO, type_=InstantMs()), literal(until, InstantMs))
    conn.execute(update(message).where(edits).values(not_before=waits))
    mine = conversation.c.id == conversation_id
    conn.execute(update(conversation).where(mine).values(claim_token=None, claimed_until=None))


def _may_be_edited_late(row: Row[tuple[object, ...]]) -> bool:
    return bool(row.ts != "" and row.notified_version < row.version)


def _act(row: Row[tuple[object, ...]], now: datetime, pacer: Pacer) -> Act | None:
    """The first thing that this message needs and the pace allows."""
    is_end = row.incident_state == "resolved" or row.moved_to != ""
    if row.channel == "":
        wanted = [Act.RESOLVE]
    elif row.delivery_id is not None:
        wanted = [Act.FIND]
    elif row.ts == "":
        wanted = [Act.POST]
    else:
        wanted = [Act.EDIT] if row.notified_version < row.version else []
        if row.thread_due_at is not None and row.thread_due_at <= now:
            wanted.append(Act.REPLY)
        if is_end and row.due_since <= now - UNEDITABLE:
            wanted.reverse()
    is_news = row.subject != "incident" or row.ts == "" or is_end
    return next((act for act in wanted if pacer.take(row.workspace, method_of(act, row.target), is_news=is_news)), None)


def _is_page_notified(conn: Connection, row: Row[tuple[object, ...]]) -> bool:
    """What follows a page waits for it, and goes with it when it is dropped in this very claim or was refused."""
    the_page = (message.c.subject == "page") & (message.c.page == row.page)
    found = conn.execute(
        select(message.c.ts, message.c.is_over)
        .where(the_page, message.c.conversation == row.conversation)
        .order_by(message.c.id)
    ).first()
    if found is None:  # forgotten with its incident
        return False
    if found.is_over and found.ts == "":
        conn.execute(update(message).where(message.c.id == row.id).values(is_over=True, notified_version=row.version))
    return bool(found.ts != "")


def _is_pointless(conn: Connection, row: Row[tuple[object, ...]]) -> bool:
    """A direct message whose matter is over before anybody was told of it; a channel that would hear only the move."""
    if row.ts == "" and row.delivery_id is None and row.moved_to != "":
        return True
    if row.ts != "" or row.delivery_id is not None or row.subject not in {"page", "note"}:
        return False
    if row.subject == "page":
        return bool(row.incident_state == "resolved")
    kind = conn.execute(
        select(timeline.c.kind).where(timeline.c.incident == row.incident, timeline.c.seq == row.entry)
    ).scalar_one()
    return bool((kind == EntryKind.ALL_RESOLVED.value) != (row.incident_state == "resolved"))


def _drop(conn: Connection, row: Row[tuple[object, ...]], now: datetime) -> None:
    conn.execute(update(message).where(message.c.id == row.id).values(is_over=True, notified_version=row.version))
    if row.subject != "page":
        return
    conn.execute(
        update(message)
        .where(
            message.c.subject == "note",
            message.c.page == row.page,
            message.c.conversation == row.conversation,
            message.c.ts == "",
        )
        .values(is_over=True, notified_version=message.c.version)
    )
    seq = incidents.get(conn, row.incident).seq + 1
    dropped = TimelineEntry(
        seq=seq, at=now, kind=EntryKind.PAGE_DROPPED, people=(row.person,), detail="over before it could be delivered"
    )
    incidents.append(conn, row.incident, [(dropped, None, False)])
    incidents.advance(conn, row.incident, seq)


def _take(
    conn: Connection, row: Row[tuple[object, ...]], act: Act, now: datetime, *, instance: str, token: str
) -> Work:
    conn.execute(
        update(conversation)
        .where(conversation.c.id == row.conversation)
        .values(claimed_until=now + LEASE, claim_token=token, was_first_post=act is Act.POST)
    )
    current = incidents.get(conn, row.incident) if row.incident is not None else None
    said = (
        incidents.entries(conn, row.incident, after=_after(row, act))
        if current is not None and act in {Act.REPLY, Act.POST}
        else []
    )
    if row.subject == "note":
        said = [one for one in incidents.entries(conn, row.incident) if one.entry.seq == row.entry]
    last_seq = _told_with(conn, row, act, current)
    delivery_id = row.delivery_id or ""
    if act in {Act.POST, Act.REPLY}:
        sequence = row.posts if act is Act.POST else f"{row.ts}/{last_seq}"
        delivery_id = str(uuid.uuid5(_IDS, f"{instance}/{row.id}/{act.value}/{sequence}"))
        conn.execute(
            update(message)
            .where(message.c.id == row.id)
            .values(
                delivery_id=delivery_id,
                intent=act.value,
                intent_version=row.version,
                intent_seq=last_seq,
                intent_at=now,
            )
        )
    home, home_ts = _home(conn, row) if row.incident is not None else ("", "")
    heard = tuple(one.entry for one in said if one.say_at is not None or row.subject == "note")
    is_over = current is not None and current.standing.state is State.RESOLVED
    return Work(
        act=act,
        token=token,
        message_id=row.id,
        conversation_id=row.conversation,
        workspace=row.workspace,
        target=row.target,
        person=row.person,
        channel=row.channel,
        subject=row.subject,
        is_primary=row.is_primary,
        version=row.version,
        due_since=row.due_since,
        ts=row.ts,
        attempts=row.attempts,
        degraded=row.degraded,
        word=row.word,
        delivery_id=delivery_id,
        incident=row.incident,
        view=current.view if current is not None else None,
        entries=heard,
        is_broadcast=act is Act.REPLY
        and row.is_primary
        and any(one.is_broadcast for one in said if not is_over or _is_end(one)),
        last_seq=row.intent_seq if act is Act.FIND else last_seq,
        page=_page(conn, row, home, home_ts),
        home=home,
        home_ts=home_ts,
        intent=row.intent or "",
        intent_at=row.intent_at or now,
        body=None if row.body is None else msgspec.json.decode(row.body, type=Rendered),
        moved_to=row.moved_to,
    )


def _is_end(said: incidents.TimelineLine) -> bool:
    """Bad news that comes after the end makes no sound any more; the end itself may."""
    return said.entry.kind is EntryKind.ALL_RESOLVED


_NOT_IN_MESSAGE = frozenset({EntryKind.NOBODY_ON_CALL, EntryKind.PAGE_REFUSED})
"""What no edit shows: the thread says it even when it was written before the message stood."""


def _told_with(conn: Connection, row: Row[tuple[object, ...]], act: Act, current: incidents.Incident | None) -> int:
    """The last timeline entry that needs no line of its own once this act is done."""
    if current is None:
        return 0
    if act is Act.POST and row.is_primary and current.standing.state is not State.RESOLVED:
        for one in incidents.entries(conn, current.number, after=row.thread_seq):
            if one.entry.kind in _NOT_IN_MESSAGE and one.say_at is not None:
                return one.entry.seq - 1
    return current.seq


def _after(row: Row[tuple[object, ...]], act: Act) -> int:
    return int(row.thread_seq) if act is Act.REPLY else 1 << 40


def _home(conn: Connection, row: Row[tuple[object, ...]]) -> tuple[str, str]:
    query = (
        select(conversation.c.channel, conversation.c.target, message.c.ts)
        .join(conversation, conversation.c.id == message.c.conversation)
        .where(message.c.incident == row.incident, message.c.subject == "incident", message.c.is_primary)
    )
    found = conn.execute(query).first()
    return ("", "") if found is None else (found.channel or found.target, found.ts)


def _page(conn: Connection, row: Row[tuple[object, ...]], home: str, home_ts: str) -> PageView | None:
    if row.page is None:
        return None
    found = conn.execute(select(page.c.why, page.c.next_step).where(page.c.id == row.page)).one()
    return PageView(why=found.why, next_step=found.next_step, home=home, home_ts=home_ts)


def release(conn: Connection, work: Work, *, next_at: datetime | None, **changes: object) -> bool:
    """Give the conversation back, if the claim is still ours. False: it was lost, and nothing was written."""
    ours = (conversation.c.id == work.conversation_id) & (conversation.c.claim_token == work.token)
    values: dict[str, object] = {"claimed_until": None, "claim_token": None, **changes}
    if next_at is not None:
        values["next_at"] = next_at
    return conn.execute(update(conversation).where(ours).values(values)).rowcount == 1


def change(conn: Connection, work: Work, **values: object) -> None:
    """What became of the message."""
    conn.execute(update(message).where(message.c.id == work.message_id).values(values))


def edit_again(conn: Connection, work: Work, *, not_before: datetime) -> None:
    """An edit that may take effect late must not have the last word: it is sent once more."""
    behind = case(
        (message.c.notified_version < message.c.version, message.c.notified_version), else_=message.c.version - 1
    )
    conn.execute(
        update(message).where(message.c.id == work.message_id).values(notified_version=behind, not_before=not_before)
    )


def next_line(conn: Connection, incident_number: int, after: int) -> datetime | None:
    """When the thread is to hear of what came after an entry."""
    query = select(func.min(timeline.c.say_at)).where(timeline.c.incident == incident_number, timeline.c.seq > after)
    return conn.execute(query).scalar()


def move_to(conn: Connection, work: Work, conversation_id: int, *, word: str, now: datetime) -> None:
    """The channel refuses: the message begins anew elsewhere, and says why."""
    conn.execute(
        update(message)
        .where(message.c.id == work.message_id)
        .values(
            conversation=conversation_id,
            ts="",
            notified_version=0,
            posts=message.c.posts + 1,
            word=word,
            delivery_id=None,
            intent=None,
            not_before=None,
            attempts=0,
            due_since=now,
        )
    )


def clamp_claims(conn: Connection, now: datetime) -> None:
    """After a start or a step of the clock: no lease and no pace lies further ahead than its own length."""
    far = now + LEASE
    conn.execute(update(message).where(message.c.intent_at > now).values(intent_at=now))
    conn.execute(update(message).where(message.c.due_since > now).values(due_since=now))
    conn.execute(update(conversation).where(conversation.c.claimed_until > far).values(claimed_until=far))
    conn.execute(update(conversation).where(conversation.c.next_at > now + timedelta(minutes=1)).values(next_at=now))


def begin_anew(conn: Connection, work: Work, *, now: datetime, error: str) -> None:
    """The message is gone from Slack, or closed to edits: post it again; its thread goes on there."""
    conn.execute(
        update(message)
        .where(message.c.id == work.message_id)
        .values(
            ts="",
            notified_version=0,
            posts=message.c.posts + 1,
            delivery_id=None,
            intent=None,
            not_before=None,
            last_error=error,
            due_since=now,
        )
    )


def intent_version(conn: Connection, work: Work) -> int:
    """The version that a post of unknown outcome told, now that it was found."""
    return int(conn.execute(select(message.c.intent_version).where(message.c.id == work.message_id)).scalar_one())
