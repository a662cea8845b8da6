"""Runs an App from a command line: the event loop, the words at the start, the end by a signal. No route, no rule."""

import asyncio
import gc
import shlex
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from adapters import ADAPTERS
from router.runtime.clock import new_id
from router.service.app import App, opened
from rules.model.configuration import Bearer, Configuration, PreviewSettings, SourceSettings

T = TypeVar("T")
Say = Callable[[str], None]

GARBAGE_AFTER = (20_000, 20, 100)
"""Things made before the interpreter looks for cycles among them: there are hardly any, and a request makes some thousand
things. The usual 700 cost a tenth of the time that an alert takes."""
SWITCH_SECONDS = 0.0005
"""How long one thread may keep the interpreter from another. The writer wants it back some twenty times in a commit, the
loop some ten times for a request while a long body is worked on in a thread; the usual 5 ms each time would be most of
the time that either takes."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """On uvloop where there is one."""
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


async def serve_until_signalled(paths: Sequence[Path], *, say: Say) -> None:
    """Raises StartError."""
    async with opened(paths) as app, asyncio.TaskGroup() as group:
        gc.freeze()  # what stands now stands for good: a search of all of it for garbage would hold the loop for 80 ms
        gc.set_threshold(*GARBAGE_AFTER)
        group.create_task(app.run_until_signalled())
        await asyncio.sleep(0)  # it takes charge of signals first: whoever reads the greeting may send one
        say(greeting(app))


def greeting(app: App) -> str:
    """Where it listens, and a line to try."""
    address = app.addresses[0]
    configuration = app.configuration
    lines = [f"alert-router {app.version} listens on {' and '.join(app.addresses)}"]
    if isinstance(configuration.slack, PreviewSettings):
        lines.append(f"  messages   {address}/preview")
    lines.append(f"  health     {address}/readyz  {address}/metrics")
    lines.append(f"  alerts     {address}/api/alerts  {address}/api/incidents  {address}/api/messages")
    lines += [f"  {name:10} POST {address}/webhook/{name}" for name in configuration.sources]
    if app.bare_source is not None:
        lines.append(f"  {app.bare_source:10} POST {address}/api/v2/alerts")
    line = curl(configuration, address, f"Try {new_id()[:6]}")
    if line:
        lines += ['Try it; the same line with "status": "resolved" ends it:', f"  {line}"]
    return "\n".join(lines)


def curl(configuration: Configuration, address: str, title: str) -> str:
    """A line that sends one alert to a source that takes it without more ado; "" when there is none."""
    sources = [one for one in configuration.sources.values() if _header(one) is not None]
    plain = next((one for one in sources if one.adapter == "generic" and not one.options.map), None)
    family = next((one for one in sources if ADAPTERS[one.adapter].is_prometheus_family), None)
    body: object
    if plain is not None:
        chosen, path, body = plain, f"/webhook/{plain.name}", {"title": title, "severity": "high", "status": "firing"}
    elif family is not None:
        chosen, path = family, f"/webhook/{family.name}"
        alert = {"status": "firing", "labels": {"alertname": title, "severity": "high"}, "annotations": {}}
        body = {"version": "4", "status": "firing", "alerts": [alert]}
    else:
        return ""
    text = msgspec.json.encode(body).decode().replace('":', '": ').replace(',"', ', "')
    header = _header(chosen)
    more = f' -H "{header}"' if header else ""
    return f"curl {address}{path} -H 'Content-Type: application/json'{more} -d {shlex.quote(text)}"


def _header(source: SourceSettings) -> str | None:
    """What the sender has to add: nothing, a token from a variable of the user's shell, or None: too much for one line."""
    if not source.auth:
        return ""
    return "Authorization: Bearer $TOKEN" if any(isinstance(one, Bearer) for one in source.auth) else None
