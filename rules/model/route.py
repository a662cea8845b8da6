"""The route tree's types, and what its matchers see. Owns what a route *is*; `tree.py` finds who owns an alert."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

import msgspec

from adapters.alert import Alert, Severity
from rules.model.matcher import Matcher
from rules.model.permission import Actions, Audience
from rules.model.window import NamedWindow

ROOT = "default"
"""The id of the root route."""

COMPUTED = ("alert.name", "alert.severity", "alert.source", "alert.title")
DECLARATION = "alert.declaration"
"""The label of an incident that a person declared: its own, so that whatever a route groups by it stands alone."""

DEFAULT_GROUP_BY = ("alert.name", "alert.source")
DEFAULT_GROUP_WAIT = timedelta(seconds=10)
"""Of a group that is not critical; a critical one waits for nothing."""
DEFAULT_GROUP_INTERVAL = timedelta(minutes=5)
DEFAULT_REPEAT_INTERVAL = timedelta(hours=4)
DEFAULT_REOPEN_WITHIN = timedelta(minutes=10)
DEFAULT_ACKNOWLEDGE_WITHIN = timedelta(hours=4)
DEFAULT_REOPEN_CLOSED_AFTER = timedelta(hours=4)


class PageKind(StrEnum):
    """What a page's target is: looked up in this order."""

    POLICY = "policy"
    SCHEDULE = "schedule"
    PERSON = "person"
    USER = "user"
    """Of Slack, whom the rules do not name: only somebody who names them pages them."""
    GROUP = "group"
    """A user group of Slack's, likewise."""


class Page(msgspec.Struct, frozen=True):
    """Whom to wake. The message is told at once; the page waits for `only`, and for the end of `quiet`."""

    target: str
    kind: PageKind
    only: tuple[NamedWindow, ...] = ()
    quiet: tuple[NamedWindow, ...] = ()
    slack_id: str = ""
    """USER, GROUP: Slack's id; `target` is then what people call them. "" of a group that is known by its handle alone."""


class PageFrom(msgspec.Struct, frozen=True):
    """`page: {from: service}`: whom the catalogue's entry of an alert's label says.

    The windows hold for whatever page it comes to; None: the page's own windows stand.
    """

    label: str
    """The label, and the catalogue of that name."""
    only: tuple[NamedWindow, ...] | None = None
    quiet: tuple[NamedWindow, ...] | None = None


class FromCatalog(msgspec.Struct, frozen=True, tag="from"):
    """`channel: {from: service}`: the channels of the catalogue's entry of an alert's label."""

    label: str
    """The label, and the catalogue of that name."""

    def __str__(self) -> str:
        return f"{{from: {self.label}}}"


class FromLabel(msgspec.Struct, frozen=True, tag="label"):
    """`channel: {label: team, …}`: a channel whose name is made of a label's value, for the values that may."""

    label: str
    prefix: str = "#"
    suffix: str = ""
    only: tuple[str, ...] = ()
    catalog: str = ""
    """The catalogue whose entries may; "": those in `only`."""

    def name(self, value: str) -> str:
        return f"{self.prefix}{value}{self.suffix}"

    def __str__(self) -> str:
        return f"{{label: {self.label}, as {self.name('…')}}}"


ChannelForm = str | FromCatalog | FromLabel
"""A channel's name or id as written, or how to find it by an alert's labels when the incident opens."""


class Template(msgspec.Struct, frozen=True):
    """A route's own words, as Jinja source; "" keeps the built-in rendering of that part."""

    title: str = ""
    text: str = ""


class Loudness(StrEnum):
    """How loud something is told. The message itself is kept true whatever is said here."""

    NONE = "none"
    """Nothing but the edit, for the people paged too."""
    EDIT = "edit"
    """No line in the thread."""
    THREAD = "thread"
    CHANNEL = "channel"
    """A line in the thread that the channel sees and hears as well."""

    @property
    def has_line(self) -> bool:
        return self in {Loudness.THREAD, Loudness.CHANNEL}


class Tell(msgspec.Struct, frozen=True):
    """How loud each change of an incident is told, by default as it stands here."""

    new_alerts: Loudness = Loudness.THREAD
    worse: Loudness = Loudness.CHANNEL
    some_resolved: Loudness = Loudness.THREAD
    resolved: Loudness = Loudness.THREAD
    reopened: Loudness = Loudness.CHANNEL
    repeat: Loudness = Loudness.CHANNEL
    acknowledged: Loudness = Loudness.THREAD
    """Acknowledged, taken back, put off, woken, assigned."""
    escalated: Loudness = Loudness.CHANNEL
    """A further step of its policy; an acknowledgement, a snooze or a closing that has run out. Whom a step reaches hears it
    whatever stands here."""
    sla: Loudness = Loudness.CHANNEL
    """What was not acknowledged, or not resolved, in the time that the route gives."""
    note: Loudness = Loudness.NONE


