"""Carries out the steps of pages that are due: asks the rules who is on call now, and tells them.


Which step comes when is decided in `core/escalation`, of the policy that the rules in force have under the page's name.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from router.core.content import Subject
from router.core.escalation import Taken, another_round, carry_on, resumed
from router.core.recipient import target_of
from router.core.render.headline import acted_by, title_of
from router.core.view import EntryKind, Phase, State, TimelineEntry
from router.incidents.suppression import Hush, page_hold
from router.runtime.metrics import Metrics
from router.store.evaluation import groups, incidents, messages, pages
from rules.model.configuration import SLASH_COMMAND
from rules.model.escalation import OnCall, Policy, Position, Step, begin
from rules.model.escalation_rounds import ahead
from rules.model.route import Loudness, Page, PageKind
from rules.model.ruleset import RuleSet
from rules.model.suppression import NOTHING, SuppressorsInForce, page_suppression

_ASKED = {EntryKind.ESCALATED: "escalated to you", EntryKind.RESPONDER_ADDED: "asked to help"}
"""Why you, of whom somebody named."""


class Rules(msgspec.Struct, frozen=True):
    """What dispatch and escalate need of the configuration in force."""

    ruleset: RuleSet
    notifier: str
    """By which the channels and people of the rules are reached."""
    suppressors: SuppressorsInForce = NOTHING
    """The maintenances and silences in force now."""
    command: str = SLASH_COMMAND
    """How people call us in Slack."""


class Paging(msgspec.Struct, frozen=True):
    """A page whose time has come."""

    id: int
    incident: int
    page: Page
    rank: int
    position: Position | None = None
    """None: the rules are asked anew who is on call by now, and its escalation stays where it is."""
    has_paged: bool = False
    """A step of it was carried out before."""
    is_opening: bool = False
    """The incident's own first word goes out at the same time: what it reaches needs no other."""
    is_rise: bool = False
    """It was paged before, and got worse."""
    title: str = ""
    lasted: timedelta | None = None
    by: str = ""
    """Who asked for it; "": its time has come."""
    via: str = ""
    """By what they did."""
    asked: EntryKind | None = None
    """How the timeline calls it that somebody named these. None: nobody did, it is the incident's own page."""


class Escalated(msgspec.Struct, frozen=True):
    """What a step did, and when the next page is due."""

    paged: int
    next_due: datetime | None


class Reach(msgspec.Struct, frozen=True):
    """Whom a step reached that somebody asked for."""

    names: tuple[str, ...]
    why: str
    """Why these, or why nobody."""


def step(conn: Connection, now: datetime, rules: Rules, metrics: Metrics) -> Escalated:
    """Steps that are due are carried out, unless something holds them; then they are put off, and those after them."""
    paged = 0
    for reminder in pages.reminders(conn, now):
        paged += _remind(conn, reminder, now, rules)
    for due in pages.due(conn, now):
        paged += 1
        current = incidents.get(conn, due.incident)
        if current.standing.state is State.RESOLVED:
            pages.call_off(conn, due.incident)
        elif not _is_put_off(conn, due, current.group_id, now, rules):
            _carry_out_due(conn, due, current, now, rules, metrics)
    return Escalated(paged, pages.next_due(conn))


def _is_put_off(conn: Connection, due: pages.Standing, group_id: int, now: datetime, rules: Rules) -> bool:
    """What holds it back makes it wait, and what comes after it keeps its distance."""
    hold = None if due.position is None else page_hold(conn, due.page, group_id, now, rules.suppressors)
    if due.position is None or hold is None:
        return False
    next_step = due.next_step if hold.is_known else ""
    position = None if hold.until is None else due.position.moved(hold.until)
    pages.move(conn, due.id, position, next_step=next_step, now=now, is_hushed=hold.is_hush)
    if hold.is_known or due.next_step:
        messages.raise_pages(conn, due.incident, now=now)
    return True


