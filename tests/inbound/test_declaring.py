"""Incidents that people declare from Slack: durable, once, told at once, and ended by who closes them."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from router.store.tables import alert
from tests.inbound.office import CONFIGURATION, Via, office

SERVICES = CONFIGURATION.replace(
    'routing: {channel: "#ops",',
    'catalog: {service: {checkout: {channel: "#checkout"}, search: {channel: "#ops"}}}\n'
    'routing: {channel: [{from: service}, "#ops"],',
).replace("group_wait: 0s", "group_wait: 30m")


@pytest.mark.parametrize("via", list(Via))
@pytest.mark.parametrize("word", ["new", "create", "trigger"])
async def test_declared_by_words_it_lives_as_every_incident(tmp_path: Path, via: Via, word: str) -> None:
    """Row 65, row 79, and of row 78 that an alert is made from Slack: `trigger "title" on SERVICE`, `create`."""
    async with office(tmp_path, via) as at:
        answer = await at.say(f'{word} "Nobody can pay" on checkout critical', by="maria", command="/pd")
        assert answer == "#1 CRITICAL Nobody can pay: declared, told in #ops."
        message = await at.ops.expect_message("CRITICAL #1 Nobody can pay")
        direct = await at.slack.direct("maria").expect_message("You are paged")
        assert "declared_by=maria" in message.said
        await at.tap(direct, "Acknowledge", by="maria")
        await message.expect_reply("acknowledged by Maria")
        await at.tap(message, "Resolve", by="jonas")
        assert await at.do(at.people.send(await at.modal("Resolve #1"), note="rolled back")) is None
        await message.expect_update("Resolved #1 CRITICAL Nobody can pay")
        await message.expect_reply("closed by Jonas")
        assert "closed by Jonas" in message.said
        assert "Resolution: rolled back" in message.said
        assert message.buttons == []
        assert await at.say("list", by="maria") == "Nothing is open."
        assert await at.say("resolve 1", by="maria") == "#1: it is over."


async def test_each_is_one_of_its_own_and_slacks_retry_is_none(tmp_path: Path) -> None:
    async with office(tmp_path, Via.SOCKET_MODE) as at:
        first = at.people.command('new "It is slow"', by="eve", channel="#ops")
        for _ in range(2):  # over another connection, as Slack's retries come
            answer = await at.do(first)
            assert answer is not None
            assert answer["text"] == "#1 HIGH It is slow: declared, told in #ops."
        assert (await at.say('new "It is slow"', by="eve")).startswith("#2 HIGH ")
        await at.ops.expect_message("#2 It is slow")
        assert "declared_by=via Slack (eve)" in at.ops.messages[0].said


async def test_the_catalogue_knows_the_service(tmp_path: Path) -> None:
    async with office(tmp_path, configuration=SERVICES) as at:
        at.slack.add_channel("#checkout", members=("maria",))
        answer = await at.say("new “Nobody can pay” on Checkout", by="maria")
        assert answer == "#1 HIGH Nobody can pay: declared, told in #checkout."
        await at.slack.channel("#checkout").expect_message("#1 Nobody can pay · service checkout")
        answer = await at.say('new "It is slow" on searching low', by="maria")
        assert answer == (
            "#2 LOW It is slow: declared, told in #ops."
            " The catalogue has no service searching, so what it says of services does not hold for it. Did you mean search?"
        )


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("&lt;!channel&gt; *fire* `x`", "&lt;!channel&gt;"),
        ("<!here> <@U0EVE> <https://evil.example|Runbook>", "@here"),
        ("a\u202egnp.exe", "agnp.exe"),
    ],
)
async def test_a_title_is_a_strangers_text(tmp_path: Path, typed: str, shown: str) -> None:
    async with office(tmp_path) as at:
        answer = await at.say(f'new "{typed}"', by="eve")
        assert shown in answer
        message = await at.ops.expect_message("HIGH #1")
        for text in (answer, message.text, message.said):
            assert "<!" not in text.replace("<!date", "")
            assert "<@U0EVE" not in text
            assert "\u202e" not in text


async def test_a_title_has_bounds(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        assert "1 to 300 characters" in await at.say(f'new "{"x" * 301}"', by="eve")
        assert "at most 4,000" in await at.say("new " + "x" * 4_000, by="eve")
        assert await at.say('new "\u200b"', by="eve") == "Nothing is declared: it needs a title."
        assert at.ops.messages == []


async def test_it_never_expires(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        await at.say('new "It is slow"', by="maria")

        def lasts(conn: Connection) -> list[tuple[object, ...]]:
            return [tuple(row) for row in conn.execute(select(alert.c.ttl, alert.c.expires_at, alert.c.is_firing))]

        assert await at.app.engine.database.read(lasts) == [(None, None, True)]
