"""From a document read without a mistake to the types the service works with: inheritance, windows, instants.

Owns no complaint: what can be wrong is found before (`shape.py`, `consistent.py`).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from adapters.alert import Severity
from rules.language.routing_keys import SETTINGS
from rules.language.shape import NONE, Fields
from rules.model.catalog import CatalogEntry
from rules.model.copies import Copy
from rules.model.escalation import Policy, Step
from rules.model.heartbeat import Awaited
from rules.model.inhibition import InhibitRule
from rules.model.oncall import Announce, Layer, Override, Person, Rotation, Schedule
from rules.model.permission import Actions, Audience, Role, Roles
from rules.model.route import (
    DEFAULT_GROUP_BY,
    ROOT,
    Loudness,
    Page,
    PageFrom,
    PageKind,
    ResolveNote,
    Route,
    RouteSettings,
    SettingOrigin,
    Sla,
    Tell,
    Template,
)
from rules.model.ruleset import Retention, RuleSet, SilenceSettings
from rules.model.suppression import Maintenance
from rules.model.webhook import ToWebhook
from rules.model.window import NamedWindow, Pattern, Window

_TIMERS = (
    *("group_wait", "group_interval", "repeat_interval", "reopen_within"),
    *("acknowledge_within", "reopen_closed_after"),
)
"""What nobody says of them is `RouteSettings`' to say."""


def ruleset(document: Fields, awaited: Awaited, owners: Mapping[str, Iterable[str]]) -> RuleSet:
    """The rules of a whole, consistent document. `owners`: of each team's file, by name."""
    zone_name: str = document.get("timezone", "UTC")
    policies = document.get("escalation", {})
    schedules = document.get("oncall", {})
    turns = {name: _schedule(name, entry, zone_name) for name, entry in schedules.items()}
    silences = _silences(document.get("silences"))
    names = _Names(
        windows=windows(document),
        teams=_teams(document.get("people", {}), turns, owners),
        silence=silences.who,
        kinds={
            **dict.fromkeys(document.get("people", {}), PageKind.PERSON),
            **dict.fromkeys(schedules, PageKind.SCHEDULE),
            **dict.fromkeys(policies, PageKind.POLICY),
        },
    )
    return RuleSet(
        _route(document.get("routing"), "", {}, {}, names),
        zone_name=zone_name,
        maintenance=tuple(_maintenance(entry, zone_name) for entry in document.get("maintenance", ())),
        inhibit=tuple(
            InhibitRule(entry.get("name"), entry.get("while"), entry.get("hold"), entry.get("equal", ()))
            for entry in document.get("inhibit", ())
        ),
        people={
            name: Person(name, entry.get("email", ""), entry.get("slack", ""), _role(entry.get("role")))
            for name, entry in document.get("people", {}).items()
        },
        schedules=turns,
        policies={name: _policy(name, entry, names) for name, entry in policies.items()},
        windows=names.windows,
        catalog={
            label: {value: _entry(entry, names) for value, entry in entries.items()}
            for label, entries in document.get("catalog", {}).items()
        },
        copies=tuple(
            Copy(
                entry.get("name"),
                entry.get("match"),
                entry.get("channel"),
                entry.place.report.file,
                entry.node.mark.line,
            )
            for entry in document.get("copies", ())
        ),
        awaited=awaited,
        retention=_retention(document.get("retention")),
        silences=silences,
        roles=_roles(document),
    )


def _retention(fields: Fields | None) -> Retention:
    return Retention() if fields is None else Retention(**fields.values)


def _silences(fields: Fields | None) -> SilenceSettings:
    if fields is None:
        return SilenceSettings()
    remind = fields.get("remind", SilenceSettings().remind)
    who = Role(fields.get("who", Role.RESPONDER))
    return SilenceSettings(longest=fields.get("max"), remind=None if remind is NONE else remind, who=who)


def _role(said: str | None) -> Role | None:
    return None if said is None else Role(said)


def _roles(document: Fields) -> Roles:
    """Who says nothing of roles has an office in which everybody may do everything; who does means it."""
    said: Fields | None = document.get("roles")
    is_said = said is not None or any("role" in entry for entry in document.get("people", {}).values())
    unmatched = Role.OBSERVER if is_said or _says_actions(document.get("routing")) else Role.RESPONDER
    if said is None:
        return Roles(unmatched=unmatched)
    return Roles(
        groups=tuple((role, said.get(role.value)) for role in Role if role.value in said),
        known=Role(said.get("known", Role.RESPONDER)),
        unmatched=Role(said.get("unmatched", unmatched)),
    )


def _says_actions(route: Fields) -> bool:
    return route.get("actions") is not None or any(_says_actions(child) for child in route.get("routes", ()))


