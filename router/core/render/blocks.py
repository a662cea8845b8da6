"""Block Kit as far as we use it: the parts, Slack's limits, and what is left of a message when Slack refuses it.

Limits: https://docs.slack.dev/reference/block-kit/blocks
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import msgspec

from router.core.content import Mention
from router.core.mrkdwn import Mark, clip, is_user_id, rich, said, user
from router.core.view import Rendered

Block = dict[str, object]

HEADER = 150
SECTION = 3000
FIELDS, FIELD = 10, 2000
CONTEXT = 10
ACTIONS, BUTTON, VALUE, URL = 25, 75, 2000, 3000
OPTIONS, OPTION_VALUE = 100, 150
OVERFLOW = 5
BLOCKS = 50
TEXT = 4000
TOTAL = 13_000
"""Undocumented; Slack answers `msg_blocks_too_long` a little above."""
BLOCK_ID = 255

_SHORTENED = "shortened: Slack refused the full message"
_MARKUP = re.compile(
    r"<(?:!date\^\d+\^[^|<>]+\|[^<>]+|https?://[^|<>\s]+\|[^<>\n]+|@[UW][A-Z0-9]{2,20}|!subteam\^S[A-Z0-9]{2,200}|#[CGD][A-Z0-9]{2,200})>"
)
"""The only things between angle brackets that we ever write."""
_COLOUR = re.compile(r"#[0-9a-f]{6}")


def section(text: str, block_id: str = "") -> Block:
    """A paragraph. `verbatim`: Slack links no bare address and no channel name that a sender wrote."""
    block: Block = {"type": "section", "text": _mrkdwn(text)}
    return {**block, "block_id": block_id} if block_id else block


def context(*texts: str) -> Block:
    """A small line."""
    return {"type": "context", "elements": [_mrkdwn(text) for text in texts]}


def actions(*elements: Block) -> Block:
    """Buttons and menus, in a row."""
    return {"type": "actions", "elements": list(elements)}


def button(
    text: str, action_id: str, value: str = "", *, url: str = "", is_primary: bool = False, confirm: Block | None = None
) -> Block:
    """`url`: it opens that in a browser."""
    made: Block = {"type": "button", "text": _plain(text), "action_id": action_id}
    made |= {"value": value} if value else {}
    made |= {"url": url} if url else {}
    made |= {"style": "primary"} if is_primary else {}
    return made | ({"confirm": confirm} if confirm is not None else {})


def confirm(title: str, text: str, yes: str, no: str) -> Block:
    """Asked before a button does what it says."""
    return {"title": _plain(title), "text": _plain(text), "confirm": _plain(yes), "deny": _plain(no)}


def menu(action_id: str, options: Sequence[tuple[str, str]], *, placeholder: str = "") -> Block:
    """(text, value) each. With a placeholder a menu that says so; else the three dots."""
    listed = [{"text": _plain(text), "value": value} for text, value in options]
    if not placeholder:
        return {"type": "overflow", "action_id": action_id, "options": listed}
    return {"type": "static_select", "action_id": action_id, "options": listed, "placeholder": _plain(placeholder)}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": True}


def attachment(colour: str, fallback: str, blocks: Sequence[Block]) -> Block:
    """Blocks behind a coloured bar; Slack may fold them."""
    return {"color": colour, "fallback": fallback, "blocks": list(blocks)}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def faults(message: Rendered) -> tuple[str, ...]:
    """Why Slack would refuse a message, or why we should: each limit it breaks, each bracket that is not ours."""
    return tuple(_faults(message))


def _faults(message: Rendered) -> Iterable[str]:
    if not message.text.strip():
        yield "text: empty"
    if len(message.text) > TEXT:
        yield f"text: {len(message.text)} characters, at most {TEXT}"
    if "<" in message.text or ">" in message.text:
        yield "text: markup"
    blocks = [("blocks", block) for block in message.blocks]
    for number, bar in enumerate(message.attachments):
        if not _COLOUR.fullmatch(str(bar.get("color", ""))):
            yield f"attachments/{number}: colour"
        blocks += [(f"attachments/{number}/blocks", block) for block in _list(bar.get("blocks"))]
    if len(blocks) > BLOCKS:
        yield f"blocks: {len(blocks)}, at most {BLOCKS}"
    ids = [str(block["block_id"]) for _, block in blocks if "block_id" in block]
    if len(set(ids)) < len(ids) or any(not 0 < len(name) <= BLOCK_ID for name in ids):
        yield "blocks: block_id is empty, too long or not unique"
    for where, block in blocks:
        yield from (f"{where}: {fault}" for fault in block_faults(block))
    size = len(msgspec.json.encode((message.blocks, message.attachments)).decode())
    if size > TOTAL:
        yield f"blocks: {size} characters in all, at most {TOTAL}"


def block_faults(block: Block) -> Iterable[str]:
    """Of one block of a message."""
    match block.get("type"):
        case "divider":
            return
        case "header":
            yield from text_faults(block.get("text"), HEADER, "plain_text")
        case "section":
            fields = _list(block.get("fields"))
            if len(fields) > FIELDS or not (fields or "text" in block):
                yield f"section: needs a text or 1 to {FIELDS} fields"
            for field in fields:
                yield from text_faults(field, FIELD)
            if "text" in block:
                yield from text_faults(block["text"], SECTION)
        case "context":
            elements = _list(block.get("elements"))
            if not 0 < len(elements) <= CONTEXT:
                yield f"context: {len(elements)} elements, 1 to {CONTEXT}"
            for element in elements:
                yield from text_faults(element, FIELD)
        case "actions":
            elements = _list(block.get("elements"))
            if not 0 < len(elements) <= ACTIONS:
                yield f"actions: {len(elements)} elements, 1 to {ACTIONS}"
            if len({str(element.get("action_id")) for element in elements}) < len(elements):
                yield "actions: an action_id twice"
            for element in elements:
                yield from _element_faults(element)
        case other:
            yield f"type {other!r} is not one we write"


def _element_faults(element: Block) -> Iterable[str]:
    options = _list(element.get("options"))
    match element.get("type"):
        case "button":
            yield from text_faults(element.get("text"), BUTTON, "plain_text")
            if len(str(element.get("value", ""))) > VALUE or len(str(element.get("url", ""))) > URL:
                yield "button: value or address too long"
        case "overflow" if not 0 < len(options) <= OVERFLOW:
            yield f"overflow: {len(options)} options, 1 to {OVERFLOW}"
        case "static_select" if not 0 < len(options) <= OPTIONS:
            yield f"menu: {len(options)} options, 1 to {OPTIONS}"
        case "overflow" | "static_select":
            pass
        case other:
            yield f"element {other!r} is not one we write"
    for option in options:
        yield from text_faults(option.get("text"), BUTTON, "plain_text")
        if not 0 < len(str(option.get("value", ""))) <= OPTION_VALUE:
            yield f"option: its value has {len(str(option.get('value', '')))} characters, 1 to {OPTION_VALUE}"


def text_faults(value: object, limit: int, kind: str = "") -> Iterable[str]:
    """Of a text object. `kind`: the only type that it may have; "": both."""
    if not isinstance(value, Mapping) or not isinstance(value.get("text"), str):
        yield "text object expected"
        return
    text = value["text"]
    if value.get("type") not in ({kind} if kind else {"mrkdwn", "plain_text"}):
        yield f"text of type {value.get('type')!r}"
    if not text.strip():
        yield "empty text"
    if len(text) > limit:
        yield f"{len(text)} characters, at most {limit}"
    if value.get("type") == "mrkdwn" and re.search("[<>]", _MARKUP.sub("", text)):
        yield "a bracket that is not ours"


def _list(value: object) -> list[Block]:
    return cast("list[Block]", value) if isinstance(value, list) else []


def mentioned(blocks: Iterable[Block]) -> list[str]:
    """The people whom these blocks mention, once each, in order."""
    found = re.findall(r"<@([A-Z0-9]+)>", msgspec.json.encode(list(blocks)).decode())
    return list(dict.fromkeys(found))


def mentioned_groups(blocks: Iterable[Block]) -> list[str]:
    """The user groups whom these blocks mention, once each, in order."""
    found = re.findall(r"<!subteam\^([A-Z0-9]+)>", msgspec.json.encode(list(blocks)).decode())
    return list(dict.fromkeys(found))


def fewer_blocks(message: Rendered) -> Rendered:
    """The first step down: the headline alone, and a word that it is not all. The second is `plain`."""
    if len(message.blocks) + len(message.attachments) < 2:
        return plain(message)
    first = message.blocks[0] if message.blocks else section(message.text)
    bare = {key: value for key, value in first.items() if key != "block_id"}
    return Rendered(text=message.text, blocks=(bare, context(_SHORTENED)))


def plain(message: Rendered) -> Rendered:
    """The last step down: text only."""
    if not message.blocks and not message.attachments:
        return message
    return Rendered(text=f"{message.text} · {_SHORTENED}")


def fitted(message: Rendered) -> Rendered:
    """The message if Slack would take it, else the first step down that it would. The last guard, never the plan."""
    for step in (message, fewer_blocks(message), plain(message)):
        if not faults(step):
            return step
    bare = re.sub("[<>]", "", message.text).strip() or "An alert that could not be shown"
    return Rendered(text=clip(bare, 140))


def post_message(text: str, mentions: Sequence[Mention] = ()) -> Rendered:
    """A word of the router's own, outside any incident. `text` is as a person writes it; it is escaped here."""
    marks = [
        Mark(f"{user(one.target)} ({said(one.name, 60)})" if is_user_id(one.target) else said(one.name, 60), one.name)
        for one in mentions
    ]
    plain = said(text.translate({ord(Mark.sign(number)): mark.plain for number, mark in enumerate(marks)}), 1000)
    return fitted(Rendered(text=plain, blocks=(section(rich(text, 1200, marks) or plain),)))
