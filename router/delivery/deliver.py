"""Claims conversations, makes one call each by the notifier that the conversation names, and writes down what came of it.

No call is made without a claim, no claim is held while sleeping; tenacity computes delays, the store remembers them.
What is to be done and what an answer means is decided in `core/delivery`.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import Connection
from tenacity import wait_exponential

from router.core.answer import Answer, Outcome
from router.core.content import Content
from router.core.delivery import (
    LEASE,
    Act,
    Change,
    Elsewhere,
    NotSent,
    Over,
    Policy,
    Terms,
    Told,
    after,
)
from router.core.recipient import webhook_notifier
from router.core.render.content import LEVELS, RenderError
from router.core.templates.template import words_of
from router.core.view import EntryKind, State, TimelineEntry
from router.notifiers.notifier import CALL_TIMEOUT, Notifier, Notifiers
from router.runtime.back_off import back_off
from router.runtime.clock import Clock, NewId
from router.runtime.metrics import Metrics
from router.store.database import Database
from router.store.delivery.claim import Claimed, Sender, Work, claim
from router.store.delivery.settle import settle
from router.store.evaluation import incidents, pages
from rules.model.configuration import SLASH_COMMAND
from rules.model.webhook import Fallback

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Calls in flight."""
TRIED_WITHIN = timedelta(seconds=15)
"""Where somebody else is called after a while: whether it is still so is asked again within it."""
_BACKOFF = wait_exponential(multiplier=1, min=1, max=120)
_TELLS = frozenset({Act.POST, Act.EDIT, Act.REPLY})


class Settings(msgspec.Struct, frozen=True):
    """What the configuration says about delivering."""

    instance: str
    external_url: str
    fallback_channel: str
    notifier: str
    """The one that the channels and people of the rules belong to, and the fallback channel."""
    posts_again: bool = True
    fallback: Fallback | None = None
    """Who is called when that notifier is refused, or away."""
    may_act: bool = False
    """What people press in its messages reaches us."""
    command: str = SLASH_COMMAND
    """How people call us there."""


