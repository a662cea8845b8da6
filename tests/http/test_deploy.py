"""What is ready to copy: every metric that an alert or the manual names is one that the router has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.http.conftest import Client
from tests.http.service import StandIn

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy/prometheus-alerts.yaml"
MANUAL = ROOT / "docs/operating.md"
OF_APP = ("alertmanager_config_last_reload_successful", "alert_router_rules_files_refused")
NAME = re.compile(r"\b(?:alert_router|alertmanager)_[a-z_]+")


async def test_alerts_and_manual_name_metrics_that_exist(open_service: tuple[StandIn, Client]) -> None:
    _, client = open_service
    text = await (await client.get("/metrics")).text()
    exposed = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    rules = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
    named = {name for rule in rules for name in NAME.findall(rule["expr"])} | set(NAME.findall(MANUAL.read_text()))
    missing = {name for name in named if name.removesuffix("_bucket") not in exposed} - set(OF_APP)
    assert not missing


@pytest.mark.parametrize("name", OF_APP)
def test_the_apps_own_gauges_are_registered_there(name: str) -> None:
    assert f'"{name}"' in (ROOT / "router/service/app.py").read_text()


@pytest.mark.needs("prometheus")
def test_prometheus_accepts_the_alerts() -> None:
    promtool = shutil.which("promtool")
    assert promtool is not None
    subprocess.run([promtool, "check", "rules", str(ALERTS)], check=True, capture_output=True, timeout=30)


def test_the_unit_runs_what_the_command_line_has() -> None:
    from router.commands.cli import main

    unit = (ROOT / "deploy/alert-router.service").read_text()
    commands = re.findall(r"bin/alert-router (\w+)", unit)
    assert commands == ["check", "serve"]
    assert set(commands) <= set(main.commands)
