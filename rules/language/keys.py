"""What several parts of the configuration file share: names, windows, and the shapes of a record's usual values."""

import re
from datetime import timedelta
from typing import Any

from rules.language.shape import Fields, Key, ListOf, NameOf, OrNone, Place, Record, Schema, Shape, Text, shown, text_of
from rules.language.times import DAYS, MONTHS, DatesList, DaysOfMonth, Hours, Names, Zone
from rules.language.yaml import Entries, Items, Node, Scalar, plain

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
SECOND = timedelta(seconds=1)


def name_rule(name: str) -> str:
    """What is wrong with a name that others refer to; "" if nothing is."""
    return "" if 0 < len(name) <= 100 and "/" not in name and name.strip() == name else "1 to 100 characters, without /"


def slug_rule(name: str) -> str:
    """The same for a name that stands in a URL."""
    return "" if _SLUG.fullmatch(name) else "letters, digits, . _ -, up to 64 of them: it stands in a URL"


class Name(Text):
    """A name that others refer to."""

    def __init__(self) -> None:
        super().__init__("a name, without /")

    def read(self, node: Node, place: Place) -> str | None:
        text = super().read(node, place)
        if text is None:
            return None
        if complaint := name_rule(text):
            place.error(node, f"the name {shown(node)}", expected=complaint)
            return None
        return text


class Raw:
    """Anything; whoever it is passed to has the say."""

    expected = "a value"

    def read(self, node: Node, _: Place) -> Any:
        return plain(node)

    def schema(self, _: dict[str, Schema], /) -> Schema:
        return {}


class LabelValue:
    """A constant, or `{label: x}`: a copy of a sent label."""

    expected = "a text, or {label: NAME} to copy one"

    def read(self, node: Node, place: Place) -> str | dict[str, str] | None:
        if isinstance(node, Scalar) and node.value is not None and node.text:
            return node.text
        if isinstance(node, Entries) and list(node.entries) == ["label"]:
            text = text_of(node.entries["label"].node)
            if text:
                return {"label": text}
        place.error(node, f"found {shown(node)}", expected=self.expected)
        return None

    def schema(self, _: dict[str, Schema], /) -> Schema:
        copy = {
            "type": "object",
            "properties": {"label": {"type": "string", "minLength": 1}},
            "required": ["label"],
            "additionalProperties": False,
        }
        return {"anyOf": [{"type": ["string", "number", "boolean"]}, copy]}


class Either:
    """A word or other short form, or a record."""

    def __init__(self, short: Shape[Any], record: Shape[Any], expected: str) -> None:
        self.short, self.record, self.expected = short, record, expected

    def read(self, node: Node, place: Place) -> Any:
        if isinstance(node, Entries):
            return self.record.read(node, place)
        if isinstance(node, Items) or node.value is None:
            place.error(node, f"found {shown(node)}", expected=self.expected)
            return None
        return self.short.read(node, place)

    def schema(self, definitions: dict[str, Schema], /) -> Schema:
        return {"anyOf": [self.short.schema(definitions), self.record.schema(definitions)]}


WINDOW_NAMES = ListOf(NameOf("window"), "a list of windows such as [office]", unique=True)
WINDOWS_OR_NONE = OrNone(WINDOW_NAMES)


def _check_window(fields: Fields) -> None:
    if not any(key in fields for key in ("days", "hours", "months", "days_of_month", "dates", "not", "except")):
        fields.place.error(fields.node, "a window that says nothing", expected="days, hours, months, dates, … or not")


WINDOW = Record(
    "window",
    {
        "days": Key(Names(DAYS, "days", 0), "Days of the week: [mon-fri], [sat, sun]. Without it: every day."),
        "hours": Key(Hours(), "09:00-18:00, or a list; the end is exclusive and may lie on the next day."),
        "months": Key(Names(MONTHS, "months", 1), "Months: [dec-jan]."),
        "days_of_month": Key(DaysOfMonth(), "Days of the month; -1 is the last: [1..7, -1]."),
        "dates": Key(DatesList(), "Calendar days: [2026-12-24..2026-12-26]."),
        "timezone": Key(Zone(), "IANA zone of this window; default: the file's."),
        "not": Key(WINDOW_NAMES, "Holds while none of these windows does."),
        "except": Key(WINDOW_NAMES, "Does not hold while one of these does."),
    },
    check=_check_window,
)
WINDOW_OR_LIST = ListOf(
    WINDOW, "a window such as {days: [mon-fri], hours: 09:00-18:00}, or a list of such", single=True
)
