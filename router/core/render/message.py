"""An incident as a Slack message (TELLING, *The message*): headline, summary, and detail behind a coloured bar. Pure."""

from collections.abc import Iterable
from itertools import islice

from router.core.mrkdwn import address, channel, code, escape, escaped, instant, link, listed, rich, said, user, words
from router.core.render.blocks import Block, attachment, context, fitted, section
from router.core.render.headline import Headline, colour, emblem, headline, on_call, place, silence_line
from router.core.templates.template import words_of
from router.core.view import AlertLine, IncidentView, Rendered, State

_SUMMARY = 300
_OWN_TEXT = 2_500
_ALERTS = 5
_LABELS = 12
_LINKS = 2_300
_ADDRESSES = 900
"""Characters for the addresses of listed alerts: the lines take up to 2,000 more, and a block ends at 3,000."""
_UNTOLD_LABELS = ("alertname", "severity")
"""The headline says these already."""


def incident_message(
    view: IncidentView, *, is_primary: bool, home: str = "", external_url: str = "", instance: str = ""
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
        blocks += [_mentions(view)] if view.unreached and is_primary else []
        detail += [section(text) for text in (_alerts(view), _labels(view.common_labels), _links(view)) if text]
    if not is_primary and home:
        detail.append(context(f"thread and replies in {channel(home)}"))
    detail.append(context(_why(view, external_url)))
    bar = attachment(colour(view), line.text(), detail)
    return fitted(Rendered(text=line.text(), blocks=tuple(blocks), attachments=(bar,)))


def _first_line(view: IncidentView, line: Headline) -> str:
    """Headline and, below it while the incident is open, since when, who, and what is held back."""
    if view.state is State.RESOLVED:
        return f"{emblem(view)} {line.bold()}"
    where = escape(place(view))
    facts = [f"since {instant(view.started_at)}"]
    if view.on_call:
        facts.append(f"on call: {escape(on_call(view))}")
    if view.ended:
        facts.append(f"{view.ended} ended")
    lines = [f"{emblem(view)} {line.bold()}" + (f" · {where}" if where else ""), " · ".join(facts)]
    lines += [unknown] if (unknown := silence_line(view)) else []
    lines += [
        _held(held.count, held.by, None if held.until is None else instant(held.until)) for held in view.suppressed[:3]
    ]
    if len(view.suppressed) > 3:
        lines.append(f"+{sum(held.count for held in view.suppressed[3:])} held back otherwise")
    return "\n".join(lines)


def _held(count: int, by: str, until: str | None) -> str:
    return f"+{count} held back" + (f" until {until}" if until else "") + (f" ({said(by, 80)})" if by else "")


def _mentions(view: IncidentView) -> Block:
    """The only mention we make: of whom the direct message did not reach."""
    return section(f"{listed(map(user, view.unreached), 10)}: you are paged. Slack refused the direct message.")


def _alerts(view: IncidentView) -> str:
    """What sets the alerts apart, worst first; nothing when the one alert says no more than the headline."""
    shown = view.alerts[:_ALERTS]
    if len(shown) == 1 and view.firing <= 1 and not shown[0].differs:
        return ""
    lines, room = [], _ADDRESSES
    for alert in shown:
        line, linked = _alert(view, alert, is_linked=False), _alert(view, alert, is_linked=True)
        if len(linked) - len(line) <= room:
            room -= len(linked) - len(line)
            line = linked
        lines.append(line)
    more = view.firing - len(lines)
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def _alert(view: IncidentView, alert: AlertLine, *, is_linked: bool) -> str:
    title = words(alert.title, 100) or words(view.name, 100) or "(no title)"
    name = link(alert.url, title, 100) if is_linked and alert.url else escaped(title, 100)
    differs = [code(f"{label}={value}", 70) for label, value in islice(sorted(alert.differs.items()), 3)]
    is_same = title == words(view.title, 100) and bool(differs) and not (is_linked and address(alert.url))
    parts = [] if is_same else [name]
    if alert.severity is not view.severity:
        parts.insert(0, alert.severity.value.upper())
    return f"• {' '.join([*parts, *differs])} since {instant(alert.starts_at)}"


def _labels(labels: dict[str, str]) -> str:
    told = [(name, value) for name, value in sorted(labels.items()) if name not in _UNTOLD_LABELS and value]
    spans: Iterable[str] = (code(f"{name}={value}", 90) for name, value in told[:_LABELS])
    text = " ".join(spans)
    return f"{text} and {len(told) - _LABELS} more" if len(told) > _LABELS else text


def _links(view: IncidentView) -> str:
    """Our links to what the sender named, as many as there is room for. An address that is not http(s) is left out."""
    links, room = [], _LINKS
    for label, url in view.links[:10]:
        if address(url) and len(made := link(url, label or "link", 40)) <= room:
            links.append(made)
            room -= len(made) + 3
    return " · ".join(links)


def _why(view: IncidentView, external_url: str) -> str:
    sources = listed((said(source, 40) for source in view.sources), 3)
    parts = [said(view.route, 120), sources]
    if address(external_url):
        parts.append(link(f"{external_url.rstrip('/')}/incidents/{view.number}", "why am I seeing this"))
    return " · ".join(part for part in parts if part) or f"#{view.number}"
