"""Events that say little about an alert their sender names by a key: what they do not say stays as it was."""

from typing import Any

import pytest

from adapters import ADAPTERS
from adapters.adapter import Payload, SourceOptions
from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.core.view import Phase
from router.store.evaluation import incidents as incidents_stored
from tests.http.conftest import Client
from tests.http.service import StandIn

Open = tuple[StandIn, Client]
FULL: dict[str, Any] = {
    "id": "k1",
    "title": "DB down",
    "severity": "critical",
    "description": "no connection",
    "url": "https://wiki.example/db",
    "team": "db",
    "host": "db-1",
    "runbook": "RB-7",
}


async def send(client: Client, **event: object) -> dict[str, Any]:
    answer = await client.post("/webhook/shell", json=event)
    assert answer.status == 200, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


async def alerts(client: Client) -> list[dict[str, Any]]:
    found = await (await client.get("/api/alerts")).json()
    return [
        {
            key: alert[key]
            for key in ("name", "title", "status", "severity", "description", "labels", "annotations", "url")
        }
        for alert in found["alerts"]
    ]


async def incidents(client: Client) -> list[tuple[int, str]]:
    found = await (await client.get("/api/incidents")).json()
    return [(one["number"], one["title"]) for one in found["incidents"]]


async def test_a_senders_own_acknowledgement_is_an_act_of_that_source(open_service: Open) -> None:
    """It changes no title, severity or label, is done once, and of what nobody was told there is nothing to have in hand."""
    service, client = open_service
    assert (await send(client, id="k1", status="acknowledged"))["unchanged"] == 1
    assert await alerts(client) == []
    await send(client, **FULL)
    await service.turn()
    before = await alerts(client)
    word = {"id": "k1", "title": "Other", "severity": "low", "status": "acked", "acknowledged_by": "jane <!here>"}
    receipt = await send(client, **word, team="other", timestamp="2026-03-04T12:00:01Z")
    assert (receipt["accepted"], receipt["unchanged"]) == (1, 0)
    response = (await service.engine.database.read(lambda conn: incidents_stored.get(conn, 1))).response
    assert (response.phase, response.by) == (Phase.ACKNOWLEDGED, "shell: jane <!here>")
    assert await alerts(client) == before
    assert (await send(client, **word))["unchanged"] == 1
    await service.engine.act(1, Act(Verb.UNACKNOWLEDGE, by="maria"))
    # What it sends again, with the instant that it had, is the act that it was.
    assert (await send(client, **word, team="other", timestamp="2026-03-04T12:00:01Z"))["accepted"] == 1
    response = (await service.engine.database.read(lambda conn: incidents_stored.get(conn, 1))).response
    assert response.phase is Phase.OPEN
    await send(client, id="k1", status="resolved")
    await service.turn(minutes=1)
    assert (await send(client, **word))["unchanged"] == 1
    shown = await (await client.get("/incidents/1")).text()
    assert "acknowledged by Shell: jane &lt;!here&gt;" in shown


@pytest.mark.parametrize("state", ["firing", None])
async def test_an_event_with_only_the_key_changes_nothing(open_service: Open, state: str | None) -> None:
    service, client = open_service
    await send(client, **FULL)
    await service.turn()
    before, told = await alerts(client), await (await client.get("/api/messages")).json()
    await service.turn(minutes=1)
    receipt = await send(client, id="k1", **({} if state is None else {"status": state}))
    assert (receipt["accepted"], receipt["unchanged"]) == (0, 1)
    await service.turn(minutes=1)
    assert await alerts(client) == before
    assert await (await client.get("/api/messages")).json() == told


async def test_an_end_with_only_the_key_ends_it_under_its_title(open_service: Open) -> None:
    service, client = open_service
    await send(client, **FULL)
    await service.turn()
    (before,) = await alerts(client)
    assert (await send(client, id="k1", status="resolved"))["accepted"] == 1
    await service.turn(minutes=10)
    assert await alerts(client) == [before | {"status": "resolved"}]
    assert await incidents(client) == [(1, "DB down")]


