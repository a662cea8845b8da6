"""What people who ask are answered: lists and cards of incidents, and who is on call. Slack takes each, and nothing in it is markup
that a sender wrote."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings

from adapters.alert import Severity
from router.core.acts.override import MadeOverride, by_schedule
from router.core.render.answers import LINES, incident_card, incident_list, who_is_on_call
from router.core.view import EntryKind, IncidentView, Phase, Response, TimelineEntry
from rules.model.ruleset import RuleSet
from tests.core.incidents import BEGAN, OPEN, OVER, VIEWS, but
from tests.rules.reading import rules as read

NOW = BEGAN + timedelta(minutes=14)
OURS = re.compile(r"<!date\^\d+\^[^|<>]+\|[^<>]+>|<https?://[^|<>\s]+\|[^<>\n]+>")


def listed(*views: IncidentView, asked: str = "", is_whole: bool = True) -> list[str]:
    return incident_list(views, asked, NOW, is_whole=is_whole).splitlines()


ACKED = but(OPEN, number=7, severity=Severity.LOW, response=Response(Phase.ACKNOWLEDGED, by="payments/maria"))
SNOOZED = but(OPEN, number=8, title="Cache is cold", response=Response(Phase.SNOOZED, by="via Slack (jane)"))


def test_a_list_is_of_the_worst_first() -> None:
    assert listed(ACKED, SNOOZED, OPEN) == [
        "3 incidents are open:",
        "🔴 #1234 CRITICAL InstanceDown · open · 14 min",
        "🔴 #8 CRITICAL Cache is cold · snoozed · 14 min",
        "🔵 #7 LOW InstanceDown · acknowledged by Maria · 14 min",
    ]
    assert listed(OPEN)[0] == "1 incident is open:"
    assert listed() == ["Nothing is open."]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("low", [7]),
        ("CRITICAL", [1234, 8]),
        ("acked", [7]),
        ("open", [1234]),
        ("snoozed cold", [8]),
        ("cold low", []),
        ("eu-1", [1234, 8, 7]),
        ("team=payments", [1234, 8, 7]),
        ('team=~"pay.*" alert.severity!="low"', [1234, 8]),
        ("team!=payments", []),
        ("#8", [8]),
    ],
)
def test_a_list_is_filtered(asked: str, numbers: list[int]) -> None:
    lines = listed(ACKED, SNOOZED, OPEN, asked=asked)
    assert [int(re.findall(r"#(\d+)", line)[0]) for line in lines[1:]] == numbers


def test_a_filter_that_nobody_can_read_says_so() -> None:
    assert "expected" in listed(OPEN, asked='team=~"("')[0]


def test_a_list_has_at_most_so_many_lines_and_says_what_it_left_out() -> None:
    lines = listed(*(but(OPEN, number=number) for number in range(1, 51)), is_whole=False)
    assert lines[0] == "50 incidents are open among the newest 50:"
    assert len(lines) == LINES + 2
    assert lines[-1] == "and 30 more"


def test_a_card_says_what_it_is_and_what_happened_last() -> None:
    closed = TimelineEntry(3, NOW, EntryKind.NOTE, by="maria", detail="the *disk* <!channel>")
    said = incident_card(ACKED, [closed], "https://alerts.example.com")
    assert said.startswith("🔵 *LOW #7 InstanceDown*")
    assert "acknowledged by Maria" in said
    assert "on call: Maria" in said
    assert "note by Maria: the ∗disk∗ &lt;!channel&gt;" in said
    assert said.endswith("<https://alerts.example.com/incidents/7|all of it>")
    over = incident_card(OVER, [], "")
    assert over.startswith("✅ *Resolved #1234 CRITICAL InstanceDown*")
    assert "since" not in over


@settings(deadline=None, max_examples=40)
@given(VIEWS)
def test_no_senders_text_is_markup_in_an_answer(view: IncidentView) -> None:
    entry = TimelineEntry(1, BEGAN, EntryKind.NOTE, by=view.title, detail=view.summary)
    for said in (
        incident_card(view, [entry], "https://a.example"),
        incident_list([view] * 100, "", NOW, is_whole=True),
    ):
        assert not set("<>") & set(OURS.sub("", said))
        assert len(said) < 8_000


RULES = """
routing: {channel: "#a"}
people: {maria: {slack: U0MARIA1}, jonas: {slack: U0JONAS1}, lee: {slack: U0LEE001}}
oncall:
  payments: {rotation: {people: [maria, jonas], every: 1w, handoff: mon 09:00, starts: 2026-01-05}, timezone: UTC}
  search: {rotation: {people: [lee], every: 1w, handoff: mon 09:00, starts: 2030-01-07}, timezone: UTC}
