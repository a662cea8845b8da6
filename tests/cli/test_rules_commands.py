"""`check`, `route`, `schema`: the words and the exit codes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from router.core.acts.override import MadeOverride, Wanted
from router.incidents.overrides import Overrides
from router.runtime.clock import SystemClock
from router.runtime.config import read as read_rules
from router.runtime.metrics import Metrics
from router.store.database import Database
from router.store.evaluation import overrides
from tests.cli.conftest import CONFIG, run, written


def test_check_says_that_a_file_is_well_and_what_comes_next(config: Path) -> None:
    done = run("check", config)
    assert done.exit_code == 0
    assert "Next hand-overs (4 of each schedule)" in done.stdout
    assert "ops is a schedule: p1" in done.stdout
    assert done.stdout.splitlines()[-1] == "Well: 2 routes, 0 warnings."


def test_check_lists_every_mistake_and_exits_1(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("version: 1\nslack: preview\nroutng: {}\nrouting:\n  channel: #alerts\n")
    done = run("check", file)
    assert done.exit_code == 1
    assert f"error: {file}:3:1: routng: " in done.stdout
    assert "did you mean routing?" in done.stdout
    assert "a # begins a comment" in done.stdout
    assert "Traceback" not in done.output


def test_check_speaks_json(config: Path) -> None:
    done = run("check", "--format", "json", config)
    found = json.loads(done.stdout)
    assert (found["ok"], found["errors"]) == (True, [])
    assert [turn["schedule"] for turn in found["hand_overs"]] == ["ops"] * 4


def test_check_of_a_file_that_is_not_there_is_a_bad_input(tmp_path: Path) -> None:
    done = run("check", tmp_path / "none.yaml")
    assert (done.exit_code, done.stderr) == (2, f"cannot read {tmp_path / 'none.yaml'}: No such file or directory\n")


def test_check_env_names_the_secrets_that_are_missing(tmp_path: Path) -> None:
    text = CONFIG.replace("slack: preview", "slack: {{token: {{env: NO_SUCH_TOKEN}}}}")
    file = written(tmp_path, text)
    assert run("check", file).exit_code == 0
    done = run("check", "--env", file)
    assert done.exit_code == 1
    assert (
        "error: the environment variable NO_SUCH_TOKEN is not set, or empty; the configuration takes a secret from it\n"
    ) in done.stdout
    assert done.stdout.splitlines()[-1] == "1 error, 0 warnings"
    assert json.loads(run("check", "--env", "--format", "json", file).stdout)["ok"] is False
    well = run("check", "--env", file, environ={"NO_SUCH_TOKEN": "x"})
    assert (well.exit_code, well.stdout.splitlines()[-1]) == (0, "Well: 2 routes, 0 warnings.")


def test_check_env_refuses_a_token_of_one_letter(tmp_path: Path) -> None:
    text = CONFIG.replace("server: {{", "server: {{tokens: {{read: {{env: READ_TOKEN}}}}, ")
    file = written(tmp_path, text)
    assert run("check", "--env", file, environ={"READ_TOKEN": "longer-than-that"}).exit_code == 0
    done = run("check", "--env", file, environ={"READ_TOKEN": "x"})
    assert done.exit_code == 1
    assert "error: the environment variable READ_TOKEN is too short for a token of server.tokens: " in done.stdout


def test_check_against_what_is_in_force(config: Path, tmp_path: Path) -> None:
    former = tmp_path / "former.yaml"
    former.write_text(
        config.read_text(encoding="utf-8").replace('channel: "#alerts"', 'channel: "#old"'), encoding="utf-8"
    )
    done = run("check", "--against", former, config)
    assert done.exit_code == 0
    assert "What it changes\n  route default changed: channel: #old → #alerts\n" in done.stdout
    former.write_text("version: 2\n", encoding="utf-8")
    done = run("check", "--against", former, config)
    assert done.exit_code == 2
    assert "former.yaml:1:10: version" in done.stderr


def teams(config: Path, **files: str) -> Path:
    """With teams' files beside the main one; returns their folder."""
    config.write_text(config.read_text() + "rules_files: [rules.d/*.yaml]\n")
    folder = config.parent / "rules.d"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def team(name: str, more: str = "") -> str:
    return f"version: 1\nteam: {name}\nowner: {{channel: '#{name}'}}\nscope: ['team = {name}']\n{more}"


