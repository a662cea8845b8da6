"""What `doctor` hears from Slack."""

import asyncio
from pathlib import Path

import yaml

from router.clock import SystemClock
from router.commands.doctor import SCOPES, Finding, Verdict, asked
from router.config import Vault
from rules.configuration import EnvSecret, SlackSettings
from tests.cli.conftest import CONFIG, run, written
from tests.slackworld import TOKEN, FakeSlack


async def findings(slack: FakeSlack, token: str = TOKEN) -> list[Finding]:
    secret = EnvSecret("TOKEN")
    vault = Vault({"TOKEN": token})
    vault.open([secret])
    return await asked(SlackSettings((secret,), api_url=slack.url), vault)


async def test_a_good_token_is_well() -> None:
    async with FakeSlack(SystemClock().now) as slack:
        [finding] = await findings(slack)
    assert finding.verdict is Verdict.OK
    assert finding.what.startswith("Slack knows us in ")


async def test_missing_scopes_are_named() -> None:
    async with FakeSlack(SystemClock().now) as slack:
        slack.scopes -= {"im:write", "users:read.email"}
        found = await findings(slack)
    assert found[1] == Finding(
        Verdict.WARN,
        "scopes are missing: im:write, users:read.email",
        "add them under OAuth & Permissions as in deploy/slack-manifest.yaml, and reinstall the app",
    )


async def test_a_refused_token_fails_and_is_not_shown() -> None:
    async with FakeSlack(SystemClock().now) as slack:
        [finding] = await findings(slack, "xoxb-wrong-0")
    assert (finding.verdict, finding.what) == (Verdict.FAIL, "Slack does not accept us: invalid_auth")
    assert finding.to_do == "docs/slack.md has a table of errors"


async def test_a_slack_out_of_reach_fails_with_its_address() -> None:
    secret = EnvSecret("TOKEN")
    vault = Vault({"TOKEN": "x"})
    vault.open([secret])
    [finding] = await asked(SlackSettings((secret,), api_url="http://127.0.0.1:9/api/"), vault)
    assert finding.verdict is Verdict.FAIL
    assert finding.to_do == "is http://127.0.0.1:9/api/ reachable from here?"


def test_the_scopes_are_the_manifests() -> None:
    manifest = yaml.safe_load((Path(__file__).parents[2] / "deploy/slack-manifest.yaml").read_text())
    assert set(SCOPES) == set(manifest["oauth_config"]["scopes"]["bot"])


async def test_check_asks_slack_only_where_it_is_told_to(tmp_path: Path) -> None:
    async with FakeSlack(SystemClock().now) as slack:
        text = CONFIG.replace("slack: preview", f"slack: {{{{token: {{{{env: TOKEN}}}}, api_url: '{slack.url}'}}}}")
        file = written(tmp_path, text)

        def said(*options: str, token: str = TOKEN) -> tuple[int, str]:
            done = run("check", *options, file, environ={"TOKEN": token})
            return done.exit_code, done.stderr

        assert await asyncio.to_thread(said, token="no") == (0, "")
        assert slack.calls == []
        assert await asyncio.to_thread(said, "--slack") == (0, "")
        assert await asyncio.to_thread(said, "--slack", token="xoxb-wrong-0") == (
            1,
            "Slack does not accept us: invalid_auth: docs/slack.md has a table of errors\n",
        )
        assert await asyncio.to_thread(said, "--slack", token="") == (
            1,
            "the environment variable TOKEN is not set, or empty; the configuration takes a secret from it\n",
        )
