"""The life of an incident, beside everything else that happens to it: whatever alerts, people, timers, Slack, kills and reloads
do, an act counts once, the response moves only when something moves it, nobody changes what they have no right to, no path loses
an end, and every message is true."""

import re
from datetime import timedelta

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, select

from adapters.alert import Severity
from router.core.acts import life
from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.core.acts.permission import Actor
from router.core.own_alerts import Declaration
from router.core.view import EntryKind, Limit, Phase, Response, State
from router.incidents.declare import Declared
from router.incidents.respond import Answer
from router.store.evaluation import incidents
from router.store.tables import incident, timeline
from rules.model.permission import Role
from rules.model.route import Page, PageKind, Sla
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
  sla: {acknowledge: 15m, resolve: 50m}
people: {maria: {email: maria@example.com}, chris: {email: chris@example.com}}
escalation: {late: {steps: [{person: chris}, {after: 10m, person: maria}]}}
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
REACHES = (
    Act(Verb.ESCALATE),
    Act(Verb.ESCALATE, pages=(Page("chris", PageKind.PERSON),)),
    Act(Verb.ESCALATE, pages=(Page("late", PageKind.POLICY),)),
    Act(Verb.ADD_RESPONDER, pages=(Page("chris", PageKind.PERSON), Page("maria", PageKind.PERSON))),
)
SLA = Sla(timedelta(minutes=15), timedelta(minutes=50))
_LASTS = {Phase.ACKNOWLEDGED: timedelta(minutes=20), Phase.CLOSED: timedelta(minutes=40)}


