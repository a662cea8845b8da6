"""Whether bytes come from Slack: its signature over the raw body, its age, and whether they came before. Parses nothing.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import re
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec

from router.runtime.clock import Clock, to_ms

TIMESTAMP: Final = "X-Slack-Request-Timestamp"
SIGNATURE: Final = "X-Slack-Signature"
LONGEST_AGE: Final = timedelta(minutes=5)
REMEMBERED: Final = 20_000
"""Signatures: of 32 bytes each. Slack itself sends at most 30,000 events an hour."""
_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)
_SIGNED = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


class Refused(StrEnum):
    """Why a request is not believed."""

    UNCONFIGURED = "unconfigured"
    """There is no signing secret to hold it against."""
    UNSIGNED = "unsigned"
    GARBLED = "garbled"
    """Its headers are not what Slack writes."""
    FORGED = "forged"
    """Signed with another secret: by another app, or by somebody else."""
    STALE = "stale"
    """Signed with ours, at a time that is over or is yet to come."""
    REPLAYED = "replayed"
    """It was here before."""


class Proof(msgspec.Struct, frozen=True):
    """It is Slack's."""

    digest: bytes


class Disbelief(msgspec.Struct, frozen=True):
    """It is not, or not now."""

    reason: Refused
    age: timedelta = timedelta(0)
    """Of a STALE one: how long ago it was signed, by our clock; negative for the future."""


class Signatures:
    """The gate of one process. It remembers what it let through for as long as that would be let through again."""

    def __init__(self, clock: Clock, *, remembered: int = REMEMBERED) -> None:
        self._clock = clock
        self._remembered = remembered
        self._known: set[bytes] = set()
        self._order: deque[tuple[int, bytes]] = deque()
        """(when it is too old anyway, in seconds; digest), the oldest first."""

    def __len__(self) -> int:
        return len(self._known)

    def prove(
        self, secrets: Sequence[str], timestamps: Sequence[str], signatures: Sequence[str], body: bytes
    ) -> Proof | Disbelief:
        """`timestamps` and `signatures`: all values of the two headers. All secrets are tried, whichever it is: two are
        valid while one is rotated."""
        if not timestamps or not signatures:
            return Disbelief(Refused.UNSIGNED)
        timestamp, signature = timestamps[0], signatures[0]
        is_readable = len(timestamps) == len(signatures) == 1
        if not (is_readable and _SECONDS.fullmatch(timestamp) and _SIGNED.fullmatch(signature)):
            return Disbelief(Refused.GARBLED)
        if not secrets:
            # Not before: whoever tries every address of the world must not make us say that something is amiss.
            return Disbelief(Refused.UNCONFIGURED)
        given, is_ours = bytes.fromhex(signature[3:]), False
        for secret in secrets:
            is_ours = hmac.compare_digest(digest_of(secret, timestamp, body), given) or is_ours
        if not is_ours:
            return Disbelief(Refused.FORGED)
        # Only now: a wrong clock is worth a word to whoever runs this, and a forger must not cause it.
        now_s, signed_s = to_ms(self._clock.now()) // 1000, int(timestamp)
        if abs(now_s - signed_s) > LONGEST_AGE.total_seconds():
            # Eleven digits of seconds are some three thousand years.
            return Disbelief(Refused.STALE, timedelta(seconds=now_s - signed_s))
        self._forget_old(now_s)
        if given in self._known:
            return Disbelief(Refused.REPLAYED)
        self._known.add(given)
        self._order.append((signed_s + int(LONGEST_AGE.total_seconds()), given))
        return Proof(given)

    def forget(self, proof: Proof) -> None:
        """What came of it was no answer: the same bytes may come again. Slack's retry within a second has the same
        signature."""
        self._known.discard(proof.digest)

    def _forget_old(self, now_s: int) -> None:
        # Not quite in order where Slack's clocks differ; what stays too long stays some seconds.
        while self._order and (self._order[0][0] < now_s or len(self._order) >= self._remembered):
            self._known.discard(self._order.popleft()[1])


def digest_of(secret: str, timestamp: str, body: bytes) -> bytes:
    return hmac.new(
        secret.encode("utf-8", "surrogateescape"), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256
    ).digest()
