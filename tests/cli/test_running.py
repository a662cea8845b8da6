"""`serve`, `demo`, `send` and `doctor` as processes, over real HTTP: as somebody would try the router for the first time."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from router.commands.cli import main
from tests.cli.conftest import COMMAND, CONFIG, ROOT, lines_until, process, run, written


def get(address: str) -> Any:
    with urlopen(address, timeout=10) as answer:  # noqa: S310  our own process on loopback
        return json.load(answer)


def post(address: str) -> Any:
    with urlopen(Request(address, method="POST"), timeout=10) as answer:  # noqa: S310
        return json.load(answer)


class Silent(SimpleHTTPRequestHandler):
    """A web server that is no router."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def other_server() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def address_in(lines: list[str]) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", "\n".join(lines))
    assert found is not None
    return found.group()


def test_serve_prints_where_to_look_and_a_line_that_works(config: Path) -> None:
    with process("serve", "--config", config) as serving:
        said = lines_until(serving, "curl ")
        address = address_in(said)
        assert said[0].startswith("alert-router ")
        assert f"  messages   {address}/preview" in said
        assert f"  health     {address}/readyz  {address}/metrics" in said
        assert f"  shell      POST {address}/webhook/shell" in said
        assert get(f"{address}/readyz")["ready"] is True

        words = shlex.split(said[-1])
        assert words[:2] == ["curl", f"{address}/webhook/shell"]
        title = json.loads(words[-1])["title"]
        if shutil.which("curl"):
            subprocess.run([words[0], "--silent", "--fail", *words[1:]], check=True, capture_output=True, timeout=10)
            [alert] = get(f"{address}/api/alerts?state=firing")["alerts"]
            assert (alert["title"], alert["source"]) == (title, "shell")

        for kind in ("prometheus", "alertmanager", "datadog", "generic"):
            done = run("send", "--url", address, "--kind", kind, "--title", f"By {kind}")
            assert done.exit_code == 0, done.output
        done = run("send", "--url", address, "--storm", "250", "--kind", "alertmanager")
        assert done.stdout == f"3 requests to {address}/webhook/prometheus: 250 accepted\n"
        names = {alert["name"] for alert in get(f"{address}/api/alerts?limit=1000")["alerts"]}
        assert {"By prometheus", "By alertmanager", "By datadog", "By generic"} <= names

        run("send", "--url", address, "--title", "By generic", "--resolve")
        [over] = get(f"{address}/api/alerts?state=resolved")["alerts"]
        assert (over["name"], over["ended_how"]) == ("By generic", "told")

        refused = run("send", "--url", address, "--source", "nobody")
        assert refused.exit_code == 1
        assert refused.stderr.startswith(f"{address}/webhook/nobody answered 404: ")

        serving.send_signal(signal.SIGTERM)
        assert serving.wait(timeout=20) == 0


def served_wrongly(file: Path) -> str:
    """What `serve` says at its end."""
    done = subprocess.run(
        [*COMMAND, "serve", "--config", str(file)], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CONFIG.replace('channel: "#alerts"', 'chanmel: "#alerts"'), "did you mean channel?"),
        (CONFIG.replace("slack: preview", "slack: {{token: {{env: NO_SUCH_TOKEN}}}}"), "NO_SUCH_TOKEN is not set"),
        (CONFIG.replace("{path}", "/proc/router.db"), "/proc/router.db"),
    ],
)
def test_serve_ends_with_one_clear_text_for_a_mistake_of_its_user(tmp_path: Path, text: str, said: str) -> None:
    assert said in served_wrongly(written(tmp_path, text))


def test_serve_says_when_its_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file = written(tmp_path, CONFIG.replace("{port}", str(port)))
        assert f"cannot listen on 127.0.0.1:{port}: " in served_wrongly(file)


def test_two_routers_do_not_share_a_database(config: Path) -> None:
    with process("serve", "--config", config) as first:
        lines_until(first, "curl ")
        assert "another alert-router runs on the database" in served_wrongly(config)


