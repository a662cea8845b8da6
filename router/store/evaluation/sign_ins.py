"""Browsers in which somebody is signed in, and personal links to sign in by. Secrets are known by their hash alone."""

import hashlib
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, select

from router.store.tables import sign_in

MOST_LINKS = 5
MOST_SESSIONS = 20
"""Of one account; the oldest goes."""
LINK, SESSION = "link", "session"


class SignIn(msgspec.Struct, frozen=True):
    """Whose it is, and where it leads."""

    account: str
    """Slack's id of the user."""
    name: str
    incident: int | None


def hashed(secret: str) -> str:
    """As it is stored. Secrets are random and long: no salt and no slow hash would make them harder to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def issue(conn: Connection, secret: str, whose: SignIn, *, until: datetime, now: datetime) -> None:
    """A personal link."""
    _insert(conn, secret, LINK, whose, until=until, now=now, most=MOST_LINKS)


def find(conn: Connection, secret: str, kind: str, now: datetime) -> SignIn | None:
    """None: there is none, it was used or ended, or it is too old."""
    row = conn.execute(
        select(sign_in).where(sign_in.c.hash == hashed(secret), sign_in.c.kind == kind, sign_in.c.expires_at > now)
    ).first()
    return None if row is None else SignIn(row.account, row.name, row.incident)


def enter(conn: Connection, link: str, session: str, *, until: datetime, now: datetime) -> SignIn | None:
    """Use a link up, and begin a session."""
    whose = find(conn, link, LINK, now)
    if whose is None:
        return None
    end(conn, link)
    begin(conn, session, whose, until=until, now=now)
    return whose


def begin(conn: Connection, session: str, whose: SignIn, *, until: datetime, now: datetime) -> None:
    """A session of whoever has proven who they are."""
    _insert(conn, session, SESSION, whose, until=until, now=now, most=MOST_SESSIONS)


def end(conn: Connection, secret: str) -> None:
    conn.execute(delete(sign_in).where(sign_in.c.hash == hashed(secret)))


def forget(conn: Connection, now: datetime, most: int) -> int:
    """Of those that are over; returns how many."""
    found = list(conn.execute(select(sign_in.c.hash).where(sign_in.c.expires_at <= now).limit(most)).scalars())
    if found:
        conn.execute(delete(sign_in).where(sign_in.c.hash.in_(found)))
    return len(found)


def _insert(
    conn: Connection, secret: str, kind: str, whose: SignIn, *, until: datetime, now: datetime, most: int
) -> None:
    own = select(sign_in.c.hash).where(sign_in.c.account == whose.account, sign_in.c.kind == kind)
    live = own.where(sign_in.c.expires_at > now).order_by(sign_in.c.expires_at.desc()).offset(most - 1)
    gone = list(conn.execute(live).scalars())
    if gone:
        conn.execute(delete(sign_in).where(sign_in.c.hash.in_(gone)))
    values = {"hash": hashed(secret), "kind": kind, "expires_at": until, **msgspec.structs.asdict(whose)}
    conn.execute(sign_in.insert().values(**values))
