"""What the rules decide: inheritance, groups, inhibition, maintenance, whom a page reaches."""

from datetime import timedelta

import msgspec
import pytest

from adapters.alert import Alert, Severity, Status
from rules.model.oncall import Person
from rules.model.route import Loudness, Page, PageKind, RouteSettings, Tell, Template
from rules.model.ruleset import (
    InhibitionKey,
    Owner,
    RuleSet,
    is_inhibited_by,
    page_suppression,
    visible_labels,
    window_suppression,
)
from rules.model.suppression import Suppression, SuppressionKind
from tests.rules.reading import at, labels, rules

TREE = """
timezone: Europe/Berlin
routing:
  channel: ["#home", C0123ABCD]
  group_by: [alert.name, cluster]
  group_wait: 30s
  group_interval: 1m
  repeat_interval: 1d
  reopen_within: 0s
  severity: high
  template: {title: 'T {{ name }}'}
  quiet: [nights]
  page: alice
  routes:
    - name: bare
      match: ['team = bare']
    - name: all-away
      match: ['team = away']
      channel: none
      group_wait: none
      repeat_interval: none
      severity: none
      template: none
      quiet: none
      page: none
      group_by: []
    - name: changed
      match: ['team = changed']
      channel: "#changed"
      group_by: ['...']
      only: [office]
      page: {policy: alice, only: [office], quiet: [nights]}
      routes:
        - {name: deep, match: ['sub = deep'], template: {text: deep}, severity: low}
    - name: twice
      match: ['team = both']
      continue: true
    - name: after
      match: ['team =~ "both|after"']
windows: {nights: {hours: 22:00-06:00}, office: {days: [mon-fri], hours: 09:00-18:00}}
people: {alice: {email: alice@example.com}}
"""


@pytest.fixture(scope="module")
def tree() -> RuleSet:
    return rules(TREE)


def owner(tree: RuleSet, **sent: str) -> list[str]:
    return [found.route_id for found in tree.decide(labels(**sent)).owners]


def test_the_first_match_owns(tree: RuleSet) -> None:
    assert owner(tree) == ["default"]
    assert owner(tree, team="bare") == ["bare"]
    assert owner(tree, team="changed") == ["changed"]
    assert owner(tree, team="changed", sub="deep") == ["changed/deep"]
    assert owner(tree, team="both") == ["twice", "after"]
    assert owner(tree, team="after") == ["after"]


def test_how_loud_is_inherited_and_replaced_whole() -> None:
    found = rules(
        "routing: {channel: '#a', tell: {resolved: channel, worse: edit}, routes: [{name: same}, "
        "{name: other, tell: {repeat: none}, routes: [{name: defaults, tell: none}]}]}\n"
    ).routes
    said = Tell(resolved=Loudness.CHANNEL, worse=Loudness.EDIT)
    assert found["default"].settings.tell == found["same"].settings.tell == said
    # Whole: the end is told as by default again.
    assert found["other"].settings.tell == Tell(repeat=Loudness.NONE)
    assert found["other/defaults"].settings.tell == Tell()


def test_every_setting_is_inherited_and_replaced_whole(tree: RuleSet) -> None:
    root, bare = tree.routes["default"].settings, tree.routes["bare"].settings
    assert bare == root
    assert root.channels == ("#home", "C0123ABCD")
    assert root.group_by == ("alert.name", "cluster")
    assert (root.group_wait, root.group_interval) == (timedelta(seconds=30), timedelta(minutes=1))
    assert (root.repeat_interval, root.reopen_within) == (timedelta(days=1), timedelta(0))
    assert (root.severity, root.template) == (Severity.HIGH, Template("T {{ name }}", ""))
    assert [named.name for named in root.quiet] == ["nights"]
    assert root.page == Page("alice", PageKind.PERSON)
    changed, deep = tree.routes["changed"].settings, tree.routes["changed/deep"].settings
    assert (changed.channels, changed.group_by) == (("#changed",), None)
    assert (deep.template, deep.severity) == (Template("", "deep"), Severity.LOW)
    assert msgspec.structs.replace(deep, template=changed.template, severity=changed.severity) == changed


