"""Nothing owed waits for first words without end, nor for another method's limit."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from router.store.evaluation import messages as messages_of
from tests.deliver.test_order import messages, rules_of, stage
from tests.machines.stage import Stage, alert
from tests.slackworld import moods

CHANNELS = [f"#team-{number}" for number in range(50)]
CALM = [f"Calm{number}" for number in range(20)]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def play() -> Iterator[Stage]:
    with stage(rules_of(CHANNELS), *CHANNELS) as made:
        yield made


def told(play: Stage, words: str) -> int:
    return sum(words in message.text for message in messages(play.world, ["#db"]))


def test_ends_are_told_within_a_minute_whatever_first_words_wait(play: Stage) -> None:
    clock, sim, world = play.clock, play.sim, play.world
    began = clock.now()
    play.run(sim.take("prometheus", "prometheus", [alert(one, 1, since=began) for one in CALM]))
    play.run(sim.run_for(2 * MINUTE))
    assert told(play, "HIGH") == len(CALM)
    world.mood(moods.slow(0.25), method="chat.postMessage", times=None)  # so that some channel can always be posted to
    storm(play, 5_000)
    play.run(sim.run_for(MINUTE))
    over = [alert(one, 1, since=began, is_firing=False) for one in CALM]
    play.run(sim.take("prometheus", "prometheus", over))
    play.run(sim.run_for(MINUTE))
    assert told(play, "Resolved") == len(CALM)
    assert 400 < len(messages(world, CHANNELS)) < 1_000, "most of them wait still, at Slack's pace"
    assert world.refused_for_pace == 0


def storm(play: Stage, words: int) -> None:
    """So many first words at once, written down as the evaluation of so many groups would."""
    now = play.clock.now()

    def step(conn: Connection) -> None:
        for number in range(words):
            text = f"Storm {number}"
            messages_of.post(conn, notifier="T000001", target=CHANNELS[number % len(CHANNELS)], text=text, now=now)

    play.run(play.sim.engine.database.write(step))
    play.sim._next_due = None


@pytest.mark.parametrize("waiting", [1, 500], ids=["one_waits", "five_hundred_wait"])
def test_a_limit_of_posts_stops_no_edit(waiting: int) -> None:
    with stage(rules_of([])) as play:
        clock, sim, world = play.clock, play.sim, play.world
        began = clock.now()
        play.run(sim.take("prometheus", "prometheus", [alert("Down", 1, since=began)]))
        play.run(sim.run_for(MINUTE))
        world.mood(moods.ratelimit(900), method="chat.postMessage")
        new = [alert(f"New{number}", 1, since=clock.now()) for number in range(waiting)]
        play.run(sim.take("prometheus", "prometheus", new))
        play.run(sim.run_for(MINUTE))
        assert len(world.channel("#db").messages) == 1, "posts have a limit for a quarter of an hour"
        since = {1: began}
        for number in (2, 3):
            since[number] = clock.now()
            play.run(sim.take("prometheus", "prometheus", [alert("Down", number, since=clock.now())]))
            play.run(sim.run_for(MINUTE))
            assert f"×{number}" in world.channel("#db").messages[0].text
        over = [alert("Down", number, since=at, is_firing=False) for number, at in since.items()]
        play.run(sim.take("prometheus", "prometheus", over))
        play.run(sim.run_for(MINUTE))
        assert world.channel("#db").messages[0].text.startswith("Resolved #1")
        assert len(world.channel("#db").messages) == 1
        play.run(sim.run_for(timedelta(minutes=12)))
        assert len(world.channel("#db").messages) > 1
        assert world.refused_for_pace == 0
