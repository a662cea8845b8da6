"""Plays a story on the real engine, a virtual clock and a fake Slack, and holds every step against what is told of it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adapters import ADAPTERS
from adapters.adapter import GroupDrafts
from adapters.alert import Alert, PrometheusAlert, Severity, Status, fingerprint
from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.core.acts.silence import Silence, Wanted
from router.core.own_alerts import Declaration
from router.delivery.deliver import Settings
from router.runtime.clock import to_ms
from router.runtime.config import read
from router.service.simulate import Simulation
from rules.loading.load import RulesText, load
from rules.model.matcher import parse
from rules.model.route import Page, PageKind
from rules.model.ruleset import RuleSet
from tests.clock import SettableClock
from tests.scenarios.bell import Bell
from tests.scenarios.story import Seen, Step, Story, span
from tests.slackworld import FakeTransport, MessageView, SlackWorld, moods

SOURCES = ("prometheus", "mimir")
_HEAD = "version: 1\nslack: preview\n"
_STILL = "{adapter: prometheus, auth: none, silent_after: none}"
_SOURCES = f"sources: {{prometheus: {_STILL}, mimir: {_STILL}}}\n"
"""Most stories send an alert once: a source is silent on purpose only where the story says so."""
_NO_LABELS = {"source", "title", "text", "ttl", "presumed", "id", "began", "sibling"}
_COLOURS = {"green": "#2eb67d", "grey": "#9aa0a6"}


class Ready:
    """An alert that needs no bringing to normal form."""

    key = 0

    def __init__(self, alert: Alert) -> None:
        self._alert = alert

    def alert(self) -> Alert:
        return self._alert


def ruleset(text: str) -> RuleSet:
    """Of rules as a story writes them, or of a configuration by its path in the tree."""
    if text.endswith(".yaml"):
        loaded = read([Path(__file__).parents[2] / text])
    else:
        head = _HEAD if "sources:" in text else _HEAD + _SOURCES
        loaded = load([RulesText("story", head + text)], adapters=ADAPTERS)
    if loaded.configuration is None:
        raise AssertionError("\n".join(str(error) for error in loaded.errors))
    return loaded.configuration.rules


def alert(
    said: dict[str, str], *, starts_at: datetime, ends_at: datetime | None = None, ttl: timedelta | None = None
) -> Alert:
    """As Prometheus would name and order it. Its identity is all labels but the severity, which may change, or `id`; of a
    `sibling` it is all labels."""
    labels = {name: value for name, value in said.items() if name not in _NO_LABELS}
    name = labels.get("alertname", "")
    return PrometheusAlert(
        fingerprint=fingerprint(_identity(said)),
        sibling=fingerprint(_without_severity(said)) if "sibling" in said else "",
        name=name,
        title=said.get("title", " ".join([name, *([labels["instance"]] if "instance" in labels else [])])),
        description=said.get("text", ""),
        severity=Severity(labels.get("severity", "high")),
        status=Status.FIRING if ends_at is None else Status.RESOLVED,
        labels=labels,
        annotations={},
        starts_at=starts_at,
        ends_at=ends_at,
        order=2 * to_ms(starts_at) + (ends_at is not None),
        ttl=ttl if ends_at is None else None,
        ttl_is_presumed="presumed" in said,
    )


class Senders:
    """What the sources know: which of their alerts fire, since when, and who still speaks."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}
        self._firing: dict[str, dict[str, str]] = {}
        self.silent: set[str] = set()

    @staticmethod
    def _key(said: dict[str, str]) -> str:
        return fingerprint(_identity(said))

    def fire(self, said: dict[str, str], now: datetime) -> Alert:
        key = self._key(said)
        if key not in self._firing:
            self._since[key] = now - span(said.get("began", "0s"))
        self._firing[key] = said
        return self._made(key)

    def resolve(self, said: dict[str, str], now: datetime) -> Alert:
        key = self._key(said)
        before = self._firing.pop(key, said)
        return alert({**before, **said}, starts_at=self._since.get(key, now), ends_at=now)

    def echo(self, said: dict[str, str]) -> Alert:
        """A late word of the episode before."""
        return alert(said, starts_at=self._since[self._key(said)])

    def forget(self, said: dict[str, str]) -> None:
        del self._firing[self._key(said)]

    def living(self) -> list[tuple[str, list[Alert]]]:
        return [
            (
                source,
                [self._made(key) for key, said in self._firing.items() if said.get("source", SOURCES[0]) == source],
            )
            for source in SOURCES
            if source not in self.silent
        ]

    def _made(self, key: str) -> Alert:
        said = self._firing[key]
        return alert(said, starts_at=self._since[key], ttl=span(said["ttl"]) if "ttl" in said else None)


def _identity(said: dict[str, str]) -> dict[str, str]:
    if "id" in said:  # as a sender names it that keeps an alert's identity apart from its labels
        return {"id": said["id"]}
    if "sibling" in said:
        return {name: value for name, value in said.items() if name not in _NO_LABELS}
    return _without_severity(said)


