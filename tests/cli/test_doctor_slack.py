"""What `doctor` and `check --slack` hear from Slack."""

import asyncio
from pathlib import Path

import msgspec
import yaml

from router.commands.slack_names import SCOPES, Finding, Grade, asked, unknown_names
from router.runtime.clock import SystemClock
from router.runtime.config import Vault
from rules.model.configuration import Configuration, EnvSecret, SlackSettings
from tests.cli.conftest import run
from tests.rules.reading import loading
from tests.slackworld import TOKEN, FakeSlack, moods
from tests.slackworld.workspace import APP_TOKEN


async def findings(slack: FakeSlack, token: str = TOKEN) -> list[Finding]:
    secret = EnvSecret("TOKEN")
    vault = Vault({"TOKEN": token})
    vault.open([secret])
    return await asked(SlackSettings((secret,), api_url=slack.url), vault)


async def test_a_good_token_is_well() -> None:
    async with FakeSlack(SystemClock().now) as slack:
        [finding] = await findings(slack)
    assert finding.verdict is Grade.OK
    assert finding.what.startswith("Slack knows us in ")


async def test_the_token_of_socket_mode_is_tried() -> None:
    secrets = {"TOKEN": TOKEN, "APP": APP_TOKEN, "WRONG": TOKEN}
    vault = Vault(secrets)
    vault.open([EnvSecret(name) for name in secrets])
    async with FakeSlack(SystemClock().now) as slack:
        settings = SlackSettings((EnvSecret("TOKEN"),), api_url=slack.url, app_token=(EnvSecret("APP"),))
        assert (await asked(settings, vault))[1] == Finding(Grade.OK, "Slack takes the app token of Socket Mode")
        settings = msgspec.structs.replace(settings, app_token=(EnvSecret("WRONG"),))
        assert (await asked(settings, vault))[1] == Finding(
            Grade.WARN,
            "Slack does not take slack.app_token: not_allowed_token_type",
            "docs/slack.md says where to find it",
        )


async def test_missing_scopes_are_named() -> None:
    """Row 85."""
    async with FakeSlack(SystemClock().now) as slack:
        slack.scopes -= {"im:write", "users:read.email"}
        found = await findings(slack)
    assert found[1] == Finding(
        Grade.WARN,
        "scopes are missing: im:write, users:read.email",
        "add them under OAuth & Permissions as in deploy/slack-manifest.yaml, and reinstall the app",
    )


async def test_a_refused_token_fails_and_is_not_shown() -> None:
    async with FakeSlack(SystemClock().now) as slack:
        [finding] = await findings(slack, "xoxb-wrong-0")
    assert (finding.verdict, finding.what) == (Grade.FAIL, "Slack does not accept us: invalid_auth")
    assert finding.to_do == "docs/slack.md has a table of errors"


async def test_a_slack_out_of_reach_fails_with_its_address() -> None:
    secret = EnvSecret("TOKEN")
    vault = Vault({"TOKEN": "x"})
    vault.open([secret])
    [finding] = await asked(SlackSettings((secret,), api_url="http://127.0.0.1:9/api/"), vault)
    assert finding.verdict is Grade.FAIL
    assert finding.to_do == "is http://127.0.0.1:9/api/ reachable from here?"


def test_the_scopes_are_the_manifests() -> None:
    manifest = yaml.safe_load((Path(__file__).parents[2] / "deploy/slack-manifest.yaml").read_text())
    assert set(SCOPES) == set(manifest["oauth_config"]["scopes"]["bot"])


RULES = """\
version: 1
slack: {token: {env: TOKEN}, api_url: "<slack>", fallback_channel: "#none"}
sources: {prometheus: {adapter: prometheus, auth: none}}
routing: {channel: ["#here", "#gone"], page: bob, also: {from: service}, group_by: [service]}
catalog: {service: {shop: {channel: "#lost"}}}
people: {bob: {email: bob@example.com}, eve: {email: eve@example.com}}
oncall: {x: {rotation: {people: [bob, eve], every: 1w, handoff: mon 09:00, starts: 2026-11-02}}}
escalation: {y: {steps: [{group: "@sre"}, {after: 5m, group: ["@ghosts", S0123ABCD]}]}}
"""


def configured(slack: FakeSlack) -> tuple[Configuration, Vault]:
    found = loading(RULES.replace("<slack>", slack.url)).configuration
    assert found is not None
    vault = Vault({"TOKEN": TOKEN})
    vault.open([EnvSecret("TOKEN")])
    return found, vault


async def test_check_slack_names_channels_and_people_that_are_not_there() -> None:
    async with FakeSlack(SystemClock().now) as slack:
        slack.add_channel("#here")
        slack.add_group("sre")
        slack.add_person("bob")
        slack.mood(moods.ratelimit(1), method="users.lookupByEmail")
        unknown = await unknown_names(*configured(slack))
    assert unknown == [
        "Slack does not know the channel #gone: channel_not_found",
        "Slack does not know the channel #lost: channel_not_found",
        "Slack does not know the channel #none: channel_not_found",
        "Slack does not know eve (eve@example.com): users_not_found",
        "Slack does not know the user group @ghosts: no_such_group",
    ]


async def test_check_slack_says_when_it_is_not_let_in() -> None:
    async with FakeSlack(SystemClock().now) as slack:
        read, _ = configured(slack)
        vault = Vault({"TOKEN": "xoxb-wrong-0"})
        vault.open([EnvSecret("TOKEN")])
        assert await unknown_names(read, vault) == [
            "Slack does not accept us: invalid_auth: docs/slack.md has a table of errors"
        ]


async def test_check_slack_has_nobody_to_ask_in_the_preview() -> None:
    found = loading(
        "version: 1\nslack: preview\nsources: {p: {adapter: prometheus, auth: none}}\nrouting: {channel: '#a'}\n"
    )
    assert found.configuration is not None
    assert await unknown_names(found.configuration, Vault({})) == ["slack: preview: there is no workspace to ask"]


async def test_doctor_says_all_of_it_in_one_go(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    async with FakeSlack(SystemClock().now) as slack:
        text = RULES.replace("<slack>", slack.url) + f"storage: {{path: {tmp_path}/data/a.db}}\n"
        file.write_text(text + "server: {listen: '127.0.0.1:9'}\n")
        slack.add_channel("#here")
        slack.add_group("sre")
        slack.add_person("bob")
        done = await asyncio.to_thread(run, "doctor", "--config", file, environ={"TOKEN": TOKEN})
        assert done.exit_code == 1
        assert "ok    Slack knows us in " in done.stdout
        assert (
            "fail  Slack does not know the channel #gone: channel_not_found\n      create it, or invite" in done.stdout
        )
        assert "fail  Slack does not know eve (eve@example.com): users_not_found" in done.stdout
        for name in ("#gone", "#lost", "#none"):
            slack.add_channel(name)
        slack.add_person("eve")
        slack.add_group("ghosts")
        well = await asyncio.to_thread(run, "doctor", "--config", file, environ={"TOKEN": TOKEN})
        assert well.exit_code == 0, well.output
        assert "ok    Slack knows all 3 channels and 2 people of the rules" in well.stdout
        file.write_text(file.read_text() + "frob: 1\n")
        refused = await asyncio.to_thread(run, "doctor", "--config", file, environ={"TOKEN": TOKEN})
        assert refused.exit_code == 1
        assert "ok    Slack knows us in " in refused.stdout, "it is asked where the file is refused too"
