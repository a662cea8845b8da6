"""From a group's alerts to the view that its messages are rendered from. Pure; texts stay the senders' own."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from adapters.alert import Severity
from router.core.member import Member
from router.core.view import AlertLine, EndKind, IncidentView, MessageTemplate, Response, State, Suppressed
from rules.model.route import COMPUTED, RouteSettings

SHOWN = 5
"""Alerts named in a message."""
COUNTED = 50
"""Alerts of one change that are sorted into heaps for its line in the thread."""
COMPARED = 200
"""Alerts whose labels are compared for what they have in common; beyond that only the group's own labels are said."""

_DIGITS = re.compile(r"([0-9]{1,15})")
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
    response: Response | None = None,
    before: IncidentView | None = None,
) -> IncidentView:
    """`members`: the worst first, at most COMPARED of those that fire; or, when all have ended, the last that did.
    `before`: the incident as it was last composed; what an end remembers of its life comes from there.
    """
    worst = members[0]
    names = list(dict.fromkeys(member.name for member in members))
    common = (
        _common(members)
        if firing <= COMPARED
        else {name: value for name, value in group_labels.items() if name not in COMPUTED}
    )
    template = settings.template
    is_whole = firing <= COMPARED
    noun = noun_of(members) if firing > 1 or before is None else before.noun
    is_one = len(members) == 1 and (firing > 0 or ended <= 1)
    shown = sorted(members, key=lambda member: (-member.severity_rank, *_natural(member, common)))[:SHOWN]
    descriptions = {member.document.description for member in members}
    return IncidentView(
        number=number,
        state=state,
        severity=severity,
        title=worst.document.title if is_one else ", ".join(names[:3]) + (" …" if len(names) > 3 else ""),
        name=worst.name,
        summary=worst.document.description if len(descriptions) == 1 and is_whole else "",
        started_at=started_at,
        firing=firing,
        route=route,
        sources=sources,
        ended_at=ended_at,
        ended_how=ended_how,
        ended=ended,
        moved_to=moved_to,
        unheard_for=_unheard_for(members) if ended_how is EndKind.PRESUMED else None,
        alerts=tuple(_line(member, common) for member in shown),
        common_labels=common,
        group_labels=dict(group_labels),
        annotations=worst.document.annotations,
        links=_links(worst),
        suppressed=suppressed,
        on_call=on_call,
        response=response or Response(),
        template=None if template is None else MessageTemplate(template.title, template.text),
        worst=severity if before is None else max(severity, before.worst or before.severity, key=lambda one: one.rank),
        lasting_labels=common if before is None else dict(common.items() & before.lasting_labels.items()),
        noun=noun,
        counted=heaps(members) if firing and is_whole and len(members) > SHOWN else ("", ()),
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


_NOUNS = (
    "pod",
    "container",
    "instance",
    "host",
    "node",
    "device",
    "volume",
    "queue",
    "topic",
    "job",
    "service",
    "cluster",
)
"""Labels that name a thing of which there are many, the smallest first."""
_HEAPS = 6


def titles_of(members: Sequence[Member]) -> tuple[str, ...]:
    """The first few in natural order, each once."""
    return tuple(sorted({member.document.title for member in members}, key=natural)[:SHOWN])


def noun_of(members: Sequence[Member]) -> str:
    """What several alerts are: the smallest thing of which each has one of its own."""
    for name in _NOUNS if len(members) > 1 else ():
        values = {member.document.labels.get(name, "") for member in members}
        if len(values) == len(members) and "" not in values:
            return f"{name}es" if name.endswith("s") else f"{name}s"
    return "alerts"


def heaps(members: Sequence[Member]) -> tuple[str, tuple[tuple[str, int], ...]]:
    """By what label many alerts fall into the fewest heaps, and how many are in each, in natural order; ("", ()) where
    every label has too many values."""
    names = sorted({name for member in members for name in member.document.labels})
    best: tuple[str, Counter[str]] | None = None
    for name in names:
        found = Counter(member.document.labels.get(name, "") for member in members)
        is_heaps = 1 < len(found) <= min(_HEAPS, len(members) // 2) and "" not in found
        if is_heaps and (best is None or len(found) < len(best[1])):
            best = name, found
    if best is None:
        return "", ()
    return best[0], tuple(sorted(best[1].items(), key=lambda item: natural(item[0])))


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Sorts node-2 before node-10."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(text[:200]) if part)


def _natural(member: Member, common: Mapping[str, str]) -> tuple[tuple[tuple[int, str], ...], ...]:
    labels = sorted((name, value) for name, value in member.document.labels.items() if common.get(name) != value)
    return (natural(member.document.title), *(natural(value) for _, value in labels[:4]))


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
    found = []
    for label, names in _LINKS:
        address = next((document.annotations[name] for name in names if document.annotations.get(name)), "")
        if address.startswith(("https://", "http://")):
            found.append((label, address))
    named = {address for _, address in found}
    return (*([("source", document.url)] if document.url and document.url not in named else []), *found)
