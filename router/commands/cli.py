"""The command line: what there is, its version and its completion. What a command does is in `commands/`.

Exit codes: 0 well, 1 a problem was found, 2 wrong usage or a bad input.
"""

import click

from router.commands.doctor import doctor
from router.commands.health import health
from router.commands.render import render
from router.commands.rules import check, route, schema
from router.commands.running import demo, serve
from router.commands.sending import normalize, send
from router.commands.silence import silence
from router.runtime.version import version

NAME = "alert-router"


@click.group(name=NAME, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version(), prog_name=NAME, message="%(prog)s %(version)s")
def main() -> None:
    """Takes alerts from anything that can send a webhook, remembers them, and keeps a small number of Slack messages true."""


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """A script for your shell: eval "$(alert-router completion bash)"."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(made(main, {}, NAME, "_ALERT_ROUTER_COMPLETE").source())


for command in (serve, demo, check, route, render, normalize, send, silence, doctor, health, schema):
    main.add_command(command)
