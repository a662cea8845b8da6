"""Thread lines as people read them; entries of one kind are one line."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.alert import Severity
from router.core.render.blocks import faults
from router.core.render.thread import thread_reply
from router.core.view import EndKind, EntryKind, IncidentView, TimelineEntry
from tests.core.incidents import BEGAN, ENTRIES, OPEN, VIEWS, but
from tests.core.test_message import texts


def entry(kind: EntryKind, seq: int = 1, **facts: object) -> TimelineEntry:
    return TimelineEntry(seq, BEGAN, kind, **facts)  # type: ignore[arg-type]


def lines(*entries: TimelineEntry, view: IncidentView = OPEN) -> list[str]:
    block = thread_reply(entries, view).blocks[0]["text"]
    assert isinstance(block, dict)
    found = str(block["text"]).split("\n")
    assert all(line.startswith(BEGAN_AT) for line in found)
    return [line.removeprefix(BEGAN_AT) for line in found]


KIND = EntryKind
BEGAN_AT = "<!date^1795227240^{time}|02:14 UTC> "


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (entry(KIND.FIRST, count=2, titles=("a", "b")), "notified first: 2 alerts firing: a, b"),
        (entry(KIND.MORE, count=1, firing=3, titles=("a",)), "+1 alert (3): a"),
        (entry(KIND.MORE, count=9, titles=tuple("abcde")), "+9 alerts: a, b, c, d, e and 4 more"),
        (
            entry(KIND.MORE, count=6, firing=36, noun="pods", counted=(("node-0", 2), ("node-1", 4))),
            "+6 pods (36): node-0 2, node-1 4",
        ),
        (entry(KIND.MORE, count=1, firing=3, titles=("InstanceDown",)), "+1 alert (3)"),
        (entry(KIND.WORSE, severity=Severity.CRITICAL), "worse: now CRITICAL"),
        (entry(KIND.WORSE, firing=20, titles=("a",)), "worse: 20 firing · a"),
        (entry(KIND.WORSE), "worse"),
        (
            entry(KIND.SOME_RESOLVED, count=2, firing=1, titles=("a",)),
            "2 alerts resolved: a and 1 more · 1 still firing",
        ),
        (entry(KIND.SOME_RESOLVED, count=1, how=EndKind.MISSING), "1 alert over, no longer sent by Alertmanager"),
        (
            entry(KIND.SOURCE_SILENT, detail="unknown since 02:14 UTC, p is silent"),
            "unknown since 02:14 UTC, p is silent",
        ),
        (entry(KIND.SOURCE_SILENT), "its source is silent"),
        (entry(KIND.ALL_RESOLVED, lasted=timedelta(minutes=14)), "resolved after 14 min"),
        (entry(KIND.ALL_RESOLVED, how=EndKind.EXPIRED), "resolved"),
        (
            entry(KIND.ALL_RESOLVED, how=EndKind.MISSING, lasted=timedelta(hours=2)),
            "over after 2 h: no longer sent by Alertmanager",
        ),
        (entry(KIND.ALL_RESOLVED, how=EndKind.PRESUMED), "over: no word for 26 h, presumed over"),
        (entry(KIND.REOPENED, severity=Severity.HIGH, titles=("a",)), "reopened: firing again, HIGH: a"),
        (entry(KIND.REOPENED), "reopened: firing again"),
        (entry(KIND.REPEAT, lasted=timedelta(hours=4)), "still firing after 4 h"),
        (entry(KIND.REPEAT), "still firing"),
        (entry(KIND.PAGED, people=("Maria",), detail="primary of payments"), "paged Maria: primary of payments"),
        (entry(KIND.PAGED), "paged nobody"),
        (entry(KIND.NOBODY_ON_CALL, detail="payments"), "nobody is on call: payments"),
        (entry(KIND.NOBODY_ON_CALL), "nobody is on call"),
        (entry(KIND.PAGE_DROPPED, people=("Maria",)), "Maria not paged, it was over before that could be delivered"),
        (
            entry(KIND.PAGE_DROPPED, people=("Maria",), detail="in somebody's hands"),
            "Maria not paged, it was in somebody's hands before that could be delivered",
        ),
        (
            entry(KIND.PAGE_REFUSED, people=("Maria",), detail="user_disabled"),
            "Slack refused the direct message to Maria: user_disabled",
        ),
        (entry(KIND.PAGE_REFUSED, people=("Maria",)), "Slack refused the direct message to Maria"),
        (
            entry(KIND.CHANNEL_REFUSED, detail="is_archived, told in #alerts"),
            "Slack refused a channel of this incident: is_archived, told in #alerts",
        ),
        (entry(KIND.CHANNEL_REFUSED), "Slack refused a channel of this incident"),
    ],
)
def test_each_kind_has_its_line(told: TimelineEntry, line: str) -> None:
    assert lines(told, view=but(OPEN, unheard_for=timedelta(hours=26))) == [line]


def test_whom_no_direct_message_reached_is_mentioned_where_the_id_is_known_and_named_plainly_else() -> None:
    alice = entry(KIND.PAGE_REFUSED, people=("payments/alice",), mentions=("U0123ABCD",), detail="user_disabled")
    known, plain = thread_reply([alice], OPEN), thread_reply([msgspec.structs.replace(alice, mentions=())], OPEN)
    assert [text.rpartition("> ")[2] for text in texts(known)] == [
        "Slack refused the direct message to Alice: user_disabled",
        "<@U0123ABCD>",
    ]
    assert "U0123" not in known.text, "a push is read by people"
    assert [text.rpartition("> ")[2] for text in texts(plain)] == [
        "Slack refused the direct message to Alice: user_disabled"
    ]
    both = thread_reply([alice, entry(KIND.PAGE_REFUSED, 2, people=("Bob",), mentions=("U0000BOB1",))], OPEN)
    assert texts(both)[-1] == "<@U0123ABCD> <@U0000BOB1>"


def test_one_of_several_is_named_though_the_incident_is_called_like_it_now() -> None:
    view = but(OPEN, title="Down b", name="Down")
    assert lines(entry(KIND.MORE, count=1, firing=2, titles=("Down b",)), view=view) == ["+1 alert (2): Down b"]
    assert lines(entry(KIND.MORE, count=2, firing=3, titles=("Down b",)), view=view) == ["+2 alerts (3)"]
    assert lines(entry(KIND.MORE, count=1, firing=2, titles=("Down",)), view=view) == ["+1 alert (2)"]


def test_one_that_is_worse_is_not_counted() -> None:
    assert lines(entry(KIND.WORSE, severity=Severity.CRITICAL, firing=1)) == ["worse: now CRITICAL"]


def test_entries_of_one_kind_are_one_line_in_the_order_of_the_last() -> None:
    merged = lines(
        entry(KIND.MORE, 1, count=2, firing=4, titles=("a", "b")),
        entry(KIND.SOME_RESOLVED, 2, count=1, firing=3, titles=("a",)),
        entry(KIND.MORE, 3, count=3, firing=6, titles=("b", "c")),
        entry(KIND.SOME_RESOLVED, 4, count=1, firing=5, how=EndKind.PRESUMED),
    )
    assert merged == [
        "1 alert resolved: a · 3 still firing",
        "+5 alerts (6): a, b, c and 2 more",
        "1 alert over, no word, presumed over · 5 still firing",
    ]


_END = entry(KIND.ALL_RESOLVED, lasted=timedelta(minutes=4))
_RETURN = entry(KIND.REOPENED, severity=Severity.HIGH)


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([_END, _RETURN], ["resolved after 4 min", "reopened: firing again, HIGH"]),
        ([_RETURN, _END], ["reopened: firing again, HIGH", "resolved after 4 min"]),
        ([_END, _RETURN, _END], ["resolved after 4 min"]),
        ([_RETURN, _END, _RETURN], ["reopened: firing again, HIGH"]),
        ([_END, _RETURN, _END, _RETURN], ["resolved after 4 min", "reopened: firing again, HIGH"]),
        (
            [_END, _RETURN, msgspec.structs.replace(_END, how=EndKind.MISSING)],
            ["over after 4 min: no longer sent by Alertmanager"],
        ),
    ],
)
def test_ends_and_returns_take_turns_with_what_was_told_before(turns: list[TimelineEntry], said: list[str]) -> None:
    numbered = [msgspec.structs.replace(turn, seq=seq) for seq, turn in enumerate(turns, 1)]
    assert lines(*numbered) == said
    paged = entry(KIND.PAGED, 9, people=("Bob",))
    assert lines(*numbered, paged) == [*said, "paged Bob"]


def test_a_repeat_does_not_call_firing_what_is_unknown() -> None:
    told = entry(KIND.REPEAT, lasted=timedelta(hours=4))
    unknown = but(OPEN, source_silent_since=BEGAN, silent_sources=("mimir",))
    assert lines(told, view=unknown) == ["still unknown after 4 h, mimir is silent"]


def test_the_text_names_the_incident_for_a_broadcasts_push() -> None:
    reply = thread_reply([entry(KIND.REPEAT, lasted=timedelta(hours=4))], OPEN)
    assert reply.text == "#1234 InstanceDown: still firing after 4 h"
    assert thread_reply([], OPEN).text == "#1234 InstanceDown: nothing new"


@settings(max_examples=80, deadline=None)
@given(st.lists(ENTRIES, max_size=12), VIEWS)
def test_any_entries_are_a_reply_that_slack_takes(entries: list[TimelineEntry], view: IncidentView) -> None:
    reply = thread_reply(entries, view)
    assert faults(reply) == ()
    assert reply.blocks
