"""What people read: every error and warning of `check`, word for word. The cases are files in words/, one per subject.

Each case is a file without its head; a routing is put in where it has none.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import ADAPTERS
from rules.advice.check import check
from rules.language.yaml import Items, plain, read
from rules.loading.load import RulesText
from tests.rules.reading import HEAD, ROUTING, at

NOW = at("2026-11-21T12:00Z")


def cases() -> list[tuple[str, str, list[str]]]:
    found = []
    for path in sorted((Path(__file__).parent / "words").glob("*.yaml")):
        document = read(path.read_text(encoding="utf-8"))[0]
        assert isinstance(document, Items)
        for item in document.items:
            case = plain(item)
            assert isinstance(case, dict)
            assert case.keys() == {"name", "yaml", "says"}
            found.append((f"{path.stem}: {case['name']}", str(case["yaml"]), list(case["says"])))
    return found


CASES = cases()


@pytest.mark.parametrize(("text", "says"), [(text, says) for _, text, says in CASES], ids=[name for name, *_ in CASES])
def test_says(text: str, says: list[str]) -> None:
    head = HEAD if "sources:" not in text else "version: 1\nslack: preview\n"
    whole = text if "version:" in text else head + ("" if "routing:" in text else ROUTING) + text
    found = check([RulesText("c.yaml", whole)], adapters=ADAPTERS, at=NOW)
    lines = [f"error {error}" for error in found.errors] + [f"warning {warning}" for warning in found.warnings]
    assert [line.replace(" c.yaml:", " ", 1) for line in lines] == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# nothing", "c.yaml:1:1: the file is empty; expected version: 1 and the rest of a configuration"),
        ("#" * (16 * 1024 * 1024 + 1), "c.yaml:1:1: the file is too large; expected at most 16 MiB"),
        ("a: 1\nb: \ud800", "c.yaml:2:1: a character that is not valid Unicode; expected UTF-8 text"),
        ("%YAML 9.9\n---\na: 1", "c.yaml:1:1: found incompatible YAML document; expected YAML"),
        (
            HEAD + ROUTING + f"maintenance: [{{name: m, match: [a = b], from: 2026-01-01, reason: {'x' * 10_001}}}]",
            "c.yaml:5:67: maintenance[0].reason: a text of 10,001 characters; expected at most 10,000, without NUL",
        ),
        (
            HEAD + ROUTING.replace('"#a"', f"'#a', routes: [{{name: r, match: ['a =~ \"{'x' * 16_400}\"']}}]"),
            (
                "c.yaml:4:53: routing.routes[0].match[0]: a regular expression of 16,400 characters; "
                "expected at most 16,384 characters"
            ),
        ),
    ],
    ids=["empty", "too large", "half a surrogate", "a directive", "a long text", "a long expression"],
)
def test_says_of_a_whole_text(text: str, says: str) -> None:
    [error] = check([RulesText("c.yaml", text)], adapters=ADAPTERS, at=NOW).errors
    assert str(error) == says


def test_says_of_a_teams_file_where_it_stands_in_it() -> None:
    main = HEAD + "routing: {channel: '#a', routes: [{name: mine, match: ['team = pay', 'x = y']}]}\n"
    team = """version: 1
team: pay
owner: {people: [alice]}
scope: ['team = pay']
routing: {routes: [{name: p1, match: ['alert.severity = critical'], page: primary, quiet: [off]}]}
windows: {off: {not: [day]}, day: {hours: 09:00-18:00}, idle: {dates: [2020-01-01]}}
people: {alice: {slack: U0123ABCD}, bob: {slack: U0123ABCE}}
oncall: {primary: {rotation: {people: [alice], every: 1d, handoff: 09:00, starts: 2026-11-02}}}
"""
    found = check([RulesText("c.yaml", main), RulesText("pay.yaml", team)], adapters=ADAPTERS, at=NOW)
    assert found.errors == ()
    assert [str(warning) for warning in found.warnings] == [
        "c.yaml:4:1: route mine: mine is never reached: pay in pay.yaml:5 takes all that it matches; expected the narrower route first",
        "pay.yaml:5:1: route pay/p1: pay/p1 pages and has quiet: [pay/off]: nobody is woken during pay/off; expected quiet: none where somebody must be woken",
        "pay.yaml:6:63: windows.pay/idle: nothing uses the window pay/idle; expected pay/idle in quiet, only, not or except",
        "pay.yaml:7:42: people.pay/bob: no page, step, rotation or override reaches pay/bob; expected pay/bob in a rotation, a step or a page",
        "pay.yaml:6:63: windows.pay/idle: pay/idle never holds, from now on and for years; expected days, hours or dates that come and go",
    ]


def test_says_that_the_schema_for_editors_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.advice.check.complaints", lambda _: [("routing.channel", "no such thing")])
    [warning] = check([RulesText("c.yaml", HEAD + ROUTING)], adapters=ADAPTERS, at=NOW).warnings
    assert str(warning) == ("c.yaml:1:1: routing.channel: the schema for editors refuses what is right: no such thing")


RULES = Path(__file__).parents[2] / "rules"
TESTS = Path(__file__).parents[1]
SAID = frozenset({"error", "_error", "refuse", "RuleError", "YamlError", "MatcherError", "_warning"})
"""Calls whose texts people read; what is put together before them stands in `message`, `expected`, `found` or `hint`."""
UNHEARD = frozenset({"not a matcher:", "a quote inside the value of"})
"""What the classic grammar complains of is not shown: the complaint of the grammar that is tried first is."""
NAMES = frozenset({"message", "expected", "found", "hint", "problem"})


def spoken(path: Path) -> Iterator[tuple[int, str]]:
    """Every piece of a message that a module can say, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        texts: list[ast.AST] = []
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in SAID:
            texts = [*node.args, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, ast.Assign) and any(getattr(one, "id", "") in NAMES for one in node.targets):
            texts = [node.value]
        for text in texts:
            for part in ast.walk(text):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value.split()) > 2:
                    yield part.lineno, part.value


def test_every_error_and_warning_has_a_test_of_its_words() -> None:
    heard = [" ".join(says) for _, _, says in CASES]
    for path in TESTS.rglob("test_*.py"):
        constants = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        heard += [one.value for one in constants if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    everything = "\n".join(heard)
    modules = sorted(RULES.rglob("*.py"))
    assert len(modules) > 40
    missing = {
        f"{path.relative_to(RULES.parent)}:{line}: {text}"
        for path in modules
        for line, text in spoken(path)
        if text.strip() not in everything and text.strip() not in UNHEARD
    }
    assert missing == set()
