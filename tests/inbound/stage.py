"""A world with two people and a channel, and those who act in it."""

from tests.slack.conftest import HandClock
from tests.slackworld import SlackWorld
from tests.slackworld.acting import Acting


def acting(clock: HandClock) -> Acting:
    world = SlackWorld(clock.now)
    world.add_person("maria", slack_id="U0MARIA")
    world.add_person("jonas", slack_id="U0JONAS")
    world.add_channel("#db", members=("maria", "jonas"), slack_id="C0DB000")
    return Acting(world)
