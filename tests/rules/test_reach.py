"""What is said of routes is sure: compared with every label set there can be, over a few values."""

import itertools
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.advice.lint_routes import lint_routes
from rules.advice.matcher_implication import excluded_by, implied_by, swallowed
from rules.model.matcher import Matcher, Op, all_match
from rules.model.route import Route, RouteSettings
from tests.rules.reading import HEAD, accepted

VALUES = ("", "x", "y", "z")
EVERY = [
    {name: value for name, value in zip("ab", values, strict=True) if value}
    for values in itertools.product(VALUES, repeat=2)
]
matchers = st.builds(
    Matcher,
    st.sampled_from("ab"),
    st.sampled_from(Op),
    st.sampled_from(["x", "y", "z", "", "x|y", "y|z|", ".*", ".+", "[xy]", "x.*"]),
).map(lambda one: one if one.op.is_regex or one.value in VALUES else Matcher(one.name, Op.REGEX, one.value))
matches = st.lists(matchers, max_size=3).map(tuple)


def route(number: int, match: tuple[Matcher, ...], *, continues: bool = False) -> Route:
    return Route(
        f"r{number}", f"r{number}", match, RouteSettings(("#a",)), {}, "c.yaml", number + 1, continues=continues
    )


@settings(max_examples=200, deadline=None)
@given(matches, st.lists(st.tuples(matches, st.booleans()), min_size=2, max_size=6))
def test_a_route_said_to_be_never_reached_is_reached_by_nothing(
    above: tuple[Matcher, ...], written: list[tuple[tuple[Matcher, ...], bool]]
) -> None:
    sisters = tuple(route(number, match, continues=on) for number, (match, on) in enumerate(written))
    for one, earlier in swallowed(sisters, above):
        assert not earlier.continues
        assert sisters.index(earlier) < sisters.index(one)
        for labels in EVERY:
            if all_match(above, labels) and all_match(one.match, labels):
                assert all_match(earlier.match, labels)


@settings(max_examples=200, deadline=None)
@given(matchers, matches)
def test_what_is_implied_always_holds_and_what_is_excluded_never(one: Matcher, known: tuple[Matcher, ...]) -> None:
    implied, excluded = implied_by(one, known), excluded_by(one, known)
    for labels in EVERY:
        if implied is not None and implied.matches(labels):
            assert one.matches(labels)
        if excluded is not None and excluded.matches(labels):
            assert not one.matches(labels)


def test_a_part_of_its_matchers_in_any_order_is_found() -> None:
    asked = [Matcher(name, Op.EQUAL, "1") for name in "abcdef"]
    sisters = (
        route(0, (asked[2], asked[0])),
        route(1, tuple(asked[:4])),
        route(2, tuple(asked)),
        route(3, (asked[0],)),
    )
    assert [(one.id, by.id) for one, by in swallowed(sisters, ())] == [("r1", "r0")]
    longer = (route(0, (asked[3],)), route(1, tuple(asked)), route(2, tuple(reversed(asked))))
    assert [(one.id, by.id) for one, by in swallowed(longer, ())] == [("r1", "r0"), ("r2", "r0")]


SHAPES: dict[str, Callable[[int], list[str]]] = {
    "one value each": lambda number: [f"a = x{number}"],
    "two of a hundred": lambda number: [f"a = x{number % 100}", f"b = y{number // 100}"],
    "negations": lambda number: [f"a != x{number}"],
    "expressions and values": lambda number: [f"a = x{number}" if number % 2 else f'a =~ "y{number}.*"'],
    "lists": lambda number: [f'a =~ "x{number}|y{number}"', f'b =~ "p|q|r{number % 7}"'],
    "the same": lambda _: ["a = x"],
}


@pytest.mark.parametrize("name", SHAPES)
def test_three_thousand_sisters_take_no_time(name: str) -> None:
    routes = "".join(
        f"    - {{name: r{number}, match: [{', '.join(map(repr, SHAPES[name](number)))}]}}\n" for number in range(3_000)
    )
    configuration = accepted(HEAD + "routing:\n  channel: '#a'\n  routes:\n" + routes)
    began = time.process_time()
    found = list(lint_routes(configuration, {"p": None}))
    assert time.process_time() - began < 2
    assert len(found) == (2_999 if name == "the same" else 0)


def test_a_route_with_many_matchers_on_one_label_is_compared_within_bounds() -> None:
    match = ", ".join(f"'a != x{number}'" for number in range(300))
    configuration = accepted(HEAD + f"routing: {{channel: '#a', routes: [{{name: r, match: [{match}, 'a != x0']}}]}}\n")
    assert [warning.message for warning in lint_routes(configuration, {"p": None})] == [
        'r: a!="x0" says nothing new: a!="x0" holds already'
    ]
