"""What `check` and `route` print, word for word."""

import json

from adapters import ADAPTERS
from rules import check, explain
from rules.load import Source
from rules.oncall import Person
from tests.rules.reading import HEAD, ROUTING, accepted, at, rules

FILE = (
    HEAD
    + """timezone: Europe/Berlin
routing:
  channel: "#a"
  routes:
    - name: p
      match: ['team = pay']
      quiet: [nights]
      routes:
        - {name: q, match: ['alert.severity = critical'], page: pay, template: {title: T}, severity: high}
    - {name: r, match: ['team = web'], page: {policy: bob, only: [office]}, group_by: [], channel: none, repeat_interval: none}
    - {name: s, match: ['team = gone'], page: gap, group_by: ['...'], template: {title: T, text: U}}
windows: {nights: {hours: 22:00-06:00}, office: {days: [mon-fri], hours: 09:00-18:00}, past: {dates: [2020-01-01]}}
people: {alice: {email: alice@example.com}, bob: {email: bob@example.com}}
oncall:
  pay:
    rotation: {people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02}
    overrides: [{person: bob, from: 2026-11-30T12:00, until: 2026-12-01}]
  gap: {rotation: {people: [bob], every: 1d, handoff: 09:00, starts: 2026-11-02, until: 2026-11-10}}
escalation: {pay: {steps: [{oncall: pay}, {after: 10m, person: bob}]}}
maintenance: [{name: works, match: ['team = pay'], from: 2026-11-20T20:00, until: 2026-11-20T23:00, reason: CHG-1}]
inhibit: [{name: down, while: ['alert.name = Down'], hold: ['team = pay']}]
"""
)
NOW = at("2026-11-21T12:00+01:00")


def checked(text: str) -> check.Checked:
    return check.check([Source("c.yaml", text)], adapters=ADAPTERS, at=NOW)


CHECKED = """\
warning: c.yaml:12:1: route p/q: p/q pages and inherits quiet: [nights]: nobody is woken 22:00–06:00; expected quiet: none where somebody must be woken
warning: c.yaml:13:1: route r: r pages but tells no channel (channel: none); expected a channel where the incident can be seen
warning: c.yaml:22:27: escalation.pay: pay: the first step is carried out; its second step: not yet

Whom pages reach
  pay is a policy: p/q
  bob is a person: r
  gap is a schedule: s

Next hand-overs (4 of each schedule)
  pay: Mon 2026-11-23 09:00 CET bob
  pay: Mon 2026-11-30 09:00 CET alice
  pay: Mon 2026-11-30 12:00 CET bob (override)
  pay: Tue 2026-12-01 00:00 CET alice

Nobody is on call (within 14 days, 4 of each schedule)
  gap: Sat 2026-11-21 12:00 CET with no end in sight

Next changes (5 of each window)
  nights: Sat 2026-11-21 22:00 CET begins
  nights: Sun 2026-11-22 06:00 CET ends
  nights: Sun 2026-11-22 22:00 CET begins
  nights: Mon 2026-11-23 06:00 CET ends
  nights: Mon 2026-11-23 22:00 CET begins
  office: Mon 2026-11-23 09:00 CET begins
  office: Mon 2026-11-23 18:00 CET ends
  office: Tue 2026-11-24 09:00 CET begins
  office: Tue 2026-11-24 18:00 CET ends
  office: Wed 2026-11-25 09:00 CET begins

Well: 5 routes, 3 warnings.
"""


def test_a_file_that_can_be_loaded() -> None:
    found = checked(FILE)
    assert found.exit_code == 0
    assert check.render_text(found) == CHECKED


def test_a_gap_ahead_is_printed() -> None:
    found = check.check([Source("c.yaml", FILE)], adapters=ADAPTERS, at=at("2026-11-09T12:00+01:00"))
    assert "  gap: Tue 2026-11-10 09:00 CET nobody\n" in check.render_text(found)


