"""The example moved from Alertmanager reaches whom its alertmanager.yml reached, asked of `amtool` for generated alerts."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.advice.explain import explain_route
from rules.model.ruleset import RuleSet
from tests.examples.reading import EXAMPLES, configuration
from tests.rules.reading import at

ALERTMANAGER = EXAMPLES / "from-alertmanager" / "alertmanager.yml"
NOON = at("2026-11-20T12:00+01:00")
VALUES = {
    "alertname": ("Down", "Watchdog", "InfoInhibitor2", "KubePodNotReady", "KubeNodeNotReady"),
    "team": (None, "payments", "web", "payments-eu"),
    "severity": (None, "critical", "page", "warning", "info", "INFO", "none"),
    "service": (None, "checkout", "ledger", "ledger-api", "settle-batch", "-batch", "cart"),
    "env": (None, "prod", "staging", "test", "testing"),
    "region": (None, "ap-south", "eu-west"),
    "job": (None, "mysql", "postgres", "postgresql", "postgresqlx"),
    "role": (None, "replica", "primary"),
    "cluster": (None, "eu-1", "eu-3"),
    "standort": (None, "Köln", "Ko\u0308ln"),
    "namespace": (None, "kube-system", "kube", "monitoring", "shop"),
}
OFTEN = ("alertname", "team", "severity", "service")
HOW_MANY = 1_200
AT_ONCE = 2
Reached = tuple[frozenset[str], frozenset[str]]
"""Channels and pages."""


def generated() -> Iterator[dict[str, str]]:
    """Label sets spread over all combinations, the same in every run: steps of a prime through their numbering."""
    combinations = 1
    for values in VALUES.values():
        combinations *= len(values)
    for step in range(HOW_MANY):
        number, labels = step * 7_368_787 % combinations, {}
        for name, values in VALUES.items():
            number, place = divmod(number, len(values))
            # Two in three of the rarer labels are absent: an alert that has all of them is no alert anybody sends.
            value = values[place] if name in OFTEN or (step + place) % 3 == 0 else None
            if value is not None:
                labels[name] = value
        yield labels


def receivers() -> dict[str, Reached]:
    document: dict[str, Any] = yaml.safe_load(ALERTMANAGER.read_text(encoding="utf-8"))
    return {
        one["name"]: (
            frozenset(slack["channel"] for slack in one.get("slack_configs", ())),
            frozenset(
                Path(pager["routing_key_file"]).name.removeprefix("pagerduty-")
                for pager in one.get("pagerduty_configs", ())
            ),
        )
        for one in document["receivers"]
    }


def asked(labels: dict[str, str]) -> tuple[str, ...]:
    """The receivers that Alertmanager names."""
    said = subprocess.run(
        ["amtool", "config", "routes", "test", "--config.file", ALERTMANAGER, *(f"{k}={v}" for k, v in labels.items())],
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(said.stdout.strip().split(","))


def together(names: tuple[str, ...], known: dict[str, Reached]) -> Reached:
    return frozenset().union(*(known[name][0] for name in names)), frozenset().union(
        *(known[name][1] for name in names)
    )


def ours(rules: RuleSet, labels: dict[str, str]) -> Reached:
    [taken] = explain_route(rules, labels, NOON).owners
    page = taken.page
    return frozenset(one.channel for one in taken.shown), frozenset([] if page is None else [page.target])


@pytest.mark.needs("prometheus-alertmanager")
def test_it_reaches_whom_alertmanager_reached() -> None:
    assert shutil.which("amtool") is not None, "amtool comes with prometheus-alertmanager"
    rules, known, sets = configuration("from-alertmanager").rules, receivers(), list(generated())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(asked, sets))
    differing = [
        (labels, names, found)
        for labels, names in zip(sets, said, strict=True)
        if (found := ours(rules, labels)) != together(names, known)
    ]
    assert differing == []
    assert len({tuple(sorted(labels.items())) for labels in sets}) >= 1_000
    assert {name for names in said for name in names} == set(known), "every receiver was asked for"
    assert any(len(names) > 1 for names in said), "and some alerts had two"
