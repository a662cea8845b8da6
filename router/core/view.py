"""What dispatch writes down and messages are rendered from: an incident as its destinations are told it. Data only."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from adapters.alert import Severity


class State(StrEnum):
    """The condition of an incident: whether anything of it fires. Only alerts move it; see Phase for what people do."""

    TRIGGERED = "triggered"
    RESOLVED = "resolved"


class Phase(StrEnum):
    """How far people have come with an incident, whatever its alerts do."""

    OPEN = "open"
    """Nobody has taken it on."""
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    CLOSED = "closed"
    """Somebody says that it is done, though alerts still fire."""


class Limit(StrEnum):
    """What a route may give a time for."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class Response(msgspec.Struct, frozen=True, omit_defaults=True):
    """What people, timers, rules and senders have made of an incident. Its alerts move it in one case only: news brings
    back what was closed."""

    phase: Phase = Phase.OPEN
    by: str = ""
    """Who brought it into this phase, by name."""
    at: datetime | None = None
    """When."""
    until: datetime | None = None
    """When the phase ends by itself. None: never."""
    note: str = ""
    """CLOSED: what was said of it."""
    assigned: tuple[str, ...] = ()
    """Who is responsible, by name."""
    responders: tuple[str, ...] = ()
    """Who was asked to help, by name, in that order."""
    severity: Severity | None = None
    """As somebody set it. None: the route's, else the alerts'."""
    met: tuple[Limit, ...] = ()
    """Of its route's limits: when the time was over it was done, and is not asked again."""
    missed: tuple[Limit, ...] = ()
    """When the time was over it was not, and that was said."""


class EndKind(StrEnum):
    """How an alert ended."""

    TOLD = "told"
    EXPIRED = "expired"
    MISSING = "missing"
    PRESUMED = "presumed"
    MOVED = "moved"
    """No end of the alert's: another incident tells it now."""

    @property
    def is_green(self) -> bool:
        """Told and expired are resolved for sure; the others are grey: nobody said so."""
        return self in {EndKind.TOLD, EndKind.EXPIRED}


class AlertLine(msgspec.Struct, frozen=True):
    """One alert in a message: what sets it apart from its neighbours."""

    title: str
    severity: Severity
    starts_at: datetime
    differs: dict[str, str] = {}
    """Labels not common to the incident."""
    url: str = ""


class Suppressed(msgspec.Struct, frozen=True):
    """News that waits: how many alerts, by what, until when (None: until something ends)."""

    count: int
    by: str
    """As the writer named it: a window, a maintenance, an inhibition; of a silence who made it, and why."""
    until: datetime | None = None
    is_silence: bool = False
    is_known: bool = False
    """They were told before, and make no more sounds."""


class MessageTemplate(msgspec.Struct, frozen=True):
    """A user's own words (`template:` of a route). "" keeps the built-in rendering of that part."""

    title: str = ""
    text: str = ""


class IncidentView(msgspec.Struct, frozen=True):
    """An incident at one version of its messages. Texts are the senders', unescaped and unbounded."""

    number: int
    state: State
    severity: Severity
    title: str
    """The alert's own title when there is one, else the names of its alerts."""
    name: str
    """`alert.name` of the worst alert."""
    summary: str
    """What all its alerts describe alike; "" when they differ, or have no description."""
    started_at: datetime
    firing: int
    """Alerts that are told and still firing."""
    route: str
    sources: tuple[str, ...]
    ended_at: datetime | None = None
    ended_how: EndKind | None = None
    """The least certain end among the alerts'."""
    unheard_for: timedelta | None = None
    """Only of a presumed end: for how long nothing had been heard."""
    moved_to: str = ""
    """Only where it moved away: as "#incidents-p1 as #42"."""
    parted: tuple[int, ...] = ()
    """Incidents that alerts of this one went to, and that went on without it."""
    parted_to: str = ""
    """The last of them, as "#incidents-p1 as #42"."""
    goes_on: str = ""
    """Only where it ended while what parted from it fires: as "#42 CRITICAL". Whoever was paged for it reads that."""
    ended: int = 0
    """Alerts of this incident that have ended."""
    alerts: tuple[AlertLine, ...] = ()
    """Worst first, at most 5; while resolved, the last that ended."""
    common_labels: dict[str, str] = {}
    group_labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    """Of the worst alert."""
    links: tuple[tuple[str, str], ...] = ()
    """(label, http(s) address): source, runbook, dashboard."""
    suppressed: tuple[Suppressed, ...] = ()
    on_call: tuple[str, ...] = ()
    """Names of the people paged."""
    source_silent_since: datetime | None = None
    silent_sources: tuple[str, ...] = ()
    """Of `sources`, those that are silent; () where that is all of them."""
    template: MessageTemplate | None = None
    response: Response = Response()
    worst: Severity | None = None
    """The highest severity that it has had; None: the present one."""
    lasting_labels: dict[str, str] = {}
    """What all its alerts have had in common from the first to the last."""
    noun: str = "alerts"
    """What its alerts are, many of them: "pods" where each has a `pod` of its own."""
    counted: tuple[str, tuple[tuple[str, int], ...]] = ("", ())
    """The label that sorts many alerts into few heaps, and how many are in each, in natural order."""


