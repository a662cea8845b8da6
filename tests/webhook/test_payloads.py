"""What receivers of each format are sent: every field that matters, every limit, and nothing that a sender wrote as markup."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import ADAPTERS
from adapters.adapter import Payload, SourceOptions
from adapters.alert import Severity, Status
from adapters.text import clean as cleaned
from router.core.view import AlertLine, EndKind, IncidentView, MessageTemplate, Phase, Response, State
from router.notifiers.webhook.endpoint import Endpoint
from router.notifiers.webhook.payloads import LARGEST_BYTES, Action, Request, incident_key, request
from rules.model.webhook import Format
from tests.core.incidents import BEGAN, OPEN, OVER, but
from tests.receivers import AlertmanagerReceiver, Call, Receiver
from tests.receivers.pagerduty import ROUTING_KEY
from tests.webhook.endpoints import EXTERNAL_URL, endpoint, receiver

LONGEST = "n" * 100
"""The longest name that an instance may have."""


def made(
    kind: Format,
    view: IncidentView,
    action: Action = Action.TRIGGER,
    *,
    instance: str = "prod",
    external_url: str = EXTERNAL_URL,
    is_plain: bool = False,
) -> Request:
    found = request(
        endpoint(kind, "https://there.example"),
        view,
        action,
        instance=instance,
        external_url=external_url,
        is_plain=is_plain,
    )
    assert found is not None
    return found


def body(kind: Format, view: IncidentView, action: Action = Action.TRIGGER, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(made(kind, view, action, **more).body)
    return found


def judged(there: Receiver, sent: Request) -> list[str]:
    """What a strict receiver finds wrong, without a socket between."""
    there.calls.append(Call("", {}, sent.body))
    path = sent.url.removeprefix("https://there.example")
    _, problems = there.judge(
        make_mocked_request("POST", path, headers=dict(sent.headers)), msgspec.json.decode(sent.body)
    )
    return problems


def test_pagerduty_is_told_a_new_incident() -> None:
    sent = made(
        Format.PAGERDUTY,
        but(
            OPEN,
            links=(
                ("runbook", "https://wiki/x?a=1&b=2"),
                ("source", "javascript:x"),
                ("odd", "http://[::1"),
                ("long", "https://x/" + "a" * 2_000),
                ("two", "https://x/\n"),
            ),
        ),
    )
    assert sent.url == "https://there.example/v2/enqueue"
    assert sent.headers == {"Content-Type": "application/json; charset=utf-8"}
    assert msgspec.json.decode(sent.body) == {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": "prod/1234",
        "payload": {
            "summary": "#1234 InstanceDown ×3 · team payments, cluster eu-1",
            "source": "prometheus",
            "severity": "critical",
            "timestamp": "2026-11-21T02:14:00.000Z",
            "group": "payments/p1",
            "class": "InstanceDown",
            "custom_details": {
                "incident": "prod/1234",
                "severity": "critical",
                "route": "payments/p1",
                "sources": "prometheus",
                "firing": 3,
                "description": "web-1 does not answer",
                "labels": {"alertname": "InstanceDown", "team": "payments", "cluster": "eu-1"},
                "alerts": ["InstanceDown instance=web-1", "InstanceDown instance=web-2", "and 1 more"],
                "on call here": "Maria",
            },
        },
        "links": [
            {"href": "https://alerts.example/incidents/1234", "text": "incident"},
            {"href": "https://wiki/x?a=1&b=2", "text": "runbook"},
        ],
        "client": "alert-router prod",
        "client_url": "https://alerts.example/incidents/1234",
    }


@pytest.mark.parametrize("action", [Action.ACKNOWLEDGE, Action.RESOLVE])
def test_pagerduty_needs_no_more_than_the_key_afterwards(action: Action) -> None:
    assert body(Format.PAGERDUTY, OVER, action) == {
        "routing_key": ROUTING_KEY,
        "event_action": action.value,
        "dedup_key": "prod/1234",
    }


@pytest.mark.parametrize(
    ("severity", "pagerduty", "opsgenie"),
    [
        (Severity.CRITICAL, "critical", "P1"),
        (Severity.HIGH, "error", "P2"),
        (Severity.MEDIUM, "warning", "P3"),
        (Severity.LOW, "info", "P4"),
        (Severity.INFO, "info", "P5"),
    ],
)
def test_severities_on_the_vendors_scales(severity: Severity, pagerduty: str, opsgenie: str) -> None:
    view = but(OPEN, severity=severity)
    assert body(Format.PAGERDUTY, view)["payload"]["severity"] == pagerduty
    assert body(Format.OPSGENIE, view)["priority"] == opsgenie


def test_pagerduty_is_told_where() -> None:
    one = but(OPEN, firing=1, alerts=OPEN.alerts[:1], common_labels={"service": "checkout"})
    assert body(Format.PAGERDUTY, one)["payload"]["source"] == "web-1"
    assert body(Format.PAGERDUTY, one)["payload"]["component"] == "checkout"
    common = but(OPEN, common_labels={"service": "checkout"})
    assert body(Format.PAGERDUTY, common)["payload"]["source"] == "checkout"
    nothing = but(OPEN, common_labels={}, sources=())
    assert body(Format.PAGERDUTY, nothing)["payload"]["source"] == "prod"


def test_opsgenie_is_told_a_new_incident() -> None:
    sent = made(Format.OPSGENIE, OPEN)
    assert sent.url == "https://there.example/v2/alerts"
    assert sent.headers["Authorization"].startswith("GenieKey ")
    assert msgspec.json.decode(sent.body) == {
        "message": "#1234 InstanceDown ×3 · team payments, cluster eu-1",
        "alias": "prod:1234",
        "description": (
            "incident: https://alerts.example/incidents/1234\n\n"
            "• InstanceDown instance=web-1\n• InstanceDown instance=web-2\nand 1 more\n\nweb-1 does not answer"
        ),
        "entity": "prometheus",
        "source": "alert-router prod",
        "priority": "P1",
        "tags": ["alert-router", "critical", "payments"],
        "details": {
            "incident": "prod/1234",
            "route": "payments/p1",
            "firing": "3",
            "alertname": "InstanceDown",
            "team": "payments",
            "cluster": "eu-1",
        },
    }


def test_opsgenie_closes_by_its_alias_and_says_how_it_ended() -> None:
    sent = made(Format.OPSGENIE, OVER, Action.RESOLVE, instance="eu west%2F")
    assert sent.url == "https://there.example/v2/alerts/eu%20west%252F%3A1234/close?identifierType=alias"
    assert msgspec.json.decode(sent.body) == {
        "source": "alert-router eu west%2F",
        "note": "Resolved — payments, eu-1 · 3 alerts · 14 min",
    }
    presumed = but(OVER, ended_how=EndKind.PRESUMED, unheard_for=timedelta(hours=26))
    assert (
        body(Format.OPSGENIE, presumed, Action.RESOLVE)["note"]
        == "Over — payments, eu-1 · 3 alerts: no word for 26 h, presumed over"
    )
    in_hand = msgspec.structs.replace(OPEN, response=Response(Phase.ACKNOWLEDGED, by="<b>maria"))
    acknowledged = made(Format.OPSGENIE, in_hand, Action.ACKNOWLEDGE)
    assert acknowledged.url == "https://there.example/v2/alerts/prod%3A1234/acknowledge?identifierType=alias"
    assert msgspec.json.decode(acknowledged.body) == {
        "source": "alert-router prod",
        "note": "acknowledged by ‹b>maria",
    }


@pytest.mark.parametrize(
    ("kind", "url", "trigger", "resolve"),
    [
        (Format.PAGERDUTY, "https://events.eu.pagerduty.com", "/v2/enqueue", "/v2/enqueue"),
        (Format.PAGERDUTY, "https://e.example/x-ere/R1/", "/x-ere/R1", "/x-ere/R1"),
        (
            Format.OPSGENIE,
            "https://api.eu.opsgenie.com/",
            "/v2/alerts",
            "/v2/alerts/prod%3A1234/close?identifierType=alias",
        ),
        (
            Format.OPSGENIE,
            "https://proxy.example/genie/v2/alerts?k=1",
            "/genie/v2/alerts?k=1",
            "/genie/v2/alerts/prod%3A1234/close?k=1&identifierType=alias",
        ),
        (Format.JSON, "https://t.example/in/?k=1", "/in/?k=1", "/in/?k=1"),
        (Format.ALERTMANAGER, "https://t.example", "", ""),
    ],
)
def test_an_address_without_a_path_gets_the_vendors(kind: Format, url: str, trigger: str, resolve: str) -> None:
    where = Endpoint("x", kind, url, "k")
    found = [
        request(where, view, action, instance="prod")
        for view, action in ((OPEN, Action.TRIGGER), (OVER, Action.RESOLVE))
    ]
    host = url.split("/")[2]
    assert [one.url.removeprefix(f"https://{host}") for one in found if one] == [trigger, resolve]


def test_alertmanagers_receivers_are_told_what_alertmanager_would_say() -> None:
    view = but(OPEN, annotations={"runbook_url": "https://wiki/x"})
    found = body(Format.ALERTMANAGER, view)
    first, second = found.pop("alerts")
    assert found == {
        "version": "4",
        "groupKey": "prod/1234",
        "truncatedAlerts": 1,
        "status": "firing",
        "receiver": "relay",
        "groupLabels": {"alertname": "InstanceDown", "cluster": "eu-1"},
        "commonLabels": {"alertname": "InstanceDown", "team": "payments", "cluster": "eu-1"},
        "commonAnnotations": {},
        "externalURL": "https://alerts.example",
    }
    assert first == {
        "status": "firing",
        "labels": {"alertname": "InstanceDown", "team": "payments", "cluster": "eu-1", "instance": "web-1"},
        "annotations": {
            "summary": "InstanceDown",
            "description": "web-1 does not answer",
            "runbook_url": "https://wiki/x",
        },
        "startsAt": "2026-11-21T02:14:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": "e16e646fd1dff83a",
    }
    assert second["labels"]["instance"] == "web-2"
    assert second["annotations"] == {"summary": "InstanceDown"}


def test_alertmanagers_receivers_hear_the_end_and_know_no_acknowledgement() -> None:
    found = body(Format.ALERTMANAGER, OVER, Action.RESOLVE)
    assert (found["status"], found["truncatedAlerts"], found["groupKey"]) == ("resolved", 1, "prod/1234")
    assert [(one["status"], one["endsAt"]) for one in found["alerts"]] == [("resolved", "2026-11-21T02:28:00.000Z")] * 2
    where = endpoint(Format.ALERTMANAGER, "https://x.example")
    assert request(where, OPEN, Action.ACKNOWLEDGE, instance="prod") is None


def test_an_alert_without_alertname_gets_one() -> None:
    """Datadog, Grafana, a script: their labels are what they are."""
    view = but(
        OPEN,
        name="Disk full",
        common_labels={"env": "prod"},
        group_labels={"alert.name": "Disk full", "alert.source": "datadog", "env": "prod"},
    )
    found = body(Format.ALERTMANAGER, view)
    assert found["groupLabels"] == {"alertname": "Disk full", "env": "prod"}
    assert [one["labels"]["alertname"] for one in found["alerts"]] == ["Disk full", "Disk full"]
    several = body(Format.ALERTMANAGER, but(view, group_labels={"env": "prod"}))
    assert [one["labels"]["alertname"] for one in several["alerts"]] == ["Disk full", "InstanceDown"]
    assert several["groupLabels"] == {"env": "prod"}


def test_our_own_json() -> None:
    view = but(OPEN, annotations={"note": "a"}, links=(("runbook", "https://wiki/x"),))
    assert body(Format.JSON, view) == {
        "version": 1,
        "action": "trigger",
        "key": "prod/1234",
        "instance": "prod",
        "webhook": "tickets",
        "incident": {
            "number": 1234,
            "state": "triggered",
            "severity": "critical",
            "headline": "#1234 InstanceDown ×3 · team payments, cluster eu-1",
            "title": "InstanceDown",
            "name": "InstanceDown",
            "description": "web-1 does not answer",
            "route": "payments/p1",
            "sources": ["prometheus"],
            "firing": 3,
            "ended": 0,
            "started_at": "2026-11-21T02:14:00.000Z",
            "ended_at": None,
            "ended_how": None,
            "phase": "open",
            "phase_by": "",
            "on_call": ["Maria"],
            "url": "https://alerts.example/incidents/1234",
        },
        "labels": {"alertname": "InstanceDown", "team": "payments", "cluster": "eu-1"},
        "group_labels": {"alertname": "InstanceDown", "cluster": "eu-1"},
        "annotations": {"note": "a"},
        "links": [{"label": "runbook", "url": "https://wiki/x"}],
        "alerts": [
            {
                "title": "InstanceDown",
                "severity": severity,
                "started_at": "2026-11-21T02:14:00.000Z",
                "labels": {"alertname": "InstanceDown", "team": "payments", "cluster": "eu-1", "instance": instance},
                "url": "",
            }
            for instance, severity in (("web-1", "critical"), ("web-2", "high"))
        ],
        "alerts_left_out": 1,
    }
    over = body(Format.JSON, OVER, Action.RESOLVE)
    assert over["incident"]["ended_at"] == "2026-11-21T02:28:00.000Z"
    assert (over["incident"]["ended_how"], over["alerts_left_out"]) == ("told", 1)


def test_the_key_is_the_incident_and_the_same_in_every_request() -> None:
    assert incident_key("prod", 1234) == "prod/1234"
    for kind in Format:
        assert made(kind, OPEN) == made(kind, OPEN)
    assert {body(Format.PAGERDUTY, view, action)["dedup_key"] for view, action in _LIFE} == {"prod/1234"}
    assert {body(Format.JSON, view, action)["key"] for view, action in _LIFE} == {"prod/1234"}
    assert {body(Format.ALERTMANAGER, view, action)["groupKey"] for view, action in (_LIFE[0], _LIFE[-1])} == {
        "prod/1234"
    }
    assert {incident_key(instance, number) for instance in ("a", "b") for number in (1, 2)} == {
        "a/1",
        "a/2",
        "b/1",
        "b/2",
    }


_LIFE = (
    (OPEN, Action.TRIGGER),
    (but(OPEN, title="Other", severity=Severity.LOW), Action.TRIGGER),
    (OPEN, Action.ACKNOWLEDGE),
    (OVER, Action.RESOLVE),
)


def test_a_routes_own_words_are_plain_text() -> None:
    template = MessageTemplate(title="{{ labels.team }} is down", text="see {{ 'https://x.example/a' | link('here') }}")
    view = but(OPEN, template=template)
    assert body(Format.JSON, view)["incident"]["title"] == "payments is down"
    assert body(Format.PAGERDUTY, view)["payload"]["summary"].startswith("#1234 payments is down")
    assert body(Format.JSON, view)["incident"]["description"] == "see here (https://x.example/a)"
    broken = but(OPEN, template=MessageTemplate(title="{{ 1 / 0 }}", text="{{ nothing.here.at.all }}"))
    assert body(Format.JSON, broken)["incident"]["title"] == "InstanceDown"
    assert body(Format.JSON, broken)["incident"]["description"] == "web-1 does not answer"


def test_without_an_address_of_ours_there_are_no_links_to_it() -> None:
    assert "client_url" not in body(Format.PAGERDUTY, OPEN, external_url="")
    assert body(Format.PAGERDUTY, OPEN, external_url="")["links"] == []
    assert body(Format.JSON, OPEN, external_url="")["incident"]["url"] == ""


HUGE = but(
    OPEN,
    title="t" * 5_000,
    name="n" * 5_000,
    summary="s\n" * 500_000,
    firing=200_000,
    sources=tuple("s" * 200 for _ in range(50)),
    common_labels={f"l{number}" + "\x01" * 300: "\x01" * 5_000 for number in range(300)},
    group_labels={f"l{number}" + "\x01" * 300: "\x01" * 5_000 for number in range(300)},
    annotations={f"a{number}": "😀" * 5_000 for number in range(300)},
    links=tuple((f"l{number}" * 300, "https://x.example/" + "a" * 1_900) for number in range(30)),
    alerts=tuple(
        AlertLine(
            "t" * 5_000,
            Severity.HIGH,
            BEGAN,
            {f"d{number}": "v" * 5_000 for number in range(300)},
            "https://x/" + "u" * 9_000,
        )
        for _ in range(5)
    ),
    on_call=tuple("Maria" * 30 for _ in range(30)),
)


@pytest.mark.parametrize("kind", list(Format))
@pytest.mark.parametrize("is_plain", [False, True])
def test_every_limit_holds_whatever_is_told(kind: Format, is_plain: bool) -> None:
    there = receiver(kind)
    if isinstance(there, AlertmanagerReceiver):
        there.is_cut = True
    sent = made(kind, HUGE, instance=LONGEST, is_plain=is_plain)
    assert judged(there, sent) == []
    assert len(sent.body) <= LARGEST_BYTES
    assert len(there.incidents) == 1


@pytest.mark.parametrize("kind", list(Format))
def test_what_is_refused_as_a_whole_can_be_told_in_fewer_words(kind: Format) -> None:
    view = but(OPEN, summary="s" * 20_000, common_labels={f"l{number}": "v" * 500 for number in range(90)})
    whole, plain = made(kind, view), made(kind, view, is_plain=True)
    assert len(plain.body) < len(whole.body) / 2
    there = receiver(kind)
    if isinstance(there, AlertmanagerReceiver):
        there.is_cut = True
    assert judged(there, plain) == []


def test_the_longest_key_is_whole_everywhere() -> None:
    key = incident_key(LONGEST, 10**18)
    view = but(OPEN, number=10**18)
    assert body(Format.PAGERDUTY, view, instance=LONGEST)["dedup_key"] == key
    assert body(Format.OPSGENIE, view, instance=LONGEST)["alias"] == key.replace("/", ":")
    assert len(key) <= 255


NASTY = st.sampled_from(
    [
        "<b>x</b>", "<script>alert(1)</script>", "</div>", "<!--", "<a href='https://evil'>x</a>", "\u202e", "\x00",
        "\ud800", "\n\n", "](", "<@U1>", "a < b", '"', "\\", "{{ 7*7 }}", "&lt;img&gt;", "é" * 300, "",
    ]
)  # fmt: skip
TEXTS = st.lists(st.one_of(NASTY, st.text(max_size=20)), max_size=6).map("".join)
LABELS = st.dictionaries(TEXTS, TEXTS, max_size=6)
LINES = st.builds(
    AlertLine,
    title=TEXTS,
    severity=st.sampled_from(Severity),
    starts_at=st.just(BEGAN),
    differs=LABELS,
    url=st.sampled_from(["", "https://x.example/<b>", "https://x.example/\ud800"]),
)
VIEWS = st.builds(
    but,
    st.just(OPEN),
    number=st.integers(1, 10**12),
    severity=st.sampled_from(Severity),
    title=TEXTS,
    name=TEXTS,
    summary=TEXTS,
    firing=st.integers(1, 10**6),
    sources=st.lists(TEXTS, max_size=3).map(tuple),
    alerts=st.lists(LINES, min_size=1, max_size=5).map(tuple),
    common_labels=LABELS,
    group_labels=LABELS,
    annotations=LABELS,
    links=st.lists(st.tuples(TEXTS, TEXTS.map("https://h/".__add__)), max_size=4).map(tuple),
    on_call=st.lists(TEXTS, max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(VIEWS, st.sampled_from([Format.PAGERDUTY, Format.OPSGENIE, Format.JSON]), st.booleans())
def test_no_text_of_a_sender_is_refused_or_opens_a_tag(view: IncidentView, kind: Format, is_over: bool) -> None:
    """Opsgenie's receiver refuses every tag in what it shows."""
    there = receiver(kind)
    assert judged(there, made(kind, view)) == []
    over = but(view, state=State.RESOLVED, firing=0, ended=1, ended_at=BEGAN, ended_how=EndKind.TOLD)
    if is_over:
        assert judged(there, made(kind, over, Action.RESOLVE)) == []
        assert list(there.states.values()) == ["resolved"]


