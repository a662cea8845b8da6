"""Order under pacing: pages, first words, ends, edits; what five hundred ends at once take, and who waits for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from adapters.alert import Severity
from tests.machines.stage import Stage, alert
from tests.slackworld import MessageView, SlackWorld, moods
from tests.slackworld.state import instant_of

INCIDENTS = 500
TRUE_WITHIN = timedelta(minutes=12)
SAID_WITHIN = timedelta(seconds=10)


@contextmanager
def stage(rules: str, *channels: str) -> Iterator[Stage]:
    made = Stage(rules)
    for channel in channels:
        made.world.add_channel(channel, members=("maria",))
    made.world.add_person("bob")
    try:
        yield made
    finally:
        made.close()


def rules_of(channels: list[str]) -> str:
    routes = "\n".join(
        f'    - {{name: c{number}, match: [\'alertname =~ "Many.*{number:02}"\'], channel: "{channel}"}}'
        for number, channel in enumerate(channels)
    )
    return f"""
routing:
  channel: "#db"
  group_by: [alertname]
  repeat_interval: none
  routes:
    - {{name: paging, match: ['alertname =~ "Page.*"'], page: bob}}
{routes}
people: {{bob: {{email: bob@example.com}}}}
"""


def messages(world: SlackWorld, channels: list[str]) -> list[MessageView]:
    return [message for channel in channels for message in world.channel(channel).messages]


def name(number: int, channels: int) -> str:
    return f"Many{number:03}x{number % channels:02}"


@pytest.mark.parametrize("spread", [1, 20])
def test_five_hundred_incidents_that_end_at_once_are_true_within_twelve_minutes(spread: int) -> None:
    channels = ["#db"] if spread == 1 else [f"#team-{number}" for number in range(spread)]
    with stage(rules_of(channels if spread > 1 else []), *(channels if spread > 1 else [])) as play:
        clock, sim, world = play.clock, play.sim, play.world
        began = clock.now()
        names = [name(number, spread) for number in range(INCIDENTS)]
        play.run(sim.take("prometheus", "prometheus", [alert(one, 1, since=began) for one in names]))
        play.run(sim.run_for(timedelta(minutes=15)))
        assert len(messages(world, channels)) == INCIDENTS

        ended = clock.now()
        over = [alert(one, 1, since=began, is_firing=False) for one in names]
        play.run(sim.take("prometheus", "prometheus", over))
        news: list[tuple[datetime, str]] = []
        while any("Resolved" not in one.text for one in messages(world, channels) if "Many" in one.text):
            assert clock.now() - ended <= TRUE_WITHIN
            if not news or clock.now() - news[-1][0] >= timedelta(minutes=1):
                news.append((clock.now(), f"Page{len(news)}"))
                fresh = alert(news[-1][1], 1, since=clock.now(), severity=Severity.CRITICAL)
                play.run(sim.take("prometheus", "prometheus", [fresh]))
            play.run(sim.run_for(timedelta(seconds=5)))
        waited = [
            (instant_of(message.ts) - at, word)
            for at, word in news
            for place in (world.channel("#db"), world.direct("bob"))
            for message in place.messages
            if f"{word} 1" in message.text and instant_of(message.ts) >= at
        ]
        assert len(waited) == 2 * len(news), "each is told in the channel and to who is on call"
        assert max(waited)[0] <= SAID_WITHIN
        assert world.refused_for_pace == 0
        assert not world.duplicates()


def test_thirty_edits_at_once_are_made_within_five_seconds() -> None:
    """While fewer than forty a minute are needed in the workspace, no edit waits for another."""
    channels = [f"#team-{number}" for number in range(10)]
    with stage(rules_of(channels), *channels) as play:
        began = play.clock.now()
        names = [name(number, 10) for number in range(30)]
        for instance in (1, 2):
            fired = [alert(one, instance, since=play.clock.now()) for one in names]
            play.run(play.sim.take("prometheus", "prometheus", fired))
            play.run(play.sim.run_for(timedelta(minutes=4) if instance == 1 else timedelta(seconds=5)))
        assert all("×2" in one.text for one in messages(play.world, channels))
        assert play.clock.now() - began < timedelta(minutes=5)


def test_an_end_that_cannot_be_edited_for_two_minutes_is_told_in_the_thread_first() -> None:
    with stage(rules_of([])) as play:
        clock, sim, world = play.clock, play.sim, play.world
        began = clock.now()
        play.run(sim.take("prometheus", "prometheus", [alert("Down", 1, since=began)]))
        play.run(sim.run_for(timedelta(seconds=20)))
        world.mood(moods.refuse("internal_error"), method="chat.update", times=None)
        play.run(sim.take("prometheus", "prometheus", [alert("Down", 1, since=began, is_firing=False)]))
        play.run(sim.run_for(timedelta(minutes=1)))
        [message] = world.channel("#db").messages
        assert "Resolved" not in message.text
        assert not message.replies
        play.run(sim.run_for(timedelta(minutes=4)))
        [message] = world.channel("#db").messages
        assert [reply.text for reply in message.replies] == ["#1 Down 1: resolved after 20 s"]
        world.clear_moods()
        play.run(sim.run_for(timedelta(minutes=3)))
        [message] = world.channel("#db").messages
        assert "Resolved" in message.text
        assert len(message.replies) == 1
