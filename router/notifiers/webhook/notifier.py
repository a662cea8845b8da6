"""A webhook as a way out: an incident begins there, is told again when it comes back or gets worse, is acknowledged, and
ends, all under one key. It can do no more: it takes no edit, and nobody can look there for what may have been sent."""

from collections.abc import Callable
from typing import Final

from router.core.answer import Answer, Outcome
from router.core.content import Content, Subject
from router.core.delivery import Act, Capability, Rate, Terms
from router.core.recipient import webhook_notifier
from router.notifiers.notifier import Notifier
from router.notifiers.webhook.client import WebhookClient
from router.notifiers.webhook.endpoint import Endpoint, EndpointError
from router.notifiers.webhook.payloads import incident_key, next_action, request

METHOD: Final = "webhook"
RATE: Final = Rate(per_minute=100, informational=80)
"""Below what PagerDuty takes of one integration, 120 a minute."""


def _method_of(act: Act, target: str) -> str:  # noqa: ARG001  it has one
    return METHOD


TERMS: Final = Terms(frozenset({Capability.IDEMPOTENT, Capability.ACKNOWLEDGE}), {METHOD: RATE}, method_of=_method_of)


class WebhookNotifier(Notifier):
    """One configured receiver."""

    def __init__(
        self,
        webhook: str,
        client: WebhookClient,
        *,
        endpoint: Callable[[], Endpoint],
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        """`endpoint` is asked for every call: its secrets may change. Raises EndpointError. `on_refused`: the receiver
        refuses who calls; a renewed secret may lie where it is read from."""
        self._webhook, self._client = webhook, client
        self._endpoint, self._on_refused = endpoint, on_refused

    @property
    def name(self) -> str:
        return webhook_notifier(self._webhook)

    @property
    def terms(self) -> Terms:
        return TERMS

    async def post(self, channel: str, content: Content, key: str, *, ts: str = "") -> Answer:  # noqa: ARG002
        """The key of the call is the incident's own: whatever is sent twice is one incident there."""
        if content.view is None or content.subject is not Subject.INCIDENT:
            return Answer(Outcome.CHANNEL_REFUSED, error="a webhook is told incidents, nothing else")
        try:
            endpoint = self._endpoint()
        except EndpointError as error:
            return Answer(Outcome.CHANNEL_REFUSED, error=str(error))
        action, told_as = next_action(endpoint.format, content)
        made = (
            None
            if action is None
            else request(
                endpoint,
                content.view,
                action,
                instance=content.instance,
                external_url=content.external_url,
                is_plain=content.degraded > 0,
            )
        )
        known_by = incident_key(content.instance, content.incident)
        if made is None:  # there is nothing to say, or no word for it
            return Answer(Outcome.DELIVERED, ts=known_by, told_as=told_as)
        answer = await self._client.send(endpoint, made)
        if answer.outcome is Outcome.CHANNEL_REFUSED:
            self._on_refused()
        if answer.outcome is not Outcome.DELIVERED:
            return answer
        return Answer(Outcome.DELIVERED, ts=known_by, told_as=told_as)
