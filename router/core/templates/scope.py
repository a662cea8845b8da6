"""What a template sees of an incident. Plain data only, each text cut and rid of marks. Pure."""

from collections.abc import Iterable, Mapping
from itertools import islice

from router.core.mrkdwn import clean, unmarked
from router.core.view import IncidentView

_VALUE_LENGTH = 2_000
"""Longer texts of senders are cut before a template sees them."""

NAMES = (
    "title", "name", "summary", "severity", "state", "number", "firing", "ended", "count", "started_at", "ended_at",
    "lasted", "ended_how", "labels", "group_labels", "common_labels", "annotations", "alerts", "links", "on_call",
    "held_back", "route", "sources", "external_url", "url",
)  # fmt: skip
"""Every name that a template may use; docs/rules.md says what each is."""


def scope(view: IncidentView, external_url: str = "") -> dict[str, object]:
    """Every name of NAMES and its value."""
    ours = external_url.rstrip("/")
    return {
        "title": _text(view.title),
        "name": _text(view.name),
        "summary": _text(view.summary),
        "severity": view.severity.value,
        "state": view.state.value,
        "number": view.number,
        "firing": view.firing,
        "ended": view.ended,
        "count": view.firing + view.ended,
        "started_at": view.started_at,
        "ended_at": view.ended_at or "",
        "lasted": "" if view.ended_at is None else view.ended_at - view.started_at,
        "ended_how": "" if view.ended_how is None else view.ended_how.value,
        "labels": _texts({**view.common_labels, **view.group_labels}),
        "group_labels": _texts(view.group_labels),
        "common_labels": _texts(view.common_labels),
        "annotations": _texts(view.annotations),
        "alerts": [
            {
                "title": _text(alert.title),
                "severity": alert.severity.value,
                "started_at": alert.starts_at,
                "labels": _texts({**view.common_labels, **alert.differs}),
                "differs": _texts(alert.differs),
                "url": _text(alert.url),
            }
            for alert in view.alerts[:100]
        ],
        "links": [{"label": _text(label), "url": _text(url)} for label, url in view.links[:10]],
        "on_call": [_text(name) for name in view.on_call[:100]],
        "held_back": [
            {"count": held.count, "by": _text(held.by), "until": held.until or ""} for held in view.suppressed[:10]
        ],
        "route": _text(view.route),
        "sources": [_text(source) for source in view.sources[:100]],
        "external_url": ours,
        "url": f"{ours}/incidents/{view.number}" if ours else "",
    }


def _texts(pairs: Mapping[str, str]) -> dict[str, str]:
    some: Iterable[tuple[str, str]] = islice(pairs.items(), 200)
    return {_text(name): _text(value) for name, value in some}


def _text(text: str) -> str:
    return unmarked(clean(text, _VALUE_LENGTH)[:_VALUE_LENGTH])
