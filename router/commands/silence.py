"""`silence`: made, looked at, extended and ended in a running router, over HTTP. What one means is the router's to say."""

import getpass
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import click

from router.commands.terms import Found, UserError, instant

if TYPE_CHECKING:
    from rules.model.matcher import Matcher

WITHIN_S = 20
_OUTPUTS = ("text", "json", "yaml")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token is for the address that was given, and for no other."""

    def redirect_request(self, *_: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


class Router:
    """A running one, by its address."""

    def __init__(self, url: str, token: str | None) -> None:
        """Raises UserError."""
        self.address = url.rstrip("/")
        if not self.address.startswith(("http://", "https://")):
            raise UserError(f"--url {url!r} is no address; expected one such as http://127.0.0.1:9080")
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What it answers. Raises Found with what it says of a refusal, or when nobody answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, headers=self._headers, method=method)  # noqa: S310  # http or https: checked above
        try:
            with _opener.open(request, timeout=WITHIN_S) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Found(_refusal(error.code, error.read().decode("utf-8", "replace"))) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error) or type(error).__name__
            raise Found(f"{self.address} does not answer ({reason}): is the router running?") from None
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise Found(f"{self.address} is no alert-router: its answer is no JSON") from None


def _refusal(status: int, text: str) -> str:
    try:
        said = json.loads(text)
    except ValueError:
        said = text[:500]
    if isinstance(said, dict):
        detail = said.get("detail") or said.get("message") or ""
        said = f"{detail}; expected {said['expected']}" if said.get("expected") else detail
    nothing_said = "there is no such silence" if status == HTTPStatus.NOT_FOUND else "refused without a word"
    return f"{said or nothing_said} ({status})"


@click.group()
@click.option("--url", default="http://127.0.0.1:9080", show_default=True, help="The router's address.")
@click.option(
    "--token", envvar="ALERT_ROUTER_TOKEN", help="Sent as `Authorization: Bearer …`; or set ALERT_ROUTER_TOKEN."
)
@click.pass_context
def silence(context: click.Context, url: str, token: str | None) -> None:
    """Hold back news of alerts for a while: repeats, pages and what is new. Ends are told as ever."""
    context.obj = Router(url, token)


@silence.command()
@click.argument("matchers", nargs=-1, required=True)
@click.option("--for", "lasts", metavar="DURATION", help="How long, such as 2h or 1d12h.")
@click.option("--from", "begins", metavar="INSTANT", help="When it begins; default: now.")
@click.option("--until", "ends", metavar="INSTANT", help="When it ends, instead of --for: 2026-12-24T02:00Z.")
@click.option("--comment", "-c", default="", help="Why; shown in the messages.")
@click.option("--by", "author", help="Who makes it; default: your name on this machine.")
@click.option("--force", is_flag=True, help="Even one that holds back whatever alert there may be.")
@click.pass_obj
def add(
    router: Router,
    matchers: tuple[str, ...],
    lasts: str | None,
    begins: str | None,
    ends: str | None,
    comment: str,
    author: str | None,
    force: bool,
) -> None:
    """Make a silence over alerts that match all of MATCHERS, such as 'cluster = eu-1'. Prints its id."""
    starts_at = _now() if begins is None else instant(begins, "UTC")
    wanted = {
        "matchers": _written(_parsed(matchers)),
        "startsAt": _said(starts_at),
        "endsAt": _said(_end(starts_at, lasts, ends)),
        "createdBy": author or getpass.getuser(),
        "comment": comment,
    }
    made = router.ask("POST", "/api/v2/silences" + ("?force=true" if force else ""), wanted)
    click.echo(made["silenceID"])


@silence.command("list")
@click.argument("filters", nargs=-1)
@click.option("--expired", is_flag=True, help="Those that are over, too.")
@click.option("--format", "output", type=click.Choice(_OUTPUTS), default="text", show_default=True)
@click.pass_obj
def list_(router: Router, filters: tuple[str, ...], expired: bool, output: str) -> None:
    """The silences whose matchers FILTERS let pass, the soonest to end first.

    `--format json` is what `amtool silence import` reads; `--format yaml` writes them as `maintenance:`, to be kept in the
    rules.
    """
    query = urllib.parse.urlencode([("filter", one) for one in filters])
    found = router.ask("GET", "/api/v2/silences" + (f"?{query}" if query else ""))
    shown = [one for one in found if expired or one["status"]["state"] != "expired"]
    if output == "json":
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    elif output == "yaml":
        click.echo(_as_maintenance(shown))
    else:
        click.echo("\n".join(_line(one) for one in shown) or "there are none")


@silence.command()
@click.argument("number", metavar="ID")
@click.pass_obj
def show(router: Router, number: str) -> None:
    """One silence, and what it holds back now."""
    found = _get(router, number)
    held = router.ask("POST", "/api/silences/preview", {"matchers": found["matchers"]})
    click.echo(_line(found))
    click.echo(f"updated {found['updatedAt']}")
    if found["status"]["state"] == "active":
        _print_preview(held, "it holds back")


@silence.command()
@click.argument("number", metavar="ID")
@click.argument("lasts", metavar="DURATION")
@click.option(
    "--force", is_flag=True, help="One that is over begins anew even if it holds back whatever alert there may be."
)
@click.pass_obj
def extend(router: Router, number: str, lasts: str, force: bool) -> None:
    """Let a silence end later by DURATION, such as 1h; one that is over begins anew. Prints its id."""
    found = _get(router, number)
    ends_at = max(datetime.fromisoformat(found["endsAt"]), _now()) + _duration(lasts)
    made = router.ask(
        "POST", "/api/v2/silences" + ("?force=true" if force else ""), {**found, "endsAt": _said(ends_at)}
    )
    click.echo(made["silenceID"])


@silence.command()
@click.argument("numbers", metavar="ID...", nargs=-1, required=True)
@click.pass_obj
def expire(router: Router, numbers: tuple[str, ...]) -> None:
    """End silences now: what they held back and is still true is told at once."""
    for number in numbers:
        router.ask("DELETE", f"/api/v2/silence/{urllib.parse.quote(number, safe='')}")


@silence.command()
@click.argument("matchers", nargs=-1, required=True)
@click.pass_obj
def preview(router: Router, matchers: tuple[str, ...]) -> None:
    """What a silence with MATCHERS would hold back now. Makes none."""
    found = router.ask("POST", "/api/silences/preview", {"matchers": _written(_parsed(matchers))})
    _print_preview(found, "it would hold back")


def _print_preview(found: Mapping[str, Any], what: str) -> None:
    count = found["alerts"]
    click.echo(f"{what} {count} {'alert' if count == 1 else 'alerts'} that fire now")
    for example in found["examples"]:
        click.echo(f"  {_shown(example)}")
    for one in found["incidents"]:
        click.echo(f"  in #{one['number']} {_shown(one['title'])}")
    if found["matches_everything"]:
        click.echo("it matches whatever alert there may be: to make it takes --force")


def _get(router: Router, number: str) -> Any:
    return router.ask("GET", f"/api/v2/silence/{urllib.parse.quote(number, safe='')}")


def _parsed(texts: Sequence[str]) -> "list[Matcher]":
    """Raises UserError."""
    from rules.model.matcher import MatcherError, parse

    found: list[Matcher] = []
    for text in texts:
        try:
            found += parse(text)
        except MatcherError as error:
            raise UserError(f"{text!r}: {error.message}; expected {error.expected}") from None
    return found


def _written(matchers: "Sequence[Matcher]") -> list[dict[str, object]]:
    return [
        {"name": one.name, "value": one.value, "isRegex": one.op.is_regex, "isEqual": one.op.is_equal}
        for one in matchers
    ]


def _end(starts_at: datetime, lasts: str | None, ends: str | None) -> datetime:
    if (lasts is None) == (ends is None):
        raise UserError("say how long with --for 2h, or until when with --until 2026-12-24T02:00Z: one of them")
    return starts_at + _duration(lasts) if lasts is not None else instant(str(ends), "UTC")


def _duration(text: str) -> timedelta:
    from rules.language.times import duration

    found = duration(text)
    if not found:
        raise UserError(f"{text!r} is no duration; expected one such as 90s, 10m, 1h30m, 2d or 1w")
    return found


def _now() -> datetime:
    from router.runtime.clock import SystemClock

    return SystemClock().now()


def _said(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _line(one: Mapping[str, Any]) -> str:
    matchers = _shown(", ".join(_matchers(one)))
    word = f" ({_shown(one['comment'])})" if one["comment"] else ""
    span = f"{one['startsAt']} … {one['endsAt']}"
    return f"{one['id']}  {one['status']['state']:7}  {span}  {matchers}  by {_shown(one['createdBy'])}{word}"


def _shown(text: str) -> str:
    """What somebody else wrote, in one line: nothing in it moves a cursor or colours a terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _matchers(one: Mapping[str, Any]) -> list[str]:
    from rules.model.matcher import Matcher, Op

    return [
        str(Matcher(said["name"], Op.of(is_regex=said["isRegex"], is_equal=said["isEqual"]), said["value"]))
        for said in one["matchers"]
    ]


def _as_maintenance(shown: Sequence[Mapping[str, Any]]) -> str:
    """JSON in lines: YAML reads it, and no text in it can become anything else."""
    entries = [
        {
            "name": f"silence-{one['id'][:8]}",
            "match": _matchers(one),
            "from": one["startsAt"],
            "until": one["endsAt"],
            "reason": f"{one['comment']} ({one['createdBy']})".strip(),
        }
        for one in shown
    ]
    lines = [f"  - {json.dumps(entry, ensure_ascii=False)}" for entry in entries]
    return "\n".join(["maintenance:", *lines]) if lines else "maintenance: []"
