"""Senders' text stays text: nothing in it can mention, link, reorder or reformat."""

import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.core import mrkdwn
from tests.core.incidents import BEGAN, TEXTS


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("<!channel> & <@U012ABCDEF>", "&lt;!channel&gt; &amp; &lt;@U012ABCDEF&gt;"),
        ("<https://evil.example|payments>", "&lt;https://evil.example|payments&gt;"),
        ("two\nlines\tof\r\nit\u2028x", "two lines of it x"),
        ("pay\u202epal\u2066\u200b\u00ad\ufeff", "paypal"),
        ("a\x00b\x1b[31m", "ab[31m"),
        ("\ud800x\U000e0041", "x"),
        ("`x` *y* ~z~ _i_ node_exporter", "'x' ∗y∗ ∼z∼ ˍiˍ node_exporter"),
        ("a" + "\u0301" * 50, "a" + "\u0301" * 3),
    ],
)
def test_a_line_of_a_sender(sent: str, shown: str) -> None:
    assert mrkdwn.said(sent, 300) == shown


def test_a_cut_never_ends_inside_an_entity() -> None:
    assert mrkdwn.escaped("&&&", 12) == "&amp;&amp;…"
    assert mrkdwn.escaped("ab", 1) == "…"
    assert mrkdwn.clip("abc", 2) == "a…"
    assert mrkdwn.clip("abc", 0) == ""


def test_code_is_to_be_copied() -> None:
    assert mrkdwn.code("a_b=`c`\n<d>", 80) == "`a_b='c' &lt;d&gt;`"
    assert mrkdwn.code("", 80) == "` `"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("**b** and *c* and __d__", "*b* and *c* and ˍˍdˍˍ"),
        ("_i_ and snake_case and 2 * 3 * 4", "_i_ and snake_case and 2 ∗ 3 ∗ 4"),
        ("- one\n* two\n  + three", "• one\n• two\n  • three"),
        ("run `kubectl get <pod>` now", "run `kubectl get &lt;pod&gt;` now"),
        ("```sh\nls *x*\n- y\n```", "```\nls *x*\n- y\n```"),
        ("``` unclosed", "''' unclosed"),
        ("> quoted\n>>> more", "› quoted\n› more"),
        ("[docs](https://evil) ![pic](https://img)", "docs (https://evil) pic"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("*bold <!here>*", "*bold &lt;!here&gt;*"),
        ("", ""),
    ],
)
def test_formatting_that_survives_and_that_does_not(sent: str, shown: str) -> None:
    assert mrkdwn.rich(sent, 300) == shown


def test_a_cut_closes_what_it_cuts() -> None:
    assert mrkdwn.rich("x *" + "b" * 400 + "*", 50) == "x *" + "b" * 46 + "* …"
    assert mrkdwn.rich("```" + "c" * 400 + "```", 50).endswith("c\n```\n …")
    assert mrkdwn.rich("a" * 48 + "*b* c", 50) == "a" * 48 + " …"


def test_escapes_and_markers_never_overflow_a_section() -> None:
    for sent in ("```&```" * 500, "*&* " * 900, "`&`" * 900, "&" * 5000):
        assert len(mrkdwn.rich(sent, 300)) <= 2900
        assert len(mrkdwn.rich(sent, 2500)) <= 2900


