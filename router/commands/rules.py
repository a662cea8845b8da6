"""`check`, `route`, `schema`: questions to the rules, asked without a running router."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from router.commands.terms import FILE, UserError, instant, label_pairs


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Exit 1 for warnings and for any team's refused file too.")
@click.option("--env", "with_env", is_flag=True, help="Also look whether every secret is there.")
@click.option("--slack", "with_slack", is_flag=True, help="Also ask Slack for every channel and person.")
@click.option("--with", "main", type=FILE, help="The main file that a team's file belongs to.")
@click.option(
    "--against",
    "former",
    type=FILE,
    multiple=True,
    help="What is in force now: what would change, and whose turns move.",
)
def check(
    files: tuple[Path, ...],
    output: str,
    strict: bool,
    with_env: bool,
    with_slack: bool,
    main: Path | None,
    former: tuple[Path, ...],
) -> None:
    """Every mistake at once, warnings, and what happens next: hand-overs and windows.

    Whoever took a turn at run time is on call here too, where the configuration's database is at hand.

    Exits 0 when the configuration can be loaded: a team's file that RULES_FILES name and that is refused keeps nobody from
    a start, its last accepted text stays in force. Exits 1 when it cannot be loaded, when a file named here is refused, or
    when something is missing that --env or --slack look for; 2 when a file cannot be read.
    """
    import msgspec

    from router.commands.configured import against_main, configuration, overrides_at_hand
    from router.core.acts.override import by_schedule, without_effect
    from router.runtime.clock import SystemClock
    from router.runtime.config import ConfigError, read
    from rules.advice.check import checked as check_loaded
    from rules.advice.check import render_text, to_json

    with _no_collection():
        try:
            loaded = read(files) if main is None else against_main(files, main)
        except ConfigError as error:
            raise UserError(str(error)) from None
        before = configuration(former) if former else None
        asked, now = {str(file) for file in files}, SystemClock().now()
        made = [] if loaded.configuration is None else overrides_at_hand(loaded.configuration, now)
        checked = check_loaded(
            loaded,
            now,
            before,
            asked=asked,
            overrides=by_schedule(made),
            without_effect=() if loaded.configuration is None else without_effect(made, loaded.configuration.rules),
        )
    if (with_env or with_slack) and checked.can_load:
        missing = _missing(files if main is None else (main,), with_slack=with_slack)
        checked = msgspec.structs.replace(checked, missing=missing)
    click.echo(to_json(checked) if output == "json" else render_text(checked, strict=strict), nl=False)
    if not checked.is_well(strict=strict):
        raise click.exceptions.Exit(1)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Of 10,000 routes nothing becomes garbage before the end, and looking for it takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _missing(files: tuple[Path, ...], *, with_slack: bool) -> tuple[str, ...]:
    """A line for each secret that is not there; if all are, for each channel and person that Slack does not have."""
    from router.commands.configured import configuration
    from router.commands.slack_names import unknown_names
    from router.runtime.config import SecretError, Vault
    from router.service.in_force import open_secrets

    read, vault = configuration(files), Vault()
    try:
        open_secrets(vault, read)
    except SecretError as error:
        return tuple(str(error).splitlines())
    return tuple(asyncio.run(unknown_names(read, vault))) if with_slack else ()


@click.command()
@click.option("--config", "-c", "paths", type=FILE, multiple=True, required=True, help="The configuration file.")
@click.option("--at", "at", help="When, as 2026-12-24T02:00; default now. Without offset in the configuration's zone.")
@click.option(
    "--source", "name", help="Who sends it: its own labels are added, its severity_map and heartbeat are asked."
)
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.argument("labels", nargs=-1, required=True, metavar="label=value …")
def route(paths: tuple[Path, ...], at: str | None, name: str | None, output: str, labels: tuple[str, ...]) -> None:
    """Who would own an alert of these labels, each setting and where it comes from, and who would be paged."""
    from router.commands.configured import as_people_say, configuration
    from router.runtime.clock import SystemClock
    from rules.advice.explain import explain_route, render_text, to_json

    given = label_pairs(labels)
    loaded = configuration(paths)
    when = SystemClock().now() if at is None else instant(at, loaded.timezone)
    if name is not None:
        from router.commands.payloads import source, typed
        from rules.model.route import visible_labels

        source(loaded, name)
        _, alert = typed(loaded, name, given, {}, when)
        given = visible_labels(alert, name)
    explained = explain_route(as_people_say(loaded, SystemClock().now()).rules, given, when)
    click.echo(to_json(explained) if output == "json" else render_text(explained, loaded.timezone), nl=False)


@click.command()
def schema() -> None:
    """The JSON Schema of the configuration, for editors."""
    import msgspec

    from adapters import ADAPTERS
    from rules.language.schema import schema as written

    click.echo(msgspec.json.format(msgspec.json.encode(written(ADAPTERS)), indent=2))
