"""An incident in one line: what the push says and every message begins with. Pure text; owns no block."""

from collections.abc import Iterable
from datetime import UTC, timedelta

import msgspec

from adapters.alert import Severity
from router.core.mrkdwn import clip, duration, escape, escaped, instant, listed, time_of_day, words
from router.core.templates.template import OwnWords, words_of
from router.core.view import EndKind, IncidentView, Limit, Phase, State

PUSH = 140
"""Characters of `text`: what a locked phone shows."""
_TITLE = 80
_PLACES = ("team", "service", "namespace", "cluster", "region", "environment", "env")
_ONE_PLACE = ("instance", "host", "pod", "job")
_GREEN, _GREY = "#2eb67d", "#9aa0a6"
_LOOKS: dict[Severity, tuple[str, str]] = {
    Severity.CRITICAL: ("🔴", "#e01e5a"),
    Severity.HIGH: ("🟠", "#e8710a"),
    Severity.MEDIUM: ("🟡", "#ecb22e"),
    Severity.LOW: ("🔵", "#36a3eb"),
    Severity.INFO: ("⚪", "#7b8794"),
}


class Headline(msgspec.Struct, frozen=True):
    """One line in pieces, none escaped yet: `Resolved #1234 ` · `InstanceDown` · ` after 14 min`."""

    before: str
    title: str
    after: str
    extras: tuple[str, ...] = ()
    """Worth saying when there is room."""

    def text(self, limit: int = PUSH) -> str:
        """The line, escaped, at most `limit` long. State, number and duration are kept whole; the title gives way."""
        room = limit - len(escape(self.before)) - len(escape(self.after))
        line = escape(self.before) + escaped(self.title, min(max(room, 12), _TITLE)) + escape(self.after)
        for extra in self.extras:
            longer = f"{line} · {escape(extra)}"
            if len(longer) <= limit:
                line = longer
        return line if len(line) <= limit else escaped(self.before + clip(self.title, 12) + self.after, limit)

    def bold(self) -> str:
        """The line escaped, its subject in bold, for a block."""
        return f"*{escape(self.before)}{escaped(self.title, 200)}*{escape(self.after)}"


def headline(
    view: IncidentView, own: OwnWords | None = None, *, opening: str = "", names_on_call: bool = True
) -> Headline:
    """State first. `opening` is what a page says before it; who is paged need not read who is."""
    title = title_of(view, own)
    number = f"#{view.number} "
    where = place(view, title)
    if view.state is State.RESOLVED:
        severity = f"{(view.worst or view.severity).value.upper()} "
        word = f"{end_word(view)} ".lstrip()
        return Headline(before=f"{opening}{word}{number}{severity}", title=title, after=end_words(view, title))
    if is_closed(view):
        after = f": closed{acted_by(view.response.by)}, {how_many_fire(view.firing)}"
        return Headline(before=f"{opening}Closed {number}{view.severity.value.upper()} ", title=title, after=after)
    times = f" ×{view.firing}" if view.firing > 1 else ""
    extras = [text for text in (standing(view), silence(view), where) if text]
    if view.on_call and names_on_call:
        extras.append(f"on call: {on_call(view)}")
    return Headline(
        before=f"{opening}{view.severity.value.upper()} {number}", title=title, after=times, extras=tuple(extras)
    )


def title_of(view: IncidentView, own: OwnWords | None = None) -> str:
    own = words_of(view) if own is None else own
    return words(own.title or "", 200) or words(view.title, 200) or words(view.name, 200) or "(no title)"


def emblem(view: IncidentView) -> str:
    if view.state is State.RESOLVED:
        return "✅" if is_green(view) else "◽"
    if is_closed(view):
        return "◽"
    return _LOOKS[view.severity][0]


def colour(view: IncidentView) -> str:
    """Of the bar. Green is only for an end that somebody told, or that the sender's silence about it proves."""
    if view.state is State.RESOLVED:
        return _GREEN if is_green(view) else _GREY
    return _GREY if is_closed(view) else _LOOKS[view.severity][1]


def is_closed(view: IncidentView) -> bool:
    """Whether somebody says that it is done though alerts fire."""
    return view.state is State.TRIGGERED and view.response.phase is Phase.CLOSED


def standing(view: IncidentView) -> str:
    """How far people have come with it, without its times; "" while nobody has."""
    match view.response.phase:
        case Phase.ACKNOWLEDGED:
            return f"acknowledged{acted_by(view.response.by)}"
        case Phase.SNOOZED:
            return f"snoozed{acted_by(view.response.by)}"
        case _:
            return ""


def standing_line(view: IncidentView) -> str:
    """The same for a block: escaped, with times, who is responsible, and who was asked to help."""
    response, facts = view.response, [escape(text)] if (text := standing(view)) else []
    if facts and response.at is not None:
        facts[0] += f" {time_of_day(response.at)}"
    if response.phase is Phase.SNOOZED and response.until is not None:
        facts[0] += f", until {instant(response.until)}"
    facts += [f"assigned to {escape(listed(map(person, response.assigned), 3))}"] if response.assigned else []
    facts += [f"responders: {escape(listed(map(person, response.responders), 5))}"] if response.responders else []
    facts += [f"not {_LATE[one]} in time" for one in response.missed]
    if is_closed(view) and (note := words(response.note, 300)):
        facts.append(f"Resolution: {escape(note)}")
    return " · ".join(facts)


_LATE = {Limit.ACKNOWLEDGE: "acknowledged", Limit.RESOLVE: "resolved"}


