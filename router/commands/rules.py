"""`check`, `route`, `schema`: questions to the rules, asked without a running router."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from router.commands.terms import FILE, Found, UserError, instant


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
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
    with_env: bool,
    with_slack: bool,
    main: Path | None,
    former: tuple[Path, ...],
) -> None:
    """Every mistake at once, warnings, and what happens next: hand-overs and windows.

    Exits 0 when the configuration can be loaded, 1 when it cannot, 2 when a file cannot be read.
    """
    from router.commands.configured import against_main, configuration
    from router.runtime.clock import SystemClock
    from router.runtime.config import ConfigError, read
    from rules.advice.check import checked as check_loaded
    from rules.advice.check import render_text, to_json

    with _no_collection():
        try:
            loaded = read(files) if main is None else against_main(files, main)
        except ConfigError as error:
            raise UserError(str(error)) from None
        checked = check_loaded(loaded, SystemClock().now(), configuration(former) if former else None)
    click.echo(to_json(checked) if output == "json" else render_text(checked), nl=False)
    if (with_env or with_slack) and not checked.errors:
        _ask(files if main is None else (main,), with_slack=with_slack)
    if checked.exit_code:
        raise click.exceptions.Exit(checked.exit_code)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Of 10,000 routes nothing becomes garbage before the end, and looking for it takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _ask(files: tuple[Path, ...], *, with_slack: bool) -> None:
    """Look for the secrets, and then ask Slack. Raises Found with what is missing."""
    from router.commands.configured import configuration
    from router.commands.slack_names import unknown_names
    from router.runtime.config import SecretError, Vault
    from router.service.in_force import secrets_of

    read, vault = configuration(files), Vault()
    try:
        vault.open(secrets_of(read))
    except SecretError as error:
        raise Found(str(error)) from None
    if with_slack and (unknown := asyncio.run(unknown_names(read, vault))):
        raise Found("\n".join(unknown))


@click.command()
@click.option("--config", "-c", "paths", type=FILE, multiple=True, required=True, help="The configuration file.")
@click.option("--at", "at", help="When, as 2026-12-24T02:00; default now. Without offset in the configuration's zone.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.argument("labels", nargs=-1, required=True, metavar="label=value …")
def route(paths: tuple[Path, ...], at: str | None, output: str, labels: tuple[str, ...]) -> None:
    """Who would own an alert of these labels, each setting and where it comes from, and who would be paged."""
    from router.commands.configured import configuration
    from router.runtime.clock import SystemClock
    from rules.advice.explain import explain_route, render_text, to_json

    given = label_pairs(labels)
    loaded = configuration(paths)
    when = SystemClock().now() if at is None else instant(at, loaded.timezone)
    explained = explain_route(loaded.rules, given, when)
    click.echo(to_json(explained) if output == "json" else render_text(explained, loaded.timezone), nl=False)


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


@click.command()
def schema() -> None:
    """The JSON Schema of the configuration, for editors."""
    import msgspec

    from adapters import ADAPTERS
    from rules.language.schema import schema as written

    click.echo(msgspec.json.format(msgspec.json.encode(written(ADAPTERS)), indent=2))
