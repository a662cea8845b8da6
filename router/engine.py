"""The verbs bound to one store, one clock and one transport: each step as a method. Owns no loop and never waits for
time; `app` turns the steps on the machine's clock, `simulate` on a virtual one."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec
from sqlalchemy import Connection

from router import dispatch, escalate, expire
from router.clock import Clock, NewId
from router.core.member import BY_RANK, Member
from router.deliver import AT_ONCE, Deliverer, Settings
from router.dispatch import visible
from router.escalate import Rules
from router.ingest import InForce, Intake, RouteRef, inhibits_of, owners_of
from router.metrics import Metrics
from router.slack.transport import Transport
from router.store import groups, outbox, sources
from router.store.alerts import Inhibits, Owner
from router.store.database import Database
from router.store.outbox import Work
from router.store.reload import Snapshot, put_in_force, reroute
from rules.ruleset import RuleSet


class Engine:
    """What happens to alerts in this process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        new_id: NewId,
        *,
        transport: Transport,
        settings: Settings,
        ruleset: RuleSet,
        on_commit: Callable[[], None] = lambda: None,
        on_refused_workspace: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.database, self.clock, self.metrics = database, clock, metrics
        self.transport, self.settings, self.ruleset = transport, settings, ruleset
        self._in_force, self._snapshots = _in_force(ruleset)
        self.ears = expire.Ears()
        self.intake = Intake(database, clock, metrics, in_force=lambda: self._in_force, on_commit=on_commit)
        self.deliverer = Deliverer(
            database,
            clock,
            metrics,
            new_id,
            settings=lambda: self.settings,
            transport=lambda: self.transport,
            on_refused_workspace=on_refused_workspace,
        )

    @property
    def rules(self) -> Rules:
        return Rules(self.ruleset, self.settings.workspace)

    async def start(self) -> None:
        """After a start: nobody holds a claim longer than its lease, every group is looked at once."""
        await self.database.write(partial(outbox.free_claims, now=self.clock.now()))
        await self.put_in_force(self.ruleset, self.settings)

    async def put_in_force(self, ruleset: RuleSet, settings: Settings) -> None:
        """From now on these rules hold; what was told stays as it is (ENGINE, *Routed once*)."""
        in_force, snapshots = _in_force(ruleset)
        await self.database.write(partial(put_in_force, snapshots=snapshots, now=self.clock.now()))
        self._in_force, self._snapshots, self.ruleset, self.settings = in_force, snapshots, ruleset, settings
        after: int | None = 0
        while after is not None:
            after = await self.database.write(
                partial(reroute, belongs=self._belongs, after=after, now=self.clock.now())
            )

    async def clock_stepped(self) -> None:
        """The wall clock jumped: what we listened to does not count, leases and pauses are cut to their own length."""

        def step(conn: Connection, now: datetime) -> None:
            sources.restart_listening(conn, now)
            outbox.free_claims(conn, now)
            groups.make_due(conn, now)

        await self.database.write(partial(step, now=self.clock.now()))

    async def dispatch(self) -> dispatch.Stepped:
        return await self.database.write(
            partial(dispatch.step, now=self.clock.now(), rules=self.rules, metrics=self.metrics)
        )

    async def expire(self) -> expire.Ticked:
        heard = self.ears.take()
        call = partial(expire.step, now=self.clock.now(), heard=heard, metrics=self.metrics)
        try:
            return await self.database.write(call, then=partial(expire.forget, self.intake.known))
        except BaseException:
            for source, at in heard.items():
                self.ears.hear(source, at)
            raise

    async def escalate(self) -> escalate.Stepped:
        return await self.database.write(
            partial(escalate.step, now=self.clock.now(), rules=self.rules, metrics=self.metrics)
        )

    async def claim(self, most: int = AT_ONCE) -> outbox.Claimed:
        return await self.deliverer.claim(most)

    async def tell(self, work: Work) -> None:
        await self.deliverer.carry_out(work)

    def _belongs(self, member: Member) -> tuple[tuple[Owner, ...], tuple[Inhibits, ...]]:
        decision = self.ruleset.decide(visible(member))
        return owners_of(decision.owners, self._in_force, member.severity_rank), inhibits_of(decision.inhibits)


def _in_force(ruleset: RuleSet) -> tuple[InForce, dict[str, Snapshot]]:
    snapshots, routes = {}, {}
    for route_id, route in ruleset.routes.items():
        document = msgspec.json.encode(route.settings, order="deterministic").decode()
        snapshot = Snapshot(hashlib.blake2b(document.encode(), digest_size=16).hexdigest(), document)
        snapshots[route_id] = snapshot
        waits = tuple(int(route.settings.wait(severity).total_seconds() * 1000) for severity in BY_RANK)
        routes[route_id] = RouteRef(snapshot.settings_id, waits)
    return InForce(ruleset, routes), snapshots
