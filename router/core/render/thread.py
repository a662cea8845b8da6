"""What happened to an incident, as one reply in its thread. Entries of one kind become one line. Pure."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from router.core.mrkdwn import (
    duration,
    escaped,
    group,
    instant,
    is_group_id,
    listed,
    time_of_day,
    user,
    words,
)
from router.core.render.blocks import fitted, section
from router.core.render.headline import (
    acted_by,
    end_of,
    how_many_fire,
    is_unknown,
    person,
    possessive,
    silent_sources,
    title_of,
)
from router.core.view import EndKind, EntryKind, IncidentView, Rendered, State, TimelineEntry

Heaps = tuple[tuple[str, int], ...]

_TITLES = 5
_TEXT = 1_000
_LINES, _LINE = 8, 320
"""What a section holds, with an instant before each line. There are hardly ever three kinds at once."""


def thread_reply(entries: Sequence[TimelineEntry], view: IncidentView) -> Rendered:
    """One reply for everything since the last one: a line per kind, the one that happened last at the bottom.

    The text names the incident, because a broadcast makes a phone show the text alone.
    """
    told = [(entry, _line(entry, view)) for entry in _merged(entries)]
    subject = f"#{view.number} {words(title_of(view), 80)}"
    text = escaped(f"{subject}: {'; '.join(line for _, line in told) or 'nothing new'}", _TEXT)
    lines = [f"{time_of_day(entry.at)} {escaped(line, _LINE)}{_span(entry)}" for entry, line in told[:_LINES]]
    blocks = [section("\n".join(lines) or "nothing new")]
    if unreached := dict.fromkeys(one for entry in entries for one in entry.mentions):
        # Only here is somebody mentioned: no direct message could make the sound.
        blocks.append(section(" ".join(user(one) for one in list(unreached)[:10])))
    groups = list(dict.fromkeys(one for entry in entries for one in entry.groups))[:10]
    if groups and view.state is not State.RESOLVED:  # afterwards nobody is to hear of it
        blocks.append(section("\n".join(_mentioned(one) for one in groups)))
    return fitted(Rendered(text=text, blocks=tuple(blocks)))


def _mentioned(one: str) -> str:
    """A user group, and where Slack did not say which one that is, that nobody heard."""
    return group(one) if is_group_id(one) else f"{group(one)} could not be mentioned: Slack names no such user group"


def told(entry: TimelineEntry, view: IncidentView) -> str:
    """One entry by itself, ready for mrkdwn."""
    return escaped(_line(entry, view), _LINE) + _span(entry)


def _merged(entries: Sequence[TimelineEntry]) -> list[TimelineEntry]:
    """Entries of one kind, ends of one sort, as one: counts add up, what follows is as the last one says."""
    kinds: dict[tuple[EntryKind, str], TimelineEntry] = {}
    for entry in _in_turn(sorted(entries, key=lambda entry: entry.seq)):
        key = (entry.kind, _sort_of(entry))
        before = kinds.pop(key, None)
        if before is not None:
            entry = msgspec.structs.replace(  # noqa: PLW2901  the merged entry takes the place of the last
                entry,
                count=before.count + entry.count,
                titles=tuple(dict.fromkeys((*before.titles, *entry.titles))),
                counted=_sum(before.counted, entry.counted),
                noun=entry.noun if entry.noun == before.noun else "alerts",
                people=tuple(dict.fromkeys((*before.people, *entry.people))),
                mentions=tuple(dict.fromkeys((*before.mentions, *entry.mentions))),
                groups=tuple(dict.fromkeys((*before.groups, *entry.groups))),
                severity=entry.severity or before.severity,
                detail=entry.detail or before.detail,
            )
        kinds[key] = entry
    return list(kinds.values())


_TURNS = frozenset({EntryKind.ALL_RESOLVED, EntryKind.REOPENED})


def _in_turn(entries: Sequence[TimelineEntry]) -> Sequence[TimelineEntry]:
    """Ends and returns take turns in a thread, also where several are told at once: an end that was taken back and came
    again is one end, so is a return."""
    turns = [entry.kind for entry in entries if entry.kind in _TURNS]
    if len(turns) < 3 or turns[0] is not turns[-1]:
        return entries
    return [entry for entry in entries if entry.kind is turns[0] or entry.kind not in _TURNS]


def _sum(first: Heaps, second: Heaps) -> Heaps:
    """Where one of them is not sorted into heaps, neither is the whole."""
    if not first or not second:
        return ()
    return tuple((Counter(dict(first)) + Counter(dict(second))).items())


def _sort_of(entry: TimelineEntry) -> str:
    """What keeps two entries of one kind apart: how alerts ended, what Slack said, who was paged for what. An incident is
    over as it ended last."""
    if entry.kind is EntryKind.SOME_RESOLVED:
        return entry.how or EndKind.TOLD
    if entry.kind in {EntryKind.ESCALATED, EntryKind.RESPONDER_ADDED}:
        return f"{entry.by} {entry.detail}"
    return "" if entry.kind in _TURNS else entry.detail


def _line(entry: TimelineEntry, view: IncidentView) -> str:
    """Unescaped, of cleaned pieces."""
    count = f"{how_many(entry)} " if entry.count else ""
    titles = _which(entry, view)
    which = f": {titles}" if titles else ""
    people = listed(map(person, entry.people), 5) or "nobody"
    detail = words(entry.detail, 200)
    match entry.kind:
        case EntryKind.FIRST:
            return f"notified first: {count}firing{which}"
        case EntryKind.MORE:
            return f"+{count}{f'({entry.firing})' if entry.firing else ''}".rstrip() + which
        case EntryKind.WORSE:
            now = [f"now {entry.severity.value.upper()}"] if entry.severity else []
            now += [f"{entry.firing} firing"] if entry.firing > 1 else []
            return f"worse: {' · '.join([*now, *([titles] if titles else [])])}".rstrip(": ")
        case EntryKind.SOME_RESOLVED:
            return f"{count}{_ended(entry, view)}{which}{f' · {entry.firing} still firing' if entry.firing else ''}"
        case EntryKind.ALL_RESOLVED:
            how = entry.how or EndKind.TOLD
            return ("resolved" if how.is_green else "over") + end_of(how, entry.lasted, view.unheard_for)
        case EntryKind.REOPENED:
            severity = f", {entry.severity.value.upper()}" if entry.severity else ""
            return f"reopened: firing again{severity}{which}"
        case EntryKind.REPEAT:
            after = f" after {duration(entry.lasted)}" if entry.lasted else ""
            return f"still unknown{after}, {silent_sources(view)}" if is_unknown(view) else f"still firing{after}"
        case EntryKind.SOURCE_SILENT:
            return detail or "its source is silent"
        case EntryKind.MOVED:
            return f"{count}moved to {detail}{which}{f' · {entry.firing} still firing' if count else ''}"
        case EntryKind.PAGED:
            return f"paged {people}{f': {detail}' if detail else ''}"
        case EntryKind.ESCALATED if entry.by and not entry.step:
            return f"escalated to {people}{f' ({detail})' if detail else ''}{acted_by(entry.by)}"
        case EntryKind.ESCALATED:
            which = f"step {entry.step}" if entry.round == 1 else f"round {entry.round}, step {entry.step}"
            if not entry.people:
                return f"nobody is reached by {which}{acted_by(entry.by)}{f': {detail}' if detail else ''}"
            return f"escalated to {which}{acted_by(entry.by)}: {people}{f', {detail}' if detail else ''}"
        case EntryKind.NOBODY_ON_CALL:
            return f"nobody is on call{f': {detail}' if detail else ''}"
        case EntryKind.PAGE_DROPPED:
            return f"{people} not paged, it was {detail or 'over'} before that could be delivered"
        case EntryKind.PAGE_REFUSED:
            return f"Slack refused the direct message to {people}{f': {detail}' if detail else ''}"
        case EntryKind.UNHEARD:
            return f"{people} {'has' if len(entry.people) < 2 else 'have'} notifications paused{f' until {detail}' if detail else ''}"
        case EntryKind.CHANNEL_REFUSED:
            return f"Slack refused a channel of this incident{f': {detail}' if detail else ''}"
        case EntryKind.FALLBACK:
            meanwhile = "" if entry.lasted is None else " meanwhile"
            called = ", ".join(words(name, 80) for name in entry.people)
            return f"told {called}{meanwhile}{f', {detail}' if detail else ''}"
        case EntryKind.NOT_POSTED:
            return f"not posted{f' in {detail}' if detail else ''}: it was over before"
        case _:
            return _act_line(entry, detail)


def _act_line(entry: TimelineEntry, detail: str) -> str:
    """What somebody did, or what ran out of it."""
    by, after = acted_by(entry.by), f" after {duration(entry.lasted)}" if entry.lasted else ""
    whose = f"{possessive(entry.by)} " if entry.by else "the "
    match entry.kind:
        case EntryKind.ACKNOWLEDGED:
            return f"acknowledged{by}{after}"
        case EntryKind.UNACKNOWLEDGED:
            return f"acknowledgement taken back{by}"
        case EntryKind.ACKNOWLEDGEMENT_OVER:
            return f"{whose}acknowledgement has run out, still firing{after}"
        case EntryKind.SNOOZED:
            return f"snoozed{by}"
        case EntryKind.WOKEN:
            return f"snooze ended{by}"
        case EntryKind.SNOOZE_OVER:
            return f"{whose}snooze is over, still firing{after}"
        case EntryKind.CLOSED:
            still = f" · {how_many_fire(entry.firing)}" if entry.firing else ""
            return f"closed{by}{after}{still}{f' · Resolution: {detail}' if detail else ''}"
        case EntryKind.REOPENED_BY_HAND:
            return f"reopened{by}"
        case EntryKind.CLOSED_OVER:
            return f"closed{by}, and still firing{after}"
        case EntryKind.ASSIGNED:
            return f"assigned to {listed(map(person, entry.people), 5) or 'nobody'}{by}"
        case EntryKind.RESPONDER_ADDED:
            return f"{listed(map(person, entry.people), 5) or 'nobody'} asked to help{by}"
        case EntryKind.NOTE:
            return f"note{by}: {detail}"
        case EntryKind.SEVERITY_SET:
            return f"severity {entry.severity.value.upper() if entry.severity else 'as its alerts say it'}, set{by}"
        case EntryKind.SLA_ACKNOWLEDGE:
            return f"not acknowledged{f' within {duration(entry.lasted)}' if entry.lasted else ' in time'}"
        case EntryKind.SLA_RESOLVE:
            return f"not resolved{f' within {duration(entry.lasted)}' if entry.lasted else ' in time'}"
        case _:
            raise AssertionError(f"{entry.kind} is no act")


def _span(entry: TimelineEntry) -> str:
    """From when to when it could not be told here; until when what somebody began lasts."""
    if entry.until is not None and entry.kind in {EntryKind.ACKNOWLEDGED, EntryKind.SNOOZED}:
        return f" · until {instant(entry.until)}"
    if entry.kind is not EntryKind.FALLBACK or entry.lasted is None:
        return ""
    return f" {time_of_day(entry.at - entry.lasted)}–{time_of_day(entry.at)}"


def how_many(entry: TimelineEntry) -> str:
    """As "1 pod" or "6 pods"."""
    noun = words(entry.noun, 40)
    return f"{entry.count} {noun.removesuffix('s') if entry.count == 1 else noun}"


def _which(entry: TimelineEntry, view: IncidentView) -> str:
    """Which alerts: by heap where they fall into few, else by their titles; not what the incident itself is called."""
    if entry.counted:
        return ", ".join(f"{words(value, 40)} {count}" for value, count in entry.counted)
    is_one_of_several = entry.count == 1 and entry.kind in {EntryKind.MORE, EntryKind.SOME_RESOLVED, EntryKind.MOVED}
    called = {words(view.name, 80), *([] if is_one_of_several else [words(view.title, 80)])}
    titles = [title for title in dict.fromkeys(words(title, 80) for title in entry.titles) if title not in called]
    return listed(titles, _TITLES, entry.count if titles and len(titles) == len(entry.titles) else 0)


def _ended(entry: TimelineEntry, view: IncidentView) -> str:
    how = entry.how or EndKind.TOLD
    return "resolved" if how.is_green else "over" + end_of(how, None, view.unheard_for).replace(":", ",", 1)
