"""Hostile requests to the real process: each answered by name, none a 5xx, the loop never held, the process alive."""

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from router.runtime.clock import SystemClock
from tests.faults.raw import PIECE, Request, exchange, request
from tests.process import RouterProcess, running

PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads" / "bad"
LAG = 1.0
"""Seconds. The loop may be held for 50 ms; this machine and this test, which builds the bodies, are in between."""
CONFIGURATION = """
version: 1
server: {listen: "<listen>"}
storage: {path: "<database>"}
slack: preview
sources:
  prometheus: {adapter: prometheus, auth: none}
  datadog: {adapter: datadog, auth: none}
  generic: {adapter: generic, auth: none}
  signed:
    adapter: prometheus
    auth: {hmac: {header: X-Grafana-Alerting-Signature, algorithm: sha256, secret: {env: SECRET}}}
  guarded: {adapter: prometheus, auth: {basic: {username: u, password: {env: SECRET}}, bearer: {env: SECRET}}}
routing: {channel: none}
"""
WEBHOOK, ARRAY = "/webhook/prometheus", "/webhook/prometheus/api/v2/alerts"


def firing(labels: object) -> dict[str, object]:
    return {"status": "firing", "labels": labels, "annotations": {}}


def webhook(*alerts: object) -> bytes:
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()


GOOD = firing({"alertname": "Neighbour"})
GZIP = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
BOMB = gzip.compress(b'"' + b"A" * (100 * 1024 * 1024) + b'"')
HOSTILE: Mapping[str, tuple[Request, set[int]]] = {
    "unknown source": (request("/webhook/nobody", b"{}"), {404}),
    "not JSON": (request(WEBHOOK, b"no"), {400}),
    "truncated": (request(WEBHOOK, webhook(GOOD)[:-9]), {400}),
    "NaN": (request(WEBHOOK, b'{"alerts": [NaN]}'), {400}),
    "invalid UTF-8": (request(WEBHOOK, webhook(GOOD).replace(b"Neighbour", b"\xff\xfe")), {400}),
    "byte order mark": (request(WEBHOOK, b"\xef\xbb\xbf" + webhook(GOOD)), {200}),
    "more alerts than may be": (request(WEBHOOK, webhook(*repeat(GOOD, 10_001))), {400, 413}),
    "as many alerts as may be": (
        request(WEBHOOK, webhook(*(firing({"alertname": "Many", "n": str(n)}) for n in range(10_000)))),
        {200},
    ),
    "100 MB": (Request(WEBHOOK, repeat(b"A" * PIECE, 400), 400 * PIECE), {413}),
    "100 MB in chunks": (Request(WEBHOOK, repeat(b"A" * PIECE, 400), None), {413}),
    "gzip bomb": (request(WEBHOOK, BOMB, headers=GZIP), {413}),
    "broken gzip": (request(WEBHOOK, BOMB[:-9], headers=GZIP), {400, 413}),
    "unknown encoding": (request(WEBHOOK, b"x", headers={**GZIP, "Content-Encoding": "rot13"}), {415}),
    "nesting": (request(WEBHOOK, b'{"a":' * 10_000 + b"1" + b"}" * 10_000), {400}),
    "nesting of a list": (request(ARRAY, b"[" * 10_000 + b"]" * 10_000), {400}),
    "an integer of 5,000 digits": (request(WEBHOOK, webhook(GOOD).replace(b'"4"', b"9" * 5_000)), {200, 400}),
    "NUL": (request(WEBHOOK, webhook(firing({"alertname": "a\x00b"}))), {200}),
    "labels of every wrong kind": (
        request(WEBHOOK, webhook(firing({"a": None, "b": 1, "c": [], "d": "\x1b[31m"}), firing(None), None, GOOD)),
        {200},
    ),
    "a value of 1 MB": (request(WEBHOOK, webhook(firing({"alertname": "A" * 2**20}), GOOD)), {200}),
    "deep inside a generic body": (request("/webhook/generic", b'{"a":' * 5_000 + b"1" + b"}" * 5_000), {400}),
    "a form that is none": (request("/webhook/datadog", b"%ff=%00&" * 5_000), {200, 400, 413, 415}),
    "a header of 32 kB": (
        request(WEBHOOK, webhook(GOOD), headers={"Content-Type": "application/json", "X-Long": "A" * 32_768}),
        {400, 431},
    ),
    "two lengths": (
        request(WEBHOOK, webhook(GOOD), headers={"Content-Length": "5", "Transfer-Encoding": "chunked"}),
        {400},
    ),
    "a token of letters that are not": (
        request("/webhook/guarded", webhook(GOOD), headers={"Authorization": "Bearer tökén"}),
        {400, 401},
    ),
}


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[RouterProcess]:
    """A router that somebody else asks all the time, and who notices how long it takes."""
    clock = SystemClock()
    waits: list[float] = []

    async def probe(service: RouterProcess) -> None:
        while True:
            began = clock.monotonic()
            assert await service.status("/webhook/prometheus") == 405
            waits.append(clock.monotonic() - began)
            await asyncio.sleep(0.01)

    async with running(folder, CONFIGURATION, environment={"SECRET": "s3cret"}) as service:
        probing = asyncio.create_task(probe(service))
        try:
            yield service
            assert not probing.done(), probing.exception()
        finally:
            probing.cancel()
        assert await service.post(WEBHOOK, {"alerts": [GOOD]}) == 200
        assert '"level":"error"' not in service.words
        assert "tökén" not in service.words
        assert "AAAA" not in service.words
        waits.sort()
        assert waits[-1] < LAG, waits[-5:]


