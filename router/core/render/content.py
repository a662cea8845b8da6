"""Contents as Slack messages: which of the renderings tells what, and what is left of one that was refused. Pure."""

from router.core.content import Content, Subject
from router.core.render.blocks import fewer_blocks, plain, post_message
from router.core.render.direct import page_end_message, page_message, page_worse_message
from router.core.render.message import incident_message
from router.core.render.notice import with_notice
from router.core.render.thread import thread_reply
from router.core.view import EntryKind, IncidentView, Rendered, State


class RenderError(Exception):
    """No message could be made of a content, whatever the reason: it is to be told bare instead."""


LEVELS = ("whole", "fewer_blocks", "plain_text")
"""What is sent after so many refusals."""


def rendered(content: Content, *, is_reply: bool = False) -> Rendered:
    """The message as it should stand now. Raises RenderError."""
    try:
        message = _rendered(content, is_reply=is_reply)
        return (message, fewer_blocks(message), plain(message))[min(content.degraded, len(LEVELS) - 1)]
    except Exception as error:  # a person must hear of the alert, whatever is wrong with its words
        raise RenderError from error


def _rendered(content: Content, *, is_reply: bool) -> Rendered:
    view = content.view
    if content.subject is Subject.POST or view is None:
        message = post_message(content.text, content.mentions)
    elif is_reply:
        return thread_reply(content.entries, view)
    elif content.page is not None:
        return _direct(content, view)
    else:
        message = incident_message(
            view,
            is_primary=content.is_primary,
            home=content.home,
            external_url=content.external_url,
            instance=content.instance,
            may_act=content.may_act,
        )
    return with_notice(message, content.notice) if content.notice else message


def _direct(content: Content, view: IncidentView) -> Rendered:
    if content.page is None:
        raise AssertionError("a direct message without its page")
    acting = content.instance if content.may_act else None
    if content.subject is not Subject.NOTE:
        return page_message(view, content.page, content.external_url, acting)
    entry = content.entries[0]
    if entry.kind is EntryKind.ALL_RESOLVED and view.state is State.RESOLVED:
        return page_end_message(view, content.page)
    return page_worse_message(view, content.page, entry, content.external_url, acting)
