"""What one call to a receiver came to, sorted: every notifier answers in these words. Data only."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from router.core.view import Phase


class Outcome(StrEnum):
    """What one call came to."""

    DELIVERED = "delivered"
    RETRY = "retry"
    """Certainly nothing happened; try again after `Answer.retry_after`, or by backoff when that is None."""
    UNKNOWN = "unknown"
    """It may have happened."""
    MESSAGE_REFUSED = "message_refused"
    CHANNEL_REFUSED = "channel_refused"
    ANCHOR_LOST = "anchor_lost"
    """The message that was to be changed or answered is gone."""
    EDIT_CLOSED = "edit_closed"
    """It may not be changed any more: go on in the thread, post anew only for the end."""
    WORKSPACE_REFUSED = "workspace_refused"
    """Whoever calls is refused, whatever the call: a person must look."""
    NOT_FOUND = "not_found"
    """Of a search: nothing with that key, in all pages."""
    UNSEARCHABLE = "unsearchable"
    """Of a search: nobody can look there."""


class Answer(msgspec.Struct, frozen=True):
    """A receiver's answer, sorted."""

    outcome: Outcome
    channel: str = ""
    """The conversation's id, where the answer names it."""
    ts: str = ""
    """What names the message from now on: for edits, its thread, and to know that it stands."""
    retry_after: timedelta | None = None
    is_rate_limit: bool = False
    """The method is blocked for everybody until then, not only for this message."""
    error: str = ""
    """The receiver's code or the transport's fault; safe to show, never a token or a body."""
    server_time: datetime | None = None
    """From the `Date` header."""
    warning: str = ""
    told_as: Phase | None = None
    """DELIVERED, of a notifier that tells an acknowledgement: as what the receiver has the incident now. Where that is not
    what it was to be told, another call is due. None: as it was to be told."""
    unheard_until: datetime | None = None
    """DELIVERED to a person: the receiver keeps it silent for them until then."""
