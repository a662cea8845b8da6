"""The fake Slack's response_urls: five uses in thirty minutes, and what is posted there lands where Slack puts it."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web

from tests.slackworld.blocks import content_error
from tests.slackworld.state import Content, Json, Message, Whisper

LASTS = timedelta(minutes=30)
USES = 5


@dataclass
class Hook:
    made_at: datetime
    channel: str
    person: str
    """Ids, both."""
    ts: str
    """Of the message that was clicked; "" of a command."""
    uses: int = 0


@dataclass
class Hooks:
    now: Callable[[], datetime]
    find: Callable[[str, str], Message | None]
    """(channel, ts) → the message."""
    post: Callable[[str, str, str, list[Json]], None]
    """(channel, thread_ts, text, blocks): everybody sees it."""
    base: str = ""
    """http://127.0.0.1:port"""
    whispers: list[Whisper] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _known: dict[str, Hook] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/hooks/{kind}/{number}", self._serve)]

    def address(self, kind: str, channel: str, person: str, ts: str) -> str:
        """A new one, as a payload names it."""
        path = f"/hooks/{kind}/{next(self._numbers)}"
        self._known[path] = Hook(self.now(), channel, person, ts)
        return self.base + path

    async def _serve(self, request: web.Request) -> web.Response:
        error = self._taken(request.path, await request.read())
        if error:
            self.refused.append(error)
            return web.json_response({"ok": False, "error": error}, status=404)
        return web.Response(text="ok")

    def _taken(self, path: str, text: bytes) -> str:
        hook = self._known.get(path)
        if hook is None:
            return "no_such_hook"
        if self.now() - hook.made_at > LASTS:
            return "expired_url"
        if hook.uses >= USES:
            return "used_url"
        hook.uses += 1
        body: Json = json.loads(text)
        blocks = body.get("blocks", [])
        if found := content_error(blocks, []):
            return found[0]
        original = self.find(hook.channel, hook.ts) if hook.ts else None
        if body.get("delete_original"):
            if original is None:
                return "message_not_found"
            original.is_deleted = True
            return ""
        if not body.get("text") and not blocks:
            return "no_text"
        # As Slack does: without a word about it the message that was clicked is replaced.
        if original is not None and body.get("replace_original", True):
            now = original.now
            original.versions.append(Content(self.now(), body.get("text", ""), blocks, [], now.metadata))
        elif body.get("response_type", "ephemeral") == "in_channel":
            self.post(hook.channel, body.get("thread_ts", ""), body.get("text", ""), blocks)
        else:
            self.whispers.append(
                Whisper(self.now(), hook.person, hook.channel, body.get("text", ""), blocks, body.get("thread_ts", ""))
            )
        return ""
