"""What one body may cost: work that grows with its length and no faster, memory that does not grow with what was sent."""

import codecs
import json
import tracemalloc
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from adapters import ADAPTERS, prometheus
from adapters.adapter import ItemError, Limits, PayloadError, SourceOptions
from adapters.alert import Alert
from adapters.body import anything, form
from adapters.labels import annotations, checked, tags
from tests.adapters.effort import effort
from tests.adapters.samples import payload, read

LIMITS = Limits()


def ask(adapter: str, body: object, content_type: str = "application/json", **more: Any) -> Any:
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    return read(ADAPTERS[adapter], payload(sent, content_type, **more), SourceOptions(name=adapter))


def test_many_values_of_one_tag_cost_no_more_than_many_tags() -> None:
    few, many = ",".join(f"a:{n}" for n in range(400)), ",".join(f"a:{n}" for n in range(800))
    assert tags(many) == {"a": ",".join(map(str, range(800)))}
    assert effort(lambda: tags(many)) < 2.5 * effort(lambda: tags(few))


@pytest.mark.parametrize("item", ["1", "[]", "{}", '"x"', '{"labels":7}'])
@pytest.mark.parametrize("is_alert_array", [True, False])
def test_too_many_alerts_are_refused_before_one_is_looked_at(
    item: str, is_alert_array: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[bytes] = []
    looks = prometheus._loosely

    def looked(raw: bytes, kind: type[prometheus._Item]) -> object:
        looked_at.append(raw)
        return looks(raw, kind)

    monkeypatch.setattr(prometheus, "_loosely", looked)
    listed = ",".join([item] * 10_001)
    answer = ask(
        "prometheus", f"[{listed}]" if is_alert_array else f'{{"alerts":[{listed}]}}', is_alert_array=is_alert_array
    )
    assert (answer["status"], answer["error"], looked_at) == (413, "10001 alerts", [])


@pytest.mark.parametrize("body", [b'{"alerts":[' + b"[]," * 150_001 + b"1]}", b"[" + b"1," * 500_001 + b"1]"])
@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
def test_very_many_values_are_not_even_decoded(adapter: str, body: bytes) -> None:
    with pytest.raises(PayloadError, match="very many values") as refused:
        ADAPTERS[adapter].open(SourceOptions(name=adapter))(payload(body))
    assert refused.value.status == 413


@pytest.mark.parametrize("bracket", [b"]", b"}", b"{}", b"]["])
def test_brackets_in_a_text_cost_their_length_once(bracket: bytes) -> None:
    body = b'{"x":"' + bracket * 70_000 + b'"}'
    assert effort(lambda: anything(body, LIMITS)) < 8 * len(body)


def test_a_large_form_is_refused() -> None:
    assert form(b"title=" + b"%41" * 100, LIMITS) == {"title": "A" * 100}
    with pytest.raises(PayloadError, match="form of 1200006 bytes") as refused:
        form(b"title=" + b"%41" * 400_000, LIMITS)
    assert refused.value.status == 413


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud800\\ud800\\udc00"])
def test_lone_surrogates_are_replaced_up_to_so_many(escape: str) -> None:
    taken = anything(f'["{escape * 100}"]'.encode(), LIMITS)
    assert "\ufffd" in str(taken)
    with pytest.raises(PayloadError, match="more than 100,000 lone surrogates"):
        anything(f'["{escape * 100_002}"]'.encode(), LIMITS)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83dx\ude00", "\ufffdx\ufffd"),
        (r"\\ud83d\ude00", "\\ud83d\ufffd"),
        (r"\\\ud83d\ude00\ud83d", "\\😀\ufffd"),
        (r"\ud83d\\\ude00", "\ufffd\\\ufffd"),
        (r"\uD83D\uDE00\uDBFF", "😀\ufffd"),
    ],
)
def test_a_pair_is_kept_and_what_is_alone_is_replaced(written: str, text: str) -> None:
    assert anything(f'["{written}\\ud800"]'.encode(), LIMITS) == [text + "\ufffd"]


# Memory: what is remembered from one request to the next.


def grown(bodies: Sequence[bytes], adapter: str = "prometheus") -> int:
    """Bytes that are still held after these bodies were read."""
    parse = ADAPTERS[adapter].open(SourceOptions(name=adapter))
    requests = [payload(body) for body in bodies]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for request in requests:
            for draft in parse(request):
                assert draft.key
                draft.alert()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


@pytest.mark.parametrize("field", ["startsAt", "endsAt", "generatorURL"])
def test_a_long_text_is_not_remembered(field: str) -> None:
    text = "http://x.example/" if field == "generatorURL" else "2024-03-04T10:11:12"
    items = [
        json.dumps({"alerts": [{"status": "resolved", "labels": {"a": "b"}, field: f"{text}{number}" + "0" * 300_000}]})
        for number in range(5)
    ]
    assert grown([item.encode() for item in items]) < 600_000  # the last one is still at hand


def test_labels_are_not_remembered_by_their_bytes() -> None:
    items = [
        json.dumps({"alerts": [{"labels": {f"l{part}": f"{number}" + "x" * 3_000 for part in range(4)}}]})
        for number in range(200)
    ]
    assert grown([item.encode() for item in items]) < 300_000


