"""What Slack shows against what is true: independent of how the router keeps either."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from tests.slackworld import MessageView, SlackWorld
from tests.slackworld.state import Message

_HEADLINE = re.compile(r"(?P<state>CRITICAL|HIGH|MEDIUM|LOW|INFO|Resolved) #(?P<number>\d+) (?P<rest>.*)")
_WORDS = re.compile(r"(?:: |; )(reopened|resolved after)\b")
_TIMES = re.compile(r"×(\d+)")


def firing_by_message(messages: Iterable[MessageView]) -> dict[str, int]:
    """Name of the group → how many alerts its message says are firing; 0 when it says that it is over.

    A second message of one group fails: each has one.
    """
    shown: dict[str, int] = {}
    for message in messages:
        name = group_of(message)
        assert name not in shown, f"two messages of {name}"
        found = _HEADLINE.match(message.text)
        assert found is not None, message.text
        if found["state"] == "Resolved":
            shown[name] = 0
        else:
            times = _TIMES.search(found["rest"])
            shown[name] = int(times[1]) if times else 1
    return shown


def is_true(messages: Iterable[MessageView], true: Mapping[str, int]) -> bool:
    """Every group's message says how many of it fire. Only a group of which none does may have none: it ended before its
    first word was posted."""
    shown = firing_by_message(messages)
    return set(shown) <= set(true) and all(shown.get(name, 0) == firing for name, firing in true.items())


def group_of(message: MessageView) -> str:
    """The alert's name, from our metadata: the text may be shortened."""
    found = re.search(r"'alertname', '([^']+)'|'alert\.name', '([^']+)'", str(message.metadata["group_key"]))
    assert found is not None, message.metadata
    return found[1] or found[2]


def posted(world: SlackWorld) -> Iterator[Message]:
    """Every message that stands, top-level or reply, wherever."""
    world.settle()
    for conversation in world.conversations.values():
        yield from (message for message in conversation.messages if not message.is_deleted)


def delivered_twice(world: SlackWorld) -> list[str]:
    """Delivery ids with which more than one message was posted, as each first said: an edit may say another."""
    ids = Counter(
        str(message.versions[0].metadata.get("event_payload", {}).get("delivery_id", "")) for message in posted(world)
    )
    assert "" not in ids, "a message was posted without a delivery id"
    return [delivery for delivery, count in ids.items() if count > 1]


def end_is_told_once(message: MessageView) -> bool:
    """The last word is that all of it is over, and no end was told twice without a word in between that it is back.

    One reply tells all that happened since the last: an end and what followed it may be told together.
    """
    is_over = message.versions[0].text.startswith("Resolved ")  # it came when all was over
    for reply in message.replies:
        for word in _WORDS.findall(reply.text):
            if word == "resolved after" and is_over:
                return False
            is_over = word == "resolved after"
    return is_over