def _carry_out_due(
    conn: Connection,
    due: pages.Standing,
    current: incidents.Incident,
    now: datetime,
    rules: Rules,
    metrics: Metrics,
    *,
    by: str = "",
    via: str = "",
    asked: EntryKind | None = None,
) -> list[Taken]:
    paging = Paging(
        id=due.id,
        incident=due.incident,
        page=due.page,
        rank=current.view.severity.rank,
        position=due.position,
        has_paged=due.has_paged,
        title=title_of(current.view),
        lasted=max(now - current.view.started_at, timedelta(0)),
        by=by,
        via=via,
        asked=asked,
    )
    _, taken = _carry_out(conn, paging, current.seq, now, rules, metrics)
    on_call = messages.names_paged(conn, due.incident)
    if on_call == current.view.on_call:
        messages.raise_pages(conn, due.incident, now=now)
        return taken
    incidents.save_view(conn, due.incident, msgspec.structs.replace(current.view, on_call=on_call))
    messages.raise_versions(
        conn, due.incident, rank=paging.rank, tells_end=current.view.state is State.RESOLVED, now=now
    )
    return taken


def _remind(conn: Connection, due: pages.Reminder, now: datetime, rules: Rules) -> int:
    """Who was paged hears what happened while the page's window was closed, unless it has become better again."""
    current = incidents.get(conn, due.incident)
    hold = page_hold(conn, due.window, current.group_id, now, rules.suppressors)
    if hold is not None:
        pages.remind(conn, due.page, entry=due.entry, remind_at=hold.until)
        return 0
    pages.remind(conn, due.page, entry=None, remind_at=None)
    entry = incidents.entries(conn, due.incident, after=due.entry - 1)[0].entry
    if entry.severity is not None and current.view.severity.rank < entry.severity.rank:
        return 0
    for page, conversation, _ in messages.people_paged(conn, due.incident):
        if page == due.page:
            messages.begin(
                conn,
                subject=Subject.NOTE,
                conversation_id=conversation,
                rank=current.view.severity.rank,
                now=now,
                incident=due.incident,
                page=page,
                entry=due.entry,
            )
    return 1


Paged = tuple[int, int, str]
"""A page, the conversation of one whom it reached, and that person's name."""


def ring(
    conn: Connection,
    number: int,
    entry: int,
    *,
    rank: int,
    paged: Iterable[Paged],
    now: datetime,
    is_end: bool = False,
    hush: Hush | None = None,
) -> None:
    """A message of their own about an entry of the timeline for people who were paged. Bad news waits until the window of
    the page that they were reached by is open, and while `hush` holds the incident."""
    held: dict[int, datetime | None] = {}
    for page, conversation, _ in paged:
        hold = None if is_end else page_suppression(pages.of(conn, page), now)
        if hold is not None or hush is not None:
            held[page] = hold.until if hold is not None else hush.look_again(now) if hush is not None else None
            continue
        messages.begin(
            conn,
            subject=Subject.NOTE,
            conversation_id=conversation,
            rank=rank,
            now=now,
            incident=number,
            page=page,
            entry=entry,
        )
    for page, until in held.items():
        pages.remind(conn, page, entry=entry, remind_at=until)


def carry_out(conn: Connection, paging: Paging, seq: int, now: datetime, rules: Rules, metrics: Metrics) -> int:
    """Carry out what is due of a page, or ask anew who is on call. Returns the timeline's last seq."""
    seq, _ = _carry_out(conn, paging, seq, now, rules, metrics)
    return seq


def _carry_out(
    conn: Connection, paging: Paging, seq: int, now: datetime, rules: Rules, metrics: Metrics
) -> tuple[int, list[Taken]]:
    ruleset = rules.ruleset
    reached = _Reached(conn, paging.incident, ruleset)
    if paging.position is None:
        taken = [Taken(1, 1, ruleset.on_call(paging.page, now))]
    else:
        policy = ruleset.policy_of(paging.page)
        carried = None if policy is None else carry_on(policy, paging.position, now, reached)
        following = None if carried is None else carried.following
        coming = None if policy is None else ahead(policy, following, ruleset)
        pages.carried_out(
            conn,
            paging.id,
            following,
            next_step="" if coming is None else coming.to_come,
            awaited=0 if carried is None else _awaited(carried.taken),
            now=now,
        )
        if carried is None:
            gone = f"the rules have no {paging.page.kind.value} {paging.page.target} any more"
            taken = [Taken(paging.position.round, paging.position.step, nobody(gone), (gone,))]
        else:
            taken = list(carried.taken)
    telling = _Telling(conn, paging, seq, now, rules, metrics)
    for one in taken:
        telling.tell(one)
    return telling.seq, taken