def test_layers_say_their_names_and_their_gaps() -> None:
    layers = (
        "oncall: {pay: {layers: [{name: nights, hours: 18:00-09:00, rotation: {people: [a], every: 1d, handoff: 18:00, "
        "starts: 2026-11-02}}, {name: days, hours: 10:00-18:00, rotation: {people: [b], every: 1d, handoff: 10:00, "
        "starts: 2026-11-02}}]}}\npeople: {a: {slack: U0123ABCD}, b: {slack: U0123ABCE}}\n"
    )
    found = checked(HEAD + "routing: {channel: '#a', page: pay}\n" + layers)
    assert check.render_text(found) == (
        "warning: c.yaml:5:24: oncall.pay.layers: pay: nobody is on call 09:00–10:00: no layer covers these hours; "
        "expected a layer for them, or a last one without hours\n\n"
        "Whom pages reach\n  pay is a schedule: default\n\n"
        "Next hand-overs (4 of each schedule)\n"
        "  pay: Sat 2026-11-21 18:00 UTC a (nights)\n"
        "  pay: Sun 2026-11-22 09:00 UTC nobody\n"
        "  pay: Sun 2026-11-22 10:00 UTC b (days)\n"
        "  pay: Sun 2026-11-22 18:00 UTC a (nights)\n\n"
        "Nobody is on call (within 14 days, 4 of each schedule)\n"
        "  pay: Sun 2026-11-22 09:00 UTC until Sun 2026-11-22 10:00 UTC\n"
        "  pay: Mon 2026-11-23 09:00 UTC until Mon 2026-11-23 10:00 UTC\n"
        "  pay: Tue 2026-11-24 09:00 UTC until Tue 2026-11-24 10:00 UTC\n"
        "  pay: Wed 2026-11-25 09:00 UTC until Wed 2026-11-25 10:00 UTC\n\n"
        "Well: 1 route, 1 warning.\n"
    )


def test_a_file_with_mistakes() -> None:
    found = checked(HEAD + "routing: {chxnnel: '#a'}\n")
    assert found.exit_code == 1
    assert check.render_text(found) == (
        "error: c.yaml:4:10: routing: channel is missing; "
        'expected channel: a channel such as "#alerts", a list of them, or none\n'
        "error: c.yaml:4:11: routing.chxnnel: unknown key 'chxnnel'; expected one of channel, also, group_by, group_wait, "
        "group_interval, repeat_interval, reopen_within, severity, template, tell, quiet, only, page, routes "
        "(did you mean channel?)\n\n2 errors, 0 warnings\n"
    )
    one = checked("")
    assert check.render_text(one).endswith("\n1 error, 0 warnings\n")


def test_a_small_file() -> None:
    assert check.render_text(checked(HEAD + ROUTING)) == "Well: 1 route, 0 warnings.\n"


def test_json() -> None:
    found = json.loads(check.to_json(checked(FILE)))
    assert found["ok"] is True
    assert found["hand_overs"][0] == {
        "schedule": "pay",
        "at": "2026-11-23T09:00:00+01:00",
        "person": "bob",
        "is_override": False,
        "layer": "",
    }
    assert found["pages"][0] == {"target": "pay", "kind": "policy", "routes": ["p/q"]}
    broken = json.loads(check.to_json(checked("")))
    assert (broken["ok"], broken["errors"][0]["line"]) == (False, 1)


EXPLAINED = """\
route p/q
  c.yaml:6  default  all
  c.yaml:8  p  {team="pay"}
  c.yaml:12  p/q  {alert.severity="critical"}
  group: alert.name=Down
  channel          #a  (default, line 6)
  also             none  (default)
  group_by         [alert.name, alert.source]  (default)
  group_wait       10s, 0s when critical  (default)
  group_interval   5m  (default)
  repeat_interval  4h  (default)
  reopen_within    10m  (default)
  severity         high  (p/q, line 12)
  template         T  (p/q, line 12)
  tell             new_alerts thread, worse channel, some_resolved thread, resolved thread, reopened channel, repeat channel  (default)
  quiet            [nights]  (p, line 10)
  only             none  (default)
  page             pay (a policy)  (p/q, line 12)
  held back: quiet nights until Sat 06:00 (quiet during nights)
  held back: maintenance works until Fri 23:00 (CHG-1)
  pages alice: on call for pay until Mon 09:00; then bob in 10 min (not yet)
held back while another alert matches: down
while it fires it holds back others: down
"""


