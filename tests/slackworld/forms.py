"""Slack's own judgement of a modal, and of what a person puts into it. Written from the limits and not from our rendering.

https://docs.slack.dev/reference/views/modal-views
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.slackworld.blocks import _element, _no, _text, content_error
from tests.slackworld.state import Json

LARGEST = 250_000
_KEYS = {
    "type", "title", "blocks", "submit", "close", "private_metadata", "callback_id", "clear_on_close", "notify_on_close",
    "external_id", "submit_disabled",
}  # fmt: skip
_INPUT_KEYS = {"type", "block_id", "label", "element", "hint", "optional", "dispatch_action"}
_TEXT_KEYS = {
    "type", "action_id", "initial_value", "multiline", "min_length", "max_length", "placeholder", "focus_on_load",
}  # fmt: skip


def view_error(view: Any) -> tuple[str, list[str]] | None:
    """(error code, complaints) or None when Slack would open it."""
    if len(json.dumps(view)) > LARGEST:
        return "view_too_large", []
    if complaints := list(_complaints(view)):
        return "invalid_arguments", complaints
    return None


def answers(view: Json, given: Mapping[str, str], *, is_sent: bool = True) -> Json:
    """The state that Slack sends for what a person put into its inputs, by block_id. AssertionError: Slack would not let
    them send that; of one that is not `is_sent`, only a button of it pressed, all that is typed is let through."""
    values: Json = {}
    inputs = {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}
    assert set(given) <= set(inputs), f"there is no {set(given) - set(inputs)}"
    for name, block in inputs.items():
        element = block["element"]
        said = given.get(name, "")
        assert said or not is_sent or block.get("optional") or "initial" in str(element), f"{name} is required"
        values[name] = {element["action_id"]: _state(element, said)}
    return values


def _state(element: Json, said: str) -> Json:
    match element["type"]:
        case "plain_text_input":
            text = said or element.get("initial_value", "")
            assert len(text) <= element.get("max_length", 3_000)
            return {"type": "plain_text_input", "value": text or None}
        case "users_select":
            return {"type": "users_select", "selected_user": said or element.get("initial_user")}
        case "static_select":
            options = {option["text"]["text"]: option for option in element["options"]}
            return {
                "type": "static_select",
                "selected_option": options[said] if said else element.get("initial_option"),
            }
        case other:
            raise AssertionError(other)


def _complaints(view: Any) -> Iterator[str]:
    if not isinstance(view, dict) or view.get("type") != "modal":
        yield _no("must be a modal", "/view")
        return
    if extra := set(view) - _KEYS:
        yield _no(f"unknown {sorted(extra)}", "/view")
    yield from _text(view.get("title"), 24, "/view/title", kinds={"plain_text"})
    for name in {"submit", "close"} & set(view):
        yield from _text(view[name], 24, f"/view/{name}", kinds={"plain_text"})
    for name, most in (("private_metadata", 3_000), ("callback_id", 255), ("external_id", 255)):
        if len(view.get(name, "")) > most:
            yield _no(f"no more than {most} characters", f"/view/{name}")
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 100:
        yield _no("must be 1 to 100 items", "/view/blocks")
        return
    inputs = [block for block in blocks if isinstance(block, dict) and block.get("type") == "input"]
    if inputs and "submit" not in view:
        yield _no("a modal with inputs needs a submit", "/view/submit")
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict) and "block_id" in block]
    if len(set(ids)) < len(ids):
        yield _no("block_id must be unique", "/view/blocks")
    if found := content_error([block for block in blocks if block not in inputs], []):
        yield from found[1] or [found[0]]
    for index, block in enumerate(inputs):
        yield from _input(block, f"/view/blocks/{index}")


def _input(block: Json, here: str) -> Iterator[str]:
    if extra := set(block) - _INPUT_KEYS:
        yield _no(f"unknown {sorted(extra)}", here)
    yield from _text(block.get("label"), 2_000, f"{here}/label", kinds={"plain_text"})
    if "hint" in block:
        yield from _text(block["hint"], 2_000, f"{here}/hint", kinds={"plain_text"})
    element = block.get("element")
    if not isinstance(element, dict):
        yield _no("needs an element", here)
        return
    if element.get("type") == "plain_text_input":
        yield from _text_input(element, f"{here}/element")
        return
    yield from _element(element, f"{here}/element", extra={"focus_on_load"})
    chosen = element.get("initial_option")
    if chosen is not None and chosen not in element.get("options", []):
        yield _no("initial_option is none of the options", f"{here}/element")


def _text_input(element: Json, here: str) -> Iterator[str]:
    if extra := set(element) - _TEXT_KEYS:
        yield _no(f"unknown {sorted(extra)}", here)
    if "placeholder" in element:
        yield from _text(element["placeholder"], 150, f"{here}/placeholder", kinds={"plain_text"})
    least, most = element.get("min_length", 0), element.get("max_length", 3_000)
    if not 0 <= least <= most <= 3_000 or not most:
        yield _no("0 to 3000 characters", here)
    if len(element.get("initial_value", "")) > most:
        yield _no("initial_value is too long", here)
