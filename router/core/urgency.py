"""Which of several things goes first: pages, first words by severity, ends, edits. Pure."""

from datetime import datetime, timedelta

import msgspec

from router.core.content import Subject
from router.core.delivery import Act

END_PATIENCE = timedelta(seconds=30)
"""An end waits no longer than this behind first words: it is to be told within a minute."""
PATIENCE = timedelta(seconds=60)
"""Nor anything else because of order alone."""


class Candidate(msgspec.Struct, frozen=True):
    """A call that could be made now."""

    act: Act
    subject: Subject
    is_first: bool
    """Nothing of this message stands yet."""
    tells_end: bool
    rank: int
    """Of the severity."""
    since: datetime
    """Since when it is owed."""
    is_ages_turn: bool = False
    """In its conversation, what is posted next goes by age."""


def urgency(one: Candidate, now: datetime) -> tuple[int, int, datetime]:
    """Sorts the most urgent first."""
    if one.is_first:
        if one.subject in {Subject.PAGE, Subject.NOTE}:
            return 0, -one.rank, one.since
        is_old = one.is_ages_turn and one.since <= now - PATIENCE
        return 2, -99 if is_old else -one.rank, one.since
    patience = END_PATIENCE if one.tells_end else PATIENCE
    is_old = one.since <= now - patience
    if is_old and (
        one.act is not Act.REPLY or one.is_ages_turn
    ):  # a reply takes the place of a first word; an edit not
        return 1, 0, one.since
    if one.tells_end or one.act is Act.REPLY or is_old:
        return 3, 0, one.since
    return 4, -one.rank, one.since


def is_news(one: Candidate) -> bool:
    """Whether somebody waits for it: the pace keeps room for it."""
    return one.is_first or one.tells_end or one.subject is not Subject.INCIDENT
