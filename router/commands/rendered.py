"""Alerts as the messages that a configuration makes of them: what `render` prints. Tells nobody anything."""

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from adapters.alert import Alert, Status, worst
from router.core.compose import COMPARED, compose
from router.core.member import Document, Member
from router.core.render.direct import page_message
from router.core.render.message import incident_message
from router.core.templates.template import words_of
from router.core.view import EndKind, IncidentView, PageView, Rendered, State
from rules.advice.explain import destinations
from rules.model.catalog import page_for
from rules.model.configuration import Configuration
from rules.model.escalation import OnCall, begin
from rules.model.escalation_rounds import Call, calls
from rules.model.route import Page, visible_labels
from rules.model.ruleset import Owner, RuleSet

_TOKEN = re.compile(r"<([^|<>]+)\|([^<>]*)>")


class Told(msgspec.Struct, frozen=True):
    """What one group of the alerts would be told as: the channels' message, and that of whoever would be paged."""

    route: str
    channels: tuple[str, ...]
    message: Rendered
    paged: tuple[str, ...]
    direct: Rendered | None
    template_faults: tuple[str, ...]


def rendered(
    loaded: Configuration, name: str, alerts: Sequence[Alert], route_id: str | None, now: datetime
) -> list[Told]:
    """One message for each group that alerts of this source fall into; all into `route_id`, if there is one."""
    groups = _groups(loaded, name, alerts, route_id)
    return [_told(loaded, name, owner, members, now) for owner, members in groups.items()]


def _groups(
    loaded: Configuration, name: str, alerts: Sequence[Alert], route_id: str | None
) -> dict[Owner, list[Alert]]:
    """Alerts by the group that they would fall into."""
    groups: dict[Owner, list[Alert]] = {}
    for alert in alerts:
        owners = loaded.rules.decide(visible_labels(alert, name)).owners
        if route_id is not None:
            owners = (msgspec.structs.replace(owners[0], route_id=route_id),)
        for owner in owners:
            groups.setdefault(owner, []).append(alert)
    return groups


def _told(loaded: Configuration, name: str, owner: Owner, alerts: Sequence[Alert], now: datetime) -> Told:
    rules = loaded.rules
    settings = rules.routes[owner.route_id].settings
    firing = [alert for alert in alerts if alert.status is Status.FIRING]
    shown = sorted(firing or alerts, key=lambda alert: -alert.severity.rank)[:COMPARED]
    labels = visible_labels(shown[0], name)
    page = page_for(settings, labels, rules.catalog).page
    on_call = None if page is None else rules.on_call(page, now)
    view = compose(
        number=1,
        state=State.TRIGGERED if firing else State.RESOLVED,
        route=owner.route_id,
        group_labels=dict(owner.group_labels),
        settings=settings,
        severity=settings.severity or worst(alert.severity for alert in shown),
        members=[_member(number, name, alert, now) for number, alert in enumerate(shown)],
        firing=len(firing),
        ended=len(alerts) - len(firing),
        started_at=min(alert.starts_at or now for alert in alerts),
        ended_at=None if firing else max(alert.ends_at or now for alert in alerts),
        ended_how=None if firing else EndKind.TOLD,
        sources=(name,),
        suppressed=(),
        on_call=() if on_call is None else tuple(person.name for person in on_call.persons),
    )
    address = loaded.server.external_url
    channels, _ = destinations(rules, settings, labels)
    home = next((one.channel for one in channels if one.is_primary), "")
    return Told(
        route=owner.route_id,
        channels=tuple(one.channel for one in channels),
        message=incident_message(view, is_primary=True, home=home, external_url=address, instance=loaded.name),
        paged=view.on_call,
        direct=_direct(view, on_call, None if page is None else _following(rules, page, now), home, address),
        template_faults=words_of(view, address).faults,
    )


def _following(rules: RuleSet, page: Page, now: datetime) -> Call | None:
    """The step after the one that a page which begins now reaches somebody by."""
    policy = rules.policy_of(page)
    found = () if policy is None else (one for one in calls(policy, begin(policy, now), rules) if not one.is_missed)
    return next(itertools.islice(found, 1, 2), None)


def _direct(
    view: IncidentView, on_call: OnCall | None, following: Call | None, home: str, address: str
) -> Rendered | None:
    if on_call is None or not on_call.persons:
        return None
    next_step, next_at = ("", None) if following is None else (following.to_come, following.at)
    return page_message(view, PageView(why=on_call.why, next_step=next_step, next_at=next_at, home=home), address)


def _member(number: int, name: str, alert: Alert, now: datetime) -> Member:
    document = Document(alert.title, alert.description, alert.labels, alert.annotations, alert.url, alert.severity_raw)
    return Member(
        id=number,
        fingerprint=alert.fingerprint,
        source=name,
        name=alert.name,
        severity_rank=alert.severity.rank,
        starts_at=alert.starts_at or now,
        ends_at=alert.ends_at,
        ended_how=None,
        ttl=alert.ttl,
        document=document,
    )


def text(told: Told) -> str:
    """For a terminal; ends with a newline."""
    channels = ", ".join(told.channels) or "nobody: channel none"
    lines = [f"route {told.route}", f"told in {channels}", *_lines(told.message)]
    if told.direct is not None:
        lines += [f"paged: {', '.join(told.paged)}", *_lines(told.direct)]
    return "\n".join(lines) + "\n"


def _lines(message: Rendered) -> Iterator[str]:
    yield f"  push  {_plain(message.text)}"
    for block in message.blocks:
        yield from (f"    {line}" for line in _block(block))
    for bar in message.attachments:
        blocks: Any = bar["blocks"]
        for block in blocks:
            yield from (f"    | {line}" for line in _block(block))


def _block(block: Any) -> list[str]:
    texts = [block["text"]] if "text" in block else block.get("elements", ())
    return [line for text in texts for line in _plain(text["text"]).splitlines()]


def _plain(text: str) -> str:
    """As it reads: times in UTC, links as their label and address."""

    def read(token: re.Match[str]) -> str:
        return token[2] if token[1].startswith("!") else f"{token[2]} ({token[1]})"

    return _TOKEN.sub(read, text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def to_json(found: Sequence[Told]) -> str:
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
