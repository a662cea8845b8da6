"""Warnings about routes and their matchers: what nothing reaches, what says nothing, what wakes or tells nobody."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from rules.advice.lint_matchers import odd
from rules.advice.matcher_implication import excluded_by, implied_by, swallowed
from rules.language.shape import RuleError, close_to
from rules.language.times import said
from rules.model.configuration import Configuration
from rules.model.matcher import Matcher
from rules.model.route import COMPUTED, DEFAULT_GROUP_WAIT, Route
from rules.model.window import NamedWindow, Span

Labels = Mapping[str, frozenset[str] | None]
"""Source -> every label its alerts can have; None: any."""

OTHERS = 100
"""Each matcher is compared with so many on the same label."""


def lint_routes(configuration: Configuration, labels: Labels) -> Iterator[RuleError]:
    """Every warning about the tree, each once, where the mistake is made."""
    yield from _below(configuration.rules.root, (), labels)


def _below(
    route: Route, above: tuple[tuple[Matcher, Route], ...], labels: Labels, *, is_reached: bool = True
) -> Iterator[RuleError]:
    known = tuple(matcher for matcher, _ in above)
    yield from _settings(route, (*known, *route.match), labels)
    if is_reached:
        yield from _match(route, above, labels)
    here = (*above, *((matcher, route) for matcher in route.match))
    unreached: dict[str, Route] = {}
    if is_reached:
        unreached = {
            one.id: earlier for one, earlier in swallowed(route.children, tuple(matcher for matcher, _ in here))
        }
    for child in route.children:
        earlier = unreached.get(child.id)
        if earlier is not None:
            place = f"line {earlier.line}" if earlier.file == child.file else f"{earlier.file}:{earlier.line}"
            message = f"{child.id} is never reached: {earlier.id} in {place} takes all that it matches"
            yield _warning(child, message, "the narrower route first")
        yield from _below(child, here, labels, is_reached=is_reached and earlier is None)


def _warning(route: Route, message: str, expected: str, *, line: int = 0, hint: str = "") -> RuleError:
    return RuleError(route.file, line or route.line, 1, f"route {route.id}", message, expected, hint)


def _match(route: Route, above: tuple[tuple[Matcher, Route], ...], labels: Labels) -> Iterator[RuleError]:
    """What its own matchers say, beside each other and beside those on the way to it."""
    on_the_way = dict(reversed(above))
    beside: dict[str, list[Matcher]] = defaultdict(list)
    for matcher in on_the_way:
        beside[matcher.name].append(matcher)
    for matcher in route.match:
        others = beside[matcher.name]
        for message, expected in odd(matcher, labels):
            yield _warning(route, f"{route.id}: {message}", expected)
        if (other := excluded_by(matcher, others)) is not None:
            message = f"{route.id} matches nothing: {other}{_of(on_the_way, other)} and {matcher} exclude each other"
            yield _warning(route, message, "matchers that can hold together")
        elif (other := implied_by(matcher, others)) is not None:
            message = f"{route.id}: {matcher} says nothing new: {other}{_of(on_the_way, other)} holds already"
            yield _warning(route, message, "each matcher once")
        if len(others) < OTHERS:
            others.append(matcher)


def _of(on_the_way: Mapping[Matcher, Route], matcher: Matcher) -> str:
    return f" of {on_the_way[matcher].id}" if matcher in on_the_way else ""


def _settings(route: Route, match: tuple[Matcher, ...], labels: Labels) -> Iterator[RuleError]:
    settings = route.settings
    if route.continues:
        message = f"{route.id} says continue: its alerts may make a second incident, with its own number and page"
        yield _warning(route, message, "one owner per alert; continue only for what cannot be said otherwise")
    if _said_here(route, "group_by"):
        yield from _group_by(route, match, labels)
    yield from _timers(route)
    if not settings.may_page:
        return
    line = route.said["page"].line
    if settings.quiet and _said_here(route, "page", "quiet"):
        origin = "has" if _said_here(route, "quiet") else "inherits"
        message = f"{route.id} pages and {origin} quiet: [{_names(settings.quiet)}]: nobody is woken {_hours(settings.quiet, 'during')}"
        yield _warning(route, message, "quiet: none where somebody must be woken", line=line)
    if settings.only and _said_here(route, "page", "only"):
        origin = "has" if _said_here(route, "only") else "inherits"
        message = f"{route.id} pages and {origin} only: [{_names(settings.only)}]: nobody is woken outside {_hours(settings.only, '')}"
        yield _warning(route, message, "only: none where somebody must be woken", line=line)
    if not (settings.channels or settings.also or settings.also_webhooks) and _said_here(route, "page", "channel"):
        message = f"{route.id} pages but tells no channel (channel: none)"
        yield _warning(route, message, "a channel where the incident can be seen", line=line)


def _said_here(route: Route, *keys: str) -> bool:
    """Each mistake is told where it is made, not again on every route that inherits it."""
    return any(key in route.said and route.said[key].route_id == route.id for key in keys)


def _group_by(route: Route, match: tuple[Matcher, ...], labels: Labels) -> Iterator[RuleError]:
    line = route.said["group_by"].line
    for name in route.settings.group_by or ():
        if name in COMPUTED:
            continue
        if name.startswith("alert."):
            message = f"{route.id} groups by {name}: no such name is computed"
            yield _warning(route, message, f"one of {', '.join(COMPUTED)}", line=line, hint=close_to(name, COMPUTED))
            continue
        without = [
            source
            for source, possible in labels.items()
            if possible is not None and name not in possible and _can_reach(source, match)
        ]
        if without:
            message = f"{route.id} groups by {name}, which alerts of {', '.join(without)} never have"
            yield _warning(route, message, f"labels: {{{name}: …}} on that source, or a route of its own", line=line)


def _can_reach(source: str, match: tuple[Matcher, ...]) -> bool:
    return all(one.matches({"alert.source": source}) for one in match if one.name == "alert.source")


def _timers(route: Route) -> Iterator[RuleError]:
    settings = route.settings
    repeat = settings.repeat_interval
    if repeat is None:
        return
    if repeat < settings.group_interval and _said_here(route, "repeat_interval", "group_interval"):
        key = "repeat_interval" if _said_here(route, "repeat_interval") else "group_interval"
        message = (
            f"{route.id} repeats every {said(repeat)}, and says what is new every {said(settings.group_interval)} only"
        )
        expected = f"a repeat_interval of at least {said(settings.group_interval)}"
        yield _warning(route, message, expected, line=route.said[key].line)
    wait = settings.group_wait or timedelta(0)
    if wait > max(repeat, DEFAULT_GROUP_WAIT) and _said_here(route, "repeat_interval", "group_wait"):
        key = "group_wait" if _said_here(route, "group_wait") else "repeat_interval"
        message = f"{route.id} waits {said(wait)} for the first word and repeats every {said(repeat)}"
        yield _warning(route, message, f"a group_wait of at most {said(repeat)}", line=route.said[key].line)


def _names(windows: tuple[NamedWindow, ...]) -> str:
    return ", ".join(window.name for window in windows)


def _hours(windows: tuple[NamedWindow, ...], during: str) -> str:
    """As "22:00–06:00" where the windows are no more than hours of every day, else by their names."""
    spans: list[Span] = []
    for named in windows:
        for pattern in named.window.any_of:
            if not pattern.hours or any(
                (pattern.days, pattern.months, pattern.days_of_month, pattern.dates, pattern.without)
            ):
                return f"{during} {_names(windows)}".strip()
            spans += pattern.hours
    return listed(spans)


def listed(spans: Iterable[Span]) -> str:
    """As "06:00–08:00 and 12:00–13:00"."""
    return " and ".join(f"{_clock(span.start)}–{_clock(span.end)}" for span in spans)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
