"""Slack's own judgement of a message's content, written from the limits and not from our rendering."""

import re
from collections.abc import Iterator
from typing import Any

POST_TEXT = 40_000
EDIT_TEXT = 4_000
SPLIT_TEXT = 4_040
BLOCKS = 50
BLOCK_CHARACTERS = 13_200
ATTACHMENTS = 100
METADATA_CHARACTERS = 8_000

_COMMON = {"type", "block_id"}
_KEYS = {
    "header": {"text"},
    "section": {"text", "fields", "accessory", "expand"},
    "divider": set(),
    "context": {"elements"},
    "actions": {"elements"},
    "image": {"image_url", "alt_text", "title"},
    "markdown": {"text"},
    "rich_text": {"elements"},
}
_ELEMENT_KEYS = {
    "button": {"type", "text", "action_id", "url", "value", "style", "confirm", "accessibility_label"},
    "overflow": {"type", "action_id", "options", "confirm"},
    "static_select": {"type", "action_id", "options", "placeholder", "initial_option", "confirm"},
    "users_select": {"type", "action_id", "placeholder", "initial_user", "confirm"},
    "image": {"type", "image_url", "alt_text"},
}
_ATTACHMENT_KEYS = {
    "blocks", "color", "fallback", "text", "pretext", "title", "title_link", "fields", "footer", "ts", "mrkdwn_in",
}  # fmt: skip
_COLOR = re.compile(r"#[0-9a-fA-F]{6}|good|warning|danger")
_HTTP = re.compile(r"https?://\S+")

Complaint = str
"""As Slack's `response_metadata.messages`: "[ERROR] must be … [json-pointer:/blocks/0/text]"."""


def content_error(blocks: list[Any], attachments: list[Any]) -> tuple[str, list[Complaint]] | None:
    """(error code, complaints) or None when Slack would take it."""
    if len(attachments) > ATTACHMENTS:
        return "too_many_attachments", []
    complaints = list(_check_blocks(blocks, "/blocks"))
    count, characters = len(blocks), _characters(blocks)
    for index, attachment in enumerate(attachments):
        where = f"/attachments/{index}"
        if not isinstance(attachment, dict):
            return "invalid_attachments", [_no("must be an object", where)]
        if extra := set(attachment) - _ATTACHMENT_KEYS:
            return "invalid_attachments", [_no(f"unknown {sorted(extra)}", where)]
        if "color" in attachment and not _COLOR.fullmatch(str(attachment["color"])):
            return "invalid_attachments", [_no("no colour", f"{where}/color")]
        if not attachment.keys() & {"blocks", "text", "fallback", "title", "fields"}:
            return "no_text", [_no("is empty", where)]
        nested = attachment.get("blocks", [])
        if not isinstance(nested, list):
            return "invalid_attachments", [_no("must be a list", f"{where}/blocks")]
        complaints += _check_blocks(nested, f"{where}/blocks")
        count += len(nested)
        characters += _characters(nested)
    if count > BLOCKS:
        complaints.append(_no(f"no more than {BLOCKS} items allowed", "/blocks"))
    if complaints:
        return "invalid_blocks", complaints
    if characters > BLOCK_CHARACTERS:
        return "msg_blocks_too_long", []
    return None


def _no(what: str, where: str) -> Complaint:
    return f"[ERROR] {what} [json-pointer:{where}]"


def _characters(node: object) -> int:
    if isinstance(node, str):
        return len(node)
    if isinstance(node, dict):
        return sum(_characters(child) for key, child in node.items() if key != "type")
    return sum(_characters(child) for child in node) if isinstance(node, list) else 0


def _check_blocks(blocks: list[Any], where: str) -> Iterator[Complaint]:
    ids: set[str] = set()
    for index, block in enumerate(blocks):
        here = f"{where}/{index}"
        if not isinstance(block, dict) or block.get("type") not in _KEYS:
            yield _no("unsupported type", here)
            continue
        if extra := set(block) - _COMMON - _KEYS[block["type"]]:
            yield _no(f"unknown {sorted(extra)}", here)
        if "block_id" in block:
            if not _is_text(block["block_id"], 255) or block["block_id"] in ids:
                yield _no("block_id must be unique and at most 255 characters", here)
            ids.add(str(block["block_id"]))
        yield from _check_block(block, here)


