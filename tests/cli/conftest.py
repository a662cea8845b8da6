"""The command line in this process for what answers at once, and as a process of its own for what serves."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.commands.cli import main

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from router.commands.cli import main; main(prog_name='alert-router')"]

CONFIG = """\
version: 1
timezone: Europe/Berlin
server: {{listen: 127.0.0.1:{port}}}
storage: {{path: {path}}}
slack: preview
sources:
  prometheus: {{adapter: prometheus, auth: none}}
  datadog: {{adapter: datadog, auth: none}}
  shell: {{adapter: generic, auth: none}}
  jobs: {{adapter: generic, auth: none, map: {{name: job, title: '{{{{ job }}}} failed on {{{{ host }}}}', severity: level}}}}
routing:
  channel: "#alerts"
  group_wait: 0s
  routes:
    - {{name: p1, match: ['alert.severity = critical'], channel: "#p1", page: ops}}
people: {{alice: {{email: alice@example.com}}, bob: {{email: bob@example.com}}}}
oncall:
  ops: {{rotation: {{people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02}}}}
"""


def run(*arguments: str | Path, given: bytes | str | None = None, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], input=given, env=environ)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return written(tmp_path)


def written(folder: Path, text: str = CONFIG) -> Path:
    file = folder / "router.yaml"
    file.write_text(text.format(path=folder / "data" / "router.db", port=0))
    return file


@contextmanager
def process(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Ended whatever happens."""
    made = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield made
    finally:
        if made.poll() is None:
            made.kill()
        made.communicate()


def lines_until(process: subprocess.Popen[str], word: str) -> list[str]:
    """What it says, up to the line with a word. Fails when it ends before."""
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line.rstrip("\n"))
        if word in line:
            return said
    assert process.stderr is not None
    raise AssertionError("\n".join([*said, process.stderr.read()]))
