"""Words that say little about an alert: what they do not say is as it was. Only for senders that name an alert by a key.

Done on the writer, before a change is judged: only there is what was said before certain. Complete words cost nothing.
"""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select

from adapters.adapter import Limits
from router.core.member import Document, Member
from router.runtime.clock import from_ms
from router.store.evaluation.members import decode_document
from router.store.intake.change import NOWHERE, Belongs, Change, digest_of
from router.store.tables import alert, fingerprint_of

_LIMITS = Limits()
_encode = msgspec.json.Encoder().encode


class _Before(msgspec.Struct, frozen=True):
    """An alert as it stands when a word about it comes."""

    name: str
    severity_rank: int
    is_firing: bool
    document: Document


def completed(conn: Connection, changes: Sequence[Change], belongs: Belongs) -> list[Change]:
    """The same changes, in the same order, each whole."""
    latest: dict[tuple[str, int], _Before | None] = {}
    whole: list[Change] = []
    for change in changes:
        identity = change.namespace, change.fingerprint
        if change.unsaid:
            before = latest[identity] if identity in latest else _stored(conn, *identity)
            change = _first(change, belongs) if before is None else _completed(change, before, belongs)  # noqa: PLW2901
        latest[identity] = _Before(
            change.name, change.severity_rank, change.is_firing, decode_document(change.document)
        )
        whole.append(change)
    return whole


def _stored(conn: Connection, namespace: str, fingerprint: int) -> _Before | None:
    query = select(alert.c.name, alert.c.severity_rank, alert.c.is_firing, alert.c.document)
    where = alert.c.namespace == namespace, alert.c.fingerprint == fingerprint_of(fingerprint)
    row = conn.execute(query.where(*where)).one_or_none()
    return None if row is None else _Before(row.name, row.severity_rank, row.is_firing, decode_document(row.document))


def _first(change: Change, belongs: Belongs) -> Change:
    """The first word about an alert, with its defaults. A description that stands for the title is not said twice."""
    document = decode_document(change.document)
    if "title" not in change.unsaid or document.description != document.title:
        return change
    now = _Before(
        change.name, change.severity_rank, change.is_firing, msgspec.structs.replace(document, description="")
    )
    return _written(change, now, belongs)


def _completed(change: Change, before: _Before, belongs: Belongs) -> Change:
    unsaid = change.unsaid
    is_firing = before.is_firing if "status" in unsaid else change.is_firing
    if not before.is_firing:
        if "status" in unsaid:  # a word about what is over: older than any, it changes nothing
            return msgspec.structs.replace(change, is_firing=False, order=0, sent_order=0, unsaid=(), place=NOWHERE)
        if is_firing and "title" not in unsaid:  # begins anew, and says what it is
            return change
    said = decode_document(change.document)
    document = msgspec.structs.replace(
        said,
        title=before.document.title if "title" in unsaid else said.title,
        description=before.document.description if "description" in unsaid else said.description,
        labels=_together(before.document.labels, said.labels, unsaid, _LIMITS.labels_bytes),
        annotations=_together(before.document.annotations, said.annotations, (), _LIMITS.annotations_bytes),
        url=before.document.url if "url" in unsaid else said.url,
        severity_raw=before.document.severity_raw if "severity" in unsaid else said.severity_raw,
    )
    name = before.name if "name" in unsaid else change.name
    rank = before.severity_rank if "severity" in unsaid else change.severity_rank
    return _written(change, _Before(name, rank, is_firing, document), belongs)


def _together(
    before: Mapping[str, str], said: Mapping[str, str], unsaid: Sequence[str], most_bytes: int
) -> dict[str, str]:
    """In the order in which they stood, so that the same words again are no change. What was added here gives way to what
    stood. Of more than may be, what stood and is not said again goes."""
    together = {**before, **{name: text for name, text in said.items() if f"labels.{name}" not in unsaid}}
    together.update({name: text for name, text in said.items() if name not in together})
    size = sum(len(name.encode()) + len(text.encode()) for name, text in together.items())
    for name in reversed([name for name in before if name not in said]):
        if size <= most_bytes and len(together) <= _LIMITS.labels:
            break
        size -= len(name.encode()) + len(together.pop(name).encode())
    return together


def _written(change: Change, now: _Before, belongs: Belongs) -> Change:
    """The change as it would be had its sender said this."""
    document = _encode(now.document)
    place = belongs(_member(change, now)) if now.is_firing else NOWHERE
    return msgspec.structs.replace(
        change,
        is_firing=now.is_firing,
        name=now.name,
        severity_rank=now.severity_rank,
        document=document.decode(),
        digest=digest_of(document, change.sent_order, is_firing=now.is_firing, severity_rank=now.severity_rank),
        place=place,
        unsaid=(),
    )


def _member(change: Change, now: _Before) -> Member:
    """For the rules, which ask neither its number nor how it ends."""
    return Member(
        id=0,
        fingerprint=fingerprint_of(change.fingerprint),
        source=change.source,
        name=now.name,
        severity_rank=now.severity_rank,
        starts_at=from_ms(change.starts_ms),
        ends_at=None,
        ended_how=None,
        ttl=None,
        document=now.document,
    )
