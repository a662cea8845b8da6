"""A word why a message stands where it does not belong. Pure."""

import msgspec

from router.core.mrkdwn import said
from router.core.render.blocks import context, fitted
from router.core.view import Rendered


def with_notice(message: Rendered, word: str) -> Rendered:
    """The same message, begun with the word; a message of text alone gets it in front."""
    if not message.blocks:
        return Rendered(text=said(f"{word} {message.text}", 4_000))
    return fitted(msgspec.structs.replace(message, blocks=(context(said(word, 300)), *message.blocks)))
