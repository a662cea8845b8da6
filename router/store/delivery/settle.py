"""What came of a call, written down: the message, its conversation and its notifier's pace in one transaction.

Guarded by the claim: whoever lost it writes nothing but that an edit must be made once more.
"""

from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy import ClauseElement, Connection, bindparam, case, func, literal, text, update

from router.core.content import Subject
from router.core.delivery import (
    LATE_EFFECT,
    LEASE,
    Act,
    Anew,
    Change,
    Elsewhere,
    FallsBack,
    Hold,
    LookedUp,
    NotSent,
    NotThere,
    Over,
    Passed,
    Told,
    Unsure,
)
from router.store.delivery import elsewhere, fallbacks, pace
from router.store.delivery.claim import Work
from router.store.evaluation import incidents
from router.store.tables import IN_DOUBT, IS_REFUSED, OWED, InstantMs, conversation, message
from rules.model.webhook import Fallback

_ENDED_INTENT: dict[str, object] = {"delivery_id": None, "intent": None}


def settle(conn: Connection, work: Work, change: Change, now: datetime, fallback: Fallback | None = None) -> bool:
    """False: the claim was lost, and nothing of it was written. `fallback`: whom to call where the change says so."""
    if not release(conn, work, change.hold, now):
        if work.act is Act.EDIT:
            edit_again(conn, work, not_before=now + LATE_EFFECT)
        return False
    if change.block is not None:
        pace.block(conn, work.notifier, change.block.method, until=change.block.until)
    _message(conn, work, change, now)
    if change.is_reached is not None:
        pace.note_reached(conn, work.notifier, None if change.is_reached else now)
    if change.is_reached is False and fallback is not None:
        fallbacks.away(conn, work.notifier, fallback, now)
    if change.falls_back is not None and fallback is not None:
        _call_fallback(conn, work, change.falls_back, fallback, now)
    if isinstance(change.effect, Told | LookedUp) and pace.unblock(conn, work.notifier):
        _ask_again(conn, work.notifier, now)
    return True


def _call_fallback(conn: Connection, work: Work, why: FallsBack, wanted: Fallback, now: datetime) -> None:
    if work.incident is not None:
        is_alone = why.is_refusal and not why.is_whole
        refused = work.message_id if is_alone else None
        fallbacks.call(conn, work.incident, work.state.subject, work.notifier, wanted, why, now, refused=refused)
        _set(conn, work, {"fell_back": True})
    if why.is_whole:
        fallbacks.refused_whole(conn, work.notifier, wanted, why, now)


def _message(conn: Connection, work: Work, change: Change, now: datetime) -> None:
    match change.effect:
        case Told() as told:
            _told(conn, work, told, now)
        case LookedUp(channel):
            known = conversation.c.id == work.conversation_id
            conn.execute(update(conversation).where(known).values(channel=channel))
        case NotSent() as not_sent:
            values: dict[str, object] = {
                "not_before": not_sent.not_before,
                "attempts": not_sent.attempts,
                "degraded": not_sent.degraded,
                "last_error": not_sent.error,
            }
            values |= {} if not_sent.look_at is None else {"intent_due_at": not_sent.look_at}
            _set(conn, work, values if not_sent.keeps_intent else values | _ENDED_INTENT)
        case Unsure() as unsure:
            if unsure.edit_again_at is not None:
                edit_again(conn, work, not_before=unsure.edit_again_at)
            values = {"attempts": unsure.attempts, "last_error": unsure.error}
            values |= {} if unsure.not_before is None else {"not_before": unsure.not_before}
            _set(conn, work, values | ({} if unsure.look_at is None else {"intent_due_at": unsure.look_at}))
        case NotThere(error):
            _set(conn, work, {"not_before": None, "last_error": error} | _ENDED_INTENT)
        case Anew(error):
            _set(conn, work, _begun_anew(now) | {"last_error": error})
        case Passed() as passed:
            values = {"last_error": passed.error} | _ENDED_INTENT
            values |= {} if passed.version is None else {"notified_version": passed.version}
            _set(conn, work, values if passed.seq is None else values | thread(conn, work, passed.seq))
        case Over() as over:
            gone = {"is_over": True, "notified_version": message.c.version, "thread_due_at": None}
            _set(conn, work, gone | {"last_error": over.error} | _ENDED_INTENT)
        case Elsewhere() as where:
            _set(conn, work, {"last_error": where.error} | _ENDED_INTENT)
            elsewhere.go(conn, work, where, now)
        case never:
            assert_never(never)


