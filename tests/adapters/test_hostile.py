"""Bodies sent by mistake or in anger: the answer to each, and that a neighbour is never lost."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from adapters import ADAPTERS
from adapters.adapter import Limits, Payload, PayloadError, SourceOptions
from tests.adapters.samples import payload, read

GOOD = {"status": "firing", "labels": {"alertname": "Good"}}
ONE = json.dumps({"title": "t"})


def webhook(*items: str) -> str:
    return '{"status":"firing","alerts":[' + ",".join((json.dumps(GOOD), *items)) + "]}"


def ask(adapter: str, body: str | bytes, content_type: str = "application/json", charset: str = "utf-8") -> object:
    return read(ADAPTERS[adapter], payload(body, content_type, charset=charset), SourceOptions(name=adapter))


WHOLE = [
    ("not JSON", "{alerts: []}", "byte 1", 400),
    ("nothing", "", "byte 0", 400),
    ("blanks", " \r\n ", "byte 0", 400),
    ("truncated", webhook()[:-5], f"byte {len(webhook()) - 5}", 400),
    ("NaN", '{"alerts":[],"value":NaN}', "byte 21", 400),
    ("Infinity", '{"alerts":[],"value":-Infinity}', "byte 22", 400),
    ("two documents", webhook() + webhook(), f"byte {len(webhook())}", 400),
    ("trailing words", '{"alerts":[]} x', "byte 14", 400),
    ("invalid UTF-8", b'{"alerts":[],"a":"\xff"}', "byte 18", 400),
    ("UTF-8 of a surrogate", b'{"alerts":[],"a":"\xed\xa0\x80"}', "byte 18", 400),
    ("UTF-16", webhook().encode("utf-16"), "byte 0", 415),
    ("gzip", b"\x1f\x8b\x08\x00", "byte 0", 415),
    ("XML", '<?xml version="1.0"?><a/>', None, 415),
    ("nested 10,000 deep", '{"alerts":' + "[" * 10_000 + "]" * 10_000 + "}", "body", 400),
    (
        "nested 100,000 deep in what is not read",
        '{"alerts":[],"x":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}",
        "body",
        400,
    ),
    ("9 MB", '{"alerts":[],"a":"' + "x" * 9_000_000 + '"}', "body", 413),
    ("null", "null", "body", 400),
    ("a number", "12", "body", 400),
]


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
@pytest.mark.parametrize(("body", "where", "status"), [pytest.param(*row, id=name) for name, *row in WHOLE])
def test_a_hopeless_body_is_refused_with_its_place(
    adapter: str, body: str | bytes, where: str | None, status: int
) -> None:
    content_type = "application/xml" if status == 415 and where is None else "application/json"
    answer = ask(adapter, body, content_type)
    assert isinstance(answer, dict), answer
    assert answer["status"] == status
    assert answer["where"] == (where or answer["where"])
    assert answer["error"]
    assert answer["expected"]


ITEMS = [
    ("null", "null", "an alert that is null"),
    ("text", '"x"', 'an alert that is "x"'),
    ("labels null", '{"labels":null}', "no labels"),
    ("labels missing", '{"status":"firing"}', "no labels"),
    ("labels a list", '{"labels":["a=b"]}', "labels is not an object"),
    ("labels a text", '{"labels":"a"}', "labels is not an object"),
    ("labels a number", '{"labels":7}', "labels is not an object"),
    ("labels empty", '{"labels":{"a":"","b":null}}', "no labels"),
    ("label of 1 MB", '{"labels":{"a":"' + "x" * 1_000_000 + '"}}', "a value of 1000000 bytes"),
    ("label name of 1 MB", '{"labels":{"' + "x" * 1_000_000 + '":"a"}}', "a name of 1000000 bytes"),
    ("1,000 labels", json.dumps({"labels": {f"l{n}": "x" for n in range(1_000)}}), "1000 labels"),
    ("100,000 labels", json.dumps({"labels": {f"l{n}": "x" for n in range(100_000)}}), "very many labels"),
    (
        "100,000 annotations",
        json.dumps({"labels": {"a": "b"}, "annotations": {f"l{n}\\": "x" for n in range(100_000)}}),
        "very many annotations",
    ),
    (
        "100,000 fields",
        json.dumps({"labels": {"a": "b"}, "startsAt": [], **{f"l{n}": "x" for n in range(100_000)}}),
        "no labels",
    ),
    ("label nested deep", '{"labels":{"a":' + "[" * 3_000 + "]" * 3_000 + "}}", None),
    ("integer of 5,000 digits", '{"labels":{"a":' + "9" * 5_000 + "}}", "a value of 5000 bytes"),
]


@pytest.mark.parametrize(("item", "message"), [pytest.param(*row, id=name) for name, *row in ITEMS])
def test_a_bad_item_is_refused_alone(item: str, message: str | None) -> None:
    answer = ask("prometheus", webhook(item, json.dumps(GOOD)))
    if message is None:
        assert isinstance(answer, dict)
        assert answer["error"] == "nested too deep"
        return
    assert isinstance(answer, list)
    first, bad, last = answer
    assert bad["error"] == message
    assert first["name"] == last["name"] == "Good"


def only(answer: object) -> dict[str, object]:
    assert isinstance(answer, list)
    good, odd = answer
    assert good["name"] == "Good"
    assert isinstance(odd, dict)
    return odd


def labels(answer: object) -> object:
    return only(answer)["labels"]


TAKEN: list[tuple[str, str | bytes, Callable[[object], object], object]] = [
    ("byte-order mark", b"\xef\xbb\xbf" + webhook('{"labels":{"a":"b"}}').encode(), labels, {"a": "b"}),
    ("duplicate keys: the last", webhook('{"labels":{"a":"b","a":"c"}}'), labels, {"a": "c"}),
    ("NUL", webhook('{"labels":{"a":"b\\u0000c"}}'), labels, {"a": "b\ufffdc"}),
    ("raw control characters", webhook('{"labels":{"a":"b\x01\nc"}}'), labels, {"a": "b  c"}),
    ("escaped control characters", webhook('{"labels":{"a":"\\u001b[1m\\n\\t"}}'), labels, {"a": "\ufffd[1m\n\t"}),
    ("lone high surrogate", webhook('{"labels":{"a":"b\\ud800c"}}'), labels, {"a": "b\ufffdc"}),
    ("lone low surrogate", webhook('{"labels":{"a":"b\\udc00"}}'), labels, {"a": "b\ufffd"}),
    ("a real pair beside one", webhook('{"labels":{"a":"\\ud83d\\ud83d\\ude00"}}'), labels, {"a": "\ufffd😀"}),
    ("an escaped backslash", webhook('{"labels":{"a":"\\\\ud800\\ud800"}}'), labels, {"a": "\\ud800\ufffd"}),
    ("numbers, lists, null", webhook('{"labels":{"a":1.50,"b":[1],"c":null,"d":false}}'), labels, {"a": "1.50", "b": "[1]", "d": "false"}),
    ("an integer of 3,000 digits", webhook('{"labels":{"a":' + "9" * 3000 + "}}"), labels, {"a": "9" * 3000}),
    ("a number beyond doubles", webhook('{"labels":{"a":1e999}}'), labels, {"a": "1e999"}),
    ("huge numbers that nobody reads", webhook('{"labels":{"a":"b"},"x":' + "9" * 5000 + "}"), labels, {"a": "b"}),
    ("right-to-left override stays, as text", webhook('{"labels":{"a":"\\u202eb"}}'), labels, {"a": "\u202eb"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "seen", "expected"), [pytest.param(*row, id=name) for name, *row in TAKEN])
def test_what_can_be_understood_is_taken(body: str | bytes, seen: Callable[[object], object], expected: object) -> None:
    assert seen(ask("prometheus", body)) == expected


def test_an_annotation_of_1_mb_is_cut_and_marked() -> None:
    odd = only(ask("prometheus", webhook('{"labels":{"a":"b"},"annotations":{"summary":"' + "x" * 1_000_000 + '"}}')))
    assert isinstance(odd["annotations"], dict)
    text = odd["annotations"]["summary"]
    assert len(text.encode()) == Limits().text_bytes
    assert text.endswith("x…")


DATES: list[object] = [
    "2024-02-30T10:00:00Z", "2024-03-04T23:59:60Z", "-0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "99999-01-01",
    "2099-01-01T00:00:00Z", "yesterday", "", 0, -5, 1e30, 10**25, True, None, [], {}, "9" * 5000, "infinity", "١٢٣",
]  # fmt: skip


@pytest.mark.parametrize("date", DATES, ids=str)
def test_an_absurd_date_never_costs_the_alert(date: object) -> None:
    for status in ("firing", "resolved"):
        odd = only(
            ask(
                "prometheus",
                webhook(json.dumps({"status": status, "labels": {"a": "b"}, "startsAt": date, "endsAt": date})),
            )
        )
        assert (odd["status"], odd["starts_at"], odd["ends_at"], odd["order"]) == (status, None, None, None)
    (alert,) = [ask("generic", json.dumps({"title": "t", "timestamp": date, "started_at": date}))]
    assert isinstance(alert, list)
    assert alert[0]["starts_at"] is None


def test_ten_thousand_alerts_are_taken_and_one_more_is_refused() -> None:
    options = SourceOptions(name="prometheus")
    parse = ADAPTERS["prometheus"].open(options)
    body = json.dumps([GOOD | {"labels": {"alertname": "X", "n": str(n)}} for n in range(10_000)]).replace(
        '"status": "firing", ', ""
    )
    taken = parse(payload(body, is_alert_array=True))
    assert len({draft.key for draft in taken}) == 10_000
    answer = read(ADAPTERS["prometheus"], payload(body[:-1] + ',{"labels":{"a":"b"}}]', is_alert_array=True), options)
    assert isinstance(answer, dict)
    assert (answer["status"], answer["error"]) == (413, "10001 alerts")
    for adapter in ("generic", "datadog"):
        answer = ask(adapter, "[" + ",".join([ONE] * 10_001) + "]")
        assert isinstance(answer, dict)
        assert answer["status"] == 413


LINKS = [
    "javascript:alert(1)",
    "//evil.example.com",
    "http://",
    "https:///x",
    "data:text/html,x",
    "ht tp://x",
    "http://a\nb",
]


@pytest.mark.parametrize("link", LINKS)
def test_only_http_addresses_are_links(link: str) -> None:
    assert only(ask("prometheus", webhook(json.dumps({"labels": {"a": "b"}, "generatorURL": link}))))["url"] == ""
    for adapter in ("generic", "datadog"):
        answer = ask(adapter, json.dumps({"title": "t", "url": link}))
        assert isinstance(answer, list)
        assert answer[0]["url"] == ""


def test_a_link_cannot_end_the_markup_it_stands_in() -> None:
    odd = only(
        ask("prometheus", webhook(json.dumps({"labels": {"a": "b"}, "generatorURL": "https://a/?q=x|y> <!channel>"})))
    )
    assert odd["url"] == "https://a/?q=x%7Cy%3E%20%3C!channel%3E"


def test_text_that_looks_like_markup_stays_what_it_was() -> None:
    text = "<!channel> <@U123> `x` ``` *b* {{ 7 * 7 }} %s {0} <script>"
    odd = only(ask("prometheus", webhook(json.dumps({"labels": {"a": text}, "annotations": {"summary": text}}))))
    assert (odd["labels"], odd["title"]) == ({"a": text}, text)


def test_nesting_within_the_limit_is_taken_by_the_others() -> None:
    for adapter in ("generic", "datadog"):
        deep = '{"title":"t","x":' + "[" * 63 + '"]]["' + "]" * 63 + "}"
        assert isinstance(ask(adapter, deep), list)
        deeper = '{"title":"t","x":' + "[" * 64 + "]" * 64 + "}"
        answer = ask(adapter, deeper)
        assert isinstance(answer, dict)
        assert (answer["error"], answer["expected"]) == ("nested too deep", "at most 64 levels")


def test_many_brackets_in_texts_are_no_nesting() -> None:
    answer = ask("generic", json.dumps({"title": "t", "x": "[{" * 100, "y": [1, {"a": []}]}))
    assert isinstance(answer, list)


def test_a_body_in_another_charset_is_read_in_it() -> None:
    body = '{"title":"é"}'
    for charset, encoding in (("ISO-8859-1", "latin-1"), ("utf_8", "utf-8")):
        answer = ask("generic", body.encode(encoding), charset=charset)
        assert isinstance(answer, list)
        assert answer[0]["title"] == "é"
    unknown = ask("generic", body.encode("latin-1"), charset="klingon")
    assert isinstance(unknown, dict)
    assert unknown["status"] == 415
    wrong = ask("generic", body.encode("latin-1"), charset="ascii")
    assert isinstance(wrong, dict)
    assert wrong["error"] == "body is not ascii"


def test_too_big_numbers_in_a_big_body_are_refused_rather_than_read_slowly() -> None:
    small = ask("generic", '{"title":"t","x":' + "9" * 5_000 + "}")
    assert isinstance(small, list)
    big = ask("generic", '{"title":"t","x":1e999,"y":"' + "y" * 1_100_000 + '"}')
    assert isinstance(big, dict)
    assert big["expected"] == "numbers that fit a double"


def test_a_form_of_many_fields_is_refused() -> None:
    for adapter in ("generic", "datadog"):
        answer = ask(adapter, "&".join(f"a{n}=1" for n in range(1_001)), "application/x-www-form-urlencoded")
        assert isinstance(answer, dict)
        assert answer["expected"] == "at most 1,000"


def test_received_at_is_never_after_the_receipt_by_more_than_clocks_differ() -> None:
    odd = only(ask("prometheus", webhook('{"labels":{"a":"b"},"startsAt":"2024-03-04T11:00:00Z"}')))
    assert odd["starts_at"] == "2024-03-04T11:00:00Z"
    assert isinstance(odd["order"], int)
    assert odd["order"] == 2 * round(datetime.fromisoformat("2024-03-04T11:00:00Z").timestamp() * 1000)


MILLION = 1_000_000
SLOW: list[tuple[str, dict[str, object], str]] = [
    ("blank lines", {"title": "t", "body": "\n" * MILLION}, ""),
    ("blanks", {"title": "t", "body": "x" + " " * MILLION + "x"}, ""),
    ("rulers", {"title": "t", "body": "\n- - -\n" * 100_000}, ""),
    ("half images", {"title": "t", "body": "![" * 100_000}, ""),
    ("mentions", {"title": "t", "body": "@" * MILLION}, ""),
    ("prefixes", {"title": "[P1] " * 100_000}, ""),
    ("half prefixes", {"title": "[Triggered on {" * 70_000}, ""),
    ("tags of one name", {"title": "t", "tags": "a:b," * 100_000}, "100000 tags"),
    ("a list of tags", {"title": "t", "tags": ["a:b"] * 100_000}, "100000 tags"),
    ("an object of tags", {"title": "t", "tags": {f"k{n}": n for n in range(2_000)}}, "2000 tags"),
    ("keys", {f"k{n}": n for n in range(100_000)}, "an object of 100000 keys"),
    ("keys within", {"title": "t", "event": {f"k{n}": n for n in range(100_000)}}, ""),
    ("backslashes", {"title": "t", "body": "\\" * MILLION + "\x01"}, ""),
]


@pytest.mark.parametrize("adapter", ["datadog", "generic"])
@pytest.mark.parametrize(("body", "message"), [pytest.param(*row, id=name) for name, *row in SLOW])
def test_no_text_takes_longer_than_its_length(adapter: str, body: dict[str, object], message: str) -> None:
    before = time.process_time()
    answer = ask(adapter, json.dumps(body))
    # Linear work on these takes some 10 ms; what is quadratic takes minutes.
    assert time.process_time() - before < 1
    assert isinstance(answer, list)
    assert answer[0].get("error", "") == message


@pytest.mark.parametrize("body", [b"[" + b"[]," * 250_000 + b"1]", b"[" + b"1," * 1_000_001 + b"1]"])
def test_very_many_values_are_refused_before_they_cost_time(body: bytes) -> None:
    for name in ("datadog", "generic"):
        parse = ADAPTERS[name].open(SourceOptions(name=name))
        with pytest.raises(PayloadError, match="very many values") as refused:
            parse(Payload(body, "application/json", datetime(2026, 11, 2, tzinfo=UTC)))
        assert refused.value.status == 413
