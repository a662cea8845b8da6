"""A few rule files, each as a value: written as YAML for the loader, and read by the model as the words of the language mean.

Owners, windows, maintenance and inhibition are decided here anew; nothing is shared with the rule engine.
"""

import json
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from tests.machines.promises.site import START, Condition

RANK = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}

WINDOWS = {"lunch": (time(12, 10), time(12, 30)), "coffee": (time(12, 50), time(13, 10))}
"""Daily, UTC."""
MAINTENANCE = {
    "upgrade": ("team", "b", START + timedelta(minutes=5), START + timedelta(minutes=35)),
    "network": ("kind", "net", START + timedelta(minutes=45), START + timedelta(minutes=80)),
}
"""Name -> the label and the value that it matches, from, until."""
NEXT, NEXT_AFTER = "chris", 150
"""Who is paged by a second step, and after how many seconds."""
INHIBITION = ("down", "net")
"""Any alert of the first kind holds those of the second kind in the same cluster."""


@dataclass(frozen=True)
class Route:
    """A route without children. What is "" is not asked for, or not set."""

    name: str
    channels: tuple[str, ...]
    team: str = ""
    severity: str = ""
    quiet: str = ""
    page: str = ""
    page_only: str = ""
    sets: str = ""
    """The incident's severity, whatever its alerts say."""
    wait: int | None = None
    """group_wait in seconds; None: the default, 10 s, none for critical."""

    def takes(self, one: Condition) -> bool:
        return self.team in {"", one.labels["team"]} and self.severity in {"", one.severity}

    def is_quiet(self, at: datetime) -> bool:
        return bool(self.quiet) and _holds(self.quiet, at)

    def pages_at(self, at: datetime) -> bool:
        return bool(self.page) and (not self.page_only or _holds(self.page_only, at))

    def yaml(self) -> str:
        said = [f"name: {self.name}", f"channel: {json.dumps(self.channels)}"]
        match = [f"'team = {self.team}'"] if self.team else []
        match += [f"'alert.severity = {self.severity}'"] if self.severity else []
        said += [f"match: [{', '.join(match)}]"] if match else []
        said += [f"quiet: [{self.quiet}]"] if self.quiet else []
        said += [f"severity: {self.sets}"] if self.sets else []
        said += [f"group_wait: {self.wait}s"] if self.wait is not None else []
        if self.page:
            said.append(
                f"page: {{policy: {self.page}, only: [{self.page_only}]}}" if self.page_only else f"page: {self.page}"
            )
        return f"    - {{{', '.join(said)}}}\n"


@dataclass(frozen=True)
class Rulebook:
    """One rules file. The last route takes all."""

    routes: tuple[Route, ...]
    group_by: tuple[str, ...] = ("alert.name",)
    maintenance: tuple[str, ...] = ()
    inhibits: bool = False
    copy_of_team: str = ""
    """Its alerts are shown in #copy, too."""
    repeat: str = "none"
    escalates: bool = False
    """Whom its routes page is the first step of a policy of that name, and NEXT is the second."""

    def owner(self, one: Condition) -> Route:
        return next(route for route in self.routes if route.takes(one))

    def group(self, one: Condition) -> tuple[str, ...]:
        """The labels that an alert shares with its group."""
        known = {"alert.name": one.name, **one.labels}
        return (self.owner(one).name, *(known[name] for name in self.group_by))

    def is_maintained(self, one: Condition, at: datetime) -> bool:
        matched = (MAINTENANCE[name] for name in self.maintenance)
        return any(one.labels[label] == value and begins <= at < ends for label, value, begins, ends in matched)

    def is_inhibited(self, one: Condition, firing: list[Condition]) -> bool:
        source, held = INHIBITION
        return (
            self.inhibits
            and one.labels["kind"] == held
            and any(
                other.labels["kind"] == source and other.labels["cluster"] == one.labels["cluster"] for other in firing
            )
        )

    def next_boundary(self, at: datetime) -> datetime:
        """When a window or a maintenance begins or ends next."""
        days = (at.date(), at.date() + timedelta(days=1))
        edges = [
            datetime.combine(day, edge, at.tzinfo) for day in days for window in WINDOWS.values() for edge in window
        ]
        edges += [edge for entry in MAINTENANCE.values() for edge in entry[2:]]
        return min(edge for edge in edges if edge > at)

    def yaml(self) -> str:
        text = (
            "timezone: UTC\n"
            "routing:\n"
            '  channel: "#main"\n'
            f"  group_by: [{', '.join(self.group_by)}]\n"
            "  group_interval: 1m\n"
            f"  repeat_interval: {self.repeat}\n"
            f"  routes:\n{''.join(route.yaml() for route in self.routes)}"
        )
        if self.escalates:
            text += "escalation:\n"
        for who in sorted({route.page for route in self.routes if route.page and self.escalates}):
            steps = f"[{{person: {who}}}, {{after: {NEXT_AFTER}s, person: {NEXT}}}]"
            text += f"  {who}: {{steps: {steps}, repeat: 1, every: 7m}}\n"
        text += "windows:\n" + "".join(
            f"  {name}: {{hours: {begins:%H:%M}-{ends:%H:%M}}}\n" for name, (begins, ends) in WINDOWS.items()
        )
        if self.maintenance:
            text += "maintenance:\n"
        for name in self.maintenance:
            label, value, begins, ends = MAINTENANCE[name]
            text += f"  - {{name: {name}, match: ['{label} = {value}'], from: {begins:%Y-%m-%dT%H:%MZ}, until: {ends:%Y-%m-%dT%H:%MZ}}}\n"
        if self.inhibits:
            source, held = INHIBITION
            text += (
                f"inhibit: [{{name: down, while: ['kind = {source}'], hold: ['kind = {held}'], equal: [cluster]}}]\n"
            )
        if self.copy_of_team:
            text += f"copies: [{{name: copy, match: ['team = {self.copy_of_team}'], channel: \"#copy\"}}]\n"
        return text


