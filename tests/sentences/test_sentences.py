"""Each sentence of the rules and of what is told has a test that holds it, or says why nothing does yet.

The lists beside this file follow the definition of the language (rules.yaml) and of what is told (telling.yaml) sentence
by sentence, in words of their own. What is looked at here is that every test named there exists; whether it would fail
if its sentence were untrue is for the reader of both.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LISTS = ("rules", "telling")
NOT_YET: dict[str, list[str]] = {
    "rules": [
        "storage is a file, or a PostgreSQL by its secret address",
        "workspace/#name where there are several",
    ],
    "telling": [
        "a storm is over under 5 first words in 5 min; up to ten survivors get messages, else the digest tells their ends",
        "acknowledging that message takes all that is in it",
        "and so is the digest",
        "it is edited at most every 10 s, and posted anew after 30 min",
        "its incidents have numbers, and are acknowledged one by one or all",
        "no sound says that the lesser has ended when the worse one begins within the minute after",
        "one sound per person and change, at most",
        "over 20 first words due in a channel within 60 s: three criticals are posted, the rest is one digest",
        "pages of one person within 60 s after the first are one message, renewed once a minute",
        "six changes of an alert in 30 min are told once as flapping, and when it settles",
        "the digest has counts by severity, the ten commonest names, the five newest",
    ],
}
"""What does not hold, in the lists' own words and in alphabetical order: it grows only where somebody writes it down here."""


@cache
def sentences(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


class KnownTests(NamedTuple):
    """What there is under `tests/`, wherever it stands: a test that moves keeps its name."""

    functions: frozenset[str]
    """Tests of modules, those of a state machine's TestCase too; `test_x` and `test_file.py::test_x`."""
    cases: Mapping[str, frozenset[str]]
    """Of each of them, the texts its module has: a case's id is one."""
    stories: frozenset[str]
    """By name: one a document of a YAML file, or one an item of its list."""


@cache
def known_tests() -> KnownTests:
    functions: set[str] = set()
    cases: defaultdict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        texts = {one.value for one in ast.walk(module) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
        for name in _named(module):
            for test in (name, f"{path.name}::{name}"):
                functions.add(test)
                cases[test] |= texts
    found = {item["name"] for path in sorted((ROOT / "tests").rglob("*.yaml")) for item in _items(path)}
    return KnownTests(frozenset(functions), {name: frozenset(texts) for name, texts in cases.items()}, frozenset(found))


def _named(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        names: Iterable[str] = ()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = (node.name,)
        elif isinstance(node, ast.Assign):
            names = (name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
        yield from (name for name in names if name.startswith(("test_", "Test")))


def _items(path: Path) -> Iterator[Mapping[str, str]]:
    for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader):
        for item in document if isinstance(document, list) else [document]:
            if isinstance(item, dict) and "name" in item:
                yield item


def exists(node: str) -> bool:
    """Whether there is such a test: `test_x`, `test_x[case]`, `test_file.py::test_x`, or `story: its name`."""
    if node.startswith("story: "):
        return node.removeprefix("story: ") in known_tests().stories
    test, has_case, case = node.partition("[")
    return test in known_tests().functions and (not has_case or case.removesuffix("]") in known_tests().cases[test])


@pytest.mark.parametrize("name", LISTS)
def test_every_sentence_has_a_test_or_a_reason_why_there_is_none(name: str) -> None:
    wrong = [
        sentence
        for sentence in sentences(name)
        if set(sentence) not in ({"says", "held_by"}, {"says", "not_yet"}) or not all(sentence.values())
    ]
    assert wrong == []
    said = [sentence["says"] for sentence in sentences(name)]
    assert sorted(said) == sorted(set(said))


@pytest.mark.parametrize("name", LISTS)
def test_every_test_that_is_named_exists(name: str) -> None:
    missing = [
        (sentence["says"], node)
        for sentence in sentences(name)
        for node in sentence.get("held_by", ())
        if not exists(node)
    ]
    assert missing == []


@pytest.mark.parametrize("name", LISTS)
def test_what_does_not_hold_yet_is_known(name: str) -> None:
    assert sorted(one["says"] for one in sentences(name) if "not_yet" in one) == NOT_YET[name]


def test_a_test_that_is_not_there_is_found_out() -> None:
    assert exists("test_a_test_that_is_not_there_is_found_out")
    assert exists("test_sentences.py::test_a_test_that_is_not_there_is_found_out")
    assert not exists("test_of_nothing")
    assert not exists("exists")
    assert not exists("test_nothing.py::test_a_test_that_is_not_there_is_found_out")
    assert not exists("story: no such story")
    assert exists("story: first word after group_wait, once, and it rings")
    assert exists("test_mistakes.py::test_says_what_is_wrong[zones]")
    assert not exists("test_mistakes.py::test_says_what_is_wrong[no such case]")
    assert exists("TestTelling")
