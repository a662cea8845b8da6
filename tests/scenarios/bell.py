"""The phone of a story: a webhook that takes what it is told and rings."""

from router.core.answer import Answer, Outcome
from router.core.content import Content
from router.core.delivery import Terms
from router.core.recipient import webhook_notifier
from router.notifiers.notifier import Notifier
from router.notifiers.webhook.notifier import TERMS


class Bell(Notifier):
    def __init__(self, webhook: str) -> None:
        self.webhook = webhook
        self.rang: list[str] = []
        """As "begins #1 high" and "ends #1"."""

    @property
    def name(self) -> str:
        return webhook_notifier(self.webhook)

    @property
    def terms(self) -> Terms:
        return TERMS

    async def post(self, channel: str, content: Content, key: str, *, ts: str = "") -> Answer:  # noqa: ARG002
        severity = "" if content.view is None or content.is_end else f" {content.view.severity.value}"
        self.rang.append(f"{'ends' if content.is_end else 'begins'} #{content.incident}{severity}")
        return Answer(Outcome.DELIVERED, ts=ts or "1")
