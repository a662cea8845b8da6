"""Whatever is sent: alerts or the two errors, and alerts that keep what the normal form promises."""

import json
import re
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import ADAPTERS
from adapters.adapter import Adapter, Draft, ItemError, PayloadError, SourceOptions
from adapters.alert import Alert
from tests.adapters.samples import payload

OPTIONS = {
    "generic": SourceOptions(
        name="generic",
        map={"title": "{{ title }} {{ labels.a | upper }}", "status": "sort(status)", "labels": {"l": "labels"}},
    ),
}
KEYS = [
    "alerts", "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "title", "summary", "alert_id",
    "alert_scope", "alert_transition", "tags", "date", "body", "severity", "url", "host", "id", "ok", "a", "(batch)",
]  # fmt: skip
WORDS = [
    "firing",
    "resolved",
    "[P1] [Recovered on {a:b}] x",
    "a:b,c",
    "2024-03-04T10:11:12Z",
    "https://x.example",
    "%%%",
    "",
]
LEAVES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(WORDS)
    | st.text("\x00\ud800\u202e<")
)
NAMES = st.sampled_from(KEYS) | st.text(max_size=8)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=25
)
CONTENT_TYPES = st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", "", "text/xml"])


def check(adapter: Adapter, body: bytes, content_type: str, *, is_alert_array: bool, options: SourceOptions) -> None:
    try:
        drafts = adapter.open(options)(payload(body, content_type, is_alert_array=is_alert_array))
    except PayloadError as error:
        drafts = []
        is_said = bool(error.message) and 400 <= error.status < 500
    else:
        is_said = True
    assert is_said
    for draft in drafts:
        assert isinstance(draft.key, int)
        alert = said(draft)
        if isinstance(alert, Alert):
            keeps_its_promises(alert)
        else:
            assert alert


def said(draft: Draft) -> Alert | str:
    try:
        return draft.alert()
    except ItemError as error:
        return error.message


def keeps_its_promises(alert: Alert) -> None:
    assert re.fullmatch("[0-9a-f]{16}", alert.fingerprint)
    assert alert.name
    assert alert.title
    assert "\n" not in alert.title
    assert all(alert.labels.values())
    assert alert.url == "" or re.match("https?://", alert.url, re.IGNORECASE)
    assert alert.ends_at is None or alert.status == "resolved"
    texts = [alert.name, alert.title, alert.description, alert.url, alert.severity_raw]
    texts += [text for pair in (*alert.labels.items(), *alert.annotations.items()) for text in pair]
    assert not UNWANTED.search("".join(texts))
    assert msgspec.json.decode(msgspec.json.encode(alert), type=type(alert)) == alert


UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(sorted(ADAPTERS)),
    st.binary() | st.text().map(lambda text: text.encode(errors="replace")),
    CONTENT_TYPES,
    st.booleans(),
)
def test_any_bytes(adapter: str, body: bytes, content_type: str, is_alert_array: bool) -> None:
    check(ADAPTERS[adapter], body, content_type, is_alert_array=is_alert_array, options=SourceOptions(name=adapter))


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(sorted(ADAPTERS)), JSON, st.booleans(), st.booleans(), st.booleans())
def test_any_json(adapter: str, value: Any, is_alert_array: bool, is_wrapped: bool, is_configured: bool) -> None:
    body = json.dumps({"alerts": [value]} if is_wrapped else value).encode()
    options = OPTIONS.get(adapter) if is_configured else None
    check(
        ADAPTERS[adapter],
        body,
        "application/json",
        is_alert_array=is_alert_array,
        options=options or SourceOptions(name=adapter),
    )


@settings(deadline=None, max_examples=100)
@given(st.lists(st.dictionaries(NAMES, JSON, max_size=6), max_size=4), st.integers(0, 4))
def test_a_good_alert_survives_any_neighbours(neighbours: list[dict[str, Any]], place: int) -> None:
    items: list[Any] = list(neighbours)
    items.insert(place, {"status": "firing", "labels": {"alertname": "Good", "only": "this"}})
    # NaN is not JSON, and JSON is what keeps neighbours apart.
    body = json.dumps({"alerts": items}).replace("NaN", "0").replace("-Infinity", "0").replace("Infinity", "0")
    drafts = ADAPTERS["prometheus"].open(SourceOptions(name="p"))(payload(body))
    assert len(drafts) == len(items)
    assert drafts[min(place, len(neighbours))].alert().name == "Good"
