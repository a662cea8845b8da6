"""Who may do what: tokens and their levels, the sign-in of browsers, and what an open loopback listener refuses."""

import asyncio
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest

from router.http.access import HEADERS, SIGNED_IN_FOR
from router.http.guesses import AT_ONCE, EVERY_S
from router.http.people import forms as sign_in
from rules.model.configuration import EnvSecret
from tests.http.conftest import Client
from tests.http.service import START, StandIn

Guarded = tuple[StandIn, Client]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/preview",
        "/preview/data.json",
        "/api/alerts",
        "/api/incidents",
        "/api/messages",
        "/api/timeline?incident=1",
    ],
)
async def test_reading_needs_a_token_off_loopback(guarded: Guarded, address: str) -> None:
    _, client = guarded
    answer = await client.get(address)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="alert-router"'
    body = await answer.json()
    assert body["detail"] == "not signed in"
    assert body["expected"] == (
        "a header `Authorization: Bearer …` with a token of server.tokens.read, or a browser signed in at /sign-in"
    )
    for token in ("read-token", "write-token", "admin-token", "admin-token-of-old"):
        assert (await client.get(address, headers=bearer(token))).status == 200


async def test_intake_health_and_metrics_need_none(guarded: Guarded) -> None:
    _, client = guarded
    assert (await client.post("/webhook/shell", json={"title": "x"})).status == 200
    for address in ("/healthz", "/readyz", "/metrics"):
        assert (await client.get(address)).status == 200


@pytest.mark.parametrize(
    ("token", "status"), [("read-token", 403), ("write-token", 403), ("admin-token", 200), ("admin-token-of-old", 200)]
)
async def test_a_reload_is_an_administrators(guarded: Guarded, token: str, status: int) -> None:
    service, client = guarded
    answer = await client.post("/-/reload", headers=bearer(token))
    assert answer.status == status
    assert service.reloads == (status == 200)
    if status == 403:
        body = await answer.json()
        word = token.removesuffix("-token")
        assert (body["detail"], body["expected"]) == (f"this token allows {word}", "a token of server.tokens.admin")


