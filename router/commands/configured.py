"""Reads a configuration for a command that needs a good one."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from router.commands.terms import UserError
from router.runtime.config import ConfigError, gather, read, understand
from rules.loading.load import Loaded, RuleError
from rules.model.configuration import Configuration

if TYPE_CHECKING:
    from router.core.acts.override import MadeOverride


def configuration(paths: Sequence[Path]) -> Configuration:
    """Raises UserError with every mistake. What a team's refused file lacks is said beside the answer."""
    try:
        loaded = read(paths)
    except ConfigError as error:
        raise UserError(str(error)) from None
    if loaded.configuration is None:
        raise UserError("\n".join(f"error: {error}" for error in loaded.errors))
    for refused in loaded.refused:
        click.echo(f"warning: {refused.source.name} is refused, and left out: {refused.errors[0]}", err=True)
    return loaded.configuration


def overrides_at_hand(read: Configuration, now: datetime) -> "list[MadeOverride]":
    """What people have said of who is on call, where the database that it names is at hand. It is only read."""
    from router.store.evaluation.overrides import at_hand

    return at_hand(Path(read.storage.path), now)


def as_people_say(read: Configuration, now: datetime) -> Configuration:
    """With that."""
    from router.core.acts.override import by_schedule

    made = overrides_at_hand(read, now)
    return msgspec.structs.replace(read, rules=read.rules.with_overrides(by_schedule(made))) if made else read


def against_main(files: Sequence[Path], main: Path) -> Loaded:
    """Teams' files beside the main file and all that it names. Where two are against each other these give way, and what
    is wrong with others is no mistake here. Raises ConfigError."""
    gathered = gather((main, *files))
    asked = {str(path) for path in files}
    others = {file.key: file.text for file in gathered.files if file.name not in asked and not file.fault}
    loaded = understand(gathered, others)
    left_out = [refused for refused in loaded.refused if refused.source.name not in asked]
    warnings = [
        RuleError(one.source.name, 1, 1, "", f"it is refused, and left out: {one.errors[0]}") for one in left_out
    ]
    return msgspec.structs.replace(
        loaded,
        refused=tuple(refused for refused in loaded.refused if refused not in left_out),
        warnings=(*loaded.warnings, *warnings),
    )
