"""PagerDuty's Events API v2. https://developer.pagerduty.com/docs/send-alert-event"""

from typing import Any, ClassVar

from aiohttp import web

from tests.receivers.receiver import Receiver, instant, text, unknown_keys

ROUTING_KEY = "0123456789abcdef0123456789ABCDEF"
LARGEST = 512_000


class PagerDuty(Receiver):
    accepts: ClassVar[int] = 202

    def __init__(self, routing_key: str = ROUTING_KEY) -> None:
        super().__init__()
        self.routing_key = routing_key

    def judge(self, request: web.Request, body: dict[str, Any]) -> tuple[int, list[str]]:
        if request.path_qs != "/v2/enqueue":
            return 404, [f"path {request.path_qs}"]
        if len(self.calls[-1].body) > LARGEST:
            return 413, ["more than 512 KB"]
        problems = unknown_keys(
            body, "routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"
        )
        key = body.get("routing_key")
        if not isinstance(key, str) or len(key) != 32:
            problems.append("Length of 'routing_key' is incorrect (should be 32 characters)")
        elif key != self.routing_key:
            problems.append("Invalid routing key")
        action = body.get("event_action")
        if action not in {"trigger", "acknowledge", "resolve"}:
            problems.append("'event_action' is invalid")
        # Documented as optional; without it every trigger is another incident, so for us it is not.
        problems += text(body, "dedup_key", 255, required=True)
        if action == "trigger":
            problems += self._trigger(body)
        if problems:
            return 400, problems
        self.tell(body["event_action"], body["dedup_key"], body)
        return 202, []

    def _trigger(self, body: dict[str, Any]) -> list[str]:
        payload = body.get("payload")
        if not isinstance(payload, dict):
            return ["'payload' is missing"]
        problems = unknown_keys(
            payload, "summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"
        )
        problems += text(payload, "summary", 1024, required=True) + text(payload, "source", 1024, required=True)
        for key in ("component", "group", "class"):
            problems += text(payload, key, 1024)
        if payload.get("severity") not in {"critical", "error", "warning", "info"}:
            problems.append("'payload.severity' is invalid")
        if "timestamp" in payload and instant(payload["timestamp"]) is None:
            problems.append("'payload.timestamp' is invalid")
        if not isinstance(payload.get("custom_details", {}), dict):
            problems.append("'payload.custom_details' is no object")
        for link in body.get("links", []):
            if not isinstance(link, dict) or not str(link.get("href", "")).startswith(("http://", "https://")):
                problems.append("'links' is invalid")
            elif set(link) - {"href", "text"}:
                problems.append("'links' has other keys")
        problems += text(body, "client", 1024) + text(body, "client_url", 2048)
        return problems

    def answer(self, problems: list[str]) -> dict[str, Any]:
        if problems:
            return {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
        return {"status": "success", "message": "Event processed", "dedup_key": "…"}
