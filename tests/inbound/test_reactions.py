"""An emoji under an incident's message does what the configuration says, and nothing where it says nothing."""

from pathlib import Path

import pytest

from tests.inbound.office import CONFIGURATION, Via, office
from tests.inbound.test_shortcuts import timeline

REACTING = CONFIGURATION.replace(
    "  command: [/incident, /pd]\n",
    "  command: [/incident, /pd]\n  reactions: {eyes: acknowledge, white_check_mark: resolve, memo: note}\n",
)


@pytest.mark.parametrize("via", list(Via))
async def test_an_emoji_acknowledges_and_resolves(tmp_path: Path, via: Via) -> None:
    """Row 61: an emoji under the message as progress."""
    async with office(tmp_path, via, configuration=REACTING) as at:
        message = await at.fire()
        direct = await at.slack.direct("maria").expect_message("You are paged")
        await at.say("ack 1", by="maria")
        await direct.expect_update("acknowledged by Maria")  # so that it is known where both messages stand
        await at.say("unack 1", by="maria")
        await message.expect_reply("taken back by Maria")
        await at.do(at.people.react(message.ts, "eyes::skin-tone-3", by="jonas", channel="#ops"))
        await message.expect_reply("acknowledged by Jonas")
        await at.do(at.people.react(message.ts, "eyes", by="eve", channel="#ops"))
        assert await at.heard("eve", "has acknowledged") == ["#1: jonas has acknowledged it."]
        await at.do(at.people.react(message.ts, "tada", by="eve", channel="#ops"))
        await at.do(at.people.react(message.ts, "memo", by="eve", channel="#ops"))
        await at.do(at.people.react(direct.ts, "white_check_mark", by="maria", channel=at.slack.direct("maria").id))
        await message.expect_reply("closed by Maria")
        assert await timeline(at, 1) == [":memo:"]
        assert len(at.slack.heard_by("eve")) == 1


@pytest.mark.parametrize("configuration", [CONFIGURATION, REACTING])
async def test_elsewhere_it_does_nothing(tmp_path: Path, configuration: str) -> None:
    async with office(tmp_path, configuration=configuration) as at:
        message = await at.fire()
        await at.say("ack 1", by="maria")
        reply = await message.expect_reply("acknowledged by Maria")
        await at.say("unack 1", by="maria")
        await message.expect_reply("taken back by Maria")
        place = {"by": "jonas", "channel": "#ops"}
        if configuration is REACTING:
            await at.do(at.people.react("1.000001", "eyes", **place))  # somebody else's message
            await at.do(at.people.react(reply.ts, "eyes", **place))
            others = at.people.react(message.ts, "eyes", **place)
            others.payload["event"]["item_user"] = "U0MARIA"
            await at.do(others)
            own = at.people.react(message.ts, "eyes", **place)
            own.payload["event"]["user"] = own.payload["event"]["item_user"]
            await at.do(own)
            file = at.people.react(message.ts, "eyes", **place)
            file.payload["event"]["item"] = {"type": "file", "file": "F1"}
            await at.do(file)
        else:
            await at.do(at.people.react(message.ts, "eyes", **place))
        await at.say("note 1 after it", by="maria")
        shown = await at.say("show 1", by="maria")
        assert shown.index("taken back by Maria") < shown.index("after it")
        assert "Jonas" not in shown
        assert at.slack.heard_by("jonas") == []
