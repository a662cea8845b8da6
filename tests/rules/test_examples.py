"""Every example file loads without an error and routes as its comments say."""

from datetime import timedelta
from pathlib import Path

import pytest

from adapters import ADAPTERS
from rules.catalog import channels_for, page_for
from rules.check import check
from rules.configuration import EnvSecret, Preview, SlackSettings
from rules.explain import completed
from rules.load import Source
from rules.ruleset import RuleSet, page_hold, window_hold
from tests.rules.reading import accepted, at

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "rules" / "examples"


def example(name: str) -> RuleSet:
    return accepted((EXAMPLES / name).read_text(encoding="utf-8")).rules


def told(ruleset: RuleSet, when: str, **labels: str) -> tuple[str, tuple[str, ...], list[str]]:
    """Route, channels (in brackets: held back), and who is paged at that instant."""
    sent = completed({key.replace("alert_", "alert."): value for key, value in labels.items()})
    [owner] = ruleset.decide(sent).owners
    settings = ruleset.routes[owner.route_id].settings
    held = window_hold(settings, at(when)) or ruleset.maintenance_hold(sent, at(when))
    shown = channels_for(settings, sent, ruleset.catalog).shown
    channels = tuple(f"({one.channel})" if held else one.channel for one in shown)
    page = page_for(settings, sent, ruleset.catalog).page
    if page is None or held or page_hold(page, at(when)):
        return owner.route_id, channels, []
    return owner.route_id, channels, [person.name for person in ruleset.on_call(page, at(when)).persons]


NOON, NIGHT, SUNDAY = "2026-11-20T12:00+01:00", "2026-11-20T23:00+01:00", "2026-11-22T12:00+01:00"


@pytest.mark.parametrize(
    ("when", "labels", "expected"),
    [
        (NOON, {"severity": "critical"}, ("p1", ("#incidents-p1", "#incidents"), ["alice"])),
        (NIGHT, {"severity": "critical"}, ("p1", ("#incidents-p1", "#incidents"), ["alice"])),
        ("2026-11-24T12:00+01:00", {"severity": "critical"}, ("p1", ("#incidents-p1", "#incidents"), ["bob"])),
        (NOON, {"severity": "high"}, ("p2", ("#incidents",), ["alice"])),
        (NOON, {"severity": "medium"}, ("p3", ("#incidents",), ["alice"])),
        (NIGHT, {"severity": "medium"}, ("p3", ("#incidents",), [])),
        (SUNDAY, {"severity": "medium"}, ("p3", ("#incidents",), [])),
        ("2026-12-24T12:00+01:00", {"severity": "medium"}, ("p3", ("#incidents",), [])),
        (NIGHT, {"severity": "high", "service": "billing"}, ("p2", ("#incidents",), ["lead"])),
        (NIGHT, {"severity": "critical", "service": "sandbox"}, ("p1", ("#incidents-p1", "#incidents"), [])),
        (NIGHT, {"severity": "critical", "service": "ghost"}, ("p1", ("#incidents-p1", "#incidents"), ["alice"])),
        (NOON, {"severity": "low", "service": "checkout"}, ("p4", ("#checkout-alerts",), [])),
        (NIGHT, {"severity": "low", "service": "search"}, ("p4", ("#search-alerts",), [])),
        (NOON, {"severity": "low", "service": "sandbox"}, ("p4", ("#alerts",), [])),
        (NOON, {"severity": "info"}, ("p4", ("#alerts",), [])),
        (
            "2026-12-01T21:00Z",
            {"severity": "critical", "cluster": "eu-1"},
            ("p1", ("(#incidents-p1)", "(#incidents)"), []),
        ),
        (
            "2026-12-01T23:00Z",
            {"severity": "critical", "cluster": "eu-1"},
            ("p1", ("#incidents-p1", "#incidents"), ["alice"]),
        ),
    ],
)
def test_p1_p4_matrix(when: str, labels: dict[str, str], expected: object) -> None:
    assert told(example("p1-p4-matrix.yaml"), when, **labels) == expected


def test_p1_p4_matrix_holds_back_what_a_dead_cluster_explains() -> None:
    ruleset = example("p1-p4-matrix.yaml")
    down = ruleset.decide(completed({"alertname": "ClusterDown", "severity": "critical", "cluster": "eu-1"}))
    slow = ruleset.decide(completed({"alertname": "Slow", "cluster": "eu-1"}))
    assert down.inhibits == slow.inhibited_by
    assert down.inhibited_by == ()


