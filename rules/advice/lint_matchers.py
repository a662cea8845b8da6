"""Warnings about matchers by themselves, wherever they stand: what can never hold, what always does, what was mistyped."""

import re
from collections.abc import Iterable, Iterator, Mapping

from adapters.alert import Severity
from adapters.severity import SCALE
from rules.language.shape import Fields, RuleError
from rules.model.matcher import Matcher, Op
from rules.model.route import COMPUTED

_EXPRESSION = re.compile(r"\.[*+]|[^\s|]\|[^\s|]")
"""In a value that is compared as it stands: somebody meant =~. A bar between blanks may well be part of a title."""
_REGEX_FOR = {Op.EQUAL: "=~", Op.NOT_EQUAL: "!~"}


def lint_matchers(document: Fields, sources: Iterable[str]) -> Iterator[RuleError]:
    """Those of everything but routes, which are looked at beside the matchers on the way to them."""
    names = tuple(sources)
    for entry, key, name in _entries(document):
        for matcher in entry.get(key, ()):
            for message, expected in odd(matcher, names):
                mark, place = entry.mark(key), entry.place.key(key)
                yield RuleError(place.report.file, mark.line, mark.column, place.path, f"{name}: {message}", expected)


def _entries(document: Fields) -> Iterator[tuple[Fields, str, str]]:
    """Each record that has matchers, the key they stand under, and what the record is called."""
    for what, keys in (("maintenance", ("match",)), ("inhibit", ("while", "hold")), ("copies", ("match",))):
        for entry in document.get(what, ()):
            yield from ((entry, key, entry.get("name")) for key in keys)
    heartbeats: Mapping[str, Fields] = document.get("heartbeats", {})
    yield from ((entry, "match", name) for name, entry in heartbeats.items())
    for name, source in document.get("sources", {}).items():
        if (heartbeat := source.get("heartbeat")) is not None:
            yield heartbeat, "match", name


def odd(matcher: Matcher, sources: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with it, and what was expected."""
    mistyped = next(_mistyped(matcher), None)
    if mistyped is not None:
        yield mistyped
        return
    yield from _computed(matcher, sources)


def _mistyped(matcher: Matcher) -> Iterator[tuple[str, str]]:
    """What a person who knows other languages writes; as it stands it compares with a text that nobody sends."""
    name, op, value = matcher.name, matcher.op, matcher.value
    if len(value) > 1 and value[0] == value[-1] == "'":
        message = f"{matcher}: the single quotes are part of what is compared"
        yield message, f"double quotes inside: '{name} {op.value} \"{value[1:-1]}\"'"
    elif not op.is_regex and value.startswith("="):
        meant = value.lstrip("= ")
        yield f"{matcher}: the second = is part of what is compared", f"one =: '{name} {op.value} {meant}'"
    elif not op.is_regex and _EXPRESSION.search(value):
        message = f"{matcher} compares with this very text, and takes it for no expression"
        yield message, f"'{name} {_REGEX_FOR[op]} \"{value}\"'"


def _computed(matcher: Matcher, sources: Iterable[str]) -> Iterator[tuple[str, str]]:
    """A matcher on a name that the router computes can be known to hold never, or always."""
    if matcher.name == "alert.severity":
        matched = [severity for severity in Severity if matcher.matches({matcher.name: severity.value})]
        if not matched or len(matched) == len(Severity):
            message = f"{matcher} {'always' if matched else 'never'} holds"
            counts_as = None if matcher.op.is_regex else SCALE.get(matcher.value.lower())
            if counts_as is None:
                yield message, f"one of {', '.join(severity.value for severity in Severity)}"
            else:
                message += f": a {matcher.value} that is sent counts as {counts_as.value}"
                yield message, f"'{matcher.name} {matcher.op.value} {counts_as.value}'"
    elif matcher.name == "alert.source":
        names = tuple(sources)
        if not any(matcher.matches({matcher.name: name}) for name in names):
            yield f"{matcher} never holds: no source is called so", f"one of {', '.join(names[:8])}"
    elif matcher.name.startswith("alert.") and matcher.name not in COMPUTED:
        yield f"{matcher}: no such name is computed", f"one of {', '.join(COMPUTED)}"