@settings(max_examples=60, deadline=None)
@given(VIEWS)
def test_alertmanagers_webhook_can_be_read_by_our_own_adapter(view: IncidentView) -> None:
    """Another router may be told by this one: what goes in comes out, and the same alert is the same alert there."""
    sent = made(Format.ALERTMANAGER, view)
    there = AlertmanagerReceiver()
    there.is_cut = "…" in sent.body.decode()
    assert judged(there, msgspec.structs.replace(sent, headers={})) == []
    parse = ADAPTERS["prometheus"].open(SourceOptions(name="p"))
    payload = Payload(body=sent.body, content_type="application/json", charset="utf-8", received_at=BEGAN)
    drafts = parse(payload)
    assert len(drafts) == len(view.alerts)
    for draft, raw in zip(drafts, msgspec.json.decode(sent.body)["alerts"], strict=True):
        alert = draft.alert()
        expected = {cleaned(name): cleaned(value) for name, value in raw["labels"].items()}
        assert (alert.status, alert.starts_at, alert.labels) == (Status.FIRING, BEGAN, expected)


def test_what_our_adapter_reads_of_an_incident_and_of_its_end() -> None:
    parse = ADAPTERS["prometheus"].open(SourceOptions(name="p"))
    found = []
    for view, action in ((OPEN, Action.TRIGGER), (OVER, Action.RESOLVE)):
        sent = made(Format.ALERTMANAGER, view, action)
        payload = Payload(body=sent.body, content_type="application/json", charset="utf-8", received_at=BEGAN)
        found.append([draft.alert() for draft in parse(payload)])
    firing, over = found
    assert [(one.title, one.labels["instance"], one.status) for one in firing] == [
        ("InstanceDown", "web-1", Status.FIRING),
        ("InstanceDown", "web-2", Status.FIRING),
    ]
    assert [(one.fingerprint, one.status) for one in over] == [(one.fingerprint, Status.RESOLVED) for one in firing]
    assert firing[0].description == "web-1 does not answer"
