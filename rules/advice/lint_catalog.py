"""Warnings about look-ups and copies: what an incident of several alerts is looked up by, and what copies take."""

from collections.abc import Iterable, Iterator, Sequence

from rules.advice.copy_overlap import takers, takes_all
from rules.language.shape import Fields, RuleError
from rules.model.configuration import Configuration
from rules.model.matcher import Op
from rules.model.route import ChannelForm, FromCatalog, FromLabel, Route


def lint_catalog(configuration: Configuration, document: Fields) -> Iterator[RuleError]:
    """Every warning about the catalogue, the forms that look something up in it, and copies."""
    for route in configuration.rules.routes.values():
        yield from _apart(route, configuration.rules.path(route))
    yield from _copies(configuration)
    yield from _catalogue(configuration, document)


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
