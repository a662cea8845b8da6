"""Statements of the hot path: written once with names, compiled for the database's driver, run on rows of tuples.

Core's executemany costs a third more per row than the driver with compiled text (ENGINE, *Hot path*).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text


class Bulk:
    """`sql` with `:name` parameters; rows are tuples in the order of `names`."""

    def __init__(self, sql: str, *names: str) -> None:
        self._clause = text(sql)
        self._names = names
        self._compiled: dict[str, str] = {}

    def run(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            conn.exec_driver_sql(self._text(conn), list(rows))

    def one(self, conn: Connection, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """For RETURNING: the one row that comes back."""
        return tuple(conn.exec_driver_sql(self._text(conn), row).one())

    def _text(self, conn: Connection) -> str:
        known = self._compiled.get(conn.dialect.name)
        if known is None:
            compiled = self._clause.compile(dialect=conn.dialect)
            order = getattr(compiled, "positiontup", None)
            if list(order or self._names) != list(self._names):
                raise AssertionError(f"parameters stand in another order: {order}")
            known = self._compiled[conn.dialect.name] = str(compiled)
        return known
