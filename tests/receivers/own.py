"""A receiver of our own JSON, version 1, as docs/webhooks.md describes it: every key, its type, and no other."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from aiohttp import web

from tests.receivers.receiver import Receiver

Severity = Literal["critical", "high", "medium", "low", "info"]


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


class OwnIncident(_Strict):
    number: int
    state: Literal["triggered", "resolved"]
    severity: Severity
    headline: str
    title: str
    name: str
    description: str
    route: str
    sources: list[str]
    firing: int
    ended: int
    started_at: datetime
    ended_at: datetime | None
    ended_how: Literal["told", "expired", "missing", "presumed", "moved"] | None
    phase: Literal["open", "acknowledged", "snoozed", "closed"]
    phase_by: str
    on_call: list[str]
    url: str


class OwnAlert(_Strict):
    title: str
    severity: Severity
    started_at: datetime
    labels: dict[str, str]
    url: str


class OwnLink(_Strict):
    label: str
    url: str


class OwnBody(_Strict):
    version: Literal[1]
    action: Literal["trigger", "acknowledge", "resolve"]
    key: str
    instance: str
    webhook: str
    incident: OwnIncident
    labels: dict[str, str]
    group_labels: dict[str, str]
    annotations: dict[str, str]
    links: list[OwnLink]
    alerts: list[OwnAlert]
    alerts_left_out: int


class OwnReceiver(Receiver):
    def __init__(self, headers: dict[str, str] | None = None) -> None:
        super().__init__()
        self.headers = headers or {}
        """What must be sent along."""

    def judge(self, request: web.Request, body: dict[str, Any]) -> tuple[int, list[str]]:
        if any(request.headers.get(name) != value for name, value in self.headers.items()):
            return 403, ["headers"]
        try:
            found = msgspec.convert(body, OwnBody)
        except msgspec.ValidationError as error:
            return 400, [str(error)]
        problems = []
        if found.key != f"{found.instance}/{found.incident.number}":
            problems.append("the key is not the incident's")
        if (found.incident.ended_at is None) != (found.incident.state == "triggered"):
            problems.append("ended_at")
        if problems:
            return 400, problems
        self.tell(found.action, found.key, body)
        return 200, []
