"""An alert of the Prometheus family has the fingerprint that Alertmanager gives it, whatever it is stored under."""

from pathlib import Path
from typing import Any

import pytest

from adapters.alert import fingerprint
from tests.http.conftest import Client, serving
from tests.http.service import OPEN

LABELS = {"alertname": "Down", "instance": "web-1", "severity": "critical"}
SOURCES = {
    "plain": "{adapter: prometheus, auth: none}",
    "with labels of its own": "{adapter: prometheus, auth: none, labels: {team: db, alertname: X, machine: {label: instance}}}",
}  # fmt: skip


async def only(client: Client) -> dict[str, Any]:
    (alert,) = (await (await client.get("/api/alerts")).json())["alerts"]
    assert isinstance(alert, dict)
    return alert


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize(
    "labels", [LABELS, {**LABELS, "path": "C:\\temp"}, {**LABELS, "odd": "a\x07b", "city": "Köln"}]
)
async def test_a_direct_send_and_a_relay_are_one_alert_by_alertmanagers_name(
    tmp_path: Path, source: str, labels: dict[str, str]
) -> None:
    text = OPEN.replace("prometheus: {adapter: prometheus, auth: none}", f"prometheus: {source}")
    async with serving(tmp_path, text) as (_, client):
        known = fingerprint(labels)
        sent = {"labels": {**labels, "empty": ""}, "startsAt": "2026-03-04T11:59:00Z"}
        assert (await client.post("/webhook/prometheus/api/v2/alerts", json=[sent])).status == 200
        assert (await only(client))["fingerprint"] == known
        relayed = {"status": "resolved", "labels": dict(reversed(labels.items())), "startsAt": "2026-03-04T11:59:00Z"}
        answer = await client.post(
            "/webhook/prometheus", json={"version": "4", "status": "resolved", "alerts": [relayed]}
        )
        assert (await answer.json())["accepted"] == 1
        alert = await only(client)
        assert (alert["fingerprint"], alert["status"]) == (known, "resolved")
