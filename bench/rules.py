"""What `check` takes for a file of 10,000 routes, as somebody at a terminal waits for it."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from adapters import ADAPTERS
from bench.server import ROOT
from rules.loading.load import RulesText, load
from rules.model.ruleset import RuleSet

ROUTES = 10_000
COMMAND = "from router.commands.cli import main; main()"


def text(routes: int = ROUTES) -> str:
    """Half the routes by an equality, half by an expression, a tenth with `continue`."""
    lines = ["version: 1", "slack: preview", "sources: {prometheus: {adapter: prometheus, auth: none}}"]
    lines += ["people: {alice: {email: alice@example.com}}", "routing:", '  channel: "#alerts"', "  routes:"]
    for number in range(routes):
        match = f"team = team-{number}" if number % 2 else f'service =~ "service-{number}-.*"'
        further = ", continue: true" if number % 10 == 0 else ""
        lines.append(
            f"    - {{name: route-{number}, match: ['{match}', 'env = prod'], channel: \"#team-{number % 300}\", "
            f"page: alice{further}}}"
        )
    return "\n".join(lines) + "\n"


def check_seconds() -> float:
    """Of the whole command, its start included."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "many.yaml"
        file.write_text(text(), encoding="utf-8")
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "check", str(file)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        took = time.perf_counter() - began
    if f"Well: {ROUTES + 1:,} routes" not in done.stdout:
        raise RuntimeError(done.stdout[-2000:])
    return took


ONE_GROUP = """\
version: 1
slack: preview
sources: {prometheus: {adapter: prometheus, auth: none}}
routing: {channel: "#alerts", group_by: [], group_wait: 0s, repeat_interval: none}
"""


def one_group() -> RuleSet:
    """Every alert in one group that is told at once."""
    loaded = load([RulesText("bench.yaml", ONE_GROUP)], adapters=ADAPTERS)
    if loaded.configuration is None:
        raise RuntimeError("\n".join(map(str, loaded.errors)))
    return loaded.configuration.rules
