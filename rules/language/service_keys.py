"""The keys of `server`, `storage`, `slack` and `sources`, and the whole document: their shapes and what they are for."""

import ipaddress
import re
from collections.abc import Iterable
from datetime import timedelta

import msgspec

from adapters.alert import Severity
from rules.language.channel_keys import CATALOG, COPIES
from rules.language.heartbeat_keys import HEARTBEAT, ROUTER, SILENT, SOURCE_HEARTBEAT
from rules.language.keys import WINDOW_OR_LIST, Either, LabelValue, Name, Raw, name_rule, slug_rule
from rules.language.people_keys import PERSON, POLICY, ROLE, ROLES, SCHEDULE
from rules.language.routing_keys import INHIBIT, MAINTENANCE, ROUTING
from rules.language.shape import (
    Fields,
    Flag,
    Key,
    ListOf,
    MapOf,
    OneOf,
    OrNone,
    Place,
    Record,
    Schema,
    Text,
    Whole,
    close_to,
    shown,
    text_of,
)
from rules.language.times import Duration, Zone, said
from rules.language.webhook_keys import FALLBACK, WEBHOOKS
from rules.language.words import ChannelText, Secret, SlashCommandText, Url, emoji_rule
from rules.language.yaml import Node
from rules.model.configuration import POSTS_PER_MINUTE, REACTIONS, SLACK_API_URL, SLASH_COMMAND
from rules.model.ruleset import LEAST_KEPT, Retention, SilenceSettings

SECRET = Secret()


class Listen(msgspec.Struct, frozen=True):
    """An address to listen on."""

    host: str
    port: int


class ListenAddress:
    """`host:port`; an empty host is every address of the machine."""

    expected = "an address such as 127.0.0.1:9080, [::1]:9080 or :9080"
    pattern = r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):(\d{1,5})"

    def read(self, node: Node, place: Place) -> Listen | None:
        match = re.fullmatch(self.pattern, text_of(node) or "", re.ASCII)
        if match is None or int(match.group(2)) > 65_535:
            place.error(node, f"found {shown(node)}", expected=self.expected)
            return None
        return Listen(match.group(1).strip("[]") or "0.0.0.0", int(match.group(2)))  # noqa: S104  an empty host asks for it

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


class Network:
    """An address or network in CIDR notation."""

    expected = "a network such as 10.0.0.0/8, or an address"

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node) or ""
        try:
            return str(ipaddress.ip_network(text))
        except ValueError:
            pass
        try:
            hint = f"did you mean {ipaddress.ip_network(text, strict=False)}?"
        except ValueError:
            hint = ""
        place.error(node, f"found {shown(node)}", expected=self.expected, hint=hint)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"type": "string", "minLength": 1}