def test_check_reads_the_files_that_the_main_file_names(config: Path) -> None:
    folder = teams(config, a=team("a"), b=team("b"))
    done = run("check", config)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "Well: 4 routes, 0 warnings.")
    (folder / "b.yaml").write_text(team("b", "frob: 1\n"))
    refused = run("check", config)
    assert refused.exit_code == 0, "a start takes it"
    assert refused.stdout.startswith(f"error: {folder}/b.yaml:5:1: frob: unknown key 'frob'")
    assert refused.stdout.splitlines()[-1] == (
        f"1 error, 0 warnings. It can be loaded without {folder}/b.yaml: where there is one, its last accepted text "
        "stays in force."
    )
    assert run("check", "--strict", config).exit_code == 1
    assert run("check", config, folder / "b.yaml").exit_code == 1, "it was asked about"
    assert json.loads(run("check", "--format", "json", config).stdout)["ok"] is False


def test_strictly_a_warning_is_no_success(config: Path) -> None:
    assert run("check", "--strict", config).exit_code == 0
    config.write_text(config.read_text() + "windows: {unused: {hours: 09:00-18:00}}\n")
    assert run("check", config).exit_code == 0
    strict = run("check", "--strict", config)
    assert (strict.exit_code, strict.stdout.splitlines()[-1]) == (1, "0 errors, 1 warning")


def test_check_with_a_main_file_looks_at_one_teams_file(config: Path) -> None:
    folder = teams(config, a=team("a"), b=team("b", "frob: 1\n"))
    done = run("check", folder / "a.yaml", "--with", config)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(
        f"warning: {folder}/b.yaml:1:1: it is refused, and left out: {folder}/b.yaml:5:1: frob: unknown key 'frob'"
    )
    assert run("check", folder / "b.yaml", "--with", config).exit_code == 1
    alone = run("check", folder / "a.yaml")
    assert alone.exit_code == 1
    assert alone.stdout.splitlines() == [
        (
            f"error: {folder}/a.yaml:1:1: this is a team's file; expected the main file; or alert-router check {folder}/a.yaml "
            "--with MAIN.yaml"
        ),
        "",
        "1 error, 0 warnings",
    ]


def test_the_file_that_is_checked_gives_way_to_those_that_are_there(config: Path) -> None:
    folder = teams(config, b=team("b"))
    fresh = config.parent / "a.yaml"
    fresh.write_text(team("a").replace("team = a", "team != c"))
    done = run("check", fresh, "--with", config)
    assert done.exit_code == 1
    assert done.stdout.startswith(
        f'error: {fresh}:4:8: scope: {folder}/b.yaml (b) and this file both take an alert with team="b"; expected'
    )
    unreadable = run("check", fresh, "--with", config.parent / "nowhere.yaml")
    assert unreadable.exit_code == 2
    config.write_text("a: [")
    assert run("check", fresh, "--with", config).exit_code == 1


def test_route_and_doctor_say_which_file_is_left_out(config: Path) -> None:
    folder = teams(config, a=team("a"), b=team("b", "frob: 1\n"))
    done = run("route", "--config", config, "team=a")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "route a")
    assert done.stderr.startswith(
        f"warning: {folder}/b.yaml is refused, and left out: {folder}/b.yaml:5:1: frob: unknown"
    )
    assert run("route", "--config", config, "team=b").stdout.splitlines()[0] == "route default"
    doctor = run("doctor", "--config", config)
    assert doctor.exit_code == 1
    assert f"fail  {folder}/b.yaml has 1 errors and is refused; the first: {folder}/b.yaml:5:1: frob" in doctor.stdout


def test_route_says_the_way_each_setting_and_who_is_paged(config: Path) -> None:
    done = run("route", "--config", config, "--at", "2026-11-10T12:00", "severity=critical", "alertname=Down")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("route p1\n")
    assert "  channel              #p1  (p1, line 15)" in done.stdout
    assert "  group_wait           0s  (default, line 13)" in done.stdout
    assert "  pages bob: on call for ops until Mon 09:00 CET" in done.stdout


def test_route_reads_an_instant_without_offset_in_the_files_zone(config: Path) -> None:
    """The hand-over is at 09:00 in Berlin, 08:00 UTC."""
    arguments = ("route", "--config", config, "severity=critical", "--at")
    assert "pages alice" in run(*arguments, "2026-11-09T08:59").stdout
    assert "pages bob" in run(*arguments, "2026-11-09T09:00").stdout
    assert "pages alice" in run(*arguments, "2026-11-09T07:59Z").stdout
    assert "pages bob" in run(*arguments, "2026-11-09T08:00Z").stdout