def _awaited(taken: Sequence[Taken]) -> int:
    """How many people are reached, where they are all that is."""
    if any(one.found.channels or one.found.webhooks or one.found.groups for one in taken):
        return 0
    return len({person.name for one in taken for person in one.found.persons})


def nobody(why: str) -> OnCall:
    return OnCall((), (), why, None, nobody=True)


class _Reached:
    """Whom a step reaches: as the rules say, but that a group can only be mentioned where the incident is told."""

    def __init__(self, conn: Connection, incident: int, ruleset: RuleSet) -> None:
        self._conn, self._incident, self._ruleset = conn, incident, ruleset

    def __call__(self, step: Step, at: datetime) -> OnCall:
        found = self._ruleset.reached(step, at)
        if found.groups and not messages.home_of(self._conn, self._incident):
            return nobody(f"{step.reaches} cannot be mentioned, the incident is in no channel")
        return found


class _Telling:
    """Tells whom steps reach. One transaction is one change: whom several of its steps reach hears of it once."""

    def __init__(
        self, conn: Connection, paging: Paging, seq: int, now: datetime, rules: Rules, metrics: Metrics
    ) -> None:
        self._conn, self._paging, self._now, self._rules, self._metrics = conn, paging, now, rules, metrics
        self.seq = seq
        self._paged = {person: (page, there) for page, there, person in messages.people_paged(conn, paging.incident)}
        self._told: set[tuple[str, str | int]] = set()
        self._has_carried_out = False

    def tell(self, taken: Taken) -> None:
        conn, paging, found, now = self._conn, self._paging, taken.found, self._now
        is_first = not paging.has_paged and (paging.position is None or paging.position.round == taken.round == 1)
        is_later = paging.position is not None and (paging.has_paged or self._has_carried_out)
        seq = self.seq + 1
        why = taken.why if paging.asked is None else _ASKED[paging.asked] + acted_by(paging.by)
        fresh = [self._tell_person(person.name, target_of(person), why, seq) for person in found.persons]
        at_home = [channel for channel in found.channels if self._tell_channel(channel, taken)]
        rung = [webhook for webhook in found.webhooks if self._ring(webhook)]
        self._has_carried_out = True
        if paging.is_rise and not (any(fresh) or rung or found.groups or found.nobody):
            return
        self.seq = seq
        names = (*(person.name for person in found.persons), *found.groups, *found.channels)
        names = (*names, *(f"webhook {name}" for name in found.webhooks))
        kind = EntryKind.ESCALATED if is_later else EntryKind.NOBODY_ON_CALL if found.nobody else EntryKind.PAGED
        why = self._why(taken) if is_first and not is_later else taken.why
        entry = TimelineEntry(
            seq=seq,
            at=now,
            kind=kind,
            people=names,
            groups=found.groups,
            step=taken.step if is_later else 0,
            round=taken.round,
            lasted=paging.lasted if is_later else None,
            by=paging.by,
            via=paging.via,
            detail=why,
        )
        if paging.asked is not None:
            entry = self._asked(entry, paging.asked, taken)
        say_at, is_broadcast = self._how_loud(entry, is_word_at_home=bool(at_home))
        incidents.append(conn, paging.incident, [(entry, say_at, is_broadcast)])
        incidents.advance(conn, paging.incident, seq)
        self._metrics.add("alert_router_pages", ("nobody" if found.nobody else "told",))

    def _asked(self, entry: TimelineEntry, kind: EntryKind, taken: Taken) -> TimelineEntry:
        """Of whom somebody named: who did, and where it is no person that they named, what."""
        wanted = self._paging.page
        is_whole = wanted.kind in {PageKind.POLICY, PageKind.SCHEDULE}
        return msgspec.structs.replace(
            entry,
            kind=kind,
            people=(wanted.target,) if wanted.kind is PageKind.GROUP else entry.people,
            step=0,
            detail="; ".join((*([wanted.target] if is_whole else []), *taken.missed)),
        )

    def _why(self, taken: Taken) -> str:
        """Of the page's own beginning."""
        if not taken.found.nobody or not taken.missed:
            return taken.found.why if self._paging.position is None else taken.why
        if self._paging.page.kind is PageKind.POLICY:
            return f"no step of {self._paging.page.target} reaches anybody: {'; '.join(taken.missed)}"
        return f"nobody is on call for {self._paging.page.target}"

    def _how_loud(self, entry: TimelineEntry, *, is_word_at_home: bool) -> tuple[datetime | None, bool]:
        """When the thread at home hears it, and whether the channel does. Whom only a word there can reach hears it whatever
        the route says."""
        if entry.groups or is_word_at_home:
            return self._now, True
        if entry.kind is EntryKind.PAGED:
            return None, False
        if entry.kind is EntryKind.NOBODY_ON_CALL:
            return self._now, False
        group = groups.get(self._conn, incidents.get(self._conn, self._paging.incident).group_id)
        tell = group.settings.tell
        how_loud = tell.acknowledged if entry.kind is EntryKind.RESPONDER_ADDED else tell.escalated
        return (self._now if how_loud.has_line else None), (how_loud is Loudness.CHANNEL and bool(entry.people))

    def _tell_person(self, name: str, target: str, why: str, seq: int) -> bool:
        """A direct message, or a new short one where there is one already. Whether it is the first."""
        paging = self._paging
        known = self._paged.get(name)
        is_again = paging.position is not None and (paging.has_paged or paging.asked is not None)
        if ("person", name) in self._told or (known is not None and not is_again):
            return False
        self._told.add(("person", name))
        if known is None:
            there = messages.conversation_for(self._conn, self._rules.notifier, target, person=name, now=self._now)
            self._paged[name] = paging.id, there
        page, there = self._paged[name]
        messages.begin(
            self._conn,
            subject=Subject.PAGE if known is None else Subject.NOTE,
            conversation_id=there,
            rank=paging.rank,
            now=self._now,
            incident=paging.incident,
            page=page,
            entry=None if known is None else seq,
            text=why,
        )
        return known is None

    def _tell_channel(self, channel: str, taken: Taken) -> bool:
        """The incident's message, or where it stands already, a new word. True: the word is the thread's to say."""
        conn, paging = self._conn, self._paging
        there = messages.conversation_for(conn, self._rules.notifier, channel, now=self._now)
        is_home = messages.shows(conn, paging.incident, there)
        if ("conversation", there) in self._told or (
            is_home is not None and (paging.is_opening or paging.position is None)
        ):
            return False
        self._told.add(("conversation", there))
        if is_home is None:
            messages.begin(
                conn,
                subject=Subject.INCIDENT,
                conversation_id=there,
                rank=paging.rank,
                now=self._now,
                incident=paging.incident,
            )
        elif not is_home:
            which = f"step {taken.step}" if taken.round == 1 else f"round {taken.round}, step {taken.step}"
            home = messages.home_of(conn, paging.incident)
            text = f"#{paging.incident} {paging.title} is not acknowledged: escalated to this channel ({which})."
            text += f" Its thread is in {home}." if home else ""
            messages.begin(
                conn,
                subject=Subject.POST,
                conversation_id=there,
                rank=paging.rank,
                now=self._now,
                incident=paging.incident,
                text=text,
                fell_back=True,
            )
        return bool(is_home)

    def _ring(self, webhook: str) -> bool:
        if ("webhook", webhook) in self._told:
            return False
        self._told.add(("webhook", webhook))
        paging = self._paging
        is_again = paging.position is not None and not paging.is_opening
        rung = messages.tell_webhook(
            self._conn,
            paging.incident,
            webhook,
            rank=paging.rank,
            now=self._now,
            page=paging.id,
            rings_again=is_again,
        )
        return rung is not None


