"""What each button and each command comes to, and the modals between: every verb, every command, every time of day."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.alert import Severity
from router.core.acts import life
from router.core.acts.button import Button, NotOurs, Verb, action_id, metadata
from router.core.acts.grammar import command as ask
from router.core.acts.grammar.command import Command, Mistake, Target, TargetKind
from router.core.acts.grammar.parse import parse
from router.core.acts.grammar.words import WORDS
from router.core.acts.life import Act, Acted, Lasts
from router.core.render.form import Form, form_view, notice_view
from router.core.view import Phase, Response, State
from router.service.responder.commands import wanted
from router.service.responder.verbs import (
    DEEDS,
    NOT_OURS,
    Declare,
    Errors,
    Extend,
    Look,
    Moment,
    Nothing,
    Silence,
    StandIn,
    Task,
    Unsilence,
    Wanted,
    Word,
    until,
)
from tests.slackworld.forms import view_error

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BERLIN = Moment(NOW, "Europe/Berlin")
HOUR = timedelta(hours=1)


def test_the_page_for_people_has_every_word() -> None:
    page = (Path(__file__).parents[2] / "docs" / "slack.md").read_text()
    table = page.partition("## What people can do")[2].partition("## ")[0]
    for word in WORDS:
        assert re.search(rf"`{word.name}[ `]", table), word.name
        found = parse(word.example or word.name, incident=12)
        assert not isinstance(found, Mistake)
        is_question = isinstance(
            found, ask.Help | ask.List | ask.Show | ask.OnCall | ask.Status | ask.Link | ask.Connect
        )
        assert is_question == (wanted(found, BERLIN) is None), word.name


def test_every_verb_and_every_reason_has_its_line() -> None:
    assert set(DEEDS) == set(Verb)
    assert set(NOT_OURS) == set(NotOurs)


@pytest.mark.parametrize("verb", list(Verb))
def test_a_button_is_an_act_a_modal_or_a_word(verb: Verb) -> None:
    match DEEDS[verb].press(Button(verb, 12, "15m" if verb is Verb.SNOOZE else ""), BERLIN):
        case Wanted() as found:
            assert (found.incident, found.verb) == (12, verb)
            assert DEEDS[verb].done
        case Form():
            assert DEEDS[verb].send is not None
            assert DEEDS[verb].done
        case Word(text):
            assert text
        case Nothing():
            assert verb is Verb.OPEN
        case Declare() | Silence() | Unsilence() as other:
            assert isinstance(other, Unsilence)
            assert verb is Verb.UNSILENCE


@pytest.mark.parametrize("verb", [verb for verb, deed in DEEDS.items() if deed.send is not None])
@pytest.mark.parametrize("number", [1, 2**63 - 1])
def test_slack_takes_every_modal(verb: Verb, number: int) -> None:
    button = Button(verb, number)
    form = DEEDS[verb].press(button, BERLIN)
    assert isinstance(form, Form)
    carried = metadata(Button(verb, number, "C0DB000"), instance="ä" * 500)
    assert view_error(form_view(form, callback_id=action_id(verb), metadata=carried)) is None


def test_the_window_of_escalate_has_no_more_than_slack_takes() -> None:
    names = tuple(f"{'team' * 60}/{number}" if number % 2 else f"p{number}" for number in range(300))
    form = DEEDS[Verb.ESCALATE].press(Button(Verb.ESCALATE, 12), Moment(NOW, "UTC", names, names))
    assert isinstance(form, Form)
    view = form_view(
        form, callback_id=action_id(Verb.ESCALATE), metadata=metadata(Button(Verb.ESCALATE, 12), instance="x")
    )
    assert view_error(view) is None


def test_slack_takes_a_notice() -> None:
    assert view_error(notice_view("Nothing was done", "There is no incident #12.")) is None


@pytest.mark.parametrize(
    ("verb", "filled", "expected"),
    [
        (Verb.RESOLVE, {"note": " the pool "}, Wanted(12, Verb.RESOLVE, note="the pool")),
        (Verb.RESOLVE, {}, Wanted(12, Verb.RESOLVE)),
        (Verb.NOTE, {"note": "x"}, Wanted(12, Verb.NOTE, note="x")),
        (Verb.NOTE, {"note": "  "}, Errors({"note": "It is empty."})),
        (
            Verb.ASSIGN,
            {"who": "U0JONAS"},
            Wanted(12, Verb.ASSIGN, people=(Target(TargetKind.USER, id="U0JONAS"),)),
        ),
        (Verb.ASSIGN, {}, Errors({"who": "Nobody is chosen."})),
        (Verb.SEVERITY, {"severity": "low"}, Wanted(12, Verb.SEVERITY, severity=Severity.LOW)),
        (Verb.SEVERITY, {"severity": "alerts"}, Wanted(12, Verb.SEVERITY)),
        (Verb.SEVERITY, {"severity": "red"}, Errors({"severity": "Nothing is chosen."})),
        (Verb.SNOOZE, {"until": "2h"}, Wanted(12, Verb.SNOOZE, until=NOW + 2 * HOUR)),
        (Verb.ESCALATE, {"to": "next"}, Wanted(12, Verb.ESCALATE)),
        (
            Verb.ESCALATE,
            {"to": "policy team/payments"},
            Wanted(12, Verb.ESCALATE, reaches=(Target(TargetKind.NAME, "team/payments"),)),
        ),
        (Verb.ESCALATE, {"to": "group @db"}, Wanted(12, Verb.ESCALATE, reaches=(Target(TargetKind.GROUP, "@db"),))),
        (
            Verb.ESCALATE,
            {"to": "next", "who": "U0JONAS"},
            Wanted(12, Verb.ESCALATE, reaches=(Target(TargetKind.USER, id="U0JONAS"),)),
        ),
        (Verb.ESCALATE, {"to": "group @db", "who": "U0JONAS"}, Errors({"who": "One of the two is enough."})),
        (
            Verb.ADD_RESPONDER,
            {"who": "U0JONAS"},
            Wanted(12, Verb.ADD_RESPONDER, reaches=(Target(TargetKind.USER, id="U0JONAS"),)),
        ),
        (Verb.ADD_RESPONDER, {}, Errors({"who": "Nobody is chosen."})),
    ],
)
def test_a_modal_is_read(verb: Verb, filled: dict[str, str], expected: Any) -> None:
    send = DEEDS[verb].send
    assert send is not None
    assert send(Button(verb, 12), filled, BERLIN) == expected


@given(st.sampled_from(list(Verb)), st.text(max_size=30), st.dictionaries(st.text(max_size=8), st.text(max_size=50)))
@settings(max_examples=300)
def test_whatever_a_button_carries_and_a_modal_says_is_an_act_or_a_word(
    verb: Verb, detail: str, filled: dict[str, str]
) -> None:
    """An error is about a field that the modal has: about another Slack would show nothing."""
    pressed = DEEDS[verb].press(Button(verb, 12, detail), BERLIN)
    send, form = DEEDS[verb].send, DEEDS[verb].press(Button(verb, 12), BERLIN)
    assert isinstance(pressed, Task | Form | Look | Word | Nothing)
    if send is None:
        return
    assert isinstance(form, Form)
    names = {field.name for field in form.fields}
    for given_ in (filled, dict.fromkeys(names, detail)):
        match send(Button(verb, 12, detail), given_, BERLIN):
            case Errors(by_field):
                assert set(by_field) <= names
            case Wanted() as found if verb is Verb.TIMELINE:  # of which incident is what it asks
                assert (str(found.incident), found.verb) == (given_["incident"].lstrip("0"), Verb.NOTE)
            case Wanted() as found:
                assert (found.incident, found.verb) == (12, verb)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15m", NOW + HOUR / 4),
        ("1h 30m", NOW + HOUR * 1.5),
        ("until 09:00", datetime(2026, 3, 5, 8, 0, tzinfo=UTC)),  # it is 13:00 in Berlin
        ("13:00", datetime(2026, 3, 5, 12, 0, tzinfo=UTC)),  # now is not the next one
        ("13:01", datetime(2026, 3, 4, 12, 1, tzinfo=UTC)),
        (" Until  9:05 ", datetime(2026, 3, 5, 8, 5, tzinfo=UTC)),
        ("0m", None),
        ("367d", None),
        ("24:00", None),
        ("09:60", None),
        ("", None),
        ("٣m", None),
    ],
)
def test_until_when(text: str, expected: datetime | None) -> None:
    assert until(text, BERLIN) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),  # 02:30 is skipped
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the first of the two
        (datetime(2026, 10, 25, 0, 45, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_time_of_day_where_the_clocks_change(at: datetime, expected: datetime) -> None:
    assert until("02:30", Moment(at, "Europe/Berlin")) == expected


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)), st.integers(0, 23), st.integers(0, 59),  # noqa: DTZ001
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)  # fmt: skip
def test_the_next_time_of_day_is_within_a_day_and_a_change_of_the_clock(
    at: datetime, hour: int, minute: int, zone: str
) -> None:
    now = at.replace(tzinfo=UTC)
    found = until(f"{hour:02}:{minute:02}", Moment(now, zone))
    assert found is not None
    assert timedelta(0) < found - now <= timedelta(hours=26)


def test_every_command_is_an_act_or_a_question() -> None:
    one = Target(TargetKind.USER, id="U1")
    acts: dict[Command, Task] = {
        ask.Acknowledge(12): Wanted(12, Verb.ACKNOWLEDGE),
        ask.Unacknowledge(12): Wanted(12, Verb.UNACKNOWLEDGE),
        ask.Resolve(12, "why"): Wanted(12, Verb.RESOLVE, note="why"),
        ask.Reopen(12): Wanted(12, Verb.REOPEN),
        ask.Note(12, "text"): Wanted(12, Verb.NOTE, note="text"),
        ask.Assign(12, one): Wanted(12, Verb.ASSIGN, people=(one,)),
        ask.Snooze(12, HOUR): Wanted(12, Verb.SNOOZE, until=NOW + HOUR),
        ask.Wake(12): Wanted(12, Verb.WAKE),
        ask.Escalate(12): Wanted(12, Verb.ESCALATE),
        ask.Escalate(12, one): Wanted(12, Verb.ESCALATE, reaches=(one,)),
        ask.AddResponders(12, (one, one)): Wanted(12, Verb.ADD_RESPONDER, reaches=(one, one)),
        ask.ChangeSeverity(12, Severity.LOW): Wanted(12, Verb.SEVERITY, severity=Severity.LOW),
        ask.New("x", "checkout", Severity.LOW): Declare("x", "checkout", Severity.LOW),
        ask.Silence((), HOUR, "why"): Silence((), NOW + HOUR, "why"),
        ask.Unsilence("7"): Unsilence("7"),
        ask.Extend("7", HOUR): Extend("7", HOUR),
        ask.Take(HOUR): StandIn(ask.Take(HOUR)),
        ask.Untake(): StandIn(ask.Untake()),
        ask.Swap(one): StandIn(ask.Swap(one)),
    }
    for command, expected in acts.items():
        assert wanted(command, BERLIN) == expected
    questions: list[Command] = [ask.Help(), ask.List(), ask.Show(12), ask.OnCall(), ask.Status()]
    later: list[Command] = [
        ask.Link(), ask.Connect(),
    ]  # fmt: skip
    for command in (*questions, *later):
        assert wanted(command, BERLIN) is None
    assert {type(one) for one in (*acts, *questions, *later)} == set(get_args(Command))


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("phase", list(Phase))
def test_what_stands_in_the_way_is_said_before_it_is_asked(state: State, phase: Phase) -> None:
    response = Response(phase, by="" if phase is Phase.OPEN else "maria")
    for verb in life.TABLE[state][phase]:
        if isinstance(verb, Verb):
            decided = life.decide(state, response, Act(verb, by="jonas"), NOW, Lasts(None, None))
            assert (life.obstacle(state, response, verb) == "") == isinstance(decided, Acted)
    assert life.obstacle(state, response, Verb.OPEN) == ""


def test_whoever_acted_is_named_as_a_sentence_begins() -> None:
    by_whom = {
        "maria": "maria",
        "via Slack (jane)": "jane (via Slack)",
        "via Slack": "somebody (via Slack)",
        "": "somebody",
    }
    for by, said in by_whom.items():
        response = Response(Phase.ACKNOWLEDGED, by=by)
        assert life.obstacle(State.TRIGGERED, response, Verb.ACKNOWLEDGE) == f"{said} has acknowledged it"
