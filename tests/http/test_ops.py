"""Health, metrics and reload, as those who operate the router and their probes see them."""

from datetime import timedelta

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.http.ops import located
from router.http.problem import Fault
from router.http.service import Refusal, Reloaded
from router.runtime.health import Health, LoopHealth
from tests.http.conftest import Client
from tests.http.service import START, StandIn

Open = tuple[StandIn, Client]


async def test_healthz_tells_that_the_loops_turn(open_service: Open) -> None:
    _, client = open_service
    answer = await client.get("/healthz")
    assert answer.status == 200
    assert await answer.json() == {
        "healthy": True,
        "stuck": [],
        "loops": {"dispatch": {"turned_at": "2026-03-04T12:00:00.000Z", "stuck": False, "errors": 0}},
    }


async def test_healthz_names_the_loop_that_is_stuck(open_service: Open) -> None:
    service, client = open_service
    stuck = LoopHealth("deliver", START - timedelta(seconds=90), is_stuck=True, errors=3)
    service.healthy = msgspec.structs.replace(service.healthy, loops=(*service.healthy.loops, stuck))
    answer = await client.get("/healthz")
    assert answer.status == 503
    assert (await answer.json())["stuck"] == ["the deliver loop has not come round for 90 s"]


async def test_readyz_is_503_only_when_an_alert_cannot_be_committed(open_service: Open) -> None:
    service, client = open_service
    service.healthy = Health((), True, ("Slack refuses the workspace",), START)
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (200, {"ready": True, "degraded": ["Slack refuses the workspace"]})
    service.healthy = Health((), False, (), None)
    answer = await client.get("/readyz")
    assert answer.status == 503
    assert await answer.json() == {
        "ready": False,
        "degraded": [],
        "why": "an alert could not be committed now: is the disk full, or the database away?",
    }


async def scraped(client: Client) -> dict[str, float]:
    text = await (await client.get("/metrics")).text()
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_show_the_store_in_numbers(open_service: Open) -> None:
    service, client = open_service
    await client.post("/webhook/shell", json={"title": "Disk", "severity": "critical", "team": "db"})
    await client.post("/webhook/shell", json={"title": "Old", "cluster": "old"})
    await service.turn(minutes=1)
    found = await scraped(client)
    assert found["alertmanager_alerts active"] == 1
    assert found["alertmanager_alerts suppressed"] == 1
    assert found["alertmanager_dispatcher_aggregation_groups"] == 2
    assert found["alert_router_incidents_open"] == 1
    assert found["alert_router_messages_owed"] == 0
    assert found["alert_router_oldest_owed_seconds"] == 0
    assert found["alert_router_build_info 1.2.3"] == 1
    assert found["alertmanager_alerts_received_total firing v2"] == 2
    assert "process_resident_memory_bytes" in found


async def test_the_oldest_truth_that_is_owed_has_an_age(open_service: Open) -> None:
    service, client = open_service
    await client.post("/webhook/shell", json={"title": "Disk", "severity": "critical", "team": "db"})
    await service.engine.dispatch()
    service.virtual.move_to(START + timedelta(seconds=42))
    found = await scraped(client)
    assert (found["alert_router_messages_owed"], found["alert_router_oldest_owed_seconds"]) == (3, 42)


async def test_the_store_is_read_once_in_five_seconds(open_service: Open) -> None:
    service, client = open_service
    assert (await scraped(client))["alertmanager_alerts active"] == 0
    await client.post("/webhook/shell", json={"title": "Disk"})
    assert (await scraped(client))["alertmanager_alerts active"] == 0
    service.virtual.move_to(START + timedelta(seconds=5))
    assert (await scraped(client))["alertmanager_alerts active"] == 1


async def test_metrics_are_there_when_the_store_is_not(open_service: Open, caplog: pytest.LogCaptureFixture) -> None:
    service, client = open_service
    service.virtual.move_to(START + timedelta(seconds=5))
    await service.engine.database.write(
        lambda conn: conn.exec_driver_sql("ALTER TABLE group_count RENAME TO elsewhere")
    )
    try:
        found = await scraped(client)
    finally:
        await service.engine.database.write(
            lambda conn: conn.exec_driver_sql("ALTER TABLE elsewhere RENAME TO group_count")
        )
    assert "alertmanager_alerts active" not in found
    assert "process_resident_memory_bytes" in found
    assert "the store could not be read for the metrics" in caplog.text


async def test_openmetrics_is_spoken_to_who_asks_for_it(open_service: Open) -> None:
    _, client = open_service
    answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.content_type == "application/openmetrics-text"
    assert (await answer.text()).endswith("# EOF\n")


async def test_reload_answers_with_what_changed(open_service: Open) -> None:
    service, client = open_service
    answer = await client.post("/-/reload")
    assert answer.status == 200
    assert await answer.json() == {"reloaded": True, "diff": ["route db: channel"], "warnings": ["a weakness"]}
    assert service.reloads == 1


async def test_a_refused_reload_lists_every_error(open_service: Open) -> None:
    service, client = open_service
    errors = ("main.yaml:3:5: routing.channel: found nothing; expected a channel (quote it)", "SLACK_TOKEN is not set")
    service.reloaded = Reloaded(is_accepted=False, errors=errors)
    answer = await client.post("/-/reload")
    assert answer.status == 400
    body = await answer.json()
    assert body["detail"] == "the configuration was refused (2 errors); the last good one stays in force"
    assert body["errors"] == [
        {
            "where": "main.yaml:3:5",
            "message": "routing.channel: found nothing",
            "expected": "a channel (quote it)",
        },
        {"message": "SLACK_TOKEN is not set"},
    ]


def test_an_error_without_a_place_stays_whole() -> None:
    assert located("cannot read x.yaml: No such file") == Fault("cannot read x.yaml: No such file")


async def test_status_says_what_is_in_force_and_what_is_refused(open_service: Open) -> None:
    service, client = open_service
    refused = (Refusal("rules.d/b.yaml", ("b.yaml:5:1: frob: unknown key",), "its text of yesterday is in force"),)
    service.reloaded = Reloaded(is_accepted=False, errors=("main.yaml:1:1: x",), refused=refused)
    answer = await client.get("/api/status")
    assert await answer.json() == {
        "name": "test",
        "version": "1.2.3",
        "in_force_since": "2026-03-04T12:00:00.000Z",
        "digest": "d1",
        "sources": 2,
        "routes": 3,
        "teams": ["db"],
        "refused": [
            {
                "file": "rules.d/b.yaml",
                "errors": ["b.yaml:5:1: frob: unknown key"],
                "in_force": "its text of yesterday is in force",
            }
        ],
        "reload_errors": ["main.yaml:1:1: x"],
    }
