"""What a configuration says, as types. Owns their shape; secrets are only referred to here, never read."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from adapters.adapter import SourceOptions
from rules.model.heartbeat import Heartbeat, StaleAfter
from rules.model.oncall import Person
from rules.model.ruleset import RuleSet
from rules.model.webhook import Fallback, Format


class EnvSecret(msgspec.Struct, frozen=True, tag="env"):
    """The value of an environment variable; unset or empty is an error when it is read."""

    name: str


class FileSecret(msgspec.Struct, frozen=True, tag="file"):
    """The content of a file, without one trailing newline; read again on reload."""

    path: str


SecretRef = EnvSecret | FileSecret
Secrets = tuple[SecretRef, ...]
"""Where two are valid at once; any of them is accepted."""


class ServerSettings(msgspec.Struct, frozen=True):
    """Where it listens and who may use it."""

    host: str = "127.0.0.1"
    port: int = 9080
    external_url: str = "http://localhost:9080"
    """Without a trailing slash; links in messages begin with it."""
    tokens: Mapping[str, Secrets] = {}
    """"read", "write", "admin" -> accepted tokens; each includes what the ones before it allow."""
    trusted_proxies: tuple[str, ...] = ()
    """CIDR networks whose word is believed about where a request comes from."""

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def is_behind_proxy(self) -> bool:
        """People reach it by an address of another machine's, although only this machine can: a proxy stands between."""
        return self.is_loopback and not is_loopback(urlsplit(self.external_url).hostname or "")


class StorageSettings(msgspec.Struct, frozen=True):
    """Where the state lives."""

    path: str = "./data/alert-router.db"


class PreviewSettings(msgspec.Struct, frozen=True):
    """Messages are shown on a local page instead of being sent to Slack."""

    off_loopback: bool = False
    """True: the file allows it on an address that others can reach."""


SLACK_API_URL = "https://slack.com/api/"
SLASH_COMMAND = "/incident"
POSTS_PER_MINUTE = 240
"""In a whole workspace; Slack allows several hundred."""


REACTIONS = ("acknowledge", "resolve", "note")


class SlackSettings(msgspec.Struct, frozen=True):
    """A workspace."""

    token: Secrets
    signing_secret: Secrets = ()
    """What Slack signs its requests with; empty: none is believed."""
    fallback_channel: str = ""
    """Where a message goes whose channel refuses it; "" for nowhere."""
    api_url: str = SLACK_API_URL
    posts_per_minute: int = POSTS_PER_MINUTE
    """In the whole workspace."""
    posts_again: bool = True
    """Where history cannot be read, a post of unknown outcome is posted again: at least once instead of at most once."""
    fallback: Fallback | None = None
    """What is called when Slack refuses, or is away."""
    app_token: Secrets = ()
    """Of Socket Mode, which needs no address that Slack can reach; empty: Slack sends over HTTP."""
    command: tuple[str, ...] = (SLASH_COMMAND,)
    """The slash commands it answers to; the first is the one that help speaks of."""
    client_id: str = ""
    """Of the app, with which people sign in on the router's pages; "": they do not."""
    client_secret: Secrets = ()
    reactions: Mapping[str, str] = {}
    """An emoji's name, without colons → what it does to the incident under whose message it is put: one of REACTIONS."""


class Bearer(msgspec.Struct, frozen=True, tag="bearer"):
    """`Authorization: Bearer …`"""

    tokens: Secrets


class Basic(msgspec.Struct, frozen=True, tag="basic"):
    """HTTP basic authentication."""

    username: str
    passwords: Secrets


class Hmac(msgspec.Struct, frozen=True, tag="hmac"):
    """A signature of the raw body in a header, hex or base64, with or without `algorithm=` before it."""

    header: str
    algorithm: str
    """"sha256", "sha512" or "sha1"."""
    secrets: Secrets


class UrlToken(msgspec.Struct, frozen=True, tag="url_token"):
    """`?token=…` or a last path segment, for senders that can do nothing else; never logged."""

    tokens: Secrets


Auth = Bearer | Basic | Hmac | UrlToken


class SourceSettings(msgspec.Struct, frozen=True):
    """A configured sender: POST /webhook/{name}."""

    name: str
    adapter: str
    options: SourceOptions
    auth: tuple[Auth, ...] = ()
    """Any one suffices; empty: none is asked for."""
    auth_said: bool = False
    """False: the file says nothing about `auth`, which only a loopback listener accepts."""
    allow: tuple[str, ...] = ()
    """CIDR networks; empty: from anywhere."""
    namespace: str = ""
    """Alerts of equal namespace and fingerprint are one. The family of Prometheus shares "prometheus"; else the name."""
    alertmanager_api: bool = False
    """This one also answers the bare /api/v2/alerts."""
    heartbeat: Heartbeat | None = None
    """Alerts of it that are a sign of life, and told nobody."""
    silence: StaleAfter | None = None
    """How long it may say nothing while its alerts fire; None: for ever."""


class DeadMansSwitchSettings(msgspec.Struct, frozen=True):
    """Where to say that all is well: a dead man's switch elsewhere."""

    url: str = ""
    """"" where the address is a secret."""
    secret: Secrets = ()
    every: timedelta = timedelta(minutes=1)


class WebhookSettings(msgspec.Struct, frozen=True):
    """A receiver other than Slack."""

    name: str
    """As the whole configuration knows it: "team/name" of a team's file."""
    format: Format
    url: str = ""
    """The vendor's where the file names none; "" where the address is a secret."""
    url_secret: Secrets = ()
    key: Secrets = ()
    """PagerDuty's routing key, Opsgenie's API key."""
    bearer: Secrets = ()
    headers: Mapping[str, str] = {}
    secret_headers: Mapping[str, Secrets] = {}

    @property
    def secrets(self) -> Secrets:
        """Every secret that it refers to."""
        headers = tuple(reference for found in self.secret_headers.values() for reference in found)
        return (*self.url_secret, *self.key, *self.bearer, *headers)


class TeamContact(msgspec.Struct, frozen=True):
    """Who is told what becomes of a team's file: the channel, else the people."""

    channel: str = ""
    people: tuple[Person, ...] = ()


class Team(msgspec.Struct, frozen=True):
    """A team whose file is in force."""

    name: str
    file: str
    """As it is remembered: relative to the main file."""
    contact: TeamContact


class Configuration(msgspec.Struct, frozen=True):
    """One accepted configuration."""

    name: str
    timezone: str
    server: ServerSettings
    storage: StorageSettings
    slack: PreviewSettings | SlackSettings
    sources: Mapping[str, SourceSettings]
    rules: RuleSet
    webhooks: Mapping[str, WebhookSettings] = {}
    """By name; the rules and `slack.fallback` name them."""
    outward: DeadMansSwitchSettings | None = None
    teams: tuple[Team, ...] = ()
    rules_files: tuple[str, ...] = ()
    """Paths and patterns of teams' files, relative to the main file."""


def is_loopback(host: str) -> bool:
    """Whether only this machine answers at this address: a loopback address, or its name. Not "127.example.org", which
    somebody may point anywhere."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
