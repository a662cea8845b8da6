"""What people look for stands in docs/slack.md by numbers, and every number has a test that says it: `Row 54: …`."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SECTION = "## What people look for, by number"
_ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)
_SAYS = re.compile(r"\b[Rr]ows? ((?:\d+(?:, | and |,)?)+)")
_STORY = re.compile(r"^# Rows? ([\d, and]+)\.\nname: (.*)$", re.MULTILINE)


def numbers() -> list[int]:
    _, _, section = (ROOT / "docs" / "slack.md").read_text().partition(_SECTION)
    return [int(number) for number in _ROW.findall(section.partition("\n## ")[0])]


@cache
def said() -> dict[int, list[str]]:
    """Number → the tests and stories that say it."""
    found: dict[int, list[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, text in _tests(ast.parse(file.read_text())):
            for numbers in _SAYS.findall(text):
                for number in re.findall(r"\d+", numbers):
                    found.setdefault(int(number), []).append(f"{file.relative_to(ROOT)}::{name}")
    for file in sorted((ROOT / "tests" / "scenarios").glob("*.yaml")):
        for numbers, name in _STORY.findall(file.read_text()):
            for number in re.findall(r"\d+", numbers):
                found.setdefault(int(number), []).append(f"{file.stem}: {name}")
    return found


def _tests(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


@pytest.mark.parametrize("number", numbers())
def test_a_test_says_its_number(number: int) -> None:
    assert said().get(number), f"no test says `Row {number}`"


def test_a_number_that_a_test_says_stands_in_the_table() -> None:
    assert set(said()) <= set(numbers()), sorted(set(said()) - set(numbers()))


def test_the_table_is_in_order_and_has_each_number_once() -> None:
    assert numbers() == sorted(set(numbers()))
    assert len(numbers()) >= 55
