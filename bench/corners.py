"""What a router must not be slow at: one alert among ten thousand first words, one change in a large group, one alert with
years of history behind it. Ours alone: Alertmanager keeps no incidents, and tells a group whole."""

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import msgspec

from adapters.alert import Alert, Severity, Status, identity
from bench.load import Sending
from bench.measure import STARTS_AT, Latency, Sizes, latency, send
from bench.payload import alert as payload
from bench.payload import refreshed, requests
from bench.server import Process, fake_slack, router
from router.core.view import IncidentView, State
from router.delivery.deliver import Settings
from router.notifiers.preview.notifier import PreviewNotifier
from router.runtime.clock import to_ms
from router.runtime.metrics import Metrics
from router.service.simulate import Simulation, VirtualClock
from router.service.stored_preview import stored_preview
from router.store import migrate
from router.store.database import Database
from rules.model.ruleset import RuleSet

__all__ = ["BigGroup", "Storm", "big_group", "history", "storm"]

FIRST_WORDS = 10_000
SINGLES = 200
SMALL, LARGE = 5, 50_000
CHANGES = 40


class Storm(msgspec.Struct, frozen=True):
    """How long single alerts waited for their 2xx while FIRST_WORDS groups were told for the first time."""

    p95_s: float
    worst_s: float
    posted: int
    """Of the first words, when the last single was answered: the storm must still be going on."""


def storm() -> Storm:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        slack = fake_slack(folder)
        slack.start()
        server = router(folder, slack_port=slack.port, tells_at_once=True)
        try:
            server.start()
            send(Sending(port=server.port, starts_at=STARTS_AT, first=0, count=FIRST_WORDS, batch=1_000))
            took = list(_singles(server))
            posted = len(msgspec.json.decode(slack.get("/seen")[1], type=dict[str, int]))
        finally:
            server.stop()
            slack.stop()
    cuts = statistics.quantiles(took, n=20, method="inclusive")
    return Storm(cuts[18], max(took), posted)


def _singles(server: Process) -> Iterator[float]:
    prebuilt = requests(server.port, range(FIRST_WORDS, FIRST_WORDS + SINGLES), 1, STARTS_AT)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        for request in refreshed(prebuilt):
            begun = time.perf_counter()
            connection.request("POST", "/api/v2/alerts", request.partition(b"\r\n\r\n")[2])
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                message = f"a single alert was answered {answer.status}"
                raise RuntimeError(message)
            yield time.perf_counter() - begun
            time.sleep(0.02)
    finally:
        connection.close()


class BigGroup(msgspec.Struct, frozen=True):
    """CPU of one evaluation after one more alert, in ms."""

    small_ms: float
    large_ms: float


def big_group(rules: RuleSet) -> BigGroup:
    """`rules`: one group for all, told at once."""
    return BigGroup(*(asyncio.run(_evaluations(rules, size)) for size in (SMALL, LARGE)))


async def _evaluations(rules: RuleSet, size: int) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        clock = VirtualClock(datetime(2026, 3, 4, 12, tzinfo=UTC))
        rows = Database(Path(name) / "preview.db", clock, Metrics())
        preview = PreviewNotifier(stored_preview(rows, clock))
        settings = Settings("bench", "http://localhost:9080", "", "preview")
        simulation = Simulation(Path(name) / "bench.db", clock, notifiers=[preview], ruleset=rules, settings=settings)
        await simulation.start()
        for first in range(0, size, 5_000):
            drafts = [_Ready(_alert(number, clock.now())) for number in range(first, min(first + 5_000, size))]
            await simulation.take("prometheus", "prometheus", drafts)
        await simulation.run_for(timedelta(minutes=10))
        took = []
        for number in range(size, size + CHANGES):
            clock.move_to(clock.now() + timedelta(seconds=5))
            draft = _Ready(_alert(number, clock.now()))
            await simulation.engine.intake.take("prometheus", "prometheus", [draft], clock.now())
            begun = time.process_time()
            await simulation.engine.dispatch()
            took.append(time.process_time() - begun)
        await simulation.close()
        await rows.close()
    return statistics.median(took) * 1000


class _Ready:
    """A draft whose alert is made already."""

    key = 0

    def __init__(self, made: Alert) -> None:
        self._made = made

    def alert(self) -> Alert:
        return self._made


def _alert(number: int, at: datetime) -> Alert:
    said = payload(number, STARTS_AT)
    labels = {str(name): str(value) for name, value in msgspec.convert(said["labels"], dict[str, str]).items()}
    return Alert(
        fingerprint=identity(labels),
        name="BenchAlert",
        title=f"Something is wrong with {labels['pod']}",
        description="The pod has not been ready for longer than fifteen minutes.",
        severity=Severity.MEDIUM,
        status=Status.FIRING,
        labels=labels,
        annotations={},
        starts_at=at,
    )


def history(sizes: Sizes, incidents: int) -> Latency:
    """From the 2xx to Slack, with so many resolved incidents, each told and kept, in the database."""
    return latency(sizes, prepare=lambda folder: _write_history(folder / "router.db", incidents))


def _write_history(path: Path, incidents: int) -> None:
    migrate.upgrade(path)
    now = datetime.now(UTC)
    over = to_ms(now - timedelta(days=2))
    view = IncidentView(
        number=1,
        state=State.RESOLVED,
        severity=Severity.HIGH,
        title="BenchAlert",
        name="BenchAlert",
        summary="",
        started_at=now - timedelta(days=2, hours=1),
        firing=0,
        route="default",
        sources=("prometheus",),
        ended_at=now - timedelta(days=2),
    )
    document = msgspec.json.encode(view).decode()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("INSERT INTO settings (id, document) VALUES ('old', '{\"channels\":[\"C0BENCH000\"]}')")
        database.execute(
            "INSERT INTO alert_group (id, route, labels, settings_id, created_at, route_is_gone) VALUES (1, 'old', '[]', 'old', ?, 1)",
            (over,),
        )
        database.execute(
            "INSERT INTO conversation (id, notifier, target, channel, next_at) VALUES (1, 'old', 'C0BENCHOLD', 'C0BENCHOLD', 0)"
        )
        _fill(database, "incident", incidents, over, document)
        _fill(database, "message", incidents, over, document)
        database.commit()


def _fill(database: sqlite3.Connection, table: str, count: int, over: int, document: str) -> None:
    """Rows that are all alike, but for their numbers: whatever a column asks for has something."""
    known = {"number": "n", "id": "n", "incident": "n", "group_id": "1", "conversation": "1", "state": "'resolved'"}
    known |= {"subject": "'incident'", "severity": "'high'", "loud_severity": "'high'", "route": "'old'"}
    known |= {
        "view": ":document",
        "ts": "'1.1'",
        "is_primary": "1",
        "version": "1",
        "notified_version": "1",
        "rank": "3",
    }
    names, values = [], []
    for _, name, kind, is_needed, default, _ in database.execute(f"PRAGMA table_info({table})"):
        if name in known:
            names.append(name)
            values.append(known[name])
        elif name.endswith("_at") or (is_needed and default is None):
            names.append(name)
            is_instant = name.endswith(("_at", "_since"))
            values.append("NULL" if name in _EMPTY else ":over" if is_instant else "''" if kind == "TEXT" else "0")
    numbers = "WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < :count)"
    statement = f"{numbers} INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM count"  # noqa: S608  # our own names
    database.execute(statement, {"over": over, "document": document, "count": count})


_EMPTY = frozenset({"thread_due_at", "not_before", "intent_at", "released_at"})
