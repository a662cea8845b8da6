"""Which modals Slack would refuse: by our own judgement, and by that of the fake Slack, which was written apart from it."""

from typing import Any

import msgspec
import pytest

from router.core.render.form import Choice, Form, Somebody, Text, form_view, notice_view
from router.core.render.view_faults import view_faults
from tests.slackworld.forms import view_error

FORM = Form(
    "Resolve #1",
    "Resolve",
    (
        Text("note", "What was it?", "A hint.", "A word", is_optional=True, is_long=True),
        Choice("severity", "Severity", (("high", "HIGH"), ("low", "LOW"))),
        Somebody("who", "Who?"),
    ),
)


def good() -> dict[str, Any]:
    view: dict[str, Any] = msgspec.to_builtins(form_view(FORM, callback_id="ar.resolve", metadata="{}"))
    return view


def test_what_we_make_is_taken() -> None:
    for view in (good(), notice_view("Nothing was done", "There is no incident #12.")):
        assert view_faults(view) == ()
        assert view_error(msgspec.to_builtins(view)) is None


def spoiled(*path: str | int, to: Any) -> dict[str, Any]:
    """The good one with something else in one place; None: with nothing there."""
    view = good()
    at: Any = view
    for step in path[:-1]:
        at = at[step]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return view


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


ELEMENT = ("blocks", 0, "element")
SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "no modal": (spoiled("type", to="home"), "view: a modal expected"),
    "title": (spoiled("title", to=plain("x" * 25)), "title: 25 characters, at most 24"),
    "no title": (spoiled("title", to=None), "title: text object expected"),
    "mrkdwn in a title": (spoiled("title", to={"type": "mrkdwn", "text": "x"}), "title: text of type 'mrkdwn'"),
    "submit": (spoiled("submit", to=plain("x" * 25)), "submit: 25 characters, at most 24"),
    "no submit": (spoiled("submit", to=None), "submit: a modal with inputs needs one"),
    "close": (spoiled("close", to=plain("")), "close: empty text"),
    "metadata": (spoiled("private_metadata", to="x" * 3_001), "private_metadata: at most 3000 characters"),
    "callback": (spoiled("callback_id", to="x" * 256), "callback_id: at most 255 characters"),
    "no blocks": (spoiled("blocks", to=[]), "blocks: 1 to 100 expected"),
    "blocks": (spoiled("blocks", to=[{"type": "divider"}] * 101), "blocks: 1 to 100 expected"),
    "the same id twice": (
        spoiled("blocks", 1, "block_id", to="note"),
        "blocks: block_id is empty, too long or not unique",
    ),
    "label": (spoiled("blocks", 0, "label", to=plain("x" * 2_001)), "blocks/0: label: 2001 characters, at most 2000"),
    "hint": (spoiled("blocks", 0, "hint", to=plain("x" * 2_001)), "blocks/0: hint: 2001 characters, at most 2000"),
    "no element": (spoiled(*ELEMENT, to=None), "blocks/0: an element expected"),
    "element": (spoiled(*ELEMENT, "type", to="number_dial"), "blocks/0: element 'number_dial' is not one we write"),
    "placeholder": (
        spoiled(*ELEMENT, "placeholder", to=plain("x" * 151)),
        "blocks/0: placeholder: 151 characters, at most 150",
    ),
    "length": (spoiled(*ELEMENT, "max_length", to=3_001), "blocks/0: a length of 0 to 3000 expected"),
    "initial": (spoiled(*ELEMENT, "initial_value", to="x" * 3_001), "blocks/0: initial_value is too long"),
    "no options": (spoiled("blocks", 1, "element", "options", to=[]), "blocks/1: 0 options, 1 to 100"),
    "option": (
        spoiled("blocks", 1, "element", "options", 0, "text", to=plain("x" * 76)),
        "blocks/1: 76 characters, at most 75",
    ),
    "option's value": (
        spoiled("blocks", 1, "element", "options", 0, "value", to="x" * 151),
        "blocks/1: option: a value of 1 to 150 characters expected",
    ),
    "none of the options": (
        spoiled("blocks", 1, "element", "initial_option", to={"text": plain("X"), "value": "x"}),
        "blocks/1: initial_option is none of the options",
    ),
    "section": (
        spoiled("blocks", 0, to={"type": "section", "text": plain("x" * 3_001)}),
        "blocks/0: 3001 characters, at most 3000",
    ),
    "size": (
        spoiled("blocks", to=[{"type": "section", "text": plain("x" * 2_900)}] * 100),
        "view: 299145 characters in all, at most 250000",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_slack_refuses_is_refused(name: str) -> None:
    view, why = SPOILED[name]
    found = view_faults(view)
    assert any(one.startswith(why.split("299145")[0]) for one in found), found
    assert view_error(view) is not None
