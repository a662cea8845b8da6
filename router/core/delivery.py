"""What is to be done next about one message, and what an answer makes of it. Pure: it is given the time and a state.

An intent without an outcome *is* an unknown outcome: nothing is posted again before it was looked for, nothing that may
stand is dropped. What a notifier cannot do is decided here from what it says of itself.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from router.core.answer import Answer, Outcome
from router.core.content import Subject
from router.core.view import Phase

LEASE = timedelta(seconds=20)
"""How long a claim lasts; a call is made only while more than its own longest time is left of it."""
LATE_EFFECT = timedelta(seconds=30)
"""What a call does after its answer was lost has happened by then, or never will."""
UNEDITABLE = timedelta(minutes=2)
"""An end that could not be edited for so long is told in the thread first."""
UNREADABLE_AGAIN_AFTER = timedelta(hours=1)
"""A message that is refused even as plain text."""
WORKSPACE_AGAIN_AFTER = timedelta(seconds=5)
ELSEWHERE_AFTER = timedelta(minutes=1)
"""What stands in a channel that refuses is told elsewhere once it has refused for so long; a first word is at once."""
_SOONEST, _SOON, _LATEST = timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=10)


class Act(StrEnum):
    """One call."""

    LOOK_UP = "look_up"
    POST = "post"
    EDIT = "edit"
    REPLY = "reply"
    FIND = "find"


class Capability(StrEnum):
    """What a notifier can do beyond telling something new."""

    EDIT = "edit"
    """Change what it said. Without it the end is told anew, and what came back or got worse; nothing else is."""
    THREAD = "thread"
    """Answer below a message. Without it the lines of an incident's thread are told nobody there."""
    FIND = "find"
    """Look for what may have been sent."""
    LOOK_UP = "look_up"
    """Say which conversation a name means. Without it the name is the conversation."""
    ACKNOWLEDGE = "acknowledge"
    """Be told that somebody has an incident in hand, or has closed it, where it takes no edit."""
    IDEMPOTENT = "idempotent"
    """Take the same post twice without harm: its key makes it one. What may have been sent is sent again."""


class Rate(msgspec.Struct, frozen=True):
    """A method's allowance with one notifier, calls in any minute."""

    per_minute: int
    informational: int
    """Of these, what may be used for calls that nobody waits for."""


def _own_name(act: Act, target: str) -> str:  # noqa: ARG001  targets differ for those that say so
    return act.value


def _no_link(channel: str, ts: str) -> str:  # noqa: ARG001  nothing that a browser could open
    return ""


class Terms(msgspec.Struct, frozen=True):
    """What a notifier can do, and how fast."""

    capabilities: frozenset[Capability] = frozenset()
    rates: Mapping[str, Rate] = {}
    """By method; none for one that is missing here."""
    post_apart: timedelta = timedelta(0)
    """Between two posts or replies in one conversation. Edits do not wait for it."""
    method_of: Callable[[Act, str], str] = _own_name
    """(act, target) → the receiver's method, whose pace the call counts against."""
    link_of: Callable[[str, str], str] = _no_link
    """(channel, ts) → the address at which a person finds what stands there; "" where there is none, or none is known."""


class Intent(msgspec.Struct, frozen=True):
    """A post or reply that may have happened: written down before the call, gone with its outcome."""

    act: Act
    key: str
    at: datetime
    """When it was tried, the last time."""
    due_at: datetime
    """When it may be looked into: a late effect has happened by then."""
    version: int
    seq: int
    """The last timeline entry that it tells."""


