"""An extra, where the collected payloads of real senders lie beside the repository: each becomes what it must."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters import ADAPTERS
from adapters.adapter import SourceOptions
from adapters.alert import shown
from adapters.times import instant
from tests.adapters.samples import payload, read

PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads"
ADAPTER_OF = {
    "prometheus": "prometheus",
    "alertmanager": "prometheus",
    "vmalert": "prometheus",
    "grafana": "prometheus",
    "datadog": "datadog",
    "generic": "generic",
    "grafana_legacy": "generic",
}
MAPS: dict[str, Any] = {
    "nested_deep": {
        "title": "event.alert.text.en",
        "severity": "event.alert.level.name",
        "starts_at": "event.meta.when",
        "labels": "event.resource.tags",
    }
}
OF_THE_HTTP_LAYER = {
    "content_length_and_chunked",
    "get_on_ingest",
    "header_64KB",
    "hmac_invalid",
    "non_ascii_bearer",
    "unknown_path",
    "wrong_credentials",
}


def is_ours(path: Path) -> bool:
    case = json.loads(path.read_text())
    is_small = "body" in case or "body_base64" in case
    return path.stem not in OF_THE_HTTP_LAYER and is_small and case["target"] in {"any", *ADAPTER_OF}


GOOD = sorted(path for folder in ADAPTER_OF for path in (PAYLOADS / folder).glob("*.json"))
BAD = sorted(filter(is_ours, (PAYLOADS / "bad").glob("*.json")))

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="../shared/payloads is absent")


def ask(case: dict[str, Any], adapter: str, body: bytes) -> object:
    content_type = (case.get("content_type") or "").partition(";")[0].strip().lower()
    options = SourceOptions(name=adapter, map=MAPS.get(case["case"], {}))
    is_alert_array = case.get("path") == "/api/v2/alerts" or case.get("target") == "prometheus"
    return read(ADAPTERS[adapter], payload(body, content_type, is_alert_array=is_alert_array), options)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_real_payload_becomes_what_it_must(path: Path) -> None:
    case = json.loads(path.read_text())
    body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])
    # Received long after: no date of a payload may be in the future then.
    parse = ADAPTERS[ADAPTER_OF[path.parent.name]].open(SourceOptions(name="x", map=MAPS.get(case["case"], {})))
    request = payload(
        body,
        (case.get("content_type") or "").partition(";")[0].lower(),
        is_alert_array=case.get("path") == "/api/v2/alerts",
    )
    received_at = instant("2027-01-01T00:00:00Z")
    assert received_at is not None
    alerts = [shown(draft.alert()) for draft in parse(msgspec.structs.replace(request, received_at=received_at))]
    expect = case["expect"]
    assert expect["count"] in {len(alerts), None}
    for alert, wanted in zip(alerts, expect["alerts"], strict=False):
        assert alert.status == wanted.get("status", alert.status)
        assert alert.severity_raw == wanted.get("severity_raw", alert.severity_raw)
        assert wanted.get("title_contains", "").lower() in alert.title.lower()
        assert any(title.lower() in alert.title.lower() for title in wanted.get("title_any_of", [""]))
        assert alert.labels.items() >= wanted.get("labels_contain", {}).items()
        assert alert.starts_at == instant(wanted.get("starts_at")) or "starts_at" not in wanted
        assert alert.ends_at == instant(wanted.get("ends_at")) or "ends_at" not in wanted
        assert wanted.get("url_contains", "") in alert.url
        assert alert.fingerprint == wanted.get("alertmanager_fingerprint", alert.fingerprint)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_payload_is_answered_as_it_must_be(path: Path) -> None:
    case = json.loads(path.read_text())
    adapter = ADAPTER_OF.get(case["target"], "prometheus")
    body = base64.b64decode(case["body_base64"]) if "body_base64" in case else case["body"].encode()
    answer = ask(case, adapter, body)
    if isinstance(answer, dict):
        assert answer["status"] in case["expect"]["status_any_of"]
        assert not case["expect"]["accepted"]
        return
    assert isinstance(answer, list)
    taken = [item for item in answer if "error" not in item]
    assert len(taken) == case["expect"].get("alerts", len(taken))
    assert bool(taken) or not case["expect"]["accepted"]
    if case["expect"]["accepted"] is False:
        assert not taken
