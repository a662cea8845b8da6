"""Senders' words and numbers on the common scale (FORMATS 13). An alert is never dropped because of its severity."""

from collections.abc import Mapping

from adapters.alert import Severity

_WORDS: Mapping[Severity, str] = {
    Severity.CRITICAL: "critical crit p1 page emergency emerg fatal disaster sev0 5 down",
    Severity.HIGH: "high error err p2 sev1 4 major",
    Severity.MEDIUM: "medium warning warn p3 sev2 3 average minor moderate",
    Severity.LOW: "low p4 sev3 2",
    Severity.INFO: "info informational information notice none debug ok p5 sev4 1",
}
SCALE: Mapping[str, Severity] = {word: severity for severity, words in _WORDS.items() for word in words.split()} | {
    "not classified": Severity.INFO,
    "not_classified": Severity.INFO,
}
DEFAULT = Severity.MEDIUM


class Scale:
    """The common scale as one source sees it: its `severity_map` first, then ours, then the map's "*", then medium."""

    __slots__ = ("_default", "_words")

    def __init__(self, severity_map: Mapping[str, Severity]) -> None:
        own = {word.strip().lower(): severity for word, severity in severity_map.items()}
        self._default = own.pop("*", DEFAULT)
        self._words = {**SCALE, **own}

    def knows(self, raw: str) -> bool:
        """Whether the word has a place of its own on the scale."""
        return raw.strip().lower() in self._words

    def severity(self, raw: str) -> Severity:
        """Case does not matter; an unknown or absent word is the catch-all's."""
        return self._words.get(raw) or self._words.get(raw.strip().lower(), self._default)
