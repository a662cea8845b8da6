"""Sign in with Slack: where a browser is sent, and who came back with a code. https://docs.slack.dev/authentication/sign-in-with-slack

The id_token comes from Slack itself over TLS, so its signature is not checked (OpenID Connect Core 3.1.3.7); what it says is.
"""

import asyncio
import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec

from router.runtime.clock import Clock

ISSUER: Final = "https://slack.com"
AT_ONCE: Final = 4
"""Codes that are being asked about: anybody may come with one."""
LONGEST_CODE: Final = 500
LARGEST_ANSWER: Final = 64 * 1024
_TEAM, _USER = f"{ISSUER}/team_id", f"{ISSUER}/user_id"


class App(msgspec.Struct, frozen=True):
    """The app that people sign in with, and where they come back to."""

    api_url: str
    client_id: str
    client_secret: str
    redirect_uri: str


class Identity(msgspec.Struct, frozen=True):
    """Whose browser it is, as Slack says."""

    account: str
    team: str


class RefusedError(Exception):
    """Nobody is signed in; the text is for the log, and holds no secret."""


def address(app: App, *, state: str, nonce: str, team: str) -> str:
    """Where a browser is sent. `team`: the workspace that is meant; "" where it is not known."""
    asked = {
        "response_type": "code",
        "scope": "openid",
        "client_id": app.client_id,
        "state": state,
        "nonce": nonce,
        "redirect_uri": app.redirect_uri,
        **({"team": team} if team else {}),
    }
    return f"{app.api_url.removesuffix('api/')}openid/connect/authorize?{urlencode(asked)}"


class OpenId:
    """Asks Slack who came back. `session` refuses redirects and bounds time."""

    def __init__(self, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._session, self._clock = session, clock
        self._asking = 0

    async def identify(self, app: App, code: str, *, nonce: str) -> Identity:
        """Raises RefusedError."""
        if not 0 < len(code) <= LONGEST_CODE or self._asking >= AT_ONCE:
            raise RefusedError("no code" if self._asking < AT_ONCE else "too many sign in at once")
        self._asking += 1
        try:
            return await self._identify(app, code, nonce)
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise RefusedError(f"Slack was not reached: {type(error).__name__}") from None
        finally:
            self._asking -= 1

    async def _identify(self, app: App, code: str, nonce: str) -> Identity:
        form = {
            "grant_type": "authorization_code",
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "code": code,
            "redirect_uri": app.redirect_uri,
        }
        given = await self._call(app, "openid.connect.token", form, {})
        claims = _claims(_text(given, "id_token"))
        self._check(claims, app, nonce)
        found = Identity(_text(claims, _USER) or _text(claims, "sub"), _text(claims, _TEAM))
        bearer = {"Authorization": f"Bearer {_text(given, 'access_token')}"}
        said = await self._call(app, "openid.connect.userInfo", {}, bearer)
        if (
            not found.account
            or not found.team
            or (_text(said, _USER), _text(said, _TEAM)) != (found.account, found.team)
        ):
            raise RefusedError("Slack says of one person that they are two")
        return found

    def _check(self, claims: Mapping[str, Any], app: App, nonce: str) -> None:
        audience, until = claims.get("aud"), claims.get("exp")
        if claims.get("iss") != ISSUER or audience != app.client_id:
            raise RefusedError("the id_token is of another issuer, or for another app")
        if not isinstance(until, int) or until <= self._clock.now().timestamp():
            raise RefusedError("the id_token is too old")
        if not nonce or not hmac.compare_digest(_text(claims, "nonce").encode(), nonce.encode()):
            raise RefusedError("the id_token answers another question")

    async def _call(
        self, app: App, method: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> Mapping[str, Any]:
        async with self._session.post(
            f"{app.api_url}{method}", data=dict(form), headers=dict(headers), allow_redirects=False
        ) as answer:
            raw = await answer.content.read(LARGEST_ANSWER + 1)
            while len(raw) <= LARGEST_ANSWER and (more := await answer.content.read(LARGEST_ANSWER)):
                raw += more
            body = _object(raw) if answer.status == 200 and len(raw) <= LARGEST_ANSWER else {}
        if body.get("ok") is not True:
            raise RefusedError(f"{method}: {_text(body, 'error')[:80] or f'HTTP {answer.status}'}")
        return body


def _claims(token: str) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(parts) != 3 or len(token) > LARGEST_ANSWER:
        raise RefusedError("no id_token")
    try:
        return _object(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        raise RefusedError("an id_token that cannot be read") from None


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""
