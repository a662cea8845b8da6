"""The keys of `people`, `oncall` and `escalation`, and who may do and see what: their shapes and what they are for."""

import re
from datetime import timedelta

from rules.language.keys import SECOND, WINDOW_NAMES, Name
from rules.language.shape import (
    Fields,
    Flag,
    Key,
    ListOf,
    NameOf,
    OneOf,
    OrNone,
    Place,
    Record,
    Schema,
    Text,
    Whole,
    shown,
    text_of,
)
from rules.language.times import Duration, HandoffTime, Hours, Instant, MorningTime, TurnLength, Zone, said
from rules.language.webhook_keys import NAMED
from rules.language.words import ChannelText
from rules.language.yaml import Entries, Items, Node, Scalar
from rules.model.permission import ACTS, Role


class Email(Text):
    """An address, as Slack knows it."""

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text is not None and re.fullmatch(r"[^@\s<>]{1,64}@[^@\s<>]{1,190}", text):
            return text
        place.error(node, f"found {shown(node)}", expected="an e-mail address")
        return None


class SlackId(Text):
    """A member's id, not a name."""

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text is not None and re.fullmatch(r"[UW][A-Z0-9]{6,20}", text, re.ASCII):
            return text
        hint = "in Slack: profile, ⋮, Copy member ID"
        place.error(node, f"found {shown(node)}", expected="a Slack member id such as U0123ABCD", hint=hint)
        return None


def _check_person(fields: Fields) -> None:
    if "email" not in fields and "slack" not in fields:
        fields.place.error(fields.node, "a person nobody can reach", expected="email: …, or slack: U0123ABCD, or both")


ROLE = OneOf(*(role.value for role in Role))

PERSON = Record(
    "person",
    {
        "email": Key(Email("an e-mail address"), "As Slack knows it; looked up there."),
        "slack": Key(SlackId("a Slack member id"), "Slack member id; needs no look-up."),
        "role": Key(ROLE, "What they may do: observer, responder, manager or admin; default: as roles says."),
    },
    check=_check_person,
)


def _check_rotation(fields: Fields) -> None:
    every, handoff = fields.get("every"), fields.get("handoff")
    if every is None or handoff is None:
        return
    if every % 7 == 0 and handoff.weekday is None:
        fields.error("handoff", "turns of weeks need a day to hand over", expected="handoff: mon 09:00")
    if every % 7 and handoff.weekday is not None:
        fields.error("handoff", "turns of days drift through the week", expected="a time alone, or every: 1w")


PEOPLE_IN_TURN = ListOf(NameOf("person"), "a list of people such as [alice, bob]")
ROTATION = Record(
    "rotation",
    {
        "people": Key(PEOPLE_IN_TURN, "Who takes turns, the first name first.", required=True),
        "every": Key(TurnLength(), "How long a turn is: 1d, 1w, 2w.", required=True),
        "handoff": Key(HandoffTime(), "When people hand over: mon 09:00; for turns of days 09:00.", required=True),
        "starts": Key(Instant(), "The first turn begins with the hand-over on or after it.", required=True),
        "until": Key(Instant(), "It ends with the hand-over on or after it."),
    },
    check=_check_rotation,
)
OVERRIDE = Record(
    "override",
    {
        "person": Key(NameOf("person"), "Who is on call instead.", required=True),
        "from": Key(Instant(), "From then on.", required=True),
        "until": Key(Instant(), "Until then (exclusive).", required=True),
    },
)


ROTATIONS = {
    "rotation": Key(ROTATION, "Who takes turns."),
    "rotations": Key(ListOf(ROTATION, "a list of rotations"), "Rotations that follow each other."),
}


def _check_layer(fields: Fields) -> None:
    _check_turns(fields, "layer", "rotation: {…}, or rotations: [{…, until: …}, {…, starts: …}]", *ROTATIONS)


def _check_schedule(fields: Fields) -> None:
    expected = (
        "rotation: {…}, rotations: [{…, until: …}, {…, starts: …}], or layers: [{name: …, hours: …, rotation: {…}}]"
    )
    _check_turns(fields, "schedule", expected, *ROTATIONS, "layers")