def _teams(
    people: Iterable[str], schedules: Mapping[str, Schedule], owners: Mapping[str, Iterable[str]]
) -> dict[str, tuple[str, ...]]:
    """Of each team: its people, its owners, and whoever takes turns in its schedules."""
    found: dict[str, list[str]] = {team: list(names) for team, names in owners.items()}
    for name in people:
        found.setdefault(name.rpartition("/")[0], []).append(name)
    for name, schedule in schedules.items():
        rotations = (*schedule.rotations, *(one for layer in schedule.layers for one in layer.rotations))
        takes = [person for rotation in rotations for person in rotation.people]
        takes += [override.person for override in schedule.overrides]
        found.setdefault(name.rpartition("/")[0], []).extend(takes)
    return {team: tuple(dict.fromkeys(names)) for team, names in found.items() if team}


def _entry(fields: Fields, names: "_Names") -> CatalogEntry:
    said = fields.get("page")
    pages = None if said is None else () if said is NONE else (names.page(said),)
    return CatalogEntry(fields.get("channel"), pages, fields.place.report.file, fields.node.mark.line)


class _Names:
    """What names stand for."""

    def __init__(
        self,
        *,
        windows: Mapping[str, NamedWindow],
        kinds: Mapping[str, PageKind],
        teams: Mapping[str, tuple[str, ...]],
        silence: Role,
    ) -> None:
        """`teams`: who is in each; `silence`: whose it is to make one where no `actions` say it."""
        self.windows, self.kinds, self.teams, self.silence = windows, kinds, teams, silence

    def audience(self, found: bool | tuple[Any, ...], team: str) -> Audience | None:
        """A team sees what its own routes keep from others, wherever that is said."""
        if found is False:
            return None
        named = () if found is True else found
        people = [one for one in named if not isinstance(one, Role) and not one.startswith("@")]
        return Audience(
            people=tuple(dict.fromkeys((*self.teams.get(team, ()), *people))),
            groups=tuple(one for one in named if not isinstance(one, Role) and one.startswith("@")),
            roles=tuple(one for one in named if isinstance(one, Role)),
        )

    def actions(self, found: Any) -> Actions:
        said: dict[str, Role] = {} if self.silence is Role.RESPONDER else {"silence": self.silence}
        if isinstance(found, Fields):
            said |= {act: Role(role) for act, role in found.values.items() if act != "anyone"}
            said |= dict.fromkeys(found.get("anyone", ()), Role.OBSERVER)
        return tuple(sorted(said.items()))

    def windows_of(self, found: Any) -> tuple[NamedWindow, ...]:
        """A window of a team's file that is not in force is left out: then more is told, not less."""
        if found is None or found is NONE:
            return ()
        return tuple(self.windows[name] for name in found if name in self.windows)

    def page(self, found: Any) -> Page:
        """A page that names its target."""
        if isinstance(found, str):
            return Page(found, self._kind(found))
        target = found.get("policy")
        return Page(target, self._kind(target), self.windows_of(found.get("only")), self.windows_of(found.get("quiet")))

    def _kind(self, target: str) -> PageKind:
        """A name of a team's file that is not in force reaches nobody, as a person would whom nobody knows."""
        return self.kinds.get(target, PageKind.PERSON)

    def page_from(self, found: Fields) -> PageFrom:
        only, quiet = (self.windows_of(found.get(key)) if key in found else None for key in ("only", "quiet"))
        return PageFrom(found.get("from"), only, quiet)


def windows(document: Fields) -> dict[str, NamedWindow]:
    """Every window with its definition; what it names is put in its place."""
    written: Mapping[str, tuple[Fields, ...]] = document.get("windows", {})
    zone_name: str = document.get("timezone", "UTC")
    done: dict[str, Window] = {}

    def window(name: str) -> Window:
        if name not in done:
            done[name] = Window(tuple(pattern(fields) for fields in written[name]))
        return done[name]

    def pattern(fields: Fields) -> Pattern:
        return Pattern(
            zone=fields.get("timezone", zone_name),
            days=fields.get("days", ()),
            hours=fields.get("hours", ()),
            months=fields.get("months", ()),
            days_of_month=fields.get("days_of_month", ()),
            dates=fields.get("dates", ()),
            without=tuple(window(name) for name in (*fields.get("not", ()), *fields.get("except", ()))),
        )

    return {name: NamedWindow(name, window(name)) for name in written}


def _route(
    fields: Fields, parent: str, inherited: Mapping[str, Any], said: Mapping[str, SettingOrigin], names: _Names
) -> Route:
    name: str = fields.get("name", "")
    route_id = (f"{parent}/{name}" if parent else name) if name else ROOT
    own = {key: _with_inherited(key, fields.get(key), inherited.get(key), names) for key in SETTINGS if key in fields}
    merged = {**inherited, **own}
    origins = {**said, **{key: SettingOrigin(route_id, fields.mark(key).line) for key in own}}
    below = route_id if name else ""
    return Route(
        id=route_id,
        name=name,
        match=fields.get("match", ()),
        settings=_settings(merged, names, fields.place.report.team),
        said=origins,
        file=fields.place.report.file,
        line=fields.node.mark.line,
        continues=fields.get("continue", default=False),
        children=tuple(_route(child, below, merged, origins, names) for child in fields.get("routes", ())),
    )


