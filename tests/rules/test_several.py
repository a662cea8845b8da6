"""Several files: a team's file joins the main file's rules, or is refused whole and alone, word for word."""

import re
from pathlib import Path

import msgspec
import pytest

from adapters import ADAPTERS
from rules.advice.lint import linted
from rules.loading.load import Loaded, RefusedFile, RulesText, load, rules_files
from rules.model.heartbeat import OWN_SOURCE
from rules.model.oncall import Person
from rules.model.permission import Audience, Role
from rules.model.route import PageKind
from rules.model.ruleset import RuleSet
from tests.rules.reading import HEAD, at, labels

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
MAIN = (
    HEAD
    + """timezone: Europe/Berlin
rules_files: [rules.d/*.yaml]
routing:
  channel: "#alerts"
  group_by: [cluster]
  page: lead
  routes: [{name: all, match: ['x = y']}, {name: night, quiet: [nights], match: ['x = z'], page: payments/primary}]
windows: {nights: {hours: 22:00-06:00}, office: {hours: 09:00-18:00}}
people: {lead: {email: lead@example.com}, alice: {email: main-alice@example.com}}
escalation: {late: {steps: [{oncall: payments/primary}, {after: 10m, person: lead}]}}
"""
)


def team(name: str, more: str = "", *, scope: str = "", order: str = "") -> str:
    matchers = scope or f"'team = {name}'"
    return f'version: 1\nteam: {name}\nowner: {{channel: "#{name}"}}\nscope: [{matchers}]\n{order}{more}'


PAYMENTS = team(
    "payments",
    """routing:
  quiet: [nights]
  routes:
    - {name: p1, match: ['alert.severity = critical'], page: primary, quiet: [office]}
    - {name: p2, page: lead, channel: "#payments", group_by: []}
windows: {office: {hours: 10:00-11:00}, rest: {not: [office, nights]}}
people: {alice: {email: alice@example.com}, bob: {email: bob@example.com}}
oncall:
  primary:
    rotation: {people: [alice, lead, payments/bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02}
    overrides: [{person: bob, from: 2026-12-24T09:00, until: 2026-12-25}]
escalation: {slow: {steps: [{oncall: primary, only: [rest]}, {after: 5m, person: [alice, lead]}]}}
maintenance: [{name: works, match: ['cluster = eu'], from: 2026-11-20T20:00, until: 2026-11-20T23:00}]
inhibit: [{name: down, while: ['alert.name = Down'], hold: ['alert.name = Slow'], equal: [cluster]}]
""",
)
SEARCH = team(
    "search", 'routing: {channel: "#search"}\ntimezone: America/New_York\nwindows: {w: {hours: 09:00-10:00}}\n'
)


def loading(main: str = MAIN, *, last: dict[str, str] | None = None, **teams: str) -> Loaded:
    files = [RulesText("c.yaml", main), *(RulesText(f"{name}.yaml", text) for name, text in teams.items())]
    return linted(
        load(files, adapters=ADAPTERS, last={f"{name}.yaml": text for name, text in (last or {}).items()}), ADAPTERS
    )


def well(found: Loaded) -> RuleSet:
    assert (found.errors, found.refused) == ((), ())
    assert found.configuration is not None
    return found.configuration.rules


def owner(rules: RuleSet, **sent: str) -> str:
    [found] = rules.decide(labels(**sent)).owners
    return found.route_id


def in_force(found: Loaded) -> set[str]:
    assert found.configuration is not None
    return {one.name for one in found.configuration.teams}


def refused(found: Loaded) -> RefusedFile:
    [file] = found.refused
    return file


def said(file: RefusedFile) -> list[str]:
    return [str(error) for error in file.errors]


def test_its_routing_is_mounted_under_the_root_as_a_child_named_after_the_team_with_scope_as_match() -> None:
    rules = well(loading(payments=PAYMENTS))
    child = rules.routes["payments"]
    assert [route.id for route in rules.root.children] == ["payments", "all", "night"]
    assert [str(matcher) for matcher in child.match] == ['team="payments"']
    assert (child.file, child.name) == ("payments.yaml", "payments")
    assert (child.settings.channels, child.settings.group_by) == (("#alerts",), ("cluster",))
    assert rules.routes["payments/p2"].settings.channels == ("#payments",)
    assert owner(rules, team="payments", alert_severity="critical", x="y") == "payments/p1"
    assert owner(rules, team="search", x="y") == "all"


