"""Real senders for the tests: Debian's Prometheus and Alertmanager as processes, and what they scrape."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import web

from tests.process import Program, free_port, until


class Exporter:
    """What Prometheus scrapes: services that are up or down, as the test says."""

    def __init__(self, services: Sequence[str]) -> None:
        self.down: set[str] = set()
        self._services = services
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _: web.Request) -> web.Response:
        lines = [f'service_up{{service="{name}"}} {int(name not in self.down)}\n' for name in self._services]
        return web.Response(text="".join(lines), content_type="text/plain")


class Prometheus(Program):
    """Scrapes and evaluates every second, and sends what fires to each of `alertmanagers` every second."""

    def __init__(self, folder: Path, exporter: Exporter, alertmanagers: Sequence[dict[str, object]]) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        rule = {
            "alert": "ServiceDown",
            "expr": "service_up == 0",
            "labels": {"severity": "high"},
            "annotations": {"summary": "{{ $labels.service }} is down"},
        }
        # JSON is YAML.
        (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "services", "rules": [rule]}]}))
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "services", "static_configs": [{"targets": [exporter.address]}]}],
            "alerting": {"alertmanagers": list(alertmanagers)},
        }
        (folder / "prometheus.yml").write_text(json.dumps(configuration))
        arguments = (
            "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn",
            f"--web.listen-address=127.0.0.1:{self.port}", "--rules.alert.resend-delay=1s",
        )  # fmt: skip
        super().__init__(arguments, folder)

    async def start(self) -> None:
        await self.launch()
        await until(lambda: is_ready(f"http://127.0.0.1:{self.port}/-/ready"), "Prometheus is ready", within=20)


class Alertmanager(Program):
    """Relays everything to one webhook, as docs/sources/alertmanager.md advises."""

    def __init__(self, folder: Path, webhook: str) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        configuration = {
            "route": {"receiver": "router", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"},
            "receivers": [{"name": "router", "webhook_configs": [{"url": webhook, "send_resolved": True}]}],
        }
        (folder / "alertmanager.yml").write_text(json.dumps(configuration))
        arguments = (
            "prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=data", "--log.level=warn",
            f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=",
        )  # fmt: skip
        super().__init__(arguments, folder)

    async def start(self) -> None:
        await self.launch()
        await until(lambda: is_ready(f"http://127.0.0.1:{self.port}/-/ready"), "Alertmanager is ready", within=20)


async def is_ready(url: str) -> bool | None:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(url) as answer:
                return answer.status == 200 or None
        except aiohttp.ClientError:
            return None


def target(address: str, path_prefix: str = "/") -> dict[str, object]:
    """One of Prometheus' `alertmanagers`."""
    return {"api_version": "v2", "path_prefix": path_prefix, "static_configs": [{"targets": [address]}]}
