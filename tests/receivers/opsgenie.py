"""Opsgenie's Alert API v2. https://docs.opsgenie.com/docs/alert-api"""

import re
from typing import Any, ClassVar
from urllib.parse import unquote

from aiohttp import web

from tests.receivers.receiver import Receiver, text, unknown_keys

API_KEY = "11111111-2222-3333-4444-555555555555"
_TAG = re.compile(r"<[A-Za-z/!?]")


class Opsgenie(Receiver):
    accepts: ClassVar[int] = 202
    refuses: ClassVar[int] = 422

    def __init__(self, api_key: str = API_KEY) -> None:
        super().__init__()
        self.api_key = api_key

    def judge(self, request: web.Request, body: dict[str, Any]) -> tuple[int, list[str]]:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "GenieKey" or not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key):
            return 422, ["Key format is not valid!"]
        if key != self.api_key:
            return 401, ["Could not authenticate"]
        if request.path_qs == "/v2/alerts":
            problems = self._create(body)
            if not problems:
                self.tell("trigger", body["alias"], body)
            return (422, problems) if problems else (202, [])
        # The path as it came over the wire: an alias that needs decoding twice is another alias.
        found = re.fullmatch(r"/v2/alerts/([^/?]+)/(close|acknowledge)\?identifierType=alias", request.raw_path)
        if found is None:
            return 404, [f"path {request.path_qs}"]
        problems = unknown_keys(body, "user", "source", "note") + self._texts(body, source=100, user=100, note=25_000)
        if problems:
            return 422, problems
        self.tell("resolve" if found[2] == "close" else "acknowledge", unquote(found[1]), body)
        return 202, []

    @staticmethod
    def _texts(body: dict[str, Any], **most: int) -> list[str]:
        problems = [problem for key, limit in most.items() for problem in text(body, key, limit)]
        return problems + [f"{key} opens a tag" for key in most if _TAG.search(str(body.get(key, "")))]

    def _create(self, body: dict[str, Any]) -> list[str]:
        problems = unknown_keys(
            body, "message", "alias", "description", "responders", "visibleTo", "actions", "tags", "details", "entity",
            "source", "priority", "user", "note",
        )  # fmt: skip
        problems += text(body, "message", 130, required=True) + text(body, "alias", 512, required=True)
        problems += ["message opens a tag"] if _TAG.search(str(body.get("message", ""))) else []
        problems += self._texts(body, description=15_000, entity=512, source=100)
        if body.get("priority", "P3") not in {"P1", "P2", "P3", "P4", "P5"}:
            problems.append("priority is invalid")
        tags, details = body.get("tags", []), body.get("details", {})
        if len(tags) > 20 or not all(
            isinstance(tag, str) and 0 < len(tag) <= 50 and not _TAG.search(tag) for tag in tags
        ):
            problems.append("tags are invalid")
        if not all(isinstance(one, str) and not _TAG.search(one) for pair in details.items() for one in pair):
            problems.append("details are no texts")
        elif sum(len(one) for pair in details.items() for one in pair) > 8_000:
            problems.append("details have more than 8000 characters")
        return problems

    def answer(self, problems: list[str]) -> dict[str, Any]:
        if problems:
            return {"message": "; ".join(problems), "took": 0.0, "requestId": "a574eb09-1d09-4967-8587-0a605349f891"}
        return {
            "result": "Request will be processed",
            "took": 0.302,
            "requestId": "a574eb09-1d09-4967-8587-0a605349f891",
        }
