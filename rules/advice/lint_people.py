"""Warnings about schedules, overrides, policies and names that nothing uses."""

from collections.abc import Iterable, Iterator
from typing import Any

from rules.advice.coverage import hidden, overlaps, uncovered
from rules.advice.lint_routes import listed
from rules.language.shape import Fields, Reference, RuleError
from rules.language.yaml import Position
from rules.model.configuration import Configuration
from rules.model.oncall import Schedule, in_turn
from rules.model.window import zone

_EITHER = "policy, schedule or person"


def lint_people(configuration: Configuration, document: Fields, references: Iterable[Reference]) -> Iterator[RuleError]:
    """Every warning about who is reached."""
    for name, entry in document.get("oncall", {}).items():
        schedule = configuration.rules.schedules[name]
        yield from _layers(name, schedule, entry)
        yield from _overrides(name, schedule, entry)
    yield from _unused(document, references)


def _warning(fields: Fields, mark: Position, path: str, message: str, expected: str = "") -> RuleError:
    return RuleError(fields.place.report.file, mark.line, mark.column, path, message, expected)


def _layers(name: str, schedule: Schedule, entry: Fields) -> Iterator[RuleError]:
    layers = schedule.layers
    if not layers:
        return
    path, whole = f"oncall.{name}.layers", entry.mark("layers")
    marks = {layer.get("name"): layer.mark("name") for layer in entry.get("layers")}
    if gaps := uncovered(layers):
        message = f"{name}: nobody is on call {listed(gaps)}: no layer covers these hours"
        yield _warning(entry, whole, path, message, "a layer for them, or a last one without hours")
    unreached = [layer.name for layer in hidden(layers)]
    for layer in unreached:
        message = f"{name}: the layers above {layer} cover all its hours: it has the turn only where they have nobody"
        yield _warning(entry, marks[layer], path, message, "the layer with fewer hours first")
    for first, second, both in overlaps(layers):
        if second.name not in unreached:
            message = (
                f"{name}: {first.name} and {second.name} both cover {listed(both)}: {first.name} wins, it stands first"
            )
            yield _warning(entry, marks[second.name], path, message, "hours that begin where the other's end")


def _overrides(name: str, schedule: Schedule, entry: Fields) -> Iterator[RuleError]:
    path, written = f"oncall.{name}.overrides", entry.get("overrides", ())
    people = in_turn(schedule)
    for override, fields in zip(schedule.overrides, written, strict=True):
        if override.person not in people:
            message = f"{name}: {override.person} has an override, and no turn in any rotation of it"
            yield _warning(entry, fields.mark("person"), path, message, f"one of {', '.join(sorted(people)[:8])}")
    order = sorted(range(len(written)), key=lambda number: (schedule.overrides[number].begins, number))
    before: int | None = None
    for number in order:
        here = schedule.overrides[number]
        if before is not None and here.begins < schedule.overrides[before].ends:
            wins, other = (schedule.overrides[max(before, number)], schedule.overrides[min(before, number)])
            since = here.begins.astimezone(zone(schedule.zone))
            message = (
                f"{name}: overrides of {other.person} and {wins.person} overlap from {since:%Y-%m-%d %H:%M}: "
                f"{wins.person}'s wins, it stands later"
            )
            mark = written[max(before, number)].mark("from")
            yield _warning(entry, mark, path, message, "overrides that begin where the other's end")
        if before is None or here.ends > schedule.overrides[before].ends:
            before = number


def _unused(document: Fields, references: Iterable[Reference]) -> Iterator[RuleError]:
    """What is defined and named nowhere. A page's name is a policy, else a schedule, else a person."""
    defined: dict[str, dict[str, Any]] = {
        kind: document.get(key, {})
        for kind, key in (("policy", "escalation"), ("schedule", "oncall"), ("person", "people"), ("window", "windows"))
    }
    used = set()
    for reference in references:
        kind = reference.kind
        if kind == _EITHER:
            kind = next((one for one in ("policy", "schedule", "person") if reference.name in defined[one]), "")
        used.add((kind, reference.name))
    said = {
        "policy": ("no route pages {name}", "page: {name} on a route"),
        "schedule": (
            "no page and no step reaches the schedule {name}",
            "page: {name} on a route, or a step with oncall: {name}",
        ),
        "person": ("no page, step, rotation or override reaches {name}", "{name} in a rotation, a step or a page"),
        "window": ("nothing uses the window {name}", "{name} in quiet, only, not or except"),
    }
    for kind, key in (("policy", "escalation"), ("schedule", "oncall"), ("person", "people"), ("window", "windows")):
        message, expected = said[kind]
        for name, entry in defined[kind].items():
            if (kind, name) not in used and not (kind == "person" and "role" in entry):  # whoever has a role acts
                first: Fields = entry[0] if isinstance(entry, tuple) else entry
                path = f"{key}.{name}"
                yield _warning(first, first.node.mark, path, message.format(name=name), expected.format(name=name))
