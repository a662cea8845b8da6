"""Which sounds are deserved: a rise above what stands, what is muted, how long a group has waited, what moves in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapters.alert import Severity
from router.core.evaluation import (
    COMES_BACK,
    MANY,
    Decision,
    Line,
    NotificationState,
    Snapshot,
    Wait,
    continue_elsewhere,
    plan,
)
from router.core.view import EntryKind, State
from rules.model.route import Loudness, RouteSettings, Tell

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
SETTINGS = RouteSettings(("#db",), repeat_interval=None)
WAIT = timedelta(seconds=10)
"""The default group_wait."""
LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL


def stood(loud: Severity = HIGH, **changes: Any) -> NotificationState:
    begun = NOW - 8 * HOUR
    plain = NotificationState(State.TRIGGERED, begun, begun, begun, 1, loud, begun)
    return msgspec.structs.replace(plain, **changes)


def look(**facts: Any) -> Decision:
    return plan(Snapshot(**{"now": NOW, "settings": SETTINGS, "severity": HIGH, **facts}))


def left(decided: Decision) -> NotificationState:
    assert decided.standing is not None
    return decided.standing


def with_settings(**changes: Any) -> RouteSettings:
    return msgspec.structs.replace(SETTINGS, **changes)


# A rise above what stands now.


def test_what_fell_is_a_rise_when_it_is_as_bad_again() -> None:
    fallen = look(notified_firing=1, severity=LOW, standing=stood(CRITICAL))
    assert (fallen.lines, left(fallen).loud_severity) == ((), LOW)
    risen = look(notified_firing=1, severity=CRITICAL, standing=left(fallen))
    assert risen.lines == (Line(EntryKind.WORSE, say_at=NOW, is_broadcast=True, is_for_paged=True, is_rise=True),)
    assert (risen.pages, risen.is_rise, left(risen).loud_severity) == (True, True, CRITICAL)


def test_another_that_is_critical_is_a_rise_once_the_first_has_ended() -> None:
    ended = look(notified_firing=1, ended=1, severity=LOW, standing=stood(CRITICAL))
    joined = look(notified_firing=1, new=1, severity=CRITICAL, standing=left(ended))
    assert [line.kind for line in joined.lines] == [EntryKind.WORSE]
    assert joined.pages


def test_what_falls_in_a_quiet_window_is_a_rise_when_the_window_ends() -> None:
    fallen = look(notified_firing=1, severity=LOW, is_suppressed=True, standing=stood(CRITICAL))
    risen = look(notified_firing=1, severity=CRITICAL, is_suppressed=True, standing=left(fallen))
    assert (risen.lines, risen.pages) == ((), False)
    assert look(notified_firing=1, severity=CRITICAL, standing=left(risen)).pages


def test_more_alerts_are_worse_and_page_nobody_anew() -> None:
    decided = look(notified_firing=MANY, severity=CRITICAL, standing=stood(CRITICAL))
    assert [(line.kind, line.is_rise, line.is_for_paged) for line in decided.lines] == [(EntryKind.WORSE, False, True)]
    assert not decided.pages


@pytest.mark.parametrize(("how_loud", "pages"), [(Loudness.EDIT, True), (Loudness.NONE, False)])
def test_a_rise_that_is_told_nobody_pages_nobody(how_loud: Loudness, *, pages: bool) -> None:
    settings = with_settings(tell=Tell(worse=how_loud))
    decided = look(notified_firing=1, severity=CRITICAL, settings=settings, standing=stood())
    assert decided.pages is pages


@pytest.mark.parametrize("severity", [None, LOW, CRITICAL])
@pytest.mark.parametrize("before", [None, LOW, CRITICAL])
def test_a_reload_of_a_routes_severity_is_no_rise(before: Severity | None, severity: Severity | None) -> None:
    was = look(notified_firing=1, settings=with_settings(severity=before), standing=stood())
    reloaded = look(notified_firing=1, settings=with_settings(severity=severity), standing=left(was))
    assert (reloaded.lines, reloaded.pages) == ((), False)


def test_what_rose_under_a_routes_severity_is_no_rise_when_that_goes() -> None:
    hidden = look(notified_firing=1, severity=CRITICAL, settings=with_settings(severity=LOW), standing=stood(MEDIUM))
    assert hidden.lines == ()
    shown = look(notified_firing=1, severity=CRITICAL, standing=left(hidden))
    assert (shown.lines, shown.pages) == ((), False)


# What is muted is no reason for a sound.


@pytest.mark.parametrize(("muted", "kinds"), [(2, []), (1, [EntryKind.REPEAT])])
def test_what_is_all_muted_is_not_repeated(muted: int, kinds: list[EntryKind]) -> None:
    settings = with_settings(repeat_interval=HOUR)
    free_at = NOW + 2 * HOUR
    decided = look(
        notified_firing=2, muted=muted, unmuted_severity=LOW, settings=settings, free_at=free_at, standing=stood()
    )
    assert [line.kind for line in decided.lines] == kinds
    assert decided.due_at == (NOW + HOUR if kinds else free_at)


def test_what_rises_while_it_is_muted_is_loud_when_it_is_free() -> None:
    facts = {"notified_firing": 2, "severity": CRITICAL, "standing": stood(MEDIUM)}
    held = look(**facts, muted=1, unmuted_severity=MEDIUM)
    assert (held.lines, held.pages) == ((), False)
    freed = look(**{**facts, "standing": left(held)})
    assert ([line.kind for line in freed.lines], freed.pages) == ([EntryKind.WORSE], True)


def test_a_repeat_because_of_others_is_no_word_about_what_is_muted() -> None:
    facts = {"notified_firing": 2, "severity": CRITICAL, "settings": with_settings(repeat_interval=HOUR)}
    repeated = look(**facts, muted=1, unmuted_severity=LOW, standing=stood(MEDIUM))
    assert [line.kind for line in repeated.lines] == [EntryKind.REPEAT]
    assert look(**facts, standing=left(repeated)).is_rise


def test_the_end_of_a_maintenance_is_no_rise() -> None:
    settings = with_settings(repeat_interval=HOUR)
    facts = {"notified_firing": 2, "severity": CRITICAL, "settings": settings}
    repeated = look(**facts, muted=1, unmuted_severity=LOW, standing=stood(CRITICAL))
    assert [line.kind for line in repeated.lines] == [EntryKind.REPEAT]
    freed = look(**facts, standing=left(repeated))
    assert freed.lines == ()


def test_many_that_are_muted_are_not_many() -> None:
    facts = {"notified_firing": 2 * MANY, "severity": HIGH, "unmuted_severity": HIGH}
    assert look(**facts, muted=2 * MANY - 1, standing=stood()).lines == ()
    assert [line.kind for line in look(**facts, muted=MANY, standing=stood()).lines] == [EntryKind.WORSE]


def test_what_was_told_before_is_not_many_when_it_is_free() -> None:
    risen = look(notified_firing=MANY, muted=MANY - 1, severity=CRITICAL, unmuted_severity=CRITICAL, standing=stood())
    assert left(risen).loud_firing == MANY
    later = msgspec.structs.replace(left(risen), loud_at=NOW - HOUR)
    assert look(notified_firing=MANY, severity=CRITICAL, standing=later).lines == ()


def test_ends_of_what_is_muted_are_told() -> None:
    ends = look(notified_firing=1, muted=1, ended=1, standing=stood())
    assert [line.kind for line in ends.lines] == [EntryKind.SOME_RESOLVED]
    assert look(ended=1, standing=stood()).resolves


# group_wait counts from the group's first alert.


def test_the_wait_outlives_the_alert_that_began_it() -> None:
    began = NOW - 9 * SECOND
    ended = look(waiting_since=began)
    assert (ended.wait, ended.due_at) == (Wait(began, NOW + COMES_BACK), NOW + COMES_BACK)
    again = look(now=NOW + SECOND, new=1, waiting_since=NOW + SECOND, wait=ended.wait)
    assert (again.opens, again.wait) == (True, None)


def test_what_comes_back_later_waits_anew() -> None:
    kept = Wait(NOW - MINUTE, NOW)
    assert look(wait=kept) == Decision()
    decided = look(new=1, waiting_since=NOW, wait=kept)
    assert (decided.opens, decided.wait, decided.due_at) == (False, Wait(NOW), NOW + WAIT)


def test_a_long_wait_is_kept_as_long() -> None:
    settings = with_settings(group_wait=5 * MINUTE)
    ended = look(waiting_since=NOW - MINUTE, settings=settings)
    assert ended.due_at == NOW + 5 * MINUTE
    evaluated = look(now=NOW + MINUTE, settings=settings, wait=ended.wait)
    assert evaluated.wait == ended.wait, "an evaluation for another reason keeps it no longer"


def test_a_wait_that_lies_ahead_is_not_kept_for_longer_than_it_would_be() -> None:
    kept = Wait(NOW + HOUR, NOW + HOUR + COMES_BACK)
    assert look(wait=kept).wait == Wait(NOW, NOW + COMES_BACK), "the clock went back"


@pytest.mark.parametrize(("fires_for", "is_told"), [(WAIT + timedelta(milliseconds=1), True), (WAIT, False)])
def test_what_fires_for_longer_than_group_wait_when_it_comes_is_told_at_once(
    fires_for: timedelta, *, is_told: bool
) -> None:
    assert look(new=1, waiting_since=NOW, waiting_started_at=NOW - fires_for).opens is is_told


def test_only_what_begins_the_group_is_asked_since_when_it_fires() -> None:
    assert not look(new=2, waiting_since=NOW, waiting_started_at=NOW - HOUR, wait=Wait(NOW - SECOND)).opens


def test_the_end_of_an_incident_leaves_no_wait() -> None:
    assert look(ended=1, standing=stood()).wait is None


# An incident moves in.


def moves_in(
    *, said: Severity = MEDIUM, stands: bool = True, last: NotificationState | None = None, **facts: Any
) -> Decision:
    told = {
        "now": NOW,
        "settings": SETTINGS,
        "severity": MEDIUM,
        "new": 1,
        "arriving": 1,
        "waiting_since": NOW,
        **facts,
    }
    snapshot = Snapshot(**told)
    return continue_elsewhere(
        plan(snapshot), snapshot, last or stood(said), said=said, is_primary=stands, stands=stands
    )


def test_what_moves_in_alone_is_no_news() -> None:
    assert [(line.kind, line.say_at) for line in moves_in().lines] == [(EntryKind.MOVED, None)]


@pytest.mark.parametrize("stands", [True, False])
def test_what_waited_here_has_its_line_and_its_sound(*, stands: bool) -> None:
    decided = moves_in(new=2, stands=stands)
    assert decided.lines[1:] == (Line(EntryKind.MORE, say_at=NOW, is_broadcast=stands, is_for_paged=True),)
    assert left(decided).loud_firing == 2


def test_what_waited_here_and_is_worse_is_a_rise() -> None:
    decided = moves_in(new=2, severity=CRITICAL)
    assert [(line.kind, line.is_rise) for line in decided.lines] == [(EntryKind.MOVED, False), (EntryKind.WORSE, True)]


@pytest.mark.parametrize(("how_loud", "stands"), [(Loudness.EDIT, True), (Loudness.CHANNEL, False)])
def test_what_waited_here_has_its_line_where_the_rise_has_none(how_loud: Loudness, *, stands: bool) -> None:
    decided = moves_in(new=2, severity=CRITICAL, stands=stands, settings=with_settings(tell=Tell(worse=how_loud)))
    assert [(line.kind, line.say_at, line.is_broadcast, line.is_for_paged) for line in decided.lines[1:]] == [
        (EntryKind.WORSE, None, False, True),
        (EntryKind.MORE, NOW, stands, False),
    ]


def test_a_rise_pages_where_it_goes_unless_it_is_told_nobody() -> None:
    facts: dict[str, Any] = {"new": 1, "arriving": 1, "severity": CRITICAL, "waiting_since": NOW}
    for how_loud, pages in ((Loudness.EDIT, True), (Loudness.NONE, False)):
        snapshot = Snapshot(NOW, with_settings(tell=Tell(worse=how_loud)), **facts)
        quietly = msgspec.structs.replace(plan(snapshot), pages=False)  # nothing of it is new, or rose when it came
        decided = continue_elsewhere(quietly, snapshot, stood(MEDIUM), said=MEDIUM, is_primary=True, stands=True)
        assert decided.pages is pages


def test_what_falls_as_it_moves_is_a_rise_later() -> None:
    decided = moves_in(severity=LOW, last=stood(CRITICAL), said=CRITICAL)
    assert [line.kind for line in decided.lines] == [EntryKind.MOVED]
    assert look(notified_firing=1, severity=HIGH, standing=left(decided)).is_rise


def test_a_move_to_a_route_that_says_a_worse_severity_is_a_rise() -> None:
    assert moves_in(settings=with_settings(severity=CRITICAL)).is_rise
    assert not moves_in(settings=with_settings(severity=LOW)).is_rise


def test_a_rise_that_was_held_where_it_came_from_is_loud_where_it_goes() -> None:
    assert moves_in(severity=CRITICAL, last=stood(MEDIUM), said=CRITICAL).is_rise
