"""Slack's limits, checked before Slack does; and what is left of a message step by step."""

import pytest

from router.core.render.blocks import (
    Block,
    attachment,
    context,
    faults,
    fewer_blocks,
    fitted,
    plain,
    post_message,
    section,
)
from router.core.render.message import incident_message
from router.core.view import Rendered
from tests.core.incidents import OPEN

FULL = incident_message(OPEN, is_primary=True)


def message(*blocks: Block, text: str = "x") -> Rendered:
    return Rendered(text=text, blocks=blocks)


def words(text: str, kind: str = "mrkdwn") -> Block:
    return {"type": kind, "text": text}


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (message(text=" "), "text: empty"),
        (message(text="x" * 4001), "text: 4001 characters, at most 4000"),
        (message(text="<!here>"), "text: markup"),
        (message(*[section("x")] * 51), "blocks: 51, at most 50"),
        (message(section("x", "a"), section("x", "a")), "blocks: block_id is empty, too long or not unique"),
        (message(section("x", "a" * 256)), "blocks: block_id is empty, too long or not unique"),
        (message(*[section("x" * 2900)] * 5), "blocks: 14856 characters in all, at most 13000"),
        (message({"type": "image"}), "blocks: type 'image' is not one we write"),
        (message({"type": "header", "text": words("x")}), "blocks: text of type 'mrkdwn'"),
        (message({"type": "header", "text": words("x" * 151, "plain_text")}), "blocks: 151 characters, at most 150"),
        (message({"type": "section"}), "blocks: section: needs a text or 1 to 10 fields"),
        (message({"type": "section", "fields": [words("x")] * 11}), "blocks: section: needs a text or 1 to 10 fields"),
        (message({"type": "section", "fields": [words("x" * 2001)]}), "blocks: 2001 characters, at most 2000"),
        (message({"type": "section", "text": "x"}), "blocks: text object expected"),
        (message(section("x" * 3001)), "blocks: 3001 characters, at most 3000"),
        (message(section(" ")), "blocks: empty text"),
        (message(section("<!channel>")), "blocks: a bracket that is not ours"),
        (message(section("<javascript:alert(1)|x>")), "blocks: a bracket that is not ours"),
        (message(context()), "blocks: context: 0 elements, 1 to 10"),
        (message(context(*["x"] * 11)), "blocks: context: 11 elements, 1 to 10"),
        (Rendered(text="x", attachments=(attachment("red", "x", []),)), "attachments/0: colour"),
        (Rendered(text="x", attachments=(attachment("#ff0000", "x", [context()]),)), "attachments/0/blocks: context: 0 elements, 1 to 10"),
    ],
)  # fmt: skip
def test_each_limit_is_known(bad: Rendered, fault: str) -> None:
    assert faults(bad) == (fault,)
    assert faults(fitted(bad)) == ()


def test_what_slack_takes_has_no_fault() -> None:
    header: Block = {"type": "header", "text": words("<x>", "plain_text")}
    ours = section("<!date^1^{time}|x> <https://a/b|c> <@U012ABCDEF> <#C012ABCDEF>")
    assert faults(message({"type": "divider"}, header, ours)) == ()
    assert fitted(FULL) is FULL


def test_a_refused_message_loses_detail_first_then_all_blocks() -> None:
    fewer = fewer_blocks(FULL)
    assert [block["type"] for block in fewer.blocks] == ["section", "context"]
    assert fewer.blocks[0]["text"] == FULL.blocks[0]["text"]
    assert not fewer.attachments
    bare = plain(fewer)
    assert bare == Rendered(text=FULL.text + " · shortened: Slack refused the full message")
    assert plain(bare) is bare
    assert fewer_blocks(bare) is bare


def test_detail_alone_becomes_the_text_as_a_block() -> None:
    bars = (attachment("#ff0000", "x", [context("x")]),) * 2
    assert fewer_blocks(Rendered(text="x", attachments=bars)).blocks[0] == section("x")


def test_the_last_guard_keeps_the_headline_when_only_detail_is_bad() -> None:
    assert fitted(message(section("fine"), section("<!here>"))).blocks[0] == section("fine")
    assert fitted(message(text="<>")).text == "An alert that could not be shown"


def test_a_word_of_our_own_is_escaped_too() -> None:
    said = post_message("Slack refused `#db` & told here:\n- team <x>")
    assert said.text == "Slack refused '#db' &amp; told here: - team &lt;x&gt;"
    assert said.blocks == (section("Slack refused `#db` &amp; told here:\n• team &lt;x&gt;"),)
    assert faults(post_message("")) == ()
