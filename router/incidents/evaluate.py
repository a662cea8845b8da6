"""Looks at groups that are due: what is true, what was told, what holds back; writes down what is to be told.

Only dispatch moves what was told (ENGINE, *Groups*). One look is one part of one transaction; it sends nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from adapters.alert import Severity
from router.core.compose import COMPARED, SHOWN, compose, fell_silent, least_certain, with_silence
from router.core.content import Subject
from router.core.evaluation import CROWDED_WITHIN, Decision, Line, NotificationState, Snapshot, continue_elsewhere, plan
from router.core.member import BY_RANK, Member, visible
from router.core.render.headline import silence as silence_words
from router.core.view import EndKind, EntryKind, IncidentView, State, Suppressed, TimelineEntry
from router.incidents import recipients
from router.incidents.escalate import Paging, Rules, carry_out
from router.runtime.metrics import Metrics
from router.store.evaluation import groups, incidents, messages, pages, summaries
from router.store.heartbeats import stale_sources
from router.store.intake import migration
from rules.model.catalog import channels_for
from rules.model.route import Page
from rules.model.ruleset import RuleSet, window_suppression
from rules.model.suppression import Suppression, SuppressionKind, page_suppression

AT_ONCE = 20
"""Groups per transaction: whoever else wants to write waits for no more than these."""
EXAMINED = 2_000
"""Untold alerts of one group whose labels are held against maintenances and inhibitions in one look."""
GONE = "gone its route is no longer in the rules"


class Evaluated(msgspec.Struct, frozen=True):
    """What a step did: how many groups, and whether somebody is to be told or paged now."""

    looked: int
    told: bool
    next_due: datetime | None


def step(conn: Connection, now: datetime, rules: Rules, metrics: Metrics, most: int = AT_ONCE) -> Evaluated:
    """Look at the groups that are due, the longest due first."""
    due = groups.due(conn, now, most)
    round_ = _Round(conn, now, rules, metrics)
    for group in due:
        round_.look(group)
    told = _tell_summaries(conn, now, rules) or round_.told
    waits = [at for at in (groups.next_due(conn), summaries.next_due(conn)) if at is not None]
    return Evaluated(len(due), told, min(waits, default=None))


def _tell_summaries(conn: Connection, now: datetime, rules: Rules) -> bool:
    """One word per channel about what began and ended while it was held back."""
    due = summaries.take_due(conn, now)
    for summary in due:
        alerts = "1 alert" if summary.alerts == 1 else f"{summary.alerts} alerts"
        name = summary.suppressed_by.partition(" ")[2]
        text = f"{alerts} began and ended while news was held back ({name}), and were not told."
        messages.post(conn, notifier=rules.notifier, target=summary.channel, text=text, now=now)
    return bool(due)


class _Round:
    """Looks at groups within one transaction. Where alerts move from one to another, the new one is looked at first."""

    def __init__(self, conn: Connection, now: datetime, rules: Rules, metrics: Metrics) -> None:
        self._conn, self._now, self._rules, self._metrics = conn, now, rules, metrics
        self._looked: set[int] = set()
        """Groups that are not any more as they were when the round began."""
        self.told = False
        """Whether anybody is to be told anything."""

    def look(self, group: groups.Group, on_the_way: frozenset[int] = frozenset()) -> None:
        on_the_way |= {group.id}
        for target in migration.leaving_for(self._conn, group.id):
            if target not in on_the_way:
                self.look(groups.get(self._conn, target), on_the_way)
        if group.id in self._looked:
            group = groups.get(self._conn, group.id)
        self._looked.add(group.id)
        for left in self._look(group):
            self.look(groups.get(self._conn, left), on_the_way)

    def _look(self, group: groups.Group) -> list[int]:
        """Returns the groups that are to be told where their alerts went."""
        conn, now, settings = self._conn, self._now, group.settings
        hold = window_suppression(settings, now)
        holds = _suppress(conn, group, hold, now, self._rules.ruleset)
        counts = groups.count(conn, group.id)
        _count_over(conn, group, counts.ended_suppressed, holds, now, self._rules.ruleset)
        last = None if group.incident is None else incidents.get(conn, group.incident)
        facts = _facts(conn, group, counts, last, hold, holds, now)
        decided = plan(facts)
        suppressed_rank = _held_rank(counts)
        released_in = None
        if group.suppressed_rank is not None and decided.opens:
            released_in = recipients.primary_of(conn, group, self._rules.ruleset) or None
        if decided.opens and released_in is not None and suppressed_rank is None:
            turn = incidents.turn(conn, released_in, now)
            if turn is not None:
                groups.settle(
                    conn, group.id, now=now, due_at=turn, incident=group.incident, suppressed_rank=group.suppressed_rank
                )
                return []
        number = group.incident
        came = migration.arrivals(conn, group.id) if counts.is_arriving and decided.notifies_new else []
        if came:
            decided = msgspec.structs.replace(decided, pages=decided.pages and migration.is_news(conn, group.id))
        along = next((one for one in came if one.is_whole and one.incident is not None and decided.opens), None)
        if along is not None and along.incident is not None:
            number, last = along.incident, incidents.get(conn, along.incident)
            migration.take_over(conn, group.id, along.group)
            self._looked.add(along.group)
            facts = msgspec.structs.replace(facts, ended=groups.count(conn, group.id).ended)
            home = recipients.primary_of(conn, group, self._rules.ruleset)
            is_primary, stands = messages.stands_at(conn, number, self._rules.notifier, home)
            decided = continue_elsewhere(decided, facts, last.standing, is_primary=is_primary, stands=stands)
        elif decided.opens and decided.standing is not None:
            number, last = self._open(group, decided.standing, released_in), None
        if number is not None and decided.standing is not None:
            suppressed = tuple(
                Suppressed(count, suppressed_by.partition(" ")[2], holds.get(suppressed_by))
                for suppressed_by, count in sorted(counts.held.items())
            )
            telling = _Notification(conn, group, number, last, now, self._rules, self._metrics)
            self.told = telling.carry_out(decided, facts, decided.standing, suppressed) or self.told
        elif counts.ended_before_notified or counts.ended or counts.moved:
            groups.remove_ended(conn, group.id)
        groups.settle(conn, group.id, now=now, due_at=decided.due_at, incident=number, suppressed_rank=suppressed_rank)
        if decided.reason is not None:
            self._metrics.add("alert_router_notified", (decided.reason.value,))
        for suppressed_by, count in counts.held.items():
            self._metrics.add("alert_router_suppressed", (suppressed_by.partition(" ")[0],), count)
        left = [one.group for one in came if one is not along]
        for one in left:
            migration.tell(conn, group.id, one, number or 0)
        if came:
            migration.settle(conn, group.id)
        return left

    def _open(self, group: groups.Group, standing: NotificationState, released_in: str | None) -> int:
        return incidents.open_incident(
            self._conn,
            group_id=group.id,
            route=group.route,
            group_labels=msgspec.json.encode(group.labels).decode(),
            standing=standing,
            now=self._now,
            released_in=released_in,
        )


def _facts(
    conn: Connection,
    group: groups.Group,
    counts: groups.Counts,
    last: incidents.Incident | None,
    hold: Suppression | None,
    holds: Mapping[str, datetime | None],
    now: datetime,
) -> Snapshot:
    waits = [until for suppressed_by, until in holds.items() if until is not None and suppressed_by in counts.held]
    if hold is not None and hold.until is not None and counts.notified_firing:
        waits.append(hold.until)
    has_lines = last is not None and counts.new + counts.ended + counts.moved > 0
    return Snapshot(
        now=now,
        settings=group.settings,
        notified_firing=counts.notified_firing,
        new=counts.new,
        ended=counts.ended,
        moved=counts.moved,
        severity=group.settings.severity or BY_RANK[counts.severity_rank],
        waiting_since=counts.waiting_since,
        is_arriving=counts.is_arriving,
        is_suppressed=hold is not None or group.route_is_gone,
        free_at=min(waits, default=None),
        standing=None if last is None else last.standing,
        lines_lately=incidents.lines_since(conn, last.number, now - CROWDED_WITHIN) if last and has_lines else 0,
    )


def _held_rank(counts: groups.Counts) -> int | None:
    """Of the worst alert that waits for a window or a maintenance to end."""
    planned = {SuppressionKind.QUIET.value, SuppressionKind.ONLY.value, SuppressionKind.MAINTENANCE.value}
    ranks = (
        rank for suppressed_by, rank in counts.suppressed_ranks.items() if suppressed_by.partition(" ")[0] in planned
    )
    return max(ranks, default=None)


def _suppress(
    conn: Connection, group: groups.Group, hold: Suppression | None, now: datetime, ruleset: RuleSet
) -> dict[str, datetime | None]:
    """Mark which untold alerts wait, and for what. Returns what holds, and until when."""
    if group.route_is_gone:
        groups.suppress_all(conn, group.id, GONE)
        return {GONE: None}
    if hold is not None:
        suppressed_by = f"{hold.kind.value} {hold.name}"
        groups.suppress_all(conn, group.id, suppressed_by)
        return {suppressed_by: hold.until}
    if not ruleset.maintenance and not ruleset.inhibit:
        groups.release_all(conn, group.id)
        return {}
    holds: dict[str, datetime | None] = {}
    changes = []
    for member in groups.untold(conn, group.id, EXAMINED):
        held = _held(conn, member, now, ruleset)
        held_now = None
        if held is not None:
            held_now = f"{held.kind.value} {held.name}"
            holds[held_now] = held.until
        if held_now != member.suppressed_by:
            changes.append((member, held_now))
    groups.suppress_each(conn, group.id, changes)
    return holds


def _count_over(
    conn: Connection,
    group: groups.Group,
    ended_suppressed: Mapping[str, int],
    holds: Mapping[str, datetime | None],
    now: datetime,
    ruleset: RuleSet,
) -> None:
    """Remember for the summary what ended while it was held. An inhibition has its own message; it needs no summary."""
    if not ended_suppressed or not (channel := recipients.summary_channel(conn, group, ruleset)):
        return
    for suppressed_by, alerts in ended_suppressed.items():
        kind, _, name = suppressed_by.partition(" ")
        if kind == SuppressionKind.MAINTENANCE.value:
            due_at = next((entry.ends for entry in ruleset.maintenance if entry.name == name), now)
        elif kind in {SuppressionKind.QUIET.value, SuppressionKind.ONLY.value}:
            due_at = holds.get(suppressed_by, now)
        else:
            continue
        if due_at is not None:
            summaries.add(conn, channel, suppressed_by, alerts, due_at=due_at)


def _held(conn: Connection, member: Member, now: datetime, ruleset: RuleSet) -> Suppression | None:
    labels = visible(member)
    if (hold := ruleset.maintenance_suppression(labels, now)) is not None:
        return hold
    for key in ruleset.decide(labels).inhibited_by:
        if groups.is_inhibited(conn, key):
            return Suppression(SuppressionKind.INHIBITION, key.rule, None)
    return None


class _Notification:
    """Carries a plan out for one group: membership, incident, timeline, messages, pages; all in the caller's transaction."""

    def __init__(
        self,
        conn: Connection,
        group: groups.Group,
        number: int,
        last: incidents.Incident | None,
        now: datetime,
        rules: Rules,
        metrics: Metrics,
    ) -> None:
        self._conn, self._group, self._number, self._last = conn, group, number, last
        self._now, self._rules, self._metrics = now, rules, metrics
        self._seq = last.seq if last is not None else 0

    def carry_out(
        self, decided: Decision, facts: Snapshot, standing: NotificationState, suppressed: tuple[Suppressed, ...]
    ) -> bool:
        """Returns whether anybody is to be told anything."""
        conn, group, last, now = self._conn, self._group, self._last, self._now
        arrived = groups.newest(conn, group.id, SHOWN) if decided.notifies_new else []
        if decided.notifies_new:
            groups.mark_notified(conn, group.id, for_copies=bool(self._rules.ruleset.copies))
        departed = groups.ended(conn, group.id, SHOWN) if facts.ended else []
        moved = groups.moved(conn, group.id, SHOWN) if facts.moved else []
        how = EndKind.MOVED if moved and decided.resolves else self._ended_how(facts)
        firing = facts.notified_firing + facts.new
        members = groups.worst(conn, group.id, COMPARED) if firing else [*departed, *moved]
        where = self._where(decided, facts, visible(members[0]))
        sources = groups.notified_sources(conn, group.id) or (last.view.sources if last is not None else ())
        groups.remove_ended(conn, group.id)
        severity = facts.severity if firing or last is None else last.view.severity
        started_at = min(member.starts_at for member in members)
        if last is not None and not decided.opens:
            started_at = min(started_at, last.view.started_at)
        started_at = min(started_at, now)
        ended_at = None
        if decided.resolves:
            ended_at = max(started_at, min(now, max((member.ends_at or now for member in departed), default=now)))
        alerts_ended = (last.alerts_ended if last is not None else 0) + facts.ended
        paged_before = messages.people_paged(conn, self._number)
        shown = recipients.Recipients(conn, self._number, group, severity.rank, now, self._rules, self._metrics)
        if decided.opens:
            shown.begin(visible(members[0]))
        elif decided.continues:
            self._come_along(shown, visible(members[0]), where)
        has_joined = shown.join_copies()
        if decided.pages:
            self._page(shown.page(visible(members[0]), is_new=not decided.reopens), severity.rank)
        about = {EntryKind.SOME_RESOLVED: departed, EntryKind.ALL_RESOLVED: departed}
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
            members=members,
            firing=firing,
            ended=alerts_ended,
            started_at=started_at,
            ended_at=ended_at,
            ended_how=how if decided.resolves else None,
            sources=sources,
            suppressed=suppressed if not decided.resolves else (),
            on_call=tuple(dict.fromkeys(person for _, _, person in messages.people_paged(conn, self._number))),
            moved_to=where if how is EndKind.MOVED else "",
        )
        view = with_silence(view, stale_sources.silent_in(conn, group.id) if firing else {})
        is_changed = last is None or view != last.view
        if is_changed and not decided.opens:
            messages.raise_versions(
                conn, self._number, rank=severity.rank, tells_end=view.state is State.RESOLVED, now=now
            )
        incidents.append(conn, self._number, said)
        for (entry, _, _), line in zip(said, decided.lines, strict=True):
            if line.is_for_paged:
                self._note(entry, severity.rank, paged_before)
        if (silent := self._silent_entry(view)) is not None:
            incidents.append(conn, self._number, [silent])
        incidents.save(
            conn, self._number, standing=standing, view=view, alerts_ended=alerts_ended, ended_how=how, seq=self._seq
        )
        self._count(decided, how)
        if decided.resolves:
            pages.call_off(conn, self._number)
        return is_changed or has_joined or bool(said)

    def _ended_how(self, facts: Snapshot) -> EndKind | None:
        before = self._last.ended_how if self._last is not None else None
        hows = groups.ended_hows(self._conn, self._group.id) if facts.ended else set()
        if before is not None and before is not EndKind.MOVED:
            hows.add(before.value)
        return least_certain(hows) if hows else None

    def _come_along(self, shown: recipients.Recipients, labels: Mapping[str, str], where: str) -> None:
        """The incident came along from another group, and goes on in this one."""
        shown.bring(labels, moved_to=where, seq=self._seq)
        encoded = msgspec.json.encode(self._group.labels).decode()
        incidents.move(self._conn, self._number, group_id=self._group.id, route=self._group.route, group_labels=encoded)

    def _where(self, decided: Decision, facts: Snapshot, labels: Mapping[str, str]) -> str:
        """Where alerts went, as people say it."""
        if decided.continues:
            home = channels_for(self._group.settings, labels, self._rules.ruleset.catalog).home
            return f"{home or self._group.route} as #{self._number}"
        if not facts.moved:
            return ""
        number = migration.destination(self._conn, self._group.id)
        return "" if number is None else incidents.place(self._conn, number)

    def _page(self, wanted: Page | None, rank: int) -> None:
        if wanted is None:
            return
        pages.call_off(self._conn, self._number)
        hold = page_suppression(wanted, self._now)
        begins = self._now if hold is None else hold.until
        due_at = begins and begins + self._rules.ruleset.first_after(wanted)
        page = pages.begin(self._conn, self._number, wanted, due_at)
        if due_at == self._now:
            paging = Paging(page, self._number, wanted, rank)
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
        lasted = (ended_at or self._now) - started_at
        entry = TimelineEntry(
            seq=self._seq,
            at=self._now,
            kind=line.kind,
            count=len(about) and facts.moved if line.kind is EntryKind.MOVED else facts.ended if is_end else facts.new,
            firing=facts.notified_firing + facts.new,
            titles=tuple(member.document.title for member in about),
            severity=severity,
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

    def _note(self, entry: TimelineEntry, rank: int, paged: Sequence[tuple[int, int, str]]) -> None:
        """Whoever is paged for the first time by this very look has the page: one sound per person and change."""
        for page, conversation, _ in paged:
            messages.begin(
                self._conn,
                subject=Subject.NOTE,
                conversation_id=conversation,
                rank=rank,
                now=self._now,
                incident=self._number,
                page=page,
                entry=entry.seq,
            )

    def _count(self, decided: Decision, how: EndKind | None) -> None:
        if decided.opens:
            self._metrics.add("alert_router_incidents_opened")
            if self._group.settings.group_by and not self._group.labels:
                self._metrics.add("alert_router_groups_without_labels", (self._group.route,))
        elif decided.reopens:
            self._metrics.add("alert_router_incidents_reopened")
        elif decided.resolves:
            self._metrics.add("alert_router_incidents_resolved", ((how or EndKind.TOLD).value,))
