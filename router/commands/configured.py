"""Reads a configuration for a command that needs a good one."""

from collections.abc import Sequence
from pathlib import Path

from router.commands.terms import UserError
from router.config import ConfigError, read
from rules.configuration import Configuration


def configuration(paths: Sequence[Path]) -> Configuration:
    """Raises UserError with every mistake."""
    try:
        loaded = read(paths)
    except ConfigError as error:
        raise UserError(str(error)) from None
    if loaded.configuration is None:
        raise UserError("\n".join(f"error: {error}" for error in loaded.errors))
    return loaded.configuration
