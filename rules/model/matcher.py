"""Matchers: `= != =~ !~` on labels, in Alertmanager's words. Owns their grammar and their meaning; knows no route.

The grammar is that of Alertmanager 0.27 and later: the UTF-8 form first, the classic one as fallback, and the classic
one where both can be read but differ (https://prometheus.io/docs/alerting/latest/configuration/#matcher).
"""

import contextlib
import functools
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec
import re2

REGEX_BYTES = 512 * 1024
"""RE2's memory for one expression: bounds what `(a{999}){999}` costs, at load and at match."""
REGEX_CHARACTERS = 16_384


class MatcherError(ValueError):
    """A matcher nobody can read. `expected` is what would have been right."""

    def __init__(self, message: str, *, expected: str = "name, one of = != =~ !~, and a value") -> None:
        super().__init__(message)
        self.message, self.expected = message, expected


class Op(StrEnum):
    """How a label is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"

    @property
    def is_regex(self) -> bool:
        return self is Op.REGEX or self is Op.NOT_REGEX

    @property
    def is_equal(self) -> bool:
        """Alertmanager's word for what does not say "not"."""
        return self is Op.EQUAL or self is Op.REGEX

    @classmethod
    def of(cls, *, is_regex: bool, is_equal: bool) -> "Op":
        """By the two words of Alertmanager's API."""
        return next(one for one in cls if (one.is_regex, one.is_equal) == (is_regex, is_equal))


class Regex(Protocol):
    """What we use of a compiled RE2 expression."""

    @property
    def programsize(self) -> int: ...

    def fullmatch(self, text: bytes) -> object | None: ...


class Matcher(msgspec.Struct, frozen=True):
    """One condition on one label. A missing label counts as ""; expressions are RE2 and anchored at both ends."""

    name: str
    op: Op
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        text = labels.get(self.name, "")
        if self.op is Op.EQUAL:
            return text == self.value
        if self.op is Op.NOT_EQUAL:
            return text != self.value
        found = compiled(self.value).fullmatch(text.encode()) is not None
        return found is (self.op is Op.REGEX)

    def __str__(self) -> str:
        name = self.name if _BARE.fullmatch(self.name) else f'"{_escaped(self.name)}"'
        return f'{name}{self.op.value}"{_escaped(self.value)}"'


def all_match(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> bool:
    return all(matcher.matches(labels) for matcher in matchers)


def written(matchers: tuple[Matcher, ...]) -> str:
    """Matchers in one pair of braces, as Alertmanager prints them."""
    return "{" + ", ".join(map(str, matchers)) + "}"


def regex_options() -> re2.Options:
    options = re2.Options()
    options.max_mem = REGEX_BYTES
    options.log_errors = False  # RE2 would write to stderr; the caller says it better
    options.never_capture = True
    return options


@functools.lru_cache(maxsize=32_768)
def compiled(pattern: str) -> Regex:
    """The anchored expression. Raises MatcherError: RE2 refuses it, or it is too large."""
    if len(pattern) > REGEX_CHARACTERS:
        raise MatcherError(
            f"a regular expression of {len(pattern):,} characters", expected=f"at most {REGEX_CHARACTERS:,} characters"
        )
    try:
        regex: Regex = re2.compile(pattern.encode(), regex_options())
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise _regex_error(pattern, said) from None
    return regex


def _regex_error(pattern: str, said: str) -> MatcherError:
    shown = pattern if len(pattern) <= 60 else pattern[:57] + "…"
    if "no argument for repetition operator" in said:
        return MatcherError(
            f"not a regular expression: {shown!r}: nothing stands before its * or + that could be repeated",
            expected='".*" where any text may stand, as in ".*shop.*"',
        )
    if "too large" in said or "repetition" in said:
        return MatcherError(
            f"the regular expression {shown!r} is too large ({said})",
            expected="a smaller expression: fewer or shorter repetitions such as {1,1000}",
        )
    return MatcherError(
        f"not a regular expression that RE2 takes: {shown!r} ({said})",
        expected="RE2 syntax (no look-around, no back-references), anchored at both ends by itself",
    )


@functools.lru_cache(maxsize=32_768)
def parse(text: str) -> tuple[Matcher, ...]:
    """Every matcher of a text such as `team = payments`, `a="x", b=~"y.*"` or `{a="x"}`. Raises MatcherError."""
    if not text.strip().strip("{}").strip():
        raise MatcherError(
            "an empty matcher", expected="a matcher such as 'team = payments'; to match all, no match at all"
        )
    try:
        modern: tuple[Matcher, ...] | None = _Modern(text).matchers()
        problem = None
    except MatcherError as error:
        modern, problem = None, error
    found = modern
    if modern is None or "\\" in text:
        # Only escapes are read differently by the two.
        with contextlib.suppress(MatcherError):
            found = _classic(text)
    if found is None:
        raise problem or MatcherError(f"not a matcher: {text!r}")
    for matcher in found:
        if matcher.op.is_regex:
            compiled(matcher.value)
    return found


_BARE = re.compile(r"""[^\s{}!=~,\\"'`]+""")
_QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)*)"', re.DOTALL)
_OPERATOR = re.compile(r"=~|!~|!=|=")
_ESCAPE = re.compile(rb'\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))')
_SIMPLE = {b"a": 7, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9, b"v": 11, b"\\": 92, b'"': 34}
_CLASSIC = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*", re.DOTALL | re.ASCII)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _unquoted(body: str) -> str:
    """What Go's strconv.Unquote makes of the inside of double quotes. Raises MatcherError."""

    def replace(match: re.Match[bytes]) -> bytes:
        simple, byte, octal, short, long = match.groups()
        if simple:
            return bytes([_SIMPLE[simple]])
        if byte or octal:
            number = int(byte, 16) if byte else int(octal, 8)
            if number > 255:
                raise MatcherError(f"not an escape: \\{octal.decode()}", expected="\\000 to \\377")
            return bytes([number])
        number = int(short or long, 16)
        if number > 0x10FFFF or 0xD800 <= number < 0xE000:
            raise MatcherError(f"not a character: U+{number:X}", expected="a Unicode code point")
        return chr(number).encode()

    raw = body.encode(errors="surrogatepass")
    if b"\\" in _ESCAPE.sub(b"", raw):
        raise MatcherError(
            f'a backslash that escapes nothing, in "{body}"',
            expected='\\\\ for a backslash: in a regular expression "\\\\d" is written "\\\\\\\\d"',
        )
    try:
        return _ESCAPE.sub(replace, raw).decode()
    except UnicodeDecodeError:
        raise MatcherError(f'not valid UTF-8, in "{body}"') from None


