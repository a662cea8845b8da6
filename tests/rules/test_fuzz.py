"""On damaged files of every kind `check` answers: a verdict, places that exist, never a traceback."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import ADAPTERS
from rules.advice.check import Checked, check, render_text, to_json
from rules.advice.explain import explain_route
from rules.loading.load import RulesText, load
from tests.rules.reading import HEAD, ROUTING, at

ROOT = Path(__file__).parents[2]
FILES = {
    path.name: path.read_text(encoding="utf-8").splitlines()
    for path in (ROOT / "config.example.yaml", *sorted((ROOT / "rules" / "examples").glob("*.yaml")))
}
FORMER = load([RulesText("former.yaml", HEAD + ROUTING)], adapters=ADAPTERS).configuration
NOW = at("2026-10-25T00:30Z")
"""An hour that comes twice in Berlin."""
NASTY = [
    *("none", "null", "''", "[]", "{}", "true", "-1", "1e308", "0s", "99999w", "1w", "22:00-06:00", "00:00-24:00"),
    *("2026-02-30", "2199-12-31T23:59+14:00", "2000-01-01", "[mon-fri, sun]", "[-1..-1]", "[31..1]", "'a =~ \"(\"'"),
    *(
        "[a=b, a!=b]",
        "{a: b}",
        "*nothing",
        "&a [*a]",
        "!!set {}",
        '"\\u0000"',
        "'{{ labels.x }}'",
        "#a",
        '"#a"',
        "nights",
    ),
    *(
        "office",
        "payments",
        "alice",
        "Europe/Berlin",
        "Pacific/Kiritimati",
        "{not: [nights]}",
        "{env: X}",
        "@a",
        "S0123ABCD",
    ),
]
CUTS = st.sampled_from(["drop", "twice", "swap", "value", "deeper", "cut", "join"])


def damaged(lines: list[str], kind: str, here: int, there: int, nasty: str) -> list[str]:
    found = lines.copy()
    here, there = here % len(found), there % len(found)
    match kind:
        case "drop":
            del found[here]
        case "twice":
            found.insert(there, found[here])
        case "swap":
            found[here], found[there] = found[there], found[here]
        case "value":
            key, colon, _ = found[here].partition(":")
            found[here] = f"{key}: {nasty}" if colon else f"{key} {nasty}"
        case "deeper":
            found[here] = "  " + found[here]
        case "cut":
            found[here] = found[here][: there % (len(found[here]) + 1)]
        case _:
            found[here] = f"{found[here]} {found[there].strip()}"
    return found


def answered(text: str) -> Checked:
    found = check([RulesText("c.yaml", text)], adapters=ADAPTERS, at=NOW, before=FORMER)
    lines = text.count("\n") + 2
    for mistake in (*found.errors, *found.warnings):
        assert 1 <= mistake.line <= lines
        assert mistake.column >= 1
        assert mistake.message
    assert render_text(found).endswith("\n")
    assert to_json(found).startswith("{")
    if not found.errors:
        loaded = load([RulesText("c.yaml", text)], adapters=ADAPTERS).configuration
        assert loaded is not None
        assert explain_route(loaded.rules, {"alert.severity": "critical"}, NOW).owners
    return found


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(CUTS, st.integers(0, 999), st.integers(0, 999), st.sampled_from(NASTY)), min_size=1, max_size=4),
)
def test_any_damage_gets_an_answer(name: str, cuts: list[tuple[str, int, int, str]]) -> None:
    lines = FILES[name]
    for kind, here, there, nasty in cuts:
        lines = damaged(lines or [""], kind, here, there, nasty)
    answered("\n".join(lines))


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_line_can_be_missing(name: str) -> None:
    lines = FILES[name]
    for number in range(len(lines)):
        answered("\n".join([*lines[:number], *lines[number + 1 :]]))


VALUES = st.sampled_from(NASTY)


@settings(max_examples=250, deadline=None)
@given(st.lists(VALUES, min_size=8, max_size=8))
def test_any_value_in_people_and_schedules_gets_an_answer(values: list[str]) -> None:
    a, b, c, d, e, f, g, h = values
    answered(
        HEAD
        + ROUTING
        + f"people: {{alice: {{email: {a}}}, bob: {{slack: U0123ABCD}}}}\nwindows: {{nights: {b}, office: {c}}}\n"
        + f"oncall: {{payments: {{rotation: {{people: [bob], every: {d}, handoff: 09:00, starts: {e}}}, "
        + f"overrides: [{{person: bob, from: {f}, until: 2030-01-01}}]}}}}\n"
        + f"escalation: {{payments: {{steps: [{{oncall: payments, only: {g}}}, {{after: 1m, person: {h}}}], repeat: 1, every: 1h}}}}\n"
    )
