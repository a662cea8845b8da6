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
@click.option("--slack", "with_slack", is_flag=True, help="Also ask Slack whether it accepts us, with all scopes.")
@click.option("--with", "main", type=FILE, help="The main file that a team's file belongs to.")
@click.option(
    "--against",
    "former",
    type=FILE,
    multiple=True,
    help="What is in force now: what would change, and whose turns move.",
)
def check(
    files: tuple[Path, ...], output: str, with_env: bool, with_slack: bool, main: Path | None, former: tuple[Path, ...]
) -> None:
    """Every mistake at once, warnings, and what happens next: hand-overs and windows.

    Exits 0 when the configuration can be loaded, 1 when it cannot, 2 when a file cannot be read.
    """
    from router.clock import SystemClock
    from router.commands.configured import against_main, configuration
    from router.config import ConfigError, read
    from rules.check import checked as check_loaded
    from rules.check import render_text, to_json

    with _no_collection():
        try:
            loaded = read(files) if main is None else against_main(files, main)
        except ConfigError as error:
            raise UserError(str(error)) from None
        checked = check_loaded(loaded, SystemClock().now(), configuration(former) if former else None)
    click.echo(to_json(checked) if output == "json" else render_text(checked), nl=False)
    named = files if main is None else (main,)
    missing = _missing_secrets(named) if with_env and not checked.errors else ""
    refused = _what_slack_refuses(named) if with_slack and not checked.errors else ""
    if missing or refused:
        raise Found("\n".join(filter(None, (missing, refused))))
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


def _what_slack_refuses(files: tuple[Path, ...]) -> str:
    from router.commands.configured import configuration
    from router.commands.doctor import Verdict, asked
    from router.config import SecretError, Vault
    from rules.configuration import SlackSettings

    slack = configuration(files).slack
    if not isinstance(slack, SlackSettings):
        return ""
    vault = Vault()
    try:
        vault.open(slack.token)
    except SecretError as error:
        return str(error)
    findings = asyncio.run(asked(slack, vault))
    return "\n".join(f"{one.what}: {one.to_do}" for one in findings if one.verdict is not Verdict.OK)


def _missing_secrets(files: tuple[Path, ...]) -> str:
    from router.app import secrets_of
    from router.commands.configured import configuration
    from router.config import SecretError, Vault

    try:
        Vault().open(secrets_of(configuration(files)))
    except SecretError as error:
        return str(error)
    return ""


@click.command()
@click.option("--config", "-c", "paths", type=FILE, multiple=True, required=True, help="The configuration file.")
@click.option("--at", "at", help="When, as 2026-12-24T02:00; default now. Without offset in the configuration's zone.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.argument("labels", nargs=-1, required=True, metavar="label=value …")
def route(paths: tuple[Path, ...], at: str | None, output: str, labels: tuple[str, ...]) -> None:
    """Who would own an alert of these labels, each setting and where it comes from, and who would be paged."""
    from router.clock import SystemClock
    from router.commands.configured import configuration
    from rules.explain import explain_route, render_text, to_json

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
    from rules.schema import schema as written

    click.echo(msgspec.json.format(msgspec.json.encode(written(ADAPTERS)), indent=2))
