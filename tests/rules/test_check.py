"""What `check` and `route` print, word for word."""

import json

from adapters import ADAPTERS
from rules.advice import check, explain
from rules.advice.lint_time import place_of
from rules.language.yaml import Position, read
from rules.loading.load import RulesText
from rules.model.oncall import Person
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
inhibit: [{name: down, while: ['alert.name = Down'], hold: ['team = pay'], equal: []}]
"""
)
NOW = at("2026-11-21T12:00+01:00")


def checked(text: str) -> check.Checked:
    return check.check([RulesText("c.yaml", text)], adapters=ADAPTERS, at=NOW)


CHECKED = """\
warning: c.yaml:12:1: route p/q: p/q pages and inherits quiet: [nights]: nobody is woken 22:00–06:00; expected quiet: none where somebody must be woken
warning: c.yaml:13:1: route r: r pages but tells no channel (channel: none); expected a channel where the incident can be seen
warning: c.yaml:15:94: windows.past: nothing uses the window past; expected past in quiet, only, not or except
warning: c.yaml:15:94: windows.past: past never holds, from now on and for years; expected days, hours or dates that come and go

Whom pages reach
  pay is a policy: p/q
  bob is a person: r
  gap is a schedule: s

If a page came now and nobody acknowledged it
  pay
    Sat 12:00  alice: on call for pay until Mon 09:00 CET
    Sat 12:10  bob: named in the rules

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

Over, and can be taken out
  maintenance works: since Fri 2026-11-20 23:00

