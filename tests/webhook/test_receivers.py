"""The receivers are as strict as they should be: each good request with one fault is refused, for that fault."""

from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request

from router.notifiers.webhook.payloads import Action, request
from rules.model.webhook import Format
from tests.core.incidents import OPEN, OVER
from tests.receivers import Call
from tests.webhook.endpoints import EXTERNAL_URL, endpoint, receiver

HOST = "https://there.example"


def judged(
    kind: Format,
    path: tuple[str | int, ...],
    value: object,
    *,
    action: Action = Action.TRIGGER,
    headers: dict[str, str] | None = None,
) -> list[str]:
    """A good request with one thing changed; `...` takes it out."""
    view = OVER if action is Action.RESOLVE else OPEN
    made = request(endpoint(kind, HOST), view, action, instance="prod", external_url=EXTERNAL_URL)
    assert made is not None
    body = msgspec.json.decode(made.body)
    spot: Any = body
    for key in path[:-1]:
        spot = spot[key]
    if value is ...:
        del spot[path[-1]]
    elif path:
        spot[path[-1]] = value
    there = receiver(kind)
    there.calls.append(Call("", {}, made.body))
    _, problems = there.judge(
        make_mocked_request("POST", made.url.removeprefix(HOST), headers={**made.headers, **(headers or {})}), body
    )
    assert bool(problems) != bool(there.incidents or there.dropped)
    return problems


@pytest.mark.parametrize("kind", list(Format))
def test_what_is_right_is_taken(kind: Format) -> None:
    assert judged(kind, (), None) == []
    assert judged(kind, (), None, action=Action.RESOLVE) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("dedup_key",), ..., "dedup_key is missing"),
        (("dedup_key",), "k" * 256, "dedup_key is too long (maximum is 255 characters)"),
        (("routing_key",), "short", "Length of 'routing_key' is incorrect (should be 32 characters)"),
        (("routing_key",), "f" * 32, "Invalid routing key"),
        (("event_action",), "close", "'event_action' is invalid"),
        (("payload",), ..., "'payload' is missing"),
        (("payload", "summary"), ..., "summary is missing"),
        (("payload", "summary"), "s" * 1025, "summary is too long (maximum is 1024 characters)"),
        (("payload", "source"), "", "source is no text"),
        (("payload", "severity"), "high", "'payload.severity' is invalid"),
        (("payload", "timestamp"), "yesterday", "'payload.timestamp' is invalid"),
        (("payload", "custom_details"), "text", "'payload.custom_details' is no object"),
        (("payload", "colour"), "red", "unknown key 'colour'"),
        (("links",), [{"href": "javascript:x"}], "'links' is invalid"),
        (("priority",), "P1", "unknown key 'priority'"),
    ],
)
def test_pagerduty_refuses(path: tuple[str, ...], value: object, problem: str) -> None:
    assert judged(Format.PAGERDUTY, path, value) == [problem]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("message",), ..., "message is missing"),
        (("message",), "m" * 131, "message is too long (maximum is 130 characters)"),
        (("message",), "a <b>", "message opens a tag"),
        (("alias",), ..., "alias is missing"),
        (("alias",), "a" * 513, "alias is too long (maximum is 512 characters)"),
        (("description",), "d" * 15_001, "description is too long (maximum is 15000 characters)"),
        (("priority",), "critical", "priority is invalid"),
        (("tags",), ["t" * 51], "tags are invalid"),
        (("tags",), ["t"] * 21, "tags are invalid"),
        (("details",), {"a": 1}, "details are no texts"),
        (("details",), {"a": "x" * 8_000}, "details have more than 8000 characters"),
        (("severity",), "critical", "unknown key 'severity'"),
    ],
)
def test_opsgenie_refuses(path: tuple[str, ...], value: object, problem: str) -> None:
    assert judged(Format.OPSGENIE, path, value) == [problem]


def test_opsgenie_knows_its_own_kind_of_key_only() -> None:
    key = "11111111-2222-3333-4444-555555555555"
    assert judged(Format.OPSGENIE, (), None, headers={"Authorization": f"Bearer {key}"}) == ["Key format is not valid!"]
    assert judged(Format.OPSGENIE, (), None, headers={"Authorization": "GenieKey abc"}) == ["Key format is not valid!"]
    other = f"GenieKey 9{key[1:]}"
    assert judged(Format.OPSGENIE, (), None, headers={"Authorization": other}) == ["Could not authenticate"]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("version",), 4, "version is not 4"),
        (("groupKey",), ..., "groupKey is missing"),
        (("groupKey",), "", "groupKey is no text"),
        (("truncatedAlerts",), -1, "truncatedAlerts is no count"),
        (("status",), "resolved", "the group's status is not its alerts'"),
        (("groupLabels",), {"other": "x"}, "groupLabels that are not common"),
        (("commonLabels", "instance"), "web-1", "alerts[1]: commonLabels that it does not have"),
        (("alerts",), [], "no alerts"),
        (("alerts", 0, "fingerprint"), "0" * 16, "alerts[0]: fingerprint"),
        (("alerts", 0, "endsAt"), "2026-11-21T03:00:00Z", "alerts[0]: endsAt"),
        (("alerts", 0, "startsAt"), "today", "alerts[0]: times"),
        (("alerts", 0, "annotations"), {"a": ""}, "alerts[0]: annotations"),
        (("alerts", 0, "generatorURL"), "x", "alerts[0]: generatorURL"),
        (("alerts", 0, "value"), "1", "alerts[0]: unknown key 'value'"),
    ],
)
def test_alertmanagers_receiver_refuses(path: tuple[str | int, ...], value: object, problem: str) -> None:
    assert judged(Format.ALERTMANAGER, path, value) == [problem]


def test_so_does_it_without_its_token() -> None:
    assert judged(Format.ALERTMANAGER, (), None, headers={"Authorization": "Bearer other"}) == ["not authorized"]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("version",), 2, "Invalid enum value 2 - at `$.version`"),
        (("incident", "severity"), "error", "Invalid enum value 'error' - at `$.incident.severity`"),
        (("incident", "started_at"), "x", "Invalid RFC3339 encoded datetime - at `$.incident.started_at`"),
        (("incident", "ended_at"), "2026-11-21T03:00:00Z", "ended_at"),
        (("key",), "prod/1", "the key is not the incident's"),
        (("alerts_left_out",), ..., "Object missing required field `alerts_left_out`"),
        (("more",), 1, "Object contains unknown field `more`"),
    ],
)
def test_our_own_receiver_refuses(path: tuple[str, ...], value: object, problem: str) -> None:
    assert judged(Format.JSON, path, value) == [problem]


def test_so_does_it_without_its_headers() -> None:
    assert judged(Format.JSON, (), None, headers={"X-Team": "other"}) == ["headers"]
