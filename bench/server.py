"""The two opponents as whole processes on loopback: started, asked whether they are ready, weighed, ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bench.payload import CHANNELS

ROOT = Path(__file__).parents[1]
TOKEN = "xoxb-bench"  # noqa: S105 - the bench's own fake Slack takes anything
SIGNING_SECRET = "bench"  # noqa: S105 - likewise
PATIENCE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Process:
    """A server process; its output is kept beside its data, and shown when it ends by itself."""

    def __init__(self, name: str, command: Sequence[str], *, port: int, ready: str, folder: Path) -> None:
        self.name, self.port = name, port
        self._command, self._ready, self._log = command, ready, folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Seconds until it is ready."""
        begun = time.perf_counter()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "BENCH_SLACK_TOKEN": TOKEN, "BENCH_SIGNING": SIGNING_SECRET},
            )
        while not self._is_ready():
            if self._process.poll() is not None:
                message = f"{self.name} ended by itself:\n{self._log.read_text()[-2000:]}"
                raise RuntimeError(message)
            if time.perf_counter() - begun > PATIENCE_SECONDS:
                self.stop()
                message = f"{self.name} is not ready after {PATIENCE_SECONDS} s:\n{self._log.read_text()[-2000:]}"
                raise TimeoutError(message)
            time.sleep(0.01)
        return time.perf_counter() - begun

    def _is_ready(self) -> bool:
        try:
            return self.get(self._ready)[0] == 200
        except (OSError, HTTPException):
            return False

    def get(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def resident_bytes(self) -> int:
        assert self._process is not None
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        message = f"{self.name} has no resident memory: it has ended"
        raise RuntimeError(message)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


ALERTMANAGER_CONFIG = """\
route: {receiver: nobody, group_by: [alertname], group_wait: 1h, group_interval: 1h}
receivers: [{name: nobody}]
"""


def alertmanager(folder: Path) -> Process:
    port = free_port()
    config = folder / "alertmanager.yml"
    config.write_text(ALERTMANAGER_CONFIG)
    return Process(
        "alertmanager",
        [
            "prometheus-alertmanager",
            f"--config.file={config}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ],
        port=port,
        ready="/-/ready",
        folder=folder,
    )


def router(folder: Path, *, slack_port: int, tells_at_once: bool = False, hears: bool = False) -> Process:
    """Groups and waits as Alertmanager does here; or tells each alert at once, in one of many channels. `hears`: tells each
    group at once, and takes what people press."""
    port = free_port()
    config = folder / "router.yaml"
    routing = ["  channel: C0BENCH000", "  group_by: [alertname]", "  group_wait: 1h", "  group_interval: 1h"]
    if tells_at_once:
        routing = ["  channel: C0BENCH000", "  group_by: ['...']", "  group_wait: 0s", "  routes:"]
        routing += [
            f"    - {{name: c{number:03d}, match: ['chan = c{number:03d}'], channel: C0BENCH{number:03d}}}"
            for number in range(CHANNELS)
        ]
    if hears:
        routing[2] = "  group_wait: 0s"
    signing = ", signing_secret: {env: BENCH_SIGNING}" if hears else ""
    config.write_text(
        "\n".join(
            [
                "version: 1",
                f"server: {{listen: 127.0.0.1:{port}, external_url: 'http://127.0.0.1:{port}'}}",
                f"storage: {{path: {folder / 'router.db'}}}",
                f"slack: {{token: {{env: BENCH_SLACK_TOKEN}}, api_url: 'http://127.0.0.1:{slack_port}/api/', posts_per_minute: 100000{signing}}}",
                "sources: {prometheus: {adapter: prometheus, auth: none}}",
                "routing:",
                *routing,
                "",
            ]
        )
    )
    start = "from router.commands.cli import main; main()"
    return Process(
        "router",
        [sys.executable, "-c", start, "serve", "--config", str(config)],
        port=port,
        ready="/readyz",
        folder=folder,
    )


def fake_slack(folder: Path) -> Process:
    port = free_port()
    return Process(
        "fake_slack", [sys.executable, "-m", "bench.fake_slack", str(port)], port=port, ready="/seen", folder=folder
    )
