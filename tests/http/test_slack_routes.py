"""Slack's requests over HTTP: who is believed, what the others hear, and what those hear of it who run the router."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from router.http import assembled, slack_routes
from router.http.access import Guard
from router.http.slack_routes import SlackRoutes
from router.notifiers.slack.inbound.decode import LARGEST_BODY, Door
from router.notifiers.slack.inbound.dispatch import Dispatch
from router.notifiers.slack.inbound.door import TROUBLE_FOR, Entrance, Served
from router.notifiers.slack.inbound.response import Reply
from router.notifiers.slack.inbound.values import BlockActions, Mention, SlashCommand
from router.service.simulate import VirtualClock
from tests.http.conftest import Client
from tests.http.service import START, StandIn
from tests.slackworld import SlackWorld
from tests.slackworld.acting import PATHS, Acting, Gesture, sign

Guarded = tuple[StandIn, Client]


def people_of(service: StandIn) -> Acting:
    world = SlackWorld(service.clock.now)
    world.add_person("maria", slack_id="U0MARIA")
    world.add_channel("#db", members=("maria",), slack_id="C0DB000")
    return Acting(world)


async def send(
    guarded: Guarded,
    gesture: Gesture,
    *,
    ago: timedelta = timedelta(0),
    path: str = "",
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    service, client = guarded
    signed = gesture.headers(service.clock.now() - ago)
    answer = await client.post(path or gesture.path, data=gesture.body, headers=signed if headers is None else headers)
    return answer.status, await answer.read()


def refused(service: StandIn, reason: str) -> float:
    return service.metrics.value("alert_router_slack_refused", (reason,))


async def test_each_of_the_doors_takes_its_own_kind_without_a_token(guarded: Guarded) -> None:
    service, _ = guarded
    people = people_of(service)
    service.heard.answer = Reply("done")
    command = people.command("help", by="maria", channel="#db")
    for path in (command.path, "/api/integrations/slack/commands"):
        status, body = await send(guarded, people.command("help", by="maria", channel="#db"), path=path)
        assert (status, body) == (200, b'{"response_type":"ephemeral","text":"done"}')
    service.heard.stumbles = True
    assert await send(guarded, people.mention("ack", by="maria", channel="#db")) == (503, b"")
    assert [type(one) for one in service.heard.heard] == [SlashCommand, SlashCommand, Mention]


async def test_a_click_is_answered_with_nothing(guarded: Guarded) -> None:
    service, client = guarded
    gesture = people_of(service).click("1.5", "ar.acknowledge", by="maria", channel="#db")
    answer = await client.post(gesture.path, data=gesture.body, headers=gesture.headers(service.clock.now()))
    assert (answer.status, await answer.read()) == (200, b"")
    [heard] = service.heard.heard
    assert isinstance(heard, BlockActions)


async def test_slack_asks_whether_the_address_is_ours(guarded: Guarded) -> None:
    service, client = guarded
    gesture = Acting.verify_url("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")
    answer = await client.post(gesture.path, data=gesture.body, headers=gesture.headers(service.clock.now()))
    assert await answer.json() == {"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}
    assert answer.content_type == "application/json"
    assert await send(guarded, gesture, headers={"Content-Type": "application/json"}) == (401, b"")


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("path", ["/api/slack/commands", "/api/slack/actions"])
async def test_slack_looks_at_the_certificate(guarded: Guarded, path: str, is_signed: bool) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert await send(guarded, Acting.check_ssl(), path=path, headers=None if is_signed else form) == (200, b"")
    assert guarded[0].heard.heard == []


async def test_whoever_is_not_believed_hears_nothing_but_401(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    service, _ = guarded
    gesture = people_of(service).command("ack 12", by="maria", channel="#db")
    now = service.clock.now()
    cases = {
        "unsigned": {"Content-Type": "application/x-www-form-urlencoded"},
        "garbled": {**gesture.headers(now), "X-Slack-Signature": "v0=hello"},
        "forged": gesture.headers(now, secret="another app's"),
        "stale": gesture.headers(now - timedelta(minutes=5, seconds=1)),
    }
    for reason, headers in cases.items():
        assert await send(guarded, gesture, headers=headers) == (401, b""), reason
        assert refused(service, reason) == 1
    assert service.heard.heard == []
    assert await send(guarded, gesture) == (200, b"")
    assert await send(guarded, gesture) == (401, b"")
    assert refused(service, "replayed") == 1
    assert len(service.heard.heard) == 1
    for header in cases["forged"].values():
        assert header not in caplog.text
    assert "ack 12" not in caplog.text


async def test_who_has_configured_no_secret_is_told(guarded: Guarded) -> None:
    service, _ = guarded
    service.signing_secrets = []
    assert await send(guarded, people_of(service).verify_url("x")) == (401, b"")
    assert service.slack_entrance.trouble() == ""  # nothing in it is of our workspace: anybody may have sent it
    assert await send(guarded, people_of(service).command("ack", by="maria", channel="#db")) == (401, b"")
    assert service.slack_entrance.trouble() == "Slack's requests are refused: slack.signing_secret is not configured"


@pytest.mark.parametrize("secrets", [[], ["the right one"]])
async def test_a_stranger_degrades_nobody(guarded: Guarded, secrets: list[str]) -> None:
    """A signature that is only well formed proves nothing of our secret."""
    service, _ = guarded
    service.signing_secrets = secrets
    for payload in ({"team_id": "T0STRANGER"}, {"team_id": ""}, {}):
        gesture = Gesture("slash_commands", {"command": "/incident", "user_id": "U1", **payload})
        headers = gesture.headers(service.clock.now(), secret="a guess")
        assert await send(guarded, gesture, headers=headers) == (401, b"")
        assert service.slack_entrance.trouble() == ""
    service.workspace = ""  # Slack has not said yet which one is ours
    await send(guarded, gesture, headers=headers)
    assert service.slack_entrance.trouble() == ""
    assert refused(service, "forged" if secrets else "unconfigured") == 4


async def test_whoever_works_for_slack_is_right_about_the_secret(guarded: Guarded) -> None:
    """While Slack's own requests are believed, another's in our workspace's name are only counted."""
    service, _ = guarded
    gesture = people_of(service).command("ack", by="maria", channel="#db")
    assert await send(guarded, gesture) == (200, b"")
    forged = gesture.headers(service.clock.now(), secret="another app's")
    await send(guarded, gesture, headers=forged)
    assert service.slack_entrance.trouble() == ""
    service.virtual.move_to(service.virtual.now() + TROUBLE_FOR + timedelta(seconds=1))
    await send(guarded, gesture, headers=forged)
    assert "none of slack.signing_secret signed them" in service.slack_entrance.trouble()