class MessageState(msgspec.Struct, frozen=True):
    """A message, its conversation and its incident, as far as delivery decides by them."""

    subject: Subject
    target: str
    channel: str
    """The conversation's id; "" until it was looked up."""
    ts: str
    """"" until something stands."""
    posts: int
    """How often it was begun already: 0 of what nobody was ever told."""
    version: int
    notified_version: int
    due_since: datetime
    thread_due_at: datetime | None
    not_before: datetime | None
    intent: Intent | None
    attempts: int
    degraded: int
    tells_end: bool
    """The incident is over, or went on elsewhere: this message says so, or is about to."""
    end_notified: bool
    """What was last told said so."""
    moved_to: str = ""
    """The incident went on elsewhere; here it ends with saying so."""
    stands_in: bool = False
    """It is told in the fallback channel, for another message whose channel refuses."""
    refused_since: datetime | None = None
    """Since when the conversation has refused every call."""
    is_resolved: bool = False
    """The incident is."""
    taken_on_at: datetime | None = None
    """Since when somebody has it in hand: acknowledged, put off, or closed it. None: nobody does."""
    entry_is_end: bool = False
    """Of a NOTE: it tells the end."""
    page_stands: bool | None = None
    """Of a NOTE: whether the page that it follows does. None: it was dropped or refused, or is gone."""
    ring_version: int = 0
    """Where nothing can be edited, it is told anew from this version on."""
    ring_phase: Phase = Phase.OPEN
    """As what."""
    told_phase: Phase | None = None
    """As what it was told last, or may have been. None: nobody knows it there."""
    only_wakes: bool = False
    """It is told to wake somebody, and for nothing else."""
    is_known_elsewhere: bool = False
    """Somebody was told of the incident by the fallback, and nobody here yet."""


class Drop(StrEnum):
    """Why something is not told at all."""

    OVER = "over"
    """It was over before anybody was told of it."""
    TAKEN_ON = "taken_on"
    """Somebody has it in hand since before a person could be told: nobody else is woken."""
    MOVED = "moved"
    """This channel would hear only that it went elsewhere."""
    UNPAGED = "unpaged"
    """It follows a page that was never told."""


class CatchUp(msgspec.Struct, frozen=True):
    """Nothing to call: what has changed is not told by this notifier."""


class Rest(msgspec.Struct, frozen=True):
    """What may have been sent must have taken effect before more is told."""

    until: datetime


Next = tuple[Act, ...] | Drop | CatchUp | Rest
"""The calls that would do, the best first; () to wait."""


def next_act(message: MessageState, now: datetime, can: frozenset[Capability]) -> Next:
    """What this message needs now. Whether the pace allows it is another question."""
    if message.not_before is not None and message.not_before > now:
        return ()
    looked_up = message.channel != "" or Capability.LOOK_UP not in can
    if (intent := message.intent) is not None:
        if intent.due_at > now:
            return ()
        if not looked_up:
            return (Act.LOOK_UP,)
        if Capability.FIND in can or Capability.IDEMPOTENT not in can:
            return (Act.FIND,)
        is_other = message.tells_end or intent.version < message.ring_version
        if is_other and intent.at > now - LATE_EFFECT:
            # A beginning that takes effect after the end would begin there what nobody ends; so of an acknowledgement.
            return Rest(intent.at + LATE_EFFECT)
        return (intent.act,)
    if message.ts == "":
        return _begin(message, looked_up=looked_up)
    return _go_on(message, now, can)


def _begin(message: MessageState, *, looked_up: bool) -> Next:
    """Nothing stands yet."""
    if message.notified_version >= message.version:
        return CatchUp()
    if message.moved_to:
        return Drop.MOVED
    match message.subject:
        case Subject.INCIDENT if message.is_resolved and message.posts == 0 and not message.is_known_elsewhere:
            return Drop.OVER
        case Subject.INCIDENT if message.only_wakes and message.ring_phase is not Phase.OPEN:
            return Drop.TAKEN_ON
        case Subject.PAGE | Subject.POST if message.is_resolved:
            return Drop.OVER
        case Subject.PAGE | Subject.NOTE if _is_in_hand(message):
            return Drop.TAKEN_ON
        case Subject.NOTE if message.page_stands is None:
            return Drop.UNPAGED
        case Subject.NOTE if message.entry_is_end != message.is_resolved:
            return Drop.OVER
        case Subject.NOTE if not message.page_stands:
            return ()
    return (Act.POST,) if looked_up else (Act.LOOK_UP,)


def _is_in_hand(message: MessageState) -> bool:
    """Bad news from before somebody took it on. What got worse since then is another matter, and so is the end."""
    return message.taken_on_at is not None and message.due_since <= message.taken_on_at and not message.entry_is_end


