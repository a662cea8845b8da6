"""Carries a decision out: membership, incident, timeline, messages, pages."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from adapters.alert import Severity
from router.core.compose import (
    COMPARED,
    COUNTED,
    SHOWN,
    compose,
    fell_silent,
    heaps,
    least_certain,
    noun_of,
    titles_of,
    with_silence,
)
from router.core.content import Subject
from router.core.evaluation import Decision, Line, NotificationState, Snapshot
from router.core.member import NOTIFIED_FIRING, Member, MemberState, visible
from router.core.render.headline import silence as silence_words
from router.core.view import EndKind, EntryKind, IncidentView, Phase, Response, State, Suppressed, TimelineEntry
from router.incidents import recipients
from router.incidents.escalate import Paged, Paging, Rules, carry_out, first_of, go_on, ring, stop
from router.incidents.respond import await_limits
from router.incidents.suppression import page_hold
from router.runtime.metrics import Metrics
from router.store.evaluation import groups, incidents, members, messages, pages
from router.store.heartbeats import stale_sources
from router.store.intake import migration
from rules.model.catalog import channels_for
from rules.model.route import Page
from rules.model.suppression import page_suppression

SLEPT_AGAIN = timedelta(hours=1)
"""Who acknowledged is told the end by a message of their own as long after the page; later, by the edit alone."""


class Notification:
    """Carries a plan out for one group: membership, incident, timeline, messages, pages; all in the caller's transaction."""

    def __init__(
        self,
        conn: Connection,
        group: groups.Group,
        number: int,
        last: incidents.Incident | None,
        counts: members.Counts,
        now: datetime,
        rules: Rules,
        metrics: Metrics,
    ) -> None:
        self._conn, self._group, self._number, self._last, self._counts = conn, group, number, last, counts
        self._now, self._rules, self._metrics = now, rules, metrics
        self._seq = last.seq if last is not None else 0
        self._came_along = False
        self._response = Response()

    def carry_out(
        self, decided: Decision, facts: Snapshot, standing: NotificationState, suppressed: tuple[Suppressed, ...]
    ) -> bool:
        """Returns whether anybody is to be told anything."""
        conn, group, last, now = self._conn, self._group, self._last, self._now
        self._came_along, self._response = decided.continues, decided.response
        firing = facts.firing
        arrived = self._worst((MemberState.ARRIVED,), COUNTED) if decided.notifies_new else []
        # What came along was told before: a line about more alerts is about the others.
        more = members.not_arriving(conn, group.id, COUNTED) if decided.continues else arrived
        shown_states = (*NOTIFIED_FIRING, MemberState.ARRIVED) if decided.notifies_new else NOTIFIED_FIRING
        # Beyond COMPARED nobody compares their labels: a few are enough.
        fire = self._worst(shown_states, COMPARED if firing <= COMPARED else SHOWN) if firing else []
        if decided.notifies_new:
            members.mark_notified(conn, group.id, for_copies=bool(self._rules.ruleset.copies))
        departed = members.last_ended(conn, group.id, COUNTED) if facts.ended else []
        moved = self._worst((MemberState.MOVED,), SHOWN) if facts.moved else []
        how = EndKind.MOVED if moved and decided.resolves else self._ended_how(facts)
        shown_alerts = fire or [*departed, *moved]
        went_to = migration.destinations(conn, group.id) if facts.moved else []
        where = self._where(decided, went_to, visible(shown_alerts[0]))
        sources = members.sources(conn, group.id) or (last.view.sources if last is not None else ())
        members.remove_ended(conn, group.id)
        severity = facts.said_severity if firing or last is None else last.view.severity
        started_at = min(member.starts_at for member in shown_alerts)
        if last is not None and not decided.opens:
            started_at = min(started_at, last.view.started_at)
        started_at = min(started_at, now)
        ended_at = None
        if decided.resolves:
            ended_at = max(started_at, min(now, max((member.ends_at or now for member in departed), default=now)))
        alerts_ended = (last.alerts_ended if last is not None else 0) + facts.ended
        if decided.reopens:  # what has come back has not ended
            alerts_ended = max(alerts_ended - facts.new, 0)
        paged_before = messages.people_paged(conn, self._number)
        shown = recipients.Recipients(conn, self._number, group, severity.rank, now, self._rules, self._metrics)
        if decided.opens:
            shown.begin(visible(shown_alerts[0]))
        elif decided.continues:
            self._come_along(shown, visible(shown_alerts[0]), where)
        has_joined = shown.join_copies()
        if decided.pages:
            wanted = shown.page(visible(shown_alerts[0]), is_new=not decided.reopens)
            self._page(wanted, severity.rank, decided)
            if decided.response.phase is Phase.ACKNOWLEDGED:  # it got worse for who works on it; nobody else is to come
                stop(conn, self._number)
        about = {EntryKind.SOME_RESOLVED: departed, EntryKind.ALL_RESOLVED: departed, EntryKind.MORE: more}
        about[EntryKind.MOVED] = [] if decided.resolves else moved
        said = [
            self._entry(line, facts, about.get(line.kind, arrived), severity, started_at, ended_at, how, where)
            for line in decided.lines
        ]
        view = compose(
            number=self._number,
            state=standing.state,
            route=group.route,
            group_labels=dict(group.labels),
            settings=group.settings,
            severity=severity,
            members=shown_alerts,
            firing=firing,
            ended=alerts_ended,
            started_at=started_at,
            ended_at=ended_at,
            ended_how=how if decided.resolves else None,
            sources=sources,
            suppressed=suppressed if not decided.resolves else (),
            on_call=messages.names_paged(conn, self._number),
            moved_to=where if how is EndKind.MOVED else "",
            response=decided.response,
            before=None if last is None or decided.opens else last.view,
        )
        view = self._with_parted(view, decided, went_to, where)
        view = with_silence(view, stale_sources.silent_in(conn, group.id) if firing else {})
        is_changed = last is None or view != last.view
        if is_changed and not decided.opens:
            messages.raise_versions(
                conn,
                self._number,
                rank=severity.rank,
                tells_end=view.state is State.RESOLVED,
                now=now,
                phase=Phase.OPEN if decided.is_rise else decided.response.phase,
            )
            if last is not None and messages.told_as(last.response.phase) is not messages.told_as(view.response.phase):
                messages.tell_phase(conn, self._number, view.response.phase)
        if decided.resolves or (decided.continues and last is not None and last.standing.state is State.RESOLVED):
            messages.renew_ends(conn, self._number, now=now)
        incidents.append(conn, self._number, said)
        for (entry, _, _), line in zip(said, decided.lines, strict=True):
            if view.goes_on and line.kind is EntryKind.ALL_RESOLVED:
                self._hand_on(self._still_firing(view.parted), paged_before)
            elif line.is_for_paged:
                self._note(entry, line, severity.rank, paged_before)
        if (silent := self._silent_entry(view)) is not None:
            incidents.append(conn, self._number, [silent])
        incidents.save(
            conn, self._number, standing=standing, view=view, alerts_ended=alerts_ended, ended_how=how, seq=self._seq
        )
        if group.settings.sla is not None:
            await_limits(conn, self._number, group.settings.sla, now if last is None else last.opened_at, view)
        self._count(decided, how)
        if decided.resolves:
            pages.call_off(conn, self._number)
        return is_changed or has_joined or bool(said)

    def _worst(self, states: Sequence[MemberState], most: int) -> list[Member]:
        return members.worst(self._conn, self._group.id, self._counts, states, most)

    def _ended_how(self, facts: Snapshot) -> EndKind | None:
        before = self._last.ended_how if self._last is not None else None
        hows = members.ended_hows(self._conn, self._group.id) if facts.ended else set()
        if before is not None and before is not EndKind.MOVED:
            hows.add(before.value)
        return least_certain(hows) if hows else None

    def _come_along(self, shown: recipients.Recipients, labels: Mapping[str, str], where: str) -> None:
        """The incident came along from another group, and goes on in this one."""
        shown.bring(labels, moved_to=where, seq=self._seq)
        encoded = msgspec.json.encode(self._group.labels).decode()
        incidents.move(self._conn, self._number, group_id=self._group.id, route=self._group.route, group_labels=encoded)

    def _where(self, decided: Decision, went_to: Sequence[int], labels: Mapping[str, str]) -> str:
        """Where alerts went, as people say it; of several the last."""
        if decided.continues:
            home = channels_for(self._group.settings, labels, self._rules.ruleset.catalog).home
            return f"{home or self._group.route} as #{self._number}"
        return incidents.place(self._conn, went_to[-1]) if went_to else ""

    def _with_parted(self, view: IncidentView, decided: Decision, went_to: Sequence[int], where: str) -> IncidentView:
        """What went from here to other incidents, and whether that still fires when this one ends."""
        before = None if self._last is None or decided.opens else self._last.view
        parted = dict.fromkeys((*(() if before is None else before.parted), *went_to))
        parted.pop(self._number, None)
        if not parted:
            return view
        still = self._still_firing(parted) if decided.resolves and view.ended_how is not EndKind.MOVED else []
        return msgspec.structs.replace(
            view,
            parted=tuple(parted),
            parted_to=where if went_to or before is None else before.parted_to,
            goes_on=", ".join(f"#{one.number} {one.view.severity.value.upper()}" for one in still),
        )

    def _still_firing(self, numbers: Collection[int]) -> list[incidents.Incident]:
        """Of these incidents, and of those that they went on as, the ones that are open; the worst first."""
        found, ahead, seen = [], list(numbers), {self._number}
        while ahead:
            number = ahead.pop()
            one = None if number in seen else incidents.find(self._conn, number)
            seen.add(number)
            if one is None:
                continue
            if one.standing.state is State.TRIGGERED:
                found.append(one)
            else:
                ahead += one.view.parted
        return sorted(found, key=lambda one: (-one.view.severity.rank, one.number))

    def _hand_on(self, going_on: Sequence[incidents.Incident], paged: Sequence[Paged]) -> None:
        """This one ended, and whoever was paged for it is paged for what goes on of it, so that the end of that is told
        to them, too."""
        for one in going_on:
            reached = {conversation for _, conversation, _ in messages.people_paged(self._conn, one.number)}
            for page, conversation, person in paged:
                if conversation not in reached:
                    reached.add(conversation)
                    self._page_for(one, pages.of(self._conn, page), conversation, person)

    def _page_for(self, one: incidents.Incident, wanted: Page, conversation: int, person: str) -> None:
        conn, now = self._conn, self._now
        hold = page_hold(conn, wanted, one.group_id, now, self._rules.suppressors)
        if hold is not None:  # by the rules, when nothing holds it any more
            if not pages.is_pending(conn, one.number, wanted):
                policy = self._rules.ruleset.policy_of(wanted)
                position = None if hold.until is None else first_of(policy, hold.until)
                pages.begin(conn, one.number, wanted, position, now, is_hushed=hold.is_hush)
            return
        page, why = pages.begin_reached(conn, one.number, wanted, now), f"#{self._number} goes on as this"
        rank = one.view.severity.rank
        messages.begin(
            conn,
            subject=Subject.PAGE,
            conversation_id=conversation,
            rank=rank,
            now=now,
            incident=one.number,
            page=page,
            text=why,
        )
        entry = TimelineEntry(seq=0, at=now, kind=EntryKind.PAGED, people=(person,), detail=why)
        incidents.add(conn, one.number, entry, say_at=None, is_broadcast=False)
        on_call = messages.names_paged(conn, one.number)
        incidents.save_view(conn, one.number, msgspec.structs.replace(one.view, on_call=on_call))
        messages.raise_versions(conn, one.number, rank=rank, tells_end=False, now=now)

    def _page(self, wanted: Page | None, rank: int, decided: Decision) -> None:
        """Begin a page. One whose escalation runs, or stood when the incident ended, goes on, and the rules are asked anew who
        is on call: whoever has no page of it yet gets one."""
        if wanted is None:
            return
        conn, number, now, ruleset = self._conn, self._number, self._now, self._rules.ruleset
        is_rise = decided.is_rise and not decided.continues
        hold = page_suppression(wanted, now)
        paging = Paging(0, number, wanted, rank, is_rise=is_rise, is_opening=decided.opens)
        standing = pages.of_incident(conn, number)
        comes_back = any(line.kind is EntryKind.REOPENED for line in decided.lines)
        if is_rise and (running := pages.running(standing, wanted)) is not None and not running.has_paged:
            return
        before = next((one for one in standing if one.is_same(wanted) and one.has_paged), None)
        goes_on = before is not None and before.position is not None and not before.is_stopped
        if (
            hold is None
            and before is not None
            and ((is_rise and goes_on) or (before.is_stopped and (is_rise or comes_back)))
        ):
            if decided.response.phase is Phase.OPEN:
                go_on(conn, number, now, self._rules)
            self._carry_out(msgspec.structs.replace(paging, id=before.id))
            return
        pages.replace(conn, [one.id for one in standing if not is_rise or one.is_same(wanted)])
        begins = now if hold is None else hold.until
        position = None if begins is None else first_of(ruleset.policy_of(wanted), begins)
        page = pages.begin(conn, number, wanted, position, now)
        if position is not None and position.due <= now:
            self._carry_out(msgspec.structs.replace(paging, id=page, position=position))

    def _carry_out(self, paging: Paging) -> None:
        self._seq = carry_out(self._conn, paging, self._seq, self._now, self._rules, self._metrics)

    def _entry(
        self,
        line: Line,
        facts: Snapshot,
        about: Sequence[Member],
        severity: Severity,
        started_at: datetime,
        ended_at: datetime | None,
        how: EndKind | None,
        where: str,
    ) -> tuple[TimelineEntry, datetime | None, bool]:
        self._seq += 1
        is_end = line.kind in {EntryKind.SOME_RESOLVED, EntryKind.ALL_RESOLVED}
        is_more = line.kind is EntryKind.MORE and self._came_along
        count = facts.new - facts.arriving if is_more else facts.ended if is_end else facts.new
        lasted = (ended_at or self._now) - started_at
        count = len(about) and facts.moved if line.kind is EntryKind.MOVED else count
        entry = TimelineEntry(
            seq=self._seq,
            at=self._now,
            kind=line.kind,
            count=count,
            firing=facts.firing,
            titles=titles_of(about),
            noun=noun_of(about),
            counted=heaps(about)[1] if len(about) == count else (),
            severity=severity if line.kind is not EntryKind.WORSE or line.is_rise else None,
            lasted=lasted if line.kind in {EntryKind.ALL_RESOLVED, EntryKind.REPEAT} else None,
            how=how if is_end else None,
            detail=where if line.kind is EntryKind.MOVED else "",
        )
        return entry, line.say_at, line.is_broadcast

    def _silent_entry(self, view: IncidentView) -> tuple[TimelineEntry, datetime | None, bool] | None:
        """A line of the thread, which nobody hears, when a source falls silent; that it speaks again is seen in the
        message."""
        before = self._last.view if self._last is not None else None
        if not fell_silent(view, before):
            return None
        self._seq += 1
        entry = TimelineEntry(seq=self._seq, at=self._now, kind=EntryKind.SOURCE_SILENT, detail=silence_words(view))
        return entry, self._now, False

    def _note(self, entry: TimelineEntry, line: Line, rank: int, paged: Sequence[Paged]) -> None:
        """Whoever is paged for the first time by this very evaluation has the page: one sound per person and change."""
        response = self._response
        if response.phase is not Phase.OPEN and not line.is_rise:
            if entry.kind is EntryKind.ALL_RESOLVED:
                lately = pages.carried_out_since(self._conn, self._number, self._now - SLEPT_AGAIN)
                paged = [one for one in paged if one[0] in lately]
            else:
                paged = [one for one in paged if one[2] == response.by]
        is_end = entry.kind is EntryKind.ALL_RESOLVED
        ring(self._conn, self._number, entry.seq, rank=rank, paged=paged, now=self._now, is_end=is_end)

    def _count(self, decided: Decision, how: EndKind | None) -> None:
        if decided.opens:
            self._metrics.add("alert_router_incidents_opened")
            if self._group.settings.group_by and not self._group.labels:
                self._metrics.add("alert_router_groups_without_labels", (self._group.route,))
        elif decided.reopens:
            self._metrics.add("alert_router_incidents_reopened")
        elif decided.resolves:
            self._metrics.add("alert_router_incidents_resolved", ((how or EndKind.TOLD).value,))
