"""What exists in the fake workspace: people, conversations, messages. Data; the rules are in `world`."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]+)>")
_EVERYBODY = re.compile(r"<!(?:channel|here|everyone)(?:\|[^>]*)?>")


@dataclass(frozen=True)
class Sound:
    """A phone or desktop sound for one person who has muted nothing."""

    at: datetime
    person: str
    conversation: str
    """`#db`, or the person's name for a direct message."""
    why: str
    """post | broadcast | mention | direct"""
    text: str
    """What the push says: the top-level text."""


@dataclass
class Person:
    id: str
    name: str
    email: str
    is_active: bool = True
    takes_direct: bool = True
    paused: tuple[int, int] = (0, 0)
    """Seconds since the epoch, between which their notifications are."""
    team: str = "T000001"
    """Another company's, where a channel is shared."""
    is_bot: bool = False


@dataclass(frozen=True)
class Whisper:
    """A message that one person sees."""

    at: datetime
    person: str
    """The id, as `channel` is."""
    channel: str
    text: str
    blocks: list[Json]
    thread_ts: str = ""


@dataclass
class Modal:
    """One that was opened."""

    person: str
    """The id."""
    opened_at: datetime
    view: Json
    """As later payloads name it: with its id and hash, and what it was opened with."""
    renewals: int = 0
    is_closed: bool = False

    @property
    def said(self) -> str:
        """All that is to be read in it, a line each."""
        return "\n".join(strings_of([self.view.get("title", {}), *self.view["blocks"]]))


@dataclass
class Trigger:
    """What opens a modal: for three seconds, once."""

    person: str
    made_at: datetime
    is_used: bool = False


@dataclass(frozen=True)
class Content:
    """What a message says at one moment."""

    at: datetime
    text: str
    blocks: list[Json]
    attachments: list[Json]
    metadata: Json


@dataclass
class Message:
    ts: str
    thread_ts: str
    """"" for a top-level message."""
    is_broadcast: bool
    client_msg_id: str
    versions: list[Content]
    is_deleted: bool = False

    @property
    def now(self) -> Content:
        return self.versions[-1]

    @property
    def delivery_id(self) -> str:
        payload = self.now.metadata.get("event_payload", {})
        return str(payload.get("delivery_id", ""))


@dataclass
class Group:
    id: str
    handle: str
    members: list[Person]


@dataclass
class Conversation:
    id: str
    name: str
    """`#db`; a direct message has its person's name."""
    is_private: bool = False
    is_archived: bool = False
    is_joined: bool = True
    """Our bot is in it."""
    person: Person | None = None
    """Set for a direct message."""
    members: list[Person] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    """In the order of their ts: top-level and replies together."""

    def find(self, ts: str) -> Message | None:
        return next((message for message in self.messages if message.ts == ts and not message.is_deleted), None)


def instant_of(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts), tz=UTC)


def mentioned(text: str, blocks: list[Json]) -> tuple[set[str], bool]:
    """(ids of people mentioned, whether everybody is) in text and top-level blocks. Attachments do not notify."""
    spoken = [text, *strings_of(blocks, markup_only=True)] if not blocks else strings_of(blocks, markup_only=True)
    people = {found for part in spoken for found in _MENTION.findall(part)}
    return people, any(_EVERYBODY.search(part) for part in spoken)


def mentioned_groups(blocks: list[Json]) -> list[str]:
    """Ids of user groups."""
    return [found for part in strings_of(blocks, markup_only=True) for found in _GROUP.findall(part)]


def strings_of(node: object, *, markup_only: bool = False) -> list[str]:
    """Every text a reader sees in blocks or attachments, in order. `markup_only`: without plain_text objects."""
    found: list[str] = []
    if isinstance(node, list):
        for child in node:
            found += strings_of(child, markup_only=markup_only)
    elif isinstance(node, dict):
        if node.get("type") == "plain_text" and markup_only:
            return found
        for key, child in node.items():
            if isinstance(child, str):
                if key in {"text", "title", "pretext", "footer", "alt_text"}:
                    found.append(child)
            else:
                found += strings_of(child, markup_only=markup_only)
    return found
