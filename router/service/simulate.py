"""The real engine on a virtual clock: for scenarios, rule tests and replay. Nothing here waits; time is moved on to
whatever falls due next."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.adapter import Draft
from router.core.acts import override
from router.core.acts.life import Act
from router.core.acts.silence import Silence, Wanted
from router.core.own_alerts import Declaration
from router.delivery.deliver import Settings
from router.engine import Engine
from router.incidents.declare import Declared
from router.incidents.expire import TICK
from router.incidents.overrides import OverrideAnswer
from router.incidents.respond import Answer
from router.intake.intake import Receipt
from router.notifiers.notifier import Notifier
from router.runtime.clock import EPOCH
from router.runtime.metrics import Metrics
from router.store.database import Database
from rules.model.ruleset import RuleSet

_NEVER = datetime.max.replace(tzinfo=UTC)


class VirtualClock:
    """Time that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - EPOCH).total_seconds()

    async def sleep(self, delay: timedelta) -> None:
        self.move_to(self._now + delay)

    def move_to(self, instant: datetime) -> None:
        self._now = max(self._now, instant)


class _Numbered:
    """Ids that are the same in every run."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        self._last += 1
        return f"{self._last:032x}"


class Simulation:
    """One engine, one virtual clock. `sources` that speak are kept heard, as a living sender would be."""

    def __init__(
        self, path: Path, clock: VirtualClock, *, notifiers: Iterable[Notifier], ruleset: RuleSet, settings: Settings
    ) -> None:
        self.clock = clock
        self.metrics = Metrics()
        self._path = path
        self._notifiers, self._ruleset, self._settings = tuple(notifiers), ruleset, settings
        self._new_id = _Numbered()
        self._next_tick = clock.now()
        self._next_due: datetime | None = None
        """Of all but the tick. None: somebody came, and every loop has to look."""
        self.engine = self._made()

    def _made(self) -> Engine:
        return Engine(
            Database(self._path, self.clock, self.metrics),
            self.clock,
            self.metrics,
            self._new_id,
            notifiers=self._notifiers,
            settings=self._settings,
            ruleset=self._ruleset,
        )

    async def start(self) -> None:
        await self.engine.start()
        await self.engine.reroute()
        self._next_due = None
        await self._turn()

    async def take(self, source: str, namespace: str, drafts: Sequence[Draft]) -> Receipt:
        """A request arrives now."""
        self.engine.heard.hear(source, self.clock.now())
        receipt = await self.engine.intake.take(source, namespace, drafts, self.clock.now())
        self._next_due = None
        await self._turn()
        return receipt

    async def act(self, number: int, wanted: Act, *, key: str = "") -> Answer:
        """Somebody acts now."""
        answer = await self.engine.act(number, wanted, key=key)
        self._next_due = None
        await self._turn()
        return answer

    async def declare(self, wanted: Declaration, *, key: str = "") -> Declared:
        """Somebody declares an incident now."""
        answer = await self.engine.declare(wanted, key=key)
        self._next_due = None
        await self._turn()
        return answer

    async def silence(self, wanted: Wanted) -> Silence:
        """Somebody makes a silence, or changes one, now. Raises SilenceError and UnknownSilenceError."""
        made = await self.engine.silences.put(wanted)
        self._next_due = None
        await self._turn()
        return made

    async def unsilence(self, number: str) -> Silence:
        """Somebody ends a silence now. Raises UnknownSilenceError."""
        over = await self.engine.silences.expire(number)
        self._next_due = None
        await self._turn()
        return over

    async def take_turn(self, wanted: override.Wanted) -> OverrideAnswer:
        """Somebody is on call instead of whose turn it is, from now or later."""
        answer = await self.engine.overrides.take(wanted)
        self._next_due = None
        await self._turn()
        return answer

    async def give_back(self, schedule: str, person: str) -> OverrideAnswer:
        """They end what they took."""
        answer = await self.engine.overrides.give_back(schedule, person, by=person)
        self._next_due = None
        await self._turn()
        return answer

    async def reload(self, ruleset: RuleSet) -> None:
        self._ruleset = ruleset
        await self.engine.put_in_force(ruleset, self._settings)
        await self.engine.reroute()
        self._next_due = None
        await self._turn()

    async def restart(self, *, away: timedelta = timedelta(0)) -> None:
        """The process ends and another one begins on the same file, a while later."""
        await self.close()
        self.clock.move_to(self.clock.now() + away)
        self.engine = self._made()
        await self.start()

    async def run_for(self, span: timedelta) -> None:
        """Move time on, stopping wherever something falls due."""
        end = self.clock.now() + span
        due = await self._turn()
        while due is not None and due <= end:
            self.clock.move_to(max(due, self.clock.now() + timedelta(milliseconds=1)))
            due = await self._turn()
        self.clock.move_to(end)
        await self._turn()

    async def close(self) -> None:
        await self.engine.database.close()

    async def _turn(self) -> datetime | None:
        """Every loop until nothing is due now. Returns when something is next."""
        now = self.clock.now()
        if now >= self._next_tick:
            is_quiet = await self._tick()
            if is_quiet and self._next_due is not None and now < self._next_due:
                return min(self._next_due, self._next_tick)  # most ticks of a long night: nothing else can have changed
        while True:
            looked = await self.engine.dispatch()
            escalated = await self.engine.escalate()
            announced = await self.engine.announce()
            claimed = await self.engine.claim()
            for work in claimed.works:
                await self.engine.tell(work)
            if looked.looked or escalated.paged or announced.said or claimed.works:
                continue
            if self.clock.now() >= self._next_tick and not await self._tick():
                continue
            ahead = (looked.next_due, escalated.next_due, announced.next_due, claimed.next_due)
            waits = [at for at in ahead if at is not None]
            self._next_due = min(waits, default=_NEVER)
            return min(self._next_due, self._next_tick)

    async def _tick(self) -> bool:
        """Let what is ripe expire. Returns whether nothing was."""
        is_quiet = True
        is_more = True
        while is_more:
            ticked = await self.engine.expire()
            is_quiet, is_more = is_quiet and not ticked.is_news, ticked.is_more
        self._next_tick = self.clock.now() + TICK
        return is_quiet
