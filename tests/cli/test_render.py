"""`render` shows the messages that alerts would make, and what a broken template would do."""

import json
from pathlib import Path

import msgspec
import pytest

from router.core.render.blocks import faults
from router.core.view import Rendered
from tests.cli.conftest import run, written

CONFIG = """\
version: 1
timezone: Europe/Berlin
slack: preview
sources:
  prometheus: {{adapter: prometheus, auth: none}}
  jobs: {{adapter: generic, auth: none, map: {{name: job, title: '{{{{ job }}}} failed', severity: level, status: state}}}}
routing:
  channel: "#alerts"
  group_by: [alert.name]
  template: {{title: '{{{{ name }}}} on {{{{ labels.instance | default("?") }}}}', file: text.j2}}
  routes:
    - {{name: broken, match: ['team = broken'], template: {{text: '{{{{ firing // ended }}}}'}}}}
    - {{name: hidden, match: ['team = hidden'], channel: none}}
    - {{name: p1, match: ['alert.severity = critical'], channel: ["#p1", "#alerts"], page: ops}}
people: {{alice: {{email: alice@example.com}}, bob: {{email: bob@example.com}}}}
oncall:
  ops: {{rotation: {{people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02}}}}
"""
TEXT = "{{ summary }} since {{ started_at }}, {{ annotations.runbook_url | link('runbook') }}\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "text.j2").write_text(TEXT)
    return written(tmp_path, CONFIG)


def test_labels_become_the_message_that_an_alert_of_them_would_make(config: Path) -> None:
    done = run(
        *("render", "--config", config, "--at", "2026-11-20T12:00", "alertname=Down", "severity=critical"),
        *("instance=web-1", "--annotation", "description=no answer", "--annotation", "runbook_url=https://wiki.example/x"),
    )  # fmt: skip
    assert (done.exit_code, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
route p1
told in #p1, #alerts
  push  CRITICAL #1 Down on web-1 · on call: Alice
    🔴 *CRITICAL #1 Down on web-1*
    since 2026-11-20 11:00 UTC · on call: Alice
    no answer since 2026-11-20 11:00 UTC, runbook (https://wiki.example/x)
    | `instance=web-1`
    | runbook (https://wiki.example/x)
    | p1 · prometheus · why am I seeing this (http://localhost:9080/incidents/1)
paged: alice
  push  You are paged: CRITICAL #1 Down on web-1
    🔴 *You are paged: CRITICAL #1 Down on web-1*
    since 2026-11-20 11:00 UTC
    no answer since 2026-11-20 11:00 UTC, runbook (https://wiki.example/x)
    runbook (https://wiki.example/x)
    | why you: on call for ops until Mon 09:00 CET · open in #p1
"""
    )


def test_a_template_that_fails_is_told_with_the_built_in_words_and_exit_code_1(config: Path) -> None:
    done = run("render", "--config", config, "alertname=Down", "team=broken", "--annotation", "description=so it is")
    assert done.exit_code == 1
    assert "    so it is\n" in done.stdout
    assert done.stderr == (
        "broken: the template fails (text: ZeroDivisionError: integer division or modulo by zero); "
        "the built-in words are told instead\n"
    )


def test_the_end_is_rendered_as_it_would_be_told(config: Path) -> None:
    done = run("render", "--config", config, "--state", "resolved", "alertname=Down", "--at", "2026-11-20T12:00")
    assert "  push  Resolved #1 MEDIUM Down on ? · 0 s\n    ✅ *Resolved #1 MEDIUM Down on ?* · 0 s" in done.stdout


def test_a_payload_becomes_a_message_for_each_of_its_groups(config: Path, tmp_path: Path) -> None:
    payload = tmp_path / "payload.json"
    alerts = [
        {"labels": {"alertname": "A", "instance": "x"}},
        {"labels": {"alertname": "A", "instance": "y"}},
        {"labels": {"alertname": "B", "team": "hidden"}},
    ]
    payload.write_text(json.dumps(alerts))
    done = run("render", "--config", config, "--source", "prometheus", "--array", "--payload", payload)
    assert done.exit_code == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(("route", "told", "  push"))] == [
        "route default",
        "told in #alerts",
        "  push  MEDIUM #1 A on ? ×2",
        "route hidden",
        "told in nobody: channel none",
        "  push  MEDIUM #1 B on ? · team hidden",
    ]
    done = run(
        "render", "-c", config, "--source", "jobs", "--payload", "-", given='{"job": "dump", "state": "resolved"}'
    )
    assert "Resolved #1 MEDIUM dump on ?" in done.stdout


def test_any_route_can_be_looked_at(config: Path) -> None:
    done = run("render", "--config", config, "--route", "p1", "alertname=Down", "alert.title=Down at last")
    assert done.stdout.startswith("route p1\ntold in #p1, #alerts\n")
    done = run("render", "--config", config, "--route", "p9", "alertname=Down")
    assert (done.exit_code, done.stderr) == (2, "there is no route 'p9'; there are default, broken, hidden, p1\n")


def test_as_json_it_is_what_slack_would_be_sent(config: Path) -> None:
    done = run("render", "--config", config, "--format", "json", "alert.name=Dump", "alert.severity=critical")
    [told] = json.loads(done.stdout)
    assert (told["route"], told["channels"]) == ("p1", ["#p1", "#alerts"])
    for part in ("message", "direct"):
        assert faults(msgspec.convert(told[part], Rendered)) == ()
    assert told["message"]["text"].startswith("CRITICAL #1 Dump on ?")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "expected either --payload FILE --source NAME, or labels such as alertname=InstanceDown"),
        (
            ["--payload", "-", "a=b"],
            "expected either --payload FILE --source NAME, or labels such as alertname=InstanceDown",
        ),
        (["--payload", "-"], "--payload wants --source NAME: who sends it"),
        (["--payload", "-", "--source", "x"], "there is no source 'x'; there are jobs, prometheus"),
        (["--payload", "-", "--source", "prometheus"], "the payload is refused: body is empty"),
        (["alert.severity=P1"], "alert.severity=P1: expected one of critical, high, medium, low, info"),
        (["a"], "'a' is no label; expected one such as severity=critical"),
    ],
)
def test_what_cannot_be_rendered_is_said(config: Path, given: list[str], said: str) -> None:
    done = run("render", "--config", config, *given, given="")
    assert done.exit_code == 2
    assert done.stderr.startswith(said)


def test_a_payload_with_a_bad_item_or_none_is_refused(config: Path) -> None:
    def asked(given: str) -> str:
        done = run("render", "-c", config, "--source", "prometheus", "--array", "--payload", "-", given=given)
        assert done.exit_code == 2
        return done.stderr

    assert asked("[]") == "the payload holds no alert\n"
    assert asked('[{"labels": {}}]').startswith("item 0 is refused: ")