def _go_on(message: MessageState, now: datetime, can: frozenset[Capability]) -> Next:
    """Something stands, and is to be made true."""
    acts: list[Act] = []
    is_behind = message.notified_version < message.version
    if is_behind and Capability.EDIT in can:
        acts.append(Act.EDIT)
    elif is_behind and _is_told_anew(message, can):
        acts.append(Act.POST)
    has_line = message.thread_due_at is not None and message.thread_due_at <= now
    if has_line and Capability.THREAD in can:
        acts.append(Act.REPLY)
    if not acts:
        return CatchUp() if is_behind or has_line else ()
    if message.tells_end and message.due_since <= now - UNEDITABLE:
        acts.reverse()
    return tuple(acts)


def _is_told_anew(message: MessageState, can: frozenset[Capability]) -> bool:
    if message.tells_end:
        return not message.end_notified
    if message.ring_phase is not Phase.OPEN and Capability.ACKNOWLEDGE not in can:
        return False
    return message.notified_version < message.ring_version


class Told(msgspec.Struct, frozen=True):
    """It stands."""

    act: Act
    version: int
    seq: int
    """The last timeline entry that was told with it."""
    ts: str = ""
    """"" of an edit: as it was."""
    was_found: bool = False
    told_as: Phase = Phase.OPEN
    """Of a POST: as what the receiver has it now."""
    is_part: bool = False
    """Of a POST: that is not yet what it was to be told."""
    unheard_until: datetime | None = None
    """The person it is for hears nothing of it before."""


class NotSent(msgspec.Struct, frozen=True):
    """Certainly nothing happened by this call; it is tried again."""

    error: str
    not_before: datetime | None = None
    attempts: int = 0
    degraded: int = 0
    keeps_intent: bool = False
    """An earlier attempt may still have happened."""
    look_at: datetime | None = None
    """When that may be looked into. None: as it was."""


class Unsure(msgspec.Struct, frozen=True):
    """It may have happened. A post's intent stays open."""

    error: str
    attempts: int
    edit_again_at: datetime | None = None
    """An edit that may take effect late must not have the last word: it is sent once more then."""
    not_before: datetime | None = None
    look_at: datetime | None = None
    """When its intent may be looked into, if earlier than planned."""


class NotThere(msgspec.Struct, frozen=True):
    """What may have been sent was not, or nobody can tell and it is sent again: the intent ends."""

    error: str


class Anew(msgspec.Struct, frozen=True):
    """What stood is gone, or closed to edits: it begins again, and its thread goes on there."""

    error: str


class Passed(msgspec.Struct, frozen=True):
    """This version is not told here, and need not be; `seq`: the thread has nothing to hear up to there."""

    error: str
    version: int | None = None
    seq: int | None = None


class Over(msgspec.Struct, frozen=True):
    """Nothing is owed here any more."""

    error: str
    is_page: bool = False
    """A person could not be reached: somebody else has to hear of it."""


class Elsewhere(msgspec.Struct, frozen=True):
    """The channel refuses: it is told in another. What is owed here stays owed, unless it was never more than one word."""

    error: str
    channel: str
    word: str


class LookedUp(msgspec.Struct, frozen=True):
    """The conversation's id is known."""

    channel: str


Effect = Told | NotSent | Unsure | NotThere | Anew | Passed | Over | Elsewhere | LookedUp


class Hold(msgspec.Struct, frozen=True):
    """What the conversation learnt."""

    next_at: datetime | None = None
    """Nothing is called there before. None: as it was."""
    next_post_at: datetime | None = None
    """Nor anything posted."""
    refused: str | None = None
    """Why it refuses; "": it does not. None: nobody knows more than before."""


class Block(msgspec.Struct, frozen=True):
    """The receiver asked for silence: of one method, or with "" of every one."""

    until: datetime
    method: str = ""


class FallsBack(msgspec.Struct, frozen=True):
    """Why somebody else is to be told of an incident, as its timeline says it."""

    present: str
    past: str
    """Once it could be told after all."""
    since: datetime
    is_refusal: bool = False
    is_whole: bool = False
    """Whoever calls is refused: it concerns everything that waits."""


