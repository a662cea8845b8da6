"""The index of the tree gives what a plain depth-first walk gives, whatever the tree."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.model.matcher import Matcher, Op, all_match
from rules.model.route import ROOT, Route, RouteSettings
from rules.model.tree import MatcherIndex, Tree

NAMES = ("a", "b", "c")
VALUES = ("", "x", "y", "xy", "x\ny", "é")
PATTERNS = ("x", "x|y", "x.*", ".*y", "|x", "", "(x|é)", "[xy]+", "a||x")


def plain_owners(route: Route, labels: Mapping[str, str]) -> list[str]:
    found = []
    for child in route.children:
        if all_match(child.match, labels):
            found += plain_owners(child, labels)
            if not child.continues:
                break
    return found or [route.id]


matchers = st.one_of(
    st.builds(Matcher, st.sampled_from(NAMES), st.sampled_from([Op.EQUAL, Op.NOT_EQUAL]), st.sampled_from(VALUES)),
    st.builds(Matcher, st.sampled_from(NAMES), st.sampled_from([Op.REGEX, Op.NOT_REGEX]), st.sampled_from(PATTERNS)),
)


def route(name: str, match: tuple[Matcher, ...], continues: bool, children: tuple[Route, ...]) -> Route:
    return Route(name, name, match, RouteSettings(("#a",)), {}, "f", 1, continues, children)


trees = st.recursive(
    st.builds(route, st.uuids().map(str), st.lists(matchers, max_size=3).map(tuple), st.booleans(), st.just(())),
    lambda inner: st.builds(
        route,
        st.uuids().map(str),
        st.lists(matchers, max_size=2).map(tuple),
        st.booleans(),
        st.lists(inner, max_size=6).map(tuple),
    ),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(trees, max_size=8), st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES)))
def test_the_index_finds_what_a_walk_finds(children: list[Route], labels: dict[str, str]) -> None:
    root = route(ROOT, (), False, tuple(children))
    assert [found.id for found in Tree(root).owners(labels)] == plain_owners(root, labels)


def sisters(patterns: list[str]) -> MatcherIndex:
    return MatcherIndex([(Matcher("a", Op.REGEX, pattern),) for pattern in patterns])


def test_many_expressions_share_a_set() -> None:
    found = sisters([f"svc-{number}-.*" for number in range(3000)])
    assert (len(found._sets), found._always) == (1, [])
    assert list(found.matching({"a": "svc-2999-x"})) == [2999]
    found = sisters([f"{number}.{{100}}x" for number in range(1500)])
    assert len(found._sets) > 1
    assert list(found.matching({"a": "77" + "é" * 100 + "x"})) == [77]
    assert list(found.matching({"a": "999" + "é" * 100 + "x"})) == [999]


def test_a_large_expression_is_looked_at_by_itself() -> None:
    found = sisters(["[a-z]{900}", "x.*", "\\pL{20}x"])
    assert (len(found._sets), found._always) == (1, [2])
    assert list(found.matching({"a": "x" * 21})) == [1, 2]


def test_a_set_that_cannot_be_built_is_not_needed() -> None:
    found = sisters(["x+", "y+"])
    found._sets.clear()
    # Thousands of alternatives that RE2 factors apart: more than a set may have.
    found._add("a", [(0, "x+"), (1, "(" * 2000)])
    assert (found._sets, found._always) == ([], [0, 1])
