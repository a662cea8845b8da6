"""Whether matchers can hold of one alert, seen without one: which routes' alerts a copy may take.

Says yes when in doubt: an expression that is more than `a|b|c` is only tried on the values that others ask for.
"""

from collections.abc import Iterator, Mapping, Sequence

from rules.model.copies import Copy
from rules.model.matcher import Matcher, Op
from rules.model.route import Route
from rules.model.ruleset import RuleSet
from rules.model.tree import equal_values

ByLabel = Mapping[str, tuple[Matcher, ...]]


def takers(rules: RuleSet) -> Iterator[tuple[Copy, list[Route]]]:
    """Each copy with the routes whose alerts it may take, in the order of the routes."""
    if not rules.copies:
        return
    paths = list(_paths(rules.root, {}))
    naming: dict[str, list[tuple[int, tuple[Matcher, ...]]]] = {}
    """Label -> the routes that ask for it, by position: most copies and most routes ask for different ones."""
    for position, (_, by_label) in enumerate(paths):
        for name, matchers in by_label.items():
            naming.setdefault(name, []).append((position, matchers))
    for copy in rules.copies.all:
        asked = _by_label(copy.match, {})
        if not all(map(_can_hold, asked.values())):
            yield copy, []
            continue
        never = {
            position
            for name, matchers in asked.items()
            for position, others in naming.get(name, ())
            if not _can_hold((*others, *matchers))
        }
        yield copy, [route for position, (route, _) in enumerate(paths) if position not in never]


def takes_all(match: Sequence[Matcher]) -> bool:
    """Whether nothing is left out: `=~ ".*"` and nothing else."""
    return all(matcher.op is Op.REGEX and matcher.value in {".*", "(.*)"} for matcher in match)


def _paths(route: Route, above: ByLabel) -> Iterator[tuple[Route, ByLabel]]:
    """Every route with all that must hold of its alerts, by label."""
    mine = _by_label(route.match, above)
    yield route, mine
    for child in route.children:
        yield from _paths(child, mine)


def _by_label(match: Sequence[Matcher], above: ByLabel) -> ByLabel:
    if not match:
        return above
    found = dict(above)
    for matcher in match:
        found[matcher.name] = (*found.get(matcher.name, ()), matcher)
    return found


def _can_hold(matchers: Sequence[Matcher]) -> bool:
    """Whether one value may fit them all. Where some ask for given values, one of those must."""
    for matcher in matchers:
        if values := equal_values(matcher):
            return any(all(one.matches({one.name: value}) for one in matchers) for value in values)
    return True
