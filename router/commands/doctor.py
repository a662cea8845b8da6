"""`doctor`: what a person would check first, each as ok, warn or fail with what to do. Changes nothing."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from router.commands.slack_names import Finding, Grade, asked, unanswered
from router.commands.terms import FILE

if TYPE_CHECKING:
    from router.runtime.config import Vault
    from rules.loading.load import Loaded, Whereabouts
    from rules.model.configuration import Configuration, ServerSettings, SlackSettings

LITTLE_BYTES = 500 * 1024 * 1024


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
    from adapters import ADAPTERS
    from router.runtime.config import ConfigError, Files, Vault, gather
    from rules.loading.load import Whereabouts, whereabouts

    files = Files(paths)
    try:
        loaded = files.read()
        main = gather(paths).files[0]
    except ConfigError as error:
        yield Finding(Grade.FAIL, str(error), "name a file that can be read")
        return
    yield from _files(loaded, paths[0])
    configuration, vault = loaded.configuration, Vault()
    # A router that runs goes on with what it has: it is asked also where the file would be refused now.
    where = (
        whereabouts(main.text, ADAPTERS)
        if configuration is None
        else Whereabouts(configuration.server, configuration.storage, configuration.slack)
    )
    if where is None:
        yield Finding(Grade.WARN, "nothing else was looked at: the file does not say where the router is")
        return
    missing = yield from _secrets(where, configuration, vault)
    running = asyncio.run(_running(where.server))
    yield from _storage(Path(where.storage.path), is_running=running is not None)
    yield from _slack(where, configuration, vault, has_secrets=not missing)
    yield from _router(where.server, running, files.read_digest)


def _files(loaded: "Loaded", main: Path) -> Iterator[Finding]:
    check = f"alert-router check {main}"
    configuration = loaded.configuration
    if configuration is None:
        said = f"the configuration has {len(loaded.errors)} errors; the first: {loaded.errors[0]}"
        yield Finding(Grade.FAIL, said, f"{check}; a router that runs goes on with the one before it")
    else:
        counts = f"{len(configuration.sources)} sources, {len(configuration.rules.routes)} routes"
        yield Finding(Grade.OK, f"the configuration can be loaded: {counts}")
    for refused in loaded.refused:
        said = f"{refused.source.name} has {len(refused.errors)} errors and is refused; the first: {refused.errors[0]}"
        yield Finding(Grade.FAIL, said, check)
    for warning in loaded.warnings:
        yield Finding(Grade.WARN, str(warning))


def _secrets(
    where: "Whereabouts", configuration: "Configuration | None", vault: "Vault"
) -> Generator[Finding, None, bool]:
    """Returns whether one is missing."""
    from router.runtime.config import SecretError
    from router.service.in_force import open_secrets, secrets_of
    from rules.model.configuration import SlackSettings

    if configuration is not None:
        references = secrets_of(configuration)
    else:
        references = [one for tokens in where.server.tokens.values() for one in tokens]
        references += where.slack.token if isinstance(where.slack, SlackSettings) else ()
    try:
        if configuration is not None:
            open_secrets(vault, configuration)
        else:
            vault.open(references)
    except SecretError as error:
        for line in str(error).splitlines():
            yield Finding(Grade.FAIL, line, "set it for this user, or name another in the configuration")
        return True
    yield Finding(Grade.OK, f"all {len(references)} secrets are there" if references else "no secret is needed")
    return False


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
    yield from _counts(path)
    if _is_locked(path) and not is_running:
        yield Finding(
            Grade.WARN,
            f"a process holds {path}, but no router answers on server.listen",
            "stop it, or look whether another configuration names the same storage.path",
        )


def _counts(path: Path) -> Iterator[Finding]:
    """What a message says of a group's size is counted as alerts come and go; here it is counted anew."""
    from router.store.health import wrong_counts

    wrong = wrong_counts(path) if path.exists() else None
    if wrong:
        yield Finding(
            Grade.WARN,
            f"{wrong} counts of groups in {path} are not what a recount gives",
            "restart the router: it counts anew; and report it, because this is a fault of the router's",
        )
    elif wrong == 0:
        yield Finding(Grade.OK, f"the counts of groups in {path} are what a recount gives")


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


