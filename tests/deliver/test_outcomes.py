"""What each of Slack's answers comes to: the rows that deliver leaves, and what stands in the channel."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from router.core.view import EntryKind
from router.store.evaluation import incidents
from router.store.tables import message
from tests.machines.stage import Stage, alert
from tests.slackworld import moods

RULES = 'routing: {channel: "#db", group_by: [alertname], page: maria}\npeople: {maria: {email: maria@example.com}}\n'


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(RULES)
    yield made
    made.close()


def fire(stage: Stage, instance: int = 1, *, is_firing: bool = True) -> None:
    one = alert("Down", instance, since=stage.clock.now(), is_firing=is_firing)
    stage.run(stage.sim.take("prometheus", "prometheus", [one]))


def wait(stage: Stage, seconds: float) -> None:
    stage.run(stage.sim.run_for(timedelta(seconds=seconds)))


def kinds(stage: Stage, number: int = 1) -> list[EntryKind]:
    def read(conn: Connection) -> list[EntryKind]:
        return [said.entry.kind for said in incidents.entries(conn, number)]

    return stage.run(stage.sim.engine.database.read(read))


def last_errors(stage: Stage) -> list[str]:
    def read(conn: Connection) -> list[str]:
        return list(conn.execute(select(message.c.last_error).order_by(message.c.id)).scalars())

    return stage.run(stage.sim.engine.database.read(read))


@pytest.mark.parametrize(
    "mood",
    [
        moods.status(503),  # refused at the door: the same post, again at once
        moods.status(500),
        moods.status(500, applied=True),
        moods.html(),
        moods.html(502, applied=True),
        moods.STALL_APPLIED,
        moods.RESET_AFTER,
        moods.late(8),
        moods.refuse("fatal_error", applied=True),
        moods.refuse("internal_error"),
    ],
    ids=str,
)
def test_whatever_one_post_meets_exactly_one_stands(stage: Stage, mood: moods.Mood) -> None:
    stage.world.mood(mood, method="chat.postMessage", channel="#db")
    fire(stage)
    wait(stage, 120)
    assert len(stage.world.channel("#db").messages) == 1
    assert stage.world.duplicates() == []
    fire(stage, is_firing=False)
    wait(stage, 120)
    assert stage.world.channel("#db").messages[0].text.startswith("Resolved #1")


def test_an_edit_of_unknown_outcome_is_sent_twice_and_then_no_more(stage: Stage) -> None:
    fire(stage)
    wait(stage, 15)
    stage.world.mood(moods.RESET_AFTER, method="chat.update")
    fire(stage, 2)
    wait(stage, 29)
    before = len([call for call in stage.world.calls_of("chat.update") if call.conversation == "C000001"])
    wait(stage, 5)
    after = len([call for call in stage.world.calls_of("chat.update") if call.conversation == "C000001"])
    wait(stage, 300)
    assert (before, after) == (1, 2)
    assert len([call for call in stage.world.calls_of("chat.update") if call.conversation == "C000001"]) == 2


def test_without_the_history_scope_it_is_posted_again(stage: Stage) -> None:
    stage.world.scopes -= {"channels:history"}
    stage.world.mood(moods.RESET_AFTER, method="chat.postMessage", channel="#db")
    fire(stage)
    wait(stage, 120)
    assert len(stage.world.channel("#db").messages) == 2, "at least once is what was configured"


def test_without_the_history_scope_it_is_left_when_the_file_says_so() -> None:
    stage = Stage(RULES, posts_again=False)
    try:
        stage.world.scopes -= {"channels:history"}
        stage.world.mood(moods.RESET_BEFORE, method="chat.postMessage", channel="#db")
        fire(stage)
        wait(stage, 300)
        assert stage.world.channel("#db").messages == []
    finally:
        stage.close()


def test_when_the_edit_window_closes_the_end_is_posted_anew(stage: Stage) -> None:
    fire(stage)
    wait(stage, 15)
    stage.world.edit_window = timedelta(seconds=4)
    fire(stage, 2)
    wait(stage, 20)
    assert ["HIGH #1 Down 1" in view.text for view in stage.world.channel("#db").messages] == [True]
    fire(stage, is_firing=False)
    fire(stage, 2, is_firing=False)
    wait(stage, 20)
    first, last = stage.world.channel("#db").messages
    assert first.text.startswith("HIGH #1")
    assert last.text.startswith("Resolved #1")


def test_a_message_is_refused_down_to_its_text_and_then_tried_again_in_an_hour(stage: Stage) -> None:
    stage.world.mood(moods.refuse("invalid_blocks"), method="chat.postMessage", channel="#db", times=3)
    fire(stage)
    wait(stage, 60)
    assert stage.world.channel("#db").messages == []
    assert "invalid_blocks" in last_errors(stage)
    wait(stage, 3_600)
    [told] = stage.world.channel("#db").messages
    assert (told.text.startswith("HIGH #1 Down 1"), told.blocks) == (True, [])


def test_a_channel_that_refuses_without_a_fallback_is_told_seconds_after_it_can_be_used(stage: Stage) -> None:
    stage.world.archive("#db")  # which is the fallback too
    fire(stage)
    wait(stage, 300)
    before = len(stage.world.calls)
    stage.world.unarchive("#db")
    wait(stage, 15)
    assert before < 60, "it is not asked without end"
    assert len(stage.world.channel("#db").messages) == 1


def test_a_refused_page_is_written_down_and_said(stage: Stage) -> None:
    stage.world._person_named("maria").takes_direct = False
    fire(stage)
    wait(stage, 20)
    assert EntryKind.PAGE_REFUSED in kinds(stage)
    [home] = stage.world.channel("#db").messages
    assert ["refused the direct message" in reply.text for reply in home.replies] == [True]


def test_a_page_that_is_over_before_it_is_delivered_is_dropped_and_written_down(stage: Stage) -> None:
    stage.world.mood(moods.UNREACHABLE, times=None)
    fire(stage)
    wait(stage, 20)
    fire(stage, is_firing=False)
    wait(stage, 5)
    stage.world.clear_moods()
    wait(stage, 180)
    assert EntryKind.PAGE_DROPPED in kinds(stage)
    assert stage.world.direct("maria").messages == []
    assert [view.text[:11] for view in stage.world.channel("#db").messages] == [], (
        "nor is its end, of which nobody was told the beginning"
    )


def test_a_channel_we_are_not_in_is_entered(stage: Stage) -> None:
    stage.world.scopes -= {"chat:write.public"}
    stage.world.kick("#db")
    fire(stage)
    wait(stage, 20)
    assert stage.world.channel("#db").is_joined
    assert len(stage.world.channel("#db").messages) == 1


def test_no_call_is_made_on_an_old_claim(stage: Stage) -> None:
    """A machine that slept between claim and call: by now somebody else may hold it."""
    fire(stage)
    stage.clock.move_to(stage.clock.now() + timedelta(seconds=10))
    stage.run(stage.sim.engine.dispatch())
    works = stage.run(stage.sim.engine.claim()).works
    assert works
    before = len(stage.world.calls)
    stage.clock.move_to(stage.clock.now() + timedelta(seconds=10))
    for work in works:
        stage.run(stage.sim.engine.tell(work))
    assert len(stage.world.calls) == before
    wait(stage, 5)
    assert len(stage.world.channel("#db").messages) == 1
    assert stage.world.duplicates() == []


def test_every_message_says_whose_it_is(stage: Stage) -> None:
    fire(stage)
    wait(stage, 20)
    [view] = stage.world.channel("#db").messages
    assert (view.metadata["instance"], view.metadata["incident"]) == ("machine", 1)
    assert view.metadata["group_key"] == "default:[('alertname', 'Down')]"


def test_a_name_is_resolved_once_and_follows_a_rename(stage: Stage) -> None:
    fire(stage)
    wait(stage, 15)
    [channel] = [found for found in stage.world.conversations.values() if found.name == "#db"]
    channel.name = "#database"
    fire(stage, is_firing=False)
    wait(stage, 660)
    fire(stage, 2)
    wait(stage, 30)
    assert [one.text.split(" ")[1] for one in stage.world.channel("#database").messages] == ["#1", "#2"]
    assert len(stage.world.calls_of("conversations.list")) == 1


def test_a_direct_message_leads_to_the_message_in_the_channel_once_that_stands(stage: Stage) -> None:
    fire(stage)
    wait(stage, 60)
    fire(stage, 2)
    wait(stage, 60)
    db = stage.world.channel("#db")
    [standing], [paged] = db.messages, stage.world.direct("maria").messages
    assert f"https://fake.example/archives/{db.id}/p{standing.ts.replace('.', '')}|open the message>" in paged.said
