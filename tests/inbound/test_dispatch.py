"""One thing that was done is handed on once and answered in time, whatever becomes of it and however often it is sent."""

import asyncio
from datetime import timedelta

import pytest

from router.core.acts.grammar.words import LATE, NOT_TAKEN
from router.notifiers.slack.inbound import dispatch as module
from router.notifiers.slack.inbound.dispatch import Answered, Dispatch, Via
from router.notifiers.slack.inbound.response import (
    Reply,
    Taken,
    ViewErrors,
    ViewUpdated,
    encoded,
)
from router.notifiers.slack.inbound.values import (
    Inbound,
    Mention,
    SlashCommand,
    SslCheck,
    Unknown,
    UrlVerification,
    User,
    View,
    ViewSubmission,
)
from router.runtime.metrics import Metrics
from tests.inbound.recorder import Recorder

MARIA = User("U0MARIA")
AT_ONCE = timedelta(milliseconds=1)


def mention(number: int = 1) -> Mention:
    return Mention(f"event:Ev{number}", MARIA, "ack", "C1", "1.1")


COMMAND = SlashCommand("command:t1", MARIA, "/incident", "ack 12")
SENT = ViewSubmission("view:V1:h:s", MARIA, View("V1"))


class Stage:
    def __init__(self) -> None:
        self.metrics = Metrics()
        self.respond = Recorder()
        self.dispatch = Dispatch(self.respond, self.metrics)

    async def send(
        self, inbound: Inbound, via: Via = Via.HTTP, *, within: timedelta = timedelta(minutes=1)
    ) -> Answered:
        return await self.dispatch.answer(inbound, via, within=within)

    def counted(self, kind: str, outcome: str, via: str = "http") -> float:
        return self.metrics.value("alert_router_slack_received", (via, kind, outcome))


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_what_is_sent_again_is_answered_as_before_by_either_way(stage: Stage) -> None:
    stage.respond.answer = Reply("acknowledged")
    first = await stage.send(COMMAND)
    stage.respond.answer = Reply("already acknowledged")
    assert first == Answered(True, b'{"response_type":"ephemeral","text":"acknowledged"}')
    assert await stage.send(COMMAND, Via.SOCKET_MODE) == first
    assert stage.respond.heard == [COMMAND]
    assert stage.counted("command", "answered") == stage.counted("command", "repeated", "socket_mode") == 1


async def test_what_is_sent_again_while_the_first_is_written_down_waits_for_it(stage: Stage) -> None:
    stage.respond.may_go_on.clear()
    tasks = [asyncio.create_task(stage.send(mention())) for _ in range(3)]
    await stage.respond.was_asked.wait()
    await asyncio.sleep(0)
    stage.respond.may_go_on.set()
    assert await asyncio.gather(*tasks) == [Answered(True)] * 3
    assert len(stage.respond.heard) == 1
    assert (stage.counted("app_mention", "answered"), stage.counted("app_mention", "repeated")) == (1, 2)


async def test_what_changed_nothing_may_come_again(stage: Stage) -> None:
    stage.respond.answer = ViewErrors({"b": "no"})
    await stage.send(SENT)
    stage.respond.answer = Taken()
    assert await stage.send(SENT) == Answered(True)
    assert stage.respond.heard == [SENT, SENT]


async def test_what_stumbles_is_said_counted_and_asked_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.respond.stumbles = True
    assert await stage.send(mention()) == Answered(False)
    assert "stumbled" in caplog.text
    stage.respond.stumbles = False
    assert await stage.send(mention()) == Answered(True)
    assert (stage.counted("app_mention", "failed"), stage.counted("app_mention", "answered")) == (1, 1)


async def test_who_gives_a_command_is_told_that_it_was_not_done(stage: Stage) -> None:
    stage.respond.stumbles = True
    answered = await stage.send(COMMAND)
    assert answered == Answered(True, encoded(COMMAND, Reply(NOT_TAKEN)))
    assert stage.counted("command", "failed") == 1


async def test_who_gives_a_command_that_takes_too_long_is_told_to_look(stage: Stage) -> None:
    stage.respond.may_go_on.clear()
    assert await stage.send(COMMAND, within=AT_ONCE) == Answered(True, encoded(COMMAND, Reply(LATE)))
    stage.respond.may_go_on.set()
    await stage.dispatch.finish()
    assert await stage.send(COMMAND) == Answered(True)


async def test_what_takes_too_long_goes_on_and_is_answered_when_it_is_sent_again(stage: Stage) -> None:
    stage.respond.may_go_on.clear()
    assert await stage.send(mention(), within=AT_ONCE) == Answered(False)
    assert stage.counted("app_mention", "late") == 1
    stage.respond.may_go_on.set()
    await stage.dispatch.finish()
    assert await stage.send(mention()) == Answered(True)
    assert len(stage.respond.heard) == 1


async def test_more_at_once_than_can_be_worked_on_are_sent_away(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 3)
    stage.respond.may_go_on.clear()
    for number in range(4):
        assert await stage.send(mention(number), within=AT_ONCE) == Answered(False)
    assert len(stage.respond.heard) == 3
    assert stage.counted("app_mention", "busy") == 1
    stage.respond.may_go_on.set()
    await stage.dispatch.finish()
    assert await stage.send(mention(3)) == Answered(True)


async def test_the_memory_is_bounded_in_number_and_in_bytes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 5)
    for number in range(6):
        await stage.send(mention(number))
    await stage.send(mention(5))
    assert len(stage.respond.heard) == 6
    await stage.send(mention(0))
    assert len(stage.respond.heard) == 7
    monkeypatch.setattr(module, "MOST_REMEMBERED_BYTES", 100)
    stage.respond.answer = Reply("x" * 200)
    await stage.send(COMMAND)
    await stage.send(COMMAND)
    assert stage.respond.heard[-2:] == [COMMAND, COMMAND]


async def test_slacks_own_questions_bother_nobody(stage: Stage) -> None:
    stage.respond.stumbles = True
    assert await stage.send(UrlVerification("abc")) == Answered(True, b'{"challenge":"abc"}')
    assert await stage.send(SslCheck()) == await stage.send(Unknown("dialog")) == Answered(True)
    assert stage.respond.heard == []
    assert stage.counted("unknown", "answered") == 1


async def test_the_answers_as_slack_reads_them() -> None:
    view = {"type": "modal"}
    assert encoded(SENT, ViewUpdated(view)) == b'{"response_action":"update","view":{"type":"modal"}}'
    assert encoded(SENT, Taken()) == b""
    assert encoded(SENT, ViewErrors({"b": "no"})) == b'{"response_action":"errors","errors":{"b":"no"}}'
    reply = Reply("x", [{"type": "divider"}], is_public=True)
    assert encoded(COMMAND, reply) == b'{"response_type":"in_channel","text":"x","blocks":[{"type":"divider"}]}'


async def test_an_answer_to_another_kind_of_question_is_a_mistake_of_ours(stage: Stage) -> None:
    stage.respond.answer = ViewUpdated({})
    assert await stage.send(mention()) == Answered(False)
    with pytest.raises(TypeError, match="ViewUpdated is no answer to Mention"):
        encoded(mention(), ViewUpdated({}))
