"""Sign in with Slack, as the configuration in force has it: which app, and whose workspace is ours."""

import logging
from collections.abc import Callable

from router.notifiers.slack import openid
from router.notifiers.slack.openid import App, OpenId, RefusedError
from router.runtime.config import Vault
from router.service.in_force import InForce
from rules.model.configuration import SlackSettings

log = logging.getLogger(__name__)

CALLBACK = "/sign-in/slack/callback"


class SlackSignIn:
    """Of one process. `workspace`: the id of ours; "" while it is not known."""

    def __init__(self, in_force: InForce, vault: Vault, asks: OpenId, workspace: Callable[[], str]) -> None:
        self._in_force, self._vault, self._asks, self._workspace = in_force, vault, asks, workspace

    def address(self, *, state: str, nonce: str) -> str:
        """Where a browser is sent; "" where no app is configured."""
        app = self._app()
        return "" if app is None else openid.address(app, state=state, nonce=nonce, team=self._workspace())

    async def account(self, code: str, *, nonce: str) -> str:
        """Whose browser it is: an account of our own workspace; "" where it is nobody's, and the log says why."""
        app = self._app()
        if app is None:
            return ""
        try:
            found = await self._asks.identify(app, code, nonce=nonce)
        except RefusedError as error:
            log.warning("nobody was signed in with Slack", extra={"error": str(error)})
            return ""
        if not self._workspace() or found.team != self._workspace():
            log.warning("somebody of another workspace was not signed in", extra={"team": found.team[:40]})
            return ""
        return found.account

    def _app(self) -> App | None:
        configuration = self._in_force.configuration
        slack = configuration.slack
        if not isinstance(slack, SlackSettings) or not slack.client_id:
            return None
        secret = self._vault.one(slack.client_secret)
        # Of the configuration alone: what a request says of its host leads nowhere.
        return App(slack.api_url, slack.client_id, secret, f"{configuration.server.external_url}{CALLBACK}")
