"""Who may do what: tokens and their levels, the sign-in of browsers, and what an open loopback listener refuses."""

from datetime import timedelta
from http.cookies import SimpleCookie

import pytest

from router.http.access import SECURITY_HEADERS, SIGNED_IN_FOR
from rules.model.configuration import EnvSecret
from tests.http.conftest import Client
from tests.http.service import START, StandIn

Guarded = tuple[StandIn, Client]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "address", ["/", "/preview", "/preview/data.json", "/api/alerts", "/api/incidents", "/api/messages"]
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
    assert body["expected"] == "server.tokens in the configuration: read, write, admin"


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
    for part in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/", f"Max-Age={30 * 86400}"):
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


@pytest.mark.parametrize(
    "host", ["localhost:9080", "127.0.0.1:9080", "[::1]:9080", "127.8.9.10", "router.example:9080", "ROUTER.example"]
)
async def test_a_local_listener_answers_to_its_own_names(open_service: Guarded, host: str) -> None:
    _, client = open_service
    assert (await client.get("/api/alerts", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.evil.example", "localhost.evil.example", "0x7f.1", "[::1", "10.0.0.1"]
)
async def test_a_local_listener_answers_to_no_other_name(open_service: Guarded, host: str) -> None:
    _, client = open_service
    answer = await client.get("/api/alerts", headers={"Host": host})
    assert answer.status == 403
    body = await answer.json()
    assert body["detail"] == f"the host {host!r} is not this listener's"
    assert body["expected"] == "localhost, a loopback address, or the host of server.external_url (router.example)"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:9999"},
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
    headers = {"Origin": "http://router.example:9080", "Sec-Fetch-Site": "same-origin"}
    assert (await client.post("/-/reload", headers=headers)).status == 200
    own = str(client.make_url("/")).rstrip("/")
    assert (await client.post("/-/reload", headers={"Origin": own})).status == 200
    assert service.reloads == 2


@pytest.mark.parametrize("address", ["/sign-in", "/sign-in.css", "/api/alerts", "/preview", "/preview/preview.css"])
async def test_every_page_carries_the_headers(open_service: Guarded, address: str) -> None:
    _, client = open_service
    answer = await client.get(address)
    assert answer.status == 200
    for name in SECURITY_HEADERS:
        assert name in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
