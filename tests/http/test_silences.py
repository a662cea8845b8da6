"""Silences over Alertmanager's API: its fields, states and words; and that what comes from outside harms nobody."""

import asyncio
import base64
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from router.http import assembled, silences
from router.http.access import Guard
from router.http.silences import SilenceRoutes
from tests.http.conftest import Client
from tests.http.service import START, StandIn

Service = tuple[StandIn, Client]
NOON = "2026-03-04T12:00:00.000Z"
ONE = "2026-03-04T13:00:00.000Z"
UNKNOWN = "11111111-2222-4333-8444-555555555555"


def matcher(name: str, value: str, **more: bool) -> dict[str, object]:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True, **more}


def wanted(**changes: object) -> dict[str, object]:
    made = {
        "matchers": [matcher("cluster", "eu")],
        "startsAt": NOON,
        "endsAt": ONE,
        "createdBy": "maria",
        "comment": "disks",
    }
    return {**made, **changes}


async def post(client: Client, said: object, **more: Any) -> tuple[int, Any]:
    answer = await client.post("/api/v2/silences", json=said, **more)
    return answer.status, await answer.json()


async def made(client: Client, **changes: object) -> str:
    status, body = await post(client, wanted(**changes))
    assert status == 200, body
    return str(body["silenceID"])


async def get(client: Client, address: str) -> Any:
    answer = await client.get(address)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_a_silence_is_shown_as_alertmanager_shows_it(open_service: Service) -> None:
    _, client = open_service
    matchers = [matcher("alertname", "Disk.*", isRegex=True), matcher("team", "db", isEqual=False)]
    number = await made(client, matchers=matchers)
    assert str(uuid.UUID(number)) == number
    expected = {
        "id": number,
        "status": {"state": "active"},
        "updatedAt": NOON,
        "comment": "disks",
        "createdBy": "maria",
        "endsAt": ONE,
        "matchers": matchers,
        "startsAt": NOON,
    }
    assert await get(client, f"/api/v2/silence/{number}") == expected
    assert await get(client, f"/api/v2/silence/{number.upper()}") == expected
    assert await get(client, "/api/v2/silences") == [expected]


async def test_its_states_and_the_order_in_which_they_are_listed(open_service: Service) -> None:
    service, client = open_service
    later = [
        await made(client, startsAt=f"2026-03-04T{hour}:00:00Z", endsAt="2026-03-04T23:00:00Z") for hour in (20, 15)
    ]
    active = [await made(client, endsAt=f"2026-03-04T{hour}:00:00Z") for hour in (19, 14)]
    over = await made(client)
    assert (await client.delete(f"/api/v2/silence/{over}")).status == 200
    await service.turn(seconds=30)
    listed = await get(client, "/api/v2/silences")
    assert [one["id"] for one in listed] == [*reversed(active), *reversed(later), over]
    assert [one["status"]["state"] for one in listed] == ["active", "active", "pending", "pending", "expired"]
    assert listed[-1]["endsAt"] == NOON
    await service.turn(hours=3)
    states = {one["id"]: one["status"]["state"] for one in await get(client, "/api/v2/silences")}
    assert [states[number] for number in (*active, *later)] == ["active", "expired", "pending", "active"]


async def test_what_is_changed_keeps_its_id_while_it_holds_the_same(open_service: Service) -> None:
    service, client = open_service
    number = await made(client)
    await service.turn(minutes=10)
    assert await made(client, id=number, endsAt="2026-03-04T18:00:00Z", comment="longer") == number
    found = await get(client, f"/api/v2/silence/{number}")
    assert (found["startsAt"], found["endsAt"], found["comment"]) == (NOON, "2026-03-04T18:00:00.000Z", "longer")
    assert found["updatedAt"] == "2026-03-04T12:10:00.000Z"


