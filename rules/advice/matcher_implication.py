"""Which alerts can reach a route, as far as its matchers alone say: what they imply, exclude and leave to others.

Sure in what it finds, not in what it does not find: that one expression is contained in another it never works out.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from rules.model.matcher import Matcher, Op
from rules.model.route import Route
from rules.model.tree import equal_values

CANDIDATES = 8
"""So many earlier sisters with expressions on one label are kept in mind, so that 10,000 are no slower than they are many."""
PARTS = 4
"""Every part of so many matchers is looked up; of more only each one, and all."""

VALUES = 500
"""Expressions such as `a|b|c` of more values are not taken apart."""


def implied_by(matcher: Matcher, known: Iterable[Matcher]) -> Matcher | None:
    """Which of the known ones leaves this one nothing to say; None: it says something."""
    for other in known:
        if other == matcher:
            return other
        if other.name == matcher.name and (values := _values(other)) and _takes(matcher, values) == len(values):
            return other
    return None


def excluded_by(matcher: Matcher, known: Iterable[Matcher]) -> Matcher | None:
    """Which of the known ones cannot hold together with this one."""
    for other in known:
        if other.name != matcher.name or other == matcher:
            continue
        for one, against in ((matcher, other), (other, matcher)):
            if (values := _values(one)) and not _takes(against, values):
                return other
    return None


def swallowed(sisters: tuple[Route, ...], above: tuple[Matcher, ...]) -> Iterator[tuple[Route, Route]]:
    """Routes that nothing reaches, each with an earlier sister that takes all it could match."""
    if len(sisters) < 2:
        return
    index = _Earlier(sisters, above)
    for route in sisters:
        earlier = index.takes_all_of(route)
        if earlier is not None:
            yield route, earlier
        elif not route.continues:
            index.add(route)


def _values(matcher: Matcher) -> tuple[str, ...]:
    values = equal_values(matcher)
    return values if len(values) <= VALUES else ()


def _takes(matcher: Matcher, values: Iterable[str]) -> int:
    return sum(matcher.matches({matcher.name: value}) for value in values)


def _always(matcher: Matcher) -> bool:
    return matcher.op is Op.REGEX and matcher.value == ".*"


class _Earlier:
    """Sisters by all that they ask for; those that ask with expressions or for what is not, by the rarest of it too."""

    def __init__(self, sisters: tuple[Route, ...], above: tuple[Matcher, ...]) -> None:
        self._above = above
        self._counts = Counter(matcher for route in sisters for matcher in route.match)
        self._whole: dict[frozenset[Matcher], Route] = {}
        self._by_value: dict[tuple[str, str], list[Route]] = defaultdict(list)
        self._by_name: dict[str, list[Route]] = defaultdict(list)
        self._asked_by: dict[str, list[Matcher]] = {}

    def add(self, route: Route) -> None:
        asked = self._asked(route)
        self._whole.setdefault(frozenset(asked), route)
        if all(matcher.op is Op.EQUAL for matcher in asked):
            return
        key = min(asked, key=lambda matcher: (self._counts[matcher], not equal_values(matcher)))
        for value in equal_values(key):
            _put(self._by_value[key.name, value], route)
        if not equal_values(key):
            _put(self._by_name[key.name], route)

    def takes_all_of(self, route: Route) -> Route | None:
        known = (*self._above, *route.match)
        for candidate in self._candidates(self._asked(route)):
            if all(implied_by(matcher, known) for matcher in self._asked(candidate)):
                return candidate
        return None

    def _asked(self, route: Route) -> list[Matcher]:
        """What it asks for beyond what holds for all the sisters."""
        asked = self._asked_by.get(route.id)
        if asked is None:
            asked = [one for one in route.match if not _always(one) and implied_by(one, self._above) is None]
            self._asked_by[route.id] = asked
        return asked

    def _candidates(self, asked: list[Matcher]) -> Iterator[Route]:
        sizes = range(len(asked) + 1) if len(asked) <= PARTS else (0, 1, len(asked))
        for part in itertools.chain.from_iterable(itertools.combinations(asked, size) for size in sizes):
            if (found := self._whole.get(frozenset(part))) is not None:
                yield found
        for matcher in asked:
            if values := equal_values(matcher):
                yield from self._by_value.get((matcher.name, values[0]), ())
                yield from self._by_name.get(matcher.name, ())


def _put(routes: list[Route], route: Route) -> None:
    if len(routes) < CANDIDATES:
        routes.append(route)
