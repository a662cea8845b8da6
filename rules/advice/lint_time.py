"""Warnings that depend on what time it is: windows that never change again, hours in which a policy reaches nobody.

`check` asks for them; loading a configuration does not.
"""

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from rules.language.shape import RuleError
from rules.language.yaml import Entries, Items, Node, Position, Scalar
from rules.model.escalation import Policy, skipped
from rules.model.route import Route
from rules.model.ruleset import RuleSet
from rules.model.window import NamedWindow, any_holds, holds, next_change, zone

DAYS = 400
"""How far ahead windows are looked through: whatever comes once a year is seen."""
CHANGES = 2_000
"""And through so many of their changes."""
WEEK = timedelta(days=7)

Pair = tuple[tuple[NamedWindow, ...], tuple[NamedWindow, ...]]
"""A `quiet` and an `only`."""
Nodes = tuple[tuple[str, Node], ...]


def lint_time(rules: RuleSet, nodes: Nodes, at: datetime) -> Iterator[RuleError]:
    """Every warning about an accepted configuration at this instant."""
    yield from _windows(rules.windows, nodes, at)
    yield from _routes(rules.routes.values(), at)
    yield from _first_turns(rules, nodes, at)
    for policy in rules.policies.values():
        yield from _steps(policy, rules.zone_name, nodes, at)


def over(rules: RuleSet, at: datetime) -> Iterator[str]:
    """What lies wholly in the past: it does no harm, and can be taken out."""
    for entry in rules.maintenance:
        if entry.ends is not None and entry.ends <= at:
            yield f"maintenance {entry.name}: since {_day(entry.ends, rules.zone_name)}"
    for name, schedule in rules.schedules.items():
        for override in schedule.overrides:
            if override.ends <= at:
                yield f"override of {override.person} in {name}: since {_day(override.ends, schedule.zone)}"


def _day(at: datetime, zone_name: str) -> str:
    return f"{at.astimezone(zone(zone_name)):%a %Y-%m-%d %H:%M}"


def _windows(windows: Mapping[str, NamedWindow], nodes: Nodes, at: datetime) -> Iterator[RuleError]:
    for name, named in windows.items():
        if next_change((named.window,), at) is None:
            how = "always" if holds(named.window, at) else "never"
            message = f"{name} {how} holds, from now on and for years"
            yield _warning(nodes, ("windows", name), message, "days, hours or dates that come and go")


def _first_turns(rules: RuleSet, nodes: Nodes, at: datetime) -> Iterator[RuleError]:
    for name, schedule in rules.schedules.items():
        rotations = (*schedule.rotations, *(rotation for layer in schedule.layers for rotation in layer.rotations))
        first = min((rotation.starts for rotation in rotations), default=at)
        if first > at:
            message = f"{name}: its first turn begins {_day(first, schedule.zone)}: nobody is on call until then"
            yield _warning(nodes, ("oncall", name), message, "starts: a day that is past")


def _routes(routes: Iterable[Route], at: datetime) -> Iterator[RuleError]:
    """Windows that leave no time to tell, or none to tell and page at once; said where the last of them is said."""
    # Ten thousand routes have a handful of windows among them.
    open_ever = functools.cache(functools.partial(_open_ever, at=at))
    for route in routes:
        settings = route.settings
        keys = [key for key in ("quiet", "only", "page") if key in route.said]
        if not any(route.said[key].route_id == route.id for key in keys):
            continue
        line = max(route.said[key].line for key in keys)
        page = settings.page
        of_route = (settings.quiet, settings.only)
        of_page = ((), ()) if page is None else (page.quiet, page.only)
        if not open_ever((of_route,)):
            message = f"{route.id} never tells anything new: its quiet and only leave no time for it"
            yield RuleError(route.file, line, 1, f"route {route.id}", message, "windows that leave some")
        elif not open_ever((of_route, of_page)):
            message = (
                f"{route.id} never pages when it tells: the page's windows and the route's are never open together"
            )
            yield RuleError(route.file, line, 1, f"route {route.id}", message, "windows that overlap")


def _open_ever(pairs: tuple[Pair, ...], at: datetime) -> bool:
    """Whether there is a moment outside every `quiet` and inside every `only`.

    Also yes where they change more often than is looked through.
    """
    evaluated_at = 0
    for moment in _moments(tuple(one for quiet, only in pairs for one in quiet + only), at):
        if all(
            any_holds(quiet, moment) is None and (not only or any_holds(only, moment) is not None)
            for quiet, only in pairs
        ):
            return True
        evaluated_at += 1
    return evaluated_at == CHANGES


def _steps(policy: Policy, zone_name: str, nodes: Nodes, at: datetime) -> Iterator[RuleError]:
    """A policy whose every step is skipped reaches nobody, whoever is on call."""
    named = tuple(one for step in policy.steps for one in (*step.quiet, *step.only))
    if not all(step.quiet or step.only for step in policy.steps):
        return
    empty: list[tuple[datetime, datetime]] = []
    for begins, ends in itertools.pairwise([*_moments(named, at, days=7), at + WEEK]):
        if any(not skipped(step, begins) for step in policy.steps):
            continue
        joins = bool(empty) and empty[-1][1] == begins
        empty[-1:] = [(empty[-1][0], ends)] if joins else [*empty[-1:], (begins, ends)]
    if empty:
        first, last = (f"{edge.astimezone(zone(zone_name)):%a %H:%M}" for edge in empty[0])
        more = f", {len(empty)} times within a week" if len(empty) > 1 else ""
        when = "at any time of the week" if empty == [(at, at + WEEK)] else f"{first}–{last}{more}"
        message = f"{policy.name} reaches nobody {when}: every step is skipped then"
        yield _warning(nodes, ("escalation", policy.name), message, "a step without only or quiet")


def _moments(windows: tuple[NamedWindow, ...], at: datetime, *, days: int = DAYS) -> Iterator[datetime]:
    """Now, and every instant at which one of them changes."""
    asked = tuple(dict.fromkeys(one.window for one in windows))
    moment: datetime | None = at
    for _ in range(CHANGES):
        if moment is None or moment >= at + timedelta(days=days):
            return
        yield moment
        moment = next_change(asked, moment)


def _warning(nodes: Nodes, path: tuple[str, ...], message: str, expected: str) -> RuleError:
    file, mark = place_of(nodes, path)
    return RuleError(file, mark.line, mark.column, ".".join(path), message, expected)


def place_of(nodes: Nodes, path: tuple[str, ...]) -> tuple[str, Position]:
    """File and mark of a value by its keys; of the first text where none has it.

    A name such as payments/nights is called nights in the file of that team.
    """
    for file, root in nodes:
        team = root.entries.get("team") if isinstance(root, Entries) else None
        prefix = f"{team.node.text}/" if team is not None and isinstance(team.node, Scalar) else ""
        node: Node | None = root
        for key in path:
            entry = node.entries.get(key.removeprefix(prefix)) if isinstance(node, Entries) else None
            node = None if entry is None else entry.node
        if node is not None and (not prefix or path[-1].startswith(prefix)):
            mark = node.items[0].mark if isinstance(node, Items) and node.items else node.mark
            return file, mark
    return (nodes[0][0], Position(1, 1)) if nodes else ("", Position(1, 1))