async def test_one_that_holds_others_is_another_and_the_first_is_over(open_service: Service) -> None:
    service, client = open_service
    number = await made(client)
    await service.turn(minutes=10)
    other = await made(client, id=number, matchers=[matcher("cluster", "us")])
    assert other != number
    assert (await get(client, f"/api/v2/silence/{number}"))["status"] == {"state": "expired"}
    assert (await get(client, f"/api/v2/silence/{other}"))["startsAt"] == "2026-03-04T12:10:00.000Z"
    again = await made(client, id=number)  # what is over comes back as another
    assert again not in {number, other}


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"matchers": []}, 422, {"code": 612, "message": "matchers in body should have at least 1 items"}),
        ({"matchers": None}, 422, {"code": 602, "message": "matchers in body is required"}),
        ({"comment": None}, 422, {"code": 602, "message": "comment in body is required"}),
        ({"createdBy": " "}, 400, "Failed to create silence: creator information missing"),
        ({"endsAt": NOON}, 400, "Failed to create silence: start time must be before end time"),
        ({"endsAt": "2026-03-04T11:00:00Z"}, 400, "Failed to create silence: start time must be before end time"),
        (
            {"startsAt": "0001-01-01T00:00:00Z", "endsAt": "2026-03-04T11:00:00Z"},
            400,
            "Failed to create silence: end time can't be in the past",
        ),
        ({"id": UNKNOWN}, 404, "silence not found"),
        ({"id": "../../etc/passwd"}, 404, "silence not found"),
        (
            {"matchers": [matcher("a", ""), matcher("b", ".*", isRegex=True)]},
            400,
            "Failed to create silence: at least one matcher must not match the empty string",
        ),
        ({"matchers": [matcher("", "x")]}, 400, 'invalid silence: invalid label matcher 0: invalid label name ""'),
    ],
)
async def test_what_is_refused_is_refused_in_alertmanagers_words(
    open_service: Service, changes: dict[str, object], status: int, said: object
) -> None:
    _, client = open_service
    assert await post(client, wanted(**changes)) == (status, said)
    assert await get(client, "/api/v2/silences") == []


