"""The direct message to whoever is on call, what follows it, and its end. Pure."""

from datetime import datetime

import msgspec

from router.core.mrkdwn import (
    address,
    channel,
    duration,
    escape,
    escaped,
    instant_and_age,
    link,
    rich,
    said,
    time_of_day,
    words,
)
from router.core.render.actions import action_row
from router.core.render.blocks import Block, attachment, context, fitted, section
from router.core.render.detail import alerts, links
from router.core.render.headline import (
    acted_by,
    colour,
    emblem,
    headline,
    is_unknown,
    kind,
    place,
    silence_line,
    span,
    standing_line,
)
from router.core.render.thread import how_many
from router.core.templates.template import words_of
from router.core.view import EndKind, EntryKind, IncidentView, PageView, Rendered, State, TimelineEntry

_ALERTS = 3
"""Of many alerts the worst: a phone's screen is small."""


def page_message(view: IncidentView, page: PageView, external_url: str = "", acting: str | None = None) -> Rendered:
    """You are paged: by what, why you, what comes next, and where it is worked on. Once ended, it says the end. `acting`:
    this router's name, where the person can act from here."""
    if view.state is State.RESOLVED:
        return page_end_message(view, page)
    return _message(view, page, "You are paged: ", external_url, acting)


def page_worse_message(
    view: IncidentView, page: PageView, entry: TimelineEntry, external_url: str = "", acting: str | None = None
) -> Rendered:
    """A new sound for who was paged already: it got worse, came back, or goes on."""
    if view.state is State.RESOLVED:
        return page_end_message(view, page)
    return _message(view, page, f"{_opening(entry, view)}: ", external_url, acting)


_RUN_OUT = {
    EntryKind.ACKNOWLEDGEMENT_OVER: "Acknowledgement over",
    EntryKind.SNOOZE_OVER: "Snooze over",
    EntryKind.CLOSED_OVER: "Closed too long",
}


def _opening(entry: TimelineEntry, view: IncidentView) -> str:
    match entry.kind:
        case EntryKind.REOPENED:
            return "Reopened"
        case EntryKind.REPEAT:
            still = "Still unknown" if is_unknown(view) else "Still firing"
            return still + (f" after {duration(entry.lasted)}" if entry.lasted else "")
        case EntryKind.MORE:
            return f"+{how_many(entry)}" if entry.count else "More"
        case EntryKind.ALL_RESOLVED:
            return "Goes on"
        case EntryKind.ACKNOWLEDGEMENT_OVER | EntryKind.SNOOZE_OVER | EntryKind.CLOSED_OVER:
            return f"{_RUN_OUT[entry.kind]}, still firing"
        case EntryKind.SLA_ACKNOWLEDGE | EntryKind.SLA_RESOLVE:
            what = "acknowledged" if entry.kind is EntryKind.SLA_ACKNOWLEDGE else "resolved"
            return f"Not {what}{f' within {duration(entry.lasted)}' if entry.lasted else ' in time'}"
        case EntryKind.ESCALATED if entry.by:
            return f"Escalated to you{acted_by(entry.by)}"
        case EntryKind.RESPONDER_ADDED:
            return f"You are asked to help{acted_by(entry.by)}"
        case EntryKind.ESCALATED:
            return f"Not acknowledged{f' after {duration(entry.lasted)}' if entry.lasted else ''}"
        case _:
            return "Worse"


def page_end_message(view: IncidentView, page: PageView) -> Rendered:
    """It is over: the short message that lets a person go back to sleep."""
    line = headline(view)
    if goes_on := words(view.goes_on, 120):
        view = msgspec.structs.replace(view, ended_how=EndKind.MOVED)
        line = msgspec.structs.replace(headline(view), after=f": goes on as {goes_on}")
    facts = [f"you were paged: {said(page.why, 200)}"] if page.why else []
    facts += [where] if (where := _where(page)) else []
    bar = attachment(colour(view), line.text(), [context(" · ".join(facts) or f"#{view.number}")])
    return fitted(
        Rendered(text=line.text(), blocks=(section(f"{emblem(view)} {line.bold()}{span(view)}"),), attachments=(bar,))
    )


def _message(view: IncidentView, page: PageView, opening: str, external_url: str, acting: str | None) -> Rendered:
    own = words_of(view, external_url)
    line = headline(view, own, opening=opening, names_on_call=False)
    summary = rich(own.text, 1_000, own.marks) if own.text else rich(view.summary, 300)
    where = escape(place(view, line.title))
    first = f"{emblem(view)} {line.bold()}" + (f" · {where}" if where else "")
    lines = [
        first,
        f"since {instant_and_age(view.started_at)}",
        *([stands] if (stands := standing_line(view)) else []),
        *([unknown] if (unknown := silence_line(view)) else []),
    ]
    blocks: list[Block] = [section("\n".join(lines))]
    found = [summary, alerts(view, external_url, _ALERTS), links(view.links)]
    blocks += [section(text) for text in found if text]
    blocks += [] if acting is None else action_row(view, instance=acting, external_url=external_url)
    facts = [f"why you: {said(page.why, 200)}"] if page.why else []
    facts += [f"next: {said(page.next_step, 200)}{_at(page.next_at)}"] if page.next_step else []
    facts += [f"part of it moved to {said(view.parted_to, 120)}"] if view.parted_to else []
    facts += [where_to] if (where_to := _where(page)) else []
    facts += [escaped(name, 100)] if (name := kind(view)) else []
    bar = attachment(colour(view), line.text(), [context(" · ".join(facts) or f"#{view.number}")])
    return fitted(Rendered(text=line.text(), blocks=tuple(blocks), attachments=(bar,)))


def _at(instant: datetime | None) -> str:
    return "" if instant is None else f" at {time_of_day(instant)}"


def _where(page: PageView) -> str:
    """Where it is worked on: the message itself where its address is known, and its channel."""
    if not page.home:
        return ""
    opened = link(page.permalink, "open the message") if address(page.permalink) else "open"
    return f"{opened} in {channel(page.home)}"