def _check_block(block: dict[str, Any], here: str) -> Iterator[Complaint]:
    match block["type"]:
        case "header":
            yield from _text(block.get("text"), 150, f"{here}/text", kinds={"plain_text"})
        case "section":
            if "text" not in block and "fields" not in block:
                yield _no("needs text or fields", here)
            if "text" in block:
                yield from _text(block["text"], 3_000, f"{here}/text")
            yield from _list(block.get("fields", [{}]), 1, 10, f"{here}/fields")
            for index, field in enumerate(block.get("fields", [])):
                yield from _text(field, 2_000, f"{here}/fields/{index}")
            if "accessory" in block:
                yield from _element(block["accessory"], f"{here}/accessory")
        case "context":
            yield from _list(block.get("elements"), 1, 10, f"{here}/elements")
            for index, element in enumerate(_as_list(block.get("elements"))):
                if isinstance(element, dict) and element.get("type") == "image":
                    yield from _element(element, f"{here}/elements/{index}")
                else:
                    yield from _text(element, 3_000, f"{here}/elements/{index}")
        case "actions":
            yield from _list(block.get("elements"), 1, 25, f"{here}/elements")
            actions = [
                element.get("action_id") for element in _as_list(block.get("elements")) if "action_id" in element
            ]
            if len(actions) != len(set(actions)):
                yield _no("action_id must be unique", here)
            for index, element in enumerate(_as_list(block.get("elements"))):
                yield from _element(element, f"{here}/elements/{index}")
        case "image":
            yield from _element({**block, "type": "image"}, here, extra={"title", "block_id"})
        case "markdown":
            if not _is_text(block.get("text"), 12_000):
                yield _no("must be 1 to 12000 characters", f"{here}/text")
        case "rich_text":
            yield from _list(block.get("elements"), 1, 1_000, f"{here}/elements")
        case _:
            pass


def _element(element: Any, here: str, *, extra: frozenset[str] | set[str] = frozenset()) -> Iterator[Complaint]:
    if not isinstance(element, dict) or element.get("type") not in _ELEMENT_KEYS:
        yield _no("unsupported element", here)
        return
    kind = element["type"]
    if unknown := set(element) - _ELEMENT_KEYS[kind] - extra:
        yield _no(f"unknown {sorted(unknown)}", here)
    if "action_id" in element and not _is_text(element["action_id"], 255):
        yield _no("must be 1 to 255 characters", f"{here}/action_id")
    if "confirm" in element:
        yield from _confirm(element["confirm"], f"{here}/confirm")
    if "placeholder" in element:
        yield from _text(element["placeholder"], 150, f"{here}/placeholder", kinds={"plain_text"})
    match kind:
        case "button":
            yield from _text(element.get("text"), 75, f"{here}/text", kinds={"plain_text"})
            if "value" in element and not _is_text(element["value"], 2_000):
                yield _no("must be 1 to 2000 characters", f"{here}/value")
            if "url" in element and not (_is_text(element["url"], 3_000) and _HTTP.fullmatch(element["url"])):
                yield _no("must be an address of at most 3000 characters", f"{here}/url")
            if element.get("style", "primary") not in {"primary", "danger"}:
                yield _no("unknown style", f"{here}/style")
        case "image":
            if not (_is_text(element.get("image_url"), 3_000) and _HTTP.fullmatch(element["image_url"])):
                yield _no("must be an address of at most 3000 characters", f"{here}/image_url")
            if not _is_text(element.get("alt_text"), 2_000):
                yield _no("must be 1 to 2000 characters", f"{here}/alt_text")
        case "overflow" | "static_select":
            most = 5 if kind == "overflow" else 100
            yield from _list(element.get("options"), 1, most, f"{here}/options")
            for index, option in enumerate(_as_list(element.get("options"))):
                yield from _text(option.get("text"), 75, f"{here}/options/{index}/text")
                if not _is_text(option.get("value"), 150):
                    yield _no("must be 1 to 150 characters", f"{here}/options/{index}/value")
        case _:
            pass


def _confirm(confirm: Any, here: str) -> Iterator[Complaint]:
    if not isinstance(confirm, dict):
        yield _no("must be an object", here)
        return
    yield from _text(confirm.get("title"), 100, f"{here}/title", kinds={"plain_text"})
    yield from _text(confirm.get("text"), 300, f"{here}/text")
    for button in ("confirm", "deny"):
        yield from _text(confirm.get(button), 30, f"{here}/{button}", kinds={"plain_text"})


def _text(text: Any, most: int, here: str, *, kinds: frozenset[str] | set[str] = frozenset()) -> Iterator[Complaint]:
    if not isinstance(text, dict) or text.get("type") not in (kinds or {"plain_text", "mrkdwn"}):
        yield _no("must be a text object", here)
        return
    allowed = {"type", "text", "emoji"} if text["type"] == "plain_text" else {"type", "text", "verbatim"}
    if extra := set(text) - allowed:
        yield _no(f"unknown {sorted(extra)}", here)
    if not _is_text(text.get("text"), most):
        yield _no(f"must be 1 to {most} characters", f"{here}/text")


def _list(value: Any, least: int, most: int, here: str) -> Iterator[Complaint]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        yield _no(f"must be {least} to {most} items", here)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= most
