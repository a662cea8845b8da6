"""The verbs bound to one store, one clock and the ways out: each step as a method. Owns no loop and never waits for
time; `app` turns the steps on the machine's clock, `simulate` on a virtual one."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import Connection

from adapters.alert import Acknowledgement
from router.core.acts import permission
from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.core.acts.permission import Actor
from router.core.member import BY_RANK, Member, visible
from router.core.own_alerts import DECLARED, Declaration, OwnDraft, declared
from router.delivery.deliver import AT_ONCE, Deliverer, Settings
from router.heartbeats import check
from router.incidents import announce, declare, escalate, expire, respond
from router.incidents.escalate import Rules
from router.incidents.evaluate import AT_ONCE as GROUPS_AT_ONCE
from router.incidents.evaluate import Evaluated as Dispatched
from router.incidents.evaluate import step as look
from router.incidents.overrides import Overrides
from router.incidents.silences import Silences
from router.intake.intake import InForce, Intake, Receipt, RouteRef, change_of, place_of
from router.intake.last_heard import LastHeard
from router.notifiers.notifier import Notifier, by_name
from router.runtime.clock import Clock, NewId, to_ms
from router.runtime.metrics import Metrics
from router.store import group_counts, retention
from router.store.clock_step import clamp
from router.store.database import Database
from router.store.delivery.claim import Claimed, Work
from router.store.delivery.settle import clamp_claims
from router.store.evaluation import groups
from router.store.heartbeats.stale_sources import Asked
from router.store.intake import sources
from router.store.intake.apply import Applied
from router.store.intake.change import Place
from router.store.intake.reload import SettingsSnapshot, note_routed_by, put_in_force, reroute, routed_by
from router.store.intake.sources import Expired
from router.store.tables import fingerprint_no
from rules.model.heartbeat import OWN_SOURCE
from rules.model.ruleset import RuleSet

log = logging.getLogger(__name__)

UNUSED_FOR = timedelta(hours=1)
REROUTES_WITHIN = 30.0
"""Seconds that evaluations wait for alerts to be rerouted: should that fail, what is known is told nevertheless."""
SWEEPS_WITHIN = 10.0
"""Seconds that they wait until what has begun to hold alerts back holds every one of them."""
LOOKS_AGAIN = timedelta(milliseconds=200)
TROUBLED_FOR = timedelta(minutes=1)
"""How long a group waits that could not be looked at."""


class Ticked(msgspec.Struct, frozen=True):
    """What a tick did: whether somebody may have to be told, and whether more has run out of time."""

    is_news: bool
    is_more: bool


class Engine:
    """What happens to alerts in this process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        new_id: NewId,
        *,
        notifiers: Iterable[Notifier],
        settings: Settings,
        ruleset: RuleSet,
        on_commit: Callable[[], None] = lambda: None,
        on_refused_workspace: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.database, self.clock, self.metrics, self.new_id = database, clock, metrics, new_id
        self.notifiers, self.settings, self._of_file = by_name(notifiers), settings, ruleset
        self._in_force, self._snapshots = _in_force(ruleset)
        self.overrides = Overrides(database, clock, lambda: self._of_file, on_commit)
        self.silences = Silences(database, clock, new_id, on_commit)
        self.silences.take_rules(ruleset)
        self._sweeps_until: float | None = None
        """On the monotonic clock: what is in force has changed, and evaluations wait for the sweep until then."""
        self.heard = LastHeard()
        self._reroutes_until = 0.0
        """On the monotonic clock: before it nothing is evaluated, unless alerts have been rerouted."""
        self._announced: tuple[RuleSet, datetime, datetime | None] | None = None
        """Of the last look at who is on call: the rules, when, and when the next one is due."""
        self._asked: Asked = {}
        self._unused_settings: dict[str, datetime] = {}
        """Since when they were found to be."""
        self.intake = Intake(
            database,
            clock,
            metrics,
            in_force=lambda: self._in_force,
            suppressors=self.silences.at,
            belongs=self._belongs,
            acknowledge=self._acknowledge,
            on_commit=on_commit,
        )
        self.deliverer = Deliverer(
            database,
            clock,
            metrics,
            new_id,
            settings=lambda: self.settings,
            notifiers=lambda: self.notifiers,
            on_refused_workspace=on_refused_workspace,
        )

    @property
    def ruleset(self) -> RuleSet:
        """In force, with what people have said since of who is on call."""
        return self.overrides.rules

    @property
    def rules(self) -> Rules:
        now = self.clock.now()
        return Rules(self.ruleset, self.settings.notifier, self.silences.at(now), self.settings.command)

    async def start(self, also: Callable[[Connection], None] = lambda _: None) -> None:
        """After a start: nobody holds a claim longer than its lease, what is stored is known, every group is looked at
        once. `also` is done in the transaction that puts the rules in force."""
        await self.database.write(partial(clamp, now=self.clock.now()))
        if wrong := await self.database.write(group_counts.repair):
            log.warning("counts of groups were wrong and are counted anew", extra={"counts": wrong})
        await self.database.write(self.intake.known.load)
        await self.silences.load()
        await self.overrides.load()
        await self.intake.absence.load()
        await self.database.write(partial(clamp_claims, now=self.clock.now()))
        await self.put_in_force(self._of_file, self.settings, also)

    async def put_in_force(
        self, ruleset: RuleSet, settings: Settings, also: Callable[[Connection], None] = lambda _: None
    ) -> None:
        """From now on these rules hold; what was notified stays where it is."""
        in_force, snapshots = _in_force(ruleset)
        now, digest = self.clock.now(), _digest(ruleset, snapshots)

        def step(conn: Connection) -> bool:
            put_in_force(conn, snapshots, now, has_copies=bool(ruleset.copies))
            also(conn)
            return routed_by(conn) not in {"", digest}

        def wait(is_other: bool) -> None:  # called by the writer, so that no evaluation comes between
            self._reroutes_until = self.clock.monotonic() + REROUTES_WITHIN if is_other else 0.0
            self.silences.take_rules(ruleset)

        await self.database.write(step, then=wait)
        is_awaiting_anew = ruleset.awaited != self._of_file.awaited
        self._in_force, self._snapshots, self._of_file, self.settings = in_force, snapshots, ruleset, settings
        if is_awaiting_anew:
            self.intake.signs.begin_anew()
            self._asked.clear()

    async def reroute(self) -> None:
        """Bring what nobody was told yet to where the rules in force want it. Nothing to do when they are the ones that
        routed it, which is what most starts find: the other way takes seconds at 100,000 alerts."""
        digest = _digest(self._of_file, self._snapshots)
        if await self.database.read(routed_by) == digest:
            self._reroutes_until = 0.0
            return
        after: int | None = 0
        while after is not None:
            after = await self.database.write(
                partial(reroute, belongs=self._belongs, after=after, now=self.clock.now())
            )
        await self.database.write(partial(note_routed_by, digest=digest))
        self._reroutes_until = 0.0

    async def clock_stepped(self) -> None:
        """The wall clock jumped: what we listened to does not count, leases and pauses are cut to their own length, and
        what lies ahead of a clock that went back is pulled back with it."""

        def step(conn: Connection, now: datetime) -> list[tuple[str, str]]:
            sources.restart_listening(conn, now)
            changed = clamp(conn, now)
            clamp_claims(conn, now)
            groups.make_due(conn, now)
            return changed

        self.heard.take()  # heard at instants that may be yet to come
        self.intake.signs.take()
        self._asked.clear()
        await self.database.write(partial(step, now=self.clock.now()), then=self._distrust)
        await self.silences.load()  # one that was over may not be by a clock that went back
        await self.overrides.load()

    def _distrust(self, changed: Sequence[tuple[str, str]]) -> None:
        if changed:
            self.intake.known.drop(changed)
            self.intake.known.invalidate()

    async def dispatch(self) -> Dispatched:
        try:
            return await self._dispatch(GROUPS_AT_ONCE)
        except Exception:  # one group's trouble must not keep the others from being told
            log.exception("a look at several groups failed; each is looked at alone")
            self.metrics.add("alert_router_loop_errors", ("dispatch",))
        return await self._dispatch_alone()

    async def _dispatch(self, most: int) -> Dispatched:
        now = self.clock.now()

        def step(conn: Connection) -> Dispatched:
            if self.clock.monotonic() < self._reroutes_until:
                # Half of the alerts are where other rules had them, and are held back, or not, by what those say.
                return Dispatched(0, told=False, next_due=now + LOOKS_AGAIN)
            is_late = self._sweeps_until is not None and self.clock.monotonic() >= self._sweeps_until
            rules = Rules(self.ruleset, self.settings.notifier, self.silences.at(now), self.settings.command)
            swept = self.silences.swept
            return look(conn, now=now, rules=rules, metrics=self.metrics, most=most, swept=swept, waits=not is_late)

        return await self.database.write(step, then=self._note_swept)

    def _note_swept(self, stepped: Dispatched) -> None:
        """By the writer: silences that come one after another may keep a sweep going, but nobody waiting for ever."""
        if stepped.swept is not None:
            self.silences.swept, self._sweeps_until = stepped.swept, None
        elif self._sweeps_until is None and stepped.looked:
            self._sweeps_until = self.clock.monotonic() + SWEEPS_WITHIN

    async def _dispatch_alone(self) -> Dispatched:
        stepped = Dispatched(0, told=False, next_due=None)
        for _ in range(GROUPS_AT_ONCE):
            now = self.clock.now()
            try:
                one = await self._dispatch(1)
            except Exception:  # this is the one: it waits, is said, and is tried again
                group = await self.database.write(partial(groups.put_off_first, now=now, until=now + TROUBLED_FOR))
                log.exception("a group cannot be looked at", extra={"group": group})
                continue
            stepped = Dispatched(stepped.looked + one.looked, stepped.told or one.told, one.next_due)
            if not one.looked:
                break
        return stepped

    async def expire(self) -> Ticked:
        """One tick: who was heard, what has run out of time, and what is not alive; the router's own alerts about that
        then take the way of every other."""
        now, heard, seen = self.clock.now(), self.heard.take(), self.intake.signs.take()
        spoken = self.intake.absence.take_spoken()

        def step(conn: Connection) -> tuple[expire.Expiry, check.HeartbeatCheck]:
            ticked = expire.step(conn, now, heard, self.metrics, spoken)
            return ticked, check.step(conn, now, ticked.since, self.ruleset.awaited, seen, self._asked)

        def forget(found: tuple[expire.Expiry, check.HeartbeatCheck]) -> None:
            ticked, looked = found
            expire.forget(self.intake.known, (*ticked.ended, *looked.ended))

        try:
            ticked, looked = await self.database.write(step, then=forget)
        except BaseException:
            for source, at in heard.items():
                self.heard.hear(source, at)
            self.intake.signs.give_back(seen)
            self.intake.absence.give_back(spoken)
            raise
        self.intake.absence.forget([(one.namespace, fingerprint_no(one.fingerprint)) for one in ticked.ended])
        expire.count(looked.ended, self.metrics)
        said = Receipt()
        if looked.own_alerts:
            said = await self.intake.take(OWN_SOURCE, OWN_SOURCE, [OwnDraft(one) for one in looked.own_alerts], now)
        is_news = bool(ticked.ended or said.accepted) or looked.is_news
        return Ticked(is_news=is_news, is_more=ticked.is_more)

    async def prune(self) -> retention.Pruned:
        """One batch of what is forgotten. A route's settings go that were unused an hour ago and still are."""
        now, in_force = self.clock.now(), {one.settings_id for one in self._snapshots.values()}
        rules = self.ruleset
        ripe = [key for key, since in self._unused_settings.items() if since <= now - UNUSED_FOR]

        def step(conn: Connection) -> tuple[retention.Pruned, set[str]]:
            retention.drop_settings(conn, ripe, in_force)
            pruned = retention.prune(conn, now, rules.retention, rules.reopens_within)
            return pruned, retention.unused_settings(conn, in_force)

        def forget(found: tuple[retention.Pruned, set[str]]) -> None:
            self.intake.known.drop(found[0].alerts)
            if found[0].groups:
                self.intake.groups.clear()

        pruned, unused = await self.database.write(step, then=forget)
        self._unused_settings = {key: self._unused_settings.get(key, now) for key in unused}
        return pruned

    async def escalate(self) -> escalate.Escalated:
        """Pages whose time has come, and acknowledgements, snoozes and closings that have run out."""
        now = self.clock.now()

        def step(conn: Connection) -> escalate.Escalated:
            rules = self.rules  # by now: whoever has taken a turn is on call
            ran = respond.step(conn, now, rules, self.metrics)
            escalated = escalate.step(conn, now, rules, self.metrics)
            waits = [at for at in (ran.next_due, escalated.next_due) if at is not None]
            return escalate.Escalated(escalated.paged + ran.over, min(waits, default=None))

        return await self.database.write(step)

    async def announce(self) -> announce.Announced:
        """Who is on call, in the channels that are to hear it. Asks the store only when there may be something to say."""
        now, ruleset = self.clock.now(), self.ruleset
        known = self._announced
        if known is not None and known[0] is ruleset and known[1] <= now and (known[2] is None or now < known[2]):
            self._announced = ruleset, now, known[2]
            return announce.Announced(0, known[2])
        looked_at = None if known is None else known[1]

        def step(conn: Connection) -> announce.Announced:
            return announce.step(conn, now, self.rules, looked_at=looked_at)

        announced = await self.database.write(step)
        self._announced = ruleset, now, announced.next_due
        return announced

    async def act(self, number: int, wanted: Act, *, key: str = "") -> respond.Answer:
        """What somebody does with an incident. When this returns it is committed."""
        now = self.clock.now()

        def step(conn: Connection) -> respond.Answer:
            return respond.act(conn, number, wanted, now, self.rules, self.metrics, key=key)

        def close(conn: Connection) -> tuple[respond.Answer, list[Expired]]:
            answer = step(conn)
            return answer, declare.closed(conn, number, now, self.rules, self.metrics) if answer.is_done else []

        if wanted.verb is not Verb.RESOLVE:
            return await self.database.write(step)
        answer, ended = await self.database.write(close, then=lambda found: expire.forget(self.intake.known, found[1]))
        expire.count(ended, self.metrics)
        return answer

    async def declare(self, wanted: Declaration, *, key: str = "") -> declare.Declared:
        """An incident that somebody says there is: an alert of our own, which takes the way of every other. When this returns
        it is committed, and told or held back as the rules have it."""
        now, rules = self.clock.now(), self.rules
        alert = declared(wanted, key or self.new_id(), now)
        change = change_of(alert, OWN_SOURCE, DECLARED, 0, to_ms(now), self._in_force, rules.suppressors)

        def step(conn: Connection) -> tuple[declare.Declared, Applied | None]:
            if (before := declare.answered(conn, key)) is not None:
                return before, None
            applied = self.intake.apply(conn, [change])
            founded = [group for _, group in applied.groups]
            waits_for = "a reload" if self.clock.monotonic() < self._reroutes_until else ""
            found = declare.opened(
                conn, founded, wanted.by, now, self.rules, self.metrics, key=key, waits_for=waits_for
            )
            return found, applied

        def remember(found: tuple[declare.Declared, Applied | None]) -> None:
            if found[1] is not None:
                self.intake.remember(found[1])

        answer, _ = await self.database.write(step, then=remember)
        return answer

    async def obstacle(self, number: int, verb: Verb, actor: Actor) -> respond.Answer | None:
        """Why somebody need not be asked about an act; None: it can be done, as things stand."""
        rules = self.ruleset
        return await self.database.read(lambda conn: respond.obstacle(conn, number, verb, actor, rules))

    def refusal(self, actor: Actor, act: str) -> str:
        """Why somebody may not do what is about no incident; "": they may."""
        return permission.refusal(actor, act, self.ruleset.root.settings.actions, self.ruleset.holders)

    def _acknowledge(self, conn: Connection, source: str, namespace: str, word: Acknowledgement) -> bool:
        now = self.clock.now()
        return respond.acknowledged_by_sender(conn, source, namespace, word, now, self.rules, self.metrics)

    async def claim(self, most: int = AT_ONCE) -> Claimed:
        return await self.deliverer.claim(most)

    async def tell(self, work: Work) -> None:
        await self.deliverer.carry_out(work)

    def _belongs(self, member: Member) -> Place:
        suppressors = self.silences.at(self.clock.now())
        return place_of(visible(member), member.severity_rank, self._in_force, suppressors)


