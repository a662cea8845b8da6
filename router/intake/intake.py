"""Takes what a source sent: drafts become changes, changes that arrive together share a transaction, then the answer.

A 2xx is sent only after the commit. Unchanged is free: most re-sent alerts are answered from what
is known to be committed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from adapters.adapter import Draft, GroupDrafts, ItemError
from adapters.alert import Acknowledgement, Alert, PartialAlert, PrometheusAlert, Status
from adapters.times import milliseconds
from router.core.member import Document
from router.core.order import Verdict
from router.core.own_alerts import DeclaredAlert
from router.core.view import EndKind
from router.heartbeats.seen import HeartbeatsSeen
from router.intake.group_commit import GroupCommit, NotCommittedError, Verdicts
from router.intake.missing_alerts import MissingAlerts
from router.runtime.clock import Clock, to_ms
from router.runtime.metrics import Metrics
from router.store.database import Database
from router.store.intake.apply import Applied, apply_batch
from router.store.intake.change import NOWHERE, Belongs, Change, GroupKey, Inhibits, Place, digest_of
from router.store.intake.committed import CommittedAlerts
from router.store.intake.membership import Groups
from router.store.intake.sender_groups import Mentioned
from router.store.tables import fingerprint_no
from rules.model.heartbeat import HeartbeatKey
from rules.model.inhibition import InhibitionKey
from rules.model.route import COMPUTED, is_declared
from rules.model.ruleset import Owner as RuleOwner
from rules.model.ruleset import RoutingDecision, RuleSet, visible_labels
from rules.model.suppression import SuppressorsInForce

log = logging.getLogger(__name__)

PRESUMED_AFTER = timedelta(days=7)
"""Without a word for so long an alert is presumed over, and shown as that."""
SLICE = 500
"""Drafts looked at before others get a turn of the loop,"""
SLICE_SECONDS = 0.005
"""or as many as are brought to normal form in this time."""
WAITING_ROWS = 20_000
"""Beyond this many alerts waiting for a commit a request is answered 503."""
WORDS_AT_ONCE = 50
"""Words of senders that somebody has an alert in hand, per transaction."""
PLACES_KEPT = 4_096
LABELS_REMEMBERED = 1_024
"""Characters of a group's labels. Longer ones are rare, and a memory of them would be as large as a sender likes."""
_COMPUTED = frozenset(COMPUTED)
_FAR_MS = 10 * 365 * 86_400_000

_encode = msgspec.json.Encoder().encode


Acknowledge = Callable[[Connection, str, str, Acknowledgement], bool]
"""(source, namespace, word) → whether anything came of it."""


class OverloadError(RuntimeError):
    """More is waiting to be committed than may wait: the sender should come again."""


class Refused(msgspec.Struct, frozen=True):
    """An item that was not taken, and why."""

    index: int
    message: str
    where: str
    expected: str


class Receipt(msgspec.Struct):
    """What became of one request. `accepted + unchanged + stale + len(errors)` is what it held."""

    accepted: int = 0
    unchanged: int = 0
    stale: int = 0
    resolved: int = 0
    """Of these, ends."""
    errors: list[Refused] = []


class RouteRef(msgspec.Struct, frozen=True):
    """What ingest needs of a route: its settings' snapshot and how long a first word waits, by severity rank."""

    settings_id: str
    waits_ms: tuple[int, ...]


class InForce(msgspec.Struct, frozen=True):
    """The rules that new alerts are routed by."""

    ruleset: RuleSet
    routes: Mapping[str, RouteRef]
    places: dict[tuple[int, int], tuple[RoutingDecision, Place]] = msgspec.field(default_factory=dict)
    """By a decision's id and a severity's rank; the decision is kept beside, so that its id is nobody else's."""