def test_none_takes_away(tree: RuleSet) -> None:
    assert tree.routes["all-away"].settings == RouteSettings(
        channels=(),
        group_by=(),
        group_interval=timedelta(minutes=1),
        repeat_interval=None,
        reopen_within=timedelta(0),
    )


def test_who_said_what(tree: RuleSet) -> None:
    said = tree.routes["changed/deep"].said
    assert (said["severity"].route_id, said["channel"].route_id, said["group_wait"].route_id) == (
        "changed/deep",
        "changed",
        "default",
    )
    lines = TREE.splitlines()
    assert lines[said["channel"].line - 4].strip() == 'channel: "#changed"'
    assert lines[tree.routes["bare"].line - 4].strip() == "- name: bare"


def test_defaults() -> None:
    settings = rules("").routes["default"].settings
    assert settings == RouteSettings(("#a",))
    assert settings.wait(Severity.HIGH) == timedelta(seconds=10)
    assert settings.wait(Severity.CRITICAL) == timedelta(0)
    assert RouteSettings(("#a",), group_wait=timedelta(seconds=3)).wait(Severity.CRITICAL) == timedelta(seconds=3)


def test_settings_are_kept_as_json(tree: RuleSet) -> None:
    for route in tree.routes.values():
        stored = msgspec.json.encode(route.settings)
        assert msgspec.json.decode(stored, type=RouteSettings) == route.settings


def test_matchers_in_braces() -> None:
    ruleset = rules("routing: {channel: '#a', routes: [{name: r, match: '{a=\"b\", c=~\"d.*\"}'}]}\n")
    assert ruleset.decide(labels(a="b", c="de")).owners[0].route_id == "r"
    assert ruleset.decide(labels(a="b")).owners[0].route_id == "default"


def test_windows_that_never_let_go_are_looked_at_again() -> None:
    text = "routing: {channel: '#a', quiet: [n, d]}\nwindows: {n: {hours: 22:00-06:00}, d: {hours: 06:00-22:00}}\n"
    hold = window_suppression(rules(text).routes["default"].settings, at("2026-11-20T12:00Z"))
    assert hold is not None
    assert hold.until is not None
    assert hold.until > at("2026-12-01T12:00Z")


def test_groups(tree: RuleSet) -> None:
    assert tree.decide(labels(cluster="eu")).owners[0].group_labels == (("alert.name", "X"), ("cluster", "eu"))
    assert tree.decide(labels()).owners[0].group_labels == (("alert.name", "X"),)
    assert tree.decide(labels(team="away", cluster="eu")).owners == (Owner("all-away", ()),)
    # All labels: what was sent, and the name; not what changes while an alert fires.
    assert tree.decide(labels(team="changed", z="1")).owners[0].group_labels == (
        ("alert.name", "X"),
        ("team", "changed"),
        ("z", "1"),
    )


def test_the_memo_remembers_by_all_that_matters() -> None:
    ruleset = rules('routing: {channel: "#a", group_by: [g], routes: [{name: r, match: [a=b]}]}\n')
    assert ruleset.decide({"a": "b", "g": "1", "x": "1"}) is ruleset.decide({"a": "b", "g": "1", "x": "2"})
    assert ruleset.decide({"a": "b", "g": "1"}).owners == (Owner("r", (("g", "1"),)),)
    assert ruleset.decide({"a": "b", "g": "2"}).owners == (Owner("r", (("g", "2"),)),)
    assert ruleset.decide({"g": "2"}).owners == (Owner("default", (("g", "2"),)),)


def test_the_memo_is_bounded() -> None:
    ruleset = rules('routing: {channel: "#a", group_by: [g]}\n')
    for number in range(70_000):
        ruleset.decide({"g": str(number)})
    assert len(ruleset._memo) <= 65_536
    assert ruleset.decide({"g": "3"}).owners == (Owner("default", (("g", "3"),)),)


