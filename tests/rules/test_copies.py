"""Copies and `also` as `check`, `route` and a reload speak of them, word for word."""

import pytest

from adapters import ADAPTERS
from rules.advice.changes import changes
from rules.advice.check import check, render_text, to_json
from rules.advice.copy_overlap import takers, takes_all
from rules.advice.explain import explain_route
from rules.advice.explain import render_text as explained
from rules.loading.load import RulesText
from rules.model.copies import MEMO_SIZE
from rules.model.matcher import parse
from tests.rules.reading import HEAD, accepted, at, labels, loading, rules

PEOPLE = "people: {alice: {email: alice@example.com}, bob: {email: bob@example.com}}\n"
TREE = """\
routing:
  channel: "#a"
  group_by: [alertname, service, team]
  routes:
    - name: pay
      match: ['team = payments']
      routes: [{name: crit, match: ['alert.severity = critical']}, {name: rest}]
    - {name: web, match: ['team =~ "web|shop"', 'env != test']}
    - {name: odd, match: ['team =~ "o.+"']}
    - {name: quiet, match: ['alertname = InfoInhibitor'], channel: none}
"""


def taken(match: str) -> list[str]:
    found = rules(TREE + f"copies: [{{name: c, match: {match}, channel: '#c'}}]\n")
    [(_, routes)] = takers(found)
    return [route.id for route in routes]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("['team = payments']", ["default", "pay", "pay/crit", "pay/rest", "quiet"]),
        ("['team = shop']", ["default", "web", "quiet"]),
        ("['team = shop', 'env = test']", ["default", "quiet"]),
        ("['team != payments']", ["default", "web", "odd", "quiet"]),
        ("['team = \"\"']", ["default", "quiet"]),
        ("['team =~ \"ops|db\"']", ["default", "odd", "quiet"]),
        ("['team =~ \"p.*\"']", ["default", "pay", "pay/crit", "pay/rest", "odd", "quiet"]),  # says yes when in doubt
        ("['alert.severity = low', 'team = payments']", ["default", "pay", "pay/rest", "quiet"]),
        ("['team = a', 'team = b']", []),
    ],
)
def test_check_knows_which_routes_alerts_a_copy_may_take(match: str, expected: list[str]) -> None:
    assert taken(match) == expected


@pytest.mark.parametrize(
    ("match", "expected"),
    [('a =~ ".*"', True), ('a = ""', False), ("a != b", False), ('a =~ ".+"', False)],
)
def test_a_copy_of_all(match: str, expected: bool) -> None:
    assert takes_all(parse(match)) is expected


def warnings(text: str) -> list[str]:
    found = loading(HEAD + text)
    assert found.errors == ()
    return [str(warning).removeprefix("c.yaml:") for warning in found.warnings]


def test_check_warns_of_copies_that_take_what_their_writer_may_not_expect() -> None:
    found = warnings(
        TREE
        + "copies:\n"
        + "  - {name: all, match: ['team =~ \".*\"'], channel: '#all'}\n"
        + "  - {name: none, match: ['team = a', 'team = b'], channel: '#none'}\n"
        + "  - {name: fine, match: ['team = web', 'alertname != InfoInhibitor'], channel: '#fine'}\n"
    )
    assert found == [
        "15:1: copy all: all takes every alert: all incidents are shown in #all; expected matchers of what is meant",
        (
            "15:1: copy all: all may take alerts of quiet, told to nobody on purpose (channel: none): it shows them; "
            "expected a matcher more, if they are not meant"
        ),
        "16:1: copy none: none takes nothing: no alert of any route can match it; expected matchers that some alert has",
    ]


def test_check_counts_silent_routes_that_are_too_many_to_name() -> None:
    routes = ", ".join(f"{{name: r{number}, match: [r = {number}], channel: none}}" for number in range(7))
    found = warnings(
        f"routing: {{channel: '#a', routes: [{routes}]}}\ncopies: [{{name: c, match: [a = b], channel: '#c'}}]\n"
    )
    assert "may take alerts of r0, r1, r2, r3, r4 and 2 more, told to nobody" in found[0]