class Intake:
    """The door for alerts. One instance per process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        *,
        in_force: Callable[[], InForce],
        suppressors: Callable[[datetime], SuppressorsInForce],
        belongs: Belongs,
        acknowledge: Acknowledge,
        on_commit: Callable[[], None],
    ) -> None:
        """`acknowledge`: what becomes of a sender's word that somebody has an alert in hand."""
        self._database, self._clock, self._metrics = database, clock, metrics
        self._in_force, self._belongs, self._suppressors = in_force, belongs, suppressors
        self.known = CommittedAlerts()
        self.signs = HeartbeatsSeen(self.known.forget_keys)
        self.absence = MissingAlerts(database, self.known)
        self.groups = Groups()
        self._acknowledge, self._on_commit = acknowledge, on_commit
        self._in_flight: dict[int, Verdicts] = {}
        self._slices = _Slices(clock)
        self.group_commit = GroupCommit(database, metrics, apply=self.apply, then=self.remember, on_commit=on_commit)

    async def take(self, source: str, namespace: str, drafts: Sequence[Draft], received_at: datetime) -> Receipt:
        """Commit what is new in these drafts. Raises OverloadError and NotCommittedError."""
        if self.group_commit.waiting_rows > WAITING_ROWS:
            self._metrics.add("alert_router_overloads")
            raise OverloadError
        now_ms = to_ms(received_at)
        receipt, changes = Receipt(), []
        followed: list[Verdicts] = []
        words: list[Acknowledgement] = []
        is_unchanged = self.known.is_unchanged
        in_force, suppressors = self._in_force(), self._suppressors(received_at)
        is_awaiting = bool(in_force.ruleset.awaited.heartbeats)
        monotonic, until = self._clock.monotonic, self._slices.end()
        for start in range(0, len(drafts), SLICE):
            if start:
                until = await self._slices.next()
            for index, draft in enumerate(drafts[start : start + SLICE], start):
                key = draft.key
                if key:
                    if is_unchanged(key, now_ms):
                        receipt.unchanged += 1
                        if is_awaiting:
                            self.signs.see_again(key, received_at)
                        continue
                    if (ahead := self._in_flight.get(key)) is not None:
                        receipt.unchanged += 1
                        if is_awaiting:
                            self.signs.see_again(key, received_at)
                        followed.append(ahead)
                        continue
                try:
                    alert = draft.alert()
                except ItemError as error:
                    receipt.errors.append(Refused(index, error.message, error.where, error.expected))
                    continue
                if isinstance(alert, Acknowledgement):
                    words.append(alert)
                    continue
                if not _COMPUTED.isdisjoint(alert.labels):
                    self._metrics.add("alert_router_computed_names_shadowed", (source,))
                if is_awaiting:
                    self.signs.see(signs_of(alert, source, in_force.ruleset), key, received_at)
                change = change_of(alert, source, namespace, key, now_ms, in_force, suppressors)
                self.absence.hear(namespace, change.fingerprint)
                receipt.resolved += not change.is_firing
                changes.append(change)
                if monotonic() > until:
                    until = await self._slices.next()
        if changes:
            for change, verdict in zip(changes, await self._commit(changes), strict=True):
                if verdict is Verdict.APPLY:
                    receipt.accepted += 1
                    if not change.is_firing:
                        self._metrics.add("alert_router_alerts_ended", (source, EndKind.TOLD.value))
                elif verdict is Verdict.STALE:
                    receipt.stale += 1
                else:
                    receipt.unchanged += 1
        if words:
            await self._commit_words(source, namespace, words, receipt)
        for ahead in followed:  # the same words, on their way already: they stand when that commit does
            await _stands(ahead)
        if isinstance(drafts, GroupDrafts) and not receipt.errors:
            looked_into = Mentioned.of(changes) if len(changes) == len(drafts) else None
            await self._compare(source, namespace, drafts, looked_into, received_at)
        return receipt

    async def _compare(
        self, source: str, namespace: str, drafts: GroupDrafts, words: Mentioned | None, received_at: datetime
    ) -> None:
        """What the request holds is accepted; who is not in it can be found out by the next one too."""
        try:
            await self.absence.compare(source, namespace, drafts, words, received_at)
        except DBAPIError:
            log.exception("a group was not compared with what it held before", extra={"source": source})

    async def _commit_words(
        self, source: str, namespace: str, words: Sequence[Acknowledgement], receipt: Receipt
    ) -> None:
        """After the alerts of the same request, and before its answer. Raises NotCommittedError."""

        def step(conn: Connection, some: Sequence[Acknowledgement]) -> int:
            return sum(self._acknowledge(conn, source, namespace, word) for word in some)

        for start in range(0, len(words), WORDS_AT_ONCE):
            some = words[start : start + WORDS_AT_ONCE]
            try:
                done = await self._database.write(partial(step, some=some))
            except DBAPIError as error:
                raise NotCommittedError(str(error)) from error
            receipt.accepted += done
            receipt.unchanged += len(some) - done
        self._on_commit()

    async def _commit(self, changes: list[Change]) -> list[Verdict]:
        future: Verdicts = asyncio.get_running_loop().create_future()
        keys = [change.key for change in changes if change.key]
        for change in changes:
            self.known.forget_key(change.namespace, change.fingerprint)
        self._in_flight.update(dict.fromkeys(keys, future))
        future.add_done_callback(partial(self._landed, keys))
        self.group_commit.put(changes, future)
        return await _stands(future)

    def _landed(self, keys: Sequence[int], future: Verdicts) -> None:
        for key in keys:
            if self._in_flight.get(key) is future:
                del self._in_flight[key]

    def apply(self, conn: Connection, changes: Sequence[Change]) -> Applied:
        """On the writer. Whoever calls it tells `remember` what it came to, once that is committed."""
        now = self._clock.now()
        return apply_batch(
            conn,
            changes=changes,
            known=self.known,
            groups=self.groups,
            now_ms=to_ms(now),
            suppressors=partial(self._suppressors, now),
            has_copies=bool(self._in_force().ruleset.copies),
            belongs=self._belongs,
        )

    def remember(self, applied: Applied) -> None:
        """On the writer, after the commit and before the next transaction."""
        self.groups.put(applied.groups)
        self.known.put(applied.known)


