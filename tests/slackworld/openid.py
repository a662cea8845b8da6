"""Sign in with Slack, as Slack does it: an authorize page that sends the browser back with a code, which is good once, for ten
minutes, with the address and the secret of the app that asked."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from tests.slackworld.state import Json

CLIENT_ID = "100.200"
CLIENT_SECRET = "c1ient5ecret"
CODE_LASTS = timedelta(minutes=10)


@dataclass
class Code:
    account: str
    team: str
    nonce: str
    redirect_uri: str
    at: datetime


@dataclass
class SignIn:
    """`agrees` is the person at the browser; `claims` and `info` are what Slack says otherwise than it should."""

    now: Callable[[], datetime]
    redirect_uris: list[str] = field(default_factory=list)
    """Configured in the app."""
    claims: Json = field(default_factory=dict)
    info: Json = field(default_factory=dict)
    calls: int = 0
    _codes: dict[str, Code] = field(default_factory=dict)
    _tokens: dict[str, Code] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/openid.connect.token", self._token),
            web.post("/api/openid.connect.userInfo", self._user_info),
        ]

    def agrees(self, address: str, account: str, *, team: str = "T000001") -> str:
        """Somebody sees the authorize page and agrees: where their browser is sent."""
        parts = urlsplit(address)
        assert parts.path == "/openid/connect/authorize", address
        asked = dict(parse_qsl(parts.query, strict_parsing=True))
        assert set(asked) <= {"response_type", "scope", "client_id", "state", "nonce", "redirect_uri", "team"}, asked
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert "openid" in asked["scope"].split()
        assert asked["redirect_uri"] in self.redirect_uris, "bad_redirect_uri"
        code = f"code{len(self._codes)}"
        self._codes[code] = Code(account, team, asked.get("nonce", ""), asked["redirect_uri"], self.now())
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    async def _token(self, request: web.Request) -> web.Response:
        self.calls += 1
        form = dict(await request.post())
        if set(form) != {"client_id", "client_secret", "code", "redirect_uri", "grant_type"}:
            return _no("invalid_arguments")
        if form["client_id"] != CLIENT_ID:
            return _no("invalid_client_id")
        if form["client_secret"] != CLIENT_SECRET:
            return _no("bad_client_secret")
        code = self._codes.pop(str(form["code"]), None)
        if code is None or self.now() - code.at > CODE_LASTS:
            return _no("invalid_code")
        if form["redirect_uri"] != code.redirect_uri:
            return _no("bad_redirect_uri")
        token = f"xoxp-{len(self._tokens)}"
        self._tokens[token] = code
        return web.json_response(
            {"ok": True, "access_token": token, "token_type": "Bearer", "id_token": self._jwt(code)}
        )

    def _jwt(self, code: Code) -> str:
        at = int(self.now().timestamp())
        claims = {
            "iss": "https://slack.com", "sub": code.account, "aud": CLIENT_ID, "exp": at + 300, "iat": at, "auth_time": at,
            "nonce": code.nonce, "at_hash": "x", "https://slack.com/team_id": code.team,
            "https://slack.com/user_id": code.account,
        }  # fmt: skip
        return ".".join([_part({"alg": "RS256", "typ": "JWT"}), _part({**claims, **self.claims}), "c2ln"])

    async def _user_info(self, request: web.Request) -> web.Response:
        code = self._tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if code is None:
            return _no("invalid_auth")
        said = {"sub": code.account, "https://slack.com/user_id": code.account, "https://slack.com/team_id": code.team}
        return web.json_response({"ok": True, **said, **self.info})


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _no(error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error})