def test_a_log_of_many_lines_is_cut_to_a_few() -> None:
    assert mrkdwn.rich("\n".join("abcdefghijklmnopqrstuvwxyz"), 300) == "\n".join("abcdefghijklmno") + " …"
    fence = "```" + "\n".join("abcdefghijklmnopqrstuvwxyz") + "```after"
    assert mrkdwn.rich(fence, 300) == "```\n" + "\n".join("abcdefghijklmno") + "\n```\n …"
    assert mrkdwn.rich("a\n" * 14 + "*b* \n `c`", 300).endswith("…")


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(20, 400))
def test_whatever_was_sent_no_bracket_and_no_open_span_comes_out(text: str, limit: int) -> None:
    for shown in (mrkdwn.rich(text, limit), mrkdwn.said(text, limit), mrkdwn.code(text, limit)):
        assert not re.search("[<>\u202e\u2066\u200b\x00\ud800]", shown)
        assert not re.search("&(?!amp;|lt;|gt;)", shown)
        assert shown.count("```") % 2 == 0
    assert len(mrkdwn.said(text, limit)) <= limit
    assert len(mrkdwn.code(text, limit)) <= limit
    assert mrkdwn.rich(text, limit).replace("```", "").count("`") % 2 == 0


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://host/a b|c>d<e", "https://host/a%20b%7Cc%3Ed%3Ce"),
        ("http://host:9090/graph?g0.expr=up%20==0&x=1#t", "http://host:9090/graph?g0.expr=up%20==0&amp;x=1#t"),
        ("javascript:alert(1)", ""),
        ("https://", ""),
        ("https://user:word@host/", ""),
        ("https://good\u202e/", ""),
        ("https://a b/", ""),
        ("http://[::1", ""),
        ("http://[::1]:9090/", "http://[::1]:9090/"),
        ("https://host/" + "x" * 2000, ""),
        ("https://host/" + "é" * 900, ""),
        ("", ""),
    ],
)
def test_only_plain_http_addresses_are_linked(url: str, target: str) -> None:
    assert mrkdwn.address(url) == target
    assert mrkdwn.link(url, "run<book") == (f"<{target}|run&lt;book>" if target else "run&lt;book")


def test_instants_are_shown_in_the_readers_own_zone() -> None:
    assert mrkdwn.instant(BEGAN) == "<!date^1795227240^{date_short_pretty} {time}|2026-11-21 02:14 UTC>"


@pytest.mark.parametrize(
    ("url", "label", "shown"),
    [
        ("https://evil.example/login", "https://bank.example/login", "https://bank.example/login [evil.example]"),
        ("https://evil.example/login", "HTTPS://BANK.EXAMPLE", "HTTPS://BANK.EXAMPLE [evil.example]"),
        ("https://evil.example/", "see www.bank.example now", "see www.bank.example now [evil.example]"),
        ("https://evil.example/", "bänk.example", "bänk.example [evil.example]"),
        ("https://b\u0430nk.example/", "bank.example", "bank.example [xn--bnk-6cd.example]"),
        ("https://bank.example/login", "https://bank.example/login", "https://bank.example/login"),
        ("https://BANK.example/login", "Bank.Example", "Bank.Example"),
        ("https://bänk.example/", "Bänk.example", "Bänk.example"),
        ("https://grafana.example/d/1", "CPU at 97.5 % on db-1", "CPU at 97.5 % on db-1"),
    ],
)
def test_a_label_that_reads_like_another_address_shows_the_true_host(url: str, label: str, shown: str) -> None:
    assert mrkdwn.link(url, label) == f"<{mrkdwn.address(url)}|{shown}>"


def test_the_true_host_is_never_what_is_cut() -> None:
    assert mrkdwn.link("https://evil.example", "bank.example/" + "x" * 200, 40).endswith("… [evil.example]>")


def test_mentions_are_for_ids_only() -> None:
    assert mrkdwn.user("U012ABCDEF") == "<@U012ABCDEF>"
    assert mrkdwn.user("!channel") == "!channel"
    assert mrkdwn.channel("C012ABCDEF") == "<#C012ABCDEF>"
    assert mrkdwn.channel("#db") == "#db"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-4), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=14, seconds=59), "14 min"),
        (timedelta(hours=4), "4 h"),
        (timedelta(hours=1, minutes=20), "1 h 20 min"),
        (timedelta(hours=26, minutes=5), "26 h"),
        (timedelta(hours=48), "2 d"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
    ],
)
def test_durations_as_a_person_says_them(span: timedelta, words: str) -> None:
    assert mrkdwn.duration(span) == words


def test_lists_say_how_many_more() -> None:
    assert mrkdwn.listed("abc", 3) == "a, b, c"
    assert mrkdwn.listed("abcd", 3) == "a, b, c and 1 more"
    assert mrkdwn.listed("ab", 5, 14) == "a, b and 12 more"
    assert mrkdwn.listed("", 5, 2) == "2 more"