class OneOfAdapters:
    """The adapter of a source; which there are is the caller's to say."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.expected = f"one of {', '.join(self.names)}" if self.names else "the name of an adapter"

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text is not None and text in self.names:
            return text
        place.error(node, f"no adapter {shown(node)}", expected=self.expected, hint=close_to(text or "", self.names))
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {"enum": list(self.names)} if self.names else {"type": "string", "minLength": 1}


TOKENS = Record(
    "tokens",
    {
        "read": Key(SECRET, "May read."),
        "write": Key(SECRET, "May read; and make and end silences."),
        "admin": Key(SECRET, "May read, act and reload."),
    },
    is_secret=True,
)
SERVER = Record(
    "server",
    {
        "listen": Key(ListenAddress(), "Where it listens; default 127.0.0.1:9080."),
        "external_url": Key(Url(), "How people reach it; links in messages begin with it."),
        "tokens": Key(TOKENS, "Who may use the API off loopback."),
        "trusted_proxies": Key(
            ListOf(Network(), "a list of networks such as [10.0.0.0/8]"),
            "Proxies whose X-Forwarded-For or Forwarded is believed: for `allow`, and to count wrong tokens.",
        ),
    },
)
STORAGE = Record(
    "storage",
    {"path": Key(Text("a path"), "The SQLite file; its folder is created.", required=True)},
    later={"url": "PostgreSQL"},
)
_KEPT = Retention()
_MINUTE = timedelta(minutes=1)
RETENTION = Record(
    "retention",
    {
        "alerts": Key(
            Duration(LEAST_KEPT),
            f"How long an alert that has ended is kept, at least a day; default {said(_KEPT.alerts)}.",
        ),
        "incidents": Key(
            Duration(LEAST_KEPT),
            f"How long a resolved incident, its timeline and its messages are kept; default {said(_KEPT.incidents)}.",
        ),
    },
)
SILENCES = Record(
    "silences",
    {
        "max": Key(Duration(_MINUTE), "The longest that one may last; default: as long as one likes."),
        "remind": Key(
            OrNone(Duration(_MINUTE)),
            f"How long before its end whoever made it is told, if they are one of people; or none. Default {said(SilenceSettings().remind or _MINUTE)}.",
        ),
        "who": Key(ROLE, "The least role that makes and ends them, where no actions say it; default responder."),
    },
)
PREVIEW = Record("preview", {"off_loopback": Key(Flag(), "true: others may reach the preview page.", required=True)})


SLACK_EXPECTED = "preview, or a map such as {token: {env: SLACK_BOT_TOKEN}}"


def _check_slack(fields: Fields) -> None:
    if ("preview" in fields) == ("token" in fields):
        fields.place.error(
            fields.node,
            "neither a token nor the preview" if "token" not in fields else "a token and the preview",
            expected="slack: preview, or slack: {token: {env: SLACK_BOT_TOKEN}, …}",
        )


CLIENT = Record(
    "client",
    {
        "id": Key(Text("a client id such as '123.456', in quotes"), "Of the app: Basic Information.", required=True),
        "secret": Key(SECRET, "Of the app: Basic Information.", required=True),
    },
    is_secret=True,
)
SLACK = Record(
    "slack",
    {
        "token": Key(SECRET, "The bot token (xoxb-…)."),
        "signing_secret": Key(SECRET, "Verifies what Slack sends over HTTP: buttons, commands, mentions."),
        "app_token": Key(SECRET, "The app-level token (xapp-…): Slack sends through Socket Mode."),
        "client": Key(CLIENT, "{id, secret} of the app: people sign in with Slack on the router's pages."),
        "command": Key(
            ListOf(
                SlashCommandText(),
                "a list of slash commands such as [/incident, /pd]",
                single=True,
                unique=True,
                most=8,
            ),
            f"The slash commands it answers to; default {SLASH_COMMAND}.",
        ),
        "reactions": Key(
            MapOf(OneOf(*REACTIONS), "a map such as {eyes: acknowledge, white_check_mark: resolve}", name=emoji_rule),
            "What an emoji does that somebody puts under an incident's message; by default none does anything.",
        ),
        "fallback_channel": Key(ChannelText(), "Where a message goes whose channel refuses it."),
        "fallback": Key(
            FALLBACK, "What is called when Slack refuses a message, or is away: {webhook: NAME, after: 2m}."
        ),
        "api_url": Key(Url(), f"Default {SLACK_API_URL}."),
        "posts_per_minute": Key(
            Whole(1, 100_000),
            f"Posts in the whole workspace; Slack allows several hundred. Default {POSTS_PER_MINUTE}.",
        ),
        "without_history": Key(
            OneOf("post_again", "leave"),
            "After a post of unknown outcome that cannot be looked for: post it again (default), or leave it be.",
        ),
        "preview": Key(PREVIEW, "Messages on a local page instead of in Slack."),
    },
    later={"workspaces": "several workspaces"},
    foreign={"client_id": "client: {id: …, secret: …}", "client_secret": "client: {id: …, secret: …}"},
    check=_check_slack,
    is_secret=True,
)

BASIC = Record(
    "basic",
    {
        "username": Key(Text("a user name"), "Sent by the sender.", required=True),
        "password": Key(SECRET, "Sent by the sender.", required=True),
    },
    is_secret=True,
)
HMAC = Record(
    "hmac",
    {
        "header": Key(Text("the name of a header"), "Which header has the signature of the raw body.", required=True),
        "algorithm": Key(OneOf("sha256", "sha512", "sha1"), "Default sha256."),
        "secret": Key(SECRET, "The key of the signature.", required=True),
    },
    is_secret=True,
)


def _check_auth(fields: Fields) -> None:
    if not fields.node.entries:
        fields.place.error(fields.node, "an empty map", expected="bearer, basic, hmac, url_token; or auth: none")


AUTH_EXPECTED = "none, or a map with bearer, basic, hmac or url_token"
AUTH = Either(
    OneOf("none", expected=AUTH_EXPECTED, is_secret=True),
    Record(
        "auth",
        {
            "bearer": Key(SECRET, "Authorization: Bearer …"),
            "basic": Key(BASIC, "HTTP basic authentication."),
            "hmac": Key(HMAC, "A signature of the raw body in a header."),
            "url_token": Key(SECRET, "?token=… or a last path segment; for senders that can do nothing else."),
        },
        check=_check_auth,
    ),
    AUTH_EXPECTED,
)


def source_record(adapters: Iterable[str]) -> Record:
    return Record(
        "source",
        {
            "adapter": Key(OneOfAdapters(adapters), "How its payload is read.", required=True),
            "auth": Key(AUTH, "How it proves who it is: bearer, basic, hmac, url_token, or none."),
            "allow": Key(ListOf(Network(), "a list of networks such as [10.0.0.0/8]"), "From where it may send."),
            "namespace": Key(Name(), "Alerts of equal namespace and fingerprint are one."),
            "alertmanager_api": Key(Flag(), "true: it also answers the bare /api/v2/alerts."),
            "labels": Key(MapOf(LabelValue(), "a map of labels"), "Added to each alert: constants or {label: x}."),
            "map": Key(MapOf(Raw(), "a map of fields"), "generic: field -> JMESPath, template or {value: constant}."),
            "items": Key(Text("a JMESPath"), "generic: picks the list of alerts."),
            "severity_map": Key(
                MapOf(OneOf(*(severity.value for severity in Severity)), "a map to severities"),
                'The sender\'s words -> critical, high, medium, low, info; "*" catches the rest.',
            ),
            "status_map": Key(
                MapOf(OneOf("firing", "resolved"), "a map to firing or resolved"),
                'The sender\'s words -> firing or resolved; "*" catches the rest.',
            ),
            "resolve_after": Key(Duration(), "A firing alert not heard of for so long is presumed over."),
            "heartbeat": Key(SOURCE_HEARTBEAT, "Alerts of it that say it is alive; their absence is an alert."),
            "silent_after": Key(
                SILENT, "With firing alerts it may say nothing for so long; or none. Default for Prometheus: 5m."
            ),
        },
    )


ROUTE_FOREIGN = {
    "route": "routing: (Alertmanager's route)",
    "receivers": "channel and page on each route (Alertmanager's receivers)",
    "inhibit_rules": "inhibit: (Alertmanager's inhibit_rules)",
    "time_intervals": "windows: (Alertmanager's time_intervals)",
    "mute_time_intervals": "windows: (Alertmanager's mute_time_intervals)",
    "global": "settings under routing; resolve_timeout is sources.X.resolve_after",
    "templates": "template: {title, text} on a route",
}


_TEAMS = "it in a team's file; to check one: alert-router check TEAM.yaml --with MAIN.yaml"


class GlobText(Text):
    """A path, or a pattern of paths, of teams' files."""

    def __init__(self) -> None:
        super().__init__("a path or pattern such as rules.d/*.yaml, relative to this file", limit=1_000)


