"""What was over before anybody was told of it is not told; what anybody may have been told of is told the end."""

from datetime import timedelta

import pytest

from router.core.view import EntryKind
from tests.deliver.test_order import rules_of
from tests.deliver.test_order import stage as played
from tests.deliver.test_outcomes import fire, kinds, stage, wait
from tests.machines.stage import Stage, alert
from tests.slackworld import moods

__all__ = ["stage"]


def test_a_storm_that_is_over_in_half_a_minute_rings_for_what_was_told_alone() -> None:
    with played(rules_of([])) as play:
        began = play.clock.now()
        names = [f"Storm{number:03}" for number in range(100)]
        play.run(play.sim.take("prometheus", "prometheus", [alert(one, 1, since=began) for one in names]))
        play.run(play.sim.run_for(timedelta(seconds=30)))
        told = len(play.world.channel("#db").messages)
        assert 0 < told < 40
        over = [alert(one, 1, since=began, is_firing=False) for one in names]
        play.run(play.sim.take("prometheus", "prometheus", over))
        play.run(play.sim.run_for(timedelta(minutes=10)))
        standing = play.world.channel("#db").messages
        assert len(standing) <= told + 2, "but for those that were on their way"
        assert all(message.text.startswith("Resolved") for message in standing)


def test_the_timeline_says_so_once(stage: Stage) -> None:
    stage.world.mood(moods.UNREACHABLE, times=None)
    fire(stage)
    wait(stage, 20)
    fire(stage, is_firing=False)
    wait(stage, 5)
    stage.world.clear_moods()
    wait(stage, 180)
    assert stage.world.channel("#db").messages == []
    assert kinds(stage).count(EntryKind.NOT_POSTED) == 1
    fire(stage)
    wait(stage, 60)
    assert [view.text[:7] for view in stage.world.channel("#db").messages] == ["HIGH #1"], "it came back: that is news"
    fire(stage, is_firing=False)
    wait(stage, 60)
    assert [view.text[:11] for view in stage.world.channel("#db").messages] == ["Resolved #1"]


@pytest.mark.parametrize("mood", [moods.RESET_AFTER, moods.STALL_APPLIED, moods.late(8), moods.RESET_BEFORE], ids=str)
def test_what_may_have_been_posted_is_not_dropped(stage: Stage, mood: moods.Mood) -> None:
    stage.world.mood(mood, method="chat.postMessage", channel="#db")
    fire(stage)
    wait(stage, 12)
    fire(stage, is_firing=False)
    wait(stage, 180)
    standing = [view.text[:11] for view in stage.world.channel("#db").messages]
    assert standing == ([] if mood is moods.RESET_BEFORE else ["Resolved #1"])
    assert stage.world.duplicates() == []


def test_what_was_deleted_in_slack_is_told_the_end_all_the_same(stage: Stage) -> None:
    fire(stage)
    wait(stage, 20)
    [conversation] = [one for one in stage.world.conversations.values() if one.name == "#db"]
    conversation.messages[0].is_deleted = True
    fire(stage, is_firing=False)
    wait(stage, 60)
    assert [view.text[:11] for view in stage.world.channel("#db").messages] == ["Resolved #1"]
