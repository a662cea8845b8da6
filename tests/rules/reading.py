"""Short ways to write a configuration in a test and to read what came of it."""

from datetime import UTC, datetime

from adapters import ADAPTERS
from rules.advice.lint import linted
from rules.loading.load import Loaded, RulesText, load
from rules.model.configuration import Configuration
from rules.model.ruleset import RuleSet

HEAD = "version: 1\nslack: preview\nsources: {p: {adapter: prometheus, auth: none}}\n"
ROUTING = 'routing: {channel: "#a"}\n'


def loading(text: str) -> Loaded:
    return linted(load([RulesText("c.yaml", text)], adapters=ADAPTERS), ADAPTERS)


def accepted(text: str) -> Configuration:
    found = loading(text)
    assert found.errors == ()
    assert found.configuration is not None
    return found.configuration


def rules(text: str) -> RuleSet:
    """Of a whole file without its head."""
    return accepted(HEAD + (text if "routing:" in text else ROUTING + text)).rules


def complaints(text: str) -> list[str]:
    """Every error of a file, as printed, without the file's name."""
    found = loading(text)
    assert found.configuration is None
    return [str(error).removeprefix("c.yaml:") for error in found.errors]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def labels(**sent: str) -> dict[str, str]:
    """What matchers see of an alert, `_` standing for a dot in the computed names."""
    computed = {"alert.name": "X", "alert.severity": "medium", "alert.source": "p", "alert.title": "X"}
    return computed | {key.replace("alert_", "alert."): value for key, value in sent.items()}
