"""Which firing alerts their Alertmanager no longer has in the group it told them with.

Alertmanager tells a group whole each time. An alert that is absent from a later webhook has ended there, or is silenced
there: we cannot know which, so its end is grey. It must be absent from a webhook that comes at least APART after its last
word in the group, and stay unheard of, from anybody, for a while (`incidents/expire`).

Owns what is remembered of groups between two webhooks; the rows are `store/sender_groups`'.
"""

import asyncio
import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

from adapters.adapter import Draft, GroupDrafts
from adapters.alert import Status
from router.store.database import Database
from router.store.intake import sender_groups
from router.store.intake.committed import CommittedAlerts
from router.store.intake.sender_groups import Identity, Mentioned
from router.store.tables import fingerprint_no

APART = timedelta(seconds=60)
"""Two Alertmanagers of a pair send one group within seconds, one of them a little behind."""
SLICE = 100
"""Alerts brought to normal form before others get a turn of the loop."""
GROUPS_KEPT = 50_000


class MissingAlerts:
    """What was seen of senders' groups. One instance per process; lost with it, and then each group is compared once."""

    def __init__(self, database: Database, known: CommittedAlerts) -> None:
        self._database, self._known = database, known
        self._groups: dict[int, tuple[int | None, datetime]] = {}
        """Group -> a digest of what it last held when nobody was absent, and when that came last."""
        self._absent: set[Identity] = set()
        self._spoken: set[Identity] = set()

    async def load(self) -> None:
        """After a start: who was found absent by the process before."""
        self._absent = set(await self._database.read(sender_groups.absent))

    def hear(self, namespace: str, fingerprint: int) -> None:
        """A word about an alert. Called for every word that is looked into; nearly always nobody is absent."""
        if self._absent and (namespace, fingerprint) in self._absent:
            self._absent.discard((namespace, fingerprint))
            self._spoken.add((namespace, fingerprint))

    def take_spoken(self) -> set[Identity]:
        spoken, self._spoken = self._spoken, set()
        return spoken

    def give_back(self, spoken: Collection[Identity]) -> None:
        self._spoken |= set(spoken)

    def forget(self, over: Collection[Identity]) -> None:
        """They have ended."""
        self._absent -= set(over)

    async def compare(
        self, source: str, namespace: str, drafts: GroupDrafts, words: Mentioned | None, at: datetime
    ) -> None:
        """After the webhook's alerts are committed: who was in this group before and is not in it now? `words`: whom it
        mentions, where that is known already."""
        group, digest = _number(source, drafts.group), _digest(drafts)
        before = self._groups.get(group)
        if before is not None and digest is not None and before[0] == digest:
            self._groups[group] = (digest, at)
            return
        words = words or await _words(drafts)
        call = partial(
            sender_groups.note,
            group=group,
            namespace=namespace,
            words=words,
            at=at,
            heard_before=at - APART if before is None or before[1] <= at - APART else None,
        )
        noted = await self._database.write_bulk(call)
        self._absent.update(noted.absent)
        for space, fingerprint in noted.absent:
            self._known.forget_key(space, fingerprint)  # so that a word from elsewhere is looked into
        if not noted.is_settled:
            self._groups.pop(group, None)
        else:
            if len(self._groups) >= GROUPS_KEPT:
                self._groups.clear()
            self._groups[group] = (digest, at)


def _number(source: str, group: str) -> int:
    """As it is stored: the same in every process."""
    said = hashlib.blake2b(f"{source}\0{group}".encode(), digest_size=8, person=b"group").digest()
    return int.from_bytes(said, "big", signed=True)


def _digest(drafts: Collection[Draft]) -> int | None:
    """Of what a webhook holds, in any order, in this process only. None: it holds a draft without a key, and is like no
    other."""
    keys = [draft.key for draft in drafts]
    return hash(frozenset(keys)) if all(keys) else None


async def _words(drafts: GroupDrafts) -> Mentioned:
    """Whom a webhook mentions. Each of its items has been read before: none is refused."""
    firing: set[int] = set()
    ended: set[int] = set()
    for number, draft in enumerate(drafts):
        if number and number % SLICE == 0:
            await asyncio.sleep(0)
        alert = draft.alert()
        (firing if alert.status is Status.FIRING else ended).add(fingerprint_no(alert.fingerprint))
    return Mentioned(frozenset(firing), frozenset(ended))
