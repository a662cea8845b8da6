"""Which channels show an incident, and whom it pages: decided when it opens and kept to its end; copies join as alerts do.

Owns no word: it begins messages, dispatch writes what they say. A reload of the catalogue or of the copies moves nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from router.core.content import Subject
from router.core.member import Member, MemberState, visible
from router.incidents.escalate import Rules
from router.runtime.metrics import Metrics
from router.store.evaluation import groups, members, messages, pages
from rules.model.catalog import Miss, channels_for, further_channels, page_for
from rules.model.route import Page
from rules.model.ruleset import RuleSet

ASKED = 2_000
"""Alerts that are read at once to ask the copies about them."""


class Recipients:
    """Of one incident, within one look."""

    def __init__(
        self,
        conn: Connection,
        number: int,
        group: groups.Group,
        rank: int,
        now: datetime,
        rules: Rules,
        metrics: Metrics,
    ) -> None:
        self._conn, self._number, self._group = conn, number, group
        self._rank, self._now, self._rules, self._metrics = rank, now, rules, metrics

    def begin(self, labels: Mapping[str, str]) -> None:
        """The incident opens: home and the route's other channels, by the labels of its worst alert, and its webhooks."""
        home, others = self._channels(labels)
        for channel in (home, *others) if home else others:
            self._show(channel, is_primary=channel == home)
        self._tell_webhooks()
        if not home and not others and not self._group.settings.also_webhooks:
            self._metrics.add("alert_router_unrouted", (self._group.route,))

    def bring(self, labels: Mapping[str, str], *, moved_to: str, seq: int) -> None:
        """The incident came along from another group: channels common to both go on, as copies and webhooks do; the others
        hear where it went."""
        home, others = self._channels(labels)
        at_home = self._conversation(home) if home else None
        own = dict.fromkeys(self._conversation(channel) for channel in ((home, *others) if home else others))
        copies = {self._conversation(channel): None for channel in self._copies()}
        missing = messages.rehome(
            self._conn, self._number, own | copies, home=at_home, moved_to=moved_to, seq=seq, now=self._now
        )
        for conversation in missing:
            is_primary = conversation == at_home
            self._begin(conversation, is_primary=is_primary, is_copy=conversation not in own, thread_seq=seq)
        self._tell_webhooks()

    def join_copies(self) -> bool:
        """Whether a channel joined: a copy does when an alert that was told matches it, and stays to the end."""
        joined = [self._show(channel, is_copy=True) for channel in self._copies()]
        return any(joined)

    def _channels(self, labels: Mapping[str, str]) -> tuple[str, list[str]]:
        """Home ("": none) and the others."""
        settings, catalog = self._group.settings, self._rules.ruleset.catalog
        own = channels_for(settings, labels, catalog)
        also = further_channels(settings.also, labels, catalog)
        self._count((*own.misses, *also.misses))
        others = dict.fromkeys(shown.channel for shown in (*own.shown, *also.shown))
        others.pop(own.home, None)
        return own.home, list(others)

    def _copies(self) -> list[str]:
        """The channels of the copies that what is news to them matches."""
        ruleset = self._rules.ruleset
        if not ruleset.copies:
            return []
        found: dict[str, None] = {}
        while news := members.take_unasked(self._conn, self._group.id, ASKED):
            for member in news:
                labels = visible(member)
                for copy in ruleset.copies.of(labels):
                    shown = further_channels(copy.channels, labels, ruleset.catalog).shown
                    found.update(dict.fromkeys(one.channel for one in shown))
        return list(found)

    def page(self, labels: Mapping[str, str], *, is_new: bool) -> Page | None:
        """Whom it pages: by the labels of its worst alert when it opens. One that reopens stays with whom it had."""
        settings = self._group.settings
        if settings.page_from and not is_new and (before := pages.last(self._conn, self._number)) is not None:
            return before
        found = page_for(settings, labels, self._rules.ruleset.catalog)
        self._count(found.misses)
        return found.page

    def _tell_webhooks(self) -> None:
        for webhook in self._group.settings.also_webhooks:
            messages.tell_webhook(self._conn, self._number, webhook, rank=self._rank, now=self._now)

    def _conversation(self, channel: str) -> int:
        return messages.conversation_for(self._conn, self._rules.notifier, channel, now=self._now)

    def _show(self, channel: str, *, is_primary: bool = False, is_copy: bool = False) -> bool:
        """Begin a message there, unless the incident has one there already."""
        conversation = self._conversation(channel)
        if not is_primary and messages.shown_at(self._conn, self._number, conversation) is not None:
            return False
        self._begin(conversation, is_primary=is_primary, is_copy=is_copy)
        return True

    def _begin(self, conversation: int, *, is_primary: bool, is_copy: bool, thread_seq: int = 0) -> None:
        if is_copy:
            self._metrics.add("alert_router_copies_joined")
        messages.begin(
            self._conn,
            subject=Subject.INCIDENT,
            conversation_id=conversation,
            rank=self._rank,
            now=self._now,
            incident=self._number,
            is_primary=is_primary,
            is_copy=is_copy,
            thread_seq=thread_seq,
        )

    def _count(self, misses: Sequence[Miss]) -> None:
        for miss in misses:
            self._metrics.add("alert_router_catalog_misses", (self._group.route, miss.label))


def primary_of(conn: Connection, group: groups.Group, counted: members.Counts, ruleset: RuleSet) -> str:
    """Where an incident of this group would be at home if it opened now; "" tells nobody."""
    worst = _worst(conn, group, counted, MemberState.ARRIVED) or _worst(
        conn, group, counted, MemberState.ENDED_BEFORE_NOTIFIED
    )
    labels = dict(group.labels) if worst is None else visible(worst)
    return channels_for(group.settings, labels, ruleset.catalog).home


def summary_channel(conn: Connection, group: groups.Group, counted: members.Counts, ruleset: RuleSet) -> str:
    """Where what began and ended while it was held back is counted: home, or what would have been."""
    if group.incident is not None and (home := messages.open_home(conn, group.incident)):
        return home
    worst = _worst(conn, group, counted, MemberState.ENDED_BEFORE_NOTIFIED)
    labels = dict(group.labels) if worst is None else visible(worst)
    return channels_for(group.settings, labels, ruleset.catalog).home


def _worst(conn: Connection, group: groups.Group, counted: members.Counts, state: MemberState) -> Member | None:
    return next(iter(members.worst(conn, group.id, counted, (state,), 1)), None)