class Living(RuleBasedStateMachine):
    @initialize(is_private=st.sampled_from([False, False, True]))
    def begin(self, *, is_private: bool) -> None:
        self.is_private = is_private
        self.seers: set[tuple[int, str]] = set()
        self.stage = Stage(PRIVATE if is_private else RULES)
        self.stage.world.add_person("chris")
        self.firing: dict[int, Severity] = {}
        self.keys = 0
        self.answered: dict[str, tuple[int, Act, Answer]] = {}
        self.declarations: dict[str, Declared] = {}
        self.before: dict[int, tuple[State, Response]] = {}
        self.moved = True
        """Something happened since the last look that may move a response."""
        self.heard = 0
        self.reached: set[int] = set()
        """Incidents that somebody named people for."""
        self.is_fair, self.has_news = True, False
        self.has_word = False
        """An alert has spoken, and its group may be looked at a second later only."""

    @rule(instance=st.integers(1, 3), severity=st.sampled_from([Severity.HIGH, Severity.CRITICAL]))
    def fire(self, instance: int, severity: Severity) -> None:
        self.moved = self.moved or self.firing.get(instance) is not severity
        self.firing[instance], self.has_news, self.has_word = severity, True, True
        self._take(instance, severity, is_firing=True)

    @rule(instance=st.integers(1, 3))
    def resolve(self, instance: int) -> None:
        severity = self.firing.pop(instance, None)
        if severity is not None:
            self.has_word = True
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
            refused, written = self._refused(number, verb, by, role), self._written()
            answer = self._send(f"k{self.keys}", number, wanted)
            if refused:
                assert not answer.is_done
                assert refused in answer.said
                assert self._written() == written
            else:
                self.moved = True
                if verb is Verb.ASSIGN:
                    self.seers.add((number, by))

    def _refused(self, number: int, verb: Verb, by: str, role: Role) -> str:
        """A plain reading of the rules above: what is said to who may not; "" to who may."""
        is_seen = by == "maria" or (number, by) in self.seers
        if self.is_private and not is_seen and role is not Role.ADMIN:
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

    @rule(wanted=st.sampled_from(REACHES), by=st.sampled_from(PEOPLE))
    def reach(self, wanted: Act, by: str) -> None:
        """Somebody is paged because somebody says so. A moment after what was before: what came with an acknowledgement is
        overtaken by it."""
        numbers = sorted(self.before)
        if not numbers:
            return
        self.keys += 1
        self.stage.clock.move_to(self.stage.clock.now() + timedelta(milliseconds=1))
        self.moved, self.has_news = True, True
        key = f"k{self.keys}"
        self._send(key, numbers[-1], msgspec.structs.replace(wanted, by=by, actor=Actor(Role.ADMIN, by)))
        answer = self.answered[key][2]
        state, response = self._stored()[numbers[-1]]
        if answer.is_done and wanted.pages:
            assert state is State.TRIGGERED
            self.reached.add(numbers[-1])
            if wanted.verb is Verb.ADD_RESPONDER:
                assert set(response.responders) == {"chris", "maria"}
        elif wanted.pages:
            assert "already" in answer.said or state is State.RESOLVED or "it is over" in answer.said, answer

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
        self.moved = self.moved or self.has_word or any(end <= now + span for end in ends)
        self.has_word = False
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
        until = self.stage.clock.now() + timedelta(seconds=away)
        self.moved = self.moved or self.has_word or any(end <= until for end in ends)
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
                    assert _acted(response) == _acted(before), f"#{number}: {before} became {response} by itself"
                else:
                    assert _acted(response) == Response(), f"#{number} begins {response}"
                assert state in State
        for number, (_, response) in now.items():
            before = self.before.get(number, (State.TRIGGERED, Response()))[1]
            assert set(before.met) <= set(response.met), "what was asked about a limit is asked once"
            assert set(before.missed) <= set(response.missed)
            assert len({*response.met, *response.missed}) == len(response.met) + len(response.missed)
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

    def _assert_no_limit_is_forgotten(self, conn: Connection) -> None:
        """Once its time is over it was asked, unless it waits; and what was missed stands in the timeline once."""
        late = {Limit.ACKNOWLEDGE: EntryKind.SLA_ACKNOWLEDGE, Limit.RESOLVE: EntryKind.SLA_RESOLVE}
        for number in conn.execute(select(incident.c.number)).scalars().all():
            one = incidents.get(conn, number)
            left = life.limits(SLA, one.opened_at, one.standing.state, one.response)
            assert all(at > self.stage.clock.now() for at, _ in left), left
            kinds = [line.entry.kind for line in incidents.entries(conn, number)]
            assert all(kinds.count(kind) == (limit in one.response.missed) for limit, kind in late.items())

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
        shown = [
            *world.channel("#db").messages,
            *world.direct("maria").messages[:1],
            *world.direct("chris").messages[:1],
        ]
        for number in self.reached:
            told = [one.text for one in world.direct("chris").messages if f"#{number} " in one.text]
            state, response = stored[number]
            # One who was paged only in name, because somebody had it in hand before they could be told, heard nothing.
            assert not told or told[0].startswith("Resolved") == (state is State.RESOLVED), told
            assert ("chris" in response.responders) <= bool(told or not self.is_fair), response
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
            is_closed = message.text.removeprefix("You are paged: ").startswith("Closed")
            assert is_closed == (response.phase is Phase.CLOSED), message.text
            assert ("not acknowledged in time" in said) == (Limit.ACKNOWLEDGE in response.missed), said
            assert ("not resolved in time" in said) == (Limit.RESOLVE in response.missed), said
        self.stage.run(self.stage.sim.engine.database.read(self._assert_no_limit_is_forgotten))
        is_open = {number for number, (state, _) in stored.items() if state is State.TRIGGERED}
        declared = {one.number for one in self.declarations.values()}
        assert len(declared) == len(self.declarations)
        closed = {
            number for number, act, answer in self.answered.values() if act.verb is Verb.RESOLVE and answer.is_done
        }
        assert is_open & declared == declared - closed
        assert len(is_open - declared) == bool(self.firing)


def _acted(response: Response) -> Response:
    """Without what time alone makes of it."""
    return msgspec.structs.replace(response, met=(), missed=())


Living.TestCase.settings = STEADY
TestLiving = Living.TestCase