@pytest.mark.parametrize(
    ("when", "labels", "expected"),
    [
        (NIGHT, {"alertname": "Down", "severity": "critical"}, ("wake", ("#alerts",), ["ana"])),
        ("2026-12-25T12:00Z", {"alertname": "Down", "severity": "critical"}, ("wake", ("#alerts",), ["carla"])),
        (NOON, {"alertname": "Disk", "severity": "high"}, ("default", ("#alerts",), [])),
        ("2026-11-20T23:00Z", {"alert_source": "cron", "alert_name": "backup"}, ("cron", ("(#alerts)",), [])),
        ("2026-11-20T08:00Z", {"alert_source": "cron", "alert_name": "backup"}, ("cron", ("#alerts",), [])),
        (NOON, {"alertname": "Watchdog"}, ("noise", (), [])),
    ],
)
def test_startup(when: str, labels: dict[str, str], expected: object) -> None:
    assert told(example("startup.yaml"), when, **labels) == expected


def test_startup_repeats_failed_jobs_once_a_day() -> None:
    assert example("startup.yaml").routes["cron"].settings.repeat_interval == timedelta(days=1)


@pytest.mark.parametrize(
    ("when", "labels", "expected"),
    [
        ("2026-11-20T12:00-05:00", {"team": "shop", "service": "cart"}, ("shop", ("#shop-alerts",), ["eli"])),
        ("2026-11-21T02:00-05:00", {"team": "shop", "service": "cart"}, ("shop", ("#shop-alerts",), [])),
        (
            "2026-11-21T02:00-05:00",
            {"team": "shop", "service": "checkout", "severity": "high"},
            ("shop/checkout", ("#shop-incidents", "#shop-alerts"), ["eli"]),
        ),
        ("2026-11-20T12:00-05:00", {"team": "shop", "env": "staging"}, ("not-production", ("#staging",), [])),
        ("2026-11-21T12:00-05:00", {"team": "shop", "env": "staging"}, ("not-production", ("(#staging)",), [])),
        ("2026-11-20T02:00-05:00", {"team": "data"}, ("data", ("(#data-alerts)",), [])),
        ("2026-11-30T02:00-05:00", {"team": "data"}, ("data", ("#data-alerts",), [])),
        ("2026-11-20T12:00-05:00", {}, ("default", ("#ops",), [])),
        # Fay joins with the first hand-over of the year.
        ("2027-01-05T09:59-05:00", {"team": "shop"}, ("shop", ("#shop-alerts",), ["eli"])),
        ("2027-01-05T10:00-05:00", {"team": "shop"}, ("shop", ("#shop-alerts",), ["fay"])),
    ],
)
def test_datadog_shop(when: str, labels: dict[str, str], expected: object) -> None:
    assert told(example("datadog-shop.yaml"), when, **labels) == expected


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_each_is_checked_without_error(path: Path) -> None:
    checked = check([Source(path.name, path.read_text(encoding="utf-8"))], adapters=ADAPTERS, at=at(NOON))
    assert checked.exit_code == 0
    assert all("first step is carried out" in warning.message for warning in checked.warnings)


def test_the_configuration_to_start_with() -> None:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    found = accepted(text)
    assert (found.server.host, found.server.port, found.server.is_loopback) == ("127.0.0.1", 9080, True)
    assert found.storage.path == "./data/alert-router.db"
    assert found.slack == Preview()
    assert sorted(found.sources) == ["prometheus", "shell"]
    assert found.sources["prometheus"].alertmanager_api
    # A first try with curl reaches a channel without a window that might hold it back, after the default wait.
    settings = found.rules.routes["default"].settings
    assert (settings.channels, settings.group_wait, settings.quiet, settings.only) == (("#alerts",), None, (), ())


def test_what_is_commented_out_there_is_right_too() -> None:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  # datadog:"))
    end = next(number for number, line in enumerate(lines) if line.startswith("routing:"))
    sources = [line.replace("# ", "", 1) if line.startswith("  #") else line for line in lines[start:end]]
    found = accepted("\n".join(lines[:start] + sources + lines[end:]))
    assert sorted(found.sources) == ["backups", "ci", "datadog", "phone", "prometheus", "shell"]
    assert found.sources["ci"].auth[0] is not None
    assert EnvSecret("CI_TOKEN") in getattr(found.sources["ci"].auth[0], "tokens", ())


def test_the_workspace_that_is_commented_out_is_right_too() -> None:
    lines = (ROOT / "config.example.yaml").read_text(encoding="utf-8").splitlines()
    start = lines.index("slack: preview                         # messages stand on http://127.0.0.1:9080/preview")
    end = next(number for number, line in enumerate(lines) if line.startswith("# slack: {preview:"))
    workspace = [
        line.removeprefix("# ") if line.startswith("# slack:") else line.removeprefix("#")
        for line in lines[start + 1 : end]
    ]
    found = accepted("\n".join([*lines[:start], *workspace, *lines[end:]])).slack
    assert isinstance(found, SlackSettings)
    assert found == SlackSettings(found.token, found.signing_secret, "#alerts")
    tokens = [line.replace("# ", "", 1) if line.startswith("  # ") else line for line in lines[:start]]
    assert sorted(accepted("\n".join([*tokens, *lines[start:]])).server.tokens) == ["admin", "read", "write"]