def _slack(
    where: "Whereabouts", configuration: "Configuration | None", vault: "Vault", *, has_secrets: bool
) -> Iterator[Finding]:
    from rules.model.configuration import PreviewSettings, SlackSettings

    slack = where.slack
    if isinstance(slack, PreviewSettings):
        yield Finding(Grade.OK, f"messages are shown on {where.server.external_url}/preview; Slack is not asked")
    elif not isinstance(slack, SlackSettings):
        yield Finding(Grade.WARN, "Slack was not asked: the file does not say how")
    elif not has_secrets:
        yield Finding(Grade.WARN, "Slack was not asked: a secret is missing")
    else:
        found = asyncio.run(asked(slack, vault))
        yield from found
        if configuration is not None and not any(one.verdict is Grade.FAIL for one in found):
            yield from _names(configuration, slack, vault)


def _names(configuration: "Configuration", slack: "SlackSettings", vault: "Vault") -> Iterator[Finding]:
    unknown = asyncio.run(unanswered(configuration, slack, vault))
    for line in unknown:
        yield Finding(Grade.FAIL, line, "create it, or invite the app: docs/slack.md")
    if not unknown:
        channels, people = len(configuration.rules.channels), len(configuration.rules.people)
        yield Finding(Grade.OK, f"Slack knows all {channels} channels and {people} people of the rules")


class Running(msgspec.Struct, frozen=True):
    """What a router that runs says of itself."""

    ready: dict[str, Any]
    status: dict[str, Any]
    """Of `/api/status`; empty where it was not told."""
    why_not: str = ""


async def _running(server: "ServerSettings") -> Running | None:
    """None when nothing answers."""
    import aiohttp

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.host, server.host)  # noqa: S104  where it listens, not us
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.port}"
    token = _token(server)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            async with session.get(f"{address}/readyz") as answer:
                ready: dict[str, Any] = msgspec.json.decode(await answer.read(), type=dict)
            async with session.get(f"{address}/api/status", headers=headers, allow_redirects=False) as answer:
                why_not = "" if answer.status == 200 else f"/api/status answered {answer.status}"
                status: dict[str, Any] = {} if why_not else msgspec.json.decode(await answer.read(), type=dict)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
    except msgspec.DecodeError:
        return Running({"ready": False, "degraded": [f"something else answers at {address}/readyz"]}, {})
    return Running(ready, status, why_not)


def _token(server: "ServerSettings") -> str:
    """The least that may read; "" where there is none, or where it is not to be had."""
    from router.runtime.config import SecretError, Vault

    for level in ("read", "write", "admin"):
        if secrets := server.tokens.get(level):
            vault = Vault()
            try:
                vault.open(secrets)
            except SecretError:
                continue
            return vault.one(secrets)
    return ""


def _router(server: "ServerSettings", running: Running | None, digest: str) -> Iterator[Finding]:
    listen = f"{server.host}:{server.port}"
    if running is None:
        yield Finding(Grade.WARN, f"no router answers on {listen}", "alert-router serve --config … starts it")
        return
    said = running.ready
    if not said.get("ready"):
        why = said.get("why") or "; ".join(said.get("degraded") or ()) or "it does not say why"
        yield Finding(Grade.FAIL, f"the router on {listen} cannot take alerts: {why}", "its log says more")
        return
    yield Finding(Grade.OK, f"a router answers on {listen} and takes alerts")
    if running.why_not:
        to_do = "a read token of server.tokens is asked for" if server.tokens else "is it an older version?"
        yield Finding(Grade.WARN, f"it does not say what is in force: {running.why_not}", to_do)
    else:
        yield from _in_force(running.status, digest)
    for word in said.get("degraded") or ():
        yield Finding(Grade.WARN, str(word))


def _in_force(status: Mapping[str, Any], digest: str) -> Iterator[Finding]:
    """What it goes by, against what lies in the files now."""
    counts = (
        f"{status.get('sources')} sources, {status.get('routes')} routes, {len(status.get('teams') or ())} teams' files"
    )
    yield Finding(Grade.OK, f"in force there since {status.get('in_force_since')}: {counts}")
    if status.get("digest") != digest:
        yield Finding(
            Grade.WARN,
            "the files say something else than what is in force there",
            "reload it: SIGHUP, or POST /-/reload",
        )
    for error in (status.get("reload_errors") or ())[:5]:
        yield Finding(Grade.FAIL, f"its last reload was refused: {error}", "correct the file, and reload it")
    for file in status.get("refused") or ():
        first = next(iter(file.get("errors") or ()), "")
        yield Finding(Grade.FAIL, f"it refuses {file.get('file')}: {first}", str(file.get("in_force")))
