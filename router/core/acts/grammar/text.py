"""A text as Slack sends it, read word by word: its escapes and mentions undone, quotes of all keyboards understood."""

import re
from collections.abc import Mapping

import msgspec

from router.core.acts.grammar.command import Target, TargetKind


class Word(msgspec.Struct, frozen=True):
    """One word: bare, in quotes, or a mention."""

    text: str
    start: int
    end: int
    is_quoted: bool = False
    target: Target | None = None
    channel: str = ""
    """The id, of a mentioned channel."""

    @property
    def is_bare(self) -> bool:
        return not self.is_quoted and self.target is None and not self.channel


class UnclosedError(Exception):
    """A quote that nothing closes."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


_SPECIAL = re.compile(r"<([^<>]{1,3000})>|&(lt|gt|amp);")
_ENTITIES: Mapping[str, str] = {"lt": "<", "gt": ">", "amp": "&"}
_ENTITY = re.compile("&(lt|gt|amp);")
_MENTION = re.compile(r"@([UW][A-Z0-9]{1,30})|!subteam\^(S[A-Z0-9]{1,30})|#([CG][A-Z0-9]{1,30})")
_LINK = re.compile(r"(?:https?://|mailto:).*", re.DOTALL | re.IGNORECASE)
_SPACE = re.compile(r"[\s\u200b\u200e\u200f\u2060\u2066-\u2069\ufeff]*")
_BARE = re.compile(r"[^\s\u200b\u200e\u200f\u2060\u2066-\u2069\ufeff]+")
DOUBLE = '"“”„‟«»＂'
_CLOSERS: Mapping[str, str] = {
    **dict.fromkeys('"“”„‟＂', '"“”‟＂'),
    "«": "»",
    "»": "«»",
    **dict.fromkeys("'‘’‚‛", "'‘’‛"),
    "‹": "›",
    "›": "‹›",
}
"""What ends what each begins. German closes with what English opens with, and telephones mix all of them."""


class Reader:
    """A cursor over one text."""

    def __init__(self, raw: str) -> None:
        self.text, self._mentions = _undone(raw)
        self.at = 0

    @property
    def is_done(self) -> bool:
        return self.begin() == len(self.text)

    def peek(self) -> Word | None:
        """The next word, which stays the next; None at the end. Raises UnclosedError."""
        start = self.begin()
        if start == len(self.text):
            return None
        if mention := self._mentions.get(start):
            return mention
        opener = self.text[start]
        if opener in _CLOSERS:
            end = self._closing(start)
            if end is not None:
                inside = self.text[start + 1 : end].replace("\\" + opener, opener)
                return Word(inside.strip(), start, end + 1, is_quoted=True)
            if opener in DOUBLE:
                raise UnclosedError(start)
        found = _BARE.match(self.text, start)
        end = len(self.text) if found is None else found.end()
        return Word(self.text[start:end], start, end)

    def take(self, word: Word) -> None:
        """Go on behind it, and behind the comma of a list of people."""
        self.at = word.end
        if not word.is_bare and not word.is_quoted and self.text[self.at : self.at + 1] in {",", ";"}:
            self.at += 1

    def rest(self) -> str:
        """All that is left, as one text. Where quotes stand around the whole of it they are taken off."""
        text = self.text[self.begin() :].strip()
        if len(text) >= 2 and text[0] in _CLOSERS and text[-1] in _CLOSERS[text[0]]:
            return text[1:-1].strip()
        return text

    def begin(self) -> int:
        """Where the next word begins."""
        space = _SPACE.match(self.text, self.at)
        return self.at if space is None else space.end()

    def _closing(self, start: int) -> int | None:
        """Where a quoted text ends: at the first closing quote that a word ends with, else at the first that there is."""
        closers, first = _CLOSERS[self.text[start]], None
        for at in range(start + 1, len(self.text)):
            if self.text[at] not in closers or self.text[at - 1] == "\\":
                continue
            if at + 1 == len(self.text) or _SPACE.fullmatch(self.text[at + 1]):
                return at
            first = at if first is None else first
        return first if self.text[start] in DOUBLE else None


def _undone(raw: str) -> tuple[str, dict[int, Word]]:
    """The text as its writer sees it, and by their start the mentions in it."""
    parts: list[str] = []
    mentions: dict[int, Word] = {}
    length = at = 0

    def add(text: str) -> None:
        nonlocal length
        parts.append(text)
        length += len(text)

    for found in _SPECIAL.finditer(raw):
        add(raw[at : found.start()])
        at = found.end()
        inside, entity = found.groups()
        if entity:
            add(_ENTITIES[entity])
            continue
        body, _, label = inside.partition("|")
        label = _unescaped(label)
        mention = _MENTION.fullmatch(body)
        if mention is None:
            add(_linked(body, label, found.group()))
            continue
        user, group, channel = mention.groups()
        shown = label or user or group or channel
        shown = shown if shown[0] in "@#" else ("#" if channel else "@") + shown
        target = None
        if user or group:
            target = Target(TargetKind.USER if user else TargetKind.GROUP, label.lstrip("@"), user or group)
        mentions[length] = Word(shown, length, length + len(shown), target=target, channel=channel or "")
        add(shown)
    add(raw[at:])
    return "".join(parts), mentions


def _linked(body: str, label: str, whole: str) -> str:
    """What stands where Slack made a link of what was typed, or a word such as @here of ours."""
    if _LINK.fullmatch(body):
        address = _unescaped(body)
        return label if label and address.endswith(label) else address
    if body.startswith("!"):
        return label or "@" + body[1:].partition("^")[0]
    return whole


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda found: _ENTITIES[found[1]], text)
