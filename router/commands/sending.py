"""`send` and `normalize`: what a sender does, and what would be understood of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from router.commands.terms import FILE, Found, UserError

if TYPE_CHECKING:
    from adapters.adapter import Adapter, Payload, SourceOptions
    from router.commands.samples import Kind, SampleRequest

KINDS = ("prometheus", "alertmanager", "datadog", "generic")
AT_ONCE = 8
"""Requests in flight during a storm."""


@click.command()
@click.option("--url", default="http://127.0.0.1:9080", show_default=True, help="The router's address.")
@click.option("--source", help="A name under `sources`; default: the kind's own name.")
@click.option("--kind", type=click.Choice(KINDS), default="generic", show_default=True, help="Whose words to send.")
@click.option("--title", default="Sample alert", show_default=True)
@click.option("--severity", default="high", show_default=True)
@click.option("--resolve", is_flag=True, help="Send the end instead of the beginning.")
@click.option(
    "--token", envvar="ALERT_ROUTER_TOKEN", help="Sent as `Authorization: Bearer …`; or set ALERT_ROUTER_TOKEN."
)
@click.option("--storm", type=click.IntRange(1, 100_000), metavar="N", help="N alerts in groups of twenty.")
def send(
    url: str,
    source: str | None,
    kind: str,
    title: str,
    severity: str,
    resolve: bool,
    token: str | None,
    storm: int | None,
) -> None:
    """Send sample alerts to a running router, as their sender would."""
    from router.commands import samples
    from router.runtime.clock import SystemClock

    chosen = samples.Kind(kind)
    one = samples.Sample(title=title, severity=severity, is_firing=not resolve)
    wanted = [one] if storm is None else samples.storm(storm, title, is_firing=not resolve)
    requests = samples.requests(chosen, source or _usual_source(chosen), wanted, SystemClock().now())
    address = url.rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise UserError(f"--url {url!r} is no address; expected one such as http://127.0.0.1:9080")
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    click.echo(asyncio.run(_post_all(address, requests, headers)))


def _usual_source(kind: "Kind") -> str:
    """As config.example.yaml names them."""
    return {"alertmanager": "prometheus", "generic": "shell"}.get(kind.value, kind.value)


async def _post_all(address: str, requests: Sequence["SampleRequest"], headers: dict[str, str]) -> str:
    """The words at the end. Raises Found for the first refusal."""
    import aiohttp

    waiting = iter(requests)
    counted: dict[str, int] = {}

    async def work(session: aiohttp.ClientSession) -> None:
        for one in waiting:
            async with session.post(address + one.path, data=one.body, headers=headers) as answer:
                text = await answer.text()
                if answer.status >= 300:
                    raise Found(f"{address}{one.path} answered {answer.status}: {text[:2000]}")
                _count(text, counted)

    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            await asyncio.gather(*(work(session) for _ in range(min(AT_ONCE, len(requests)))))
    except aiohttp.ClientConnectorError:
        raise Found(
            f"nothing answers at {address}: is the router running? `alert-router serve --config …` starts it"
        ) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Found(f"{address} broke off: {type(error).__name__}") from None
    said = ", ".join(f"{number} {what}" for what, number in counted.items() if number)
    many = "1 request" if len(requests) == 1 else f"{len(requests)} requests"
    return f"{many} to {address}{requests[0].path}: {said or 'taken'}"


def _count(text: str, counted: dict[str, int]) -> None:
    """Alertmanager's API answers with nothing; a webhook with what became of the alerts."""
    import msgspec

    receipt: Any = msgspec.json.decode(text) if text.startswith("{") else {}
    for what in ("accepted", "unchanged", "stale"):
        counted[what] = counted.get(what, 0) + receipt.get(what, 0)
    for error in receipt.get("errors", ()):
        raise Found(f"item {error['index']} was refused: {error['message']}")


@click.command()
@click.option("--config", "-c", "paths", type=FILE, multiple=True, required=True, help="The configuration file.")
@click.option("--source", "name", required=True, help="A name under `sources`.")
@click.option(
    "--content-type", default="", help="As the sender's header; default application/json, text/plain for other text."
)
@click.option("--array", "is_array", is_flag=True, help="As if sent to …/api/v2/alerts.")
@click.argument("payload", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
def normalize(paths: tuple[Path, ...], name: str, content_type: str, is_array: bool, payload: Path) -> None:
    """The alerts that PAYLOAD (a file, or - for standard input) would become, as JSON.

    What each mapped field took, and the scale of severities as this source has it, are told on standard error. Exits 2 when the payload, or an item of it, is refused.
    """
    from adapters import ADAPTERS
    from router.commands.configured import configuration
    from router.commands.payloads import drafts, request, source

    settings = source(configuration(paths), name)
    asked = request(payload, content_type, is_array=is_array)
    read = drafts(settings, asked)
    _tell_mapped(ADAPTERS[settings.adapter], settings.options, asked)
    _tell_scale(settings.options)
    _print_alerts(read)


def _tell_scale(options: "SourceOptions") -> None:
    from adapters.severity import Scale

    for severity, words in Scale(options.severity_map).table().items():
        click.echo(f"severity {severity}: {', '.join(words)}", err=True)


def _print_alerts(drafts: Sequence[Any]) -> None:
    import msgspec

    from adapters.adapter import ItemError
    from adapters.alert import shown
    from router.commands.payloads import refusal

    alerts, refused = [], []
    for index, draft in enumerate(drafts):
        try:
            alerts.append(shown(draft.alert()))
        except ItemError as error:
            refused.append(refusal(f"item {index} is refused", error.message, error.where, error.expected))
    click.echo(msgspec.json.format(msgspec.json.encode(alerts), indent=2))
    if refused:
        raise UserError("\n".join(refused))


def _tell_mapped(adapter: "Adapter", options: "SourceOptions", request: "Payload") -> None:
    import msgspec

    if adapter.mapped is None:
        return
    for index, fields in enumerate(adapter.mapped(options, request)):
        for field, taken in fields.items():
            found = msgspec.to_builtins(taken)
            if isinstance(found, dict) and "expression" in found:
                value = msgspec.json.encode(found.get("found")).decode()
                mistake = f"  ({found['mistake']})" if found.get("mistake") else ""
                click.echo(f"item {index}: {field} = {value}  from {found['expression']}{mistake}", err=True)
            else:
                click.echo(f"item {index}: {field} = {msgspec.json.encode(found).decode()}", err=True)
