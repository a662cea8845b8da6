"""What became of a modal that was to be opened. A trigger id dies after three seconds, and opens one."""

from enum import StrEnum
from typing import Final

from router.core.answer import Answer, Outcome


class Opened(StrEnum):
    """How `views.open` came out."""

    OPEN = "open"
    LATE = "late"
    """The trigger id was dead: whoever pressed can press again."""
    TWICE = "twice"
    """It opened one already: Slack told us of the same press again."""
    UNSURE = "unsure"
    """Slack is away, or asks for a pause; it may have opened."""
    REFUSED = "refused"
    """Nothing about it will be taken the next time either: a view that is not as it should be, a token that is revoked."""


_BY_CODE: Final = {
    "expired_trigger_id": Opened.LATE,
    "trigger_expired": Opened.LATE,
    "exchanged_trigger_id": Opened.TWICE,
    "trigger_exchanged": Opened.TWICE,
}
"""Slack writes each of the two in two ways."""


def opened(answer: Answer) -> Opened:
    match answer.outcome:
        case Outcome.DELIVERED:
            return Opened.OPEN
        case Outcome.RETRY | Outcome.UNKNOWN:
            return Opened.UNSURE
        case _:
            return _BY_CODE.get(answer.error, Opened.REFUSED)
