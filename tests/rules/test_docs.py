"""docs/rules.md and config.example.yaml know every key of the language, and the page's YAML is right."""

import re
from pathlib import Path

import pytest

from rules.language.schema import schema
from rules.language.service_keys import document
from tests.rules.reading import HEAD, ROUTING, accepted

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
KEYS = sorted({key for part in schema()["$defs"].values() for key in part.get("properties", {})})


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_in_the_example(key: str) -> None:
    if key == "continue":
        return  # `check` warns of it: not a thing to copy
    assert re.search(rf"\b{re.escape(key)}:", EXAMPLE)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_on_the_page(key: str) -> None:
    assert re.search(rf"\b{re.escape(key)}\b", PAGE)


def test_what_is_not_yet_is_listed() -> None:
    listed = PAGE.partition("## Not yet")[2]
    assert not document().later
    assert "`storage: {url: …}`" in listed


def test_the_pages_yaml_is_right() -> None:
    blocks = [
        block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if not block.startswith((" ", "match:"))
    ]
    assert len(blocks) == 8
    for block in blocks:
        routing = "" if "routing:" in block else ROUTING
        assert accepted(HEAD + routing + block).rules.root.settings.channels == (("#a",) if routing else ("#alerts",))


HEARTBEATS = (ROOT / "docs" / "heartbeats.md").read_text(encoding="utf-8")


def test_the_yaml_about_heartbeats_is_right() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", HEARTBEATS, re.DOTALL)
    assert len(blocks) == 5
    people = "people: {platform: {email: alice@example.com}}\n"
    for block in blocks:
        head = HEAD if "sources:" not in block else "version: 1\nslack: preview\n"
        accepted(head + people + (block if "routing:" in block else ROUTING + block))