def test_computed_names_win_over_sent_ones() -> None:
    alert = Alert(
        "0" * 16, "Disk", "Disk is full", "", Severity.LOW, Status.FIRING, {"alert.name": "sent", "a": "b"}, {}
    )
    assert visible_labels(alert, "prom") == {
        "a": "b",
        "alert.name": "Disk",
        "alert.severity": "low",
        "alert.source": "prom",
        "alert.title": "Disk is full",
    }


INHIBIT = """
inhibit:
  - {name: down, while: ['alert.name = Down'], hold: ['alert.severity != critical'], equal: [cluster]}
  - {name: any, while: ['a = source'], hold: ['b = target']}
"""


def test_inhibition() -> None:
    ruleset = rules(INHIBIT)
    source = ruleset.decide(labels(alert_name="Down", alert_severity="critical", cluster="eu"))
    target = ruleset.decide(labels(cluster="eu"))
    both = ruleset.decide(labels(alert_name="Down", cluster="eu"))
    elsewhere = ruleset.decide(labels(cluster="us"))
    assert source.inhibits == (InhibitionKey("down", ("eu",), two_sided=False),)
    assert source.inhibited_by == ()
    assert target.inhibited_by == (InhibitionKey("down", ("eu",), two_sided=False),)
    assert both.inhibits == both.inhibited_by == (InhibitionKey("down", ("eu",), two_sided=True),)
    assert is_inhibited_by(target.inhibited_by[0], source.inhibits[0])
    assert is_inhibited_by(both.inhibited_by[0], source.inhibits[0])
    assert is_inhibited_by(target.inhibited_by[0], both.inhibits[0])
    assert not is_inhibited_by(both.inhibited_by[0], both.inhibits[0])  # also: nothing holds itself
    assert not is_inhibited_by(elsewhere.inhibited_by[0], source.inhibits[0])


def test_inhibition_without_equal_and_without_the_label() -> None:
    ruleset = rules(INHIBIT)
    source, target = ruleset.decide(labels(a="source")), ruleset.decide(labels(b="target"))
    assert is_inhibited_by(target.inhibited_by[1], source.inhibits[0])
    missing = ruleset.decide(labels(alert_name="Down", alert_severity="critical")).inhibits[0]
    assert missing.equal == ("",)
    assert is_inhibited_by(ruleset.decide(labels()).inhibited_by[0], missing)


MAINTENANCE = """
timezone: Europe/Berlin
maintenance:
  - {name: long, match: ['cluster = eu'], from: 2026-12-01T20:00Z, until: 2026-12-01T23:00Z, reason: CHG-1}
  - {name: local, match: ['cluster = eu'], from: 2026-12-01T20:00, until: 2026-12-01T22:00}
  - {name: endless, match: ['cluster = us'], from: 2026-12-01, timezone: America/New_York}
  - {name: more, match: ['cluster = us'], from: 2026-12-01T20:00+02:00, until: 2027-01-01}
"""


@pytest.mark.parametrize(
    ("cluster", "when", "name", "until"),
    [
        ("eu", "2026-12-01T18:59:59Z", None, None),
        ("eu", "2026-12-01T19:00:00Z", "local", "2026-12-01T21:00Z"),
        ("eu", "2026-12-01T20:30:00Z", "long", "2026-12-01T23:00Z"),  # of two, the one that ends last
        ("eu", "2026-12-01T23:00:00Z", None, None),
        ("us", "2026-12-01T04:59:00Z", None, None),
        ("us", "2026-12-02T00:00:00Z", "endless", None),
        ("xx", "2026-12-01T20:30:00Z", None, None),
    ],
)
def test_maintenance(cluster: str, when: str, name: str | None, until: str | None) -> None:
    hold = rules(MAINTENANCE).maintenance_suppression(labels(cluster=cluster), at(when))
    if name is None:
        assert hold is None
    else:
        reason = "CHG-1" if name == "long" else ""
        assert hold == Suppression(SuppressionKind.MAINTENANCE, name, at(until) if until else None, reason)


