"""Which version runs: the installed distribution's, or that it runs from a checkout."""

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    try:
        return metadata.version("alert-router")
    except metadata.PackageNotFoundError:
        return "not installed"
