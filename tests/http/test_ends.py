"""How alerts end whose sender says nothing more, through the door; and that each kind of end is counted by source."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from router.store.tables import alert as alerts_table
from tests.http.conftest import Client, serving
from tests.http.service import OPEN

RULES = OPEN.replace(
    "  shell: {adapter: generic, auth: none}",
    "  shell: {adapter: generic, auth: none}\n  jobs: {adapter: generic, auth: none, resolve_after: 10m}",
)


async def alerts(client: Client, state: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await (await client.get(f"/api/alerts?state={state}")).json())["alerts"]
    return found


async def fire(client: Client, source: str, **more: str) -> None:
    answer = await client.post(f"/webhook/{source}", json={"title": "Dump failed", "severity": "high", **more})
    assert answer.status == 200, await answer.text()


async def test_what_is_not_heard_of_for_resolve_after_is_presumed_over(tmp_path: Path) -> None:
    async with serving(tmp_path, RULES) as (service, client):
        await fire(client, "jobs")
        await service.turn(minutes=9)
        await fire(client, "jobs")  # the time counts from the last word
        await service.turn(minutes=9, seconds=50)
        assert len(await alerts(client, "firing")) == 1
        await service.turn(seconds=30)
        [over] = await alerts(client, "resolved")
        assert over["ended_how"] == "presumed"
        assert service.metrics.value("alert_router_alerts_ended", ("jobs", "presumed")) == 1


async def test_without_an_end_or_resolve_after_seven_days_without_a_word_are_the_end(tmp_path: Path) -> None:
    def lives(conn: Connection) -> list[tuple[timedelta, bool]]:
        return [tuple(row) for row in conn.execute(select(alerts_table.c.ttl, alerts_table.c.ttl_is_presumed))]

    async with serving(tmp_path, RULES) as (service, client):
        await fire(client, "shell")
        assert await service.engine.database.read(lives) == [(timedelta(days=7), True)]


async def test_an_end_that_its_sender_tells_is_counted_once(tmp_path: Path) -> None:
    async with serving(tmp_path, RULES) as (service, client):
        await fire(client, "shell")
        await fire(client, "shell", status="resolved")
        await fire(client, "shell", status="resolved")
        assert service.metrics.value("alert_router_alerts_ended", ("shell", "told")) == 1