def closing_line(view: IncidentView) -> str:
    """Who had closed it when it ended, and what they said of it; escaped. "" where nobody had."""
    response = view.response
    if view.state is not State.RESOLVED or response.phase is not Phase.CLOSED:
        return ""
    when = "" if response.at is None else f" {time_of_day(response.at)}"
    note = words(response.note, 300)
    return f"closed{escape(acted_by(response.by))}{when}" + (f" · Resolution: {escape(note)}" if note else "")


def acted_by(name: str) -> str:
    """As in "acknowledged by Maria"; of whom we do not know: "acknowledged via Slack"."""
    if not name:
        return ""
    return f" {words(name, 60)}" if name.startswith("via ") else f" by {person(name)}"


def possessive(name: str) -> str:
    """As in "Maria's"."""
    return "somebody's" if name.startswith("via ") else f"{person(name)}'s"


def how_many_fire(count: int) -> str:
    return "1 alert still fires" if count == 1 else f"{count} alerts still fire"


def is_green(view: IncidentView) -> bool:
    return (view.ended_how or EndKind.TOLD).is_green


def end_word(view: IncidentView) -> str:
    """Nothing where it only moved: that is no end."""
    if view.ended_how is EndKind.MOVED:
        return ""
    return "Resolved" if is_green(view) else "Over"


def end_words(view: IncidentView, title: str = "") -> str:
    """After the title of an ended incident: how long it was, and why we believe it is over if nobody said so."""
    if view.ended_how is EndKind.MOVED:
        return f": moved to {words(view.moved_to, 120)}"
    how = view.ended_how or EndKind.TOLD
    where = ", ".join(value for _, value in places(view, title))
    facts = [f" — {where}"] if where else []
    facts += [f" · {view.ended} {words(view.noun, 40)}"] if view.ended > 1 else []
    if how is not EndKind.PRESUMED and view.ended_at is not None:
        facts.append(f" · {duration(view.ended_at - view.started_at)}")
    return "".join(facts) + end_of(how, None, view.unheard_for)


def span(view: IncidentView) -> str:
    """From when to when an ended incident was, for a block: in the reader's own time zone."""
    if view.ended_at is None or view.ended_how in {EndKind.MOVED, EndKind.PRESUMED}:
        return ""
    is_short = view.ended_at - view.started_at < timedelta(hours=20)
    return f" ({instant(view.started_at)}–{time_of_day(view.ended_at) if is_short else instant(view.ended_at)})"


def end_of(how: EndKind, lasted: timedelta | None, unheard_for: timedelta | None) -> str:
    if how is EndKind.PRESUMED:
        return f": no word{f' for {duration(unheard_for)}' if unheard_for else ''}, presumed over"
    after = "" if lasted is None else f" after {duration(lasted)}"
    return f"{after}: no longer sent by Alertmanager" if how is EndKind.MISSING else after


def on_call(view: IncidentView) -> str:
    return listed(map(person, view.on_call), 3)


def person(name: str) -> str:
    """As people say it: "Alice", not "payments/alice"."""
    own = words(name.rpartition("/")[2], 40)
    return own[:1].upper() + own[1:] if own.islower() else own


def is_unknown(view: IncidentView) -> bool:
    """Whether nobody knows if it still fires: what tells us has gone silent."""
    return view.source_silent_since is not None and view.state is not State.RESOLVED


def silence(view: IncidentView) -> str:
    if view.source_silent_since is None or not is_unknown(view):
        return ""
    return f"unknown since {view.source_silent_since.astimezone(UTC):%H:%M} UTC, {silent_sources(view)}"


def silence_line(view: IncidentView) -> str:
    """The same for a block: escaped, and in the reader's own time zone."""
    if view.source_silent_since is None:
        return ""
    return f"unknown since {instant(view.source_silent_since)}, {escape(silent_sources(view))}"


def silent_sources(view: IncidentView) -> str:
    silent = view.silent_sources or view.sources
    names = listed((words(name, 40) for name in silent), 3) or "its source"
    return f"{names} {'are' if len(silent) > 1 else 'is'} silent"


def kind(view: IncidentView) -> str:
    """The name of the alert where the headline has its summary instead; one line, not escaped."""
    name = words(view.name, 200)
    return "" if name in words(title_of(view), 400) else name


def place(view: IncidentView, title: str = "") -> str:
    """Where it happens, in up to three labels: what tells two alerts of one name apart on a locked phone."""
    return ", ".join(f"{name} {value}" for name, value in places(view, title))


def places(view: IncidentView, title: str = "") -> list[tuple[str, str]]:
    """The labels that say where it happens, with values of one line, at most three; none that the title says."""
    is_over = view.state is State.RESOLVED
    known = {**(view.lasting_labels if is_over else view.common_labels), **view.group_labels}
    spoken = words(title or title_of(view), 300)
    names: Iterable[str] = (
        *_PLACES,
        *(name for name in view.group_labels if name != "alertname" and not name.startswith("alert.")),
        *(_ONE_PLACE if (view.ended if is_over else view.firing) == 1 else ()),
    )
    found = {words(known[name], 40): words(name, 30) for name in reversed(tuple(names)) if known.get(name)}
    told = [(name, value) for value, name in reversed(found.items()) if value and not _says(spoken, value)]
    return told[:3]


def _says(text: str, value: str) -> bool:
    """Whether the value stands in the text as a word of its own."""
    at = text.find(value)
    while at >= 0:
        if not (_is_of_a_word(text[max(at - 1, 0) : at]) or _is_of_a_word(text[at + len(value) :][:1])):
            return True
        at = text.find(value, at + 1)
    return False


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or character in {"_", "-"}
