"""`/preview` over the store: what stands, what waits, why; and nothing of it when messages go to Slack."""

from pathlib import Path

import pytest

from router.store import read
from tests.http.conftest import Client, serving
from tests.http.service import OPEN, StandIn

Open = tuple[StandIn, Client]


async def test_the_page_and_its_files_are_served_under_a_policy(open_service: Open) -> None:
    _, client = open_service
    page = await client.get("/preview")
    assert (page.status, page.content_type) == (200, "text/html")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    script = await client.get("/preview/preview.js")
    assert (script.status, script.content_type) == (200, "text/javascript")
    assert (await client.get("/preview/../app.py")).status == 404
    assert (await client.get("/preview/preview.py")).status == 404


async def test_the_data_shows_messages_and_why_they_are_there(open_service: Open) -> None:
    service, client = open_service
    for host in ("a", "b"):
        await client.post("/webhook/shell", json={"title": "Disk", "host": host, "severity": "critical", "team": "db"})
        await service.turn(minutes=6)
    body = await (await client.get("/preview/data.json")).json()
    told = [(one["thread_ts"] != "", one["why"]["reason"], one["why"]["route"]) for one in body["messages"]]
    assert sorted(told) == [(False, "first", "db"), (False, "first", "db"), (False, "page", "db"), (True, "more", "db")]
    names = [channel["name"] for channel in body["channels"]]
    assert names == ["#alerts", "#all", "#db", "#slow", "alice@example.com"]
    assert {(wake["who"], wake["why"]) for wake in body["sounds"]} == {
        ("#db", "new message"),
        ("#all", "new message"),
        ("alice@example.com", "direct message"),
    }


async def test_the_data_shows_what_waits_and_until_when(open_service: Open) -> None:
    service, client = open_service
    for host in ("a", "b"):
        await client.post("/webhook/shell", json={"title": "Slow", "host": host, "team": "slow"})
    await client.post("/webhook/shell", json={"title": "Old", "cluster": "old"})
    await service.turn(seconds=20)
    body = await (await client.get("/preview/data.json")).json()
    waiting = {one["title"]: one for one in body["waiting"]}
    assert set(waiting) == {"Slow", "Old"}
    slow, old = waiting["Slow"], waiting["Old"]
    assert (slow["route"], slow["count"], slow["due_at"], slow["why"]) == (
        "slow",
        2,
        "2026-03-04T12:01:00Z",
        "group_wait",
    )
    assert (old["due_at"], old["why"]) == ("2026-03-05T00:00:00Z", "held back: maintenance move")


async def test_the_front_door_leads_to_the_preview(open_service: Open) -> None:
    _, client = open_service
    answer = await client.get("/", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "/preview")


async def test_there_is_no_preview_where_messages_go_to_slack(tmp_path: Path) -> None:
    text = OPEN.replace("slack: preview", "slack: {token: {env: READ}}")
    async with serving(tmp_path, text) as (_, client):
        for address in ("/preview", "/preview/data.json", "/preview/preview.js"):
            answer = await client.get(address)
            assert answer.status == 404
            assert (await answer.json())["detail"] == "there is no preview here: messages go to Slack"
        front = await client.get("/")
        assert 'href="/api/incidents?state=open"' in await front.text()


async def test_the_data_is_bounded_by_bytes_and_keeps_the_newest(
    open_service: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, client = open_service
    for number in range(10):
        await client.post("/webhook/shell", json={"title": f"Disk {number}", "severity": "critical"})
        await service.turn(seconds=5)
    whole = await (await client.get("/preview/data.json")).json()
    assert len(whole["messages"]) == 10
    monkeypatch.setattr(read, "PAGE_BYTES", 8_000)
    part = await (await client.get("/preview/data.json")).json()
    assert 1 <= len(part["messages"]) < 10
    assert part["messages"] == whole["messages"][-len(part["messages"]) :]
