"""Which channels show an incident, and whom it pages: decided when it opens and kept to its end; copies join as alerts do.

Owns no word: it begins messages, dispatch writes what they say. A reload of the catalogue or of the copies moves nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from router.core.member import visible
from router.escalate import Rules
from router.metrics import Metrics
from router.store import groups, messages, pages
from rules.catalog import Miss, channels_for, further_channels, page_for
from rules.route import Page
from rules.ruleset import RuleSet

ASKED = 2_000
"""Alerts that are read at once to ask the copies about them."""


class Audience:
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
        """The incident opens: home and the route's other channels, by the labels of its worst alert."""
        settings, catalog = self._group.settings, self._rules.ruleset.catalog
        own = channels_for(settings, labels, catalog)
        also = further_channels(settings.also, labels, catalog)
        for place, shown in enumerate((*own.shown, *also.shown)):
            self._show(shown.channel, is_home=place == 0 and bool(own.shown))
        self._count((*own.misses, *also.misses))
        if not own.shown and not also.shown:
            self._metrics.add("alert_router_unrouted", (self._group.route,))

    def join_copies(self) -> bool:
        """Whether a channel joined: a copy does when an alert that was told matches it, and stays to the end."""
        ruleset = self._rules.ruleset
        if not ruleset.copies:
            return False
        joined: dict[str, bool] = {}
        while members := groups.take_unasked(self._conn, self._group.id, ASKED):
            for member in members:
                labels = visible(member)
                for copy in ruleset.copies.of(labels):
                    for shown in further_channels(copy.channels, labels, ruleset.catalog).shown:
                        if shown.channel in joined:
                            continue
                        joined[shown.channel] = self._show(shown.channel)
                        if joined[shown.channel]:
                            self._metrics.add("alert_router_copies_joined", (copy.name,))
        return any(joined.values())

    def page(self, labels: Mapping[str, str], *, is_new: bool) -> Page | None:
        """Whom it pages: by the labels of its worst alert when it opens. One that reopens stays with whom it had."""
        settings = self._group.settings
        if settings.page_from and not is_new and (before := pages.last(self._conn, self._number)) is not None:
            return before
        found = page_for(settings, labels, self._rules.ruleset.catalog)
        self._count(found.misses)
        return found.page

    def _show(self, channel: str, *, is_home: bool = False) -> bool:
        """Begin a message there, unless the incident has one there already."""
        conversation = messages.conversation_for(self._conn, self._rules.workspace, channel, now=self._now)
        if messages.is_shown(self._conn, self._number, conversation):
            return False
        messages.begin(
            self._conn,
            subject="incident",
            conversation_id=conversation,
            rank=self._rank,
            now=self._now,
            incident=self._number,
            is_home=is_home,
        )
        return True

    def _count(self, misses: Sequence[Miss]) -> None:
        for miss in misses:
            self._metrics.add("alert_router_looked_up_in_vain", (self._group.route, miss.label))


def summary_channel(conn: Connection, group: groups.Group, ruleset: RuleSet) -> str:
    """Where a word about a group goes that is no incident's: home, or what would be; "" tells nobody."""
    if group.incident is not None and (home := messages.open_home(conn, group.incident)):
        return home
    worst = next(iter(groups.unheard(conn, group.id, 1)), None)
    labels = dict(group.labels) if worst is None else visible(worst)
    shown = channels_for(group.settings, labels, ruleset.catalog).shown
    return shown[0].channel if shown else ""