async def test_what_is_said_changes_and_what_is_not_said_stays(open_service: Open) -> None:
    service, client = open_service
    await send(client, **FULL)
    await service.turn()
    (before,) = await alerts(client)
    await send(client, id="k1", description="disk full", host="db-2", ticket="T-1")
    (after,) = await alerts(client)
    assert after == before | {
        "description": "disk full",
        "labels": before["labels"] | {"host": "db-2"},
        "annotations": {"runbook": "RB-7", "ticket": "T-1"},
    }
    await send(client, id="k1", severity="low")
    (after,) = await alerts(client)
    assert (after["severity"], after["labels"]["severity"], after["title"]) == ("low", "low", "DB down")


async def test_it_stays_in_its_group_whatever_an_update_leaves_out(open_service: Open) -> None:
    service, client = open_service
    await send(client, **FULL)
    await service.turn()
    (number,) = [number for number, _ in await incidents(client)]
    await send(client, id="k1", description="still")
    await service.turn(minutes=10)
    assert [number for number, _ in await incidents(client)] == [number]
    found = await (await client.get("/api/alerts")).json()
    assert [group["route"] for group in found["alerts"][0]["groups"]] == ["db"]


async def test_several_events_of_one_request_add_up(open_service: Open) -> None:
    _, client = open_service
    answer = await client.post(
        "/webhook/shell",
        json=[{"id": "k1", "title": "DB down"}, {"id": "k1", "severity": "high"}, {"id": "k1", "team": "db"}],
    )
    assert answer.status == 200
    (alert,) = await alerts(client)
    assert (alert["title"], alert["severity"], alert["labels"]) == (
        "DB down",
        "high",
        {"severity": "high", "team": "db"},
    )


async def test_an_unknown_key_alone_is_still_an_alert(open_service: Open) -> None:
    _, client = open_service
    await send(client, id="k9")
    (alert,) = await alerts(client)
    assert (alert["title"], alert["severity"], alert["status"]) == ("k9", "medium", "firing")


async def test_a_word_about_what_is_over_begins_nothing(open_service: Open) -> None:
    service, client = open_service
    await send(client, **FULL)
    await send(client, id="k1", status="resolved")
    await service.turn(minutes=10)
    receipt = await send(client, id="k1", status="acknowledged", note="seen")
    assert (receipt["accepted"], receipt["unchanged"]) == (0, 1)
    (alert,) = await alerts(client)
    assert (alert["status"], "note" in alert["annotations"]) == ("resolved", False)


async def test_what_begins_anew_and_says_what_it_is_is_told_as_it_is(open_service: Open) -> None:
    service, client = open_service
    await send(client, **FULL)
    await send(client, id="k1", status="resolved")
    await service.turn(minutes=10)
    await send(client, id="k1", title="DB slow")
    (alert,) = await alerts(client)
    assert (alert["title"], alert["name"], alert["severity"], alert["labels"]) == (
        "DB slow", "DB slow", "medium", {"severity": "medium"},
    )  # fmt: skip


async def test_what_begins_anew_with_only_its_key_is_what_it_was(open_service: Open) -> None:
    service, client = open_service
    await send(client, **FULL)
    (before,) = await alerts(client)
    await send(client, id="k1", status="resolved")
    await service.turn(minutes=10)
    await send(client, id="k1", status="firing")
    assert await alerts(client) == [before]


async def test_updates_never_make_an_alert_larger_than_one_may_be(open_service: Open) -> None:
    _, client = open_service
    for part in range(8):
        await send(client, id="k1", tags={f"l{part}{n}": "x" * 300 for n in range(20)}, **{f"note{part}": "y" * 15_000})
    found = await alerts(client)
    assert len(found) == 1
    assert len(str(found[0]["labels"])) < 18_000
    assert "l719" in found[0]["labels"]
    assert len(str(found[0]["annotations"])) < 34_000


async def test_a_recovered_monitor_without_a_priority_was_as_bad_as_it_was(open_service: Open) -> None:
    """Datadog's word for an end says nothing of the severity."""
    service, client = open_service
    parse = ADAPTERS["datadog"].open(SourceOptions(name="dd"))
    for transition in ("Triggered", "Recovered"):
        body = f'{{"alert_id":"7","alert_scope":"host:a","alert_title":"Load","alert_transition":"{transition}"}}'
        drafts = parse(Payload(body.encode(), "application/json", service.clock.now()))
        await service.simulation.take("dd", "dd", drafts)
    (alert,) = await alerts(client)
    assert (alert["status"], alert["severity"], alert["labels"]["severity"]) == ("resolved", "high", "high")