WINDOWS = """
timezone: Europe/Berlin
routing:
  channel: "#a"
  routes:
    - {name: quiet, quiet: [nights, early]}
    - {name: only, only: [office, saturday]}
    - {name: both, only: [office], quiet: [lunch]}
    - {name: never, only: [past]}
    - {name: page, page: {policy: alice, only: [office]}}
    - {name: free}
windows:
  nights: {hours: 22:00-06:00}
  early: {hours: 06:00-07:00}
  office: {days: [mon-fri], hours: 09:00-18:00}
  saturday: {days: [sat]}
  lunch: {hours: 12:00-13:00}
  past: {dates: [2020-01-01]}
people: {alice: {email: alice@example.com}}
maintenance: [{name: m, match: [a=b], from: 2026-11-20T15:00Z, until: 2026-11-20T16:00Z}]
"""


@pytest.mark.parametrize(
    ("route", "when", "expected"),
    [
        # Windows that touch are one hold.
        ("quiet", "2026-11-20T23:00+01:00", (SuppressionKind.QUIET, "nights", "2026-11-21T07:00+01:00")),
        ("quiet", "2026-11-20T06:30+01:00", (SuppressionKind.QUIET, "early", "2026-11-20T07:00+01:00")),
        ("quiet", "2026-11-20T07:00+01:00", None),
        ("only", "2026-11-20T10:00+01:00", None),
        ("only", "2026-11-20T18:00+01:00", (SuppressionKind.ONLY, "office, saturday", "2026-11-21T00:00+01:00")),
        ("both", "2026-11-20T12:30+01:00", (SuppressionKind.QUIET, "lunch", "2026-11-20T13:00+01:00")),
        ("both", "2026-11-21T12:30+01:00", (SuppressionKind.QUIET, "lunch", "2026-11-23T09:00+01:00")),
        ("both", "2026-11-21T14:00+01:00", (SuppressionKind.ONLY, "office", "2026-11-23T09:00+01:00")),
        ("never", "2026-11-21T14:00+01:00", (SuppressionKind.ONLY, "past", None)),
        ("page", "2026-11-21T14:00+01:00", None),
        ("free", "2026-11-21T14:00+01:00", None),
    ],
)
def test_windows_hold_back(route: str, when: str, expected: tuple[SuppressionKind, str, str | None] | None) -> None:
    hold = window_suppression(rules(WINDOWS).routes[route].settings, at(when))
    if expected is None:
        assert hold is None
    else:
        kind, name, until = expected
        assert hold is not None
        assert (hold.kind, hold.name, hold.until) == (kind, name, at(until) if until else None)


def test_a_page_waits_for_its_own_windows() -> None:
    page = rules(WINDOWS).routes["page"].settings.page
    assert page is not None
    assert page_suppression(page, at("2026-11-20T10:00+01:00")) is None
    hold = page_suppression(page, at("2026-11-21T10:00+01:00"))
    assert hold == Suppression(SuppressionKind.ONLY, "office", at("2026-11-23T09:00+01:00"), "told only during office")


ESCALATION = """
timezone: Europe/Berlin
people: {alice: {email: alice@example.com}, bob: {slack: U0123ABCD}, lead: {email: lead@example.com}}
windows: {nights: {hours: 22:00-06:00}}
oncall:
  payments: {rotation: {people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02}}
  future: {rotation: {people: [bob], every: 1d, handoff: 09:00, starts: 2027-01-01}}
  covered:
    rotation: {people: [alice], every: 1w, handoff: mon 09:00, starts: 2026-11-02}
    overrides: [{person: bob, from: 2026-11-10T00:00, until: 2026-11-30T00:00}]
  ended: {rotation: {people: [bob], every: 1d, handoff: 09:00, starts: 2026-01-01, until: 2026-02-01}}
escalation:
  payments: {steps: [{oncall: payments}, {after: 10m, person: lead}, {after: 20m, channel: "#incidents"}], repeat: 2, every: 30m}
  gap: {steps: [{oncall: future}, {after: 90s, person: [lead, bob]}, {after: 2h, oncall: payments}]}
  channel: {steps: [{channel: ["#a", "#b"]}, {after: 2h, person: lead}]}
  asleep: {steps: [{person: lead, quiet: [nights]}, {after: 45s, person: bob, only: [nights]}]}
  nobody: {steps: [{oncall: future}, {after: 1m, oncall: ended}]}
"""
ALICE, BOB, LEAD = (
    Person("alice", "alice@example.com"),
    Person("bob", "", "U0123ABCD"),
    Person("lead", "lead@example.com"),
)


