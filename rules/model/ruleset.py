"""The rules in force, as one value to ask: who owns an alert, what holds it back, who is on call.

Pure and immutable but for a bounded memo; every answer depends on the arguments alone.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import datetime, timedelta

import msgspec

from rules.model.catalog import Catalog
from rules.model.copies import Copies, Copy
from rules.model.escalation import OnCall, Policy, Position, Step, begin, skipped, take
from rules.model.heartbeat import OWN_SOURCE, Awaited, HeartbeatKey
from rules.model.inhibition import InhibitionKey, InhibitRule, is_inhibited_by
from rules.model.matcher import Matcher
from rules.model.oncall import Override, Person, Schedule, turn_at
from rules.model.permission import Role, Roles
from rules.model.route import DECLARATION, ChannelForm, FromLabel, Page, PageKind, Route, RouteSettings, visible_labels
from rules.model.suppression import (
    LabelSuppressors,
    Maintenance,
    Suppression,
    SuppressionKind,
    page_suppression,
    window_suppression,
)
from rules.model.tree import Tree
from rules.model.window import NamedWindow, zone

__all__ = [
    "InhibitionKey",
    "Owner",
    "RoutingDecision",
    "RuleSet",
    "Suppression",
    "SuppressionKind",
    "is_inhibited_by",
    "page_suppression",
    "visible_labels",
    "window_suppression",
]

MEMO_SIZE = 65_536
LEAST_KEPT = timedelta(days=1)
"""Of either: a late word about an alert must be known for late, and an incident that can reopen must be there."""


class Owner(msgspec.Struct, frozen=True):
    """A route that took an alert, and the group it falls into there: the labels it has, sorted by name."""

    route_id: str
    group_labels: tuple[tuple[str, str], ...]


class RoutingDecision(msgspec.Struct, frozen=True):
    """What the rules say of one label set."""

    owners: tuple[Owner, ...]
    """One; more only where `continue: true` was asked for."""
    inhibits: tuple[InhibitionKey, ...]
    """While it fires it is a source of these."""
    inhibited_by: tuple[InhibitionKey, ...]
    """It is held back while another firing alert is a source of one of these (`is_inhibited_by`)."""
    signs: tuple[HeartbeatKey, ...] = ()
    """What it is a sign of life of. A source's own heartbeat is told nobody: it has no owner."""


class Retention(msgspec.Struct, frozen=True):
    """How long what is over is kept, counted from the end; what is open, fires or is still to be told is never forgotten. Neither is shorter than a day, or than the longest `reopen_within` of a route."""

    alerts: timedelta = LEAST_KEPT
    """Alerts that have ended and that nobody has to be told of."""
    incidents: timedelta = timedelta(days=90)
    """Resolved incidents, with their timeline, messages and pages; messages that belong to no incident."""


class SilenceSettings(msgspec.Struct, frozen=True):
    """What silences that people make may be."""

    longest: timedelta | None = None
    """None: as long as they like."""
    remind: timedelta | None = timedelta(minutes=15)
    """How long before its end a silence's author is told; None: not at all."""
    who: Role = Role.RESPONDER
    """The least role that makes and ends them, where a route's `actions` say nothing of it."""


