"""What `alert-router check` says of a file: mistakes, warnings, and what will happen next. Data first, then its text."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from adapters.adapter import Adapter
from rules.advice.changes import changes
from rules.advice.copy_overlap import takers
from rules.advice.lint import linted
from rules.advice.lint_time import lint_time, over
from rules.language.schema import complaints
from rules.language.templates import Examine, accept_all
from rules.language.times import said
from rules.loading.load import Beside, Loaded, RuleError, RulesText, load, nothing_beside
from rules.model import escalation_rounds
from rules.model.configuration import Configuration, SlackSettings
from rules.model.escalation_rounds import Call, first_round
from rules.model.oncall import Override, gaps, turns
from rules.model.ruleset import RuleSet
from rules.model.window import holds, next_change, zone

HANDOVERS = 4
GAPS = 4
GAP_DAYS = 14
WINDOW_CHANGES = 5
NAMED = 20
"""Routes that are named in a line of text; JSON has them all."""
_STAMP = "%a %Y-%m-%d %H:%M %Z"


class HandOver(msgspec.Struct, frozen=True):
    """Who is on call from an instant on; person "" for nobody."""

    schedule: str
    at: datetime
    person: str
    is_override: bool
    layer: str = ""


class Gap(msgspec.Struct, frozen=True):
    """A time in which nobody is on call; no end: none is in sight."""

    schedule: str
    begins: datetime
    ends: datetime | None


class WindowChange(msgspec.Struct, frozen=True):
    """A window begins or ceases to hold."""

    window: str
    at: datetime
    holds: bool


class PageTarget(msgspec.Struct, frozen=True):
    """What a page's name turned out to be, and which routes say it."""

    target: str
    kind: str
    routes: tuple[str, ...]


class CopyTakes(msgspec.Struct, frozen=True):
    """Which routes' alerts a copy may take: those whose matchers can hold together with its own."""

    copy: str
    channels: tuple[str, ...]
    routes: tuple[str, ...]


class WebhookUse(msgspec.Struct, frozen=True):
    """A webhook, where it is, and what tells it."""

    webhook: str
    format: str
    host: str
    """"" where the address is a secret."""
    notified_by: tuple[str, ...]


class PolicyNow(msgspec.Struct, frozen=True):
    """What a policy does when a page comes now: its first round."""

    policy: str
    calls: tuple[Call, ...]
    repeat: int
    every: timedelta | None


class Checked(msgspec.Struct, frozen=True):
    """Everything found. Times are in the zone of what they belong to."""

    errors: tuple[RuleError, ...]
    warnings: tuple[RuleError, ...]
    routes: int = 0
    hand_overs: tuple[HandOver, ...] = ()
    gaps: tuple[Gap, ...] = ()
    window_changes: tuple[WindowChange, ...] = ()
    pages: tuple[PageTarget, ...] = ()
    copies: tuple[CopyTakes, ...] = ()
    policies: tuple[PolicyNow, ...] = ()
    webhooks: tuple[WebhookUse, ...] = ()
    at: datetime | None = None
    zone: str = "UTC"
    """Of what belongs to no schedule or window."""
    over: tuple[str, ...] = ()
    """What lies wholly in the past."""
    without_effect: tuple[str, ...] = ()
    """Overrides that people made at run time, of schedules or people that the files do not have."""
    is_compared: bool = False
    changes: tuple[str, ...] = ()
    """What it alters against the configuration it was compared with."""
    can_load: bool = False
    """A start or a reload takes it, without the files in `left_out`."""
    left_out: tuple[str, ...] = ()
    """Refused files of teams, which nobody asked about: their last accepted texts stay in force."""
    missing: tuple[str, ...] = ()
    """What the caller found wrong outside the files: secrets, channels, people."""

    def is_well(self, *, strict: bool = False) -> bool:
        """It can be loaded, whatever warnings there are and whichever team's file is left out; strictly: nothing at all
        is wrong with it."""
        if strict and (self.errors or self.warnings):
            return False
        return self.can_load and not self.missing


def check(
    files: Sequence[RulesText],
    *,
    adapters: Mapping[str, Adapter],
    at: datetime,
    template_fault: Examine = accept_all,
    beside: Beside = nothing_beside,
    before: Configuration | None = None,
) -> Checked:
    """Reads neither secrets nor network; never raises, whatever the texts are. `before`: what it is compared with."""
    loaded = linted(load(files, adapters=adapters, template_fault=template_fault, beside=beside), adapters)
    return checked(loaded, at, before, asked=[file.name for file in files])


