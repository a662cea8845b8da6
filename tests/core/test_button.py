"""What buttons carry: through Slack and back, within its limits, and whatever comes that is not ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.acts import button as module
from router.core.acts.button import (
    LONGEST_METADATA,
    LONGEST_OPTION,
    LONGEST_VALUE,
    MENU,
    Button,
    NotOurs,
    Verb,
    action_id,
    decode,
    instance_mark,
    metadata,
    option_value,
    value,
)

NAMES = st.text(min_size=1, max_size=100)
BUTTONS = st.builds(Button, st.sampled_from(Verb), st.integers(0, 10**9), st.text("0123456789hm:", max_size=8))


@given(BUTTONS, NAMES)
def test_what_was_put_in_comes_out(pressed: Button, name: str) -> None:
    written = value(pressed, instance=name)
    assert len(written) <= LONGEST_VALUE
    assert decode(action_id(pressed.verb), written, instance=name) == pressed
    assert decode(action_id(pressed.verb, suffix="2"), written, instance=name) == pressed
    modal = metadata(pressed, instance=name)
    assert decode(action_id(pressed.verb), modal, instance=name) == pressed


@given(BUTTONS, NAMES)
def test_an_option_of_a_menu_has_its_own_verb_and_fits_whatever_the_instance_is_called(
    pressed: Button, name: str
) -> None:
    written = option_value(pressed, instance=name)
    assert len(written) <= LONGEST_OPTION
    assert decode(MENU, written, instance=name) == pressed


@given(NAMES, NAMES)
def test_two_instances_are_told_apart(one: str, other: str) -> None:
    written = value(Button(Verb.NOTE, 12), instance=one)
    assert (decode("ar.note", written, instance=other) is NotOurs.OTHER_INSTANCE) == (one != other)


def test_how_it_looks() -> None:
    assert action_id(Verb.ACKNOWLEDGE) == "ar.acknowledge"
    assert action_id(Verb.SNOOZE, suffix="15m") == "ar.snooze.15m"
    assert value(Button(Verb.SNOOZE, 12, "15m"), instance="prod") == '{"v":1,"i":"prod","n":12,"d":"15m"}'
    assert option_value(Button(Verb.NOTE, 12), instance="prod") == '{"v":1,"i":"prod","n":12,"b":"note"}'
    assert instance_mark("alert-router") == "alert-router"
    assert instance_mark("x" * 33).startswith("~")


def test_a_message_of_an_earlier_release_still_works() -> None:
    """As it was posted then: this text never changes."""
    posted = '{"v":1,"i":"prod","n":12,"d":"15m","later":"ignored"}'
    assert decode("ar.snooze.15m", posted, instance="prod") == Button(Verb.SNOOZE, 12, "15m")
    assert decode("ar.menu", '{"v":1,"i":"prod","n":7,"b":"note"}', instance="prod") == Button(Verb.NOTE, 7)


def test_every_verb_stays() -> None:
    assert {verb.value for verb in Verb} >= {
        *("acknowledge", "unacknowledge", "resolve", "reopen", "snooze", "wake", "silence"),
        *("escalate", "assign", "add_responder", "note", "severity", "open"),
    }


OURS = value(Button(Verb.NOTE, 12), instance="prod")


@pytest.mark.parametrize(
    ("pressed", "carried", "why"),
    [
        ("approve", OURS, NotOurs.FOREIGN),
        ("ar", OURS, NotOurs.FOREIGN),
        ("ar.", OURS, NotOurs.FOREIGN),
        ("arx.note", OURS, NotOurs.FOREIGN),
        ("", "", NotOurs.FOREIGN),
        ("ar.teleport", OURS, NotOurs.UNKNOWN_VERB),
        ("ar.menu", OURS, NotOurs.UNKNOWN_VERB),
        ("ar.menu", OURS.replace("}", ',"b":"teleport"}'), NotOurs.UNKNOWN_VERB),
        ("ar.note", OURS.replace('"v":1', '"v":2'), NotOurs.UNKNOWN_VERSION),
        ("ar.note", '{"v":2,"shape":["of","a","later","release"]}', NotOurs.UNKNOWN_VERSION),
        ("ar.note", "", NotOurs.UNREADABLE),
        ("ar.note", "note 12", NotOurs.UNREADABLE),
        ("ar.note", "[]", NotOurs.UNREADABLE),
        ("ar.note", '{"v":1}', NotOurs.UNREADABLE),
        ("ar.note", OURS.replace("12", "-1"), NotOurs.UNREADABLE),
        ("ar.note", OURS.replace("12", "9" * 30), NotOurs.UNREADABLE),
        ("ar.note", OURS.replace("12", '"12"'), NotOurs.UNREADABLE),
        ("ar.note", "[" * 100_000, NotOurs.UNREADABLE),
        ("ar.note", OURS.replace("prod", "staging"), NotOurs.OTHER_INSTANCE),
    ],
)
def test_what_is_not_ours_and_why(pressed: str, carried: str, why: NotOurs) -> None:
    assert decode(pressed, carried, instance="prod") is why


JSON = st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))


@given(st.text(), st.text() | JSON.map(json.dumps))
def test_nothing_raises(pressed: str, carried: str) -> None:
    for name in (pressed, f"ar.{pressed}"):
        assert isinstance(decode(name, carried, instance="prod"), Button | NotOurs)


def test_what_does_not_fit_is_refused_where_it_is_made() -> None:
    too_long = Button(Verb.NOTE, 12, "x" * LONGEST_METADATA)
    for make in (value, option_value, metadata):
        with pytest.raises(ValueError, match="where Slack takes"):
            make(too_long, instance="prod")
    assert module.VERSION == 1


def test_a_link_carries_nothing_and_is_understood() -> None:
    assert decode("ar.open.view", "", instance="prod") == Button(Verb.OPEN, 0)
    assert decode("ar.acknowledge", "", instance="prod") is NotOurs.UNREADABLE
