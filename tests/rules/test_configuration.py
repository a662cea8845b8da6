"""What a file says comes out as typed settings: the server, storage, Slack, sources and their authentication."""

from datetime import timedelta

import msgspec
import pytest

from adapters.alert import Severity
from rules.model.configuration import (
    Basic,
    Bearer,
    EnvSecret,
    FileSecret,
    Hmac,
    PreviewSettings,
    SecretRef,
    ServerSettings,
    SlackSettings,
    StorageSettings,
    UrlToken,
)
from rules.model.ruleset import Retention, SilenceSettings
from tests.rules.reading import HEAD, ROUTING, accepted

FULL = """
version: 1
name: prod
timezone: Europe/Berlin
server:
  listen: "[::1]:9999"
  external_url: https://alerts.example.com/
  tokens: {read: {env: R}, admin: [{env: A}, {file: /run/secrets/a}]}
  trusted_proxies: [10.1.0.0/16, 192.0.2.1]
storage: {path: /var/lib/alert-router.db}
slack:
  token: {env: SLACK_BOT_TOKEN}
  signing_secret: [{file: /run/secrets/slack}, {env: OLD}]
  app_token: {env: SLACK_APP_TOKEN}
  command: [/incident, /pd]
  reactions: {eyes: acknowledge, "+1": note}
  fallback_channel: "#ops"
  api_url: http://127.0.0.1:9/api
sources:
  prom: {adapter: prometheus, auth: {bearer: {env: P}}, namespace: one}
  prom-b: {adapter: prometheus}
  jobs:
    adapter: generic
    auth:
      hmac: {header: X-Signature, secret: {env: H}}
      basic: {username: u, password: {file: /p}}
      url_token: {env: T}
    allow: [10.0.0.0/8, "::1"]
    labels: {env: prod, shard: 3, cluster: {label: kube_cluster_name}}
    items: jobs
    map: {title: '{{ job }}', status: {value: firing}}
    severity_map: {fatal: critical, "*": low}
    status_map: {broken: firing}
    resolve_after: 26h
retention: {alerts: 2d, incidents: 1w}
routing: {channel: "#a"}
"""


def test_everything() -> None:
    found = accepted(FULL)
    assert (found.name, found.timezone, found.rules.zone_name) == ("prod", "Europe/Berlin", "Europe/Berlin")
    assert found.rules.retention == Retention(timedelta(days=2), timedelta(days=7))
    assert found.server == ServerSettings(
        host="::1",
        port=9999,
        external_url="https://alerts.example.com",
        tokens={"read": (EnvSecret("R"),), "admin": (EnvSecret("A"), FileSecret("/run/secrets/a"))},
        trusted_proxies=("10.1.0.0/16", "192.0.2.1/32"),
    )
    assert found.storage == StorageSettings("/var/lib/alert-router.db")
    assert found.slack == SlackSettings(
        token=(EnvSecret("SLACK_BOT_TOKEN"),),
        signing_secret=(FileSecret("/run/secrets/slack"), EnvSecret("OLD")),
        app_token=(EnvSecret("SLACK_APP_TOKEN"),),
        command=("/incident", "/pd"),
        reactions={"eyes": "acknowledge", "+1": "note"},
        fallback_channel="#ops",
        api_url="http://127.0.0.1:9/api/",
    )
    prom, prom_b, jobs = (found.sources[name] for name in ("prom", "prom-b", "jobs"))
    assert (prom.auth, prom.auth_said, prom.namespace) == ((Bearer((EnvSecret("P"),)),), True, "one")
    assert (prom_b.auth, prom_b.auth_said, prom_b.namespace) == ((), False, "prometheus")
    # Of two neither is asked for the bare /api/v2/alerts.
    assert not prom.alertmanager_api
    assert not prom_b.alertmanager_api
    assert jobs.auth == (
        Basic("u", (FileSecret("/p"),)),
        Hmac("X-Signature", "sha256", (EnvSecret("H"),)),
        UrlToken((EnvSecret("T"),)),
    )
    assert (jobs.allow, jobs.namespace, jobs.adapter) == (("10.0.0.0/8", "::1/128"), "jobs", "generic")
    options = jobs.options
    assert options.labels == {"env": "prod", "shard": "3", "cluster": {"label": "kube_cluster_name"}}
    assert (options.items, options.resolve_after) == ("jobs", timedelta(hours=26))
    assert options.map == {"title": "{{ job }}", "status": {"value": "firing"}}
    assert options.severity_map == {"fatal": Severity.CRITICAL, "*": Severity.LOW}
    assert options.status_map == {"broken": "firing"}


