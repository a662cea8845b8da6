"""The priority matrix of rules/examples, told: who hears what, at every hour that matters."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.stage import Condition, Stage
from tests.process import ROOT

MATRIX = (ROOT / "rules" / "examples" / "p1-p4-matrix" / "main.yaml").read_text()
CHANNELS = ("#incidents-p1", "#incidents", "#alerts", "#checkout-alerts", "#search-alerts")
PEOPLE = ("alice", "bob", "lead")


def of(severity: str, *, service: str = "checkout", cluster: str = "us-1") -> Condition:
    return Condition("Broken", "web-1", severity, (("service", service), ("cluster", cluster)))


@pytest.fixture
def start() -> datetime:
    """A Wednesday. A test that is about another hour says so."""
    return datetime(2026, 11, 18, 9, 30, tzinfo=UTC)


@pytest.fixture
async def stage(tmp_path: Path, start: datetime) -> AsyncIterator[Stage]:
    async with Stage(tmp_path, MATRIX, start=start) as stage:
        for person in PEOPLE:
            stage.world.add_person(person)
        for channel in CHANNELS:
            stage.world.add_channel(channel)
        yield stage


def told(stage: Stage) -> dict[str, list[str]]:
    """What stands where, without the channels and people where nothing stands."""
    world = stage.world
    views = {**{name: world.channel(name) for name in CHANNELS}, **{name: world.direct(name) for name in PEOPLE}}
    return {name: [message.text for message in view.messages] for name, view in views.items() if view.messages}


def posts(stage: Stage) -> int:
    """How often something was said anew. Edits make no sound: who is next may change while news is held back."""
    return sum(call.method == "chat.postMessage" for call in stage.world.calls)


HAND_OVER = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""Monday 09:00 in Berlin; Alice's turn, the third since it starts, ends."""


@pytest.mark.parametrize("start", [HAND_OVER - timedelta(minutes=12)])
async def test_p1_reaches_two_channels_and_whoever_is_on_call_at_that_instant(stage: Stage) -> None:
    await stage.fire(of("critical"))
    await stage.run_for(seconds=5)
    assert told(stage).keys() == {"#incidents-p1", "#incidents", "alice"}
    [home] = stage.world.channel("#incidents-p1").messages
    assert home.text.startswith("CRITICAL #1 Broken")
    assert "on call: Alice" in home.text
    await stage.end(of("critical"))
    await stage.run_for(minutes=11)
    assert all(text.startswith("Resolved #1") for name in CHANNELS[:2] for text in told(stage)[name])

    await stage.run_until(HAND_OVER - timedelta(seconds=1))
    await stage.fire(of("critical", service="search"))
    await stage.run_for(seconds=5)
    assert len(told(stage)["alice"]) == 3  # paged, told the end, paged again a second before the hand-over
    assert "bob" not in told(stage)
    await stage.fire(of("critical", service="cart"))
    await stage.run_for(seconds=5)
    assert len(told(stage)["alice"]) == 3
    assert len(told(stage)["bob"]) == 1


OFFICE_OPENS = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("start", [OFFICE_OPENS - timedelta(minutes=30)])
async def test_p2_and_p3_reach_the_channel_and_p3_a_person_when_the_office_opens(stage: Stage) -> None:
    await stage.fire(of("high"), of("medium", cluster="eu-2"))
    await stage.run_for(seconds=30)
    assert {name: len(texts) for name, texts in told(stage).items()} == {"#incidents": 2, "alice": 1}
    await stage.run_until(OFFICE_OPENS - timedelta(seconds=1))
    assert len(told(stage)["alice"]) == 1
    await stage.run_for(seconds=5)
    assert len(told(stage)["alice"]) == 2
    assert stage.world.direct("alice").messages[-1].text.startswith("You are paged: MEDIUM")


async def test_p4_reaches_only_its_services_channel(stage: Stage) -> None:
    await stage.fire(of("low"), of("info", service="search"), of("low", service="unknown"))
    await stage.run_for(minutes=1)
    assert {name: len(texts) for name, texts in told(stage).items()} == {
        "#alerts": 1,
        "#checkout-alerts": 1,
        "#search-alerts": 1,
    }
    assert stage.world.sounds_of("alice") == []


BEGINS, ENDS = datetime(2026, 12, 1, 20, tzinfo=UTC), datetime(2026, 12, 1, 23, tzinfo=UTC)
"""Of the maintenance on eu-1."""


@pytest.mark.parametrize("start", [BEGINS - timedelta(minutes=1)])
async def test_nothing_is_told_during_a_maintenance_and_what_is_still_true_when_it_ends(stage: Stage) -> None:
    before = of("high", service="cart", cluster="eu-1")
    await stage.fire(before)
    await stage.run_until(BEGINS + timedelta(minutes=1))
    [standing] = stage.world.channel("#incidents").messages
    before_it = posts(stage)

    over, lasting, elsewhere = of("critical", cluster="eu-1"), of("high", cluster="eu-1"), of("low", cluster="us-1")
    await stage.fire(over, lasting)
    await stage.run_for(hours=1)
    await stage.end(over)
    await stage.run_for(minutes=30)
    assert posts(stage) == before_it
    await stage.fire(elsewhere)
    await stage.run_for(minutes=1)
    assert len(told(stage)["#checkout-alerts"]) == 1
    await stage.end(before)  # an end is never held back
    await stage.run_for(minutes=1)
    assert standing.text.startswith("Resolved #1")

    await stage.run_until(ENDS - timedelta(seconds=1))
    assert len(stage.world.channel("#incidents").messages) == 1
    assert "#incidents-p1" not in told(stage)
    await stage.run_for(seconds=30)
    assert stage.world.channel("#incidents").messages[-1].text.startswith("HIGH #3 Broken")
    [summary] = stage.world.channel("#incidents-p1").messages
    assert "1 alert began and ended while news was held back (eu-1-upgrade)" in summary.said