def test_a_file_without_routing_is_a_route_all_the_same() -> None:
    rules = well(loading(search=team("search")))
    assert owner(rules, team="search") == "search"
    assert rules.routes["search"].settings == rules.root.settings


def test_names_in_it_are_its_own_and_names_of_the_main_file_are_seen_everywhere() -> None:
    rules = well(loading(payments=PAYMENTS))
    first, second = rules.routes["payments/p1"].settings, rules.routes["payments/p2"].settings
    assert (first.page, second.page) is not None
    assert first.page is not None
    assert second.page is not None
    assert (first.page.target, first.page.kind) == ("payments/primary", PageKind.SCHEDULE)
    assert (second.page.target, second.page.kind) == ("lead", PageKind.PERSON)
    assert [window.name for window in first.quiet] == ["payments/office"]
    assert [window.name for window in second.quiet] == ["nights"]
    [rotation] = rules.schedules["payments/primary"].rotations
    assert rotation.people == ("payments/alice", "lead", "payments/bob")
    assert rules.people["payments/alice"] == Person("payments/alice", "alice@example.com")
    assert rules.people["alice"].email == "main-alice@example.com"
    steps = rules.policies["payments/slow"].steps
    assert (steps[0].schedule, steps[1].persons) == ("payments/primary", ("payments/alice", "lead"))


def test_elsewhere_they_are_called_team_and_name() -> None:
    found = loading(payments=PAYMENTS)
    rules = well(found)
    page = rules.routes["night"].settings.page
    assert page is not None
    assert (page.target, page.kind) == ("payments/primary", PageKind.SCHEDULE)
    on_call = rules.on_call(page, at("2026-11-03T12:00"))
    assert on_call.persons == (Person("payments/alice", "alice@example.com"),)
    assert on_call.why == "primary of payments until Mon 09:00 CET"
    assert [warning.message for warning in found.warnings if "files in force" in warning.message] == []


def test_the_catalogue_is_everybodys_and_may_name_what_is_a_teams() -> None:
    catalog = (
        "catalog: {service: {checkout: {channel: '#checkout', page: payments/primary}, old: {page: gone/primary}}}\n"
    )
    routes = "routing: {channel: {from: service}, group_by: [service], routes: [{name: p1, page: {from: service}}]}\n"
    found = loading(
        MAIN + catalog,
        payments=PAYMENTS.replace(PAYMENTS[PAYMENTS.index("routing:") : PAYMENTS.index("windows:")], routes),
    )
    rules = well(found)
    assert owner(rules, team="payments", service="checkout") == "payments/p1"
    [page] = rules.catalog["service"]["checkout"].pages or ()
    assert page.target == "payments/primary"
    assert [one.message for one in found.warnings if one.path.startswith("catalog")] == [
        "no policy, schedule or person is called 'gone/primary' in the files in force: it reaches nobody"
    ]
    bad = refused(loading(MAIN + catalog, a=team("a", "routing: {page: {from: team}}\n")))
    assert said(bad) == [
        "a.yaml:5:24: routing.page.from: no catalogue is called 'team'; expected a catalogue under catalog: service"
    ]


def test_its_timezone_is_its_own_or_the_main_files() -> None:
    rules = well(loading(payments=PAYMENTS, search=SEARCH))
    assert rules.windows["search/w"].window.any_of[0].zone == "America/New_York"
    assert rules.windows["payments/office"].window.any_of[0].zone == "Europe/Berlin"
    assert rules.schedules["payments/primary"].zone == "Europe/Berlin"
    [works] = rules.maintenance
    assert works.begins == at("2026-11-20T20:00+01:00")


def test_maintenance_and_inhibition_of_a_team_act_in_its_scope_only() -> None:
    rules = well(loading(payments=PAYMENTS))
    during = at("2026-11-20T21:00+01:00")
    hold = rules.maintenance_suppression(labels(team="payments", cluster="eu"), during)
    assert hold is not None
    assert hold.name == "payments/works"
    assert rules.maintenance_suppression(labels(team="search", cluster="eu"), during) is None
    source = rules.decide(labels(team="payments", alert_name="Down")).inhibits
    assert [key.rule for key in source] == ["payments/down"]
    assert rules.decide(labels(team="search", alert_name="Down")).inhibits == ()
    assert rules.decide(labels(team="search", alert_name="Slow")).inhibited_by == ()
    assert rules.decide(labels(team="payments", alert_name="Slow")).inhibited_by == tuple(source)