HOSTILE: Mapping[str, object] = {
    "a list": [],
    "a text": "x",
    "matchers that are none": wanted(matchers={"a": "b"}),
    "a matcher that is none": wanted(matchers=["a=b"]),
    "no value": wanted(matchers=[{"name": "a", "isRegex": False}]),
    "a value of another type": wanted(matchers=[matcher("a", "b") | {"value": 7}]),
    "isRegex of another type": wanted(matchers=[matcher("a", "b") | {"isRegex": "no"}]),
    "ten thousand matchers": wanted(matchers=[matcher("a", "b")] * 10_000),
    "many matchers": wanted(matchers=[matcher("a", "b")] * 1_000),
    "a comment of 1 MB": wanted(comment="x" * 1_000_000),
    "a comment of 100 kB": wanted(comment="x" * 100_000),
    "no instant": wanted(startsAt="yesterday"),
    "an instant beyond all years": wanted(endsAt="9999-12-31T23:59:59-14:00"),
    "a number for an instant": wanted(endsAt=10**30),
    "not a regular expression": wanted(matchers=[matcher("a", "(", isRegex=True)]),
    "look-around": wanted(matchers=[matcher("a", "(?=a)b", isRegex=True)]),
    "an expression that explodes": wanted(matchers=[matcher("a", "((a{999}){999}){999}", isRegex=True)]),
    "an expression of 20,000 characters": wanted(matchers=[matcher("a", "a" * 20_000, isRegex=True)]),
    "an id of another type": wanted(id=["x"]),
    "everything": wanted(matchers=[matcher("alertname", ".+", isRegex=True)]),
    "everything, by a name that no alert has": wanted(matchers=[matcher("alertname", "never", isEqual=False)]),
    "every severity": wanted(matchers=[matcher("alert.severity", "critical|high|medium|low|info", isRegex=True)]),
    "nested too deep": '{"matchers":' + "[" * 100_000,
    "bytes": b"\xff\xfe{",
    "a comment that is no UTF-8": b'{"comment":"\xff"}',
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_silence_is_refused_and_nothing_is_kept(open_service: Service, name: str) -> None:
    _, client = open_service
    said = HOSTILE[name]
    raw = {"data": said} if isinstance(said, str | bytes) and name != "a text" else {"json": said}
    answer = await client.post("/api/v2/silences", headers={"Content-Type": "application/json"}, **raw)
    assert answer.status in {400, 413, 422}, await answer.text()
    assert len(await answer.read()) < 2_000
    assert await get(client, "/api/v2/silences") == []


async def test_one_that_holds_everything_is_made_when_it_is_forced(open_service: Service) -> None:
    _, client = open_service
    everything = wanted(matchers=[matcher("alertname", ".+", isRegex=True)])
    status, said = await post(client, everything)
    assert (status, "holds back whatever alert there may be" in said) == (400, True)
    status, said = await post(client, everything, params={"force": "true"})
    assert status == 200
    longer = {**everything, "id": said["silenceID"], "endsAt": "2026-03-04T14:00:00Z"}
    assert await post(client, longer) == (200, said)  # it was forced before


async def test_text_of_all_the_world_comes_back_as_it_was_sent(open_service: Service) -> None:
    _, client = open_service
    matchers = [matcher("größe", '日本\n"\\'), matcher("alert.name", "<!channel>")]
    number = await made(client, matchers=matchers, comment="<b>é\u202e</b>", createdBy="søren")
    found = await get(client, f"/api/v2/silence/{number}")
    assert (found["matchers"], found["comment"], found["createdBy"]) == (matchers, "<b>é\u202e</b>", "søren")


async def test_an_unknown_silence_and_one_that_is_none(open_service: Service) -> None:
    _, client = open_service
    for method in ("GET", "DELETE"):
        assert (await client.request(method, f"/api/v2/silence/{UNKNOWN}")).status == 404
        answer = await client.request(method, "/api/v2/silence/1%20OR%201=1")
        assert answer.status == 422
        assert await answer.json() == {"code": 601, "message": 'silenceID in path must be of type uuid: "1 OR 1=1"'}


async def test_to_end_what_is_over_is_no_error(open_service: Service) -> None:
    _, client = open_service
    number = await made(client)
    for _ in range(2):
        assert (await client.delete(f"/api/v2/silence/{number}")).status == 200


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (['cluster="eu"'], ["a"]),
        (['cluster=~"e.|us"'], ["a", "b"]),
        (['cluster!="eu"'], ["b", "c"]),
        (['team=""'], ["a", "b"]),
        (['team!=""'], ["c"]),
        (['cluster="eu"', 'team="x"'], []),
        (['{cluster="us"}'], ["b"]),
    ],
)
async def test_filters_are_held_against_what_a_silence_asks_for(
    open_service: Service, asked: list[str], found: list[str]
) -> None:
    _, client = open_service
    for comment, name, value in (("a", "cluster", "eu"), ("b", "cluster", "us"), ("c", "team", "x")):
        await made(client, comment=comment, matchers=[matcher(name, value)])
    answer = await client.get("/api/v2/silences", params=[("filter", one) for one in asked])
    assert sorted(one["comment"] for one in await answer.json()) == found


async def test_a_filter_that_is_none_is_named(open_service: Service) -> None:
    _, client = open_service
    answer = await client.get("/api/v2/silences", params={"filter": "x"})
    assert (answer.status, "bad matcher format" in await answer.json()) == (400, True)
    assert (await client.get("/api/v2/silences", params=[("filter", "a=b")] * 101)).status == 400


async def test_what_a_token_allows(guarded: Service) -> None:
    _, client = guarded
    for token, status in (("read-token", 403), ("write-token", 200), ("admin-token", 200)):
        answer = await client.post("/api/v2/silences", json=wanted(), headers={"Authorization": f"Bearer {token}"})
        assert answer.status == status
    password = base64.b64encode(b"anybody:write-token").decode()
    basic = {"Authorization": f"Basic {password}"}
    assert (await client.get("/api/v2/silences", headers=basic)).status == 200
    answer = await client.post("/api/v2/silences", json=wanted(), headers={**basic, "Origin": "https://evil.example"})
    assert answer.status == 403  # a browser adds a password that it knows to whatever a page asks for
    for header in ("Basic ???", f"Basic {base64.b64encode(b'write-token').decode()}", "Basic"):
        assert (await client.get("/api/v2/silences", headers={"Authorization": header})).status == 401


async def test_a_page_of_another_site_silences_nothing(open_service: Service) -> None:
    _, client = open_service
    answer = await client.post("/api/v2/silences", json=wanted(), headers={"Origin": "https://evil.example"})
    assert answer.status == 403
    assert await get(client, "/api/v2/silences") == []