class Sla(msgspec.Struct, frozen=True):
    """How long things may take, counted from when the incident was opened. None: as long as they take."""

    acknowledge: timedelta | None = None
    resolve: timedelta | None = None


class ResolveNote(StrEnum):
    """Whether who closes an incident must say what it was."""

    OPTIONAL = "optional"
    REQUIRED = "required"


class RouteSettings(msgspec.Struct, frozen=True):
    """Everything a group needs of its route, inheritance done. The engine stores it beside the group."""

    channels: tuple[ChannelForm, ...]
    """Names ("#alerts"), ids ("C0123ABCD") and forms; the first is home. Empty: told to nobody, on purpose."""
    group_by: tuple[str, ...] | None = DEFAULT_GROUP_BY
    """None: all labels."""
    group_wait: timedelta | None = None
    """None: `DEFAULT_GROUP_WAIT`, and 0 s while the group's severity is critical."""
    group_interval: timedelta = DEFAULT_GROUP_INTERVAL
    repeat_interval: timedelta | None = DEFAULT_REPEAT_INTERVAL
    """None: never repeated."""
    reopen_within: timedelta = DEFAULT_REOPEN_WITHIN
    acknowledge_within: timedelta | None = DEFAULT_ACKNOWLEDGE_WITHIN
    """How long an acknowledgement lasts. None: until the end."""
    reopen_closed_after: timedelta | None = DEFAULT_REOPEN_CLOSED_AFTER
    """What was closed by hand comes back after so long, if it fires still. None: never by itself."""
    sla: Sla | None = None
    resolve_note: ResolveNote = ResolveNote.OPTIONAL
    severity: Severity | None = None
    """The incident's, whatever its alerts say; matchers always see the alert's own."""
    template: Template | None = None
    tell: Tell = Tell()
    quiet: tuple[NamedWindow, ...] = ()
    only: tuple[NamedWindow, ...] = ()
    page: Page | None = None
    """Where there is a `page_from` that finds nothing: the inherited one."""
    channels_above: tuple[tuple[ChannelForm, ...], ...] = ()
    """What a form that finds nothing gives way to: the inherited channels, and what they inherit, as far as needed."""
    also: tuple[ChannelForm, ...] = ()
    """Further channels that show the incident."""
    also_webhooks: tuple[str, ...] = ()
    """Names of webhooks that are told the incident too."""
    page_from: tuple[PageFrom, ...] = ()
    """The nearest first; each gives way to the next, the last to `page`."""
    actions: Actions = ()
    """Who may do what."""
    private: Audience | None = None
    """Who sees its incidents; None: everybody."""

    @property
    def may_page(self) -> bool:
        return self.page is not None or bool(self.page_from)

    def wait(self, severity: Severity) -> timedelta:
        """The group_wait in force for a group of this severity."""
        if self.group_wait is not None:
            return self.group_wait
        return timedelta(0) if severity is Severity.CRITICAL else DEFAULT_GROUP_WAIT


class SettingOrigin(msgspec.Struct, frozen=True):
    """Where a setting comes from: the route that said it and the line. Line 0: nobody did, it is the default."""

    route_id: str
    line: int


class Route(msgspec.Struct, frozen=True):
    """One node. `id` is the path of names, the root's is "default"; `settings` are complete, inheritance done."""

    id: str
    name: str
    match: tuple[Matcher, ...]
    settings: RouteSettings
    said: dict[str, SettingOrigin]
    """Setting -> where it was said."""
    file: str
    line: int
    continues: bool = False
    children: "tuple[Route, ...]" = ()


def is_declared(group_labels: Iterable[tuple[str, str]]) -> bool:
    """Whether a group is of one declaration, and so of one incident that a person declared."""
    return any(name == DECLARATION for name, _ in group_labels)


def visible_labels(alert: Alert, source: str) -> dict[str, str]:
    """What matchers and group_by see: the labels as sent and the computed names, which win over sent ones."""
    return {
        **alert.labels,
        "alert.name": alert.name,
        "alert.severity": alert.severity.value,
        "alert.source": source,
        "alert.title": alert.title,
    }
