"""The product as its users meet it: a rules file, senders that post webhooks, people in Slack, and a clock that can be set.

Everything goes through the front doors: the loader, the adapters, the engine's own steps, Slack's methods. What is
looked at is what stands in Slack and what made a sound there.
"""

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

from adapters import ADAPTERS
from adapters.adapter import Parse, Payload
from router.core.acts.silence import Wanted
from router.delivery.deliver import Settings
from router.service.simulate import Simulation
from rules.loading.load import RulesText, load
from rules.model.configuration import Configuration
from rules.model.matcher import parse
from tests.clock import SettableClock
from tests.emptystore import folder_with
from tests.machines.stage import DeadlyTransport, Killed
from tests.slackworld import MessageView, SlackWorld, Sound

T = TypeVar("T")
START = datetime(2026, 11, 2, 12, tzinfo=UTC)
"""A Monday, noon."""
NEVER = datetime.max.replace(tzinfo=UTC)
HEAD = """version: 1
slack: preview
sources:
  prometheus: {adapter: prometheus, auth: none, silent_after: none}
  events: {adapter: generic, auth: none}
"""
PEOPLE = ("bob", "maria", "chris")
WHO = "people: {" + ", ".join(f"{name}: {{email: {name}@example.com}}" for name in PEOPLE) + "}\n"


class Broken(AssertionError):  # noqa: N818  (a promise is broken; nothing is wrong with the test)
    """A promise does not hold."""


def must(is_so: object, promise: str) -> None:
    """The promise itself; a plain assert is for what has to be true before it can be asked for."""
    if not is_so:
        raise Broken(promise)


def configured(rules: str) -> Configuration:
    text = rules if "sources:" in rules else HEAD + rules
    if "people:" not in text:
        text += WHO
    loaded = load([RulesText("site", text)], adapters=ADAPTERS)
    if loaded.configuration is None:
        raise ValueError("\n".join(str(error) for error in loaded.errors))
    return loaded.configuration


@dataclass(frozen=True)
class Condition:
    """Something that can be wrong, as its sender describes it now.

    Of source `events` the severity and the labels may change while it fires: the sender names it by a key. A
    Prometheus's alert is its labels: with another severity it is another alert.
    """

    name: str
    place: str
    severity: str = "high"
    labels: Mapping[str, str] = field(default_factory=dict)
    source: str = "events"

    @property
    def title(self) -> str:
        return f"{self.name} {self.place}"

    @property
    def key(self) -> str:
        if self.source == "events":
            return self.title
        return json.dumps([self.title, self.severity, sorted(self.labels.items())])

    def but(self, *, severity: str = "", **labels: str) -> "Condition":
        """The same condition, described anew."""
        return replace(self, severity=severity or self.severity, labels={**self.labels, **labels})


def prometheus(name: str, place: str, severity: str = "high", **labels: str) -> Condition:
    return Condition(name, place, severity, labels, source="prometheus")


def event(name: str, place: str, severity: str = "high", **labels: str) -> Condition:
    return Condition(name, place, severity, labels)


