"""The direct front of the fake Slack: the real client over a wire that calls the world, for tests on a virtual clock."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

from router.notifiers.slack.client import SlackClient
from router.notifiers.slack.errors import CallFault, Reply
from router.notifiers.slack.notifier import SlackNotifier
from router.runtime.clock import Clock
from tests.slackworld.moods import Says
from tests.slackworld.workspace import TOKEN, WORKSPACE_URL
from tests.slackworld.world import SlackWorld

CALL_TIMEOUT = timedelta(seconds=10)


class FakeTransport(SlackNotifier):
    """The Slack notifier over a SlackWorld, without sockets.

    A stalled call takes its ten seconds and a slow one its own on `clock`, by `clock.sleep`. With `is_instant` they
    are answered at once, for tests that step the clock themselves while a call is awaited.
    """

    def __init__(
        self,
        world: SlackWorld,
        clock: Clock,
        *,
        token: Callable[[], str] = lambda: TOKEN,
        is_instant: bool = False,
    ) -> None:
        self.world = world
        self._fake_clock = clock
        self._fake_token = token
        self._is_instant = is_instant
        super().__init__(SlackClient(self._serve, clock), name="T000001", workspace_url=lambda: WORKSPACE_URL)

    async def _serve(self, method: str, form: Mapping[str, str]) -> Reply | CallFault:
        served = self.world.serve(method, dict(form), token=self._fake_token())
        match served.says:
            case Says.UNREACHABLE:
                return CallFault(error="cannot connect (fake)", is_written=False)
            case Says.RESET:
                return CallFault(error="connection lost (fake)", is_written=True)
            case Says.SILENCE:
                await self._pass(CALL_TIMEOUT)
                return CallFault(error="no answer in time", is_written=True)
            case _:
                await self._pass(min(served.after, CALL_TIMEOUT))
        if served.after > CALL_TIMEOUT:
            return CallFault(error="no answer in time", is_written=True)
        try:
            body = json.loads(served.body)
        except ValueError:
            body = None
        headers = {name.lower(): value for name, value in served.headers.items()}
        return Reply(status=served.status, headers=headers, body=body if isinstance(body, dict) else None)

    async def _pass(self, wait: timedelta) -> None:
        if wait and not self._is_instant:
            await self._fake_clock.sleep(wait)