def test_a_charset_that_is_not_ours_is_not_looked_for() -> None:
    asked: list[str] = []

    def search(name: str) -> None:
        asked.append(name)

    codecs.register(search)
    try:
        for charset in ("klingon-7", "idna", "punycode", "utf-7", "rot13", "undefined", "\0", "zlib"):
            answer = ask("generic", '{"title":"é"}'.encode(), charset=charset)
            assert (answer["status"], answer["expected"][:5]) == (415, "utf-8"), charset
    finally:
        codecs.unregister(search)
    assert asked == []


# Bytes of one alert.


def size(alert: Alert) -> int:
    return len(msgspec.json.encode(alert))


def test_labels_have_a_bound_together() -> None:
    whole = {f"l{n}": "x" * 4_000 for n in range(4)}
    assert checked(whole, LIMITS) == whole
    with pytest.raises(ItemError, match="labels of 20010 bytes") as refused:
        checked({f"l{n}": "x" * 4_000 for n in range(5)}, LIMITS)
    assert (refused.value.where, refused.value.expected) == ("labels", "at most 16384 bytes together")


def test_of_long_annotations_the_longest_are_cut() -> None:
    kept = annotations({"summary": "short", "log": "l" * 16_000, "trace": "t" * 15_000, "dump": "é" * 8_000}, LIMITS)
    assert list(kept) == ["summary", "log", "trace", "dump"]
    assert kept["summary"] == "short"
    assert kept["log"].endswith("l…")
    assert kept["dump"].endswith("é…")
    sizes = [len(text.encode()) for text in kept.values()]
    assert max(sizes[1:]) - min(sizes[1:]) < 10
    assert LIMITS.annotations_bytes - 20 < sum(sizes) + sum(map(len, kept)) <= LIMITS.annotations_bytes


def test_names_alone_never_exceed_what_annotations_may_have() -> None:
    kept = annotations({f"{n:03}" + "n" * 1_000: "text" for n in range(64)}, LIMITS)
    assert sum(len(name) + len(text.encode()) for name, text in kept.items()) <= LIMITS.annotations_bytes


LONG = "x\x01" * 50_000
EVENT: dict[str, object] = {
    "title": LONG, "description": LONG, "body": LONG, "severity": LONG, "url": "http://x/" + "a" * 4_000, "id": "k", "host": "h",
    **{f"k{n}": LONG[: 10_000 + n] for n in range(60)},
}  # fmt: skip


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
def test_an_alert_is_no_larger_than_so_much(adapter: str) -> None:
    """Some 72 KiB of text: labels, annotations, a description, and an address."""
    item = {
        "labels": {f"l{n}": "x" * 4_000 for n in range(4)},
        "annotations": {f"k{n}": LONG[: 10_000 + n] for n in range(60)},
        "generatorURL": "http://x/" + "a" * 4_000,
    }
    body: object = {"alerts": [item]} if adapter == "prometheus" else EVENT
    (draft,) = ADAPTERS[adapter].open(SourceOptions(name=adapter))(payload(json.dumps(body)))
    alert = draft.alert()
    assert 16 * 1024 < size(alert) < 72 * 1024
    assert alert.title


def test_a_long_text_is_cut_and_marked_however_it_is_made() -> None:
    for text in ("x" * 100_000, "\x01" * 100_000, "\r\n" * 50_000 + "x", "é" * 50_000):
        (alert,) = ask("generic", {"title": "t", "description": "a" + text})
        assert len(alert["description"].encode()) <= LIMITS.text_bytes
        assert alert["description"].endswith("…")


def test_a_key_too_long_to_be_told_apart_is_refused() -> None:
    (refused,) = ask("generic", {"title": "t", "id": "k" * 5_000})
    assert (refused["error"], refused["where"]) == ("a key of 5000 bytes", "dedupe_key")
    (refused,) = ask("datadog", {"title": "t", "alert_cycle_key": "k" * 20_000})
    assert refused["error"] == "a cycle key of 20005 bytes"


# What must not be kept.


SECRETS = ["routing_key", "routingKey", "token", "X-Auth-Token", "secret", "DB_PASSWORD", "api_key", "apiKey", "apikey",
           "access_token", "authorization", "service_key", "GenieKey", "client_secret"]  # fmt: skip
PLAIN = ["dedup_key", "incident_key", "secret_name", "token_age", "keyboard", "monkey", "tokenizer"]


@pytest.mark.parametrize("name", SECRETS)
def test_a_credential_in_a_body_is_not_kept(name: str) -> None:
    for body in (
        {"title": "t", name: "s3cret"},
        {"title": "t", "tags": f"env:prod,{name}:s3cret"},
        {"title": "t", "tags": [{"key": name, "value": "s3cret"}]},
        {"title": "t", "labels": {name: "s3cret"}},
    ):
        for adapter in ("generic", "datadog"):
            assert "s3cret" not in json.dumps(ask(adapter, body))


@pytest.mark.parametrize("name", PLAIN)
def test_what_only_sounds_like_a_credential_is_kept(name: str) -> None:
    assert tags({name: "x"}) == {name: "x"}


def test_what_a_map_names_is_kept_whatever_it_is_called() -> None:
    options = SourceOptions(name="g", map={"labels": {"token": "a"}, "annotations": {"secret": "b"}})
    (draft,) = ADAPTERS["generic"].open(options)(payload('{"title": "t", "a": "x", "b": "y"}'))
    alert = draft.alert()
    assert (alert.labels["token"], alert.annotations) == ("x", {"secret": "y"})
    options = SourceOptions(name="g", map={"labels": "tags"})
    (draft,) = ADAPTERS["generic"].open(options)(payload('{"title": "t", "tags": {"token": "x"}}'))
    assert "token" not in draft.alert().labels
