"""The keys of `webhooks`, and the places where the rules name one: their shapes, what they are for, and what they mean
once read."""

import re
from typing import Any
from urllib.parse import urlsplit

from rules.language.channel_keys import ChannelList
from rules.language.keys import Either, name_rule
from rules.language.shape import Fields, Key, MapOf, NameOf, OneOf, Place, Record, Schema, Text, text_of
from rules.language.times import Duration
from rules.language.words import Secret
from rules.language.yaml import Entries, Node
from rules.model.configuration import Secrets, WebhookSettings
from rules.model.webhook import Fallback, Format, ToWebhook

SECRET = Secret()
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_PRINTED = re.compile(r"[!-~]([ -~]{0,998}[!-~])?", re.ASCII)
_OURS = frozenset({"connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding"})


def header_rule(name: str) -> str:
    """What is wrong with the name of a header; "" if nothing is."""
    if not _TOKEN.fullmatch(name):
        return "the name of a header, such as X-Team"
    return "another header: this one is the router's own" if name.lower() in _OURS else ""


class HeaderText(Text):
    """What a header says, in the open."""

    def __init__(self) -> None:
        super().__init__("printable ASCII on one line, or {env: NAME} or {file: PATH} where it is secret", limit=1_000)

    def read(self, node: Node, place: Place) -> str | None:
        text = super().read(node, place)
        if text is not None and not _PRINTED.fullmatch(text):
            place.error(node, "not a header's text", expected=self.expected)
            return None
        return text


class WebhookAddress:
    """Where a receiver listens. It may have a query; a password in it belongs into a secret."""

    expected = "an address that begins with http:// or https://, or {env: NAME} or {file: PATH} where it is secret"
    pattern = r"https?://[^\s/?#@]+([/?][^\s#]*)?"

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text is not None and re.fullmatch(self.pattern, text, re.ASCII) and _has_host(text):
            return text
        if text is not None and re.match(r"https?://[^/?#]*@", text):
            place.error(node, "an address with a password in it", expected="{env: NAME} or {file: PATH} with the whole")
        else:
            place.error(node, "not an address", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


def _has_host(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class WebhookName(NameOf):
    """The name of one under `webhooks`; an address is asked to stand there."""

    def __init__(self) -> None:
        super().__init__("webhook")

    def read(self, node: Node, place: Place) -> str | None:
        if isinstance(node, Entries) or re.match(r"https?://", text_of(node) or ""):
            expected, hint = "the name of one under webhooks", "webhooks: {NAME: {format: json, url: …}}"
            place.error(node, "an address", expected=expected, hint=hint)
            return None
        return super().read(node, place)


NAMED = WebhookName()


def _check_webhook(fields: Fields) -> None:
    said = fields.get("format")
    if said is None:
        return
    kind = Format(said)
    own = kind.key_name
    if own and own not in fields:
        fields.place.error(fields.node, f"{own} is missing", expected=f"{own}: {SECRET.expected}")
    if not kind.default_url and "url" not in fields:
        expected = f"url: {WebhookAddress.expected}"
        fields.place.error(fields.node, f"url is missing: {said} has no default", expected=expected)
    for key in ("routing_key", "api_key", "bearer"):
        if key in fields and key != own and (own or key != "bearer"):
            instead = f"{own}, which is its key" if own else "bearer, or headers"
            fields.error(key, f"{said} takes no {key}", expected=instead)
    _check_headers(fields, kind)


def _check_headers(fields: Fields, kind: Format) -> None:
    seen: dict[str, str] = {}
    for name, value in fields.get("headers", {}).items():
        lower = name.lower()
        if lower in seen:
            fields.error("headers", f"{name} stands here twice", expected=f"{seen[lower]} alone")
        seen.setdefault(lower, name)
        if lower != "authorization":
            continue
        if "bearer" in fields or kind is Format.OPSGENIE:
            key = "bearer" if "bearer" in fields else kind.key_name
            fields.error("headers", f"{name} and {key}", expected="one of them: both are the same header")
        elif isinstance(value, str):
            fields.error("headers", f"{name} as text", expected=f"{name}: {{env: NAME}} or {{file: PATH}}")


WEBHOOK = Record(
    "webhook",
    {
        "format": Key(OneOf(*Format), "How it wants an incident told.", required=True),
        "url": Key(
            Either(WebhookAddress(), SECRET, WebhookAddress.expected),
            "Where it listens: an address, or a secret with it. Default of PagerDuty and Opsgenie: theirs.",
        ),
        "routing_key": Key(SECRET, "pagerduty-v2: the integration key."),
        "api_key": Key(SECRET, "opsgenie-v2: the key of an API integration."),
        "bearer": Key(SECRET, "Authorization: Bearer …"),
        "headers": Key(
            MapOf(Either(HeaderText(), SECRET, HeaderText().expected), "a map of headers", name=header_rule),
            "Further headers: texts, or secrets.",
        ),
    },
    check=_check_webhook,
)
WEBHOOKS = MapOf(WEBHOOK, "a map from names to webhooks such as {format: json, url: …}", name=name_rule)

TO_WEBHOOK = Record(
    "to_webhook",
    {"webhook": Key(NAMED, "The name of one under webhooks: it is told the same incident.", required=True)},
)


class Also(ChannelList):
    """Further channels, and webhooks among them."""

    forms = "{from: service}, {label: team, only: [web, data]} or {webhook: NAME}"

    def __init__(self) -> None:
        super().__init__('a channel such as "#alerts", {webhook: NAME}, or a list of them')

    def _one(self, node: Node, place: Place) -> Any:
        if isinstance(node, Entries) and "webhook" in node.entries:
            found = TO_WEBHOOK.read(node, place)
            return None if found is None or not found.get("webhook") else ToWebhook(found.get("webhook"))
        return super()._one(node, place)

    def _one_schema(self, definitions: dict[str, Schema]) -> Schema:
        one = super()._one_schema(definitions)
        return {"anyOf": [*one["anyOf"], TO_WEBHOOK.schema(definitions)]}


ALSO = Also()

FALLBACK = Record(
    "slack_fallback",
    {
        "webhook": Key(NAMED, "The name of one under webhooks.", required=True),
        "after": Key(Duration(), "Slack may be away for so long; default 2m. A refusal waits for nothing."),
    },
)


def webhooks(document: Fields) -> dict[str, WebhookSettings]:
    """What the key `webhooks` means."""
    return {name: _webhook(name, entry) for name, entry in document.get("webhooks", {}).items()}


def _webhook(name: str, fields: Fields) -> WebhookSettings:
    kind = Format(fields.get("format"))
    url: str | Secrets = fields.get("url", kind.default_url)
    return WebhookSettings(
        name=name,
        format=kind,
        url=url if isinstance(url, str) else "",
        url_secret=() if isinstance(url, str) else url,
        key=fields.get(kind.key_name, ()) if kind.key_name else (),
        bearer=fields.get("bearer", ()),
        headers={name: value for name, value in fields.get("headers", {}).items() if isinstance(value, str)},
        secret_headers={name: value for name, value in fields.get("headers", {}).items() if not isinstance(value, str)},
    )


def fallback(slack: Fields) -> Fallback | None:
    """What `fallback` in `slack` means."""
    found = slack.get("fallback")
    return None if found is None else Fallback(found.get("webhook"), found.get("after", Fallback("").after))
