"""The normal form: what every sender's payload becomes. Pure; knows no sender and no rule."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

import msgspec


class Status(StrEnum):
    """Whether a condition holds now."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """The common scale. Its members are in order, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """4 for critical down to 0 for info: a rise in severity is a rise in rank."""
        return _RANK[self]


_RANK = {severity: rank for rank, severity in enumerate(reversed(Severity))}


class Alert(msgspec.Struct, frozen=True, gc=False):
    """One condition, as its sender last described it.

    `labels` are as sent (text to text, no empty values); the computed names `alert.*` are not among them.
    `url` is "" or begins with http:// or https://. Every text is valid UTF-8 without NUL.
    """

    fingerprint: str
    """Identity within the source's namespace: 16 lower-case hex digits. See `shown` for what Alertmanager calls it."""
    name: str
    """What kind of alert; does not change while it fires."""
    title: str
    description: str
    severity: Severity
    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime | None = None
    """Aware UTC. None: the sender did not say; the receipt counts."""
    ends_at: datetime | None = None
    """Aware UTC, only of a resolved alert. None: the receipt counts."""
    order: int | None = None
    """Half-milliseconds since the epoch: an update applies iff its order is not below the stored one. The Prometheus family: 2 × startsAt in ms + (1 if resolved). Senders with an event time: 2 × that.
    None: 2 × the receipt."""
    ttl: timedelta | None = None
    """How long a firing alert stays true without another word, counted from the receipt. None: until told."""
    ttl_is_presumed: bool = False
    """True: the ttl is our configuration's (`resolve_after`), so its end is *presumed*, not *expired*."""
    url: str = ""
    severity_raw: str = ""
    """As sent, before mapping; "" when absent."""


class PrometheusAlert(Alert, frozen=True, gc=False):
    """An alert of the Prometheus family. Its labels tell it from others, and Alertmanager's fingerprint is made of them as
    well; but that takes longer than all the rest, so it is calculated when somebody asks for it."""

    added: tuple[str, ...] = ()
    """Names of the labels that were not sent."""
    sent_fingerprint: str = ""
    """Alertmanager's, where it cannot be told from `labels`: they are not quite as they were sent."""
    sibling: str = ""
    """The same strong hash of the labels but the one that says the severity, where one does."""


def shown(alert: Alert) -> Alert:
    """As people know it: with Alertmanager's fingerprint, where it has one."""
    if not isinstance(alert, PrometheusAlert):
        return alert
    fields = {name: getattr(alert, name) for name in Alert.__struct_fields__}
    known = alert.sent_fingerprint or alertmanager_fingerprint(alert.labels, alert.added)
    return Alert(**{**fields, "fingerprint": known})


class PartialAlert(Alert, frozen=True, gc=False):
    """An alert of a sender that names it by a key, and did not say everything: what stands for the unsaid is a default, and
    gives way to what is known of the alert. Labels and annotations that it does not mention stay as well."""

    unsaid: tuple[str, ...] = ()
    """Fields of Alert, sorted; `labels.x` for a label that was added here; `status` where it says neither begin nor end."""


class Acknowledgement(Alert, frozen=True, gc=False):
    """No word about an alert, but that somebody has it in hand, as its sender knows it: nothing else of what it says is
    taken, and where nobody was told of the alert there is nothing to have in hand."""

    by: str = ""
    """Who, as the sender calls them; "" where it does not say."""


_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_64_BITS = 0xFFFFFFFFFFFFFFFF
_SHORT = 200
"""Characters of a pair that is remembered: what senders write must not bound the memory of it."""
_sorted = msgspec.json.Encoder(order="sorted").encode


def identity(labels: Mapping[str, str]) -> str:
    """A strong hash of the labels, whatever their order; empty values dropped. What it is made of is nobody else's to know."""
    return _hashed(_canonical(labels))


def identities(labels: Mapping[str, str], but: str) -> tuple[str, str]:
    """The labels' identity, and a hash of all of them but one that is among them."""
    canonical = _canonical(labels)
    # A quote inside a name or a value is escaped, so that these bytes stand there once, as this pair.
    pair = _sorted({but: labels[but]})[1:-1]
    return _hashed(canonical), _hashed(canonical.replace(pair, b"", 1))


def _canonical(labels: Mapping[str, str]) -> bytes:
    if "" in labels.values():
        labels = {name: text for name, text in labels.items() if text}
    return _sorted(labels)


def _hashed(canonical: bytes) -> str:
    return blake2b(canonical, digest_size=8).hexdigest()


def alertmanager_fingerprint(labels: Mapping[str, str], added: Collection[str]) -> str:
    """Of the labels but those that were added here."""
    return fingerprint({name: text for name, text in labels.items() if name not in added} if added else labels)


def fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's identity: FNV-1a 64 over the sorted pairs, each `name 0xff value 0xff`; empty values dropped."""
    value = _FNV_OFFSET
    for name, text in sorted(labels.items()):
        if text:
            known = _affine if len(name) + len(text) <= _SHORT else _affine.__wrapped__
            factor, addend = known(name, text, value & 0xFF)
            value = (value * factor + addend) & _64_BITS
    return f"{value:016x}"


@lru_cache(maxsize=8_192)
def _affine(name: str, text: str, low: int) -> tuple[int, int]:
    """What hashing one pair does to a state whose low byte is `low`: state -> state * factor + addend, modulo 2^64.

    FNV-1a's xor reaches the low byte only, and the low byte of a product depends on low bytes only. So the bytes of a
    pair act as one affine map for each of 256 low bytes, and pairs that many alerts share (job, cluster, severity) need
    not be walked byte by byte again: 2 to 3 times as fast as the plain loop.
    """
    pair = b"%b\xff%b\xff" % (name.encode(), text.encode())
    value = low
    for byte in pair:
        value = ((value ^ byte) * _FNV_PRIME) & _64_BITS
    factor = _power(len(pair))
    return factor, (value - low * factor) & _64_BITS


@lru_cache(maxsize=1024)
def _power(exponent: int) -> int:
    return pow(_FNV_PRIME, exponent, 1 << 64)


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of some; `info` of none."""
    return max(severities, key=lambda severity: severity.rank, default=Severity.INFO)
