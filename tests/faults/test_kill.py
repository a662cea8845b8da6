"""`kill -9` at random instants under load: what was answered 2xx is there, what was told firing is told its end, once."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path

import aiohttp

from router.runtime.clock import SystemClock
from tests.acceptance.stage import Condition, webhook
from tests.acceptance.truth import delivered_twice, end_is_told_once, group_of
from tests.process import RouterProcess, running
from tests.slackworld import ChannelView, FakeSlack

KILLS, SEED = 7, 20
CHANNELS, GROUPS = 8, 3
"""So many groups in each channel."""
CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: {token: {env: SLACK_BOT_TOKEN}, api_url: "<slack>"}
sources: {prometheus: {adapter: prometheus, auth: none}}
routing:
  channel: none
  group_by: [alertname, team]
  group_wait: 0s
  group_interval: 5s
  routes:
"""
ROUTE = "    - {name: NAME, match: ['team = NAME'], channel: \"#NAME\"}\n"


def numbers() -> Iterator[int]:
    drawn = 0
    while True:
        drawn += 1
        yield int.from_bytes(blake2b(f"{SEED}:{drawn}".encode(), digest_size=8).digest())


class Load:
    """One sender that goes on whatever happens, and remembers what was answered 2xx."""

    def __init__(self, service: RouterProcess) -> None:
        self._service = service
        self._clock = SystemClock()
        self.accepted: dict[str, bool] = {}
        """instance → whether the last word of it that was answered 2xx is that it fires."""
        self.doubtful: set[str] = set()
        """The answer to their last word was lost: it may have been taken."""
        self.said: dict[str, Condition] = {}
        self.refused = 0
        self.is_enough = False
        """Stop after the request that is under way: one that is cut off may be taken later than we look."""
        self._sent = 0
        self._since: dict[str, datetime] = {}

    async def run(self) -> None:
        while not self.is_enough:
            await self.send_one()

    async def send_one(self) -> None:
        number = self._sent % 400
        team, group = number % CHANNELS, number // CHANNELS % GROUPS
        condition = Condition(f"Killed{group}", f"web-{number}", "high", (("team", f"t{team}"),))
        # An instance fires on its first turn and mostly ends on its second; it comes back with another start.
        is_firing = self._sent // 400 % 2 == 0
        self._sent += 1
        await self.say(condition, is_firing=is_firing)

    async def say(self, condition: Condition, *, is_firing: bool) -> None:
        now = self._clock.now()
        if is_firing:
            self._since[condition.instance] = now
        alert = condition.said(is_firing=is_firing, since=self._since[condition.instance], at=now)
        self.doubtful.add(condition.instance)
        self.said[condition.instance] = condition
        try:
            status = await self._service.post("/webhook/prometheus", webhook([alert]))
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            self.refused += 1
            await asyncio.sleep(0.01)
            return
        assert status == 200
        self.accepted[condition.instance] = is_firing
        self.doubtful.discard(condition.instance)


async def test_nothing_accepted_is_lost_and_every_end_is_told_once(tmp_path: Path) -> None:
    draw = numbers()
    teams = [f"t{number}" for number in range(CHANNELS)]
    async with FakeSlack(SystemClock().now) as slack:
        for team in teams:
            slack.add_channel(team)
        text = CONFIGURATION + "".join(ROUTE.replace("NAME", team) for team in teams)
        async with running(tmp_path, text, slack_url=slack.url) as service:
            load = Load(service)
            sender = asyncio.create_task(load.run())
            for _ in range(KILLS):
                await asyncio.sleep(next(draw) % 1000 / 1000)
                await service.kill()
                await service.start()
            load.is_enough = True
            await sender
            assert load.refused >= KILLS

            known = {alert["labels"]["instance"]: alert for alert in await service.all("alerts")}
            lost = {
                instance: is_firing
                for instance, is_firing in load.accepted.items()
                if instance not in load.doubtful
                and (instance not in known or (known[instance]["status"] == "firing") != is_firing)
            }
            assert lost == {}

            for instance, alert in known.items():
                if alert["status"] == "firing":
                    await load.say(load.said[instance], is_firing=False)
                    while instance in load.doubtful:  # a sender whose connection broke says it again
                        await load.say(load.said[instance], is_firing=False)
            channels = [slack.channel(team) for team in teams]
            for channel in channels:
                await channel.wait_until(partial(are_over, channel), "every end", 100)
            assert delivered_twice(slack) == []
            assert sum(len(channel.messages) for channel in channels) > CHANNELS
            for channel in channels:
                names = [group_of(message) for message in channel.messages]
                assert len(set(names)) == len(names)
            assert slack.refused_for_pace == 0


def are_over(channel: ChannelView) -> bool | None:
    """Each message says so at the top and in its thread."""
    messages = channel.messages
    return all(message.text.startswith("Resolved ") and end_is_told_once(message) for message in messages) or None
