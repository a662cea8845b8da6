"""Which person of the rules a Slack account is, where an admin said it. One account a person, one person an account."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, or_, select

from router.store.tables import account

MOST = 10_000
"""So many are kept: more than one for each person of the largest configuration."""

_PERSON = select(account.c.person).where(account.c.workspace == bindparam("workspace"), account.c.id == bindparam("id"))


def person(conn: Connection, workspace: str, account_id: str) -> str:
    """By name; "": nobody said it."""
    found: str | None = conn.execute(_PERSON, {"workspace": workspace, "id": account_id}).scalar()
    return found or ""


def connect(conn: Connection, workspace: str, account_id: str, name: str, *, by: str, at: datetime) -> bool:
    """From now on the account is this person, and no other is. False: there is no room for another."""
    disconnect(conn, workspace, account_id, name)
    if int(conn.execute(select(func.count()).select_from(account)).scalar_one()) >= MOST:
        return False
    conn.execute(account.insert().values(workspace=workspace, id=account_id, person=name, by=by, at=at))
    return True


def disconnect(conn: Connection, workspace: str, account_id: str, name: str = "") -> bool:
    """Neither the account nor the person is connected any more. Whether something was."""
    either = or_(account.c.id == account_id, account.c.person == name)
    return bool(conn.execute(delete(account).where(account.c.workspace == workspace, either)).rowcount)
