"""What is made of what people do in Slack. Here words are understood, and help is given; nothing is carried out here."""

from router.core.acts.grammar.command import Help, Mistake
from router.core.acts.grammar.parse import parse
from router.core.acts.grammar.words import NOT_IN_THIS_VERSION, help_text
from router.core.mrkdwn import said
from router.notifiers.slack.inbound.response import Reply, Response, Taken
from router.notifiers.slack.inbound.values import Inbound, SlashCommand


async def respond(inbound: Inbound) -> Response:
    """Satisfies `Respond`."""
    if not isinstance(inbound, SlashCommand):
        return Taken()
    match parse(inbound.text):
        case Mistake() as mistake:
            return Reply(said(str(mistake), 1_000))
        case Help(topic):
            return Reply(help_text(topic, command=inbound.command))
        case _:
            return Reply(NOT_IN_THIS_VERSION)
