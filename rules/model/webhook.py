"""Webhooks: receivers other than Slack that are told of incidents, by their names in the rules. Owns how they are named
and which formats there are; addresses and keys are the configuration's."""

from datetime import timedelta
from enum import StrEnum

import msgspec


class Format(StrEnum):
    """How a receiver wants an incident told."""

    PAGERDUTY = "pagerduty-v2"
    OPSGENIE = "opsgenie-v2"
    ALERTMANAGER = "alertmanager-v4"
    JSON = "json"

    @property
    def default_url(self) -> str:
        """The vendor's address; "" where every receiver has its own."""
        return _DEFAULT_URLS.get(self, "")

    @property
    def key_name(self) -> str:
        """The setting that holds the vendor's key; "" where there is none."""
        return _KEY_NAMES.get(self, "")


_DEFAULT_URLS = {Format.PAGERDUTY: "https://events.pagerduty.com", Format.OPSGENIE: "https://api.opsgenie.com"}
_KEY_NAMES = {Format.PAGERDUTY: "routing_key", Format.OPSGENIE: "api_key"}


class ToWebhook(msgspec.Struct, frozen=True):
    """`{webhook: NAME}` where channels may stand too."""

    name: str

    def __str__(self) -> str:
        return f"{{webhook: {self.name}}}"


class Fallback(msgspec.Struct, frozen=True):
    """What is called when Slack refuses a message, or does not answer for `after`."""

    webhook: str
    after: timedelta = timedelta(minutes=2)
