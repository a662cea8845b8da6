"""Messages that outlive what they tell of: a database from the past, a channel under another name, and buttons that name what is
another's by now. Never is the wrong incident acted on."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from router.core.acts.button import Button, Verb, action_id, value
from router.store.evaluation import incidents
from tests.inbound.office import CLOCK, INSTANCE, Office, Via, office
from tests.slackworld.views import MessageView


async def state(at: Office, number: int) -> str:
    return (await at.app.engine.database.read(lambda conn: incidents.get(conn, number))).response.phase.value


def back_up(folder: Path, copy: Path) -> None:
    [database] = folder.glob("*.db")
    with sqlite3.connect(database) as source, sqlite3.connect(copy) as target:
        source.backup(target)


def restore(folder: Path, copy: Path) -> None:
    [database] = folder.glob("*.db")
    for beside in folder.glob(f"{database.name}-*"):
        beside.unlink()
    copy.replace(database)


async def press_old(at: Office, ts: str, *, number: int, verb: Verb = Verb.ACKNOWLEDGE) -> None:
    carried = value(Button(verb, number), instance=INSTANCE)
    await at.do(at.people.click(ts, action_id(verb), by="jonas", channel="#ops", value=carried))


async def known(at: Office, message: MessageView, number: int) -> None:
    """Until it is written down where the message stands."""
    await at.say(f"note {number} so that it is known where it stands", by="maria")
    await at.say(f"ack {number}", by="maria")
    await message.expect_reply("acknowledged by Maria")
    await at.say(f"unack {number}", by="maria")
    await message.expect_reply("taken back by Maria")


@pytest.mark.parametrize("via", list(Via))
@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE, Verb.RESOLVE, Verb.SILENCE])
async def test_a_number_that_is_another_incidents_by_now_is_not_acted_on(tmp_path: Path, via: Via, verb: Verb) -> None:
    """The backup was older than the message, and the number was given anew."""
    async with office(tmp_path, via) as at:
        long_ago = f"{(CLOCK.now() - timedelta(hours=2)).timestamp():.6f}"
        message = await at.fire()
        await known(at, message, 1)
        await press_old(at, long_ago, number=1, verb=verb)
        assert await at.heard("jonas", "my database does not know")
        assert await state(at, 1) == "open"
        assert at.slack.modals == []
        await press_old(at, long_ago, number=9, verb=verb)
        assert await at.heard("jonas", "There is no incident #9.")
        await press_old(at, message.ts, number=1, verb=verb)  # its own message goes on working
        if verb is Verb.ACKNOWLEDGE:
            await message.expect_reply("acknowledged by Jonas")
        else:
            await at.modal("#1")


async def test_the_message_of_one_incident_acts_on_no_other(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        first = await at.fire("Disk is full")
        second = await at.fire("Cpu is hot", labels={"alertname": "Cpu"})
        await known(at, first, 1)
        await known(at, second, 2)
        await press_old(at, second.ts, number=1)
        assert await at.heard("jonas", "my database does not know")
        assert [await state(at, number) for number in (1, 2)] == ["open", "open"]


async def test_a_database_that_was_restored_numbers_on_and_knows_no_other(tmp_path: Path) -> None:
    """A copy from before the incident, put back; what stands in Slack of it is answered in words."""
    copy = tmp_path / "backup"
    async with office(tmp_path) as at:
        first = await at.fire("Disk is full")
        await known(at, first, 1)
        back_up(tmp_path / "data", copy)
        second = await at.fire("Cpu is hot", labels={"alertname": "Cpu"})
        await known(at, second, 2)
    restore(tmp_path / "data", copy)
    async with office(tmp_path) as at:
        await press_old(at, second.ts, number=2)
        assert await at.heard("jonas", "There is no incident #2.")
        assert await state(at, 1) == "open"
        number = int((await at.say('new "It is slow"', by="maria")).split()[0].removeprefix("#"))
        assert number > 2  # that was said aloud, and is nobody else's
        await press_old(at, second.ts, number=2)
        assert await at.heard("jonas", "There is no incident #2.", times=2)
        assert await state(at, number) == "open"


@pytest.mark.parametrize("via", list(Via))
async def test_a_channel_under_another_name_goes_on(tmp_path: Path, via: Via) -> None:
    async with office(tmp_path, via) as at:
        message = await at.fire()
        await known(at, message, 1)
        at.slack._named("#ops").name = "#ops-old"
        carried = value(Button(Verb.ACKNOWLEDGE, 1), instance=INSTANCE)
        click = at.people.click(message.ts, action_id(Verb.ACKNOWLEDGE), by="jonas", channel="#ops-old", value=carried)
        await at.do(click)
        await message.expect_update("acknowledged by Jonas")
        thread = at.people.mention("resolve", by="maria", channel="#ops-old", thread_ts=message.ts)
        await at.do(thread)
        await message.expect_reply("closed by Maria")
