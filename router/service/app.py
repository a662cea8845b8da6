"""Composition root: the only module that knows all the others. Makes the parts, turns the loops, ends them cleanly."""

import asyncio
import logging
import signal
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from aiohttp import web

from adapters import ADAPTERS
from adapters.adapter import OptionsError
from router.delivery.deliver import Settings
from router.engine import Engine
from router.heartbeats import dead_mans_switch
from router.heartbeats.dead_mans_switch import DeadMansSwitch, IntakeNumbers, Target
from router.http import routes, unreadable
from router.http.service import OpenSource, Reloaded
from router.notifiers.preview.notifier import NAME as PREVIEW
from router.notifiers.slack.notifier import NAME as SLACK
from router.notifiers.slack.wire import open_session
from router.runtime.clock import Clock, NewId, SystemClock, new_id
from router.runtime.config import ConfigError, Files, SecretError, Vault
from router.runtime.health import PENDING_TOO_LONG, Health, LoopHealth
from router.runtime.metrics import Metrics
from router.runtime.version import version
from router.runtime.wake_up import WakeUps
from router.service.accept_rule_files import NoticeTarget
from router.service.config_watcher import ConfigWatcher
from router.service.loops import DRAIN, Loop, Loops
from router.service.rule_files import TeamFiles
from router.service.ways_out import WaysOut
from router.store import health as stored_health
from router.store import retention
from router.store.database import Database, StorageError
from router.store.evaluation import messages
from router.store.intake import sources
from rules.advice.changes import changes
from rules.loading.load import Loaded
from rules.model.configuration import Configuration, SecretRef, Secrets, SlackSettings

log = logging.getLogger(__name__)

STUCK_AFTER = timedelta(seconds=60)
PROBE = timedelta(seconds=3)
NOT_COMMITTED = "the database did not take the new configuration; nothing has changed, try again when /readyz is well"


class StartError(RuntimeError):
    """The service cannot start; the text is for the person who started it."""


