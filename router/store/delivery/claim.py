"""What is claimed: one call per conversation in flight, the most urgent thing there that its notifier's pace allows.

The claim and, of a post or reply, its intent are committed before the call; `settle` writes down what came of it.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Row, bindparam, select, update

from router.core.content import Content, Mention, Subject
from router.core.delivery import (
    LATE_EFFECT,
    LEASE,
    Act,
    CatchUp,
    Drop,
    MessageState,
    Rest,
    Terms,
    next_act,
)
from router.core.urgency import Candidate, is_news, urgency
from router.core.view import EndKind, EntryKind, IncidentView, PageView, Phase, State, TimelineEntry
from router.store.delivery import owed
from router.store.delivery.pace import Pacer
from router.store.evaluation import incidents
from router.store.tables import conversation, message, page

ROUNDS = 50
"""How often one claim looks again after it has found only what need not be told."""
_IDS = uuid.UUID("5b0f6c0e-0c9f-4a9c-8b5e-6f6b2d1a7e10")
_NOWHERE = Terms()
"""Of a notifier that the configuration does not have any more."""


class Sender(msgspec.Struct, frozen=True):
    """What every content says of this router."""

    instance: str
    external_url: str = ""
    notifier: str = ""
    """The one that the channels and people of the rules belong to."""
    may_act: bool = False
    """People can act from what it tells."""


class Work(msgspec.Struct, frozen=True):
    """A claimed conversation and the one call to be made there."""

    act: Act
    token: str
    message_id: int
    conversation_id: int
    notifier: str
    person: str
    page: int | None
    incident: int | None
    state: MessageState
    """As it was when it was claimed."""
    content: Content
    key: str
    """The same on every retry; "" where nothing has one."""
    last_seq: int
    """The last timeline entry that needs no line of its own once this is done."""

    @property
    def channel(self) -> str:
        """Where to call: what a name was looked up to be, or itself."""
        return self.state.channel or self.state.target


class Claimed(msgspec.Struct, frozen=True):
    """Works to do now, and when there may be more."""

    works: list[Work]
    next_due: datetime | None
    paced: list[tuple[str, str]]
    """(notifier, method) for which something waited."""


def claim(
    conn: Connection,
    now: datetime,
    *,
    sender: Sender,
    terms: Mapping[str, Terms],
    most: int,
    new_id: Callable[[], str],
) -> Claimed:
    """Claim up to `most` conversations; write down what is about to be tried. `terms`: of each notifier, by name."""
    pacer = Pacer(conn, now, {name: one.rates for name, one in terms.items()})
    works: list[Work] = []
    waits: list[datetime] = []
    for _ in range(ROUNDS):
        open_ = _open(conn, now)
        waits = [one.next_at for one in open_ if one.next_at is not None]
        ready = _Ready(conn, now, [one for one in open_ if one.is_ready], terms)
        for call in ready.calls():
            if len(works) >= most:
                break
            if call.owing.id in ready.served:
                continue
            method = call.terms.method_of(call.candidate.act, call.state.target)
            if pacer.take(call.owing.notifier, method, is_news=is_news(call.candidate)):
                ready.served.add(call.owing.id)
                works.append(_take(conn, call, now, sender=sender, token=new_id()))
        waits += ready.waits
        if works or not ready.has_dropped:
            break
    else:
        waits.append(now)
    pacer.save()
    waits += [pacer.free_at] if pacer.free_at is not None else []
    return Claimed(works, min(waits, default=None), sorted(pacer.waited))


def _open(conn: Connection, now: datetime) -> list[owed.Owing]:
    """The conversations in which something is owed; those whose claim ran out let what was tried there rest."""
    found = owed.owing(conn, now)
    lapsed = [one.lapsed for one in found if one.lapsed is not None]
    if not lapsed:
        return found
    for token, message_id, at in lapsed:
        _let_rest(conn, token, message_id, at + LATE_EFFECT)
    return owed.owing(conn, now)


def _let_rest(conn: Connection, token: str, message_id: int, until: datetime) -> None:
    """A claim ran out without an outcome: whoever held it may have sent an edit that takes effect yet. It must not have
    the last word, so that message waits until it has happened or never will. A post has its intent."""
    mine = (message.c.id == message_id) & (message.c.ts != "") & message.c.delivery_id.is_(None)
    later = mine & (message.c.not_before.is_(None) | (message.c.not_before < until))
    conn.execute(update(message).where(later).values(not_before=until))
    claimed = conversation.c.claim_token == token
    mine_too = claimed & (conversation.c.claimed_message == message_id)
    conn.execute(update(conversation).where(mine_too).values(claim_token=None, claimed_until=None))


class _Call(msgspec.Struct, frozen=True):
    """A call that could be made now."""

    owing: owed.Owing
    row: Row[Any]
    state: MessageState
    candidate: Candidate
    terms: Terms


class _Ready:
    """What could be called in conversations that take a call now."""

    def __init__(
        self, conn: Connection, now: datetime, owing: Sequence[owed.Owing], terms: Mapping[str, Terms]
    ) -> None:
        self._conn, self._now = conn, now
        self.served: set[int] = set()
        self.waits: list[datetime] = []
        self.has_dropped = False
        """Something was found that need not be told: what waited behind it was not looked at."""
        self._calls: list[_Call] = []
        rows = owed.rows(conn, [head for one in owing for head in one.heads])
        for one in owing:
            for head in one.heads:
                self._look(one, rows[head], terms.get(one.notifier, _NOWHERE))

    def calls(self) -> list[_Call]:
        """The most urgent first."""
        return sorted(self._calls, key=lambda call: (*urgency(call.candidate, self._now), call.row.id))

    def _look(self, owing: owed.Owing, row: Row[Any], terms: Terms) -> None:
        state = owed.state_of(self._conn, row)
        match next_act(state, self._now, terms.capabilities):
            case Drop() as why:
                _drop(self._conn, row, why, self._now)
                self.has_dropped = True
            case CatchUp():
                _catch_up(self._conn, row, self._now)
                self.has_dropped = True
            case Rest(until):
                self._conn.execute(update(message).where(message.c.id == row.id).values(intent_due_at=until))
                self.has_dropped = True
            case acts:
                for act in acts:
                    self._could(owing, row, state, act, terms)

    def _could(self, owing: owed.Owing, row: Row[Any], state: MessageState, act: Act, terms: Terms) -> None:
        if act in {Act.POST, Act.REPLY} and owing.next_post_at is not None and owing.next_post_at > self._now:
            self.waits.append(owing.next_post_at)
            return
        candidate = Candidate(
            act=act,
            subject=state.subject,
            is_first=state.ts == "",
            tells_end=state.tells_end,
            rank=row.rank,
            since=(state.thread_due_at or state.due_since) if act is Act.REPLY else state.due_since,
            is_ages_turn=owing.posts % 2 == 1,
        )
        self._calls.append(_Call(owing, row, state, candidate, terms))


def _drop(conn: Connection, row: Row[Any], why: Drop, now: datetime) -> None:
    """It is not told. An incident's message stays: should it reopen, it is told then."""
    stays = row.subject == Subject.INCIDENT and row.page is None and why is Drop.OVER
    values = {"notified_version": row.version, "is_over": not stays, "thread_due_at": None, "not_before": None}
    conn.execute(update(message).where(message.c.id == row.id).values(values))
    if why not in {Drop.OVER, Drop.TAKEN_ON} or row.incident is None or row.notified_version > 0:
        return
    if row.subject == Subject.PAGE:
        detail = "over" if why is Drop.OVER else "in somebody's hands"
        entry = TimelineEntry(seq=0, at=now, kind=EntryKind.PAGE_DROPPED, people=(row.person,), detail=detail)
        incidents.add(conn, row.incident, entry, say_at=None, is_broadcast=False)
    elif row.subject == Subject.INCIDENT and why is Drop.TAKEN_ON:
        people = (f"webhook {row.target}",)
        entry = TimelineEntry(seq=0, at=now, kind=EntryKind.PAGE_DROPPED, people=people, detail="in somebody's hands")
        incidents.add(conn, row.incident, entry, say_at=None, is_broadcast=False)
    elif row.subject == Subject.INCIDENT:
        entry = TimelineEntry(seq=0, at=now, kind=EntryKind.NOT_POSTED, detail=row.target)
        incidents.add(conn, row.incident, entry, say_at=None, is_broadcast=False)