def said(when: str, **labels: str) -> str:
    text = FILE.removeprefix(HEAD)
    # The same lines as in the file, so that the numbers in the expectation can be looked up there.
    found = rules(text)
    explanation = explain.explain_route(found, labels, at(when))
    return explain.render_text(explanation, "Europe/Berlin")


def test_the_way_of_an_alert() -> None:
    assert (
        said("2026-11-20T22:30+01:00", alertname="Down", team="pay", severity="critical").replace(
            ":5  default", ":6  default"
        )
        == EXPLAINED
    )


def test_other_forms() -> None:
    text = said("2026-11-21T12:00+01:00", team="web", alertname="X")
    assert "  group: one for all\n" in text
    assert "  channel          none  (r, line 13)\n" in text
    assert "  group_by         []  (r, line 13)\n" in text
    assert "  repeat_interval  none  (r, line 13)\n" in text
    assert "  page             bob (a person, only office)  (r, line 13)\n" in text
    assert text.endswith(
        "  pages bob: named in the rules; waits: only office until Mon 09:00 (told only during office)\n"
    )
    text = said("2026-11-21T12:00+01:00", team="gone", a="b")
    assert "  group: a=b, team=gone\n" in text
    assert "  group_by         all labels  (s, line 14)\n" in text
    assert "  template         T / U  (s, line 14)\n" in text
    assert text.endswith("  pages nobody: nobody is on call for gap\n")
    text = said("2026-11-21T12:00+01:00")
    assert text.startswith("route default\n  c.yaml:6  default  all\n  group: one for all\n")
    assert text.endswith("  pages nobody: no page\n")


def test_two_owners_are_both_explained() -> None:
    found = rules('routing: {channel: "#a", routes: [{name: x, continue: true}, {name: y}]}\n')
    text = explain.render_text(explain.explain_route(found, {}, NOW), "UTC")
    assert text.count("\nroute y\n") == 1
    assert text.startswith("route x\n")


def test_computed_names_are_made_up_where_they_are_not_said() -> None:
    assert explain.completed({"alertname": "X", "severity": "warning", "empty": ""}) == {
        "alert.name": "X",
        "alert.severity": "medium",
        "alert.source": "",
        "alert.title": "X",
        "alertname": "X",
        "severity": "warning",
    }
    assert explain.completed({"alert.name": "Y", "severity": "low"})["alert.severity"] == "low"


def test_the_explanation_as_json() -> None:
    found = explain.explain_route(rules(FILE.removeprefix(HEAD)), {"team": "pay", "severity": "critical"}, NOW)
    taken = json.loads(explain.to_json(found))["owners"][0]
    assert taken["route_id"] == "p/q"
    assert [step["route_id"] for step in taken["path"]] == ["default", "p", "p/q"]
    assert found.owners[0].on_call is not None
    assert found.owners[0].on_call.persons == (Person("alice", "alice@example.com"),)


def test_what_an_alert_is_a_sign_of_life_of_is_explained() -> None:
    found = accepted(
        "version: 1\nslack: preview\n"
        "sources: {p: {adapter: prometheus, auth: none, heartbeat: {match: ['alertname = Watchdog'], every: 5m}}}\n"
        "heartbeats: {x: {match: ['job = x'], every: 1h, per: [host]}}\n" + ROUTING
    ).rules
    watchdog = {"alertname": "Watchdog", "alert.source": "p"}
    text = explain.render_text(explain.explain_route(found, watchdog, NOW), "UTC")
    assert text == "a sign of life of source p, which is told nobody\n"
    job = explain.explain_route(found, {"job": "x", "host": "a"}, NOW)
    assert explain.render_text(job, "UTC").endswith("\na sign of life of x (host=a)\n")
    assert json.loads(explain.to_json(job))["signs"] == ["x (host=a)"]
