"""The Prometheus family: what makes two sends the same, and what the samples cannot show."""

import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.adapter import Draft, ItemError, Limits, OptionsError, PayloadError, SourceOptions
from adapters.alert import PrometheusAlert, Severity, Status, fingerprint, shown
from adapters.prometheus import PROMETHEUS
from tests.adapters.samples import payload

LABELS = {
    "alertname": "InstanceDown",
    "instance": "web-7:9100",
    "job": "node",
    "severity": "critical",
    "cluster": "eu1",
}


def item(**changes: object) -> dict[str, object]:
    return {
        "labels": LABELS,
        "annotations": {"summary": "down"},
        "startsAt": "2024-03-04T10:11:12.345Z",
        "endsAt": "2024-03-04T10:24:00Z",
        "generatorURL": "http://prometheus.example.com/graph",
    } | changes


def drafts(body: object, *, is_alert_array: bool = False, **options: Any) -> list[Draft]:
    parse = PROMETHEUS.open(SourceOptions(name="prometheus", **options))
    return list(parse(payload(json.dumps(body), is_alert_array=is_alert_array)))


def array(*items: dict[str, object], **options: Any) -> list[Draft]:
    return drafts(list(items), is_alert_array=True, **options)


def webhook(*items: dict[str, object], **options: Any) -> list[Draft]:
    return drafts({"status": "firing", "alerts": items}, **options)


def test_a_direct_send_and_a_relay_are_one_alert() -> None:
    (direct,), (relayed,) = array(item()), webhook(item(status="firing", fingerprint="0" * 16))
    assert direct.alert().fingerprint == relayed.alert().fingerprint
    assert shown(direct.alert()).fingerprint == shown(relayed.alert()).fingerprint == "781103df8f5daece"


def test_a_re_sent_alert_has_the_same_key_although_its_end_moves() -> None:
    (first,), (second,) = array(item()), array(item(endsAt="2024-03-04T10:25:00Z"))
    assert first.key == second.key != 0
    assert first.alert().ttl != second.alert().ttl


@pytest.mark.parametrize(
    "change",
    [
        {"labels": LABELS | {"severity": "warning"}},
        {"annotations": {"summary": "still down"}},
        {"startsAt": "2024-03-04T10:11:13Z"},
        {"generatorURL": "http://other.example.com"},
        {"endsAt": "2024-03-04T10:15:00Z"},
    ],
)
def test_whatever_decides_the_alert_changes_the_key(change: dict[str, object]) -> None:
    (first,), (second,) = array(item()), array(item(**change))
    assert first.key != second.key


def test_the_end_is_part_of_the_key_once_it_is_over() -> None:
    (first,), (second,) = array(item(endsAt="2024-03-04T10:15:00Z")), array(item(endsAt="2024-03-04T10:16:00Z"))
    assert first.key != second.key


def test_status_of_a_webhook_is_part_of_the_key() -> None:
    (firing,), (resolved,) = webhook(item(status="firing")), webhook(item(status="resolved"))
    assert firing.key != resolved.key


def test_differently_configured_sources_have_different_keys() -> None:
    (plain,), (mapped,) = array(item()), array(item(), severity_map={"critical": Severity.LOW})
    assert plain.key != mapped.key
    (same,) = array(item())
    assert plain.key == same.key


def test_a_refused_item_is_always_looked_at() -> None:
    _, refused = webhook(item(), None)  # type: ignore[arg-type]
    assert refused.key == 0


def test_an_item_cannot_name_itself_our_bookkeeping() -> None:
    (draft,) = array(item(**{"(batch)": {"source": "x"}}))
    assert draft.alert().status is Status.FIRING


def test_the_end_beats_resolve_after_and_nothing_beats_a_told_end() -> None:
    (direct,) = array(item(), resolve_after=timedelta(hours=1))
    assert (direct.alert().ttl, direct.alert().ttl_is_presumed) == (timedelta(minutes=4), False)
    (over,) = webhook(item(status="resolved"), resolve_after=timedelta(hours=1))
    assert over.alert().ttl is None


