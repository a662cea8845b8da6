"""How many bytes of request bodies the process holds at once: a budget for all requests together. Knows no HTTP.

What is here whole when its handler begins is in the connection's buffer already and is not counted; nor is the first part
of any other body, so that large ones cannot keep small ones out.
"""

from typing import Self

FREE_BYTES = 64 * 1024
"""Of each request. How many of these there can be is a matter of how many connections there are."""


class NoRoomError(RuntimeError):
    """The bodies of other requests fill the budget: the sender should come again."""


class BodyBudget:
    """Not for more than one thread."""

    def __init__(self, total_bytes: int) -> None:
        self._left = total_bytes

    @property
    def left_bytes(self) -> int:
        return self._left

    def take(self, size: int) -> None:
        """Raises NoRoomError, and takes nothing then."""
        if size > self._left:
            raise NoRoomError
        self._left -= size

    def give_back(self, size: int) -> None:
        self._left += size


class Share:
    """What one request holds of a budget, until it is answered."""

    __slots__ = ("_budget", "_free", "_taken")

    def __init__(self, budget: BodyBudget) -> None:
        self._budget, self._free, self._taken = budget, FREE_BYTES, 0

    def add(self, size: int) -> None:
        """Raises NoRoomError."""
        free = min(self._free, size)
        self._free -= free
        if size > free:
            self._budget.take(size - free)
            self._taken += size - free

    def move_to(self, budget: BodyBudget) -> None:
        """Its bytes are counted there from now on. Raises NoRoomError."""
        budget.take(self._taken)
        self._budget.give_back(self._taken)
        self._budget = budget

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.give_back(self._taken)
        self._taken = 0
