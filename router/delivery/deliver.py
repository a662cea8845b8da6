"""Claims conversations, renders what dispatch wrote down, makes one call each, and writes down what came of it.

No call is made without a claim, no claim is held while sleeping; tenacity computes delays, the store remembers them.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import Connection
from tenacity import RetryCallState, Retrying, wait_exponential

from router.core.render.blocks import fewer_blocks, plain, post_message
from router.core.render.direct import page_end_message, page_message, page_worse_message
from router.core.render.message import incident_message
from router.core.render.notice import with_notice
from router.core.render.thread import thread_reply
from router.core.templates.template import words_of
from router.core.view import EndKind, EntryKind, Rendered, State, TimelineEntry
from router.notifiers.notifier import Answer, Notifier, Outcome, Tag
from router.runtime.clock import Clock, NewId
from router.runtime.metrics import Metrics
from router.store.database import Database
from router.store.delivery import outbox, pace
from router.store.delivery.outbox import Act, Claimed, Work
from router.store.delivery.pace import Rate
from router.store.evaluation import incidents, messages

log = logging.getLogger(__name__)

RATES: Mapping[str, Rate] = {
    # Below the tiers of 50 (SLACK §1); edits that tell no end leave room for those that do.
    "chat.update": Rate(per_minute=48, informational=40),
    "conversations.history": Rate(per_minute=20, informational=16),  # a search may take two pages
    "conversations.open": Rate(per_minute=40, informational=32),
}
CALL_TIMEOUT = timedelta(seconds=10)
POST_APART = timedelta(seconds=1)
"""Slack's pace of posts in one channel."""
LATE_EFFECT = timedelta(seconds=30)
AT_ONCE = 16
"""Calls in flight."""
REFUSED_AGAIN_AFTER = timedelta(minutes=10)
UNREADABLE_AGAIN_AFTER = timedelta(hours=1)
WORKSPACE_AGAIN_AFTER = timedelta(seconds=60)
_BACKOFF = wait_exponential(multiplier=1, min=1, max=120)


class Settings(msgspec.Struct, frozen=True):
    """What the configuration says about delivering."""

    instance: str
    external_url: str
    fallback_channel: str
    workspace: str
    posts_per_minute: int = 240
    posts_again: bool = True


