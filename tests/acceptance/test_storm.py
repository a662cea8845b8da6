"""1,000 alerts of 50 groups in one second into one channel, with Slack at its worst in the middle; then the truth."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from hashlib import blake2b
from pathlib import Path

import pytest

from router.runtime.clock import SystemClock
from tests.acceptance.stage import Condition, Stage, webhook
from tests.acceptance.truth import delivered_twice, end_is_told_once, group_of, is_true
from tests.process import running, until
from tests.slackworld import FakeSlack, MessageView, moods

GROUPS, EACH = 50, 20
CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: {token: {env: SLACK_BOT_TOKEN}, api_url: "<slack>"}
sources: {prometheus: {adapter: prometheus, auth: none}}
routing: {channel: "#storm", group_by: [alertname], group_wait: 1s, group_interval: 1m, repeat_interval: none}
"""
REAL_GROUPS = 25
"""A post takes a second where time is real: the fifty are told on the virtual clock."""
WEATHER = (
    moods.ratelimit(3), moods.refuse("fatal_error", applied=True), moods.refuse("internal_error"), moods.RESET_BEFORE,
    moods.RESET_AFTER, moods.RESET_AFTER, moods.STALL, moods.STALL_APPLIED, moods.html(), moods.html(lies=True),
    moods.html(502, applied=True), moods.status(500), moods.status(503), moods.late(8), moods.late(25, stalls=True),
)  # fmt: skip

REAL_WEATHER = (
    moods.STALL_APPLIED, moods.late(8), moods.RESET_AFTER, moods.html(502, applied=True), moods.RESET_BEFORE,
    moods.html(), moods.status(503), moods.refuse("fatal_error", applied=True), moods.ratelimit(3),
)  # fmt: skip
"""One of each kind, where a stalled call takes ten real seconds."""


def conditions(groups: int = GROUPS, each: int = EACH) -> list[list[Condition]]:
    return [
        [
            Condition(f"Storm{group:02}", f"web-{number}", "critical" if group % 10 == 0 else "high")
            for number in range(each)
        ]
        for group in range(groups)
    ]


def numbers(seed: int) -> Iterator[int]:
    """The same large numbers for the same seed."""
    drawn = 0
    while True:
        drawn += 1
        yield int.from_bytes(blake2b(f"{seed}:{drawn}".encode(), digest_size=8).digest())


@pytest.mark.parametrize("seed", range(5))
async def test_every_message_is_true_after_a_storm_in_foul_weather(tmp_path: Path, seed: int) -> None:
    draw = numbers(seed)
    everything = [one for group in conditions() for one in group]
    everything.sort(key=lambda _: next(draw))
    async with Stage(tmp_path, CONFIGURATION) as stage:
        world = stage.world
        world.add_channel("#storm")
        for start in range(0, len(everything), 100):
            await stage.fire(*everything[start : start + 100])
            await stage.run_for(milliseconds=100)
        await stage.run_for(seconds=5)

        world.weather(moods.foul(seed, share=0.4, of=WEATHER))
        for _ in range(6):  # while Slack raves, the world goes on
            changed = [one for one in everything if next(draw) % 4 == 0]
            await stage.end(*(one for one in changed if one in stage.firing))
            await stage.run_for(seconds=next(draw) % 20)
            await stage.fire(*(one for one in everything if next(draw) % 16 == 0))
            await stage.run_for(seconds=next(draw) % 20)
        over = {one.name for one in everything if int(one.name[-2:]) % 3 == 0}
        await stage.end(*(one for one in tuple(stage.firing) if one.name in over))
        await stage.run_for(seconds=15)
        world.weather(None)
        await stage.run_for(minutes=15)

        true = {group[0].name: sum(one in stage.firing for one in group) for group in conditions()}
        assert is_true(world.channel("#storm").messages, true)
        assert delivered_twice(world) == []
        assert world.refused_for_pace == 0
        for message in world.channel("#storm").messages:
            if group_of(message) in over:
                assert end_is_told_once(message), [reply.text for reply in message.replies]
        assert any(call.result not in {"ok", ""} for call in world.calls)


async def test_a_storm_over_sockets_is_told_once_and_true(tmp_path: Path) -> None:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(FakeSlack(clock.now))
        slack.add_channel("#storm")
        service = await stack.enter_async_context(running(tmp_path, CONFIGURATION, slack_url=slack.url))
        groups = conditions(REAL_GROUPS, 1000 // REAL_GROUPS)
        since = clock.now()

        async def send(batch: list[Condition], *, is_firing: bool) -> None:
            alerts = [one.said(is_firing=is_firing, since=since, at=clock.now()) for one in batch]
            assert await service.post("/webhook/prometheus", webhook(alerts)) == 200

        everything = [one for alike in zip(*groups, strict=True) for one in alike]
        await asyncio.gather(*(send(everything[at : at + 100], is_firing=True) for at in range(0, 1000, 100)))
        channel = slack.channel("#storm")
        await channel.wait_until(lambda: len(channel.messages) >= 3 or None, "the first words", 10)

        for mood in REAL_WEATHER:
            slack.mood(mood)
        await until(lambda: no_mood_is_left(slack), "Slack has been through all its moods", within=60)
        ended = [one for number, group in enumerate(groups) for one in group[number % EACH :] if number % 2 == 0]
        await asyncio.gather(*(send(ended[at : at + 100], is_firing=False) for at in range(0, len(ended), 100)))
        true = {group[0].name: sum(one not in ended for one in group) for group in groups}
        await channel.wait_until(lambda: says(channel.messages, true), "the truth in every message", 150)

        assert delivered_twice(slack) == []
        assert slack.refused_for_pace == 0
        assert len(channel.messages) >= sum(firing > 0 for firing in true.values())


async def no_mood_is_left(slack: FakeSlack) -> bool | None:
    return not slack.script.lines or None


def says(messages: list[MessageView], true: dict[str, int]) -> bool | None:
    return is_true(messages, true) or None
