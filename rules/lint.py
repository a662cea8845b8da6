"""What is allowed but likely not meant: warnings, each with its line. Owns their words."""

from collections.abc import Iterable, Iterator, Sequence

from rules.configuration import Configuration
from rules.coverage import hidden, overlaps, uncovered
from rules.matcher import Op
from rules.route import ChannelForm, FromCatalog, FromLabel, Route
from rules.shape import Fields, RuleError
from rules.together import takers, takes_all
from rules.window import NamedWindow, Span


def lint(configuration: Configuration, document: Fields) -> list[RuleError]:
    """Every warning about an accepted document."""
    found = list(_listener(configuration, document))
    for route in configuration.rules.routes.values():
        found += _route(route)
        found += _apart(route, configuration.rules.path(route))
    found += _copies(configuration)
    found += _catalogue(configuration, document)
    found += _layers(configuration, document)
    found += _escalation(document)
    found += _maintenance(document)
    return found


def _route(route: Route) -> Iterator[RuleError]:
    def warn(message: str, expected: str, *, line: int = route.line) -> RuleError:
        return RuleError(route.file, line, 1, f"route {route.id}", message, expected)

    if route.continues:
        yield warn(
            f"{route.id} says continue: its alerts may make a second incident, with its own number and page",
            "one owner per alert; continue only for what cannot be said otherwise",
        )
    settings, said = route.settings, route.said

    def said_here(*keys: str) -> bool:
        """Each mistake is told where it is made, not again on every route that inherits it."""
        return any(said[key].route_id == route.id for key in keys)

    if not settings.may_page:
        return
    if settings.quiet and said_here("page", "quiet"):
        origin = "has" if said_here("quiet") else "inherits"
        names = ", ".join(window.name for window in settings.quiet)
        yield warn(
            f"{route.id} pages and {origin} quiet: [{names}]: nobody is woken {_hours(settings.quiet)}",
            "quiet: none where somebody must be woken",
            line=said["page"].line,
        )
    if not settings.channels and not settings.also and said_here("page", "channel"):
        yield warn(
            f"{route.id} pages but tells no channel (channel: none)",
            "a channel where the incident can be seen",
            line=said["page"].line,
        )


def _apart(route: Route, path: Sequence[Route]) -> Iterator[RuleError]:
    """What is looked up by a label that a group may have several values of."""
    settings, said = route.settings, route.said
    if settings.group_by is None:
        return
    looked_up = {
        "channel": _labels(settings.channels),
        "also": _labels(settings.also),
        "page": [form.label for form in settings.page_from],
    }
    fixed = {matcher.name for one in path for matcher in one.match if matcher.op is Op.EQUAL}
    seen: set[str] = set()
    for key, labels in looked_up.items():
        for label in labels:
            if label in seen or label in settings.group_by or label in fixed:
                continue
            if not any(said[one].route_id == route.id for one in (key, "group_by") if one in said):
                continue
            seen.add(label)
            message = (
                f"{route.id} looks its {key} up by {label}, and its group_by does not keep {label} apart: alerts of "
                f"several may share an incident: it {_DOES[key]} the worst one's {label} says"
            )
            at = said[key].line if said[key].route_id == route.id else route.line
            yield RuleError(route.file, at, 1, f"route {route.id}", message, f"{label} in group_by")


_DOES = {"channel": "goes where", "also": "is shown where", "page": "pages whom"}


def _labels(forms: Iterable[ChannelForm]) -> list[str]:
    return [form.label for form in forms if not isinstance(form, str)]


def _copies(configuration: Configuration) -> Iterator[RuleError]:
    """Copies that take what their writer may not expect."""
    for copy, routes in takers(configuration.rules):
        path = f"copy {copy.name}"
        if not routes:
            message = f"{copy.name} takes nothing: no alert of any route can match it"
            yield RuleError(copy.file, copy.line, 1, path, message, "matchers that some alert has")
        elif takes_all(copy.match):
            message = f"{copy.name} takes every alert: all incidents are shown in {', '.join(map(str, copy.channels))}"
            yield RuleError(copy.file, copy.line, 1, path, message, "matchers of what is meant")
        silent = [route.id for route in routes if not route.settings.channels]
        if silent:
            named = ", ".join(silent[:5]) + (f" and {len(silent) - 5} more" if len(silent) > 5 else "")
            message = (
                f"{copy.name} may take alerts of {named}, told to nobody on purpose (channel: none): it shows them"
            )
            yield RuleError(copy.file, copy.line, 1, path, message, "a matcher more, if they are not meant")