class _Slices:
    """Turns of the loop for requests that use up more than one: one of them all in each turn, so that many long requests
    together keep a short one waiting no longer than one does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_calling = False

    def end(self) -> float:
        """Of a slice that begins now, on the monotonic clock."""
        return self._clock.monotonic() + SLICE_SECONDS

    async def next(self) -> float:
        """Let others have their turn. Returns the end of the next slice."""
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        self._waiting.append(mine)
        if not self._is_calling:
            self._is_calling = True
            loop.call_soon(self._call)
        await mine
        return self.end()

    def _call(self) -> None:
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():
                first.set_result(None)
                break
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._call)
        else:
            self._is_calling = False


async def _stands(future: Verdicts) -> list[Verdict]:
    """Wait without taking the commit down with a sender that hangs up."""
    return await asyncio.shield(future)


def signs_of(alert: Alert, source: str, ruleset: RuleSet) -> tuple[HeartbeatKey, ...]:
    """What it is a sign of life of. That a job has ended well or badly says that it ran; of a source's own heartbeat only
    an alert that fires is one."""
    signs = ruleset.decide(visible_labels(alert, source)).signs
    if alert.status is Status.FIRING:
        return signs
    return tuple(sign for sign in signs if not sign.is_of_source)


def change_of(
    alert: Alert,
    source: str,
    namespace: str,
    key: int,
    now_ms: int,
    in_force: InForce,
    suppressors: SuppressorsInForce,
) -> Change:
    """An alert as it is judged and written: where it belongs, its digest, and instants as numbers."""
    is_firing = alert.status is Status.FIRING
    rank = alert.severity.rank
    starts_ms = now_ms if alert.starts_at is None else milliseconds(alert.starts_at)
    if starts_ms > now_ms + _FAR_MS or starts_ms < 0:
        starts_ms = now_ms
    ends_ms = None if alert.ends_at is None else milliseconds(alert.ends_at)
    ttl, is_presumed = alert.ttl, alert.ttl_is_presumed
    if ttl is None and not isinstance(alert, DeclaredAlert):
        ttl, is_presumed = PRESUMED_AFTER, True
    added, sent_fingerprint, sibling = None, "", ""
    if isinstance(alert, PrometheusAlert):
        added, sent_fingerprint, sibling = alert.added, alert.sent_fingerprint, alert.sibling
    document = _encode(
        Document(
            alert.title,
            alert.description,
            alert.labels,
            alert.annotations,
            alert.url,
            alert.severity_raw,
            added,
            sent_fingerprint,
        )
    )
    order = alert.order
    return Change(
        namespace=namespace,
        fingerprint=fingerprint_no(alert.fingerprint),
        source=source,
        key=key,
        order=2 * now_ms if order is None else order,
        digest=digest_of(document, order, is_firing=is_firing, severity_rank=rank),
        is_firing=is_firing,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        ttl_ms=None if ttl is None else _span_ms(ttl),
        ttl_is_presumed=is_presumed,
        severity_rank=rank,
        name=alert.name,
        document=document.decode(),
        place=_place(alert, source, rank, in_force, suppressors) if is_firing else NOWHERE,
        unsaid=alert.unsaid if isinstance(alert, PartialAlert) else (),
        sent_order=order,
        sibling=fingerprint_no(sibling) if sibling else None,
    )


@lru_cache(maxsize=1024)
def _span_ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def _place(alert: Alert, source: str, rank: int, in_force: InForce, suppressors: SuppressorsInForce) -> Place:
    """What the rules make of an alert that fires."""
    return place_of(visible_labels(alert, source), rank, in_force, suppressors)


def place_of(labels: Mapping[str, str], rank: int, in_force: InForce, suppressors: SuppressorsInForce) -> Place:
    """What the rules make of what matchers see. They answer most alerts with a decision they made before; only the
    maintenances and silences are asked about again, where there are any."""
    decision = in_force.ruleset.decide(labels)
    found = in_force.places.get((id(decision), rank))
    if found is None or found[1].asked is not suppressors:
        if len(in_force.places) >= PLACES_KEPT:
            in_force.places.clear()
        owners = owners_of(decision.owners, in_force, rank)
        place = Place(owners, inhibits_of(decision.inhibits), inhibits_of(decision.inhibited_by), asked=suppressors)
        found = in_force.places[id(decision), rank] = decision, place
    if not suppressors:
        return found[1]
    by = suppressors.of(labels)
    return found[1] if by is None else msgspec.structs.replace(found[1], suppressor=by.key)


_labels_memo: dict[tuple[tuple[str, str], ...], str] = {}


def labels_key(labels: tuple[tuple[str, str], ...]) -> str:
    """A group's labels as its key. The same few tuples come again and again."""
    known = _labels_memo.get(labels)
    if known is None:
        if len(_labels_memo) > 50_000:
            _labels_memo.clear()
        known = _encode(labels).decode()
        if len(known) <= LABELS_REMEMBERED:
            _labels_memo[labels] = known
    return known


def owners_of(owners: Sequence[RuleOwner], in_force: InForce, rank: int) -> tuple[GroupKey, ...]:
    """The groups that the rules' owners name, ready to be joined."""
    return tuple(
        GroupKey(
            owner.route_id,
            route.settings_id,
            labels_key(owner.group_labels),
            0 if is_declared(owner.group_labels) else route.waits_ms[rank],
        )
        for owner in owners
        if (route := in_force.routes.get(owner.route_id)) is not None
    )


def inhibits_of(keys: Sequence[InhibitionKey]) -> tuple[Inhibits, ...]:
    return tuple(Inhibits(key.rule, _encode(key.equal).decode(), key.two_sided) for key in keys)
