"""Somebody is signed in as themselves on an incident's page: by a link that works once, with their own role, and by forms that
only our own pages can send."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from router.core.acts.button import Verb
from router.core.acts.grammar import command as ask
from router.http.access import PERSON_COOKIE
from router.http.people.acting import OFFERED
from router.notifiers.slack.inbound.values import User
from router.service.responder.visitors import LINK_FOR, SESSION_FOR
from router.store.evaluation import incidents
from tests.http.conftest import Client, serving
from tests.http.service import GUARDED, StandIn, configuration

RULES = GUARDED.replace(
    "people: {alice: {email: alice@example.com}}",
    "people: {alice: {slack: U0ALICE0}, boss: {slack: U0BOSS00, role: manager}, root: {slack: U0ROOT00, role: admin}, guest: {slack: U0GUEST0, role: observer}}",
).replace(
    'channel: ["#db", "#all"], group_by: [alert.name], page: alice}',
    'channel: ["#db", "#all"], group_by: [alert.name], actions: {resolve: manager}, private: [boss, guest]}',
)
ALICE, BOSS, ROOT, GUEST, EVE = "U0ALICE0", "U0BOSS00", "U0ROOT00", "U0GUEST0", "U0EVE000"


@pytest.fixture
async def pages(tmp_path: Path) -> AsyncIterator[tuple[StandIn, Client]]:
    async with serving(tmp_path, RULES) as (service, client):
        for alert in ({"title": "Disk is full"}, {"title": "Slow", "labels": {"team": "db"}}):
            assert (await client.post("/webhook/shell", json=alert)).status == 200
        await service.turn(seconds=15)
        yield service, client


Pages = tuple[StandIn, Client]


async def link(service: StandIn, user: str, incident: int | None = 1) -> str:
    """The path of a personal link, as `link` answers it."""
    who = User(user, name="eve")
    said = await service.visitors.answer(ask.Link(incident), who, await service.people.who(who))
    found = re.match(r"<https://router\.example(/link/[A-Za-z0-9_-]{40,})\|Sign in as [^>]+>: once, until ", said)
    assert found is not None, said
    return found[1]


async def sign_in(service: StandIn, client: Client, user: str, incident: int | None = 1) -> None:
    answer = await client.post(await link(service, user, incident), allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"] == ("/me" if incident is None else f"/incidents/{incident}")
    cookie = answer.cookies[PERSON_COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"], cookie["path"]) == (True, "Lax", True, "/")
    client.session.cookie_jar.update_cookies({PERSON_COOKIE: cookie.value})


async def form(client: Client, verb: Verb, number: int = 1) -> dict[str, str]:
    """The hidden fields of a button, as the page has them."""
    text = await (await client.get(f"/incidents/{number}")).text()
    for found in re.findall(r"<form method=\"post\" action=\"/incidents/\d+/act\">.*?</form>", text):
        fields = dict(re.findall(r'name="(verb|proof|once)" value="([^"]*)"', found))
        if fields["verb"] == verb.value:
            return fields
    raise AssertionError(f"no {verb} in {text}")


async def offered(client: Client, number: int = 1) -> set[str]:
    return set(re.findall(r'name="verb" value="([^"]*)"', await (await client.get(f"/incidents/{number}")).text()))


async def phase(service: StandIn, number: int = 1) -> tuple[str, str]:
    found = await service.engine.database.read(lambda conn: incidents.get(conn, number).response)
    return found.phase.value, found.by


async def test_from_the_link_to_the_resolution(pages: Pages) -> None:
    """Row 17: acknowledge, snooze, take responsibility, note and resolve, as on a telephone at night."""
    service, client = pages
    await sign_in(service, client, ALICE)
    page = await (await client.get("/incidents/1")).text()
    assert "You are alice, responder." in page
    assert 'href="/"' not in page  # what a token is asked for
    assert await offered(client) == {"acknowledge", "snooze", "resolve", "assign", "escalate", "note"}
    answer = await client.post("/incidents/1/act", data=await form(client, Verb.ACKNOWLEDGE), allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/incidents/1")
    assert await phase(service) == ("acknowledged", "alice")
    assert service.acts == 1
    assert "acknowledge" not in await offered(client)
    await client.post("/incidents/1/act", data={**await form(client, Verb.SNOOZE), "for": "30m"})
    assert await phase(service) == ("snoozed", "alice")
    await client.post("/incidents/1/act", data=await form(client, Verb.ASSIGN))
    await client.post("/incidents/1/act", data={**await form(client, Verb.NOTE), "note": "it's the <disk>"})
    await client.post("/incidents/1/act", data={**await form(client, Verb.RESOLVE), "note": "made room"})
    assert await phase(service) == ("closed", "alice")
    text = await (await client.get("/incidents/1")).text()
    assert "assigned to Alice" in text
    assert "&lt;disk&gt;" in text
    assert "<disk>" not in text
    assert "made room" in text
    assert "reopen" in await offered(client)


async def test_a_link_works_once_and_for_ten_minutes(pages: Pages) -> None:
    """Row 17: whoever previews it, as chat programs do, uses nothing up."""
    service, client = pages
    path = await link(service, ALICE)
    for _ in range(3):
        page = await client.get(path)
        assert page.status == 200
        assert "Sign in as <b>alice</b>" in await page.text()
        assert page.cookies.get(PERSON_COOKIE) is None
    assert (await client.post(path, allow_redirects=False)).status == 303
    for method in ("GET", "POST"):
        again = await client.request(method, path, allow_redirects=False)
        assert (again.status, again.cookies.get(PERSON_COOKIE)) == (410, None)
    late = await link(service, ALICE)
    await service.turn(seconds=LINK_FOR.total_seconds())
    assert (await client.post(late, allow_redirects=False)).status == 410
    assert (await client.post("/link/made-up", allow_redirects=False)).status == 410


async def test_of_five_links_the_last_are_good(pages: Pages) -> None:
    service, client = pages
    paths = [await link(service, ALICE) for _ in range(7) if await _tick(service)]
    assert [(await client.get(path)).status for path in paths] == [410] * 2 + [200] * 5


async def _tick(service: StandIn) -> bool:
    await service.turn(seconds=1)
    return True


async def test_another_site_cannot_sign_anybody_in_or_act(pages: Pages) -> None:
    service, client = pages
    path = await link(service, ALICE)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await client.post(path, headers=foreign, allow_redirects=False)).status == 403
    await sign_in(service, client, ALICE)
    fields = await form(client, Verb.ACKNOWLEDGE)
    answer = await client.post("/incidents/1/act", data=fields, headers=foreign, allow_redirects=False)
    assert answer.status == 403
    for proof in ("", "x", fields["proof"][:-1]):  # whatever a browser says of where it comes from
        answer = await client.post("/incidents/1/act", data={**fields, "proof": proof}, allow_redirects=False)
        assert answer.status == 403
    assert await phase(service) == ("open", "")


async def test_anothers_proof_is_no_proof(pages: Pages) -> None:
    service, client = pages
    await sign_in(service, client, ALICE)
    alices = await form(client, Verb.ACKNOWLEDGE)
    await sign_in(service, client, BOSS)
    assert (await client.post("/incidents/1/act", data=alices, allow_redirects=False)).status == 403


async def test_the_same_form_twice_is_one_act(pages: Pages) -> None:
    service, client = pages
    await sign_in(service, client, ALICE)
    first = await form(client, Verb.ACKNOWLEDGE)
    assert (await client.post("/incidents/1/act", data=first, allow_redirects=False)).status == 303
    await client.post("/incidents/1/act", data=await form(client, Verb.UNACKNOWLEDGE))
    assert (await client.post("/incidents/1/act", data=first, allow_redirects=False)).status == 303
    assert await phase(service) == ("open", "")
    stale = await form(client, Verb.ACKNOWLEDGE)
    await client.post("/incidents/1/act", data=await form(client, Verb.ACKNOWLEDGE))
    answer = await client.post("/incidents/1/act", data=stale, allow_redirects=False)
    assert answer.status == 409
    assert "alice has acknowledged it" in await answer.text()


async def test_ones_role_holds_on_the_page_too(pages: Pages) -> None:
    """Row 18: an observer is offered nothing, and what they make up is refused as a button is; a manager may resolve."""
    service, client = pages
    await sign_in(service, client, GUEST, 2)
    assert await offered(client, 2) == set()
    proof = re.search(r"U0|proof", await (await client.get("/incidents/2")).text())
    assert proof is None
    visitor = await service.visitors.find(
        client.session.cookie_jar.filter_cookies(client.make_url("/"))[PERSON_COOKIE].value
    )
    assert visitor is not None
    for verb in OFFERED:
        data = {"verb": verb.value, "proof": visitor.form_proof, "note": "x", "for": "1h"}
        answer = await client.post("/incidents/2/act", data=data, allow_redirects=False)
        assert answer.status == 409
        assert "and you are an observer: ask boss or root" in await answer.text()
    assert await phase(service, 2) == ("open", "")
    await sign_in(service, client, BOSS, 2)
    assert "resolve" in await offered(client, 2)


async def test_what_is_private_is_not_there_on_the_page(pages: Pages) -> None:
    """Row 28: neither shown, nor listed, nor linked to, nor acted upon; to who sees it, all of it."""
    service, client = pages
    await sign_in(service, client, ALICE, None)
    assert "#2" not in await (await client.get("/me")).text()
    hidden, made_up = await client.get("/incidents/2"), await client.get("/incidents/7")
    assert hidden.status == made_up.status == 404
    assert (await hidden.text()).replace("#2", "#7") == await made_up.text()
    fields = {**await form(client, Verb.ACKNOWLEDGE), "once": "z"}
    answer = await client.post("/incidents/2/act", data=fields, allow_redirects=False)
    assert answer.status == 404
    assert await phase(service, 2) == ("open", "")
    who = User(ALICE)
    said = await service.visitors.answer(ask.Link(2), who, await service.people.who(who))
    assert said == "There is no incident #2."
    await sign_in(service, client, ROOT, None)
    assert "#2" in await (await client.get("/me")).text()
    assert (await client.get("/incidents/2")).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/preview", "/api/alerts", "/api/incidents", "/api/messages", "/api/timeline", "/api/status"]
)
async def test_who_is_signed_in_as_themselves_has_no_token(pages: Pages, path: str) -> None:
    """Row 28: what shows every incident asks for a token."""
    service, client = pages
    await sign_in(service, client, ROOT)
    assert (await client.get(path, allow_redirects=False)).status == 401
    assert (await client.post("/-/reload")).status == 401
    assert (await client.get("/incidents/1")).status == 200
    for token, status in (("read-token", 200), ("nobody's", 401)):
        answer = await client.get("/incidents/1", headers={"Authorization": f"Bearer {token}"})
        assert answer.status == status
        assert "You are" not in await answer.text()


async def test_a_token_is_nobody_who_could_act(pages: Pages) -> None:
    _, client = pages
    answer = await client.post(
        "/incidents/1/act", headers={"Authorization": "Bearer admin-token"}, data={"verb": "acknowledge"}
    )
    assert answer.status == 403
    assert (await answer.json())["detail"] == "a token of server.tokens is nobody in particular"
    assert (await client.post("/incidents/1/act", data={"verb": "acknowledge"})).status == 401


async def test_a_session_ends(pages: Pages) -> None:
    """Row 84: by its hour, by signing out, and when whoever it is is somebody else by the rules."""
    service, client = pages
    await sign_in(service, client, ALICE)
    cookie = client.session.cookie_jar.filter_cookies(client.make_url("/"))[PERSON_COOKIE].value
    assert (await service.visitors.find(cookie)) is not None
    without = configuration(RULES.replace("alice: {slack: U0ALICE0}", "alice: {slack: U0OTHER0}"))
    await service.engine.put_in_force(without.rules, service.engine.settings)
    assert "You are via Slack (eve), observer." in await (await client.get("/incidents/1")).text()
    await client.post("/sign-out", allow_redirects=False)
    assert await service.visitors.find(cookie) is None
    await sign_in(service, client, BOSS)
    await service.turn(seconds=SESSION_FOR.total_seconds() - 60)
    assert (await client.get("/incidents/1", allow_redirects=False)).status == 200
    await service.turn(seconds=120)
    assert (await client.get("/incidents/1", allow_redirects=False)).status == 401


async def test_the_store_holds_no_secret(pages: Pages) -> None:
    service, client = pages
    secret = (await link(service, ALICE)).removeprefix("/link/")
    await sign_in(service, client, ALICE)
    cookie = client.session.cookie_jar.filter_cookies(client.make_url("/"))[PERSON_COOKIE].value
    rows = await service.engine.database.read(
        lambda conn: [tuple(row) for row in conn.exec_driver_sql("select * from sign_in")]
    )
    assert len(rows) == 2
    assert secret not in str(rows)
    assert cookie not in str(rows)
    await service.turn(seconds=timedelta(days=1).total_seconds())
    await service.engine.prune()
    assert (
        await service.engine.database.read(lambda conn: conn.exec_driver_sql("select count(*) from sign_in").scalar())
        == 0
    )