class RuleSet:
    """One accepted configuration's rules."""

    def __init__(
        self,
        root: Route,
        *,
        zone_name: str,
        maintenance: tuple[Maintenance, ...] = (),
        inhibit: tuple[InhibitRule, ...] = (),
        people: Mapping[str, Person] | None = None,
        schedules: Mapping[str, Schedule] | None = None,
        policies: Mapping[str, Policy] | None = None,
        windows: Mapping[str, NamedWindow] | None = None,
        catalog: Catalog | None = None,
        copies: tuple[Copy, ...] = (),
        awaited: Awaited | None = None,
        retention: Retention | None = None,
        silences: SilenceSettings | None = None,
        roles: Roles | None = None,
    ) -> None:
        self.root = root
        self.zone_name = zone_name
        self.maintenance = maintenance
        self._maintenance = LabelSuppressors(one.suppressor for one in maintenance)
        self.inhibit = inhibit
        self.people: Mapping[str, Person] = people or {}
        self.schedules: Mapping[str, Schedule] = schedules or {}
        self.policies: Mapping[str, Policy] = policies or {}
        self.windows: Mapping[str, NamedWindow] = windows or {}
        self.catalog: Catalog = catalog or {}
        self.copies = Copies(copies)
        self._catalog_pages = {
            label: dict.fromkeys(page for entry in entries.values() for page in entry.pages or ())
            for label, entries in self.catalog.items()
        }
        self.routes: Mapping[str, Route] = {route.id: route for route in _walk(root)}
        self._tree = Tree(root)
        self.awaited = awaited or Awaited()
        self.retention = retention or Retention()
        self.silences = silences or SilenceSettings()
        self.roles = roles or Roles()
        self._names = _mentioned(tuple(self.routes.values()), inhibit, self.awaited)
        self._memo: dict[object, RoutingDecision] = {}

    def with_overrides(self, made: Mapping[str, tuple[Override, ...]]) -> "RuleSet":
        """The same rules where people stand in for each other besides what the file says; `made`: by schedule, the one made
        last wins. One that names a schedule or a person whom these rules do not have changes nothing."""
        schedules = dict(self.schedules)
        for name, overrides in made.items():
            known = tuple(one for one in overrides if one.person in self.people)
            if known and name in schedules:
                schedule = schedules[name]
                schedules[name] = msgspec.structs.replace(schedule, overrides=(*schedule.overrides, *known))
        found = copy(self)
        found.schedules = schedules
        return found

    def decide(self, labels: Mapping[str, str]) -> RoutingDecision:
        """Owners and inhibition of an alert with these visible labels. Remembers what it decided, within bounds."""
        if DECLARATION in labels and labels.get("alert.source") == OWN_SOURCE:
            return self._decide(labels, apart=DECLARATION)  # each has a group of its own: none is like another
        names = self._names
        key: object
        if names is None:
            key = frozenset(labels.items())
        else:
            get = labels.get
            key = tuple([get(name) for name in names])
        found = self._memo.get(key)
        if found is None:
            found = self._decide(labels)
            if len(self._memo) >= MEMO_SIZE:
                self._memo = {}  # cheaper than an order of use, and as rare as 65,536 new label sets
            self._memo[key] = found
        return found

    def maintenance_suppression(self, labels: Mapping[str, str], at: datetime) -> Suppression | None:
        """The planned work that holds news about these labels back now; of several the one that ends last."""
        found = self._maintenance.at(at).of(labels)
        return None if found is None else Suppression(found.kind, found.name, found.ends, found.reason)

    @property
    def reopens_within(self) -> timedelta:
        """The longest time after its end in which some route's incident may come back."""
        return max(route.settings.reopen_within for route in self.routes.values())

    def path(self, route: Route) -> list[Route]:
        """From the root to this route."""
        names = route.id.split("/") if route is not self.root else []
        return [self.root, *(self.routes["/".join(names[: end + 1])] for end in range(len(names)))]

    def pages_of(self, settings: RouteSettings) -> tuple[Page, ...]:
        """Every page that these settings may come to, whatever the labels."""
        found = [page for form in settings.page_from for page in self._catalog_pages.get(form.label, ())]
        return tuple(dict.fromkeys((*found, *((settings.page,) if settings.page is not None else ()))))

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel that the rules name, in the order of the routes, then of the catalogue and the copies."""
        forms = [form for route in self.routes.values() for form in (*route.settings.channels, *route.settings.also)]
        forms += [
            channel for entries in self.catalog.values() for one in entries.values() for channel in one.channels or ()
        ]
        forms += [form for copy in self.copies.all for form in copy.channels]
        forms += [one.announce.channel for one in self.schedules.values() if one.announce is not None]
        return tuple(dict.fromkeys(name for form in forms for name in self._named(form)))

    @property
    def user_groups(self) -> tuple[str, ...]:
        """Every Slack user group that a policy or a schedule names, as written."""
        steps = (step for policy in self.policies.values() for step in policy.steps)
        named = [group for step in steps for group in step.groups]
        return tuple(dict.fromkeys((*named, *self.groups_on_call)))

    @property
    def groups_on_call(self) -> tuple[str, ...]:
        """The Slack user groups that follow schedules, as written."""
        return tuple(dict.fromkeys(one.group for one in self.schedules.values() if one.group))

    def members_on_call(self, group: str, at: datetime) -> tuple[Person, ...]:
        """Whoever is on call in the schedules that a Slack user group follows."""
        names = (turn_at(one, at).person for one in self.schedules.values() if one.group == group)
        return tuple(self.people[name] for name in dict.fromkeys(names) if name in self.people)

    @property
    def role_groups(self) -> tuple[str, ...]:
        """Every Slack user group that gives a role or sees something private, as written."""
        given = [group for _, groups in self.roles.groups for group in groups]
        audiences = (route.settings.private for route in self.routes.values())
        return tuple(dict.fromkeys([*given, *(group for one in audiences if one is not None for group in one.groups)]))

    @property
    def has_private(self) -> bool:
        """Whether any route keeps its incidents to some."""
        return any(route.settings.private is not None for route in self.routes.values())

    def holders(self, role: Role) -> tuple[str, ...]:
        """Who has that role or a higher one by name: people, then user groups as written."""
        people = [one.name for one in self.people.values() if one.role is not None and one.role.rank >= role.rank]
        groups = [group for given, groups in self.roles.groups if given.rank >= role.rank for group in groups]
        return tuple(dict.fromkeys([*people, *groups]))

    def _named(self, form: ChannelForm) -> Iterable[str]:
        if isinstance(form, str):
            return (form,)
        if isinstance(form, FromLabel):
            return map(form.name, self.catalog.get(form.catalog, {}) if form.catalog else form.only)
        return ()

    def page_for(self, name: str) -> Page | None:
        """What `page: name` means: a policy of that name, else a schedule, else a person."""
        if name in self.policies:
            return Page(name, PageKind.POLICY)
        if name in self.schedules:
            return Page(name, PageKind.SCHEDULE)
        return Page(name, PageKind.PERSON) if name in self.people else None

    def first_after(self, page: Page) -> timedelta:
        """How long a page's first step waits."""
        policy = self.policies.get(page.target) if page.kind is PageKind.POLICY else None
        return timedelta(0) if policy is None else policy.steps[0].after

    def policy_of(self, page: Page) -> Policy | None:
        """What a page carries out: its policy, or that of the one step that reaches its schedule or person. None: these
        rules no longer have it (the page comes from a stored snapshot)."""
        name = page.target
        match page.kind:
            case PageKind.POLICY:
                return self.policies.get(name)
            case PageKind.SCHEDULE:
                return Policy(name, (Step(schedule=name),)) if name in self.schedules else None
            case PageKind.PERSON:
                return Policy(name, (Step(persons=(name,)),)) if name in self.people else None
            case PageKind.USER:
                return Policy(name, (Step(users=(Person(name, slack_id=page.slack_id),)),))
            case PageKind.GROUP:
                return Policy(name, (Step(groups=(page.slack_id or name,)),))

    def on_call(self, page: Page, at: datetime) -> OnCall:
        """Whom the first step reaches at an instant. A step that reaches nobody gives way to the next at once, and says so."""
        policy = self.policy_of(page)
        if policy is None or page.kind is not PageKind.POLICY:
            found = None if policy is None else self.reached(policy.steps[0], at)
            if found is not None and not found.nobody:
                return found
            return self._nobody(f"nobody is on call for {page.target}", page.target, at)
        missed: list[str] = []
        position: Position | None = begin(policy, at)
        while position is not None and position.round == 1:
            found, position = take(policy, position, at, self.reached)
            if found is not None and not found.nobody:
                return msgspec.structs.replace(found, why="; ".join([found.why, *missed]))
            missed += [] if found is None else [found.why]
        return self._nobody(f"no step of {page.target} reaches anybody: {'; '.join(missed)}", page.target, at)

    def reached(self, step: Step, at: datetime) -> OnCall:
        """Whom one step reaches at an instant; where nobody, `why` says it."""
        if window := skipped(step, at):
            return _missed(f"{step.reaches} is skipped {window}")
        if step.schedule:
            return self._scheduled(step.schedule, at)
        if step.persons:
            persons = tuple(self.people[name] for name in step.persons if name in self.people)
            if not persons:
                return _missed(f"nobody is called {', '.join(step.persons)}")
            return OnCall(persons, (), "named in the rules", None, nobody=False)
        if step.users:
            return OnCall(step.users, (), "named in Slack", None, nobody=False)
        if step.webhook:
            return OnCall((), (), "named in the rules", None, nobody=False, webhooks=(step.webhook,))
        if step.groups:
            return OnCall((), (), "named in the rules", None, nobody=False, groups=step.groups)
        return OnCall((), step.channels, f"told in {', '.join(step.channels)}", None, nobody=False)

    def _decide(self, labels: Mapping[str, str], *, apart: str = "") -> RoutingDecision:
        """`apart`: a label by which it is grouped whatever the routes say."""
        signs = self.awaited.signs(labels)
        if any(sign.is_of_source for sign in signs):
            return RoutingDecision((), (), (), signs)
        owners = tuple(
            Owner(route.id, group_labels(_with(route.settings.group_by, apart), labels))
            for route in self._tree.owners(labels)
        )
        keys = [rule.keys(labels) for rule in self.inhibit]
        inhibits = tuple(source for source, _ in keys if source is not None)
        return RoutingDecision(owners, inhibits, tuple(target for _, target in keys if target is not None), signs)

    def _scheduled(self, name: str, at: datetime) -> OnCall:
        schedule = self.schedules.get(name)
        turn = None if schedule is None else turn_at(schedule, at)
        person = None if turn is None else self.people.get(turn.person)
        if schedule is None or turn is None or person is None:
            return _missed(f"nobody on call for {name}")
        team, _, part = name.rpartition("/")
        role = f"{part} of {team}" if team else f"on call for {name}"
        until = "" if turn.until is None else f" until {said_at(turn.until, at, schedule.zone, is_named=True)}"
        note = " (override)" if turn.is_override else f" ({turn.layer})" if turn.layer else ""
        return OnCall((person,), (), f"{role}{until}{note}", turn.until, nobody=False)

    def _nobody(self, why: str, target: str, at: datetime) -> OnCall:
        until = turn_at(self.schedules[target], at).until if target in self.schedules else None
        return OnCall((), (), why, until, nobody=True)


