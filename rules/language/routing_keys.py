"""The keys of `routing`, `maintenance` and `inhibit`: their shapes and what they are for.

A key of the language that this version does not carry out is in a `later` table: it is refused by name, never ignored.
"""

from adapters.alert import Severity
from rules.language.channel_keys import CATALOGUE, TARGET, TARGET_EXPECTED, Channel
from rules.language.keys import SECOND, WINDOWS_OR_NONE, Either, Name
from rules.language.people_keys import ACTIONS, Private
from rules.language.shape import Fields, Flag, Key, ListOf, OneOf, OrNone, Place, Record, Text
from rules.language.times import Duration, Instant, Zone, said
from rules.language.webhook_keys import ALSO
from rules.language.words import JinjaText, Match
from rules.language.yaml import Node
from rules.model.route import (
    DEFAULT_ACKNOWLEDGE_WITHIN,
    DEFAULT_GROUP_INTERVAL,
    DEFAULT_GROUP_WAIT,
    DEFAULT_REOPEN_CLOSED_AFTER,
    DEFAULT_REOPEN_WITHIN,
    DEFAULT_REPEAT_INTERVAL,
    Loudness,
    ResolveNote,
)


class GroupBy(ListOf):
    """Labels and computed names."""

    def __init__(self) -> None:
        super().__init__(
            Text("a label's name"), "a list of labels such as [alert.name, cluster]", least=0, most=64, unique=True
        )

    def read(self, node: Node, place: Place) -> tuple[str, ...] | None:
        found = super().read(node, place)
        if found is not None and "..." in found and len(found) > 1:
            place.error(node, "'...' beside other labels", expected="['...'] alone: all labels")
            return None
        return found


def _check_page(fields: Fields) -> None:
    if ("policy" in fields) == ("from" in fields):
        found = "policy and from" if "policy" in fields else "neither policy nor from"
        fields.place.error(fields.node, found, expected="one of them: policy: NAME, or from: service")


PAGE = OrNone(
    Either(
        TARGET,
        Record(
            "page",
            {
                "policy": Key(TARGET, "An escalation policy; else a schedule; else a person."),
                "from": Key(CATALOGUE, "A label: whom its entry in the catalogue of its name says."),
                "only": Key(WINDOWS_OR_NONE, "The page waits until one of these windows holds; the message does not."),
                "quiet": Key(WINDOWS_OR_NONE, "The page waits while one of these windows holds."),
            },
            check=_check_page,
        ),
        TARGET_EXPECTED,
    )
)


def _check_template(fields: Fields) -> None:
    if "text" in fields and "file" in fields:
        fields.error("file", "text and file", expected="one of them: a file holds the text")


TEMPLATE = OrNone(
    Record(
        "template",
        {
            "title": Key(JinjaText(), "The headline."),
            "text": Key(JinjaText(), "The summary."),
            "file": Key(Text("a path, relative to this file"), "A file that holds the text, instead of text."),
        },
        check=_check_template,
    )
)

HOW_LOUD = OneOf(*Loudness, expected="one of none, edit (the message), thread (a line), channel (a line that all hear)")
TELL = OrNone(
    Record(
        "tell",
        {
            "new_alerts": Key(HOW_LOUD, "More alerts, no worse than before; default thread."),
            "worse": Key(HOW_LOUD, "Severity rises, or far more alerts fire; default channel."),
            "some_resolved": Key(HOW_LOUD, "Some alerts have ended; default thread."),
            "resolved": Key(HOW_LOUD, "All have ended; default thread. The message says so whatever stands here."),
            "reopened": Key(HOW_LOUD, "An alert came back within reopen_within; default channel."),
            "repeat": Key(HOW_LOUD, "It still fires after repeat_interval; default channel."),
            "acknowledged": Key(HOW_LOUD, "Acknowledged, taken back, snoozed, woken, assigned; default thread."),
            "escalated": Key(
                HOW_LOUD, "A further step of its policy, or an acknowledgement that has run out; default channel."
            ),
            "sla": Key(HOW_LOUD, "Not acknowledged, or not resolved, within its sla; default channel."),
            "note": Key(HOW_LOUD, "Somebody added a note; default none: it stands on the incident's page."),
        },
    )
)


def _check_sla(fields: Fields) -> None:
    if not fields.node.entries:
        fields.place.error(fields.node, "no limit", expected="acknowledge: 15m, resolve: 4h, or both; or none")


SLA = OrNone(
    Record(
        "sla",
        {
            "acknowledge": Key(Duration(SECOND), "Within it somebody is to acknowledge."),
            "resolve": Key(Duration(SECOND), "Within it the incident is to be over, or closed."),
        },
        check=_check_sla,
    )
)
RESOLVE_NOTE = OneOf(*(one.value for one in ResolveNote))

ROUTE_FOREIGN = {
    "receiver": "channel, and page for whom it wakes (Alertmanager's receiver is both)",
    "matchers": "match: ['name = value'] (Alertmanager's matchers)",
    "match_re": "match: ['name =~ \"expression\"'] (Alertmanager's match_re)",
    "mute_time_intervals": "quiet: [WINDOW] (Alertmanager's mute_time_intervals)",
    "active_time_intervals": "only: [WINDOW] (Alertmanager's active_time_intervals)",
    "send_resolved": "tell: {resolved: none} for send_resolved: false (Alertmanager's); the message is edited all the same",
    "channels": "channel: it takes a list",
    "silent_after": "silent_after on a source",
    "windows": "quiet or only: [WINDOW]",
}
SEVERITY = OneOf(*(severity.value for severity in Severity))

