"""The read API: its shapes, its pages, and what it says of a query it does not understand."""

from typing import Any

import pytest

from adapters.alert import Severity
from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.store import read
from router.store.read import PAGE_BYTES
from tests.http.conftest import Client
from tests.http.service import StandIn, opaque

Open = tuple[StandIn, Client]


async def fire(client: Client, **fields: object) -> None:
    answer = await client.post("/webhook/shell", json=fields)
    assert answer.status == 200, await answer.text()


async def get(client: Client, address: str) -> Any:
    answer = await client.get(address)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_an_alert_is_shown_whole(open_service: Open) -> None:
    service, client = open_service
    await fire(
        client,
        title="DiskFull",
        host="db-1",
        severity="critical",
        description="97 %",
        url="https://wiki.example/disk",
        team="db",
    )
    await service.turn()
    body = await get(client, "/api/alerts?state=firing")
    [alert] = body["alerts"]
    assert len(alert.pop("fingerprint")) == 16
    assert alert == {
        "namespace": "shell",
        "source": "shell",
        "name": "DiskFull",
        "status": "firing",
        "ended_how": None,
        "severity": "critical",
        "title": "DiskFull",
        "description": "97 %",
        "labels": {"severity": "critical", "host": "db-1", "team": "db"},
        "annotations": {},
        "starts_at": "2026-03-04T12:00:00.000Z",
        "ends_at": None,
        "url": "https://wiki.example/disk",
        "groups": [
            {"route": "db", "labels": {"alert.name": "DiskFull"}, "told": True, "suppressed_by": None, "incident": 1}
        ],
    }
    assert body["next"] is None


async def test_an_end_is_shown_with_how(open_service: Open) -> None:
    service, client = open_service
    await fire(client, title="DiskFull", team="db", severity="critical")
    await service.turn(seconds=30)
    await fire(client, title="DiskFull", team="db", severity="critical", status="resolved")
    await service.turn(seconds=30)
    assert (await get(client, "/api/alerts?state=firing"))["alerts"] == []
    [alert] = (await get(client, "/api/alerts?state=resolved"))["alerts"]
    assert (alert["status"], alert["ended_how"], alert["ends_at"]) == ("resolved", "told", "2026-03-04T12:00:30.000Z")
    [incident] = (await get(client, "/api/incidents?state=resolved"))["incidents"]
    assert (incident["ended_how"], incident["ended_at"], incident["ended"]) == ("told", "2026-03-04T12:00:30.000Z", 1)
    assert (await get(client, "/api/incidents?state=open"))["incidents"] == []


async def test_an_incident_is_shown_whole(open_service: Open) -> None:
    service, client = open_service
    for host in ("db-1", "db-2"):
        await fire(client, title="DiskFull", host=host, team="db", severity="critical")
    await service.turn(seconds=5)
    body = await get(client, "/api/incidents")
    assert body == {
        "incidents": [
            {
                "number": 1,
                "state": "triggered",
                "severity": "critical",
                "title": "DiskFull",
                "name": "DiskFull",
                "route": "db",
                "group_labels": {"alert.name": "DiskFull"},
                "started_at": "2026-03-04T12:00:00.000Z",
                "ended_at": None,
                "ended_how": None,
                "firing": 2,
                "ended": 0,
                "sources": ["shell"],
                "response": {"phase": "open", "by": "", "at": None, "until": None, "assigned": []},
                "on_call": ["alice"],
                "channels": ["#db", "#all"],
            }
        ],
        "next": None,
    }


