"""What each button asks for, and what becomes of the modal that it opens. Pure.

A new button is its word in `core/acts/button.Verb`, and its line in `DEEDS` here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from adapters.alert import Severity
from router.core.acts.button import Button, NotOurs, Verb
from router.core.acts.grammar.command import Swap, Take, Target, TargetKind, Untake
from router.core.acts.grammar.parse import LONGEST_SPAN
from router.core.mrkdwn import clean, clip, words
from router.core.render.blocks import OPTIONS
from router.core.render.form import LONGEST_TEXT, TITLE, Choice, Form, Somebody, Text
from router.core.view import IncidentView
from rules.language.times import duration
from rules.model.matcher import Matcher, MatcherError, Op
from rules.model.matcher import parse as parse_matchers
from rules.model.window import instant, zone


class Moment(msgspec.Struct, frozen=True):
    """When it is asked, in which zone times of day are meant, and whom the rules have."""

    at: datetime
    zone: str
    policies: tuple[str, ...] = ()
    """Escalation policies, by name."""
    groups: tuple[str, ...] = ()
    """Slack user groups that they name."""


class Wanted(msgspec.Struct, frozen=True):
    """An act, before it is known who does it and what the people in it are called."""

    incident: int
    verb: Verb
    note: str = ""
    until: datetime | None = None
    people: tuple[Target, ...] = ()
    """ASSIGN: whom."""
    reaches: tuple[Target, ...] = ()
    """ESCALATE: whom; (): the next step. ADD_RESPONDER: whom."""
    severity: Severity | None = None


class Declare(msgspec.Struct, frozen=True):
    """An incident that somebody says there is, before it is known who says it."""

    title: str
    service: str = ""
    """As it was typed."""
    severity: Severity | None = None


class Silence(msgspec.Struct, frozen=True):
    """Nothing is to be heard of these alerts from now on, until then."""

    matchers: tuple[Matcher, ...]
    until: datetime
    comment: str = ""


class Unsilence(msgspec.Struct, frozen=True):
    """End a silence."""

    id: str


class Extend(msgspec.Struct, frozen=True):
    """A silence ends later by so long."""

    id: str
    span: timedelta


class StandIn(msgspec.Struct, frozen=True):
    """Somebody is on call instead of whose turn it is, or no longer, before it is known who says so."""

    asked: Take | Untake | Swap


Task = Wanted | Declare | Silence | Unsilence | Extend | StandIn
"""What is carried out."""


class Word(msgspec.Struct, frozen=True):
    """Nothing is done; this is said to who pressed."""

    text: str
    """mrkdwn."""


class Look(msgspec.Struct, frozen=True):
    """Nothing is done yet: its window says anew what it would come to."""


class Nothing(msgspec.Struct, frozen=True):
    """Nothing is done, and there is nothing to say."""


class Errors(msgspec.Struct, frozen=True):
    """A modal cannot be carried out as it is filled in."""

    by_field: Mapping[str, str]
    """The name of a field → what is wrong."""


Given = Mapping[str, str]
"""What stands in a modal, by the name of the field."""
Press = Callable[[Button, Moment], Task | Form | Look | Word | Nothing]
Send = Callable[[Button, Given, Moment], Task | Errors]
Fill = Callable[[Form, IncidentView], Form]


class Deed(msgspec.Struct, frozen=True):
    """What a verb comes to."""

    press: Press
    """A button was pressed."""
    send: Send | None = None
    """Its modal was sent; None: it has none."""
    done: str = ""
    """After the incident's number, to who gave the command."""
    fill: Fill | None = None
    """What is known of the incident goes into its modal before anybody types."""
    looks: bool = False
    """Its modal says what it would come to, before anybody sends it."""
    shows: str = ""
    """The title of what stands in the modal's place once it is carried out, and says what came of it; "": it closes."""


