"""What is to be told, before anybody decided how it looks: every notifier makes its own message of it. Data only."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from router.core.view import EntryKind, IncidentView, PageView, Phase, State, TimelineEntry


class Subject(StrEnum):
    """What a message is about."""

    INCIDENT = "incident"
    """An incident in a channel: kept true as long as it lives."""
    PAGE = "page"
    """An incident to a person on call: kept true likewise."""
    NOTE = "note"
    """A new sound for somebody who was paged: one timeline entry, told once."""
    POST = "post"
    """A word of the router's own, told once."""


class Mention(msgspec.Struct, frozen=True):
    """Somebody who is mentioned in a word of the router's own. In its text a mark stands for them, by their number."""

    target: str
    """As a notifier finds them."""
    name: str


class Content(msgspec.Struct, frozen=True):
    """One message at one moment. Texts are the senders' own, unescaped and unbounded."""

    subject: Subject
    instance: str
    """This router's name: with the incident's number it names the incident everywhere."""
    external_url: str = ""
    """This router's own address, for links; "" for none."""
    view: IncidentView | None = None
    """None only of a POST."""
    entries: tuple[TimelineEntry, ...] = ()
    """Of a reply: what it tells. Of a NOTE: the one entry. Of a first post: what the thread would have heard."""
    page: PageView | None = None
    """Of a PAGE and a NOTE."""
    text: str = ""
    """Of a POST: what it says, as a person writes it."""
    mentions: tuple[Mention, ...] = ()
    """Of a POST: whom it mentions. Whoever cannot be is named."""
    is_primary: bool = True
    """Of an INCIDENT: the thread lives here."""
    home: str = ""
    """Of an INCIDENT: its primary channel, an id once that is known."""
    recipient: str = ""
    """Of a PAGE and a NOTE: whom it is for, as a notifier finds them."""
    is_broadcast: bool = False
    """Of a reply: whoever does not follow the thread is to hear it too."""
    may_act: bool = False
    """Whoever reads it can act from it: what they press reaches us."""
    phase: Phase = Phase.OPEN
    """Of an INCIDENT where nothing can be edited: which word about it this is. OPEN: that it fires; ACKNOWLEDGED, CLOSED."""
    told_phase: Phase | None = None
    """As what the receiver has it, or may have it, by now. None: it knows nothing of it."""
    notice: str = ""
    """Why it stands here and not where it belongs."""
    degraded: int = 0
    """How often the receiver refused it as it was: each time it has to be plainer."""

    @property
    def is_end(self) -> bool:
        """Whether it says that the incident is over, at least here."""
        return self.view is not None and self.view.state is State.RESOLVED

    @property
    def incident(self) -> int:
        """The incident's number; 0 for a word of the router's own."""
        return 0 if self.view is None else self.view.number

    @property
    def is_of_a_step(self) -> bool:
        """Whether a step of an escalation tells it: a person who does not hear it gives way to the next."""
        is_escalated = any(entry.kind is EntryKind.ESCALATED for entry in self.entries)
        return not self.is_end and (self.subject is Subject.PAGE or (self.subject is Subject.NOTE and is_escalated))

    @property
    def groups(self) -> tuple[str, ...]:
        """The user groups that its entries mention, as they are written."""
        return tuple(dict.fromkeys(one for entry in self.entries for one in entry.groups))

    def with_groups(self, ids: Mapping[str, str]) -> "Content":
        """`ids`: of the groups that are known by one."""
        entries = (
            msgspec.structs.replace(entry, groups=tuple(ids.get(one, one) for one in entry.groups))
            for entry in self.entries
        )
        return msgspec.structs.replace(self, entries=tuple(entries))

    def with_people(self, ids: Mapping[str, str]) -> "Content":
        """`ids`: of the people it mentions, by target, those that are known by one."""
        known = (msgspec.structs.replace(one, target=ids.get(one.target, "")) for one in self.mentions)
        return msgspec.structs.replace(self, mentions=tuple(known))

    @property
    def bare(self) -> "Content":
        """The same in one plain line, for whoever cannot make a message of the whole."""
        view = self.view
        text = "An alert" if view is None else f"#{view.number} {view.state.value}: {view.title}"
        return Content(Subject.POST, self.instance, self.external_url, text=text)
