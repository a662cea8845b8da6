"""Promise 6, silence is not an end: no alert expires while its source is silent or we are away, and one that its living
sender has dropped does. The model knows words, ticks and gaps; it shares no code with the store."""

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import Connection, select

from router.store.evaluation.members import decode_document
from router.store.tables import alert as stored_alert
from tests.machines.stage import START, STEADY, Stage, alert

SOURCES = ("prometheus", "mimir")
TTLS = (timedelta(seconds=60), timedelta(minutes=4))
TICK = timedelta(seconds=10)


class Model:
    """One alert as its sender and we know it."""

    def __init__(self, source: str, ttl: timedelta, since: datetime) -> None:
        self.source, self.ttl, self.since, self.word_at = source, ttl, since, since


class Listening(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.stage = Stage('routing: {channel: "#db", group_by: [alertname]}\n')
        self.alerts: dict[int, Model] = {}
        self.heard: dict[str, list[datetime]] = {source: [] for source in SOURCES}
        self.noted: dict[str, list[datetime]] = {source: [] for source in SOURCES}
        """What was heard and written down: a word since the last tick goes with the process, and nothing ends by that."""
        self.listening_since = START

    def _say(self, source: str, *instances: int) -> None:
        now = self.stage.clock.now()
        drafts = [
            alert("Down", instance, since=self.alerts[instance].since, ttl=self.alerts[instance].ttl)
            for instance in instances
        ]
        self.heard[source].append(now)
        self.noted[source].append(now)
        for instance in instances:
            self.alerts[instance].word_at = now
        self.stage.run(self.stage.sim.take(source, "prometheus", drafts))

    @rule(instance=st.integers(1, 4), ttl=st.sampled_from(TTLS))
    def send(self, instance: int, ttl: timedelta) -> None:
        """Fires, or is sent again; each alert belongs to one source for good."""
        self.look()
        source = SOURCES[instance % 2]
        if instance not in self.alerts:
            self.alerts[instance] = Model(source, ttl, self.stage.clock.now())
        self._say(source, instance)

    @rule(source=st.sampled_from(SOURCES))
    def speak(self, source: str) -> None:
        self.stage.clock.move_to(self.stage.clock.now() + timedelta(milliseconds=1))
        self._say(source)

    @rule(seconds=st.sampled_from([5, 35, 61, 130, 245, 600]))
    def pass_time(self, seconds: int) -> None:
        self.stage.run(self.stage.sim.run_for(timedelta(seconds=seconds)))
        self.look()

    @rule(away=st.sampled_from([0, 5, 60, 1000]))
    def restart(self, away: int) -> None:
        self.look()
        ticked = self.stage.clock.now() - TICK
        self.noted = {source: [at for at in heard if at <= ticked] for source, heard in self.noted.items()}
        self.stage.run(self.stage.sim.restart(away=timedelta(seconds=away)))
        if away > 30:
            self.listening_since = self.stage.clock.now()
        self.look()

    def look(self) -> None:
        now = self.stage.clock.now()
        standing = self.stage.run(self.stage.sim.engine.database.read(_firing))
        for instance, model in list(self.alerts.items()):
            # A word renews the time to live only when half of it is used: it may lie that much earlier.
            earliest = model.word_at + model.ttl / 2
            latest = model.word_at + model.ttl
            listened = now - self.listening_since
            if not standing[instance]:
                assert now >= earliest, f"{instance} ended {now - model.word_at} after its last word"
                assert listened >= model.ttl, f"{instance} ended although we had listened for {listened} only"
                assert any(at > earliest for at in self.heard[model.source]), f"{instance}: {model.source} was silent"
                del self.alerts[instance]
            elif listened >= model.ttl + 2 * TICK and latest + 2 * TICK <= now:
                recent = [at for at in self.noted[model.source] if latest < at <= now - 2 * TICK]
                assert not recent, f"{instance} still fires, {now - latest} after its time"

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.stage.close()


def _firing(conn: Connection) -> dict[int, bool]:
    rows = conn.execute(select(stored_alert.c.document, stored_alert.c.is_firing))
    return {int(decode_document(row.document).labels["instance"]): row.is_firing for row in rows}


Listening.TestCase.settings = STEADY
TestListening = Listening.TestCase
