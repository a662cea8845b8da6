"""What happened to an incident, as one reply in its thread (TELLING's table). Entries of one kind become one line. Pure."""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from router.core.mrkdwn import duration, escaped, listed, user, words
from router.core.render.blocks import fitted, section
from router.core.render.headline import end_of, title_of
from router.core.view import EndKind, EntryKind, IncidentView, Rendered, TimelineEntry

_TITLES = 5
_TEXT = 1_000


def thread_reply(entries: Sequence[TimelineEntry], view: IncidentView) -> Rendered:
    """One reply for everything since the last one: a line per kind, the one that happened last at the bottom.

    The text names the incident, because a broadcast makes a phone show the text alone.
    """
    lines = [_line(entry, view) for entry in _merged(entries)] or ["nothing new"]
    subject = f"#{view.number} {words(title_of(view), 80)}"
    text = escaped(f"{subject}: {'; '.join(lines)}", _TEXT)
    blocks = [section(escaped("\n".join(lines), 2_900))]
    if unreached := [name for entry in entries if entry.kind is EntryKind.PAGE_REFUSED for name in entry.people]:
        # Only here is somebody mentioned: no direct message could make the sound.
        blocks.append(section(" ".join(user(name) for name in dict.fromkeys(unreached[:10]))))
    return fitted(Rendered(text=text, blocks=tuple(blocks)))


def _merged(entries: Sequence[TimelineEntry]) -> list[TimelineEntry]:
    """Entries of one kind, ends of one sort, as one: counts add up, what follows is as the last one says."""
    kinds: dict[tuple[EntryKind, str], TimelineEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.seq):
        key = (entry.kind, _sort_of(entry))
        before = kinds.pop(key, None)
        if before is not None:
            entry = msgspec.structs.replace(  # noqa: PLW2901  the merged entry takes the place of the last
                entry,
                count=before.count + entry.count,
                titles=tuple(dict.fromkeys((*before.titles, *entry.titles))),
                people=tuple(dict.fromkeys((*before.people, *entry.people))),
                severity=entry.severity or before.severity,
                detail=entry.detail or before.detail,
            )
        kinds[key] = entry
    return list(kinds.values())


def _sort_of(entry: TimelineEntry) -> str:
    """What keeps two entries of one kind apart: how alerts ended, what Slack said, who was paged for what."""
    if entry.kind in {EntryKind.SOME_RESOLVED, EntryKind.ALL_RESOLVED}:
        return entry.how or EndKind.TOLD
    return entry.detail


def _line(entry: TimelineEntry, view: IncidentView) -> str:
    """Unescaped, of cleaned pieces."""
    count = f"{entry.count} " if entry.count else ""
    titles = listed((words(title, 80) for title in entry.titles), _TITLES, entry.count if entry.titles else 0)
    which = f": {titles}" if titles else ""
    people = listed((words(name, 40) for name in entry.people), 5) or "nobody"
    detail = words(entry.detail, 200)
    match entry.kind:
        case EntryKind.FIRST:
            return f"told first: {count}firing{which}"
        case EntryKind.MORE:
            return f"{count}more{which}{f' · {entry.firing} firing' if entry.firing else ''}"
        case EntryKind.WORSE:
            now = [f"now {entry.severity.value.upper()}"] if entry.severity else []
            now += [f"{entry.firing} firing"] if entry.firing else []
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
            return f"still firing{f' after {duration(entry.lasted)}' if entry.lasted else ''}, nobody acknowledged"
        case EntryKind.SOURCE_SILENT:
            return detail or "its source is silent"
        case EntryKind.MOVED:
            return f"{count}moved to {detail}{which}{f' · {entry.firing} still firing' if count else ''}"
        case EntryKind.HELD_BACK:
            return f"{count}held back{f' ({detail})' if detail else ''}{which}"
        case EntryKind.PAGED:
            return f"paged {people}{f': {detail}' if detail else ''}"
        case EntryKind.NOBODY_ON_CALL:
            return f"nobody is on call{f': {detail}' if detail else ''}"
        case EntryKind.PAGE_DROPPED:
            return f"{people} not paged, it was over before{f': {detail}' if detail else ''}"
        case EntryKind.PAGE_REFUSED:
            return f"Slack refused the direct message to {people}{f': {detail}' if detail else ''}"
        case EntryKind.CHANNEL_REFUSED:
            return f"Slack refused a channel of this incident{f': {detail}' if detail else ''}"
        case EntryKind.NOT_POSTED:
            return f"not posted{f' in {detail}' if detail else ''}: it was over before"
        case _:
            assert_never(entry.kind)


def _ended(entry: TimelineEntry, view: IncidentView) -> str:
    how = entry.how or EndKind.TOLD
    return "resolved" if how.is_green else "over" + end_of(how, None, view.unheard_for).replace(":", ",", 1)
