"""What texts a regular expression takes, as an automaton: to find one text that several expressions agree on.

Knows RE2's common syntax and says so where it meets anything else; whether a text matches is `matcher.py`'s to say.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec

LARGEST = 4_000
"""States of one expression."""
WORK = 300_000
"""States looked at in one search: tenths of a second."""
_LAST = 0x10FFFF
_DIGITS = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = ((9, 10), (12, 13), (32, 32))
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROLS = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}
_PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Ranges = tuple[tuple[int, int], ...]


class UnknownSyntaxError(ValueError):
    """An expression, or a search, of a kind or size that is not looked into here."""


class Language(msgspec.Struct):
    """The texts an expression takes. State 0 is where it begins, state 1 where it may end."""

    empty: list[list[int]]
    """From each state the states that are reached without a character."""
    steps: list[list[tuple[Ranges, int]]]

    def closed(self, states: Iterable[int]) -> frozenset[int]:
        found, waiting = set(states), list(states)
        while waiting:
            for state in self.empty[waiting.pop()]:
                if state not in found:
                    found.add(state)
                    waiting.append(state)
        return frozenset(found)

    def after(self, states: frozenset[int], character: int) -> frozenset[int]:
        reached = {
            target
            for state in states
            for ranges, target in self.steps[state]
            if any(first <= character <= last for first, last in ranges)
        }
        return self.closed(reached)


@lru_cache(maxsize=1_024)
def language(pattern: str) -> Language:
    """Raises UnknownSyntaxError."""
    return _Parser(pattern).language()


def literal(text: str) -> Language:
    """That takes this text alone."""
    size = len(text) + 2
    found = Language([[] for _ in range(size)], [[] for _ in range(size)])
    state = 0
    for after, character in enumerate(text, start=2):
        found.steps[state].append((((ord(character), ord(character)),), after))
        state = after
    found.empty[state].append(1)
    return found


def common_text(taken: Sequence[Language], refused: Sequence[Language]) -> str | None:
    """The shortest text that all of the first take and none of the others; None: there is none.

    Raises UnknownSyntaxError: the search grew too large.
    """
    languages = (*taken, *refused)
    characters = _representatives(languages)
    start = tuple(one.closed((0,)) for one in languages)
    waiting: deque[tuple[tuple[frozenset[int], ...], str]] = deque([(start, "")])
    seen = {start}
    work = 0
    while waiting:
        states, text = waiting.popleft()
        ends = [1 in one for one in states]
        if all(ends[: len(taken)]) and not any(ends[len(taken) :]):
            return text
        for character in characters:
            work += 1 + sum(map(len, states))
            if work > WORK:
                raise UnknownSyntaxError("the search grew too large")
            reached = tuple(one.after(now, character) for one, now in zip(languages, states, strict=True))
            if all(reached[: len(taken)]) and reached not in seen:
                seen.add(reached)
                waiting.append((reached, text + chr(character)))
    return None


def _representatives(languages: Iterable[Language]) -> list[int]:
    """One character of each kind that the expressions tell apart, one that people write where there is one."""
    edges = {0, _LAST + 1, 0xD800, 0xE000}
    for one in languages:
        for ranges in (ranges for steps in one.steps for ranges, _ in steps):
            for first, last in ranges:
                edges |= {first, last + 1}
    ordered = sorted(edges)
    found = []
    for first, after in pairwise(ordered):
        if first != 0xD800:  # no text has surrogates
            found.append(next((ord(one) for one in _PLAIN if first <= ord(one) < after), first))
    return sorted(found, key=lambda character: (chr(character) not in _PLAIN, _PLAIN.find(chr(character)), character))


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.text, self.at = pattern, 0
        self.folds = False
        self.empty: list[list[int]] = []
        self.steps: list[list[tuple[Ranges, int]]] = []

    def language(self) -> Language:
        start, end = self._state(), self._state()
        if self.text.startswith("(?i)"):
            self.at, self.folds = 4, True
        self.text = self.text.removeprefix("^") if not self.at else self.text
        inner_start, inner_end = self._either()
        if self.at < len(self.text) and self.text[self.at :] != "$":
            raise UnknownSyntaxError(self.text)
        self.empty[start].append(inner_start)
        self.empty[inner_end].append(end)
        return Language(self.empty, self.steps)

    def _state(self) -> int:
        if len(self.empty) >= LARGEST:
            raise UnknownSyntaxError("too many states")
        self.empty.append([])
        self.steps.append([])
        return len(self.empty) - 1

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        if self.at >= len(self.text):
            raise UnknownSyntaxError(self.text)
        self.at += 1
        return self.text[self.at - 1]

    def _either(self) -> tuple[int, int]:
        start, end = self._state(), self._state()
        while True:
            first, last = self._row()
            self.empty[start].append(first)
            self.empty[last].append(end)
            if self._peek() != "|":
                return start, end
            self.at += 1

    def _row(self) -> tuple[int, int]:
        start = end = self._state()
        while (next_one := self._peek()) and next_one not in "|)":
            if next_one == "$" and self.at == len(self.text) - 1:
                break
            first, last = self._repeated()
            self.empty[end].append(first)
            end = last
        return start, end

    def _repeated(self) -> tuple[int, int]:
        begins = self.at
        first, last = self._one()
        sign = self._peek()
        if sign not in ("*", "+", "?", "{"):
            return first, last
        self.at += 1
        if sign == "{":
            first, last = self._counted(begins)
        else:
            start, end = self._state(), self._state()
            self.empty[start].append(first)
            self.empty[last].append(end)
            if sign in "*?":
                self.empty[start].append(end)
            if sign in "*+":
                self.empty[last].append(first)
            first, last = start, end
        if self._peek() == "?":  # as few as possible: the same texts
            self.at += 1
        if self._peek() in ("*", "+", "{"):
            raise UnknownSyntaxError(self.text)
        return first, last

    def _counted(self, begins: int) -> tuple[int, int]:
        """What begins there, so many times: its text is read again for each."""
        inside, closing, _ = self.text[self.at :].partition("}")
        least, comma, most = inside.partition(",")
        if not closing or not least.isdecimal() or not (most.isdecimal() or not most):
            raise UnknownSyntaxError(self.text)
        resume = self.at + len(inside) + 1
        is_endless = bool(comma) and not most
        start, final = self._state(), self._state()
        end = start
        for number in range(int(least) if is_endless or not most else int(most)):
            if number >= int(least):
                self.empty[end].append(final)
            self.at = begins
            first, last = self._one()
            self.empty[end].append(first)
            end = last
        if is_endless:
            self.at = begins
            first, last = self._one()
            self.empty[end].append(first)
            self.empty[last] += [first, final]
        self.empty[end].append(final)
        self.at = resume
        return start, final

    def _one(self) -> tuple[int, int]:
        character = self._take()
        if character == "(":
            if self._peek() == "?":
                for opening in ("?:", "?i:"):
                    if self.text.startswith(opening, self.at):
                        break
                else:
                    raise UnknownSyntaxError(self.text)
                self.at += len(opening)
                folds, self.folds = self.folds, self.folds or opening == "?i:"
                found = self._either()
                self.folds = folds
            else:
                found = self._either()
            if self._take() != ")":
                raise UnknownSyntaxError(self.text)
            return found
        if character in "*+?{^$":
            raise UnknownSyntaxError(self.text)
        if character == ".":
            return self._step(_without(((10, 10),)))
        if character == "[":
            return self._step(self._class())
        if character == "\\":
            return self._step(self._escape())
        return self._step(((ord(character), ord(character)),))

    def _step(self, ranges: Ranges) -> tuple[int, int]:
        start, end = self._state(), self._state()
        self.steps[start].append((_folded(ranges) if self.folds else ranges, end))
        return start, end

    def _escape(self) -> Ranges:
        character = self._take()
        if character.lower() in _CLASSES:
            ranges = _CLASSES[character.lower()]
            return ranges if character.islower() else _without(ranges)
        if character in _CONTROLS:
            return ((_CONTROLS[character], _CONTROLS[character]),)
        if character.isalnum():
            raise UnknownSyntaxError(self.text)
        return ((ord(character), ord(character)),)

    def _class(self) -> Ranges:
        is_negated = self._peek() == "^"
        self.at += is_negated
        found: list[tuple[int, int]] = []
        while self._peek() != "]" or not found:
            character = self._take()
            if character == "[" and self._peek() == ":":
                raise UnknownSyntaxError(self.text)
            ranges = self._escape() if character == "\\" else ((ord(character), ord(character)),)
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                last = self._take()
                upper = self._escape() if last == "\\" else ((ord(last), ord(last)),)
                ranges = ((ranges[0][0], upper[-1][1]),)
            found += ranges
        self.at += 1
        ranges = _folded(tuple(found)) if self.folds else tuple(found)
        return _without(ranges) if is_negated else ranges


def _without(ranges: Ranges) -> Ranges:
    found, begin = [], 0
    for first, last in sorted(ranges):
        if first > begin:
            found.append((begin, first - 1))
        begin = max(begin, last + 1)
    if begin <= _LAST:
        found.append((begin, _LAST))
    return tuple(found)


def _folded(ranges: Ranges) -> Ranges:
    """With the other case of each Latin letter."""
    found = list(ranges)
    for first, last in ranges:
        for low, high, shift in ((65, 90, 32), (97, 122, -32)):
            begin, end = max(first, low), min(last, high)
            if begin <= end:
                found.append((begin + shift, end + shift))
    return tuple(found)
