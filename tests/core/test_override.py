"""Who stands in for whom: what is asked for in words becomes an override of one schedule, or a reason why not."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from router.core.acts.override import (
    MOST_OPEN,
    MadeOverride,
    OverrideError,
    Wanted,
    by_schedule,
    given_back,
    made,
    swapped,
    without_effect,
)
from rules.language.times import moment
from rules.model.oncall import turn_at
from rules.model.ruleset import RuleSet
from tests.rules.reading import at, rules

RULES = rules("""
timezone: Europe/Berlin
people:
  alice: {email: alice@example.com}
  bob: {email: bob@example.com}
  carol: {email: carol@example.com}
  lead: {email: lead@example.com}
oncall:
  payments: {rotation: {people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02}}
  search: {timezone: UTC, rotation: {people: [carol, alice], every: 1d, handoff: 09:00, starts: 2026-11-02}}
""")
NOW = at("2026-11-03T12:00+01:00")
HOUR = timedelta(hours=1)


def with_(*stored: MadeOverride, of: RuleSet = RULES) -> RuleSet:
    return of.with_overrides(by_schedule(stored))


def on_call(found: RuleSet, schedule: str, when: datetime) -> str:
    return turn_at(found.schedules[schedule], when).person


@pytest.mark.parametrize(
    ("wanted", "schedule", "begins"),
    [
        (Wanted("bob", HOUR, "bob"), "payments", NOW),
        (Wanted("carol", HOUR, "bob", "SEARCH"), "search", NOW),
        (Wanted("lead", HOUR, "lead", "payments", 22 * 60), "payments", at("2026-11-03T22:00+01:00")),
        (Wanted("lead", HOUR, "lead", "payments", 12 * 60), "payments", NOW),
        (Wanted("lead", HOUR, "lead", "payments", 11 * 60), "payments", at("2026-11-04T11:00+01:00")),
        (Wanted("lead", HOUR, "lead", "search", 11 * 60 + 30), "search", at("2026-11-03T11:30+00:00")),
        (Wanted("lead", HOUR, "lead", "search", moment("2026-12-24T18:00")), "search", at("2026-12-24T18:00+00:00")),
        (Wanted("lead", HOUR, "lead", "payments", moment("2026-12-24")), "payments", at("2026-12-24T00:00+01:00")),
        # 02:30 is skipped there, and the first minute that exists is meant.
        (Wanted("bob", HOUR, "bob", "", moment("2027-03-28T02:30")), "payments", at("2027-03-28T03:00+02:00")),
    ],
)
def test_what_is_asked_for_is_made(wanted: Wanted, schedule: str, begins: datetime) -> None:
    one = made(wanted, RULES, [], NOW)
    assert (one.schedule, one.person, one.begins, one.ends) == (schedule, wanted.person, begins, begins + HOUR)
    assert (one.made_by, one.made_at) == (wanted.by, NOW)
    after = with_(replace(one, number=1))
    assert on_call(after, schedule, begins) == on_call(after, schedule, begins + HOUR * 0.99) == wanted.person
    assert on_call(after, schedule, begins + HOUR) == on_call(RULES, schedule, begins + HOUR)
    assert turn_at(after.schedules[schedule], begins).is_override


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Wanted("alice", HOUR, "alice"), "of which schedule: payments, search?"),
        (Wanted("lead", HOUR, "lead"), "of which schedule: payments, search?"),
        (Wanted("bob", HOUR, "bob", "paymens"), "the rules have no schedule called paymens; did you mean payments?"),
        (Wanted("bob", HOUR, "bob", "x"), "the rules have no schedule called x"),
        (Wanted("alice", HOUR, "alice", "payments"), "alice is on call for payments then already"),
        (Wanted("bob", HOUR, "bob", "", moment("2026-11-03T10:00")), "that is past"),
        (Wanted("bob", HOUR, "bob", "", moment("2028-11-03T10:00")), "that is more than a year ahead"),
    ],
)
def test_why_nothing_is_made(wanted: Wanted, why: str) -> None:
    with pytest.raises(OverrideError) as found:
        made(wanted, RULES, [], NOW)
    assert str(found.value) == why


def test_who_is_on_call_for_a_part_of_it_takes_all_of_it() -> None:
    one = made(Wanted("alice", timedelta(days=7), "alice", "payments"), RULES, [], NOW)
    assert one.ends == NOW + timedelta(days=7)


def test_the_one_made_last_wins_over_the_file_and_the_ones_before() -> None:
    of_file = rules("""
timezone: UTC
people: {alice: {email: alice@example.com}, bob: {email: bob@example.com}, lead: {email: lead@example.com}}
oncall:
  s:
    rotation: {people: [alice], every: 1d, handoff: 09:00, starts: 2026-11-01}
    overrides: [{person: lead, from: 2026-11-03T00:00, until: 2026-11-05T00:00}]
