"""Socket Mode against the fake Slack, over real connections and a clock that the test moves."""

import asyncio
import hashlib
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient as BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from router.notifiers.slack.inbound import socket_mode
from router.notifiers.slack.inbound.dispatch import Dispatch
from router.notifiers.slack.inbound.link import Envelope, acknowledgement
from router.notifiers.slack.inbound.response import Reply, Taken
from router.notifiers.slack.inbound.socket_mode import (
    ANSWERS_WITHIN,
    HELLO_WITHIN,
    LEAVES_WITHIN,
    MOST_OPEN,
    PING_EVERY,
    TICK,
    WANTED,
    SocketMode,
)
from router.notifiers.slack.inbound.values import BlockActions, Mention, SlashCommand
from router.notifiers.slack.wire import SdkWire, open_session, open_socket_session
from router.runtime.metrics import Metrics
from tests.inbound.recorder import Recorder
from tests.slack.conftest import HandClock
from tests.slackworld import FakeSlack, moods
from tests.slackworld.acting import Acting, Gesture
from tests.slackworld.sockets import MOST, Socket, Sockets
from tests.slackworld.workspace import APP_TOKEN, TOKEN

FAILED = ("socket_mode", "app_mention", "failed")
OTHERS: Socket = None  # type: ignore[assignment]  # connections of other routers of the same app: only counted


