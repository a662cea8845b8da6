"""The keys of `heartbeats`, of a source's `heartbeat` and `silent_after`, and of the router's own heartbeat: their shapes,
what they are for, and what they mean once read."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from cronsim import CronSim, CronSimError

from adapters.alert import Severity
from rules.language.keys import Either
from rules.language.shape import NONE, Fields, Key, ListOf, OneOf, OrNone, Place, Record, Schema, Text, shown, text_of
from rules.language.times import Duration, Zone, said
from rules.language.words import Match, Secret
from rules.language.yaml import Node
from rules.model.configuration import DeadMansSwitchSettings, SourceSettings
from rules.model.heartbeat import CRON_GRACE, FORGET_AFTER, OWN_SOURCE, SILENT_AFTER, Awaited, Heartbeat, StaleAfter

LEAST = timedelta(seconds=30)
"""Looked at every ten seconds, a shorter heartbeat would be missing by chance."""
_SOME_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


class Cron:
    """Five fields of cron."""

    expected = 'five fields of cron: minute, hour, day of month, month, day of week, such as "15 2 * * *"'

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node) or ""
        if len(text.split()) != 5 or len(text) > 200:
            place.error(node, f"found {shown(node)}", expected=self.expected)
            return None
        try:
            next(CronSim(text, _SOME_YEAR))
        except (CronSimError, StopIteration) as error:
            place.error(node, f"found {shown(node)}: {_wrong(error)}", expected=self.expected)
            return None
        return text

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": r"^\S+(\s+\S+){4}$"}


def _wrong(error: Exception) -> str:
    """In our words: "Bad day-of-month" names the field; nothing is said of a day that never comes."""
    field = str(error).removeprefix("Bad ").replace("-", " ")
    return f"its {field or 'day'} is wrong"


class PerLabel(Text):
    """A label that an expectation is made for each value of."""

    def __init__(self) -> None:
        super().__init__("a label's name")

    def read(self, node: Node, place: Place) -> str | None:
        text = super().read(node, place)
        if text is not None and (text.startswith("alert.") or text in {"alertname", "severity", "heartbeat", "source"}):
            place.error(node, f"per {text}", expected="a label as it was sent, such as host or job")
            return None
        return text


class Address:
    """Where somebody waits for our call. What follows a `?` is part of it, other than of an address of our own."""

    expected = "an address that begins with http:// or https://, or {env: NAME} or {file: PATH} where it is secret"
    pattern = r"https?://[^\s/?#]+\S*"

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text is not None and re.fullmatch(self.pattern, text):
            return text
        place.error(node, "not an address", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


_FOREIGN = dict.fromkeys(("interval", "period", "timeout"), "every: how far apart signs of life may be, such as 5m")


def _check_one(fields: Fields) -> None:
    if ("every" in fields) == ("cron" in fields) and not _FOREIGN.keys() & fields.node.entries.keys():
        found = "every and cron" if "every" in fields else "neither every nor cron"
        fields.place.error(fields.node, found, expected='either of them: every: 26h, or cron: "15 2 * * *"')
    if "forget_after" in fields and "per" not in fields:
        fields.error("forget_after", "forget_after without per", expected="per: [LABEL, …], or no forget_after")
    every: timedelta | None = fields.get("every")
    forget: timedelta = fields.get("forget_after", FORGET_AFTER)
    if every is not None and "per" in fields and forget <= every + fields.get("grace", timedelta(0)):
        key = "forget_after" if "forget_after" in fields else "every"
        fields.error(
            key,
            f"forgotten after {said(forget)}, before it could be missed",
            expected=f"forget_after: more than every and grace ({said(every + fields.get('grace', timedelta(0)))})",
        )


_SEVERITY = OneOf(*(severity.value for severity in Severity))
_MATCH = Key(Match(), "Alerts that are a sign of life.", required=True)
_GRACE = Key(Duration(), "How much later than due is still in time; default 0s, with cron 15m.")

HEARTBEAT = Record(
    "heartbeat",
    {
        "match": _MATCH,
        "every": Key(Duration(LEAST), "How far apart signs of life may be."),
        "cron": Key(Cron(), "When one is due, in five fields of cron."),
        "grace": _GRACE,
        "timezone": Key(Zone(), "IANA zone of cron, and of times in the alert; default: the file's."),
        "severity": Key(_SEVERITY, "Of the alert about its absence; default high."),
        "per": Key(
            ListOf(PerLabel(), "a list of labels such as [host, job]", most=8, unique=True),
            "One expectation for each distinct value of these labels, once it was seen.",
        ),
        "forget_after": Key(
            Duration(), "With per: what was not heard of for so long is expected no more; default 14d."
        ),
    },
    foreign=_FOREIGN,
    check=_check_one,
)
SOURCE_HEARTBEAT = Record(
    "source_heartbeat",
    {
        "match": _MATCH,
        "every": Key(Duration(LEAST), "How far apart they may be.", required=True),
        "grace": _GRACE,
        "severity": Key(_SEVERITY, "Of the alert about its absence; default high."),
    },
    foreign=_FOREIGN,
)
SILENT = OrNone(Duration(LEAST))

OUTWARD = Record(
    "outward_heartbeat",
    {
        "url": Key(
            Either(Address(), Secret(), Address.expected),
            "Called with GET while all is well: the address of a dead man's switch, or a secret with it.",
            required=True,
        ),
        "every": Key(Duration(timedelta(seconds=10)), "How often; default 1m."),
    },
)
ROUTER = Record("router", {"heartbeat": Key(OUTWARD, "Says elsewhere that this router is well.", required=True)})


def outward(document: Fields) -> DeadMansSwitchSettings | None:
    """What the key `router` means."""
    router = document.get("router")
    found = None if router is None else router.get("heartbeat")
    if found is None:
        return None
    url, every = found.get("url"), found.get("every", DeadMansSwitchSettings().every)
    return (
        DeadMansSwitchSettings(url=url, every=every)
        if isinstance(url, str)
        else DeadMansSwitchSettings(secret=url, every=every)
    )


def heartbeats(document: Fields, zone_name: str) -> tuple[Heartbeat, ...]:
    """What the key `heartbeats` means."""
    return tuple(_heartbeat(name, entry, zone_name) for name, entry in document.get("heartbeats", {}).items())


def of_source(name: str, source: Fields, zone_name: str) -> Heartbeat | None:
    """What a source's `heartbeat` means. None also where it is refused."""
    own = source.get("heartbeat")
    if own is None or own.get("match") is None:
        return None
    return msgspec.structs.replace(_heartbeat(name, own, zone_name), source=name)


