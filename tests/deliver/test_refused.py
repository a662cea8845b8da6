"""A channel or a person refuses: what stands there is true again when it can be, and nobody is told twice meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapters.alert import Severity
from tests.deliver.test_outcomes import fire, wait
from tests.machines.stage import Stage, alert
from tests.slackworld import MessageView, moods

CHANNELS = ("#home", "#more", "#other")
RULES = """
routing:
  channel: "#home"
  group_by: [alertname]
  routes:
    - {name: down, match: ["alertname = Down"], also: ["#more"], page: maria}
    - {name: other, match: ["alertname = Other"], channel: "#other"}
people: {maria: {email: maria@example.com}}
"""


@contextmanager
def staged(rules: str = RULES) -> Iterator[Stage]:
    """`#db` is the fallback channel."""
    made = Stage(rules)
    for channel in CHANNELS:
        made.world.add_channel(channel, members=("maria",))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as made:
        yield made


def posts(stage: Stage, channel: str) -> list[MessageView]:
    return stage.world.channel(channel).messages


def texts(stage: Stage, channel: str) -> list[str]:
    return [message.text for message in posts(stage, channel)]


def sounds(stage: Stage, channel: str) -> int:
    return sum(one.conversation == channel for one in stage.world.sounds_of("maria"))


# Copies and the fallback channel.


def test_ten_more_alerts_are_one_post_in_the_fallback_channel(stage: Stage) -> None:
    stage.world.archive("#more")
    fire(stage)
    wait(stage, 30)
    assert len(posts(stage, "#db")) == 1
    for instance in range(2, 12):
        fire(stage, instance)
        wait(stage, 60)
    [stands_in] = posts(stage, "#db")
    assert "×11" in stands_in.text
    assert sounds(stage, "#db") == 1
    assert len(posts(stage, "#home")) == 1


def test_copies_that_join_again_and_again_are_one_post_in_the_fallback_channel() -> None:
    rules = 'routing: {channel: "#home", group_by: [alertname]}\ncopies: [{name: all, match: ["instance =~ .+"], channel: "#more"}]'
    with staged(rules) as stage:
        stage.world.archive("#more")
        for instance in range(1, 11):
            fire(stage, instance)
            wait(stage, 60)
        [stands_in] = posts(stage, "#db")
        assert "×10" in stands_in.text
        assert sounds(stage, "#db") == 1


def test_a_fallback_channel_that_shows_the_incident_does_not_get_it_twice() -> None:
    with staged('routing: {channel: "#home", also: ["#db"], group_by: [alertname]}') as stage:
        stage.world.archive("#home")
        fire(stage)
        wait(stage, 120)
        fire(stage, 2)
        wait(stage, 120)
        assert len(posts(stage, "#db")) == 1


def test_two_channels_that_refuse_are_one_post_in_the_fallback_channel(stage: Stage) -> None:
    stage.world.archive("#home")
    stage.world.archive("#more")
    fire(stage)
    wait(stage, 120)
    assert len(posts(stage, "#db")) == 1


@pytest.mark.parametrize("mood", [moods.RESET_AFTER, moods.STALL_APPLIED, moods.late(8)], ids=str)
def test_an_unknown_outcome_in_the_fallback_channel_leaves_one_post_there(stage: Stage, mood: moods.Mood) -> None:
    stage.world.archive("#home")
    stage.world.archive("#more")
    stage.world.mood(mood, method="chat.postMessage", channel="#db")
    fire(stage)
    wait(stage, 5)
    fire(stage, 2)
    wait(stage, 180)
    assert len(posts(stage, "#db")) == 1
    assert stage.world.duplicates() == []


def test_what_may_stand_is_looked_for_before_it_is_told_elsewhere(stage: Stage) -> None:
    """The post was taken and its answer lost; then the channel refuses: whether it stands there is not known."""
    stage.world.mood(moods.RESET_AFTER, method="chat.postMessage", channel="#home")
    fire(stage)
    wait(stage, 20)
    stage.world.archive("#home")
    wait(stage, 300)
    stage.world.unarchive("#home")
    wait(stage, 60)
    assert len(posts(stage, "#home")) == 1
    assert stage.world.duplicates() == []


# For a minute.


def test_what_stands_in_a_channel_that_refused_for_a_minute_is_true_again(stage: Stage) -> None:
    fire(stage)
    wait(stage, 30)
    stage.world.archive("#home")
    fire(stage, 2)
    wait(stage, 55)
    stage.world.unarchive("#home")
    wait(stage, 15)
    assert ["×2" in text for text in texts(stage, "#home")] == [True]
    assert texts(stage, "#db") == [], "nobody was told elsewhere of what took a minute"
    fire(stage, is_firing=False)
    fire(stage, 2, is_firing=False)
    wait(stage, 30)
    assert [text[:11] for text in texts(stage, "#home")] == ["Resolved #1"]


def test_what_stands_in_a_channel_that_refused_for_an_hour_is_true_again_and_is_home(stage: Stage) -> None:
    fire(stage)
    wait(stage, 30)
    stage.world.archive("#home")
    fire(stage, 2)
    wait(stage, 3_600)
    [stands_in] = posts(stage, "#db")
    assert "×2" in stands_in.text
    assert "This belongs in #home" in stands_in.said
    stage.world.unarchive("#home")
    wait(stage, 60)
    assert ["×2" in text for text in texts(stage, "#home")] == [True]
    wait(stage, 30)
    [home], [stands_in] = posts(stage, "#home"), posts(stage, "#db")
    assert "thread and replies in" not in home.said
    assert f"thread and replies in <#{stage.world.channel('#home').id}>" in stands_in.said
    fire(stage, 3)
    wait(stage, 400)
    [home], [stands_in] = posts(stage, "#home"), posts(stage, "#db")
    assert "×3" in home.text
    assert "×3" in stands_in.text, "what was told there is kept true there"
    assert any("Down 3" in reply.text for reply in home.replies), "the thread goes on at home"
    assert not any("Down 3" in reply.text for reply in stands_in.replies)
    assert sounds(stage, "#db") == 1


def test_the_end_is_told_in_the_fallback_channel_and_at_home_again(stage: Stage) -> None:
    fire(stage)
    wait(stage, 30)
    stage.world.archive("#home")
    fire(stage, is_firing=False)
    wait(stage, 120)
    assert [text[:11] for text in texts(stage, "#db")] == ["Resolved #1"]
    stage.world.unarchive("#home")
    wait(stage, 120)
    assert [text[:11] for text in texts(stage, "#home")] == ["Resolved #1"]
    assert [text[:11] for text in texts(stage, "#db")] == ["Resolved #1"], "an end that was told stays told"


def worsen(stage: Stage, *instances: int) -> None:
    worse = [alert("Down", one, since=stage.clock.now(), severity=Severity.CRITICAL) for one in instances]
    stage.run(stage.sim.take("prometheus", "prometheus", worse))


def test_a_channel_that_refuses_again_and_again_is_one_post_in_the_fallback_channel(stage: Stage) -> None:
    fire(stage)
    wait(stage, 30)
    for instance in (2, 3, 4):
        stage.world.archive("#home")
        fire(stage, instance)
        wait(stage, 300)
        stage.world.unarchive("#home")
        wait(stage, 60)
    assert ["×4" in text for channel in ("#home", "#db") for text in texts(stage, channel)] == [True, True]
    assert sounds(stage, "#db") == 1


def test_a_rise_is_heard_where_the_thread_is(stage: Stage) -> None:
    """Once, however often the thread goes to the fallback channel and back."""
    fire(stage)
    wait(stage, 30)
    stage.world.archive("#home")
    fire(stage, 2)
    wait(stage, 300)
    stage.world.unarchive("#home")
    wait(stage, 60)
    stage.world.archive("#home")
    worsen(stage, 3)
    wait(stage, 300)
    stage.world.unarchive("#home")
    wait(stage, 300)
    rises = [(one.conversation, one.why) for one in stage.world.sounds_of("maria") if "worse" in one.text]
    assert rises == [("#db", "broadcast")]
    assert ["CRITICAL" in text for channel in ("#home", "#db") for text in texts(stage, channel)] == [True, True]


def test_a_rise_is_heard_in_a_fallback_channel_that_showed_the_incident_before() -> None:
    with staged('routing: {channel: "#home", also: ["#db"], group_by: [alertname]}') as stage:
        fire(stage)
        wait(stage, 30)
        stage.world.archive("#home")
        worsen(stage, 2)
        wait(stage, 300)
        rises = [one.conversation for one in stage.world.sounds_of("maria") if "worse" in one.text]
        assert rises == ["#db"]
        stage.world.unarchive("#home")
        wait(stage, 60)
        fire(stage, 3)
        wait(stage, 400)
        [home], [other] = posts(stage, "#home"), posts(stage, "#db")
        assert "thread and replies in" in other.said
        assert any("Down 3" in reply.text for reply in home.replies)
        assert not any("Down 3" in reply.text for reply in other.replies)


def test_a_line_that_may_have_been_told_in_the_fallback_channel_is_not_told_again_at_home(stage: Stage) -> None:
    """The channel is let in while nobody knows whether the rise was told elsewhere: it was, and it is looked for there."""
    fire(stage)
    wait(stage, 30)
    stage.world.archive("#home")
    fire(stage, 2)
    wait(stage, 300)
    stage.world.mood(moods.RESET_AFTER, method="chat.postMessage", channel="#db")
    worsen(stage, 3)
    stage.world.unarchive("#home")
    wait(stage, 40)
    assert ["CRITICAL" in text for text in texts(stage, "#home")] == [True]
    wait(stage, 300)
    assert sum("worse" in one.text for one in stage.world.sounds_of("maria")) == 1
    fire(stage, 4)
    wait(stage, 300)
    [home] = posts(stage, "#home")
    assert any("Down 4" in reply.text for reply in home.replies), "the thread went on at home once that was known"


def test_a_further_channel_that_had_the_thread_for_a_moment_is_told_all_the_same() -> None:
    """It is the fallback channel, and its own first word had to wait."""
    with staged('routing: {channel: "#home", also: ["#db"], group_by: [alertname]}') as stage:
        stage.world.archive("#home")
        stage.world.mood(moods.status(503), channel="#db", times=5)
        fire(stage)
        wait(stage, 14)
        stage.world.unarchive("#home")
        wait(stage, 120)
        assert [one.result for one in stage.world.calls].count("http_503") == 5
        assert [text[:7] for channel in ("#home", "#db") for text in texts(stage, channel)] == ["HIGH #1"] * 2


def test_an_incident_that_migrates_while_its_channel_refuses_goes_on_below_the_same_message() -> None:
    """Both routes tell it in the channel that refuses: that is its home yet, and what stands in for it stays."""
    rules = """
