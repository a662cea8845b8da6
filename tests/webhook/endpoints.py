"""A webhook of each format over a receiver, and how an incident is told through it."""

from router.core.answer import Answer
from router.core.view import IncidentView
from router.notifiers.webhook.client import WebhookClient
from router.notifiers.webhook.endpoint import Endpoint, open_endpoint
from router.notifiers.webhook.payloads import Action, request
from rules.model.configuration import EnvSecret, Secrets, WebhookSettings
from rules.model.webhook import Format
from tests.receivers import AlertmanagerReceiver, Opsgenie, OwnReceiver, PagerDuty, Receiver
from tests.receivers.opsgenie import API_KEY
from tests.receivers.pagerduty import ROUTING_KEY

INSTANCE = "prod"
EXTERNAL_URL = "https://alerts.example"
SECRETS = {"PD": ROUTING_KEY, "GENIE": API_KEY, "TOKEN": "t0ken-of-the-relay", "X": "x-secret-header"}
RECEIVERS: dict[Format, type[Receiver]] = {
    Format.PAGERDUTY: PagerDuty,
    Format.OPSGENIE: Opsgenie,
    Format.ALERTMANAGER: AlertmanagerReceiver,
    Format.JSON: OwnReceiver,
}


def value_of(found: Secrets) -> str:
    first = found[0]
    assert isinstance(first, EnvSecret)
    return SECRETS[first.name]


def settings(kind: Format, url: str) -> WebhookSettings:
    match kind:
        case Format.PAGERDUTY:
            return WebhookSettings("phone", kind, url, key=(EnvSecret("PD"),))
        case Format.OPSGENIE:
            return WebhookSettings("genie", kind, url, key=(EnvSecret("GENIE"),))
        case Format.ALERTMANAGER:
            return WebhookSettings("relay", kind, f"{url}/hook?team=a", bearer=(EnvSecret("TOKEN"),))
        case Format.JSON:
            return WebhookSettings(
                "tickets", kind, f"{url}/in", headers={"X-Team": "ops"}, secret_headers={"X-Key": (EnvSecret("X"),)}
            )


def endpoint(kind: Format, url: str) -> Endpoint:
    return open_endpoint(settings(kind, url), value_of)


def receiver(kind: Format) -> Receiver:
    match kind:
        case Format.ALERTMANAGER:
            return AlertmanagerReceiver(SECRETS["TOKEN"])
        case Format.JSON:
            return OwnReceiver({"X-Team": "ops", "X-Key": SECRETS["X"]})
        case _:
            return RECEIVERS[kind]()


async def tell(client: WebhookClient, where: Endpoint, view: IncidentView, action: Action) -> Answer:
    made = request(where, view, action, instance=INSTANCE, external_url=EXTERNAL_URL)
    assert made is not None
    return await client.send(where, made)
