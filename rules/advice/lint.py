"""What is allowed but likely not meant: warnings, each with its line. Each kind has its module; here they are gathered.

Nothing here knows what time it is; what depends on it is `lint_time.py`'s.
"""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from adapters.adapter import Adapter
from rules.advice.lint_catalog import lint_catalog
from rules.advice.lint_people import lint_people
from rules.advice.lint_routes import lint_matchers, lint_routes
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
    labels = {name: adapters[source.adapter].labels(source.options) for name, source in configuration.sources.items()}
    labels[OWN_SOURCE] = None
    return [
        *_listener(configuration, document),
        *_slack(configuration, document),
        *lint_routes(configuration, labels),
        *lint_matchers(document, labels),
        *lint_catalog(configuration, document),
        *lint_people(configuration, document, references),
        *_maintenance(document),
    ]


def _maintenance(document: Fields) -> Iterator[RuleError]:
    for entry in document.get("maintenance", ()):
        if "until" not in entry:
            mark, place = entry.mark("name"), entry.place
            message = f"{entry.get('name')} has no end: what it matches is held back until the entry is taken out"
            yield RuleError(place.report.file, mark.line, mark.column, place.path, message, "until: an instant")


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
    if server.is_loopback:
        return
    mark, file = document.mark("server"), document.place.report.file
    if not server.tokens:
        message = "others can reach the listener, and there are no tokens: only intake, health and metrics answer them"
        yield RuleError(file, mark.line, mark.column, "server.tokens", message, "tokens: {read: {env: NAME}, …}")
    if "external_url" not in document.get("server"):
        message = f"no external_url: links in messages lead to {server.external_url}"
        yield RuleError(file, mark.line, mark.column, "server.external_url", message, "the address people reach it by")