Well: 5 routes, 4 warnings.
"""


def test_a_file_that_can_be_loaded() -> None:
    found = checked(FILE)
    assert found.is_well()
    assert not found.is_well(strict=True), "there are warnings"
    assert check.render_text(found) == CHECKED


def test_a_gap_ahead_is_printed() -> None:
    found = check.check([RulesText("c.yaml", FILE)], adapters=ADAPTERS, at=at("2026-11-09T12:00+01:00"))
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
    assert not found.is_well()
    assert check.render_text(found) == (
        "error: c.yaml:4:10: routing: channel is missing; "
        'expected channel: a channel such as "#alerts", a list of them, or none\n'
        "error: c.yaml:4:11: routing.chxnnel: unknown key 'chxnnel'; expected one of channel, also, group_by, group_wait, "
        "group_interval, repeat_interval, reopen_within, acknowledge_within, reopen_closed_after, sla, resolve_note, severity, template, tell, "
        "quiet, only, page, actions, private, routes "
        "(did you mean channel?)\n\n2 errors, 0 warnings\n"
    )
    one = checked("")
    assert check.render_text(one).endswith("\n1 error, 0 warnings\n")


def test_a_small_file() -> None:
    assert check.render_text(checked(HEAD + ROUTING)) == "Well: 1 route, 0 warnings.\n"


def test_what_changes_against_what_is_in_force() -> None:
    before = accepted(FILE.replace("people: [alice, bob], every: 1w", "people: [bob, alice], every: 1w"))
    found = check.check([RulesText("c.yaml", FILE)], adapters=ADAPTERS, at=NOW, before=before)
    assert (
        "\nWhat it changes\n"
        "  schedule pay changed: rotations.people: [bob, alice] → [alice, bob]\n"
        "  pay: Sat 2026-11-21 12:00 – Mon 2026-11-23 09:00: bob → alice\n"
        "  pay: Mon 2026-11-23 09:00 – Mon 2026-11-30 09:00: alice → bob\n"
        "  pay: Mon 2026-11-30 09:00 – Mon 2026-11-30 12:00: bob → alice\n"
        "  pay: Tue 2026-12-01 00:00 – Sat 2026-12-05 12:00: bob → alice\n\nWell: "
    ) in check.render_text(found)
    same = check.check([RulesText("c.yaml", FILE)], adapters=ADAPTERS, at=NOW, before=accepted(FILE))
    assert "\nWhat it changes\n  nothing\n" in check.render_text(same)
    assert "What it changes" not in check.render_text(checked(FILE))


def test_what_is_over_is_listed_apart() -> None:
    text = FILE.replace("from: 2026-11-30T12:00, until: 2026-12-01}", "from: 2026-11-01T12:00, until: 2026-11-02}")
    assert (
        "\nOver, and can be taken out\n"
        "  maintenance works: since Fri 2026-11-20 23:00\n"
        "  override of bob in pay: since Mon 2026-11-02 00:00\n\nWell: "
    ) in check.render_text(checked(text))


def test_a_policy_as_of_now() -> None:
    text = (
        HEAD
        + "routing: {channel: '#a', page: p}\npeople: {a: {slack: U0123ABCD}}\n"
        + "oncall: {late: {rotation: {people: [a], every: 1d, handoff: 09:00, starts: 2027-01-01}}}\n"
        + "escalation: {p: {steps: [{oncall: late}, {after: 5m, group: S0123ABCD}], repeat: 1, every: 10m}}\n"
    )
    assert (
        "If a page came now and nobody acknowledged it\n"
        "  p\n"
        "    Sat 11:00  nobody on call for late\n"
        "    Sat 11:00  group S0123ABCD: named in the rules\n"
        "    and 1 further round, one every 10m\n"
    ) in check.render_text(checked(text))


def test_a_window_of_a_team_is_found_in_its_file() -> None:
    nodes = tuple(
        (name, read(text)[0])
        for name, text in (
            ("main.yaml", "windows: {nights: {hours: 22:00-06:00}}\n"),
            ("pay.yaml", "team: pay\nwindows:\n  nights: [{hours: 20:00-06:00}]\n"),
        )
    )
    assert place_of(nodes, ("windows", "nights")) == ("main.yaml", Position(1, 19))
    assert place_of(nodes, ("windows", "pay/nights")) == ("pay.yaml", Position(3, 12))
    assert place_of(nodes, ("windows", "web/nights")) == ("main.yaml", Position(1, 1))
    assert place_of((), ("windows", "nights")) == ("", Position(1, 1))


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
  channel              #a  (default, line 6)
  also                 none  (default)
  group_by             [alert.name, alert.source]  (default)
  group_wait           10s, 0s when critical  (default)
  group_interval       5m  (default)
  repeat_interval      4h  (default)
  reopen_within        10m  (default)
  acknowledge_within   4h  (default)
  reopen_closed_after  4h  (default)
  sla                  none  (default)
  resolve_note         optional  (default)
  severity             high  (p/q, line 12)
  template             T  (p/q, line 12)
  tell                 new_alerts thread, worse channel, some_resolved thread, resolved thread, reopened channel, repeat channel, acknowledged thread, escalated channel, sla channel, note none  (default)
  quiet                [nights]  (p, line 10)
  only                 none  (default)
  page                 pay (a policy)  (p/q, line 12)
  actions              none  (default)
  private              false  (default)
  held back: quiet nights until Sat 06:00 (quiet during nights)
  held back: maintenance works until Fri 23:00 (CHG-1)
  pages alice: on call for pay until Mon 09:00 CET
    Fri 22:30  alice: on call for pay until Mon 09:00 CET
    Fri 22:40  bob: named in the rules
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
    assert "  channel              none  (r, line 13)\n" in text
    assert "  group_by             []  (r, line 13)\n" in text
    assert "  repeat_interval      none  (r, line 13)\n" in text
    assert "  page                 bob (a person, only office)  (r, line 13)\n" in text
    assert text.endswith(
        "  pages bob: named in the rules; waits: only office until Mon 09:00 (told only during office)\n"
    )
    text = said("2026-11-21T12:00+01:00", team="gone", a="b")
    assert "  group: a=b, team=gone\n" in text
    assert "  group_by             all labels  (s, line 14)\n" in text
    assert "  template             T / U  (s, line 14)\n" in text
    assert text.endswith("  pages nobody: nobody is on call for gap\n")
    text = said("2026-11-21T12:00+01:00")
    assert text.startswith("route default\n  c.yaml:6  default  all\n  group: one for all\n")
    assert text.endswith("  pages nobody: no page\n")


def test_a_first_step_that_waits_is_explained_for_its_own_hour() -> None:
    found = rules(
        "routing: {channel: '#a', page: p}\npeople: {a: {slack: U0123ABCD}, b: {slack: U0123ABCE}}\n"
        "oncall: {o: {rotation: {people: [a, b], every: 1d, handoff: 09:00, starts: 2026-11-02}}}\n"
        "escalation: {p: {steps: [{after: 10m, oncall: o}, {after: 20m, person: b}]}}\n"
    )
    text = explain.render_text(explain.explain_route(found, {}, at("2026-11-21T08:55Z")), "UTC")
    assert text.endswith(
        "  pages b: on call for o until Sun 09:00 UTC; not before Sat 09:05\n"
        "    Sat 09:05  b: on call for o until Sun 09:00 UTC\n"
        "    Sat 09:15  b: named in the rules\n"
    )


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
