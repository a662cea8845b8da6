"""What users' templates work with that is more than text: instants, lengths of time, links; and how each reads. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from jinja2 import TemplateError

from router.core.mrkdwn import MOST_MARKS, Mark, address, ago, duration, instant, link, plain_instant, words

LONGEST = 4_000
"""Of any text that a template makes on its way."""
_MARKS_LENGTH = 1_800
"""Of what our own marks become in one text: it has to fit a section beside the text itself."""


class TemplateLimitError(TemplateError):
    """A template asks for more than it may have. Never worth trying again with the same template."""


class Ago(msgspec.Struct, frozen=True):
    """An instant, shown as how long ago it is."""

    at: datetime


class Link(msgspec.Struct, frozen=True):
    """An address, shown by its label; a link only where the address is http(s)."""

    url: str
    label: str


Special = datetime | Ago | Link


def text_of(value: object) -> str:
    """How a value reads: texts, numbers, times, and lists of them. Mappings and Python's own objects have no reading."""
    match value:
        case str():
            return value
        case list() | tuple():
            return bounded(", ".join(text_of(item) for item in value[:100]))
        case int() | float():
            return str(value)
        case datetime():
            return plain_instant(value)
        case timedelta():
            return duration(value)
        case Ago(at):
            return plain_instant(at)
        case Link(_, label):
            return label
        case _:
            return ""


def bounded(text: str) -> str:
    if len(text) > LONGEST:
        raise TemplateLimitError(f"a text longer than {LONGEST} characters")
    return text


def size_of(value: object) -> int:
    return len(value) if isinstance(value, (str, list, tuple, Mapping)) else 1


class Marks:
    """The marks of one rendering. A part that formats nothing, such as the push text, has none."""

    def __init__(self, *, is_plain: bool) -> None:
        self.found: list[Mark] = []
        self._room = 0 if is_plain else _MARKS_LENGTH

    def put(self, value: Special) -> str:
        """The sign that stands for it in the text; its plain reading when there is no room for a mark."""
        plain = words(text_of(value))
        match value:
            case datetime():
                slack = instant(value)
            case Ago(at):
                slack = ago(at)
            case Link(url, label):
                if not address(url):
                    return plain
                slack = link(url, label)
        if len(slack) > self._room or len(self.found) == MOST_MARKS:
            return plain
        self._room -= len(slack)
        self.found.append(Mark(slack, plain))
        return Mark.sign(len(self.found) - 1)
