"""Texts in, a Configuration or every mistake in them out. The one entrance for `serve`, `check`, reload and tests."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from adapters.adapter import Adapter, OptionsError, SourceOptions
from adapters.alert import Severity
from rules.language import heartbeat_keys, webhook_keys
from rules.language.service_keys import Listen, ListenAddress, document
from rules.language.shape import Fields, Place, Reference, Report, RuleError, text_of
from rules.language.templates import Examine, accept_all, take_in
from rules.language.yaml import Entries, Items, Node, Position, YamlError, read
from rules.loading import build, cross_references, merge_rule_files
from rules.loading.merge_rule_files import AcceptedFile, Chosen, RefusedFile
from rules.loading.source import Beside, BesideError, RulesText, nothing_beside
from rules.loading.team_file import TeamDraft, draft
from rules.model.configuration import (
    POSTS_PER_MINUTE,
    SLACK_API_URL,
    SLASH_COMMAND,
    Auth,
    Basic,
    Bearer,
    Configuration,
    Hmac,
    PreviewSettings,
    ServerSettings,
    SlackSettings,
    SourceSettings,
    StorageSettings,
    UrlToken,
)

__all__ = [
    "AcceptedFile",
    "Beside",
    "BesideError",
    "Loaded",
    "RefusedFile",
    "RuleError",
    "RulesText",
    "Whereabouts",
    "load",
    "nothing_beside",
    "rules_files",
    "whereabouts",
]


_LISTEN = Listen(ServerSettings().host, ServerSettings().port)


class Loaded(msgspec.Struct, frozen=True):
    """What came of some texts. A configuration, unless the main file has errors; warnings keep nothing from being
    loaded, and a refused file keeps nothing but itself."""

    configuration: Configuration | None
    errors: tuple[RuleError, ...]
    warnings: tuple[RuleError, ...]
    accepted: tuple[AcceptedFile, ...] = ()
    refused: tuple[RefusedFile, ...] = ()
    nodes: tuple[tuple[str, Node], ...] = ()
    """Each text in force as YAML, by its name; only beside a configuration."""
    document: Fields | None = None
    """All that is in force, as one document; only beside a configuration."""
    references: tuple[Reference, ...] = ()
    """Every name that something in it is reached by."""
    files: tuple[str, ...] = ()
    """Names of the texts, the main file's first: the order in which mistakes are listed."""

    def with_warnings(self, found: Iterable[RuleError]) -> "Loaded":
        return msgspec.structs.replace(self, warnings=_sorted([*self.warnings, *found], self.files))

    @property
    def all_errors(self) -> tuple[RuleError, ...]:
        """The main file's and those of refused files."""
        return self.errors + tuple(error for file in self.refused for error in file.errors)


def rules_files(text: str) -> tuple[tuple[str, Position], ...]:
    """The paths and patterns of teams' files that a main file names, and where; nothing when it cannot be read."""
    if "rules_files" not in text:
        return ()
    try:
        node, _ = read(text)
    except YamlError:
        return ()
    entry = node.entries.get("rules_files") if isinstance(node, Entries) else None
    said = () if entry is None else entry.node.items if isinstance(entry.node, Items) else (entry.node,)
    texts = ((text_of(one), one.mark) for one in said)
    return tuple((found, mark) for found, mark in texts if found and "\0" not in found)


def listens_at(text: str) -> Listen:
    """Where a main file says that the router listens, whatever else stands in it. Raises YamlError."""
    node, _ = read(text)
    for key in ("server", "listen"):
        entry = node.entries.get(key) if isinstance(node, Entries) else None
        if entry is None:
            return _LISTEN
        node = entry.node
    return ListenAddress().read(node, Place(Report(""))) or _LISTEN