async def test_the_timeline_says_who_did_what_by_what_from_what_to_what(open_service: Open) -> None:
    service, client = open_service
    await fire(client, title="DiskFull", team="db", severity="critical")
    await service.turn(seconds=5)
    for act in (
        Act(Verb.ACKNOWLEDGE, by="alice", via="button"),
        Act(Verb.SEVERITY, by="alice", via="window", severity=Severity.LOW),
        Act(Verb.ASSIGN, by="bob", via="command", people=("alice",)),
        Act(Verb.NOTE, by="bob", via="mention", note="<it> is the disk"),
    ):
        assert (await service.engine.act(1, act)).is_done
    rows = (await get(client, "/api/timeline?incident=1"))["timeline"]
    said = [(row["kind"], row["by"], row["via"], row["before"], row["after"], row["detail"]) for row in rows]
    acts = [
        ("acknowledged", "alice", "button", "open", "acknowledged", ""),
        ("severity_set", "alice", "window", "critical", "low", ""),
        ("assigned", "bob", "command", "", "alice", ""),
        ("note", "bob", "mention", "", "", "<it> is the disk"),
    ]
    assert [one for one in said if one[1]] == acts
    assert {row["at"] for row in rows} <= {"2026-03-04T12:00:00.000Z", "2026-03-04T12:00:05.000Z"}

    paged = await get(client, "/api/timeline?incident=1&limit=2")
    rest = await get(client, f"/api/timeline?incident=1&after={paged['next']}")
    assert (len(paged["timeline"]), rest["next"]) == (2, None)
    assert [*paged["timeline"], *rest["timeline"]] == rows
    assert (await get(client, "/api/timeline?incident=2"))["timeline"] == []
    answer = await client.get("/api/timeline")
    assert answer.status == 400
    [error] = (await answer.json())["errors"]
    assert (error["message"], error["expected"]) == ("incident is missing", "a whole number, 1 or more")


async def test_messages_say_what_is_told_and_what_is_owed(open_service: Open) -> None:
    service, client = open_service
    await fire(client, title="DiskFull", team="db", severity="critical")
    await service.engine.dispatch()
    owed = (await get(client, "/api/messages?state=owed"))["messages"]
    assert {(one["target"], one["told"], one["owed"]) for one in owed} == {
        ("#db", False, True),
        ("#all", False, True),
        ("email:alice@example.com", False, True),
    }
    assert owed[0]["pending_since"] == "2026-03-04T12:00:00.000Z"
    await service.turn(seconds=5)
    assert (await get(client, "/api/messages?state=owed"))["messages"] == []
    told = (await get(client, "/api/messages?state=told&incident=1"))["messages"]
    assert [(one["subject"], one["person"], one["told"], one["owed"]) for one in told] == [
        ("page", "alice", True, False),
        ("incident", "", True, False),
        ("incident", "", True, False),
    ]
    assert all(one["ts"] and one["notified_at"] and one["last_error"] == "" for one in told)
    assert (await get(client, "/api/messages?incident=2"))["messages"] == []


async def test_what_holds_an_alert_back_is_said(open_service: Open) -> None:
    service, client = open_service
    await fire(client, title="Old", cluster="old")
    await service.turn(minutes=1)
    [alert] = (await get(client, "/api/alerts"))["alerts"]
    [group] = alert["groups"]
    assert (group["told"], group["suppressed_by"], group["incident"]) == (False, "maintenance move", None)


