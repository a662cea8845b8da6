"""`serve` and `demo`: run the service until it is told to stop."""

import logging
from pathlib import Path

import click

from router.commands.terms import FILE, UserError

log = logging.getLogger(__name__)

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@click.command()
@click.option("--config", "-c", "paths", type=FILE, multiple=True, required=True, help="The configuration file.")
@click.option(
    "--log-format",
    type=click.Choice(["console", "json"]),
    default="console",
    show_default=True,
    envvar="ALERT_ROUTER_LOG_FORMAT",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="INFO",
    show_default=True,
    envvar="ALERT_ROUTER_LOG_LEVEL",
)
def serve(paths: tuple[Path, ...], log_format: str, log_level: str) -> None:
    """Run the router until SIGTERM or Ctrl-C; SIGHUP reloads."""
    from router.commands.serving import run, serve_until_signalled
    from router.runtime import logs
    from router.service.in_force import StartError

    logs.configure(logs.LogFormat(log_format), log_level)
    is_json = log_format == logs.LogFormat.JSON
    try:
        run(serve_until_signalled(paths, say=_log_greeting if is_json else click.echo))
    except StartError as error:
        if not is_json:
            raise UserError(str(error)) from None
        log.error("the router cannot start", extra={"errors": str(error).splitlines()})  # noqa: TRY400  the text says it all
        raise click.exceptions.Exit(UserError.exit_code) from None


def _log_greeting(text: str) -> None:
    """For a collector: where it listens; the rest is for who sits before it."""
    log.info(text.partition("\n")[0])


@click.command()
@click.option(
    "--speed", type=click.FloatRange(0.1, 100), default=1, show_default=True, help="How much faster than two minutes."
)
@click.option("--exit", "is_short", is_flag=True, help="Stop when the story is told, instead of staying up.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9080,
    show_default=True,
    help="On 127.0.0.1; another one if it is taken.",
)
def demo(speed: float, is_short: bool, port: int) -> None:
    """Play a two-minute story into the preview, with people who act in it: no file, no token, nothing left behind."""
    from router.commands.demo.story import play
    from router.commands.serving import run
    from router.runtime import logs
    from router.service.in_force import StartError

    logs.configure(logs.LogFormat.CONSOLE, "WARNING")
    try:
        run(play(say=click.echo, speed=speed, is_short=is_short, port=port))
    except StartError as error:
        raise UserError(str(error)) from None
