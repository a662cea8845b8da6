"""Three hundred services and the P1–P4 matrix in four routes plus a generated catalogue: every one of 1,200 cells told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Connection, select

from adapters import ADAPTERS
from adapters.alert import Severity
from router.delivery.deliver import Settings
from router.engine import Engine
from router.runtime.metrics import Metrics
from router.service.simulate import VirtualClock
from router.store.database import Database
from router.store.tables import conversation, incident, message
from rules.loading.load import RulesText, load
from rules.model.ruleset import RuleSet
from tests.scenarios.player import Ready, alert
from tests.slackworld import FakeTransport, SlackWorld

SERVICES = 300
TEAMS = 11
SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
BEFORE_OFFICE = datetime(2026, 11, 18, 7, 30, tzinfo=UTC)
"""A Wednesday, half an hour before nine in Berlin."""
TEXT = """
version: 1
timezone: Europe/Berlin
slack: preview
sources: {prometheus: {adapter: prometheus, auth: none}}
catalog: {service: {file: services.yaml}}
routing:
  channel: "#alerts"
  group_by: [alert.name, service]
  group_wait: 0s
  repeat_interval: none
  routes:
    - {name: p1, match: ['alert.severity = critical'], channel: ["#incidents-p1", "#incidents"], page: {from: service}}
    - {name: p2, match: ['alert.severity = high'], channel: "#incidents", page: {from: service}}
    - {name: p3, match: ['alert.severity = medium'], channel: "#incidents", page: {from: service, only: [office]}}
    - {name: p4, channel: {from: service}}
