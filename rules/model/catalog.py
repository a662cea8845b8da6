"""The catalogue: data about services, teams, …, and what it makes of a route's channels and page for an alert's labels.

Owns looking up and giving way to what is inherited. Knows no incident: asked when one opens, and by `explain`.
"""

from collections.abc import Mapping, Sequence

import msgspec

from rules.model.route import ChannelForm, FromCatalog, Page, PageFrom, RouteSettings


class CatalogEntry(msgspec.Struct, frozen=True):
    """What the catalogue says of one service, and where."""

    channels: tuple[str, ...] | None = None
    """None: it says nothing. Empty: told to nobody, on purpose."""
    pages: tuple[Page, ...] | None = None
    """At most one. None: it says nothing. Empty: nobody, on purpose."""
    file: str = ""
    line: int = 0

    @property
    def said(self) -> tuple[object, ...]:
        """What it says, wherever it stands."""
        return (self.channels, self.pages)


Catalog = Mapping[str, Mapping[str, CatalogEntry]]
"""By name of the catalogue, which is a label's, and by that label's value."""


class Shown(msgspec.Struct, frozen=True):
    """A channel, and how the rules came to it."""

    channel: str
    why: str = ""
    """As "{from: service}: checkout, services.yaml:3"; "": it is written so."""


class Miss(msgspec.Struct, frozen=True):
    """A look-up that found nothing."""

    label: str
    why: str
    """As "{from: service}: catalog.service has no 'ghost'"."""


class Channels(msgspec.Struct, frozen=True):
    """Where an incident is shown: each channel once."""

    shown: tuple[Shown, ...]
    misses: tuple[Miss, ...] = ()

    @property
    def home(self) -> str:
        """Of a route's own channels the first; "" tells nobody."""
        return self.shown[0].channel if self.shown else ""


class Paged(msgspec.Struct, frozen=True):
    """Whom an incident pages, and how the rules came to it."""

    page: Page | None
    why: str = ""
    misses: tuple[Miss, ...] = ()


def channels_for(settings: RouteSettings, labels: Mapping[str, str], catalog: Catalog) -> Channels:
    """A route's own channels, home first. A form that finds nothing gives its place to the inherited channels."""
    misses: list[Miss] = []
    shown = _level((settings.channels, *settings.channels_above), labels, catalog, misses)
    return Channels(_once(shown), tuple(misses))


def further_channels(forms: Sequence[ChannelForm], labels: Mapping[str, str], catalog: Catalog) -> Channels:
    """The channels of `also`, or of a copy: a form that finds nothing adds nothing."""
    misses: list[Miss] = []
    shown = _level((forms,), labels, catalog, misses)
    return Channels(_once(shown), tuple(misses))


def page_for(settings: RouteSettings, labels: Mapping[str, str], catalog: Catalog) -> Paged:
    """Whom a route pages. A form that finds nothing gives way to the inherited page; its windows hold for that too."""
    misses: list[Miss] = []
    passed: list[PageFrom] = []
    page, why = settings.page, ""
    for form in settings.page_from:
        passed.append(form)
        found = _entry(f"{{from: {form.label}}}", form.label, labels, catalog)
        if isinstance(found, CatalogEntry) and found.pages is not None:
            page, why = next(iter(found.pages), None), _origin(f"{{from: {form.label}}}", labels[form.label], found)
            break
        misses.append(found if isinstance(found, Miss) else _says_nothing(form.label, labels, "page"))
    if page is not None:
        for form in reversed(passed):
            page = _narrowed(page, form)
    return Paged(page, why, tuple(misses))


def _narrowed(page: Page, form: PageFrom) -> Page:
    return msgspec.structs.replace(
        page,
        only=page.only if form.only is None else form.only,
        quiet=page.quiet if form.quiet is None else form.quiet,
    )


def _level(
    levels: Sequence[Sequence[ChannelForm]], labels: Mapping[str, str], catalog: Catalog, misses: list[Miss]
) -> list[Shown]:
    """The channels of the first level; the others are what it inherits, taken once however often it gives way."""
    shown: list[Shown] = []
    has_given_way = False
    for form in levels[0] if levels else ():
        found = _look_up(form, labels, catalog)
        if not isinstance(found, Miss):
            shown += found
            continue
        misses.append(found)
        if not has_given_way:
            shown += _level(levels[1:], labels, catalog, misses)
            has_given_way = True
    return shown


def _look_up(form: ChannelForm, labels: Mapping[str, str], catalog: Catalog) -> list[Shown] | Miss:
    if isinstance(form, str):
        return [Shown(form)]
    if isinstance(form, FromCatalog):
        entry = _entry(str(form), form.label, labels, catalog)
        if isinstance(entry, Miss):
            return entry
        if entry.channels is None:
            return _says_nothing(form.label, labels, "channel")
        origin = _origin(str(form), labels[form.label], entry)
        return [Shown(channel, origin) for channel in entry.channels]
    value = labels.get(form.label, "")
    if value and value in (catalog.get(form.catalog, {}) if form.catalog else form.only):
        return [Shown(form.name(value), f"{form}: {value}")]
    why = f"{value!r} is not in only" if value else f"the alert has no {form.label}"
    return Miss(form.label, f"{form}: {why}")


def _entry(form: str, label: str, labels: Mapping[str, str], catalog: Catalog) -> CatalogEntry | Miss:
    value = labels.get(label, "")
    entry = catalog.get(label, {}).get(value) if value else None
    if entry is not None:
        return entry
    return Miss(label, f"{form}: catalog.{label} has no {value!r}" if value else f"{form}: the alert has no {label}")


def _says_nothing(label: str, labels: Mapping[str, str], key: str) -> Miss:
    return Miss(label, f"{{from: {label}}}: {labels[label]!r} in catalog.{label} has no {key}")


def _origin(form: str, value: str, entry: CatalogEntry) -> str:
    return f"{form}: {value}, {entry.file}:{entry.line}"


def _once(shown: Sequence[Shown]) -> tuple[Shown, ...]:
    first: dict[str, Shown] = {}
    for one in shown:
        first.setdefault(one.channel, one)
    return tuple(first.values())
