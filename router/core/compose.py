"""From a group's alerts to the view that its messages are rendered from. Pure; texts stay the senders' own."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from adapters.alert import Severity
from router.core.member import Member
from router.core.view import AlertLine, EndKind, IncidentView, MessageTemplate, State, Suppressed
from rules.model.route import COMPUTED, RouteSettings

SHOWN = 5
"""Alerts named in a message."""
COMPARED = 200
"""Alerts whose labels are compared for what they have in common; beyond that only the group's own labels are said."""

_CERTAINTY = (EndKind.TOLD, EndKind.EXPIRED, EndKind.MISSING, EndKind.PRESUMED, EndKind.MOVED)
_LINKS = (("runbook", ("runbook_url", "runbook")), ("dashboard", ("dashboard_url", "dashboard", "__dashboardURL__")))


def compose(
    *,
    number: int,
    state: State,
    route: str,
    group_labels: Mapping[str, str],
    settings: RouteSettings,
    severity: Severity,
    members: Sequence[Member],
    firing: int,
    ended: int,
    started_at: datetime,
    ended_at: datetime | None,
    ended_how: EndKind | None,
    sources: tuple[str, ...],
    suppressed: tuple[Suppressed, ...],
    on_call: tuple[str, ...],
    moved_to: str = "",
) -> IncidentView:
    """`members`: the worst first, at most COMPARED of those that fire; or, when all have ended, the last that did."""
    worst = members[0]
    names = list(dict.fromkeys(member.name for member in members))
    common = (
        _common(members)
        if firing <= COMPARED
        else {name: value for name, value in group_labels.items() if name not in COMPUTED}
    )
    template = settings.template
    return IncidentView(
        number=number,
        state=state,
        severity=severity,
        title=worst.document.title if len(members) == 1 else ", ".join(names[:3]) + (" …" if len(names) > 3 else ""),
        name=worst.name,
        summary=worst.document.description,
        started_at=started_at,
        firing=firing,
        route=route,
        sources=sources,
        ended_at=ended_at,
        ended_how=ended_how,
        ended=ended,
        moved_to=moved_to,
        unheard_for=_unheard_for(members) if ended_how is EndKind.PRESUMED else None,
        alerts=tuple(_line(member, common) for member in members[:SHOWN]),
        common_labels=common,
        group_labels=dict(group_labels),
        annotations=worst.document.annotations,
        links=_links(worst),
        suppressed=suppressed,
        on_call=on_call,
        template=None if template is None else MessageTemplate(template.title, template.text),
    )


def with_silence(view: IncidentView, silent: Mapping[str, datetime]) -> IncidentView:
    """`silent`: of the sources whose alerts fire, those that say nothing, and when each was last heard from."""
    if not silent or view.state is State.RESOLVED:
        return view
    return msgspec.structs.replace(view, source_silent_since=min(silent.values()), silent_sources=tuple(sorted(silent)))


def fell_silent(view: IncidentView, before: IncidentView | None) -> bool:
    """Whether a source is silent that was not when the message was last made."""
    known = () if before is None or before.state is State.RESOLVED else before.silent_sources
    return not set(view.silent_sources) <= set(known)


def least_certain(hows: Iterable[str]) -> EndKind:
    """Of several ends the one that says least: one presumed end makes the incident's a presumed one."""
    return max((EndKind(how) for how in hows), key=_CERTAINTY.index, default=EndKind.TOLD)


def _common(members: Sequence[Member]) -> dict[str, str]:
    first, *others = members
    return {
        name: value
        for name, value in first.document.labels.items()
        if all(other.document.labels.get(name) == value for other in others)
    }


def _unheard_for(members: Sequence[Member]) -> timedelta | None:
    """For how long nothing was heard of what is presumed over: the longest of their times to live."""
    return max(
        (member.ttl for member in members if member.ended_how == EndKind.PRESUMED.value and member.ttl is not None),
        default=None,
    )


def _line(member: Member, common: Mapping[str, str]) -> AlertLine:
    document = member.document
    differs = {name: value for name, value in document.labels.items() if common.get(name) != value}
    return AlertLine(document.title, member.severity, member.starts_at, differs, document.url)


def _links(member: Member) -> tuple[tuple[str, str], ...]:
    document = member.document
    found = [("source", document.url)] if document.url else []
    for label, names in _LINKS:
        address = next((document.annotations[name] for name in names if document.annotations.get(name)), "")
        if address.startswith(("https://", "http://")):
            found.append((label, address))
    return tuple(found)
