"""What stands in Slack, read as a person reads it: which incident, how bad, open or over, about which conditions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.machines.promises.rulebook import RANK
from tests.slackworld import MessageView, SlackWorld
from tests.slackworld.state import Content, strings_of

_NUMBER = re.compile(r"#(\d+)\b")
_SEVERITY = re.compile(rf"\b({'|'.join(word.upper() for word in RANK)}) #\d+\b")
_NOT_OPEN = re.compile(r"^(Resolved|Over)\b|\bgoes on as #\d+|\bmoved to #")


@dataclass(frozen=True)
class Said:
    """One version of a message."""

    at: datetime
    text: str
    number: int
    """0 where it speaks of no incident."""
    severity: str
    """"" where it is over."""
    names: frozenset[str]
    """The conditions that it names."""

    @property
    def is_open(self) -> bool:
        return bool(self.severity)

    @property
    def rank(self) -> int:
        return RANK[self.severity] if self.severity else -1

    @property
    def is_moved(self) -> bool:
        """It says where it went: coming back, it is told anew."""
        return "moved to" in self.text or "goes on as" in self.text

    @property
    def is_resolved(self) -> bool:
        return self.text.startswith("Resolved")


@dataclass(frozen=True)
class Standing:
    """A top-level message and all it ever said."""

    place: str
    view: MessageView
    versions: tuple[Said, ...]

    @property
    def now(self) -> Said:
        return self.versions[-1]

    @property
    def number(self) -> int:
        return self.versions[0].number

    def at(self, instant: datetime) -> Said | None:
        """What it said then; None: it did not stand yet."""
        return next((said for said in reversed(self.versions) if said.at <= instant), None)

    def last_open(self) -> Said | None:
        return next((said for said in reversed(self.versions) if said.is_open), None)

    def replies(self) -> list[str]:
        return [reply.said for reply in self.view.replies]

    def __str__(self) -> str:
        return f"{self.place} {[f'{said.at:%H:%M:%S} {said.text}' for said in self.versions]}"


class Reader:
    def __init__(self, slack: SlackWorld, names: Iterable[str]) -> None:
        self._slack = slack
        self._names = {name: re.compile(rf"\b{name}\b") for name in names}

    def standing(self, place: str) -> list[Standing]:
        """All top-level messages of a channel, or of our direct messages with a person."""
        shown = self._slack.channel(place) if place.startswith("#") else self._slack.direct(place)
        return [
            Standing(place, view, tuple(self._said(version) for version in view.versions)) for view in shown.messages
        ]

    def named(self, text: str) -> frozenset[str]:
        return frozenset(name for name, pattern in self._names.items() if pattern.search(text))

    def _said(self, content: Content) -> Said:
        text = content.text
        number = _NUMBER.search(text)
        severity = None if _NOT_OPEN.search(text) else _SEVERITY.search(text)
        read = "\n".join([text, *strings_of(content.blocks), *strings_of(content.attachments)])
        return Said(
            content.at,
            text,
            int(number[1]) if number else 0,
            severity[1].lower() if severity else "",
            self.named(read),
        )


def number_in(text: str) -> int:
    found = _NUMBER.search(text)
    return int(found[1]) if found else 0


def says_severity(text: str, severity: str) -> bool:
    """Of the push text of a sound: this severity or a worse one."""
    return any(re.search(rf"\b{word.upper()}\b", text) for word, rank in RANK.items() if rank >= RANK[severity])


JUST_NOW = timedelta(seconds=1)
