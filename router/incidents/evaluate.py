"""Evaluates groups that are due: what is true, what was told, what suppresses; writes down what is to be told.

Only here does an alert become one that its destinations know. One evaluation is one part of one transaction; it sends
nothing, and reads no more of a group than its messages show and what has changed.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from router.core.evaluation import NotificationState, continue_elsewhere, plan
from router.core.member import Suppressor
from router.core.view import State, Suppressed
from router.incidents import label_suppression, recipients, silences
from router.incidents.escalate import Rules
from router.incidents.notification import Notification
from router.incidents.snapshot import GONE, PLANNED, held_rank, snapshot_of
from router.incidents.suppression import ends_of, silence_words, words_of
from router.runtime.clock import to_ms
from router.runtime.metrics import Metrics
from router.store.evaluation import groups, incidents, members, messages, pages, summaries
from router.store.intake import migration, siblings
from router.store.intake import silences as stored_silences
from rules.model.suppression import BY_LABELS, SuppressionKind, SuppressorsInForce, window_suppression

LISTED = 20
"""Suppressors of one group that its messages are told of; silences may be many."""
AT_ONCE = 20
"""Groups per transaction: whoever else wants to write waits for no more than these."""


class Evaluated(msgspec.Struct, frozen=True):
    """What a step did: how many groups, and whether somebody is to be told or paged now."""

    looked: int
    told: bool
    next_due: datetime | None
    swept: SuppressorsInForce | None = None
    """What every firing alert is held against now; None: some are not yet."""


def step(
    conn: Connection,
    now: datetime,
    rules: Rules,
    metrics: Metrics,
    most: int = AT_ONCE,
    *,
    swept: SuppressorsInForce | None = None,
    waits: bool = True,
) -> Evaluated:
    """Evaluate the groups that are due, the longest due first; where it `waits`, none before everybody is held against the
    maintenances and silences that have begun and ended. `swept`: what everybody was held against before, if that is known."""
    is_swept = not label_suppression.step(conn, now, rules.suppressors, swept)
    if waits and not is_swept:
        return Evaluated(1, told=False, next_due=now)
    due = groups.due(conn, now, most)
    round_ = _Round(conn, now, rules, metrics)
    for group in due:
        round_.look(group)
    told = _tell_summaries(conn, now, rules) or round_.told
    told = silences.remind(conn, now, rules.ruleset, rules.notifier, rules.command) or told
    ahead = (groups.next_due(conn), summaries.next_due(conn), stored_silences.next_reminder(conn))
    edges = [at for at in (*ahead, rules.suppressors.until) if at is not None]
    if not is_swept:
        return Evaluated(len(due) + 1, told, now)
    return Evaluated(len(due), told, min(edges, default=None), swept=rules.suppressors)


def look_at(conn: Connection, group: int, now: datetime, rules: Rules, metrics: Metrics) -> groups.Group:
    """Evaluate one group here and now, due or not. Returns what it is then."""
    _Round(conn, now, rules, metrics).look(groups.get(conn, group))
    return groups.get(conn, group)


def _tell_summaries(conn: Connection, now: datetime, rules: Rules) -> bool:
    """One word per channel about what began and ended while it was held back."""
    due = summaries.take_due(conn, now)
    for summary in due:
        alerts = "1 alert" if summary.alerts == 1 else f"{summary.alerts} alerts"
        name = _named(conn, summary)
        text = f"{alerts} began and ended while news was held back ({name}), and were not told."
        messages.post(conn, notifier=rules.notifier, target=summary.channel, text=text, now=now)
    return bool(due)


def _named(conn: Connection, summary: summaries.Summary) -> str:
    if summary.kind != SuppressionKind.SILENCE:
        return summary.name
    one = stored_silences.get(conn, summary.name)
    if one is None:
        return "a silence"
    return f"silenced {silence_words(one.suppressor.key, SuppressorsInForce([one.suppressor]))}"


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
        by_route = GONE if group.route_is_gone else None if hold is None else (hold.kind.value, hold.name)
        counts = self._counts(group)
        suppressed = dict(counts.suppressed)
        if by_route is not None and counts.new:
            suppressed[by_route] = counts.new
        until = ends_of({*suppressed, *counts.muted}, self._rules.suppressors)
        if by_route is not None:
            until[by_route] = None if hold is None else hold.until
        _count_over(conn, group, counts, by_route, until, now, self._rules)
        last = None if group.incident is None else incidents.get(conn, group.incident)
        facts = snapshot_of(conn, group, counts, last, by_route, until, now)
        decided = plan(facts)
        suppressed_rank = held_rank(counts, by_route)
        released_in = None
        if group.suppressed_rank is not None and decided.opens:
            released_in = recipients.primary_of(conn, group, counts, self._rules.ruleset) or None
        if decided.opens and released_in is not None and suppressed_rank is None:
            turn = incidents.turn(conn, released_in, now)
            if turn is not None:
                groups.put_off(conn, group.id, now=now, due_at=turn)
                return []
        number = group.incident
        came = (
            migration.arrivals(conn, group.id, to_ms(now) - siblings.JUST_ENDED_MS)
            if facts.arriving and decided.notifies_new
            else []
        )
        if came:
            is_news = migration.is_news(conn, group.id, counts)
            decided = msgspec.structs.replace(decided, pages=decided.pages and is_news)
        along = next((one for one in came if one.is_whole and one.incident is not None and decided.opens), None)
        if along is not None and along.incident is not None:
            number, last = along.incident, incidents.get(conn, along.incident)
            migration.take_over(conn, group.id, along.group)
            self._looked.add(along.group)
            counts = members.count(conn, group.id)
            facts = msgspec.structs.replace(facts, ended=counts.ended, response=last.response)
            home = recipients.primary_of(conn, group, counts, self._rules.ruleset)
            is_primary, stands = messages.stands_at(conn, number, self._rules.notifier, home)
            decided = continue_elsewhere(
                decided, facts, last.standing, said=last.view.severity, is_primary=is_primary, stands=stands
            )
        elif decided.opens and decided.standing is not None:
            number, last = self._open(group, decided.standing, released_in), None
        if number is not None and decided.standing is not None:
            waits = self._waits(suppressed, counts.muted, until)
            telling = Notification(conn, group, number, last, counts, now, self._rules, self._metrics)
            self.told = telling.carry_out(decided, facts, decided.standing, waits) or self.told
            if not facts.is_hushed:
                self.told = pages.wake_hushed(conn, number, now) or self.told
        elif counts.ended_before_notified or counts.ended or counts.moved:
            members.remove_ended(conn, group.id)
        is_empty = not counts.notified_firing and not counts.new and not suppressed
        if is_empty:
            members.forget_sources(conn, group.id)
        groups.save(
            conn,
            group.id,
            groups.Evaluated(
                at=now,
                due_at=decided.due_at,
                incident=number,
                arrived_since=None if decided.notifies_new or not counts.new else group.arrived_since,
                suppressed=by_route,
                suppressed_rank=suppressed_rank,
                wait=decided.wait,
            ),
        )
        if decided.reason is not None:
            self._metrics.add("alert_router_notified", (decided.reason.value,))
        for (kind, _), count in suppressed.items():
            self._metrics.add("alert_router_suppressed", (kind,), count)
        left = [one.group for one in came if one is not along]
        for one in left:
            migration.tell(conn, group.id, one, number or 0)
        if came:
            migration.settle(conn, group.id)
        return left

    def _waits(
        self,
        suppressed: Mapping[Suppressor, int],
        muted: Mapping[Suppressor, int],
        until: Mapping[Suppressor, datetime | None],
    ) -> tuple[Suppressed, ...]:
        """What the messages say of what waits; and of what they told, how much of it somebody has silenced since."""

        def said(by: Suppressor, count: int, *, is_known: bool) -> Suppressed:
            words = words_of(count, by, until.get(by), self._rules.suppressors)
            return msgspec.structs.replace(words, is_known=is_known)

        waiting = sorted(suppressed.items())
        known = [(by, count) for by, count in sorted(muted.items()) if by[0] == SuppressionKind.SILENCE]
        found = [said(by, count, is_known=False) for by, count in waiting[:LISTED]]
        found += [said(by, count, is_known=True) for by, count in known[:LISTED]]
        rest = sum(count for _, count in waiting[LISTED:])
        return (*found, Suppressed(rest, "")) if rest else tuple(found)

    def _counts(self, group: groups.Group) -> members.Counts:
        """Where a worse sibling has ended the lesser one goes on, before anything is decided."""
        counts = members.count(self._conn, group.id)
        is_due = counts.ended or counts.ended_before_notified or not (counts.new or counts.notified_firing)
        if not counts.shadowed or not is_due:
            return counts
        number = group.incident
        is_told = number is not None and incidents.get(self._conn, number).standing.state is State.TRIGGERED
        siblings.release(self._conn, group.id, is_told=is_told)
        return members.count(self._conn, group.id)

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


def _count_over(
    conn: Connection,
    group: groups.Group,
    counts: members.Counts,
    by_route: Suppressor | None,
    until: Mapping[Suppressor, datetime | None],
    now: datetime,
    rules: Rules,
) -> None:
    """Remember for the summary what ended while it was suppressed. An inhibition has its own message; it needs no summary."""
    ended = {by: alerts for by, alerts in counts.ended_suppressed.items() if by[0] in PLANNED}
    held = by_route or group.suppressed
    free = counts.ended_before_notified - sum(counts.ended_suppressed.values())
    if held is not None and held[0] in PLANNED and free:
        ended[held] = ended.get(held, 0) + free
    if not ended or not (channel := recipients.summary_channel(conn, group, counts, rules.ruleset)):
        return
    for by, alerts in ended.items():
        due_at = until.get(by, now)
        if by[0] in BY_LABELS:
            due_at = now if (one := rules.suppressors.get(by)) is None else one.ends
        if due_at is not None:
            summaries.add(conn, channel, by, alerts, due_at=due_at)
