"""For those who keep it running: whether the loops turn, whether an alert can be committed, the numbers, and reload."""

import logging
import re
from collections.abc import Iterable
from datetime import timedelta

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from router.http.access import Access, Endpoint
from router.http.api import instant
from router.http.problem import Fault, problem
from router.http.service import Service
from router.store import read

log = logging.getLogger(__name__)

FRESH_FOR = timedelta(seconds=5)
"""A reading of the store serves scrapes for so long: several scrapers cost no more than one."""
_LOCATED = re.compile(r"(?P<where>[^:]+:\d+:\d+): (?P<message>.*?)(?:; expected (?P<expected>.*))?", re.DOTALL)
_encode = msgspec.json.Encoder().encode


class Ops:
    """Health, metrics and reload."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stored = _Stored(service)
        self._registry = CollectorRegistry()
        self._registry.register(_Own(service))
        self._registry.register(self._stored)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def routes(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/healthz", self._healthz, Access.OPEN),
            Endpoint("GET", "/readyz", self._readyz, Access.OPEN),
            Endpoint("GET", "/metrics", self._metrics, Access.OPEN),
            Endpoint("GET", "/api/status", self._status, Access.READ),
            Endpoint("POST", "/-/reload", self._reload, Access.ADMIN),
        ]

    async def _healthz(self, _: web.Request) -> web.StreamResponse:
        health = await self._service.health()
        now = self._service.clock.now()
        stuck = [
            f"the {loop.name} loop has not come round for {int((now - loop.turned_at).total_seconds())} s"
            for loop in health.loops
            if loop.is_stuck
        ]
        loops = {
            loop.name: {"turned_at": instant(loop.turned_at), "stuck": loop.is_stuck, "errors": loop.errors}
            for loop in health.loops
        }
        return _answer({"healthy": not stuck, "stuck": stuck, "loops": loops}, is_well=not stuck)

    async def _readyz(self, _: web.Request) -> web.StreamResponse:
        health = await self._service.health()
        body: dict[str, object] = {"ready": health.can_commit, "degraded": health.degraded}
        if not health.can_commit:
            body["why"] = "an alert could not be committed now: is the disk full, or the database away?"
        return _answer(body, is_well=health.can_commit)

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        await self._stored.refresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})

    async def _status(self, _: web.Request) -> web.StreamResponse:
        found = self._service.status()
        body: dict[str, object] = {**msgspec.structs.asdict(found), "in_force_since": instant(found.in_force_since)}
        return _answer(body, is_well=True)

    async def _reload(self, _: web.Request) -> web.StreamResponse:
        reloaded = await self._service.reload()
        if not reloaded.is_accepted:
            return problem(
                400,
                f"the configuration was refused ({len(reloaded.errors)} errors); the last good one stays in force",
                errors=[located(error) for error in reloaded.errors],
            )
        body: dict[str, object] = {"reloaded": True, "diff": reloaded.diff, "warnings": reloaded.warnings}
        if reloaded.refused:
            body["refused"] = [
                {"file": one.file, "in_force": one.in_force, "errors": [located(error) for error in one.errors]}
                for one in reloaded.refused
            ]
        return _answer(body, is_well=True)


def located(error: str) -> Fault:
    """An error of the configuration, taken apart into where, what and what was expected."""
    found = _LOCATED.fullmatch(error)
    if found is None:
        return Fault(error)
    return Fault(found["message"], found["where"], found["expected"] or "")


def _answer(body: dict[str, object], *, is_well: bool) -> web.Response:
    return web.Response(status=200 if is_well else 503, body=_encode(body), content_type="application/json")


class _Own(Collector):
    """What the process counts, and which version it is."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("alert_router_build", "The version that runs.", {"version": self._service.version})
        yield from self._service.metrics.collect()

    def describe(self) -> Iterable[Metric]:
        return ()


class _Stored(Collector):
    """What SQL counts. Read before a scrape, since a scrape is synchronous; a failed reading shows nothing old."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._numbers: read.Numbers | None = None
        self._read_at: float | None = None

    async def refresh(self) -> None:
        now = self._service.clock.monotonic()
        if self._read_at is not None and now - self._read_at < FRESH_FOR.total_seconds():
            return
        self._read_at, self._numbers = now, None
        try:
            self._numbers = await self._service.engine.database.read(read.numbers)
        except Exception:  # the top of this request: a store that cannot be read is when the other numbers matter most
            log.exception("the store could not be read for the metrics")

    def collect(self) -> Iterable[Metric]:
        numbers = self._numbers
        if numbers is None:
            return
        states = GaugeMetricFamily(
            "alertmanager_alerts", "Firing alerts; suppressed: their news is held back.", labels=["state"]
        )
        states.add_metric(["active"], numbers.active)
        states.add_metric(["suppressed"], numbers.suppressed)
        yield states
        groups = "alertmanager_dispatcher_aggregation_groups"
        yield GaugeMetricFamily(groups, "Groups that are kept.", value=numbers.groups)
        yield GaugeMetricFamily("alert_router_incidents_open", "Incidents not resolved.", value=numbers.incidents)
        yield GaugeMetricFamily(
            "alert_router_messages_owed", "Messages that have not told the last word.", value=numbers.owed
        )
        yield GaugeMetricFamily(
            "alert_router_sources_silent",
            "Sources that say nothing while their alerts fire.",
            value=numbers.silent_sources,
        )
        silences = GaugeMetricFamily("alertmanager_silences", "Silences that are kept.", labels=["state"])
        for state, count in self._service.engine.silences.count(numbers.silences).items():
            silences.add_metric([state.value], count)
        yield silences
        labels = ["source", "heartbeat"]
        expected = GaugeMetricFamily("alert_router_heartbeats", "Signs of life that are expected.", labels=labels)
        missing = GaugeMetricFamily("alert_router_heartbeats_missing", "Those that did not come.", labels=labels)
        for source, name, all_of_it, absent in numbers.heartbeats:
            expected.add_metric([source, name], all_of_it)
            missing.add_metric([source, name], absent)
        yield expected
        yield missing
        owed_for = timedelta(0)
        if numbers.pending_since is not None:
            owed_for = max(self._service.clock.now() - numbers.pending_since, owed_for)
        meaning = "Age of the oldest truth that somebody was not told yet; 0 when nothing is owed."
        yield GaugeMetricFamily("alert_router_oldest_owed_seconds", meaning, value=owed_for.total_seconds())

    def describe(self) -> Iterable[Metric]:
        return ()
