"""Who owns an alert: depth first, the first match. Owns the index that makes 10,000 sisters as cheap as ten."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import re2

from rules.model.matcher import Matcher, Op, compiled, regex_options
from rules.model.route import Route

SET_STEPS = 500_000
"""Expressions share one re2.Set up to so many of RE2's instructions: each further Set costs a call per alert."""
LARGE_STEPS = 1_000
"""An expression of more is looked at by itself: a set of such takes minutes to build."""
SET_BYTES = 64 * 1024 * 1024


class Tree:
    """A node with its children indexed: by an equality where they have one, else by an expression, else in order."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.children = tuple(Tree(child) for child in route.children)
        self._sisters = MatcherIndex([child.match for child in route.children])

    def owners(self, labels: Mapping[str, str]) -> list[Route]:
        """The routes that own an alert; the root matches whatever its children do not."""
        found: list[Route] = []
        for position in self._sisters.matching(labels):
            child = self.children[position]
            found += child.owners(labels)
            if not child.route.continues:
                break
        return found or [self.route]


class MatcherIndex:
    """Finds, in order, which of several match; each is a list of matchers of which all have to hold."""

    def __init__(self, matches: Sequence[tuple[Matcher, ...]]) -> None:
        self._matches = matches
        self._always: list[int] = []
        self._equal: dict[str, dict[str, list[int]]] = {}
        self._sets: list[tuple[str, re2.Set, list[int]]] = []
        self._rest: list[tuple[Matcher, ...]] = []
        if not matches:
            return
        sizes = Counter(
            (matcher.name, value) for match in matches for matcher in match for value in equal_values(matcher)
        )
        regexes: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for position, match in enumerate(matches):
            key = _key(match, sizes)
            self._rest.append(tuple(matcher for matcher in match if matcher is not key))
            if key is None:
                self._always.append(position)
            elif values := equal_values(key):
                for value in values:
                    self._equal.setdefault(key.name, {}).setdefault(value, []).append(position)
            else:
                regexes[key.name].append((position, key.value))
        for name, pairs in regexes.items():
            part: list[tuple[int, str]] = []
            steps = 0
            for position, value in pairs:
                size = compiled(value).programsize
                if size > LARGE_STEPS:
                    self._scan(position)
                    continue
                if steps + size > SET_STEPS:
                    self._add(name, part)
                    part, steps = [], 0
                part.append((position, value))
                steps += size
            self._add(name, part)

    def _add(self, name: str, pairs: list[tuple[int, str]]) -> None:
        if not pairs:
            return
        try:
            expressions = _set([value for _, value in pairs])
        except re2.error:
            # Together they are too large after all: correct, if slower, one by one.
            for position, _ in pairs:
                self._scan(position)
            return
        self._sets.append((name, expressions, [position for position, _ in pairs]))

    def _scan(self, position: int) -> None:
        self._always.append(position)
        self._rest[position] = self._matches[position]

    def matching(self, labels: Mapping[str, str]) -> Iterator[int]:
        found: list[int] = self._always.copy()
        for name, values in self._equal.items():
            if positions := values.get(labels.get(name, "")):
                found += positions
        for name, expressions, positions in self._sets:
            found += [positions[number] for number in expressions.Match(labels.get(name, "")) or ()]
        found.sort()
        for position in found:
            if all(matcher.matches(labels) for matcher in self._rest[position]):
                yield position


_SPECIAL = frozenset(r"\.+*?()[]{}^$")


def equal_values(matcher: Matcher) -> tuple[str, ...]:
    """The values a matcher asks for, when it is a plain equality or an expression such as `a|b|c`."""
    if matcher.op is Op.EQUAL:
        return (matcher.value,)
    if matcher.op is Op.REGEX and not _SPECIAL.intersection(matcher.value):
        return tuple(dict.fromkeys(matcher.value.split("|")))
    return ()


def _key(match: tuple[Matcher, ...], sizes: Mapping[tuple[str, str], int]) -> Matcher | None:
    """The matcher to find a route by: the rarest equality, else an expression; None: it has neither."""
    equalities = [matcher for matcher in match if equal_values(matcher)]
    if equalities:
        return min(equalities, key=lambda matcher: max(sizes[matcher.name, value] for value in equal_values(matcher)))
    return next((matcher for matcher in match if matcher.op is Op.REGEX), None)


def _set(patterns: list[str]) -> re2.Set:
    """Raises re2.error: the expressions are too large together."""
    options = regex_options()
    options.max_mem = SET_BYTES
    found = re2.Set.FullMatchSet(options)
    for pattern in patterns:
        found.Add(pattern)
    found.Compile()
    return found
