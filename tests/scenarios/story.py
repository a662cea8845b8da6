"""A story as an SRE writes it, read from YAML: rules, who is there, what happens when, what is then to be seen and heard.

Reads only; `player` plays it on the engine. Every scalar is text (YAML's own types would turn 10:00 into 600).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from rules.model.webhook import Fallback

ACTS = (
    "fire",
    "resolve",
    "echo",
    "webhook",
    "forget",
    "silent",
    "speaks",
    "declare",
    "act",
    "silence",
    "change_silence",
    "unsilence",
    "reload",
    "restart",
    "clock",
    "slack",
    "archive",
    "unarchive",
    "refuses_direct",
    "pauses",
    "delete",
)
"""What can happen, in the order in which it does within one step."""
_PLACE = re.compile(r'channel "(?P<channel>#[^"]+)"|direct (?P<person>\S+)')
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Seen:
    """One message that should stand. Texts are parts of what it says."""

    text: str
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    replies: tuple[str, ...] | None = None
    """Exactly so many, in this order. None: not looked at."""
    edits: int | None = None
    colour: str = ""


@dataclass(frozen=True)
class Step:
    at: timedelta
    acts: Sequence[tuple[str, Any]]
    seen: Mapping[str, Sequence[Seen]]
    """Channel or person -> all the messages that stand there, oldest first."""
    sounds: Mapping[str, Sequence[str]]
    """Person -> everything that rang since the step before, as "#db post: text". Nobody listed: nobody heard anything."""
    rings: Mapping[str, Sequence[str]]
    """Webhook -> everything that it was told since the step before, as "begins #1 high". None listed: none was told."""


@dataclass(frozen=True)
class Story:
    name: str
    starts: datetime
    rules: str
    channels: Mapping[str, Sequence[str]]
    people: Sequence[str]
    groups: Mapping[str, Sequence[str]]
    """Slack user group -> who is in it."""
    fallback: str
    webhooks: Sequence[str]
    falls_back: Fallback | None
    """Which webhook is called when Slack is away, and after how long."""
    resend: timedelta | None
    """How often living sources send again what fires."""
    steps: Sequence[Step] = field(default_factory=list)


def stories(folder: Path) -> list[Story]:
    return [
        _story(file.stem, document)
        for file in sorted(folder.glob("*.yaml"))
        for document in yaml.load_all(file.read_text(), Loader=yaml.BaseLoader)
    ]


def span(text: str) -> timedelta:
    parts = re.findall(r"(\d+)(ms|s|m|h|d)", text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration")
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))


def _story(file: str, document: dict[str, Any]) -> Story:
    known = {
        "name",
        "starts",
        "rules",
        "channels",
        "people",
        "groups",
        "fallback",
        "webhooks",
        "falls_back",
        "resend",
        "story",
    }
    if set(document) - known:
        raise ValueError(f"{file}: {set(document) - known} is no part of a story")
    at = timedelta(0)
    steps = []
    for said in document["story"]:
        at = span(said["at"]) if "at" in said else at + span(said.get("after", "0s"))
        steps.append(_step(at, said))
    return Story(
        name=f"{file}: {document['name']}",
        starts=datetime.fromisoformat(document.get("starts", "2026-11-02T12:00:00+00:00")),
        rules=document["rules"],
        channels=document.get("channels", {"#db": ["maria"]}),
        people=document.get("people", ["maria"]),
        groups=document.get("groups", {}),
        fallback=document.get("fallback", ""),
        webhooks=document.get("webhooks", []),
        falls_back=_falls_back(document.get("falls_back")),
        resend=span(document["resend"]) if "resend" in document else None,
        steps=steps,
    )


def _falls_back(said: dict[str, str] | None) -> Fallback | None:
    return None if said is None else Fallback(said["webhook"], span(said["after"]))


def _step(at: timedelta, said: dict[str, Any]) -> Step:
    seen: dict[str, Sequence[Seen]] = {}
    acts = [(act, said[act]) for act in ACTS if act in said]
    for key, value in said.items():
        place = _PLACE.fullmatch(key)
        if place is not None:
            seen[place["channel"] or place["person"]] = [_seen(one) for one in value]
        elif key not in {"at", "after", "sounds", "rings", *ACTS}:
            raise ValueError(f"{key!r} is no part of a step")
    return Step(at, acts, seen, said.get("sounds", {}), said.get("rings", {}))


def _seen(said: Any) -> Seen:
    if isinstance(said, str):
        return Seen(said)
    if set(said) - {"text", "says", "never", "replies", "edits", "colour"}:
        raise ValueError(f"{sorted(said)} is no message")
    return Seen(
        text=said["text"],
        says=tuple(said.get("says", ())),
        never=tuple(said.get("never", ())),
        replies=tuple(said["replies"]) if "replies" in said else None,
        edits=int(said["edits"]) if "edits" in said else None,
        colour=said.get("colour", ""),
    )
