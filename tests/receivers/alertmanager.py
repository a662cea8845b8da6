"""Whatever takes Alertmanager's webhook, version 4: it relies on all that a real Alertmanager sends.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.receivers.receiver import Receiver, instant, texts, unknown_keys

KEYS = (
    "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels", "commonAnnotations",
    "externalURL", "alerts",
)  # fmt: skip
ALERT_KEYS = ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint")
NEWER = ("notification_reason", "routeLabels")
UNSET = "0001-01-01T00:00:00Z"


def fnv(labels: Mapping[str, str]) -> str:
    """Alertmanager's fingerprint, byte by byte."""
    value = 0xCBF29CE484222325
    for name, label in sorted(labels.items()):
        for byte in name.encode() + b"\xff" + label.encode() + b"\xff":
            value = ((value ^ byte) * 0x100000001B3) % 2**64
    return f"{value:016x}"


class AlertmanagerReceiver(Receiver):
    def __init__(self, token: str = "", *, is_cut: bool = False) -> None:
        super().__init__()
        self.token = token
        self.is_cut = is_cut
        """Labels may have been cut: then they do not make up the fingerprint."""

    def judge(self, request: web.Request, body: dict[str, Any]) -> tuple[int, list[str]]:
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, ["not authorized"]
        problems = unknown_keys(body, *KEYS, *NEWER) + [f"{key} is missing" for key in KEYS if key not in body]
        if problems:
            return 400, problems
        problems = self._group(body)
        for number, alert in enumerate(body["alerts"]):
            problems += [f"alerts[{number}]: {problem}" for problem in self._alert(alert, body)]
        if problems:
            return 400, problems
        self.tell("resolve" if body["status"] == "resolved" else "trigger", body["groupKey"], body)
        return 200, []

    @staticmethod
    def _group(body: dict[str, Any]) -> list[str]:
        problems = [] if body["version"] == "4" else ["version is not 4"]
        problems += [
            f"{key} is no text" for key in ("groupKey", "receiver") if not isinstance(body[key], str) or not body[key]
        ]
        if not isinstance(body["externalURL"], str):
            problems.append("externalURL is no text")
        if not isinstance(body["truncatedAlerts"], int) or body["truncatedAlerts"] < 0:
            problems.append("truncatedAlerts is no count")
        problems += [
            f"{key} is no map of texts"
            for key in ("groupLabels", "commonLabels", "commonAnnotations")
            if not texts(body[key])
        ]
        if not isinstance(body["alerts"], list) or not body["alerts"]:
            return [*problems, "no alerts"]
        statuses = {alert.get("status") for alert in body["alerts"]}
        if body["status"] != ("firing" if "firing" in statuses else "resolved"):
            problems.append("the group's status is not its alerts'")
        if not problems and not body["groupLabels"].items() <= body["commonLabels"].items():
            problems.append("groupLabels that are not common")
        return problems

    def _alert(self, alert: dict[str, Any], body: dict[str, Any]) -> list[str]:
        problems = unknown_keys(alert, *ALERT_KEYS) + [f"{key} is missing" for key in ALERT_KEYS if key not in alert]
        if problems:
            return problems
        if alert["status"] not in {"firing", "resolved"}:
            problems.append("status")
        if not texts(alert["labels"]) or not alert["labels"].get("alertname"):
            return [*problems, "labels"]
        if not texts(alert["annotations"]):
            problems.append("annotations")
        if not body["commonLabels"].items() <= alert["labels"].items():
            problems.append("commonLabels that it does not have")
        if not body["commonAnnotations"].items() <= alert["annotations"].items():
            problems.append("commonAnnotations that it does not have")
        if alert["fingerprint"] != fnv(alert["labels"]) and not self.is_cut:
            problems.append("fingerprint")
        starts, ends = instant(alert["startsAt"]), instant(alert["endsAt"])
        if starts is None or ends is None:
            return [*problems, "times"]
        if (alert["status"] == "firing") != (alert["endsAt"] == UNSET):
            problems.append("endsAt")
        if alert["status"] == "resolved" and ends < starts:
            problems.append("it ends before it starts")
        if alert["generatorURL"] and not alert["generatorURL"].startswith(("http://", "https://")):
            problems.append("generatorURL")
        return problems
