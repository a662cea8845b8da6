"""What is kept of a group's size is its size: after every step of random histories the counts equal a recount, and each
alert stands as its sender, the maintenances, the silences and the inhibitions have it."""

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sqlalchemy import Connection, select

from adapters.alert import Severity
from router.core.acts.silence import Silence, Wanted
from router.core.member import MemberState
from router.store import group_counts, retention
from router.store.tables import alert as stored_alert
from router.store.tables import alert_group, group_count, membership
from rules.model.matcher import all_match, parse
from rules.model.ruleset import Retention
from tests.machines.stage import START, STEADY, Stage, alert, sibling
from tests.scenarios.player import ruleset

ROUTING = 'routing: {channel: "#db", group_by: [alertname], group_wait: 5s, repeat_interval: none}\n'
BY_SEVERITY = (
    "routing: {channel: \"#db\", group_by: [alertname], routes: [{name: p1, match: ['alert.severity = critical']}]}\n"
)
INHIBIT = "inhibit: [{name: down, while: ['alertname = Down'], hold: ['alertname != Down'], equal: [instance]}]\n"
BOTH_SIDES = (
    "inhibit: [{name: worse, while: ['alert.severity = critical'], hold: ['alertname =~ .+'], equal: [instance]}]\n"
)
MAINTENANCE = (
    "maintenance: [{name: upgrade, match: ['instance = 1'], from: 2026-11-02T12:10Z, until: 2026-11-02T12:30Z},"
    " {name: move, match: ['alertname = Slow'], from: 2026-11-02T12:20Z, until: 2026-11-02T12:40Z}]\n"
)
QUIET = (
    'routing: {channel: "#db", group_by: [alertname], quiet: [noon]}\nwindows: {noon: {hours: "12:15-12:25"}}\n'
    + INHIBIT
)
RULES = (ROUTING, ROUTING + INHIBIT, ROUTING + INHIBIT + MAINTENANCE, BY_SEVERITY + BOTH_SIDES, QUIET)
NAMES = ("Down", "Slow", "Lag")


