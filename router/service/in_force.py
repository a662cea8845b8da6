"""The configuration that is in force in this process, and what is opened for it: sources, secrets, delivery's settings."""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network

from adapters import ADAPTERS
from adapters.adapter import OptionsError
from router.delivery.deliver import Settings
from router.http.service import OpenSource
from router.notifiers.preview.notifier import NAME as PREVIEW
from router.notifiers.slack.notifier import NAME as SLACK
from router.notifiers.webhook.endpoint import EndpointError, open_endpoint
from router.runtime.clock import EPOCH
from router.runtime.config import SecretError, Vault
from rules.model.configuration import SLASH_COMMAND, Configuration, SecretRef, SlackSettings


class StartError(RuntimeError):
    """The service cannot start; the text is for the person who started it."""


class InForce:
    """One configuration at a time. It changes as a whole, by a reload."""

    def __init__(self, configuration: Configuration) -> None:
        self.take(configuration, open_sources(configuration))
        self.since, self.digest = EPOCH, ""

    def note(self, since: datetime, digest: str) -> None:
        """When it came into force, and the digest of the files that say it."""
        self.since, self.digest = since, digest

    def take(self, configuration: Configuration, sources: Mapping[str, OpenSource]) -> None:
        self.configuration, self.sources = configuration, sources
        self.bare_source = bare_source(configuration)


def open_sources(configuration: Configuration) -> dict[str, OpenSource]:
    """Each source with its adapter opened; `load` has opened each once already, so nothing is refused here."""
    opened = {}
    for name, settings in configuration.sources.items():
        try:
            parse = ADAPTERS[settings.adapter].open(settings.options)
        except OptionsError as error:
            raise StartError(f"source {name}: {'.'.join(error.path)}: {error.message}") from error
        networks = tuple(ip_network(network, strict=False) for network in settings.allow)
        opened[name] = OpenSource(settings, parse, networks)
    return opened


def bare_source(configuration: Configuration) -> str | None:
    """The one with `alertmanager_api: true`, or the only one of the family."""
    family = [one for one in configuration.sources.values() if ADAPTERS[one.adapter].is_prometheus_family]
    chosen = [one.name for one in family if one.alertmanager_api] or [one.name for one in family]
    return chosen[0] if len(chosen) == 1 else None


def open_secrets(vault: Vault, configuration: Configuration) -> None:
    """Read all of them. Raises SecretError: one is missing, or is not what it is for."""
    tokens = {reference for references in configuration.server.tokens.values() for reference in references}
    vault.open(secrets_of(configuration), tokens=tokens)
    for settings in configuration.webhooks.values():
        try:
            open_endpoint(settings, vault.one)
        except EndpointError as error:
            raise SecretError(str(error)) from error


def secrets_of(configuration: Configuration) -> list[SecretRef]:
    """Every secret that the configuration refers to."""
    slack = configuration.slack
    found: list[SecretRef] = []
    if isinstance(slack, SlackSettings):
        found += slack.token + slack.signing_secret + slack.app_token + slack.client_secret
    for tokens in configuration.server.tokens.values():
        found += tokens
    if configuration.outward is not None:
        found += configuration.outward.secret
    for webhook in configuration.webhooks.values():
        found += webhook.secrets
    for source in configuration.sources.values():
        for auth in source.auth:
            for field in auth.__struct_fields__:
                value = getattr(auth, field)
                if isinstance(value, tuple):
                    found += value
    return found


def delivery_settings(configuration: Configuration) -> Settings:
    slack, address = configuration.slack, configuration.server.external_url
    if not isinstance(slack, SlackSettings):
        return Settings(configuration.name, address, "", PREVIEW, may_act=True)
    return Settings(
        configuration.name,
        address,
        slack.fallback_channel,
        SLACK,
        slack.posts_again,
        slack.fallback,
        may_act=bool(slack.signing_secret or slack.app_token),
        command=slack.command[0] if slack.command else SLASH_COMMAND,
    )
