"""Signs of life through the door: most come as alerts that change nothing, which are never looked into."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.heartbeats import seen as signs_
from router.heartbeats.seen import HeartbeatsSeen
from rules.model.heartbeat import HeartbeatKey
from tests.http.conftest import Client, serving
from tests.http.service import OPEN, START, StandIn, configuration

Open = tuple[StandIn, Client]
WATCHED = OPEN.replace(
    "prometheus: {adapter: prometheus, auth: none}",
    "prometheus: {adapter: prometheus, auth: none, heartbeat: {match: ['alertname = Watchdog'], every: 5m}}",
)
WATCHDOG = [{"labels": {"alertname": "Watchdog"}, "startsAt": "2026-03-04T11:00:00Z", "endsAt": "2036-01-01T00:00:00Z"}]
ARRAY = "/webhook/prometheus/api/v2/alerts"


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Open]:
    async with serving(tmp_path, WATCHED) as made:
        yield made


async def names(client: Client) -> list[str]:
    found = await (await client.get("/api/alerts?state=firing")).json()
    return sorted(alert["name"] for alert in found["alerts"])


async def send_for(service: StandIn, client: Client, minutes: int, body: object = WATCHDOG) -> None:
    for _ in range(minutes):
        await client.post(ARRAY, json=body)
        await service.turn(minutes=1)


async def test_the_same_bytes_again_and_again_are_signs_of_life_and_told_nobody(watched: Open) -> None:
    service, client = watched
    await send_for(service, client, 12)
    assert await names(client) == ["Watchdog"]
    assert (await (await client.get("/api/incidents")).json())["incidents"] == []
    await service.turn(minutes=5, seconds=10)
    assert await names(client) == ["HeartbeatMissing", "Watchdog"]
    await send_for(service, client, 1)
    assert await names(client) == ["Watchdog"]


async def test_a_heartbeat_that_a_reload_brings_sees_what_was_known_before(open_service: Open) -> None:
    service, client = open_service
    await send_for(service, client, 2)
    await service.simulation.reload(configuration(WATCHED).rules)
    await send_for(service, client, 12)
    assert "HeartbeatMissing" not in await names(client)


async def test_one_that_has_ended_is_no_sign_of_a_sources_life(watched: Open) -> None:
    service, client = watched
    ended = [{**WATCHDOG[0], "endsAt": "2026-03-04T11:30:00Z"}]
    await send_for(service, client, 6, ended)
    assert await names(client) == ["HeartbeatMissing"]


async def test_what_is_missing_stays_missing_when_the_clock_steps(watched: Open) -> None:
    service, client = watched
    await send_for(service, client, 1)
    await service.turn(minutes=5)
    assert "HeartbeatMissing" in await names(client)
    await service.engine.clock_stepped()
    await service.turn(minutes=1)
    assert "HeartbeatMissing" in await names(client)


def test_words_beyond_all_bounds_are_looked_into_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signs_, "MOST_KEYS", 2)
    forgotten: list[int] = []
    signs, sign = HeartbeatsSeen(lambda: forgotten.append(1)), HeartbeatKey("", "x")
    for key in (1, 2, 3):
        signs.see((sign,), key, START)
    assert forgotten == [1]
    signs.take()
    signs.see_again(1, START)
    assert signs.take() == {}
    signs.see_again(3, START)
    assert signs.take() == {sign: START}


def test_what_was_not_written_down_is_not_lost() -> None:
    later = START.replace(hour=13)
    signs, one, two = HeartbeatsSeen(lambda: None), HeartbeatKey("", "x"), HeartbeatKey("", "y")
    signs.see((one, two), 0, START)
    seen = signs.take()
    signs.see((one,), 0, later)
    signs.give_back(seen)
    assert signs.take() == {one: later, two: START}
