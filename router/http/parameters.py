"""Query parameters as types: each mistake is named with what was expected, all of them at once."""

import base64
import binascii
import difflib
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
from aiohttp import web

from router.http.problem import Fault, problem

T = TypeVar("T")
LARGEST_LIMIT = 1_000
DEFAULT_LIMIT = 100


class ParameterError(ValueError):
    """The query is refused; `response` says why."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.response = problem(400, "the query is not understood", errors=faults)


class Parameters:
    """Reads a query. `done` raises what was found wrong."""

    def __init__(self, request: web.Request, known: Sequence[str]) -> None:
        self._query = request.query
        self._faults: list[Fault] = []
        for name in dict.fromkeys(self._query):
            if name not in known:
                near = difflib.get_close_matches(name[:100], known, n=1)
                expected = f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}"
                self._faults.append(Fault(f"unknown parameter {name[:100]!r}", name[:100], expected))
            elif len(self._query.getall(name)) > 1:
                self._faults.append(Fault(f"{name} is given more than once", name, "one value"))

    def one_of(self, name: str, choices: Mapping[str, T], default: str) -> T:
        """A word and what it stands for."""
        word = self._query.get(name, default)
        if word not in choices:
            self._wrong(name, ", ".join(choices))
            word = default
        return choices[word]

    def number(self, name: str) -> int | None:
        """A positive whole number; None when absent."""
        text = self._query.get(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and 0 < int(text[:19]) < 2**63 and len(text) < 20):
            self._wrong(name, "a whole number, 1 or more")
            return None
        return int(text)

    def required(self, name: str) -> int:
        """A positive whole number."""
        found = self.number(name)
        if found is None and name not in self._query:
            self._faults.append(Fault(f"{name} is missing", name, "a whole number, 1 or more"))
        return found or 0

    def limit(self) -> int:
        text = self._query.get("limit", str(DEFAULT_LIMIT))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= LARGEST_LIMIT):
            self._wrong("limit", f"a whole number from 1 to {LARGEST_LIMIT}")
            return DEFAULT_LIMIT
        return int(text)

    def after(self, kind: type[T]) -> T | None:
        """Where the page before ended, as its `next` said."""
        text = self._query.get("after")
        if text is None:
            return None
        try:
            raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            place: T | None = msgspec.json.decode(raw, type=kind)
        except (UnicodeEncodeError, binascii.Error, ValueError):  # msgspec's errors are ValueErrors
            place = None
        if place is None or (isinstance(place, int) and not -(2**63) <= place < 2**63):
            self._wrong("after", "`next` of the page before, as it was given")
            return None
        return place

    def done(self) -> None:
        if self._faults:
            raise ParameterError(self._faults)

    def _wrong(self, name: str, expected: str) -> None:
        self._faults.append(Fault(f"{name}={self._query[name][:100]!r}", name, expected))


def cursor(place: object) -> str | None:
    """Opaque to clients; None at the end."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()
