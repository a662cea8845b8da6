"""Buttons: which there are when, that each says what it does to us, and that Slack takes them under any incident."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from router.core.acts.button import MENU, Button, Verb, decode
from router.core.render.actions import ROWS, action_row
from router.core.render.blocks import faults
from router.core.render.direct import page_message
from router.core.render.message import incident_message
from router.core.view import IncidentView, Phase, Rendered, Response
from tests.core.incidents import OPEN, OVER, PAGES, VIEWS, but


def elements(view: IncidentView, **given: str) -> list[dict[str, Any]]:
    blocks = msgspec.to_builtins(action_row(view, instance="prod", **given))
    return [element for block in blocks for element in block["elements"]]


def in_phase(phase: Phase) -> IncidentView:
    return but(OPEN, response=Response(phase, "maria"))


def says(view: IncidentView) -> list[str]:
    return [
        element["text"]["text"] if element["type"] == "button" else element.get("placeholder", {}).get("text", "⋯")
        for element in elements(view)
    ]


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.OPEN, ["Acknowledge", "Snooze", "⋯"]),
        (Phase.ACKNOWLEDGED, ["Resolve", "Acknowledged ✓", "Silence …", "Snooze", "⋯"]),
        (Phase.SNOOZED, ["Acknowledge", "End snooze", "⋯"]),
        (Phase.CLOSED, ["Reopen", "⋯"]),
    ],
)
def test_there_are_few_at_a_time(phase: Phase, expected: list[str]) -> None:
    """Row 58."""
    assert says(in_phase(phase)) == expected
    assert elements(OVER) == []


@pytest.mark.parametrize("phase", Phase)
def test_each_is_understood_when_it_is_pressed(phase: Phase) -> None:
    row, pressed = ROWS[phase], []
    for element in elements(in_phase(phase)):
        if element["type"] == "button":
            pressed.append(decode(element["action_id"], element["value"], instance="prod"))
        else:
            assert element["action_id"].startswith(MENU)
            pressed += [decode(element["action_id"], one["value"], instance="prod") for one in element["options"]]
    assert all(isinstance(one, Button) and one.incident == OPEN.number for one in pressed)
    verbs = {one.verb for one in pressed if isinstance(one, Button)}
    assert verbs == {act.verb for act in (*row.buttons, *row.more)} | ({Verb.SNOOZE} if row.has_snooze else set())


def test_links_open_what_they_say() -> None:
    """Row 56."""
    view = but(OPEN, links=(("source", "https://a.example"), ("runbook", "https://wiki.example/r")))
    found = {
        element["text"]["text"]: element.get("url")
        for element in elements(view, external_url="https://r.example/")
        if "text" in element
    }
    assert found == {
        "Acknowledge": None,
        "Runbook": "https://wiki.example/r",
        "View": "https://r.example/incidents/1234",
    }
    forged = but(OPEN, links=(("runbook", "javascript:x"),))
    assert says(forged) == says(OPEN)


def test_who_cannot_be_heard_sees_no_button() -> None:
    def kinds(message: Rendered) -> list[object]:
        return [block["type"] for block in message.blocks]

    assert "actions" not in kinds(incident_message(OPEN, is_primary=True))
    assert "actions" in kinds(incident_message(OPEN, is_primary=True, may_act=True))


@given(VIEWS, PAGES)
@settings(max_examples=60, deadline=None)
def test_any_incident_can_be_acted_on(view: IncidentView, page: Any) -> None:
    shown = incident_message(view, is_primary=True, instance="prod", external_url="https://r.example", may_act=True)
    assert faults(shown) == ()
    assert faults(page_message(view, page, "https://r.example", "prod")) == ()
