"""Statements of the hot path, on many rows at once.

The driver lets go of the interpreter's lock only while a statement runs: a statement per row asks for it back per row,
and waits for the event loop each time. One statement on 256 rows lets SQLite work beside the loop. Texts are portable;
they come in a few fixed sizes, so that prepared ones are found again.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult

T = TypeVar("T")
SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)
"""Times 18 columns this stays far below the 32,766 parameters that SQLite and PostgreSQL take."""


class Statement:
    """A text with a `?` for each parameter, as each driver wants it."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._written: dict[str, str] = {}

    def run(self, conn: Connection, values: tuple[Any, ...]) -> CursorResult[Any]:
        style = conn.dialect.paramstyle
        written = self._written.get(style)
        if written is None:
            written = self._written[style] = _written(self._sql, style)
        return conn.exec_driver_sql(written, values)


DO_NOTHING = "ON CONFLICT DO NOTHING"


class Insert:
    """`INSERT INTO table (names) VALUES …` on rows of tuples in the order of `names`; `rest` says what of conflicts."""

    def __init__(self, table: str, names: Sequence[str], rest: str = "") -> None:
        row = f"({', '.join('?' * len(names))})"
        begin = f"INSERT INTO {table} ({', '.join(names)}) VALUES"
        self._of = {size: Statement(f"{begin} {', '.join([row] * size)} {rest}") for size in SIZES}
        self._may_repeat = rest == DO_NOTHING  # an upsert may not: PostgreSQL refuses to change a row twice

    def run(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        for some in _filled(rows) if self._may_repeat else _chunks(rows):
            self._of[len(some)].run(conn, tuple(chain.from_iterable(some)))


class WhereIn:
    """A text that ends in `column IN`, on a few values for its own parameters and any number of ids; `rest` may follow."""

    def __init__(self, sql: str, rest: str = "") -> None:
        self._of = {size: Statement(f"{sql} ({', '.join('?' * size)}) {rest}") for size in SIZES}

    def run(self, conn: Connection, values: tuple[Any, ...], ids: Sequence[int]) -> None:
        for some in _filled(ids):
            self._of[len(some)].run(conn, (*values, *some))

    def rows(self, conn: Connection, values: tuple[Any, ...], ids: Sequence[int]) -> Iterator[Sequence[Any]]:
        for some in _filled(ids):
            yield from self._of[len(some)].run(conn, (*values, *some))


def _written(sql: str, style: str) -> str:
    if style == "qmark":
        return sql
    if style != "numeric_dollar":
        raise AssertionError(f"a driver with parameters written as {style}")
    first, *others = sql.split("?")
    return first + "".join(f"${number}{other}" for number, other in enumerate(others, 1))


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """In as few pieces as the sizes allow."""
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def _filled(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """In pieces of the sizes, the last one filled up with what it has already."""
    for start in range(0, len(rows), SIZES[0]):
        some = rows[start : start + SIZES[0]]
        size = min(size for size in SIZES if size >= len(some))
        yield some if size == len(some) else [*some, *[some[-1]] * (size - len(some))]
