"""One look at one server, from its start to its end: what `bench` takes the medians of."""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.load import Result, Sending
from bench.payload import begun_now
from bench.server import ROOT, Process, alertmanager, fake_slack, router

STARTS_AT = begun_now()
WARM = 1_000
RESENT = 10_000
"""Alerts of one round of re-sending, out of those that are there."""


class Sizes(msgspec.Struct, frozen=True):
    """How much of each; the default keeps three rounds under six minutes."""

    new: int = 50_000
    active: int = 100_000
    """At the restart."""
    seconds: float = 4
    """Of re-sending, each kind."""
    paced: int = 1_000
    """Alerts of the latency measurement."""
    per_second: float = 100


class Look(msgspec.Struct, frozen=True):
    """What one server did in one round."""

    resent_per_second: float
    singles_per_second: float
    new_per_second: float
    bytes_per_alert: float
    restart_seconds: float
    kept: int
    """Alerts it still had after kill -9, of Sizes.active."""


def send(plan: Sending) -> Result:
    run = subprocess.run(
        [sys.executable, "-m", "bench.load", msgspec.json.encode(plan).decode()],
        capture_output=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(run.stderr.decode()[-2000:])
    result = msgspec.json.decode(run.stdout, type=Result)
    if result.refused:
        message = f"{result.refused} of {result.requests} requests were refused: the numbers would mean nothing"
        raise RuntimeError(message)
    return result


def look(server: Process, sizes: Sizes) -> Look:
    """Memory is compared after every alert was re-sent once: an active alert is one that is re-sent."""
    server.start()
    try:
        send(Sending(port=server.port, starts_at=STARTS_AT, first=0, count=WARM, batch=100))
        before = server.resident_bytes()
        new = send(Sending(port=server.port, starts_at=STARTS_AT, first=WARM, count=sizes.new, batch=100))
        send(Sending(port=server.port, starts_at=STARTS_AT, first=WARM, count=sizes.new, batch=100))
        time.sleep(1)
        after = server.resident_bytes()
        resent = send(
            Sending(port=server.port, starts_at=STARTS_AT, first=WARM, count=RESENT, batch=100, seconds=sizes.seconds)
        )
        singles = send(
            Sending(port=server.port, starts_at=STARTS_AT, first=WARM, count=RESENT, batch=1, seconds=sizes.seconds)
        )
        there = WARM + sizes.new
        send(Sending(port=server.port, starts_at=STARTS_AT, first=there, count=sizes.active - there, batch=100))
        server.stop(signal.SIGKILL)
        restart_seconds = server.start()
        kept = count_router(server) if server.name == "router" else count_alertmanager(server)
    finally:
        server.stop()
    return Look(
        resent_per_second=resent.alerts / resent.seconds,
        singles_per_second=singles.alerts / singles.seconds,
        new_per_second=new.alerts / new.seconds,
        bytes_per_alert=(after - before) / sizes.new,
        restart_seconds=restart_seconds,
        kept=kept,
    )


def count_alertmanager(server: Process) -> int:
    return len(msgspec.json.decode(server.get("/api/v2/alerts")[1], type=list[msgspec.Raw]))


class _Page(msgspec.Struct):
    alerts: list[msgspec.Raw]
    next: str | int | None = None


def count_router(server: Process) -> int:
    total, after = 0, ""
    while True:
        status, body = server.get(f"/api/alerts?state=firing&limit=1000{after}")
        if status != 200:
            message = f"/api/alerts answered {status}: {body[:500]!r}"
            raise RuntimeError(message)
        page = msgspec.json.decode(body, type=_Page)
        total += len(page.alerts)
        if page.next is None:
            return total
        after = f"&after={page.next}"


def look_at_alertmanager(sizes: Sizes) -> Look:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return look(alertmanager(Path(folder)), sizes)


def look_at_router(sizes: Sizes) -> Look:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        slack = fake_slack(folder)
        slack.start()
        try:
            return look(router(folder, slack_port=slack.port), sizes)
        finally:
            slack.stop()


class Latency(msgspec.Struct, frozen=True):
    """From the 2xx, as its sender saw it, to the arrival of the post at Slack. Below 0: posted before that."""

    p50_ms: float
    p99_ms: float
    told: int
    sent: int


def latency(sizes: Sizes, prepare: Callable[[Path], None] = lambda _: None) -> Latency:
    """`prepare` puts something into the folder before the router starts there."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        slack = fake_slack(folder)
        slack.start()
        prepare(folder)
        server = router(folder, slack_port=slack.port, tells_at_once=True)
        try:
            server.start()
            sent = send(
                Sending(
                    port=server.port,
                    starts_at=STARTS_AT,
                    first=0,
                    count=sizes.paced,
                    batch=1,
                    per_second=sizes.per_second,
                    connections=1,
                )
            )
            arrived = wait_for_posts(slack, len(sent.answered_ns))
        finally:
            server.stop()
            slack.stop()
    took = [(arrived[pod] - at) / 1e6 for pod, at in sent.answered_ns.items() if pod in arrived]
    if len(took) < 2:
        message = f"{len(took)} of {sent.alerts} alerts reached Slack"
        raise RuntimeError(message)
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return Latency(p50_ms=cuts[49], p99_ms=cuts[98], told=len(took), sent=sent.alerts)


def wait_for_posts(slack: Process, expected: int) -> dict[str, int]:
    """What arrived; waits until all has, or nothing more comes for 3 s."""
    arrived: dict[str, int] = {}
    quiet_since = time.perf_counter()
    while len(arrived) < expected and time.perf_counter() - quiet_since < 3:
        now = msgspec.json.decode(slack.get("/seen")[1], type=dict[str, int])
        if len(now) > len(arrived):
            quiet_since = time.perf_counter()
        arrived = now
        time.sleep(0.1)
    return arrived