def _check_turns(fields: Fields, what: str, expected: str, *keys: str) -> None:
    """Exactly one of the ways to say who takes turns."""
    found = [key for key in keys if key in fields]
    if len(found) != 1:
        message = f"both {' and '.join(found)}" if found else f"a {what} without a rotation"
        fields.place.error(fields.node, message, expected=expected)


LAYER = Record(
    "layer",
    {
        "name": Key(Name(), "Said with the name of who is on call.", required=True),
        "hours": Key(Hours(), "18:00-09:00, or a list; the end is exclusive. Without it: all hours."),
        **ROTATIONS,
    },
    check=_check_layer,
)


class SlackGroup(Text):
    """A Slack user group: its handle, or its id."""

    def read(self, node: Node, place: Place) -> str | None:
        text = text_of(node)
        if text is not None and re.fullmatch(r"@[a-z0-9][a-z0-9._-]{0,80}|S[A-Z0-9]{6,20}", text, re.ASCII):
            return text
        hint = f'write "@{text.lower()}"' if text is not None and re.fullmatch(r"[A-Za-z0-9._-]{1,80}", text) else ""
        place.error(node, f"found {shown(node)}", expected=self.expected, hint=hint)
        return None


def _check_announce(fields: Fields) -> None:
    if "at" not in fields and fields.get("handover") is False:
        fields.place.error(fields.node, "it announces nothing", expected="at: 09:00, or handover: true, or both")


ANNOUNCE = Record(
    "announce",
    {
        "channel": Key(ChannelText(), "Where it is said.", required=True),
        "at": Key(MorningTime(), "Who is on call, primary and secondary: 09:00 on weekdays, or mon-sun 09:00."),
        "handover": Key(Flag(), "Whether it is said when somebody else is on call. Default true."),
    },
    check=_check_announce,
)

SCHEDULE = Record(
    "schedule",
    {
        **ROTATIONS,
        "layers": Key(
            ListOf(LAYER, "a list of layers", most=20), "Rotations by hours; the first that covers the instant wins."
        ),
        "overrides": Key(ListOf(OVERRIDE, "a list of overrides", least=0), "One person instead of whose turn it is."),
        "group": Key(
            SlackGroup('a Slack user group such as "@payments-oncall", or its id such as S0123ABCD'),
            "A Slack user group whose members become whoever is on call.",
        ),
        "announce": Key(ANNOUNCE, "Said in a channel: who is on call, every morning and when that changes."),
        "timezone": Key(Zone(), "IANA zone of hand-overs and instants; default: the file's."),
    },
    later={"ical": "a calendar as schedule"},
    check=_check_schedule,
)


SLACK_GROUP = SlackGroup('a Slack user group such as "@team", or its id such as S0123ABCD')
SLACK_GROUPS = ListOf(SLACK_GROUP, "a group or a list of them", single=True, unique=True, most=50)
REACHES = ("oncall", "person", "group", "channel", "webhook")


def _check_step(fields: Fields) -> None:
    said_keys = [key for key in REACHES if key in fields]
    if len(said_keys) == 1:
        return
    found = "a step that reaches nobody" if not said_keys else f"a step with {' and '.join(said_keys)}"
    fields.place.error(fields.node, found, expected=f"one of {', '.join(REACHES)}")


_NEVER = "oncall, person, group, channel or webhook: a policy never reaches a policy"
STEP = Record(
    "step",
    {
        "after": Key(Duration(), "Counted from the start of the round; must grow. Default 0s."),
        "oncall": Key(NameOf("schedule"), "Whoever that schedule says."),
        "person": Key(ListOf(NameOf("person"), "a person or a list of them", single=True), "One or more persons."),
        "group": Key(
            ListOf(SLACK_GROUP, "a group or a list of them", single=True),
            "A Slack user group: mentioned where the incident is at home.",
        ),
        "channel": Key(
            ListOf(ChannelText(), "a channel or a list of them", single=True), "A new word in that channel."
        ),
        "webhook": Key(
            NAMED,
            "The name of one under webhooks: it is told the incident, and rings.",
        ),
        "only": Key(WINDOW_NAMES, "Outside these windows the step is skipped."),
        "quiet": Key(WINDOW_NAMES, "Inside these windows the step is skipped."),
    },
    foreign={"policy": _NEVER, "escalation": _NEVER, "schedule": "oncall: NAME", "user": "person: NAME"},
    check=_check_step,
)


