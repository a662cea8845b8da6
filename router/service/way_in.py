"""How Slack reaches this process: what it sends by HTTP and Socket Mode comes to one dispatch. Secrets are asked for at each use."""

from collections.abc import Callable

import aiohttp

from router.notifiers.preview.members import TEAM
from router.notifiers.preview.workspace import API_URL as PREVIEW_API_URL
from router.notifiers.slack.inbound.dispatch import Dispatch, Respond
from router.notifiers.slack.inbound.door import Entrance
from router.notifiers.slack.inbound.socket_mode import SocketMode
from router.notifiers.slack.wire import SdkWire
from router.runtime.clock import Clock, new_id
from router.runtime.config import Vault
from router.runtime.metrics import Metrics
from router.service.in_force import InForce
from router.service.way_out import read_again
from rules.model.configuration import SLACK_API_URL, Secrets, SlackSettings


class WayIn:
    """Of one process. What it remembers outlives a reload."""

    def __init__(
        self,
        in_force: InForce,
        vault: Vault,
        session: aiohttp.ClientSession,
        socket_session: aiohttp.ClientSession,
        clock: Clock,
        metrics: Metrics,
        respond: Respond,
        *,
        workspace: Callable[[], str],
    ) -> None:
        """`workspace`: its id; "" while it is not known."""
        self._in_force, self._vault = in_force, vault
        self.dispatch = Dispatch(respond, metrics)
        self.entrance = Entrance(
            self.dispatch,
            clock,
            metrics,
            secrets=lambda: vault.all(self._signing_secret()),
            api_url=self._api_url,
            workspace=workspace,
        )
        self.preview_secret = new_id() + new_id()
        self.preview_entrance = Entrance(
            self.dispatch,
            clock,
            metrics,
            secrets=lambda: (self.preview_secret,),
            api_url=lambda: PREVIEW_API_URL,
            workspace=lambda: TEAM,
        )
        """Of the preview's page: it is asked in this process only, and leads to the same dispatch."""
        self.socket_mode = SocketMode(
            socket_session,
            self.dispatch,
            clock,
            metrics,
            wire=lambda: SdkWire(session, self._app_token, api_url=self._api_url()),
            token=self._app_token,
            api_url=self._api_url,
            on_refused=lambda: read_again(vault, self._app_secrets()),
        )

    def trouble(self) -> list[str]:
        """For whoever keeps the router running."""
        return [found for found in (self.entrance.trouble(), self.socket_mode.trouble()) if found]

    async def finish(self) -> None:
        """What people did is written down before the process ends."""
        await self.socket_mode.close()
        await self.dispatch.finish()

    @property
    def _slack(self) -> SlackSettings | None:
        slack = self._in_force.configuration.slack
        return slack if isinstance(slack, SlackSettings) else None

    def _signing_secret(self) -> Secrets:
        return () if self._slack is None else self._slack.signing_secret

    def _app_secrets(self) -> Secrets:
        return () if self._slack is None else self._slack.app_token

    def _app_token(self) -> str:
        secrets = self._app_secrets()
        return self._vault.one(secrets).strip() if secrets else ""

    def _api_url(self) -> str:
        return SLACK_API_URL if self._slack is None else self._slack.api_url