SETTINGS = {
    "channel": Key(Channel(), 'A name in quotes ("#alerts"), an id, a form, a list (the first is home), or none.'),
    "also": Key(
        OrNone(ALSO), "Further channels that show the incident, and {webhook: NAME}; adds to the inherited ones."
    ),
    "group_by": Key(GroupBy(), "Alerts with equal labels share one message; ['...'] all labels, [] one group."),
    "group_wait": Key(
        OrNone(Duration()),
        f"How long the first word waits; default {said(DEFAULT_GROUP_WAIT)}, 0s when critical (none).",
    ),
    "group_interval": Key(
        Duration(SECOND), f"How often a thread may get lines and broadcasts; default {said(DEFAULT_GROUP_INTERVAL)}."
    ),
    "repeat_interval": Key(
        OrNone(Duration(SECOND)),
        f"How often an unacknowledged incident is said again; default {said(DEFAULT_REPEAT_INTERVAL)}.",
    ),
    "reopen_within": Key(
        Duration(), f"An alert that comes back within it reopens its incident; default {said(DEFAULT_REOPEN_WITHIN)}."
    ),
    "acknowledge_within": Key(
        OrNone(Duration(SECOND)),
        f"How long an acknowledgement lasts; then it is said, and pages go on; default {said(DEFAULT_ACKNOWLEDGE_WITHIN)}.",
    ),
    "reopen_closed_after": Key(
        OrNone(Duration(SECOND)),
        f"What was closed by hand and fires still comes back after it; default {said(DEFAULT_REOPEN_CLOSED_AFTER)}.",
    ),
    "sla": Key(SLA, "{acknowledge: 15m, resolve: 4h}: counted from the first word, and said when it is missed."),
    "resolve_note": Key(RESOLVE_NOTE, "required: who closes an incident says what it was; default optional."),
    "severity": Key(OrNone(SEVERITY), "The incident's severity, whatever its alerts say."),
    "template": Key(TEMPLATE, "{title, text} or {title, file}: own words for headline and summary."),
    "tell": Key(TELL, "How loud each change is told: {resolved: channel, repeat: thread}; none: the defaults again."),
    "quiet": Key(WINDOWS_OR_NONE, "Windows in which new bad news is held back; none takes an inherited one away."),
    "only": Key(WINDOWS_OR_NONE, "Windows outside which new bad news is held back; none takes an inherited one away."),
    "page": Key(PAGE, "Whom to wake: a policy, schedule or person; none takes an inherited one away."),
    "actions": Key(ACTIONS, "The least role for an act: {resolve: manager, anyone: [note]}; none: responder for all."),
    "private": Key(
        Private(), 'true: seen by the team and admins only; or who else: [alice, "@payments", {role: manager}].'
    ),
}

ROUTE = Record(
    "route",
    {
        "name": Key(Name(), "Required, unique among its sisters; the path of names is the route's id.", required=True),
        "match": Key(Match(), "Matchers, all of which must hold; without it the route takes all."),
        "continue": Key(Flag(), "true: sisters further down are tried too; makes a second incident."),
        **SETTINGS,
    },
    foreign=ROUTE_FOREIGN,
)
ROUTES = ListOf(ROUTE, "a list of routes, each with a name", least=0)
ROUTE.keys["routes"] = Key(ROUTES, "Routes below this one, tried in order; the first that matches owns the alert.")


def _check_root(fields: Fields) -> None:
    channels = fields.get("channel", ())
    if channels and not any(isinstance(one, str) for one in channels):
        fields.error(
            "channel",
            f"where {channels[0]} finds nothing there is nothing inherited: this is the root",
            expected="a channel here, and the form on a route below",
        )


ROUTING = Record(
    "routing",
    {
        **SETTINGS,
        "channel": Key(Channel(), "Where everything goes that no route says otherwise of.", required=True),
        "routes": Key(ROUTES, "Tried in order; the first that matches owns the alert."),
    },
    foreign={
        **ROUTE_FOREIGN,
        "match": "no match at the root: it takes what no route below does",
        "name": "no name at the root: it is called default",
        "continue": "continue only on routes below",
    },
    check=_check_root,
)
TEAM_ROUTING = Record(
    "team_routing",
    {**SETTINGS, "routes": ROUTING.keys["routes"]},
    foreign={
        **ROUTE_FOREIGN,
        "match": "no match here: scope says what this file takes",
        "name": "no name here: it is called after the team",
        "continue": "continue only on routes below",
    },
)


MAINTENANCE = Record(
    "maintenance",
    {
        "name": Key(Name(), "Shown where it holds something back.", required=True),
        "match": Key(Match(), "Which alerts.", required=True),
        "from": Key(Instant(), "When it begins.", required=True),
        "until": Key(Instant(), "When it ends (exclusive)."),
        "timezone": Key(Zone(), "IANA zone of from and until; default: the file's."),
        "reason": Key(Text(), "Shown where it holds something back: a ticket, say."),
    },
    later={"windows": "recurring maintenance", "rrule": "recurring maintenance"},
)
INHIBIT = Record(
    "inhibit",
    {
        "name": Key(Name(), "Shown where it holds something back.", required=True),
        "while": Key(Match(), "While any firing alert matches this …", required=True),
        "hold": Key(Match(), "… alerts that match this are held back,", required=True),
        "equal": Key(
            ListOf(Text("a label's name"), "a list of labels", least=0, unique=True), "if these labels are equal."
        ),
    },
    foreign={
        "source_matchers": "while: […] (Alertmanager's source_matchers)",
        "target_matchers": "hold: […] (Alertmanager's target_matchers)",
    },
)
