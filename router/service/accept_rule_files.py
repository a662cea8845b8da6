"""Takes the files of teams into force: remembers what was accepted, and tells the owner of a file once that it is refused
and once that it is well again. In the transaction that puts the rules in force, so that neither is lost or said twice."""

import hashlib
from collections.abc import Iterator
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from router.core.recipient import target_of
from router.http.service import Refusal
from router.store import rules_files
from router.store.evaluation import messages
from router.store.rules_files import KeptFile
from rules.loading.load import Loaded, RefusedFile
from rules.model.configuration import TeamContact

ERRORS_SHOWN = 4


class NoticeTarget(msgspec.Struct, frozen=True):
    """Where words of the router's own go."""

    notifier: str
    fallback_channel: str


def adopt(conn: Connection, loaded: Loaded, telling: NoticeTarget, now: datetime) -> None:
    """What was loaded comes into force with this transaction."""
    before = rules_files.kept(conn)
    for file in loaded.accepted:
        key, known = file.source.key, before.get(file.source.key)
        if known is not None and known.refused_digest:
            _tell(conn, f"{key} is well again: it is in force.", file.contact, telling, now)
        rules_files.accept(conn, key, file.team, file.contact, file.source.text, now)
    for refused in loaded.refused:
        key, known = refused.source.key, before.get(refused.source.key)
        digest = _digest(refused)
        if known is None or known.refused_digest != digest:
            contact = refused.contact or TeamContact()
            _tell(conn, _words(refused, refusal(refused, known)), contact, telling, now)
            rules_files.refuse(conn, key, refused.team, contact, digest)
    rules_files.forget_others(conn, _files(loaded))


def refusal(refused: RefusedFile, known: KeptFile | None) -> Refusal:
    """`known` is what was remembered of the file before."""
    when = "" if known is None or known.accepted_at is None else f" of {known.accepted_at:%Y-%m-%d %H:%M} UTC"
    if refused.is_kept:
        in_force = f"its last accepted text{when} is in force"
    elif refused.kept_errors:
        first = refused.kept_errors[0]
        in_force = f"nothing of it is in force: its last accepted text{when} fits the other files no more ({first})"
    else:
        in_force = "nothing of it is in force"
    return Refusal(refused.source.key, tuple(map(str, refused.errors)), in_force)


def gone(loaded: Loaded, before: dict[str, KeptFile]) -> Iterator[str]:
    """A line for each accepted file that is there no more: its routes go with it."""
    there = _files(loaded)
    for file, known in before.items():
        if file not in there and known.text is not None:
            yield f"{file} is gone: nothing of team {known.team} is in force any more"


def _files(loaded: Loaded) -> set[str]:
    return {file.source.key for file in loaded.accepted} | {file.source.key for file in loaded.refused}


def _words(refused: RefusedFile, said: Refusal) -> str:
    lines = [f"{said}."]
    lines += [f"• line {str(error).removeprefix(f'{error.file}:')}" for error in refused.errors[:ERRORS_SHOWN]]
    more = len(refused.errors) - ERRORS_SHOWN
    return "\n".join([*lines, *([f"• and {more} more: alert-router check lists them"] if more > 0 else [])])


def _tell(conn: Connection, text: str, contact: TeamContact, telling: NoticeTarget, now: datetime) -> None:
    channel = contact.channel or ("" if contact.people else telling.fallback_channel)
    targets = [(channel, "")] if channel else [(target_of(person), person.name) for person in contact.people]
    for target, person in targets:
        messages.post(conn, notifier=telling.notifier, target=target, person=person, text=text, now=now)


def _digest(refused: RefusedFile) -> str:
    source = refused.source
    return hashlib.blake2b(
        f"{source.fault}\0{source.text}".encode("utf-8", "surrogatepass"), digest_size=16
    ).hexdigest()


def _count(errors: int) -> str:
    return f"{errors} error" if errors == 1 else f"{errors} errors"
