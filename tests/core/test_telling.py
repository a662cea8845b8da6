"""What is notified when, decision by decision: plain facts in, a plan out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapters.alert import Severity
from router.core.evaluation import LOUD_APART, Decision, NotificationState, Reason, Snapshot, plan
from router.core.view import EntryKind, State
from rules.model.route import RouteSettings

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
MINUTE, HOUR, SECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=1)
SETTINGS = RouteSettings(channels=("#db",))


def standing(**changes: Any) -> NotificationState:
    begun = NOW - HOUR
    plain = NotificationState(State.TRIGGERED, begun, begun, begun, 1, Severity.HIGH, begun)
    return msgspec.structs.replace(plain, **changes)


def over(ended: timedelta) -> NotificationState:
    return standing(state=State.RESOLVED, ended_at=NOW - ended)


def look(**facts: Any) -> Decision:
    told = {"now": NOW, "settings": SETTINGS, "severity": Severity.HIGH, **facts}
    return plan(Snapshot(**told))


def kinds(decided: Decision) -> list[EntryKind]:
    return [line.kind for line in decided.lines]


def test_nothing_fires_and_nothing_was_told() -> None:
    assert look() == Decision()
    assert look(free_at=NOW + HOUR) == Decision(due_at=NOW + HOUR)


def test_first_word_waits_for_group_wait_exactly() -> None:
    since = NOW - timedelta(seconds=10) + timedelta(milliseconds=1)
    waiting = look(new=1, waiting_since=since)
    assert not waiting.opens
    assert waiting.due_at == since + timedelta(seconds=10)
    assert waiting.reason is None
    first = look(new=1, waiting_since=NOW - timedelta(seconds=10))
    assert (first.opens, first.pages, first.notifies_new, first.reason) == (True, True, True, Reason.FIRST)
    assert first.standing == NotificationState(State.TRIGGERED, NOW, NOW, NOW, 1, Severity.HIGH, NOW)
    assert first.due_at == NOW + timedelta(hours=4)
    assert first.lines[0].say_at is None, "the message itself is the first word"


def test_a_critical_first_word_waits_for_nothing() -> None:
    assert look(new=1, waiting_since=NOW, severity=Severity.CRITICAL).opens


def test_a_wait_that_lies_ahead_counts_from_now() -> None:
    ahead = look(new=1, waiting_since=NOW + HOUR)
    assert ahead.due_at == NOW + timedelta(seconds=10), "a clock that went back must not silence anybody"


@pytest.mark.parametrize(("ended", "reopens"), [(10 * MINUTE - SECOND, True), (10 * MINUTE, False)])
def test_reopened_within_ten_minutes(ended: timedelta, *, reopens: bool) -> None:
    decided = look(new=1, waiting_since=NOW - MINUTE, standing=over(ended))
    assert (decided.reopens, decided.opens) == (reopens, not reopens)
    assert decided.reason is (Reason.REOPENED if reopens else Reason.FIRST)
    if reopens:
        assert [(line.is_broadcast, line.is_for_paged, line.say_at) for line in decided.lines] == [(True, True, NOW)]
        assert decided.standing is not None
        assert (decided.standing.state, decided.standing.ended_at) == (State.TRIGGERED, None)


def test_more_alerts_are_a_quiet_line_a_group_interval_after_the_last() -> None:
    decided = look(notified_firing=1, new=2, standing=standing(thread_line_at=NOW - 2 * MINUTE))
    assert kinds(decided) == [EntryKind.MORE]
    assert decided.lines[0].say_at == NOW + 3 * MINUTE
    assert not decided.lines[0].is_broadcast
    assert decided.notifies_new
    assert decided.reason is Reason.NEW_ALERTS
    late = look(notified_firing=1, new=2, standing=standing(thread_line_at=NOW - HOUR))
    assert late.lines[0].say_at == NOW


def test_lines_within_one_interval_are_said_together() -> None:
    planned = NOW + MINUTE
    decided = look(notified_firing=1, new=1, ended=1, standing=standing(thread_line_at=planned))
    assert kinds(decided) == [EntryKind.MORE, EntryKind.SOME_RESOLVED]
    assert {line.say_at for line in decided.lines} == {planned}


def test_some_resolved() -> None:
    decided = look(notified_firing=1, ended=1, standing=standing())
    assert (kinds(decided), decided.reason) == ([EntryKind.SOME_RESOLVED], Reason.SOME_RESOLVED)


def test_all_resolved_is_told_at_once_and_to_who_was_paged() -> None:
    decided = look(ended=1, standing=standing(thread_line_at=NOW + MINUTE))
    assert (decided.resolves, decided.reason) == (True, Reason.ALL_RESOLVED)
    assert [(line.say_at, line.is_broadcast, line.is_for_paged) for line in decided.lines] == [(NOW, False, True)]
    assert decided.standing is not None
    assert (decided.standing.state, decided.standing.ended_at) == (State.RESOLVED, NOW)


def test_ends_are_never_held() -> None:
    assert look(ended=1, is_suppressed=True, standing=standing()).resolves
    assert kinds(look(notified_firing=1, ended=1, is_suppressed=True, standing=standing())) == [EntryKind.SOME_RESOLVED]


def test_a_rise_in_severity_is_loud_whenever() -> None:
    decided = look(notified_firing=1, severity=Severity.CRITICAL, standing=standing(loud_at=NOW - SECOND))
    assert [(line.kind, line.say_at, line.is_broadcast, line.is_for_paged) for line in decided.lines] == [
        (EntryKind.WORSE, NOW, True, True)
    ]
    assert decided.reason is Reason.WORSE
    assert decided.standing is not None
    assert decided.standing.loud_severity is Severity.CRITICAL


def test_a_fall_in_severity_makes_no_line() -> None:
    assert look(notified_firing=1, severity=Severity.LOW, standing=standing()).lines == ()


@pytest.mark.parametrize(
    ("firing", "loud", "apart", "is_loud"),
    [
        (10, 5, LOUD_APART, True),
        (9, 1, LOUD_APART, False),
        (10, 6, LOUD_APART, False),
        (10, 5, LOUD_APART - SECOND, False),
    ],
)
def test_worse_by_number(firing: int, loud: int, apart: timedelta, *, is_loud: bool) -> None:
    stood = standing(loud_firing=loud, loud_at=NOW - apart)
    decided = look(notified_firing=firing - 1, new=1, standing=stood)
    assert kinds(decided) == [EntryKind.WORSE if is_loud else EntryKind.MORE]
    if apart < LOUD_APART:
        assert decided.due_at == stood.loud_at + LOUD_APART, "said as soon as it may be loud again"


def test_nothing_loud_while_held_back() -> None:
    stood = standing(loud_firing=1, last_notified_at=NOW - 5 * HOUR, loud_at=NOW - 5 * HOUR)
    decided = look(
        notified_firing=20, severity=Severity.CRITICAL, is_suppressed=True, free_at=NOW + HOUR, standing=stood
    )
    assert decided.lines == ()
    assert decided.due_at == NOW + HOUR


def test_repeat_is_exact_and_can_be_off() -> None:
    stood = standing(last_notified_at=NOW - timedelta(hours=4))
    decided = look(notified_firing=1, standing=stood)
    assert [(line.kind, line.is_broadcast) for line in decided.lines] == [(EntryKind.REPEAT, True)]
    assert decided.reason is Reason.REPEAT
    early = look(notified_firing=1, standing=standing(last_notified_at=NOW - timedelta(hours=4) + SECOND))
    assert (early.lines, early.due_at) == ((), NOW + SECOND)
    never = look(notified_firing=1, standing=stood, settings=msgspec.structs.replace(SETTINGS, repeat_interval=None))
    assert (never.lines, never.due_at) == ((), None)


def test_looking_again_changes_nothing() -> None:
    stood = standing(last_notified_at=NOW - MINUTE, thread_line_at=NOW + MINUTE)
    decided = look(notified_firing=3, standing=stood)
    assert (decided.lines, decided.standing, decided.reason) == ((), stood, None)


def test_a_clock_that_went_back_silences_nobody() -> None:
    far = NOW + timedelta(days=1)
    decided = look(notified_firing=1, new=1, standing=standing(thread_line_at=far, last_notified_at=far, loud_at=far))
    assert decided.lines[0].say_at == NOW + 5 * MINUTE
    assert decided.due_at == NOW + 5 * MINUTE + timedelta(hours=4)
    quiet = look(notified_firing=1, standing=standing(thread_line_at=far, last_notified_at=far, loud_at=far))
    assert quiet.due_at == NOW + timedelta(hours=4)
    many = look(notified_firing=20, standing=standing(thread_line_at=far, last_notified_at=far, loud_at=far))
    assert many.due_at == NOW + LOUD_APART
