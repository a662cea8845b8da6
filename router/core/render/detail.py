"""What stands below the headline: the alerts of an incident, their labels, and links. Pure; each part fits a section."""

from collections.abc import Iterable
from itertools import islice

from router.core.mrkdwn import address, code, escaped, instant, link, words
from router.core.view import AlertLine, IncidentView
from rules.model.route import DECLARATION

_ALERTS = 5
_LABELS = 12
_LINKS = 2_300
_ADDRESSES = 900
"""Characters for the addresses of listed alerts: the lines take up to 1,800 more, and a block ends at 3,000."""
_UNTOLD_LABELS = ("alertname", "severity", DECLARATION)
"""The headline says these already; what tells one declaration from another is nobody's to read."""


def alerts(view: IncidentView, external_url: str = "", most: int = _ALERTS) -> str:
    """What sets the alerts apart, the worst first; nothing when the one alert says no more than the headline."""
    shown = view.alerts[:most]
    if len(shown) == 1 and view.firing <= 1 and not shown[0].differs:
        return ""
    begins = {alert.starts_at for alert in shown}
    lines, room = [], _ADDRESSES
    for alert in shown:
        since = "" if len(begins) == 1 and len(shown) > 1 else f" since {instant(alert.starts_at)}"
        line, linked = _alert(view, alert, is_linked=False), _alert(view, alert, is_linked=True)
        if len(linked) - len(line) <= room:
            room -= len(linked) - len(line)
            line = linked
        lines.append(f"• {line}{since}")
    if view.firing > max(len(lines), 1):
        lines.append(_rest(view, external_url, view.firing - len(lines)))
    return "\n".join([*([heaps] if (heaps := counted(view.counted[1])) else []), *lines])


def counted(heaps: Iterable[tuple[str, int]]) -> str:
    """As "node-0 10 · node-1 10"; escaped."""
    return " · ".join(f"{escaped(words(value, 60), 80)} {count}" for value, count in heaps)


def _rest(view: IncidentView, external_url: str, more: int) -> str:
    if not address(external_url):
        return f"and {more} more"
    return link(f"{external_url.rstrip('/')}/incidents/{view.number}", f"… all {view.firing}")


def _alert(view: IncidentView, alert: AlertLine, *, is_linked: bool) -> str:
    title = words(alert.title, 100) or words(view.name, 100) or "(no title)"
    name = link(alert.url, title, 100) if is_linked and alert.url else escaped(title, 100)
    differs = [code(f"{label}={value}", 70) for label, value in islice(sorted(alert.differs.items()), 3)]
    is_same = title == words(view.title, 100) and bool(differs) and not (is_linked and address(alert.url))
    parts = [] if is_same else [name]
    if alert.severity is not view.severity:
        parts.insert(0, alert.severity.value.upper())
    return " ".join([*parts, *differs])


def labels(common: dict[str, str]) -> str:
    told = [(name, value) for name, value in sorted(common.items()) if name not in _UNTOLD_LABELS and value]
    spans: Iterable[str] = (code(f"{name}={value}", 90) for name, value in told[:_LABELS])
    text = " ".join(spans)
    return f"{text} and {len(told) - _LABELS} more" if len(told) > _LABELS else text


def links(named: Iterable[tuple[str, str]]) -> str:
    """Our links to what the sender named, as many as there is room for. An address that is not http(s) is left out."""
    made, room = [], _LINKS
    for label, url in islice(named, 10):
        if address(url) and len(one := link(url, label or "link", 40)) <= room:
            made.append(one)
            room -= len(one) + 3
    return " · ".join(made)
