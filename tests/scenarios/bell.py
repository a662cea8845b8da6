"""The phone of a story: a webhook that takes what it is told and rings."""

from router.core.answer import Answer, Outcome
from router.core.content import Content
from router.core.delivery import Terms
from router.core.recipient import webhook_notifier
from router.core.view import Phase
from router.notifiers.notifier import Notifier
from router.notifiers.webhook.notifier import TERMS
from router.notifiers.webhook.payloads import Action, next_action
from rules.model.webhook import Format


class Bell(Notifier):
    def __init__(self, webhook: str) -> None:
        self.webhook = webhook
        self.rang: list[str] = []
        """As "begins #1 high", "acknowledged #1", "closed #1" and "ends #1"."""

    @property
    def name(self) -> str:
        return webhook_notifier(self.webhook)

    @property
    def terms(self) -> Terms:
        return TERMS

    async def post(self, channel: str, content: Content, key: str, *, ts: str = "") -> Answer:  # noqa: ARG002
        action, told_as = next_action(Format.JSON, content)
        severity = f" {content.view.severity.value}" if content.view and action is Action.TRIGGER else ""
        word = {Phase.OPEN: "begins", Phase.ACKNOWLEDGED: "acknowledged", Phase.CLOSED: "closed"}[told_as]
        self.rang.append(f"{'ends' if content.is_end else word} #{content.incident}{severity}")
        return Answer(Outcome.DELIVERED, ts=ts or "1", told_as=told_as)