def document(adapters: Iterable[str] = ()) -> Record:
    """The whole file, for the adapters there are."""
    names = "a map from names to "
    return Record(
        "document",
        {
            "version": Key(Whole(1, 1), "Of the language.", required=True),
            "timezone": Key(Zone(), "Of windows, rotations and instants that name none; default UTC."),
            "name": Key(Name(), "This instance, in metadata and buttons; default alert-router."),
            "server": Key(SERVER, "Where it listens and who may use it."),
            "storage": Key(STORAGE, "Where its state lives."),
            "slack": Key(
                Either(OneOf("preview", expected=SLACK_EXPECTED, is_secret=True), SLACK, SLACK_EXPECTED),
                "preview, or {token, signing_secret, fallback_channel}.",
                required=True,
            ),
            "sources": Key(
                MapOf(source_record(adapters), names + "sources", name=slug_rule, least=1),
                "Who sends alerts: POST /webhook/{name}.",
                required=True,
            ),
            "routing": Key(ROUTING, "What goes where: one owner, the first match, depth first.", required=True),
            "catalog": Key(CATALOG, "Data about services, teams, …: {from: service} looks an alert's label up in it."),
            "copies": Key(COPIES, "The same incident shown in further channels."),
            "windows": Key(MapOf(WINDOW_OR_LIST, names + "windows", name=name_rule), "When something holds."),
            "maintenance": Key(ListOf(MAINTENANCE, "a list of maintenance entries", least=0), "Planned work."),
            "inhibit": Key(ListOf(INHIBIT, "a list of inhibitions", least=0), "What one alert holds back."),
            "people": Key(MapOf(PERSON, names + "people", name=name_rule), "Who can be paged."),
            "roles": Key(ROLES, 'What people may do, by their Slack user groups: {manager: ["@leads"]}.'),
            "oncall": Key(MapOf(SCHEDULE, names + "schedules", name=name_rule), "Who is on call when."),
            "escalation": Key(
                MapOf(POLICY, names + "escalation policies", name=name_rule), "Whom a page reaches, in order."
            ),
            "webhooks": Key(WEBHOOKS, "Receivers other than Slack: PagerDuty, Opsgenie, whatever takes JSON."),
            "heartbeats": Key(MapOf(HEARTBEAT, names + "heartbeats", name=name_rule), "Jobs that must be heard from."),
            "router": Key(ROUTER, "Of this router itself: where it says that it is well."),
            "silences": Key(SILENCES, "What silences that people make may be; one in this file is a maintenance."),
            "retention": Key(RETENTION, "What is over is kept so long; what is open is kept."),
            "rules_files": Key(
                ListOf(
                    GlobText(),
                    "a list of paths or patterns such as [rules.d/*.yaml]",
                    least=0,
                    single=True,
                    unique=True,
                ),
                "The files of teams, one each: [rules.d/*.yaml].",
            ),
        },
        foreign=ROUTE_FOREIGN,
        elsewhere=dict.fromkeys(("team", "owner", "scope", "order"), _TEAMS),
        free="x-",
    )