""")
    first = replace(made(Wanted("bob", 4 * HOUR, "bob"), of_file, [], NOW), number=1)
    second = replace(made(Wanted("alice", HOUR, "bob"), with_(first, of=of_file), [first], NOW), number=2)
    assert on_call(of_file, "s", NOW) == "lead"
    for order in ((first, second), (second, first)):
        found = with_(*order, of=of_file)
        assert [on_call(found, "s", NOW + HOUR * number) for number in (0, 1, 3, 4)] == ["alice", "bob", "bob", "lead"]


def test_a_schedule_has_only_so_many() -> None:
    one = made(Wanted("bob", HOUR, "bob"), RULES, [], NOW)
    assert made(Wanted("bob", HOUR, "bob"), RULES, [one] * (MOST_OPEN - 1), NOW) == one
    with pytest.raises(OverrideError, match="payments has 100 overrides already; end some"):
        made(Wanted("bob", HOUR, "bob"), RULES, [one] * MOST_OPEN, NOW)
    assert made(Wanted("carol", HOUR, "a", "search"), RULES, [one] * MOST_OPEN, NOW).schedule == "search"


def test_two_people_change_their_turns_for_each_other() -> None:
    mine, theirs = swapped(RULES, "", "bob", "alice", "bob", [], NOW)
    assert (mine.person, mine.begins, mine.ends) == (
        "alice",
        at("2026-11-09T09:00+01:00"),
        at("2026-11-16T09:00+01:00"),
    )
    assert (theirs.person, theirs.begins, theirs.ends) == ("bob", NOW, at("2026-11-09T09:00+01:00"))
    found = with_(replace(mine, number=1), replace(theirs, number=2))
    assert [on_call(found, "payments", NOW + timedelta(days=days)) for days in (0, 6, 13)] == ["bob", "alice", "alice"]


@pytest.mark.parametrize(
    ("schedule", "other", "why"),
    [
        ("", "alice", "nobody swaps with themselves"),
        ("payments", "lead", "no turn of lead in payments is in sight that ends"),
        ("", "lead", "of which schedule: payments, search?"),
    ],
)
def test_why_nothing_is_swapped(schedule: str, other: str, why: str) -> None:
    with pytest.raises(OverrideError) as found:
        swapped(RULES, schedule, "alice", other, "alice", [], NOW)
    assert str(found.value) == why


def test_what_was_taken_is_given_back() -> None:
    running = replace(made(Wanted("bob", HOUR, "bob"), RULES, [], NOW), number=1)
    later = replace(made(Wanted("lead", HOUR, "bob", "payments", 22 * 60), RULES, [], NOW), number=2)
    elsewhere = replace(made(Wanted("lead", HOUR, "lead", "search"), RULES, [], NOW), number=3)
    open_, soon = (running, later, elsewhere), NOW + HOUR / 2
    assert given_back(RULES, "", "bob", "bob", open_, soon) == (
        replace(running, ends=soon, ended_by="bob"),
        replace(later, begins=soon, ends=soon, ended_by="bob"),
    ), "what he made others take is his to end"
    assert given_back(RULES, "payments", "lead", "alice", open_, soon) == (
        replace(later, begins=soon, ends=soon, ended_by="alice"),
    )
    for asked, why in {
        ("", "alice"): "there is no override to end",
        ("", "lead"): "of which schedule: payments, search?",
        ("search", "bob"): "there is no override to end",
        ("nowhere", "bob"): "the rules have no schedule called nowhere",
    }.items():
        with pytest.raises(OverrideError) as found:
            given_back(RULES, *asked, asked[1], open_, soon)
        assert str(found.value) == why


def test_one_whose_schedule_or_person_is_gone_changes_nothing_and_is_said() -> None:
    gone = rules("""
people: {alice: {email: alice@example.com}, lead: {email: lead@example.com}}
oncall: {payments: {rotation: {people: [alice], every: 1d, handoff: 09:00, starts: 2026-11-01}}}
""")
    stored = [
        MadeOverride("payments", "bob", NOW, NOW + HOUR, "bob", NOW, number=1),
        MadeOverride("search", "alice", NOW, NOW + HOUR, "alice", NOW, number=2),
    ]
    assert on_call(with_(*stored, of=gone), "payments", NOW) == "alice"
    assert list(without_effect(stored, gone)) == [
        "the override of bob in payments has no effect: the rules have no such person",
        "the override of alice in search has no effect: the rules have no such schedule",
    ]
    assert list(without_effect(stored, RULES)) == []
    back = with_(*stored)
    assert on_call(back, "payments", NOW) == "bob", "it has effect again with rules that have them"