def _catalogue(configuration: Configuration, document: Fields) -> Iterator[RuleError]:
    """Catalogues that nothing looks anything up in."""
    rules = configuration.rules
    forms = [form for route in rules.routes.values() for form in (*route.settings.channels, *route.settings.also)]
    forms += [form for copy in rules.copies.all for form in copy.channels]
    used = {form.label for form in forms if isinstance(form, FromCatalog)}
    used |= {form.catalog for form in forms if isinstance(form, FromLabel)}
    used |= {form.label for route in rules.routes.values() for form in route.settings.page_from}
    for label in rules.catalog:
        if label not in used:
            mark = document.get("catalog") and document.node.entries["catalog"].node.mark
            yield RuleError(
                document.place.report.file,
                mark.line,
                mark.column,
                f"catalog.{label}",
                f"nothing looks anything up in catalog.{label}",
                f"channel: {{from: {label}}} or page: {{from: {label}}} on a route",
            )


def _hours(windows: tuple[NamedWindow, ...]) -> str:
    """As "22:00–06:00" where the windows are no more than hours of every day, else by their names."""
    spans: list[Span] = []
    for named in windows:
        for pattern in named.window.any_of:
            if not pattern.hours or any(
                (pattern.days, pattern.months, pattern.days_of_month, pattern.dates, pattern.without)
            ):
                return f"during {', '.join(one.name for one in windows)}"
            spans += pattern.hours
    return _listed(spans)


def _listed(spans: Iterable[Span]) -> str:
    return " and ".join(f"{_clock(span.start)}–{_clock(span.end)}" for span in spans)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _layers(configuration: Configuration, document: Fields) -> Iterator[RuleError]:
    for name, entry in document.get("oncall", {}).items():
        layers = configuration.rules.schedules[name].layers
        if not layers:
            continue
        marks = {layer.get("name"): layer.mark("name") for layer in entry.get("layers")}
        file, path = entry.place.report.file, f"oncall.{name}.layers"
        whole = entry.mark("layers")
        if gaps := uncovered(layers):
            message = f"{name}: nobody is on call {_listed(gaps)}: no layer covers these hours"
            yield RuleError(
                file, whole.line, whole.column, path, message, "a layer for them, or a last one without hours"
            )
        unreached = [layer.name for layer in hidden(layers)]
        for layer in unreached:
            mark = marks[layer]
            message = (
                f"{name}: the layers above {layer} cover all its hours: it has the turn only where they have nobody"
            )
            yield RuleError(file, mark.line, mark.column, path, message, "the layer with fewer hours first")
        for first, second, both in overlaps(layers):
            if second.name not in unreached:
                mark = marks[second.name]
                message = f"{name}: {first.name} and {second.name} both cover {_listed(both)}: {first.name} wins, it stands first"
                yield RuleError(file, mark.line, mark.column, path, message, "hours that begin where the other's end")


def _escalation(document: Fields) -> Iterator[RuleError]:
    for name, policy in document.get("escalation", {}).items():
        steps = policy.get("steps")
        if len(steps) > 1 or "repeat" in policy:
            more = (
                f"its {len(steps) - 1} further steps" if len(steps) > 2 else "its second step" if len(steps) > 1 else ""
            )
            rounds = "its further rounds" if "repeat" in policy else ""
            what = " and ".join(part for part in (more, rounds) if part)
            mark = policy.mark("steps")
            message = f"{name}: the first step is carried out; {what}: not yet"
            report = policy.place.report
            yield RuleError(report.file, mark.line, mark.column, f"escalation.{name}", message)


def _maintenance(document: Fields) -> Iterator[RuleError]:
    for entry in document.get("maintenance", ()):
        if "until" not in entry:
            mark, place = entry.mark("name"), entry.place
            message = f"{entry.get('name')} has no end: what it matches is held back until the entry is taken out"
            yield RuleError(place.report.file, mark.line, mark.column, place.path, message, "until: an instant")


def _listener(configuration: Configuration, document: Fields) -> Iterator[RuleError]:
    server = configuration.server
    if server.is_loopback:
        return
    mark, file = document.mark("server"), document.place.report.file
    if not server.tokens:
        message = "others can reach the listener, and there are no tokens: only intake, health and metrics answer them"
        yield RuleError(file, mark.line, mark.column, "server.tokens", message, "tokens: {read: {env: NAME}, …}")
    if "external_url" not in document.get("server"):
        message = f"no external_url: links in messages lead to {server.external_url}"
        yield RuleError(file, mark.line, mark.column, "server.external_url", message, "the address people reach it by")
