"""The schema for editors says what the reader says, and the file in the tree is what the keys make."""

import runpy
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from adapters import ADAPTERS
from rules.language.schema import PATH, complaints, main, schema, written
from rules.language.yaml import read
from tests.rules.reading import HEAD, loading
from tests.rules.test_mistakes import MISTAKES

ROOT = Path(__file__).parents[2]
EXAMPLES = [ROOT / "config.example.yaml", *sorted((ROOT / "rules" / "examples").glob("*/main.yaml"))]


def test_the_file_is_fresh() -> None:
    assert PATH.read_text(encoding="utf-8") == written(), "run: python -m rules.language.schema > rules/schema.json"


def test_it_is_printed_as_a_module(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "rules.language.schema")
    monkeypatch.setattr(sys, "argv", ["rules.language.schema"])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_module("rules.language.schema", run_name="__main__")
    assert capsys.readouterr().out == written()


def test_its_freshness_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(msgspec.json.decode(PATH.read_bytes()))
    Draft202012Validator.check_schema(schema(ADAPTERS))
    assert schema(ADAPTERS)["$defs"]["source"]["properties"]["adapter"]["enum"] == list(ADAPTERS)


@pytest.mark.parametrize("path", EXAMPLES, ids=[f"{path.parent.name}/{path.name}" for path in EXAMPLES])
def test_it_takes_the_examples(path: Path) -> None:
    assert complaints(read(path.read_text(encoding="utf-8"))[0]) == []


SHAPE_ONLY = {
    "words of other tools, typos, keys in the wrong place",
    "not yet",
    "windows",
    "server",
    "listen",
    "torn matcher",
}


@pytest.mark.parametrize(
    "text",
    [text for name, text, _ in MISTAKES if name in SHAPE_ONLY],
    ids=[name for name, *_ in MISTAKES if name in SHAPE_ONLY],
)
def test_it_refuses_wrong_shapes(text: str) -> None:
    if "a =~" in text:
        return  # a torn matcher is a list of texts to a schema
    assert complaints(read(text)[0])


def test_it_says_where() -> None:
    assert complaints(read(HEAD + "routing: {channel: '#a', routes: [{name: r, severity: hgih}]}\n")[0]) == [
        ("routing.routes.0.severity", "'hgih' is not valid under any of the given schemas")
    ]


SETTINGS = {
    "channel": ["none", '"#a"', '["#a", "#b"]', "C0123ABCD", '["#a", "#a"]', "[]", "a", "5"],
    "group_by": ["[a]", "['...']", "[]", "a", "[5]", "none"],
    "group_wait": ["0s", "1h30m", "none", "5", "1.5h", "''"],
    "repeat_interval": ["1w", "none", "30m1h", "5m"],
    "severity": ["high", "none", "P1", "true"],
    "quiet": ["none", "[w]", "[]", "w"],
    "page": ["p", "none", "{policy: p}", "{policy: p, only: [w]}", "{only: [w]}", "[]"],
    "tell": ["none", "{}", "{resolved: channel}", "{resolved: loud}", "{sla: none}", "channel"],
    "template": ["none", "{title: x}", "{}", "x"],
}


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in SETTINGS.items()}))
def test_what_the_reader_takes_the_schema_takes(chosen: dict[str, str]) -> None:
    route = ", ".join(f"{key}: {value}" for key, value in chosen.items())
    text = (
        HEAD
        + f"windows: {{w: {{days: mon}}}}\npeople: {{p: {{slack: U0123ABCD}}}}\nrouting: {{channel: '#a', routes: [{{name: r, {route}}}]}}\n"
    )
    if not loading(text).errors:
        assert complaints(read(text)[0]) == []