def load(
    files: Sequence[RulesText],
    *,
    adapters: Mapping[str, Adapter],
    template_fault: Examine = accept_all,
    beside: Beside = nothing_beside,
    last: Mapping[str, str] | None = None,
) -> Loaded:
    """The main file first, then those of teams. Never raises, whatever the texts are; all mistakes are listed at once,
    in the order of the lines.

    `template_fault` says why whoever renders templates would refuse one. `beside` reads the files that a configuration
    names. `last` has the last accepted text of each team's file, by its key: it stays in force where the file is refused.
    """
    if not files:
        return Loaded(None, (RuleError("", 1, 1, "", "no file", "the main file"),), ())
    main, *others = files
    report = Report(main.name, text_beside=partial(beside, main.name))
    place = Place(report)
    try:
        node, mistakes = read(main.text)
    except YamlError as error:
        place.error(error.mark, error.message, expected=error.expected, hint=error.hint)
        return Loaded(None, tuple(report.errors), ())
    for mistake in mistakes:
        place.error(mistake.mark, mistake.message, expected=mistake.expected, hint=mistake.hint)
    if isinstance(node, Entries) and "team" in node.entries and not {"sources", "slack"} & node.entries.keys():
        place.error(
            node, "this is a team's file", expected=f"the main file; or alert-router check {main.name} --with MAIN.yaml"
        )
        return Loaded(None, _sorted(report.errors, [main.name]), ())
    fields = document(adapters).read(node, place)
    if fields is None:
        return Loaded(None, _sorted(report.errors, [main.name]), ())
    is_alone = not others and "rules_files" not in fields
    _listener(fields)
    take_in(fields.get("routing"), template_fault)
    sources = _sources(fields, adapters)

    def read_team(file: RulesText) -> TeamDraft:
        return draft(file, fields, partial(take_in, examine=template_fault), partial(beside, file.name))

    chosen = merge_rule_files.choose(others, last or {}, fields, read_team)
    cross_references.check(fields, report, of_teams=merge_rule_files.full_names(chosen), is_alone=is_alone)
    warnings = _sorted(report.warnings, [main.name])
    if report.errors:
        return Loaded(None, _sorted(report.errors, [main.name]), warnings, chosen.accepted, chosen.refused)
    whole = merge_rule_files.merged(fields, chosen.drafts)
    reports = [report, *(found.report for found in chosen.drafts)]
    configuration = _configuration(whole, sources, chosen)
    found = [warning for one in reports for warning in one.warnings]
    references = tuple(reference for one in reports for reference in one.references)
    found += merge_rule_files.dangling(whole, reports, chosen.refused)
    found += merge_rule_files.other_zones(fields, chosen.drafts)
    nodes = (
        (main.name, node),
        *((one.source.name, one.fields.node) for one in chosen.drafts if one.fields is not None),
    )
    names = tuple(file.name for file in files)
    return Loaded(
        configuration, (), _sorted(found, names), chosen.accepted, chosen.refused, nodes, whole, references, names
    )


class Whereabouts(msgspec.Struct, frozen=True):
    """Where the router of a configuration is, and its way to Slack."""

    server: ServerSettings
    storage: StorageSettings
    slack: PreviewSettings | SlackSettings | None
    """None: the file does not say."""


def whereabouts(text: str, adapters: Mapping[str, Adapter]) -> Whereabouts | None:
    """As far as a text says it that may have mistakes; None where it is no YAML."""
    try:
        node, _ = read(text)
    except YamlError:
        return None
    fields = document(adapters).read(node, Place(Report("")))
    if fields is None:
        return None
    server, slack, storage = _server(fields), fields.get("slack"), fields.get("storage")
    if isinstance(slack, Fields) and slack.get("token") is None and slack.get("preview") is None:
        slack = None
    tokens = {level: found for level, found in server.tokens.items() if found}
    return Whereabouts(
        server=msgspec.structs.replace(server, tokens=tokens),
        storage=StorageSettings() if storage is None else StorageSettings(storage.get("path", StorageSettings().path)),
        slack=PreviewSettings() if slack == "preview" else None if slack is None else _slack(slack),
    )


