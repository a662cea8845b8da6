"""The keys of a team's file: the main file's but those that are one for all, and whose it is."""

from functools import cache

from rules.language.keys import Name
from rules.language.routing_keys import TEAM_ROUTING
from rules.language.service_keys import document
from rules.language.shape import Fields, Key, ListOf, NameOf, Record, Whole
from rules.language.words import ChannelText, Match

_MAINS = "it in the main file"
MAIN_ONLY = {
    "name": f"{_MAINS}: the instance has one name",
    "server": f"{_MAINS}: there is one listener",
    "storage": f"{_MAINS}: there is one store",
    "slack": f"{_MAINS}: there is one way to Slack",
    "sources": f"{_MAINS}: a source sends for everybody",
    "catalog": f"{_MAINS}: the catalogue is everybody's",
    "copies": f"{_MAINS}; also: on a route of this one",
    "retention": f"{_MAINS}: there is one store",
    "roles": f"{_MAINS}: a role holds for everybody's incidents",
    "silences": f"{_MAINS}: what people may silence is one for all",
    "rules_files": f"{_MAINS}: it names the files of all teams",
    "router": _MAINS,
}
"""What a team's file does not have of the main file's keys, and where it belongs."""


def _check_owner(fields: Fields) -> None:
    if "channel" not in fields and "people" not in fields:
        fields.place.error(
            fields.node, "an owner nobody can reach", expected='channel: "#team", or people: [NAME], or both'
        )


OWNER = Record(
    "owner",
    {
        "channel": Key(ChannelText(), "Where it is told that this file was refused, and that it is well again."),
        "people": Key(ListOf(NameOf("person"), "a list of people such as [alice]"), "Told where there is no channel."),
    },
    check=_check_owner,
)


@cache
def team_document() -> Record:
    """A team's file: the main file's keys but those that are one for all, and whose it is."""
    main = document()
    whose = {
        "team": Key(Name(), "Whose file it is; its routes stand below a route of this name.", required=True),
        "owner": Key(OWNER, "Who is told what becomes of this file.", required=True),
        "scope": Key(Match(), "Which alerts are this team's; no two teams' may overlap.", required=True),
        "order": Key(Whole(-1000, 1000), "Where two scopes overlap on purpose and both say it: the lower comes first."),
        "routing": Key(TEAM_ROUTING, "What goes where within the scope; inherits the main file's root."),
    }
    return Record(
        "team_file",
        {"version": main.keys["version"], **whose}
        | {name: key for name, key in main.keys.items() if name not in MAIN_ONLY and name not in whose},
        later={name: why for name, why in main.later.items() if name not in MAIN_ONLY and name not in whose},
        foreign=main.foreign,
        elsewhere=MAIN_ONLY,
        free="x-",
    )
