"""Files that a configuration names, as whoever reads files hands them in: this package opens none itself."""

from collections.abc import Callable


class BesideError(ValueError):
    """A file that a configuration file names cannot be read; the text is for the person who named it."""


Beside = Callable[[str, str], str]
"""(the configuration file's name, the path it names, relative to it) -> the text. Raises BesideError."""


def nothing_beside(_: str, path: str) -> str:
    raise BesideError(f"{path} cannot be read here: only the configuration's own text is at hand")