def _sorted(found: list[RuleError], files: Sequence[str]) -> tuple[RuleError, ...]:
    """File by file, each in the order of its lines; last the files that these name."""
    # An alias is read once for each use, but its mistakes are one.
    unique = dict.fromkeys(found)
    order = {name: number for number, name in enumerate(files)}
    return tuple(
        sorted(unique, key=lambda error: (order.get(error.file, len(order)), error.file, error.line, error.column))
    )


def _configuration(fields: Fields, sources: Mapping[str, SourceSettings], chosen: Chosen) -> Configuration:
    slack = fields.get("slack")
    storage = fields.get("storage")
    teams = tuple(found.as_team() for found in chosen.drafts)
    return Configuration(
        name=fields.get("name", "alert-router"),
        timezone=fields.get("timezone", "UTC"),
        server=_server(fields),
        storage=StorageSettings() if storage is None else StorageSettings(storage.get("path")),
        slack=PreviewSettings() if slack == "preview" else _slack(slack),
        sources=sources,
        rules=build.ruleset(
            fields,
            heartbeat_keys.awaited(fields, sources),
            {team.name: [person.name for person in team.contact.people] for team in teams},
        ),
        teams=teams,
        rules_files=fields.get("rules_files", ()),
        webhooks=webhook_keys.webhooks(fields),
        outward=heartbeat_keys.outward(fields),
    )


def _server(fields: Fields) -> ServerSettings:
    server = fields.get("server")
    if server is None:
        return ServerSettings()
    listen: Listen = server.get("listen", _LISTEN)
    tokens = server.get("tokens")
    return ServerSettings(
        host=listen.host,
        port=listen.port,
        external_url=server.get("external_url", f"http://localhost:{listen.port}").rstrip("/"),
        tokens={} if tokens is None else tokens.values,
        trusted_proxies=server.get("trusted_proxies", ()),
    )


def _slack(fields: Fields) -> PreviewSettings | SlackSettings:
    preview = fields.get("preview")
    if preview is not None:
        return PreviewSettings(off_loopback=preview.get("off_loopback", default=False))
    client = fields.get("client")
    return SlackSettings(
        token=fields.get("token"),
        signing_secret=fields.get("signing_secret", ()),
        app_token=fields.get("app_token", ()),
        command=fields.get("command", (SLASH_COMMAND,)),
        client_id="" if client is None else client.get("id", ""),
        client_secret=() if client is None else client.get("secret", ()),
        reactions=fields.get("reactions", {}),
        fallback_channel=fields.get("fallback_channel", ""),
        api_url=fields.get("api_url", SLACK_API_URL).rstrip("/") + "/",
        posts_per_minute=fields.get("posts_per_minute", POSTS_PER_MINUTE),
        posts_again=fields.get("without_history", "post_again") == "post_again",
        fallback=webhook_keys.fallback(fields),
    )


def _listener(fields: Fields) -> None:
    """What others can reach must say whom it believes."""
    server = fields.get("server")
    listen: Listen | None = None if server is None else server.get("listen")
    if listen is None or ServerSettings(listen.host, listen.port).is_loopback:
        return
    for name, source in fields.get("sources", {}).items():
        if source is not None and "auth" not in source:
            source.place.error(
                source.node,
                f"{name} says nothing about auth, and {listen.host}:{listen.port} can be reached by others",
                expected="auth: {bearer: {env: NAME}} or another form; auth: none to take alerts from anyone",
            )
    slack = fields.get("slack")
    allowed = isinstance(slack, Fields) and (
        "token" in slack or slack.get("preview") is None or slack.get("preview").get("off_loopback")
    )
    if slack is not None and not allowed:
        fields.error(
            "slack",
            f"the preview shows every message to whoever reaches {listen.host}:{listen.port}",
            expected="server: {listen: 127.0.0.1:9080}, or slack: {preview: {off_loopback: true}} to allow it",
        )