def checked(
    loaded: Loaded,
    at: datetime,
    before: Configuration | None = None,
    *,
    asked: Collection[str] = (),
    overrides: Mapping[str, tuple[Override, ...]] = MappingProxyType({}),
    without_effect: Iterable[str] = (),
) -> Checked:
    """The same of what was loaded already. `asked`: the files that somebody named. That a team's file which is only found
    by a pattern is refused keeps nobody from a start; one that was named is what the question was. `overrides`: what
    people said at run time, by schedule; `without_effect`: of them, in words, those that name what the files do not have."""
    refused = [file.source.name for file in loaded.refused]
    if loaded.configuration is None or any(name in asked for name in refused):
        return Checked(loaded.all_errors, loaded.warnings)
    # The reader and the schema say the same thing twice; where they differ, one of them is wrong and a person must know.
    differing = tuple(
        RuleError(name, 1, 1, path, f"the schema for editors refuses what is right: {message}")
        for name, node in loaded.nodes
        for path, message in complaints(node)
    )
    rules = loaded.configuration.rules
    in_force = rules.with_overrides(overrides)
    now = tuple(lint_time(rules, loaded.nodes, at))
    return Checked(
        errors=loaded.all_errors,
        warnings=loaded.warnings + now + differing,
        can_load=True,
        left_out=tuple(refused),
        routes=len(rules.routes),
        hand_overs=_hand_overs(in_force, at),
        gaps=_gaps(in_force, at),
        window_changes=_window_changes(rules, at),
        pages=_pages(rules),
        copies=tuple(
            CopyTakes(copy.name, tuple(map(str, copy.channels)), tuple(route.id for route in routes))
            for copy, routes in takers(rules)
        ),
        policies=tuple(
            PolicyNow(name, first_round(policy, in_force, at), policy.repeat, policy.every)
            for name, policy in rules.policies.items()
        ),
        webhooks=_webhooks(loaded.configuration),
        at=at,
        zone=rules.zone_name,
        over=tuple(over(rules, at)),
        without_effect=tuple(without_effect),
        changes=() if before is None else tuple(changes(before, loaded.configuration, at)),
        is_compared=before is not None,
    )


def render_text(checked: Checked, *, strict: bool = False) -> str:
    """For a terminal; ends with a newline."""
    lines = [f"error: {error}" for error in (*checked.errors, *checked.missing)]
    lines += [f"warning: {warning}" for warning in checked.warnings]
    if checked.pages:
        lines += ["", "Whom pages reach"]
        lines += [f"  {page.target} is a {page.kind}: {', '.join(page.routes)}" for page in checked.pages]
    if checked.copies:
        lines += ["", "What copies take"]
        lines += [f"  {one.copy} shows in {', '.join(one.channels)}: {_routes(one.routes)}" for one in checked.copies]
    if checked.webhooks:
        lines += ["", "What tells webhooks"]
        lines += [
            f"  {one.webhook} ({one.format}, {one.host or 'its address is a secret'}): {', '.join(one.notified_by) or 'nothing'}"
            for one in checked.webhooks
        ]
    lines += _policies(checked)
    if checked.hand_overs:
        lines += ["", f"Next hand-overs ({HANDOVERS} of each schedule)"]
        for turn in checked.hand_overs:
            note = " (override)" if turn.is_override else f" ({turn.layer})" if turn.layer else ""
            lines.append(f"  {turn.schedule}: {turn.at:{_STAMP}} {turn.person or 'nobody'}{note}")
    if checked.gaps:
        lines += ["", f"Nobody is on call (within {GAP_DAYS} days, {GAPS} of each schedule)"]
        for gap in checked.gaps:
            until = "with no end in sight" if gap.ends is None else f"until {gap.ends:{_STAMP}}"
            lines.append(f"  {gap.schedule}: {gap.begins:{_STAMP}} {until}")
    if checked.window_changes:
        lines += ["", f"Next changes ({WINDOW_CHANGES} of each window)"]
        lines += [
            f"  {change.window}: {change.at:{_STAMP}} {'begins' if change.holds else 'ends'}"
            for change in checked.window_changes
        ]
    if checked.over:
        lines += ["", "Over, and can be taken out", *(f"  {one}" for one in checked.over)]
    if checked.without_effect:
        lines += ["", "Made by people, and not of these rules", *(f"  {one}" for one in checked.without_effect)]
    if checked.is_compared:
        lines += ["", "What it changes", *(f"  {line}" for line in checked.changes or ("nothing",))]
    errors, warnings = len(checked.errors) + len(checked.missing), len(checked.warnings)
    verdict = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    if not errors and checked.is_well(strict=strict):
        verdict = f"Well: {_count(checked.routes, 'route')}, {_count(warnings, 'warning')}."
    elif checked.is_well(strict=strict):
        verdict += f". It can be loaded without {', '.join(checked.left_out)}: where there is one, its last accepted text stays in force."
    return "\n".join([*lines, *([""] if lines else []), verdict]) + "\n"


