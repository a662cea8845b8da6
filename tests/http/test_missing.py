"""Ends that an Alertmanager never told, through the door: webhooks as it sends them."""

import sys
from typing import Any

import pytest

from router.store.intake import sender_groups
from tests.http.conftest import Client
from tests.http.service import StandIn

Open = tuple[StandIn, Client]


def webhook(*instances: str, **more: object) -> dict[str, Any]:
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": "Down", "instance": instance},
            "annotations": {},
            "startsAt": "2026-03-04T11:59:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
        }
        for instance in instances
    ]
    head = {"version": "4", "groupKey": "{}:{}", "receiver": "router", "truncatedAlerts": 0, "status": "firing"}
    return {**head, "alerts": alerts, **more}


async def post(client: Client, body: object) -> dict[str, Any]:
    answer = await client.post("/webhook/prometheus", json=body)
    found: dict[str, Any] = await answer.json()
    return found


async def firing(client: Client) -> set[str]:
    found = await (await client.get("/api/alerts?state=firing")).json()
    return {alert["labels"]["instance"] for alert in found["alerts"]}


async def test_an_alert_absent_from_a_later_complete_webhook_of_its_group_has_ended(open_service: Open) -> None:
    service, client = open_service
    await post(client, webhook("a", "b"))
    for _ in range(2):  # the same once more, without a word that is new
        await service.turn(minutes=5)
        assert (await post(client, webhook("b", "a")))["unchanged"] == 2
    await service.turn(minutes=5)
    await post(client, webhook("a"))
    await service.turn(seconds=110)
    assert await firing(client) == {"a", "b"}
    await service.turn(seconds=21)
    assert await firing(client) == {"a"}
    ended = await (await client.get("/api/alerts?state=resolved")).json()
    assert [alert["ended_how"] for alert in ended["alerts"]] == ["missing"]
    text = await (await client.get("/metrics")).text()
    assert 'alert_router_alerts_ended_total{how="missing",source="prometheus"} 1.0' in text


async def test_neither_a_cut_webhook_nor_one_with_a_broken_alert_nor_one_of_another_group_ends_anything(
    open_service: Open,
) -> None:
    service, client = open_service
    await post(client, webhook("a", "b"))
    await service.turn(minutes=5)
    await post(client, webhook("a", truncatedAlerts=1))
    await post(client, webhook("a", groupKey="{}/{x=y}:{}"))
    await post(client, webhook("a", receiver="other"))
    broken = webhook("a")
    broken["alerts"].append({"status": "firing", "labels": {}})
    assert len((await post(client, broken))["errors"]) == 1
    await service.turn(minutes=10)
    assert await firing(client) == {"a", "b"}


async def test_a_webhook_with_an_item_that_is_always_built_is_never_taken_for_the_one_before(
    open_service: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, client = open_service
    long = {"summary": "x" * 70_000}
    compared: list[int | None] = []
    note = sender_groups.note

    def noted(*args: Any, **given: Any) -> Any:
        compared.append(given["group"])
        return note(*args, **given)

    monkeypatch.setattr(sender_groups, "note", noted)
    for _ in range(3):
        body = webhook("a")
        body["alerts"][0]["annotations"] = long
        await post(client, body)
        await service.turn(minutes=5)
    assert len(compared) == 3
    for _ in range(3):
        await post(client, webhook("b"))
        await service.turn(minutes=5)
    assert len(compared) == 4, "the others are like the first"


async def test_a_draft_without_a_key_makes_a_webhook_like_no_other(open_service: Open) -> None:
    digest = sys.modules[type(open_service[0].engine.intake.absence).__module__]._digest

    class Draft:
        def __init__(self, key: int) -> None:
            self.key = key

        def alert(self) -> Any:
            raise NotImplementedError

    assert digest([Draft(1), Draft(2)]) == digest([Draft(2), Draft(1)])
    assert digest([Draft(1), Draft(0)]) is None


async def test_a_word_that_changes_nothing_is_a_word_all_the_same(open_service: Open) -> None:
    service, client = open_service
    await post(client, webhook("a", "b"))
    await service.turn(minutes=5)
    await post(client, webhook("a"))
    await service.turn(minutes=1)
    answer = await post(client, webhook("b", groupKey=None))  # the very same alert, from somewhere else
    assert answer["unchanged"] == 1
    await service.turn(minutes=10)
    assert await firing(client) == {"a", "b"}
