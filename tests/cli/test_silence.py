"""`silence` against a running router: what a person types, and what they read."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import Result

from adapters import ADAPTERS
from rules.loading.load import RulesText, load
from tests.cli.conftest import run
from tests.process import RouterProcess, running, until

PAGE = Path(__file__).parents[2] / "docs" / "silences.md"
CONFIGURATION = """\
version: 1
server: {listen: <listen>}
storage: {path: <database>}
slack: preview
sources: {prometheus: {adapter: prometheus, auth: none}}
routing: {channel: "#alerts", group_by: [alertname, cluster], group_wait: 0s}
silences: {max: 1w}
"""


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[RouterProcess]:
    async with running(tmp_path, CONFIGURATION) as made:
        yield made


def ask(router: RouterProcess, *arguments: str) -> Result:
    return run("silence", "--url", router.url, *arguments)


def said(router: RouterProcess, *arguments: str) -> str:
    done = ask(router, *arguments)
    assert done.exit_code == 0, done.output
    return str(done.stdout).strip()


async def test_a_silence_from_its_preview_to_its_end(router: RouterProcess) -> None:
    """Row 216."""
    alerts = [{"labels": {"alertname": "Down", "cluster": one, "severity": "critical"}} for one in ("eu", "us")]
    assert await router.post("/api/v2/alerts", alerts) == 200
    preview = said(router, "preview", "cluster = eu", "alertname =~ D.*")
    assert preview.splitlines()[:2] == ["it would hold back 1 alert that fire now", "  CRITICAL Down"]
    assert "--force" in said(router, "preview", 'alertname =~ ".+"')

    number = said(router, "add", "cluster = eu", "--for", "2h", "--comment", "disks", "--by", "maria")
    [line] = said(router, "list").splitlines()
    assert line.startswith(f"{number}  active ")
    assert line.endswith('cluster="eu"  by maria (disks)')
    assert said(router, "list", "cluster=us") == "there are none"
    assert "it holds back 1 alert" in said(router, "show", number)

    [before] = json.loads(said(router, "list", "--format", "json"))
    assert said(router, "extend", number, "1h30m") == number
    [after] = json.loads(said(router, "list", "--format", "json"))
    assert (before["startsAt"], before["endsAt"] < after["endsAt"]) == (after["startsAt"], True)

    assert said(router, "expire", number) == ""
    assert said(router, "list") == "there are none"
    assert " expired " in said(router, "list", "--expired")
    assert said(router, "extend", number, "1h") != number  # what is over begins anew


async def test_what_was_answered_outlives_a_kill(router: RouterProcess) -> None:
    """Each alert comes after the answer: with whatever the process that was killed had to do still undone."""
    for number in range(5):
        one = said(router, "add", f"cluster = c{number}", "--for", "2h")
        assert await router.post("/api/v2/alerts", [{"labels": {"alertname": "Down", "cluster": f"c{number}"}}]) == 200
        await router.kill()
        await router.start()
        assert one in said(router, "list")

    async def all_held() -> bool | None:
        alerts = await router.all("alerts")
        return all((one["groups"][0]["suppressed_by"] or "").startswith("silence ") for one in alerts) or None

    await until(all_held, "every alert is held")
    assert await router.all("incidents") == []


async def test_what_it_lists_as_yaml_can_be_kept_in_the_rules(router: RouterProcess) -> None:
    said(
        router, "add", 'alert.name = "a: b"', "cluster != eu", "--for", "2h", "-c", "#5: 'x' \"y\" {z}", "--by", "maria"
    )
    text = CONFIGURATION.replace("<listen>", "127.0.0.1:9080").replace("<database>", "x.db")
    loaded = load([RulesText("main", text + said(router, "list", "--format", "yaml"))], adapters=ADAPTERS)
    assert loaded.configuration is not None, loaded.errors
    [entry] = loaded.configuration.rules.maintenance
    assert [str(one) for one in entry.match] == ['alert.name="a: b"', 'cluster!="eu"']
    assert entry.reason == "#5: 'x' \"y\" {z} (maria)"


async def test_what_others_wrote_moves_no_cursor(router: RouterProcess) -> None:
    number = said(router, "add", "cluster = a\x1b[2Jb", "--for", "2h", "-c", "\x1b]0;owned\x07", "--by", "eve\r\nmaria")
    for output in (said(router, "list"), said(router, "show", number)):
        assert "\\x1b]0;owned\\x07" in output
        assert "by eve\\r\\nmaria" in output
        assert not set(output) & {"\x1b", "\x07", "\r"}


async def test_one_that_holds_everything_begins_anew_by_force(router: RouterProcess) -> None:
    number = said(router, "add", "alertname =~ .+", "--for", "2h", "--force")
    said(router, "expire", number)
    assert "--force" in ask(router, "extend", number, "1h").output
    assert said(router, "extend", number, "1h", "--force") != number


async def test_what_it_refuses(router: RouterProcess) -> None:
    for arguments, code, word in (
        (("add", "cluster = eu"), 2, "--for 2h"),
        (("add", "cluster = eu", "--for", "2 hours"), 2, "no duration"),
        (("add", "cluster", "--for", "2h"), 2, "no operator"),
        (("add", "alertname =~ .+", "--for", "2h"), 1, "silence add --force"),
        (("add", "cluster = eu", "--for", "8d"), 1, "silences.max allows 1w (400)"),
        (("show", "x"), 1, "must be of type uuid"),
        (("expire", "11111111-2222-4333-8444-555555555555"), 1, "there is no such silence (404)"),
    ):
        done = ask(router, *arguments)
        assert (done.exit_code, word in done.output) == (code, True), done.output
    assert said(router, "add", "alertname =~ .+", "--for", "2h", "--force")


LINES = re.findall(r"^alert-router (silence .*?)(?:  +#.*)?$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_the_pages_commands_are_understood(line: str) -> None:
    command, *arguments = shlex.split(line)
    done = run(command, "--url", "http://127.0.0.1:1", *arguments)
    assert (done.exit_code, "is the router running?" in done.output) == (1, True), done.output


def test_the_page_has_commands() -> None:
    assert len(LINES) > 6


def test_nobody_answers() -> None:
    done = run("silence", "--url", "http://127.0.0.1:1", "list")
    assert (done.exit_code, "is the router running?" in done.output) == (1, True)
    assert run("silence", "--url", "router", "list").exit_code == 2
