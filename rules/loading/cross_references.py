"""What can only be seen in the whole document: names that are nowhere, sisters of one name, ends before beginnings.

Runs also on a document with mistakes, so that all of them are listed at once; so any value may be missing here.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from rules.language.channel_keys import NAMEABLE, bad_name
from rules.language.shape import Fields, Reference, Report, close_to
from rules.language.times import Moment
from rules.model.route import ROOT, FromLabel

WINDOW_PATTERNS = 100
"""How many patterns one window may consist of when all that it names is written out."""


def check(
    document: Fields,
    report: Report,
    main: Fields | None = None,
    *,
    of_teams: Mapping[str, Collection[str]] | None = None,
    is_alone: bool = False,
) -> None:
    """`main` is given with a team's file: the names of the main file are seen there. `of_teams`: what the teams' files
    define, by kind. Alone: there are no others."""
    _references(document, report, main, of_teams or {}, is_alone=is_alone)
    _sisters(document.get("routing"), report.team or ROOT)
    _unique(document.get("maintenance", ()), "maintenance")
    _unique(document.get("inhibit", ()), "inhibition")
    _unique(document.get("copies", ()), "copy")
    _made_names(document, document if main is None else main)
    _windows(document, {} if main is None else main.get("windows", {}))
    zone_name = document.get("timezone", "UTC")
    for entry in _whole(document.get("maintenance", ())):
        _ordered(entry, "from", "until", entry.get("timezone", zone_name))
    for schedule in _whole(document.get("oncall", {}).values()):
        where = schedule.get("timezone", zone_name)
        for override in _whole(schedule.get("overrides", ())):
            _ordered(override, "from", "until", where)
        layers = _whole(schedule.get("layers", ()))
        _unique(layers, "layer")
        for part in (schedule, *layers):
            _rotations(_whole(part.get("rotations") or (part.get("rotation"),)), where)


def _whole(entries: Iterable[Fields | None]) -> list[Fields]:
    return [entry for entry in entries if entry is not None]


def names(document: Fields) -> dict[str, tuple[Collection[str], str]]:
    """What each kind of reference may name, and how that is said."""
    people, schedules, policies = (document.get(key, {}) for key in ("people", "oncall", "escalation"))
    return {
        "catalogue": (document.get("catalog", {}), "a catalogue under catalog"),
        "window": (document.get("windows", {}), "a window defined under windows"),
        "person": (people, "somebody under people"),
        "schedule": (schedules, "a schedule under oncall"),
        "webhook": (document.get("webhooks", {}), "a webhook under webhooks"),
        "policy, schedule or person": ([*policies, *schedules, *people], "a policy, schedule or person"),
    }


def is_of_another_file(reference: Reference) -> bool:
    """`team/name`, and not of this file's team: whether it exists is seen when all files are there. A catalogue has a
    label's name, and stands in the main file."""
    team, slash, _ = reference.name.partition("/")
    return bool(slash) and team != reference.error_at.report.team and reference.kind != "catalogue"


def _references(
    document: Fields, report: Report, main: Fields | None, of_teams: Mapping[str, Collection[str]], *, is_alone: bool
) -> None:
    known = {kind: (set(own), expected) for kind, (own, expected) in names(document).items()}
    for kind, (of_main, _) in names(main).items() if main is not None else ():
        known[kind][0].update(of_main)
    for reference in report.references:
        seen, expected = known[reference.kind]
        if is_of_another_file(reference) and not is_alone:
            if reference.error_at.path.startswith("windows."):
                reference.error_at.error(
                    reference.mark,
                    f"{reference.name[:60]!r} is a window of another team's file",
                    expected="windows of this file or of the main file, to make one of",
                )
            continue
        if reference.name in seen:
            continue
        short = [name.removeprefix(f"{report.team}/") for name in seen] if report.team else seen
        listed = ", ".join(heapq.nsmallest(8, short))
        reference.error_at.error(
            reference.mark,
            f"no {reference.kind} is called {reference.name[:60]!r}",
            expected=f"{expected}: {listed}" if listed else f"{expected}; there is none yet",
            hint=_is_another_kind(reference, document)
            or _of_a_team(reference, of_teams)
            or close_to(reference.name, short),
        )


def _of_a_team(reference: Reference, of_teams: Mapping[str, Collection[str]]) -> str:
    """A name as its own file calls it; elsewhere the team's name stands before it."""
    found = sorted(name for name in of_teams.get(reference.kind, ()) if name.endswith(f"/{reference.name}"))
    return f"write {' or '.join(found[:3])}" if found else ""


