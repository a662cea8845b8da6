"""Routing equals Alertmanager's own, asked of its `amtool` for generated label sets."""

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.rules.reading import HEAD, accepted

ALERTMANAGER = r"""
route:
  receiver: root
  routes:
    - receiver: a
      matchers: ['team = "payments"', 'severity =~ "crit.*|page"']
    - receiver: b
      matchers: ['team = "payments"']
      routes:
        - receiver: c
          matchers: ['env != "prod"']
        - receiver: d
          matchers: ['env =~ "pro|prod"', 'sub !~ "x.+"']
    - receiver: e
      matchers: ['sub = ""', 'team =~ ".+"']
      continue: true
    - receiver: f
      matchers: ['env =~ "(?i)PROD"']
receivers: [{name: root}, {name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f}]
"""
OURS = r"""routing:
  channel: "#a"
  routes:
    - {name: a, match: ['team = "payments"', 'severity =~ "crit.*|page"']}
    - name: b
      match: ['team = "payments"']
      routes:
        - {name: c, match: ['env != "prod"']}
        - {name: d, match: ['env =~ "pro|prod"', 'sub !~ "x.+"']}
    - {name: e, match: ['sub = ""', 'team =~ ".+"'], continue: true}
    - {name: f, match: ['env =~ "(?i)PROD"']}
"""
VALUES = {
    "team": (None, "payments", "web"),
    "severity": (None, "critical", "pages"),
    "env": (None, "prod", "product"),
    "sub": (None, "x", "xy"),
}


@pytest.mark.needs("prometheus-alertmanager")
def test_routes_as_alertmanager_does(tmp_path: Path) -> None:
    amtool = shutil.which("amtool")
    assert amtool is not None, "amtool comes with prometheus-alertmanager"
    file = tmp_path / "alertmanager.yml"
    file.write_text(ALERTMANAGER, encoding="utf-8")
    ruleset = accepted(HEAD + OURS).rules
    for values in itertools.product(*VALUES.values()):
        labels = {name: value for name, value in zip(VALUES, values, strict=True) if value is not None}
        asked = [f"{name}={value}" for name, value in labels.items()]
        said = subprocess.run(
            [amtool, "config", "routes", "test", "--config.file", str(file), *asked],
            capture_output=True,
            text=True,
            check=True,
        )
        names = [owner.route_id.rpartition("/")[2] for owner in ruleset.decide(labels).owners]
        expected = said.stdout.strip().split(",")
        assert ["root" if name == "default" else name for name in names] == expected, labels
