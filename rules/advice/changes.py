"""What one configuration changes against another, in lines for the person who reloads. Pure."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from rules.advice.differences import differences
from rules.advice.explain import written_setting
from rules.language.routing_keys import SETTINGS
from rules.language.times import said
from rules.model.configuration import Configuration
from rules.model.matcher import written
from rules.model.oncall import turn_at, turns
from rules.model.route import Route
from rules.model.ruleset import Retention, RuleSet, SilenceSettings
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


class _Shown(msgspec.Struct, frozen=True):
    """What an entry of a catalogue says, by the keys it says it with."""

    channel: object
    page: object


class _CopyWords(msgspec.Struct, frozen=True):
    """The same of a copy."""

    match: object
    channel: object


def changes(before: Configuration, after: Configuration, at: datetime | None = None) -> Iterator[str]:
    """A line for each thing that came, went or changed; nothing when nothing did. With an instant: whose turns move."""
    yield from _named("team", {one.name: one for one in before.teams}, {one.name: one for one in after.teams})
    yield from _routes(before.rules.routes, after.rules.routes)
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
        yield _changed("router", before.outward, after.outward)
    yield from _retention(before.rules.retention, after.rules.retention)
    yield from _silences(before.rules.silences, after.rules.silences)
    if before.rules.roles != after.rules.roles:
        yield _changed("roles", before.rules.roles, after.rules.roles)
    for key in ("name", "timezone", "server", "storage", "slack", "rules_files"):
        old, new = getattr(before, key), getattr(after, key)
        if old != new:
            yield _changed(key, old, new)
    if at is not None:
        yield from _turns_said(before.rules, after.rules, at)


def _silences(before: SilenceSettings, after: SilenceSettings) -> Iterator[str]:
    for key, old, new in (("max", before.longest, after.longest), ("remind", before.remind, after.remind)):
        if old != new:
            yield f"silences.{key} changed: {said(old) if old else 'none'} → {said(new) if new else 'none'}"
    if before.who is not after.who:
        yield f"silences.who changed: {before.who.value} → {after.who.value}"


def _retention(before: Retention, after: Retention) -> Iterator[str]:
    for key in Retention.__struct_fields__:
        old, new = getattr(before, key), getattr(after, key)
        if old != new:
            yield f"retention.{key} changed: {said(old)} → {said(new)}"


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


def _routes(before: Mapping[str, Route], after: Mapping[str, Route]) -> Iterator[str]:
    """Settings as somebody would write them; what is equal then, such as a window's name, has a line of its own."""
    for route_id in sorted({*before, *after}):
        old, new = before.get(route_id), after.get(route_id)
        if old is None or new is None:
            yield f"route {route_id} {'added' if old is None else 'removed'}"
        elif (old.match, old.settings, old.continues) != (new.match, new.settings, new.continues):
            pairs = {
                "match": (written(old.match), written(new.match)),
                **{key: (written_setting(old.settings, key), written_setting(new.settings, key)) for key in SETTINGS},
                "continue": (str(old.continues).lower(), str(new.continues).lower()),
            }
            words = ", ".join(f"{key}: {one} → {other}" for key, (one, other) in pairs.items() if one != other)
            yield f"route {route_id} changed" + (f": {words}" if words else "")


def _catalogue(before: Configuration, after: Configuration) -> Iterator[str]:
    """Entries are compared by what they say, not by their line; a generated file may change hundreds at once."""
    for label in sorted({*before.rules.catalog, *after.rules.catalog}):
        old, new = (
            {value: _Shown(*entry.said) for value, entry in one.rules.catalog.get(label, {}).items()}
            for one in (before, after)
        )
        lines = list(_named(f"catalog.{label} entry", old, new))
        if len(lines) <= LISTED:
            yield from lines
            continue
        counts = Counter(line.partition(f"{label} entry ")[2].partition(": ")[0].rpartition(" ")[2] for line in lines)
        yield f"catalog.{label}: {', '.join(f'{count} entries {what}' for what, count in sorted(counts.items()))}"


def _copies(configuration: Configuration) -> Mapping[str, object]:
    return {copy.name: _CopyWords(copy.match, copy.channels) for copy in configuration.rules.copies.all}


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
            yield _changed(f"{kind} {name}", before[name], after[name])


def _changed(what: str, before: object, after: object) -> str:
    words = differences(before, after)
    return f"{what} changed: {words}" if words else f"{what} changed"
