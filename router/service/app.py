"""Composition root: makes the parts, turns the loops, ends them cleanly. The only module that knows all the others."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy.exc import DBAPIError

from router.engine import Engine
from router.heartbeats import dead_mans_switch
from router.heartbeats.dead_mans_switch import DeadMansSwitch, IntakeNumbers, Target
from router.http import application, listener
from router.http.listener import Listener
from router.http.service import OpenSource, PreviewParts, Reloaded, Status
from router.notifiers.slack.client import SlackClient
from router.notifiers.slack.inbound import socket_mode
from router.notifiers.slack.inbound.door import Entrance
from router.notifiers.slack.inbound.later import ResponseUrls
from router.notifiers.slack.openid import OpenId
from router.notifiers.slack.wire import open_session, open_socket_session
from router.notifiers.webhook.client import open_session as open_webhook_session
from router.runtime.clock import Clock, SystemClock, new_id, new_secret
from router.runtime.config import ConfigError, Files, SecretError, Vault
from router.runtime.health import Health
from router.runtime.metrics import Metrics
from router.runtime.version import version
from router.runtime.wake_up import WakeUps
from router.service import group_members, secret_watcher
from router.service.config_watcher import ConfigWatcher
from router.service.group_members import GroupMembers
from router.service.health import HealthCheck
from router.service.in_force import InForce, StartError, delivery_settings, open_secrets
from router.service.loops import DRAIN, Loops
from router.service.reload import Reloader, notice_target
from router.service.responder.people import People
from router.service.responder.questions import Questions
from router.service.responder.responder import Responder
from router.service.responder.slack_sign_in import SlackSignIn
from router.service.responder.visitors import Visitors
from router.service.rule_files import TeamFiles
from router.service.secret_watcher import SecretWatcher
from router.service.way_in import WayIn
from router.service.way_out import WayOut
from router.store import retention
from router.store.database import Database
from router.store.evaluation import accounts, messages
from router.store.file import StorageError, trouble
from rules.loading.load import Loaded
from rules.model.configuration import Configuration, SlackSettings

log = logging.getLogger(__name__)


class App:
    """The process, its parts all made. Satisfies http.service.Service."""

    def __init__(
        self,
        in_force: InForce,
        files: Files,
        teams: TeamFiles,
        vault: Vault,
        database: Database,
        way_out: WayOut,
        session: aiohttp.ClientSession,
        socket_session: aiohttp.ClientSession,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._in_force, self._vault, self._clock, self._metrics = in_force, vault, clock, metrics
        self._teams, self._database, self._way_out = teams, database, way_out
        self._files = files
        self._wake_ups = WakeUps(clock)
        configuration = in_force.configuration
        self._engine = Engine(
            database,
            clock,
            metrics,
            new_id,
            notifiers=way_out.notifiers(configuration).values(),
            settings=delivery_settings(configuration),
            ruleset=configuration.rules,
            on_commit=self._wake_ups.dispatch.wake,
            on_refused_workspace=way_out.refuse,
        )
        self._loops = Loops(self._engine, self._wake_ups, way_out, clock, metrics, on_given_up=self._say_given_up)
        self._reloader = Reloader(
            in_force,
            files,
            teams,
            vault,
            self._engine,
            way_out,
            clock,
            metrics,
            wake_all=self._wake_ups.wake_all,
            begin=self._begin,
        )
        self._health = HealthCheck(database, self._loops, clock, trouble=self._trouble)
        self._switch = DeadMansSwitch(
            session,
            clock,
            metrics,
            target=lambda: _switch_target(in_force, vault),
            health=self.health,
            intake=lambda: _intake_numbers(self._engine),
        )
        watcher = ConfigWatcher(
            clock,
            is_on=lambda: bool(in_force.configuration.rules_files),
            read=lambda: files.read_digest,
            look=lambda: asyncio.to_thread(files.digest),
            reload=self.reload,
        )
        self._loops.add(dead_mans_switch.NAME, self._switch.turn)
        self._loops.add("watch", watcher.turn)
        self._groups = GroupMembers(lambda: self._engine.ruleset, lambda: _slack_of(in_force, way_out), clock)
        self._loops.add(group_members.NAME, self._groups.turn)
        self._loops.add(secret_watcher.NAME, SecretWatcher(vault, clock).turn)
        people = People(
            lambda: self._engine.ruleset, lambda: way_out.workspace, lambda: way_out.workspace_id, self._connected
        )
        by_slack = SlackSignIn(in_force, vault, OpenId(session, clock), lambda: way_out.who.workspace)
        self._visitors = Visitors(self._engine, people, new_secret, by_slack)
        self._responder = Responder(
            self._engine,
            in_force,
            people,
            Questions(self._engine, in_force, self.health, self.version),
            self._visitors,
            way_out.preview_workspace if way_out.is_preview else ResponseUrls(session),
            slack=lambda: way_out.workspace,
            bot=lambda: way_out.bot,
            wake=self._wake_ups.acted,
        )
        self._way_in = WayIn(
            in_force,
            vault,
            session,
            socket_session,
            clock,
            metrics,
            self._responder,
            workspace=lambda: way_out.who.workspace,
        )
        self._preview = PreviewParts(
            way_out.preview, way_out.preview_workspace, self._way_in.preview_entrance, self._way_in.preview_secret
        )
        self._listener = Listener(application(self), clock, metrics, finish_within=DRAIN)
        self._loops.add(socket_mode.NAME, self._way_in.socket_mode.turn)
        self._loops.add(listener.NAME, self._listener.turn)
        self._stopping = asyncio.Event()
        self._background: asyncio.TaskGroup | None = None
        self._once: list[asyncio.Task[None]] = []
        self._gauges()

    @property
    def configuration(self) -> Configuration:
        return self._in_force.configuration

    @property
    def sources(self) -> Mapping[str, OpenSource]:
        return self._in_force.sources

    @property
    def bare_source(self) -> str | None:
        return self._in_force.bare_source

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def slack_entrance(self) -> Entrance:
        return self._way_in.entrance

    @property
    def visitors(self) -> Visitors:
        return self._visitors

    def acted(self) -> None:
        self._wake_ups.acted()

    async def _connected(self, workspace: str, account: str) -> str:
        return await self._database.read(partial(accounts.person, workspace=workspace, account_id=account))

    @property
    def preview(self) -> PreviewParts | None:
        return self._preview if self._way_out.is_preview else None

    @property
    def vault(self) -> Vault:
        return self._vault

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def metrics(self) -> Metrics:
        return self._metrics

    @property
    def version(self) -> str:
        return version()

    @property
    def addresses(self) -> list[str]:
        """Where it listens."""
        return self._listener.addresses

    async def health(self) -> Health:
        return await self._health.health()

    def status(self) -> Status:
        configuration = self.configuration
        return Status(
            name=configuration.name,
            version=self.version,
            in_force_since=self._in_force.since,
            digest=self._in_force.digest,
            sources=len(configuration.sources),
            routes=len(configuration.rules.routes),
            teams=tuple(team.name for team in configuration.teams),
            refused=self._teams.refused,
            reload_errors=self._reloader.errors,
        )

    async def reload(self) -> Reloaded:
        return await self._reloader.reload()

    async def begin(self, loaded: Loaded, stack: AsyncExitStack) -> None:
        """Put what was loaded in force, and listen. What is begun ends with the stack. Raises StartError."""
        stack.push_async_callback(self._drain)
        if self._database.lost:
            log.error("something of the database is lost", extra={"what": self._database.lost})
        try:
            await self._engine.start(self._teams.adopting(loaded, notice_target(self._engine.settings)))
        except DBAPIError as error:
            raise StartError(trouble(self._database.path, error)) from error
        self._teams.in_force(loaded, is_start=True)
        self._in_force.note(self._clock.now(), self._files.read_digest)
        if self._database.is_new:
            log.warning("a new, empty database was made", extra={"path": str(self._database.path)})
        stack.push_async_callback(self._listener.stop)
        server = self.configuration.server
        try:
            await self._listener.start(server.host, server.port)
        except OSError as error:
            raise StartError(
                f"cannot listen on {server.host}:{server.port}: {error.strerror or error}; set server.listen to another address"
            ) from error

    async def run(self) -> None:
        """Turn the loops until `stop` is asked for."""
        async with asyncio.TaskGroup() as group:
            self._background = group
            tasks = [group.create_task(loop.run(), name=loop.name) for loop in self._loops.all]
            self._reloader.reroute_until_well()
            await self._stopping.wait()
            log.info("stopping: no more requests, then what is in flight")
            await self._listener.stop()
            for task in (*tasks, *self._once):
                task.cancel()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopping.set()

    async def run_until_signalled(self) -> None:
        """`run`, ended by SIGTERM or SIGINT; SIGHUP reloads."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.stop)
        reloads: set[asyncio.Task[Reloaded]] = set()

        def reload() -> None:
            task = loop.create_task(self.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
        await self.run()

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._background is not None:
            self._once.append(self._background.create_task(work()))

    async def _drain(self) -> None:
        """What was taken is committed, calls in flight end, and who was heard since the last tick is written down: a
        nightly job would be missing for a restart."""
        await self._loops.finish_calls()
        await self._way_in.finish()
        await self._responder.finish()
        await self._engine.intake.group_commit.drain()
        try:
            await self._engine.expire()
        except Exception:  # the end of the process must not hang on it
            log.exception("the last signs of life were not written down")

    def _trouble(self) -> list[str]:
        found = []
        if self._way_out.refused:
            found.append(
                f"Slack refuses the workspace: {self._way_out.refused}; messages are kept and told when it accepts us again"
            )
        if self._reloader.errors:
            found.append(
                f"the last reload was refused ({len(self._reloader.errors)} errors); the configuration before it is in force"
            )
        found += self._way_in.trouble()
        found += self._teams.degraded()
        found += self._groups.trouble
        if self._switch.trouble:
            found.append(f"the outward heartbeat was not made: {self._switch.trouble}")
        return found

    async def _say_given_up(self, count: int) -> None:
        self._metrics.add("alert_router_given_up", (), count)
        log.error("truths owed for too long were given up", extra={"messages": count})
        settings = self._engine.settings
        if settings.fallback_channel:
            text = f"{count} messages could not be delivered for {retention.GIVE_UP_AFTER.days} days and were given up; /api/messages names them."
            post = partial(
                messages.post,
                notifier=settings.notifier,
                target=settings.fallback_channel,
                text=text,
                now=self._clock.now(),
            )
            await self._database.write(post)

    def _gauges(self) -> None:
        gauge = self._metrics.gauge
        gauge(
            "alertmanager_config_last_reload_successful",
            "1 unless the last reload was refused.",
            lambda: not self._reloader.errors,
        )
        gauge(
            "alert_router_rules_files_refused",
            "Files of teams whose text is not in force.",
            lambda: len(self._teams.refused),
        )
        gauge(
            "alert_router_ingest_waiting",
            "Alerts waiting for a commit.",
            lambda: self._engine.intake.group_commit.waiting_rows,
        )
        gauge("alert_router_calls_in_flight", "Calls to Slack in flight.", lambda: self._loops.calls_in_flight)
        sockets = self._way_in.socket_mode
        gauge("alert_router_slack_sockets", "Connections of Socket Mode that stand.", lambda: sockets.connected)
        gauge(
            "alert_router_slack_sockets_missing",
            "Connections of Socket Mode that should stand and do not.",
            lambda: max(sockets.wanted - sockets.connected, 0),
        )
        gauge(
            "alert_router_database_lost",
            "1 if something of the database was lost before this process began.",
            lambda: bool(self._database.lost),
        )
        gauge(
            "alert_router_new_database",
            "1 if this process began with an empty database.",
            lambda: self._database.is_new,
        )
        gauge(
            "alert_router_database_bytes",
            "The database's file and what is not yet written into it.",
            lambda: self._database.size_bytes,
        )
        gauge(
            "alert_router_oldest_kept_seconds",
            "Age of the oldest ended alert or resolved incident that is kept; looked at every hour.",
            lambda: _age(self._loops.oldest_kept, self._clock.now()),
        )


@asynccontextmanager
async def opened(
    paths: Sequence[Path], *, clock: Clock | None = None, environ: Mapping[str, str] | None = None
) -> AsyncIterator[App]:
    """A process that listens; its loops turn in `App.run`. Raises StartError with every mistake."""
    clock = clock or SystemClock()
    files, vault, metrics = Files(paths), Vault(environ), Metrics()
    first = _usable(_read(files), vault)
    for warning in first.warnings:
        log.warning("the configuration has a weakness", extra={"warning": str(warning)})
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(_database(first, clock, metrics))
        teams = TeamFiles(files, database, clock)
        try:
            # With what the database knows of teams' files: the last accepted text of one that is refused is in force.
            loaded = _usable(await teams.at_start(first), vault)
        except ConfigError as error:
            raise StartError(str(error)) from error
        in_force = InForce(_configuration(loaded))
        session = await stack.enter_async_context(open_session())
        socket_session = await stack.enter_async_context(open_socket_session())
        webhook_session = await stack.enter_async_context(open_webhook_session())
        way_out = WayOut(in_force, vault, session, webhook_session, database, clock)
        app = App(in_force, files, teams, vault, database, way_out, session, socket_session, clock, metrics)
        await app.begin(loaded, stack)
        yield app


def _read(files: Files) -> Loaded:
    try:
        return files.read()
    except ConfigError as error:
        raise StartError(str(error)) from error


def _usable(loaded: Loaded, vault: Vault) -> Loaded:
    """With a configuration whose secrets are there. Raises StartError."""
    try:
        open_secrets(vault, _configuration(loaded))
    except SecretError as error:
        raise StartError(str(error)) from error
    return loaded


def _configuration(loaded: Loaded) -> Configuration:
    if loaded.configuration is None:
        raise StartError("\n".join(str(error) for error in loaded.errors))
    return loaded.configuration


@asynccontextmanager
async def _database(loaded: Loaded, clock: Clock, metrics: Metrics) -> AsyncIterator[Database]:
    try:
        database = Database(Path(_configuration(loaded).storage.path), clock, metrics)
    except StorageError as error:
        raise StartError(str(error)) from error
    try:
        yield database
    finally:
        await database.close()


def _slack_of(in_force: InForce, way_out: WayOut) -> SlackClient | None:
    """None where the configuration in force tells Slack nothing."""
    return way_out.slack if isinstance(in_force.configuration.slack, SlackSettings) else None


def _switch_target(in_force: InForce, vault: Vault) -> Target | None:
    """The address lives no longer than a call: it may be a secret."""
    found = in_force.configuration.outward
    if found is None:
        return None
    return Target(vault.one(found.secret) if found.secret else found.url, found.every)


def _age(at: datetime | None, now: datetime) -> float:
    return 0 if at is None else (now - at).total_seconds()


def _intake_numbers(engine: Engine) -> IntakeNumbers:
    group_commit = engine.intake.group_commit
    return IntakeNumbers(group_commit.commits, group_commit.failures, group_commit.waiting_rows)
