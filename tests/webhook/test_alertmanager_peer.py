"""A real Alertmanager beside us: what it sends passes the receiver that ours must pass, and of one alert both say the same."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from adapters.alert import Severity
from router.core.view import AlertLine, IncidentView, State
from router.notifiers.webhook.payloads import Action, request
from rules.model.webhook import Format
from tests.acceptance.senders import Alertmanager
from tests.core.incidents import BEGAN, OPEN, but
from tests.process import until
from tests.receivers import AlertmanagerReceiver
from tests.receivers.alertmanager import ALERT_KEYS, KEYS
from tests.webhook.endpoints import endpoint

LABELS = {"alertname": "DiskFull", "instance": "db-1:9100", "severity": "critical", "zone": "ü ✓", "job": "node"}
ANNOTATIONS = {"summary": "disk full on db-1", "description": "97 %"}
STARTED = BEGAN - timedelta(days=365)
"""Alertmanager keeps the sender's beginning."""


def incident(*, is_over: bool) -> IncidentView:
    view = but(
        OPEN,
        firing=1,
        title=ANNOTATIONS["summary"],
        name=LABELS["alertname"],
        summary=ANNOTATIONS["description"],
        common_labels=LABELS,
        group_labels=LABELS,
        annotations=ANNOTATIONS,
        alerts=(AlertLine(ANNOTATIONS["summary"], Severity.CRITICAL, STARTED, {}, "http://prom.example/graph"),),
    )
    if not is_over:
        return view
    return but(view, state=State.RESOLVED, firing=0, ended=1, ended_at=STARTED + timedelta(hours=1))


def ours(action: Action) -> dict[str, Any]:
    view = incident(is_over=action is Action.RESOLVE)
    made = request(endpoint(Format.ALERTMANAGER, "http://x.example"), view, action, instance="prod")
    assert made is not None
    found: dict[str, Any] = msgspec.json.decode(made.body)
    return found


@pytest.mark.needs("prometheus-alertmanager")
async def test_a_real_alertmanager_says_the_same_of_the_same_alert(tmp_path: Path) -> None:
    async with AlertmanagerReceiver() as there:
        peer = Alertmanager(tmp_path / "alertmanager", f"{there.url}/hook")
        async with peer:
            await peer.start()
            alert = {
                "labels": LABELS,
                "annotations": ANNOTATIONS,
                "startsAt": STARTED.isoformat(),
                "generatorURL": "http://prom.example/graph",
            }
            theirs = []
            for status, more in (("firing", {}), ("resolved", {"endsAt": (STARTED + timedelta(hours=1)).isoformat()})):

                async def told(status: str = status) -> dict[str, Any] | None:
                    bodies = [msgspec.json.decode(call.body) for call in there.calls]
                    return next((body for body in bodies if body["status"] == status), None)

                async with aiohttp.ClientSession() as session:
                    url = f"http://127.0.0.1:{peer.port}/api/v2/alerts"
                    async with session.post(url, json=[{**alert, **more}]) as answer:
                        assert answer.status == 200
                theirs.append(await until(told, f"Alertmanager says {status}"))
    assert there.problems == []
    for their, our in zip(theirs, (ours(Action.TRIGGER), ours(Action.RESOLVE)), strict=True):
        assert set(KEYS) <= set(their)
        assert set(their["alerts"][0]) == set(our["alerts"][0]) == set(ALERT_KEYS)
        for key in ("version", "status", "truncatedAlerts", "groupLabels", "commonLabels", "commonAnnotations"):
            assert our[key] == their[key], key
        for key in ("status", "labels", "annotations", "generatorURL", "fingerprint"):
            assert our["alerts"][0][key] == their["alerts"][0][key], key
        assert type(our["groupKey"]) is type(their["groupKey"]) is str
    assert theirs[0]["alerts"][0]["endsAt"] == ours(Action.TRIGGER)["alerts"][0]["endsAt"]
