"""What is answered to words: help, what is wrong with them, and nothing that Slack would take for markup."""

import pytest

from router.core.acts.grammar.words import NOT_IN_THIS_VERSION, help_text
from router.notifiers.slack.inbound.response import Reply, Response, Taken
from router.notifiers.slack.inbound.values import Mention, SlashCommand, User
from router.service.respond import respond

MARIA = User("U0MARIA")


async def answered(text: str) -> Response:
    return await respond(SlashCommand("command:1", MARIA, "/pd", text))


async def test_help_calls_the_command_as_it_was_called() -> None:
    assert await answered("help") == await answered("") == Reply(help_text(command="/pd"))
    assert await answered("ack 12") == Reply(NOT_IN_THIS_VERSION)


@pytest.mark.parametrize("typed", ["&lt;!channel&gt;", "&lt;@U0MARIA&gt;", "*x*", "`x`"])
async def test_what_was_typed_comes_back_without_its_markup(typed: str) -> None:
    found = await answered(typed)
    assert isinstance(found, Reply)
    assert "is no command" in found.text
    assert not set("<>*`") & set(found.text)


async def test_what_is_not_a_command_is_taken() -> None:
    assert await respond(Mention("event:1", MARIA, "<@U0ROBOT> ack", "C1", "1.1")) == Taken()