class App:
    """The process. Satisfies http.service.Service."""

    def __init__(
        self, files: Files, loaded: Loaded, configuration: Configuration, vault: Vault, *, clock: Clock, new_id: NewId
    ) -> None:
        self._files, self._loaded, self._clock, self._new_id = files, loaded, clock, new_id
        self._vault = vault
        self._metrics = Metrics()
        self._set(configuration)
        self._wake_ups = WakeUps(clock)
        self._failed_reload: tuple[str, ...] = ()
        self._reload_lock = asyncio.Lock()
        self._loops: Loops | None = None
        self._stopping = asyncio.Event()
        self._background: asyncio.TaskGroup | None = None
        self._rerouting: list[asyncio.Task[None]] = []
        self._owed_since: datetime | None = None
        self._refused_channels: tuple[str, ...] = ()

    @property
    def configuration(self) -> Configuration:
        return self._configuration

    @property
    def sources(self) -> Mapping[str, OpenSource]:
        return self._sources

    @property
    def bare_source(self) -> str | None:
        return self._bare_source

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def loops(self) -> Loops:
        if self._loops is None:
            raise AssertionError("not started")
        return self._loops

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
        """Where it listens, once started."""
        return [f"http://{_bracketed(host)}:{port}" for host, port, *_ in self._runner.addresses]

    async def start(self) -> None:
        """Open the store, the way to Slack and the listener. Raises StartError."""
        try:
            self._database = Database(Path(self._configuration.storage.path), self._clock, self._metrics)
        except StorageError as error:
            raise StartError(str(error)) from error
        loaded = await self._read_again()
        self._session = open_session()
        self._ways_out = WaysOut(self._database, self._session, self._clock, self._vault)
        notifiers = self._ways_out.of(self._configuration)
        self._engine = Engine(
            self._database,
            self._clock,
            self._metrics,
            self._new_id,
            notifiers=notifiers.values(),
            settings=_settings_of(self._configuration),
            ruleset=self._configuration.rules,
            on_commit=self._wake_ups.dispatch.wake,
            on_refused_workspace=self._on_refused_workspace,
        )
        self._loops = Loops(self._engine, self._wake_ups, self._clock, self._metrics, on_given_up=self._say_given_up)
        self._outward = DeadMansSwitch(
            self._session,
            self._clock,
            self._metrics,
            target=self._outward_target,
            health=self.health,
            intake=self._intake_numbers,
        )
        self._loops.all.append(Loop(dead_mans_switch.NAME, self._outward.turn, self._clock, self._metrics))
        watch = ConfigWatcher(
            self._clock,
            is_on=lambda: bool(self._configuration.rules_files),
            read=lambda: self._files.read_digest,
            look=lambda: asyncio.to_thread(self._files.digest),
            reload=self.reload,
        )
        self._loops.all.append(Loop("watch", watch.turn, self._clock, self._metrics))
        await self._engine.start(self._teams.adopting(loaded, _telling(self._engine.settings)))
        self._teams.in_force(loaded, is_start=True)
        if self._database.is_new:
            log.warning("a new, empty database was made", extra={"path": str(self._database.path)})
        self._gauges()
        await self._listen()

    async def run(self) -> None:
        """Turn the loops until `stop` is asked for, then end in order: what was taken is committed, calls finish."""
        async with asyncio.TaskGroup() as group:
            self._background = group
            tasks = [group.create_task(loop.run(), name=loop.name) for loop in self.loops.all]
            self._reroute_until_well()
            await self._stopping.wait()
            log.info("stopping: no more requests, then what is in flight")
            await self._runner.cleanup()
            for task in (*tasks, *self._rerouting):
                task.cancel()
        await self._close()

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

    async def reload(self) -> Reloaded:
        """Validate first, then change over as a whole; the last good configuration stays in force otherwise."""
        async with self._reload_lock:
            try:
                reloaded = await self._reload()
            except (
                Exception
            ):  # the top of this request: whatever it is, the rules before are in force, and are answered for
                log.exception("a reload was not committed")
                self._files.read_digest = ""  # to whoever watches this is not a content that was tried
                reloaded = Reloaded(is_accepted=False, errors=(NOT_COMMITTED,))
        self._metrics.add("alert_router_reloads", ("accepted" if reloaded.is_accepted else "refused",))
        self._failed_reload = () if reloaded.is_accepted else reloaded.errors
        if reloaded.is_accepted:
            log.info("the configuration was reloaded", extra={"changes": len(reloaded.diff)})
        else:
            log.error(
                "the configuration was refused; the last good one stays in force",
                extra={"errors": list(reloaded.errors[:20])},
            )
        return reloaded

    async def health(self) -> Health:
        now = self._clock.now()
        loops = tuple(
            LoopHealth(loop.name, loop.turned_at, now - loop.turned_at > STUCK_AFTER, loop.errors)
            for loop in self.loops.all
        )
        can_commit = True
        try:
            async with asyncio.timeout(PROBE.total_seconds()):
                await self._database.write(partial(sources.listen, now=now, heard={}))
                stored = await self._database.read(stored_health.read)
                self._owed_since, self._refused_channels = stored.pending_since, stored.refused
        except Exception:  # whatever it is, an alert could not be committed now
            log.exception("the database does not take a commit")
            can_commit = False
        return Health(loops, can_commit, tuple(self._degraded(now)), self._owed_since)

    def _degraded(self, now: datetime) -> list[str]:
        said = []
        if self.loops.refused_workspace:
            said.append(
                f"Slack refuses the workspace: {self.loops.refused_workspace}; messages are kept and told when it accepts us again"
            )
        if self._failed_reload:
            said.append(
                f"the last reload was refused ({len(self._failed_reload)} errors); the configuration before it is in force"
            )
        said += self._teams.degraded()
        if self._owed_since is not None and now - self._owed_since > PENDING_TOO_LONG:
            said.append(f"the oldest undelivered truth is {int((now - self._owed_since).total_seconds())} s old")
        if self._outward.trouble:
            said.append(f"the outward heartbeat was not made: {self._outward.trouble}")
        said += [f"Slack refuses {target}" for target in self._refused_channels]
        if self._database.is_new:
            said.append("this process began with a new, empty database")
        return said

    def _outward_target(self) -> Target | None:
        """The address lives no longer than a call: it may be a secret."""
        found = self._configuration.outward
        if found is None:
            return None
        return Target(self._vault.one(found.secret) if found.secret else found.url, found.every)

    def _intake_numbers(self) -> IntakeNumbers:
        intake = self._engine.intake
        return IntakeNumbers(intake.commits, intake.failures, intake.waiting_rows)

    async def _say_given_up(self, count: int) -> None:
        self._metrics.add("alert_router_given_up", (), count)
        log.error("truths owed for too long were given up", extra={"messages": count})
        slack = self._configuration.slack
        target = slack.fallback_channel if isinstance(slack, SlackSettings) else ""
        if target:
            text = f"{count} messages could not be delivered for {retention.GIVE_UP_AFTER.days} days and were given up; /api/messages names them."
            settings = self._engine.settings
            await self._engine.database.write(
                partial(
                    messages.post,
                    notifier=settings.notifier,
                    target=target,
                    text=text,
                    now=self._clock.now(),
                )
            )

    def _slack_token(self) -> Secrets:
        slack = self._configuration.slack
        return slack.token if isinstance(slack, SlackSettings) else ()

    def _on_refused_workspace(self, error: str) -> None:
        self.loops.refused_workspace = error
        try:
            self._vault.open(self._slack_token())  # a rotated token lies in the file or variable already
        except SecretError as missing:
            log.error("a refused token could not be read again", extra={"error": str(missing)})  # noqa: TRY400  # the text says it all

    async def _listen(self) -> None:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.add_routes(routes(self))
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=unreadable.log,
            auto_decompress=False,
            shutdown_timeout=DRAIN.total_seconds(),
            max_line_size=16_384,
            max_field_size=16_384,
        )
        await self._runner.setup()
        server = self._configuration.server
        try:
            await web.TCPSite(self._runner, server.host, server.port, backlog=1024).start()
        except OSError as error:
            await self._runner.cleanup()
            await self._close()
            raise StartError(
                f"cannot listen on {server.host}:{server.port}: {error.strerror or error}; set server.listen to another address"
            ) from error

    async def _close(self) -> None:
        if self._loops is not None:
            await self._loops.finish_calls()
        if hasattr(self, "_engine"):
            await self._engine.intake.drain()
            await self._note_signs()
        await self._session.close()
        await self._database.close()

    async def _note_signs(self) -> None:
        """Who was heard since the last tick is written down: a nightly job would be missing for a restart."""
        try:
            await self._engine.expire()
        except Exception:  # the end of the process must not hang on it
            log.exception("the last signs of life were not written down")

    def _gauges(self) -> None:
        gauge = self._metrics.gauge
        gauge(
            "alertmanager_config_last_reload_successful",
            "1 unless the last reload was refused.",
            lambda: not self._failed_reload,
        )
        gauge(
            "alert_router_rules_files_refused",
            "Files of teams whose text is not in force.",
            lambda: len(self._teams.refused),
        )
        gauge("alert_router_ingest_waiting", "Alerts waiting for a commit.", lambda: self._engine.intake.waiting_rows)
        gauge("alert_router_calls_in_flight", "Calls to Slack in flight.", lambda: self.loops.calls_in_flight)
        gauge(
            "alert_router_new_database",
            "1 if this process began with an empty database.",
            lambda: self._database.is_new,
        )

    async def _read_again(self) -> Loaded:
        """With what the database knows of teams' files: the last accepted text of one that is refused is in force."""
        self._teams = TeamFiles(self._files, self._database, self._clock)
        try:
            loaded = await self._teams.at_start(self._loaded)
            if loaded.configuration is not None:
                self._vault.open(secrets_of(loaded.configuration))
        except (ConfigError, SecretError) as error:
            await self._database.close()
            raise StartError(str(error)) from error
        if loaded.configuration is None:
            await self._database.close()
            raise StartError("\n".join(map(str, loaded.errors)))
        self._set(loaded.configuration)
        return loaded

    def _set(self, configuration: Configuration, opened: Mapping[str, OpenSource] | None = None) -> None:
        self._configuration, self._bare_source = configuration, bare_source(configuration)
        self._sources = open_sources(configuration) if opened is None else opened

    async def _reload(self) -> Reloaded:
        try:
            loaded = await self._teams.read()
        except ConfigError as error:
            return Reloaded(is_accepted=False, errors=(str(error),))
        warnings = tuple(str(warning) for warning in loaded.warnings)
        if loaded.configuration is None:
            return Reloaded(is_accepted=False, errors=tuple(str(error) for error in loaded.errors), warnings=warnings)
        before, after = self._configuration, loaded.configuration
        try:
            self._vault.open(secrets_of(after))
        except SecretError as error:
            return Reloaded(is_accepted=False, errors=tuple(str(error).splitlines()), warnings=warnings)
        sources = open_sources(after)
        settings = _settings_of(after)
        adopting = self._teams.adopting(loaded, _telling(settings))
        await self._engine.put_in_force(after.rules, settings, adopting)
        if not _is_other_slack(before, after):
            self._engine.notifiers = self._ways_out.of(after)
        self._set(after, sources)
        lost = self._teams.in_force(loaded)
        try:
            await self._engine.reroute()
        except Exception:  # the rules are in force already; where alerts belong is brought up to them until it works
            log.exception("alerts were not brought to their new routes; it is tried again")
            self._reroute_until_well()
        self._wake_ups.wake_all()
        return Reloaded(
            is_accepted=True,
            warnings=(*warnings, *lost, *_needs_restart(before, after)),
            diff=tuple(changes(before, after, self._clock.now())),
            refused=self._teams.refused,
        )

    def _reroute_until_well(self) -> None:
        if self._background is not None:
            once = Loop("reroute", self._engine.reroute, self._clock, self._metrics)
            self._rerouting.append(self._background.create_task(once.run_until_well(), name=once.name))