class Change(msgspec.Struct, frozen=True):
    """What an answer makes of a message, its conversation and its notifier."""

    effect: Effect
    hold: Hold = Hold()
    block: Block | None = None
    is_reached: bool | None = None
    """Whether the receiver answered, and lets us in. None: nobody asked it."""
    falls_back: FallsBack | None = None


class Policy(msgspec.Struct, frozen=True):
    """What the configuration and the notifier say about answers."""

    terms: Terms
    fallback: str = ""
    """The channel for what another refuses; "": none."""
    posts_again: bool = True
    """Of what may have been posted where nobody can look: whether twice is the lesser mistake."""
    falls_back_after: timedelta | None = None
    """How long a first word may wait until somebody else is called. None: there is nobody."""


def after(
    message: MessageState, act: Act, answer: Answer, now: datetime, *, seq: int, delay: timedelta, policy: Policy
) -> Change:
    """`seq`: the last timeline entry that the call told. `delay`: how long to wait before it is tried again, if it is."""
    change = _after(message, act, answer, now, seq=seq, delay=delay, policy=policy)
    is_ours = answer.outcome is Outcome.RETRY and answer.retry_after == timedelta(0)
    failed = {Outcome.RETRY, Outcome.UNKNOWN, Outcome.WORKSPACE_REFUSED}
    return msgspec.structs.replace(
        change,
        is_reached=None if is_ours else answer.outcome not in failed,
        falls_back=_falls_back(message, answer, change.effect, now, policy.falls_back_after),
    )


def _falls_back(
    message: MessageState, answer: Answer, effect: Effect, now: datetime, patience: timedelta | None
) -> FallsBack | None:
    """A first word about what goes on was refused, or has been tried for too long."""
    is_news = message.ts == "" and not message.tells_end and message.subject is not Subject.POST
    if patience is None or not is_news or message.moved_to or message.entry_is_end:
        return None
    since, refused = message.refused_since or now, f": {answer.error}" if answer.error else ""
    match answer.outcome:
        case Outcome.WORKSPACE_REFUSED:
            said = f"Slack refused the workspace{refused}"
            return FallsBack(said, said, message.due_since, is_refusal=True, is_whole=True)
        case Outcome.CHANNEL_REFUSED if isinstance(effect, NotSent | Over):
            where = "the direct message" if message.subject is not Subject.INCIDENT else message.target
            said = f"Slack refused {where}{refused}"
            return FallsBack(said, said, since, is_refusal=True)
        case Outcome.MESSAGE_REFUSED if message.degraded > 1:
            said = f"Slack refused the message{refused}"
            return FallsBack(said, said, message.due_since, is_refusal=True)
        case Outcome.RETRY | Outcome.UNKNOWN if message.attempts > 1 and message.due_since <= now - patience:
            return FallsBack("Slack is away", "Slack was away", message.due_since)
        case _:
            return None


def _after(
    message: MessageState, act: Act, answer: Answer, now: datetime, *, seq: int, delay: timedelta, policy: Policy
) -> Change:
    apart = policy.terms.post_apart if act in {Act.POST, Act.REPLY} else None
    hold = Hold(next_post_at=None if apart is None else now + apart)
    held = msgspec.structs.replace
    is_open = act in {Act.FIND, Act.LOOK_UP} or message.intent is not None
    is_sent_again = act in {Act.POST, Act.REPLY} and message.intent is not None
    nothing = NotSent(
        answer.error,
        attempts=message.attempts,
        degraded=message.degraded,
        keeps_intent=is_open,
        look_at=now if is_sent_again else None,  # its claim had put it off
    )
    match answer.outcome:
        case Outcome.DELIVERED:
            return Change(_told(message, act, answer, seq), held(hold, refused=""))
        case Outcome.NOT_FOUND:
            return Change(NotThere(answer.error), hold)
        case Outcome.UNSEARCHABLE:
            return Change(_unsearchable(message, answer, policy), hold)
        case Outcome.RETRY:
            again = held(nothing, not_before=now + delay, attempts=message.attempts + 1)
            if answer.is_rate_limit:
                return Change(again, hold, Block(now + delay, policy.terms.method_of(act, message.target)))
            return Change(again, held(hold, next_at=now + min(delay, _SOONEST)))
        case Outcome.UNKNOWN:
            return Change(_unsure(message, act, answer, now, delay, policy.terms), hold)
        case Outcome.MESSAGE_REFUSED:
            if message.degraded < 2:
                return Change(held(nothing, degraded=message.degraded + 1), hold)
            return Change(held(nothing, not_before=now + UNREADABLE_AGAIN_AFTER), hold)
        case Outcome.CHANNEL_REFUSED:
            since = message.refused_since or now
            refused = held(hold, next_at=now + again_after(now - since), refused=answer.error or "refused")
            return Change(_refused(message, act, answer, now - since, nothing, policy), refused)
        case Outcome.ANCHOR_LOST:
            return Change(Over(answer.error) if message.moved_to else Anew(answer.error), hold)
        case Outcome.EDIT_CLOSED:
            if message.moved_to:
                return Change(Over(answer.error), hold)
            return Change(
                Anew(answer.error) if message.tells_end else Passed(answer.error, version=message.version), hold
            )
        case Outcome.WORKSPACE_REFUSED:
            return Change(nothing, hold, Block(now + WORKSPACE_AGAIN_AFTER))


