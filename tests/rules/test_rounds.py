"""What a policy does from an instant on, step by step and round by round."""

import pytest

from rules.model.escalation_rounds import Call, first_round, lines, rounds
from tests.rules.reading import at, rules

RULES = """timezone: Europe/Berlin
routing: {channel: "#a"}
people: {alice: {email: alice@example.com}, bob: {email: bob@example.com}, lead: {email: lead@example.com}}
windows: {nights: {hours: 22:00-06:00}, office: {days: [mon-fri], hours: 09:00-18:00}}
oncall:
  pay: {rotation: {people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02}}
  later: {rotation: {people: [bob], every: 1d, handoff: 09:00, starts: 2027-01-01}}
escalation:
  pay:
    steps: [{oncall: pay}, {after: 10m, person: [lead, bob]}, {after: 20m, channel: ["#x", "#y"]}]
    repeat: 2
    every: 30m
  office: {steps: [{person: lead, only: [office]}, {after: 5m, oncall: pay}, {after: 15m, person: bob, quiet: [nights]}, {after: 1h, person: lead}]}
  nobody: {steps: [{person: lead}, {after: 10m, oncall: later}, {after: 1h, person: bob}]}
  groups: {steps: [{group: "@sre"}, {after: 5m, webhook: pager}, {after: 10m, person: bob}]}
  relay: {steps: [{person: lead}, {after: 10m, oncall: pay}]}
  late: {steps: [{oncall: later}]}
webhooks: {pager: {format: json, url: https://pager.example}}
"""
FOUND = rules(RULES)


def said(policy: str, when: str) -> list[str]:
    return lines(rounds(FOUND.policies[policy], FOUND, at(when)), at(when), "Europe/Berlin")


def test_every_step_of_every_round_until_all_rounds_end() -> None:
    assert said("pay", "2026-11-24T12:00+01:00") == [
        "Tue 12:00  bob: on call for pay until Mon 09:00 CET",
        "Tue 12:10  lead, bob: named in the rules",
        "Tue 12:20  #x, #y: told in #x, #y",
        "Tue 12:30  round 2: the same again",
        "Tue 13:00  round 3: the same again",
    ]


def test_who_is_on_call_is_asked_for_each_rounds_own_instant() -> None:
    assert said("pay", "2026-11-30T08:20+01:00") == [
        "Mon 08:20  bob: on call for pay until Mon 09:00 CET",
        "Mon 08:30  lead, bob: named in the rules",
        "Mon 08:40  #x, #y: told in #x, #y",
        "Mon 08:50  round 2: the same again",
        "Mon 09:20  round 3: alice: on call for pay until 2026-12-07 09:00 CET",
        "Mon 09:30  lead, bob: named in the rules",
        "Mon 09:40  #x, #y: told in #x, #y",
    ]


def test_who_is_on_call_is_asked_for_each_steps_own_instant() -> None:
    assert said("relay", "2026-11-30T08:55+01:00") == [
        "Mon 08:55  lead: named in the rules",
        "Mon 09:05  alice: on call for pay until 2026-12-07 09:00 CET",
    ]


def test_a_step_may_carry_only_or_quiet_outside_it_the_step_is_skipped() -> None:
    assert said("office", "2026-11-24T12:00+01:00")[0] == "Tue 12:00  lead: named in the rules"
    assert said("office", "2026-11-24T23:00+01:00") == [
        "Tue 23:00  lead is skipped outside office",
        # The round begins with the first step that reaches somebody.
        "Tue 23:00  bob: on call for pay until Mon 09:00 CET",
        "Tue 23:15  bob is skipped during nights",
        # And what is left out later wakes nobody sooner.
        "Wed 00:00  lead: named in the rules",
    ]


def test_nobody_on_call_the_next_step_at_once_and_it_is_said() -> None:
    assert said("nobody", "2026-11-24T12:00+01:00") == [
        "Tue 12:00  lead: named in the rules",
        "Tue 12:10  nobody on call for later",
        "Tue 12:10  bob: named in the rules",
    ]
    assert said("late", "2026-11-24T12:00+01:00") == ["Tue 12:00  nobody on call for later"]


def test_a_group_and_a_webhook_are_steps_like_others() -> None:
    assert said("groups", "2026-11-24T12:00+01:00") == [
        "Tue 12:00  group @sre: named in the rules",
        "Tue 12:05  webhook pager: named in the rules",
        "Tue 12:10  bob: named in the rules",
    ]


def test_a_call_names_its_place() -> None:
    [_, call, _] = first_round(FOUND.policies["pay"], FOUND, at("2026-11-24T12:00+01:00"))
    assert call == Call(1, 2, at("2026-11-24T12:10+01:00"), "lead, bob", ("lead", "bob"), (), "named in the rules")


@pytest.mark.parametrize("policy", sorted(FOUND.policies))
@pytest.mark.parametrize("when", ["2026-11-24T12:00+01:00", "2026-11-24T23:00+01:00", "2026-11-30T08:20+01:00"])
def test_the_first_that_is_reached_is_whom_a_page_reaches(policy: str, when: str) -> None:
    page = FOUND.page_for(policy)
    assert page is not None
    reached = FOUND.on_call(page, at(when))
    calls = [call for call in first_round(FOUND.policies[policy], FOUND, at(when)) if not call.is_missed]
    if reached.nobody:
        assert calls == []
    else:
        assert calls[0].at == at(when)
        assert calls[0].persons == tuple(person.name for person in reached.persons)
