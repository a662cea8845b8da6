"""Which requests hold everything that a sender has to say of a group: only from those can an alert be absent."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from adapters.adapter import GroupDrafts, Payload, SourceOptions
from adapters.prometheus import PROMETHEUS

PARSE = PROMETHEUS.open(SourceOptions(name="am"))
ALERT = {"status": "firing", "labels": {"alertname": "Down"}, "annotations": {}, "startsAt": "2026-03-04T10:00:00Z"}
WEBHOOK = {
    "version": "4",
    "groupKey": '{}:{alertname="Down"}',
    "truncatedAlerts": 0,
    "receiver": "router",
    "status": "firing",
    "alerts": [ALERT],
}


def group_of(body: object, *, is_alert_array: bool = False) -> str | None:
    payload = Payload(
        body=msgspec.json.encode(body),
        content_type="application/json",
        received_at=datetime(2026, 3, 4, 12, tzinfo=UTC),
        is_alert_array=is_alert_array,
    )
    drafts = PARSE(payload)
    assert len(drafts) == 1
    return drafts.group if isinstance(drafts, GroupDrafts) else None


def test_a_complete_webhook_names_its_receiver_and_its_group() -> None:
    assert group_of(WEBHOOK) == '"router" "{}:{alertname=\\"Down\\"}"'
    assert group_of({**WEBHOOK, "receiver": "other"}) != group_of(WEBHOOK)
    assert group_of({**WEBHOOK, "groupKey": "{}:{}"}) != group_of(WEBHOOK)


@pytest.mark.parametrize(
    "change",
    [
        {"truncatedAlerts": 3},
        {"truncatedAlerts": None},
        {"truncatedAlerts": "0"},
        {"groupKey": ""},
        {"groupKey": None},
        {"groupKey": 18446744073709551617},  # version 3
        {"alerts": [5]},
        {"status": 5},
    ],
)
def test_of_any_other_nobody_is_absent(change: dict[str, Any]) -> None:
    assert group_of({**WEBHOOK, **change}) is None


def test_without_the_count_of_what_was_left_out_nobody_is_absent() -> None:
    assert group_of({name: value for name, value in WEBHOOK.items() if name != "truncatedAlerts"}) is None


def test_prometheus_own_array_is_no_group() -> None:
    assert group_of([ALERT], is_alert_array=True) is None
