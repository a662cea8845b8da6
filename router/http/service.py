"""What the HTTP routes need of the process: `app` makes it, the routes ask it. Holds no logic."""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

import msgspec

from adapters.adapter import Parse
from router.adopt import Refusal
from router.clock import Clock
from router.config import Vault
from router.engine import Engine
from router.metrics import Metrics
from rules.configuration import Configuration, SourceSettings


class OpenSource(msgspec.Struct, frozen=True):
    """A source ready to take requests."""

    settings: SourceSettings
    parse: Parse
    networks: tuple[IPv4Network | IPv6Network, ...]


class Reloaded(msgspec.Struct, frozen=True):
    """What a reload came to."""

    is_accepted: bool
    errors: tuple[str, ...] = ()
    """Each with file, line and column; empty when accepted."""
    warnings: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    """What changed, a line each: routes added, gone, changed; sources; windows; people."""
    refused: tuple[Refusal, ...] = ()
    """Files of teams that are not in force as they are; the others are."""


class LoopHealth(msgspec.Struct, frozen=True):
    """One loop, seen from outside."""

    name: str
    turned_at: datetime
    """When it last came round."""
    is_stuck: bool
    """It has not come round for far longer than it ever should."""
    errors: int


class Health(msgspec.Struct, frozen=True):
    """The process as a whole."""

    loops: tuple[LoopHealth, ...]
    can_commit: bool
    degraded: tuple[str, ...]
    """What is wrong but does not keep an alert from being committed, in a person's words."""
    owed_since: datetime | None
    """The oldest undelivered truth."""


class Service(Protocol):
    """The running process."""

    @property
    def configuration(self) -> Configuration: ...

    @property
    def sources(self) -> Mapping[str, OpenSource]: ...

    @property
    def bare_source(self) -> str | None:
        """Name of the source that answers the bare /api/v2/alerts."""

    @property
    def engine(self) -> Engine: ...

    @property
    def vault(self) -> Vault: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def version(self) -> str: ...

    async def reload(self) -> Reloaded: ...

    async def health(self) -> Health: ...
