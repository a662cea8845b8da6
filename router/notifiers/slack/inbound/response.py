"""What is answered within three seconds, as a value, and as the bytes that Slack reads. Whatever takes longer is told by a
call of ours: chat.update, views.open, the response_url.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from router.notifiers.slack.inbound.values import Inbound, SlashCommand, ViewSubmission

_encode = msgspec.json.Encoder().encode


class Taken(msgspec.Struct, frozen=True):
    """It is written down, or there was nothing to do: nothing needs to be said."""


class Reply(msgspec.Struct, frozen=True):
    """To a slash command."""

    text: str
    """mrkdwn; shown in notifications where there are blocks."""
    blocks: Sequence[Mapping[str, Any]] = ()
    is_public: bool = False
    """Everybody in the channel sees it, and the command with it; else only who gave it."""


class ViewErrors(msgspec.Struct, frozen=True):
    """To a modal: it stays open."""

    errors: Mapping[str, str]
    """block_id of an input → what is wrong with it."""


class ViewUpdated(msgspec.Struct, frozen=True):
    """To a modal: this stands in its place."""

    view: Mapping[str, Any]


Response = Taken | Reply | ViewErrors | ViewUpdated


def changes_nothing(response: Response) -> bool:
    """The same may be sent again and mean something now."""
    return isinstance(response, ViewErrors)


def encoded(inbound: Inbound, response: Response) -> bytes:
    """The body; b"" where there is nothing to say. Raises TypeError for an answer that Slack
    takes to another kind of question."""
    match inbound, response:
        case _, Taken():
            return b""
        case SlashCommand(), Reply(text, blocks, is_public):
            body: dict[str, Any] = {"response_type": "in_channel" if is_public else "ephemeral", "text": text}
            return _encode({**body, "blocks": blocks} if blocks else body)
        case ViewSubmission(), ViewErrors(errors):
            return _encode({"response_action": "errors", "errors": errors})
        case ViewSubmission(), ViewUpdated(view):
            return _encode({"response_action": "update", "view": view})
        case _:
            raise TypeError(f"{type(response).__name__} is no answer to {type(inbound).__name__}")