def test_check_warns_where_group_by_does_not_keep_apart_what_is_looked_up() -> None:
    found = warnings(
        PEOPLE
        + "catalog: {service: {}, team: {}}\n"
        + "routing:\n  channel: '#a'\n  routes:\n"
        + "    - {name: a, channel: {from: service}, page: {from: service}, also: {from: team}}\n"
        + "    - {name: b, group_by: [service], channel: {from: service}, page: {from: team}}\n"
        + "    - {name: c, group_by: ['...'], channel: {from: service}, routes: [{name: d, group_by: [x]}]}\n"
        + "    - {name: e, match: ['service = shop'], channel: {from: service}, routes: [{name: f, match: [a = b], repeat_interval: none}]}\n"
    )
    found = [one for one in found if "share an incident" in one]
    rest = " apart: alerts of several may share an incident: it "
    assert found == [
        (
            "9:1: route a: a looks its channel up by service, and its group_by does not keep service"
            f"{rest}goes where the worst one's service says; expected service in group_by"
        ),
        (
            "9:1: route a: a looks its also up by team, and its group_by does not keep team"
            f"{rest}is shown where the worst one's team says; expected team in group_by"
        ),
        (
            "10:1: route b: b looks its page up by team, and its group_by does not keep team"
            f"{rest}pages whom the worst one's team says; expected team in group_by"
        ),
        (
            "11:1: route c/d: c/d looks its channel up by service, and its group_by does not keep service"
            f"{rest}goes where the worst one's service says; expected service in group_by"
        ),
    ]


def test_check_warns_of_a_catalogue_that_nothing_looks_up() -> None:
    found = warnings(
        "catalog: {service: {}, team: {}, owner: {}}\n"
        "routing: {channel: ['#a', {label: x, only: {catalog: team}}], group_by: [x]}\n"
        "copies: [{name: c, match: [a = b], channel: {from: owner}}]\n"
    )
    assert found == [
        (
            "4:10: catalog.service: nothing looks anything up in catalog.service; "
            "expected channel: {from: service} or page: {from: service} on a route"
        )
    ]


def test_a_page_that_is_looked_up_is_a_page_to_every_warning() -> None:
    found = warnings(
        PEOPLE
        + "catalog: {service: {shop: {page: alice}}}\nwindows: {nights: {hours: 22:00-06:00}}\n"
        + "routing: {channel: none, group_by: [service], quiet: [nights], page: {from: service}, routes: [{name: r, also: '#b'}]}\n"
    )
    found = [one for one in found if "default pages" in one]
    assert found == [
        (
            "7:1: route default: default pages and has quiet: [nights]: nobody is woken 22:00–06:00; "
            "expected quiet: none where somebody must be woken"
        ),
        (
            "7:1: route default: default pages but tells no channel (channel: none); "
            "expected a channel where the incident can be seen"
        ),
    ]


WHOLE = (
    PEOPLE
    + """\
catalog:
  service:
    shop: {channel: "#shop", page: alice}
    two: {channel: "#two", page: {policy: bob, only: [office]}}
windows: {office: {hours: 09:00-18:00}}
routing:
  channel: "#a"
  group_by: [service]
  also: "#war"
  page: bob
  routes:
    - {name: s, match: ['service != ""'], channel: {from: service}, page: {from: service}, also: {from: service}}
copies:
  - {name: audit, match: ['team = payments'], channel: ["#audit", "#shop"]}
"""
)


def test_check_prints_whom_a_page_may_reach_and_what_copies_take() -> None:
    found = check([RulesText("c.yaml", HEAD + WHOLE)], adapters=ADAPTERS, at=at("2026-11-21T12:00Z"))
    text = render_text(found)
    assert (
        "Whom pages reach\n  bob is a person: default, s\n  alice is a person: s\n"
        "\n"
        "What copies take\n  audit shows in #audit, #shop: alerts of default, s\n"
    ) in text
    assert '"copies":[{"copy":"audit","channels":["#audit","#shop"],"routes":["default","s"]}]' in to_json(
        found
    ).replace(" ", "").replace("\n", "")


