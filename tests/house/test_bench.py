"""The bench itself: it counts what was answered, refuses to measure refusals, and says when a target is missed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from bench.load import Sending, carry_out
from bench.measure import Latency, Look, Sizes, look_at_alertmanager, send
from bench.report import table
from bench.server import fake_slack


class Receiver(ThreadingHTTPServer):
    """Answers each request with `status` and keeps the bodies."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=[200])
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    server = Receiver(request.param)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def sent_alerts(receiver: Receiver) -> list[dict[str, object]]:
    return [alert for body in receiver.bodies for alert in msgspec.json.decode(body, type=list[dict[str, object]])]


def test_every_alert_is_sent_once_and_counted(receiver: Receiver) -> None:
    result = carry_out(
        Sending(
            port=receiver.server_port,
            starts_at="2026-11-21T00:00:00.000000Z",
            first=0,
            count=250,
            batch=100,
            connections=4,
        )
    )
    pods = [str(msgspec.to_builtins(alert)["labels"]["pod"]) for alert in sent_alerts(receiver)]
    assert (result.alerts, result.requests, result.refused) == (250, 3, 0)
    assert sorted(pods) == [f"pod-{number:07d}" for number in range(250)]


def test_a_round_sends_the_same_alerts_with_a_later_end(receiver: Receiver) -> None:
    result = carry_out(
        Sending(
            port=receiver.server_port,
            starts_at="2026-11-21T00:00:00.000000Z",
            first=7,
            count=1,
            batch=1,
            seconds=0.5,
            connections=1,
        )
    )
    alerts = sent_alerts(receiver)
    assert len(alerts) == result.alerts >= 2
    assert len({str(alert["endsAt"]) for alert in alerts}) == len(alerts)
    assert len({str({**alert, "endsAt": ""}) for alert in alerts}) == 1


@pytest.mark.parametrize("receiver", [503], indirect=True)
def test_refused_requests_are_not_measured(receiver: Receiver) -> None:
    with pytest.raises(RuntimeError, match="3 of 3 requests were refused"):
        send(Sending(port=receiver.server_port, starts_at="2026-11-21T00:00:00.000000Z", first=0, count=3, batch=1))


def test_spaced_requests_tell_when_each_alert_was_answered(receiver: Receiver) -> None:
    result = carry_out(
        Sending(
            port=receiver.server_port,
            starts_at="2026-11-21T00:00:00.000000Z",
            first=5,
            count=3,
            batch=1,
            per_second=1000,
            connections=1,
        )
    )
    assert list(result.answered_ns) == ["pod-0000005", "pod-0000006", "pod-0000007"]
    assert sorted(result.answered_ns.values()) == list(result.answered_ns.values())


def test_the_fake_slack_remembers_the_first_post(tmp_path: Path) -> None:
    slack = fake_slack(tmp_path)
    slack.start()
    try:
        send(Sending(port=slack.port, starts_at="2026-11-21T00:00:00.000000Z", first=1, count=2, batch=1))
        first = msgspec.json.decode(slack.get("/seen")[1], type=dict[str, int])
        send(Sending(port=slack.port, starts_at="2026-11-21T00:00:00.000000Z", first=1, count=2, batch=1))
        again = msgspec.json.decode(slack.get("/seen")[1], type=dict[str, int])
    finally:
        slack.stop()
    assert list(first) == ["pod-0000001", "pod-0000002"]
    assert again == first


def test_the_table_says_which_target_is_missed() -> None:
    theirs = Look(70_000, 30_000, 50_000, 5_600, 0.1, 0)
    ours = Look(350_000, 20_000, 45_000, 1_000, 1.5, 99_999)
    printed = table([ours], [theirs], [Latency(4, 60, 1000, 1000)], Sizes(), [2.9, 3.1, 3.2])
    verdicts = [line.rsplit("|", 2)[1].strip() for line in printed.splitlines()[2:]]
    assert verdicts == ["yes", "**no**", "yes", "yes", "**no**", "**no**", "**no**"]


@pytest.mark.needs("prometheus-alertmanager")
def test_it_measures_the_real_alertmanager() -> None:
    seen = look_at_alertmanager(Sizes(new=500, active=2_000, seconds=0.05))
    assert min(seen.resent_per_second, seen.singles_per_second, seen.new_per_second) > 0
    assert seen.kept == 0
