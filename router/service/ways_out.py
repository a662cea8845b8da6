"""The notifiers that a configuration asks for: one line for each kind. What they do is each one's own folder."""

from collections.abc import Callable, Iterable

import aiohttp

from router.notifiers.notifier import Notifier, Notifiers, by_name
from router.notifiers.preview.notifier import PreviewNotifier
from router.notifiers.slack.client import SlackClient
from router.notifiers.slack.notifier import SlackNotifier
from router.runtime.clock import Clock
from router.runtime.config import Vault
from router.service.stored_preview import stored_preview
from router.store.database import Database
from rules.model.configuration import Configuration, PreviewSettings, Secrets, SlackSettings


class WaysOut:
    """Makes notifiers of a configuration, again at each reload; what they remember between two calls stays."""

    def __init__(self, database: Database, session: aiohttp.ClientSession, clock: Clock, vault: Vault) -> None:
        self._database, self._session, self._clock, self._vault = database, session, clock, vault
        self._slack_client: SlackClient | None = None
        self._slack_token: Secrets = ()

    def of(self, configuration: Configuration) -> Notifiers:
        kinds: tuple[Callable[[Configuration], Iterable[Notifier]], ...] = (
            self._slack,
            self._preview,
        )
        return by_name(one for kind in kinds for one in kind(configuration))

    def _slack(self, configuration: Configuration) -> Iterable[Notifier]:
        settings = configuration.slack
        if not isinstance(settings, SlackSettings):
            return
        self._slack_token = settings.token
        if self._slack_client is None:
            token = self._vault.one
            self._slack_client = SlackClient.over(
                self._session, lambda: token(self._slack_token), self._clock, api_url=settings.api_url
            )
        yield SlackNotifier(self._slack_client, posts_per_minute=settings.posts_per_minute)

    def _preview(self, configuration: Configuration) -> Iterable[Notifier]:
        if isinstance(configuration.slack, PreviewSettings):
            yield PreviewNotifier(stored_preview(self._database, self._clock))