class Counting(RuleBasedStateMachine):
    @initialize(rules=st.sampled_from(RULES))
    def begin(self, rules: str) -> None:
        self.in_force = ruleset(rules)
        self.stage = Stage(rules)
        self.firing: dict[tuple[str, int], datetime] = {}
        self.siblings: dict[tuple[int, Severity], datetime] = {}
        self.silences: list[Silence] = []

    @rule(
        which=st.lists(
            st.tuples(st.sampled_from(NAMES), st.integers(1, 3), st.sampled_from(list(Severity)[:3])),
            min_size=1,
            max_size=6,
        )
    )
    def fire(self, which: list[tuple[str, int, Severity]]) -> None:
        now = self.stage.clock.now()
        words = [
            alert(name, number, since=self.firing.setdefault((name, number), now), severity=severity)
            for name, number, severity in which
        ]
        self.stage.run(self.stage.sim.take("prometheus", "prometheus", words))
        self.look()

    @rule(which=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 3)), min_size=1, max_size=4))
    def resolve(self, which: list[tuple[str, int]]) -> None:
        over = [(name, number, self.firing.pop((name, number), None)) for name, number in which]
        words = [alert(name, number, since=at, is_firing=False) for name, number, at in over if at is not None]
        self.stage.run(self.stage.sim.take("prometheus", "prometheus", words))
        self.look()

    @rule(
        which=st.lists(
            st.tuples(st.integers(1, 2), st.sampled_from(list(Severity)[:3]), st.booleans()), min_size=1, max_size=4
        )
    )
    def siblings_come_and_go(self, which: list[tuple[int, Severity, bool]]) -> None:
        now, words = self.stage.clock.now(), []
        for number, severity, is_firing in which:
            since = self.siblings.setdefault((number, severity), now)
            words.append(sibling("Twin", number, severity, since=since, is_firing=is_firing))
            if not is_firing:
                del self.siblings[number, severity]
        self.stage.run(self.stage.sim.take("prometheus", "prometheus", words))
        self.look()

    @rule(number=st.integers(1, 3))
    def fire_briefly(self, number: int) -> None:
        """It ends because its sender does not send it any more."""
        one = alert("Lag", 10 + number, since=self.stage.clock.now(), ttl=timedelta(seconds=30))
        self.stage.run(self.stage.sim.take("prometheus", "prometheus", [one]))
        self.look()

    @rule(seconds=st.sampled_from([1, 6, 45, 300, 700]))
    def pass_time(self, seconds: int) -> None:
        self.stage.run(self.stage.sim.run_for(timedelta(seconds=seconds)))
        self.look()

    @rule(
        match=st.sampled_from(
            ["instance = 1", "alertname = Slow", "alertname =~ D.*", "instance != 2, alertname = Lag"]
        ),
        begins=st.sampled_from([-5, 0, 60, 400]),
        lasts=st.sampled_from([30, 300, 2_000]),
        changes=st.integers(0, 3),
    )
    def silence(self, match: str, begins: int, lasts: int, changes: int) -> None:
        """A new one; or one that there is becomes this."""
        starts = self.stage.clock.now() + timedelta(seconds=begins)
        number = self.silences[-changes].id if 0 < changes <= len(self.silences) else ""
        wanted = Wanted(parse(match), starts, starts + timedelta(seconds=lasts), "maria", "", number)
        made = self.stage.run(self.stage.sim.silence(wanted))
        self.silences = [self.stage.run(self.stage.sim.engine.silences.get(one.id)) for one in self.silences]
        if made.id not in {one.id for one in self.silences}:
            self.silences.append(made)
        self.look()

    @rule(which=st.integers(0, 5))
    def unsilence(self, which: int) -> None:
        if which < len(self.silences):
            self.silences[which] = self.stage.run(self.stage.sim.unsilence(self.silences[which].id))
        self.look()

    @rule(away=st.sampled_from([0, 700]))
    def restart(self, away: int) -> None:
        self.stage.run(self.stage.sim.restart(away=timedelta(seconds=away)))
        self.look()

    @rule(rules=st.sampled_from(RULES))
    def reload(self, rules: str) -> None:
        self.in_force = ruleset(rules)
        self.stage.run(self.stage.sim.reload(self.in_force))
        self.look()

    @rule(back=st.sampled_from([3, 3600]))
    def clock_goes_back(self, back: int) -> None:
        self.stage.clock.move_to(max(START, self.stage.clock.now() - timedelta(seconds=back)))
        self.stage.run(self.stage.sim.engine.clock_stepped())
        self.stage.run(self.stage.sim.run_for(timedelta(seconds=1)))
        self.look()

    @rule()
    def forget_old(self) -> None:
        later = self.stage.clock.now() + timedelta(days=2)
        self.stage.run(
            self.stage.sim.engine.database.write(
                lambda conn: retention.prune(conn, later, Retention(), timedelta(minutes=10)),
                then=lambda pruned: self._forget(pruned.alerts),
            )
        )
        self.look()

    def _forget(self, alerts: list[tuple[str, str]]) -> None:
        self.stage.sim.engine.intake.known.drop(alerts)
        self.stage.sim.engine.intake.groups.clear()

    def look(self) -> None:
        self.stage.run(self.stage.sim.engine.database.read(self._look))

    def _look(self, conn: Connection) -> None:
        assert group_counts.wrong(conn) == {}
        assert not set(conn.execute(select(group_count.c.group_id)).scalars()) - set(
            conn.execute(select(alert_group.c.id)).scalars()
        )
        rows = conn.execute(
            select(membership, stored_alert.c.is_firing, stored_alert.c.severity_rank, stored_alert.c.document).join(
                stored_alert, stored_alert.c.id == membership.c.alert_id
            )
        ).fetchall()
        for row in rows:
            state = MemberState(row.state)
            assert row.rank == row.severity_rank
            is_over = state in {MemberState.MOVED, MemberState.SHADOWED}  # where it has ended, or stands otherwise
            assert is_over or state.is_firing == row.is_firing
        self._are_suppressed_as_the_rules_say(conn)

    def _are_suppressed_as_the_rules_say(self, conn: Connection) -> None:
        """The model asks every firing alert anew, against every other."""
        from router.core.member import visible
        from router.store.evaluation.members import ALERT_COLUMNS, member_of
        from rules.model.inhibition import is_inhibited_by

        members = {
            member.id: member
            for member in map(member_of, conn.execute(select(*ALERT_COLUMNS).where(stored_alert.c.is_firing)))
        }
        decisions = {number: self.in_force.decide(visible(member)) for number, member in members.items()}
        sources = [key for decision in decisions.values() for key in decision.inhibits]
        now = self.stage.clock.now()
        for row in conn.execute(select(membership).where(membership.c.alert_id.in_(list(members)))):
            state = MemberState(row.state)
            if not state.is_firing:
                continue
            labels = visible(members[row.alert_id])
            held = [
                (entry.ends, "maintenance", entry.name)
                for entry in self.in_force.maintenance
                if entry.begins <= now and (entry.ends is None or now < entry.ends) and all_match(entry.match, labels)
            ]
            held += [
                (one.ends_at, "silence", one.id)
                for one in self.silences
                if one.starts_at <= now < one.ends_at and all_match(one.matchers, labels)
            ]
            is_inhibited = any(
                is_inhibited_by(target, source) for target in decisions[row.alert_id].inhibited_by for source in sources
            )
            kind = row.suppressed_kind
            assert kind in {one[1] for one in held} if held else kind == ("inhibition" if is_inhibited else "")
            if held:
                last = max(at for at, _, _ in held if at is not None)
                assert (last, kind, row.suppressed_name) in held
            is_quiet = state in {MemberState.SUPPRESSED, MemberState.NOTIFIED_MUTED}
            assert state is MemberState.SHADOWED or is_quiet == (kind != "")

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.stage.close()


Counting.TestCase.settings = settings(STEADY, max_examples=20)
TestCounting = Counting.TestCase