def stop(conn: Connection, incident: int) -> None:
    """All escalation of an incident stops, and where it stands is kept: it was acknowledged, snoozed or closed. Whoever
    stops it raises the versions of its messages, which no longer say who is next."""
    pages.stop(conn, incident)


def _own(standing: Sequence[pages.Standing]) -> pages.Standing | None:
    """Of which one more round begins where no step is left: the newest of the rules', else the newest that somebody named."""
    return next((one for one in standing if not one.is_asked), next(iter(standing), None))


def go_on(conn: Connection, incident: int, now: datetime, rules: Rules, *, at_once: bool = False) -> bool:
    """The escalation goes on from where it was stopped. The next step is due after its own distance from the one before it,
    counted from now; `at_once` (an acknowledgement was taken back, or ran out and had kept everybody from being paged) it
    is due now, and where none is left one more round begins. Returns whether a step is to come."""
    stopped = [one for one in pages.of_incident(conn, incident) if one.is_stopped]
    has_more = any(one.position is not None for one in stopped)
    own = _own(stopped)
    for one in stopped:
        policy = rules.ruleset.policy_of(one.page)
        position = None
        if one.position is not None:
            position = resumed(policy, one.position, now, at_once=at_once)
        elif at_once and not has_more and one is own and policy is not None:
            position = another_round(policy, one.rounds, now)
            has_more = True
        pages.resume(conn, one.id, position, now)
    if stopped:
        messages.raise_pages(conn, incident, now=now)
    return has_more


