"""What does not come is an alert: exactly when a sign of life is overdue by time that we listened, and until the next one.
The model knows signs, ticks and gaps; it shares no code with the store."""

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import Connection, select

from router.store.tables import alert as stored_alert
from tests.machines.stage import START, STEADY, Stage, alert

OVERDUE = timedelta(minutes=6)
TICK = timedelta(seconds=10)
RULES = """
sources: {prometheus: {adapter: prometheus, auth: none, silent_after: none}}
heartbeats: {job: {match: ['alertname = Job'], every: 5m, grace: 1m}}
routing: {channel: "#db", group_by: [alertname]}
"""


class Waiting(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.stage = Stage(RULES)
        self.signs = [START]
        """When it was heard of; at first, since when it is expected."""
        self.listening_since = START
        self.was_missing = False

    @rule(is_firing=st.booleans(), name=st.sampled_from(["Job", "Job", "Other"]))
    def send(self, is_firing: bool, name: str) -> None:  # hypothesis passes it by name
        now = self.stage.clock.now()
        self.stage.run(
            self.stage.sim.take("prometheus", "prometheus", [alert(name, 1, since=START, is_firing=is_firing)])
        )
        if name == "Job":
            self.signs.append(now)

    @rule(seconds=st.sampled_from([5, 35, 130, 355, 365]))
    def pass_time(self, seconds: int) -> None:
        self.stage.run(self.stage.sim.run_for(timedelta(seconds=seconds)))
        self.look()

    @rule(away=st.sampled_from([0, 5, 60, 1000]))
    def restart(self, away: int) -> None:
        self.look()
        ticked = self.stage.clock.now() - TICK
        self.signs = [at for at in self.signs if at <= ticked] or [START]
        self.stage.run(self.stage.sim.restart(away=timedelta(seconds=away)))
        if away > 30:
            self.listening_since = self.stage.clock.now()
        self.look()

    def look(self) -> None:
        now = self.stage.clock.now()
        is_missing = self.stage.run(self.stage.sim.engine.database.read(_is_missing))
        last = self.signs[-1]
        begun = max(last, self.listening_since)
        if is_missing and not self.was_missing:
            assert now >= begun + OVERDUE - TICK, f"missing {now - begun} after the last sign, or since we listen"
        if self.was_missing and not is_missing:
            assert self.missing_at <= last + TICK, "it is not missing any more, and nobody has heard of it"
        if not is_missing and not self.was_missing:
            assert now <= begun + OVERDUE + 2 * TICK, f"not missing {now - begun} after the last sign"
        if is_missing and self.was_missing:
            assert last <= self.missing_at or now <= last + 2 * TICK, "missing, although it was heard of"
        if is_missing and not self.was_missing:
            self.missing_at = now
        self.was_missing = is_missing

    missing_at: datetime = START

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.stage.close()


def _is_missing(conn: Connection) -> bool:
    query = select(stored_alert.c.id).where(stored_alert.c.name == "HeartbeatMissing", stored_alert.c.is_firing)
    return conn.execute(query).first() is not None


Waiting.TestCase.settings = STEADY
TestWaiting = Waiting.TestCase
