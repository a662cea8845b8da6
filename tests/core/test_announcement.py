"""What is said of a schedule in its channel, and when: once, never late, at the same time of day across changes of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.core.content import Mention
from router.core.mrkdwn import Mark
from router.core.render.announcement import LATE, LastTold, hand_over, hand_over_words, morning, morning_words, next_due
from router.core.render.blocks import post_message
from router.core.view import Phase, Response
from rules.model.oncall import Announce, Morning, Rotation, Schedule, Turn, turn_at
from tests.core.incidents import OPEN, but
from tests.rules.reading import at, rules
from tests.rules.test_oncall import when_the_clock_shows

MINUTE = timedelta(minutes=1)
RULES = rules("""
timezone: Europe/Berlin
people: {maria: {slack: U0MARIA}, jonas: {email: jonas@example.com}, lead: {slack: U0LEAD1}}
oncall:
  payments:
    rotation: {people: [maria, jonas], every: 1w, handoff: mon 09:00, starts: 2026-11-02}
    announce: {channel: "#db", at: mon-fri 09:00}
  alone:
    rotation: {people: [jonas], every: 1w, handoff: mon 09:00, starts: 2026-11-02, until: 2026-11-30}
    announce: {channel: "#db"}
escalation: {p: {steps: [{oncall: payments}, {after: 10m, person: lead}, {after: 20m, channel: "#x"}]}}
""")
PAYMENTS, ALONE = RULES.schedules["payments"], RULES.schedules["alone"]
MONDAY = at("2026-11-09T09:00+01:00")


@pytest.mark.parametrize(
    ("known", "now", "looked_at", "kept", "is_told"),
    [
        (None, MONDAY, None, "jonas", False),  # the first look
        (("maria", MONDAY - MINUTE), MONDAY - MINUTE, None, "", False),
        (("maria", MONDAY - MINUTE), MONDAY, None, "jonas", True),
        (("maria", MONDAY - timedelta(days=3)), MONDAY + LATE - MINUTE, None, "jonas", True),
        (("maria", MONDAY - timedelta(days=3)), MONDAY + LATE + MINUTE, None, "jonas", False),  # nobody looked in time
        (("jonas", MONDAY), MONDAY + MINUTE, MONDAY, "", False),
        (("lead", MONDAY + MINUTE), MONDAY + 2 * MINUTE, MONDAY + MINUTE, "jonas", True),  # the rules have changed
        (("lead", MONDAY + MINUTE), MONDAY + 2 * MINUTE, None, "jonas", False),  # and nobody saw when
        (("lead", MONDAY + MINUTE), MONDAY, MONDAY + MINUTE, "", False),  # the clock went back
    ],
)
def test_a_hand_over_is_told_once_and_not_late(
    known: tuple[str, datetime] | None, now: datetime, looked_at: datetime | None, kept: str, is_told: bool
) -> None:
    last = None if known is None else LastTold(known[1], known[0])
    found, change = hand_over(PAYMENTS, last, now, looked_at)
    assert ("" if found is None else found.person) == kept
    assert (change is not None) == is_told
    if found is not None:
        assert found.at == now
        assert hand_over(PAYMENTS, found, now + MINUTE, now) == (None, None)


def test_a_gap_that_ends_by_itself_is_no_hand_over() -> None:
    days = rules("""
people: {maria: {slack: U0MARIA}}
oncall:
  s: {layers: [{name: days, hours: 09:00-17:00, rotation: {people: [maria], every: 1d, handoff: 09:00, starts: 2026-11-02}}]}
