"""Where an incident is told: channels and their forms, `copies`, and the catalogue's entries.

Owns how they are written. What a form finds for an alert's labels is `catalog.py`.
"""

from pathlib import PurePath
from typing import Any

from rules.language.keys import WINDOW_NAMES, Either, Name
from rules.language.shape import Fields, Key, ListOf, MapOf, NameOf, OrNone, Place, Record, Schema, Text, shown, text_of
from rules.language.words import CHANNEL_NAME, ChannelText, Match
from rules.language.yaml import Entries, Items, Node, YamlError, read
from rules.model.route import ChannelForm, FromCatalog, FromLabel

CATALOGUE = NameOf("catalogue")


class Only:
    """The values that may name a channel: a list, or the entries of a catalogue."""

    expected = "the values that may name a channel, [web, data] or {catalog: team}: senders do not choose channels"

    def __init__(self) -> None:
        self.values = ListOf(Text("a label's value"), self.expected, unique=True)
        keys = {"catalog": Key(CATALOGUE, "The entries of this catalogue.", required=True)}
        self.catalog = Record("only_catalog", keys)

    def read(self, node: Node, place: Place) -> Any:
        return self.catalog.read(node, place) if isinstance(node, Entries) else self.values.read(node, place)

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        return {"anyOf": [self.values.schema(definitions), self.catalog.schema(definitions)]}


def bad_name(form: FromLabel, value: str) -> str:
    """What is wrong with the name that a value makes; "" if nothing is."""
    name = form.name(value)
    return "" if CHANNEL_NAME.fullmatch(name) else f"{value[:60]!r} makes {name[:80]!r}: no channel can be called so"


NAMEABLE = 'a name such as "#web-alerts": lower case, without blanks'


def _check_label(fields: Fields) -> None:
    entry = fields.node.entries.get("only")
    if entry is None or not isinstance(entry.node, Items):
        return
    for number, value in enumerate(fields.get("only", ())):
        if complaint := bad_name(label_form(fields), value):
            fields.place.key("only").item(number).error(entry.node.items[number], complaint, expected=NAMEABLE)


FROM = Record(
    "channel_from", {"from": Key(CATALOGUE, "A label, looked up in the catalogue of its name.", required=True)}
)
LABEL = Record(
    "channel_label",
    {
        "label": Key(Text("a label's name"), "The label whose value is part of the name.", required=True),
        "prefix": Key(Text('the beginning of the name in quotes, such as "#"'), 'Before the value; default "#".'),
        "suffix": Key(Text("the end of the name, such as -alerts"), "After the value."),
        "only": Key(Only(), "The values that may: a list, or {catalog: NAME}.", required=True),
    },
    check=_check_label,
)


def label_form(fields: Fields) -> FromLabel:
    """The form, of fields that may have been refused."""
    only = fields.get("only", ())
    return FromLabel(
        fields.get("label", ""),
        fields.get("prefix", "#"),
        fields.get("suffix", ""),
        only if isinstance(only, tuple) else (),
        only.get("catalog", "") if isinstance(only, Fields) else "",
    )


class ChannelList:
    """One channel or a list of them, the first home where there is a home; with forms, unless a catalogue asks."""

    forms = "{from: service} or {label: team, only: [web, data]}"

    def __init__(self, expected: str, *, has_forms: bool = True) -> None:
        self.expected, self.has_forms = expected, has_forms

    def read(self, node: Node, place: Place) -> tuple[ChannelForm, ...] | None:
        if not isinstance(node, Items):
            one = self._one(node, place)
            return None if one is None else (one,)
        if not node.items:
            place.error(
                node,
                "an empty list",
                expected=self.expected,
                hint="to tell nobody write none" if self._takes_none else "",
            )
            return None
        found = [self._one(item, place.item(number)) for number, item in enumerate(node.items)]
        for number, channel in enumerate(found):
            if channel is not None and channel in found[:number]:
                place.item(number).error(node.items[number], f"{channel} stands here twice", expected="once")
        return tuple(channel for channel in found if channel is not None) if all(found) else None

    @property
    def _takes_none(self) -> bool:
        return self.expected.endswith("none")

    def _one(self, node: Node, place: Place) -> ChannelForm | None:
        if not isinstance(node, Entries):
            if text_of(node) == "none" and not self._takes_none:
                place.error(node, "found 'none'", expected=self.expected)
                return None
            return ChannelText().read(node, place)
        if not self.has_forms:
            place.error(node, "found a map", expected=self.expected, hint="an entry names its channels")
        elif "from" in node.entries:
            looked_up = FROM.read(node, place)
            return None if looked_up is None or not looked_up.get("from") else FromCatalog(looked_up.get("from"))
        elif "label" in node.entries:
            made = LABEL.read(node, place)
            return None if made is None or not made.get("label") or not made.get("only") else label_form(made)
        else:
            place.error(node, "found a map", expected=self.forms)
        return None

    def _one_schema(self, definitions: dict[str, Schema]) -> Schema:
        one = ChannelText().schema(definitions)
        if self.has_forms:
            return {"anyOf": [one, FROM.schema(definitions), LABEL.schema(definitions)]}
        return one

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        one = self._one_schema(definitions)
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "uniqueItems": True}]}