class Deliverer:
    """One verb: claim what may be sent now, and send it. Outcomes are its own transactions."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        new_id: NewId,
        *,
        settings: Callable[[], Settings],
        notifiers: Callable[[], Notifiers],
        on_refused_workspace: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database, self._clock, self._metrics, self._new_id = database, clock, metrics, new_id
        self._settings, self._notifiers = settings, notifiers
        self._on_refused_workspace = on_refused_workspace
        self._leases: dict[str, float] = {}
        """Claim token -> when its lease ends, on the monotonic clock."""

    async def claim(self, most: int = AT_ONCE) -> Claimed:
        settings = self._settings()
        call = partial(
            claim,
            now=self._clock.now(),
            sender=Sender(settings.instance, settings.external_url, settings.notifier, settings.may_act),
            terms={name: notifier.terms for name, notifier in self._notifiers().items()},
            most=most,
            new_id=self._new_id,
        )
        lease_ends = self._clock.monotonic() + LEASE.total_seconds()
        claimed = await self._database.write(call)
        self._leases.update({work.token: lease_ends for work in claimed.works})
        for _, method in claimed.paced:
            self._metrics.add("alert_router_pace_waits", (method,))
        return claimed

    async def carry_out(self, work: Work) -> None:
        """One call, and its outcome."""
        settings, notifier = self._settings(), self._notifiers().get(work.notifier)
        terms = Terms() if notifier is None else notifier.terms
        called_at = self._clock.monotonic()
        if self._leases.pop(work.token, called_at) - called_at <= CALL_TIMEOUT.total_seconds():
            # Held up (a suspended machine, a full loop): by the time of an answer somebody else may hold the claim.
            late = Answer(Outcome.RETRY, error="the claim was too old to call", retry_after=timedelta(0))
            await self._settle(work, late, settings, terms)
            return
        if notifier is None:
            answer = Answer(Outcome.CHANNEL_REFUSED, error=f"{work.notifier} is not configured any more")
        else:
            answer = await self._call(work, notifier)
        method = terms.method_of(work.act, work.state.target)
        self._metrics.observe("slack_seconds", (method,), self._clock.monotonic() - called_at)
        self._metrics.add("alert_router_deliveries", (method, answer.outcome.value))
        if work.act in _TELLS:
            integration = "webhook" if work.notifier.startswith(webhook_notifier("")) else "slack"
            self._metrics.add("alertmanager_notifications", (integration,))
            if answer.outcome is not Outcome.DELIVERED:
                reason = "rateLimited" if answer.is_rate_limit else "other"
                self._metrics.add("alertmanager_notifications_failed", (integration, reason))
        now = await self._settle(work, answer, settings, terms)
        if answer.outcome is Outcome.WORKSPACE_REFUSED and work.notifier == settings.notifier:
            self._on_refused_workspace(answer.error)
        elif answer.outcome is Outcome.DELIVERED and work.act in _TELLS:
            waited = (now - work.state.due_since).total_seconds()
            self._metrics.observe("notified_after_seconds", (), max(waited, 0.0))

    async def _call(self, work: Work, notifier: Notifier) -> Answer:
        if work.act is Act.LOOK_UP:
            return await notifier.look_up(work.state.target)
        if work.act is Act.FIND and (intent := work.state.intent) is not None:
            below = work.state.ts if intent.act is Act.REPLY else ""
            return await notifier.find(work.channel, work.key, since=intent.at, until=self._clock.now(), ts=below)
        self._count_faults(work.content)
        try:
            return await self._tell(work, notifier, work.content)
        except RenderError:
            log.exception("a message could not be rendered; its title is told", extra={"incident": work.incident})
            self._metrics.add("alert_router_degraded_messages", ("unrendered",))
            return await self._tell(work, notifier, work.content.bare)

    @staticmethod
    async def _tell(work: Work, notifier: Notifier, content: Content) -> Answer:
        match work.act:
            case Act.EDIT:
                return await notifier.edit(work.channel, work.state.ts, content, work.key)
            case Act.REPLY:
                return await notifier.reply(work.channel, work.state.ts, content, work.key)
            case _:
                return await notifier.post(work.channel, content, work.key, ts=work.state.ts)

    def _count_faults(self, content: Content) -> None:
        if content.view is not None and content.view.template is not None:
            for fault in words_of(content.view, content.external_url).faults:
                self._metrics.add("alert_router_templates_failed", (fault.partition(":")[0],))

    async def _settle(self, work: Work, answer: Answer, settings: Settings, terms: Terms) -> datetime:
        now = self._clock.now()
        wanted = settings.fallback if work.notifier == settings.notifier else None
        policy = Policy(
            terms=terms,
            fallback=settings.fallback_channel if work.notifier == settings.notifier else "",
            posts_again=settings.posts_again,
            falls_back_after=wanted.after if wanted is not None else None,
        )
        delay = _delay(work.state.attempts, answer)
        if wanted is not None and answer.retry_after is None:
            delay = min(delay, TRIED_WITHIN)
        change = after(work.state, work.act, answer, now, seq=work.last_seq, delay=delay, policy=policy)

        def step(conn: Connection) -> bool:
            if not settle(conn, work, change, now, wanted):
                return False
            match change.effect:
                case Over(error=error, is_page=True):
                    _say_page_refused(conn, work, error, now)
                case Told(unheard_until=datetime() as until):
                    _say_unheard(conn, work, until, now)
                case _:
                    pass
            return True

        if await self._database.write(step):
            self._note(work, answer, change, settings)
        return now

    def _note(self, work: Work, answer: Answer, change: Change, settings: Settings) -> None:
        """In the log and the metrics."""
        facts = {"target": work.state.target, "error": answer.error, "incident": work.incident}
        by = "slack" if work.notifier == settings.notifier else work.notifier
        match answer.outcome:
            case Outcome.WORKSPACE_REFUSED:
                log.error("slack refuses the workspace", extra={"error": answer.error})
            case Outcome.MESSAGE_REFUSED:
                log.warning("%s refuses a message", by, extra=facts | {"degraded": work.state.degraded})
            case Outcome.CHANNEL_REFUSED if work.state.refused_since is None or isinstance(change.effect, Elsewhere):
                log.error("%s refuses a channel", by, extra=facts)
            case Outcome.UNSEARCHABLE:
                done = "post_again" if settings.posts_again else "leave"
                self._metrics.add("alert_router_unsearchable", (done,))
        match change.effect:
            case Told(was_found=True):
                self._metrics.add("alert_router_duplicates_avoided")
            case NotSent(degraded=level) if level > work.state.degraded:
                self._metrics.add("alert_router_degraded_messages", (LEVELS[level],))
            case Over(is_page=True):
                self._metrics.add("alert_router_pages", ("refused",))
            case _:
                pass


def _say_page_refused(conn: Connection, work: Work, error: str, now: datetime) -> None:
    """Whom no direct message reaches is mentioned where the incident is told."""
    target = work.state.target
    entry = TimelineEntry(
        seq=0,
        at=now,
        kind=EntryKind.PAGE_REFUSED,
        people=(work.person or target,),
        mentions=() if target.startswith("email:") else (target,),
        detail=error,
    )
    view = work.content.view
    is_open = view is not None and view.state is State.TRIGGERED
    incidents.add(conn, work.incident or 0, entry, say_at=now if is_open else None, is_broadcast=is_open)
    pages.unheard(conn, work.page or 0, now)


def _say_unheard(conn: Connection, work: Work, until: datetime, now: datetime) -> None:
    """Somebody else is to hear it: the next step comes at once, where the last one reached nobody who hears."""
    next_step = pages.unheard(conn, work.page or 0, now)
    detail = f"{until:%H:%M} UTC" + (f": next is {next_step}" if next_step else "")
    entry = TimelineEntry(seq=0, at=now, kind=EntryKind.UNHEARD, people=(work.person,), detail=detail)
    incidents.add(conn, work.incident or 0, entry, say_at=now, is_broadcast=False)


def _delay(attempts: int, answer: Answer) -> timedelta:
    if answer.retry_after is not None:
        return answer.retry_after
    return back_off(_BACKOFF, attempts + 1)