class Site:
    """One installation, its senders and its people."""

    def __init__(
        self,
        rules: str,
        *,
        channels: Mapping[str, Sequence[str]] | None = None,
        fallback: str = "",
        starts: datetime = START,
        clock_ahead: timedelta = timedelta(0),
        has_ticks: bool = True,
    ) -> None:
        """`has_ticks`: alerts may expire and sources fall silent, which is looked for every ten seconds."""
        self._has_ticks = has_ticks
        self._loop = asyncio.new_event_loop()
        self._open = ExitStack()
        folder = self._open.enter_context(folder_with("site.db"))
        self.clock = SettableClock(starts, clock_ahead)
        self.slack = SlackWorld(self.clock.right)
        for person in PEOPLE:
            self.slack.add_person(person)
        for channel, members in (channels or {"#db": ["maria"]}).items():
            self.slack.add_channel(channel, members=tuple(members))
        self._transport = DeadlyTransport(self.slack, self.clock)
        self._settings = Settings("site", "http://localhost:9080", fallback, "T000001")
        self._since: dict[tuple[str, str], datetime] = {}
        self._heard: dict[str, int] = {}
        self._silences: dict[str, str] = {}
        """As a story names them."""
        self._configuration = configured(rules)
        self._parse = self._opened()
        self.sim = Simulation(
            folder / "site.db",
            self.clock,
            notifiers=[self._transport],
            ruleset=self._configuration.rules,
            settings=self._settings,
        )
        self._run(self.sim.start())

    def close(self) -> None:
        self._loop.run_until_complete(self.sim.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> dict[str, Parse]:
        return {
            name: ADAPTERS[source.adapter].open(source.options) for name, source in self._configuration.sources.items()
        }

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T | None:
        """A process that is killed meanwhile is followed by another one a second later."""
        try:
            return self._loop.run_until_complete(coroutine)
        except Killed:
            self._loop.run_until_complete(self.sim.restart(away=timedelta(seconds=1)))
            return None

    # What senders do.

    def post(self, source: str, body: object, *, is_alert_array: bool = False) -> None:
        """One request, as the HTTP route takes it."""
        payload = Payload(
            body=json.dumps(body).encode(),
            content_type="application/json",
            received_at=self.clock.now(),
            is_alert_array=is_alert_array,
        )
        drafts = self._parse[source](payload)
        receipt = self._run(self.sim.take(source, self._configuration.sources[source].namespace, drafts))
        if receipt is not None and receipt.errors:
            raise ValueError(f"refused: {receipt.errors}")

    def fire(self, *conditions: Condition, since: timedelta = timedelta(0)) -> None:
        """They hold now (and for so long already). One request for each source."""
        for one in conditions:
            self._since.setdefault((one.source, one.key), self.clock.right() - since)
        self._say(conditions, "firing")

    def end(self, *conditions: Condition) -> None:
        self._say(conditions, "resolved")
        for one in conditions:
            self._since.pop((one.source, one.key), None)

    def swap(self, ends: Condition, begins: Condition) -> None:
        """One request says both: an end and a beginning."""
        if ends.source != begins.source:
            raise ValueError("of one source")
        self._since.setdefault((begins.source, begins.key), self.clock.right())
        items = [self._item(ends, "resolved"), self._item(begins, "firing")]
        self.post(ends.source, {"version": "4", "alerts": items} if ends.source == "prometheus" else items)
        self._since.pop((ends.source, ends.key), None)

    def _say(self, conditions: Sequence[Condition], status: str) -> None:
        for source in dict.fromkeys(one.source for one in conditions):
            items = [self._item(one, status) for one in conditions if one.source == source]
            self.post(source, {"version": "4", "alerts": items} if source == "prometheus" else items)

    def _item(self, one: Condition, status: str) -> dict[str, object]:
        since = self._since.get((one.source, one.key), self.clock.right())
        if one.source == "events":
            return {
                "dedupe_key": one.key,
                "name": one.name,
                "title": one.title,
                "severity": one.severity,
                "status": status,
                "labels": {"place": one.place, **one.labels},
                **({"started_at": since.isoformat()} if since < self.clock.right() and status == "firing" else {}),
            }
        return {
            "status": status,
            "labels": {"alertname": one.name, "instance": one.place, "severity": one.severity, **one.labels},
            "annotations": {"summary": one.title},
            "startsAt": since.isoformat(),
            "endsAt": self.clock.right().isoformat() if status == "resolved" else "0001-01-01T00:00:00Z",
        }

    # What people do.

    def silence(self, name: str, match: str, begins: datetime, ends: datetime) -> None:
        """Made; or the one that this name was given becomes this."""
        wanted = Wanted(parse(match), begins, ends, "eve", "", self._silences.get(name, ""))
        made = self._loop.run_until_complete(self.sim.engine.silences.put(wanted))
        self._silences[name] = made.id
        self.sim._next_due = None
        self.wait()

    def unsilence(self, name: str) -> None:
        if name in self._silences:
            self._loop.run_until_complete(self.sim.engine.silences.expire(self._silences[name]))
            self.sim._next_due = None
            self.wait()

    # What happens to the machine.

    def wait(self, **span: float) -> None:
        if not self._has_ticks:
            self.sim._next_tick = NEVER
        self._run(self.sim.run_for(timedelta(**span)))

    def reload(self, rules: str) -> None:
        self._configuration = configured(rules)
        self._parse = self._opened()
        self._run(self.sim.reload(self._configuration.rules))

    def begin_reload(self, rules: str) -> None:
        """The rules are in force, and alerts stand where others had them until `end_reload`."""
        self._configuration = configured(rules)
        self._parse = self._opened()
        self._run(self.sim.engine.put_in_force(self._configuration.rules, self._settings))
        self.sim._next_due = None

    def end_reload(self) -> None:
        self._run(self.sim.engine.reroute())
        self.sim._next_due = None

    def restart(self, **away: float) -> None:
        self._run(self.sim.restart(away=timedelta(**away)))

    def kill_in_next_call(self, when: str) -> None:
        """`before` or `after` the call has reached Slack."""
        self._transport.kill = when

    def set_clock(self, **by: float) -> None:
        """Somebody sets our clock; what the process does about it comes with `notice_clock`, ten seconds later at most."""
        step = timedelta(**by)
        self.clock.ahead += step
        if self._has_ticks:
            self.sim._next_tick += step  # ticks are counted on the steady clock
        self.sim._next_due = None

    def notice_clock(self) -> None:
        self._run(self.sim.engine.clock_stepped())
        self.sim._next_due = None
        self.wait()

    # What people see and hear.

    def shown(self, place: str) -> list[MessageView]:
        """Top-level messages of a channel, or of our direct messages with a person, oldest first."""
        return (self.slack.channel(place) if place.startswith("#") else self.slack.direct(place)).messages

    def heard(self, person: str) -> list[Sound]:
        """What rang for a person since this was last asked."""
        sounds = self.slack.sounds_of(person)
        begun = self._heard.get(person, 0)
        self._heard[person] = len(sounds)
        return sounds[begun:]

    def forget_sounds(self) -> None:
        for person in PEOPLE:
            self.heard(person)

    def everything(self) -> str:
        """For a failure's text."""
        lines = []
        for conversation in list(self.slack.conversations.values()):
            lines += [
                f"{conversation.name} {message.ts} {'  ' if message.thread_ts else ''}{message.now.text!r}"
                for message in conversation.messages
            ]
        return "\n".join(lines)


def texts(messages: Sequence[MessageView] | Sequence[Sound]) -> list[str]:
    return [message.text for message in messages]


def is_over(message: MessageView) -> bool:
    """Or told elsewhere from now on."""
    return (
        message.text.startswith(("Resolved", "Over"))
        or ": moved to " in message.text
        or ": goes on as " in message.text
    )
