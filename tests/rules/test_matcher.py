"""Matchers mean what Alertmanager's mean; the examples are those of its documentation and of its parsers' grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.model.matcher import Matcher, MatcherError, Op, _classic, _Modern, all_match, compiled, parse, written

READ = [
    ("team = payments", [("team", "=", "payments")]),
    ("alert.name != X", [("alert.name", "!=", "X")]),
    ('alertname =~ "Batch.*"', [("alertname", "=~", "Batch.*")]),
    ('a="x", b=~"y.*"', [("a", "=", "x"), ("b", "=~", "y.*")]),
    ('{a="x",b!~"y",}', [("a", "=", "x"), ("b", "!~", "y")]),
    ("{a=b}", [("a", "=", "b")]),
    ("a.b=x,", [("a.b", "=", "x")]),
    ('"with space" = "y"', [("with space", "=", "y")]),
    ('a="x,y"', [("a", "=", "x,y")]),
    ('a="quote \\" and \\\\ and \\n"', [("a", "=", 'quote " and \\ and \n')]),
    ('"é\\u00e9"="\\U0001F642\\x41\\101\\t"', [("éé", "=", "🙂A" + "A\t")]),
    ("a=", [("a", "=", "")]),
    ('a=""', [("a", "=", "")]),
    # The classic form takes what the UTF-8 form refuses: blanks in a bare value, escapes it does not know.
    ("a=b c", [("a", "=", "b c")]),
    ('a=~"\\d+"', [("a", "=~", "\\d+")]),
    ("a=b\\nc", [("a", "=", "b\nc")]),
    ("a=b\\", [("a", "=", "b\\")]),
    # Both read it, differently: Alertmanager takes the classic reading.
    ('a="\\t"', [("a", "=", "\\t")]),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_reads(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(matcher.name, matcher.op.value, matcher.value) for matcher in parse(text)] == expected


REFUSED = [
    ("", "an empty matcher", "a matcher such as 'team = payments'; to match all, no match at all"),
    ("{}", "an empty matcher", "a matcher such as 'team = payments'; to match all, no match at all"),
    ("a", "no operator after 'a' in 'a'", "one of = != =~ !~"),
    ('a="x', "a quote that is not closed in 'a=\"x'", 'a second "'),
    ("=b", "found '=' in '=b'", "a label's name"),
    ('a=b"c', "unexpected '\"c' in 'a=b\"c'", "a comma, or the end"),
    ("a=b,=c", "found '=' in 'a=b,=c'", "a label's name"),
    ('""="b"', 'an empty label name in \'""="b"\'', "a label's name"),
    ('{a.b="x"', "no closing brace: '{a.b=\"x\"'", '{a="x", b="y"}'),
    ('a.b="x" y', "unexpected 'y' in 'a.b=\"x\" y'", "a comma, or the end"),
    (
        'a.b="\\q"',
        'a backslash that escapes nothing, in "\\q"',
        '\\\\ for a backslash: in a regular expression "\\\\d" is written "\\\\\\\\d"',
    ),
    ('a.b="\\777"', "not an escape: \\777", "\\000 to \\377"),
    ('a.b="\\ud800"', "not a character: U+D800", "a Unicode code point"),
    ('a.b="\\xff"', 'not valid UTF-8, in "\\xff"', "name, one of = != =~ !~, and a value"),
    ('a.b=x"y', "unexpected '\"y' in 'a.b=x\"y'", "a comma, or the end"),
    (
        'a=~"("',
        "not a regular expression that RE2 takes: '(' (missing ): ()",
        "RE2 syntax (no look-around, no back-references), anchored at both ends by itself",
    ),
    (
        'a=~"(?=x)"',
        "not a regular expression that RE2 takes: '(?=x)' (invalid perl operator: (?=)",
        "RE2 syntax (no look-around, no back-references), anchored at both ends by itself",
    ),
    (
        'a!~"((x{999}){999}){9}"',
        "the regular expression '((x{999}){999}){9}' is too large (invalid repetition size: {999})",
        "a smaller expression: fewer or shorter repetitions such as {1,1000}",
    ),
]


@pytest.mark.parametrize(("text", "message", "expected"), REFUSED)
def test_refuses_in_words(text: str, message: str, expected: str) -> None:
    with pytest.raises(MatcherError) as refused:
        parse(text)
    assert (refused.value.message, refused.value.expected) == (message, expected)


def test_a_regular_expression_may_not_be_endless() -> None:
    with pytest.raises(MatcherError) as refused:
        compiled("x" * 20_000)
    assert refused.value.message == "a regular expression of 20,000 characters"
    with pytest.raises(MatcherError) as refused:
        compiled("(" + "x" * 100)
    assert refused.value.message.startswith(f"not a regular expression that RE2 takes: '({'x' * 56}…'")


@pytest.mark.parametrize(
    ("text", "sent", "holds"),
    [
        ("a=x", {"a": "x"}, True),
        ("a=x", {}, False),
        ("a=", {}, True),
        ("a!=x", {}, True),
        ("a!=x", {"a": "x"}, False),
        ("a=~x", {"a": "xx"}, False),  # anchored
        ("a=~x|y", {"a": "y"}, True),
        ("a=~x*", {}, True),  # a missing label is ""
        ("a!~x.*", {}, True),
        ("a!~x.*", {"a": "xy"}, False),
        ("a=~é+", {"a": "éé"}, True),
        ("a=~.", {"a": "é"}, True),
    ],
)
def test_meaning(text: str, sent: dict[str, str], holds: bool) -> None:
    assert all_match(parse(text), sent) is holds


@given(st.text(min_size=1), st.sampled_from(Op), st.text())
def test_what_is_printed_is_read_again(name: str, op: Op, value: str) -> None:
    # A bare name keeps what the classic grammar would read otherwise out of the question.
    matcher = Matcher("a." + name.replace("\0", "").strip() + "x", op, value if not op.is_regex else "x+")
    printed = written((matcher,))
    if "\\" in value or "\\" in name:
        return
    assert parse(printed) == (matcher,)


@given(st.text(alphabet="ab.\"\\{}=!~,' \n", max_size=20))
def test_never_fails_otherwise(text: str) -> None:
    try:
        parse(text)
    except MatcherError as error:
        assert error.message  # noqa: PT017  it may raise or not; if it does, it says something


@given(st.text(alphabet="ab_.\"{}=!~,' \n", max_size=20))
def test_without_escapes_the_two_grammars_agree(text: str) -> None:
    try:
        modern, classic = _Modern(text).matchers(), _classic(text)
    except MatcherError:
        return
    assert modern == classic