def _holds(window: str, at: datetime) -> bool:
    begins, ends = WINDOWS[window]
    return begins <= at.time() < ends


_REST = Route("rest", ("#main",))
BOOKS: dict[str, Rulebook] = {
    "plain": Rulebook((_REST,)),
    "slow": Rulebook((Route("rest", ("#main",), wait=60),)),
    "paged": Rulebook((Route("rest", ("#main",), page="bob"),)),
    "severity": Rulebook((Route("p1", ("#p1",), severity="critical", page="bob"), _REST)),
    "severity-both": Rulebook((Route("p1", ("#p1", "#main"), severity="critical", page="bob"), _REST)),
    "teams": Rulebook((Route("a", ("#a",), team="a", page="chris"), Route("b", ("#b",), team="b", page="bob"), _REST)),
    "clusters": Rulebook((Route("rest", ("#main",), page="bob"),), group_by=("alert.name", "cluster")),
    "matrix": Rulebook(
        (
            Route("p1", ("#p1",), severity="critical", page="bob"),
            Route("p2", ("#main",), severity="high", page="chris"),
            Route("a", ("#a",), team="a"),
            _REST,
        ),
        group_by=("alert.name", "cluster"),
    ),
    "renamed": Rulebook((Route("top", ("#p1",), severity="critical", page="bob"), _REST)),
    "quiet": Rulebook((Route("p1", ("#p1",), severity="critical", quiet="lunch", page="bob"), _REST)),
    "quiet-teams": Rulebook(
        (Route("a", ("#a",), team="a", quiet="lunch"), Route("b", ("#b",), team="b", quiet="coffee"), _REST)
    ),
    "office": Rulebook((Route("rest", ("#main",), page="bob", page_only="coffee"),)),
    "maintained": Rulebook((Route("rest", ("#main",), page="bob"),), maintenance=("upgrade", "network")),
    "escalating": Rulebook((Route("rest", ("#main",), page="bob"),), escalates=True),
    "escalating-office": Rulebook((Route("rest", ("#main",), page="bob", page_only="coffee"),), escalates=True),
    "escalating-maintained": Rulebook(
        (Route("p1", ("#p1",), severity="critical", page="bob"), Route("rest", ("#main",), page="bob")),
        maintenance=("upgrade", "network"),
        escalates=True,
    ),
    "inhibiting": Rulebook((Route("b", ("#b",), team="b"), Route("rest", ("#main",), page="bob")), inhibits=True),
    "copied": Rulebook((_REST,), copy_of_team="a"),
    "repeating": Rulebook((_REST,), repeat="15m"),
    "repeating-maintained": Rulebook((_REST,), repeat="15m", maintenance=("upgrade", "network")),
    "raised": Rulebook((Route("rest", ("#main",), sets="critical", page="bob"),)),
    "lowered": Rulebook((Route("rest", ("#main",), sets="low"),)),
    "all": Rulebook(
        (
            Route("p1", ("#p1", "#main"), severity="critical", page="bob"),
            Route("a", ("#a",), team="a", quiet="lunch", page="chris"),
            Route("rest", ("#main",), wait=60),
        ),
        group_by=("alert.name", "cluster"),
        maintenance=("upgrade",),
        inhibits=True,
        copy_of_team="b",
    ),
}
CHANNELS = ("#main", "#p1", "#a", "#b", "#copy", "#fallback")