def _told(conn: Connection, work: Work, told: Told, now: datetime) -> None:
    done: dict[str, object] = {"attempts": 0, "not_before": None, "last_error": "", "notified_at": now} | _ENDED_INTENT
    if told.act in {Act.POST, Act.EDIT}:
        done |= {"notified_version": told.version, "end_notified": work.state.tells_end}
    if told.act is Act.POST:
        done |= {"ts": told.ts, "posts": message.c.posts + 1, "told_phase": told.told_as.value}
    if told.is_part:  # the next call tells the rest
        rings_on = case((message.c.ring_version < told.version, told.version), else_=message.c.ring_version)
        done |= {"notified_version": told.version - 1, "ring_version": rings_on}
    if told.act in {Act.POST, Act.REPLY}:
        done |= thread(conn, work, told.seq)
    _set(conn, work, done)
    elsewhere.come_home(conn, work, now)
    if work.incident is not None and work.state.subject is Subject.INCIDENT:
        fallbacks.told(conn, work.incident, work.notifier, now)


def thread(conn: Connection, work: Work, seq: int) -> dict[str, object]:
    """The thread has heard everything up to there; when it is to hear of what came after."""
    if work.incident is None:
        return {}
    due_at = None
    if work.content.is_primary:
        due_at = incidents.next_line_at(conn, work.incident, seq)
    return {"thread_seq": seq, "thread_due_at": due_at}


def _begun_anew(now: datetime) -> dict[str, object]:
    """What stood is gone: another post, with another key."""
    anew = {"ts": "", "notified_version": 0, "posts": message.c.posts + 1, "not_before": None, "due_since": now}
    return anew | _ENDED_INTENT


_CHANGE = update(message).where(message.c.id == bindparam("b_id"))


def _set(conn: Connection, work: Work, values: dict[str, object]) -> None:
    """`values` may hold expressions, but only where something began anew: those are put together each time."""
    if any(isinstance(value, ClauseElement) for value in values.values()):
        conn.execute(update(message).where(message.c.id == work.message_id).values(values))
    else:
        conn.execute(_CHANGE, {"b_id": work.message_id, **values})


_RELEASE = update(conversation).where(
    conversation.c.id == bindparam("b_id"), conversation.c.claim_token == bindparam("b_token")
)


def release(conn: Connection, work: Work, hold: Hold, now: datetime) -> bool:
    """Give the conversation back, if the claim is still ours. False: it was lost, and nothing was written."""
    mine = {"b_id": work.conversation_id, "b_token": work.token}
    values: dict[str, object] = {"claimed_until": None, "claim_token": None}
    if hold.next_at is not None:
        values["next_at"] = hold.next_at
    if hold.next_post_at is not None:
        values["next_post_at"] = hold.next_post_at
    if hold.refused == "":
        values |= {"refused": "", "refused_at": None, "next_at": now}
    statement = _RELEASE
    if hold.refused:
        values["refused"] = hold.refused
        statement = _RELEASE.values(refused_at=func.coalesce(conversation.c.refused_at, literal(now, InstantMs)))
    return conn.execute(statement, {**mine, **values}).rowcount == 1


def _ask_again(conn: Connection, notifier: str, now: datetime) -> None:
    """Whoever refused everything takes calls again: what it refused of single conversations may be over too."""
    refused = update(conversation).where(conversation.c.notifier == notifier, text(IS_REFUSED))
    conn.execute(refused.values(next_at=now))


def edit_again(conn: Connection, work: Work, *, not_before: datetime) -> None:
    """An edit that may take effect late must not have the last word: it is sent once more."""
    behind = case(
        (message.c.notified_version < message.c.version, message.c.notified_version), else_=message.c.version - 1
    )
    _set(conn, work, {"notified_version": behind, "not_before": not_before})


def clamp_claims(conn: Connection, now: datetime) -> None:
    """After a start or a step of the clock: no lease and no pace lies further ahead than its own length."""
    far, doubt = now + LEASE, now + LEASE + LATE_EFFECT
    in_doubt, owed = text(IN_DOUBT), text(OWED)
    conn.execute(update(message).where(in_doubt, message.c.intent_at > now).values(intent_at=now))
    conn.execute(update(message).where(in_doubt, message.c.intent_due_at > doubt).values(intent_due_at=doubt))
    conn.execute(update(message).where(owed, message.c.due_since > now).values(due_since=now))
    conn.execute(update(conversation).where(conversation.c.claimed_until > far).values(claimed_until=far))
    soon = now + timedelta(minutes=1)
    conn.execute(update(conversation).where(conversation.c.next_at > soon).values(next_at=now))
    conn.execute(update(conversation).where(conversation.c.next_post_at > soon).values(next_post_at=now))
