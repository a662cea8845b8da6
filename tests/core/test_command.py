"""The grammar of commands: every word, every keyboard's quotes, what is wrong and where, and that nothing raises."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.alert import Severity
from router.core.acts.grammar import command as ask
from router.core.acts.grammar.command import Command, Mistake, Target, TargetKind
from router.core.acts.grammar.parse import LONGEST, parse, parse_mention
from router.core.acts.grammar.words import BY_NAME, WORDS, help_text
from rules.language.times import moment
from rules.model.matcher import Matcher, Op

MARIA = Target(TargetKind.USER, "maria", "U123")
JONAS = Target(TargetKind.NAME, "jonas")
DBA = Target(TargetKind.GROUP, "dba", "S12")
PAYMENTS = Matcher("team", Op.EQUAL, "payments")
HOUR = timedelta(hours=1)

UNDERSTOOD: list[tuple[str, Command]] = [
    ('new "Checkout is down"', ask.New("Checkout is down")),
    ('create "Checkout is down" on checkout', ask.New("Checkout is down", "checkout")),
    ('trigger "Checkout is down" on "the shop" P1', ask.New("Checkout is down", "the shop", Severity.CRITICAL)),
    ('new "Checkout is down" high', ask.New("Checkout is down", "", Severity.HIGH)),
    ("new the database is on fire", ask.New("the database is on fire")),
    ("ack 12", ask.Acknowledge(12)),
    ("acknowledge #12", ask.Acknowledge(12)),
    ("ACK 12.", ask.Acknowledge(12)),
    ("/ack: 12", ask.Acknowledge(12)),
    ("ack <#C0123|12>", ask.Acknowledge(12)),
    ("ack\u00a0\u200b12", ask.Acknowledge(12)),
    ("unack 12", ask.Unacknowledge(12)),
    ("resolve 12", ask.Resolve(12)),
    ('resolve 12 "restarted the pool"', ask.Resolve(12, "restarted the pool")),
    ("close #12 restarted the pool", ask.Resolve(12, "restarted the pool")),
    ("reopen 12", ask.Reopen(12)),
    ('note 12 "the disk"', ask.Note(12, "the disk")),
    ("note 12 it's the disk", ask.Note(12, "it's the disk")),
    ("note 12 'tis the disk", ask.Note(12, "'tis the disk")),
    ('note 12 the "disk" of node-3', ask.Note(12, 'the "disk" of node-3')),
    ('note 12 "the" and "that"', ask.Note(12, 'the" and "that')),
    ("escalate 12", ask.Escalate(12)),
    ("escalate 12 <!subteam^S12|@dba>", ask.Escalate(12, DBA)),
    ("escalate 12 to <@U123|maria>", ask.Escalate(12, MARIA)),
    ("escalate 12 db-major", ask.Escalate(12, Target(TargetKind.NAME, "db-major"))),
    ("assign 12 <@U123|maria>", ask.Assign(12, MARIA)),
    ("assign 12 <@U123>", ask.Assign(12, Target(TargetKind.USER, "", "U123"))),
    ("assign 12 to @maria", ask.Assign(12, Target(TargetKind.NAME, "maria"))),
    ("assign 12 me", ask.Assign(12, Target(TargetKind.ME, "me"))),
    ('assign 12 "Maria S"', ask.Assign(12, Target(TargetKind.NAME, "Maria S"))),
    ("add-responder 12 <@U123|maria>", ask.AddResponders(12, (MARIA,))),
    ("add 12 <@U123|maria>, @jonas", ask.AddResponders(12, (MARIA, Target(TargetKind.NAME, "jonas")))),
    ("snooze 12 1h", ask.Snooze(12, HOUR)),
    ("snooze 12 for 1h30m", ask.Snooze(12, timedelta(minutes=90))),
    ("wake 12", ask.Wake(12)),
    ("severity 12 high", ask.ChangeSeverity(12, Severity.HIGH)),
    ("sev 12 to SEV-1", ask.ChangeSeverity(12, Severity.HIGH)),
    ("silence team=payments 1h", ask.Silence((PAYMENTS,), HOUR)),
    ('silence team=payments 1h "why not"', ask.Silence((PAYMENTS,), HOUR, "why not")),
    ("silence team = payments for 1h we migrate", ask.Silence((PAYMENTS,), HOUR, "we migrate")),
    ("silence {team=“payments”} 1h", ask.Silence((PAYMENTS,), HOUR)),
    ("unsilence 7", ask.Unsilence("7")),
    ("extend 7 for 1h", ask.Extend("7", HOUR)),
    ("oncall", ask.OnCall()),
    ("oncall checkout", ask.OnCall("checkout")),
    ("take 2h", ask.Take(timedelta(hours=2))),
    ("take 2h payments", ask.Take(timedelta(hours=2), "payments")),
    ("override payments <@U123|maria> 4h", ask.Take(timedelta(hours=4), "payments", MARIA)),
    ("take 2h on payments from 22:00", ask.Take(timedelta(hours=2), "payments", begins=1320)),
    ('take payments for @jonas for 1h30m "dentist"', ask.Take(timedelta(minutes=90), "payments", JONAS, why="dentist")),
    ("take from 2026-12-24T18:00 1d me", ask.Take(timedelta(days=1), begins=moment("2026-12-24T18:00"))),
    ("take 1h from now", ask.Take(timedelta(hours=1))),
    ("untake", ask.Untake()),
    ("untake payments of @jonas", ask.Untake("payments", JONAS)),
    ("give-back payments", ask.Untake("payments")),
    ("swap with <@U123|maria> on payments", ask.Swap(MARIA, "payments")),
    ("swap jonas", ask.Swap(JONAS)),
    ("list", ask.List()),
    ("list team=payments mine", ask.List("team=payments mine")),
    ("show #12", ask.Show(12)),
    ("status", ask.Status()),
    ("link", ask.Link()),
    ("link #12", ask.Link(12)),
    ("connect", ask.Connect()),
    ("connect <@U123|maria> maria", ask.Connect(MARIA, "maria")),
    ("connect <@U123|maria> is payments/maria", ask.Connect(MARIA, "payments/maria")),
    ("connect <@U123|maria> none", ask.Connect(MARIA)),
    ("", ask.Help()),
    (" \n ", ask.Help()),
    ("?", ask.Help()),
    ("help", ask.Help()),
    ("help mute", ask.Help("silence")),
]


@pytest.mark.parametrize(("text", "command"), UNDERSTOOD)
def test_each_command(text: str, command: Command) -> None:
    assert parse(text) == command


def test_every_word_is_tried_above() -> None:
    tried = {
        BY_NAME[text.split()[0].lower().strip("/:")].name for text, _ in UNDERSTOOD if text.split() and text != "?"
    }
    assert tried == {word.name for word in WORDS}
    assert {type(command) for _, command in UNDERSTOOD} == set(Command.__args__)


QUOTES = [
    '"{}"',
    "“{}”",
    "„{}“",
    "„{}”",
    "”{}”",
    "«{}»",
    "»{}«",
    "'{}'",
    "‘{}’",
    "‚{}‘",
    "‹{}›",
    "＂{}＂",
    '“{}"',
    '"{}”',
]


@pytest.mark.parametrize("quotes", QUOTES)
def test_the_quotes_of_every_keyboard(quotes: str) -> None:
    title = "Kasse 3 kaputt 🔥 :fire:"
    assert parse(f"new {quotes.format(title)} on kasse high") == ask.New(title, "kasse", Severity.HIGH)
    assert parse(f"note 12 {quotes.format(title)}") == ask.Note(12, title)


def test_an_apostrophe_is_no_quote() -> None:
    assert parse("new “it’s the shop’s fault” on shop") == ask.New("it’s the shop’s fault", "shop")
    assert parse('new "a 5"-disk is full" on db') == ask.New('a 5"-disk is full', "db")
    assert parse('new "say \\"hi\\" twice" on shop') == ask.New('say "hi" twice', "shop")


def test_several_lines_are_kept() -> None:
    assert parse('note 12 "first\n\n• second"') == ask.Note(12, "first\n\n• second")
    assert parse("note\n12\nfirst\nsecond 👩‍🚒") == ask.Note(12, "first\nsecond 👩‍🚒")


def test_slacks_escapes_are_undone_once() -> None:
    assert parse("note 12 a &lt;b&gt; &amp;amp; &quot;") == ask.Note(12, "a <b> &amp; &quot;")
    # Slack sends no bare one; a test or another program may.
    assert parse("note 12 a <b> c") == ask.Note(12, "a <b> c")
    # Somebody typed what looks like a mention: Slack escaped it, and it names nobody.
    assert parse("assign 12 &lt;@U123&gt;") == ask.Assign(12, Target(TargetKind.NAME, "<@U123>"))


def test_mentions_and_links_in_a_text_read_as_they_were_typed() -> None:
    text = "note 12 <@U123|maria> saw <https://grafana.example/d?a=1&amp;b=2> and <http://web-1.example|web-1.example> <!here>"
    assert parse(text) == ask.Note(12, "@maria saw https://grafana.example/d?a=1&b=2 and web-1.example @here")
    found = parse("silence instance=<http://web-1.example|web-1.example> 1h")
    assert found == ask.Silence((Matcher("instance", Op.EQUAL, "web-1.example"),), HOUR)


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ('alertname="Disk full"', [Matcher("alertname", Op.EQUAL, "Disk full")]),
        ("alertname=„Disk full“", [Matcher("alertname", Op.EQUAL, "Disk full")]),
        ("a=b c!=d", [Matcher("a", Op.EQUAL, "b"), Matcher("c", Op.NOT_EQUAL, "d")]),
        ("a=b, c!=d", [Matcher("a", Op.EQUAL, "b"), Matcher("c", Op.NOT_EQUAL, "d")]),
        ("a=b , c!=d,", [Matcher("a", Op.EQUAL, "b"), Matcher("c", Op.NOT_EQUAL, "d")]),
        ("a=b,c!=d", [Matcher("a", Op.EQUAL, "b"), Matcher("c", Op.NOT_EQUAL, "d")]),
        ('{a="b c", d=~"e{1,3} f"}', [Matcher("a", Op.EQUAL, "b c"), Matcher("d", Op.REGEX, "e{1,3} f")]),
        ("a =~ x.* b!~y", [Matcher("a", Op.REGEX, "x.*"), Matcher("b", Op.NOT_REGEX, "y")]),
        ('path="C:\\\\dir\\\\"', [Matcher("path", Op.EQUAL, "C:\\dir\\")]),
        ('said="\\"no\\" way"', [Matcher("said", Op.EQUAL, '"no" way')]),
        ("window=1h", [Matcher("window", Op.EQUAL, "1h")]),
        ("window = 1h", [Matcher("window", Op.EQUAL, "1h")]),
        ('team=""', [Matcher("team", Op.EQUAL, "")]),
        ("alert.severity=&lt;5&gt;", [Matcher("alert.severity", Op.EQUAL, "<5>")]),
    ],
)
def test_matchers_are_those_of_the_rules(text: str, matchers: list[Matcher]) -> None:
    assert parse(f"silence {text} 2d 'why'") == ask.Silence(tuple(matchers), timedelta(days=2), "why")


THREAD: list[tuple[str, Command]] = [
    ("ack", ask.Acknowledge(5)),
    ("ack 12", ask.Acknowledge(12)),
    ("resolve", ask.Resolve(5)),
    ("resolve 12", ask.Resolve(12)),
    ('resolve "12"', ask.Resolve(5, "12")),
    ("resolve 3 nodes were replaced", ask.Resolve(5, "3 nodes were replaced")),
    ("note 3 nodes are down", ask.Note(5, "3 nodes are down")),
    ("note #3 nodes are down", ask.Note(3, "nodes are down")),
    ('note 3 "nodes are down"', ask.Note(3, "nodes are down")),
    ("escalate", ask.Escalate(5)),
    ("escalate @dba", ask.Escalate(5, Target(TargetKind.NAME, "dba"))),
    ("assign me", ask.Assign(5, Target(TargetKind.ME, "me"))),
    ("snooze 1h", ask.Snooze(5, HOUR)),
    ("severity low", ask.ChangeSeverity(5, Severity.LOW)),
    ("show", ask.Show(5)),
]


@pytest.mark.parametrize(("text", "command"), THREAD)
def test_in_a_thread_the_number_can_be_left_out(text: str, command: Command) -> None:
    assert parse(text, incident=5) == command
    assert parse_mention(f"<@U0ROBOT> {text}", bot="U0ROBOT", incident=5) == command


@pytest.mark.parametrize(
    "text",
    [
        "<@U0ROBOT> ack 12",
        "<@U0ROBOT|alert-router>: ack 12",
        "hey <@U1>, <@U0ROBOT>\nack 12",
        "please <@U0ROBOT>,ack 12",
    ],
)
def test_a_mention_says_it_behind_the_name(text: str) -> None:
    assert parse_mention(text, bot="U0ROBOT") == ask.Acknowledge(12)


def test_a_mention_of_whoever_it_is() -> None:
    assert parse_mention("<@U0OTHER> ack 12") == ask.Acknowledge(12)
    assert parse_mention("<@U0ROBOT>", bot="U0ROBOT") == ask.Help()
    assert parse_mention("ack 12", bot="U0ROBOT") == ask.Acknowledge(12)


WRONG = [
    (
        "akc 12",
        0,
        (
            "“akc” is no command; expected one of ack, resolve, note, escalate, silence, oncall, list, …; help shows all of them. "
            "Did you mean ack?"
        ),
    ),
    (
        "“ack” 12",
        0,
        "“ack” is no command; expected one of ack, resolve, note, escalate, silence, oncall, list, …; help shows ",
    ),
    ("<@U123|maria> ack", 0, "“@maria” is no command; expected one of ack"),
    (
        "ack",
        3,
        "ack: which incident? Expected its number, such as 12 or #12; in an incident's thread it can be left out.",
    ),
    ("ack 0", 4, "ack: there is no incident “0”; expected its number"),
    ("ack 1234567890123", 4, "ack: there is no incident “1234567890123”; expected its number"),
    ("ack twelve", 4, "ack: which incident? Expected its number"),
    ("ack 12 13", 7, "ack: “13” is one word too many; expected nothing after the incident's number."),
    ("new", 3, 'new: what is it? Expected a title, as in new "Checkout is down" on checkout critical.'),
    ('new ""', 4, "new: an empty title; expected 1 to 300 characters."),
    (f"new {'x' * 301}", 4, "new: a title of 301 characters; expected 1 to 300 characters."),
    ('new "x" on', 10, "new: nothing follows; expected a service."),
    ('new "x" on db now', 14, "new: “now” is no severity; expected critical, high, medium, low, info."),
    ('new "x" on db low y', 18, "new: “y” is one word too many; expected nothing after the severity."),
    ("note 12", 7, "note: an empty note; expected what to write down."),
    ('assign 12 "abc', 10, 'assign: a quote that is not closed; expected a second " where the text ends.'),
    ("assign 12", 9, "assign: who? Expected @somebody, or me."),
    ("assign 12 <#C123|db>", 10, "assign: “#db” is nobody; expected @somebody, or me."),
    ("assign 12 @", 10, "assign: “@” is nobody; expected @somebody, or me."),
    ("snooze 12", 9, "snooze: for how long? Expected a duration such as 30m, 1h30m or 2d."),
    (
        "snooze 12 30",
        10,
        "snooze: “30” is no duration; expected a duration such as 30m, 1h30m or 2d. Did you mean 30m?",
    ),
    ("snooze 12 0s", 10, "snooze: “0s” is nothing; expected a duration such as 30m, 1h30m or 2d."),
    ("snooze 12 53w", 10, "snooze: “53w” is too long; expected a duration such as 30m, 1h30m or 2d."),
    ("severity 12", 11, "severity: which severity? Expected critical, high, medium, low, info."),
    (
        "severity 12 hgih",
        12,
        "severity: “hgih” is no severity; expected critical, high, medium, low, info. Did you mean high?",
    ),
    ("severity 12 1", 12, "severity: “1” is no severity; expected critical, high, medium, low, info."),
    ("silence", 7, 'silence: which alerts? Expected matchers such as team=payments alert.severity=~"low|info".'),
    ("silence 2h", 8, "silence: no operator after '2h' in '2h'; expected one of = != =~ !~."),
    ("silence a=b", 11, "silence: for how long? Expected a duration such as 30m, 1h30m or 2d after the matchers."),
    ('silence a="b 2h', 8, 'silence: a quote that is not closed; expected a second " where the text ends.'),
    (
        'silence a=~"(" 2h',
        8,
        "silence: not a regular expression that RE2 takes: '(' (missing ): (); expected RE2 syntax",
    ),
    ("silence {} 2h", 8, "silence: an empty matcher; expected a matcher such as 'team = payments'"),
    ("unsilence", 9, "unsilence: nothing follows; expected the silence's id, as the message about it says."),
    ("take payments", 13, "take: for how long? Expected a duration such as 30m, 1h30m or 2d."),
    ("take 2h payments search", 17, "take: “search” is one word too many; expected nothing after the schedule."),
    ("take 2x", 5, "take: “2x” is no duration; expected a duration such as 30m, 1h30m or 2d."),
    ("take 2h from", 12, "take: from when? Expected a time such as 22:00, which is the next one, or 2026-12-24T18:00."),
    (
        "take 2h from noon",
        13,
        "take: “noon” is no time; expected a time such as 22:00, which is the next one, or 2026-12-24T18:00.",
    ),
    ("untake a b", 9, "untake: “b” is one word too many; expected nothing after the schedule."),
    ("swap", 4, "swap: who? Expected a person such as @maria, or me."),
    ("status now", 7, "status: “now” is one word too many; expected nothing after it."),
    (
        "help silnce",
        5,
        "help: “silnce” is no command; expected one of ack, resolve, note, escalate, silence, oncall, list, …. Did you mean silence?",
    ),
    ("ack \x00", 4, "a character that cannot be written; expected plain text."),
    ("x" * 4_001, 4_000, "a text of 4,001 characters; expected at most 4,000."),
]


@pytest.mark.parametrize(("text", "at", "words"), WRONG)
def test_a_mistake_says_where_what_was_expected_and_what_is_near(text: str, at: int, words: str) -> None:
    """Row 81."""
    found = parse(text)
    assert isinstance(found, Mistake)
    assert (found.at, str(found)[: len(words)]) == (at, words)


def test_the_place_is_counted_in_the_text_as_its_writer_sees_it() -> None:
    found = parse("assign 12 <@U123|maria> &lt;")
    assert isinstance(found, Mistake)
    assert "assign 12 @maria <"[found.at :] == "<"


def test_four_thousand_characters_are_a_command_like_any_other() -> None:
    note = "n" * (LONGEST - len("note 12 "))
    assert parse(f"note 12 {note}") == ask.Note(12, note)
    for filling in ("'a ", '"a', "<@U1 ", "{", "a=b ", "&lt;", "👩‍🚒", "«"):
        text = filling * (LONGEST // len(filling))
        for name in ("silence", "note 12", "add 12", "new", ""):
            assert parse(f"{name} {text}"[:LONGEST]) is not None


ALPHABET = st.sampled_from(list("\"“”„«»'‘’<>&;@#|^!{}=~,.\\ \n\u00a0\u200b12hm")) | st.characters()
PIECES = st.sampled_from(
    ["<@U1|maria>", "<!subteam^S1|@x>", "<#C1|12>", "&lt;", "2h", "#12", 'a="b"', "on", "high", "“", "”", "=~", "me"]
)


@given(
    st.sampled_from([*BY_NAME, ""]),
    st.lists(st.text(ALPHABET, max_size=12) | PIECES, max_size=8).map(" ".join),
    st.none() | st.integers(1, 99),
)
def test_whatever_is_typed_it_is_a_command_or_a_mistake(name: str, rest: str, incident: int | None) -> None:
    for found in (parse(f"{name} {rest}", incident=incident), parse_mention(f"{rest} {name}", incident=incident)):
        assert isinstance(found, Mistake | Command)
        if isinstance(found, Mistake):
            assert str(found)
            assert found.at >= 0


@given(st.text(st.characters(exclude_categories=[])))
def test_no_text_raises(text: str) -> None:
    assert isinstance(parse(text), Mistake | Command)


def test_help_is_made_of_the_same_table() -> None:
    text = help_text(command="/pd")
    for word in WORDS:
        assert f"`/pd {word.name}" in text
        assert word.says in help_text(word.name)
        if word.example:
            assert f"`/pd {word.example}`" in help_text(word.name, command="/pd")
            assert not isinstance(parse(word.example), Mistake), word.example
    assert len(text) < 4_000
    assert help_text("nonsense") == help_text()
    assert help_text("silence") == (
        '`/incident silence MATCHERS DURATION ["WHY"]`: hold alerts back for a while.\n'
        'For example `/incident silence team=payments alert.severity=~"low|info" 2h "migration"`.\n'
        "Also `mute`."
    )
