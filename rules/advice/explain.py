"""What `alert-router route` says of a label set: the way through the tree, each setting and who said it, who is paged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from adapters.alert import Severity
from rules.language.routing_keys import SETTINGS
from rules.language.times import said
from rules.model import escalation_rounds
from rules.model.catalog import Miss, channels_for, further_channels, page_for
from rules.model.escalation import OnCall
from rules.model.escalation_rounds import Call
from rules.model.heartbeat import HeartbeatKey
from rules.model.matcher import written
from rules.model.route import COMPUTED, DEFAULT_GROUP_WAIT, Page, PageFrom, PageKind, Route, RouteSettings
from rules.model.ruleset import Owner, RuleSet, said_at
from rules.model.suppression import Suppression, page_suppression, window_suppression
from rules.model.webhook import ToWebhook


class ExplainedStep(msgspec.Struct, frozen=True):
    """One node on the way from the root."""

    route_id: str
    match: str
    file: str
    line: int


class Setting(msgspec.Struct, frozen=True):
    """One setting in force, as it would be written, and the route that said it; line 0: the default."""

    key: str
    value: str
    route_id: str
    line: int


class Destination(msgspec.Struct, frozen=True):
    """A channel that would show the incident, and how the rules came to it; why "": the route names it."""

    channel: str
    why: str = ""
    is_primary: bool = False


class Taken(msgspec.Struct, frozen=True):
    """What becomes of an alert at one owner."""

    route_id: str
    path: tuple[ExplainedStep, ...]
    group_labels: tuple[tuple[str, str], ...]
    settings: tuple[Setting, ...]
    shown: tuple[Destination, ...]
    not_found: tuple[str, ...]
    """Look-ups that found nothing: the inherited value stands."""
    page: Page | None
    page_why: str
    held: tuple[Suppression, ...]
    page_held: Suppression | None
    on_call: OnCall | None
    calls: tuple[Call, ...] = ()
    """Every step of every round of the policy, from when the page is due, if nobody acknowledges."""


class Explanation(msgspec.Struct, frozen=True):
    """What the rules do with a label set at an instant."""

    labels: dict[str, str]
    at: datetime
    owners: tuple[Taken, ...]
    inhibited_by: tuple[str, ...]
    """Rules that hold it back while another alert fires."""
    inhibits: tuple[str, ...]
    signs: tuple[str, ...] = ()
    """What it is a sign of life of. A source's own heartbeat has no owner."""


def explain_route(rules: RuleSet, labels: Mapping[str, str], at: datetime) -> Explanation:
    """Labels as somebody types them: the computed names may be among them, and are made up where they are not."""
    seen = completed(labels)
    decision = rules.decide(seen)
    return Explanation(
        labels=seen,
        at=at,
        owners=tuple(_taken(rules, owner, seen, at) for owner in decision.owners),
        inhibited_by=tuple(key.rule for key in decision.inhibited_by),
        inhibits=tuple(key.rule for key in decision.inhibits),
        signs=tuple(_sign(sign) for sign in decision.signs),
    )


def _sign(sign: HeartbeatKey) -> str:
    if sign.is_of_source:
        return f"source {sign.source}, which is told nobody"
    values = ", ".join(f"{name}={value}" for name, value in sign.labels)
    return sign.name + (f" ({values})" if values else "")


def completed(labels: Mapping[str, str]) -> dict[str, str]:
    """With the four computed names, from what an alert of these labels would most likely have."""
    name = labels.get("alert.name") or labels.get("alertname", "")
    severity = labels.get("severity", "")
    known = severity if severity in set(Severity) else Severity.MEDIUM.value
    made_up = {"alert.name": name, "alert.severity": known, "alert.source": "", "alert.title": name}
    found = {**made_up, **labels}
    return {key: value for key, value in found.items() if value or key in COMPUTED}


