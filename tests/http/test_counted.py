"""What rules do that their writers may not expect is seen through the API and counted, beginning at the door."""

from pathlib import Path
from typing import Any

from tests.http.conftest import Client, serving
from tests.http.service import OPEN

RULES = OPEN.replace(
    "    - {name: slow,",
    "    - {name: plumbing, match: ['alertname = InfoInhibitor'], channel: none}\n"
    "    - {name: own, match: ['alert.name = Sent'], channel: \"#db\"}\n"
    "    - {name: clusters, match: ['alertname = Grouped'], group_by: [cluster, region]}\n"
    "    - {name: found, match: ['alertname = Looked'], channel: {from: service}, page: {from: service}, group_by: [service]}\n"
    "    - {name: slow,",
).replace("people:", "catalog: {service: {shop: {channel: '#shop', page: alice}}}\npeople:")


def said(**labels: str) -> dict[str, Any]:
    return {"labels": labels, "startsAt": "2026-03-04T11:59:00Z", "endsAt": "2026-03-04T18:00:00Z"}


async def send(client: Client, *alerts: dict[str, Any]) -> None:
    answer = await client.post("/webhook/prometheus/api/v2/alerts", json=list(alerts))
    assert answer.status == 200, await answer.text()


async def get(client: Client, address: str) -> Any:
    return await (await client.get(address)).json()


async def test_a_sent_label_with_a_computed_name_is_kept_shown_and_counted(tmp_path: Path) -> None:
    async with serving(tmp_path, RULES) as (service, client):
        sent = {"alertname": "Down", "alert.name": "Sent", "alert.severity": "critical"}
        await send(client, said(**sent), said(alertname="Other"))
        await service.turn(seconds=15)
        [alert] = [one for one in (await get(client, "/api/alerts"))["alerts"] if one["name"] == "Down"]
        assert alert["labels"] == sent
        assert [group["route"] for group in alert["groups"]] == ["default"], "matchers see what was computed"
        assert "alert.name=Sent" in str(await get(client, "/preview/data.json"))
        assert service.metrics.value("alert_router_computed_names_shadowed", ("prometheus",)) == 1


async def test_what_is_told_nobody_on_purpose_is_kept_seen_and_counted(tmp_path: Path) -> None:
    async with serving(tmp_path, RULES) as (service, client):
        await send(client, said(alertname="InfoInhibitor"))
        await service.turn(minutes=1)
        [alert] = (await get(client, "/api/alerts"))["alerts"]
        [group] = alert["groups"]
        assert (group["route"], group["incident"]) == ("plumbing", 1)
        assert (await get(client, "/api/messages"))["messages"] == []
        assert service.metrics.value("alert_router_unrouted", ("plumbing",)) == 1


async def test_a_group_whose_labels_are_all_empty_is_counted(tmp_path: Path) -> None:
    async with serving(tmp_path, RULES) as (service, client):
        await send(client, said(alertname="Grouped", cluster="eu-1"))
        await service.turn(minutes=1)
        assert service.metrics.value("alert_router_groups_without_labels", ("clusters",)) == 0
        await send(client, said(alertname="Grouped", instance="a"), said(alertname="Grouped", instance="b"))
        await service.turn(minutes=1)
        assert service.metrics.value("alert_router_groups_without_labels", ("clusters",)) == 1


async def test_without_group_by_alerts_of_one_kind_and_source_are_one_incident(tmp_path: Path) -> None:
    async with serving(tmp_path, RULES) as (service, client):
        await send(client, said(alertname="Down", host="a"), said(alertname="Down", host="b"), said(alertname="Slow"))
        await client.post("/webhook/shell", json={"title": "Down", "host": "c"})
        await service.turn(minutes=1)
        found = (await get(client, "/api/incidents"))["incidents"]
        assert sorted((one["name"], one["sources"], one["firing"]) for one in found) == [
            ("Down", ["prometheus"], 2),
            ("Down", ["shell"], 1),
            ("Slow", ["prometheus"], 1),
        ]


async def test_what_is_looked_up_in_vain_is_counted_by_its_label(tmp_path: Path) -> None:
    async with serving(tmp_path, RULES) as (service, client):
        await send(client, said(alertname="Looked", service="shop"))
        await service.turn(seconds=30)
        assert service.metrics.value("alert_router_catalog_misses", ("found", "service")) == 0
        await send(client, said(alertname="Looked", service="ghost"))
        await service.turn(seconds=30)
        channels = [one["channels"] for one in (await get(client, "/api/incidents"))["incidents"]]
        assert sorted(channels) == [["#alerts"], ["#shop"]]
        assert service.metrics.value("alert_router_catalog_misses", ("found", "service")) == 2, "channel and page"
