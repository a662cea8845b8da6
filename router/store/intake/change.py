"""A word about an alert as it is judged and written: what ingest makes of a draft, and where it belongs."""

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from router.core.member import Member, Suppressor
from rules.model.suppression import NOTHING, SuppressorsInForce


class GroupKey(msgspec.Struct, frozen=True, gc=False):
    """Where a firing alert belongs: the group to join, or to found."""

    route: str
    settings_id: str
    labels: str
    wait_ms: int


class Inhibits(msgspec.Struct, frozen=True, gc=False):
    """What a firing alert holds back: an inhibition and the values of its `equal` labels."""

    rule: str
    equal_values: str
    is_two_sided: bool


class Place(msgspec.Struct, frozen=True, gc=False):
    """What the rules make of an alert: its groups, what it inhibits and is inhibited by, and the maintenance or silence it is
    under."""

    owners: Sequence[GroupKey] = ()
    inhibits: Sequence[Inhibits] = ()
    targets: Sequence[Inhibits] = ()
    """It is inhibited while another firing alert inhibits one of these."""
    suppressor: Suppressor | None = None
    """The maintenance or the silence."""
    asked: SuppressorsInForce = NOTHING
    """Those that it was held against; where others are in force by the time that it is written, it is held against them."""


NOWHERE = Place()
"""Of what has ended."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """One word about an alert, ready to be judged and written. Instants in ms."""

    namespace: str
    fingerprint: int
    """As it is stored."""
    source: str
    key: int
    order: int
    digest: int
    is_firing: bool
    starts_ms: int
    ends_ms: int | None
    ttl_ms: int | None
    ttl_is_presumed: bool
    severity_rank: int
    name: str
    document: str
    place: Place
    unsaid: tuple[str, ...] = ()
    """What its sender did not say: to be taken from what is stored before this is judged."""
    sent_order: int | None = None
    """`order`, where the sender said one. Else it applies in the order in which it comes, whatever the wall clock does."""

    sibling: int | None = None
    """A strong hash of the labels that tell it from others but the one that says its severity: alerts that have it in common
    are one condition."""

    @property
    def owners(self) -> Sequence[GroupKey]:
        return self.place.owners


def digest_of(document: bytes, sent_order: int | None, *, is_firing: bool, severity_rank: int) -> int:
    """Two words about an alert are one when all that decides it is."""
    said = b"%b%d %d %d" % (document, sent_order or 0, is_firing, severity_rank)
    return int.from_bytes(hashlib.blake2b(said, digest_size=8, person=b"alert").digest(), "big", signed=True)


Belongs = Callable[[Member], Place]
"""What the rules in force make of a stored alert."""
