"""What one configuration changes against another, in lines for the person who reloads. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping

from rules.configuration import Configuration

LISTED = 20
"""Changed entries of one catalogue that have a line each."""


def changes(before: Configuration, after: Configuration) -> Iterator[str]:
    """A line for each thing that came, went or changed; nothing when nothing did."""
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
    if before.outward != after.outward:
        yield "router changed"
    for key in ("name", "timezone", "server", "storage", "slack", "rules_files"):
        if getattr(before, key) != getattr(after, key):
            yield f"{key} changed"


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
