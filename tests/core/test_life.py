"""The life of an incident, held cell by cell against the tables that people read (docs/design/life.md)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.alert import Severity
from router.core.acts.button import Verb
from router.core.acts.life import (
    RUNS_OUT,
    TABLE,
    Act,
    Acted,
    Already,
    Escalation,
    Lasts,
    Move,
    Refused,
    Timer,
    brought_back,
    decide,
    limits,
    woken_by_rise,
)
from router.core.view import Limit, Phase, Response, State
from rules.model.route import Sla

PAGE = (Path(__file__).parents[2] / "docs" / "design" / "life.md").read_text()
NOW = datetime(2026, 11, 21, 2, 14, tzinfo=UTC)
LASTS = Lasts(timedelta(hours=4), timedelta(hours=2))
ACTS: Mapping[str, Verb | Timer] = {**{verb.value: verb for verb in Verb}, **{timer.value: timer for timer in Timer}}


def table(first: str) -> list[dict[str, str]]:
    """The rows of the table whose first column is called so."""
    lines = PAGE.split("\n")
    begin = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    head, found = _cells(lines[begin]), []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        found.append(dict(zip(head, _cells(line), strict=True)))
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


MOVES = [(row["act"], place, cell) for row in table("act") for place, cell in row.items() if place != "act"]


@pytest.mark.parametrize(("act", "place", "cell"), MOVES)
def test_an_act_makes_of_it_what_the_page_says(act: str, place: str, cell: str) -> None:
    states = [(State.RESOLVED, phase) for phase in Phase] if place == "over" else [(State.TRIGGERED, Phase(place))]
    for state, phase in states:
        found = TABLE[state][phase].get(ACTS[act])
        match cell:
            case "–":
                assert found is None
            case "already":
                assert isinstance(found, Already)
            case "refused":
                assert isinstance(found, Refused)
            case "stays":
                assert isinstance(found, Move)
                assert found.to is None
            case _:
                assert isinstance(found, Move)
                assert found.to is Phase(cell)


def test_the_page_has_every_act_and_every_phase() -> None:
    named = {act for act, _, _ in MOVES}
    in_table = {verb.value for rows in TABLE.values() for row in rows.values() for verb in row}
    assert named == in_table
    assert {place for _, place, _ in MOVES} == {*Phase, "over"}


def test_each_line_is_told_as_the_page_says() -> None:
    moves = {
        move.kind: move
        for rows in TABLE.values()
        for row in rows.values()
        for move in row.values()
        if isinstance(move, Move)
    }
    said = {row["line"]: row for row in table("line")}
    assert {kind.value for kind in moves} == said.keys()
    paging = {
        Escalation.AS_IT_WAS: "",
        Escalation.STOPS: "stops",
        Escalation.GOES_ON: "goes on",
        Escalation.REACHES: "reaches",
    }
    for kind, move in moves.items():
        row = said[kind.value]
        assert (row["told as"], row["paging"], row["rings"] == "rings") == (
            move.told.value,
            paging[move.escalation],
            move.rings,
        )


def test_who_did_it_until_when_and_with_what_words_is_kept() -> None:
    acked = decide(State.TRIGGERED, Response(), Act(Verb.ACKNOWLEDGE, by="maria"), NOW, LASTS)
    assert isinstance(acked, Acted)
    assert acked.response == Response(Phase.ACKNOWLEDGED, "maria", NOW, NOW + timedelta(hours=4))
    again = decide(State.TRIGGERED, acked.response, Act(Verb.ACKNOWLEDGE, by="bob"), NOW, LASTS)
    assert again == Already("maria has acknowledged it")
    closed = decide(State.TRIGGERED, acked.response, Act(Verb.RESOLVE, by="bob", note="done"), NOW, LASTS)
    assert isinstance(closed, Acted)
    assert closed.response == Response(Phase.CLOSED, "bob", NOW, NOW + timedelta(hours=2), "done")
    over = decide(State.TRIGGERED, closed.response, Act(Timer.CLOSED_OVER), NOW, LASTS)
    assert isinstance(over, Acted)
    assert over.response == Response()


def test_without_a_limit_it_lasts() -> None:
    for verb in (Verb.ACKNOWLEDGE, Verb.RESOLVE):
        acted = decide(State.TRIGGERED, Response(), Act(verb, by="maria"), NOW, Lasts(None, None))
        assert isinstance(acted, Acted)
        assert acted.response.until is None


def test_what_stands_beside_the_phase_stays_when_it_changes() -> None:
    assigned = Response(assigned=("bob",), severity=Severity.LOW)
    acked = decide(State.TRIGGERED, assigned, Act(Verb.ACKNOWLEDGE, by="maria"), NOW, LASTS)
    assert isinstance(acked, Acted)
    assert (acked.response.assigned, acked.response.severity) == (("bob",), Severity.LOW)
    noted = decide(State.TRIGGERED, acked.response, Act(Verb.NOTE, by="bob", note="x"), NOW, LASTS)
    assert isinstance(noted, Acted)
    assert noted.response == acked.response


RESPONSES = st.builds(
    Response,
    phase=st.sampled_from(Phase),
    by=st.sampled_from(["", "maria"]),
    assigned=st.sampled_from([(), ("bob",)]),
    severity=st.none() | st.sampled_from(Severity),
)


@given(RESPONSES)
def test_news_brings_back_what_was_closed_and_a_rise_what_was_put_off_and_nothing_else_changes(
    response: Response,
) -> None:
    for changed, opens in (
        (brought_back(response), {Phase.CLOSED}),
        (woken_by_rise(response), {Phase.CLOSED, Phase.SNOOZED}),
    ):
        if response.phase in opens:
            assert changed == Response(assigned=response.assigned, severity=response.severity)
        else:
            assert changed == response


@given(st.sampled_from(State), RESPONSES, st.sampled_from([*Verb, *Timer]))
def test_any_act_at_any_time_has_one_outcome(state: State, response: Response, verb: Verb | Timer) -> None:
    found = decide(state, response, Act(verb, by="maria", until=NOW + timedelta(hours=1)), NOW, LASTS)
    if not isinstance(found, Acted):
        return
    after = found.response
    if found.move.to is None:
        assert (after.phase, after.by, after.until) == (response.phase, response.by, response.until)
    else:
        assert after.phase is found.move.to
        assert (after.by, after.at) == (("", None) if after.phase is Phase.OPEN else ("maria", NOW))


def test_a_limit_is_asked_about_once_and_waits_while_it_is_put_off_or_closed() -> None:
    """Row 47: each of a route's times, counted from the first word; what was settled is not asked again."""
    minute, sla = timedelta(minutes=1), Sla(timedelta(minutes=15), timedelta(hours=4))
    both = [(NOW + 15 * minute, Timer.SLA_ACKNOWLEDGE), (NOW + 240 * minute, Timer.SLA_RESOLVE)]
    assert limits(sla, NOW, State.TRIGGERED, Response()) == both
    assert limits(sla, NOW, State.TRIGGERED, Response(Phase.SNOOZED)) == []
    assert limits(sla, NOW, State.TRIGGERED, Response(Phase.CLOSED)) == both[:1]
    assert limits(sla, NOW, State.RESOLVED, Response()) == both
    assert limits(sla, NOW, State.TRIGGERED, Response(met=(Limit.ACKNOWLEDGE,))) == both[1:]
    assert limits(sla, NOW, State.TRIGGERED, Response(missed=(Limit.RESOLVE,))) == both[:1]
    assert limits(Sla(resolve=minute), NOW, State.TRIGGERED, Response()) == [(NOW + minute, Timer.SLA_RESOLVE)]
    assert limits(None, NOW, State.TRIGGERED, Response()) == []


def test_every_phase_that_can_end_by_itself_has_its_timer() -> None:
    assert RUNS_OUT.keys() == set(Phase) - {Phase.OPEN}
    for phase, timer in RUNS_OUT.items():
        move = TABLE[State.TRIGGERED][phase][timer]
        assert isinstance(move, Move)
        assert move.to is Phase.OPEN