def test_defaults() -> None:
    found = accepted(HEAD + ROUTING)
    assert (found.name, found.timezone) == ("alert-router", "UTC")
    assert (found.server, found.storage, found.slack) == (ServerSettings(), StorageSettings(), PreviewSettings())
    assert found.server.is_loopback
    # The only prometheus source is the one that answers the bare /api/v2/alerts.
    assert found.sources["p"].alertmanager_api


@pytest.mark.parametrize(
    ("said", "asked"),
    [("", True), (", alertmanager_api: false", False), (", alertmanager_api: true", True)],
)
def test_the_bare_endpoint_of_an_only_source(said: str, asked: bool) -> None:
    text = HEAD.replace("auth: none", f"auth: none{said}")
    assert accepted(text + ROUTING).sources["p"].alertmanager_api is asked


def test_an_only_source_of_another_kind_has_no_bare_endpoint() -> None:
    assert not accepted(HEAD.replace("prometheus", "generic") + ROUTING).sources["p"].alertmanager_api


@pytest.mark.parametrize(
    ("listen", "host", "port", "loopback"),
    [
        ("127.0.0.1:1", "127.0.0.1", 1, True),
        ("localhost:0", "localhost", 0, True),
        ("'[::1]:5'", "::1", 5, True),
        ("127.8.8.8:5", "127.8.8.8", 5, True),
        ("127.evil.example:5", "127.evil.example", 5, False),
        ("LOCALHOST:5", "LOCALHOST", 5, True),
        ("':9080'", "0.0.0.0", 9080, False),  # noqa: S104  what an empty host means
        ("alerts.internal:80", "alerts.internal", 80, False),
    ],
)
def test_listen(listen: str, host: str, port: int, loopback: bool) -> None:
    slack = HEAD.replace("preview", "{preview: {off_loopback: true}}")
    server = accepted(slack + ROUTING + f"server: {{listen: {listen}}}\n").server
    assert (server.host, server.port, server.is_loopback) == (host, port, loopback)
    assert server.external_url == f"http://localhost:{port}"


def test_the_preview_off_loopback_is_asked_for() -> None:
    text = HEAD.replace("preview", "{preview: {off_loopback: true}}") + ROUTING + "server: {listen: ':9080'}\n"
    assert accepted(text).slack == PreviewSettings(off_loopback=True)


def test_secrets_are_kept_as_json() -> None:
    for secret in (EnvSecret("A"), FileSecret("/a")):
        assert msgspec.json.decode(msgspec.json.encode(secret), type=SecretRef) == secret


def test_limits_of_silences() -> None:
    assert accepted(HEAD + ROUTING).rules.silences == SilenceSettings(None, timedelta(minutes=15))
    found = accepted(HEAD + ROUTING + "silences: {max: 7d, remind: 1h}\n").rules.silences
    assert found == SilenceSettings(timedelta(days=7), timedelta(hours=1))
    assert accepted(HEAD + ROUTING + "silences: {remind: none}\n").rules.silences.remind is None


def test_retention_as_it_is_not_said() -> None:
    assert accepted(HEAD + ROUTING).rules.retention == Retention(timedelta(days=1), timedelta(days=90))
    partly = accepted(HEAD + ROUTING + "retention: {incidents: 400d}\n").rules.retention
    assert partly == Retention(timedelta(days=1), timedelta(days=400))