class Stage:
    """Our client, before the fake Slack."""

    def __init__(
        self, slack: FakeSlack, clock: HandClock, mode: SocketMode, respond: Recorder, metrics: Metrics
    ) -> None:
        self.slack, self.clock, self.mode, self.respond, self.metrics = slack, clock, mode, respond, metrics
        self.people = Acting(slack)
        self.token = APP_TOKEN
        self.refused = 0

    @property
    def sockets(self) -> Sockets:
        return self.slack.sockets

    async def stand(self, count: int = WANTED) -> None:
        """Look, and wait until Slack's hellos were read."""
        await self.mode.tend()
        await self.until(lambda: self.mode.connected == count)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Real frames over loopback take their time; nothing here depends on how long."""
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110  there is no event for what another process's side of a socket does
                await asyncio.sleep(0.001)

    async def pass_by(self, span: timedelta, *, deaf: int = 0) -> None:
        """In steps, as the loop would turn; all but the deaf have answered their pings by then."""
        until = self.clock.monotonic() + span.total_seconds()
        while self.clock.monotonic() < until:
            self.clock.advance(seconds=min(PING_EVERY.total_seconds(), until - self.clock.monotonic()))
            await self.mode.tend()
            await self.until(lambda: sum(link.heard_at < link.pinged_at for link in self.mode._links) <= deaf)

    async def calm(self) -> None:
        """Both sides know of the same lines, and whatever was asked of one that answers was answered: nothing but the clock is
        waited for any more."""
        await asyncio.sleep(0)
        await self.until(self._is_calm)

    def _is_calm(self) -> bool:
        links = {link: task for link, task in self.mode._links.items() if not task.done()}
        deaf = sum(not socket.answers_pings for socket in self.sockets.open)
        return (
            len(links) == len(self.sockets.open)
            and not any(task.cancelling() for task in links.values())
            and all(link.stands_since is not None for link in links)
            and sum(link.end is None and link.asked_at is not None for link in links) <= deaf
        )

    async def tend_until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await self.mode.tend()
                await asyncio.sleep(0.001)

    def closed(self, reason: str) -> float:
        return self.metrics.value("alert_router_slack_sockets_closed", (reason,))

    def mention(self) -> Gesture:
        return self.people.mention("ack", by="maria", channel="#db")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    clock, metrics, respond = HandClock(), Metrics(), Recorder()
    made: Stage
    async with FakeSlack(clock.now) as slack, open_session() as api, open_socket_session() as session:
        slack.add_person("maria", slack_id="U0MARIA")
        slack.add_channel("#db", members=("maria",), slack_id="C0DB000")

        def refused() -> None:
            made.refused += 1

        mode = SocketMode(
            session,
            Dispatch(respond, metrics),
            clock,
            metrics,
            wire=lambda: SdkWire(api, lambda: made.token, api_url=slack.url),
            token=lambda: made.token,
            api_url=lambda: slack.url,
            on_refused=refused,
        )
        made = Stage(slack, clock, mode, respond, metrics)
        yield made
        await mode.close()
        assert slack.sockets.complaints == []


async def test_two_connections_stand_and_what_comes_is_answered_and_acknowledged(stage: Stage) -> None:
    """Row 11."""
    await stage.stand()
    assert len(stage.sockets.open) == WANTED
    stage.respond.answer = Reply("done")
    command = await stage.sockets.send(stage.people.command("help", by="maria", channel="#db"))
    assert await stage.sockets.answer(command) == {"response_type": "ephemeral", "text": "done"}
    stage.respond.answer = Taken()
    click = stage.people.click("1.5", "ar.x", by="maria", channel="#db")
    assert await stage.sockets.answer(await stage.sockets.send(click, over=stage.sockets.open[1])) is None
    assert await stage.sockets.answer(await stage.sockets.send(stage.mention())) is None
    assert [type(one) for one in stage.respond.heard] == [SlashCommand, BlockActions, Mention]
    assert stage.metrics.value("alert_router_slack_received", ("socket_mode", "command", "answered")) == 1
    assert stage.mode.trouble() == ""


async def test_what_was_not_written_down_is_not_acknowledged(stage: Stage) -> None:
    await stage.stand()
    stage.respond.stumbles = True
    lost = await stage.sockets.send(stage.mention())
    await stage.until(lambda: stage.metrics.value("alert_router_slack_received", FAILED) == 1)
    stage.respond.stumbles = False
    after = await stage.sockets.send(stage.mention())
    await stage.sockets.answer(after)
    assert [one for one, _ in stage.sockets.acknowledged] == [after]
    # Slack sends it again, on whichever connection.
    gesture = Gesture("events_api", stage.sockets.sent(lost)["payload"])
    await stage.sockets.send(gesture, over=stage.sockets.open[1], envelope_id=lost, retry=1)
    await stage.sockets.answer(lost)
    assert len(stage.respond.heard) == 3


async def test_an_envelope_that_comes_twice_is_answered_once_and_acknowledged_twice(stage: Stage) -> None:
    await stage.stand()
    stage.respond.answer = Reply("done")
    gesture = stage.people.command("help", by="maria", channel="#db")
    first = await stage.sockets.send(gesture)
    await stage.sockets.answer(first)
    stage.respond.answer = Reply("done twice")
    await stage.sockets.send(gesture, over=stage.sockets.open[1], envelope_id=first)
    assert await stage.sockets.answer(first, count=2) == {"response_type": "ephemeral", "text": "done"}
    assert len(stage.respond.heard) == 1


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_successor_stands_before_the_old_one_goes(stage: Stage, reason: str) -> None:
    await stage.stand()
    old = stage.sockets.open[0]
    await old.disconnect(reason)
    await stage.tend_until(lambda: stage.mode.connected == WANTED + 1)
    assert old.is_open
    # Until then it is as good as the others.
    await stage.sockets.answer(await stage.sockets.send(stage.mention(), over=old))
    await old.close()
    await stage.tend_until(lambda: stage.closed(reason) == 1)
    assert stage.mode.connected == len(stage.sockets.open) == WANTED
    assert stage.sockets.opened == WANTED + 1
    assert stage.mode.trouble() == ""


async def test_where_slack_does_not_close_what_it_said_we_do(stage: Stage) -> None:
    await stage.stand()
    old = stage.sockets.open[0]
    await old.disconnect("warning")
    await stage.tend_until(lambda: stage.mode.connected == WANTED + 1)
    await stage.pass_by(LEAVES_WITHIN)
    await stage.tend_until(lambda: stage.closed("warning") == 1)
    await stage.until(lambda: not old.is_open)
    assert stage.mode.connected == WANTED


async def test_both_may_be_refreshed_at_once(stage: Stage) -> None:
    await stage.stand()
    for socket in list(stage.sockets.open):
        await socket.disconnect("warning")
    await stage.tend_until(lambda: stage.mode.connected == 2 * WANTED)
    assert stage.sockets.opened == 2 * WANTED


async def test_a_connection_that_answers_no_ping_is_given_up(stage: Stage) -> None:
    await stage.stand()
    dead, well = stage.sockets.open
    dead.answers_pings = False
    await stage.pass_by(PING_EVERY + ANSWERS_WITHIN, deaf=1)
    await stage.tend_until(lambda: stage.closed("dead") == 1)
    assert dead.pings >= 2
    await stage.pass_by(timedelta(seconds=2))
    await stage.tend_until(lambda: stage.mode.connected == WANTED)
    assert well.is_open
    assert stage.closed("lost") == 0


async def test_slacks_own_pings_are_answered(stage: Stage) -> None:
    await stage.stand()
    await stage.sockets.open[0].stream.ping(b"what time is it")
    await stage.sockets.until(lambda: stage.sockets.open[0].pongs == [b"what time is it"])


async def test_a_connection_that_says_no_hello_is_given_up(stage: Stage) -> None:
    stage.sockets.says_hello = False
    await stage.mode.tend()
    await stage.until(lambda: len(stage.sockets.open) == WANTED)
    assert stage.mode.connected == 0
    stage.sockets.says_hello = True
    await stage.pass_by(HELLO_WITHIN, deaf=2)
    await stage.tend_until(lambda: stage.closed("dead") == WANTED)
    assert stage.mode.trouble() == (
        "Slack's Socket Mode has no connection, so nobody can act: the connection to Slack answered no ping"
    )
    await stage.pass_by(timedelta(seconds=5))
    await stage.tend_until(lambda: stage.mode.connected == WANTED)
    assert stage.mode.trouble() == ""


async def test_a_connection_that_breaks_off_is_replaced_after_a_moment(stage: Stage) -> None:
    await stage.stand()
    stage.sockets.open[0].kill()
    await stage.tend_until(lambda: stage.closed("lost") == 1)
    assert stage.mode.connected == 1
    assert stage.mode.trouble() == ""
    assert (await stage.mode.tend()) <= timedelta(seconds=1)
    stage.clock.advance(seconds=1)
    await stage.stand()


async def test_what_was_done_while_its_connection_broke_off_is_acknowledged_on_another(stage: Stage) -> None:
    await stage.stand()
    stage.respond.may_go_on.clear()
    gesture = stage.mention()
    broken = stage.sockets.open[0]
    envelope_id = await stage.sockets.send(gesture, over=broken)
    await stage.until(lambda: len(stage.respond.heard) == 1)
    broken.kill()
    await stage.tend_until(lambda: stage.closed("lost") == 1)
    stage.respond.may_go_on.set()
    await stage.until(lambda: not stage.mode._answers)
    assert stage.sockets.acknowledged == []
    await stage.sockets.send(gesture, envelope_id=envelope_id, retry=1)
    await stage.sockets.answer(envelope_id)
    assert len(stage.respond.heard) == 1


async def test_an_address_to_answer_to_that_is_not_slacks_is_not_used(stage: Stage) -> None:
    await stage.stand()
    stage.people.hooks = "https://hooks.slack.example"
    gesture = stage.people.command("help", by="maria", channel="#db")
    await stage.sockets.answer(await stage.sockets.send(gesture))
    [heard] = stage.respond.heard
    assert isinstance(heard, SlashCommand)
    assert heard.response_url == ""
    assert stage.metrics.value("alert_router_slack_response_urls_refused") == 1


async def test_a_handshake_that_nobody_answers_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_mode, "CONNECT_WITHIN", timedelta(milliseconds=20))
    ended = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        stage.slack.open_link = lambda: f"ws://127.0.0.1:{port}/link"
        await stage.mode.tend()
        assert stage.mode.last_error == "Slack did not answer the handshake in time"
        ended.set()


async def test_where_socket_mode_is_switched_off_slack_is_asked_seldom(stage: Stage) -> None:
    await stage.stand()
    for socket in list(stage.sockets.open):
        await socket.disconnect("link_disabled")
        await socket.close()
    await stage.tend_until(lambda: stage.closed("link_disabled") == WANTED)
    assert "Socket Mode is switched off in the app's settings" in stage.mode.trouble()
    opened = stage.sockets.opened
    stage.clock.advance(minutes=4, seconds=59)
    await stage.mode.tend()
    assert stage.sockets.opened == opened
    stage.clock.advance(seconds=1)
    await stage.stand()


async def test_too_many_connections_are_said(stage: Stage) -> None:
    stage.sockets.open += [OTHERS] * (MOST - 1)
    await stage.mode.tend()
    await stage.tend_until(lambda: stage.closed("too_many_websockets") == 1)
    assert stage.mode.connected == 1
    assert "do other routers use the same slack.app_token?" in stage.mode.last_error
    opened = stage.sockets.opened
    await stage.mode.tend()
    assert stage.sockets.opened == opened
    stage.sockets.open[:] = [one for one in stage.sockets.open if one is not OTHERS]
    stage.clock.advance(minutes=1)
    await stage.tend_until(lambda: stage.mode.connected == WANTED)


async def test_a_wrong_token_is_explained_and_a_new_one_taken_at_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.token = TOKEN
    await stage.mode.tend()
    assert stage.mode.trouble() == (
        "Slack's Socket Mode has no connection, so nobody can act: apps.connections.open: not_allowed_token_type "
        "(slack.app_token must be an app-level token, which begins with xapp-)"
    )
    assert stage.refused == 1
    assert TOKEN not in caplog.text
    await stage.mode.tend()
    assert len(stage.slack.calls_of("apps.connections.open")) == 1
    stage.token = APP_TOKEN
    await stage.stand()
    assert stage.mode.trouble() == ""


async def test_a_rotated_token_opens_its_own_connections_before_the_old_ones_go(stage: Stage) -> None:
    await stage.stand()
    old = list(stage.sockets.open)
    stage.slack.app_tokens["xapp-new"] = ""
    stage.token = "xapp-new"
    await stage.mode.tend()
    assert len(stage.mode._links) == 2 * WANTED
    await stage.tend_until(lambda: stage.closed("unasked") == WANTED)
    await stage.until(lambda: not any(socket.is_open for socket in old))
    assert stage.mode.connected == WANTED


async def test_until_one_of_the_new_tokens_stands_the_old_ones_serve(stage: Stage) -> None:
    await stage.stand()
    stage.slack.app_tokens["xapp-new"] = ""
    stage.token, stage.sockets.says_hello = "xapp-new", False
    for _ in range(3):
        await stage.mode.tend()
        await stage.until(lambda: len(stage.sockets.open) == 2 * WANTED)
    assert stage.mode.connected == WANTED
    await stage.sockets.answer(await stage.sockets.send(stage.mention()))
    assert stage.closed("unasked") == 0


async def test_without_a_token_nothing_stands(stage: Stage) -> None:
    await stage.stand()
    stage.token = ""
    await stage.tend_until(lambda: stage.closed("unasked") == WANTED)
    assert (stage.mode.connected, stage.mode.trouble()) == (0, "")
    assert await stage.mode.tend() == TICK


async def test_a_connection_whose_reader_never_began_is_closed_all_the_same(stage: Stage) -> None:
    await stage.mode.tend()
    for task in stage.mode._links.values():
        task.cancel()
    await stage.until(lambda: len(stage.sockets.open) == WANTED)
    old = list(stage.sockets.open)
    await stage.tend_until(lambda: not any(socket.is_open for socket in old))


async def test_slacks_pause_is_kept(stage: Stage) -> None:
    stage.slack.mood(moods.ratelimit(30), method="apps.connections.open")
    await stage.mode.tend()
    assert stage.mode.last_error == "apps.connections.open: ratelimited"
    stage.clock.advance(seconds=29)
    await stage.mode.tend()
    assert stage.slack.refused_for_pace == 0
    stage.clock.advance(seconds=1)
    await stage.stand()


async def test_who_cannot_be_reached_is_asked_ever_less_often(stage: Stage) -> None:
    stage.slack.mood(moods.RESET_BEFORE, method="apps.connections.open", times=None)
    began, asked = stage.clock.monotonic(), []
    for _ in range(200):
        before = len(stage.slack.calls)
        await stage.mode.tend()
        if len(stage.slack.calls) > before:
            asked.append(stage.clock.monotonic() - began)
        stage.clock.advance(seconds=1)
    apart = [after - before for before, after in itertools.pairwise(asked)]
    assert apart == [1, 2, 4, 8, 16, 32, 60, 60]
    assert "connection lost" in stage.mode.trouble()


async def test_an_address_that_nothing_stands_behind_is_a_failure_like_another(stage: Stage) -> None:
    stage.slack.open_link = lambda: f"{stage.sockets.base}/link/used"
    await stage.mode.tend()
    assert stage.mode.last_error == "cannot connect (WSServerHandshakeError)"
    stage.slack.open_link = lambda: "ftp://127.0.0.1/link"
    stage.clock.advance(seconds=1)
    await stage.mode.tend()
    assert stage.mode.last_error == "Slack named no address to connect to"


async def test_more_than_can_be_answered_waits_in_slacks_own_queue(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.stand()
    monkeypatch.setattr(stage.mode, "_room", asyncio.Semaphore(3))
    stage.respond.may_go_on.clear()
    sent = [await stage.sockets.send(stage.mention()) for _ in range(10)]
    await stage.until(lambda: len(stage.respond.heard) == 3)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(stage.respond.heard) == len(stage.mode._answers) == 3
    stage.respond.may_go_on.set()
    for envelope_id in sent:
        await stage.sockets.answer(envelope_id)
    assert len(stage.respond.heard) == 10


async def test_what_cannot_be_read_ends_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await stage.stand()
    socket = stage.sockets.open[0]
    for frame in ("", "no json", "[]", '{"type":7}', "[" * 100_000, b"\x00\xff", '{"type":"surprise"}'):
        await socket.say(frame)
    strange = await stage.sockets.send(Gesture("canvas", {"hunter": 2}), over=socket)
    misshapen = await stage.sockets.send(Gesture("interactive", {"type": "block_actions"}), over=socket)
    for envelope_id in (strange, misshapen):
        assert await stage.sockets.answer(envelope_id) is None
    await stage.sockets.answer(await stage.sockets.send(stage.mention(), over=socket))
    assert stage.mode.connected == WANTED
    assert len(stage.respond.heard) == 1
    assert stage.metrics.value("alert_router_slack_received", ("socket_mode", "interactive", "unreadable")) == 1
    assert "hunter" not in caplog.text


async def test_what_is_being_answered_is_answered_before_the_end(stage: Stage) -> None:
    await stage.stand()
    stage.respond.may_go_on.clear()
    envelope_id = await stage.sockets.send(stage.mention())
    await stage.until(lambda: len(stage.respond.heard) == 1)
    closing = asyncio.create_task(stage.mode.close())
    await asyncio.sleep(0)
    late = await stage.sockets.send(stage.mention())
    stage.respond.may_go_on.set()
    await closing
    await stage.sockets.until(lambda: not stage.sockets.open)
    assert [one for one, _ in stage.sockets.acknowledged] == [envelope_id]
    assert late not in dict(stage.sockets.acknowledged)


async def test_a_turn_waits_until_something_happens(stage: Stage) -> None:
    await stage.stand()
    while stage.mode._wake_up._rung.is_set():
        await stage.mode.turn()
    turning = asyncio.create_task(stage.mode.turn())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not turning.done()
    await stage.sockets.open[0].disconnect("warning")
    await turning
    await stage.until(lambda: len(stage.sockets.open) >= WANTED)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_becomes_of_connections_everything_that_arrives_is_answered_and_two_stand_again(
    stage: Stage, seed: int
) -> None:
    """A walk through refreshes, deaths and broken lines: what was sent over a line that holds is acknowledged on it."""
    await stage.stand()
    owed: list[str] = []
    for step in range(60):
        drawn = int.from_bytes(hashlib.blake2b(b"%d:%d" % (seed, step), digest_size=4).digest())
        act, which = drawn % 8, drawn // 8
        alive = [socket for socket in stage.sockets.open if socket.is_open and socket.answers_pings]
        socket = alive[which % len(alive)] if alive else None
        if socket is not None and act <= 3:
            owed.append(await stage.sockets.send(stage.mention(), over=socket))
            await stage.sockets.answer(owed[-1])
        elif socket is not None and act == 4:
            await socket.disconnect("warning")
        elif socket is not None and act == 5:
            await socket.close()
        elif socket is not None and act == 6:
            socket.kill()
        elif socket is not None:
            socket.answers_pings = False
        stage.clock.advance(seconds=which % 12)
        await stage.mode.tend()
        await stage.calm()
        assert len(stage.mode._links) <= MOST_OPEN
    for socket in stage.sockets.open:
        if not socket.answers_pings:
            socket.kill()
    async with asyncio.timeout(10):
        while not stage.mode.connected == len(stage.mode._links) == len(stage.sockets.open) == WANTED:
            stage.clock.advance(seconds=1)
            await stage.mode.tend()
            await stage.calm()
            await asyncio.sleep(0)
    assert len(owed) > 10
    assert sorted(one for one, _ in stage.sockets.acknowledged) == sorted(owed)
    assert len(stage.respond.heard) == len(owed)
    assert stage.mode.trouble() == ""


def test_an_acknowledgement_says_no_more_than_was_asked() -> None:
    asked, told = Envelope("slash_commands", "e1", accepts_response_payload=True), Envelope("events_api", "e1")
    assert acknowledgement(asked, b'{"text":"x"}') == '{"envelope_id":"e1","payload":{"text":"x"}}'
    assert acknowledgement(asked, b"") == acknowledgement(told, b'{"text":"x"}') == '{"envelope_id":"e1"}'


async def test_the_sdks_own_client_speaks_to_our_fake() -> None:
    """What is strict about the fake is Slack's own: a client that others wrote meets none of it."""
    clock, heard = HandClock(), list[str]()
    async with FakeSlack(clock.now) as slack:
        slack.add_person("maria", slack_id="U0MARIA")
        slack.add_channel("#db", members=("maria",), slack_id="C0DB000")

        async def listener(client: BaseSocketModeClient, request: SocketModeRequest) -> None:
            heard.append(request.type)
            payload = {"text": "hello"} if request.accepts_response_payload else None
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))

        web = AsyncWebClient(base_url=slack.url, retry_handlers=[])
        client = SocketModeClient(app_token=APP_TOKEN, web_client=web)
        client.socket_mode_request_listeners.append(listener)
        await client.connect()  # type: ignore[no-untyped-call]
        try:
            people = Acting(slack)
            await slack.sockets.until(lambda: len(slack.sockets.open) == 1)
            command = await slack.sockets.send(people.command("help", by="maria", channel="#db"))
            mention = await slack.sockets.send(people.mention("help", by="maria", channel="#db"))
            assert await slack.sockets.answer(command) == {"text": "hello"}
            assert await slack.sockets.answer(mention) is None
            await slack.sockets.open[0].disconnect("refresh_requested")
            await slack.sockets.until(lambda: slack.sockets.opened == 2)
        finally:
            await client.close()  # type: ignore[no-untyped-call]
        assert heard == ["slash_commands", "events_api"]
        assert slack.sockets.complaints == []
