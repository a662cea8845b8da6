"""An incident as a Slack message : headline, summary, and detail behind a coloured bar. Pure."""

from router.core.mrkdwn import (
    address,
    channel,
    escape,
    escaped,
    instant,
    instant_and_age,
    link,
    listed,
    rich,
    said,
    words,
)
from router.core.render.actions import action_row
from router.core.render.blocks import Block, attachment, context, fitted, section
from router.core.render.detail import alerts, labels, links
from router.core.render.headline import (
    Headline,
    closing_line,
    colour,
    emblem,
    headline,
    kind,
    on_call,
    place,
    silence_line,
    span,
    standing_line,
)
from router.core.templates.template import words_of
from router.core.view import IncidentView, Rendered, State, Suppressed

_SUMMARY = 300
_OWN_TEXT = 2_500


def incident_message(
    view: IncidentView,
    *,
    is_primary: bool,
    home: str = "",
    external_url: str = "",
    instance: str = "",
    may_act: bool = False,
) -> Rendered:
    """What a channel is told of an incident now.

    `home` is the id (or name) of the incident's first channel, linked from the others; `external_url` our own address;
    `instance` marks the headline as this router's, for whoever clicks in it.
    """
    own = words_of(view, external_url)
    line = headline(view, own)
    first = section(_first_line(view, line), block_id=f"{words(instance, 100) or 'alert-router'}/{view.number}")
    blocks = [first]
    detail: list[Block] = []
    if view.state is not State.RESOLVED:
        summary = rich(own.text, _OWN_TEXT, own.marks) if own.text else rich(view.summary, _SUMMARY)
        blocks += [section(summary)] if summary else []
        blocks += action_row(view, instance=instance, external_url=external_url) if may_act else []
        parts = (alerts(view, external_url), labels(view.common_labels), links(view.links))
        detail += [section(text) for text in parts if text]
    if not is_primary and home:
        detail.append(context(f"thread and replies in {channel(home)}"))
    detail.append(context(_why(view, external_url)))
    bar = attachment(colour(view), line.text(), detail)
    return fitted(Rendered(text=line.text(), blocks=tuple(blocks), attachments=(bar,)))


def _first_line(view: IncidentView, line: Headline) -> str:
    """Headline and, below it while the incident is open, since when, who, and what is held back."""
    if view.state is State.RESOLVED:
        return "\n".join(filter(None, (f"{emblem(view)} {line.bold()}{span(view)}", closing_line(view))))
    where = escape(place(view, line.title))
    facts = [f"since {instant_and_age(view.started_at)}"]
    if view.on_call:
        facts.append(f"on call: {escape(on_call(view))}")
    if view.ended:
        facts.append(f"{view.ended} ended")
    lines = [f"{emblem(view)} {line.bold()}" + (f" · {where}" if where else ""), " · ".join(facts)]
    lines += [stands] if (stands := standing_line(view)) else []
    lines += [unknown] if (unknown := silence_line(view)) else []
    lines += [_held(held, None if held.until is None else instant(held.until)) for held in view.suppressed[:3]]
    if rest := sum(held.count for held in view.suppressed[3:] if not held.is_known):
        lines.append(f"+{rest} held back otherwise")
    return "\n".join(lines)


def _held(held: Suppressed, until: str | None) -> str:
    by = f" ({said(held.by, 160 if held.is_silence else 80)})" if held.by else ""
    count = f"{'' if held.is_known else '+'}{held.count}"
    return f"{count} {'silenced' if held.is_silence else 'held back'}" + (f" until {until}" if until else "") + by


def _why(view: IncidentView, external_url: str) -> str:
    sources = listed((said(source, 40) for source in view.sources), 3)
    parts = [escaped(kind(view), 100), said(view.route, 120), sources]
    if address(external_url):
        parts.append(link(f"{external_url.rstrip('/')}/incidents/{view.number}", "why am I seeing this"))
    return " · ".join(part for part in parts if part) or f"#{view.number}"
