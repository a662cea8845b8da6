"""A virtual clock, a world on it, and our client over that world."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from router.core.view import Rendered
from router.notifiers.slack.client import SlackClient
from router.notifiers.tag import Tag
from tests.slackworld import FakeTransport, SlackWorld

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class HandClock:
    """Time goes on when a test says so, or when somebody sleeps."""

    def __init__(self) -> None:
        self.passed = timedelta(0)

    def now(self) -> datetime:
        return START + self.passed

    def monotonic(self) -> float:
        return self.passed.total_seconds()

    async def sleep(self, delay: timedelta) -> None:
        self.passed += delay
        await asyncio.sleep(0)

    def advance(self, **parts: float) -> None:
        self.passed += timedelta(**parts)


def tag(delivery_id: str = "d-1", *, group_key: str = "db") -> Tag:
    return Tag(instance="prod", delivery_id=delivery_id, incident=42, group_key=group_key)


def said(text: str = "CRITICAL #42 InstanceDown") -> Rendered:
    return Rendered(text=text, blocks=({"type": "section", "text": {"type": "mrkdwn", "text": f"*{text}*"}},))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def world(clock: HandClock) -> SlackWorld:
    made = SlackWorld(clock.now)
    made.add_person("maria", slack_id="U0MARIA")
    made.add_person("jonas", slack_id="U0JONAS")
    made.add_channel("#db", members=("maria", "jonas"), slack_id="C0DB000")
    return made


@pytest.fixture
def slack(world: SlackWorld, clock: HandClock) -> SlackClient:
    return FakeTransport(world, clock).client
