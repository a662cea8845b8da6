"""What becomes of a silence that is asked for: made, changed in place, or ended for another. Alertmanager's rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from router.core.acts.silence import (
    MOST_MATCHERS,
    Limits,
    Silence,
    SilenceError,
    SilenceState,
    Wanted,
    change,
    ended,
    holds_everything,
)
from rules.model.matcher import parse

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STORED = Silence("old", parse("a = b, c = d"), NOW - HOUR, NOW + HOUR, "maria", "why", NOW - HOUR, NOW - HOUR)


def wanted(**said: Any) -> Wanted:
    fields = {name: getattr(STORED, name) for name in ("matchers", "starts_at", "ends_at", "created_by", "comment")}
    return Wanted(**{**fields, "id": "old", **said})


def changed(asked: Wanted, stored: Silence | None = STORED, limits: Limits | None = None) -> tuple[str, Silence | None]:
    found = change(asked, stored, "new", NOW, limits or Limits())
    return found.made.id, found.ended


def test_what_holds_the_same_is_changed_in_place() -> None:
    for asked in (
        wanted(ends_at=NOW + 9 * HOUR),
        wanted(comment="other", created_by="bob"),
        wanted(matchers=parse("c = d, a = b")),
        wanted(starts_at=NOW - HOUR + timedelta(milliseconds=900)),
    ):
        found = change(asked, STORED, "new", NOW, Limits())
        assert (found.made.id, found.ended, found.made.starts_at, found.made.created_at) == (
            "old",
            None,
            STORED.starts_at,
            STORED.created_at,
        )
        assert (found.made.ends_at, found.made.comment, found.made.updated_at) == (asked.ends_at, asked.comment, NOW)


@pytest.mark.parametrize(
    "asked",
    [
        wanted(matchers=parse("a = b")),
        wanted(matchers=parse("a = b, c != d")),
        wanted(starts_at=NOW - 2 * HOUR),
        wanted(starts_at=NOW + timedelta(minutes=1)),
    ],
)
def test_what_holds_others_or_at_other_times_ends_it_and_begins_anew(asked: Wanted) -> None:
    number, over = changed(asked)
    assert number == "new"
    assert over == msgspec.structs.replace(STORED, ends_at=NOW, updated_at=NOW)


def test_one_to_come_may_begin_at_any_other_time_to_come() -> None:
    pending = msgspec.structs.replace(STORED, starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)
    assert changed(wanted(starts_at=NOW, ends_at=NOW + HOUR), pending) == ("old", None)
    number, over = changed(wanted(starts_at=NOW - HOUR, ends_at=NOW + HOUR), pending)
    assert number == "new"
    assert over is not None
    assert (over.starts_at, over.ends_at, over.state(NOW)) == (NOW, NOW, SilenceState.EXPIRED)


def test_what_is_over_stays_as_it_was() -> None:
    over = msgspec.structs.replace(STORED, ends_at=NOW - timedelta(minutes=1))
    assert changed(wanted(), over) == ("new", None)
    assert ended(over, NOW) == over


def test_a_beginning_in_the_past_is_now() -> None:
    assert change(wanted(id="", starts_at=NOW - 5 * DAY), None, "new", NOW, Limits()).made.starts_at == NOW


def test_its_states() -> None:
    states = [STORED.state(NOW + at * HOUR) for at in (-2, -1, 0, 1)]
    assert states == [SilenceState.PENDING, SilenceState.ACTIVE, SilenceState.ACTIVE, SilenceState.EXPIRED]


@pytest.mark.parametrize(
    ("begins", "ends", "is_allowed"),
    [
        (NOW, NOW + 7 * DAY, True),
        (NOW, NOW + 7 * DAY + timedelta(seconds=1), False),
        (NOW + 30 * DAY, NOW + 37 * DAY, True),
        (NOW - 30 * DAY, NOW + 7 * DAY, True),  # what is past is not silenced
        (NOW + 30 * DAY, NOW + 38 * DAY, False),
    ],
)
def test_the_longest(begins: datetime, ends: datetime, *, is_allowed: bool) -> None:
    asked = wanted(id="", starts_at=begins, ends_at=ends)
    if is_allowed:
        change(asked, None, "new", NOW, Limits(longest=7 * DAY))
        return
    with pytest.raises(SilenceError, match=r"silences\.max allows 1w"):
        change(asked, None, "new", NOW, Limits(longest=7 * DAY))


def test_an_active_one_is_not_extended_beyond_the_longest() -> None:
    asked = wanted(ends_at=STORED.starts_at + 7 * DAY + HOUR)
    with pytest.raises(SilenceError, match=r"silences\.max allows 1w"):
        change(asked, STORED, "new", NOW, Limits(longest=7 * DAY))


def test_how_much_it_may_say() -> None:
    change(wanted(id="", matchers=parse("a = b") * MOST_MATCHERS), None, "new", NOW, Limits())
    for asked in (wanted(matchers=parse("a = b") * (MOST_MATCHERS + 1)), wanted(comment="x" * 17_000)):
        with pytest.raises(SilenceError, match="at most"):
            change(asked, STORED, "new", NOW, Limits())


@pytest.mark.parametrize(
    ("matchers", "is_everything"),
    [
        ("alertname =~ .+", True),
        ("alertname =~ .*, severity != x", True),
        ("alertname != x", True),
        ("alertname !~ x|y", True),
        ("alert.severity =~ critical|high|medium|low|info", True),
        ("alert.severity =~ critical|high", False),
        ("alertname =~ .+, team = a", False),
        ("alertname =~ [a-m].*", False),
        ("alertname = x", False),
    ],
)
def test_what_holds_everything(matchers: str, *, is_everything: bool) -> None:
    assert holds_everything(parse(matchers)) is is_everything


def test_when_its_author_is_told() -> None:
    def remind_at(lasts: timedelta, remind: timedelta | None = timedelta(minutes=15)) -> datetime | None:
        asked = wanted(id="", starts_at=NOW, ends_at=NOW + lasts)
        return change(asked, None, "new", NOW, Limits(remind=remind)).made.remind_at

    assert remind_at(HOUR) == NOW + timedelta(minutes=45)
    assert remind_at(timedelta(minutes=15)) is None
    assert remind_at(HOUR, None) is None
