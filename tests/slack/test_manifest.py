"""The app that people install has what the client needs, and the page that leads to it names every error they can meet."""

import re
from pathlib import Path

import yaml

from router.core.answer import Outcome
from router.notifiers.slack.errors import CODES
from tests.slackworld.workspace import SCOPES

ROOT = Path(__file__).parents[2]


def test_the_manifest_asks_for_what_the_methods_need_and_no_more() -> None:
    manifest = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yaml").read_text())
    # The fake refuses a method whose scope is missing, so these are the scopes the client was tested with.
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == SCOPES
    assert manifest["features"]["app_home"]["messages_tab_enabled"] is True


def test_the_page_explains_every_scope_and_every_error_that_stops_the_workspace() -> None:
    page = (ROOT / "docs" / "slack.md").read_text()
    named = set(re.findall(r"`([a-z_:.]+)`", page))
    assert named >= SCOPES
    assert named >= CODES[Outcome.WORKSPACE_REFUSED]
