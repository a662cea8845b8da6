"""Why Slack would refuse a modal. Pure.

Limits: https://docs.slack.dev/reference/views/modal-views, https://docs.slack.dev/reference/block-kit/block-elements
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import msgspec

from router.core.render.blocks import BLOCK_ID, Block, block_faults, text_faults
from router.core.render.form import LABEL, LONGEST_TEXT, OPTION, PLACEHOLDER, TITLE

LARGEST: Final = 250_000
"""Characters of a whole view."""
MOST_BLOCKS: Final = 100
MOST_OPTIONS: Final = 100
MOST_BOXES: Final = 10
"""Of checkboxes and radio buttons."""
_LONGEST: Final = {"private_metadata": 3_000, "callback_id": 255, "external_id": 255}
_OPTION_VALUE: Final = 150
_WITH_OPTIONS: Final = {
    "static_select": MOST_OPTIONS,
    "multi_static_select": MOST_OPTIONS,
    "checkboxes": MOST_BOXES,
    "radio_buttons": MOST_BOXES,
}
_OTHERS: Final = {"users_select", "multi_users_select", "datepicker", "timepicker"}


def view_faults(view: Mapping[str, Any]) -> tuple[str, ...]:
    """Each limit it breaks, with where it stands."""
    return tuple(_faults(view))


def _faults(view: Mapping[str, Any]) -> Iterable[str]:
    if view.get("type") != "modal":
        yield "view: a modal expected"
    size = len(msgspec.json.encode(view).decode())
    if size > LARGEST:
        yield f"view: {size} characters in all, at most {LARGEST}"
    yield from _within("title", text_faults(view.get("title"), TITLE, "plain_text"))
    for name in {"submit", "close"} & set(view):
        yield from _within(name, text_faults(view[name], TITLE, "plain_text"))
    for name, most in _LONGEST.items():
        if len(str(view.get(name, ""))) > most:
            yield f"{name}: at most {most} characters"
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= MOST_BLOCKS:
        yield f"blocks: 1 to {MOST_BLOCKS} expected"
        return
    ids = [str(block["block_id"]) for block in blocks if "block_id" in block]
    if len(set(ids)) < len(ids) or any(not 0 < len(name) <= BLOCK_ID for name in ids):
        yield "blocks: block_id is empty, too long or not unique"
    if "submit" not in view and any(block.get("type") == "input" for block in blocks):
        yield "submit: a modal with inputs needs one"
    for number, block in enumerate(blocks):
        found = _input_faults(block) if block.get("type") == "input" else block_faults(block)
        yield from _within(f"blocks/{number}", found)


def _input_faults(block: Block) -> Iterable[str]:
    yield from _within("label", text_faults(block.get("label"), LABEL, "plain_text"))
    if "hint" in block:
        yield from _within("hint", text_faults(block["hint"], LABEL, "plain_text"))
    found = block.get("element")
    if not isinstance(found, dict):
        yield "an element expected"
        return
    element = cast("Block", found)
    if "placeholder" in element:
        yield from _within("placeholder", text_faults(element["placeholder"], PLACEHOLDER, "plain_text"))
    kind = str(element.get("type"))
    if kind in _WITH_OPTIONS:
        yield from _option_faults(element, _WITH_OPTIONS[kind])
    elif kind == "plain_text_input":
        yield from _text_input_faults(element)
    elif kind not in _OTHERS:
        yield f"element {kind!r} is not one we write"


def _text_input_faults(element: Block) -> Iterable[str]:
    least, most = element.get("min_length", 0), element.get("max_length", LONGEST_TEXT)
    if not (isinstance(least, int) and isinstance(most, int) and 0 <= least <= most <= LONGEST_TEXT and most):
        yield f"a length of 0 to {LONGEST_TEXT} expected"
    elif len(str(element.get("initial_value", ""))) > most:
        yield "initial_value is too long"


def _option_faults(element: Block, most: int) -> Iterable[str]:
    listed = element.get("options")
    options = cast("list[Block]", listed) if isinstance(listed, list) else []
    if not 0 < len(options) <= most:
        yield f"{len(options)} options, 1 to {most}"
    for option in options:
        yield from text_faults(option.get("text"), OPTION)
        if not 0 < len(str(option.get("value", ""))) <= _OPTION_VALUE:
            yield f"option: a value of 1 to {_OPTION_VALUE} characters expected"
    if "initial_option" in element and element["initial_option"] not in options:
        yield "initial_option is none of the options"


def _within(where: str, faults: Iterable[str]) -> Iterable[str]:
    return (f"{where}: {fault}" for fault in faults)