def _catch_up(conn: Connection, row: Row[Any], now: datetime) -> None:
    """What has changed is not told there."""
    values: dict[str, object] = {"notified_version": row.version, "attempts": 0}
    if row.thread_due_at is not None and row.thread_due_at <= now:
        values |= {"thread_due_at": None}
    conn.execute(update(message).where(message.c.id == row.id).values(values))


_CLAIM = (
    update(conversation)
    .where(conversation.c.id == bindparam("b_id"))
    .values(posts=conversation.c.posts + bindparam("b_posts", type_=BigInteger))
)
_CHANGE = update(message).where(message.c.id == bindparam("b_id"))


def _take(conn: Connection, call: _Call, now: datetime, *, sender: Sender, token: str) -> Work:
    row, state, act = call.row, call.state, call.candidate.act
    is_post = act in {Act.POST, Act.REPLY}
    claimed = {"claimed_until": now + LEASE, "claim_token": token, "claimed_message": row.id, "b_posts": int(is_post)}
    conn.execute(_CLAIM, {"b_id": row.conversation, **claimed})
    current = incidents.get(conn, row.incident) if row.incident is not None else None
    said = (
        incidents.entries(conn, row.incident, after=row.thread_seq) if current is not None and act is Act.REPLY else []
    )
    if row.subject == Subject.NOTE:
        said = incidents.entries(conn, row.incident, after=row.entry - 1, most=1)
    last_seq = _told_with(conn, row, act, current)
    key = state.intent.key if state.intent is not None else row.delivery_id or ""
    if is_post:
        # What is sent again without looking is the same only as long as it says the same.
        told = f"{row.posts}/end" if state.tells_end else f"{row.posts}"
        told += "" if state.tells_end or state.ring_phase is Phase.OPEN else f"/{state.ring_phase.value}"
        sequence = told if act is Act.POST else f"{row.ts}/{last_seq}"
        key = str(uuid.uuid5(_IDS, f"{sender.instance}/{row.id}/{act.value}/{sequence}"))
        intent = {
            "delivery_id": key,
            "intent": act.value,
            "intent_version": row.version,
            "intent_seq": last_seq,
            "intent_at": now,
            "intent_due_at": now + LEASE + LATE_EFFECT,
        }
        if act is Act.POST and state.ring_phase is Phase.ACKNOWLEDGED and state.told_phase is Phase.OPEN:
            intent["told_phase"] = Phase.ACKNOWLEDGED.value  # from now on it may be
        conn.execute(_CHANGE, {"b_id": row.id, **intent})
    is_over = current is not None and current.standing.state is State.RESOLVED
    home = _home(conn, row)
    return Work(
        act=act,
        token=token,
        message_id=row.id,
        conversation_id=row.conversation,
        notifier=row.notifier,
        person=row.person,
        page=row.page,
        incident=row.incident,
        state=state,
        content=Content(
            subject=state.subject,
            instance=sender.instance,
            external_url=sender.external_url,
            view=None if current is None else _as_moved(current.view, row.moved_to if act is not Act.REPLY else ""),
            entries=tuple(one.entry for one in said if one.say_at is not None or row.subject == Subject.NOTE),
            page=_page(conn, row, home, call.terms),
            text=row.text,
            mentions=_mentions(row.mentions) if row.mentions else (),
            is_primary=row.is_primary,
            recipient=row.target if row.person else "",
            home=_name(home),
            is_broadcast=act is Act.REPLY
            and row.is_primary
            and any(one.is_broadcast for one in said if not is_over or _is_end(one)),
            phase=state.ring_phase,
            told_phase=state.told_phase,
            may_act=sender.may_act and row.notifier == sender.notifier,
            notice=row.word,
            degraded=row.degraded,
        ),
        key=key,
        last_seq=last_seq,
    )


