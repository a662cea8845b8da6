"""`/incidents/{number}` and the preview: which alerts are in it, what is held back, and who will be paged when."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.notifiers.preview.preview import conversation_id
from tests.http.conftest import Client, serving
from tests.http.service import StandIn

Open = tuple[StandIn, Client]
TEXT = """\
version: 1
timezone: UTC
slack: preview
sources: {shell: {adapter: generic, auth: none}}
routing:
  channel: "#ops"
  group_wait: 0s
  routes:
    - {name: db, match: ['team = db'], group_by: [team], page: {policy: alice, only: [evening]}}
    - {name: apps, match: ['team = apps'], channel: "#apps", repeat_interval: 4h}
people: {alice: {email: alice@example.com}}
windows: {evening: {hours: 14:00-18:00}}
inhibit:
  - {name: db-down, while: ['alert.name = DbDown'], hold: ['team = apps']}
"""


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Open]:
    async with serving(tmp_path, TEXT) as made:
        yield made


async def fire(there: Open, *alerts: dict[str, str]) -> None:
    service, client = there
    items = [{"severity": "critical", **one} for one in alerts]
    answer = await client.post("/webhook/shell", json=items)
    assert answer.status == 200, await answer.text()
    await service.turn(seconds=5)


async def page(client: Client, address: str) -> str:
    answer = await client.get(address)
    assert answer.status == 200
    return await answer.text()


def fact(text: str, name: str) -> str:
    found = re.search(f"<dt>{name}</dt><dd>(.*?)</dd>", text)
    assert found is not None
    return found[1]


async def waiting(client: Client) -> list[dict[str, Any]]:
    body = await (await client.get("/preview/data.json")).json()
    found: list[dict[str, Any]] = body["waiting"]
    return found


async def test_it_lists_its_alerts_page_by_page(there: Open) -> None:
    _, client = there
    await fire(there, *({"title": "Disk", "host": f"<db-{number}>", "team": "db"} for number in range(130)))
    await fire(there, {"title": "Elsewhere"})
    found: list[str] = []
    address, pages = "/incidents/1", 0
    while address:
        text = await page(client, address)
        found += re.findall(r"host=&lt;db-(\d+)&gt; ", text)
        assert "Elsewhere" not in text
        following = re.search(r'<a href="(\?after=[A-Za-z0-9_-]+)">More alerts</a>', text)
        address = f"/incidents/1{following[1]}" if following else ""
        pages += 1
    assert sorted(map(int, found)) == list(range(130))
    assert pages == 2


async def test_who_will_be_paged_and_when_is_said(there: Open) -> None:
    service, client = there
    await fire(there, {"title": "Disk", "team": "db"})
    text = await page(client, "/incidents/1")
    assert fact(text, "Will be paged") == "alice, at 2026-03-04T14:00:00.000Z (held back: only evening)"
    assert fact(text, "On call") == "nobody was paged"
    [one] = await waiting(client)
    assert (one["title"], one["due_at"], one["why"]) == (
        "Disk",
        "2026-03-04T14:00:00Z",
        "page of alice, held back: only evening",
    )
    assert one["channel"] == conversation_id("email:alice@example.com")
    await service.turn(hours=2, minutes=1)
    text = await page(client, "/incidents/1")
    assert (fact(text, "Will be paged"), fact(text, "On call")) == ("nobody", "alice")
    assert await waiting(client) == []


async def test_who_is_next_is_said_while_an_escalation_goes_on(tmp_path: Path) -> None:
    text = TEXT.replace("page: {policy: alice, only: [evening]}", "page: db").replace(
        "people: {", "people: {bob: {email: bob@example.com}, "
    )
    text += 'escalation: {db: {steps: [{person: alice}, {after: 10m, person: bob}, {after: 20m, group: "@db"}]}}\n'
    async with serving(tmp_path, text) as there:
        service, client = there
        await fire(there, {"title": "Disk", "team": "db"})
        shown = await page(client, "/incidents/1")
        assert fact(shown, "Will be paged").startswith("bob, at 2026-03-04T12:10:0")
        assert fact(shown, "On call") == "alice"
        [one] = await waiting(client)
        assert (one["why"], one["channel"]) == ("page of bob", conversation_id("email:bob@example.com"))
        await service.turn(minutes=11)
        shown = await page(client, "/incidents/1")
        assert fact(shown, "Will be paged").startswith("group @db, at 2026-03-04T12:20:0")
        assert "escalated to step 2: Bob, named in the rules <b>(heard in the channel)</b>" in shown
        await service.turn(minutes=10)
        shown = await page(client, "/incidents/1")
        assert (fact(shown, "Will be paged"), await waiting(client)) == ("nobody", [])


async def test_what_is_inhibited_waits_for_the_inhibitors_end_and_for_no_time(there: Open) -> None:
    _, client = there
    await fire(there, {"title": "Shop", "team": "apps"})
    await fire(there, {"title": "DbDown", "name": "DbDown"})
    await fire(there, {"title": "Shop", "team": "apps", "host": "b"})
    [one] = await waiting(client)
    assert (one["title"], one["due_at"], one["until"]) == ("Shop", None, "when the inhibitor ends")
    assert one["why"] == "held back: inhibition db-down"
    text = await page(client, "/incidents/1")
    assert "held back: inhibition db-down, until the inhibitor ends" in text
    assert fact(text, "Held back") == "1 (db-down, until the inhibitor ends)"


async def test_what_is_silenced_says_by_whom_why_and_until_when(there: Open) -> None:
    service, client = there
    await fire(there, {"title": "Shop", "team": "apps"})
    wanted = {
        "matchers": [{"name": "host", "value": "b", "isRegex": False}],
        "startsAt": "2026-03-04T12:00:00Z",
        "endsAt": "2026-03-04T15:00:00Z",
        "createdBy": "<b>maria</b>",
        "comment": "disks",
    }
    assert (await client.post("/api/v2/silences", json=wanted)).status == 200
    await fire(there, {"title": "Shop", "team": "apps", "host": "b"})
    [one] = await waiting(client)
    assert (one["why"], one["due_at"]) == ("held back: silence by <b>maria</b>: disks", "2026-03-04T15:00:00Z")
    text = await page(client, "/incidents/1")
    assert "held back: silence by &lt;b&gt;maria&lt;/b&gt;: disks, until 2026-03-04T15:00:00.000Z" in text
    assert "1 (silenced by &lt;b&gt;maria&lt;/b&gt;: disks, until 2026-03-04T15:00:00.000Z)" in text
    scraped = await (await client.get("/metrics")).text()
    for state, count in (("active", 1), ("pending", 0), ("expired", 0)):
        assert f'alertmanager_silences{{state="{state}"}} {count}.0' in scraped
    assert service.metrics.value("alert_router_suppressed", ("silence",)) > 0


@pytest.mark.parametrize("query", ["after=x", "before=1"])
async def test_a_query_that_is_not_understood_is_refused(there: Open, query: str) -> None:
    _, client = there
    await fire(there, {"title": "Disk"})
    assert (await client.get(f"/incidents/1?{query}")).status == 400


async def test_who_has_it_in_hand_is_said_and_every_act_stands_in_the_timeline(there: Open) -> None:
    service, client = there
    await fire(there, {"title": "DiskFull", "team": "db"})
    assert fact(await page(client, "/incidents/1"), "In hand") == "nobody has acknowledged it"
    await service.engine.act(1, Act(Verb.ACKNOWLEDGE, by="alice", via="button"))
    await service.engine.act(1, Act(Verb.ASSIGN, by="alice", people=("<bob>",)))
    await service.engine.act(1, Act(Verb.NOTE, by="via Slack (jane)", note="it is the <disk>"))
    text = await page(client, "/incidents/1")
    assert fact(text, "In hand").startswith("acknowledged by Alice, since 2026-03-04T12:00:05")
    assert fact(text, "In hand").endswith("until 2026-03-04T16:00:05.000Z, assigned to &lt;bob&gt;")
    for line in (
        "by button, open → acknowledged",
        "nobody → &lt;bob&gt;",
        "acknowledged by Alice",
        "note via Slack (jane): it is the &lt;disk&gt;",
    ):
        assert line in text
