"""What is answered to a person who asks: which incidents are open, what one of them is, who is on call. Pure; mrkdwn."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from adapters.alert import Severity
from router.core.acts.grammar.words import nearest
from router.core.acts.override import MadeOverride, without_effect
from router.core.mrkdwn import address, duration, escape, escaped, instant, instant_and_age, link, rich, said, words
from router.core.render.detail import alerts
from router.core.render.headline import emblem, headline, on_call, person, place, standing_line, title_of
from router.core.render.thread import told
from router.core.view import IncidentView, Phase, State, TimelineEntry
from rules.model.escalation import OnCall
from rules.model.escalation_rounds import first_two
from rules.model.matcher import MatcherError, all_match
from rules.model.matcher import parse as parse_matchers
from rules.model.oncall import Schedule, turn_at, turns
from rules.model.route import Page, PageKind
from rules.model.ruleset import RuleSet

LINES = 20
ENTRIES = 5
"""Of the timeline, the newest."""
_PHASES: Mapping[str, Phase] = {
    **{phase.value: phase for phase in Phase},
    "acked": Phase.ACKNOWLEDGED,
    "ack": Phase.ACKNOWLEDGED,
}
_OPERATOR = re.compile(r"=|!~")
Fits = Callable[[IncidentView], bool]


def incident_list(views: Sequence[IncidentView], asked: str, now: datetime, *, is_whole: bool) -> str:
    """`views`: of what fires, the newest first; `is_whole`: that is all of it. `asked`: the filter as it was typed."""
    try:
        tests = [_test(word) for word in asked.split()]
    except MatcherError as error:
        return f"{said(error.message, 200)}; expected {said(error.expected, 200)}."
    found = [view for view in views if all(fits(view) for fits in tests)]
    among = "" if is_whole else f" among the newest {len(views)}"
    which = f" with {said(asked, 100)}" if asked else ""
    if not found:
        return f"Nothing is open{which}{among}."
    found.sort(key=lambda view: (-view.severity.rank, -view.number))
    lines = [_line(view, now) for view in found[:LINES]]
    if len(found) > LINES:
        lines.append(f"and {len(found) - LINES} more")
    count = "1 incident is" if len(found) == 1 else f"{len(found)} incidents are"
    return "\n".join([f"{count} open{which}{among}:", *lines])


def incident_card(view: IncidentView, entries: Sequence[TimelineEntry], external_url: str) -> str:
    """What an incident is now, and what happened last."""
    line = headline(view)
    where = escape(place(view, line.title)) if view.state is State.TRIGGERED else ""
    lines = [f"{emblem(view)} {line.bold()}{f' · {where}' if where else ''}"]
    began = f"since {instant_and_age(view.started_at)}"
    if view.state is State.RESOLVED:
        began = f"began {instant(view.started_at)}"
    lines.append(began + (f" · on call: {escape(on_call(view))}" if view.on_call else ""))
    lines += [stands] if (stands := standing_line(view)) else []
    lines += [rich(view.summary, 300)] if view.summary.strip() else []
    if view.state is State.TRIGGERED and (listed := alerts(view, external_url)):
        lines.append(listed)
    lines += [f"{instant(entry.at)} {told(entry, view)}" for entry in entries[-ENTRIES:]]
    if address(external_url):
        lines.append(link(f"{external_url.rstrip('/')}/incidents/{view.number}", "all of it"))
    return "\n".join(line for line in lines if line)


def who_is_on_call(rules: RuleSet, asked: str, now: datetime, made: Sequence[MadeOverride] = ()) -> str:
    """`asked`: a schedule, a policy, a person or an entry of the catalogue, as it was typed; "": every schedule. `rules`:
    with the overrides that people made, which `made` has, those that have not ended."""
    if not asked:
        lines = [_schedule(rules, schedule, now, made) for schedule in islice(rules.schedules.values(), LINES)]
        if len(rules.schedules) > LINES:
            lines.append(f"and {len(rules.schedules) - LINES} more: ask for one by name")
        lines += [said(one, 200) for one in islice(without_effect(made, rules), ENTRIES)]
        return "\n".join(lines) or "The rules have no schedule: nobody is on call."
    pages = list(dict.fromkeys(called(rules, asked)))
    if not pages:
        near = nearest(asked, _names(rules))
        hint = f" Did you mean {said(near, 80)}?" if near else ""
        return f"The rules have no schedule, policy, person or service called {said(asked, 100)}.{hint}"
    return "\n".join(line for page in pages[:5] for line in _page(rules, page, now, made))


def _test(word: str) -> Fits:
    """What one word of a filter asks: a severity, a phase, a matcher, or a text to be found."""
    lowered = word.casefold()
    if lowered in {severity.value for severity in Severity}:
        return lambda view: view.severity.value == lowered
    if (phase := _PHASES.get(lowered)) is not None:
        return lambda view: view.response.phase is phase
    if _OPERATOR.search(word):
        matchers = parse_matchers(word)
        return lambda view: all_match(matchers, _labels(view))
    return lambda view: any(lowered in text.casefold() for text in _texts(view))


def _labels(view: IncidentView) -> dict[str, str]:
    own = {"alert.title": view.title, "alert.name": view.name, "alert.severity": view.severity.value}
    return {**own, **view.common_labels, **view.group_labels}


def _texts(view: IncidentView) -> Iterable[str]:
    return (f"#{view.number}", view.title, view.name, view.summary, view.route, *_labels(view).values())


def _line(view: IncidentView, now: datetime) -> str:
    phase = view.response.phase
    by = f" by {person(view.response.by)}" if view.response.by and not view.response.by.startswith("via ") else ""
    title = escaped(words(title_of(view), 80), 80)
    facts = [f"{emblem(view)} #{view.number} {view.severity.value.upper()} {title}"]
    facts += [escaped(words(f"{phase.value}{by}", 60), 60), duration(now - view.started_at)]
    return " · ".join(facts)


def _schedule(rules: RuleSet, schedule: Schedule, now: datetime, made: Sequence[MadeOverride]) -> str:
    turn = turn_at(schedule, now)
    who = person(turn.person) if turn.person in rules.people else "nobody"
    note = _override(schedule, now, made) if turn.is_override else ""
    change = next(turns(schedule, now), None)
    until = ""
    if change is not None:
        at, following = change
        until = f" until {instant(at)}, then {said(person(following.person) or 'nobody', 60)}"
    return f"*{said(schedule.name, 80)}*: {said(who, 60)}{note}{until}"


def _override(schedule: Schedule, now: datetime, made: Sequence[MadeOverride]) -> str:
    """Who said so, and why, as far as that is known: of one in the file it is not."""
    here = [one for one in made if one.schedule == schedule.name and one.begins <= now < one.ends]
    if not here:
        return " (override)"
    one = here[-1]
    by = "" if one.made_by == one.person else f" by {said(person(one.made_by), 60)}"
    return f" (override{by}{f': {said(one.why, 100)}' if one.why else ''})"


def _to_come(schedule: Schedule, now: datetime, made: Sequence[MadeOverride]) -> Iterable[str]:
    coming = [one for one in made if one.schedule == schedule.name and one.begins > now]
    for one in sorted(coming, key=lambda one: one.begins)[:ENTRIES]:
        who = said(person(one.person), 60)
        yield f"{who} from {instant(one.begins)} until {instant(one.ends)}{_override(schedule, one.begins, [one])}"


def called(rules: RuleSet, asked: str) -> Iterable[Page]:
    """Whom a name means: exactly so, else without its team, else as the catalogue has it."""
    wanted = asked.casefold()
    tables: tuple[tuple[PageKind, Iterable[str]], ...] = (
        (PageKind.POLICY, rules.policies),
        (PageKind.SCHEDULE, rules.schedules),
        (PageKind.PERSON, rules.people),
    )
    for kind, names in tables:
        for name in names:
            if wanted in {name.casefold(), name.casefold().rpartition("/")[2]}:
                yield Page(name, kind)
    for name in rules.policies:
        if name.casefold().startswith(f"{wanted}/"):
            yield Page(name, PageKind.POLICY)
    for entries in rules.catalog.values():
        for name, entry in entries.items():
            if name.casefold() == wanted:
                yield from entry.pages or ()


def _names(rules: RuleSet) -> list[str]:
    services = [name for entries in rules.catalog.values() for name in entries]
    return [*rules.policies, *rules.schedules, *rules.people, *services]


def _page(rules: RuleSet, page: Page, now: datetime, made: Sequence[MadeOverride]) -> Iterable[str]:
    match page.kind:
        case PageKind.SCHEDULE if page.target in rules.schedules:
            schedule = rules.schedules[page.target]
            yield _schedule(rules, schedule, now, made)
            yield from _to_come(schedule, now, made)
            if page.target not in rules.policies and len(reached := first_two(rules, page.target, now)) > 1:
                ranks = zip(("primary", "secondary"), reached, strict=True)
                yield said("; ".join(f"{rank}: {_reached(one)}" for rank, one in ranks), 400)
        case PageKind.POLICY if page.target in rules.policies:
            yield f"*{said(page.target, 80)}*"
            for number, step in enumerate(rules.policies[page.target].steps[:10], 1):
                rank = {1: "primary, ", 2: "secondary, "}.get(number, "")
                yield f"{number}. {rank}after {duration(step.after)}: {said(_reached(rules.reached(step, now)), 200)}"
        case _:
            yield from _person(rules, page.target, now, made)


def _reached(found: OnCall) -> str:
    names = ", ".join(person(one.name) for one in found.persons)
    return f"{names} ({found.why})" if names else ", ".join(found.names) or found.why


def _person(rules: RuleSet, name: str, now: datetime, made: Sequence[MadeOverride]) -> Iterable[str]:
    theirs = [schedule for schedule in rules.schedules.values() if turn_at(schedule, now).person == name]
    if not theirs:
        yield f"{said(person(name), 60)} is not on call now."
    for schedule in theirs[:LINES]:
        yield _schedule(rules, schedule, now, made)
