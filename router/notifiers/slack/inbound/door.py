"""What comes by HTTP: its signature, what it is, its answer. Knows no aiohttp; `router/http` reads the bytes.

Whoever is not believed hears nothing but 401. Why is for those who run the router: in metrics, the log and `trouble`.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from router.notifiers.slack.inbound.decode import LARGEST_BODY, Door, Refusal, decode
from router.notifiers.slack.inbound.dispatch import ANSWER_WITHIN, Dispatch, Via
from router.notifiers.slack.inbound.signature import Disbelief, Refused, Signatures
from router.runtime.clock import Clock
from router.runtime.metrics import Metrics

log = logging.getLogger(__name__)

SAY_EVERY: Final = timedelta(minutes=1)
TROUBLE_FOR: Final = timedelta(minutes=10)
"""So long a refusal is trouble, unless Slack was believed since."""
_SSL_CHECK = re.compile(rb"(?:[^\s]{0,500}&)?ssl_check=1(?:&[^\s]{0,500})?")
_WORDS: Final = {
    Refused.UNCONFIGURED: "Slack's requests are refused: slack.signing_secret is not configured",
    Refused.FORGED: (
        "requests in Slack's name are refused: none of slack.signing_secret signed them. Either it is another app's, or it was "
        "renewed, or somebody forges them"
    ),
    Refused.REPLAYED: "requests of Slack's came a second time with the same signature, and were refused",
}
"""What an operator can do something about. The rest is noise that every open address hears."""
_PROVEN: Final = frozenset({Refused.STALE, Refused.REPLAYED})
"""Signed with our secret: no stranger can bring these about."""


class Served(msgspec.Struct, frozen=True):
    """The answer. A body is JSON."""

    status: int
    body: bytes = b""
    ends_retries: bool = False
    """Slack need not send it again: it would be refused again."""


class Entrance:
    """Of one process. `secrets` and `api_url` are asked each time, so that they may change."""

    def __init__(
        self,
        dispatch: Dispatch,
        clock: Clock,
        metrics: Metrics,
        *,
        secrets: Callable[[], Sequence[str]],
        api_url: Callable[[], str],
        workspace: Callable[[], str],
    ) -> None:
        """`workspace`: the id of ours; "" while it is not known."""
        self._dispatch, self._clock, self._metrics = dispatch, clock, metrics
        self._secrets, self._api_url, self._workspace = secrets, api_url, workspace
        self.signatures = Signatures(clock)
        self._said: dict[str, datetime] = {}
        self._unsaid: dict[str, int] = {}
        self._trouble: tuple[datetime, str] | None = None
        self._believed_at: datetime | None = None

    def trouble(self) -> str:
        """For /readyz; "" when all is well."""
        if self._trouble is None or self._clock.now() - self._trouble[0] > TROUBLE_FOR:
            return ""
        return self._trouble[1]

    async def receive(
        self,
        door: Door,
        timestamps: Sequence[str],
        signatures: Sequence[str],
        body: bytes,
        *,
        within: timedelta = ANSWER_WITHIN,
    ) -> Served:
        """`timestamps`, `signatures`: all values of the headers that `signature` names. Never raises."""
        if len(body) > LARGEST_BODY:
            self.refused("too_large")
            return Served(413)
        if not signatures and len(body) < 1_000 and _SSL_CHECK.fullmatch(body):
            return Served(200)  # nothing is read from it and nothing done: Slack looks at the certificate
        proof = self.signatures.prove(self._secrets(), timestamps, signatures, body)
        if isinstance(proof, Disbelief):
            self._disbelieve(proof, body)
            return Served(401)
        self._trouble, self._believed_at = None, self._clock.now()
        decoded = decode(door, body, api_url=self._api_url())
        if isinstance(decoded, Refusal):
            self._unreadable(door, decoded)
            return Served(400, ends_retries=True)
        if decoded.dropped_urls:
            self._metrics.add("alert_router_slack_response_urls_refused", (), decoded.dropped_urls)
            self._say("response_url", "an address to answer to does not lead to Slack, and is not used", {})
        answered = await self._dispatch.answer(decoded.inbound, Via.HTTP, within=within)
        if not answered.is_taken:
            self.signatures.forget(proof)
            return Served(503)
        return Served(200, answered.body)

    def refused(self, reason: str) -> None:
        """Before anything could be asked of it: too large, too slow, broken off."""
        self._refuse(reason, "a request in Slack's name was refused", {})

    def _refuse(self, reason: str, text: str, extra: Mapping[str, str]) -> None:
        self._metrics.add("alert_router_slack_refused", (reason,))
        self._say(reason, text, {"reason": reason, **extra})

    def _disbelieve(self, found: Disbelief, body: bytes) -> None:
        words = _WORDS.get(found.reason, "")
        if found.reason is Refused.STALE:
            seconds = int(found.age.total_seconds())
            when = f"{seconds} s ago" if seconds > 0 else f"{-seconds} s from now"
            words = (
                f"Slack's requests are refused: they are signed with slack.signing_secret, and by this machine's clock {when}. "
                "Is the clock right, or does something between keep requests back?"
            )
        if words and (found.reason in _PROVEN or self._may_be_slacks(body)):
            self._trouble = (self._clock.now(), words)
        self._refuse(found.reason.value, "a request in Slack's name was not believed", {"why": words} if words else {})

    def _may_be_slacks(self, body: bytes) -> bool:
        """Whether it is ours to mend that nothing proves this request. Anybody may write a signature, and must not degrade us
        with it: it counts where the body names our workspace, which Slack's do and a stranger's cannot, and while none of
        Slack's own was believed lately."""
        now, workspace = self._clock.now(), self._workspace().encode()
        was_believed = self._believed_at is not None and timedelta(0) <= now - self._believed_at <= TROUBLE_FOR
        return bool(workspace) and workspace in body and not was_believed

    def _unreadable(self, door: Door, refusal: Refusal) -> None:
        self._metrics.add("alert_router_slack_received", (Via.HTTP.value, door.value, "unreadable"))
        extra = {"door": door.value, "reason": refusal.reason.value, "detail": refusal.detail}
        self._say(f"unreadable {refusal.reason.value}", "Slack sent something that could not be read", extra)

    def _say(self, about: str, text: str, extra: Mapping[str, str]) -> None:
        """Once a minute each: who may be refused may be refused ten thousand times a second. No headers, no bodies."""
        now = self._clock.now()
        last = self._said.get(about)
        if last is not None and timedelta(0) <= now - last < SAY_EVERY:
            self._unsaid[about] = self._unsaid.get(about, 0) + 1
            return
        self._said[about] = now
        log.warning(text, extra={**extra, "more_since": self._unsaid.pop(about, 0)})
