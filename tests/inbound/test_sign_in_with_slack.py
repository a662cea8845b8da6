"""Sign in with Slack, against a Slack that is strict about codes, secrets and addresses: from the button to the page, and every
way in which nobody is signed in."""

import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from router.http.people.with_slack import BEGUN
from router.notifiers.slack import openid
from tests.inbound.office import CONFIGURATION, SECRETS, Office, office
from tests.slackworld.openid import CLIENT_ID, CLIENT_SECRET
from tests.slackworld.state import Json

WITH = CONFIGURATION.replace(
    "  command: [/incident, /pd]\n", f'  client: {{id: "{CLIENT_ID}", secret: {{env: CLIENT}}}}\n'
)


@contextlib.asynccontextmanager
async def there(folder: Path, monkeypatch: pytest.MonkeyPatch, *, secret: str = CLIENT_SECRET) -> AsyncIterator[Office]:
    monkeypatch.setitem(SECRETS, "CLIENT", secret)
    async with office(folder, configuration=WITH) as at:
        external = at.app.configuration.server.external_url
        at.slack.sign_in.redirect_uris.append(f"{external}/sign-in/slack/callback")
        yield at


async def begin(at: Office, *, where: str = "/incidents/1") -> tuple[str, str]:
    """(where the browser is sent, its cookie)"""
    async with at.session.get(f"{at.url}/sign-in/slack?next={where}", allow_redirects=False) as answer:
        assert answer.status == 303
        return answer.headers["Location"], answer.cookies[BEGUN].value


async def come_back(at: Office, address: str, cookie: str) -> tuple[int, str, str]:
    """(status, where to, session)"""
    parts = urlsplit(address)
    url, headers = f"{at.url}{parts.path}?{parts.query}", {"Cookie": f"{BEGUN}={cookie}"}
    async with at.session.get(url, headers=headers, allow_redirects=False) as answer:
        session = answer.cookies.get("alert_router_person")
        assert answer.cookies[BEGUN].value == ""  # whatever came of it, it was tried
        return answer.status, answer.headers.get("Location", ""), "" if session is None else session.value


async def test_from_the_button_to_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 17: as the person that the account is, with their role."""
    async with there(tmp_path, monkeypatch) as at:
        await at.fire()
        async with at.session.get(f"{at.url}/sign-in?next=/incidents/1") as answer:
            assert '<a href="/sign-in/slack?next=%2Fincidents%2F1">Sign in with Slack</a>' in await answer.text()
        address, cookie = await begin(at)
        asked = parse_qs(urlsplit(address).query)
        assert asked["team"] == ["T000001"]
        assert asked["state"] != asked["nonce"]
        back = at.slack.sign_in.agrees(address, "U0JONAS")
        status, where, session = await come_back(at, back, cookie)
        assert (status, where) == (303, "/incidents/1")
        async with at.session.get(at.url + where, headers={"Cookie": f"alert_router_person={session}"}) as answer:
            assert "You are jonas, responder." in await answer.text()
        assert await come_back(at, back, cookie) == (403, "", "")  # Slack takes a code once


async def test_another_browsers_answer_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else somebody would be signed in as whoever sent them a link."""
    async with there(tmp_path, monkeypatch) as at:
        address, _ = await begin(at)
        back = at.slack.sign_in.agrees(address, "U0JONAS")
        _, other = await begin(at)
        for cookie in (other, "", "x.y.z", ".."):
            assert (await come_back(at, back, cookie))[0] == 403
        assert (await come_back(at, back.partition("?")[0] + "?code=code0&state=", ".n."))[0] == 403
        assert at.slack.sign_in.calls == 0


WRONG: list[tuple[str, Json]] = [
    ("another question", {"nonce": "x"}),
    ("another issuer", {"iss": "https://evil.example"}),
    ("another issuer", {"aud": "999.999"}),
    ("too old", {"exp": 1}),
    ("too old", {"exp": "never"}),
    ("they are two", {"https://slack.com/user_id": "U0MARIA"}),
    ("they are two", {"https://slack.com/team_id": "T0ELSE0"}),
    ("they are two", {"https://slack.com/user_id": "", "sub": ""}),
]


@pytest.mark.parametrize(("says", "claims"), WRONG)
async def test_what_slack_does_not_say_signs_nobody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, says: str, claims: Json
) -> None:
    async with there(tmp_path, monkeypatch) as at:
        at.slack.sign_in.claims = claims
        address, cookie = await begin(at)
        with caplog.at_level(logging.WARNING):
            assert await come_back(at, at.slack.sign_in.agrees(address, "U0JONAS"), cookie) == (403, "", "")
        assert says in "".join(str(getattr(one, "error", "")) for one in caplog.records)
        assert CLIENT_SECRET not in caplog.text


@pytest.mark.parametrize(
    "who", ["another workspace's", "deactivated", "workspace unknown", "another secret", "late", "no"]
)
async def test_who_is_not_signed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    """Rows 84 and 114: another company's account, one out of use, and none while it is not known which workspace is ours."""
    async with there(tmp_path, monkeypatch, secret="wrong-secret" if who == "another secret" else CLIENT_SECRET) as at:
        address, cookie = await begin(at)
        back = at.slack.sign_in.agrees(
            address, "U0JONAS", team="T0ELSE0" if who == "another workspace's" else "T000001"
        )
        match who:
            case "deactivated":
                at.slack.people["U0JONAS"].is_active = False
            case "workspace unknown":
                at.app._way_out._asked_of = None
            case "late":
                next(iter(at.slack.sign_in._codes.values())).at -= timedelta(minutes=11)
            case "no":
                back = f"{back.partition('?')[0]}?error=access_denied&state={parse_qs(urlsplit(address).query)['state'][0]}"
            case _:
                pass
        assert await come_back(at, back, cookie) == (403, "", "")


async def test_it_leads_nowhere_but_to_our_own_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with there(tmp_path, monkeypatch) as at:
        for where in ("https://evil.example/", "//evil.example", "/\\evil.example"):
            address, cookie = await begin(at, where=where)
            assert (await come_back(at, at.slack.sign_in.agrees(address, "U0MARIA"), cookie))[:2] == (303, "/")


async def test_of_many_at_once_slack_is_asked_a_few_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "AT_ONCE", 0)
    async with there(tmp_path, monkeypatch) as at:
        address, cookie = await begin(at)
        assert (await come_back(at, at.slack.sign_in.agrees(address, "U0MARIA"), cookie))[0] == 403
        assert at.slack.sign_in.calls == 0


async def test_without_an_app_nobody_is_sent_anywhere(tmp_path: Path) -> None:
    async with office(tmp_path) as at:
        async with at.session.get(f"{at.url}/sign-in/slack", allow_redirects=False) as answer:
            assert answer.status == 404
        async with at.session.get(f"{at.url}/sign-in") as answer:
            assert "Sign in with Slack" not in await answer.text()