def test_a_teams_heartbeats_listen_in_its_scope_only_and_their_alerts_are_the_teams() -> None:
    beat = "timezone: Asia/Tokyo\nheartbeats: {dump: {match: ['job = dump'], every: 1h}}\n"
    rules = well(loading(search=team("search", beat)))
    [dump] = rules.awaited.heartbeats
    assert (dump.name, dump.zone) == ("search/dump", "Asia/Tokyo")
    assert [sign.name for sign in rules.decide(labels(team="search", job="dump")).signs] == ["search/dump"]
    assert rules.decide(labels(team="payments", job="dump")).signs == ()
    missing = {**dump.labels(()), "alert.source": OWN_SOURCE}
    assert missing["heartbeat"] == "search/dump"
    assert owner(rules, **missing) == "search"


def test_then_the_same_keys_but_those_that_are_one_for_all() -> None:
    keys = "name: x\nserver: {}\nstorage: {}\nslack: preview\nsources: {}\ncatalog: {}\ncopies: []\nrules_files: []\nrouter: {}\n"
    found = refused(loading(search=team("search", keys + "frob: 1\n")))
    place = "has no place in this file; expected it in the main file"
    assert said(found) == [
        f"search.yaml:5:1: name: name {place}: the instance has one name",
        f"search.yaml:6:1: server: server {place}: there is one listener",
        f"search.yaml:7:1: storage: storage {place}: there is one store",
        f"search.yaml:8:1: slack: slack {place}: there is one way to Slack",
        f"search.yaml:9:1: sources: sources {place}: a source sends for everybody",
        f"search.yaml:10:1: catalog: catalog {place}: the catalogue is everybody's",
        f"search.yaml:11:1: copies: copies {place}; also: on a route of this one",
        f"search.yaml:12:1: rules_files: rules_files {place}: it names the files of all teams",
        f"search.yaml:13:1: router: router {place}",
        said(found)[-1],
    ]
    assert said(found)[-1].startswith(
        "search.yaml:14:1: frob: unknown key 'frob'; expected one of version, team, owner"
    )