def render_text(explanation: Explanation, zone_name: str) -> str:
    """For a terminal; ends with a newline."""
    lines: list[str] = []
    for taken in explanation.owners:
        if lines:
            lines.append("")
        lines.append(f"route {taken.route_id}")
        lines += [f"  {step.file}:{step.line}  {step.route_id}  {step.match}" for step in taken.path]
        group = ", ".join(f"{name}={value}" for name, value in taken.group_labels)
        lines.append(f"  group: {group or 'one for all'}")
        width = max(len(setting.key) for setting in taken.settings)
        lines += [f"  {setting.key:{width}}  {setting.value}  ({_origin(setting)})" for setting in taken.settings]
        lines += _shown(taken)
        lines += [f"  held back: {_suppression(one, explanation.at, zone_name)}" for one in taken.held]
        lines.append(_paged(taken, explanation.at, zone_name))
        if len(taken.calls) > 1:
            lines += [f"    {line}" for line in escalation_rounds.lines(taken.calls, explanation.at, zone_name)]
    lines += [f"held back while another alert matches: {name}" for name in explanation.inhibited_by]
    lines += [f"while it fires it holds back others: {name}" for name in explanation.inhibits]
    lines += [f"a sign of life of {sign}" for sign in explanation.signs]
    return "\n".join(lines) + "\n"


def to_json(explanation: Explanation) -> str:
    """For scripts; ends with a newline."""
    return msgspec.json.format(msgspec.json.encode(explanation), indent=2).decode() + "\n"


def _taken(rules: RuleSet, owner: Owner, labels: Mapping[str, str], at: datetime) -> Taken:
    route = rules.routes[owner.route_id]
    settings = route.settings
    shown, misses = destinations(rules, settings, labels)
    paged = page_for(settings, labels, rules.catalog)
    suppressions = (window_suppression(settings, at), rules.maintenance_suppression(labels, at))
    page_held = None if paged.page is None else page_suppression(paged.page, at)
    return Taken(
        route_id=route.id,
        path=tuple(
            ExplainedStep(node.id, written(node.match) if node.match else "all", node.file, node.line)
            for node in rules.path(route)
        ),
        group_labels=owner.group_labels,
        settings=_settings(route),
        shown=shown,
        not_found=tuple(dict.fromkeys(miss.why for miss in (*misses, *paged.misses))),
        page=paged.page,
        page_why=paged.why,
        held=tuple(one for one in suppressions if one is not None),
        page_held=page_held,
        on_call=None if paged.page is None else rules.on_call(paged.page, at + rules.first_after(paged.page)),
        calls=_calls(rules, paged.page, at if page_held is None else page_held.until),
    )


def _calls(rules: RuleSet, page: Page | None, at: datetime | None) -> tuple[Call, ...]:
    if page is None or page.kind is not PageKind.POLICY or at is None:
        return ()
    return escalation_rounds.rounds(rules.policies[page.target], rules, at)


def destinations(
    rules: RuleSet, settings: RouteSettings, labels: Mapping[str, str]
) -> tuple[tuple[Destination, ...], list[Miss]]:
    """Where an incident would be shown that this alert alone opens: each channel once."""
    own = channels_for(settings, labels, rules.catalog)
    also = further_channels(settings.also, labels, rules.catalog)
    found = [Destination(one.channel, one.why, is_primary=place == 0) for place, one in enumerate(own.shown)]
    found += [Destination(one.channel, _joined("also", one.why)) for one in also.shown]
    misses = [*own.misses, *also.misses]
    for copy in rules.copies.of(labels):
        shown = further_channels(copy.channels, labels, rules.catalog)
        found += [Destination(one.channel, _joined(f"copy {copy.name}", one.why)) for one in shown.shown]
        misses += shown.misses
    once: dict[str, Destination] = {}
    for one in found:
        once.setdefault(one.channel, one)
    return tuple(once.values()), misses


def _joined(first: str, second: str) -> str:
    return f"{first}, {second}" if second else first


