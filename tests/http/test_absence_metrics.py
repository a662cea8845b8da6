"""What is silent or missing, as metrics."""

from datetime import timedelta
from pathlib import Path

from tests.http.conftest import serving
from tests.http.service import OPEN

BEATS = """\
heartbeats:
  nightly: {match: ['job = nightly'], every: 1m}
  hourly: {match: ['job = hourly'], every: 1h}
"""


async def test_what_is_missing_is_counted_by_heartbeat(tmp_path: Path) -> None:
    async with serving(tmp_path, OPEN + BEATS) as (service, client):
        await client.post(
            "/webhook/prometheus/api/v2/alerts", json=[{"labels": {"alertname": "Down", "instance": "a"}}]
        )
        await service.turn(minutes=6)
        service.virtual.move_to(service.virtual.now() + timedelta(seconds=6))
        text = await (await client.get("/metrics")).text()
    assert 'alert_router_heartbeats{heartbeat="nightly",source=""} 1.0' in text
    assert 'alert_router_heartbeats_missing{heartbeat="nightly",source=""} 1.0' in text
    assert 'alert_router_heartbeats_missing{heartbeat="hourly",source=""} 0.0' in text
    assert "alert_router_sources_silent 1.0" in text
