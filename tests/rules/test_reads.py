"""Durations and instants as they are written, and words of the language that are no word of another YAML's booleans."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import ADAPTERS
from rules.language.schema import schema
from tests.rules.reading import HEAD, ROUTING, accepted, at, complaints, rules

ROOT = Path(__file__).parents[2]
EXAMPLES = {file for file in (ROOT / "rules" / "examples").rglob("*.yaml") if file.name != "routing.yaml"}


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
    ],
)
def test_durations(written: str, means: timedelta) -> None:
    assert rules(f"routing: {{channel: '#a', repeat_interval: {written}}}\n").root.settings.repeat_interval == means


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("2026-12-01T20:00Z", "2026-12-01T20:00+00:00"),
        ("2026-12-01T20:00:30Z", "2026-12-01T20:00:30+00:00"),
        ("2026-12-01T20:00+02:00", "2026-12-01T20:00+02:00"),
        ("2026-12-01T20:00", "2026-12-01T20:00-05:00"),
    ],
)
def test_instants(written: str, means: str) -> None:
    text = f"timezone: Europe/Berlin\nmaintenance: [{{name: m, match: [a=b], from: {written}, timezone: America/New_York}}]\n"
    [entry] = rules(text).maintenance
    assert entry.begins == at(means)


def test_version_1_is_required() -> None:
    [missing] = complaints(HEAD.removeprefix("version: 1\n") + ROUTING)
    assert missing.startswith("1:1: version is missing; expected version: 1")
    assert accepted(HEAD + ROUTING).name == "alert-router"


def words(part: object) -> Iterator[str]:
    """Every key and every chosen value of the language."""
    if isinstance(part, dict):
        yield from part.get("properties", {})
        yield from (value for value in part.get("enum", ()) if isinstance(value, str))
        if isinstance(part.get("const"), str):
            yield part["const"]
        for inner in part.values():
            yield from words(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from words(inner)


def test_no_word_of_the_language_is_one_that_other_yaml_takes_for_true_or_false() -> None:
    document: dict[str, Any] = schema(ADAPTERS)
    found = {word.lower() for word in words(document)}
    assert {"quiet", "none", "critical", "thread"} <= found
    assert found & {"y", "n", "yes", "no", "on", "off"} == set()


WORDS_OF_ALERTMANAGER = [
    ("route", "route: {}", "routing: (Alertmanager's route)"),
    ("receivers", "receivers: []", "channel and page on each route (Alertmanager's receivers)"),
    ("inhibit_rules", "inhibit_rules: []", "inhibit: (Alertmanager's inhibit_rules)"),
    ("time_intervals", "time_intervals: []", "windows: (Alertmanager's time_intervals)"),
]
WORDS_OF_A_ROUTE = [
    ("receiver", "channel, and page for whom it wakes (Alertmanager's receiver is both)"),
    ("matchers", "match: ['name = value'] (Alertmanager's matchers)"),
    ("mute_time_intervals", "quiet: [WINDOW] (Alertmanager's mute_time_intervals)"),
    ("active_time_intervals", "only: [WINDOW] (Alertmanager's active_time_intervals)"),
    (
        "send_resolved",
        "tell: {resolved: none} for send_resolved: false (Alertmanager's); the message is edited all the same",
    ),
]


@pytest.mark.parametrize(("word", "line", "expected"), WORDS_OF_ALERTMANAGER)
def test_words_of_alertmanager_are_answered_with_ours(word: str, line: str, expected: str) -> None:
    assert complaints(HEAD + ROUTING + line) == [f"5:1: {word}: unknown key '{word}'; expected {expected}"]


@pytest.mark.parametrize(("word", "expected"), WORDS_OF_A_ROUTE)
def test_words_of_alertmanagers_routes_are_answered_with_ours(word: str, expected: str) -> None:
    text = HEAD + f"routing:\n  channel: '#a'\n  routes:\n    - name: r\n      {word}: x\n"
    assert complaints(text) == [f"8:7: routing.routes[0].{word}: unknown key '{word}'; expected {expected}"]


def test_alertmanagers_resolve_timeout_is_answered_with_ours() -> None:
    [found] = complaints(HEAD + ROUTING + "global: {resolve_timeout: 5m}")
    assert "resolve_after" in found


def test_name_match_continue_and_routes_are_not_inherited() -> None:
    found = rules(
        "routing: {channel: '#a', routes: [{name: up, match: ['a = b'], continue: true, routes: [{name: down}]}, {name: rest}]}\n"
    )
    up, down = found.routes["up"], found.routes["up/down"]
    assert (up.continues, down.continues) == (True, False)
    assert (down.name, down.match, down.children) == ("down", (), ())


@pytest.mark.parametrize(
    "file",
    [ROOT / "config.example.yaml", *sorted(EXAMPLES)],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_matchers_of_the_examples_stand_in_single_quotes(file: Path) -> None:
    bare = [
        line
        for line in file.read_text(encoding="utf-8").splitlines()
        for key in ("match: [", "while: [", "hold: [", "scope: [")
        if key in line and not line.partition(key)[2].startswith(("'", "]"))
    ]
    assert bare == []


def test_starts_is_required() -> None:
    text = HEAD + ROUTING + "people: {a: {slack: U0123ABCD}}\noncall: {o: {rotation: {people: [a], every: 1w}}}\n"
    missing = [complaint for complaint in complaints(text) if "starts is missing" in complaint]
    assert [complaint.partition(";")[0] for complaint in missing] == ["6:24: oncall.o.rotation: starts is missing"]
