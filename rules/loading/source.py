"""A configuration text, by name; and why what was named cannot be read. The files themselves are the caller's to read."""

from collections.abc import Callable

import msgspec


class RulesText(msgspec.Struct, frozen=True):
    """One text, and the name it has in error messages."""

    name: str
    text: str
    known_as: str = ""
    """What its accepted text is remembered by, where that differs from the name."""
    fault: str = ""
    """Why there is no text, in words; it is refused alone, as a text with a mistake is."""

    @property
    def key(self) -> str:
        return self.known_as or self.name


class BesideError(ValueError):
    """A file that a configuration file names cannot be read; the text is for the person who named it."""


Beside = Callable[[str, str], str]
"""(the configuration file's name, the path it names, relative to it) -> the text. Raises BesideError."""


def nothing_beside(_: str, path: str) -> str:
    raise BesideError(f"{path} cannot be read here: only the configuration's own text is at hand")
