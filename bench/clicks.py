"""A click while alerts come in: from the signed request to its answer. Ours alone."""

import hashlib
import hmac
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from bench.load import Result, Sending
from bench.measure import STARTS_AT, send
from bench.payload import NAMES
from bench.server import SIGNING_SECRET, Process, fake_slack, router
from router.core.acts.button import Button, Verb, action_id, value

PER_SECOND = 1_000
"""Alerts, in requests of ten."""
CLICKS = 300
APART_SECONDS = 0.05


class Clicks(msgspec.Struct, frozen=True):
    """How long people waited."""

    p50_ms: float
    p99_ms: float
    done: int
    """Incidents that were acknowledged."""
    alerts_per_second: float


def clicks() -> Clicks:
    """Acknowledged and taken back in turn, in 100 incidents that each gets ten alerts a second."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        slack = fake_slack(folder)
        slack.start()
        server = router(folder, slack_port=slack.port, hears=True)
        try:
            server.start()
            send(Sending(port=server.port, starts_at=STARTS_AT, first=0, count=10 * NAMES, batch=10))
            _wait_for_incidents(server)
            sent: list[Result] = []
            count = int(PER_SECOND * (CLICKS * APART_SECONDS + 2))
            plan = Sending(
                port=server.port,
                starts_at=STARTS_AT,
                first=10 * NAMES,
                count=count,
                batch=10,
                per_second=PER_SECOND / 10,
                connections=1,
            )
            load = threading.Thread(target=lambda: sent.append(send(plan)))
            load.start()
            time.sleep(1.5)  # the load generator makes its requests first
            took = list(_clicked(server))
            load.join()
            status, body = server.get("/api/incidents?state=open&limit=1000")
            phases = (
                [one["response"]["phase"] for one in msgspec.json.decode(body)["incidents"]] if status == 200 else []
            )
        finally:
            server.stop()
            slack.stop()
    if not phases.count("acknowledged"):
        message = "no click did anything: the numbers would mean nothing"
        raise RuntimeError(message)
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return Clicks(cuts[49] * 1000, cuts[98] * 1000, phases.count("acknowledged"), sent[0].alerts * 10 / sent[0].seconds)


def _wait_for_incidents(server: Process) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        status, body = server.get("/api/incidents?state=open&limit=1000")
        if status == 200 and len(msgspec.json.decode(body)["incidents"]) >= NAMES:
            return
        time.sleep(0.1)
    raise TimeoutError("the incidents to click in did not open")


def _clicked(server: Process) -> Iterator[float]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        for number in range(CLICKS):
            verb = Verb.UNACKNOWLEDGE if number // NAMES % 2 else Verb.ACKNOWLEDGE
            body, headers = _gesture(verb, number % NAMES + 1, number)
            begun = time.perf_counter()
            connection.request("POST", "/api/slack/actions", body, headers)
            answer = connection.getresponse()
            answer.read()
            took = time.perf_counter() - begun
            if answer.status != 200:
                message = f"a click was answered {answer.status}"
                raise RuntimeError(message)
            yield took
            time.sleep(max(APART_SECONDS - took, 0))
    finally:
        connection.close()


def _gesture(verb: Verb, incident: int, number: int) -> tuple[bytes, dict[str, str]]:
    """As Slack sends a button that was pressed."""
    payload = {
        "type": "block_actions",
        "user": {"id": "U0MARIA00", "username": "maria", "team_id": "T0BENCH00"},
        "team": {"id": "T0BENCH00"},
        "trigger_id": f"{number}.1.a",
        "container": {
            "type": "message",
            "message_ts": f"{time.time():.6f}",
            "channel_id": "C0BENCH000",
            "is_ephemeral": False,
        },
        "channel": {"id": "C0BENCH000", "name": "bench"},
        "actions": [
            {
                "type": "button",
                "action_id": action_id(verb),
                "block_id": "a",
                "value": value(Button(verb, incident), instance="alert-router"),
                "action_ts": f"{number}.1",
            }
        ],
    }
    body = urlencode({"payload": msgspec.json.encode(payload).decode()}).encode()
    now = str(int(time.time()))
    digest = hmac.new(SIGNING_SECRET.encode(), b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": f"v0={digest}",
    }
