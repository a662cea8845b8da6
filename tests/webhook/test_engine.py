"""Webhooks through the real engine, store and sockets: what each receiver knows of an incident, whatever happens between."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from adapters.alert import Severity
from router.core.acts.button import Verb
from router.core.acts.life import Act
from router.core.view import EntryKind
from rules.model.webhook import Format
from tests.machines.stage import alert
from tests.receivers import Mood, Receiver, Says
from tests.webhook.stage import NAMES, WebhookStage, webhook_stage

KEYS = {kind: "machine:1" if kind is Format.OPSGENIE else "machine/1" for kind in Format}
ALSO = 'routing: {channel: "#db", group_by: [alertname], also: [{webhook: NAME}]}'


@pytest.fixture(params=list(Format))
def kind(request: pytest.FixtureRequest) -> Format:
    found: Format = request.param
    return found


@pytest.fixture
def stage(kind: Format) -> Iterator[WebhookStage]:
    with webhook_stage(ALSO.replace("NAME", NAMES[kind])) as made:
        yield made


def fire(stage: WebhookStage, instance: int = 1, *, is_firing: bool = True, severity: Severity = Severity.HIGH) -> None:
    one = alert("Down", instance, since=stage.clock.now(), is_firing=is_firing, severity=severity)
    stage.survive(stage.sim.take("prometheus", "prometheus", [one]))


def states(stage: WebhookStage, kind: Format) -> dict[str, str]:
    return stage.receivers[kind].states


def test_it_begins_and_ends_under_the_key_of_the_incident(stage: WebhookStage, kind: Format) -> None:
    there = stage.receivers[kind]
    fire(stage)
    stage.wait(15)
    assert states(stage, kind) == {KEYS[kind]: "triggered"}
    fire(stage, 2)
    stage.wait(60)
    assert len(there.calls) == 1, "that there are more is told where messages can be edited"
    for instance in (1, 2):
        fire(stage, instance, is_firing=False)
    stage.wait(60)
    assert states(stage, kind) == {KEYS[kind]: "resolved"}
    assert [len(there.calls), there.incidents[KEYS[kind]].opened] == [2, 1]
    assert stage.owed() == 0
    others = [other for other in Format if other is not kind]
    assert all(stage.receivers[other].calls == [] for other in others)


def test_a_rise_and_a_return_are_told_under_the_same_key(stage: WebhookStage, kind: Format) -> None:
    there = stage.receivers[kind]
    fire(stage, severity=Severity.LOW)
    stage.wait(15)
    fire(stage, severity=Severity.CRITICAL)
    stage.wait(15)
    assert (len(there.calls), there.incidents[KEYS[kind]].triggers) == (2, 2)
    fire(stage, severity=Severity.MEDIUM)
    stage.wait(60)
    assert len(there.calls) == 2, "a fall is no news"
    fire(stage, is_firing=False)
    stage.wait(60)
    fire(stage)
    stage.wait(60)
    assert states(stage, kind) == {KEYS[kind]: "triggered"}
    assert there.incidents[KEYS[kind]].opened == 2
    fire(stage, is_firing=False)
    stage.wait(60)
    assert states(stage, kind) == {KEYS[kind]: "resolved"}
    assert stage.owed() == 0


@pytest.mark.parametrize("kill", ["before", "after"])
@pytest.mark.parametrize("at_the_end", [False, True])
def test_killed_in_a_call_it_is_doubled_by_its_key_alone(
    stage: WebhookStage, kind: Format, kill: str, at_the_end: bool
) -> None:
    there, notifier = stage.receivers[kind], stage.notifiers[kind]
    notifier.kill = "" if at_the_end else kill
    fire(stage)
    stage.survive(stage.sim.run_for(_seconds(20)))
    stage.wait(60)
    assert states(stage, kind) == {KEYS[kind]: "triggered"}
    notifier.kill = kill if at_the_end else ""
    fire(stage, is_firing=False)
    stage.survive(stage.sim.run_for(_seconds(20)))
    stage.wait(60)
    assert notifier.kill == ""
    assert states(stage, kind) == {KEYS[kind]: "resolved"}
    known = there.incidents[KEYS[kind]]
    assert known.opened == 1
    doubled = kill == "after"
    assert len(there.calls) == 2 + doubled
    assert stage.owed() == 0
    assert len(stage.world.channel("#db").messages) == 1


def test_killed_between_the_commit_and_the_claim_nothing_is_lost(stage: WebhookStage, kind: Format) -> None:
    fire(stage)
    stage.clock.move_to(stage.clock.now() + _seconds(11))
    stage.run(stage.sim.engine.dispatch())  # owed, and nobody has claimed it
    stage.run(stage.sim.restart(away=_seconds(1)))
    stage.wait(1)
    assert states(stage, kind) == {KEYS[kind]: "triggered"}
    assert len(stage.receivers[kind].calls) == 1


def test_killed_between_the_intent_and_the_call_it_is_made_once(stage: WebhookStage, kind: Format) -> None:
    fire(stage)
    stage.clock.move_to(stage.clock.now() + _seconds(11))
    stage.run(stage.sim.engine.dispatch())
    assert len(stage.run(stage.sim.engine.claim()).works) == 2, "the channel and the webhook"
    stage.run(stage.sim.restart(away=_seconds(1)))
    stage.wait(90)
    assert states(stage, kind) == {KEYS[kind]: "triggered"}
    assert len(stage.receivers[kind].calls) == 1
    assert len(stage.world.channel("#db").messages) == 1


def test_an_end_waits_until_a_beginning_in_doubt_has_happened(stage: WebhookStage, kind: Format) -> None:
    """Its answer is lost and it ends at once: the other way round, what begins late would never end there."""
    there = stage.receivers[kind]
    there.moods = [Mood(Says.CUT, does=False)]
    fire(stage)
    stage.wait(10.5)
    assert len(there.calls) == 1
    fire(stage, is_firing=False)
    stage.wait(20)
    assert len(there.calls) == 1
    stage.wait(20)
    assert len(there.calls) == 2
    assert there.dropped == [KEYS[kind]], "it never began there"
    assert stage.owed() == 0


@pytest.mark.parametrize(
    "mood",
    [
        Mood(Says.REDIRECT, does=False, status=302),
        Mood(Says.SILENCE),
        Mood(Says.FLOOD),
        Mood(Says.CUT),
        Mood(Says.CUT_IN_BODY),
        Mood(Says.STATUS, does=False, status=429, retry_after="2"),
        Mood(Says.STATUS, does=False, status=500),
        Mood(Says.STATUS, does=False, status=403),
    ],
    ids=str,
)
def test_whatever_it_answers_it_begins_once_and_ends(stage: WebhookStage, kind: Format, mood: Mood) -> None:
    there = stage.receivers[kind]
    there.moods = [mood]
    fire(stage)
    stage.wait(60)
    assert states(stage, kind) == {KEYS[kind]: "triggered"}
    assert not any(call.path == "/elsewhere" for call in there.calls)
    assert len(stage.world.channel("#db").messages) == 1, "its troubles are its own"
    there.moods = [mood]
    fire(stage, is_firing=False)
    stage.wait(60)
    assert states(stage, kind) == {KEYS[kind]: "resolved"}
    assert there.incidents[KEYS[kind]].opened == 1
    assert stage.owed() == 0
    is_refused = mood.says is Says.REDIRECT or mood.status == 403
    assert (stage.refusals == [kind, kind]) is is_refused


def test_what_it_refuses_as_it_is_it_is_told_in_plainer_words(stage: WebhookStage, kind: Format) -> None:
    there = stage.receivers[kind]
    there.moods = [Mood(Says.STATUS, does=False, status=400)]
    fire(stage)
    stage.wait(60)
    assert states(stage, kind) == {KEYS[kind]: "triggered"}
    assert len(there.calls) == 2


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def do(stage: WebhookStage, verb: Verb) -> None:
    stage.survive(stage.sim.act(1, Act(verb, by="maria")))


@pytest.mark.parametrize("kill", ["", "before", "after"])
def test_an_acknowledgement_stops_what_rings_and_its_end_rings_again(
    stage: WebhookStage, kind: Format, kill: str
) -> None:
    """Row 46, row 220: whoever holds an acknowledged incident quiet is told its end before it begins anew. The format that has no
    word for what people do hears nothing of it."""
    there, knows_acts = stage.receivers[kind], kind is not Format.ALERTMANAGER
    key = KEYS[kind]
    fire(stage)
    stage.wait(15)
    stage.notifiers[kind].kill = kill
    do(stage, Verb.ACKNOWLEDGE)
    stage.survive(stage.sim.run_for(_seconds(20)))
    stage.wait(60)
    assert there.states == {key: "acknowledged" if knows_acts else "triggered"}
    do(stage, Verb.UNACKNOWLEDGE)
    stage.wait(60)
    if kind is Format.JSON:  # whoever reads it sees the action
        assert msgspec.json.decode(there.calls[-1].body)["action"] == "trigger"
    elif kind is not Format.ALERTMANAGER:
        assert there.states == {key: "triggered"}
        assert there.incidents[key].opened == 2
    do(stage, Verb.RESOLVE)
    stage.wait(60)
    assert there.states == {key: "resolved" if knows_acts else "triggered"}
    do(stage, Verb.REOPEN)
    stage.wait(60)
    assert there.states == {key: "triggered"}
    do(stage, Verb.RESOLVE)
    fire(stage, is_firing=False)
    stage.wait(60)
    assert there.states == {key: "resolved"}
    assert there.dropped == ([key] if kind is Format.JSON else []), "of ours it is told that it is over, too"
    assert stage.owed() == 0


def test_what_is_acknowledged_before_it_could_be_told_is_begun_first(stage: WebhookStage, kind: Format) -> None:
    there = stage.receivers[kind]
    there.moods = [Mood(Says.STATUS, does=False, status=503)] * 3
    fire(stage)
    stage.wait(11)
    do(stage, Verb.ACKNOWLEDGE)
    stage.wait(60)
    assert there.states == {KEYS[kind]: "triggered" if kind is Format.ALERTMANAGER else "acknowledged"}
    assert (there.dropped, stage.owed()) == ([], 0)


def test_a_lost_answer_to_the_beginning_does_not_overtake_the_acknowledgement(
    stage: WebhookStage, kind: Format
) -> None:
    there = stage.receivers[kind]
    there.moods = [Mood(Says.CUT)]
    fire(stage)
    stage.wait(10.5)
    do(stage, Verb.ACKNOWLEDGE)
    stage.wait(90)
    assert there.states == {KEYS[kind]: "triggered" if kind is Format.ALERTMANAGER else "acknowledged"}
    assert (there.dropped, stage.owed()) == ([], 0)


PAGED = """
routing: {channel: "#db", group_by: [alertname], page: PAGE}
escalation: {ring: {steps: [{webhook: phone}, {after: 10m, person: maria}]}}
windows: {nights: {hours: "12:05-12:30"}}
"""
PHONE = "machine/1"


@pytest.fixture
def paged(request: pytest.FixtureRequest) -> Iterator[WebhookStage]:
    with webhook_stage(PAGED.replace("PAGE", getattr(request, "param", "ring"))) as made:
        yield made


def phone(stage: WebhookStage) -> Receiver:
    return stage.receivers[Format.PAGERDUTY]


def test_a_webhook_of_the_first_step_rings_when_the_page_is_carried_out_and_hears_the_end(paged: WebhookStage) -> None:
    fire(paged, severity=Severity.LOW)
    paged.wait(15)
    assert phone(paged).states == {PHONE: "triggered"}
    assert paged.world.direct("maria").messages == [], "the step after it comes later"
    [said] = [entry for entry in paged.timeline() if entry.kind is EntryKind.PAGED]
    assert (said.people, said.detail) == (("webhook phone",), "named in the rules")
    fire(paged, severity=Severity.CRITICAL)
    paged.wait(30)
    assert phone(paged).incidents[PHONE].triggers == 2
    fire(paged, is_firing=False)
    paged.wait(30)
    assert phone(paged).states == {PHONE: "resolved"}
    fire(paged)
    paged.wait(30)
    assert phone(paged).incidents[PHONE].opened == 2
    fire(paged, is_firing=False)
    paged.wait(30)
    assert phone(paged).states == {PHONE: "resolved"}
    assert len(phone(paged).calls) == 5
    assert paged.owed() == 0


def test_a_phone_that_could_not_be_rung_before_somebody_had_it_in_hand_is_not(paged: WebhookStage) -> None:
    phone(paged).moods = [Mood(Says.STATUS, does=False, status=503)] * 3
    fire(paged)
    paged.wait(11)
    do(paged, Verb.ACKNOWLEDGE)
    paged.wait(60)
    assert phone(paged).incidents == {}
    [dropped] = [entry for entry in paged.timeline() if entry.kind is EntryKind.PAGE_DROPPED]
    assert (dropped.people, dropped.detail) == (("webhook phone",), "in somebody's hands")
    do(paged, Verb.UNACKNOWLEDGE)
    paged.wait(10)
    assert paged.kinds()[-2:] == [EntryKind.UNACKNOWLEDGED, EntryKind.ESCALATED]
    fire(paged, is_firing=False)
    paged.wait(60)
    assert (phone(paged).dropped, paged.owed()) == ([], 0)


@pytest.mark.parametrize("paged", ["{policy: ring, quiet: [nights]}"], indirect=True)
def test_no_webhook_rings_in_a_quiet_window_of_the_page(paged: WebhookStage) -> None:
    """It began before, ends and comes back, worse, within the window: the phone rings when that ends."""
    fire(paged, severity=Severity.LOW)
    paged.wait(15)
    assert len(phone(paged).calls) == 1
    paged.wait(6 * 60)
    fire(paged, is_firing=False)
    paged.wait(60)
    assert phone(paged).states == {PHONE: "resolved"}, "an end is never held back"
    fire(paged, severity=Severity.CRITICAL)
    paged.wait(60)
    assert len(phone(paged).calls) == 2
    paged.wait(30 * 60)
    assert phone(paged).states == {PHONE: "triggered"}
    assert (len(phone(paged).calls), phone(paged).incidents[PHONE].opened) == (3, 2)


@pytest.mark.parametrize("paged", ["{policy: ring, quiet: [nights]}"], indirect=True)
def test_what_is_over_before_the_window_ends_rings_nobody(paged: WebhookStage) -> None:
    paged.wait(6 * 60)
    fire(paged)
    paged.wait(60)
    fire(paged, is_firing=False)
    paged.wait(60 * 60)
    assert phone(paged).calls == []
    assert paged.owed() == 0


def test_also_and_a_page_are_one_call() -> None:
    rules = PAGED.replace("page: PAGE", "page: ring, also: [{webhook: phone}]")
    with webhook_stage(rules) as stage:
        fire(stage)
        stage.wait(60)
        assert len(phone(stage).calls) == 1


def test_an_incident_that_goes_to_another_route_keeps_its_webhook_and_gains_the_other() -> None:
    rules = """
routing:
  channel: "#db"
  group_by: [alertname]
  routes:
    - {name: worst, match: [alert.severity = critical], also: [{webhook: tickets}]}
    - {name: rest, also: [{webhook: phone}]}
"""
    with webhook_stage(rules) as stage:
        fire(stage, severity=Severity.LOW)
        stage.wait(15)
        fire(stage, severity=Severity.CRITICAL)
        stage.wait(30)
        tickets = stage.receivers[Format.JSON]
        assert (phone(stage).states, tickets.states) == ({PHONE: "triggered"}, {PHONE: "triggered"})
        assert phone(stage).incidents[PHONE].triggers == 2, "it got worse"
        fire(stage, is_firing=False)
        stage.wait(30)
        assert (phone(stage).states, tickets.states) == ({PHONE: "resolved"}, {PHONE: "resolved"})


def test_a_route_that_tells_webhooks_alone() -> None:
    with webhook_stage("routing: {channel: none, group_by: [alertname], also: [{webhook: phone}]}") as stage:
        fire(stage)
        stage.wait(15)
        assert phone(stage).states == {PHONE: "triggered"}
        fire(stage, is_firing=False)
        stage.wait(15)
        assert phone(stage).states == {PHONE: "resolved"}
