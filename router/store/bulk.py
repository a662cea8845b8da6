"""Statements of the hot path, on many rows at once.

The driver lets go of the interpreter's lock only while a statement runs: a statement per row asks for it back per row,
and waits for the event loop each time. One statement on 256 rows lets SQLite work beside the loop. Texts are portable;
they are written once with names, and compiled for the database's driver in a few fixed sizes, so that prepared ones are
found again.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection, text

T = TypeVar("T")
SIZES = (256, 64, 16, 4, 1)
"""Times 17 columns this stays far below the 32,766 parameters that SQLite and PostgreSQL take."""


class _Text:
    """A statement with `:name` parameters, whose driver wants them in the order of `names`."""

    def __init__(self, sql: str, names: Sequence[str]) -> None:
        self._clause = text(sql)
        self._names = list(names)
        self._compiled: dict[str, str] = {}

    def of(self, conn: Connection) -> str:
        known = self._compiled.get(conn.dialect.name)
        if known is None:
            compiled = self._clause.compile(dialect=conn.dialect)
            order = getattr(compiled, "positiontup", None)
            if list(order or self._names) != self._names:
                raise AssertionError(f"parameters stand in another order: {order}")
            known = self._compiled[conn.dialect.name] = str(compiled)
        return known


class One:
    """A statement on one row, a tuple in the order of `names`, that answers with one row."""

    def __init__(self, sql: str, *names: str) -> None:
        self._text = _Text(sql, names)

    def run(self, conn: Connection, row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(conn.exec_driver_sql(self._text.of(conn), row).one())


class Insert:
    """`INSERT INTO table (names) VALUES …` on rows of tuples in the order of `names`; `rest` says what of conflicts."""

    def __init__(self, table: str, names: Sequence[str], rest: str = "") -> None:
        self._texts = {size: _insert(table, names, rest, size) for size in SIZES}

    def run(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        for some in _chunks(rows):
            conn.exec_driver_sql(self._texts[len(some)].of(conn), tuple(chain.from_iterable(some)))


class WhereIn:
    """A statement that ends in `column IN …`, on a few values in the order of `names` and any number of ids."""

    def __init__(self, sql: str, *names: str) -> None:
        self._texts = {size: _where_in(sql, names, size) for size in SIZES}

    def run(self, conn: Connection, values: tuple[Any, ...], ids: Sequence[int]) -> None:
        for some in _chunks(ids):
            conn.exec_driver_sql(self._texts[len(some)].of(conn), (*values, *some))

    def rows(self, conn: Connection, values: tuple[Any, ...], ids: Sequence[int]) -> Iterator[Sequence[Any]]:
        for some in _chunks(ids):
            yield from conn.exec_driver_sql(self._texts[len(some)].of(conn), (*values, *some))


def _insert(table: str, names: Sequence[str], rest: str, size: int) -> _Text:
    numbered = [[f"{name}_{row}" for name in names] for row in range(size)]
    rows = ", ".join(f"({', '.join(f':{name}' for name in row)})" for row in numbered)
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES {rows} {rest}"  # noqa: S608  # names of our own tables
    return _Text(sql, list(chain.from_iterable(numbered)))


def _where_in(sql: str, names: Sequence[str], size: int) -> _Text:
    ids = [f"id_{number}" for number in range(size)]
    return _Text(f"{sql} ({', '.join(f':{name}' for name in ids)})", [*names, *ids])


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """In as few pieces as the sizes allow."""
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size