def _policies(checked: Checked) -> Iterator[str]:
    if checked.policies and checked.at is not None:
        yield from ("", "If a page came now and nobody acknowledged it")
        for one in checked.policies:
            yield f"  {one.policy}"
            yield from (f"    {line}" for line in escalation_rounds.lines(one.calls, checked.at, checked.zone))
            if all(call.is_missed for call in one.calls):
                yield "    nobody is reached"
            if one.every is not None and one.repeat:
                yield f"    and {_count(one.repeat, 'further round')}, one every {said(one.every)}"


def to_json(checked: Checked) -> str:
    """For CI; ends with a newline."""
    found: dict[str, Any] = {"ok": not checked.errors and not checked.missing, **msgspec.to_builtins(checked)}
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"


def _routes(routes: Sequence[str]) -> str:
    named = ", ".join(routes[:NAMED])
    return (
        f"alerts of {named}{f' and {len(routes) - NAMED:,} more' if len(routes) > NAMED else ''}"
        if routes
        else "nothing"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"


def _webhooks(configuration: Configuration) -> tuple[WebhookUse, ...]:
    rules, slack = configuration.rules, configuration.slack
    notified_by: dict[str, list[str]] = {}
    for name, policy in rules.policies.items():
        for webhook in dict.fromkeys(step.webhook for step in policy.steps if step.webhook):
            notified_by.setdefault(webhook, []).append(f"policy {name}")
    for route in rules.routes.values():
        for webhook in dict.fromkeys(route.settings.also_webhooks):
            notified_by.setdefault(webhook, []).append(f"route {route.id}")
    if isinstance(slack, SlackSettings) and slack.fallback is not None:
        notified_by.setdefault(slack.fallback.webhook, []).append("Slack's fallback")
    return tuple(
        WebhookUse(name, one.format.value, urlsplit(one.url).hostname or "", tuple(notified_by.get(name, ())))
        for name, one in configuration.webhooks.items()
    )


def _hand_overs(rules: RuleSet, at: datetime) -> tuple[HandOver, ...]:
    return tuple(
        HandOver(name, when.astimezone(zone(schedule.zone)), turn.person, turn.is_override, turn.layer)
        for name, schedule in rules.schedules.items()
        for when, turn in itertools.islice(turns(schedule, at), HANDOVERS)
    )


def _gaps(rules: RuleSet, at: datetime) -> tuple[Gap, ...]:
    found = []
    for name, schedule in rules.schedules.items():
        where = zone(schedule.zone)
        for begins, ends in itertools.islice(gaps(schedule, at, at + timedelta(days=GAP_DAYS)), GAPS):
            found.append(Gap(name, begins.astimezone(where), None if ends is None else ends.astimezone(where)))
    return tuple(found)


def _window_changes(rules: RuleSet, at: datetime) -> tuple[WindowChange, ...]:
    found = []
    for name, named in rules.windows.items():
        where = zone(named.window.any_of[0].zone)
        change = next_change((named.window,), at)
        for _ in range(WINDOW_CHANGES):
            if change is None:
                break
            found.append(WindowChange(name, change.astimezone(where), holds(named.window, change)))
            change = next_change((named.window,), change)
    return tuple(found)


def _pages(rules: RuleSet) -> tuple[PageTarget, ...]:
    said: dict[tuple[str, str], list[str]] = {}
    for route in rules.routes.values():
        for page in {(page.target, page.kind): page for page in rules.pages_of(route.settings)}.values():
            said.setdefault((page.target, page.kind.value), []).append(route.id)
    return tuple(PageTarget(target, kind, tuple(routes)) for (target, kind), routes in said.items())