def _digest(ruleset: RuleSet, snapshots: Mapping[str, SettingsSnapshot]) -> str:
    """Of all that decides where an alert belongs and what it holds back."""
    routes = [
        (
            route_id,
            snapshots[route_id].settings_id,
            [(one.name, one.op, one.value) for one in route.match],
            route.continues,
        )
        for route_id, route in ruleset.routes.items()
    ]
    untold = [(one.source, one.match) for one in ruleset.awaited.heartbeats if one.source]
    document = msgspec.json.encode((routes, ruleset.inhibit, untold), order="deterministic")
    return hashlib.blake2b(document, digest_size=16).hexdigest()


def _in_force(ruleset: RuleSet) -> tuple[InForce, dict[str, SettingsSnapshot]]:
    snapshots, routes = {}, {}
    for route_id, route in ruleset.routes.items():
        document = msgspec.json.encode(route.settings, order="deterministic").decode()
        snapshot = SettingsSnapshot(hashlib.blake2b(document.encode(), digest_size=16).hexdigest(), document)
        snapshots[route_id] = snapshot
        waits = tuple(int(route.settings.wait(severity).total_seconds() * 1000) for severity in BY_RANK)
        routes[route_id] = RouteRef(snapshot.settings_id, waits)
    return InForce(ruleset, routes), snapshots