def test_demo_tells_its_story_over_http_and_ends() -> None:
    with process("demo", "--speed", "50", "--port", "0") as telling:
        said = lines_until(telling, "The story is told")
        address = address_in(said)
        assert f"Look at {address}/preview while the story is told." in said
        data = get(f"{address}/preview/data.json")
        names = {channel["name"] for channel in data["channels"]}
        assert names >= {"#shop-alerts", "#incidents", "#backups", "alice@example.com", "bob@example.com"}
        threads = "\n".join(json.dumps(one["blocks"]) for one in data["messages"] if one["thread_ts"])
        for words in (
            "escalated to step 2: Bob",
            "acknowledged by Bob",
            "closed by Alice",
            "Resolution: db-1 was being",
        ):
            assert words in threads
        alerts = get(f"{address}/api/alerts")["alerts"]
        assert {alert["status"] for alert in alerts} == {"resolved"}
        telling.send_signal(signal.SIGINT)
        assert telling.wait(timeout=20) == 0


def test_doctor_says_what_is_well_and_what_is_not(config: Path, tmp_path: Path) -> None:
    done = run("doctor", "--config", config)
    assert done.exit_code == 0, done.output
    assert "ok    the configuration can be loaded: 4 sources, 2 routes" in done.stdout
    assert "ok    no secret is needed" in done.stdout
    assert "warn  no router answers on 127.0.0.1:0" in done.stdout
    assert "Slack is not asked" in done.stdout
    assert not (tmp_path / "data").exists()


def test_doctor_fails_for_a_missing_secret_and_says_what_to_do(tmp_path: Path) -> None:
    file = written(tmp_path, CONFIG.replace("slack: preview", "slack: {{token: {{env: NO_SUCH_TOKEN}}}}"))
    done = run("doctor", "--config", file)
    assert done.exit_code == 1
    assert "fail  the environment variable NO_SUCH_TOKEN is not set" in done.stdout
    assert "      set it for this user, or name another in the configuration" in done.stdout
    assert "warn  Slack was not asked: a secret is missing" in done.stdout


def test_doctor_fails_for_a_file_with_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("version: 3\n")
    done = run("doctor", "--config", file)
    assert done.exit_code == 1
    assert f"alert-router check {file}" in done.stdout


def test_doctor_finds_the_router_that_runs(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = written(tmp_path, CONFIG.replace("{port}", str(port)))
    with process("serve", "--config", file) as serving:
        lines_until(serving, "curl ")
        done = run("doctor", "--config", file)
        assert done.exit_code == 0, done.output
        assert f"ok    a router answers on 127.0.0.1:{port} and takes alerts" in done.stdout
        assert "warn  this process began with a new, empty database" in done.stdout
        assert "a process holds" not in done.stdout
        assert re.search("ok    in force there since .*Z: 4 sources, 2 routes, 0 teams' files\n", done.stdout)
        assert "the files say something else" not in done.stdout

        file.write_text(file.read_text() + "windows: {w: {hours: 09:00-18:00}}\n")
        changed = run("doctor", "--config", file)
        assert changed.exit_code == 0, changed.output
        assert (
            "warn  the files say something else than what is in force there\n      reload it: SIGHUP" in changed.stdout
        )

        file.write_text(file.read_text() + "frob: 1\n")
        broken = run("doctor", "--config", file)
        assert broken.exit_code == 1
        assert f"fail  the configuration has 1 errors; the first: {file}:" in broken.stdout
        assert f"ok    a router answers on 127.0.0.1:{port} and takes alerts" in broken.stdout, "it goes on"
        assert "4 sources, 2 routes" in broken.stdout
        assert "can be written" in broken.stdout
        serving.send_signal(signal.SIGHUP)
        told = until_said(lambda: run("doctor", "--config", file).stdout, "its last reload was refused")
        assert f"fail  its last reload was refused: {file}:" in told


def until_said(ask: Callable[[], str], words: str) -> str:
    """A reload takes a moment."""
    for _ in range(100):
        if words in (said := ask()):
            return said
        time.sleep(0.1)
    raise AssertionError(said)


def test_doctor_asks_with_a_token_of_the_configuration(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "token").write_text("a-token-that-is-long-enough")
    tokens = f"tokens: {{{{read: {{{{file: {tmp_path}/token}}}}}}}}"
    file = written(tmp_path, CONFIG.replace("{port}}}", f"{port}, {tokens}}}}}"))
    team = "version: 1\nteam: {0}\nowner: {{channel: '#{0}'}}\nscope: ['team = {0}']\n{1}"
    file.write_text(file.read_text() + "rules_files: [rules.d/*.yaml]\n")
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "a.yaml").write_text(team.format("a", ""))
    (tmp_path / "rules.d" / "b.yaml").write_text(team.format("b", "frob: 1\n"))
    with process("serve", "--config", file) as serving:
        lines_until(serving, "curl ")
        done = run("doctor", "--config", file)
        assert done.exit_code == 1
        assert "1 teams' files" in done.stdout
        assert f"fail  it refuses rules.d/b.yaml: {tmp_path}/rules.d/b.yaml:5:1: frob" in done.stdout
        file.write_text(file.read_text().replace(f"{tmp_path}/token", f"{tmp_path}/none"))
        without = run("doctor", "--config", file)
        assert "warn  it does not say what is in force: /api/status answered 401" in without.stdout
        assert "a-token" not in done.stdout