""").schedules["s"]
    evening = at("2026-11-03T17:00+00:00")
    assert hand_over(days, LastTold(evening - MINUTE, "maria"), evening, evening - MINUTE) == (None, None)
    end = at("2026-11-30T09:00+01:00")
    kept, change = hand_over(ALONE, LastTold(end - MINUTE, "jonas"), end, end - MINUTE)
    assert kept == LastTold(end, "")
    assert change is not None
    assert hand_over_words(RULES, ALONE, change, []).text == "Nobody is on call for alone any more; it was Jonas"


def test_a_hand_over_says_from_whom_to_whom_until_when_and_what_is_open() -> None:
    """Row 208: hand-over messages."""
    _, change = hand_over(PAYMENTS, LastTold(MONDAY - MINUTE, "maria"), MONDAY, MONDAY - MINUTE)
    assert change is not None
    paged = but(OPEN, number=7, title="Disk is <full>", on_call=("maria",))
    acked = but(OPEN, number=6, on_call=(), response=Response(phase=Phase.ACKNOWLEDGED, by="maria"))
    other = but(OPEN, number=5, on_call=("jonas",))
    found = hand_over_words(RULES, PAYMENTS, change, [paged, acked, other])
    assert found.mentions == (Mention("email:jonas@example.com", "Jonas"),)
    message = post_message(found.text, found.mentions)
    assert message.text.startswith(
        "Jonas is on call for payments until 2026-11-16 09:00 CET; it was Maria. Open with them: #7 CRITICAL"
    )
    assert "#6 CRITICAL" in message.text
    assert "#5" not in message.text
    assert "<full>" not in str(message.blocks)
    mentioned = post_message(found.text, [replace(found.mentions[0], target="U0JONAS")])
    assert "<@U0JONAS> (Jonas) is on call for payments" in str(mentioned.blocks)
    assert "U0JONAS" not in mentioned.text, "people appear by name where nothing is formatted"
    many = [but(paged, number=number) for number in range(20, 10, -1)]
    assert "#16 CRITICAL" in hand_over_words(RULES, PAYMENTS, change, many).text
    assert hand_over_words(RULES, PAYMENTS, change, many).text.endswith("; and 5 more")


def test_a_morning_names_primary_and_secondary_and_how_to_escalate() -> None:
    """Rows 87 and 88: `<@U>` of primary and secondary with their names, on weekdays, with a hint."""
    found = morning_words(RULES, PAYMENTS, at("2026-11-05T09:00+01:00"), "/pd")
    message = post_message(found.text, found.mentions)
    said = str(message.blocks)
    assert (
        "On call for payments, primary: <@U0MARIA> (Maria) until Mon 09:00 CET; secondary: <@U0LEAD1> (Lead)." in said
    )
    assert "To page the next step of an incident: `/pd escalate N`." in said
    assert message.text.startswith("On call for payments, primary: Maria until Mon 09:00 CET; secondary: Lead. To page")
    nobody = morning_words(RULES, ALONE, at("2026-12-09T09:00+01:00"), "/incident").text
    assert nobody.startswith("On call for alone, primary: nobody, nobody on call for alone.")


def test_no_name_brings_a_mark_of_ours_along() -> None:
    _, change = hand_over(PAYMENTS, LastTold(MONDAY - MINUTE, "maria"), MONDAY, MONDAY - MINUTE)
    assert change is not None
    evil = but(OPEN, number=7, title=f"{Mark.sign(0)} pays <!channel>", on_call=("maria",))
    found = hand_over_words(RULES, PAYMENTS, change, [evil])
    assert found.text.count(Mark.sign(0)) == 1
    assert "<!channel>" not in str(post_message(found.text, found.mentions).blocks)


@pytest.mark.parametrize(
    ("told", "now", "kept", "is_told"),
    [
        (None, "2026-11-03T09:00+01:00", "2026-11-03T09:00+01:00", False),
        ("2026-11-02T09:00+01:00", "2026-11-03T08:59+01:00", None, False),
        ("2026-11-02T09:00+01:00", "2026-11-03T09:00+01:00", "2026-11-03T09:00+01:00", True),
        ("2026-11-02T09:00+01:00", "2026-11-03T10:00+01:00", "2026-11-03T09:00+01:00", True),
        ("2026-11-02T09:00+01:00", "2026-11-03T10:01+01:00", "2026-11-03T09:00+01:00", False),
        ("2026-11-03T09:00+01:00", "2026-11-03T09:30+01:00", None, False),
        ("2026-11-06T09:00+01:00", "2026-11-08T09:00+01:00", None, False),  # a Sunday
        ("2026-11-06T09:00+01:00", "2026-11-09T09:00+01:00", "2026-11-09T09:00+01:00", True),
    ],
)
def test_a_morning_is_told_once_and_not_late(told: str | None, now: str, kept: str | None, is_told: bool) -> None:
    last = None if told is None else LastTold(at(told))
    assert morning(PAYMENTS, last, at(now)) == (None if kept is None else LastTold(at(kept)), is_told)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(0, 1439),
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from([datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 10, 18, tzinfo=UTC), datetime(2027, 3, 5, tzinfo=UTC)]),
)  # fmt: skip
def test_each_morning_is_told_at_its_time_across_a_change_of_the_clock(
    zone: str, minute: int, days: set[int], since: datetime
) -> None:
    """Whoever looks when it is due next says every one of them, at the first instant at which the clock shows the time."""
    schedule = Schedule(
        "s",
        zone,
        (Rotation(("a",), 1, 0, since),),
        announce=Announce("#a", Morning(tuple(sorted(days)), minute), handover=False),
    )
    until = since + timedelta(days=25)
    said, last, now = [], LastTold(since), since
    while (due := next_due(schedule, now)) is not None and due <= until:
        now = due
        kept, is_told = morning(schedule, last, now)
        last = last if kept is None else kept
        said += [now] if is_told else []
    day, expected = since.astimezone(ZoneInfo(zone)).date(), []
    while (instant := when_the_clock_shows(day, minute, zone)) <= until:
        expected += [instant] if instant > since and day.weekday() in days else []
        day += timedelta(days=1)
    assert said == expected


def test_when_there_may_be_something_to_say() -> None:
    assert next_due(PAYMENTS, MONDAY) == at("2026-11-10T09:00+01:00")
    assert next_due(ALONE, MONDAY) == at("2026-11-16T09:00+01:00")
    assert turn_at(ALONE, MONDAY) == Turn("jonas", at("2026-11-16T09:00+01:00"))
    assert next_due(replace(ALONE, announce=None), MONDAY) is None
