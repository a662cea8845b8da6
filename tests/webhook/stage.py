"""A stage with webhooks of every format, each over a strict receiver on a real socket; time is virtual."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import aiohttp
from sqlalchemy import Connection, select

from router.core.answer import Answer
from router.core.content import Content
from router.core.view import EntryKind, TimelineEntry
from router.notifiers.notifier import Notifier, by_name
from router.notifiers.webhook.client import WebhookClient, open_session
from router.notifiers.webhook.endpoint import Endpoint
from router.notifiers.webhook.notifier import WebhookNotifier
from router.store.evaluation import incidents
from router.store.tables import message
from rules.model.webhook import Fallback, Format
from tests.machines.stage import Killed, Stage
from tests.receivers import Receiver
from tests.webhook.endpoints import endpoint, receiver, settings

WEBHOOKS = """
webhooks:
  phone: {format: pagerduty-v2, routing_key: {env: PD}}
  genie: {format: opsgenie-v2, api_key: {env: GENIE}}
  relay: {format: alertmanager-v4, url: "https://relay.example"}
  tickets: {format: json, url: "https://tickets.example"}
people: {maria: {email: maria@example.com}}
"""
NAMES = {kind: settings(kind, "").name for kind in Format}


class Deadly(WebhookNotifier):
    """When told to, the process is killed in the next call: before or after the receiver has it."""

    kill = ""

    async def post(self, channel: str, content: Content, key: str, *, ts: str = "") -> Answer:
        kill, self.kill = self.kill, ""
        if kill == "before":
            raise Killed
        answer = await super().post(channel, content, key, ts=ts)
        if kill == "after":
            raise Killed
        return answer


class WebhookStage(Stage):
    def __init__(self, rules: str, *, fallback: Fallback | None = None) -> None:
        super().__init__(rules + WEBHOOKS, fallback=fallback)
        self.receivers: dict[Format, Receiver] = {}
        self.notifiers: dict[Format, Deadly] = {}
        self.refusals: list[Format] = []
        self.session = self.run(self._session())
        client = WebhookClient(self.session, self.clock)
        for kind in Format:
            there = self.receivers[kind] = receiver(kind)
            self.run(there.__aenter__())
            self.notifiers[kind] = Deadly(
                NAMES[kind],
                client,
                endpoint=partial(self._endpoint, kind),
                on_refused=partial(self.refusals.append, kind),
            )
        ways: list[Notifier] = [self.transport, *self.notifiers.values()]
        self.sim._notifiers = tuple(ways)
        self.sim.engine.notifiers = by_name(ways)

    @staticmethod
    async def _session() -> aiohttp.ClientSession:
        """The one wait in real time: where machines are busy, connecting to loopback takes more than a moment."""
        return open_session(timeout=timedelta(seconds=2))

    def _endpoint(self, kind: Format) -> Endpoint:
        return endpoint(kind, self.receivers[kind].url)

    def wait(self, seconds: float) -> None:
        self.run(self.sim.run_for(timedelta(seconds=seconds)))

    def timeline(self, number: int = 1) -> list[TimelineEntry]:
        def read(conn: Connection) -> list[TimelineEntry]:
            return [said.entry for said in incidents.entries(conn, number)]

        return self.run(self.sim.engine.database.read(read))

    def kinds(self, number: int = 1) -> list[EntryKind]:
        return [entry.kind for entry in self.timeline(number)]

    def owed(self) -> int:
        def read(conn: Connection) -> int:
            behind = (message.c.notified_version < message.c.version) | message.c.delivery_id.is_not(None)
            return len(conn.execute(select(message.c.id).where(~message.c.is_over, behind)).all())

        return self.run(self.sim.engine.database.read(read))

    def close(self) -> None:
        for there in self.receivers.values():
            assert there.problems == [], there.problems
            self.run(there.__aexit__())
        self.run(self.session.close())
        super().close()


@contextmanager
def webhook_stage(rules: str, *, fallback: Fallback | None = None) -> Iterator[WebhookStage]:
    made = WebhookStage(rules, fallback=fallback)
    try:
        yield made
    finally:
        made.close()
