"""Carries out pages that are due: asks the rules who is on call now, and begins their direct messages."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from router.core.content import Subject
from router.core.recipient import target_of
from router.core.view import EntryKind, State, TimelineEntry
from router.incidents.suppression import hush_of
from router.runtime.metrics import Metrics
from router.store.evaluation import incidents, messages, pages
from rules.model.route import Page
from rules.model.ruleset import RuleSet
from rules.model.suppression import NOTHING, SuppressorsInForce, page_suppression

HUSHED = timedelta(minutes=1)
"""A page that an inhibition holds back is looked at again after it: nobody knows when that ends."""


class Rules(msgspec.Struct, frozen=True):
    """What dispatch and escalate need of the configuration in force."""

    ruleset: RuleSet
    notifier: str
    """By which the channels and people of the rules are reached."""
    suppressors: SuppressorsInForce = NOTHING
    """The maintenances and silences in force now."""


class Paging(msgspec.Struct, frozen=True):
    """A page whose time has come."""

    id: int
    incident: int
    page: Page
    rank: int
    is_rise: bool = False
    """It was paged before, and got worse: the rules are asked who is on call by now."""


class Escalated(msgspec.Struct, frozen=True):
    """What a step did, and when the next page is due."""

    paged: int
    next_due: datetime | None


def step(conn: Connection, now: datetime, rules: Rules, metrics: Metrics) -> Escalated:
    """Pages whose window has opened: told if it is still true, put off if another window holds them now."""
    paged = 0
    for due in pages.due(conn, now):
        hold = page_suppression(due.page, now)
        if hold is not None:
            pages.put_off(conn, due.id, hold.until)
            continue
        current = incidents.get(conn, due.incident)
        if (hush := hush_of(conn, current.group_id, now, rules.suppressors)) is not None:
            pages.put_off(conn, due.id, hush.until or now + HUSHED, is_hushed=True)
            continue
        if due.entry is not None:
            _remind(conn, due, due.entry, current, now)
            paged += 1
            continue
        paging = Paging(due.id, due.incident, due.page, current.view.severity.rank)
        carry_out(conn, paging, current.seq, now, rules, metrics)
        on_call = messages.names_paged(conn, due.incident)
        incidents.save_view(conn, due.incident, msgspec.structs.replace(current.view, on_call=on_call))
        messages.raise_versions(
            conn,
            due.incident,
            rank=current.view.severity.rank,
            tells_end=current.view.state is State.RESOLVED,
            now=now,
        )
        paged += 1
    return Escalated(paged, pages.next_due(conn))


def _remind(conn: Connection, due: pages.DuePage, seq: int, current: incidents.Incident, now: datetime) -> None:
    """Who was paged hears what happened while the page's window was closed, unless it has become better again."""
    pages.remind(conn, due.id, entry=None, due_at=None)
    entry = incidents.entries(conn, due.incident, after=seq - 1)[0].entry
    if entry.severity is not None and current.view.severity.rank < entry.severity.rank:
        return
    for page, conversation, _ in messages.people_paged(conn, due.incident):
        if page == due.id:
            messages.begin(
                conn,
                subject=Subject.NOTE,
                conversation_id=conversation,
                rank=current.view.severity.rank,
                now=now,
                incident=due.incident,
                page=page,
                entry=seq,
            )


def carry_out(conn: Connection, paging: Paging, seq: int, now: datetime, rules: Rules, metrics: Metrics) -> int:
    """Begin a direct message for everybody on call who has none yet, and ring. Returns the timeline's last seq."""
    reached = rules.ruleset.on_call(paging.page, now)
    already = {person for _, _, person in messages.people_paged(conn, paging.incident)}
    fresh = [person for person in reached.persons if person.name not in already]
    for person in fresh:
        conversation = messages.conversation_for(conn, rules.notifier, target_of(person), person=person.name, now=now)
        messages.begin(
            conn,
            subject=Subject.PAGE,
            conversation_id=conversation,
            rank=paging.rank,
            now=now,
            incident=paging.incident,
            page=paging.id,
        )
    for channel in reached.channels:
        conversation = messages.conversation_for(conn, rules.notifier, channel, now=now)
        if paging.is_rise and messages.is_shown(conn, paging.incident, conversation):
            continue
        messages.begin(
            conn,
            subject=Subject.INCIDENT,
            conversation_id=conversation,
            rank=paging.rank,
            now=now,
            incident=paging.incident,
        )
    rung = [
        webhook
        for webhook in reached.webhooks
        if messages.tell_webhook(conn, paging.incident, webhook, rank=paging.rank, now=now, page=paging.id) is not None
    ]
    # The steps after this one are not carried out yet: who is paged must not count on them.
    pages.carried_out(conn, paging.id, why=reached.why, next_step="", now=now)
    if paging.is_rise and not fresh and not rung and not reached.nobody:
        return seq
    kind = EntryKind.NOBODY_ON_CALL if reached.nobody else EntryKind.PAGED
    names = (*(person.name for person in reached.persons), *(f"webhook {name}" for name in reached.webhooks))
    entry = TimelineEntry(seq=seq + 1, at=now, kind=kind, people=names, detail=reached.why)
    incidents.append(conn, paging.incident, [(entry, now if reached.nobody else None, False)])
    incidents.advance(conn, paging.incident, entry.seq)
    metrics.add("alert_router_pages", ("nobody" if reached.nobody else "told",))
    return entry.seq