def _sources(fields: Fields, adapters: Mapping[str, Adapter]) -> dict[str, SourceSettings]:
    entries = {name: entry for name, entry in fields.get("sources", {}).items() if entry is not None}
    found = {}
    family = [name for name, entry in entries.items() if _adapter(entry, adapters).is_prometheus_family]
    bare = [name for name in entries if entries[name].get("alertmanager_api")]
    for name in bare:
        if name not in family:
            entries[name].error("alertmanager_api", f"{name} is no prometheus source", expected="adapter: prometheus")
        elif name != bare[0]:
            entries[name].error(
                "alertmanager_api", f"{bare[0]} has it already", expected="one source that answers /api/v2/alerts"
            )
    if not bare and len(family) == 1 and "alertmanager_api" not in entries[family[0]]:
        bare = family
    for name, entry in entries.items():
        adapter = _adapter(entry, adapters)
        options = SourceOptions(
            name=name,
            labels={label: value for label, value in entry.get("labels", {}).items() if value},
            severity_map={word: Severity(level) for word, level in entry.get("severity_map", {}).items() if level},
            status_map={word: status for word, status in entry.get("status_map", {}).items() if status},
            map=entry.get("map", {}),
            items=entry.get("items", ""),
            resolve_after=entry.get("resolve_after"),
        )
        _opened(entry, adapter, options)
        heartbeat_keys.refuse_own_name(name, entry)
        found[name] = SourceSettings(
            name=name,
            adapter=adapter.name,
            options=options,
            auth=_auth(entry.get("auth")),
            auth_said="auth" in entry,
            allow=entry.get("allow", ()),
            namespace=entry.get("namespace", "prometheus" if adapter.is_prometheus_family else name),
            alertmanager_api=name in bare,
            heartbeat=heartbeat_keys.of_source(name, entry, fields.get("timezone", "UTC")),
            silence=heartbeat_keys.silence(entry, is_prometheus_family=adapter.is_prometheus_family),
        )
    return found


def _adapter(entry: Fields, adapters: Mapping[str, Adapter]) -> Adapter:
    return adapters.get(entry.get("adapter", ""), _NO_ADAPTER)


_NO_ADAPTER = Adapter(name="", open=lambda _: lambda _: (), docs="")
"""Stands in where the adapter's name is refused, so that the source's other mistakes are found too."""


def _opened(entry: Fields, adapter: Adapter, options: SourceOptions) -> None:
    """Lets the adapter say what is wrong with the source's options, and refuses those it would ignore."""
    if adapter is not _NO_ADAPTER:
        for key in ("map", "items"):
            if key in entry and adapter.mapped is None:
                entry.error(key, f"{adapter.name} takes no {key}", expected=f"adapter: generic, or no {key}")
        if "status_map" in entry and adapter.is_prometheus_family:
            entry.error("status_map", f"{adapter.name} says itself what has ended", expected="no status_map")
    if any(entry.values[key] is None for key in entry.values):
        return
    try:
        adapter.open(options)
    except OptionsError as error:
        mark = _mark(entry, error.path)
        place = entry.place
        for key in error.path:
            place = place.key(key)
        place.error(mark, error.message)


def _mark(entry: Fields, path: Sequence[str]) -> Position:
    """The deepest place of a path that the file has."""
    node: Any = entry.node
    for key in path:
        if isinstance(node, Entries) and key in node.entries:
            node = node.entries[key].node
    mark: Position = node.mark
    return mark


def _auth(said: Any) -> tuple[Auth, ...]:
    if not isinstance(said, Fields):
        return ()
    found: list[Auth] = []
    if (tokens := said.get("bearer")) is not None:
        found.append(Bearer(tokens))
    if (basic := said.get("basic")) is not None:
        found.append(Basic(basic.get("username", ""), basic.get("password", ())))
    if (hmac := said.get("hmac")) is not None:
        found.append(Hmac(hmac.get("header", ""), hmac.get("algorithm", "sha256"), hmac.get("secret", ())))
    if (tokens := said.get("url_token")) is not None:
        found.append(UrlToken(tokens))
    return tuple(found)