def test_check_names_twenty_routes_and_counts_the_others() -> None:
    routes = ", ".join(f"{{name: r{number}, match: [r = {number}]}}" for number in range(25))
    text = f"routing: {{channel: '#a', routes: [{routes}]}}\ncopies: [{{name: c, match: [r != 3], channel: '#c'}}]\n"
    said = render_text(check([RulesText("c.yaml", HEAD + text)], adapters=ADAPTERS, at=at("2026-11-21T12:00Z")))
    [line] = [line for line in said.split("\n") if line.startswith("  c shows in")]
    assert line.startswith("  c shows in #c: alerts of default, r0, r1, r2, r4, r5")
    assert line.endswith("r19 and 5 more")


def explain(**sent: str) -> list[str]:
    text = explained(explain_route(rules(WHOLE), sent, at("2026-11-21T20:00Z")), "UTC")
    return [line for line in text.split("\n") if not line.startswith(("  c.yaml", "  group", "  re", "  severity"))]


def test_route_says_where_each_channel_and_the_page_come_from() -> None:
    found = explain(alertname="X", service="two", team="payments")
    assert [
        line for line in found if line.startswith(("  channel", "  also", "  page ", "  shown", "  not", "  pages"))
    ] == [
        "  channel              {from: service}  (s, line 16)",
        "  also                 #war, {from: service}  (s, line 16)",
        "  page                 {from: service}, else bob (a person)  (s, line 16)",
        "  shown in #two (home): {from: service}: two, c.yaml:8",
        "  shown in #war: also",
        "  shown in #audit: copy audit",
        "  shown in #shop: copy audit",
        (
            "  pages bob: named in the rules ({from: service}: two, c.yaml:8); "
            "waits: only office until Sun 09:00 (told only during office)"
        ),
    ]


def test_route_says_what_was_not_found() -> None:
    found = explain(alertname="X", service="ghost")
    assert [line for line in found if line.startswith(("  shown", "  not", "  pages"))] == [
        "  not found: {from: service}: catalog.service has no 'ghost': what is inherited stands",
        "  shown in #a (home)",
        "  shown in #war: also",
        "  pages bob: named in the rules",
    ]


def test_route_says_when_no_channel_shows_it() -> None:
    found = rules("routing: {channel: none, also: {label: x, only: [y]}}\n")
    text = explained(explain_route(found, {"x": "z"}, at("2026-11-21T20:00Z")), "UTC")
    assert (
        "  not found: {label: x, as #…}: 'z' is not in only: what is inherited stands\n  shown in no channel\n" in text
    )


def test_a_reload_says_what_changed_in_catalogue_and_copies() -> None:
    before = accepted(HEAD + WHOLE)
    after = accepted(
        HEAD
        + WHOLE.replace('    shop: {channel: "#shop"', '    new: {}\n    shop: {channel: "#store"').replace(
            "name: audit, match: ['team = payments']", "name: audit, match: ['team = pay']"
        )
    )
    assert list(changes(before, after)) == [
        "catalog.service entry new added",
        "catalog.service entry shop changed: channel: [#shop] → [#store]",
        'copy audit changed: match: {team="payments"} → {team="pay"}',
    ]
    assert list(changes(before, accepted(HEAD + "\n\n" + WHOLE))) == []


def test_a_reload_counts_the_entries_of_a_catalogue_that_was_made_anew() -> None:
    def of(names: range, channel: str) -> str:
        entries = ", ".join(f'c{name}: {{channel: "{channel}"}}' for name in names)
        return HEAD + f"catalog: {{service: {{{entries}}}}}\nrouting: {{channel: '#a', also: {{from: service}}}}\n"

    found = list(changes(accepted(of(range(25), "#a")), accepted(of(range(5, 30), "#b"))))
    assert found == ["catalog.service: 5 entries added, 20 entries changed, 5 entries removed"]


def test_copies_are_asked_by_the_labels_they_name_alone() -> None:
    copies = rules(WHOLE).copies
    assert copies.of(labels(team="payments", x="1")) is copies.of(labels(team="payments", x="2"))
    assert [copy.name for copy in copies.of(labels(team="payments"))] == ["audit"]
    assert copies.of(labels(team="web")) == copies.of(labels()) == ()
    for number in range(MEMO_SIZE + 1):
        assert copies.of(labels(team=f"t{number}")) == ()
    assert [copy.name for copy in copies.of(labels(team="payments"))] == ["audit"]
    assert copies
    assert not rules("routing: {channel: '#a'}\n").copies
