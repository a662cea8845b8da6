"""Opens the way to Slack, or to the preview, as the configuration in force wants it, and reads a refused token again."""

import logging

import aiohttp

from router.notifiers.notifier import Notifier
from router.notifiers.slack.client import SlackClient
from router.runtime.clock import Clock
from router.runtime.config import SecretError, Vault
from router.service.in_force import InForce
from router.service.stored_preview import stored_preview
from router.store.database import Database
from rules.model.configuration import PreviewSettings, Secrets, SlackSettings

log = logging.getLogger(__name__)


class WayOut:
    """How this process reaches people."""

    def __init__(
        self, in_force: InForce, vault: Vault, session: aiohttp.ClientSession, database: Database, clock: Clock
    ) -> None:
        self._in_force, self._vault = in_force, vault
        self.notifier: Notifier
        self.refused = ""
        """Slack's word about the workspace, until it accepts us again."""
        slack = in_force.configuration.slack
        if isinstance(slack, PreviewSettings):
            self.notifier = stored_preview(database, clock)
        else:
            self.notifier = SlackClient.over(
                session, lambda: vault.one(self._token()), clock, api_url=slack.api_url, workspace="slack"
            )

    def refuse(self, error: str) -> None:
        """Slack refused the workspace: a rotated token lies in the file or variable already."""
        self.refused = error
        try:
            self._vault.open(self._token())
        except SecretError as missing:
            log.error("a refused token could not be read again", extra={"error": str(missing)})  # noqa: TRY400  # the text says it all

    def accept(self) -> None:
        self.refused = ""

    def _token(self) -> Secrets:
        slack = self._in_force.configuration.slack
        return slack.token if isinstance(slack, SlackSettings) else ()
