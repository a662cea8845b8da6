"""The notifiers that the configuration in force asks for: one line for each kind. Reads a refused token again."""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

import aiohttp

from router.core.answer import Answer, Outcome
from router.notifiers.notifier import Notifier, Notifiers, by_name
from router.notifiers.preview.members import ROUTER_ID, TEAM
from router.notifiers.preview.notifier import PreviewNotifier
from router.notifiers.preview.workspace import PreviewWorkspace
from router.notifiers.slack.client import Check, SlackClient
from router.notifiers.slack.notifier import SlackNotifier
from router.notifiers.webhook.client import WebhookClient
from router.notifiers.webhook.endpoint import open_endpoint
from router.notifiers.webhook.notifier import WebhookNotifier
from router.notifiers.workspace import Workspace
from router.runtime.clock import Clock, new_id
from router.runtime.config import SecretError, Vault
from router.service.in_force import InForce
from router.service.stored_preview import stored_preview
from router.store.database import Database
from rules.model.configuration import Configuration, PreviewSettings, Secrets, SlackSettings

log = logging.getLogger(__name__)

IDENTIFY_EVERY = timedelta(hours=1)
IDENTIFY_AGAIN = timedelta(seconds=15)
"""Until Slack has said which workspace it is, nobody is known by the address of their account."""
LOOK_AGAIN = timedelta(seconds=5)
"""How soon it is seen that a reload, or another token in the file, points elsewhere."""
_UNKNOWN = Check(Answer(Outcome.NOT_FOUND))


def read_again(vault: Vault, secrets: Secrets) -> None:
    """Somebody refused these: others may lie in their place by now."""
    try:
        vault.open(secrets)
    except SecretError as missing:
        log.error("a refused token could not be read again", extra={"error": str(missing)})  # noqa: TRY400  # the text says it all


class WayOut:
    """How this process reaches people. What a notifier remembers between two calls outlives a reload."""

    def __init__(
        self,
        in_force: InForce,
        vault: Vault,
        session: aiohttp.ClientSession,
        webhook_session: aiohttp.ClientSession,
        database: Database,
        clock: Clock,
    ) -> None:
        self._in_force, self._vault, self._session = in_force, vault, session
        self._webhook_session = webhook_session
        self._database, self._clock = database, clock
        self._slack_client: SlackClient | None = None
        self.preview = stored_preview(database, clock)
        self.preview_workspace = PreviewWorkspace(lambda: in_force.configuration.rules.people, clock, new_id)
        self.is_preview = isinstance(in_force.configuration.slack, PreviewSettings)
        """Decided at the start: a reload changes between Slack and the preview at the next one."""
        self._who = _UNKNOWN
        self._asked_of: tuple[str, str] | None = None
        """(token, address) of the workspace that said who we are."""
        self._identify_at = 0.0
        """When it is asked again, on the monotonic clock."""
        self.refused = ""
        """Slack's word about the workspace, until it accepts us again."""

    @property
    def slack(self) -> SlackClient | None:
        """None: this process has told Slack nothing yet, because its configuration has none."""
        return self._slack_client

    @property
    def workspace(self) -> Workspace | None:
        """Where people act; None as of `slack`."""
        return self.preview_workspace if self.is_preview else self._slack_client

    @property
    def workspace_id(self) -> str:
        """Its id; "" while it is not known."""
        return TEAM if self.is_preview else self.who.workspace

    @property
    def bot(self) -> str:
        """Our own user id there; "" while it is not known."""
        return ROUTER_ID if self.is_preview else self.who.bot

    @property
    def who(self) -> Check:
        """Whom Slack takes us for; empty until it was asked, and again when another token or address is in force."""
        return self._who if self._asked_of == self._workspace() else _UNKNOWN

    def notifiers(self, configuration: Configuration) -> Notifiers:
        kinds: tuple[Callable[[Configuration], Iterable[Notifier]], ...] = (
            self._slack,
            self._preview,
            self._webhooks,
        )
        return by_name(one for kind in kinds for one in kind(configuration))

    def _slack(self, configuration: Configuration) -> Iterable[Notifier]:
        settings = configuration.slack
        if not isinstance(settings, SlackSettings):
            return
        if self._slack_client is None:
            self._slack_client = SlackClient.over(
                self._session, lambda: self._vault.one(self._token()), self._clock, api_url=settings.api_url
            )
        yield SlackNotifier(
            self._slack_client, posts_per_minute=settings.posts_per_minute, workspace_url=lambda: self.who.url
        )

    def _preview(self, configuration: Configuration) -> Iterable[Notifier]:
        if isinstance(configuration.slack, PreviewSettings):
            yield PreviewNotifier(self.preview)

    def _webhooks(self, configuration: Configuration) -> Iterable[Notifier]:
        client = WebhookClient(self._webhook_session, self._clock)
        for name, settings in configuration.webhooks.items():
            yield WebhookNotifier(
                name,
                client,
                endpoint=partial(open_endpoint, settings, self._vault.one),
                on_refused=partial(read_again, self._vault, settings.secrets),
            )

    async def identify(self) -> timedelta:
        """Ask Slack who we are there, where that is not known or was asked long ago: it may be told otherwise by then.
        Returns when to look again."""
        workspace, now = self._workspace(), self._clock.monotonic()
        if self._slack_client is None or workspace is None:
            return LOOK_AGAIN
        if workspace == self._asked_of and now < self._identify_at:
            return LOOK_AGAIN
        found = await self._slack_client.check()
        if found.answer.outcome is not Outcome.DELIVERED:
            return IDENTIFY_AGAIN
        self._who, self._asked_of = found, workspace
        self._identify_at = now + IDENTIFY_EVERY.total_seconds()
        return LOOK_AGAIN

    def refuse(self, error: str) -> None:
        """Slack refused the workspace: a rotated token lies in the file or variable already."""
        self.refused = error
        read_again(self._vault, self._token())

    def accept(self) -> None:
        self.refused = ""

    def _workspace(self) -> tuple[str, str] | None:
        slack = self._in_force.configuration.slack
        return (self._vault.one(slack.token), slack.api_url) if isinstance(slack, SlackSettings) else None

    def _token(self) -> Secrets:
        slack = self._in_force.configuration.slack
        return slack.token if isinstance(slack, SlackSettings) else ()