def next_now(
    conn: Connection,
    incident: int,
    now: datetime,
    rules: Rules,
    metrics: Metrics,
    *,
    by: str,
    via: str,
    page: int | None = None,
) -> Reach:
    """Somebody wants the next step now: that of the page that was begun last, or of `page`, or one more round of the route's
    own where none is left. Those after it keep their distance; where the escalation was stopped it stays so. `by`: as the
    timeline says it."""
    standing = [one for one in pages.of_incident(conn, incident) if page in {None, one.id}]
    one = next((one for one in standing if one.position is not None), _own(standing))
    current = incidents.get(conn, incident)
    if one is None:
        return Reach((), "it pages nobody: its route has no page")
    if current.standing.state is State.RESOLVED:
        return Reach((), "it is over")
    policy = rules.ruleset.policy_of(one.page)
    if policy is None:
        return Reach((), f"the rules have no {one.page.kind.value} {one.page.target} any more")
    position = another_round(policy, one.rounds, now) if one.position is None else one.position.moved(now)
    one = msgspec.structs.replace(one, position=position)
    taken = _carry_out_due(conn, one, current, now, rules, metrics, by=by, via=via)
    return Reach(_names(taken), "; ".join(found.why for found in taken))


def reach(
    conn: Connection,
    incident: int,
    wanted: Page,
    now: datetime,
    rules: Rules,
    metrics: Metrics,
    *,
    by: str,
    via: str,
    asked: EntryKind,
) -> Reach:
    """Somebody names whom to reach: now, whatever holds pages back. Where that is a policy its escalation goes on from there
    like the route's own, unless somebody has the incident in hand. `asked`: how the timeline calls it."""
    current = incidents.get(conn, incident)
    policy = rules.ruleset.policy_of(wanted)
    if policy is None:
        return Reach((), f"the rules have no {wanted.kind.value} {wanted.target} any more")
    if asked is EntryKind.ESCALATED:
        same = next((one for one in pages.of_incident(conn, incident) if one.is_same(wanted)), None)
        if same is not None and same.position is not None and same.is_stopped:
            return next_now(conn, incident, now, rules, metrics, by=by, via=via, page=same.id)
        if (same is not None and same.position is not None) or _is_reached(conn, incident, wanted, now, rules):
            return Reach((), f"{wanted.target} was paged already")
    found = rules.ruleset.on_call(wanted, now)
    if wanted.kind is PageKind.GROUP:
        found = _Reached(conn, incident, rules.ruleset)(policy.steps[0], now)
    if found.nobody:
        return Reach((), found.why)
    is_policy = wanted.kind is PageKind.POLICY
    is_stopped = is_policy and current.response.phase is not Phase.OPEN
    position = begin(policy, now).moved(now)
    one = pages.begin_asked(conn, incident, wanted, position, now, is_stopped=is_stopped)
    taken = _carry_out_due(conn, one, current, now, rules, metrics, by=by, via=via, asked=asked)
    if not is_policy:
        pages.replace(conn, [one.id])
    return Reach((wanted.target,) if wanted.kind is PageKind.GROUP else _names(taken), "")


def _is_reached(conn: Connection, incident: int, wanted: Page, now: datetime, rules: Rules) -> bool:
    """Whether whom somebody names has been paged for it, or mentioned."""
    if wanted.kind in {PageKind.POLICY, PageKind.GROUP}:
        return wanted.kind is PageKind.GROUP and pages.is_asked(conn, incident, wanted)
    found = rules.ruleset.on_call(wanted, now)
    return not found.nobody and {one.name for one in found.persons} <= set(messages.names_paged(conn, incident))


def _names(taken: Sequence[Taken]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in taken for name in one.found.names))


def first_of(policy: Policy | None, at: datetime) -> Position:
    """Where a page begins at `at`. Of a policy that is gone: there is one step, which says so."""
    return Position(1, 1, at, at) if policy is None else begin(policy, at)