def _missed(why: str) -> OnCall:
    return OnCall((), (), why, None, nobody=True)


def _with(group_by: tuple[str, ...] | None, name: str) -> tuple[str, ...] | None:
    return group_by if not name or group_by is None else tuple({*group_by, name})


def group_labels(group_by: tuple[str, ...] | None, labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The group's labels, sorted by name; a missing label is left out, as in Alertmanager.

    All labels means those that were sent and the alert's name: title and severity change while an alert fires, and
    two sources may report one alert.
    """
    if group_by is None:
        skip = ("alert.title", "alert.severity", "alert.source")
        return tuple(sorted((name, value) for name, value in labels.items() if value and name not in skip))
    return tuple((name, labels[name]) for name in sorted(group_by) if labels.get(name))


def said_at(at: datetime, now: datetime, zone_name: str, *, is_named: bool = False) -> str:
    """An instant as people say it: "Mon 09:00" within six days, else "2026-12-24 09:00". `is_named`: with its zone, as
    "Mon 09:00 CET", for whoever may read it in another one."""
    wall = at.astimezone(zone(zone_name))
    near = timedelta(0) <= at - now < timedelta(days=6)
    said = f"{wall:%a %H:%M}" if near else f"{wall:%Y-%m-%d %H:%M}"
    return f"{said} {wall:%Z}" if is_named else said


def _walk(route: Route) -> list[Route]:
    return [route, *(found for child in route.children for found in _walk(child))]


def _mentioned(routes: tuple[Route, ...], inhibit: tuple[InhibitRule, ...], awaited: Awaited) -> tuple[str, ...] | None:
    """The labels a decision can depend on; None: all of them."""
    if any(route.settings.group_by is None for route in routes):
        return None
    matchers: list[Matcher] = [matcher for route in routes for matcher in route.match]
    matchers += [matcher for rule in inhibit for matcher in (*rule.source, *rule.target)]
    names = {matcher.name for matcher in matchers}
    names |= {name for route in routes for name in route.settings.group_by or ()}
    names |= {name for rule in inhibit for name in rule.equal} | awaited.names()
    return tuple(sorted(names))
