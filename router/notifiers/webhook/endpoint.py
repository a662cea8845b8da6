"""A configured webhook with its secrets opened. Pure data: no file and no variable is read here."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import msgspec

from rules.model.configuration import Secrets, WebhookSettings
from rules.model.webhook import Format


class EndpointError(ValueError):
    """An address or a header that no request can be made with; the text names the webhook, never a value."""


class Endpoint(msgspec.Struct, frozen=True):
    """Where a receiver listens, and what it is sent with every request. Holds secrets: it has no readable form."""

    name: str
    format: Format
    url: str
    key: str = ""
    headers: Mapping[str, str] = {}
    secrets: tuple[str, ...] = ()
    """What nothing that is shown may contain."""

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r}, {self.format.value})"


def open_endpoint(settings: WebhookSettings, value_of: Callable[[Secrets], str]) -> Endpoint:
    """Raises EndpointError. `value_of` gives the first of some secrets that are valid at once."""
    url = value_of(settings.url_secret).strip() if settings.url_secret else settings.url
    key = value_of(settings.key).strip() if settings.key else ""
    bearer = value_of(settings.bearer).strip() if settings.bearer else ""
    secret_headers = {name: value_of(found).strip() for name, found in settings.secret_headers.items()}
    headers = {**settings.headers, **secret_headers}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    if settings.format is Format.OPSGENIE:
        headers["Authorization"] = f"GenieKey {key}"
    if not _is_address(url):
        raise EndpointError(f"the address of the webhook {settings.name} is no http:// or https:// address")
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise EndpointError(f"the header {name} of the webhook {settings.name} is not printable ASCII on one line")
    secrets = (url if settings.url_secret else "", key, bearer, *secret_headers.values())
    return Endpoint(settings.name, settings.format, url, key, headers, tuple(filter(None, secrets)))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        return False
