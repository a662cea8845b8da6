"""How statements find their rows: the plan of each that ran, and what a call costs in steps of SQLite's machine.

`recorded(conn)` notes every statement that runs; `scans(conn, statements)` names those that read a growing table from one
end to the other. A partial index is as small as what it is about, so reading one whole is no scan of its table.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, event

from router.store.tables import metadata

GROWING = frozenset(
    {
        "alert",
        "membership",
        "alert_group",
        "incident",
        "timeline",
        "message",
        "page",
        "sender_group",
        "preview",
        "silence",
    }
)
"""Tables that grow with what happens; the others are as long as the configuration, or as channels and people are many."""
PARTIAL = frozenset(
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
)
_WHOLE = "SCAN"


@contextmanager
def recorded(conn: Connection) -> Iterator[dict[str, Any]]:
    """Every statement that runs meanwhile, by its text, with the parameters of its last run."""
    seen: dict[str, Any] = {}

    def note(_conn: Any, _cursor: Any, text: str, parameters: Any, _context: Any, is_many: bool) -> None:
        seen[text] = parameters[0] if is_many else parameters

    event.listen(conn, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(conn, "before_cursor_execute", note)


def plan(conn: Connection, text: str, parameters: Any) -> list[str]:
    """As SQLite explains it, a line for each table that is read."""
    rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters).fetchall()
    return [str(row[-1]) for row in rows]


def scans(conn: Connection, statements: dict[str, Any]) -> list[str]:
    """What reads a growing table whole: its plan's line and the beginning of the statement."""
    found = []
    for text, parameters in statements.items():
        if not text.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            continue
        found += [
            f"{line}: {' '.join(text.split())[:160]}" for line in plan(conn, text, parameters) if _is_scan(line, text)
        ]
    return found


def _is_scan(line: str, text: str) -> bool:
    words = line.split()
    if words[0] != _WHOLE or not any(name in text for name in GROWING):
        return False
    table = words[1]
    index = next((after for word, after in pairwise(words) if word == "INDEX"), "")
    return table in GROWING and index not in PARTIAL


def steps(conn: Connection, call: Callable[[], object]) -> int:
    """What a call costs, in hundreds of steps of SQLite's machine: the same on every computer."""
    raw = conn.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    raw.set_progress_handler(step, 100)
    try:
        call()
    finally:
        raw.set_progress_handler(None, 100)
    return count
