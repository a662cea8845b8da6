"""Slack refuses, or is away: somebody else is called, once per incident, and Slack hears of it when it can."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from adapters.alert import Severity
from router.core.view import EntryKind
from router.store.tables import fallback, incident
from rules.model.webhook import Fallback, Format
from tests.machines.stage import alert
from tests.receivers import Mood, Receiver, Says
from tests.slackworld import moods
from tests.webhook.stage import WebhookStage, webhook_stage
from tests.webhook.test_engine import fire

RULES = """
routing:
  channel: "#db"
  group_by: [alertname]
  routes: [{name: web, match: ["alertname =~ Web.*"], channel: "#web"}]
"""
PAGES = 'routing: {channel: "#db", group_by: [alertname], page: maria}'
KEY = "machine/1"
AWAY = [moods.UNREACHABLE, moods.STALL, moods.status(503), moods.RESET_AFTER, moods.ratelimit(20)]


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[WebhookStage]:
    with webhook_stage(getattr(request, "param", RULES), fallback=Fallback("phone", timedelta(minutes=2))) as made:
        yield made


def phone(stage: WebhookStage) -> Receiver:
    return stage.receivers[Format.PAGERDUTY]


def thread(stage: WebhookStage) -> list[str]:
    return [reply.text for reply in stage.world.channel("#db").messages[0].replies]


def storm(stage: WebhookStage, mood: moods.Mood) -> None:
    stage.world.mood(mood, times=None)


@pytest.mark.parametrize("mood", AWAY, ids=str)
def test_away_longer_than_after_it_is_called_once_and_slack_says_so_later(
    stage: WebhookStage, mood: moods.Mood
) -> None:
    """Row 220."""
    storm(stage, mood)
    fire(stage)
    stage.wait(125)
    assert phone(stage).calls == [], "Slack may be away for so long"
    stage.wait(30)
    assert phone(stage).states == {KEY: "triggered"}
    stage.wait(10 * 60)
    assert len(phone(stage).calls) == 1
    stage.world.clear_moods()
    stage.wait(5 * 60)
    [message] = stage.world.channel("#db").messages
    assert message.text.startswith("HIGH #1")
    [said] = [text for text in thread(stage) if "phone" in text]
    assert "told phone meanwhile, Slack was away" in said
    fire(stage, is_firing=False)
    stage.wait(60)
    assert phone(stage).states == {KEY: "resolved"}
    assert len(phone(stage).calls) == 2
    assert stage.kinds().count(EntryKind.FALLBACK) == 2, "when it was called, and when Slack was told"
    assert stage.owed() == 0


def test_the_line_says_from_when_to_when(stage: WebhookStage) -> None:
    storm(stage, moods.UNREACHABLE)
    fire(stage)
    stage.wait(21 * 60)
    stage.world.clear_moods()
    stage.wait(5 * 60)
    [said] = [entry for entry in stage.timeline() if entry.kind is EntryKind.FALLBACK and entry.lasted is not None]
    assert (said.people, said.detail) == (("phone",), "Slack was away")
    assert said.lasted is not None
    assert timedelta(minutes=20) < said.lasted < timedelta(minutes=25)
    [reply] = [one for one in stage.world.channel("#db").messages[0].replies if "phone" in one.text]
    assert reply.said.count("<!date^") == 3, "its own instant, and both ends"


def test_away_for_less_nobody_is_called(stage: WebhookStage) -> None:
    storm(stage, moods.UNREACHABLE)
    fire(stage)
    stage.wait(100)
    stage.world.clear_moods()
    stage.wait(10 * 60)
    assert phone(stage).calls == []
    assert len(stage.world.channel("#db").messages) == 1


def test_a_hiccup_calls_nobody_for_what_waits_for_its_pace(stage: WebhookStage) -> None:
    """Two hundred first words in one channel: the last has waited for minutes when another call fails."""
    stage.world.mood(moods.UNREACHABLE, times=1)
    many = [alert(f"Down{number}", 1, since=stage.clock.now()) for number in range(200)]
    stage.run(stage.sim.take("prometheus", "prometheus", many))
    stage.wait(170)
    stage.world.mood(moods.UNREACHABLE, times=1)
    stage.wait(5 * 60)
    assert len(stage.world.channel("#db").messages) == 200
    assert phone(stage).calls == []


def test_one_message_that_fails_while_others_do_not(stage: WebhookStage) -> None:
    stage.world.add_channel("#web")
    stage.world.mood(moods.status(500), channel="#db", times=None)
    fire(stage)
    stage.wait(60)
    assert phone(stage).calls == []
    for minute in range(5):
        one = alert(f"Web{minute}", 1, since=stage.clock.now())
        stage.run(stage.sim.take("prometheus", "prometheus", [one]))
        stage.wait(60)
    assert phone(stage).states == {KEY: "triggered"}
    assert len(stage.world.channel("#web").messages) == 5


def test_it_is_forgotten_with_its_incident(stage: WebhookStage) -> None:
    stage.world.archive("#db")
    fire(stage)
    stage.wait(20)
    stage.world.unarchive("#db")
    stage.wait(60 * 60)
    fire(stage, is_firing=False)
    stage.wait(60)
    assert rows(stage) == 1
    stage.clock.move_to(stage.clock.now() + timedelta(days=100))
    for _ in range(3):
        stage.run(stage.sim.engine.prune())
    assert stage.run(stage.sim.engine.database.read(lambda conn: conn.execute(select(incident)).all())) == []
    assert rows(stage) == 0


def rows(stage: WebhookStage) -> int:
    return len(stage.run(stage.sim.engine.database.read(lambda conn: conn.execute(select(fallback)).all())))


def test_a_storm_that_only_waits_for_its_pace_calls_nobody(stage: WebhookStage) -> None:
    many = [alert(f"Down{number}", 1, since=stage.clock.now()) for number in range(200)]
    stage.run(stage.sim.take("prometheus", "prometheus", many))
    stage.wait(6 * 60)
    assert len(stage.world.channel("#db").messages) == 200
    assert phone(stage).calls == []


def test_many_incidents_while_slack_is_away_are_one_call_each(stage: WebhookStage) -> None:
    storm(stage, moods.UNREACHABLE)
    many = [alert(f"Down{number}", 1, since=stage.clock.now()) for number in range(70)]
    stage.run(stage.sim.take("prometheus", "prometheus", many))
    stage.wait(5 * 60)
    assert len(phone(stage).incidents) == len(phone(stage).calls) == 70


@pytest.mark.parametrize("error", ["invalid_auth", "account_inactive", "token_revoked"])
def test_a_workspace_that_refuses_is_not_waited_for(stage: WebhookStage, error: str) -> None:
    storm(stage, moods.refuse(error))
    fire(stage)
    stage.wait(20)
    assert phone(stage).states == {KEY: "triggered"}
    stage.wait(10 * 60)
    assert len(phone(stage).calls) == 1
    stage.world.clear_moods()
    stage.wait(60)
    [said] = [text for text in thread(stage) if "phone" in text]
    assert f"told phone meanwhile, Slack refused the workspace: {error}" in said


def test_a_channel_that_refuses_and_has_no_other_place(stage: WebhookStage) -> None:
    stage.world.archive("#db")
    fire(stage)
    stage.wait(20)
    assert phone(stage).states == {KEY: "triggered"}
    stage.wait(60 * 60)
    assert len(phone(stage).calls) == 1
    stage.world.unarchive("#db")
    stage.wait(15 * 60)
    [said] = [text for text in thread(stage) if "phone" in text]
    assert "told phone meanwhile, Slack refused #db" in said
    fire(stage, is_firing=False)
    stage.wait(60)
    assert phone(stage).states == {KEY: "resolved"}


@pytest.mark.parametrize("stage", [PAGES], indirect=True)
def test_a_page_that_cannot_reach_its_person(stage: WebhookStage) -> None:
    stage.world.add_person("maria")
    stage.world._person_named("maria").takes_direct = False
    fire(stage)
    stage.wait(60)
    assert phone(stage).states == {KEY: "triggered"}
    [said] = [text for text in thread(stage) if "phone" in text]
    assert "told phone, Slack refused the direct message" in said
    fire(stage, is_firing=False)
    stage.wait(60)
    assert phone(stage).states == {KEY: "resolved"}
    assert len(phone(stage).calls) == 2


@pytest.mark.parametrize("stage", [PAGES], indirect=True)
def test_a_channel_and_a_person_are_one_incident(stage: WebhookStage) -> None:
    storm(stage, moods.UNREACHABLE)
    fire(stage)
    stage.wait(10 * 60)
    assert len(phone(stage).calls) == 1


def test_what_began_and_ended_while_slack_was_away_stands_there_later(stage: WebhookStage) -> None:
    """Somebody was woken for it: they look for it in Slack."""
    storm(stage, moods.UNREACHABLE)
    fire(stage)
    stage.wait(5 * 60)
    fire(stage, is_firing=False)
    stage.wait(60)
    assert phone(stage).states == {KEY: "resolved"}
    stage.world.clear_moods()
    stage.wait(5 * 60)
    [message] = stage.world.channel("#db").messages
    assert message.text.startswith("Resolved #1")
    assert any("told phone meanwhile, Slack was away" in text for text in thread(stage))
    assert stage.owed() == 0


def test_what_comes_back_while_slack_is_still_away_rings_again(stage: WebhookStage) -> None:
    storm(stage, moods.UNREACHABLE)
    fire(stage)
    stage.wait(5 * 60)
    fire(stage, is_firing=False)
    stage.wait(60)
    fire(stage)
    stage.wait(60)
    assert phone(stage).incidents[KEY].opened == 2
    stage.world.clear_moods()
    stage.wait(5 * 60)
    fire(stage, is_firing=False)
    stage.wait(60)
    fire(stage)
    stage.wait(60)
    assert phone(stage).states == {KEY: "resolved"}, "Slack tells it now"


def test_killed_after_the_call_was_decided_it_is_made_once(stage: WebhookStage) -> None:
    storm(stage, moods.UNREACHABLE)
    stage.notifiers[Format.PAGERDUTY].kill = "after"
    fire(stage)
    stage.survive(stage.sim.run_for(timedelta(minutes=4)))
    stage.wait(3 * 60)
    assert phone(stage).incidents[KEY].opened == 1
    assert len(phone(stage).calls) == 2, "doubled by its key alone"
    assert stage.kinds().count(EntryKind.FALLBACK) == 1


def test_the_webhook_is_away_too_and_is_told_when_it_is_back(stage: WebhookStage) -> None:
    storm(stage, moods.UNREACHABLE)
    phone(stage).moods = [Mood(Says.STATUS, does=False, status=500)] * 5
    fire(stage, severity=Severity.CRITICAL)
    stage.wait(6 * 60)
    assert phone(stage).states == {KEY: "triggered"}


def test_what_stands_and_only_changes_calls_nobody(stage: WebhookStage) -> None:
    fire(stage)
    stage.wait(30)
    storm(stage, moods.UNREACHABLE)
    fire(stage, 2)
    stage.wait(10 * 60)
    assert phone(stage).calls == []


@pytest.mark.parametrize(
    "stage", ['routing: {channel: ["#gone", "#db"], group_by: [alertname], also: ["#gone2"]}'], indirect=True
)
def test_a_channel_that_refuses_beside_one_that_does_not_calls_nobody(stage: WebhookStage) -> None:
    for name in ("#gone", "#gone2"):
        stage.world.add_channel(name)
        stage.world.archive(name)
    fire(stage)
    stage.wait(10 * 60)
    assert len(stage.world.channel("#db").messages) == 1
    assert phone(stage).calls == []


@pytest.mark.parametrize("stage", ['routing: {channel: ["#db", "#gone"], group_by: [alertname]}'], indirect=True)
def test_channels_that_all_refuse_are_one_call(stage: WebhookStage) -> None:
    stage.world.add_channel("#gone")
    stage.world.archive("#gone")
    stage.world.archive("#db")
    fire(stage)
    stage.wait(10 * 60)
    assert len(phone(stage).calls) == 1