class Channel:
    """What a route tells: one channel, a list of them (the first is home), or `none`."""

    expected = 'a channel such as "#alerts", a list of them, or none'

    def __init__(self, *, has_forms: bool = True) -> None:
        self.channels = ChannelList(self.expected, has_forms=has_forms)

    def read(self, node: Node, place: Place) -> tuple[ChannelForm, ...] | None:
        return () if text_of(node) == "none" else self.channels.read(node, place)

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        return {"anyOf": [{"const": "none"}, self.channels.schema(definitions)]}


FURTHER = ChannelList('a channel such as "#alerts", or a list of them')

COPY = Record(
    "copy",
    {
        "name": Key(Name(), "Shown by check and route.", required=True),
        "match": Key(Match(), "Incidents with an alert that matches are shown here too.", required=True),
        "channel": Key(FURTHER, "One or more channels: edited only, no thread, no page.", required=True),
    },
    foreign={"page": "no page: a copy is shown, it wakes nobody", "channels": "channel: it takes a list"},
)

TARGET = NameOf("policy, schedule or person")
TARGET_EXPECTED = "the name of a policy, schedule or person, or {policy: NAME, only: [WINDOW]}"
ENTRY = Record(
    "catalog_entry",
    {
        "channel": Key(Channel(has_forms=False), "What {from: …} as channel gives: a name, an id, a list, or none."),
        "page": Key(
            OrNone(
                Either(
                    TARGET,
                    Record(
                        "entry_page",
                        {
                            "policy": Key(
                                TARGET, "An escalation policy; else a schedule; else a person.", required=True
                            ),
                            "only": Key(WINDOW_NAMES, "The page waits until one of these windows holds."),
                            "quiet": Key(WINDOW_NAMES, "The page waits while one of these windows holds."),
                        },
                    ),
                    TARGET_EXPECTED,
                )
            ),
            "What {from: …} as page gives: a policy, schedule or person, or none.",
        ),
    },
    free="x-",
)
ENTRIES = MapOf(ENTRY, "a map from a label's values to entries such as {channel: …, page: …}")


class Catalogue:
    """The entries, or `{file: services.yaml}` with a map of the same form."""

    expected = ENTRIES.expected + ", or {file: services.yaml}"

    def read(self, node: Node, place: Place) -> dict[str, Any] | None:
        named = node.entries.get("file") if isinstance(node, Entries) and len(node.entries) == 1 else None
        if named is not None and (path := text_of(named.node)):
            return self._from_file(path, named.node, place.key("file"))
        if not isinstance(node, Entries):
            text = text_of(node)
            hint = f"write {{file: {text}}}" if text else ""
            place.error(node, f"found {shown(node)}", expected=self.expected, hint=hint)
            return None
        return ENTRIES.read(node, place)

    @staticmethod
    def _from_file(path: str, at: Node, place: Place) -> dict[str, Any] | None:
        report = place.report
        try:
            text = report.text_beside(path)
        except ValueError as error:
            place.error(at, str(error), expected="a regular file below this one's folder")
            return None
        inside = Place(report.of(str(PurePath(report.file).parent / path)))
        try:
            node, mistakes = read(text, whole=ENTRIES.expected + "; {} for none")
        except YamlError as error:
            inside.error(error.mark, error.message, expected=error.expected, hint=error.hint)
            return None
        for mistake in mistakes:
            inside.error(mistake.mark, mistake.message, expected=mistake.expected, hint=mistake.hint)
        return ENTRIES.read(node, inside)

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        named = {
            "type": "object",
            "properties": {"file": {"type": "string", "minLength": 1}},
            "required": ["file"],
            "additionalProperties": False,
        }
        return {"anyOf": [named, ENTRIES.schema(definitions)]}


CATALOG = MapOf(Catalogue(), "a map from labels to catalogues such as {service: {file: services.yaml}}")
COPIES = ListOf(COPY, "a list of copies", least=0)
