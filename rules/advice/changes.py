"""What one configuration changes against another, in lines for the person who reloads. Pure."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from rules.model.configuration import Configuration
from rules.model.oncall import turn_at, turns
from rules.model.ruleset import RuleSet
from rules.model.window import zone

DAYS = 14
"""How far ahead turns are compared."""
LINES = 10
"""So many intervals of one schedule are listed."""

LISTED = 20
"""Changed entries of one catalogue that have a line each."""


class TurnChange(msgspec.Struct, frozen=True):
    """A time in which somebody else is on call than before. "" is nobody. The end is exclusive."""

    schedule: str
    begins: datetime
    ends: datetime
    before: str
    after: str


def changes(before: Configuration, after: Configuration, at: datetime | None = None) -> Iterator[str]:
    """A line for each thing that came, went or changed; nothing when nothing did. With an instant: whose turns move."""
    yield from _named("team", {one.name: one for one in before.teams}, {one.name: one for one in after.teams})
    yield from _named("route", _routes(before), _routes(after))
    yield from _named("source", before.sources, after.sources)
    yield from _named("person", before.rules.people, after.rules.people)
    yield from _named("schedule", before.rules.schedules, after.rules.schedules)
    yield from _named("window", before.rules.windows, after.rules.windows)
    yield from _named("policy", before.rules.policies, after.rules.policies)
    yield from _named(
        "maintenance",
        {one.name: one for one in before.rules.maintenance},
        {one.name: one for one in after.rules.maintenance},
    )
    yield from _named(
        "inhibition", {one.name: one for one in before.rules.inhibit}, {one.name: one for one in after.rules.inhibit}
    )
    yield from _catalogue(before, after)
    yield from _named("copy", _copies(before), _copies(after))
    yield from _named("heartbeat", _heartbeats(before), _heartbeats(after))
    yield from _named("webhook", before.webhooks, after.webhooks)
    if before.outward != after.outward:
        yield "router changed"
    for key in ("name", "timezone", "server", "storage", "slack", "rules_files"):
        if getattr(before, key) != getattr(after, key):
            yield f"{key} changed"
    if at is not None:
        yield from _turns_said(before.rules, after.rules, at)


def turn_changes(before: RuleSet, after: RuleSet, at: datetime) -> Iterator[TurnChange]:
    """The next 14 days of every schedule that both have, where the person differs."""
    end = at + timedelta(days=DAYS)
    for name, schedule in after.schedules.items():
        former = before.schedules.get(name)
        if former is None or former == schedule:
            continue
        edges = {at, end}
        for one in (former, schedule):
            edges |= {when for when, _ in itertools.takewhile(lambda change: change[0] < end, turns(one, at))}
        found: TurnChange | None = None
        for begins, ends in itertools.pairwise(sorted(edges)):
            was, becomes = turn_at(former, begins).person, turn_at(schedule, begins).person
            if found is not None and (was, becomes) == (found.before, found.after) and found.ends == begins:
                found = msgspec.structs.replace(found, ends=ends)
                continue
            if found is not None:
                yield found
            found = TurnChange(name, begins, ends, was, becomes) if was != becomes else None
        if found is not None:
            yield found


def _turns_said(before: RuleSet, after: RuleSet, at: datetime) -> Iterator[str]:
    for name, group in itertools.groupby(turn_changes(before, after, at), key=lambda change: change.schedule):
        moved = list(group)
        where = zone(after.schedules[name].zone)
        for change in moved[:LINES]:
            begins, ends = (edge.astimezone(where) for edge in (change.begins, change.ends))
            span = f"{begins:%a %Y-%m-%d %H:%M} – {ends:%a %Y-%m-%d %H:%M}"
            yield f"{name}: {span}: {change.before or 'nobody'} → {change.after or 'nobody'}"
        if len(moved) > LINES:
            yield f"{name}: and {len(moved) - LINES} more within {DAYS} days"


def _routes(configuration: Configuration) -> Mapping[str, object]:
    return {
        route_id: (route.match, route.settings, route.continues)
        for route_id, route in configuration.rules.routes.items()
    }


def _catalogue(before: Configuration, after: Configuration) -> Iterator[str]:
    """Entries are compared by what they say, not by their line; a generated file may change hundreds at once."""
    for label in sorted({*before.rules.catalog, *after.rules.catalog}):
        old, new = (
            {value: entry.said for value, entry in one.rules.catalog.get(label, {}).items()} for one in (before, after)
        )
        lines = list(_named(f"catalog.{label} entry", old, new))
        if len(lines) <= LISTED:
            yield from lines
            continue
        counts = Counter(line.rpartition(" ")[2] for line in lines)
        yield f"catalog.{label}: {', '.join(f'{count} entries {what}' for what, count in sorted(counts.items()))}"


def _copies(configuration: Configuration) -> Mapping[str, object]:
    return {copy.name: (copy.match, copy.channels) for copy in configuration.rules.copies.all}


def _heartbeats(configuration: Configuration) -> Mapping[str, object]:
    """Without those of sources, which change with them."""
    return {one.name: one for one in configuration.rules.awaited.heartbeats if not one.source}


def _named(kind: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"{kind} {name} added"
        elif name not in after:
            yield f"{kind} {name} removed"
        elif before[name] != after[name]:
            yield f"{kind} {name} changed"
