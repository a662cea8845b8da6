"""`doctor`: what a person would check first, each as ok, warn or fail with what to do. Changes nothing."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from router.commands.terms import FILE

if TYPE_CHECKING:
    from router.runtime.config import Vault
    from rules.model.configuration import Configuration, SlackSettings

SCOPES = (
    "chat:write",
    "chat:write.public",
    "channels:read",
    "channels:join",
    "groups:read",
    "im:write",
    "users:read",
    "users:read.email",
    "channels:history",
    "groups:history",
    "im:history",
)
"""As deploy/slack-manifest.yaml asks for them."""
LITTLE_BYTES = 500 * 1024 * 1024


class Grade(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """One line."""

    verdict: Grade
    what: str
    to_do: str = ""


@click.command()
@click.option("--config", "-c", "paths", type=FILE, multiple=True, required=True, help="The configuration file.")
def doctor(paths: tuple[Path, ...]) -> None:
    """Look at the configuration, its secrets, the storage, Slack and the running router. Exits 1 if something fails."""
    failed = False
    for finding in _findings(paths):
        click.echo(f"{finding.verdict.value:4}  {finding.what}")
        if finding.to_do:
            click.echo(f"      {finding.to_do}")
        failed = failed or finding.verdict is Grade.FAIL
    if failed:
        raise click.exceptions.Exit(1)


def _findings(paths: Sequence[Path]) -> Iterator[Finding]:
    from router.runtime.config import ConfigError, SecretError, Vault, read
    from router.service.app import secrets_of

    try:
        loaded = read(paths)
    except ConfigError as error:
        yield Finding(Grade.FAIL, str(error), "name a file that can be read")
        return
    configuration = loaded.configuration
    if configuration is None:
        first = loaded.errors[0]
        yield Finding(
            Grade.FAIL,
            f"the configuration has {len(loaded.errors)} errors; the first: {first}",
            f"alert-router check {paths[0]}",
        )
        return
    yield Finding(
        Grade.OK,
        f"the configuration can be loaded: {len(configuration.sources)} sources, {len(configuration.rules.routes)} routes",
    )
    for refused in loaded.refused:
        yield Finding(
            Grade.FAIL,
            f"{refused.source.name} has {len(refused.errors)} errors and is refused; the first: {refused.errors[0]}",
            f"alert-router check {paths[0]}",
        )
    for warning in loaded.warnings:
        yield Finding(Grade.WARN, str(warning))
    vault, references = Vault(), secrets_of(configuration)
    has_secrets = True
    try:
        vault.open(references)
    except SecretError as error:
        has_secrets = False
        for line in str(error).splitlines():
            yield Finding(Grade.FAIL, line, "set it for this user, or name another in the configuration")
    if has_secrets:
        yield Finding(Grade.OK, f"all {len(references)} secrets are there" if references else "no secret is needed")
    running = asyncio.run(_running(configuration))
    yield from _storage(Path(configuration.storage.path), is_running=running is not None)
    yield from _slack(configuration, vault, has_secrets=has_secrets)
    yield from _router(configuration, running)


def _storage(path: Path, *, is_running: bool) -> Iterator[Finding]:
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        yield Finding(
            Grade.FAIL,
            f"{path} cannot be written by this user",
            "give its folder to the user that runs the router, or choose another storage.path",
        )
        return
    free = shutil.disk_usage(folder).free
    if free < LITTLE_BYTES:
        yield Finding(
            Grade.WARN,
            f"only {free // 1024 // 1024} MiB are free for {path}",
            "a full disk means that no alert can be accepted: make room",
        )
    else:
        yield Finding(Grade.OK, f"{path} can be written; {free // 1024 // 1024 // 1024} GiB are free")
    if _is_locked(path) and not is_running:
        yield Finding(
            Grade.WARN,
            f"a process holds {path}, but no router answers on server.listen",
            "stop it, or look whether another configuration names the same storage.path",
        )


def _is_locked(path: Path) -> bool:
    lock = path.with_name(path.name + ".lock")
    try:
        with lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _slack(configuration: "Configuration", vault: "Vault", *, has_secrets: bool) -> Iterator[Finding]:
    from rules.model.configuration import SlackSettings

    slack = configuration.slack
    if not isinstance(slack, SlackSettings):
        yield Finding(
            Grade.OK, f"messages are shown on {configuration.server.external_url}/preview; Slack is not asked"
        )
    elif has_secrets:
        yield from asyncio.run(asked(slack, vault))
    else:
        yield Finding(Grade.WARN, "Slack was not asked: a secret is missing")


async def asked(slack: "SlackSettings", vault: "Vault") -> list[Finding]:
    from router.core.answer import Outcome
    from router.notifiers.slack.client import SlackClient
    from router.notifiers.slack.wire import open_session
    from router.runtime.clock import SystemClock

    async with open_session() as session:
        client = SlackClient.over(session, lambda: vault.one(slack.token), SystemClock(), api_url=slack.api_url)
        check = await client.check()
    if check.answer.outcome is not Outcome.DELIVERED:
        to_do = (
            "docs/slack.md has a table of errors"
            if check.answer.outcome is Outcome.WORKSPACE_REFUSED
            else f"is {slack.api_url} reachable from here?"
        )
        return [Finding(Grade.FAIL, f"Slack does not accept us: {check.answer.error}", to_do)]
    found = [Finding(Grade.OK, f"Slack knows us in {check.team or check.workspace}")]
    missing = [scope for scope in SCOPES if scope not in check.scopes] if check.scopes else []
    if missing:
        found.append(
            Finding(
                Grade.WARN,
                f"scopes are missing: {', '.join(missing)}",
                "add them under OAuth & Permissions as in deploy/slack-manifest.yaml, and reinstall the app",
            )
        )
    return found


async def _running(configuration: "Configuration") -> dict[str, Any] | None:
    """What the running router says of itself; None when nothing answers."""
    import aiohttp

    server = configuration.server
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.host, server.host)  # noqa: S104  where it listens, not us
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.port}/readyz"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.get(address) as answer,
        ):
            said: dict[str, Any] = msgspec.json.decode(await answer.read(), type=dict)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
    except msgspec.DecodeError:
        return {"ready": False, "degraded": [f"something else answers at {address}"]}
    return said


def _router(configuration: "Configuration", said: dict[str, Any] | None) -> Iterator[Finding]:
    server = configuration.server
    listen = f"{server.host}:{server.port}"
    if said is None:
        yield Finding(Grade.WARN, f"no router answers on {listen}", "alert-router serve --config … starts it")
    elif not said.get("ready"):
        why = said.get("why") or "; ".join(said.get("degraded") or ()) or "it does not say why"
        yield Finding(Grade.FAIL, f"the router on {listen} cannot take alerts: {why}", "its log says more")
    else:
        yield Finding(Grade.OK, f"a router answers on {listen} and takes alerts")
        for word in said.get("degraded") or ():
            yield Finding(Grade.WARN, str(word))