escalation:
  p1: {steps: [{oncall: payments}, {after: 10m, person: lee}]}
catalog:
  service: {checkout: {page: p1}}
"""
WEDNESDAY = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)
MONDAY = f"<!date^{int(datetime(2026, 1, 12, 9, 0, tzinfo=UTC).timestamp())}^"


@pytest.fixture
def rules() -> RuleSet:
    return read(RULES)


def test_who_is_on_call_and_who_is_next(rules: RuleSet) -> None:
    payments, search = who_is_on_call(rules, "", WEDNESDAY).splitlines()
    assert payments.startswith(f"*payments*: Maria until {MONDAY}")
    assert payments.endswith(", then Jonas")
    assert search.startswith("*search*: nobody until ")
    assert search.endswith(", then Lee")
    assert who_is_on_call(rules, "PAYMENTS", WEDNESDAY).splitlines() == [
        payments,
        "primary: Maria (on call for payments until Mon 09:00 UTC); secondary: Lee (named in the rules)",
    ]
    assert who_is_on_call(rules, "maria", WEDNESDAY) == payments
    assert who_is_on_call(rules, "jonas", WEDNESDAY) == "Jonas is not on call now."


@pytest.mark.parametrize("asked", ["p1", "checkout"])
def test_who_a_policy_or_a_service_reaches_step_by_step(rules: RuleSet, asked: str) -> None:
    title, first, second = who_is_on_call(rules, asked, WEDNESDAY).splitlines()
    assert title == "*p1*"
    assert first.startswith("1. primary, after 0 s: Maria (on call for payments until Mon 09:00 UTC)")
    assert second == "2. secondary, after 10 min: Lee (named in the rules)"


def test_who_stands_in_is_said_with_who_said_so_and_why(rules: RuleSet) -> None:
    """Row 68: overrides, primary and secondary."""
    hour = timedelta(hours=1)
    made = [
        MadeOverride("payments", "jonas", WEDNESDAY, WEDNESDAY + hour, "maria", WEDNESDAY, "the <dentist>", number=1),
        MadeOverride("payments", "lee", WEDNESDAY + 2 * hour, WEDNESDAY + 4 * hour, "lee", WEDNESDAY, number=2),
        MadeOverride("gone", "lee", WEDNESDAY, WEDNESDAY + hour, "lee", WEDNESDAY, number=3),
    ]
    with_them = rules.with_overrides(by_schedule(made))
    now, coming, ranks = who_is_on_call(with_them, "payments", WEDNESDAY, made).splitlines()
    assert now.startswith("*payments*: Jonas (override by Maria: the &lt;dentist&gt;) until <!date^")
    assert now.endswith(", then Maria")
    assert coming.startswith("Lee from <!date^")
    assert coming.endswith(" (override)")
    assert ranks.startswith(
        "primary: Jonas (on call for payments until Wed 13:00 UTC (override)); secondary: Lee (named"
    )
    assert who_is_on_call(with_them, "", WEDNESDAY, made).splitlines()[-1] == (
        "the override of lee in gone has no effect: the rules have no such schedule"
    )
    assert "(override)" in who_is_on_call(with_them, "payments", WEDNESDAY).splitlines()[0], "of the file, say"


def test_an_unknown_name_gets_the_nearest(rules: RuleSet) -> None:
    assert who_is_on_call(rules, "check-ot", WEDNESDAY).endswith("called check-ot. Did you mean checkout?")
    assert "<" not in who_is_on_call(rules, "<!channel>", WEDNESDAY)


def test_rules_without_schedules_say_so() -> None:
    assert who_is_on_call(read('routing: {channel: "#a"}'), "", WEDNESDAY) == (
        "The rules have no schedule: nobody is on call."
    )