windows: {office: {days: [mon-fri], hours: 09:00-18:00}}
"""


def name_of(number: int) -> str:
    return f"svc-{number:03}"


def team_of(number: int) -> int:
    return number % TEAMS


def has_page(number: int) -> bool:
    return number % 3 != 0


def has_channel(number: int) -> bool:
    return number % 5 != 0


def generated(*, moved: bool = False) -> str:
    """As a script would write it. `moved`: every service has another channel, and the next team."""
    lines = []
    for number in range(SERVICES):
        said = []
        if has_channel(number):
            said.append(f'channel: "#{name_of(number)}{"-new" if moved else ""}"')
        if has_page(number):
            said.append(f"page: team-{(team_of(number) + moved) % TEAMS}")
        lines.append(f"{name_of(number)}: {{{', '.join([*said, f'x-tier: {number % 4}'])}}}")
    return "\n".join(lines) + "\n"


def rules(*, moved: bool = False) -> RuleSet:
    people = "".join(f"  person-{team}: {{email: person-{team}@example.com}}\n" for team in range(TEAMS))
    teams = "".join(
        f"  team-{team}: {{rotation: {{people: [person-{team}], every: 1w, handoff: mon 09:00, starts: 2026-11-02}}}}\n"
        for team in range(TEAMS)
    )
    text = f"{TEXT}people:\n{people}oncall:\n{teams}"
    loaded = load([RulesText("c.yaml", text)], adapters=ADAPTERS, beside=lambda _, __: generated(moved=moved))
    assert loaded.errors == loaded.warnings == ()
    assert loaded.configuration is not None
    return loaded.configuration.rules


def fired(clock: VirtualClock, *, every: int = 1, ends: bool = False) -> list[Ready]:
    now = clock.now()
    return [
        Ready(
            alert(
                {"alertname": f"Broken{severity.value}", "service": name_of(number), "severity": severity.value},
                starts_at=BEFORE_OFFICE if ends else now,
                ends_at=now if ends else None,
            )
        )
        for number in range(0, SERVICES, every)
        for severity in SEVERITIES
    ]


Cell = tuple[str, str]
"""(service, severity)."""


class Told(msgspec.Struct, frozen=True):
    """Where a cell of the matrix is told, home first, and who is paged."""

    channels: tuple[str, ...]
    people: tuple[str, ...]


def table(*, in_office: bool, every: int = 1, moved: bool = False) -> dict[Cell, Told]:
    """The matrix as the company wrote it on its wall."""
    found = {}
    for number in range(0, SERVICES, every):
        own = f"#{name_of(number)}{'-new' if moved else ''}" if has_channel(number) else "#alerts"
        whom = (f"email:person-{(team_of(number) + moved) % TEAMS}@example.com",) if has_page(number) else ()
        found[name_of(number), "critical"] = Told(("#incidents-p1", "#incidents"), whom)
        found[name_of(number), "high"] = Told(("#incidents",), whom)
        found[name_of(number), "medium"] = Told(("#incidents",), whom if in_office else ())
        found[name_of(number), "low"] = Told((own,), ())
    return found


class Company:
    """The engine up to what it owes Slack; nothing is sent."""

    def __init__(self, folder: Path) -> None:
        self.clock, metrics = VirtualClock(BEFORE_OFFICE), Metrics()
        self.settings = Settings("company", "http://localhost:9080", "", "T000001")
        self.engine = Engine(
            Database(folder / "company.db", self.clock, metrics),
            self.clock,
            metrics,
            lambda: "0" * 32,
            notifiers=[FakeTransport(SlackWorld(self.clock.now), self.clock)],
            settings=self.settings,
            ruleset=rules(),
        )

    async def take(self, *, every: int = 1, ends: bool = False) -> None:
        """Each service, or each tenth or so, says that all its alerts fire, or have ended."""
        drafts = fired(self.clock, every=every, ends=ends)
        await self.engine.intake.take("prometheus", "prometheus", drafts, self.clock.now())
        await self.turn()

    async def turn(self) -> None:
        """Every group that is due, every page."""
        while (await self.engine.dispatch()).looked or (await self.engine.escalate()).paged:
            pass

    async def reload(self, ruleset: RuleSet) -> None:
        await self.engine.put_in_force(ruleset, self.settings)
        await self.engine.reroute()
        await self.turn()

    async def told(self, *, after: int = 0) -> dict[Cell, Told]:
        """What incidents with higher numbers than that owe to whom."""
        rows = await self.engine.database.read(_messages)
        cells: dict[Cell, Told] = {}
        for number, labels, severity, subject, target, is_primary in rows:
            if number <= after:
                continue
            cell = dict(msgspec.json.decode(labels))["service"], severity
            told = cells.get(cell, Told((), ()))
            if subject == "page":
                cells[cell] = Told(told.channels, (*told.people, target))
            else:
                assert is_primary == (not told.channels)
                cells[cell] = Told((*told.channels, target), told.people)
        return cells

    async def versions(self) -> list[tuple[int, int]]:
        """Message -> what it should say by now: one that has not moved says what it said."""
        return await self.engine.database.read(_versions)


def _messages(conn: Connection) -> list[tuple[int, str, str, str, str, bool]]:
    query = (
        select(
            incident.c.number,
            incident.c.group_labels,
            incident.c.severity,
            message.c.subject,
            conversation.c.target,
            message.c.is_primary,
        )
        .join(incident, incident.c.number == message.c.incident)
        .join(conversation, conversation.c.id == message.c.conversation)
        .where(message.c.subject != "note")
        .order_by(message.c.id)
    )
    return [tuple(row) for row in conn.execute(query)]


def _versions(conn: Connection) -> list[tuple[int, int]]:
    return [tuple(row) for row in conn.execute(select(message.c.id, message.c.version).order_by(message.c.id))]


async def test_each_service_and_severity_goes_where_the_matrix_and_the_catalogue_say(tmp_path: Path) -> None:
    company = Company(tmp_path)
    await company.engine.start()
    await company.take()
    assert len(await company.told()) == SERVICES * len(SEVERITIES) == 1_200
    assert await company.told() == table(in_office=False)

    company.clock.move_to(BEFORE_OFFICE + timedelta(minutes=30))
    await company.turn()
    assert await company.told() == table(
        in_office=True
    )  # what waited for the office pages now, and nothing else changed

    before = await company.versions()
    await company.reload(rules(moved=True))
    assert await company.versions() == before
    assert await company.told() == table(in_office=True)

    company.clock.move_to(company.clock.now() + timedelta(minutes=1))
    await company.take(every=10, ends=True)
    assert await company.told() == table(in_office=True)  # told the end where it was told
    company.clock.move_to(company.clock.now() + timedelta(minutes=11))
    await company.take(every=10)
    assert await company.told(after=1_200) == table(in_office=True, every=10, moved=True)
    await company.engine.database.close()