def _is_another_kind(reference: Reference, document: Fields) -> str:
    """Words for a name that is defined, but as something else than a step or a rotation reaches."""
    if reference.kind in {"person", "schedule"}:
        if reference.name in document.get("oncall", {}):
            return f"{reference.name} is a schedule"
        if reference.name in document.get("people", {}):
            return f"{reference.name} is a person"
        if reference.name in document.get("escalation", {}):
            return f"{reference.name} is a policy, and a policy never reaches a policy"
    return ""


def _sisters(route: Fields | None, path: str) -> None:
    if route is None:
        return
    seen: dict[str, int] = {}
    for child in _whole(route.get("routes", ())):
        name = child.get("name")
        if name is None:
            continue
        if name in seen:
            child.error(
                "name",
                f"two routes below {path} are called {name!r}",
                expected=f"another name than in line {seen[name]}",
            )
        elif path == ROOT and name == ROOT:
            child.error("name", f"{ROOT!r} is the id of the root", expected="another name")
        seen.setdefault(name, child.mark("name").line)
        _sisters(child, name if path == ROOT else f"{path}/{name}")


def _unique(entries: Iterable[Fields | None], what: str) -> None:
    seen: dict[str, int] = {}
    for entry in _whole(entries):
        name = entry.get("name")
        if name in seen:
            entry.error(
                "name", f"a second {what} is called {name!r}", expected=f"another name than in line {seen[name]}"
            )
        elif name is not None:
            seen[name] = entry.mark("name").line


def _made_names(document: Fields, main: Fields) -> None:
    """Refuses `only: {catalog: …}` where an entry makes a name that no channel can have; the first is enough."""
    catalog = main.get("catalog", {})
    for fields, key in _channel_settings(document):
        for form in fields.get(key, ()) if isinstance(fields.get(key), tuple) else ():
            if not isinstance(form, FromLabel) or not form.catalog:
                continue
            complaint = next(filter(None, (bad_name(form, value) for value in catalog.get(form.catalog) or ())), "")
            if complaint:
                fields.error(key, f"catalog.{form.catalog}: {complaint}", expected=NAMEABLE)


def _channel_settings(document: Fields) -> Iterator[tuple[Fields, str]]:
    """Every record that says channels, with the key it says them by."""
    routes = _whole([document.get("routing")])
    for route in routes:
        routes += _whole(route.get("routes", ()))
        yield from ((route, "channel"), (route, "also"))
    for copy in _whole(document.get("copies", ())):
        yield copy, "channel"


def _windows(document: Fields, of_main: Mapping[str, Any]) -> None:
    """Refuses windows that name themselves, and those whose definition grows beyond all bounds; each mistake once."""
    own: Mapping[str, Any] = document.get("windows", {})
    written = {**of_main, **own}
    sizes: dict[str, int] = {}
    refused: set[str] = set()

    def refuse(name: str, message: str, expected: str) -> None:
        fields = _whole(written[name])[0]
        fields.place.error(fields.node, message, expected=expected)

    def size(name: str, above: tuple[str, ...]) -> int:
        if name in above:
            circle = above[above.index(name) :]
            refuse(name, f"the window {name!r} names itself: {' → '.join((*circle, name))}", "no circle")
            refused.update(circle)
            return 0
        if name in sizes or name in refused or len(above) > WINDOW_PATTERNS:
            return sizes.get(name, WINDOW_PATTERNS)
        patterns = _whole(written.get(name) or ())
        named = [other for fields in patterns for key in ("not", "except") for other in fields.get(key, ())]
        found = len(patterns) + sum(size(other, (*above, name)) for other in named)
        if refused.intersection(named):
            refused.add(name)
        elif found > WINDOW_PATTERNS and name not in refused:
            refused.add(name)
            expected = f"at most {WINDOW_PATTERNS} patterns, all that it names written out"
            refuse(name, f"the window {name!r} is too large", expected)
        sizes[name] = found
        return found

    for name in own:
        size(name, ())


def _ordered(fields: Fields, begin: str, end: str, zone_name: str) -> None:
    first: Moment | None = fields.get(begin)
    last: Moment | None = fields.get(end)
    if first is not None and last is not None and last.placed(zone_name) <= first.placed(zone_name):
        fields.error(end, f"{end} is not after {begin}", expected="an end after its beginning")


def _rotations(rotations: list[Fields], zone_name: str) -> None:
    """Rotations follow each other in the order of the file, so that none hides another."""
    before: Moment | None = None
    for number, fields in enumerate(rotations):
        _ordered(fields, "starts", "until", zone_name)
        starts: Moment | None = fields.get("starts")
        if before is not None and starts is not None and starts.placed(zone_name) <= before.placed(zone_name):
            fields.error(
                "starts", f"rotation {number + 1} starts before the one above it", expected="the order of time"
            )
        before = starts or before
