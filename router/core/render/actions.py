"""What a person can do from a message: few buttons at a time, for a phone at night. Pure.

`ROWS` says which there are in which phase; what one carries is `core/acts/button`'s.
"""

from collections.abc import Callable, Mapping

import msgspec

from router.core.acts.button import MENU, Button, Verb, action_id, option_value, value
from router.core.mrkdwn import address
from router.core.render.blocks import Block, actions, button, confirm, menu
from router.core.view import IncidentView, Phase, State

SNOOZES = (
    ("15 min", "15m"),
    ("30 min", "30m"),
    ("1 h", "1h"),
    ("4 h", "4h"),
    ("until 09:00", "09:00"),
    ("…", "custom"),
)
"""As the menu says it, and what the button carries."""
MOST_DOTS = 5
"""Lines that Slack takes behind three dots; of more there is a menu that says so."""


class Act(msgspec.Struct, frozen=True):
    """One button, or one line of the three dots."""

    verb: Verb
    says: str
    is_primary: bool = False
    asks: tuple[str, str, str, str] | None = None
    """Before it does so: (title, question, yes, no)."""


class Row(msgspec.Struct, frozen=True):
    """What there is in one phase."""

    buttons: tuple[Act, ...]
    more: tuple[Act, ...] = ()
    """Behind the three dots."""
    has_snooze: bool = False


_RESOLVE, _ASSIGN = Act(Verb.RESOLVE, "Resolve"), Act(Verb.ASSIGN, "Assign …")
_ESCALATE, _ADD_RESPONDER = Act(Verb.ESCALATE, "Escalate …"), Act(Verb.ADD_RESPONDER, "Add responder …")
_NOTE, _SEVERITY = Act(Verb.NOTE, "Add a note …"), Act(Verb.SEVERITY, "Severity …")
_TAKE_BACK = ("Take it back?", "Nobody has acknowledged it then, and paging goes on.", "Take back", "Leave it")

ROWS: Mapping[Phase, Row] = {
    Phase.OPEN: Row(
        (Act(Verb.ACKNOWLEDGE, "Acknowledge", is_primary=True),),
        (_RESOLVE, _ESCALATE, _ADD_RESPONDER, _ASSIGN, _NOTE, _SEVERITY),
        has_snooze=True,
    ),
    Phase.ACKNOWLEDGED: Row(
        (
            msgspec.structs.replace(_RESOLVE, is_primary=True),
            Act(Verb.UNACKNOWLEDGE, "Acknowledged ✓", asks=_TAKE_BACK),
            Act(Verb.SILENCE, "Silence …"),
        ),
        (_ESCALATE, _ADD_RESPONDER, _ASSIGN, _NOTE, _SEVERITY),
        has_snooze=True,
    ),
    Phase.SNOOZED: Row(
        (Act(Verb.ACKNOWLEDGE, "Acknowledge", is_primary=True), Act(Verb.WAKE, "End snooze")),
        (_RESOLVE, _ESCALATE, _ADD_RESPONDER, _ASSIGN, _NOTE, _SEVERITY),
    ),
    Phase.CLOSED: Row((Act(Verb.REOPEN, "Reopen"),), (_ASSIGN, _NOTE)),
}


def action_row(view: IncidentView, *, instance: str, external_url: str = "") -> list[Block]:
    """The buttons under a message; none once it is over."""
    if view.state is State.RESOLVED:
        return []
    row, number = ROWS[view.response.phase], view.number

    def carried(write: Callable[..., str], verb: Verb, detail: str = "") -> str:
        return write(Button(verb, number, detail), instance=instance)

    elements = [
        button(
            act.says,
            action_id(act.verb),
            carried(value, act.verb),
            is_primary=act.is_primary,
            confirm=None if act.asks is None else confirm(*act.asks),
        )
        for act in row.buttons
    ]
    if row.has_snooze:
        options = [(says, carried(option_value, Verb.SNOOZE, span)) for says, span in SNOOZES]
        elements.append(menu(f"{MENU}.snooze", options, placeholder="Snooze"))
    elements += [
        button(label.capitalize(), action_id(Verb.OPEN, suffix=label), url=link)
        for label, link in view.links
        if label == "runbook" and address(link)
    ]
    if address(external_url):
        page = f"{external_url.rstrip('/')}/incidents/{number}"
        elements.append(button("View", action_id(Verb.OPEN, suffix="view"), url=page))
    more = [(act.says, carried(option_value, act.verb)) for act in row.more]
    elements.append(menu(MENU, more, placeholder="" if len(more) <= MOST_DOTS else "⋯"))
    return [actions(*elements)]