NOT_OURS: Mapping[NotOurs, str] = {
    NotOurs.FOREIGN: "This button is not one of alert-router's, so nothing was done.",
    NotOurs.UNKNOWN_VERB: "This version of alert-router does not know that button, so nothing was done: another release made it.",
    NotOurs.UNKNOWN_VERSION: "This version of alert-router cannot read that button, so nothing was done: another release made it.",
    NotOurs.OTHER_INSTANCE: "Another alert-router posted this message, so nothing was done: this one has no such incident.",
    NotOurs.UNREADABLE: "What this button carries cannot be read, so nothing was done.",
}
DECLARED_AS: Final = Severity.HIGH
"""The severity of what somebody declares and says none of."""
LOOK: Final = "look"
"""What the button of a window carries that asks what it would come to."""
LONGEST_NOTE: Final = 1_200
"""Characters of what somebody else wrote: with their escapes a modal carries so many."""
_TIME: Final = re.compile(r"(?:until +)?([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_AS_THE_ALERTS: Final = "alerts"
_NEXT_STEP: Final = "next"
_POLICY, _GROUP = "policy ", "group "
_MOST_OPTIONS, _LONGEST_OPTION = 100, 150
"""Of a menu, as Slack takes it."""
_SPAN: Final = "a duration such as 90m or 2d, or a time such as 09:00"


def until(text: str, moment: Moment) -> datetime | None:
    """The end of what begins now: `90m`, `until 09:00`, `09:00`, which is the next one. None: it is neither, or too far."""
    cleaned = text.strip().lower()
    if (time := _TIME.fullmatch(cleaned)) is not None:
        minutes = int(time[1]) * 60 + int(time[2])
        today = moment.at.astimezone(zone(moment.zone)).date()
        days = (today + timedelta(days=number) for number in range(3))
        return next(at for day in days if (at := instant(day, minutes, moment.zone)) > moment.at)
    span = duration(cleaned.replace(" ", ""))
    return moment.at + span if span is not None and timedelta(0) < span <= LONGEST_SPAN else None


def _at_once(button: Button, _: Moment) -> Wanted:
    return Wanted(button.incident, button.verb)


def _nothing(_: Button, __: Moment) -> Nothing:
    return Nothing()


def _snooze(button: Button, moment: Moment) -> Wanted | Form | Word:
    if button.detail in {"", "custom"}:
        return Form(f"Snooze #{button.incident}", "Snooze", (Text("until", "Until when?", _until_hint(moment), "2h"),))
    found = until(button.detail, moment)
    if found is None:
        return Word("What this button carries cannot be read, so nothing was done.")
    return Wanted(button.incident, Verb.SNOOZE, until=found)


def _snoozed(button: Button, given: Given, moment: Moment) -> Wanted | Errors:
    found = until(given.get("until", ""), moment)
    if found is None:
        return Errors({"until": f"Expected {_SPAN}."})
    return Wanted(button.incident, Verb.SNOOZE, until=found)


def _resolve(button: Button, _: Moment) -> Form:
    note = Text("note", "What was it?", "For whoever meets it next.", is_optional=True, is_long=True)
    return Form(f"Resolve #{button.incident}", "Resolve", (note,))


def with_note(form: Form) -> Form:
    """The route asks for a note: none of its texts may be left empty."""
    fields = (
        msgspec.structs.replace(field, is_optional=False) if isinstance(field, Text) else field for field in form.fields
    )
    return msgspec.structs.replace(form, fields=tuple(fields))


def _resolved(button: Button, given: Given, _: Moment) -> Wanted:
    return Wanted(button.incident, Verb.RESOLVE, note=given.get("note", "").strip())


def _note(button: Button, _: Moment) -> Form:
    return Form(f"Note on #{button.incident}", "Write down", (Text("note", "Note", is_long=True),))


def _noted(button: Button, given: Given, _: Moment) -> Wanted | Errors:
    text = given.get("note", "").strip()
    return Wanted(button.incident, Verb.NOTE, note=text) if text else Errors({"note": "It is empty."})


def _assign(button: Button, _: Moment) -> Form:
    return Form(f"Assign #{button.incident}", "Assign", (Somebody("who", "Who takes it?"),))


def _assigned(button: Button, given: Given, _: Moment) -> Wanted | Errors:
    who = given.get("who", "")
    if not who:
        return Errors({"who": "Nobody is chosen."})
    return Wanted(button.incident, Verb.ASSIGN, people=(Target(TargetKind.USER, id=who),))


def _escalate(button: Button, moment: Moment) -> Form:
    named = [(f"{_POLICY}{name}", f"Policy {name}") for name in moment.policies]
    named += [(f"{_GROUP}{name}", f"Group {name}") for name in moment.groups]
    fit = [one for one in named if len(one[0]) <= _LONGEST_OPTION]
    options = ((_NEXT_STEP, "The next step of its escalation"), *fit)[:_MOST_OPTIONS]
    return Form(
        f"Escalate #{button.incident}",
        "Escalate",
        (Choice("to", "To whom?", options, chosen=_NEXT_STEP), Somebody("who", "Or to somebody", is_optional=True)),
    )


def _escalated(button: Button, given: Given, _: Moment) -> Wanted | Errors:
    to, who = given.get("to", _NEXT_STEP) or _NEXT_STEP, given.get("who", "")
    if to != _NEXT_STEP and who:
        return Errors({"who": "One of the two is enough."})
    reaches: tuple[Target, ...] = ()
    if who:
        reaches = (Target(TargetKind.USER, id=who),)
    elif to.startswith(_POLICY):
        reaches = (Target(TargetKind.NAME, to.removeprefix(_POLICY)),)
    elif to.startswith(_GROUP):
        reaches = (Target(TargetKind.GROUP, to.removeprefix(_GROUP)),)
    return Wanted(button.incident, Verb.ESCALATE, reaches=reaches)


def _add_responder(button: Button, _: Moment) -> Form:
    return Form(f"Responder for #{button.incident}"[:24], "Ask", (Somebody("who", "Who is to help?"),))


def _responder_added(button: Button, given: Given, _: Moment) -> Wanted | Errors:
    who = given.get("who", "")
    if not who:
        return Errors({"who": "Nobody is chosen."})
    return Wanted(button.incident, Verb.ADD_RESPONDER, reaches=(Target(TargetKind.USER, id=who),))


def _severity(button: Button, _: Moment) -> Form:
    options = [(severity.value, severity.value.upper()) for severity in Severity]
    choice = Choice("severity", "Severity", (*options, (_AS_THE_ALERTS, "As its alerts say it")))
    return Form(f"Severity #{button.incident}", "Set", (choice,))


def _severity_set(button: Button, given: Given, _: Moment) -> Wanted | Errors:
    chosen = given.get("severity", "")
    if chosen == _AS_THE_ALERTS:
        return Wanted(button.incident, Verb.SEVERITY)
    if chosen not in {severity.value for severity in Severity}:
        return Errors({"severity": "Nothing is chosen."})
    return Wanted(button.incident, Verb.SEVERITY, severity=Severity(chosen))


def _declare(_: Button, __: Moment) -> Form:
    title = Text("title", "What is the matter?", placeholder="Nobody can pay")
    service = Text("service", "Service", "As the catalogue calls it.", is_optional=True)
    options = tuple((severity.value, severity.value.upper()) for severity in Severity)
    severity = Choice(
        "severity", f"Severity ({DECLARED_AS.value.upper()} where none is chosen)", options, is_optional=True
    )
    return Form("Declare an incident", "Declare", (title, service, severity))


def _declared(_: Button, given: Given, __: Moment) -> Declare | Errors:
    title, severity = given.get("title", "").strip(), given.get("severity", "")
    if not title:
        return Errors({"title": "It needs a title."})
    if severity and severity not in {one.value for one in Severity}:
        return Errors({"severity": "That is no severity."})
    return Declare(title, given.get("service", "").strip(), Severity(severity) if severity else None)


def _silence(button: Button, moment: Moment) -> Form | Look:
    if button.detail == LOOK:
        return Look()
    hint = "All that it holds back has all of these: one each line, or as rules have them."
    which = Text("matchers", "Which alerts?", hint, is_long=True)
    until = Text("until", "Until when?", _until_hint(moment), "2h")
    why = Text("comment", "Why?", "For whoever wonders.", is_optional=True)
    return Form(f"Silence #{button.incident}"[:TITLE], "Silence", (which, until, why))


def _with_matchers(form: Form, view: IncidentView) -> Form:
    """Of the incident's group. What is cut short would hold back more: then they are to be typed."""
    labels = view.group_labels or {"alert.name": view.name}
    typed = "\n".join(str(Matcher(name, Op.EQUAL, text)) for name, text in labels.items())
    return filled(form, {"matchers": typed if len(typed) <= LONGEST_TEXT else ""})


def filled(form: Form, given: Given) -> Form:
    """With this in its fields of text."""
    fields = tuple(
        msgspec.structs.replace(field, initial=given.get(field.name, "")) if isinstance(field, Text) else field
        for field in form.fields
    )
    return msgspec.structs.replace(form, fields=fields)


def matchers_in(typed: str) -> tuple[Matcher, ...]:
    """Of a field with some in each line. Raises MatcherError."""
    found = [matcher for line in typed.splitlines() if line.strip() for matcher in parse_matchers(line.strip(" ,\t"))]
    if not found:
        raise MatcherError("no matcher", expected='one such as team="payments"')
    return tuple(found)


def _silenced(_: Button, given: Given, moment: Moment) -> Silence | Errors:
    found, errors = until(given.get("until", ""), moment), dict[str, str]()
    if found is None:
        errors["until"] = f"Expected {_SPAN}."
    try:
        matchers = matchers_in(given.get("matchers", ""))
    except MatcherError as error:
        errors["matchers"] = f"{error.message}; expected {error.expected}."[:1_000]
        return Errors(errors)
    return Errors(errors) if found is None else Silence(matchers, found, given.get("comment", "").strip())


def _until_hint(moment: Moment) -> str:
    return f"How long, such as 90m or 2d; or until when, such as 09:00 ({moment.zone})."


def note_of(author: str, link: str, text: str) -> str:
    """What somebody wrote, as the timeline has it; cut so that a modal can carry it."""
    where = f" ({link})" if link else ""
    return clip(f"{author}{where}: {clean(text, LONGEST_NOTE).strip()}", LONGEST_NOTE)


def _timeline(_: Button, __: Moment) -> Form:
    return Form("Add to timeline", "Add", (Choice("incident", "Of which incident?", (("0", "none is open"),)),))


def which_incident(views: Sequence[IncidentView]) -> Form:
    """Of open incidents, the newest first."""
    options = tuple(
        (str(view.number), f"#{view.number} {view.severity.value.upper()} {words(view.title, 60)}") for view in views
    )
    return Form("Add to timeline", "Add", (Choice("incident", "Of which incident?", options[:OPTIONS]),))


def _into_timeline(button: Button, given: Given, _: Moment) -> Wanted | Errors:
    number = given.get("incident", "")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and int(number)):
        return Errors({"incident": "None is chosen."})
    return Wanted(int(number), Verb.NOTE, note=button.detail)


