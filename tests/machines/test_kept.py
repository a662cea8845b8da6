"""Promise 1, accepted means kept: whatever was answered as accepted stands after a kill; an end never gets lost either."""

import asyncio
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import Connection, select

from router.intake.intake import Receipt
from router.runtime.clock import to_ms
from router.store.evaluation.members import decode_document
from router.store.tables import alert as stored_alert
from tests.machines.stage import STEADY, Stage, alert
from tests.scenarios.player import Ready

Word = tuple[datetime, bool]
"""(since, is firing): later words are greater or end the same episode."""


class Keeping(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.stage = Stage('routing: {channel: "#db", group_by: [alertname]}\n')
        self.accepted: dict[int, Word] = {}
        self.sent: dict[int, Word] = {}

    def _next_word(self, instance: int) -> tuple[Word, Ready]:
        """Each alert fires, ends, fires again: a word is never older than one that was sent before."""
        since, was_firing = self.sent.get(instance, (self.stage.clock.now(), False))
        word = (since, False) if was_firing else (self.stage.clock.now(), True)
        self.sent[instance] = word
        return word, alert("Down", instance, since=word[0], is_firing=word[1])

    @rule(instances=st.lists(st.integers(1, 30), min_size=1, max_size=20, unique=True))
    def send(self, instances: list[int]) -> None:
        self.stage.clock.move_to(self.stage.clock.now() + timedelta(seconds=1))
        words = [(instance, *self._next_word(instance)) for instance in instances]
        receipt = self.stage.run(self.stage.sim.take("prometheus", "prometheus", [ready for _, _, ready in words]))
        assert receipt.accepted == len(words)
        self.accepted |= {instance: word for instance, word, _ in words}

    @rule(
        requests=st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=9, unique=True), min_size=1, max_size=12),
        turns=st.integers(0, 12),
    )
    def send_at_once_and_kill(self, requests: list[list[int]], turns: int) -> None:
        self.stage.clock.move_to(self.stage.clock.now() + timedelta(seconds=1))
        seen: set[int] = set()
        batches = []
        for request in requests:
            fresh = [instance for instance in request if instance not in seen]
            seen.update(fresh)
            batches.append([(instance, *self._next_word(instance)) for instance in fresh])
        answered = self.stage.run(self._until_killed(batches, turns))
        for batch, receipt in zip(batches, answered, strict=True):
            if receipt is not None:
                self.accepted |= {instance: word for instance, word, _ in batch}

    async def _until_killed(self, batches: list[list[tuple[int, Word, Ready]]], turns: int) -> list[Receipt | None]:
        intake = self.stage.sim.engine.intake
        now = self.stage.clock.now()
        tasks = [
            asyncio.ensure_future(intake.take("prometheus", "prometheus", [ready for _, _, ready in batch], now))
            for batch in batches
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
        answered = [task.result() if task.done() else None for task in tasks]
        self.stage.drop_queue()
        everybody = asyncio.all_tasks() - {asyncio.current_task()}
        for task in everybody:
            task.cancel()
        await asyncio.gather(*everybody, return_exceptions=True)
        await self.stage.sim.restart(away=timedelta(seconds=1))
        return answered

    @rule()
    def restart(self) -> None:
        self.stage.run(self.stage.sim.restart())

    @rule(seconds=st.sampled_from([1, 15, 400]))
    def pass_time(self, seconds: int) -> None:
        self.stage.run(self.stage.sim.run_for(timedelta(seconds=seconds)))

    def teardown(self) -> None:
        if not hasattr(self, "stage"):
            return
        try:
            self.stage.run(self.stage.sim.restart())
            standing = self.stage.run(self.stage.sim.engine.database.read(_standing))
            for instance, word in self.accepted.items():
                since, is_firing = word
                order = 2 * to_ms(since) + (not is_firing)
                assert instance in standing, f"{instance} was accepted and is gone"
                assert standing[instance][0] >= order, f"{instance}: {word} was answered and is gone"
                assert standing[instance][0] > order or standing[instance][1] == is_firing
            self.stage.run(self.stage.sim.run_for(timedelta(minutes=10)))
            firing = sum(is_firing for _, is_firing in standing.values())
            told = [message for message in self.stage.world.channel("#db").messages if "Resolved" not in message.text]
            assert len(told) == (firing > 0)
            assert firing < 2 or f"×{firing}" in told[0].text
        finally:
            self.stage.close()


def _standing(conn: Connection) -> dict[int, tuple[int, bool]]:
    """Instance -> (order, is firing)."""
    rows = conn.execute(select(stored_alert.c.document, stored_alert.c.order_no, stored_alert.c.is_firing))
    return {int(decode_document(row.document).labels["instance"]): (row.order_no, row.is_firing) for row in rows}


Keeping.TestCase.settings = settings(STEADY, max_examples=12)  # each kill makes an engine anew
TestKeeping = Keeping.TestCase