@pytest.mark.parametrize(
    ("target", "when", "persons", "why"),
    [
        ("payments", "2026-11-21T12:00+01:00", (ALICE,), "on call for payments until Mon 09:00 CET"),
        ("payments", "2026-11-25T12:00+01:00", (BOB,), "on call for payments until Mon 09:00 CET"),
        ("covered", "2026-11-12T12:00+01:00", (BOB,), "on call for covered until 2026-11-30 00:00 CET (override)"),
        ("alice", "2026-11-12T12:00+01:00", (ALICE,), "named in the rules"),
        (
            "gap",
            "2026-11-21T12:00+01:00",
            (LEAD, BOB),
            "named in the rules; nobody on call for future",
        ),
        ("asleep", "2026-11-21T12:00+01:00", (LEAD,), "named in the rules"),
        ("asleep", "2026-11-21T23:00+01:00", (BOB,), "named in the rules; lead is skipped during nights"),
        ("channel", "2026-11-21T12:00+01:00", (), "told in #a, #b"),
    ],
)
def test_whom_the_first_step_reaches(target: str, when: str, persons: tuple[Person, ...], why: str) -> None:
    ruleset = rules(ESCALATION)
    page = ruleset.page_for(target)
    assert page is not None
    found = ruleset.on_call(page, at(when))
    assert (found.persons, found.why, found.nobody) == (persons, why, False)


def test_a_name_is_a_policy_else_a_schedule_else_a_person() -> None:
    ruleset = rules(ESCALATION)
    assert ruleset.page_for("payments") == Page("payments", PageKind.POLICY)
    assert ruleset.page_for("covered") == Page("covered", PageKind.SCHEDULE)
    assert ruleset.page_for("lead") == Page("lead", PageKind.PERSON)
    assert ruleset.page_for("nothing") is None


def test_nobody() -> None:
    ruleset = rules(ESCALATION)
    now = at("2026-11-21T12:00+01:00")
    found = ruleset.on_call(Page("nobody", PageKind.POLICY), now)
    assert (found.nobody, found.persons, found.why) == (
        True,
        (),
        "no step of nobody reaches anybody: nobody on call for future; nobody on call for ended",
    )
    found = ruleset.on_call(Page("future", PageKind.SCHEDULE), now)
    assert (found.nobody, found.until) == (True, at("2027-01-01T09:00+01:00"))
    # A page stored with rules that are gone; Slack's people and groups are not the rules'.
    for kind in (PageKind.POLICY, PageKind.SCHEDULE, PageKind.PERSON):
        assert ruleset.on_call(Page("gone", kind), now).nobody


def test_a_channel_step_names_its_channels() -> None:
    found = rules(ESCALATION).on_call(Page("channel", PageKind.POLICY), at("2026-11-21T12:00+01:00"))
    assert found.channels == ("#a", "#b")


def test_a_schedule_of_a_team_is_said_by_its_part() -> None:
    ruleset = rules(ESCALATION)
    team = RuleSet(
        ruleset.root,
        zone_name="UTC",
        people=ruleset.people,
        schedules={"payments/primary": ruleset.schedules["payments"]},
    )
    found = team.on_call(Page("payments/primary", PageKind.SCHEDULE), at("2026-11-21T12:00+01:00"))
    assert found.why == "primary of payments until Mon 09:00 CET"
