"""The `/preview` page: its files, its policy, and the shape of the data it polls. Owns no route and asks no store."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files

import msgspec

from router.notifiers.preview.members import ROUTER, ROUTER_ID, Member
from router.notifiers.preview.preview import PreviewMessage, Sound, conversation_id, conversation_name
from router.notifiers.preview.workspace import OpenView, PrivateWord
from rules.model.configuration import SLASH_COMMAND

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page shows what senders wrote: nothing in it runs, loads or is sent anywhere but here."""

ASSETS: Mapping[str, str] = {
    "preview.js": "text/javascript",
    "acting.js": "text/javascript",
    "blocks.js": "text/javascript",
    "text.js": "text/javascript",
    "preview.css": "text/css",
}
"""Files under `/preview/`, with their media types."""

_SOUNDS = 50


class Why(msgspec.Struct, frozen=True):
    """Why a message is there."""

    reason: str
    """As `first`, `repeat`, `page`: the reason dispatch gave."""
    route: str = ""
    incident: int = 0


class Waiting(msgspec.Struct, frozen=True):
    """News that is known and not told yet."""

    route: str
    count: int
    """Alerts."""
    title: str
    due_at: datetime | None
    """None: when what holds it ends."""
    why: str
    """As "group_wait" or "held back: nights"."""
    channel: str = ""
    """Where it will be told: an id or `#name`; a person where somebody will be paged."""
    until: str = ""
    """What it waits for, where there is no `due_at`: as "when the inhibitor ends"."""


class _Channel(msgspec.Struct, frozen=True):
    id: str
    name: str
    kind: str
    person: str = ""


class _Ring(msgspec.Struct, frozen=True):
    at: datetime
    who: str
    why: str
    channel: str
    message_ts: str


class _Message(msgspec.Struct, frozen=True):
    channel: str
    ts: str
    thread_ts: str
    broadcast: bool
    text: str
    blocks: tuple[dict[str, object], ...]
    attachments: tuple[dict[str, object], ...]
    posted_at: datetime
    edited_at: datetime | None
    edits: int
    incident: int
    sounds: tuple[Sound, ...]
    why: Why | None
    author: str


class Seen(msgspec.Struct, frozen=True):
    """What one person sees beside what everybody does."""

    view: OpenView | None = None
    words: tuple[PrivateWord, ...] = ()


class _Router(msgspec.Struct, frozen=True):
    id: str = ROUTER_ID
    name: str = ROUTER
    command: str = SLASH_COMMAND


class _Page(msgspec.Struct, frozen=True):
    now: datetime
    channels: list[_Channel]
    messages: list[_Message]
    waiting: list[Waiting]
    sounds: list[_Ring]
    router: _Router
    people: Sequence[Member]
    view: OpenView | None
    words: tuple[PrivateWord, ...]


def preview_html() -> str:
    return _file("preview.html").decode()


def preview_asset(name: str) -> bytes | None:
    """One of ASSETS; None for any other name."""
    return _file(name) if name in ASSETS else None


@cache
def _file(name: str) -> bytes:
    return (files("router.http.preview") / "static" / name).read_bytes()


def preview_json(
    messages: Iterable[PreviewMessage],
    waiting: Sequence[Waiting],
    *,
    now: datetime,
    why: Mapping[str, Why] | None = None,
    channels: Iterable[str] = (),
    people: Sequence[Member] = (),
    seen: Seen = Seen(),  # noqa: B008  frozen
) -> bytes:
    """The whole page as data. `why` is by delivery id; `channels` (ids or names) are shown even while empty. `people`: who
    may be chosen to act. `seen`: by the one who is."""
    rows = sorted(messages, key=lambda row: row.ts)
    held = [msgspec.structs.replace(item, channel=conversation_id(item.channel)) for item in waiting]
    known = dict.fromkeys([row.channel for row in rows])
    known |= dict.fromkeys(item.channel for item in held if item.channel)
    known |= dict.fromkeys(filter(None, map(conversation_id, channels)))
    rings = [
        _Ring(at=row.posted_at, who=sound.who, why=sound.why, channel=row.channel, message_ts=row.ts)
        for row in rows
        for sound in row.sounds
    ]
    return msgspec.json.encode(
        _Page(
            now=now,
            channels=sorted(map(_channel, known), key=lambda channel: (channel.kind, channel.name)),
            messages=[_message(row, (why or {}).get(row.delivery_id)) for row in rows],
            waiting=held,
            sounds=rings[: -_SOUNDS - 1 : -1],
            router=_Router(),
            people=people,
            view=seen.view,
            words=seen.words,
        )
    )


def _channel(channel: str) -> _Channel:
    name = conversation_name(channel)
    is_direct = channel.startswith("D")
    return _Channel(id=channel, name=name, kind="direct" if is_direct else "channel", person=name if is_direct else "")


def _message(row: PreviewMessage, why: Why | None) -> _Message:
    return _Message(
        channel=row.channel,
        ts=row.ts,
        thread_ts=row.thread_ts,
        broadcast=row.broadcast,
        text=row.text,
        blocks=row.blocks,
        attachments=row.attachments,
        posted_at=row.posted_at,
        edited_at=row.edited_at,
        edits=row.edits,
        incident=row.incident,
        sounds=row.sounds,
        why=why,
        author=row.author,
    )