def _check_policy(fields: Fields) -> None:
    steps = [step for step in fields.get("steps", ()) if step is not None]
    before: timedelta | None = None
    for number, step in enumerate(steps):
        after = step.get("after", timedelta(0))
        if before is not None and after <= before:
            step.error(
                "after",
                f"step {number + 1} comes after {said(after)}",
                expected=f"more than {said(before)}: it must grow",
            )
        before = after
    if ("repeat" in fields) != ("every" in fields):
        fields.place.error(fields.node, "repeat and every belong together", expected="repeat: 2, every: 30m")
    every = fields.get("every")
    if every is not None and before is not None and every <= before:
        fields.error(
            "every",
            f"a round begins before the last step ({said(before)}) of the one before",
            expected=f"more than {said(before)}",
        )


POLICY = Record(
    "policy",
    {
        "steps": Key(
            ListOf(STEP, "a list of steps such as [{oncall: payments}]", most=50), "Whom to reach.", required=True
        ),
        "repeat": Key(Whole(0, 100), "Up to so many further rounds until somebody acknowledges."),
        "every": Key(Duration(SECOND), "How far apart the rounds begin."),
    },
    check=_check_policy,
)


ROLES = Record(
    "roles",
    {
        **{role.value: Key(SLACK_GROUPS, f"Slack user groups whose members are {role.value}s.") for role in Role},
        "known": Key(ROLE, "Of everybody under people of whom nothing else says it; default responder."),
        "unmatched": Key(
            ROLE,
            "Of Slack accounts that are nobody's under people; default observer, and responder while the file says nothing of roles.",
        ),
    },
)


def _check_actions(fields: Fields) -> None:
    for act in fields.get("anyone", ()):
        if act is not None and act in fields:
            fields.error("anyone", f"{act} stands under anyone and by itself", expected="it once")


ACTIONS = OrNone(
    Record(
        "actions",
        {
            **{act: Key(ROLE, "The least role that may do it; default responder.") for act in ACTS},
            "anyone": Key(
                ListOf(OneOf(*ACTS), "an act or a list of them", single=True, unique=True),
                "What everybody may do, observers and unmatched accounts too: [note].",
            ),
        },
        foreign={
            "ack": "acknowledge",
            "unack": "unacknowledge",
            "close": "resolve",
            "trigger": "declare",
            "new": "declare",
            "override": "take",
        },
        check=_check_actions,
    )
)

_SEES = Record("sees", {"role": Key(ROLE, "Whoever has this role, or a higher one.", required=True)})


class Private:
    """true, false, or who sees it beside the team and admins: people, Slack user groups, {role: manager}."""

    expected = 'true, false, or a list of who sees it, such as [alice, "@payments", {role: manager}]'

    def read(self, node: Node, place: Place) -> bool | tuple[object, ...] | None:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        if not isinstance(node, Items) or not 1 <= len(node.items) <= 100:
            place.error(node, f"found {shown(node)}", expected=self.expected)
            return None
        return tuple(self._one(item, place.item(number)) for number, item in enumerate(node.items))

    def _one(self, node: Node, place: Place) -> object:
        if isinstance(node, Entries):
            found = _SEES.read(node, place)
            role = None if found is None else found.get("role")
            return None if role is None else Role(role)
        if (text_of(node) or "").startswith("@"):
            return SLACK_GROUP.read(node, place)
        return NameOf("person").read(node, place)

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        one: Schema = {"anyOf": [{"type": "string", "minLength": 1}, _SEES.schema(definitions)]}
        return {"anyOf": [{"type": "boolean"}, {"type": "array", "items": one, "minItems": 1, "maxItems": 100}]}