class EntryKind(StrEnum):
    """What a timeline entry records. Thread lines are told from these."""

    FIRST = "first"
    MORE = "more"
    WORSE = "worse"
    SOME_RESOLVED = "some_resolved"
    ALL_RESOLVED = "all_resolved"
    REOPENED = "reopened"
    REPEAT = "repeat"
    SOURCE_SILENT = "source_silent"
    MOVED = "moved"
    PAGED = "paged"
    ESCALATED = "escalated"
    """A further step, or a further round; where it is somebody's act, whom they named."""
    NOBODY_ON_CALL = "nobody_on_call"
    PAGE_DROPPED = "page_dropped"
    PAGE_REFUSED = "page_refused"
    UNHEARD = "unheard"
    """Who was paged hears nothing of it now."""
    CHANNEL_REFUSED = "channel_refused"
    NOT_POSTED = "not_posted"
    FALLBACK = "fallback"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGEMENT_OVER = "acknowledgement_over"
    SNOOZED = "snoozed"
    WOKEN = "woken"
    SNOOZE_OVER = "snooze_over"
    CLOSED = "closed"
    REOPENED_BY_HAND = "reopened_by_hand"
    CLOSED_OVER = "closed_over"
    ASSIGNED = "assigned"
    RESPONDER_ADDED = "responder_added"
    NOTE = "note"
    SEVERITY_SET = "severity_set"
    SLA_ACKNOWLEDGE = "sla_acknowledge"
    """Not acknowledged in time."""
    SLA_RESOLVE = "sla_resolve"


class TimelineEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fact of an incident's timeline."""

    seq: int
    at: datetime
    kind: EntryKind
    count: int = 0
    """How many alerts this entry is about."""
    firing: int = 0
    """How many fire after it."""
    titles: tuple[str, ...] = ()
    """The first five of them, each once; without the one that the incident itself has."""
    noun: str = "alerts"
    """What they are, many of them."""
    counted: tuple[tuple[str, int], ...] = ()
    """By the value of the label that sorts them into few heaps: how many of each."""
    severity: Severity | None = None
    """WORSE, REOPENED: the severity it rose to or came back with."""
    lasted: timedelta | None = None
    """ALL_RESOLVED: the incident's duration. REPEAT: for how long it has been firing. FALLBACK: for how long it could not be
    told; None: it cannot be yet. ESCALATED: for how long nobody acknowledged. SLA_…: the time that it had."""
    how: EndKind | None = None
    people: tuple[str, ...] = ()
    """By name."""
    by: str = ""
    """Of an act: whose it was, by name. "" of a timer's."""
    via: str = ""
    """Of an act: by what it was done, as "button" or "command"."""
    before: str = ""
    """Of an act: what it changed, as it was: a phase, a severity, who was responsible."""
    after: str = ""
    """The same, as it is then."""
    until: datetime | None = None
    """Of an act: how long what it began lasts."""
    mentions: tuple[str, ...] = ()
    """PAGE_REFUSED: the Slack ids of those whom no direct message reached, as far as they are known."""
    groups: tuple[str, ...] = ()
    """PAGED, ESCALATED: the Slack user groups that are mentioned where the incident is at home."""
    step: int = 0
    """ESCALATED: which one of its policy, from 1; 0: there is none any more, or somebody named whom."""
    round: int = 1
    """ESCALATED: which one, from 1."""
    detail: str = ""
    """Refusals: Slack's error code and where it is told instead. NOT_POSTED: where. Page entries: why these people. MOVED: where to.
    SOURCE_SILENT: what it says. FALLBACK: why it could not be told. `people` are then who was told instead. Acts: what was said
    with it."""


class PageView(msgspec.Struct, frozen=True):
    """Why a person is told directly, and what follows."""

    why: str
    """As "primary of payments until Mon 09:00 CET"."""
    next_step: str = ""
    """Whom the step reaches that comes next, as "lead"; "" when nothing follows."""
    next_at: datetime | None = None
    """When it does."""
    home: str = ""
    """Home channel: an id (C…, G…) once known, else its name."""
    permalink: str = ""
    """Of the message in the home channel; "" while nothing stands there, or its address is not known."""


class Rendered(msgspec.Struct, frozen=True):
    """A message as Slack takes it. `text` is always there: the push, and what is left when blocks are refused."""

    text: str
    blocks: tuple[dict[str, object], ...] = ()
    attachments: tuple[dict[str, object], ...] = ()