def test_doctor_sees_a_database_that_another_listener_holds(config: Path) -> None:
    """`listen` on port 0 is nowhere to be asked: as if another configuration named the same path."""
    with process("serve", "--config", config) as serving:
        lines_until(serving, "curl ")
        done = run("doctor", "--config", config)
    assert "warn  a process holds " in done.stdout


def test_doctor_sees_that_something_else_answers(tmp_path: Path) -> None:
    file = written(tmp_path, CONFIG.replace("{port}", "{{}}"))
    with other_server() as port:
        file.write_text(file.read_text().replace("{}", str(port)))
        done = run("doctor", "--config", file)
    assert done.exit_code == 1
    assert f"something else answers at http://127.0.0.1:{port}/readyz" in done.stdout


def test_doctor_fails_where_nothing_can_be_written(tmp_path: Path) -> None:
    done = run("doctor", "--config", written(tmp_path, CONFIG.replace("{path}", "/proc/1/router.db")))
    if os.access("/proc/1", os.W_OK):  # root may write where the kernel still refuses
        assert "/proc/1/router.db" in done.stdout
    else:
        assert "fail  /proc/1/router.db cannot be written by this user" in done.stdout


@pytest.mark.parametrize("how", ["signal", "request"])
def test_a_reload_takes_the_new_file_and_refuses_a_bad_one(config: Path, how: str) -> None:
    good = config.read_text()
    with process("serve", "--config", config) as serving:
        address = address_in(lines_until(serving, "curl "))
        config.write_text(good.replace("  shell: ", "  script: "))
        if how == "signal":
            serving.send_signal(signal.SIGHUP)
            assert serving.stderr is not None
            said = next(line for line in serving.stderr if "configuration was" in line)
            assert "the configuration was reloaded" in said
        else:
            [line] = [line for line in post(f"{address}/-/reload")["diff"] if "script" in line]
            assert line
        assert run("send", "--url", address, "--source", "script").exit_code == 0
        assert run("send", "--url", address, "--source", "shell").exit_code == 1
        if how == "request":
            config.write_text("version: 1\nroutng: {}\n")
            with pytest.raises(HTTPError) as refused:
                post(f"{address}/-/reload")
            with refused.value as answer:
                body = json.load(answer)
            assert f"{config}:2:1" in [error["where"] for error in body["errors"]]
            assert run("send", "--url", address, "--source", "script").exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(shell: str) -> None:
    done = run("completion", shell)
    assert done.exit_code == 0
    assert "_ALERT_ROUTER_COMPLETE" in done.stdout


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("alert-router ")
    listed = run("--help").stdout
    assert all(name in listed for name in main.commands)


def test_help_imports_nothing_of_the_service() -> None:
    code = "import sys; import router.commands.cli; print([name for name in ('aiohttp', 'sqlalchemy', 'slack_sdk') if name in sys.modules])"
    done = subprocess.run([COMMAND[0], "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[]\n"


def test_a_collector_gets_nothing_but_json(config: Path, tmp_path: Path) -> None:
    with process("serve", "--config", config, "--log-format", "json") as serving:
        assert serving.stderr is not None
        for line in serving.stderr:
            if "listens on" in json.loads(line)["message"]:
                break
        serving.send_signal(signal.SIGTERM)
        out, rest = serving.communicate(timeout=20)
    assert out == ""
    assert all(json.loads(line)["level"] for line in rest.splitlines())
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 3\n")
    with process("serve", "--config", bad, "--log-format", "json") as serving:
        out, rest = serving.communicate(timeout=20)
    assert (serving.returncode, out) == (2, "")
    [line] = rest.splitlines()
    assert "version" in str(json.loads(line)["errors"])
