"""Whatever the text: an answer in time, no traceback, nothing printed of a secret."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import ADAPTERS
from rules.advice.lint import linted
from rules.language.yaml import NODES, YamlError, plain, read
from rules.loading.load import RulesText, load
from tests.rules.reading import HEAD, ROUTING, accepted, loading

EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text(encoding="utf-8")

LAUGHS = "x-0: &l0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"x-{level}: &l{level} [{','.join([f'*l{level - 1}'] * 10)}]\n" for level in range(1, 12)
)
BAD_YAML: list[tuple[str, str, str]] = [
    ("deep lists", "[" * 100_000, "1:65: nested deeper than 64 levels"),
    ("deep maps", "{a: " * 100_000, "1:257: nested deeper than 64 levels"),
    ("deep blocks", "".join(" " * level + "a:\n" for level in range(200)), "65:65: nested deeper than 64 levels"),
    ("a billion laughs", LAUGHS, "7:15: aliases make this grow beyond all bounds"),
    ("an alias inside itself", "a: &a [*a]", "1:8: *a stands inside what &a names"),
    ("an alias of nothing", "a: *b", "1:4: nothing is named &b"),
    ("a merge of text", "a: {<<: b}", "1:5: << merges maps only"),
    ("a tag", "a: !!python/object/apply:os.system [x]", "1:4: a tag: tag:yaml.org,2002:python/object/apply:os.system"),
    ("a tag of text", "a: !!int '5'", "1:4: a tag: tag:yaml.org,2002:int"),
    ("two documents", "a: 1\n---\nb: 1\n", "2:1: a second document"),
    ("a control character", "a: 1\nb: \x01", "2:4: a control character: U+0001"),
    ("half a surrogate", "a: 1\nb: \ud800", "2:1: a character that is not valid Unicode"),
    ("a reserved character", "a: @b", "1:4: text cannot begin with @ here"),
    ("a template without quotes", "a: {{ x }}", "1:5: a map or list as a key"),
    ("a list as a key", "? [a]\n: b", "1:3: a map or list as a key"),
    ("an alias of a list as a key", "a: &a [x]\n*a : b", "2:1: a map or list as a key"),
    ("two colons", "a: b: c", "1:5: a colon where no key can stand"),
    ("no colon", "a: 1\nb\nc: 1", "3:1: a key without a colon"),
    ("quotes left open", 'a: "b', "1:6: the file ends inside quotes"),
    ("brackets left open", "a: [b", "2:1: did not find expected ',' or ']'"),
    ("uneven indentation", "a:\n  b: 1\n c: 2\n", "3:2: did not find expected key"),
    ("a tab in the middle", "a: 1\nb:\n\t- c\n", "3:1: a tab in the indentation"),
    ("a directive", "%YAML 9.9\n---\na: 1", "1:1: found incompatible YAML document"),
    ("too large", "#" * (16 * 1024 * 1024 + 1), "1:1: the file is too large"),
    ("only a comment", "# nothing", "1:1: the file is empty"),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in BAD_YAML], ids=[case[0] for case in BAD_YAML])
def test_text_that_is_no_yaml(text: str, expected: str) -> None:
    began = time.thread_time()
    found = loading(text)
    assert time.thread_time() - began < 2
    [error] = found.errors
    assert f"{error.line}:{error.column}: {error.message}" == expected


@pytest.mark.parametrize("text", [case[1] for case in BAD_YAML], ids=[case[0] for case in BAD_YAML])
def test_a_catalogues_file_that_is_no_yaml(text: str) -> None:
    said = HEAD + ROUTING + "catalog: {service: {file: services.yaml}}\n"
    began = time.thread_time()
    found = linted(load([RulesText("c.yaml", said)], adapters=ADAPTERS, beside=lambda _, __: text), ADAPTERS)
    assert time.thread_time() - began < 2
    assert {error.file for error in found.errors} == {"services.yaml"}


def test_yaml_1_2_and_not_1_1() -> None:
    node, _ = read(
        "[10:00, no, yes, on, 0o17, 0x1F, 1_000, 2026-11-02, 1e3, .5, -7, +1, True, null, ~, '', '5', .inf, 5.]"
    )
    assert plain(node) == [
        *("10:00", "no", "yes", "on", "0o17", "0x1F", "1_000", "2026-11-02"),
        *(1000.0, 0.5, -7, 1, True, None, None, "", "5", ".inf", 5.0),
    ]
    assert plain(read("5" * 5000)[0]) == "5" * 5000


def test_anchors_and_merges() -> None:
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\none: {<<: *x, b: 5}\ntwo: {<<: [*x, *y], d: *x}\n"
    node, errors = read(text)
    assert errors == []
    found = plain(node)
    assert isinstance(found, dict)
    assert (found["one"], found["two"]) == ({"b": 5, "a": 1}, {"d": {"a": 1, "b": 2}, "a": 1, "b": 2, "c": 4})
    settings_of = accepted("x-auth: &auth {auth: none}\n" + HEAD.replace("auth: none", "<<: *auth") + ROUTING).sources[
        "p"
    ]
    assert settings_of.auth_said


def test_a_mistake_in_an_anchor_is_told_once() -> None:
    routes = "".join(f"    - {{<<: *r, name: r{number}}}\n" for number in range(5))
    found = loading(HEAD + 'x-r: &r {severity: hgih}\nrouting:\n  channel: "#a"\n  routes:\n' + routes)
    assert {(error.line, error.column) for error in found.errors} == {(4, 20)}


def big(routes: int, match: Callable[[int], str]) -> str:
    lines = "".join(f"    - {{name: r{number}, match: ['{match(number)}']}}\n" for number in range(routes))
    return HEAD + 'routing:\n  channel: "#a"\n  routes:\n' + lines


def test_a_thousand_routes() -> None:
    began = time.thread_time()
    found = accepted(big(1000, lambda number: f'a =~ "svc-{number}-.*"'))
    assert time.thread_time() - began < 2
    assert found.rules.decide({"a": "svc-999-x"}).owners[0].route_id == "r999"


def test_a_thousand_mistakes_are_listed() -> None:
    assert len(loading(big(1000, lambda number: f'a =~ "({number}"')).errors) == 1000


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}", "(a*)*b", "((a{10}){10}){5}", ".*a.{200}b"])
def test_no_expression_takes_long(pattern: str) -> None:
    ruleset = accepted(big(1, lambda _: f'a =~ "{pattern}"')).rules
    began = time.thread_time()
    ruleset.decide({"a": "a" * 4096 + "!"})
    assert time.thread_time() - began < 5, "a matcher that goes back over its steps would take years"


@pytest.mark.parametrize(
    ("windows", "name"),
    [
        ("".join(f"  w{n}: {{not: [w{n - 1}], except: [w{n - 1}]}}\n" for n in range(1, 60)), "w6"),
        ("".join(f"  w{n}: {{not: [w{n - 1}]}}\n" for n in range(1, 3000)), "w100"),
        ("".join(f"  w{n}: {{not: [w{n - 1}]}}\n" for n in reversed(range(1, 3000))), None),
    ],
)
def test_windows_that_grow_beyond_bounds(windows: str, name: str | None) -> None:
    found = loading(HEAD + ROUTING + "windows:\n  w0: {hours: 01:00-02:00}\n" + windows)
    assert found.configuration is None
    assert all("is too large" in error.message for error in found.errors)
    if name is not None:
        assert [error.path for error in found.errors] == [f"windows.{name}"]


def test_a_text_may_not_be_endless() -> None:
    found = loading(
        HEAD + ROUTING + "maintenance: [{name: m, match: [a=b], from: 2026-01-01, reason: " + "x" * 20_000 + "}]\n"
    )
    assert [error.message for error in found.errors] == ["a text of 20,000 characters"]


def test_no_secret_is_printed() -> None:
    for place in (
        "token: hunter2",
        "token: {env: hunter2, file: hunter2}",
        "token: [{hunter2: x}]",
        "token: {env: 'hunter2 '}",
    ):
        found = loading(HEAD.replace("preview", f"{{{place}}}") + ROUTING)
        assert found.errors
        assert not any("hunter2" in str(error) for error in found.errors)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    assert loading(text).errors
    assert linted(load([RulesText("c", HEAD + ROUTING + text)], adapters=ADAPTERS), ADAPTERS) is not None


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, len(EXAMPLE)),
    st.integers(0, 40),
    st.text(alphabet=" \n\t:-[]{}#'\"&*!|>%@`,?axnoe0159~=", max_size=12),
)
def test_a_damaged_file_gets_an_answer(start: int, length: int, put: str) -> None:
    found = loading(EXAMPLE[:start] + put + EXAMPLE[start + length :])
    assert (found.configuration is None) is bool(found.errors)
    for error in found.errors:
        assert error.line >= 1
        assert error.column >= 1
        assert error.message


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["none", "10m", "#a"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from(["name", "match", "from"]), inner, max_size=4)
    ),
    max_leaves=8,
)
KEYS = [
    "server",
    "storage",
    "slack",
    "sources",
    "routing",
    "windows",
    "maintenance",
    "inhibit",
    "people",
    "oncall",
    "escalation",
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(KEYS),
    values,
    st.sampled_from(["a", "routes", "rotation", "steps", "adapter", "map", "auth", "channel", "days"]),
)
def test_any_value_anywhere_gets_an_answer(key: str, value: object, inner: str) -> None:
    import json

    for put in (value, {inner: value}, {"x": {inner: value}}, [{inner: value}], {"x": {inner: [value]}}):
        found = loading("version: 1\n" + json.dumps(key) + ": " + json.dumps(put) + "\n")
        assert found.configuration is None


def test_the_bound_is_on_what_aliases_make() -> None:
    with pytest.raises(YamlError):
        read(f"a: &a [{','.join('1' * 2000)}]\nb: [{','.join(['*a'] * (NODES // 2000 + 1))}]")
