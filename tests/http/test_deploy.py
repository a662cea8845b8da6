"""What is ready to copy: every metric that an alert or the manual names is one that the router has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from router.http.listener import MOST, RESERVED
from tests.http.conftest import Client
from tests.http.service import StandIn

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy/prometheus-alerts.yaml"
MANUAL = ROOT / "docs/operating.md"
OF_APP = (
    "alertmanager_config_last_reload_successful",
    "alert_router_rules_files_refused",
    "alert_router_slack_sockets",
    "alert_router_slack_sockets_missing",
    "alert_router_database_lost",
    "alert_router_database_bytes",
    "alert_router_oldest_kept_seconds",
)
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


UNIT = (ROOT / "deploy/alert-router.service").read_text()


def said(key: str) -> list[str]:
    """Every value of a key of the unit."""
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


def test_nothing_keeps_the_unit_from_starting_with_the_last_accepted_text() -> None:
    assert all(command.startswith("-") for command in said("ExecStartPre"))
    assert said("StartLimitIntervalSec") == ["0"]
    assert UNIT.index("StartLimitIntervalSec") < UNIT.index("[Service]")
    # A credential whose file is absent fails the start, unless it has a value of its own.
    assert {one.partition(":")[0] for one in said("LoadCredential")} == {
        one.partition(":")[0] for one in said("SetCredential")
    }
    assert all(path.startswith("-") for path in said("EnvironmentFile"))


def test_the_unit_has_descriptors_for_all_connections() -> None:
    assert int(said("LimitNOFILE")[0]) >= MOST + RESERVED


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CapabilityBoundingSet", ""),
        ("SystemCallFilter", "@system-service"),
        ("SystemCallArchitectures", "native"),
        ("RestrictNamespaces", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("LimitCORE", "0"),
        ("UMask", "0077"),
        ("StateDirectoryMode", "0700"),
        ("NoNewPrivileges", "yes"),
        ("DynamicUser", "yes"),
    ],
)
def test_the_unit_may_do_little(key: str, value: str) -> None:
    assert value in said(key)
