"""What the commands share: how a user's mistake ends one, and how files and instants are written on a command line."""

from datetime import datetime
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

FILE = click.Path(path_type=Path, dir_okay=False)


class UserError(click.ClickException):
    """One clear text, no traceback, exit code 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=True)


class Found(click.ClickException):
    """A problem that the command looked for and found: exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=True)


def instant(text: str, zone_name: str) -> datetime:
    """RFC 3339; seconds are optional, and without an offset it is the configuration's zone. Raises UserError."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UserError(
            f"--at {text!r} is no instant; expected one such as 2026-12-24T02:00 or 2026-12-24T02:00Z"
        ) from None
    if found.tzinfo is not None:
        return found
    try:
        return found.replace(tzinfo=ZoneInfo(zone_name))
    except ZoneInfoNotFoundError:
        raise UserError(f"the zone {zone_name} is not known on this machine: install tzdata") from None


def label_pairs(pairs: tuple[str, ...]) -> dict[str, str]:
    """As they stand on a command line. Raises UserError."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UserError(f"{pair!r} is no label; expected one such as severity=critical")
        if name.strip() in found:
            raise UserError(f"the label {name.strip()} is given twice")
        found[name.strip()] = value
    return found