ALONE = [
    (
        "a key twice",
        team("a", "order: 1\norder: 2\n"),
        ["6:1: the key 'order' stands here twice; expected once; the first is in line 5"],
    ),
    (
        "an entry with a zone of its own, one without, and one that is wrong",
        team(
            "a",
            "timezone: Asia/Tokyo\nwindows: {v: {hours: 09:00-10:00, timezone: UTC}, w: {hours: 09:00-10:00}, x: 5}\n",
        ),
        [
            "6:79: windows.x: found the number 5; expected a map with days, hours, months, days_of_month, dates, timezone, …"
        ],
    ),
    ("empty", "", ["1:1: the file is empty; expected version: 1 and the rest of a configuration"]),
    ("a list", "[1]", ["1:1: found a list; expected a map with version, team, owner, scope, order, routing, …"]),
    (
        "nothing said",
        "version: 1\n",
        [
            "1:1: team is missing; expected team: a name, without /",
            "1:1: owner is missing; expected owner: a map with channel, people",
            "1:1: scope is missing; expected scope: a list of matchers such as ['team = payments', 'severity =~ \"crit.*\"']",
        ],
    ),
    (
        "whose it is",
        "version: 1\nteam: a/b\nowner: {}\nscope: {team: a}\norder: 1.5\n",
        [
            "2:7: team: the name 'a/b'; expected 1 to 100 characters, without /",
            '3:8: owner: an owner nobody can reach; expected channel: "#team", or people: [NAME], or both',
            "4:8: scope: found a map; expected a list of matchers such as ['team = payments', 'severity =~ \"crit.*\"'] (write ['team = a'])",
            "5:8: order: found the number 1.5; expected a whole number from -1000 to 1000",
        ],
    ),
    (
        "names of the main file's routes",
        team("all"),
        ["2:7: team: the main file has a route called 'all' (c.yaml:10); expected another name"],
    ),
    ("the root's name", team("default"), ["2:7: team: 'default' is the id of the root; expected another name"]),
    (
        "at its root",
        team("a", "routing: {match: ['a = b'], name: x, continue: true, routes: [{name: p}, {name: p}]}\n"),
        [
            "5:11: routing.match: unknown key 'match'; expected no match here: scope says what this file takes",
            "5:29: routing.name: unknown key 'name'; expected no name here: it is called after the team",
            "5:38: routing.continue: unknown key 'continue'; expected continue only on routes below",
            "5:81: routing.routes[1].name: two routes below a are called 'p'; expected another name than in line 5",
        ],
    ),
    (
        "names that are nowhere",
        team("a", "routing: {page: primry, quiet: [nigths], only: [a/x]}\noncall: {primary: {layers: []}}\n"),
        [
            "5:17: routing.page: no policy, schedule or person is called 'primry'; expected a policy, schedule or person: alice, late, lead, primary (did you mean primary?)",
            "5:33: routing.quiet[0]: no window is called 'nigths'; expected a window defined under windows: nights, office (did you mean nights?)",
            "5:49: routing.only[0]: no window is called 'a/x'; expected a window defined under windows: nights, office",
            "6:28: oncall.primary.layers: an empty list; expected a list of layers",
        ],
    ),
    (
        "windows made of another team's",
        team("a", "windows: {w: {not: [payments/office]}, v: {except: [v]}}\n"),
        [
            "5:21: windows.w.not[0]: 'payments/office' is a window of another team's file; expected windows of this file or of the main file, to make one of",
            "5:43: windows.v: the window 'a/v' names itself: a/v → a/v; expected no circle",
        ],
    ),
    (
        "an owner who is nowhere",
        "version: 1\nteam: a\nowner: {people: [alcie]}\nscope: ['a = b']\n",
        [
            "3:18: owner.people[0]: no person is called 'alcie'; expected somebody under people: alice, lead (did you mean alice?)"
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in ALONE], ids=[case[0] for case in ALONE])
def test_a_file_is_refused_whole_and_alone(text: str, expected: list[str]) -> None:
    found = loading(payments=PAYMENTS, bad=text)
    assert [error.removeprefix("bad.yaml:") for error in said(refused(found))] == expected
    assert found.errors == ()
    assert in_force(found) == {"payments"}
    assert not refused(found).is_kept


def test_the_main_files_mistakes_refuse_everything_and_a_teams_are_listed_with_them() -> None:
    found = loading(MAIN + "frob: 1\n", payments=PAYMENTS, bad=team("bad", "nonsense: 1\n"))
    assert found.configuration is None
    assert [error.path for error in found.errors] == ["frob"]
    assert [error.path for error in found.all_errors] == ["frob", "nonsense"]
    assert [error.path for error in loading("a: [", bad="").all_errors] == [""]
    assert [str(error) for error in loading("[]", bad="").errors] == [
        "c.yaml:1:1: found a list; expected a map with version, timezone, name, server, storage, slack, …"
    ]


def test_a_teams_key_in_the_main_file_says_where_it_belongs() -> None:
    found = loading(MAIN + "scope: ['a = b']\norder: 1\n")
    where = "expected it in a team's file; to check one: alert-router check TEAM.yaml --with MAIN.yaml"
    assert [str(error) for error in found.errors] == [
        f"c.yaml:14:1: scope: scope has no place in this file; {where}",
        f"c.yaml:15:1: order: order has no place in this file; {where}",
    ]


def test_two_scopes_must_exclude_each_other_and_a_label_set_that_fits_both_is_shown() -> None:
    found = loading(a=team("a", scope="'cluster = eu', 'team =~ \"a.*\"'"), b=team("b", scope="'team != x'"))
    assert in_force(found) == {"a"}
    assert said(refused(found)) == [
        (
            'b.yaml:4:8: scope: a.yaml (a) and this file both take an alert with cluster="eu", team="a"; '
            "expected scopes that exclude each other; or, if it is meant, order: NUMBER in both, the lower first"
        )
    ]


def test_order_settles_a_wanted_overlap_when_both_say_it_the_lower_first() -> None:
    first, second = team("a", scope="'x = 1'", order="order: 2\n"), team("b", scope="'y = 1'", order="order: 1\n")
    rules = well(loading(a=first, b=second))
    assert [route.id for route in rules.root.children][:2] == ["b", "a"]
    assert owner(rules, x="1", y="1") == "b"
    for other in (team("b", scope="'y = 1'"), second.replace("order: 1", "order: 2")):
        assert in_force(loading(a=first, b=other)) == {"a"}


def test_a_team_has_one_file() -> None:
    found = loading(a=team("a"), b=team("a", scope="'x = y'"))
    assert said(refused(found)) == [
        "b.yaml:2:7: team: a.yaml is the file of a already; expected one file for each team"
    ]


def test_a_refused_file_leaves_its_last_accepted_text_in_force() -> None:
    found = loading(payments=PAYMENTS + "frob: 1\n", last={"payments": PAYMENTS})
    file = refused(found)
    assert file.is_kept
    assert (file.team, file.contact is not None and file.contact.channel, file.kept_errors) == (
        "payments",
        "#payments",
        (),
    )
    assert len(said(file)) == 1
    assert found.configuration is not None
    assert "payments/p1" in found.configuration.rules.routes
    assert found.accepted == ()


def test_a_file_that_cannot_be_read_leaves_its_last_accepted_text_in_force() -> None:
    gone = RulesText("a.yaml", "", fault="cannot read a.yaml: Permission denied")
    found = linted(load([RulesText("c.yaml", MAIN), gone], adapters=ADAPTERS, last={"a.yaml": team("a")}), ADAPTERS)
    assert said(refused(found)) == [
        "a.yaml:1:1: cannot read a.yaml: Permission denied; expected a file that can be read"
    ]
    assert refused(found).is_kept
    assert in_force(found) == {"a"}
    without = linted(load([RulesText("c.yaml", MAIN), gone], adapters=ADAPTERS), ADAPTERS)
    assert in_force(without) == set()
    assert (refused(without).team, refused(without).contact) == ("", None)


def test_the_last_accepted_text_is_remembered_by_key_not_by_the_name_in_messages() -> None:
    file = RulesText("/etc/x/a.yaml", "", known_as="rules.d/a.yaml")
    found = linted(
        load([RulesText("c.yaml", MAIN), file], adapters=ADAPTERS, last={"rules.d/a.yaml": team("a")}), ADAPTERS
    )
    assert in_force(found) == {"a"}
    assert found.configuration is not None
    assert found.configuration.teams[0].file == "rules.d/a.yaml"


def test_where_the_last_accepted_text_fits_the_main_file_no_more_nothing_of_it_is_in_force() -> None:
    text = team("a", "routing: {page: lead}\n")
    main = MAIN.replace("lead", "boss")
    for now in (text, text + "frob: 1\n"):
        file = refused(loading(main, a=now, last={"a": text}))
        assert not file.is_kept
        assert (file.team, file.contact is not None and file.contact.channel) == ("a", "#a")
    assert [str(error) for error in file.kept_errors] == [
        "a.yaml:5:17: routing.page: no policy, schedule or person is called 'lead'; expected a policy, schedule or person: alice, boss, late"
    ]


def test_whoever_was_changed_gives_way_whatever_its_name() -> None:
    wide = team("a", scope="'team =~ \"a|b\"'")
    found = loading(a=wide, b=team("b"), last={"a": team("a"), "b": team("b")})
    assert refused(found).team == "a"
    assert refused(found).is_kept
    assert in_force(found) == {"a", "b"}
    assert found.configuration is not None
    assert owner(found.configuration.rules, team="b") == "b"
    assert [file.source.name for file in found.accepted] == ["b.yaml"]


def test_a_new_file_never_puts_another_out_of_force() -> None:
    found = loading(a=team("a", scope="'team =~ \".*\"'"), b=team("b"), last={"b": team("b")})
    assert (refused(found).team, refused(found).is_kept, in_force(found)) == ("a", False, {"b"})


def test_two_teams_may_exchange_what_is_theirs_at_once() -> None:
    a, b = team("a", scope="'x = 1'"), team("b", scope="'x = 2'")
    changed = {"a": team("a", scope="'x = 2'"), "b": team("b", scope="'x = 1'")}
    rules = well(loading(last={"a": a, "b": b}, **changed))
    assert owner(rules, x="1") == "b"


def test_who_gave_way_to_a_text_that_is_refused_itself_comes_back() -> None:
    # a takes what is c's. b, changed beside it, is against the new a only, which does not come into force.
    last = {"a": team("a", scope="'x = 1'"), "b": team("b", scope="'x = 2'"), "c": team("c", scope="'x = 3'")}
    now = {**last, "a": team("a", scope="'x =~ \"1|3|4\"'"), "b": team("b", scope="'x =~ \"2|4\"'")}
    found = loading(last=last, **now)
    assert refused(found).team == "a"
    assert in_force(found) == {"a", "b", "c"}
    assert found.configuration is not None
    assert owner(found.configuration.rules, x="4") == "b"


def test_the_names_of_a_file_that_is_not_in_force_reach_nobody_and_hold_nothing_back() -> None:
    main = MAIN.replace("quiet: [nights]", "quiet: [payments/office], only: [payments/office, office]")
    found = loading(main)
    assert found.errors == ()
    assert [str(warning) for warning in found.warnings if "in force" in warning.message] == [
        "c.yaml:10:65: routing.routes[1].quiet[0]: no window is called 'payments/office' in the files in force: it is left out; expected a name of that team's file",
        "c.yaml:10:90: routing.routes[1].only[0]: no window is called 'payments/office' in the files in force: it is left out; expected a name of that team's file",
        "c.yaml:10:140: routing.routes[1].page: no policy, schedule or person is called 'payments/primary' in the files in force: it reaches nobody; expected a name of that team's file",
        "c.yaml:13:38: escalation.late.steps[0].oncall: no schedule is called 'payments/primary' in the files in force: it reaches nobody; expected a name of that team's file",
    ]
    assert found.configuration is not None
    rules = found.configuration.rules
    night = rules.routes["night"].settings
    assert (night.quiet, [window.name for window in night.only]) == ((), ["office"])
    assert night.page is not None
    on_call = rules.on_call(night.page, at("2026-11-03T12:00"))
    assert (on_call.nobody, on_call.why) == (True, "nobody is on call for payments/primary")
    late = rules.page_for("late")
    assert late is not None
    assert rules.on_call(late, at("2026-11-03T12:00")).persons == (Person("lead", "lead@example.com"),)


def test_without_other_files_such_a_name_is_a_mistake() -> None:
    found = loading(MAIN.replace("rules_files: [rules.d/*.yaml]\n", ""))
    assert [error.message for error in found.errors] == [
        "no policy, schedule or person is called 'payments/primary'",
        "no schedule is called 'payments/primary'",
    ]


def test_which_files_a_main_file_names() -> None:
    def names(text: str) -> list[tuple[str, int]]:
        return [(path, mark.line) for path, mark in rules_files(text)]

    assert names("rules_files:\n- a.yaml\n- b/*.yaml\n- 5\n") == [("a.yaml", 2), ("b/*.yaml", 3)]
    assert names("rules_files: a.yaml") == [("a.yaml", 1)]
    assert names("x: rules_files") == names("rules_files: [") == names("[rules_files]") == names("a: b") == []


def test_an_alias_used_twice_is_one_mistake() -> None:
    found = refused(loading(a=team("a", "x-w: &w {hours: 25}\nwindows: {v: *w, w: *w}\n")))
    assert len({(error.line, error.column, error.path) for error in found.errors}) == len(found.errors) == 2


def test_a_warning_of_a_teams_file_names_it() -> None:
    text = team("a", "routing: {routes: [{name: r, page: lead, quiet: [nights], match: ['x = y']}]}\n")
    [warning] = [one for one in loading(a=text).warnings if one.file == "a.yaml"]
    assert str(warning).startswith("a.yaml:5:1: route a/r: a/r pages and has quiet: [nights]")


def test_the_pages_team_file_is_right() -> None:
    [block] = re.findall(r"```\n(version: 1\nteam:.*?)```", PAGE, re.DOTALL)
    rules = well(loading(payments=block))
    assert "payments/p1" in rules.routes


def test_a_team_tells_its_people_where_it_has_no_channel() -> None:
    text = 'version: 1\nteam: a\nowner: {people: [lead, bob]}\nscope: ["a = b"]\npeople: {bob: {slack: U0123ABCD}}\n'
    found = loading(a=text)
    [accepted] = found.accepted
    assert accepted.contact.people == (Person("lead", "lead@example.com"), Person("a/bob", "", "U0123ABCD"))
    assert msgspec.json.decode(msgspec.json.encode(accepted.contact), type=type(accepted.contact)) == accepted.contact


def test_what_follows_a_refused_file_is_said_once_at_the_cause() -> None:
    a, b, c, d, e, f = (team(name, "routing: {page: payments/primary}\n") for name in "abcdef")
    loaded = loading(payments=PAYMENTS + "frob: 1\n", a=a, b=b, c=c, d=d, e=e, f=f)
    assert loaded.refused != ()
    followers = [str(one) for one in loaded.warnings if "payments" in str(one)]
    assert followers == [
        (
            "payments.yaml:1:1: team: while this file is refused, what others name of it reaches nobody: "
            "payments/primary (c.yaml:10), payments/primary (c.yaml:13), payments/primary (a.yaml:5), "
            "payments/primary (b.yaml:5), payments/primary (c.yaml:5) and 3 more; "
            "expected the file without its mistakes"
        )
    ]


def test_hours_of_the_main_files_zone_are_pointed_out_to_a_team_of_another() -> None:
    routing = "routing: {quiet: [nights], routes: [{name: r, match: ['a = b'], only: [office]}]}\n"
    said = [
        str(one)
        for one in loading(
            away=team("away", routing + "timezone: Asia/Kolkata\nwindows: {office: {hours: 09:00-18:00}}\n"),
            same=team("same", routing + "timezone: Europe/Berlin\n"),
        ).warnings
        if "own times" in str(one)
    ]
    assert said == [
        (
            "away.yaml:5:19: routing.quiet[0]: the hours of nights are of Europe/Berlin; this file's own times are of "
            "Asia/Kolkata; expected a window of this file, where the hours of Asia/Kolkata are meant"
        )
    ]


def test_a_name_of_a_teams_file_wants_its_team_elsewhere() -> None:
    main = MAIN.replace("page: payments/primary}", "page: primary}")
    [error] = loading(main, payments=PAYMENTS).errors
    assert str(error) == (
        "c.yaml:10:98: routing.routes[1].page: no policy, schedule or person is called 'primary'; "
        "expected a policy, schedule or person: alice, late, lead (write payments/primary)"
    )


def test_a_teams_file_alone_is_one_mistake_and_not_many() -> None:
    [error] = load([RulesText("pay.yaml", PAYMENTS)], adapters=ADAPTERS).errors
    assert str(error) == (
        "pay.yaml:1:1: this is a team's file; expected the main file; or alert-router check pay.yaml --with MAIN.yaml"
    )


def test_a_teams_file_gives_no_roles() -> None:
    """Row 18: a role holds for everybody's incidents, and whoever writes a team's file would give themselves one."""
    text = team("payments", "people: {alice: {email: a@x.example, role: admin}}\n")
    found = load([RulesText("c.yaml", MAIN), RulesText("pay.yaml", text)], adapters=ADAPTERS)
    [refused] = found.refused
    [error] = refused.errors
    assert str(error) == (
        "pay.yaml:5:44: people.alice.role: a role in a team's file; "
        'expected it in the main file: roles: {manager: ["@payments-leads"]}, by user group'
    )
    again = load([RulesText("c.yaml", MAIN), RulesText("pay.yaml", team("payments", "roles: {}\n"))], adapters=ADAPTERS)
    assert "a role holds for everybody's incidents" in str(again.refused[0].errors[0])


def test_a_team_sees_what_its_routes_keep_from_others_wherever_that_is_said() -> None:
    """Row 28: its people, its owners, whoever takes turns in its schedules; admins are asked for elsewhere."""
    main = MAIN.replace("routing:\n", "routing:\n  private: true\n").replace("name: all,", "name: all, private: false,")
    text = PAYMENTS.replace('owner: {channel: "#payments"}', "owner: {people: [lead]}").replace(
        "{name: p2,", '{name: p2, private: ["@security", {role: manager}, bob],'
    )
    found = load([RulesText("c.yaml", main), RulesText("pay.yaml", text)], adapters=ADAPTERS)
    assert found.all_errors == ()
    assert found.configuration is not None
    routes = found.configuration.rules.routes
    seers = ("lead", "payments/alice", "payments/bob")
    private = {name: route.settings.private for name, route in routes.items()}
    assert private == {
        "default": Audience(),
        "all": None,
        "night": Audience(),
        "payments": Audience(seers),
        "payments/p1": Audience(seers),
        "payments/p2": Audience(seers, ("@security",), (Role.MANAGER,)),
    }
    assert found.configuration.rules.has_private
    assert found.configuration.rules.role_groups == ("@security",)
