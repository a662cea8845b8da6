"""The life of an incident, beside everything else that happens to it: whatever alerts, people, timers, Slack, kills and reloads
do, an act counts once, the response moves only when something moves it, nobody changes what they have no right to, no path loses
an end, and every message is true."""

import re
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, select

from adapters.alert import Severity
from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.core.acts.permission import Actor
from router.core.own_alerts import Declaration
from router.core.view import Phase, Response, State
from router.incidents.declare import Declared
from router.incidents.respond import Answer
from router.store.evaluation import incidents
from router.store.tables import incident, timeline
from rules.model.permission import Role
from tests.machines.stage import STEADY, Stage, alert
from tests.slackworld import moods

RULES = """
routing:
  channel: "#db"
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1m
  repeat_interval: 30m
  acknowledge_within: 20m
  reopen_closed_after: 40m
  page: maria
  actions: {resolve: manager, anyone: note}
people: {maria: {email: maria@example.com}}
"""
PRIVATE = RULES.replace("  page: maria", "  page: maria\n  private: [maria]")
ACTS = (Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE, Verb.SNOOZE, Verb.WAKE, Verb.RESOLVE, Verb.REOPEN, Verb.NOTE, Verb.ASSIGN)
PEOPLE = ("maria", "bob")
TRIES = st.tuples(
    st.sampled_from(ACTS),
    st.sampled_from(PEOPLE),
    st.sampled_from([Role.OBSERVER, Role.RESPONDER, Role.MANAGER, Role.MANAGER, Role.ADMIN]),
)
ANYBODY, MANAGERS = (Verb.NOTE,), (Verb.RESOLVE, Verb.REOPEN)
_LASTS = {Phase.ACKNOWLEDGED: timedelta(minutes=20), Phase.CLOSED: timedelta(minutes=40)}


