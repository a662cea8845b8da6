"""config.example.yaml is right, also in what is commented out. The examples are tests/examples' business."""

from pathlib import Path

import msgspec

from rules.model.configuration import EnvSecret, PreviewSettings, SlackSettings
from rules.model.webhook import Fallback
from tests.rules.reading import accepted

ROOT = Path(__file__).parents[2]


def test_the_configuration_to_start_with() -> None:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    found = accepted(text)
    assert (found.server.host, found.server.port, found.server.is_loopback) == ("127.0.0.1", 9080, True)
    assert found.storage.path == "./data/alert-router.db"
    assert found.slack == PreviewSettings()
    assert sorted(found.sources) == ["prometheus", "shell"]
    assert found.sources["prometheus"].alertmanager_api
    # A first try with curl reaches a channel without a window that might hold it back, after the default wait.
    settings = found.rules.routes["default"].settings
    assert (settings.channels, settings.group_wait, settings.quiet, settings.only) == (("#alerts",), None, (), ())


def test_what_is_commented_out_there_is_right_too() -> None:
    text = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  # datadog:"))
    end = next(number for number, line in enumerate(lines) if line.startswith("routing:"))
    sources = [line.replace("# ", "", 1) if line.startswith("  #") else line for line in lines[start:end]]
    found = accepted("\n".join(lines[:start] + sources + lines[end:]))
    assert sorted(found.sources) == ["backups", "ci", "datadog", "phone", "prometheus", "shell"]
    assert found.sources["ci"].auth[0] is not None
    assert EnvSecret("CI_TOKEN") in getattr(found.sources["ci"].auth[0], "tokens", ())


def test_the_workspace_that_is_commented_out_is_right_too() -> None:
    lines = (ROOT / "config.example.yaml").read_text(encoding="utf-8").splitlines()
    start = lines.index("slack: preview                         # messages stand on http://127.0.0.1:9080/preview")
    end = next(number for number, line in enumerate(lines) if line.startswith("# slack: {preview:"))
    workspace = [
        line.removeprefix("# ") if line.startswith("# slack:") else line.removeprefix("#")
        for line in lines[start + 1 : end]
    ]
    found = accepted("\n".join([*lines[:start], *workspace, *lines[end:]])).slack
    assert isinstance(found, SlackSettings)
    expected = SlackSettings(found.token, found.signing_secret, "#alerts", fallback=Fallback("phone"))
    client = {"client_id": "123.456", "client_secret": found.client_secret}
    assert found == msgspec.structs.replace(expected, app_token=found.app_token, **client)
    tokens = [line.replace("# ", "", 1) if line.startswith("  # ") else line for line in lines[:start]]
    assert sorted(accepted("\n".join([*tokens, *lines[start:]])).server.tokens) == ["admin", "read", "write"]
