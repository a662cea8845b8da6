"""Sample alerts of each kind, as their senders would write them: for `send` and `demo`. Builds bytes, sends nothing."""

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """Whose words a sample is written in."""

    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"
    DATADOG = "datadog"
    GENERIC = "generic"


class Sample(msgspec.Struct, frozen=True):
    """One condition. Equal titles and instances are the same alert, whatever else changes."""

    title: str
    instance: str = "web-1"
    severity: str = "high"
    is_firing: bool = True
    summary: str = ""
    """What sets it apart from others of its title, for senders that have such a text."""
    description: str = "A sample alert: nothing is wrong."
    labels: dict[str, str] = {}


class SampleRequest(msgspec.Struct, frozen=True):
    """What to POST, and where below the router's address."""

    path: str
    body: bytes


AT_ONCE = 100
"""Alerts in one request, for the kinds that send several."""


def requests(kind: Kind, source: str, samples: Sequence[Sample], at: datetime) -> list[SampleRequest]:
    """As many requests as their sender would make."""
    path = f"/webhook/{source}"
    match kind:
        case Kind.PROMETHEUS:
            return [
                _request(f"{path}/api/v2/alerts", [_prometheus(one, at) for one in part]) for part in _parts(samples)
            ]
        case Kind.ALERTMANAGER:
            return [_request(path, _webhook(part, at)) for part in _parts(samples)]
        case Kind.DATADOG:
            return [_request(path, _datadog(one, at)) for one in samples]
        case Kind.GENERIC:
            return [_request(path, _generic(one)) for one in samples]


def storm(count: int, title: str, *, is_firing: bool) -> list[Sample]:
    """`count` alerts in groups of up to twenty, one in ten of them critical."""
    return [
        Sample(
            title=f"{title} {number // 20 + 1}",
            instance=f"web-{number % 20 + 1}",
            severity="critical" if number // 20 % 10 == 0 else "medium",
            is_firing=is_firing,
        )
        for number in range(count)
    ]


def _parts(samples: Sequence[Sample]) -> list[Sequence[Sample]]:
    return [samples[start : start + AT_ONCE] for start in range(0, len(samples), AT_ONCE)]


def _request(path: str, document: object) -> SampleRequest:
    return SampleRequest(path, json.dumps(document).encode())


def _labels(sample: Sample) -> dict[str, str]:
    return {
        "alertname": sample.title,
        "instance": sample.instance,
        "severity": sample.severity,
        "job": "sample",
        **sample.labels,
    }


def _annotations(sample: Sample) -> dict[str, str]:
    summary = {"summary": sample.summary} if sample.summary else {}
    return {**summary, "description": sample.description}


def _prometheus(sample: Sample, at: datetime) -> dict[str, object]:
    ends_at = at + timedelta(minutes=5) if sample.is_firing else at
    return {
        "labels": _labels(sample),
        "annotations": _annotations(sample),
        "startsAt": _rfc3339(at),
        "endsAt": _rfc3339(ends_at),
        "generatorURL": "http://localhost:9090/graph",
    }


def _webhook(samples: Sequence[Sample], at: datetime) -> dict[str, object]:
    """Alertmanager's webhook, version 4."""
    alerts = [
        {
            "status": "firing" if one.is_firing else "resolved",
            "labels": _labels(one),
            "annotations": _annotations(one),
            "startsAt": _rfc3339(at),
            "endsAt": "0001-01-01T00:00:00Z" if one.is_firing else _rfc3339(at),
            "generatorURL": "http://localhost:9090/graph",
        }
        for one in samples
    ]
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": "firing" if any(one.is_firing for one in samples) else "resolved",
        "receiver": "alert-router",
        "groupLabels": {},
        "commonLabels": {"job": "sample"},
        "commonAnnotations": {},
        "externalURL": "http://localhost:9093",
        "alerts": alerts,
    }


_PRIORITIES = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4", "info": "P5"}


def _datadog(sample: Sample, at: datetime) -> dict[str, object]:
    """The template of docs/sources/datadog.md, expanded."""
    transition = "Triggered" if sample.is_firing else "Recovered"
    priority = _PRIORITIES.get(sample.severity, "P3")
    return {
        "alert_id": str(zlib.crc32(sample.title.encode())),
        "alert_title": sample.title,
        "alert_transition": transition,
        "alert_type": "error" if sample.is_firing else "success",
        "alert_priority": priority,
        "alert_scope": f"host:{sample.instance}",
        "event_title": f"[{priority}] [{transition}] {sample.title}",
        "event_type": "query_alert_monitor",
        "text": sample.description,
        "hostname": sample.instance,
        "tags": ",".join(["monitor", *(f"{name}:{value}" for name, value in sample.labels.items())]),
        "date": str(int(at.timestamp() * 1000)),
        "link": "https://app.datadoghq.com/monitors",
    }


def _generic(sample: Sample) -> dict[str, object]:
    return {
        "title": sample.title,
        "host": sample.instance,
        "severity": sample.severity,
        "status": "firing" if sample.is_firing else "resolved",
        "description": sample.description,
        **sample.labels,
    }


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