def again_after(refused_for: timedelta) -> timedelta:
    """When a conversation that refuses is asked again: within seconds at first, for who repairs it waits; then ever less
    often, for some are never repaired."""
    return max(_SOONEST, min(refused_for / 20, _SOON), min(refused_for / 120, _LATEST))


def _told(message: MessageState, act: Act, answer: Answer, seq: int) -> Effect:
    if act is Act.LOOK_UP:
        return LookedUp(answer.channel)
    if act is Act.FIND and (intent := message.intent) is not None:
        return Told(intent.act, intent.version, intent.seq, answer.ts, was_found=True)
    ts, unheard_until = ("", None) if act is Act.EDIT else (answer.ts, answer.unheard_until)
    wanted = Phase.CLOSED if message.tells_end else message.ring_phase
    told_as = answer.told_as or wanted
    return Told(
        act,
        message.version,
        seq,
        ts,
        unheard_until=unheard_until,
        told_as=told_as,
        is_part=act is Act.POST and told_as is not wanted,
    )


def _unsearchable(message: MessageState, answer: Answer, policy: Policy) -> Effect:
    """Nobody can tell whether it was posted: the configuration says which mistake is the lesser one."""
    intent = message.intent
    if policy.posts_again or intent is None:
        return NotThere(answer.error)
    if intent.act is Act.POST:
        return Over(answer.error)
    return Passed(answer.error, seq=intent.seq)


def _unsure(
    message: MessageState, act: Act, answer: Answer, now: datetime, delay: timedelta, terms: Terms
) -> Unsure | NotSent:
    unsure = Unsure(answer.error, message.attempts + 1)
    match act:
        case Act.EDIT:
            return msgspec.structs.replace(unsure, edit_again_at=now + LATE_EFFECT)
        case Act.FIND | Act.LOOK_UP:
            return msgspec.structs.replace(unsure, not_before=now + delay)
        case _ if Capability.IDEMPOTENT in terms.capabilities and Capability.FIND not in terms.capabilities:
            return msgspec.structs.replace(unsure, look_at=now + delay)
        case _:
            return unsure


def _refused(
    message: MessageState, act: Act, answer: Answer, refused_for: timedelta, nothing: NotSent, policy: Policy
) -> Effect:
    """What stands there stays owed, and is made true when the channel takes it again."""
    if act is Act.FIND or (message.intent is not None and act is Act.LOOK_UP) or message.moved_to:
        return nothing
    if message.subject in {Subject.PAGE, Subject.NOTE}:
        return nothing if message.ts else Over(answer.error, is_page=message.subject is Subject.PAGE)
    is_placed = message.stands_in or policy.fallback in {"", message.target}
    if is_placed or (message.ts and refused_for < ELSEWHERE_AFTER):
        return nothing
    word = f"This belongs in {message.target}, where Slack refused it: {answer.error}."
    return Elsewhere(answer.error, policy.fallback, word)