def test_alertmanagers_fingerprint_is_not_calculated_until_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: object) -> str:
        raise AssertionError

    monkeypatch.setattr("adapters.alert.fingerprint", never)
    monkeypatch.setattr("adapters.prometheus.fingerprint", never)
    for draft in (*array(item(), labels={"team": "db"}), *webhook(item(status="firing"))):
        found = draft.alert()
        with pytest.raises(AssertionError):
            shown(found)


def test_the_fingerprint_that_is_shown_is_of_what_was_sent() -> None:
    plain, added = array(item())[0].alert(), array(item(), labels={"team": "db", "job": "x"})[0].alert()
    assert shown(plain).fingerprint == shown(added).fingerprint == fingerprint(LABELS)
    assert plain.fingerprint == added.fingerprint
    assert shown(added).labels["team"] == "db"
    odd = array(item(labels={"a": "b\x07", "c": ""}), labels={"team": "db"})[0].alert()
    assert shown(odd).fingerprint == fingerprint({"a": "b\x07"})


def test_alerts_are_siblings_whose_labels_as_sent_differ_in_the_severity_alone() -> None:
    def sibling(said: dict[str, str], **options: Any) -> str:
        alert = array(item(labels=said), **options)[0].alert()
        assert isinstance(alert, PrometheusAlert)
        return alert.sibling

    high = {"alertname": "Slow", "instance": "a", "severity": "high"}
    critical = {"severity": "critical", "instance": "a", "alertname": "Slow"}
    assert sibling(high) == sibling(critical) != ""
    assert sibling(high) == sibling(critical, labels={"team": "search"})
    assert sibling({**high, "instance": "b"}) != sibling(high)
    assert sibling({"alertname": "Slow", "instance": "a"}) == ""


def test_labels_are_one_whatever_their_order_and_their_empty_values() -> None:
    (one,), (same,) = array(item(labels={"a": "1", "b": "2"})), array(item(labels={"b": "2", "z": "", "a": "1"}))
    (other,) = array(item(labels={"a": '1","b":"2'}))
    assert one.alert().fingerprint == same.alert().fingerprint != other.alert().fingerprint


def test_the_fingerprint_is_of_the_labels_as_sent() -> None:
    (clean,), (odd,) = array(item(labels={"a": "b\ufffd"})), array(item(labels={"a": "b\x07"}))
    assert clean.alert().labels == odd.alert().labels
    assert clean.alert().fingerprint != odd.alert().fingerprint


def test_bounds_are_told_by_name() -> None:
    limits = Limits(alerts=2, labels=5, name_bytes=50, value_bytes=60, text_bytes=40)
    with pytest.raises(PayloadError, match="3 alerts") as too_many:
        array(item(), item(), item(), limits=limits)
    assert too_many.value.status == 413
    (labels,) = array(item(labels=LABELS | {"more": "x"}), limits=limits)
    with pytest.raises(ItemError, match="6 labels"):
        labels.alert()
    (value,) = array(item(labels={"alertname": "é" * 31}), limits=limits)
    with pytest.raises(ItemError, match="a value of 62 bytes") as too_long:
        value.alert()
    assert too_long.value.where == "labels.alertname"
    (name,) = array(item(labels={"n" * 51: "x"}), limits=limits)
    with pytest.raises(ItemError, match="a name of 51 bytes"):
        name.alert()
    (nameless,) = array(item(labels={"": "x"}))
    with pytest.raises(ItemError, match="empty name"):
        nameless.alert()
    (annotations,) = array(item(annotations={str(n): "x" for n in range(6)}), limits=limits)
    with pytest.raises(ItemError, match="6 annotations"):
        annotations.alert()
    (text,) = array(item(annotations={"summary": "é" * 100, "empty": ""}), limits=limits)
    assert text.alert().annotations == {"summary": "é" * 18 + "…"}


def test_added_labels_are_told_apart_by_their_form() -> None:
    with pytest.raises(OptionsError) as refused:
        PROMETHEUS.open(SourceOptions(name="p", labels={"team": {"lable": "x"}}))
    assert refused.value.path == ("labels", "team")
