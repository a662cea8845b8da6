"""`alert-router demo`: a story of two minutes, told to a real router over real HTTP. Leaves nothing behind."""

import asyncio
import logging
import socket
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import aiohttp
import msgspec

from router.commands.demo.player import Deed, Player
from router.commands.samples import Kind, Sample, requests
from router.commands.serving import Say
from router.service.app import App, opened
from router.service.in_force import StartError

log = logging.getLogger(__name__)

CONFIGURATION = """\
version: 1
name: demo
server: {{listen: '127.0.0.1:{port}', external_url: 'http://127.0.0.1:{port}'}}
storage: {{path: {path}}}
slack: preview
sources:
  prometheus: {{adapter: prometheus, auth: none, silent_after: none}}
  backups: {{adapter: generic, auth: none}}
routing:
  channel: "#alerts"
  group_by: [alert.name]
  group_wait: {wait}s
  group_interval: {interval}s
  repeat_interval: none
  routes:
    - {{name: shop, match: ['team = shop'], channel: ["#shop-alerts", "#incidents"], page: shop}}
    - {{name: backups, match: ['alert.source = backups'], channel: "#backups"}}
people: {{alice: {{email: alice@example.com}}, bob: {{email: bob@example.com}}}}
oncall:
  primary: {{rotation: {{people: [alice], every: 1w, handoff: 'mon 09:00', starts: 2026-01-05}}}}
escalation:
  shop: {{steps: [{{oncall: primary}}, {{after: {step}s, person: bob}}]}}
"""


class Alerts(msgspec.Struct, frozen=True):
    """What a sender sends."""

    kind: Kind
    source: str
    samples: tuple[Sample, ...]


class Scene(msgspec.Struct, frozen=True):
    """What happens, when, and what to look at."""

    at: int
    """Seconds from the start, at speed 1."""
    words: str
    happens: Alerts | Deed


def _slow(*numbers: int, severity: str = "high", is_firing: bool = True) -> Alerts:
    samples = tuple(
        Sample(
            title="CheckoutSlow",
            instance=f"web-{number}",
            severity=severity,
            is_firing=is_firing,
            summary=f"Checkout is slow on web-{number}",
            description="One request in twenty takes longer than 2 s.",
            labels={"team": "shop", "cluster": "eu-1"},
        )
        for number in numbers
    )
    return Alerts(Kind.PROMETHEUS, "prometheus", samples)


def _backup(*, is_firing: bool) -> Alerts:
    sample = Sample(
        title="Nightly backup failed",
        instance="db-1",
        severity="medium",
        is_firing=is_firing,
        description="pg_dump: connection refused",
    )
    return Alerts(Kind.GENERIC, "backups", (sample,))


_TAKEN_ON = Deed("bob", "bob@example.com", "Checkout is slow", "Acknowledge")
_CLOSED = Deed(
    "alice", "#backups", "Nightly backup", "Resolve", {"note": "db-1 was being moved; it runs again tonight"}
)
STORY: Sequence[Scene] = (
    Scene(0, "Checkout becomes slow: one message in #shop-alerts and #incidents, and Alice is paged.", _slow(1)),
    Scene(22, "Alice does not answer, so Bob was paged after 15 s, and the thread says so. He presses Acknowledge: nobody else is woken.", _TAKEN_ON),
    Scene(35, "It spreads to two more instances: the same message is edited, its thread gets one line.", _slow(2, 3)),
    Scene(45, "Meanwhile a backup fails. That is nobody's night: #backups, nobody is paged.", _backup(is_firing=True)),
    Scene(58, "It worsens: critical. The channel hears it once more, and so do Alice and Bob.", _slow(4, severity="critical")),
    Scene(72, "Alice closes the backup by hand, with a note for whoever meets it next; its thread keeps it.", _CLOSED),
    Scene(82, "Three of four recover: an edit and a line, no sound.", _slow(1, 2, is_firing=False)),
    Scene(82, "", _slow(4, severity="critical", is_firing=False)),
    Scene(94, "All over: the message shrinks to one green line.", _slow(3, is_firing=False)),
    Scene(106, "It comes back within ten minutes: the same incident is reopened, loudly.", _slow(1)),
    Scene(118, "And ends for good. The backup has recovered too.", _slow(1, is_firing=False)),
    Scene(118, "", _backup(is_firing=False)),
)  # fmt: skip
END = 125


async def play(*, say: Say, speed: float, is_short: bool, port: int) -> None:
    """Start a router of its own, tell the story, stay up until a signal unless it `is_short`. Raises StartError."""
    with tempfile.TemporaryDirectory(prefix="alert-router-demo-") as folder:
        async with AsyncExitStack() as stack:
            app = await _started(stack, Path(folder), speed, port)
            address = app.addresses[0]
            say(f"Look at {address}/preview while the story is told.\n")
            group = await stack.enter_async_context(asyncio.TaskGroup())
            running = group.create_task(app.run_until_signalled())
            telling = group.create_task(_tell(app, address, say, speed))
            done, _ = await asyncio.wait({running, telling}, return_when=asyncio.FIRST_COMPLETED)
            if running in done:  # a signal came first
                telling.cancel()
            elif is_short or telling.exception() is not None:
                app.stop()
            else:
                say(f"\nThe story is told. {address}/preview stays until you press Ctrl-C.")


async def _started(stack: AsyncExitStack, folder: Path, speed: float, port: int) -> App:
    """On the wanted port, or on a free one when somebody has it."""
    waits = {name: max(1, round(seconds / speed)) for name, seconds in (("wait", 3), ("interval", 10), ("step", 15))}
    file = folder / "demo.yaml"

    async def start(port: int) -> App:
        file.write_text(CONFIGURATION.format(port=port, path=folder / "demo.db", **waits), encoding="utf-8")
        return await stack.enter_async_context(opened([file]))

    if port:
        try:
            return await start(port)
        except StartError:  # most likely another router; the demo does not need this very port
            log.info("the demo takes another port", extra={"port": port})
    return await start(_free_port())


def _free_port() -> int:
    """Chosen before the start, since messages link to it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found: int = listener.getsockname()[1]
    return found


async def _tell(app: App, address: str, say: Say, speed: float) -> None:
    passed = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        player = Player(session, address, app.clock)
        for scene in STORY:
            await app.clock.sleep(timedelta(seconds=(scene.at - passed) / speed))
            passed = scene.at
            if scene.words:
                say(f"{passed // 60}:{passed % 60:02}  {scene.words}")
            match scene.happens:
                case Deed() as deed:
                    await player.do(deed)
                case Alerts(kind, source, samples):
                    for one in requests(kind, source, samples, app.clock.now()):
                        headers = {"Content-Type": "application/json"}
                        async with session.post(address + one.path, data=one.body, headers=headers) as answer:
                            answer.raise_for_status()
    await app.clock.sleep(timedelta(seconds=(END - passed) / speed))