class Deliverer:
    """One verb: `step` claims what may be sent now and sends it. Outcomes are its own transactions."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        new_id: NewId,
        *,
        settings: Callable[[], Settings],
        transport: Callable[[], Notifier],
        on_refused_workspace: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database, self._clock, self._metrics, self._new_id = database, clock, metrics, new_id
        self._settings, self._transport = settings, transport
        self._on_refused_workspace = on_refused_workspace
        self._ahead = timedelta(0)
        """Slack's clock against ours."""
        self._leases: dict[str, float] = {}
        """Claim token -> when its lease ends, on the monotonic clock."""

    async def claim(self, most: int = AT_ONCE) -> Claimed:
        now = self._clock.now()
        call = partial(
            outbox.claim,
            now=now,
            instance=self._settings().instance,
            rates=self._rates(),
            most=most,
            new_id=self._new_id,
        )
        lease_ends = self._clock.monotonic() + outbox.LEASE.total_seconds()
        claimed = await self._database.write(call)
        self._leases.update({work.token: lease_ends for work in claimed.works})
        for method in claimed.paced:
            self._metrics.add("alert_router_pace_waits", (method,))
        return claimed

    def _rates(self) -> dict[str, Rate]:
        posts = self._settings().posts_per_minute
        return {**RATES, "chat.postMessage": Rate(per_minute=posts, informational=max(posts * 4 // 5, 1))}

    async def carry_out(self, work: Work) -> None:
        """One call, and its outcome."""
        settings, transport = self._settings(), self._transport()
        called_at = self._clock.monotonic()
        if self._leases.pop(work.token, called_at) - called_at <= CALL_TIMEOUT.total_seconds():
            # Held up (a suspended machine, a full loop): by the time of an answer somebody else may hold the claim.
            late = Answer(Outcome.RETRY, error="the claim was too old to call", retry_after=timedelta(0))
            now = self._clock.now()
            await self._database.write(partial(self._settle, work=work, answer=late, settings=settings, now=now))
            return
        answer = await self._call(work, settings, transport)
        if answer.server_time is not None:
            self._ahead = answer.server_time - self._clock.now()
        method = outbox.method_of(work.act, work.target)
        self._metrics.observe("slack_seconds", (method,), self._clock.monotonic() - called_at)
        self._metrics.add("alert_router_deliveries", (method, answer.outcome.value))
        if work.act in {Act.POST, Act.EDIT, Act.REPLY}:
            self._metrics.add("alertmanager_notifications", ("slack",))
            if answer.outcome is not Outcome.TOLD:
                reason = "rateLimited" if answer.is_rate_limit else "other"
                self._metrics.add("alertmanager_notifications_failed", ("slack", reason))
        now = self._clock.now()
        await self._database.write(partial(self._settle, work=work, answer=answer, settings=settings, now=now))
        if answer.outcome is Outcome.WORKSPACE_REFUSED:
            self._on_refused_workspace(answer.error)
        elif answer.outcome is Outcome.TOLD and work.act in {Act.POST, Act.EDIT, Act.REPLY}:
            self._metrics.observe("notified_after_seconds", (), max((now - work.due_since).total_seconds(), 0.0))

    async def _call(self, work: Work, settings: Settings, transport: Notifier) -> Answer:
        group_key = f"{work.view.route}:{sorted(work.view.group_labels.items())}" if work.view is not None else ""
        tag = Tag(settings.instance, work.delivery_id, work.incident or 0, group_key)
        if work.act is Act.RESOLVE:
            return await transport.resolve(work.target)
        if work.act is Act.FIND:
            now = self._clock.now()
            oldest, latest = (
                work.intent_at + self._ahead - timedelta(minutes=2),
                now + self._ahead + timedelta(minutes=2),
            )
            thread_ts = work.ts if work.intent == Act.REPLY.value else ""
            return await transport.find(
                work.channel, work.delivery_id, oldest=oldest, latest=latest, thread_ts=thread_ts
            )
        message = self._rendered(work, settings)
        if work.view is not None and work.view.template is not None:
            for part in words_of(work.view, settings.external_url).faults:
                self._metrics.add("alert_router_templates_failed", (part.partition(":")[0],))
        if work.act is Act.EDIT:
            return await transport.edit(work.channel, work.ts, message, tag)
        if work.act is Act.REPLY:
            answer = await transport.post(work.channel, message, tag, thread_ts=work.ts, broadcast=work.is_broadcast)
        else:
            answer = await transport.post(work.channel, message, tag)
        if answer.outcome is Outcome.CHANNEL_REFUSED and answer.error == "not_in_channel":
            joined = await transport.join(work.channel)
            if joined.outcome is Outcome.TOLD:
                return Answer(Outcome.RETRY, error="joined the channel", retry_after=timedelta(0))
        return answer

    def _rendered(self, work: Work, settings: Settings) -> Rendered:
        try:
            return degraded(render(work, settings), work.degraded)
        except Exception:  # whatever it is, a person must hear of the alert
            log.exception("a message could not be rendered; its title is told", extra={"incident": work.incident})
            self._metrics.add("alert_router_degraded_messages", ("unrendered",))
            view = work.view
            return post_message("An alert" if view is None else f"#{view.number} {view.state.value}: {view.title}")

    def _settle(self, conn: Connection, work: Work, answer: Answer, settings: Settings, now: datetime) -> None:
        """Sort the outcome into the store. Everything here is one transaction, guarded by the claim."""
        next_at = now + POST_APART if work.act in {Act.POST, Act.REPLY} else None
        opened: dict[str, object] = {}
        if work.act is Act.RESOLVE and answer.outcome is Outcome.TOLD:
            opened = {"channel": answer.channel, "refused": "", "refused_at": None}
        elif answer.outcome is Outcome.TOLD:
            opened = {"refused": "", "refused_at": None}
        elif answer.outcome is Outcome.CHANNEL_REFUSED:
            opened = {"refused": answer.error, "refused_at": now}
        elif answer.outcome is Outcome.RETRY and not answer.is_rate_limit:
            next_at = now + min(_delay(work, answer), timedelta(seconds=5))
        if not outbox.release(conn, work, next_at=next_at, **opened):
            if work.act is Act.EDIT:
                outbox.edit_again(conn, work, not_before=now + LATE_EFFECT)
            return
        gone = {Outcome.ANCHOR_LOST, Outcome.CHANNEL_REFUSED, Outcome.EDIT_CLOSED}
        if work.moved_to and answer.outcome in gone:  # the incident is told elsewhere: nothing is owed here any more
            outbox.change(conn, work, is_over=True, last_error=answer.error, **_no_intent(work))
            return
        match answer.outcome:
            case Outcome.TOLD:
                self._told(conn, work, answer, now)
            case Outcome.NOT_FOUND | Outcome.UNSEARCHABLE:
                outbox.change(conn, work, delivery_id=None, intent=None, not_before=None, last_error=answer.error)
                if answer.outcome is Outcome.UNSEARCHABLE:
                    self._unsearchable(conn, work, settings)
            case Outcome.RETRY:
                until = now + _delay(work, answer)
                if answer.is_rate_limit:
                    pace.block(conn, work.workspace, outbox.method_of(work.act, work.target), until=until)
                outbox.change(
                    conn,
                    work,
                    not_before=until,
                    attempts=work.attempts + 1,
                    last_error=answer.error,
                    **_no_intent(work),
                )
            case Outcome.UNKNOWN:
                if work.act is Act.EDIT:
                    outbox.edit_again(conn, work, not_before=now + LATE_EFFECT)
                outbox.change(conn, work, attempts=work.attempts + 1, last_error=answer.error)
                if work.act in {Act.RESOLVE, Act.FIND}:
                    outbox.change(conn, work, not_before=now + _delay(work, answer))
            case Outcome.MESSAGE_REFUSED:
                self._refused_message(conn, work, answer, now)
            case Outcome.CHANNEL_REFUSED:
                self._refused_channel(conn, work, answer, settings, now)
            case Outcome.ANCHOR_LOST:
                outbox.begin_anew(conn, work, now=now, error=answer.error)
            case Outcome.EDIT_CLOSED:
                if work.view is not None and work.view.state is State.RESOLVED:
                    outbox.begin_anew(conn, work, now=now, error=answer.error)
                else:
                    outbox.change(conn, work, notified_version=work.version, last_error=answer.error)
            case Outcome.WORKSPACE_REFUSED:
                log.error("slack refuses the workspace", extra={"error": answer.error})
                pace.block(conn, work.workspace, "*", until=now + WORKSPACE_AGAIN_AFTER)
                outbox.change(conn, work, last_error=answer.error, **_no_intent(work))

    def _told(self, conn: Connection, work: Work, answer: Answer, now: datetime) -> None:
        if work.act is Act.RESOLVE:
            return
        done: dict[str, object] = {
            "attempts": 0,
            "not_before": None,
            "last_error": "",
            "notified_at": now,
            "delivery_id": None,
            "intent": None,
        }
        act = Act(work.intent) if work.act is Act.FIND else work.act
        if work.act is Act.FIND:
            self._metrics.add("alert_router_duplicates_avoided")
        if act is Act.EDIT:
            outbox.change(conn, work, notified_version=work.version, **done)
        elif act is Act.POST:
            notified_version = outbox.intent_version(conn, work) if work.act is Act.FIND else work.version
            outbox.change(
                conn, work, ts=answer.ts, notified_version=notified_version, **self._thread(conn, work), **done
            )
        else:
            outbox.change(conn, work, **self._thread(conn, work), **done)

    @staticmethod
    def _thread(conn: Connection, work: Work) -> dict[str, object]:
        if work.incident is None:
            return {}
        due_at = outbox.next_line(conn, work.incident, work.last_seq) if work.is_primary else None
        return {"thread_seq": work.last_seq, "thread_due_at": due_at}

    def _unsearchable(self, conn: Connection, work: Work, settings: Settings) -> None:
        """Nobody can tell whether it was posted: the configuration says which mistake is the lesser one."""
        self._metrics.add("alert_router_unsearchable", ("post_again" if settings.posts_again else "leave",))
        if not settings.posts_again:
            over: dict[str, object] = {"is_over": True} if work.intent == Act.POST.value else self._thread(conn, work)
            outbox.change(conn, work, **over)

    def _refused_message(self, conn: Connection, work: Work, answer: Answer, now: datetime) -> None:
        log.warning(
            "slack refuses a message",
            extra={"error": answer.error, "incident": work.incident, "degraded": work.degraded},
        )
        if work.degraded < len(_LEVELS) - 1:
            self._metrics.add("alert_router_degraded_messages", (_LEVELS[work.degraded + 1],))
            outbox.change(conn, work, degraded=work.degraded + 1, last_error=answer.error, **_no_intent(work))
        else:
            outbox.change(
                conn, work, not_before=now + UNREADABLE_AGAIN_AFTER, last_error=answer.error, **_no_intent(work)
            )

    def _refused_channel(self, conn: Connection, work: Work, answer: Answer, settings: Settings, now: datetime) -> None:
        log.error(
            "slack refuses a channel", extra={"target": work.target, "error": answer.error, "incident": work.incident}
        )
        if work.subject in {"page", "note"}:
            outbox.change(
                conn, work, is_over=True, notified_version=work.version, last_error=answer.error, **_no_intent(work)
            )
            self._metrics.add("alert_router_pages", ("refused",))
            if work.subject == "page" and work.incident is not None:
                self._say_page_refused(conn, work, answer, now)
            return
        fallback = settings.fallback_channel
        if not fallback or fallback == work.target:
            outbox.change(conn, work, not_before=now + REFUSED_AGAIN_AFTER, last_error=answer.error, **_no_intent(work))
            return
        word = f"This belongs in {work.target}, where Slack refused it: {answer.error}."
        conversation = messages.conversation_for(conn, work.workspace, fallback, now=now)
        outbox.move_to(conn, work, conversation, word=word, now=now)
        if work.incident is not None:
            entry = TimelineEntry(
                seq=0,
                at=now,
                kind=EntryKind.CHANNEL_REFUSED,
                detail=f"{work.target}: {answer.error}; told in {fallback} instead",
            )
            incidents.add(conn, work.incident, entry, say_at=None, is_broadcast=False)

    @staticmethod
    def _say_page_refused(conn: Connection, work: Work, answer: Answer, now: datetime) -> None:
        who = work.target if not work.target.startswith("email:") else work.person
        entry = TimelineEntry(seq=0, at=now, kind=EntryKind.PAGE_REFUSED, people=(who,), detail=answer.error)
        is_open = work.view is not None and work.view.state is State.TRIGGERED
        incidents.add(conn, work.incident or 0, entry, say_at=now if is_open else None, is_broadcast=is_open)


_LEVELS = ("whole", "fewer_blocks", "plain_text")


def degraded(message: Rendered, level: int) -> Rendered:
    """What is left of a message that Slack refused `level` times."""
    return (message, fewer_blocks(message), plain(message))[min(level, 2)]


def render(work: Work, settings: Settings) -> Rendered:
    """The message as it should stand now, from what dispatch wrote down."""
    if work.body is not None:
        return with_notice(work.body, work.word) if work.word else work.body
    view = work.view
    if view is None:
        return post_message(work.word)
    if work.act is Act.REPLY:
        return thread_reply(work.entries, view)
    if work.moved_to:
        view = msgspec.structs.replace(
            view, state=State.RESOLVED, ended_how=EndKind.MOVED, moved_to=work.moved_to, unreached=()
        )
    if work.subject == "page" and work.page is not None:
        return page_message(view, work.page, settings.external_url)
    if work.subject == "note" and work.page is not None:
        entry = work.entries[0]
        if entry.kind is EntryKind.ALL_RESOLVED and view.state is State.RESOLVED:
            return page_end_message(view, work.page)
        return page_worse_message(view, work.page, entry, settings.external_url)
    message = incident_message(
        view, is_primary=work.is_primary, home=work.home, external_url=settings.external_url, instance=settings.instance
    )
    return with_notice(message, work.word) if work.word else message


def _delay(work: Work, answer: Answer) -> timedelta:
    if answer.retry_after is not None:
        return answer.retry_after
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = work.attempts + 1
    return timedelta(seconds=_BACKOFF(state))


def _no_intent(work: Work) -> dict[str, object]:
    """Slack's word that nothing happened ends an intent, but never one that an earlier attempt left open."""
    return {} if work.act in {Act.FIND, Act.RESOLVE} else {"delivery_id": None, "intent": None}


async def run_all(deliverer: Deliverer, works: list[Work]) -> None:
    """Carry out several at once; each writes down its own outcome."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(deliverer.carry_out(work))