def silence(source: Fields, *, is_prometheus_family: bool) -> StaleAfter | None:
    """What a source's `silent_after` means, and what its absence does."""
    found = source.get("silent_after")
    if found is None:
        return StaleAfter(SILENT_AFTER) if is_prometheus_family else None
    return None if found is NONE else StaleAfter(found, is_said=True)


def awaited(document: Fields, sources: Mapping[str, SourceSettings]) -> Awaited:
    """Everything that a document expects to hear from."""
    zone_name: str = document.get("timezone", "UTC")
    return Awaited(
        heartbeats=(
            *(source.heartbeat for source in sources.values() if source.heartbeat is not None),
            *heartbeats(document, zone_name),
        ),
        silent_after={name: source.silence for name, source in sources.items() if source.silence is not None},
        zone=zone_name,
    )


def _heartbeat(name: str, fields: Fields, zone_name: str) -> Heartbeat:
    per = fields.get("per", ())
    return Heartbeat(
        name=name,
        match=fields.get("match"),
        every=fields.get("every"),
        cron=fields.get("cron", ""),
        zone=fields.get("timezone", zone_name),
        grace=fields.get("grace", CRON_GRACE if "cron" in fields else timedelta(0)),
        severity=Severity(fields.get("severity", Severity.HIGH)),
        per=per,
        forget_after=fields.get("forget_after", FORGET_AFTER) if per else None,
    )


def refuse_own_name(name: str, entry: Fields) -> None:
    """The router's own alerts must be told from everybody else's."""
    if name == OWN_SOURCE:
        entry.place.error(entry.node, f"{name} is the source of the router's own alerts", expected="another name")
    elif entry.get("namespace") == OWN_SOURCE:
        entry.error("namespace", f"{OWN_SOURCE} is the namespace of the router's own alerts", expected="another name")