DEEDS: Mapping[Verb, Deed] = {
    Verb.ACKNOWLEDGE: Deed(_at_once, done="acknowledged"),
    Verb.UNACKNOWLEDGE: Deed(_at_once, done="the acknowledgement is taken back"),
    Verb.RESOLVE: Deed(_resolve, _resolved, done="closed"),
    Verb.REOPEN: Deed(_at_once, done="open again"),
    Verb.SNOOZE: Deed(_snooze, _snoozed, done="snoozed"),
    Verb.WAKE: Deed(_at_once, done="the snooze is over"),
    Verb.ASSIGN: Deed(_assign, _assigned, done="assigned"),
    Verb.NOTE: Deed(_note, _noted, done="written into the timeline"),
    Verb.SEVERITY: Deed(_severity, _severity_set, done="the severity is set"),
    Verb.SILENCE: Deed(_silence, _silenced, done="silenced", fill=_with_matchers, looks=True, shows="Silenced"),
    Verb.ESCALATE: Deed(_escalate, _escalated, done="escalated"),
    Verb.ADD_RESPONDER: Deed(_add_responder, _responder_added, done="asked to help"),
    Verb.DECLARE: Deed(_declare, _declared, done="declared", shows="Declared"),
    Verb.TIMELINE: Deed(_timeline, _into_timeline, done="written into the timeline", shows="Added to timeline"),
    Verb.UNSILENCE: Deed(lambda button, _: Unsilence(button.detail)),
    Verb.OPEN: Deed(_nothing),
}
