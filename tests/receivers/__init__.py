"""Receivers of webhooks as strict as their vendors' documents: they check every field and remember what they were told."""

from tests.receivers.alertmanager import AlertmanagerReceiver
from tests.receivers.opsgenie import Opsgenie
from tests.receivers.own import OwnReceiver
from tests.receivers.pagerduty import PagerDuty
from tests.receivers.receiver import Call, Mood, Receiver, Says

__all__ = ["AlertmanagerReceiver", "Call", "Mood", "Opsgenie", "OwnReceiver", "PagerDuty", "Receiver", "Says"]
