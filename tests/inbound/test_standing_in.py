"""Who stands in for whom, from Slack: `take`, `untake` and `swap`, over both ways in, each once, and everywhere to be seen."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from router.core.acts.override import MadeOverride, Wanted
from router.store.evaluation import overrides
from rules.model.oncall import turn_at
from tests.inbound.office import CLOCK, CONFIGURATION, Office, Via, office

TWO = CONFIGURATION.replace("page: maria", "page: payments").replace(
    "oncall:\n", "oncall:\n  search: {rotation: {people: [jonas], every: 1d, handoff: 09:00, starts: 2026-01-05}}\n"
)


def on_call(place: Office, schedule: str = "payments") -> str:
    engine = place.app.engine
    return turn_at(engine.ruleset.schedules[schedule], CLOCK.now()).person


async def stored(place: Office) -> list[MadeOverride]:
    long_ago = CLOCK.now() - timedelta(days=1)
    return await place.app.engine.database.read(lambda conn: overrides.open_at(conn, long_ago))


@pytest.mark.parametrize("via", list(Via))
async def test_somebody_takes_a_turn_and_gives_it_back(tmp_path: Path, via: Via) -> None:
    """Row 90: whoever takes a turn is paged from then on."""
    async with office(tmp_path, via, configuration=TWO) as place:
        away = on_call(place)
        other = {"maria": "jonas", "jonas": "maria"}[away]
        taken = await place.say('take 2h payments "the dentist"', by=other)
        assert re.fullmatch(
            rf"You are on call for \*payments\* until <!date.*>, instead of {away.title()}\. `untake payments` ends it\.",
            taken,
        )
        assert on_call(place) == other
        assert f"{other.title()} (override: the dentist)" in await place.say("oncall payments", by="eve")
        await place.fire()
        direct = await place.slack.direct(other).expect_message("You are paged")
        assert "(override)" in direct.said
        assert place.slack.direct(away).messages == []
        back = await place.say("untake", by=other)
        assert back == f"The override of {other.title()} in *payments* is over: the turns are as the rules say."
        assert on_call(place) == away
        (kept,) = await stored(place)
        assert (kept.person, kept.made_by, kept.ended_by, kept.why) == (other, other, other, "the dentist")
        assert kept.ends < CLOCK.now()


async def test_a_command_that_slack_sends_again_takes_once(tmp_path: Path) -> None:
    """What is sent again after its end, too, is answered as the first time and not done again."""
    async with office(tmp_path, configuration=TWO) as place:
        people, hours = place.app.engine.overrides, timedelta(hours=2)
        first = await people.take(Wanted("maria", hours, "maria", "search"), key="slack:1")
        assert [one.person for one in people.open] == ["maria"]
        await place.say("untake", by="maria")
        assert await people.take(Wanted("maria", hours, "maria", "search"), key="slack:1") == first
        assert not people.open
        assert len(await stored(place)) == 1
        assert await people.take(Wanted("maria", hours, "maria", "search"), key="slack:2") != first
        assert len(people.open) == 1


async def test_for_somebody_else_from_later_on_and_swapped(tmp_path: Path) -> None:
    async with office(tmp_path, configuration=TWO) as place:
        before = on_call(place, "search")
        assert before == "jonas"
        said = await place.say("override search <@U0MARIA|maria> 4h from 2027-07-01T10:00", by="jonas")
        assert said.startswith("Maria is on call for *search* from <!date^")
        assert "instead of Jonas. `untake search @maria` ends it." in said
        assert on_call(place, "search") == "jonas"
        assert (await place.say("untake search @maria", by="maria")).startswith("The override of Maria")
        said = await place.say("swap @jonas", by="maria")
        assert said.count("\n") == 2
        assert "Jonas is on call for *payments* from" in said
        assert "You are on call for *payments* from" in said
        assert len(place.app.engine.overrides.open) == 2
        assert "The override of" in await place.say("untake payments", by="maria")
        assert not place.app.engine.overrides.open


@pytest.mark.parametrize(
    ("by", "text", "answer"),
    [
        ("eve", "take 2h payments", "Nothing is changed: only people of the rules can be on call, and nobody there is you."),
        ("maria", "take 2h payments <@U0EVE|eve>", "Nobody in the rules is eve; only people of the rules can be on call."),
        ("maria", "take 2h payments @ghost", "Nobody in the rules is called ghost"),
        ("maria", "take 2h payments <!subteam^S012345|@db>", "A group cannot be made responsible; name a person."),
        ("maria", "take 2h paiments", "Nothing is changed: the rules have no schedule called paiments; did you mean payments?"),
        ("jonas", "take 2h", "Nothing is changed: of which schedule: search, payments?"),
        ("maria", "untake", "Nothing is changed: there is no override to end."),
        ("maria", "swap @maria", "Nothing is changed: nobody swaps with themselves."),
        ("maria", "swap @jonas search", "Nothing is changed: no turn of maria in search is in sight that ends."),
    ],
)  # fmt: skip
async def test_why_nothing_is_changed(tmp_path: Path, by: str, text: str, answer: str) -> None:
    """Row 64: who asks for what cannot be done reads why."""
    async with office(tmp_path, configuration=TWO) as place:
        assert (await place.say(text, by=by)).startswith(answer)
        assert await stored(place) == []


async def test_a_reload_that_takes_the_schedule_away_harms_nothing_and_is_said(tmp_path: Path) -> None:
    async with office(tmp_path, configuration=TWO) as place:
        await place.say("take search 2h", by="maria")
        file = tmp_path / "router.yaml"
        text = file.read_text()
        file.write_text(re.sub(r"\n  search: .*\n", "\n", text))
        reloaded = await place.app.reload()
        said = "the override of maria in search has no effect: the rules have no such schedule"
        assert reloaded.is_accepted
        assert said in reloaded.warnings
        assert said in await place.say("oncall", by="maria")
        file.write_text(text)
        assert said not in (await place.app.reload()).warnings
        assert on_call(place, "search") == "maria", "it is there again with the rules"
