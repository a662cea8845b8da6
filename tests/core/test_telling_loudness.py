"""How loud a plan is: every value of `tell` for every change, against a table written out by hand."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from adapters.alert import Severity
from router.core.evaluation import Line, NotificationState, Snapshot, plan
from router.core.view import EntryKind, State
from rules.model.route import Loudness, RouteSettings, Tell

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=5)
OPEN = NotificationState(State.TRIGGERED, LONG_AGO, LONG_AGO, LONG_AGO, 2, Severity.HIGH, LONG_AGO)
OVER = msgspec.structs.replace(OPEN, state=State.RESOLVED, ended_at=NOW - timedelta(minutes=1))
CHANGES = {
    "new_alerts": (EntryKind.MORE, Snapshot(NOW, RouteSettings(()), notified_firing=2, new=1, severity=Severity.HIGH)),
    "worse": (EntryKind.WORSE, Snapshot(NOW, RouteSettings(()), notified_firing=2, severity=Severity.CRITICAL)),
    "some_resolved": (
        EntryKind.SOME_RESOLVED,
        Snapshot(NOW, RouteSettings(()), notified_firing=1, ended=1, severity=Severity.HIGH),
    ),
    "resolved": (EntryKind.ALL_RESOLVED, Snapshot(NOW, RouteSettings(()), ended=2)),
    "reopened": (
        EntryKind.REOPENED,
        Snapshot(NOW, RouteSettings(()), new=1, waiting_since=NOW, severity=Severity.HIGH),
    ),
    "repeat": (EntryKind.REPEAT, Snapshot(NOW, RouteSettings(()), notified_firing=2, severity=Severity.HIGH)),
}
PAGED_HEAR = {"worse", "resolved", "reopened"}
"""Where the people paged get a new message."""


def lines(change: str, how_loud: Loudness) -> list[Line]:
    kind, facts = CHANGES[change]
    tell = msgspec.structs.replace(Tell(repeat=Loudness.NONE), **{change: how_loud})
    settings = RouteSettings(("#db",), tell=tell)
    standing = OVER if change == "reopened" else OPEN
    decided = plan(msgspec.structs.replace(facts, settings=settings, standing=standing))
    return [line for line in decided.lines if line.kind is kind]


@pytest.mark.parametrize("how_loud", Loudness)
@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_as_loud_as_said(change: str, how_loud: Loudness) -> None:
    found = lines(change, how_loud)
    if change == "repeat" and how_loud in {Loudness.NONE, Loudness.EDIT}:
        assert found == []
        return
    [line] = found
    assert (line.say_at is not None) is (how_loud in {Loudness.THREAD, Loudness.CHANNEL})
    assert line.is_broadcast is (how_loud is Loudness.CHANNEL)
    assert line.is_for_paged is (change in PAGED_HEAR and how_loud is not Loudness.NONE)


def test_the_defaults_are_those_of_telling() -> None:
    assert msgspec.to_builtins(Tell()) == {
        "new_alerts": "thread",
        "worse": "channel",
        "some_resolved": "thread",
        "resolved": "thread",
        "reopened": "channel",
        "repeat": "channel",
        "acknowledged": "thread",
        "escalated": "channel",
        "note": "none",
        "sla": "channel",
    }


def test_what_is_ten_times_as_many_is_worse_once_however_quietly() -> None:
    settings = RouteSettings(("#db",), tell=Tell(worse=Loudness.EDIT, new_alerts=Loudness.EDIT), repeat_interval=None)
    facts = Snapshot(NOW, settings, notified_firing=2, new=20, severity=Severity.HIGH, standing=OPEN)
    first = plan(facts)
    assert [(line.kind, line.say_at) for line in first.lines] == [(EntryKind.WORSE, None), (EntryKind.MORE, None)]
    assert first.standing is not None
    assert (first.standing.thread_line_at, first.standing.last_notified_at) == (LONG_AGO, LONG_AGO)
    again = plan(msgspec.structs.replace(facts, notified_firing=22, new=0, standing=first.standing))
    assert again.lines == ()


def test_alerts_told_to_the_channel_are_not_told_again_as_many() -> None:
    settings = RouteSettings(("#db",), tell=Tell(new_alerts=Loudness.CHANNEL))
    nearly = msgspec.structs.replace(OPEN, loud_at=NOW, thread_line_at=NOW, last_notified_at=NOW)
    facts = Snapshot(NOW, settings, notified_firing=2, new=10, severity=Severity.HIGH, standing=nearly)
    first = plan(facts)
    assert [line.kind for line in first.lines] == [EntryKind.MORE]
    later = NOW + timedelta(minutes=16)
    assert (
        plan(msgspec.structs.replace(facts, now=later, notified_firing=12, new=0, standing=first.standing)).lines == ()
    )


def test_a_snapshot_from_before_it_could_be_said_has_the_defaults() -> None:
    stored = msgspec.json.encode(RouteSettings(("#db",))).replace(b'"tell":', b'"once":')
    assert msgspec.json.decode(stored, type=RouteSettings).tell == Tell()


@pytest.mark.parametrize(("lately", "minutes"), [(9, 5), (10, 10), (50, 10)])
def test_ten_lines_in_an_hour_are_enough(lately: int, minutes: int) -> None:
    standing = msgspec.structs.replace(OPEN, thread_line_at=NOW, last_notified_at=NOW)
    facts = Snapshot(
        NOW,
        RouteSettings(("#db",)),
        notified_firing=2,
        new=1,
        severity=Severity.HIGH,
        standing=standing,
        lines_lately=lately,
    )
    decided = plan(facts)
    assert [line.say_at for line in decided.lines] == [NOW + timedelta(minutes=minutes)]
    # The next look a while later keeps to what is planned, though it lies beyond a group_interval.
    later = plan(msgspec.structs.replace(facts, now=NOW + timedelta(seconds=1), standing=decided.standing))
    assert [line.say_at for line in later.lines] == [NOW + timedelta(minutes=minutes)]


def test_a_group_interval_that_is_longer_stays() -> None:
    settings = RouteSettings(("#db",), group_interval=timedelta(minutes=30))
    standing = msgspec.structs.replace(OPEN, thread_line_at=NOW, last_notified_at=NOW)
    facts = Snapshot(
        NOW, settings, notified_firing=2, new=1, severity=Severity.HIGH, standing=standing, lines_lately=10
    )
    assert [line.say_at for line in plan(facts).lines] == [NOW + timedelta(minutes=30)]
