"""Warnings about webhooks: what nothing tells, and what travels in the open."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from rules.language.shape import Fields, Reference, RuleError
from rules.model.configuration import Configuration, WebhookSettings, is_loopback


def lint_webhooks(
    configuration: Configuration, document: Fields, references: Iterable[Reference]
) -> Iterator[RuleError]:
    """Every warning about a webhook."""
    used = {reference.name for reference in references if reference.kind == "webhook"}
    for name, entry in document.get("webhooks", {}).items():
        file, path = entry.place.report.file, f"webhooks.{name}"
        if name not in used:
            mark, message = entry.node.mark, f"nothing tells the webhook {name}"
            expected = f"webhook: {name} in a step, in also, or as slack.fallback"
            yield RuleError(file, mark.line, mark.column, path, message, expected)
        host = _in_the_open(configuration.webhooks[name])
        if host:
            mark, message = entry.mark("url"), f"{name}: http:// to {host}: what it is told, and its key, can be read"
            yield RuleError(file, mark.line, mark.column, f"{path}.url", message, "https://")


def _in_the_open(settings: WebhookSettings) -> str:
    """The host that is reached without encryption, through more than this machine; "" for none, or not known."""
    parts = urlsplit(settings.url)
    host = parts.hostname or ""
    return host if parts.scheme.lower() == "http" and not is_loopback(host) else ""