def create(paths: Sequence[Path], *, clock: Clock | None = None, environ: Mapping[str, str] | None = None) -> App:
    """Read the configuration and its secrets. Raises StartError with every mistake."""
    files = Files(paths)
    try:
        loaded = files.read()
    except ConfigError as error:
        raise StartError(str(error)) from error
    if loaded.configuration is None:
        raise StartError("\n".join(str(error) for error in loaded.errors))
    for warning in loaded.warnings:
        log.warning("the configuration has a weakness", extra={"warning": str(warning)})
    vault = Vault(environ)
    try:
        vault.open(secrets_of(loaded.configuration))
    except SecretError as error:
        raise StartError(str(error)) from error
    return App(files, loaded, loaded.configuration, vault, clock=clock or SystemClock(), new_id=new_id)


def open_sources(configuration: Configuration) -> dict[str, OpenSource]:
    """Each source with its adapter opened; `load` has opened each once already, so nothing is refused here."""
    opened = {}
    for name, settings in configuration.sources.items():
        try:
            parse = ADAPTERS[settings.adapter].open(settings.options)
        except OptionsError as error:
            raise StartError(f"source {name}: {'.'.join(error.path)}: {error.message}") from error
        networks = tuple(ip_network(network, strict=False) for network in settings.allow)
        opened[name] = OpenSource(settings, parse, networks)
    return opened


