"""What is allowed but likely not meant: warnings, each with its line. Each kind has its module; here they are gathered.

Nothing here knows what time it is; what depends on it is `lint_time.py`'s.
"""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from adapters.adapter import Adapter
from rules.advice.lint_catalog import lint_catalog
from rules.advice.lint_matchers import lint_matchers
from rules.advice.lint_people import lint_people
from rules.advice.lint_routes import lint_routes
from rules.advice.lint_webhooks import lint_webhooks
from rules.language.shape import Fields, Reference, RuleError
from rules.loading.load import Loaded
from rules.model.configuration import Configuration, SlackSettings, is_loopback
from rules.model.heartbeat import OWN_SOURCE


def linted(loaded: Loaded, adapters: Mapping[str, Adapter]) -> Loaded:
    """What was loaded, its warnings joined by those that take a look at the whole."""
    if loaded.configuration is None or loaded.document is None:
        return loaded
    return loaded.with_warnings(lint(loaded.configuration, loaded.document, adapters, loaded.references))


def lint(
    configuration: Configuration,
    document: Fields,
    adapters: Mapping[str, Adapter],
    references: Iterable[Reference],
) -> list[RuleError]:
    """Every warning about an accepted document. `references`: every name that something in it is reached by."""
    references = tuple(references)
    labels = {name: adapters[source.adapter].labels(source.options) for name, source in configuration.sources.items()}
    labels[OWN_SOURCE] = None
    return [
        *_listener(configuration, document),
        *_slack(configuration, document),
        *lint_routes(configuration, labels),
        *lint_matchers(document, labels),
        *lint_catalog(configuration, document),
        *lint_people(configuration, document, references),
        *lint_webhooks(configuration, document, references),
        *_maintenance(document),
        *_inhibitions(document),
    ]


def _maintenance(document: Fields) -> Iterator[RuleError]:
    for entry in document.get("maintenance", ()):
        if "until" not in entry:
            mark, place = entry.mark("name"), entry.place
            message = f"{entry.get('name')} has no end: what it matches is held back until the entry is taken out"
            yield RuleError(place.report.file, mark.line, mark.column, place.path, message, "until: an instant")


def _inhibitions(document: Fields) -> Iterator[RuleError]:
    for entry in document.get("inhibit", ()):
        if "equal" not in entry:
            mark, place = entry.mark("name"), entry.place
            message = f"{entry.get('name')} has no equal: one alert that matches while, wherever it is, holds back all of hold"
            expected = "equal: [cluster], say; equal: [] if all is meant"
            yield RuleError(place.report.file, mark.line, mark.column, place.path, message, expected)


def _slack(configuration: Configuration, document: Fields) -> Iterator[RuleError]:
    slack = configuration.slack
    if not isinstance(slack, SlackSettings):
        return
    address = urlsplit(slack.api_url)
    if address.scheme == "http" and not is_loopback(address.hostname or ""):
        fields = document.get("slack")
        mark, place = fields.mark("api_url"), fields.place
        message = f"{slack.api_url} is not https: on the way to it the token and every message can be read and changed"
        yield RuleError(place.report.file, mark.line, mark.column, "slack.api_url", message, "an https:// address")


def _listener(configuration: Configuration, document: Fields) -> Iterator[RuleError]:
    server = configuration.server
    if server.is_loopback and not server.is_behind_proxy:
        return
    mark, file = document.mark("server"), document.place.report.file
    where = server.external_url if server.is_behind_proxy else f"{server.host}:{server.port}"
    if not server.tokens:
        message = "others can reach the listener, and there are no tokens: only intake, health and metrics answer them"
        if server.is_behind_proxy:
            message = f"others reach it at {where}, and there are no tokens: only intake, health and metrics answer"
        yield RuleError(file, mark.line, mark.column, "server.tokens", message, "tokens: {read: {env: NAME}, …}")
    for name, entry in document.get("sources", {}).items():
        source, at = configuration.sources[name], entry.mark("allow" if "allow" in entry else "auth")
        path = entry.place.path
        if not source.auth and not source.allow:
            message = f"{name} takes alerts from anyone who reaches {where}"
            expected = "auth: {bearer: {env: NAME}} or another form, or allow: [10.0.0.0/8]"
            yield RuleError(file, at.line, at.column, f"{path}.auth", message, expected)
        elif source.allow and server.is_behind_proxy and not server.trusted_proxies:
            message = f"{name} asks from where it is sent, and behind a proxy all comes from the proxy"
            yield RuleError(
                file, at.line, at.column, f"{path}.allow", message, "server: {trusted_proxies: [127.0.0.1]}"
            )
    if not server.is_loopback and "external_url" not in document.get("server"):
        message = f"no external_url: links in messages lead to {server.external_url}"
        yield RuleError(file, mark.line, mark.column, "server.external_url", message, "the address people reach it by")
