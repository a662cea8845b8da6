"""Promise 2, told once, told the truth: whatever Slack's weather, kills, restarts and reloads did, once it is fair every
message says what is true, every end of what was told is told once, and nothing stands twice."""

import re
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from adapters.alert import Severity
from tests.machines.stage import STEADY, Stage, alert
from tests.scenarios.player import ruleset
from tests.slackworld import MessageView, moods

RULES = (
    'routing: {channel: "#db", group_by: [alertname]}\n',
    'routing: {channel: "#db", group_by: [alertname], group_wait: 30s, group_interval: 1m}\n',
    "routing: {channel: \"#db\", group_by: [alertname], routes: [{name: alpha, match: ['alertname = Alpha']}]}\n",
)
NAMES = ("Alpha", "Beta")


BY_SEVERITY = (
    'routing: {channel: "#db", group_by: [alertname], routes: [{name: p1, match: [\'alert.severity = critical\'], channel: "#high"}]}\n',
    'routing: {channel: "#db", group_by: [alertname, alert.severity]}\n',
)
"""Under these a change of severity moves an alert."""


class NoticeTarget(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.stage = Stage(RULES[0])
        self.stage.world.add_channel("#high", members=("maria",))
        self.firing: dict[tuple[str, int], datetime] = {}

    @rule(name=st.sampled_from(NAMES), instance=st.integers(1, 3), severity=st.sampled_from(list(Severity)[:3]))
    def fire(self, name: str, instance: int, severity: Severity) -> None:
        self.stage.clock.move_to(self.stage.clock.now() + timedelta(milliseconds=1))  # no two beginnings at one instant
        since = self.firing.setdefault((name, instance), self.stage.clock.now())
        one = alert(name, instance, since=since, severity=severity)
        self.stage.survive(self.stage.sim.take("prometheus", "prometheus", [one]))

    @rule(name=st.sampled_from(NAMES), instance=st.integers(1, 3))
    def resolve(self, name: str, instance: int) -> None:
        since = self.firing.pop((name, instance), None)
        if since is not None:
            one = alert(name, instance, since=since, is_firing=False)
            self.stage.survive(self.stage.sim.take("prometheus", "prometheus", [one]))

    @rule(seconds=st.sampled_from([1, 3, 11, 11, 40, 120, 700]))
    def pass_time(self, seconds: int) -> None:
        self.stage.survive(self.stage.sim.run_for(timedelta(seconds=seconds)))

    @rule(seed=st.integers(0, 50), share=st.sampled_from([0.3, 0.7]))
    def weather_turns(self, seed: int, share: float) -> None:
        self.stage.world.weather(moods.foul(seed, share=share))

    @rule(kill=st.sampled_from(["before", "after"]))
    def kill_in_the_next_call(self, kill: str) -> None:
        self.stage.transport.kill = kill

    @rule(method=st.sampled_from(["chat.update", "chat.postMessage"]))
    def kill_with_a_late_effect(self, method: str) -> None:
        self.stage.world.mood(moods.late(25), method=method)
        self.stage.transport.kill = "after"

    @rule(away=st.sampled_from([0, 5, 90]))
    def restart(self, away: int) -> None:
        self.stage.survive(self.stage.sim.restart(away=timedelta(seconds=away)))

    @rule(rules=st.sampled_from(RULES))
    def reload(self, rules: str) -> None:
        self.stage.survive(self.stage.sim.reload(ruleset(rules)))

    def teardown(self) -> None:
        if not hasattr(self, "stage"):
            return
        self.stage.transport.kill = ""
        self.stage.world.clear_moods()
        self.stage.run(self.stage.sim.run_for(timedelta(minutes=15)))
        try:
            self.look()
        finally:
            self.stage.close()

    def look(self) -> None:
        world = self.stage.world
        assert world.duplicates() == []
        assert world.refused_for_pace == 0
        standing = [message for channel in ("#db", "#high") for message in world.channel(channel).messages]
        for name in NAMES:
            mine = [message for message in standing if re.search(rf"#\d+ (?:[A-Z]+ )?{name}\b", message.text)]
            firing = sum(key[0] == name for key in self.firing)
            is_open = [message for message in mine if not message.text.startswith(("Resolved", "#"))]
            moved = [message for message in mine if message.text.startswith("#")]
            assert all(re.search(r"moved to #\w+ as #\d+$", message.text) for message in moved)
            told = sum(_told(message) for message in is_open)
            assert told == firing, f"{name}: {firing} fire, told {[message.text for message in mine]}"
            for message in (one for one in mine if one not in moved):
                _assert_ends_once(message, is_open=message in is_open)


def _told(message: MessageView) -> int:
    times = re.search(r"×(\d+)", message.text)
    return int(times[1]) if times else 1


def _assert_ends_once(message: MessageView, *, is_open: bool) -> None:
    """In the thread ends and returns take turns, and the last of them is what is true."""
    said = "\n".join(reply.text for reply in message.replies)
    turns = re.findall(r"(?<!\d )resolved after|reopened: firing", said)
    assert all(before != after for before, after in pairwise(turns)), said
    if turns:
        assert turns[-1].startswith("reopened") == is_open, said


class Moving(NoticeTarget):
    """The same where alerts change their owner while they fire."""

    @rule(rules=st.sampled_from(BY_SEVERITY))
    def reload_by_severity(self, rules: str) -> None:
        self.stage.survive(self.stage.sim.reload(ruleset(rules)))


NoticeTarget.TestCase.settings = Moving.TestCase.settings = STEADY
TestTelling, TestMoving = NoticeTarget.TestCase, Moving.TestCase