_mentions = msgspec.json.Decoder(tuple[Mention, ...]).decode


def _as_moved(view: IncidentView, moved_to: str) -> IncidentView:
    """As it is told where it went away from."""
    if not moved_to:
        return view
    return msgspec.structs.replace(view, state=State.RESOLVED, ended_how=EndKind.MOVED, moved_to=moved_to)


def _is_end(said: incidents.TimelineLine) -> bool:
    """Bad news that comes after the end makes no sound any more; the end itself may."""
    return said.entry.kind is EntryKind.ALL_RESOLVED


_NOT_IN_MESSAGE = frozenset({EntryKind.NOBODY_ON_CALL, EntryKind.PAGE_REFUSED, EntryKind.FALLBACK})
"""What no edit shows: the thread says it even when it was written before the message stood."""


def _told_with(conn: Connection, row: Row[Any], act: Act, current: incidents.Incident | None) -> int:
    """The last timeline entry that needs no line of its own once this act is done."""
    if current is None:
        return 0
    if act is Act.POST and row.is_primary:
        is_over = current.standing.state is State.RESOLVED
        told_apart = frozenset({EntryKind.FALLBACK}) if is_over else _NOT_IN_MESSAGE
        for one in incidents.entries(conn, current.number, after=row.thread_seq):
            is_apart = one.entry.kind in told_apart or (bool(one.entry.groups) and not is_over)
            if is_apart and one.say_at is not None:
                return one.entry.seq - 1
    return current.seq


