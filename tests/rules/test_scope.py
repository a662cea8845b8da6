"""Whether two scopes exclude each other: a label set that fits both, or none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.loading.regex_automaton import Language, UnknownSyntaxError, common_text, language
from rules.loading.scope import are_plainly_apart, fits_both, said_labels, starts
from rules.model.matcher import Matcher, Op, all_match, parse

DOMAINS = {"alert.severity": ["critical", "high"], "alert.source": ["prometheus"]}

PAIRS = [
    ("team = a", "team = b", None),
    ("team = a", 'team =~ "a|b"', 'team="a"'),
    ("team = a", "cluster = x", 'cluster="x", team="a"'),
    ("team = a", "team != a", None),
    ("team != a", "team != b", "no labels at all"),
    ("team != a", 'team =~ "a|b"', 'team="b"'),
    ('n =~ ".+"', 'n = ""', None),
    ('n =~ "pay-.*"', 'n =~ "shop-.*"', None),
    ('n =~ "pay.*x"', 'n =~ ".*ments.*"', 'n="paymentsx"'),
    ('n =~ "pay.*"', 'n !~ "payments.*"', 'n="pay"'),
    ('n !~ "a.*"', 'n =~ "[ab].*"', 'n="b"'),
    ('n =~ "a{2,3}"', 'n =~ "a{4,}"', None),
    ('n =~ "a{2,3}"', 'n =~ "a{3,}"', 'n="aaa"'),
    ('n =~ "a{3}"', 'n =~ "a*"', 'n="aaa"'),
    ('n =~ "a{0,1}b"', 'n =~ "b+?"', 'n="b"'),
    ('n =~ "xa{0}"', 'n =~ "x"', 'n="x"'),
    ('n =~ "(?i)PAY"', 'n =~ "(?:p)ay"', 'n="pay"'),
    ('n =~ "(?i:[A-Z])z"', 'n =~ "[a-z]{2}"', 'n="az"'),
    ('n =~ "[^a-z]+"', 'n =~ "[a-z]+"', None),
    ('n =~ "[^a-z]+"', r'n =~ "[a-z\\-]+"', 'n="-"'),
    (r'n =~ "\\d+"', r'n =~ "\\D+"', None),
    (r'n =~ "\\w\\s\\."', 'n =~ ".*"', 'n="a\t."'),
    (r'n =~ "\\t"', 'n =~ "."', 'n="\t"'),
    (r'n =~ "[\\d\\-_]x"', 'n =~ "[0-]x"', 'n="0x"'),
    ('n =~ "^(a|b)$"', "n = b", 'n="b"'),
    ('n =~ "^(a|b)$"', 'n =~ "b|c$"', 'n="b"'),
    ("alert.severity = critical", "alert.severity != critical", None),
    ("alert.severity != critical", "team = a", 'alert.severity="high", team="a"'),
    ('alert.source != "prometheus"', "team = a", None),
    # Beyond what is looked into: tried with the texts the other asks for.
    (r'n =~ "\\pN"', 'n =~ "7"', 'n="7"'),
    (r'n =~ "\\pN"', 'n =~ "x"', None),
    (r'n =~ "[[:digit:]]"', 'n =~ "7|8"', 'n="7"'),
    (r'n =~ "(?P<x>a)"', 'n =~ "a"', 'n="a"'),
    (r'n =~ "a\\b"', "n != x", None),
    (r'n =~ "\\d?\\pN"', 'n != ""', None),
    ('n =~ "[^\U0010ffff]"', 'n =~ "[\U0010ffff]"', None),
    ('n =~ "[^a-cb-d]"', 'n =~ "[a-e]"', 'n="e"'),
    ('n =~ ".*"', 'n != "pay"', "no labels at all"),
    ('n =~ ".+"', 'n != "a"', 'n="b"'),
    ('n =~ "a?"', 'n != ""', 'n="a"'),
]


@pytest.mark.parametrize(("first", "second", "expected"), PAIRS)
def test_a_label_set_that_fits_both(first: str, second: str, expected: str | None) -> None:
    one, other = parse(first), parse(second)
    for found in (fits_both(one, other, DOMAINS), fits_both(other, one, DOMAINS)):
        assert (None if found is None else said_labels(found)) == expected
        assert found is None or all_match((*one, *other), found)


APART = [
    ("n = a", "n = b", True),
    ("n = a", "n = a", False),
    ("n = a", "m = b", False),
    ("n = pay", 'n =~ "pay.*"', False),
    ("n = pa", 'n =~ "pay.*"', True),
    ('n =~ "pay.*"', 'n =~ "payments.*"', False),
    ('n =~ "pay.*"', 'n =~ "shop.*"', True),
    ('n =~ "pay*"', "n = pa", False),
    ('n =~ "^pay$"', "n = shop", True),
    ('n =~ "a|b"', "n = c", False),
    ('n =~ ".*"', "n = c", False),
    ('n !~ "a"', "n = c", False),
]


@pytest.mark.parametrize(("first", "second", "expected"), APART)
def test_most_scopes_are_plainly_apart(first: str, second: str, expected: bool) -> None:
    one, other = starts(parse(first)), starts(parse(second))
    assert are_plainly_apart(one, other) is are_plainly_apart(other, one) is expected


PIECES = st.sampled_from(
    ["a", "b", "ab", "[ab]", "[^a]", ".", "a*", "b+", "(a|bb)", "(ab)?", "a{2}", "b{1,2}", "(?:a|b)*"]
)
PATTERNS = st.lists(PIECES, min_size=1, max_size=4).map("".join)


@settings(max_examples=300, deadline=None)
@given(PATTERNS, PATTERNS, st.booleans(), st.text("abc", max_size=6))
def test_what_is_found_fits_and_what_fits_is_found(first: str, second: str, refuses: bool, guess: str) -> None:
    one = Matcher("n", Op.REGEX, first)
    other = Matcher("n", Op.NOT_REGEX if refuses else Op.REGEX, second)
    found = fits_both([one], [other], {})
    assert found is None or not are_plainly_apart(starts([one]), starts([other]))
    if found is None:
        assert not all_match((one, other), {"n": guess})
    else:
        assert all_match((one, other), found)


UNKNOWN = [
    "(?s)a",
    "(a",
    "(?:a",
    "(a$",
    r"\bx",
    "a$b",
    "a{x}",
    "a{2",
    "a**",
    "(a",
    "[a",
    "+a",
    "a)",
    r"\x41",
    "(?P<n>a)",
    "a{1000}" * 5,
]


@pytest.mark.parametrize("pattern", UNKNOWN)
def test_what_is_not_looked_into_says_so(pattern: str) -> None:
    with pytest.raises(UnknownSyntaxError):
        language(pattern)


def test_a_search_is_bounded() -> None:
    slow: list[Language] = [language(f"(a|b)*a(a|b){{{length}}}") for length in (9, 10, 11, 12)]
    with pytest.raises(UnknownSyntaxError, match="too large"):
        common_text(slow[:1], slow[1:])