async def test_a_preview_says_what_would_be_held_back(open_service: Service) -> None:
    service, client = open_service
    for host, severity in (("db-1", "critical"), ("db-2", "low"), ("web-1", "high")):
        body = {"title": f"Disk {host}", "host": host, "severity": severity, "team": "db", "dedupe_key": host}
        assert (await client.post("/webhook/shell", json=body)).status == 200
    await service.turn(minutes=1)
    answer = await client.post("/api/silences/preview", json={"matchers": [matcher("host", "db-.", isRegex=True)]})
    found = await answer.json()
    assert (found["alerts"], found["examples"], found["matches_everything"]) == (
        2,
        ["CRITICAL Disk db-1", "LOW Disk db-2"],
        False,
    )
    assert [one["title"] for one in found["incidents"]] == ["Disk db-1", "Disk db-2"]
    assert await get(client, "/api/v2/silences") == []
    for matchers, status in (([], 422), ([matcher("a", ".*", isRegex=True)] * 101, 400)):
        answer = await client.post("/api/silences/preview", json={"matchers": matchers})
        assert answer.status == status


async def test_the_status_is_what_clients_of_alertmanager_look_for(open_service: Service) -> None:
    _, client = open_service
    found = await get(client, "/api/v2/status")
    assert set(found) == {"cluster", "config", "uptime", "versionInfo"}
    assert (found["cluster"]["status"], found["config"]) == ("disabled", {"original": ""})
    assert set(found["versionInfo"]) == {"version", "revision", "branch", "buildDate", "buildUser", "goVersion"}


async def test_it_holds_from_the_answer_on_whatever_was_on_its_way(open_service: Service) -> None:
    service, client = open_service
    number = await made(client, matchers=[matcher("team", "db")])
    assert (await client.post("/webhook/shell", json={"title": "x", "team": "db"})).status == 200
    await service.turn(minutes=2)
    [alert] = (await get(client, "/api/alerts"))["alerts"]
    [group] = alert["groups"]
    assert group["suppressed_by"] == f"silence {number}"
    assert group["silence"] == {
        "id": number,
        "created_by": "maria",
        "comment": "disks",
        "ends_at": "2026-03-04T13:00:00Z",
    }
    assert (await get(client, "/api/incidents"))["incidents"] == []
    assert service.virtual.now() > START


async def test_a_body_that_is_too_large_or_does_not_come_closes_its_connection(
    open_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in, client = open_service

    async def without_end() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536

    with contextlib.suppress(ConnectionError):  # it was answered, and closed while we still wrote
        answer = await client.post("/api/v2/silences", data=without_end())
        assert (answer.status, answer.headers["Connection"]) == (413, "close")
    monkeypatch.setattr(silences, "BODY_WITHIN", timedelta(milliseconds=20))
    routes = assembled(Guard(stand_in), SilenceRoutes(stand_in).routes())
    async with TestServer(routes) as server:
        for sent, status in ((b"{", b"408"), (b"not chunked", b"400")):
            reader, writer = await asyncio.open_connection(server.host, server.port)
            encoding = b"Content-Length: 10" if status == b"408" else b"Transfer-Encoding: chunked"
            writer.write(
                b"POST /api/v2/silences HTTP/1.1\r\nHost: localhost\r\n" + encoding + b"\r\n\r\n" + sent + b"\r\n"
            )
            assert (await reader.readuntil(b"\r\n")).split()[1] == status
            await reader.read()
            writer.close()
    assert await get(client, "/api/v2/silences") == []


@pytest.mark.parametrize("write", [str.upper, str.title])
async def test_an_ids_letters_may_be_written_in_any_way(open_service: Service, write: Callable[[str], str]) -> None:
    stand_in, client = open_service
    number = await made(client)
    assert (await get(client, f"/api/v2/silence/{write(number)}"))["id"] == number
    assert await made(client, id=write(number), endsAt="2026-03-04T14:00:00.000Z") == number
    assert (await stand_in.engine.silences.get(write(number))).id == number
    assert (await stand_in.engine.silences.expire(write(number))).id == number
