"""What the HTTP routes need of the process: `app` makes it, the routes ask it. Holds no logic."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

import msgspec

from adapters.adapter import Parse
from router.core.acts.permission import Actor
from router.engine import Engine
from router.notifiers.preview.preview import Preview
from router.notifiers.preview.workspace import PreviewWorkspace
from router.notifiers.slack.inbound.door import Entrance
from router.runtime.clock import Clock
from router.runtime.config import Vault
from router.runtime.health import Health
from router.runtime.metrics import Metrics
from rules.model.configuration import Configuration, SourceSettings


class OpenSource(msgspec.Struct, frozen=True):
    """A source ready to take requests."""

    settings: SourceSettings
    parse: Parse
    networks: tuple[IPv4Network | IPv6Network, ...]


class Refusal(msgspec.Struct, frozen=True):
    """A team's file that is refused, for whoever keeps the router running."""

    file: str
    errors: tuple[str, ...]
    in_force: str
    """As in "its text of 2026-11-21 07:10 UTC is in force"."""

    def __str__(self) -> str:
        count = "1 error" if len(self.errors) == 1 else f"{len(self.errors)} errors"
        return f"{self.file} is refused ({count}); {self.in_force}"


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


class Status(msgspec.Struct, frozen=True):
    """What is in force, for whoever keeps the router running."""

    name: str
    version: str
    in_force_since: datetime
    digest: str
    """Of the content of the files as they were read then: `runtime.config.Files.digest` of files that say the same."""
    sources: int
    routes: int
    teams: tuple[str, ...]
    refused: tuple[Refusal, ...]
    reload_errors: tuple[str, ...]
    """Of the last reload, when it was refused."""


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who is signed in as themselves."""

    name: str
    """As the timeline has it."""
    actor: Actor
    form_proof: str
    """Stands in every form that is made for them, and nowhere else: what is sent with it was sent from a page of ours."""


class Entered(msgspec.Struct, frozen=True):
    """What a personal link came to."""

    session: str
    """Of the browser that used it: a secret."""
    incident: int | None
    """Where it leads."""
    lasts: timedelta


class Visitors(Protocol):
    """Who is signed in as themselves. Every secret is what a browser sent: it may be anything."""

    async def invited(self, link: str) -> str:
        """Whom a personal link signs in, by name; "": it was used, is too old, or never was one."""

    async def enter(self, link: str) -> Entered | None:
        """Use a link up."""

    def slack_address(self, *, state: str, nonce: str) -> str:
        """Where a browser is sent to sign in with Slack; "" where that is not configured."""

    async def enter_with_slack(self, code: str, *, nonce: str) -> Entered | None:
        """By the code that it came back with; None: nobody is signed in."""

    async def find(self, session: str) -> Visitor | None: ...

    async def leave(self, session: str) -> None: ...


class PreviewParts(msgspec.Struct, frozen=True):
    """What people act with where messages are shown on a page of ours."""

    messages: Preview
    workspace: PreviewWorkspace
    entrance: Entrance
    """Before the same dispatch as Slack's; it believes `secret` alone."""
    secret: str
    """What the page's requests are signed with: of this process, and gone with it."""


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
    def slack_entrance(self) -> Entrance:
        """Where what Slack sends by HTTP is believed, read and answered."""

    @property
    def visitors(self) -> Visitors: ...

    @property
    def preview(self) -> PreviewParts | None:
        """None: messages go to Slack."""

    @property
    def vault(self) -> Vault: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def version(self) -> str: ...

    def acted(self) -> None:
        """Somebody has done something: what follows of it is told at once."""

    async def reload(self) -> Reloaded: ...

    async def health(self) -> Health: ...

    def status(self) -> Status: ...