@pytest.mark.parametrize("what", ["alerts", "incidents", "messages"])
async def test_pages_hold_each_row_once(open_service: Open, what: str) -> None:
    service, client = open_service
    for number in range(7):
        await fire(client, title=f"Disk {number}", severity="critical")
    await service.turn(seconds=30)
    keys, after, pages = [], "", 0
    while True:
        body = await get(client, f"/api/{what}?limit=3{after}")
        keys += [one.get("number") or one.get("id") or one["fingerprint"] for one in body[what]]
        pages += 1
        if body["next"] is None:
            break
        after = f"&after={body['next']}"
    assert (len(keys), len(set(keys)), pages) == (7, 7, 3)


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        (
            "state=burning",
            [{"message": "state='burning'", "where": "state", "expected": "firing, resolved, all"}],
        ),
        ("limit=0", [{"message": "limit='0'", "where": "limit", "expected": "a whole number from 1 to 1000"}]),
        ("limit=1001", [{"message": "limit='1001'", "where": "limit", "expected": "a whole number from 1 to 1000"}]),
        ("limit=٣", [{"message": "limit='٣'", "where": "limit", "expected": "a whole number from 1 to 1000"}]),
        ("stat=firing", [{"message": "unknown parameter 'stat'", "where": "stat", "expected": "did you mean state?"}]),
        (
            "limit=1&limit=2&q=1",
            [
                {"message": "limit is given more than once", "where": "limit", "expected": "one value"},
                {"message": "unknown parameter 'q'", "where": "q", "expected": "one of state, incident, limit, after"},
            ],
        ),
        *(
            (
                f"after={after}",
                [
                    {
                        "message": f"after={after!r}",
                        "where": "after",
                        "expected": "`next` of the page before, as it was given",
                    }
                ],
            )
            for after in ("x", "é", "$$$", opaque("text"), opaque([1]), opaque({}), "AAAA")
        ),
    ],
)
async def test_a_query_that_is_not_understood_is_answered_with_each_mistake(
    open_service: Open, query: str, errors: list[dict[str, str]]
) -> None:
    _, client = open_service
    answer = await client.get(f"/api/alerts?{query}")
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"
    body = await answer.json()
    assert (body["title"], body["status"], body["detail"]) == ("Bad Request", 400, "the query is not understood")
    assert body["errors"] == errors


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 30])
async def test_an_incident_is_asked_for_by_its_number(open_service: Open, number: str) -> None:
    _, client = open_service
    answer = await client.get(f"/api/messages?incident={number}")
    assert (await answer.json())["errors"][0]["expected"] == "a whole number, 1 or more"


async def test_a_cursor_beyond_what_is_stored_is_an_empty_page(open_service: Open) -> None:
    _, client = open_service
    assert await get(client, f"/api/alerts?after={opaque(10**15)}") == {"alerts": [], "next": None}


@pytest.mark.parametrize("place", [2**63, -(2**63) - 1, 10**30])
async def test_a_cursor_beyond_any_row_is_not_understood(open_service: Open, place: int) -> None:
    _, client = open_service
    for what in ("alerts", "incidents", "messages"):
        answer = await client.get(f"/api/{what}?after={opaque(place)}")
        assert answer.status == 400
        assert (await answer.json())["errors"][0]["expected"] == "`next` of the page before, as it was given"


async def test_a_page_is_bounded_by_bytes_and_the_cursor_goes_on(open_service: Open) -> None:
    _, client = open_service
    long = "ä" * 10_000
    for batch in range(4):
        items = [{"title": f"{batch} {number}", "description": long} for number in range(50)]
        assert (await client.post("/webhook/shell", json=items)).status == 200
    titles, after, sizes = [], "", []
    while True:
        answer = await client.get(f"/api/alerts?limit=1000{after}")
        sizes.append(len(await answer.read()))
        body = await answer.json()
        titles += [one["title"] for one in body["alerts"]]
        if body["next"] is None:
            break
        after = f"&after={body['next']}"
    assert len(titles) == len(set(titles)) == 200
    assert max(sizes) <= PAGE_BYTES * 1.1
    assert len(sizes) == 2  # full ones, and not one by one


async def test_one_that_is_larger_than_a_page_is_a_page(open_service: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = open_service
    monkeypatch.setattr(read, "PAGE_BYTES", 100)
    for number in range(3):
        await fire(client, title=f"Disk {number}", description="x" * 1_000)
    body = await get(client, "/api/alerts")
    assert [one["title"] for one in body["alerts"]] == ["Disk 0"]
    following = await get(client, f"/api/alerts?after={body['next']}")
    assert [one["title"] for one in following["alerts"]] == ["Disk 1"]


async def test_the_alerts_of_an_incident(open_service: Open) -> None:
    service, client = open_service
    for host in ("db-1", "db-2"):
        await fire(client, title="DiskFull", host=host, team="db", severity="critical")
    await fire(client, title="Other", severity="critical")
    await service.turn(seconds=5)
    body = await get(client, "/api/alerts?incident=1")
    assert [one["labels"]["host"] for one in body["alerts"]] == ["db-1", "db-2"]
    assert (await get(client, "/api/alerts?incident=9"))["alerts"] == []
