"""A `respond` that remembers what it was given and answers what the test says."""

import asyncio

from router.notifiers.slack.inbound.response import Response, Taken
from router.notifiers.slack.inbound.values import Inbound


class Recorder:
    def __init__(self) -> None:
        self.heard: list[Inbound] = []
        self.answer: Response = Taken()
        self.stumbles = False
        self.was_asked = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self, inbound: Inbound) -> Response:
        self.heard.append(inbound)
        self.was_asked.set()
        await self.may_go_on.wait()
        if self.stumbles:
            raise RuntimeError("the database is away")
        return self.answer
