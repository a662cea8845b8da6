"""The real service as a process of its own, on a free loopback port: started, asked over HTTP, killed, started again.

Also for other people's programs (Prometheus, Alertmanager). Waits by asking until a deadline, never for a while.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp

from router.runtime.clock import Clock
from router.service.app import App, opened
from tests.slackworld import TOKEN

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-c", "from router.commands.cli import main; main()")
_POLL = 0.05


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(look: Callable[[], Awaitable[T | None]], what: str, *, within: float = 10) -> T:
    """Ask until there is an answer; fail with `what` when there is none in time."""
    found: T | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            while (found := await look()) is None:  # noqa: ASYNC110  # another process rings no event of ours
                await asyncio.sleep(_POLL)
    if found is None:
        raise AssertionError(f"not within {within} s: {what}")
    return found


class Program:
    """A child process whose words go to a file. It is killed with the test, whatever became of it."""

    def __init__(self, arguments: Sequence[str], folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self._arguments, self._folder = arguments, folder
        self._environment = {**os.environ, **(environment or {})}
        self._log = folder / "log.txt"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def words(self) -> str:
        """All it has said."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def process(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise AssertionError("it was not started")
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments, cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )

    async def exit_code(self, *, within: float = 10) -> int:
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL: nothing is written after it."""
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def terminate(self, *, within: float = 20) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.exit_code(within=within)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()


class RouterProcess(Program):
    """`alert-router serve` on one configuration."""

    def __init__(
        self,
        folder: Path,
        configuration: str,
        *,
        port: int,
        environment: Mapping[str, str],
        log_format: str = "json",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "router.yaml"
        self.file.write_text(configuration)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        arguments = (*COMMAND, "serve", "--config", str(self.file), "--log-format", log_format)
        known = {"PYTHONPATH": str(ROOT), "SLACK_BOT_TOKEN": TOKEN}
        super().__init__(arguments, folder, environment={**known, **environment})

    async def start(self, *, within: float = 20) -> None:
        """Returns when it is ready."""
        await self.launch()

        async def ready() -> bool | None:
            if not self.is_running:
                raise AssertionError(f"it ended: {self.words[-2000:]}")
            return await self.status("/readyz") == 200 or None

        await until(ready, f"ready; it said {self.words[-2000:]}", within=within)

    async def status(self, path: str) -> int | None:
        """None: nobody answers."""
        try:
            async with self.session.get(self.url + path) as answer:
                return answer.status
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            return None

    async def get(self, path: str) -> Any:
        async with self.session.get(self.url + path) as answer:
            return await answer.json()

    async def all(self, kind: str, query: str = "") -> list[dict[str, Any]]:
        """Every page of /api/alerts, /api/incidents or /api/messages."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = await self.get(f"/api/{kind}?limit=1000{query}{after}")
            found += page[kind]
            if not page["next"]:
                return found
            after = f"&after={page['next']}"

    async def post(self, path: str, document: object = None, *, headers: Mapping[str, str] | None = None) -> int:
        """The status of the answer."""
        async with self.session.post(self.url + path, json=document, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        await self.session.close()


def filled(configuration: str, folder: Path, *, listen: str = "127.0.0.1:9080", slack_url: str = "") -> str:
    """With <listen>, <database> and <slack> in their places: what only a run knows."""
    known = {
        "<listen>": listen,
        "<database>": str(folder / "data" / "router.db"),
        "<slack>": slack_url or "http://127.0.0.1:1/api/",
    }
    for name, value in known.items():
        configuration = configuration.replace(name, value)
    return configuration


@contextlib.asynccontextmanager
async def running(
    folder: Path,
    configuration: str,
    *,
    slack_url: str = "",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[RouterProcess]:
    """A started router; `filled` says what may be left open in `configuration`."""
    port = free_port()
    text = filled(configuration, folder, listen=f"127.0.0.1:{port}", slack_url=slack_url)
    async with RouterProcess(folder, text, port=port, environment=environment or {}) as router:
        await router.start()
        yield router


@asynccontextmanager
async def in_this_process(
    file: Path, *, clock: Clock | None = None, environ: Mapping[str, str] | None = None
) -> AsyncIterator[App]:
    """The whole service on the test's own loop, its loops turning."""
    async with opened([file], clock=clock, environ=environ) as app, asyncio.TaskGroup() as group:
        group.create_task(app.run())
        try:
            yield app
        finally:
            app.stop()