async def test_a_clock_that_is_off_is_said_to_whoever_runs_the_router(guarded: Guarded) -> None:
    service, _ = guarded
    people = people_of(service)
    assert service.slack_entrance.trouble() == ""
    await send(guarded, people.command("ack", by="maria", channel="#db"), ago=timedelta(minutes=7))
    said = service.slack_entrance.trouble()
    assert said.startswith(
        "Slack's requests are refused: they are signed with slack.signing_secret, and by this machine's"
    )
    assert "420 s ago" in said
    await send(guarded, people.command("ack", by="maria", channel="#db"), ago=-timedelta(minutes=7))
    assert "420 s from now" in service.slack_entrance.trouble()
    await send(guarded, people.command("ack", by="maria", channel="#db"))
    assert service.slack_entrance.trouble() == ""


async def test_another_apps_requests_are_said_for_a_while(guarded: Guarded) -> None:
    service, _ = guarded
    gesture = people_of(service).command("ack", by="maria", channel="#db")
    await send(guarded, gesture, headers=gesture.headers(service.clock.now(), secret="another app's"))
    assert "none of slack.signing_secret signed them" in service.slack_entrance.trouble()
    service.virtual.move_to(service.virtual.now() + TROUBLE_FOR + timedelta(seconds=1))
    assert service.slack_entrance.trouble() == ""


async def test_many_refusals_are_few_lines(guarded: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    service, _ = guarded
    for _ in range(20):
        await send(guarded, Gesture("events_api", {"type": "x"}), headers={})
    assert len([one for one in caplog.records if "not believed" in one.message]) == 1
    service.virtual.move_to(service.virtual.now() + timedelta(minutes=1))
    await send(guarded, Gesture("events_api", {"type": "x"}), headers={})
    [_, second] = [one for one in caplog.records if "not believed" in one.message]
    assert (vars(second)["reason"], vars(second)["more_since"]) == ("unsigned", 19)
    assert refused(service, "unsigned") == 21


async def test_a_signed_body_that_cannot_be_read_is_not_asked_for_again(guarded: Guarded) -> None:
    service, client = guarded
    for door, body in {
        "events_api": b'{"type":"event_callback","event":',
        "interactive": b"payload=%FF",
        "slash_commands": b"text=help",
    }.items():
        answer = await client.post(PATHS[door], data=body, headers=sign(body, service.clock.now()))
        assert (answer.status, await answer.read()) == (400, b"")
        assert answer.headers["X-Slack-No-Retry"] == "1"
        assert service.metrics.value("alert_router_slack_received", ("http", door, "unreadable")) == 1


async def test_ten_megabytes_are_not_read(guarded: Guarded) -> None:
    service, client = guarded
    body = b"x" * (10 * 1024 * 1024)
    for sent in (body, _chunks(body)):
        try:
            answer = await client.post(PATHS["events_api"], data=sent, headers=sign(body, service.clock.now()))
        except ConnectionError:
            continue  # it was answered, and closed while we still wrote
        assert answer.status == 413
    assert refused(service, "too_large") == 2
    largest = b" " * LARGEST_BODY
    answer = await client.post(PATHS["events_api"], data=largest, headers=sign(largest, service.clock.now()))
    assert answer.status == 400


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 64 * 1024):
        yield body[start : start + 64 * 1024]


