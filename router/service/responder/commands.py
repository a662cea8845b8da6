"""Which act a command asks for. Pure; what asks a question is `questions`'."""

from router.core.acts.button import Verb
from router.core.acts.grammar import command as ask
from router.core.acts.grammar.command import Command
from router.service.responder.verbs import Declare, Extend, Moment, Silence, StandIn, Task, Unsilence, Wanted


def wanted(command: Command, moment: Moment) -> Task | None:
    """None: it asks for no act, or for one that nothing carries out yet."""
    match command:
        case ask.Acknowledge(incident):
            return Wanted(incident, Verb.ACKNOWLEDGE)
        case ask.Unacknowledge(incident):
            return Wanted(incident, Verb.UNACKNOWLEDGE)
        case ask.Resolve(incident, note):
            return Wanted(incident, Verb.RESOLVE, note=note)
        case ask.Reopen(incident):
            return Wanted(incident, Verb.REOPEN)
        case ask.Note(incident, text):
            return Wanted(incident, Verb.NOTE, note=text)
        case ask.Assign(incident, to):
            return Wanted(incident, Verb.ASSIGN, people=(to,))
        case ask.Snooze(incident, span):
            return Wanted(incident, Verb.SNOOZE, until=moment.at + span)
        case ask.Wake(incident):
            return Wanted(incident, Verb.WAKE)
        case ask.Escalate(incident, to):
            return Wanted(incident, Verb.ESCALATE, reaches=() if to is None else (to,))
        case ask.AddResponders(incident, who):
            return Wanted(incident, Verb.ADD_RESPONDER, reaches=who)
        case ask.New(title, service, severity):
            return Declare(title, service, severity)
        case ask.Silence(matchers, span, comment):
            return Silence(matchers, moment.at + span, comment)
        case ask.Unsilence(number):
            return Unsilence(number)
        case ask.Extend(number, span):
            return Extend(number, span)
        case ask.Take() | ask.Untake() | ask.Swap():
            return StandIn(command)
        case ask.ChangeSeverity(incident, severity):
            return Wanted(incident, Verb.SEVERITY, severity=severity)
        case _:
            return None