@pytest.mark.parametrize("token", ["", "x", "READ-TOKEN", "read-toke", "é", "\udcff"])
async def test_a_wrong_token_is_refused_and_never_repeated(
    guarded: Guarded, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    service, client = guarded
    answer = await client.post("/-/reload", headers=bearer(token))
    text = await answer.text()
    assert answer.status == 401
    assert "this token is not known" in text
    assert "read-token" not in text + caplog.text
    assert service.reloads == 0


async def test_without_tokens_a_listener_that_others_reach_shows_nothing(open_service: Guarded) -> None:
    service, client = open_service
    service.listen(host="0.0.0.0")  # noqa: S104  that is the case
    answer = await client.get("/api/alerts")
    assert answer.status == 403
    body = await answer.json()
    assert body["detail"] == "this listener can be reached by others, and the configuration names no server.tokens"
    assert body["expected"] == "server.tokens in the configuration: read, admin"


async def signed_in(client: Client, token: str = "admin-token", address: str = "/preview") -> str:
    """The cookie's value."""
    answer = await client.post(
        "/sign-in",
        data={"token": token, "next": address},
        headers={"Origin": "https://router.example"},
        allow_redirects=False,
    )
    assert (answer.status, answer.headers["Location"]) == (303, address)
    return SimpleCookie(answer.headers["Set-Cookie"])["alert_router"].value


def cookie(value: str) -> dict[str, str]:
    return {"Cookie": f"alert_router={value}"}


async def test_a_browser_is_led_to_the_sign_in_page_and_back(guarded: Guarded) -> None:
    _, client = guarded
    answer = await client.get("/api/alerts?state=firing", headers={"Accept": "text/html"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=%2Fapi%2Falerts%3Fstate%3Dfiring")
    page = await (await client.get(answer.headers["Location"])).text()
    assert '<input type="hidden" name="next" value="/api/alerts?state=firing">' in page
    value = await signed_in(client, address="/api/alerts?state=firing")
    assert (await client.get("/api/alerts?state=firing", headers=cookie(value))).status == 200


async def test_the_cookie_is_kept_from_scripts_and_other_sites(guarded: Guarded) -> None:
    _, client = guarded
    answer = await client.post("/sign-in", data={"token": "read-token"}, allow_redirects=False)
    said = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/", f"Max-Age={30 * 86400}"):
        assert part in said
    assert "read-token" not in said


async def test_a_cookie_over_plain_http_cannot_be_secure(guarded: Guarded) -> None:
    service, client = guarded
    service.listen(external_url="http://router.example")
    answer = await client.post("/sign-in", data={"token": "read-token"}, allow_redirects=False)
    assert "Secure" not in answer.headers["Set-Cookie"]


async def test_a_cookie_has_its_tokens_level(guarded: Guarded) -> None:
    _, client = guarded
    value = await signed_in(client, "read-token")
    own = {"Origin": "https://router.example"}
    assert (await client.post("/-/reload", headers={**cookie(value), **own})).status == 403
    raised = value.replace("read.", "admin.", 1)
    assert (await client.post("/-/reload", headers={**cookie(raised), **own})).status == 401


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "read",
        "read.9999999999999.",
        "admin.9999999999999.00",
        "king.1.x",
        "read.x.y",
        "read.²³.x",
        f"read.{'9' * 5000}.x",
    ],
)
async def test_a_made_up_cookie_opens_nothing(guarded: Guarded, value: str) -> None:
    _, client = guarded
    assert (await client.get("/api/alerts", headers=cookie(value))).status == 401


async def test_a_cookie_ends_after_thirty_days(guarded: Guarded) -> None:
    service, client = guarded
    value = await signed_in(client)
    service.virtual.move_to(START + SIGNED_IN_FOR - timedelta(milliseconds=1))
    assert (await client.get("/api/alerts", headers=cookie(value))).status == 200
    service.virtual.move_to(START + SIGNED_IN_FOR)
    assert (await client.get("/api/alerts", headers=cookie(value))).status == 401


async def test_a_cookie_ends_with_the_token_that_it_was_given_for(guarded: Guarded) -> None:
    service, client = guarded
    value = await signed_in(client, "admin-token-of-old")
    tokens = service.configuration.server.tokens
    service.listen(tokens={**tokens, "admin": (EnvSecret("ADMIN"),)})
    assert (await client.get("/api/alerts", headers=cookie(value))).status == 401


async def test_signing_out_takes_the_cookie_away(guarded: Guarded) -> None:
    _, client = guarded
    answer = await client.post("/sign-out", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("token", ["", "wrong", "<script>"])
async def test_a_wrong_token_at_the_sign_in_page_is_told_there(guarded: Guarded, token: str) -> None:
    _, client = guarded
    answer = await client.post("/sign-in", data={"token": token, "next": '/"><script>'})
    assert answer.status == 401
    text = await answer.text()
    assert '<p role="alert">This token is not known here.</p>' in text
    assert "<script>" not in text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "address", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/\r\nX: y"]
)
async def test_the_sign_in_page_leads_nowhere_else(guarded: Guarded, address: str) -> None:
    _, client = guarded
    answer = await client.post("/sign-in", data={"token": "read-token", "next": address}, allow_redirects=False)
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("body", [b"x" * 20_000, b"&".join([b"a=b"] * 100)])
async def test_a_form_that_is_none_is_refused(guarded: Guarded, body: bytes) -> None:
    _, client = guarded
    answer = await client.post("/sign-in", data=body, headers=FORM)
    assert answer.status == 400
    assert (await answer.json())["detail"] == "this is not the form of the sign-in page"
    assert (await client.post("/sign-in", json={"token": "read-token"})).status == 400


async def test_half_a_form_is_not_waited_for(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = guarded
    monkeypatch.setattr(sign_in, "FORM_WITHIN_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    head = f"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: 99\r\n\r\n"
    writer.write(head.encode() + b"token=")
    async with asyncio.timeout(10):
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_another_sites_page_cannot_use_a_cookie(guarded: Guarded) -> None:
    service, client = guarded
    value = await signed_in(client)
    foreign = {"Origin": "https://evil.example"}
    for path in ("/-/reload", "/sign-in", "/sign-out"):
        assert (await client.post(path, headers={**cookie(value), **foreign})).status == 403
    assert service.reloads == 0
    assert (await client.post("/-/reload", headers={**bearer("admin-token"), **foreign})).status == 200


async def test_a_local_program_needs_nothing(open_service: Guarded) -> None:
    service, client = open_service
    assert (await client.post("/-/reload")).status == 200
    assert service.reloads == 1


@pytest.mark.parametrize("host", ["localhost:9080", "127.0.0.1:9080", "[::1]:9080", "127.8.9.10", "LOCALHOST:80"])
async def test_a_local_listener_answers_to_its_own_names(open_service: Guarded, host: str) -> None:
    _, client = open_service
    assert (await client.get("/api/alerts", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "router.example", "127.evil.example", "localhost.evil.example", "0x7f.1", "[::1", "10.0.0.1"],
)
async def test_a_local_listener_answers_to_no_other_name(open_service: Guarded, host: str) -> None:
    _, client = open_service
    answer = await client.get("/api/alerts", headers={"Host": host})
    assert answer.status == 403
    body = await answer.json()
    assert body["detail"] == f"the host {host!r} is not this listener's"
    assert body["expected"] == "localhost or a loopback address"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://["},
    ],
)
async def test_a_page_on_the_web_cannot_act_on_a_local_listener(open_service: Guarded, headers: dict[str, str]) -> None:
    service, client = open_service
    answer = await client.post("/-/reload", headers=headers)
    assert answer.status == 403
    assert (await answer.json())["detail"] == "a page of another site asked for this"
    assert service.reloads == 0


async def test_our_own_pages_can(open_service: Guarded) -> None:
    service, client = open_service
    headers = {"Origin": "http://localhost:9080", "Sec-Fetch-Site": "same-origin"}
    assert (await client.post("/-/reload", headers=headers)).status == 200
    own = str(client.make_url("/")).rstrip("/")
    assert (await client.post("/-/reload", headers={"Origin": own})).status == 200
    assert service.reloads == 2


@pytest.mark.parametrize("address", ["/sign-in", "/sign-in.css", "/api/alerts", "/preview", "/preview/preview.css"])
async def test_every_page_carries_the_headers(open_service: Guarded, address: str) -> None:
    _, client = open_service
    answer = await client.get(address)
    assert answer.status == 200
    for name in HEADERS:
        assert name in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_an_origin_that_is_no_address_is_another_sites(guarded: Guarded) -> None:
    _, client = guarded
    answer = await client.post("/sign-in", data={"token": "read-token"}, headers={"Origin": "http://["})
    assert answer.status == 403
    assert (await answer.json())["detail"] == "a page of another site asked for this"


@pytest.mark.parametrize(
    ("headers", "external_url"),
    [
        *(({name: "x"}, "http://localhost:9080") for name in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Proto")),
        ({"X-Real-IP": "127.0.0.1"}, "http://127.0.0.1:9080"),
        ({}, "https://router.example"),
        ({"Host": "router.example"}, "https://router.example"),
    ],
)
async def test_without_tokens_nobody_asks_through_a_proxy(
    open_service: Guarded, headers: dict[str, str], external_url: str
) -> None:
    service, client = open_service
    service.listen(external_url=external_url)
    for ask in (client.get("/api/alerts", headers=headers), client.post("/-/reload", headers=headers)):
        answer = await ask
        assert answer.status == 403
        body = await answer.json()
        assert (
            body["detail"] == "this listener is reached through a proxy, and the configuration names no server.tokens"
        )
    assert service.reloads == 0
    assert (await client.get("/readyz", headers=headers)).status == 200


async def test_with_tokens_a_proxy_may_stand_before_it(guarded: Guarded) -> None:
    _, client = guarded
    headers = {**bearer("read-token"), "X-Forwarded-For": "192.0.2.1"}
    assert (await client.get("/api/alerts", headers=headers)).status == 200


def refused(service: StandIn, door: str, reason: str) -> float:
    return service.metrics.value("alert_router_tokens_refused", (door, reason))


async def test_guessing_is_counted_logged_and_slowed_down(guarded: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    service, client = guarded
    for number in range(AT_ONCE):
        answer = await client.post("/sign-in", data={"token": f"guess-{number}"})
        assert answer.status == 401
    for token in ("guess-more", "admin-token"):  # the right one is not looked at either: else guessing would go on
        answer = await client.post("/sign-in", data={"token": token}, allow_redirects=False)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "6")
        assert "Try again in 6 s." in await answer.text()
        answer = await client.get("/api/alerts", headers=bearer(token))
        assert (answer.status, answer.headers["Retry-After"]) == (429, "6")
    assert refused(service, "sign_in", "unknown") == AT_ONCE
    assert refused(service, "sign_in", "too_many") == refused(service, "api", "too_many") == 2
    logged = [record for record in caplog.records if record.getMessage() == "an unknown token was presented"]
    assert [vars(record)["tries_left"] for record in logged] == list(range(AT_ONCE - 1, -1, -1))
    assert {vars(record)["address"] for record in logged} == {"127.0.0.1"}
    assert "guess" not in str([vars(record) for record in caplog.records])

    service.virtual.move_to(START + timedelta(seconds=EVERY_S))
    answer = await client.post("/sign-in", data={"token": "admin-token"}, allow_redirects=False)
    assert answer.status == 303


async def test_one_who_guesses_does_not_keep_others_out(guarded: Guarded) -> None:
    service, client = guarded
    service.listen(trusted_proxies=("127.0.0.0/8",))
    value = await signed_in(client)
    for number in range(AT_ONCE + 1):
        headers = {**bearer(f"guess-{number}"), "X-Forwarded-For": "192.0.2.1"}
        assert (await client.get("/api/alerts", headers=headers)).status == (401 if number < AT_ONCE else 429)
    assert (await client.get("/api/alerts", headers=cookie(value))).status == 200
    headers = {**bearer("read-token"), "X-Forwarded-For": "192.0.2.2"}
    assert (await client.get("/api/alerts", headers=headers)).status == 200


async def test_every_page_says_that_it_is_not_to_be_kept(guarded: Guarded) -> None:
    _, client = guarded
    await client.post("/webhook/shell", json={"title": "x", "severity": "critical"})
    for address in ("/incidents/1", "/api/alerts", "/sign-in", "/readyz", "/"):
        answer = await client.get(address, headers=bearer("read-token"), allow_redirects=False)
        assert answer.headers["Cache-Control"] == "no-store", address