def _settings(route: Route) -> tuple[Setting, ...]:
    found = []
    for key in SETTINGS:
        said_by = route.said.get(key)
        value = written_setting(route.settings, key)
        found.append(Setting(key, value, said_by.route_id if said_by else "", said_by.line if said_by else 0))
    return tuple(found)


def written_setting(settings: RouteSettings, key: str) -> str:
    """As it would be written in the file."""
    value: Any = settings.channels if key == "channel" else getattr(settings, key)
    match key:
        case "channel":
            return ", ".join(map(str, value)) or "none"
        case "also":
            webhooks = [str(ToWebhook(name)) for name in settings.also_webhooks]
            return ", ".join([*map(str, value), *webhooks]) or "none"
        case "group_by":
            return "all labels" if value is None else f"[{', '.join(value)}]"
        case "group_wait" if value is None:
            return f"{said(DEFAULT_GROUP_WAIT)}, 0s when critical"
        case (
            "group_wait"
            | "group_interval"
            | "repeat_interval"
            | "reopen_within"
            | "acknowledge_within"
            | "reopen_closed_after"
        ):
            return "none" if value is None else said(value)
        case "quiet" | "only":
            return f"[{', '.join(named.name for named in value)}]" if value else "none"
        case "page":
            pages = [f"{{from: {form.label}{_windows(form)}}}" for form in settings.page_from]
            pages += [f"{value.target} (a {value.kind.value}{_windows(value)})"] if value is not None else []
            return ", else ".join(pages) or "none"
        case "sla" if value is not None:
            return ", ".join(f"{key} {said(span)}" for key, span in msgspec.structs.asdict(value).items() if span)
        case "template" if value is not None:
            return " / ".join(part for part in (value.title, value.text) if part)
        case "tell":
            return ", ".join(f"{key} {how_loud}" for key, how_loud in msgspec.structs.asdict(value).items())
        case "actions":
            return ", ".join(f"{act} {role.value}" for act, role in value) or "none"
        case "private":
            return "false" if value is None else str(value)
        case _:
            return "none" if value is None else str(value)


def _windows(page: Page | PageFrom) -> str:
    parts = (("only", page.only or ()), ("quiet", page.quiet or ()))
    return "".join(f", {word} {named.name}" for word, part in parts for named in part)


def _origin(setting: Setting) -> str:
    return f"{setting.route_id}, line {setting.line}" if setting.line else "default"


def _shown(taken: Taken) -> list[str]:
    """Nothing where the route's own word for `channel` says it all."""
    if not taken.not_found and not any(one.why for one in taken.shown):
        return []
    lines = [f"  not found: {why}: what is inherited stands" for why in taken.not_found]
    for one in taken.shown:
        mark = " (home)" if one.is_primary else ""
        lines.append(f"  shown in {one.channel}{mark}" + (f": {one.why}" if one.why else ""))
    return lines if taken.shown else [*lines, "  shown in no channel"]


def _suppression(one: Suppression, at: datetime, zone_name: str) -> str:
    until = "" if one.until is None else f" until {said_at(one.until, at, zone_name)}"
    return f"{one.kind.value} {one.name}{until}" + (f" ({one.reason})" if one.reason else "")


def _waits(taken: Taken, at: datetime) -> bool:
    """Whether the first step itself has a time to wait."""
    return taken.page_held is None and bool(taken.calls) and taken.calls[0].at > at


def _paged(taken: Taken, at: datetime, zone_name: str) -> str:
    on_call = taken.on_call
    if on_call is None:
        return "  pages nobody: no page"
    who = ", ".join(on_call.names) or "nobody"
    text = f"  pages {who}: {on_call.why}"
    text += f" ({taken.page_why})" if taken.page_why else ""
    text += f"; not before {said_at(taken.calls[0].at, at, zone_name)}" if _waits(taken, at) else ""
    return text if taken.page_held is None else f"{text}; waits: {_suppression(taken.page_held, at, zone_name)}"
