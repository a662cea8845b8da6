"""A Service on the real engine, a real database file and the preview, with a virtual clock: nothing waits for time."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from aiohttp import web

from adapters import ADAPTERS
from router.delivery.deliver import Settings
from router.engine import Engine
from router.http import application
from router.http.service import OpenSource, PreviewParts, Reloaded, Status
from router.notifiers.notifier import by_name
from router.notifiers.preview.members import TEAM as PREVIEW_TEAM
from router.notifiers.preview.notifier import PreviewNotifier
from router.notifiers.preview.preview import Preview
from router.notifiers.preview.workspace import API_URL as PREVIEW_API_URL
from router.notifiers.preview.workspace import PreviewWorkspace
from router.notifiers.slack.inbound.dispatch import Dispatch
from router.notifiers.slack.inbound.door import Entrance
from router.runtime.clock import Clock, new_id, new_secret
from router.runtime.config import Vault
from router.runtime.health import Health, LoopHealth
from router.runtime.metrics import Metrics
from router.service.in_force import bare_source, open_sources, secrets_of
from router.service.responder.people import People
from router.service.responder.visitors import Visitors
from router.service.simulate import Simulation, VirtualClock
from router.service.stored_preview import stored_preview
from rules.advice.lint import linted
from rules.loading.load import RulesText, load
from rules.model.configuration import SLACK_API_URL, Configuration, ServerSettings
from tests.inbound.recorder import Recorder
from tests.preview.rows import MemoryRows
from tests.slackworld.acting import SIGNING_SECRET, TEAM

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

OPEN = """\
version: 1
timezone: UTC
server: {listen: 127.0.0.1:9080, external_url: http://localhost:9080}
slack: preview
sources:
  prometheus: {adapter: prometheus, auth: none}
  shell: {adapter: generic, auth: none}
routing:
  channel: "#alerts"
  routes:
    - {name: db, match: ['team = db'], channel: ["#db", "#all"], group_by: [alert.name], page: alice}
    - {name: slow, match: ['team = slow'], channel: "#slow", group_wait: 1m}
people: {alice: {email: alice@example.com}}
maintenance:
  - {name: move, match: ['cluster = old'], from: 2026-03-04T00:00Z, until: 2026-03-05T00:00Z, reason: CHG-1}
"""

TOKENS = """\
  tokens: {read: {env: READ}, write: {env: WRITE}, admin: [{env: ADMIN}, {env: ADMIN_OLD}]}
"""
GUARDED = OPEN.replace(
    "server: {listen: 127.0.0.1:9080, external_url: http://localhost:9080}",
    "server:\n  listen: 0.0.0.0:9080\n  external_url: https://router.example\n" + TOKENS.rstrip(),
).replace("slack: preview", "slack: {preview: {off_loopback: true}}")
ENVIRON = {"READ": "read-token", "WRITE": "write-token", "ADMIN": "admin-token", "ADMIN_OLD": "admin-token-of-old"}


def configuration(text: str) -> Configuration:
    loaded = linted(load([RulesText("test.yaml", text)], adapters=ADAPTERS), ADAPTERS)
    assert loaded.configuration is not None, "\n".join(map(str, loaded.errors))
    return loaded.configuration


async def unconnected(_: str, __: str) -> str:
    return ""


class StandIn:
    """Satisfies router.http.service.Service. What it says of its health and of a reload is set by the test."""

    def __init__(self, path: Path, text: str = OPEN, environ: Mapping[str, str] = ENVIRON) -> None:
        self.configuration = configuration(text)
        self.vault = Vault(environ)
        self.vault.open(secrets_of(self.configuration))
        self.virtual = VirtualClock(START)
        settings = Settings("test", self.configuration.server.external_url, "", "preview")
        self.simulation = Simulation(
            path / "test.db",
            self.virtual,
            notifiers=[PreviewNotifier(Preview(MemoryRows(), self.virtual.now))],
            ruleset=self.configuration.rules,
            settings=settings,
        )
        shown = stored_preview(self.engine.database, self.virtual)
        self.engine.notifiers = by_name([PreviewNotifier(shown)])
        self.version = "1.2.3"
        self.sources: Mapping[str, OpenSource] = open_sources(self.configuration)
        self.healthy = Health((LoopHealth("dispatch", START, is_stuck=False, errors=0),), True, (), None)
        self.reloaded = Reloaded(is_accepted=True, diff=("route db: channel",), warnings=("a weakness",))
        self.reloads = 0
        self.people = People(lambda: self.engine.ruleset, lambda: None, lambda: "", unconnected)
        """By their Slack ids alone: there is no Slack."""
        self.visitors = Visitors(self.engine, self.people, new_secret)
        self.acts = 0
        """How often somebody acted on a page."""
        self.heard = Recorder()
        """What Slack sent that was believed and understood."""
        self.signing_secrets = [SIGNING_SECRET]
        self.workspace = TEAM
        self.slack_entrance = Entrance(
            Dispatch(self.heard, self.metrics),
            self.clock,
            self.metrics,
            secrets=lambda: self.signing_secrets,
            api_url=lambda: SLACK_API_URL,
            workspace=lambda: self.workspace,
        )
        entrance = Entrance(
            Dispatch(self.heard, self.metrics),
            self.clock,
            self.metrics,
            secrets=lambda: ("of this process",),
            api_url=lambda: PREVIEW_API_URL,
            workspace=lambda: PREVIEW_TEAM,
        )
        workspace = PreviewWorkspace(lambda: self.configuration.rules.people, self.clock, new_id)
        self.preview: PreviewParts | None = PreviewParts(shown, workspace, entrance, "of this process")

    @property
    def bare_source(self) -> str | None:
        return bare_source(self.configuration)

    @property
    def engine(self) -> Engine:
        return self.simulation.engine

    @property
    def clock(self) -> Clock:
        return self.virtual

    @property
    def metrics(self) -> Metrics:
        return self.simulation.metrics

    def acted(self) -> None:
        self.acts += 1

    async def reload(self) -> Reloaded:
        self.reloads += 1
        return self.reloaded

    def status(self) -> Status:
        return Status("test", self.version, START, "d1", 2, 3, ("db",), self.reloaded.refused, self.reloaded.errors)

    async def health(self) -> Health:
        return self.healthy

    # What a test does.

    def application(self) -> web.Application:
        return application(self)

    async def turn(self, **span: float) -> None:
        """Let the loops work for so long."""
        await self.simulation.run_for(timedelta(**(span or {"seconds": 1})))

    def take_over(self, configuration: Configuration) -> None:
        """Another configuration is in force."""
        self.configuration, self.sources = configuration, open_sources(configuration)

    def listen(self, **changes: object) -> None:
        """Change what the configuration says of the server."""
        server: ServerSettings = msgspec.structs.replace(self.configuration.server, **changes)
        self.configuration = msgspec.structs.replace(self.configuration, server=server)


def opaque(place: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()