routing:
  channel: "#home"
  group_by: [alert.name]
  routes: [{name: p1, match: ["alert.severity = critical"], channel: ["#home", "#more"]}]
"""
    with staged(rules) as stage:
        fire(stage)
        wait(stage, 30)
        stage.world.archive("#home")
        fire(stage, 2)
        wait(stage, 300)
        assert [text[:7] for text in texts(stage, "#db")] == ["HIGH #1"]
        worsen(stage, 1, 2)
        wait(stage, 300)
        assert [text[:11] for text in texts(stage, "#more")] == ["CRITICAL #1"], "it migrated"
        [stands_in] = posts(stage, "#db")
        assert stands_in.text.startswith("CRITICAL #1")
        assert any("worse: now CRITICAL" in reply.text for reply in stands_in.replies)
        assert not any("moved to" in reply.text for reply in stands_in.replies)
        assert [one.conversation for one in stage.world.sounds_of("maria") if "worse" in one.text] == ["#db"]
        stage.world.unarchive("#home")
        wait(stage, 60)
        assert [text[:11] for channel in ("#home", "#db") for text in texts(stage, channel)] == ["CRITICAL #1"] * 2
        for instance in (1, 2):
            fire(stage, instance, is_firing=False)
        wait(stage, 60)
        told = [text[:11] for channel in ("#home", "#more", "#db") for text in texts(stage, channel)]
        assert told == ["Resolved #1"] * 3


def test_a_thread_comes_home_though_nothing_else_was_owed_there() -> None:
    """Only a line was: the message itself said all there was to say."""
    with staged('routing: {channel: "#home", group_by: [alertname], repeat_interval: 1h}') as stage:
        fire(stage)
        wait(stage, 30)
        stage.world.archive("#home")
        wait(stage, 4_000)
        [stands_in] = posts(stage, "#db")
        stage.world.unarchive("#home")
        wait(stage, 120)
        [stands_in] = posts(stage, "#db")
        assert f"thread and replies in <#{stage.world.channel('#home').id}>" in stands_in.said


def test_a_direct_message_that_refused_an_edit_is_true_again(stage: Stage) -> None:
    fire(stage)
    wait(stage, 30)
    [direct] = stage.world.direct("maria").messages
    assert "HIGH" in direct.text
    stage.world.mood(moods.refuse("is_inactive"), method="chat.update", channel=direct_id(stage), times=2)
    fire(stage, is_firing=False)
    wait(stage, 60)
    assert "Resolved" in stage.world.direct("maria").messages[0].text
    assert all(one.text.startswith("Resolved") for one in stage.world.direct("maria").messages)


def direct_id(stage: Stage) -> str:
    return next(one.id for one in stage.world.conversations.values() if one.person is not None)


# How soon it is well again.


@pytest.mark.parametrize("minutes", [1, 5, 20])
def test_a_channel_is_told_seconds_after_the_bot_is_let_in(minutes: int) -> None:
    with staged('routing: {channel: "#home", group_by: [alertname]}') as stage:
        stage.world.archive("#db")
        stage.world.archive("#home")
        fire(stage)
        wait(stage, minutes * 60)
        stage.world.unarchive("#home")
        wait(stage, 32)
        assert [text[:7] for text in texts(stage, "#home")] == ["HIGH #1"]


def test_a_channel_that_was_not_there_is_told_seconds_after_it_is_made() -> None:
    with staged('routing: {channel: "#new", group_by: [alertname]}') as stage:
        stage.world.archive("#db")
        fire(stage)
        wait(stage, 300)
        stage.world.add_channel("#new", members=("maria",))
        wait(stage, 32)
        assert [text[:7] for text in texts(stage, "#new")] == ["HIGH #1"]


def test_all_is_told_seconds_after_the_token_is_repaired(stage: Stage) -> None:
    stage.world.mood(moods.refuse("token_revoked"), times=None)
    fire(stage)
    wait(stage, 300)
    before = len(stage.world.calls)
    wait(stage, 60)
    assert len(stage.world.calls) - before <= 13, "one call finds out, every few seconds"
    stage.world.clear_moods()
    wait(stage, 8)
    assert [text[:7] for text in texts(stage, "#home") + texts(stage, "#more")] == ["HIGH #1"] * 2


def test_a_first_word_that_was_refused_comes_home(stage: Stage) -> None:
    stage.world.archive("#home")
    fire(stage)
    wait(stage, 120)
    assert [text[:7] for text in texts(stage, "#db")] == ["HIGH #1"]
    stage.world.unarchive("#home")
    wait(stage, 30)
    assert [text[:7] for text in texts(stage, "#home")] == ["HIGH #1"]
    stage.run(
        stage.sim.take(
            "prometheus", "prometheus", [alert("Down", 2, since=stage.clock.now(), severity=Severity.CRITICAL)]
        )
    )
    wait(stage, 30)
    assert ["CRITICAL" in text for text in texts(stage, "#home")] == [True]
    assert ["CRITICAL" in text for text in texts(stage, "#db")] == [True]
    assert sounds(stage, "#db") == 1
    assert sum("worse" in one.text for one in stage.world.sounds_of("maria") if one.conversation == "#home") == 1


def test_one_channels_refusal_is_not_the_next_ones(stage: Stage) -> None:
    stage.world.archive("#home")
    fire(stage)
    wait(stage, 60)
    other = alert("Other", 1, since=stage.clock.now())
    stage.run(stage.sim.take("prometheus", "prometheus", [other]))
    wait(stage, 15)
    assert [text[:7] for text in texts(stage, "#other")] == ["HIGH #2"]