def bare_source(configuration: Configuration) -> str | None:
    """The one with `alertmanager_api: true`, or the only one of the family."""
    family = [one for one in configuration.sources.values() if ADAPTERS[one.adapter].is_prometheus_family]
    chosen = [one.name for one in family if one.alertmanager_api] or [one.name for one in family]
    return chosen[0] if len(chosen) == 1 else None


def secrets_of(configuration: Configuration) -> list[SecretRef]:
    """Every secret that the configuration refers to."""
    slack = configuration.slack
    found: list[SecretRef] = list(slack.token + slack.signing_secret) if isinstance(slack, SlackSettings) else []
    for tokens in configuration.server.tokens.values():
        found += tokens
    if configuration.outward is not None:
        found += configuration.outward.secret
    for source in configuration.sources.values():
        for auth in source.auth:
            for field in auth.__struct_fields__:
                value = getattr(auth, field)
                if isinstance(value, tuple):
                    found += value
    return found


def _needs_restart(before: Configuration, after: Configuration) -> list[str]:
    changed = []
    if (before.server.host, before.server.port) != (after.server.host, after.server.port):
        changed.append("server.listen")
    if before.storage != after.storage:
        changed.append("storage")
    if _is_other_slack(before, after):
        changed.append("slack")
    return [f"{key} has changed: it takes effect at the next start" for key in changed]


def _is_other_slack(before: Configuration, after: Configuration) -> bool:
    address, addressed = getattr(before.slack, "api_url", ""), getattr(after.slack, "api_url", "")
    return type(before.slack) is not type(after.slack) or address != addressed


def _settings_of(configuration: Configuration) -> Settings:
    slack, address = configuration.slack, configuration.server.external_url
    if not isinstance(slack, SlackSettings):
        return Settings(configuration.name, address, "", PREVIEW)
    return Settings(configuration.name, address, slack.fallback_channel, SLACK, slack.posts_again)


def _telling(settings: Settings) -> NoticeTarget:
    return NoticeTarget(settings.notifier, settings.fallback_channel)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
