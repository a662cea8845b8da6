"""Every example is loaded without an error, and routes as the table beside it says."""

from pathlib import Path
from typing import Any

import pytest

from rules.advice.explain import Taken, explain_route
from rules.language.yaml import plain, read
from rules.model.ruleset import RuleSet
from tests.examples.generate_company import FOLDER, files
from tests.examples.reading import EXAMPLES, NAMES, configuration, loaded
from tests.rules.reading import at

NOON = "2026-11-20T12:00+01:00"
"""A Friday."""
KEYS = {"labels", "at", "route", "channels", "pages", "held", "page held", "held while"}


def table(name: str) -> list[dict[str, Any]]:
    rows: Any = plain(read((EXAMPLES / name / "routing.yaml").read_text(encoding="utf-8"))[0])
    found: list[dict[str, Any]] = rows
    return found


def given(rules: RuleSet, row: dict[str, Any]) -> dict[str, Any]:
    """What the rules do, in the words of a row."""
    explained = explain_route(rules, row["labels"], at(row.get("at", NOON)))
    [taken] = explained.owners
    page_held = [] if taken.page_held is None else [taken.page_held.name]
    found = {
        "route": taken.route_id,
        "channels": [one.channel for one in taken.shown],
        "held": [hold.name for hold in taken.held],
        "page held": "".join(page_held),
        "held while": list(explained.inhibited_by),
        "pages": [] if taken.held or page_held else people(taken),
    }
    if "held while" not in row:
        del found["held while"]  # most alerts may be explained by another; only where it matters it is in the table
    return {key: value for key, value in found.items() if value or key in {"route", "channels"}}


def people(taken: Taken) -> list[str]:
    return [] if taken.on_call is None else [person.name for person in taken.on_call.persons]


ROWS = [(name, number, row) for name in NAMES for number, row in enumerate(table(name), 1)]


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, _, row in ROWS], ids=[f"{n} {i}" for n, i, _ in ROWS])
def test_an_example_routes_as_its_table_says(name: str, row: dict[str, Any]) -> None:
    assert set(row) <= KEYS
    expected = {key: value for key, value in row.items() if key not in {"labels", "at"}}
    assert given(configuration(name).rules, row) == expected


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_checked_without_a_warning_but_those_named_here(name: str) -> None:
    found = loaded(name)
    assert found.errors == ()
    assert [str(warning) for warning in found.warnings] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_route_of_an_example_is_in_its_table(name: str) -> None:
    """The root, those that only lead to others, and all but some of a company's many teams excepted."""
    routes = configuration(name).rules.routes
    named = {row["route"] for row in table(name)}
    leaves = {route.id for route in routes.values() if not route.children}
    assert named <= set(routes)
    assert name == "company" or leaves <= named


def test_the_companys_files_are_as_the_script_writes_them() -> None:
    written = dict(files())
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml")}
    assert there == {*written, "main.yaml", "routing.yaml"}
    assert [path for path, text in written.items() if (FOLDER / path).read_text(encoding="utf-8") != text] == []
    assert (len(written), len(configuration("company").rules.catalog["service"])) == (41, 300)


def test_the_examples_are_those_that_the_page_lists() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"(../rules/examples/{name}/main.yaml)" not in page] == []
