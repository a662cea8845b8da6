"""What each button asks for, and what becomes of the modal that it opens. Pure.

A new button is its word in `core/acts/button.Verb`, and its line in `DEEDS` here.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from adapters.alert import Severity
from router.core.acts.button import Button, NotOurs, Verb
from router.core.acts.grammar.command import Target, TargetKind
from router.core.acts.grammar.parse import LONGEST_SPAN
from router.core.acts.grammar.words import NOT_IN_THIS_VERSION
from router.core.render.form import Choice, Form, Somebody, Text
from rules.language.times import duration
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


class Word(msgspec.Struct, frozen=True):
    """Nothing is done; this is said to who pressed."""

    text: str
    """mrkdwn."""


class Nothing(msgspec.Struct, frozen=True):
    """Nothing is done, and there is nothing to say."""


class Errors(msgspec.Struct, frozen=True):
    """A modal cannot be carried out as it is filled in."""

    by_field: Mapping[str, str]
    """The name of a field → what is wrong."""


Given = Mapping[str, str]
"""What stands in a modal, by the name of the field."""
Press = Callable[[Button, Moment], Wanted | Form | Word | Nothing]
Send = Callable[[Button, Given, Moment], Wanted | Errors]


class Deed(msgspec.Struct, frozen=True):
    """What a verb comes to."""

    press: Press
    """A button was pressed."""
    send: Send | None = None
    """Its modal was sent; None: it has none."""
    done: str = ""
    """After the incident's number, to who gave the command."""


NOT_OURS: Mapping[NotOurs, str] = {
    NotOurs.FOREIGN: "This button is not one of alert-router's, so nothing was done.",
    NotOurs.UNKNOWN_VERB: "This version of alert-router does not know that button, so nothing was done: another release made it.",
    NotOurs.UNKNOWN_VERSION: "This version of alert-router cannot read that button, so nothing was done: another release made it.",
    NotOurs.OTHER_INSTANCE: "Another alert-router posted this message, so nothing was done: this one has no such incident.",
    NotOurs.UNREADABLE: "What this button carries cannot be read, so nothing was done.",
}
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


def _not_yet(_: Button, __: Moment) -> Word:
    return Word(NOT_IN_THIS_VERSION)


def _nothing(_: Button, __: Moment) -> Nothing:
    return Nothing()


def _snooze(button: Button, moment: Moment) -> Wanted | Form | Word:
    if button.detail in {"", "custom"}:
        hint = f"How long, such as 90m or 2d; or until when, such as 09:00 ({moment.zone})."
        return Form(f"Snooze #{button.incident}", "Snooze", (Text("until", "Until when?", hint, "2h"),))
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
    Verb.SILENCE: Deed(_not_yet),
    Verb.ESCALATE: Deed(_escalate, _escalated, done="escalated"),
    Verb.ADD_RESPONDER: Deed(_add_responder, _responder_added, done="asked to help"),
    Verb.OPEN: Deed(_nothing),
}
