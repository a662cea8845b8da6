"""Brings a changed configuration into force while the process runs: checked first, then changed over as a whole."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from router.delivery.deliver import Settings
from router.engine import Engine
from router.http.service import Reloaded
from router.runtime.clock import Clock
from router.runtime.config import ConfigError, Files, SecretError, Vault
from router.runtime.metrics import Metrics
from router.service.accept_rule_files import NoticeTarget
from router.service.in_force import InForce, delivery_settings, open_secrets, open_sources
from router.service.loops import Loop
from router.service.rule_files import TeamFiles
from router.service.way_out import WayOut
from rules.advice.changes import changes
from rules.model.configuration import Configuration

log = logging.getLogger(__name__)

NOT_COMMITTED = "the database did not take the new configuration; nothing has changed, try again when /readyz is well"


class Reloader:
    """One reload at a time; the last good configuration stays in force when one is refused."""

    def __init__(
        self,
        in_force: InForce,
        files: Files,
        teams: TeamFiles,
        vault: Vault,
        engine: Engine,
        way_out: WayOut,
        clock: Clock,
        metrics: Metrics,
        *,
        wake_all: Callable[[], None],
        begin: Callable[[Callable[[], Coroutine[Any, Any, None]]], None],
    ) -> None:
        """`begin` starts a task that belongs to the process."""
        self._in_force, self._files, self._teams, self._vault = in_force, files, teams, vault
        self._engine, self._way_out, self._clock, self._metrics = engine, way_out, clock, metrics
        self._wake_all, self._begin = wake_all, begin
        self._lock = asyncio.Lock()
        self.errors: tuple[str, ...] = ()
        """Of the last reload, when it was refused."""

    async def reload(self) -> Reloaded:
        async with self._lock:
            try:
                reloaded = await self._reload()
            except (
                Exception
            ):  # the top of this request: whatever it is, the rules before are in force, and are answered for
                log.exception("a reload was not committed")
                self._files.read_digest = ""  # to whoever watches this is not a content that was tried
                reloaded = Reloaded(is_accepted=False, errors=(NOT_COMMITTED,))
        self._metrics.add("alert_router_reloads", ("accepted" if reloaded.is_accepted else "refused",))
        self.errors = () if reloaded.is_accepted else reloaded.errors
        if reloaded.is_accepted:
            log.info("the configuration was reloaded", extra={"changes": len(reloaded.diff)})
        else:
            log.error(
                "the configuration was refused; the last good one stays in force",
                extra={"errors": list(reloaded.errors[:20])},
            )
        return reloaded

    async def _reload(self) -> Reloaded:
        try:
            loaded = await self._teams.read()
        except ConfigError as error:
            return Reloaded(is_accepted=False, errors=(str(error),))
        warnings = tuple(str(warning) for warning in loaded.warnings)
        if loaded.configuration is None:
            return Reloaded(is_accepted=False, errors=tuple(str(error) for error in loaded.errors), warnings=warnings)
        before, after = self._in_force.configuration, loaded.configuration
        try:
            open_secrets(self._vault, after)
        except SecretError as error:
            return Reloaded(is_accepted=False, errors=tuple(str(error).splitlines()), warnings=warnings)
        sources = open_sources(after)
        settings = delivery_settings(after)
        adopting = self._teams.adopting(loaded, notice_target(settings))
        await self._engine.put_in_force(after.rules, settings, adopting)
        if not _is_other_slack(before, after):
            self._engine.notifiers = self._way_out.notifiers(after)
        self._in_force.take(after, sources)
        self._in_force.note(self._clock.now(), self._files.read_digest)
        lost = self._teams.in_force(loaded)
        try:
            await self._engine.reroute()
        except Exception:  # the rules are in force already; where alerts belong is brought up to them until it works
            log.exception("alerts were not brought to their new routes; it is tried again")
            self.reroute_until_well()
        self._wake_all()
        return Reloaded(
            is_accepted=True,
            warnings=(*warnings, *lost, *_needs_restart(before, after), *self._engine.overrides.without_effect()),
            diff=tuple(changes(before, after, self._clock.now())),
            refused=self._teams.refused,
        )

    def reroute_until_well(self) -> None:
        self._begin(Loop("reroute", self._engine.reroute, self._clock, self._metrics).run_until_well)


def notice_target(settings: Settings) -> NoticeTarget:
    """Where the router's own words go."""
    return NoticeTarget(settings.notifier, settings.fallback_channel)


def _is_other_slack(before: Configuration, after: Configuration) -> bool:
    address, addressed = getattr(before.slack, "api_url", ""), getattr(after.slack, "api_url", "")
    return type(before.slack) is not type(after.slack) or address != addressed


def _needs_restart(before: Configuration, after: Configuration) -> list[str]:
    changed = []
    if (before.server.host, before.server.port) != (after.server.host, after.server.port):
        changed.append("server.listen")
    if before.storage != after.storage:
        changed.append("storage")
    if _is_other_slack(before, after):
        changed.append("slack")
    return [f"{key} has changed: it takes effect at the next start" for key in changed]