def test_route_speaks_json(config: Path) -> None:
    found = json.loads(run("route", "--config", config, "--format", "json", "team=x").stdout)
    assert found["owners"][0]["route_id"] == "default"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("severity",), "'severity' is no label; expected one such as severity=critical\n"),
        (("=x",), "'=x' is no label; expected one such as severity=critical\n"),
        (("a=1", "a=2"), "the label a is given twice\n"),
        (
            ("--at", "tomorrow", "a=1"),
            "--at 'tomorrow' is no instant; expected one such as 2026-12-24T02:00 or 2026-12-24T02:00Z\n",
        ),
    ],
)
def test_route_explains_a_wrong_usage(config: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run("route", "--config", config, *arguments)
    assert (done.exit_code, done.stderr) == (2, said)


def test_route_with_a_bad_file_lists_its_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("version: 2\n")
    done = run("route", "--config", file, "a=1")
    assert done.exit_code == 2
    assert all(line.startswith(f"error: {file}:") for line in done.stderr.splitlines())


def test_schema_is_json_schema() -> None:
    found = json.loads(run("schema").stdout)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "routing" in json.dumps(found)
    assert found["$defs"]


def test_check_needs_neither_secrets_nor_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("check spoke to the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    text = CONFIG.replace("slack: preview", "slack: {{token: {{file: /no/such/file}}, fallback_channel: '#ops'}}")
    done = run("check", written(tmp_path, text))
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "Well: 2 routes, 0 warnings.")


def test_route_of_a_source_asks_its_severity_map_labels_and_heartbeat(tmp_path: Path) -> None:
    text = CONFIG.replace(
        "  shell: {{adapter: generic, auth: none}}\n",
        "  shell: {{adapter: generic, auth: none, severity_map: {{urgent: critical}}, labels: {{team: {{label: squad}}}}}}\n"
        "  prod: {{adapter: prometheus, auth: none, severity_map: {{page: low}}, namespace: prod, alertmanager_api: false, "
        "heartbeat: {{match: ['alertname = Watchdog'], every: 5m}}}}\n",
    )
    file = written(
        tmp_path, text.replace("routes:\n", "routes:\n    - {{name: db, match: ['team = db'], channel: '#db'}}\n")
    )

    def owner(*arguments: str) -> str:
        return run("route", "--config", file, *arguments).stdout.splitlines()[0]

    assert owner("severity=urgent") == "route default"
    assert owner("--source", "shell", "severity=urgent") == "route p1"
    assert owner("--source", "shell", "severity=urgent", "squad=db") == "route db"
    assert owner("severity=page") == "route default"
    assert owner("--source", "prometheus", "severity=page") == "route p1"
    assert owner("--source", "prod", "severity=page") == "route default"
    assert owner("--source", "prod", "severity=page", "alert.severity=critical") == "route p1"
    watchdog = run("route", "--config", file, "--source", "prod", "alertname=Watchdog", "severity=none")
    assert watchdog.stdout == "a sign of life of source prod, which is told nobody\n"
    assert owner("alertname=Watchdog") == "route default"
    unknown = run("route", "--config", file, "--source", "shel", "a=b")
    assert (unknown.exit_code, unknown.stderr) == (
        2,
        "there is no source 'shel'; there are datadog, jobs, prod, prometheus, shell\n",
    )


@contextlib.asynccontextmanager
async def closed(database: Database) -> AsyncIterator[Database]:
    try:
        yield database
    finally:
        await database.close()


async def test_check_and_route_know_who_has_taken_a_turn(config: Path) -> None:
    """Also after the process that wrote it down is gone; a database that is none is no matter."""
    path, clock = config.parent / "data" / "router.db", SystemClock()
    path.parent.mkdir()
    path.write_text("this is no database")
    before = await asyncio.to_thread(run, "route", "--config", config, "severity=critical")
    assert before.exit_code == 0
    path.unlink()
    on_call = "alice" if "alice" in before.stdout else "bob"
    other = {"alice": "bob", "bob": "alice"}[on_call]
    rules = read_rules([config]).configuration
    assert rules is not None
    async with closed(Database(path, clock, Metrics())) as database:
        people = Overrides(database, clock, lambda: rules.rules, lambda: None)
        assert (await people.take(Wanted(other, timedelta(hours=3), other, "ops"))).changed
        while_it_runs = await asyncio.to_thread(run, "route", "--config", config, "severity=critical")
        assert f"{other}: on call for ops" in while_it_runs.stdout
        gone = MadeOverride("old", "bob", clock.now(), clock.now() + timedelta(days=1), "bob", clock.now())
        await database.write(lambda conn: overrides.put(conn, gone))
    after = await asyncio.to_thread(run, "route", "--config", config, "severity=critical")
    assert "(override)" in after.stdout
    assert on_call not in after.stdout.partition("page")[2]
    checked = await asyncio.to_thread(run, "check", config)
    assert "the override of bob in old has no effect: the rules have no such schedule" in checked.stdout
    [first] = [line for line in checked.stdout.splitlines() if line.startswith("  ops: ")][:1]
    assert first.endswith(on_call), "whose turn it is again when it ends"
