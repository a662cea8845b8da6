"""Who may send to a source: each form of `auth`, `allow` beside it, and which addresses a source answers."""

import base64
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.http import service as stand_in
from tests.http.conftest import Client, serving
from tests.http.service import OPEN, StandIn

SOURCES = """\
  prometheus: {adapter: prometheus, auth: none}
  prom-b: {adapter: prometheus, auth: none, alertmanager_api: true}
  bearer: {adapter: generic, auth: {bearer: [{env: READ}, {env: WRITE}]}}
  basic: {adapter: generic, auth: {basic: {username: dog, password: {env: READ}}}}
  signed: {adapter: generic, auth: {hmac: {header: X-Signature, algorithm: sha256, secret: {env: READ}}}}
  url: {adapter: generic, auth: {url_token: {env: READ}}}
  inside: {adapter: generic, auth: none, allow: [10.0.0.0/8]}
  near: {adapter: generic, auth: {bearer: {env: READ}}, allow: [127.0.0.0/8, "::1"]}
  shell: {adapter: generic, auth: none}
"""
TEXT = OPEN.replace(
    "  prometheus: {adapter: prometheus, auth: none}\n  shell: {adapter: generic, auth: none}\n", SOURCES
)
GOOD = stand_in.ENVIRON["READ"]
BODY = b'{"title": "Down",  "severity": "high"}'
"""Two blanks: to read it and write it again would lose one."""


def signature(secret: str, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with serving(tmp_path, TEXT) as (_, made):
        yield made


async def status(client: Client, path: str, headers: dict[str, str] | None = None, body: bytes = BODY) -> int:
    answer = await client.post(path, data=body, headers={"Content-Type": "application/json", **(headers or {})})
    return answer.status


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/webhook/shell", {}, 200),
        ("/webhook/bearer", {"Authorization": f"Bearer {GOOD}"}, 200),
        ("/webhook/bearer", {"Authorization": "Bearer no"}, 401),
        ("/webhook/bearer", basic("dog", GOOD), 401),
        ("/webhook/bearer", {}, 401),
        (f"/webhook/bearer?token={GOOD}", {}, 401),
        ("/webhook/basic", basic("dog", GOOD), 200),
        ("/webhook/basic", basic("dog", "no"), 401),
        ("/webhook/basic", basic("cat", GOOD), 401),
        ("/webhook/signed", {"X-Signature": signature(GOOD)}, 200),
        ("/webhook/signed", {"X-Signature": f"sha256={signature(GOOD)}"}, 200),
        ("/webhook/signed", {"X-Signature": signature("no")}, 401),
        ("/webhook/signed", {}, 401),
        (f"/webhook/url?token={GOOD}", {}, 200),
        (f"/webhook/url/{GOOD}", {}, 200),
        ("/webhook/url?token=no", {}, 401),
        ("/webhook/url/no", {}, 401),
        ("/webhook/url", {}, 401),
    ],
)
async def test_each_form_takes_its_secret_and_nothing_else(
    client: Client, path: str, headers: dict[str, str], expected: int
) -> None:
    assert await status(client, path, headers) == expected


async def test_while_a_secret_is_changed_both_are_taken(client: Client) -> None:
    for token in (GOOD, stand_in.ENVIRON["WRITE"]):
        assert await status(client, "/webhook/bearer", {"Authorization": f"Bearer {token}"}) == 200


async def test_a_signature_is_of_the_body_as_it_was_sent(client: Client) -> None:
    headers = {"X-Signature": signature(GOOD)}
    assert await status(client, "/webhook/signed", headers) == 200
    assert await status(client, "/webhook/signed", headers, BODY.replace(b"  ", b" ")) == 401


async def test_a_token_in_an_address_is_never_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert await status(client, f"/webhook/url?token={GOOD}") == 200
        assert await status(client, f"/webhook/url/{GOOD}", body=b"{") == 400
        assert await status(client, f"/webhook/url/wrong-{GOOD}") == 401
    ours = [record for record in caplog.records if not record.name.startswith("aiohttp")]
    assert not any(GOOD in f"{record.getMessage()} {record.__dict__}" for record in ours)
    assert GOOD not in await (await client.get("/metrics")).text()


async def test_allow_names_who_may_send_beside_any_form(client: Client) -> None:
    assert await status(client, "/webhook/inside") == 403
    assert await status(client, "/webhook/near") == 401
    assert await status(client, "/webhook/near", {"Authorization": f"Bearer {GOOD}"}) == 200


async def test_a_source_answers_below_its_name_and_no_other_name_does(client: Client) -> None:
    assert await status(client, "/webhook/shell") == 200
    assert await status(client, "/webhook/nobody") == 404


ARRAY = b'[{"labels": {"alertname": "Down"}}]'


async def test_a_prometheus_source_answers_both_addresses(client: Client) -> None:
    assert await status(client, "/webhook/prometheus/api/v2/alerts", body=ARRAY) == 200
    assert await status(client, "/webhook/prom-b/api/v2/alerts", body=ARRAY) == 200
    webhook = b'{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "Up"}}]}'
    assert await status(client, "/webhook/prom-b", body=webhook) == 200
    assert await status(client, "/webhook/shell/api/v2/alerts", body=ARRAY) == 404


async def test_the_bare_address_belongs_to_the_one_that_says_so_or_the_only_one(client: Client, tmp_path: Path) -> None:
    assert await status(client, "/api/v2/alerts", body=ARRAY) == 200
    found = (await (await client.get("/api/alerts")).json())["alerts"]
    assert [alert["source"] for alert in found] == ["prom-b"]
    said = TEXT.replace(", alertmanager_api: true", "")
    assert bare(said, tmp_path / "two") is None
    assert bare(OPEN, tmp_path / "one") == "prometheus"


def bare(text: str, folder: Path) -> str | None:
    folder.mkdir()
    return StandIn(folder, text).bare_source
