"""How often wrong tokens may come from one address. Counts only; knows neither tokens nor requests."""

from ipaddress import IPv6Address, ip_network
from math import ceil

from router.http.peer import Address
from router.runtime.clock import Clock

AT_ONCE = 10
"""Wrong tokens that an address may present before it has to wait; a person's typos are fewer."""
EVERY_S = 6.0
"""Then one more each so many seconds."""
_ADDRESSES = 10_000


class Guesses:
    """By address; by network of 64 bits for IPv6, where one machine has all of those. Forgets the address that was wrong
    the longest ago when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, float]] = {}
        """Tries that were left, and when."""

    def wait_s(self, address: Address) -> int:
        """Seconds until it may try again; 0: now."""
        left = self._left(_key(address))
        return 0 if left >= 1 else ceil((1 - left) * EVERY_S)

    def missed(self, address: Address) -> int:
        """It was wrong. Returns how many more tries it has."""
        key = _key(address)
        left = self._left(key) - 1
        self._known.pop(key, None)
        self._known[key] = (left, self._clock.monotonic())
        if len(self._known) > _ADDRESSES:
            del self._known[next(iter(self._known))]
        return int(left)

    def _left(self, key: str) -> float:
        left, at = self._known.get(key, (float(AT_ONCE), 0.0))
        return min(AT_ONCE, left + (self._clock.monotonic() - at) / EVERY_S)


def _key(address: Address) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)
