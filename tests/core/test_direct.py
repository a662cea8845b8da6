"""The direct message: what, why you, what is next, where; its worsening and its end."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings

from adapters.alert import Severity
from router.core.render.blocks import faults
from router.core.render.direct import page_end_message, page_message, page_worse_message
from router.core.render.headline import PUSH
from router.core.view import AlertLine, EndKind, EntryKind, IncidentView, MessageTemplate, PageView, TimelineEntry
from tests.core.incidents import BEGAN, ENTRIES, OPEN, OVER, PAGES, VIEWS, but
from tests.core.test_message import SINCE, SINCE_AGO, SPAN, colour, texts

PAGE = PageView(why="primary of payments until Mon 09:00", next_step="lead", next_at=BEGAN, home="C0123ABCD")


def test_a_page_says_what_why_you_and_what_is_next() -> None:
    message = page_message(OPEN, PAGE)
    assert message.text == "You are paged: CRITICAL #1234 InstanceDown ×3 · team payments, cluster eu-1"
    assert texts(message) == [
        f"🔴 *You are paged: CRITICAL #1234 InstanceDown* ×3 · team payments, cluster eu-1\nsince {SINCE_AGO}",
        "web-1 does not answer",
        "• `instance=web-1`\n• HIGH `instance=web-2`\nand 1 more",
        "why you: primary of payments until Mon 09:00 · next: lead at <!date^1795227240^{time}|02:14 UTC> · open in <#C0123ABCD>",
    ]


def test_a_page_leads_to_the_message_where_its_address_is_known() -> None:
    page = msgspec.structs.replace(PAGE, permalink="https://acme.slack.com/archives/C0123ABCD/p1795227240000100")
    assert texts(page_message(OPEN, page))[-1].endswith("open the message> in <#C0123ABCD>"), (
        "next to the channel, which stays a link of its own"
    )
    assert "archives/C0123ABCD/p1795227240000100|open the message>" in texts(page_end_message(OVER, page))[-1]
    forged = msgspec.structs.replace(PAGE, permalink="javascript:x")
    assert texts(page_message(OPEN, forged)) == texts(page_message(OPEN, PAGE))


def test_a_page_says_the_worst_three_the_links_and_what_kind_of_alert_it_is() -> None:
    differing = tuple(
        AlertLine(f"p99 of {name} is slow", Severity.CRITICAL, BEGAN, {"instance": name}) for name in "abcde"
    )
    links = (("runbook", "https://wiki.example/r"), ("dashboard", "https://grafana.example/d/1"))
    view = but(OPEN, title="p99 is slow", name="HighLatency", alerts=differing, firing=30, links=links)
    told = texts(page_message(view, PAGE, "https://router.example"))
    assert told[2].split("\n")[-1] == "<https://router.example/incidents/1234|… all 30>"
    assert len(told[2].split("\n")) == 4
    assert told[3] == "<https://wiki.example/r|runbook> · <https://grafana.example/d/1|dashboard>"
    assert told[4].endswith(" · HighLatency")


def test_a_page_says_no_more_than_is_known() -> None:
    view = but(OPEN, summary="", common_labels={}, group_labels={}, source_silent_since=BEGAN)
    assert texts(page_message(view, PageView(why=""))) == [
        f"🔴 *You are paged: CRITICAL #1234 InstanceDown* ×3\nsince {SINCE_AGO}\nunknown since {SINCE}, prometheus is silent",
        "• `instance=web-1`\n• HIGH `instance=web-2`\nand 1 more",
        "#1234",
    ]


def test_a_page_speaks_the_routes_own_words() -> None:
    message = page_message(but(OPEN, template=MessageTemplate(title="DB", text="call <x>")), PAGE)
    assert message.text.startswith("You are paged: CRITICAL #1234 DB")
    assert texts(message)[1] == "call &lt;x&gt;"


@pytest.mark.parametrize(
    ("entry", "begins"),
    [
        (TimelineEntry(1, BEGAN, EntryKind.WORSE), "Worse: CRITICAL #1234"),
        (TimelineEntry(1, BEGAN, EntryKind.REOPENED), "Reopened: CRITICAL #1234"),
        (
            TimelineEntry(1, BEGAN, EntryKind.REPEAT, lasted=timedelta(hours=4)),
            "Still firing after 4 h: CRITICAL #1234",
        ),
        (TimelineEntry(1, BEGAN, EntryKind.REPEAT), "Still firing: CRITICAL #1234"),
        (TimelineEntry(1, BEGAN, EntryKind.MORE, count=2), "+2 alerts: CRITICAL #1234"),
        (TimelineEntry(1, BEGAN, EntryKind.MORE), "More: CRITICAL #1234"),
        (
            TimelineEntry(1, BEGAN, EntryKind.ESCALATED, lasted=timedelta(minutes=20)),
            "Not acknowledged after 20 min: CRITICAL #1234",
        ),
    ],
)
def test_a_new_sound_says_first_why_it_rings_again(entry: TimelineEntry, begins: str) -> None:
    assert page_worse_message(OPEN, PAGE, entry).text.startswith(begins)


def test_what_is_unknown_is_not_said_to_fire_still() -> None:
    entry = TimelineEntry(1, BEGAN, EntryKind.REPEAT, lasted=timedelta(hours=4))
    message = page_worse_message(but(OPEN, source_silent_since=BEGAN), PAGE, entry)
    assert message.text.startswith("Still unknown after 4 h: CRITICAL #1234")


def test_the_end_is_short_and_an_edit_of_a_page_says_it_too() -> None:
    message = page_end_message(OVER, PAGE)
    assert message.text == "Resolved #1234 CRITICAL InstanceDown — payments, eu-1 · 3 alerts · 14 min"
    assert texts(message) == [
        f"✅ *Resolved #1234 CRITICAL InstanceDown* — payments, eu-1 · 3 alerts · 14 min{SPAN}",
        "you were paged: primary of payments until Mon 09:00 · open in <#C0123ABCD>",
    ]
    assert page_message(OVER, PAGE) == message
    assert page_worse_message(OVER, PAGE, TimelineEntry(1, BEGAN, EntryKind.WORSE)) == message
    grey = page_end_message(but(OVER, ended_how=EndKind.MISSING), PageView(why=""))
    assert colour(grey) == "#9aa0a6"
    assert texts(grey)[-1] == "#1234"


@settings(max_examples=60, deadline=None)
@given(VIEWS, PAGES, ENTRIES)
def test_any_page_is_a_message_that_slack_takes(view: IncidentView, page: PageView, entry: TimelineEntry) -> None:
    for message in (page_message(view, page), page_worse_message(view, page, entry), page_end_message(view, page)):
        assert faults(message) == ()
        assert len(message.text) <= PUSH
        assert message.attachments
        assert "<@" not in "".join(texts(message))
