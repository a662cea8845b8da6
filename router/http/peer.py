"""Who a request comes from: the connection's other end, or whom a trusted proxy names. Believes nobody else's headers."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

Address = IPv4Address | IPv6Address | None
"""None: it cannot be told."""

_SAYS_SO = (
    "X-Forwarded-For",
    "Forwarded",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Real-IP",
)


def is_forwarded(request: web.Request) -> bool:
    """Whether a proxy says that it passes on somebody else's request."""
    headers = request.headers
    return any(name in headers for name in _SAYS_SO)


def address(request: web.Request, trusted_proxies: tuple[str, ...]) -> Address:
    """Behind trusted proxies the nearest address that is none of theirs: what stands further left, its sender wrote.

    Where `X-Forwarded-For` and `Forwarded` disagree one of them was not written by the proxy: None.
    """
    nearest = _parsed(request.remote or "")
    if not trusted_proxies or nearest is None:
        return nearest
    trusted = _networks(trusted_proxies)
    if not _is_in(nearest, trusted):
        return nearest
    listed, forwarded = request.headers.getall("X-Forwarded-For", ()), request.headers.getall("Forwarded", ())
    found = {
        _nearest(chain, trusted)
        for chain in (_split(listed), [_for(element) for element in _split(forwarded)])
        if chain
    }
    if not found:
        return nearest
    return found.pop() if len(found) == 1 else None


def _nearest(chain: Sequence[str], trusted: tuple[IPv4Network | IPv6Network, ...]) -> Address:
    """From the right; the leftmost where all are proxies."""
    one: Address = None
    for text in reversed(chain):
        one = _parsed(text)
        if one is None or not _is_in(one, trusted):
            return one
    return one


def _split(values: Sequence[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",")]


def _for(element: str) -> str:
    """The address in `for="[2001:db8::1]:4711";proto=https`; "" where there is none."""
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value.strip().strip('"')
    return ""


def _parsed(text: str) -> Address:
    """An address, with or without a port; None for `unknown` and whatever else is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _is_in(one: IPv4Address | IPv6Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(one in network for network in networks)


@lru_cache(maxsize=4)
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)
