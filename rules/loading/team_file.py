"""One team's file, read by itself: what is wrong with it, and how its parts join the main file's. Knows no other team."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import msgspec

from rules.language.keys import name_rule
from rules.language.shape import Fields, Place, Report, RuleError, text_of
from rules.language.team_keys import team_document
from rules.language.yaml import Entries, Entry, Node, Position, YamlError, read
from rules.loading import cross_references
from rules.loading.scope import Start, starts
from rules.loading.source import RulesText
from rules.model.configuration import Team, TeamContact
from rules.model.matcher import Matcher
from rules.model.oncall import Person
from rules.model.route import ROOT

_KINDS = {"windows": "window", "people": "person", "oncall": "schedule", "escalation": "policy", "webhooks": "webhook"}
_PAGED = ("people", "oncall", "escalation")
_WHOSE = ("version", "timezone", "team", "owner", "scope", "order", "routing")
_SCOPED = ("match", "while", "hold")


class TeamDraft(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A team's file as read; it can be in force when it has no errors and no other file is against it."""

    source: RulesText
    team: str
    """"" where the file does not say."""
    contact: TeamContact | None
    scope: tuple[Matcher, ...]
    order: int | None
    fields: Fields | None
    report: Report

    @property
    def errors(self) -> tuple[RuleError, ...]:
        """In the order of the lines; an alias is read once for each use, but its mistakes are one."""
        return tuple(sorted(dict.fromkeys(self.report.errors), key=lambda error: (error.line, error.column)))

    @cached_property
    def starts(self) -> dict[str, Start]:
        return starts(self.scope)

    def mark(self, key: str) -> Position:
        return Position(1, 1) if self.fields is None else self.fields.mark(key)

    def as_team(self) -> Team:
        return Team(self.team, self.source.key, self.contact or TeamContact())


def draft(
    source: RulesText,
    main: Fields,
    take_in_templates: Callable[[Fields | None], None],
    text_beside: Callable[[str], str],
) -> TeamDraft:
    """Never raises, whatever the text is. `text_beside` reads the files that it names."""
    report = Report(source.name)
    if source.fault:
        Place(report).error(Position(1, 1), source.fault, expected="a file that can be read")
        return TeamDraft(source, "", None, (), None, None, report)
    try:
        node, mistakes = read(source.text)
    except YamlError as error:
        Place(report).error(error.mark, error.message, expected=error.expected, hint=error.hint)
        return TeamDraft(source, "", None, (), None, None, report)
    team = _team_of(node)
    report = Report(source.name, team=team, own=_own_names(node), text_beside=text_beside)
    for mistake in mistakes:
        Place(report).error(mistake.mark, mistake.message, expected=mistake.expected, hint=mistake.hint)
    fields = team_document().read(node, Place(report))
    if fields is None:
        return TeamDraft(source, team, None, (), None, None, report)
    scope = fields.get("scope", ())
    _make_own(fields, team, main)
    cross_references.check(fields, report, main)
    _not_of_main(fields, main)
    _without_roles(fields)
    take_in_templates(fields.get("routing"))
    return TeamDraft(source, team, _contact(fields, main), scope, fields.get("order"), fields, report)


def mounted(found: TeamDraft) -> Fields:
    """The team's routing as a route below the root: named after the team, matching its scope."""
    fields = found.fields
    if fields is None:
        raise AssertionError("a refused file is not mounted")
    said: Fields | None = fields.get("routing")
    if said is None:
        said = Fields(Entries({}, fields.mark("team"), 1), fields.place.key("routing"))
    route = Fields(said.node, said.place)
    route.values = {**said.values, "name": found.team, "match": found.scope}
    return route


def parts(found: TeamDraft) -> dict[str, Any]:
    """The sections that join the main file's: maps with full names, lists whose entries act in the scope only."""
    said = {} if found.fields is None else found.fields.values
    joined: dict[str, Any] = {
        key: tuple(_scoped(entry, found, name=f"{found.team}/{entry.get('name')}") for entry in value)
        if isinstance(value, tuple)
        else value
        for key, value in said.items()
        if key not in _WHOSE
    }
    if "heartbeats" in joined:
        joined["heartbeats"] = {name: _scoped(entry, found) for name, entry in joined["heartbeats"].items()}
    return joined


def _scoped(entry: Fields, found: TeamDraft, **more: str) -> Fields:
    scoped = Fields(entry.node, entry.place)
    narrowed = {key: (*found.scope, *entry.values[key]) for key in _SCOPED if entry.get(key) is not None}
    scoped.values = {**entry.values, **narrowed, **more}
    return scoped


def _entry(node: Node, key: str) -> Entry | None:
    return node.entries.get(key) if isinstance(node, Entries) else None


def _team_of(node: Node) -> str:
    entry = _entry(node, "team")
    said = None if entry is None else text_of(entry.node)
    return said if said is not None and not name_rule(said) else ""


def _own_names(node: Node) -> dict[str, frozenset[str]]:
    """Before anything is read: a name is read as what it is, its own or the main file's."""
    found = {}
    for section in _KINDS:
        entry = _entry(node, section)
        found[section] = frozenset(entry.node.entries) if entry and isinstance(entry.node, Entries) else frozenset()
    kinds = {kind: found[section] for section, kind in _KINDS.items()}
    return {**kinds, "policy, schedule or person": frozenset().union(*(found[section] for section in _PAGED))}


def _make_own(fields: Fields, team: str, main: Fields) -> None:
    """Full names for what it defines, and its zone where an entry says none."""
    zone_name = fields.get("timezone")
    for key, value in fields.values.items():
        if key in _WHOSE or value is None:
            continue
        if isinstance(value, dict):
            fields.values[key] = {f"{team}/{name}": entry for name, entry in value.items()}
        if zone_name is not None:
            for entry in _entries(value):
                if "timezone" not in entry:
                    entry.values["timezone"] = zone_name
    fields.values["timezone"] = zone_name or main.get("timezone", "UTC")


def _entries(value: Any) -> list[Fields]:
    if isinstance(value, Fields):
        return [value]
    if isinstance(value, Mapping):
        value = tuple(value.values())
    return [entry for one in value for entry in _entries(one)] if isinstance(value, tuple) else []


def _contact(fields: Fields, main: Fields) -> TeamContact | None:
    owner = fields.get("owner")
    if owner is None:
        return None
    known = {**main.get("people", {}), **fields.get("people", {})}
    people = [
        Person(name, known[name].get("email", ""), known[name].get("slack", ""))
        for name in owner.get("people", ())
        if known.get(name) is not None
    ]
    return TeamContact(owner.get("channel", ""), tuple(people))


def _without_roles(fields: Fields) -> None:
    """A role holds for everybody's incidents: no team gives itself one."""
    for entry in fields.get("people", {}).values():
        if entry is not None and "role" in entry:
            expected = 'it in the main file: roles: {manager: ["@payments-leads"]}, by user group'
            entry.error("role", "a role in a team's file", expected=expected)


def _not_of_main(fields: Fields, main: Fields) -> None:
    name = fields.get("team")
    if name == ROOT:
        fields.error("team", f"{ROOT!r} is the id of the root", expected="another name")
    root = main.get("routing")
    for route in () if root is None else root.get("routes", ()):
        if route is not None and name is not None and route.get("name") == name:
            where = f"{route.place.report.file}:{route.mark('name').line}"
            fields.error("team", f"the main file has a route called {name!r} ({where})", expected="another name")
