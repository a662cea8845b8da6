"""What kind of alert it is: `alert.name` by sender, the same from its first word to its last."""

from typing import Any

import msgspec
import pytest

from adapters import ADAPTERS
from adapters.adapter import SourceOptions
from adapters.alert import Alert
from tests.adapters.samples import payload


def read(adapter: str, body: object, **options: Any) -> Alert:
    parse = ADAPTERS[adapter].open(SourceOptions(name="x", **options))
    (draft,) = parse(payload(msgspec.json.encode(body)))
    return draft.alert()


PROMETHEUS = {"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "Down", "instance": "a"}}]}
DATADOG = {
    "alert_id": "7", "alert_title": "High load on web-01", "alert_transition": "Triggered", "alert_scope": "host:web-01",
    "title": "[Triggered on {host:web-01}] High load on web-01",
}  # fmt: skip
JOB = {"task": "dump", "on": "db-1"}


@pytest.mark.parametrize(
    ("adapter", "body", "options", "name"),
    [
        ("prometheus", PROMETHEUS, {}, "Down"),
        ("datadog", DATADOG, {}, "High load on web-01"),
        ("generic", JOB, {"map": {"name": "task", "title": "{{ task }} failed on {{ on }}"}}, "dump"),
        ("generic", JOB, {"map": {"title": "{{ task }} failed on {{ on }}"}}, "dump failed on db-1"),
    ],
)
def test_alert_name_by_sender(adapter: str, body: object, options: dict[str, Any], name: str) -> None:
    assert read(adapter, body, **options).name == name


def test_the_name_and_identity_stay_while_it_fires() -> None:
    said = [
        read("datadog", {**DATADOG, "alert_transition": transition, "title": f"[{transition}] High load on web-01"})
        for transition in ("Triggered", "Warn", "Re-Triggered", "Recovered")
    ]
    assert {(alert.name, alert.fingerprint) for alert in said} == {(said[0].name, said[0].fingerprint)}


def test_a_label_severity_on_the_common_scale_for_senders_without_labels() -> None:
    assert read("generic", {"title": "x", "level": "fatal"}, map={"severity": "level"}).labels["severity"] == "critical"
    assert read("datadog", {**DATADOG, "alert_priority": "P3"}).labels["severity"] == "medium"


def test_labels_are_kept_as_they_were_sent() -> None:
    sent = {"alertname": "Down", "severity": "PAGE", "Über": "Köln ", "a.b": "x=y"}
    alert = read("prometheus", {"version": "4", "alerts": [{"status": "firing", "labels": sent}]})
    assert alert.labels == sent