_HOME = (
    select(conversation.c.channel, conversation.c.target, conversation.c.notifier, message.c.ts)
    .join(message, message.c.conversation == conversation.c.id)
    .where(message.c.incident == bindparam("incident", type_=BigInteger))
    .where(message.c.subject == Subject.INCIDENT, message.c.is_primary)
    .limit(1)
)
_PAGE = select(page.c.next_step, page.c.due_at, page.c.is_stopped).where(
    page.c.id == bindparam("page", type_=BigInteger)
)
_WHY = (
    select(message.c.text)
    .where(message.c.page == bindparam("page", type_=BigInteger), message.c.page.is_not(None))
    .where(message.c.conversation == bindparam("conversation", type_=BigInteger), message.c.subject == Subject.PAGE)
    .order_by(message.c.id.desc())  # one that was dropped may have been begun again
    .limit(1)
)


def _home(conn: Connection, row: Row[Any]) -> Row[Any] | None:
    """Where the thread is."""
    home: Any = None if row.incident is None else conn.execute(_HOME, {"incident": row.incident}).first()
    return home  # type: ignore[no-any-return]  # SQLAlchemy's rows are generic in their columns, others are handed on as any


def _name(home: Row[Any] | None) -> str:
    return "" if home is None else str(home.channel or home.target)


def _page(conn: Connection, row: Row[Any], home: Row[Any] | None, terms: Terms) -> PageView | None:
    if row.page is None:
        return None
    found = conn.execute(_PAGE, {"page": row.page}).one()
    permalink = terms.link_of(home.channel, home.ts) if home is not None and home.notifier == row.notifier else ""
    is_to_come = found.due_at is not None and not found.is_stopped
    return PageView(
        why=row.text or conn.execute(_WHY, {"page": row.page, "conversation": row.conversation}).scalar() or "",
        next_step=found.next_step if is_to_come else "",
        next_at=found.due_at if is_to_come else None,
        home=_name(home),
        permalink=permalink,
    )
