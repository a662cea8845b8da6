"""The files of teams: the last accepted text of each, and which refused text its owner was told of."""

from collections.abc import Collection, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, select, update

from router.store.tables import rules_file
from rules.model.configuration import TeamContact


class KeptFile(msgspec.Struct, frozen=True):
    """What is remembered of a team's file."""

    team: str
    contact: TeamContact
    text: str | None
    """The last accepted one; None: none was."""
    accepted_at: datetime | None
    refused_digest: str
    """Of the refused text that its owner was told of; "" while the file is well."""


def kept(conn: Connection) -> dict[str, KeptFile]:
    """All of them, by file."""
    return {
        row.file: KeptFile(
            row.team,
            msgspec.json.decode(row.contact, type=TeamContact),
            row.text,
            row.accepted_at,
            row.refused_digest,
        )
        for row in conn.execute(select(rules_file).order_by(rules_file.c.file))
    }


def texts(files: Mapping[str, KeptFile]) -> dict[str, str]:
    """The accepted text of each file that has one."""
    return {file: one.text for file, one in files.items() if one.text is not None}


def accept(conn: Connection, file: str, team: str, contact: TeamContact, text: str, now: datetime) -> None:
    """This text is in force. A text that was accepted before keeps its time."""
    values: dict[str, object] = {"team": team, "contact": _written(contact), "refused_digest": ""}
    found = conn.execute(select(rules_file.c.text).where(rules_file.c.file == file)).first()
    if found is None:
        conn.execute(rules_file.insert().values(file=file, text=text, accepted_at=now, **values))
        return
    if found.text != text:
        values |= {"text": text, "accepted_at": now}
    conn.execute(update(rules_file).where(rules_file.c.file == file).values(values))


def refuse(conn: Connection, file: str, team: str, contact: TeamContact, digest: str) -> None:
    """The owner was told that the text of this digest is refused. What was accepted before stays as it is."""
    changed = update(rules_file).where(rules_file.c.file == file).values(refused_digest=digest)
    if conn.execute(changed).rowcount == 0:
        values = {"file": file, "team": team, "contact": _written(contact), "refused_digest": digest}
        conn.execute(rules_file.insert().values(values))


def forget_others(conn: Connection, files: Collection[str]) -> None:
    """Files that are there no more."""
    conn.execute(delete(rules_file).where(rules_file.c.file.not_in(list(files))))


def _written(contact: TeamContact) -> str:
    return msgspec.json.encode(contact).decode()
