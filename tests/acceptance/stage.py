"""The whole engine on a virtual clock, from a webhook's bytes to a strict Slack: hours of a story in seconds.

What a configuration says is loaded as `serve` loads it; nothing in between is faked but time and the wire.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import msgspec

from adapters import ADAPTERS
from adapters.adapter import Payload
from router.delivery.deliver import Settings
from router.intake.intake import Receipt
from router.service.in_force import open_sources
from router.service.simulate import Simulation, VirtualClock
from rules.advice.lint import linted
from rules.loading.load import RulesText, load
from rules.model.configuration import Configuration
from tests.process import filled
from tests.slackworld import FakeTransport, SlackWorld

START = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
"""A Wednesday."""


def configuration(text: str) -> Configuration:
    """What the text says; its mistakes fail the test."""
    loaded = linted(load([RulesText("test.yaml", text)], adapters=ADAPTERS), ADAPTERS)
    if loaded.configuration is None:
        raise AssertionError("\n".join(str(error) for error in loaded.errors))
    return loaded.configuration


class Condition(msgspec.Struct, frozen=True):
    """Something that Prometheus says of one instance."""

    name: str
    instance: str
    severity: str = "high"
    labels: tuple[tuple[str, str], ...] = ()

    def said(self, *, is_firing: bool, since: datetime, at: datetime) -> dict[str, object]:
        """As an alert of Alertmanager's webhook."""
        labels = {"alertname": self.name, "instance": self.instance, "severity": self.severity, **dict(self.labels)}
        return {
            "status": "firing" if is_firing else "resolved",
            "labels": labels,
            "annotations": {},
            "startsAt": since.isoformat(),
            "endsAt": "0001-01-01T00:00:00Z" if is_firing else at.isoformat(),
        }


def webhook(alerts: Sequence[dict[str, object]]) -> dict[str, object]:
    """Alertmanager's webhook, version 4. It is told in pieces, so it does not say that a group is told whole."""
    return {"version": "4", "status": "firing", "groupKey": "{}", "truncatedAlerts": 1, "alerts": list(alerts)}


class Stage:
    """One story. `async with Stage(folder, text) as stage`; people and channels are the test's to add to `world`."""

    def __init__(
        self,
        folder: Path,
        text: str,
        *,
        start: datetime = START,
        clock: VirtualClock | None = None,
        slack_now: Callable[[], datetime] | None = None,
    ) -> None:
        self.clock = clock or VirtualClock(start)
        self.world = SlackWorld(slack_now or self.clock.now)
        self.configuration = configuration(filled(text, folder))
        self._sources = open_sources(self.configuration)
        transport = FakeTransport(self.world, self.clock)
        self.simulation = Simulation(
            folder / "router.db",
            self.clock,
            notifiers=[transport],
            ruleset=self.configuration.rules,
            settings=Settings(self.configuration.name, "http://localhost:9080", "", transport.name),
        )
        self.firing: dict[Condition, datetime] = {}
        """What is true, and since when."""

    async def __aenter__(self) -> Self:
        await self.simulation.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.simulation.close()

    async def fire(self, *conditions: Condition) -> None:
        now = self.clock.now()
        self.firing |= {condition: self.firing.get(condition, now) for condition in conditions}
        alerts = [one.said(is_firing=True, since=self.firing[one], at=now) for one in conditions]
        receipt = await self.post("prometheus", webhook(alerts))
        assert receipt.accepted + receipt.unchanged == len(conditions)

    async def end(self, *conditions: Condition) -> None:
        now = self.clock.now()
        alerts = [one.said(is_firing=False, since=self.firing.pop(one), at=now) for one in conditions]
        receipt = await self.post("prometheus", webhook(alerts))
        assert receipt.accepted == len(conditions)

    async def send_array(self, *conditions: Condition) -> None:
        """As a Prometheus does every minute: true for four minutes more, unless it is said again."""
        now = self.clock.now()
        self.firing |= {condition: self.firing.get(condition, now) for condition in conditions}
        alerts = [one.said(is_firing=True, since=self.firing[one], at=now) for one in conditions]
        await self.post(
            "prometheus", [{**one, "endsAt": (now + timedelta(minutes=4)).isoformat()} for one in alerts], is_array=True
        )

    async def post(self, name: str, document: object, *, is_array: bool = False) -> Receipt:
        """A request to /webhook/{name}, or to the array below it, from its bytes on."""
        source = self._sources[name]
        body = json.dumps(document).encode()
        payload = Payload(body, "application/json", self.clock.now(), is_alert_array=is_array)
        return await self.simulation.take(name, source.settings.namespace, source.parse(payload))

    async def run_for(self, **parts: float) -> None:
        await self.simulation.run_for(timedelta(**parts))

    async def run_until(self, instant: datetime) -> None:
        await self.simulation.run_for(instant - self.clock.now())
