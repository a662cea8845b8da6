"""Senders' words and numbers on the common scale. An alert is never dropped because of its severity.

A number alone counts up, 5 the worst, as monitoring systems count severities; behind P, Sev or Priority it counts down, as
people count priorities. Dashes, dots, underscores and blanks in a word do not matter: SEV-1, sev_1 and "Sev 1" are one.
"""

import re
from collections.abc import Mapping, Sequence

from adapters.alert import Severity

WORDS: Mapping[Severity, tuple[str, ...]] = {
    Severity.CRITICAL: (
        "critical", "crit", "P0", "P1", "Sev0", "5", "page", "urgent", "emergency", "emerg", "fatal", "disaster",
        "blocker", "panic", "highest", "down",
    ),
    Severity.HIGH: ("high", "P2", "Sev1", "4", "error", "err", "major", "severe", "important"),
    Severity.MEDIUM: ("medium", "P3", "Sev2", "3", "warning", "warn", "average", "minor", "moderate", "normal"),
    Severity.LOW: ("low", "P4", "Sev3", "2"),
    Severity.INFO: (
        "info", "P5", "Sev4", "Sev5", "1", "informational", "information", "notice", "none", "debug", "trivial",
        "lowest", "ok", "not classified",
    ),
}  # fmt: skip
"""As a person reads them, the usual ones first. What `alert-router normalize` and docs/sources/severity.md print."""
DEFAULT = Severity.MEDIUM
_NOT_WORD = re.compile(r"[\s._-]+")
_LONGEST = 64
_PREFIXES = (("priority", "p"), ("prio", "p"), ("severity", "sev"), ("sev", "sev"), ("p", "p"), ("s", "sev"))
_PREFIXED = re.compile("([a-z]+)([0-9])")


def _plain(word: str) -> str:
    """A word as it is compared, and `priority1` as p1."""
    word = _NOT_WORD.sub("", word[:_LONGEST].lower())
    found = _PREFIXED.fullmatch(word)
    short = dict(_PREFIXES).get(found[1]) if found else None
    return word if found is None or short is None else f"{short}{found[2]}"


SCALE: Mapping[str, Severity] = {_plain(word): severity for severity, words in WORDS.items() for word in words}
"""By the word as `_plain` has it."""


def is_on_scale(word: str) -> bool:
    """Whether the common scale has a place for it."""
    return _plain(word) in SCALE


class Scale:
    """The common scale as one source sees it: its `severity_map` first, then ours, then the map's "*", then medium."""

    __slots__ = ("_default", "_own", "_words")

    def __init__(self, severity_map: Mapping[str, Severity]) -> None:
        own = {word.strip().lower(): severity for word, severity in severity_map.items()}
        self._default = own.pop("*", DEFAULT)
        self._own = tuple(own)
        self._words = {**SCALE, **own}

    def table(self) -> Mapping[Severity, Sequence[str]]:
        """Each severity's words as a person reads them, the source's own first; "*" is all others."""
        own = {**dict.fromkeys(self._own), "*": None}
        return {
            severity: [
                *(word for word in own if self._place(word) is severity),
                *(word for word in words if word.lower() not in own),
            ]
            for severity, words in WORDS.items()
        }

    def _place(self, word: str) -> Severity:
        return self._default if word == "*" else self._words[word]

    def knows(self, raw: str) -> bool:
        """Whether the word has a place of its own on the scale."""
        return raw.strip().lower() in self._words or is_on_scale(raw)

    def maps(self, raw: str) -> bool:
        """Whether the source's own map names the word."""
        return raw.strip().lower() in self._own

    def severity(self, raw: str) -> Severity:
        """Case does not matter; an unknown or absent word is the catch-all's."""
        words = self._words
        return words.get(raw) or words.get(raw.strip().lower()) or words.get(_plain(raw), self._default)
