"""What is next for a message, and what an answer makes of it: cell by cell, without a store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from router.core.answer import Answer, Outcome
from router.core.content import Subject
from router.core.delivery import (
    LATE_EFFECT,
    UNEDITABLE,
    UNREADABLE_AGAIN_AFTER,
    WORKSPACE_AGAIN_AFTER,
    Act,
    Anew,
    Block,
    Capability,
    CatchUp,
    Change,
    Drop,
    Elsewhere,
    Intent,
    LookedUp,
    MessageState,
    Next,
    NotSent,
    NotThere,
    Over,
    Passed,
    Policy,
    Rest,
    Terms,
    Told,
    Unsure,
    after,
    again_after,
    next_act,
)
from router.core.urgency import END_PATIENCE, PATIENCE, Candidate, urgency
from router.core.view import Phase

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ALL = frozenset(Capability) - {Capability.IDEMPOTENT}
ONCE = frozenset({Capability.IDEMPOTENT})
TOLD_OF_ACTS = ONCE | {Capability.ACKNOWLEDGE}
NEW = MessageState(
    subject=Subject.INCIDENT,
    target="#db",
    channel="C1",
    ts="",
    posts=0,
    version=1,
    notified_version=0,
    due_since=NOW,
    thread_due_at=None,
    not_before=None,
    intent=None,
    attempts=0,
    degraded=0,
    tells_end=False,
    end_notified=False,
)
STANDS = msgspec.structs.replace(NEW, ts="1.1", posts=1, version=2, notified_version=1)
TRUE = msgspec.structs.replace(STANDS, notified_version=2)
JUST_TRIED = Intent(Act.POST, "key", NOW - SECOND, NOW, version=1, seq=4)
DOUBT = Intent(Act.POST, "key", NOW - MINUTE, NOW - SECOND, version=1, seq=4)
PAGE = msgspec.structs.replace(NEW, subject=Subject.PAGE, target="U1")
NOTE = msgspec.structs.replace(PAGE, subject=Subject.NOTE, page_stands=True)


def be(state: MessageState, **values: Any) -> MessageState:
    return msgspec.structs.replace(state, **values)


@pytest.mark.parametrize(
    ("state", "can", "then"),
    [
        (NEW, ALL, (Act.POST,)),
        (be(NEW, channel=""), ALL, (Act.LOOK_UP,)),
        (be(NEW, channel=""), ONCE, (Act.POST,)),
        (be(NEW, not_before=NOW + SECOND), ALL, ()),
        (be(NEW, not_before=NOW), ALL, (Act.POST,)),
        (be(NEW, is_resolved=True), ALL, Drop.OVER),
        (be(NEW, is_resolved=True, posts=1), ALL, (Act.POST,)),
        (be(NEW, is_resolved=True, intent=DOUBT), ALL, (Act.FIND,)),
        (be(NEW, moved_to="#b"), ALL, Drop.MOVED),
        (be(NEW, notified_version=1, thread_due_at=NOW), ALL, CatchUp()),
        (be(NEW, intent=DOUBT), ALL, (Act.FIND,)),
        (be(NEW, intent=DOUBT, channel=""), ALL, (Act.LOOK_UP,)),
        (be(NEW, intent=DOUBT), ONCE, (Act.POST,)),
        (be(NEW, intent=DOUBT), frozenset(), (Act.FIND,)),
        (PAGE, ALL, (Act.POST,)),
        (be(PAGE, is_resolved=True), ALL, Drop.OVER),
        (NOTE, ALL, (Act.POST,)),
        (be(NOTE, page_stands=False), ALL, ()),
        (be(NOTE, page_stands=None), ALL, Drop.UNPAGED),
        (be(NOTE, is_resolved=True), ALL, Drop.OVER),
        (be(PAGE, taken_on_at=NOW), ALL, Drop.TAKEN_ON),
        (be(PAGE, taken_on_at=NOW - timedelta(hours=1)), ALL, (Act.POST,)),
        (be(NOTE, taken_on_at=NOW), ALL, Drop.TAKEN_ON),
        (be(NOTE, taken_on_at=NOW, entry_is_end=True, is_resolved=True), ALL, (Act.POST,)),
        (be(NEW, taken_on_at=NOW), ALL, (Act.POST,)),
        (be(NOTE, entry_is_end=True), ALL, Drop.OVER),
        (be(NOTE, entry_is_end=True, is_resolved=True), ALL, (Act.POST,)),
        (STANDS, ALL, (Act.EDIT,)),
        (TRUE, ALL, ()),
        (be(TRUE, thread_due_at=NOW), ALL, (Act.REPLY,)),
        (be(TRUE, thread_due_at=NOW + SECOND), ALL, ()),
        (be(STANDS, thread_due_at=NOW), ALL, (Act.EDIT, Act.REPLY)),
        (be(STANDS, thread_due_at=NOW, tells_end=True), ALL, (Act.EDIT, Act.REPLY)),
        (be(STANDS, thread_due_at=NOW, tells_end=True, due_since=NOW - UNEDITABLE), ALL, (Act.REPLY, Act.EDIT)),
        (be(STANDS, thread_due_at=NOW, due_since=NOW - UNEDITABLE), ALL, (Act.EDIT, Act.REPLY)),
        (STANDS, ONCE, CatchUp()),
        (be(STANDS, tells_end=True), ONCE, (Act.POST,)),
        (be(STANDS, tells_end=True, end_notified=True), ONCE, CatchUp()),
        (be(STANDS, end_notified=True), ONCE, CatchUp()),
        (be(STANDS, ring_version=2), ONCE, (Act.POST,)),
        (be(STANDS, ring_version=1), ONCE, CatchUp()),
        (be(STANDS, ring_version=2, ring_phase=Phase.ACKNOWLEDGED), ONCE, CatchUp()),
        (be(STANDS, ring_version=2, ring_phase=Phase.ACKNOWLEDGED), TOLD_OF_ACTS, (Act.POST,)),
        (be(NEW, ring_version=1, ring_phase=Phase.ACKNOWLEDGED), TOLD_OF_ACTS, (Act.POST,)),
        (be(NEW, ring_version=1, ring_phase=Phase.ACKNOWLEDGED, only_wakes=True), TOLD_OF_ACTS, Drop.TAKEN_ON),
        (be(STANDS, intent=JUST_TRIED, ring_version=2), TOLD_OF_ACTS, Rest(NOW - SECOND + LATE_EFFECT)),
        (be(STANDS, intent=JUST_TRIED, ring_version=1), TOLD_OF_ACTS, (Act.POST,)),
        (be(STANDS, ring_version=2, tells_end=True, end_notified=True), ONCE, CatchUp()),
        (be(NEW, is_resolved=True, is_known_elsewhere=True), ALL, (Act.POST,)),
        (be(NEW, intent=DOUBT, tells_end=True), ONCE, (Act.POST,)),
        (be(NEW, intent=JUST_TRIED, tells_end=True), ONCE, Rest(NOW - SECOND + LATE_EFFECT)),
        (be(NEW, intent=JUST_TRIED), ONCE, (Act.POST,)),
        (be(TRUE, thread_due_at=NOW), ONCE, CatchUp()),
        (be(STANDS, thread_due_at=NOW), frozenset({Capability.EDIT}), (Act.EDIT,)),
    ],
)
def test_what_is_next(state: MessageState, can: frozenset[Capability], then: Next) -> None:
    assert next_act(state, NOW, can) == then


def test_what_may_have_happened_is_left_until_it_has_or_never_will() -> None:
    state = be(NEW, intent=msgspec.structs.replace(DOUBT, due_at=NOW + SECOND))
    assert next_act(state, NOW, ALL) == next_act(state, NOW, ONCE) == ()


def settled(state: MessageState, act: Act, answer: Answer | Outcome, **policy: Any) -> Change:
    found = answer if isinstance(answer, Answer) else Answer(answer, error="e")
    terms = Terms(policy.pop("can", ALL), {}, SECOND)
    return after(state, act, found, NOW, seq=7, delay=4 * SECOND, policy=Policy(terms, **policy))


SENT = NotSent("e")


@pytest.mark.parametrize(
    ("state", "act", "outcome", "effect"),
    [
        (NEW, Act.POST, Outcome.DELIVERED, Told(Act.POST, 1, 7)),
        (STANDS, Act.EDIT, Outcome.DELIVERED, Told(Act.EDIT, 2, 7)),
        (be(NEW, channel=""), Act.LOOK_UP, Outcome.DELIVERED, LookedUp("")),
        (be(NEW, intent=DOUBT, version=3), Act.FIND, Outcome.DELIVERED, Told(Act.POST, 1, 4, was_found=True)),
        (be(NEW, intent=DOUBT), Act.FIND, Outcome.NOT_FOUND, NotThere("e")),
        (be(NEW, intent=DOUBT), Act.FIND, Outcome.UNSEARCHABLE, NotThere("e")),
        (NEW, Act.POST, Outcome.RETRY, NotSent("e", NOW + 4 * SECOND, 1)),
        (be(NEW, intent=DOUBT), Act.FIND, Outcome.RETRY, NotSent("e", NOW + 4 * SECOND, 1, keeps_intent=True)),
        (NEW, Act.POST, Outcome.UNKNOWN, Unsure("e", 1)),
        (STANDS, Act.EDIT, Outcome.UNKNOWN, Unsure("e", 1, edit_again_at=NOW + LATE_EFFECT)),
        (be(NEW, intent=DOUBT), Act.FIND, Outcome.UNKNOWN, Unsure("e", 1, not_before=NOW + 4 * SECOND)),
        (NEW, Act.POST, Outcome.MESSAGE_REFUSED, NotSent("e", degraded=1)),
        (
            be(NEW, degraded=2),
            Act.POST,
            Outcome.MESSAGE_REFUSED,
            NotSent("e", NOW + UNREADABLE_AGAIN_AFTER, degraded=2),
        ),
        (STANDS, Act.EDIT, Outcome.ANCHOR_LOST, Anew("e")),
        (be(STANDS, moved_to="#b"), Act.EDIT, Outcome.ANCHOR_LOST, Over("e")),
        (STANDS, Act.EDIT, Outcome.EDIT_CLOSED, Passed("e", version=2)),
        (be(STANDS, tells_end=True), Act.EDIT, Outcome.EDIT_CLOSED, Anew("e")),
        (be(STANDS, moved_to="#b"), Act.EDIT, Outcome.EDIT_CLOSED, Over("e")),
        (NEW, Act.POST, Outcome.WORKSPACE_REFUSED, SENT),
        (PAGE, Act.POST, Outcome.CHANNEL_REFUSED, Over("e", is_page=True)),
        (NOTE, Act.POST, Outcome.CHANNEL_REFUSED, Over("e")),
        (be(PAGE, ts="1.1"), Act.EDIT, Outcome.CHANNEL_REFUSED, SENT),
        (NEW, Act.POST, Outcome.CHANNEL_REFUSED, SENT),
    ],
)
def test_what_an_answer_makes_of_it(state: MessageState, act: Act, outcome: Outcome, effect: object) -> None:
    assert settled(state, act, outcome).effect == effect


@pytest.mark.parametrize(
    ("state", "act", "goes"),
    [
        (NEW, Act.POST, True),
        (be(NEW, channel=""), Act.LOOK_UP, True),
        (be(NEW, subject=Subject.POST), Act.POST, True),
        (STANDS, Act.EDIT, False),
        (be(STANDS, refused_since=NOW - MINUTE), Act.EDIT, True),
        (be(NEW, stands_in=True), Act.POST, False),
        (be(NEW, target="#fallback"), Act.POST, False),
        (be(NEW, intent=DOUBT), Act.FIND, False),
        (be(NEW, intent=DOUBT, channel=""), Act.LOOK_UP, False),
        (be(STANDS, moved_to="#b", refused_since=NOW - MINUTE), Act.EDIT, False),
        (be(PAGE, ts="1.1", refused_since=NOW - MINUTE), Act.EDIT, False),
    ],
)
def test_what_is_told_in_the_fallback_channel_when_its_own_refuses(state: MessageState, act: Act, goes: bool) -> None:
    change = settled(state, act, Outcome.CHANNEL_REFUSED, fallback="#fallback")
    assert isinstance(change.effect, Elsewhere if goes else NotSent)
    assert (change.hold.refused, change.hold.next_at is not None) == ("e", True)


def test_a_search_that_is_refused_leaves_the_doubt_open() -> None:
    effect = settled(be(NEW, intent=DOUBT), Act.FIND, Outcome.CHANNEL_REFUSED, fallback="#fallback").effect
    assert effect == NotSent("e", keeps_intent=True)


@pytest.mark.parametrize(("act", "left"), [(Act.POST, Over("e")), (Act.REPLY, Passed("e", seq=4))])
def test_what_cannot_be_looked_for_is_left_where_that_is_the_lesser_mistake(act: Act, left: object) -> None:
    state = be(NEW, intent=msgspec.structs.replace(DOUBT, act=act))
    assert settled(state, Act.FIND, Outcome.UNSEARCHABLE, posts_again=False).effect == left


def test_what_may_be_sent_twice_is_sent_again_soon() -> None:
    assert settled(NEW, Act.POST, Outcome.UNKNOWN, can=ONCE).effect == Unsure("e", 1, look_at=NOW + 4 * SECOND)
    again = settled(be(NEW, intent=DOUBT), Act.POST, Outcome.RETRY, can=ONCE).effect
    assert again == NotSent("e", NOW + 4 * SECOND, 1, keeps_intent=True, look_at=NOW)


@pytest.mark.parametrize("act", list(Act))
def test_posts_alone_keep_their_distance(act: Act) -> None:
    hold = settled(be(STANDS, intent=DOUBT if act is Act.FIND else None), act, Outcome.DELIVERED).hold
    assert hold.next_post_at == (NOW + SECOND if act in {Act.POST, Act.REPLY} else None)
    assert (hold.next_at, hold.refused) == (None, "")


def test_a_limit_is_its_methods_and_a_refusal_of_all_everyones() -> None:
    limited = settled(NEW, Act.POST, Answer(Outcome.RETRY, is_rate_limit=True))
    assert (limited.block, limited.hold.next_at) == (Block(NOW + 4 * SECOND, "post"), None)
    assert settled(NEW, Act.POST, Outcome.RETRY).hold.next_at == NOW + 4 * SECOND
    assert settled(NEW, Act.POST, Outcome.WORKSPACE_REFUSED).block == Block(NOW + WORKSPACE_AGAIN_AFTER)


@pytest.mark.parametrize(
    ("refused_for", "seconds"),
    [(timedelta(0), 5), (MINUTE, 5), (5 * MINUTE, 15), (30 * MINUTE, 30), (60 * MINUTE, 30), (1_440 * MINUTE, 600)],
)
def test_who_refuses_is_asked_again_ever_less_often(refused_for: timedelta, seconds: int) -> None:
    assert again_after(refused_for) == timedelta(seconds=seconds)


FIRST = Candidate(Act.POST, Subject.INCIDENT, is_first=True, tells_end=False, rank=2, since=NOW)
CHANGED = Candidate(Act.EDIT, Subject.INCIDENT, is_first=False, tells_end=False, rank=4, since=NOW)
LINE = Candidate(Act.REPLY, Subject.INCIDENT, is_first=False, tells_end=False, rank=4, since=NOW)


def ready(candidate: Candidate, **values: Any) -> Candidate:
    return msgspec.structs.replace(candidate, **values)


def test_the_most_urgent_goes_first() -> None:
    first_to_last = [
        ready(FIRST, subject=Subject.PAGE),
        ready(CHANGED, tells_end=True, since=NOW - END_PATIENCE),
        ready(FIRST, rank=0, since=NOW - PATIENCE, is_ages_turn=True),
        ready(FIRST, rank=4),
        FIRST,
        ready(FIRST, rank=0, since=NOW - PATIENCE),
        ready(LINE, since=NOW - PATIENCE),
        ready(CHANGED, tells_end=True),
        CHANGED,
    ]
    mixed = first_to_last[::-1]
    assert sorted(mixed, key=lambda one: urgency(one, NOW)) == first_to_last
    assert urgency(ready(LINE, since=NOW - PATIENCE, is_ages_turn=True), NOW) < urgency(ready(FIRST, rank=4), NOW)