async def test_a_body_that_does_not_come_is_not_waited_for(guarded: Guarded) -> None:
    service, _ = guarded
    routes = SlackRoutes(service, body_within=timedelta(milliseconds=20))
    async with TestServer(assembled(Guard(service), routes.routes())) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"POST /api/slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        head = await reader.readuntil(b"\r\n")
        assert head == b"HTTP/1.1 408 Request Timeout\r\n"
        await reader.read()
        writer.close()
    assert refused(service, "too_slow") == 1


async def test_slack_has_its_answer_in_time_and_the_act_goes_on(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, _ = guarded
    monkeypatch.setattr(slack_routes, "ANSWER_WITHIN", timedelta(milliseconds=20))
    service.heard.may_go_on.clear()
    gesture = people_of(service).click("1.5", "ar.x", by="maria", channel="#db")
    assert await send(guarded, gesture) == (503, b"")
    monkeypatch.undo()
    service.heard.may_go_on.set()
    assert await send(guarded, gesture) == (200, b"")
    assert len(service.heard.heard) == 1


class Ticking(VirtualClock):
    """A second passes between any two looks at it."""

    def monotonic(self) -> float:
        self.move_to(self.now() + timedelta(seconds=1))
        return super().monotonic()


class Hurried(Entrance):
    """Remembers how much time it was given."""

    within = timedelta(0)

    async def receive(
        self,
        door: Door,
        timestamps: Sequence[str],
        signatures: Sequence[str],
        body: bytes,
        *,
        within: timedelta = timedelta(0),
    ) -> Served:
        self.within = within
        return await super().receive(door, timestamps, signatures, body, within=within)


async def test_the_time_that_a_body_took_is_missing_for_the_answer(guarded: Guarded) -> None:
    service, client = guarded
    dispatch = Dispatch(service.heard, service.metrics)
    service.slack_entrance = entrance = Hurried(
        dispatch, service.clock, service.metrics, secrets=lambda: (), api_url=lambda: "", workspace=lambda: ""
    )

    service.virtual = Ticking(START)
    assert (await client.post(PATHS["events_api"], data=b"x")).status == 401
    assert entrance.within == timedelta(seconds=1.5)


async def test_the_bodies_of_all_together_are_bounded(guarded: Guarded) -> None:
    service, _ = guarded
    routes = SlackRoutes(service)
    routes.budget.take(routes.budget.left_bytes)
    application: web.Application = assembled(Guard(service), routes.routes())
    async with TestClient(TestServer(application)) as client:
        body = b"x" * 500_000
        answer = await client.post(PATHS["events_api"], data=body, headers=sign(body, service.clock.now()))
        assert answer.status == 503
        small = Acting.verify_url("x")
        answer = await client.post(small.path, data=small.body, headers=small.headers(service.clock.now()))
        assert answer.status == 200
    assert refused(service, "no_room") == 1


async def test_an_address_to_answer_to_that_is_not_slacks_is_not_used(guarded: Guarded) -> None:
    service, _ = guarded
    people = people_of(service)
    people.hooks = "https://hooks.slack.example"
    assert (await send(guarded, people.command("help", by="maria", channel="#db")))[0] == 200
    [heard] = service.heard.heard
    assert isinstance(heard, SlashCommand)
    assert heard.response_url == ""
    assert service.metrics.value("alert_router_slack_response_urls_refused") == 1


async def test_what_was_not_written_down_may_come_again_at_once(guarded: Guarded) -> None:
    """Slack's first retry of an event comes within the second, with the same signature."""
    service, _ = guarded
    gesture = people_of(service).mention("ack", by="maria", channel="#db")
    service.heard.stumbles = True
    assert await send(guarded, gesture) == (503, b"")
    service.heard.stumbles = False
    assert await send(guarded, gesture) == (200, b"")
    assert await send(guarded, gesture) == (401, b"")
