"""`render`: the messages that given alerts would make under a configuration, without a running router."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.commands.terms import FILE, Found, UserError, instant, label_pairs

if TYPE_CHECKING:
    from adapters.alert import Alert
    from rules.model.configuration import Configuration


@click.command()
@click.option("--config", "-c", "paths", type=FILE, multiple=True, required=True, help="The configuration file.")
@click.option(
    "--payload",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="A request's body; -: standard input.",
)
@click.option("--source", "name", help="A name under `sources`: who sends it.")
@click.option(
    "--array", "is_array", is_flag=True, help="The payload is Prometheus' own, as if sent to …/api/v2/alerts."
)
@click.option(
    "--annotation", "annotations", multiple=True, metavar="name=value", help="Of an alert given by its labels."
)
@click.option("--state", type=click.Choice(["firing", "resolved"]), help="Default: as it is sent.")
@click.option("--route", "route_id", help="Render with this route's settings, whichever would own the alert.")
@click.option("--at", help="When, as 2026-12-24T02:00; default now. Without offset in the configuration's zone.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.argument("labels", nargs=-1, metavar="[label=value …]")
def render(
    paths: tuple[Path, ...],
    payload: Path | None,
    name: str | None,
    is_array: bool,
    annotations: tuple[str, ...],
    state: str | None,
    route_id: str | None,
    at: str | None,
    output: str,
    labels: tuple[str, ...],
) -> None:
    """The messages that alerts would make: those of a PAYLOAD, or one of these labels.

    As text, or as JSON for Block Kit Builder. Exits 1 when a template fails: the built-in words are shown then, as
    they would be told.
    """
    from msgspec.structs import replace

    from adapters.alert import Status
    from router.commands.configured import as_people_say, configuration
    from router.commands.payloads import typed
    from router.commands.rendered import rendered, text, to_json
    from router.runtime.clock import SystemClock

    loaded = as_people_say(configuration(paths), SystemClock().now())
    now = SystemClock().now() if at is None else instant(at, loaded.timezone)
    if route_id is not None and route_id not in loaded.rules.routes:
        raise UserError(f"there is no route {route_id!r}; there are {', '.join(loaded.rules.routes)}")
    if (payload is None) == (not labels):
        raise UserError("expected either --payload FILE --source NAME, or labels such as alertname=InstanceDown")
    if payload is not None:
        if name is None:
            raise UserError("--payload wants --source NAME: who sends it")
        sent = _sent(loaded, name, payload, is_array=is_array)
    else:
        name, alert = typed(loaded, name, label_pairs(labels), label_pairs(annotations), now)
        sent = [alert]
    if state is not None:
        sent = [replace(one, status=Status(state), ends_at=None) for one in sent]
    found = rendered(loaded, name, sent, route_id, now)
    click.echo(to_json(found) if output == "json" else "\n".join(map(text, found)), nl=False)
    faults = [f"{one.route}: the template fails ({fault})" for one in found for fault in one.template_faults]
    if faults:
        raise Found("\n".join(f"{fault}; the built-in words are told instead" for fault in faults))


def _sent(loaded: "Configuration", name: str, payload: Path, *, is_array: bool) -> "list[Alert]":
    from adapters.adapter import ItemError
    from router.commands.payloads import drafts, refusal, request, source

    read = drafts(source(loaded, name), request(payload, "", is_array=is_array))
    alerts = []
    for index, draft in enumerate(read):
        try:
            alerts.append(draft.alert())
        except ItemError as error:
            said = refusal(f"item {index} is refused", error.message, error.where, error.expected)
            raise UserError(said) from None
    if not alerts:
        raise UserError("the payload holds no alert")
    return alerts
