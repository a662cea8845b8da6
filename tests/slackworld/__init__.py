"""A Slack for tests: one pure world, reached over HTTP (`FakeSlack`) or directly, on a virtual clock (`FakeTransport`).

Strict where Slack is strict: tokens, forms, block limits, pace, membership. Its weather is made by `moods`.
"""

from tests.slackworld import moods
from tests.slackworld.pace import Strictness
from tests.slackworld.server import FakeSlack
from tests.slackworld.state import Sound
from tests.slackworld.transport import FakeTransport
from tests.slackworld.views import ChannelView, MessageView
from tests.slackworld.workspace import TOKEN
from tests.slackworld.world import SlackWorld

__all__ = [
    "TOKEN",
    "ChannelView",
    "FakeSlack",
    "FakeTransport",
    "MessageView",
    "SlackWorld",
    "Sound",
    "Strictness",
    "moods",
]