def _without_severity(said: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in said.items() if name not in {*_NO_LABELS, "severity"}}


class Player:
    """One story, from its first step to its last."""

    def __init__(self, story: Story, folder: Path) -> None:
        self._story = story
        self.clock = SettableClock(story.starts)
        self.world = SlackWorld(self.clock.right)
        for person in story.people:
            self.world.add_person(person)
        for channel, members in story.channels.items():
            self.world.add_channel(channel, members=tuple(members))
        for group, members in story.groups.items():
            self.world.add_group(group, members=tuple(members))
        self._senders = Senders()
        self._heard = 0
        self._silences: dict[str, Silence] = {}
        """As a story names them."""
        self._bells = [Bell(webhook) for webhook in story.webhooks]
        self.sim = Simulation(
            folder / "story.db",
            self.clock,
            notifiers=[FakeTransport(self.world, self.clock), *self._bells],
            ruleset=ruleset(story.rules),
            settings=Settings("story", "http://localhost:9080", story.fallback, "T000001", fallback=story.falls_back),
        )

    async def play(self) -> None:
        await self.sim.start()
        try:
            for number, step in enumerate(self._story.steps, 1):
                await self._pass_until(self._story.starts + step.at)
                for act, said in step.acts:
                    await self._act(act, said)
                self._look(step, f"step {number}, {step.at} in")
            if found := self.world.duplicates():
                raise AssertionError(f"told twice: {found}")
            if self.world.refused_for_pace:
                raise AssertionError(f"{self.world.refused_for_pace} calls refused for pace")
        finally:
            await self.sim.close()

    async def _pass_until(self, end: datetime) -> None:
        every = self._story.resend
        while self.clock.right() < end:
            begun = self.clock.right() - self._story.starts
            stop = end if every is None else min(end, self._story.starts + (begun // every + 1) * every)
            await self.sim.run_for(stop - self.clock.right())
            if every is not None and (stop - self._story.starts) % every == timedelta(0):
                for source, alerts in self._senders.living():
                    await self._take(source, alerts)

    async def _take(self, source: str, alerts: list[Alert]) -> None:
        await self.sim.take(source, "prometheus", [Ready(one) for one in alerts])

    async def _act(self, act: str, said: Any) -> None:
        now = self.clock.right()
        match act:
            case "fire" | "resolve" | "echo":
                listed = said if isinstance(said, list) else [said]
                by_source: dict[str, list[Alert]] = {}
                for one in listed:
                    made = (
                        self._senders.fire(one, now)
                        if act == "fire"
                        else self._senders.resolve(one, now)
                        if act == "resolve"
                        else self._senders.echo(one)
                    )
                    by_source.setdefault(one.get("source", SOURCES[0]), []).append(made)
                for source, alerts in by_source.items():
                    await self._take(source, alerts)
            case "webhook":
                listed = [self._senders.fire(one, now) for one in said.get("firing", ())]
                listed += [self._senders.resolve(one, now) for one in said.get("resolved", ())]
                drafts = GroupDrafts([Ready(one) for one in listed], said["group"])
                await self.sim.take(said.get("source", SOURCES[0]), "prometheus", drafts)
            case "forget":
                self._senders.forget(said)
            case "silent":
                self._senders.silent.add(said)
            case "speaks":
                self._senders.silent.discard(said)
                await self._take(said, [])
            case "declare":
                await self._declare(said)
            case "act":
                await self._do(said, now)
            case "silence" | "change_silence":
                await self._silence(said)
            case "unsilence":
                await self.sim.unsilence(self._silences[said].id)
            case "reload":
                await self.sim.reload(ruleset(said))
            case "restart":
                await self.sim.restart(away=span(said))
            case "clock":
                step = -span(said[1:]) if said.startswith("-") else span(said)
                self.clock.ahead += step
                self.sim._next_tick += step  # a tick comes by the steady clock
                self.sim._next_due = None
                await self.sim.engine.clock_stepped()
                await self.sim.run_for(timedelta(0))
            case "slack":
                self._mood(said)
            case "archive":
                self.world.archive(said)
            case "unarchive":
                self.world.unarchive(said)
            case "refuses_direct":
                self.world._person_named(said).takes_direct = False
            case "pauses":
                for person, lasts in said.items():
                    self.world.pause(person, now, now + span(lasts))
            case "delete":
                self.world.delete(self.world.channel(said).messages[-1].ts)
            case other:
                raise AssertionError(other)

    async def _do(self, said: dict[str, str], now: datetime) -> None:
        """As {do: snooze, incident: 1, by: maria, for: 1h, answers: snoozed}; `reach`: whom to page."""
        wanted = Act(
            Verb(said["do"]),
            by=said.get("by", ""),
            note=said.get("note", ""),
            until=now + span(said["for"]) if "for" in said else None,
            people=tuple(said["to"].split()) if "to" in said else (),
            pages=tuple(self._page(one) for one in said.get("reach", "").split()),
            severity=Severity(said["severity"]) if "severity" in said else None,
        )
        answer = await self.sim.act(int(said.get("incident", "1")), wanted, key=said.get("key", ""))
        expected = said.get("answers", "")
        if expected not in answer.said or (not expected and not answer.is_done):
            raise AssertionError(f"{said} was answered {answer.said!r}")

    def _page(self, one: str) -> Page:
        """Of the rules by name; a person of Slack's whom they do not name as U…, a user group as @db."""
        if one.startswith("@"):
            return Page(one, PageKind.GROUP)
        if one.startswith("U:"):
            name = one.removeprefix("U:")
            return Page(name, PageKind.USER, slack_id=self.world._person_named(name).id)
        found = self.sim.engine.ruleset.page_for(one)
        assert found is not None, one
        return found

    async def _declare(self, said: dict[str, str]) -> None:
        """As {title: Checkout is down, by: maria, service: checkout, severity: high, is: 1}; `held`: by what."""
        severity = Severity(said.get("severity", "high"))
        wanted = Declaration(said["title"], said.get("by", "maria"), said.get("service", ""), severity)
        answer = await self.sim.declare(wanted, key=said.get("key", ""))
        if (answer.number, answer.held_by) != (int(said.get("is", "0")), said.get("held", "")):
            raise AssertionError(f"{said} was answered {answer}")

    async def _silence(self, said: dict[str, str]) -> None:
        """Made; or changed, where one of this name is there: what is not said of it stays."""
        name, now = said.get("name", ""), self.clock.right()
        before = self._silences.get(name)
        begins = before.starts_at if before else now
        begins = now + span(said["in"]) if "in" in said else begins
        wanted = Wanted(
            matchers=parse(said["match"]) if "match" in said or before is None else before.matchers,
            starts_at=begins,
            ends_at=now + span(said["for"]) if "for" in said or before is None else before.ends_at,
            created_by=said.get("by", before.created_by if before else "maria"),
            comment=said.get("comment", before.comment if before else ""),
            id=before.id if before else "",
        )
        self._silences[name] = await self.sim.silence(wanted)

    def _mood(self, said: dict[str, str]) -> None:
        if said.get("mood") == "fine":
            self.world.clear_moods()
            return
        name, _, argument = said["mood"].partition(" ")
        made = getattr(moods, name)
        if not isinstance(made, moods.Mood):
            made = made(float(argument) if argument.replace(".", "").isdigit() else argument)
        times = said.get("times", "1")
        self.world.mood(
            made,
            method=said.get("method", ""),
            channel=said.get("in", ""),
            times=None if times == "all" else int(times),
        )

    def _look(self, step: Step, when: str) -> None:
        for place, seen in step.seen.items():
            found = (self.world.channel(place) if place.startswith("#") else self.world.direct(place)).messages
            where = f"{when}, {place}"
            if len(found) != len(seen):
                raise AssertionError(f"{where}: {len(found)} messages instead of {len(seen)}: {found}")
            for message, expected in zip(found, seen, strict=True):
                _compare(message, expected, where)
        for bell in self._bells:
            rang, bell.rang = bell.rang, []
            if rang != step.rings.get(bell.webhook, []):
                raise AssertionError(f"{when}: the webhook {bell.webhook} was told {rang}")
        heard = self.world.sounds[self._heard :]
        self._heard += len(heard)
        for person in self._story.people:
            sounds = [f"{sound.conversation} {sound.why}: {sound.text}" for sound in heard if sound.person == person]
            wanted = step.sounds.get(person, ())
            if len(sounds) != len(wanted) or not all(map(_rings, sounds, wanted)):
                raise AssertionError(f"{when}: {person} heard {sounds}, not {list(wanted)}")


def _rings(rang: str, wanted: str) -> bool:
    where, _, text = wanted.partition(": ")
    return rang.startswith(f"{where}: ") and text in rang


def _compare(message: MessageView, expected: Seen, where: str) -> None:
    if expected.text not in message.text:
        raise AssertionError(f"{where}: {message.text!r} does not say {expected.text!r}")
    for part in expected.says:
        if part not in message.said:
            raise AssertionError(f"{where}: {part!r} is not to be read in\n{message.said}")
    for part in expected.never:
        if part in message.said:
            raise AssertionError(f"{where}: {part!r} is to be read in\n{message.said}")
    if expected.replies is not None:
        texts = [reply.text for reply in message.replies]
        if len(texts) != len(expected.replies) or not all(
            part in text for part, text in zip(expected.replies, texts, strict=True)
        ):
            raise AssertionError(f"{where}: the thread says {texts}, not {list(expected.replies)}")
    if expected.edits is not None and message.edits != expected.edits:
        raise AssertionError(f"{where}: {message.edits} edits instead of {expected.edits}: {message.versions}")
    if expected.colour and message.color != _COLOURS[expected.colour]:
        raise AssertionError(f"{where}: {message.color} is not {expected.colour}")
