"""A small modal: a title, a few inputs, a button. Pure.

Limits: https://docs.slack.dev/reference/views/modal-views
"""

from typing import Final

import msgspec

from router.core.mrkdwn import clip
from router.core.render.blocks import Block, section

TITLE: Final = 24
LONGEST_TEXT: Final = 3_000
LONGEST_LINE: Final = 300
LABEL, PLACEHOLDER, OPTION = 2_000, 150, 75
INPUT: Final = "given"
"""The action_id of each input: its block_id names it."""


class Text(msgspec.Struct, frozen=True):
    """A text that somebody types."""

    name: str
    label: str
    hint: str = ""
    placeholder: str = ""
    is_optional: bool = False
    is_long: bool = False
    """Of several lines."""
    initial: str = ""
    """What stands there before anybody types."""


class Choice(msgspec.Struct, frozen=True):
    """One of a few."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    """(value, what is read)."""
    chosen: str = ""
    """The value that stands there at first."""
    is_optional: bool = False


class Somebody(msgspec.Struct, frozen=True):
    """A person in the workspace; what is given is their user id."""

    name: str
    label: str
    is_optional: bool = False


class Form(msgspec.Struct, frozen=True):
    """What is asked."""

    title: str
    submit: str
    fields: tuple[Text | Choice | Somebody, ...]
    below: tuple[Block, ...] = ()
    """What stands below the fields."""


def form_view(form: Form, *, callback_id: str, metadata: str) -> dict[str, object]:
    """As views.open takes it. `callback_id` and `metadata` come back with what was filled in."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": metadata,
        "title": _plain(form.title, TITLE),
        "submit": _plain(form.submit, TITLE),
        "close": _plain("Cancel", TITLE),
        "blocks": [*map(_input, form.fields), *form.below],
    }


def notice_view(title: str, text: str, *below: Block) -> dict[str, object]:
    """A word in place of a modal: what came of it, or why nothing did. `text`: mrkdwn."""
    return {
        "type": "modal",
        "title": _plain(title, TITLE),
        "close": _plain("Close", TITLE),
        "blocks": [section(text), *below],
    }


def _input(field: Text | Choice | Somebody) -> Block:
    block: Block = {"type": "input", "block_id": field.name, "label": _plain(field.label, LABEL)}
    match field:
        case Text():
            block["element"] = _text_input(field)
            block |= {"hint": _plain(field.hint, LABEL)} if field.hint else {}
            block |= {"optional": True} if field.is_optional else {}
        case Choice(options=options, is_optional=is_optional):
            block |= {"optional": True} if is_optional else {}
            listed = [{"text": _plain(shown, OPTION), "value": value} for value, shown in options]
            initial = next((option for option in listed if option["value"] == field.chosen), None)
            select: Block = {"type": "static_select", "action_id": INPUT, "options": listed}
            block["element"] = select if initial is None else {**select, "initial_option": initial}
        case Somebody():
            block["element"] = {"type": "users_select", "action_id": INPUT}
            block |= {"optional": True} if field.is_optional else {}
    return block


def _text_input(field: Text) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": INPUT, "multiline": field.is_long}
    element["max_length"] = LONGEST_TEXT if field.is_long else LONGEST_LINE
    element |= {"initial_value": field.initial} if field.initial else {}
    return {**element, "placeholder": _plain(field.placeholder, PLACEHOLDER)} if field.placeholder else element


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": clip(text, limit)}