class _Modern:
    """Alertmanager's `matcher/parse`: names and values bare or in double quotes, braces optional, a last comma allowed."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def matchers(self) -> tuple[Matcher, ...]:
        braces = self._take("{")
        found: list[Matcher] = []
        while True:
            if braces and self._take("}"):
                break
            if not braces and not self._rest():
                break
            found.append(self._matcher())
            if self._take(","):
                continue
            if braces and not self._take("}"):
                raise MatcherError(f"no closing brace: {self.text!r}", expected='{a="x", b="y"}')
            break
        if self._rest():
            raise MatcherError(f"unexpected {self._rest()!r} in {self.text!r}", expected="a comma, or the end")
        return tuple(found)

    def _matcher(self) -> Matcher:
        name = self._word("a label's name")
        self._skip()
        operator = _OPERATOR.match(self.text, self.at)
        if operator is None:
            raise MatcherError(f"no operator after {name!r} in {self.text!r}", expected="one of = != =~ !~")
        self.at = operator.end()
        value = self._word('a value ("" for empty)')
        if not name:
            raise MatcherError(f"an empty label name in {self.text!r}", expected="a label's name")
        return Matcher(name, Op(operator.group()), value)

    def _word(self, expected: str) -> str:
        self._skip()
        if quoted := _QUOTED.match(self.text, self.at):
            self.at = quoted.end()
            return _unquoted(quoted.group(1))
        if bare := _BARE.match(self.text, self.at):
            self.at = bare.end()
            return bare.group()
        rest = self._rest()
        if rest.startswith('"'):
            raise MatcherError(f"a quote that is not closed in {self.text!r}", expected='a second "')
        found = f"{rest[0]!r}" if rest else "the end"
        raise MatcherError(f"found {found} in {self.text!r}", expected=expected)

    def _skip(self) -> None:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def _rest(self) -> str:
        self._skip()
        return self.text[self.at :]

    def _take(self, character: str) -> bool:
        self._skip()
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        return True


def _classic(text: str) -> tuple[Matcher, ...]:
    """Alertmanager's older grammar, where an unknown escape is kept as it stands. Raises MatcherError."""
    inner = text.strip().removeprefix("{").removesuffix("}")
    tokens, token, quoted, escaped = [], "", False, False
    for character in inner:
        if character == "," and not quoted:
            tokens.append(token)
            token = ""
            continue
        if character == '"' and not escaped:
            quoted = not quoted
        escaped = character == "\\" and not escaped
        token += character
    if token.strip():
        tokens.append(token)
    return tuple(_classic_one(token) for token in tokens)


def _classic_one(text: str) -> Matcher:
    match = _CLASSIC.fullmatch(text)
    if match is None:
        raise MatcherError(f"not a matcher: {text!r}")
    name, operator, raw = match.groups()
    quoted = raw.startswith('"')
    body = raw[1:] if quoted else raw
    value, at = "", 0
    while at < len(body):
        character, last = body[at], at == len(body) - 1
        if character == "\\" and not last:
            following = body[at + 1]
            value += {"n": "\n", '"': '"', "\\": "\\"}.get(following, "\\" + following)
            at += 2
            continue
        if character == '"':
            if not (quoted and last):
                raise MatcherError(f"a quote inside the value of {text!r}")
            return Matcher(name, Op(operator), value)
        value += character
        at += 1
    if quoted:
        raise MatcherError(f"a quote that is not closed in {text!r}")
    return Matcher(name, Op(operator), value)