class _Page(msgspec.Struct, frozen=True):
    """A page as said, and what it gives way to."""

    page: Page | None = None
    forms: tuple[PageFrom, ...] = ()


def _with_inherited(key: str, said: Any, inherited: Any, names: _Names) -> Any:
    """What a route says, and as much of what it inherits as the setting needs; of most settings nothing."""
    match key:
        case "channel":
            has_forms = any(not isinstance(one, str) for one in said)
            return (said, *(inherited or ())) if has_forms else (said,)
        case "also":
            return () if said is NONE else tuple(dict.fromkeys((*(inherited or ()), *said)))
        case "page" if isinstance(said, Fields) and "from" in said:
            above = inherited or _Page()
            return _Page(above.page, (names.page_from(said), *above.forms))
        case "page":
            return _Page() if said is NONE else _Page(names.page(said))
        case _:
            return said


def _settings(merged: Mapping[str, Any], names: _Names, team: str) -> RouteSettings:
    def get(key: str, default: Any = None) -> Any:
        found = merged.get(key, default)
        return None if found is NONE else found

    group_by = get("group_by", DEFAULT_GROUP_BY)
    timers = {key: get(key) for key in _TIMERS if key in merged}
    severity, template, tell, sla = get("severity"), get("template"), get("tell"), get("sla")
    page: _Page = merged.get("page", _Page())
    return RouteSettings(
        channels=merged["channel"][0],
        channels_above=merged["channel"][1:],
        also=tuple(one for one in merged.get("also", ()) if not isinstance(one, ToWebhook)),
        also_webhooks=tuple(one.name for one in merged.get("also", ()) if isinstance(one, ToWebhook)),
        group_by=None if group_by == ("...",) else group_by,
        **timers,
        sla=None if sla is None else Sla(sla.get("acknowledge"), sla.get("resolve")),
        resolve_note=ResolveNote(get("resolve_note", ResolveNote.OPTIONAL)),
        severity=None if severity is None else Severity(severity),
        template=None if template is None else Template(template.get("title", ""), template.get("text", "")),
        tell=Tell() if tell is None else Tell(**{key: Loudness(tell.get(key)) for key in tell.values}),
        quiet=names.windows_of(merged.get("quiet")),
        only=names.windows_of(merged.get("only")),
        page=page.page,
        page_from=page.forms,
        actions=names.actions(merged.get("actions")),
        private=names.audience(merged.get("private", False), team),
    )


def _maintenance(fields: Fields, zone_name: str) -> Maintenance:
    where = fields.get("timezone", zone_name)
    until = fields.get("until")
    return Maintenance(
        name=fields.get("name"),
        match=fields.get("match"),
        begins=fields.get("from").placed(where),
        ends=None if until is None else until.placed(where),
        reason=fields.get("reason", ""),
    )


def _schedule(name: str, fields: Fields, zone_name: str) -> Schedule:
    where = fields.get("timezone", zone_name)
    return Schedule(
        name=name,
        zone=where,
        rotations=_rotations(fields, where),
        overrides=tuple(
            Override(entry.get("person"), entry.get("from").placed(where), entry.get("until").placed(where))
            for entry in fields.get("overrides", ())
        ),
        layers=tuple(
            Layer(
                entry.get("name"),
                _rotations(entry, where),
                Window((Pattern(where, hours=entry.get("hours")),)) if "hours" in entry else None,
            )
            for entry in fields.get("layers", ())
        ),
        announce=_announce(fields.get("announce")),
        group=fields.get("group", ""),
    )


def _announce(fields: Fields | None) -> Announce | None:
    if fields is None:
        return None
    return Announce(fields.get("channel"), fields.get("at"), fields.get("handover", True))


def _rotations(fields: Fields, zone_name: str) -> tuple[Rotation, ...]:
    written = fields.get("rotations") or (fields.get("rotation"),)
    return tuple(_rotation(entry, zone_name) for entry in written if entry is not None)


def _rotation(fields: Fields, zone_name: str) -> Rotation:
    until = fields.get("until")
    handoff = fields.get("handoff")
    return Rotation(
        people=fields.get("people"),
        every_days=fields.get("every"),
        handoff_minute=handoff.minute,
        starts=fields.get("starts").placed(zone_name),
        handoff_weekday=handoff.weekday,
        until=None if until is None else until.placed(zone_name),
    )


def _policy(name: str, fields: Fields, names: _Names) -> Policy:
    steps = tuple(
        Step(
            after=step.get("after", timedelta(0)),
            schedule=step.get("oncall", ""),
            persons=step.get("person", ()),
            channels=step.get("channel", ()),
            only=names.windows_of(step.get("only")),
            quiet=names.windows_of(step.get("quiet")),
            groups=step.get("group", ()),
            webhook=step.get("webhook", ""),
        )
        for step in fields.get("steps")
    )
    return Policy(name, steps, fields.get("repeat", 0), fields.get("every"))
