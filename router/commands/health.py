"""`health`: asks a running router on this machine how it is, for a container's health check. Reads one line of the file."""

import ipaddress
import urllib.error
import urllib.request
from pathlib import Path

import click

from router.commands.terms import FILE, Found, UserError

WITHIN_S = 4


@click.command()
@click.option("--config", "-c", "path", type=FILE, required=True, help="The configuration file.")
def health(path: Path) -> None:
    """Whether the router that runs on this configuration is well: exits 0 while its loops turn, else 1.

    It is asked where `server.listen` says; the rest of the file is not looked at.
    """
    from rules.language.yaml import YamlError
    from rules.loading.load import listens_at

    try:
        listen = listens_at(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    address = f"http://{_reachable(listen.host)}:{listen.port}/healthz"
    try:
        with urllib.request.urlopen(address, timeout=WITHIN_S) as answer:  # an address of ours
            click.echo(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise Found(error.read().decode("utf-8", "replace")) from None
    except OSError as error:
        raise Found(f"{address} does not answer: {getattr(error, 'reason', error)}") from None


def _reachable(host: str) -> str:
    """An address that stands for all of the machine's is asked on loopback."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    if found.is_unspecified:
        found = ipaddress.ip_address("127.0.0.1" if found.version == 4 else "::1")
    return f"[{found}]" if found.version == 6 else str(found)