async def test_hostile_requests_are_answered_by_name(tmp_path: Path) -> None:
    async with watched(tmp_path) as service:
        answered = {name: await exchange(service.port, wanted) for name, (wanted, _) in HOSTILE.items()}
        assert {name: status for name, status in answered.items() if status not in HOSTILE[name][1]} == {}
        names = {alert["name"] for alert in await service.all("alerts")}
        assert names >= {"Neighbour", "Many", "a\ufffdb"}
        assert not any(set(name) & {"\x00", "\x1b"} for name in names)


CASES = sorted(PAYLOADS.glob("*.json"))
PATHS = {
    "any": WEBHOOK, "alertmanager": WEBHOOK, "grafana": WEBHOOK, "prometheus": ARRAY, "datadog": "/webhook/datadog",
    "generic": "/webhook/generic",
}  # fmt: skip
ELSEWHERE = {
    "get_on_ingest": WEBHOOK, "unknown_path": "/webhook/nobody", "hmac_invalid": "/webhook/signed",
    "non_ascii_bearer": "/webhook/guarded", "wrong_credentials": "/webhook/guarded",
}  # fmt: skip


@pytest.mark.skipif(not CASES, reason="../shared/payloads is absent")
async def test_collected_bad_payloads_are_answered_as_they_must_be(tmp_path: Path) -> None:
    cases = {path.stem: json.loads(path.read_text()) for path in CASES}
    ours = {name: case for name, case in cases.items() if case["target"] in PATHS}
    async with watched(tmp_path) as service:
        answered = {name: await exchange(service.port, collected(name, case)) for name, case in ours.items()}
        wrong = {
            name: status for name, status in answered.items() if status not in ours[name]["expect"]["status_any_of"]
        }
        assert wrong == {}
        assert len(answered) > 40


def collected(name: str, case: dict[str, Any]) -> Request:
    path = ELSEWHERE.get(name, PATHS[case["target"]])
    headers = {header: value for header, value in case["headers"].items() if header != "Transfer-Encoding"}
    for header, spec in case.get("headers_spec", {}).items():
        headers[header] = b"".join(expanded(spec)).decode()
    is_chunked = "Transfer-Encoding" in case["headers"]
    if name == "content_length_and_chunked":
        headers["Transfer-Encoding"] = "chunked"
    if "body_spec" in case:
        spec = case["body_spec"]
        size = None if is_chunked else sum(map(len, expanded(spec)))
        return Request(path, expanded(spec), size, headers, case["method"])
    body = base64.b64decode(case["body_base64"]) if "body_base64" in case else case["body"].encode()
    return request(path, body, headers=headers, method=case["method"])


def expanded(spec: dict[str, Any]) -> Iterator[bytes]:
    """A body too long to be written down."""
    if spec["kind"] == "labels":
        labels = {"alertname": "Many", **{f"l{number}": str(number) for number in range(spec["count"])}}
        yield webhook(firing(labels))
        return
    assert spec["kind"] == "repeat"
    yield spec.get("prefix", "").encode()
    for part in (spec, spec.get("then")):
        if part is not None:
            unit = part["unit"].encode()
            whole, rest = divmod(part["count"], max(PIECE // len(unit), 1))
            yield from repeat(unit * max(PIECE // len(unit), 1), whole)
            yield unit * rest
            yield part.get("suffix", "").encode()
    yield spec.get("end", "").encode()
