"""The bytes that Prometheus would send: numbered alerts as POST /api/v2/alerts requests, prebuilt and refreshed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

NAMES = 100
"""Distinct alert names, and so groups: the same on both sides."""
CHANNELS = 400
"""Distinct `chan` labels: at 100 alerts/s each is used every 4 s, so pace per channel delays nobody."""

_ENDS_AT = "2000-01-01T00:00:00.000000Z"  # stands in the prebuilt bytes where each round writes its own


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def alert(number: int, starts_at: str) -> dict[str, object]:
    """One alert of seven labels and two annotations, about 600 bytes: the size of kube-prometheus' own."""
    return {
        "labels": {
            "alertname": f"BenchAlert{number % NAMES:03d}",
            "chan": f"c{number % CHANNELS:03d}",
            "cluster": "eu-1",
            "instance": f"10.0.{number // 250 % 250}.{number % 250}:9100",
            "job": "node-exporter",
            "pod": f"pod-{number:07d}",
            "severity": "warning",
        },
        "annotations": {
            "summary": f"Something is wrong with pod-{number:07d}",
            "description": "The pod has not been ready for longer than fifteen minutes, and its restarts do not help.",
        },
        "startsAt": starts_at,
        "endsAt": _ENDS_AT,
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    }


def request(body: bytes, port: int) -> bytes:
    head = (
        f"POST /api/v2/alerts HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: Prometheus/3.5.0\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def begun_now() -> str:
    """When the alerts of one bench began: an alert that is sent again began when it began."""
    return _instant(datetime.now(UTC))


def requests(port: int, numbers: Sequence[int], batch: int, starts_at: str) -> list[bytes]:
    """Requests of `batch` alerts each. They expire at once until refreshed."""
    return [
        request(msgspec.json.encode([alert(number, starts_at) for number in numbers[at : at + batch]]), port)
        for at in range(0, len(numbers), batch)
    ]


def refreshed(prebuilt: list[bytes]) -> list[bytes]:
    """The same alerts sent again: only `endsAt` has moved on, as with each round of Prometheus."""
    ends_at = _instant(datetime.now(UTC) + timedelta(minutes=5)).encode()
    return [each.replace(_ENDS_AT.encode(), ends_at) for each in prebuilt]
