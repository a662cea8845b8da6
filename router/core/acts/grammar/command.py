"""What people can ask for in words, one type each, and what is wrong where that cannot be understood. Data only."""

from datetime import timedelta
from enum import StrEnum

import msgspec

from adapters.alert import Severity
from rules.language.times import Moment
from rules.model.matcher import Matcher


class TargetKind(StrEnum):
    """How somebody is named."""

    USER = "user"
    """`id` is a Slack user's."""
    GROUP = "group"
    """`id` is a Slack user group's."""
    NAME = "name"
    """A name as it was typed, without @: of a person or a policy in the rules, or of whom Slack did not recognise."""
    ME = "me"
    """Whoever gives the command."""


class Target(msgspec.Struct, frozen=True):
    """Whom a command is about."""

    kind: TargetKind
    name: str = ""
    """"" where Slack gave an id alone."""
    id: str = ""


class New(msgspec.Struct, frozen=True):
    """Declare an incident."""

    title: str
    service: str = ""
    severity: Severity | None = None


class Acknowledge(msgspec.Struct, frozen=True):
    """Somebody looks at it."""

    incident: int


class Unacknowledge(msgspec.Struct, frozen=True):
    """Nobody does after all."""

    incident: int


class Resolve(msgspec.Struct, frozen=True):
    """Close it by hand."""

    incident: int
    note: str = ""


class Reopen(msgspec.Struct, frozen=True):
    """It is not over."""

    incident: int


class Note(msgspec.Struct, frozen=True):
    """A line of the timeline."""

    incident: int
    text: str


class Escalate(msgspec.Struct, frozen=True):
    """To somebody, or to the policy's next step."""

    incident: int
    to: Target | None = None


class Assign(msgspec.Struct, frozen=True):
    """Make somebody responsible."""

    incident: int
    to: Target


class AddResponders(msgspec.Struct, frozen=True):
    """Ask more people to help."""

    incident: int
    who: tuple[Target, ...]


class Snooze(msgspec.Struct, frozen=True):
    """No reminders from now on, for `span`."""

    incident: int
    span: timedelta


class Wake(msgspec.Struct, frozen=True):
    """End a snooze."""

    incident: int


class ChangeSeverity(msgspec.Struct, frozen=True):
    """Of the incident; matchers see the alerts' own."""

    incident: int
    severity: Severity


class Silence(msgspec.Struct, frozen=True):
    """From now on, for `span`."""

    matchers: tuple[Matcher, ...]
    span: timedelta
    comment: str = ""


class Unsilence(msgspec.Struct, frozen=True):
    """End a silence."""

    id: str


class Extend(msgspec.Struct, frozen=True):
    """A silence ends later by `span`."""

    id: str
    span: timedelta


class OnCall(msgspec.Struct, frozen=True):
    """Who is on call; "" for everything."""

    service: str = ""


class Take(msgspec.Struct, frozen=True):
    """Be on call instead of whose turn it is; "": of the only schedule, or the one that they take turns in."""

    span: timedelta
    schedule: str = ""
    who: Target = Target(TargetKind.ME, "me")
    begins: int | Moment | None = None
    """The next such time of day, in minutes since midnight; an instant; None: now."""
    why: str = ""


class Untake(msgspec.Struct, frozen=True):
    """What somebody took ends, or never begins."""

    schedule: str = ""
    who: Target = Target(TargetKind.ME, "me")


class Swap(msgspec.Struct, frozen=True):
    """One's own turn, now or the next, for somebody else's."""

    who: Target
    schedule: str = ""


class List(msgspec.Struct, frozen=True):
    """Open incidents; `filter` as it was typed."""

    filter: str = ""


class Show(msgspec.Struct, frozen=True):
    """One incident."""

    incident: int


class Status(msgspec.Struct, frozen=True):
    """How the router itself is."""


class Link(msgspec.Struct, frozen=True):
    """A personal link to the router's pages; to an incident's."""

    incident: int | None = None


class Connect(msgspec.Struct, frozen=True):
    """Which person of the rules a Slack user is: asked of oneself, or said of `who`."""

    who: Target | None = None
    person: str = ""
    """In the rules; "": nobody."""


class Help(msgspec.Struct, frozen=True):
    """What there is; `topic` is the name of a command as the table has it, or ""."""

    topic: str = ""


Command = (
    New
    | Acknowledge
    | Unacknowledge
    | Resolve
    | Reopen
    | Note
    | Escalate
    | Assign
    | AddResponders
    | Snooze
    | Wake
    | ChangeSeverity
    | Silence
    | Unsilence
    | Extend
    | OnCall
    | Take
    | Untake
    | Swap
    | List
    | Show
    | Status
    | Link
    | Connect
    | Help
)


class Mistake(msgspec.Struct, frozen=True):
    """What could not be understood."""

    message: str
    expected: str
    at: int
    """Where, counted in characters of the text as its writer sees it."""
    word: str = ""
    """The command that was recognised; "" for none."""
    near: str = ""
    """The nearest word there is."""

    def __str__(self) -> str:
        start = f"{self.word}: {self.message}" if self.word else self.message
        hint = f" Did you mean {self.near}?" if self.near else ""
        return f"{start}{' Expected' if start.endswith('?') else '; expected'} {self.expected}.{hint}"
