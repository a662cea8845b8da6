"""What the machines play on: an engine on a virtual clock and a copied empty database, a Slack that can kill us mid-call."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

from adapters.alert import Alert, PrometheusAlert, Severity, Status, fingerprint
from router.delivery.deliver import Settings
from router.notifiers.slack.errors import CallFault, Reply
from router.runtime.clock import to_ms
from router.service.simulate import Simulation, VirtualClock
from rules.model.webhook import Fallback
from tests.emptystore import folder_with
from tests.scenarios.player import Ready, ruleset
from tests.slackworld import FakeTransport, SlackWorld

T = TypeVar("T")
START = datetime(2026, 11, 2, 12, tzinfo=UTC)
STEADY = settings(
    derandomize=True, deadline=None, max_examples=25, stateful_step_count=25, suppress_health_check=list(HealthCheck)
)
"""The same examples in every run: a red build is a red change."""


class Killed(BaseException):
    """The process ended here."""


class DeadlyTransport(FakeTransport):
    """When told to, the process is killed in the middle of the next call: before or after it has reached Slack."""

    kill: str = ""

    async def _serve(self, method: str, form: Mapping[str, str]) -> Reply | CallFault:
        kill, self.kill = self.kill, ""
        if kill == "before":
            raise Killed
        answer = await super()._serve(method, form)
        if kill == "after":
            raise Killed
        return answer


def alert(name: str, instance: int, *, since: datetime, is_firing: bool = True, **more: Any) -> Ready:
    """Ordered as the Prometheus family orders."""
    labels = {"alertname": name, "instance": str(instance)}
    return Ready(
        Alert(
            fingerprint=fingerprint(labels),
            name=name,
            title=f"{name} {instance}",
            description="",
            severity=more.pop("severity", Severity.HIGH),
            status=Status.FIRING if is_firing else Status.RESOLVED,
            labels=labels,
            annotations={},
            starts_at=since,
            order=2 * to_ms(since) + (not is_firing),
            **more,
        )
    )


def sibling(name: str, instance: int, severity: Severity, *, since: datetime, is_firing: bool = True) -> Ready:
    """One of several rules of a name, which differ in the severity that they say."""
    labels = {"alertname": name, "instance": str(instance)}
    named = {**labels, "severity": severity.value}
    one = alert(name, instance, since=since, is_firing=is_firing, severity=severity).alert()
    fields = {field: getattr(one, field) for field in Alert.__struct_fields__}
    return Ready(
        PrometheusAlert(**{**fields, "fingerprint": fingerprint(named), "labels": named}, sibling=fingerprint(labels))
    )


class Stage:
    """One engine, its Slack, and an event loop to run it on."""

    def __init__(self, rules: str, *, posts_again: bool = True, fallback: Fallback | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._open = ExitStack()
        folder = self._open.enter_context(folder_with("a.db"))
        self.clock = VirtualClock(START)
        self.world = SlackWorld(self.clock.now)
        self.world.add_person("maria")
        self.world.add_channel("#db", members=("maria",))
        self.transport = DeadlyTransport(self.world, self.clock)
        self.sim = Simulation(
            folder / "a.db",
            self.clock,
            notifiers=[self.transport],
            ruleset=ruleset(rules),
            settings=Settings(
                "machine", "http://localhost:9080", "" if fallback else "#db", "T000001", posts_again, fallback
            ),
        )
        self.run(self.sim.start())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(coroutine)

    def survive(self, coroutine: Coroutine[Any, Any, T]) -> T | None:
        """Run it; where the process is killed another one begins on the same file a second later."""
        try:
            return self.run(coroutine)
        except Killed:
            self.run(self.sim.restart(away=timedelta(seconds=1)))
            return None

    def drop_queue(self) -> None:
        """What waits for the writer is lost with the process."""
        self.sim.engine.database._lanes._bulk.clear()

    def close(self) -> None:
        self.run(self.sim.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self._open.close()