class Living(RuleBasedStateMachine):
    @initialize(is_private=st.sampled_from([False, False, True]))
    def begin(self, *, is_private: bool) -> None:
        self.is_private = is_private
        self.stage = Stage(PRIVATE if is_private else RULES)
        self.firing: dict[int, Severity] = {}
        self.keys = 0
        self.answered: dict[str, tuple[int, Act, Answer]] = {}
        self.declarations: dict[str, Declared] = {}
        self.before: dict[int, tuple[State, Response]] = {}
        self.moved = True
        """Something happened since the last look that may move a response."""
        self.heard = 0
        self.is_fair, self.has_news = True, False

    @rule(instance=st.integers(1, 3), severity=st.sampled_from([Severity.HIGH, Severity.CRITICAL]))
    def fire(self, instance: int, severity: Severity) -> None:
        self.moved = self.moved or self.firing.get(instance) is not severity
        self.firing[instance], self.has_news = severity, True
        self._take(instance, severity, is_firing=True)

    @rule(instance=st.integers(1, 3))
    def resolve(self, instance: int) -> None:
        severity = self.firing.pop(instance, None)
        if severity is not None:
            self._take(instance, severity, is_firing=False)

    def _take(self, instance: int, severity: Severity, *, is_firing: bool) -> None:
        self.stage.clock.move_to(self.stage.clock.now() + timedelta(milliseconds=1))
        one = alert("Disk", instance, since=self.stage.clock.now(), is_firing=is_firing, severity=severity)
        self.stage.survive(self.stage.sim.take("prometheus", "prometheus", [one]))

    @precondition(lambda self: self.before)
    @rule(tries=st.lists(TRIES, min_size=2, max_size=5), minutes=st.sampled_from([5, 45]))
    def act(self, tries: list[tuple[Verb, str, Role]], minutes: int) -> None:
        number = max(self.before)
        until = self.stage.clock.now() + timedelta(minutes=minutes)
        for verb, by, role in tries:
            self.keys += 1
            people = (by,) if verb is Verb.ASSIGN else ()
            wanted = Act(verb, by=by, note="n", until=until, people=people, actor=Actor(role, by))
            refused, written = self._refused(verb, by, role), self._written()
            answer = self._send(f"k{self.keys}", number, wanted)
            if refused:
                assert not answer.is_done
                assert refused in answer.said
                assert self._written() == written
            else:
                self.moved = True

    def _refused(self, verb: Verb, by: str, role: Role) -> str:
        """A plain reading of the rules above: what is said to who may not; "" to who may."""
        if self.is_private and by != "maria" and role is not Role.ADMIN:
            return "there is no incident"
        if verb in ANYBODY or role in {Role.MANAGER, Role.ADMIN}:
            return ""
        least = "manager" if verb in MANAGERS else "responder"
        return "" if role.value == least else f"takes a {least} here, and you are"

    def _written(self) -> list[tuple[object, ...]]:
        """All that is stored of incidents and of what happened to them."""

        def read(conn: Connection) -> list[tuple[object, ...]]:
            return [tuple(row) for table in (incident, timeline) for row in conn.execute(select(table))]

        return self.stage.run(self.stage.sim.engine.database.read(read))

    @rule(again=st.booleans())
    def declare(self, again: bool) -> None:
        """Somebody declares one; or Slack sends again what somebody declared."""
        if again and not self.declarations:
            return
        key = max(self.declarations) if again else f"d{len(self.declarations)}"
        self.moved = self.has_news = True
        answer = None
        while answer is None:
            answer = self.stage.survive(self.stage.sim.declare(Declaration("It is slow", "bob"), key=key))
        assert answer.number
        assert answer == self.declarations.setdefault(key, answer)

    def _send(self, key: str, number: int, wanted: Act) -> Answer:
        """As Slack does: again, until it is answered."""
        answer = None
        while answer is None:
            answer = self.stage.survive(self.stage.sim.act(number, wanted, key=key))
        self.answered[key] = number, wanted, answer
        return answer

    @precondition(lambda self: self.answered)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.answered)))
        number, wanted, answer = self.answered[key]
        again = self.stage.survive(self.stage.sim.act(number, wanted, key=key))
        assert again in {None, answer}

    @rule(minutes=st.sampled_from([0.2, 1, 6, 11, 25]))
    def pass_time(self, minutes: float) -> None:
        now, span = self.stage.clock.now(), timedelta(minutes=minutes)
        ends = [response.until for _, response in self.before.values() if response.until is not None]
        self.moved = self.moved or any(end <= now + span for end in ends)
        self.stage.survive(self.stage.sim.run_for(span))

    @rule(seed=st.integers(0, 50))
    def weather_turns(self, seed: int) -> None:
        self.is_fair = False
        self.stage.world.weather(moods.foul(seed, share=0.4))

    @rule(kill=st.sampled_from(["before", "after"]))
    def kill_in_the_next_call(self, kill: str) -> None:
        self.is_fair = False
        self.stage.transport.kill = kill

    @rule(away=st.sampled_from([0, 90]))
    def restart(self, away: int) -> None:
        ends = [response.until for _, response in self.before.values() if response.until is not None]
        self.moved = self.moved or any(end <= self.stage.clock.now() + timedelta(seconds=away) for end in ends)
        self.stage.survive(self.stage.sim.restart(away=timedelta(seconds=away)))

    @invariant()
    def only_what_moves_a_response_moves_it(self) -> None:
        if not hasattr(self, "stage"):
            return
        now = self._stored()
        if not self.moved:
            for number, (state, response) in now.items():
                if number in self.before:
                    before = self.before[number][1]
                    assert response == before, f"#{number}: {before} became {response} by itself"
                else:
                    assert response == Response(), f"#{number} begins {response}"
                assert state in State
        self._assert_left_in_peace(now)
        for _, response in now.values():
            if (lasts := _LASTS.get(response.phase)) is not None:
                assert response.at is not None
                assert response.until == response.at + lasts
        self.before, self.moved, self.has_news = now, False, False

    def _assert_left_in_peace(self, now: dict[int, tuple[State, Response]]) -> None:
        """While somebody else works on it nobody is rung but by news, and by the end."""
        heard = [one for one in self.stage.world.sounds_of("maria") if one.conversation == "maria"]
        fresh, self.heard = heard[self.heard :], len(heard)
        works = [one for _, one in now.values() if one.phase in {Phase.ACKNOWLEDGED, Phase.SNOOZED} and one.by == "bob"]
        is_as_before = all(self.before.get(number) == one for number, one in now.items())
        if self.is_fair and works and len(now) == 1 and is_as_before and not self.has_news:
            assert fresh == []

    def _stored(self) -> dict[int, tuple[State, Response]]:
        def read(conn: Connection) -> dict[int, tuple[State, Response]]:
            numbers = conn.execute(select(incident.c.number)).scalars().all()
            found = [incidents.get(conn, number) for number in numbers]
            assert all(one.response == one.view.response for one in found)
            return {one.number: (one.standing.state, one.response) for one in found}

        return self.stage.run(self.stage.sim.engine.database.read(read))

    def teardown(self) -> None:
        if not hasattr(self, "stage"):
            return
        self.stage.transport.kill = ""
        self.stage.world.clear_moods()
        self.stage.run(self.stage.sim.run_for(timedelta(minutes=3)))
        try:
            self.look()
        finally:
            self.stage.close()

    def look(self) -> None:
        world = self.stage.world
        assert world.duplicates() == []
        stored = self._stored()
        # What is said once to a person stays as it was said; the first message to them is kept true.
        shown = [*world.channel("#db").messages, *world.direct("maria").messages[:1]]
        for message in shown:
            found = re.search(r"#(\d+) ", message.text)
            if found is None:
                continue
            state, response = stored[int(found[1])]
            assert message.text.startswith("Resolved") == (state is State.RESOLVED), message.text
            if state is State.RESOLVED:
                continue
            said = message.said
            assert ("acknowledged by" in said) == (response.phase is Phase.ACKNOWLEDGED), said
            assert ("snoozed by" in said) == (response.phase is Phase.SNOOZED), said
            assert ("Closed #" in message.text) == (response.phase is Phase.CLOSED), message.text
        is_open = {number for number, (state, _) in stored.items() if state is State.TRIGGERED}
        declared = {one.number for one in self.declarations.values()}
        assert len(declared) == len(self.declarations)
        closed = {
            number for number, act, answer in self.answered.values() if act.verb is Verb.RESOLVE and answer.is_done
        }
        assert is_open & declared == declared - closed
        assert len(is_open - declared) == bool(self.firing)


Living.TestCase.settings = STEADY
TestLiving = Living.TestCase
