"""Whether one alert can fit two scopes: looks for its labels, one at a time, since a matcher sees one label only."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from rules.loading.regex_automaton import UnknownSyntaxError, common_text, language, literal
from rules.model.matcher import Matcher, Op

_PLAIN = re.compile(r"\^?([^\\.+*?()\[\]{}^$|]+)")

Domains = Mapping[str, Collection[str]]
"""Labels whose values are known beforehand: `alert.severity`, `alert.source`."""


class Start(NamedTuple):
    """How every value that a scope takes for a label begins, as far as that is plain."""

    text: str
    is_whole: bool


def starts(matchers: Sequence[Matcher]) -> dict[str, Start]:
    """By label: what most pairs of scopes differ in, without looking into any expression."""
    found: dict[str, Start] = {}
    for matcher in matchers:
        if matcher.op is Op.EQUAL:
            found[matcher.name] = Start(matcher.value, is_whole=True)
        elif matcher.op is Op.REGEX and matcher.name not in found and (text := _plain_start(matcher.value)):
            found[matcher.name] = Start(text, is_whole=False)
    return found


def are_plainly_apart(first: Mapping[str, Start], second: Mapping[str, Start]) -> bool:
    """True: nothing fits both. False: it takes a closer look."""
    return any(name in second and not _may_meet(start, second[name]) for name, start in first.items())


def _may_meet(one: Start, other: Start) -> bool:
    if one.is_whole and other.is_whole:
        return one.text == other.text
    return (not other.is_whole and one.text.startswith(other.text)) or (
        not one.is_whole and other.text.startswith(one.text)
    )


def _plain_start(pattern: str) -> str:
    """The letters before the first sign of an expression; nothing where it has alternatives."""
    match = _PLAIN.match(pattern)
    if match is None or "|" in pattern:
        return ""
    optional = pattern[match.end() : match.end() + 1] in ("*", "?", "{")
    return match.group(1)[:-1] if optional else match.group(1)


def fits_both(first: Sequence[Matcher], second: Sequence[Matcher], domains: Domains) -> dict[str, str] | None:
    """Labels of an alert that both would take; None: they exclude each other.

    Expressions that cannot be looked into are tried with the texts that the others ask for.
    """
    wanted: dict[str, list[Matcher]] = defaultdict(list)
    for matcher in (*first, *second):
        wanted[matcher.name].append(matcher)
    found = {}
    # Equalities first: most scopes differ in one, and then no expression is looked into.
    for name, matchers in sorted(wanted.items(), key=lambda item: all(one.op.is_regex for one in item[1])):
        value = _value(name, matchers, domains)
        if value is None:
            return None
        found[name] = value
    return {name: value for name, value in sorted(found.items()) if value}


def said_labels(labels: Mapping[str, str]) -> str:
    """As in `team="a", cluster="b"`."""
    return ", ".join(str(Matcher(name, Op.EQUAL, value)) for name, value in labels.items()) or "no labels at all"


def _value(name: str, matchers: Sequence[Matcher], domains: Domains) -> str | None:
    """A value that all of these take."""
    asked = [matcher.value for matcher in matchers if matcher.op is Op.EQUAL]
    if asked or name in domains:
        return _tried(name, matchers, asked or domains[name])
    try:
        return common_text(
            [language(one.value) for one in matchers if one.op is Op.REGEX],
            [
                literal(one.value) if one.op is Op.NOT_EQUAL else language(one.value)
                for one in matchers
                if _refuses(one)
            ],
        )
    except UnknownSyntaxError:
        guesses = [guess for one in matchers for guess in one.value.split("|")]
        return _tried(name, matchers, [*guesses, "", *(a + b for a in guesses for b in guesses if len(guesses) < 20)])


def _tried(name: str, matchers: Sequence[Matcher], values: Collection[str]) -> str | None:
    return next((value for value in values if all(one.matches({name: value}) for one in matchers)), None)


def _refuses(matcher: Matcher) -> bool:
    return matcher.op in {Op.NOT_EQUAL, Op.NOT_REGEX}
