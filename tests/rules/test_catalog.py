"""The catalogue and its forms: what is looked up, what it gives way to, and every mistake in exact words."""

from collections.abc import Mapping

import pytest

from adapters import ADAPTERS
from router.store.evaluation.groups import decode_settings
from rules.advice.lint import linted
from rules.loading.load import BesideError, Loaded, RulesText, load
from rules.model.catalog import channels_for, further_channels, page_for
from rules.model.route import Page, PageKind
from tests.rules.reading import HEAD, ROUTING, complaints, labels, rules

PEOPLE = "people: {alice: {email: alice@example.com}, bob: {email: bob@example.com}}\n"
TARGET = "a policy, schedule or person: alice, bob"
WHOLE = (
    PEOPLE
    + """catalog:
  service:
    shop: {channel: "#shop", page: alice}
    two: {channel: ["#two", "#shop"], page: {policy: bob, only: [office], quiet: [nights]}}
    mute: {channel: none, page: none}
    silent: {x-tier: 1}
  team: {web: {}, data: {}}
windows: {office: {hours: 09:00-18:00}, nights: {hours: 22:00-06:00}}
routing:
  channel: "#root"
  page: bob
  routes:
    - name: a
      match: ['a = 1']
      channel: ["#a", {label: team, suffix: -alerts, only: {catalog: team}}]
      also: {label: team, prefix: "#all-", only: [web]}
      routes:
        - {name: b, match: ['b = 1'], channel: {from: service}, page: {from: service}, also: {from: service}}
        - {name: c, match: ['c = 1'], page: {from: service, only: [office], quiet: none}, also: none}
        - {name: d, match: ['d = 1'], channel: [{from: service}, {label: team, only: [web]}]}
    - {name: plain, match: ['p = 1'], page: none}
"""
)


def shown(route: str, **sent: str) -> list[str]:
    found = rules(WHOLE)
    return [one.channel for one in channels_for(found.routes[route].settings, labels(**sent), found.catalog).shown]


def beside(files: Mapping[str, str]) -> Loaded:
    """A configuration whose catalogue stands in services.yaml."""

    def read(file: str, path: str) -> str:
        assert file == "conf/c.yaml"
        if path not in files:
            raise BesideError(f"cannot read conf/{path}: No such file or directory")
        return files[path]

    text = HEAD + ROUTING + PEOPLE + "catalog: {service: {file: services.yaml}}\n"
    return linted(load([RulesText("conf/c.yaml", text)], adapters=ADAPTERS, beside=read), ADAPTERS)


@pytest.mark.parametrize(
    ("route", "sent", "expected"),
    [
        ("a/b", {"service": "shop"}, ["#shop"]),
        ("a/b", {"service": "two"}, ["#two", "#shop"]),
        ("a/b", {"service": "mute"}, []),  # on purpose, so nothing inherited takes its place
        ("a/b", {"service": "ghost"}, ["#a", "#root"]),
        ("a/b", {"service": "silent", "team": "web"}, ["#a", "#web-alerts"]),
        ("a/b", {}, ["#a", "#root"]),
        ("a", {"team": "data"}, ["#a", "#data-alerts"]),
        ("a", {"team": "general"}, ["#a", "#root"]),  # senders do not choose channels
        ("a/d", {"service": "shop", "team": "web"}, ["#shop", "#web"]),
        ("a/d", {"service": "ghost", "team": "data"}, ["#a", "#data-alerts"]),
        ("a/c", {"service": "shop"}, ["#a", "#root"]),  # inherited: what its parent says, form and all
    ],
)
def test_what_finds_nothing_gives_its_place_to_what_is_inherited(
    route: str, sent: dict[str, str], expected: list[str]
) -> None:
    assert shown(route, **sent) == expected


def test_a_page_looked_up_gives_way_and_the_routes_windows_hold_for_whatever_it_comes_to() -> None:
    found = rules(WHOLE)
    office, nights = (found.windows["office"],), (found.windows["nights"],)

    def page(route: str, **sent: str) -> Page | None:
        return page_for(found.routes[route].settings, labels(**sent), found.catalog).page

    assert page("a/b", service="shop") == Page("alice", PageKind.PERSON)
    assert page("a/b", service="two") == Page("bob", PageKind.PERSON, office, nights)
    assert page("a/b", service="mute") is None
    assert page("a/b", service="silent") == page("a/b") == Page("bob", PageKind.PERSON)
    assert page("a/c", service="shop") == Page("alice", PageKind.PERSON, office)
    assert page("a/c", service="two") == Page("bob", PageKind.PERSON, office)
    assert page("a/c", service="ghost") == Page("bob", PageKind.PERSON, office)
    assert page("plain", service="shop") is None


def test_each_look_up_that_found_nothing_is_counted_by_its_label() -> None:
    found = rules(WHOLE)
    settings = found.routes["a/b"].settings
    misses = channels_for(settings, labels(service="silent", team="x"), found.catalog).misses
    assert [(miss.label, miss.why) for miss in misses] == [
        ("service", "{from: service}: 'silent' in catalog.service has no channel"),
        ("team", "{label: team, as #…-alerts}: 'x' is not in only"),
    ]
    [miss] = page_for(settings, labels(), found.catalog).misses
    assert miss.why == "{from: service}: the alert has no service"
    assert page_for(settings, labels(service="silent"), found.catalog).misses[0].why.endswith("has no page")


def test_home_is_the_first_channel_that_comes_out() -> None:
    found = rules(WHOLE)
    settings = found.routes["a/b"].settings
    assert channels_for(settings, labels(service="two"), found.catalog).home == "#two"
    assert channels_for(settings, labels(service="mute"), found.catalog).home == ""


def test_only_also_adds_up() -> None:
    found = rules(WHOLE)

    def also(route: str, **sent: str) -> list[str]:
        forms = found.routes[route].settings.also
        return [one.channel for one in further_channels(forms, labels(**sent), found.catalog).shown]

    assert also("a", team="web") == ["#all-web"]
    assert also("a/b", team="web", service="shop") == ["#all-web", "#shop"]
    assert also("a/b", service="ghost") == []  # nothing is inherited twice
    assert also("a/c", team="web") == []
    assert also("a/d", team="web") == ["#all-web"]


def test_a_stored_route_keeps_its_forms_and_what_they_give_way_to() -> None:
    import msgspec

    settings = rules(WHOLE).routes["a/b"].settings
    assert decode_settings(msgspec.json.encode(settings).decode()) == settings


def test_a_route_stored_before_there_were_forms_can_be_read() -> None:
    settings = decode_settings('{"channels":["#a"],"page":{"target":"bob","kind":"person"}}')
    assert (settings.channels, settings.channels_above, settings.also, settings.page_from) == (("#a",), (), (), ())
    assert settings.page == Page("bob", PageKind.PERSON)


def test_forms_nested_as_deep_as_can_be_cost_no_more_than_they_are_many() -> None:
    text = '{name: r, channel: ["#x", {from: s}, {label: t, only: [a]}, {label: u, only: [a]}]'
    depth = 25
    tree = f"{text}, routes: [" * depth + f"{text}}}" + "]}" * depth
    found = rules(f'catalog: {{s: {{}}}}\nrouting: {{channel: "#root", routes: [{tree}]}}\n')
    deepest = found.routes["/".join(["r"] * (depth + 1))].settings
    resolved = channels_for(deepest, labels(), found.catalog)
    assert [one.channel for one in resolved.shown] == ["#x", "#root"]
    assert len(resolved.misses) == 3 * (depth + 1)


def test_the_rules_name_every_channel_they_may_tell() -> None:
    found = rules(WHOLE + 'copies: [{name: c, match: [a=b], channel: "#copy"}]\n')
    assert found.channels == (
        *("#root", "#a", "#web-alerts", "#data-alerts", "#all-web", "#web", "#shop", "#two"),
        "#copy",
    )


def test_a_catalogue_of_a_file_is_the_same_as_one_written_here() -> None:
    loaded = beside({"services.yaml": 'shop: {channel: "#shop", page: alice}\nx-ray: {page: none}\n'})
    assert loaded.errors == ()
    assert loaded.configuration is not None
    entries = loaded.configuration.rules.catalog["service"]
    assert entries["shop"].said == (("#shop",), (Page("alice", PageKind.PERSON),))
    assert (entries["shop"].file, entries["shop"].line) == ("conf/services.yaml", 1)
    assert entries["x-ray"].said == (None, ())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {},
            (
                "conf/c.yaml:6:27: catalog.service.file: cannot read conf/services.yaml: No such file or directory; "
                "expected a regular file below this one's folder"
            ),
        ),
        (
            {"services.yaml": ""},
            (
                "conf/services.yaml:1:1: the file is empty; "
                "expected a map from a label's values to entries such as {channel: …, page: …}; {} for none"
            ),
        ),
        (
            {"services.yaml": "- shop\n"},
            "conf/services.yaml:1:1: found a list; expected a map from a label's values to entries such as {channel: …, page: …}",
        ),
        (
            {"services.yaml": "shop: {}\nweb: {page: alcie}\n"},
            f"conf/services.yaml:2:13: web.page: no policy, schedule or person is called 'alcie'; expected {TARGET} (did you mean alice?)",
        ),
        (
            {"services.yaml": "a: {}\na: {}\n"},
            "conf/services.yaml:2:1: the key 'a' stands here twice; expected once; the first is in line 1",
        ),
    ],
)
def test_a_mistake_in_a_catalogues_file_names_that_file(files: dict[str, str], expected: str) -> None:
    assert [str(error) for error in beside(files).errors] == [expected]


def test_mistakes_of_both_files_are_listed_at_once_the_configurations_first() -> None:
    text = HEAD + ROUTING + "catalog: {service: {file: services.yaml}}\nwindows: 5\n"
    loaded = linted(
        load([RulesText("c.yaml", text)], adapters=ADAPTERS, beside=lambda _, __: "shop: {chxnel: x}\n"), ADAPTERS
    )
    assert [(error.file, error.line) for error in loaded.errors] == [("c.yaml", 6), ("services.yaml", 1)]


def test_text_alone_has_no_file_beside_it() -> None:
    text = HEAD + ROUTING + "catalog: {service: {file: services.yaml}}\n"
    assert complaints(text) == [
        (
            "5:27: catalog.service.file: services.yaml cannot be read here: only the configuration's own text is at hand; "
            "expected a regular file below this one's folder"
        )
    ]


ENTRY = "a map from a label's values to entries such as {channel: …, page: …}"
CHANNEL = 'a channel such as "#alerts", a list of them, or none'
ONE_CHANNEL = 'a channel such as "#alerts" (in quotes), or its id such as C0123ABCD'
ONLY = "the values that may name a channel, [web, data] or {catalog: team}: senders do not choose channels"
TREE = HEAD + 'routing:\n  channel: "#a"\n  routes:\n'
NO_CATALOGUE = "no catalogue is called"
MISTAKES = [
    (
        "a catalogue that is none",
        HEAD + ROUTING + "catalog: {service: services.yaml, team: []}\n",
        [
            f"5:20: catalog.service: found 'services.yaml'; expected {ENTRY}, or {{file: services.yaml}} (write {{file: services.yaml}})",
            f"5:41: catalog.team: found a list; expected {ENTRY}, or {{file: services.yaml}}",
        ],
    ),
    (
        "no map of catalogues",
        HEAD + ROUTING + "catalog: [shop]\n",
        [
            "5:10: catalog: found a list; expected a map from labels to catalogues such as {service: {file: services.yaml}}"
        ],
    ),
    (
        "entries",
        HEAD
        + ROUTING
        + "catalog:\n  service:\n    a: {chxnel: '#x'}\n    b: {channel: {from: team}}\n    c: {channel: }\n    d: '#x'\n    e: {page: {from: team}}\n",
        [
            "7:9: catalog.service.a.chxnel: unknown key 'chxnel'; expected one of channel, page (did you mean channel?)",
            f"8:18: catalog.service.b.channel: found a map; expected {CHANNEL} (an entry names its channels)",
            (
                f"9:18: catalog.service.c.channel: found nothing; expected {ONE_CHANNEL} "
                '(in YAML a # begins a comment: write "#alerts" in quotes; to tell nobody write none)'
            ),
            "10:8: catalog.service.d: found '#x'; expected a map with channel, page",
            "11:15: catalog.service.e.page: policy is missing; expected policy: the name of a policy, schedule or person",
            "11:16: catalog.service.e.page.from: unknown key 'from'; expected one of policy, only, quiet",
        ],
    ),
    (
        "forms",
        TREE
        + "    - {name: a, channel: {from: servxe}}\n"
        + "    - {name: b, channel: {label: team}}\n"
        + "    - {name: c, channel: {label: team, only: {catalog: taem}}}\n"
        + "    - {name: d, channel: {label: team, only: [Web, data, data], suffix: -alerts}}\n"
        + "    - {name: e, channel: {label: team, prefix: x-, only: [web]}}\n"
        + "    - {name: f, channel: [{from: service}, {from: service}, {from: service, x: 1}]}\n"
        + "    - {name: g, channel: {label: team, only: web, prefix: 5}}\n"
        + "    - name: h\n      channel: {label: team, only: [web], prefix: #}\n        }\n"
        + "catalog: {service: {}, team: {}}\n",
        [
            f"7:33: routing.routes[0].channel.from: {NO_CATALOGUE} 'servxe'; expected a catalogue under catalog: service, team (did you mean service?)",
            f"8:26: routing.routes[1].channel: only is missing; expected only: {ONLY}",
            f"9:56: routing.routes[2].channel.only.catalog: {NO_CATALOGUE} 'taem'; expected a catalogue under catalog: service, team (did you mean team?)",
            (
                "10:47: routing.routes[3].channel.only[0]: 'Web' makes '#Web-alerts': no channel can be called so; "
                'expected a name such as "#web-alerts": lower case, without blanks'
            ),
            "10:58: routing.routes[3].channel.only[2]: 'data' stands here twice; expected once",
            (
                "11:59: routing.routes[4].channel.only[0]: 'web' makes 'x-web': no channel can be called so; "
                'expected a name such as "#web-alerts": lower case, without blanks'
            ),
            "12:44: routing.routes[5].channel[1]: {from: service} stands here twice; expected once",
            "12:61: routing.routes[5].channel[2]: {from: service} stands here twice; expected once",
            "12:77: routing.routes[5].channel[2].x: unknown key 'x'; expected one of from",
            f"13:46: routing.routes[6].channel.only: found 'web'; expected {ONLY} (write [web])",
            (
                "13:59: routing.routes[6].channel.prefix: the number 5; expected the beginning of the name in quotes, "
                'such as "#" (if it is meant as text, write "5")'
            ),
            '16:9: routing.routes[7].channel.prefix: found nothing; expected the beginning of the name in quotes, such as "#"',
        ],
    ),
    (
        "a form alone at the root",
        HEAD + "routing: {channel: {from: service}}\ncatalog: {service: {}}\n",
        [
            (
                "4:20: routing.channel: where {from: service} finds nothing there is nothing inherited: this is the root; "
                "expected a channel here, and the form on a route below"
            )
        ],
    ),
    (
        "pages",
        TREE
        + "    - {name: a, page: {only: [office]}}\n"
        + "    - {name: b, page: {from: service, policy: alice}}\n"
        + "    - {name: c, page: {from: service}}\n"
        + "windows: {office: {hours: 09:00-18:00}}\n"
        + PEOPLE,
        [
            "7:23: routing.routes[0].page: neither policy nor from; expected one of them: policy: NAME, or from: service",
            "8:23: routing.routes[1].page: policy and from; expected one of them: policy: NAME, or from: service",
            f"8:30: routing.routes[1].page.from: {NO_CATALOGUE} 'service'; expected a catalogue under catalog; there is none yet",
            f"9:30: routing.routes[2].page.from: {NO_CATALOGUE} 'service'; expected a catalogue under catalog; there is none yet",
        ],
    ),
    (
        "names made of a catalogue",
        TREE
        + "    - {name: a, channel: {label: team, only: {catalog: team}}, also: {label: team, only: {catalog: team}}}\n"
        "catalog: {team: {web: {}, Data: {}, 'x y': {}}}\n"
        "copies: [{name: c, match: [a=b], channel: {label: team, only: {catalog: team}}}]\n",
        [
            (
                "7:26: routing.routes[0].channel: catalog.team: 'Data' makes '#Data': no channel can be called so; "
                'expected a name such as "#web-alerts": lower case, without blanks'
            ),
            (
                "7:70: routing.routes[0].also: catalog.team: 'Data' makes '#Data': no channel can be called so; "
                'expected a name such as "#web-alerts": lower case, without blanks'
            ),
            (
                "9:43: copies[0].channel: catalog.team: 'Data' makes '#Data': no channel can be called so; "
                'expected a name such as "#web-alerts": lower case, without blanks'
            ),
        ],
    ),
    (
        "also and copies",
        HEAD
        + "routing: {channel: '#a', also: []}\n"
        + "copies:\n  - {name: a, match: [x=y], channel: none}\n  - {name: a, match: [x=y], channel: '#x', page: bob}\n  - {channel: '#x'}\n",
        [
            '4:32: routing.also: an empty list; expected a channel such as "#alerts", {webhook: NAME}, or a list of them',
            "6:38: copies[0].channel: found 'none'; expected a channel such as \"#alerts\", or a list of them",
            "7:12: copies[1].name: a second copy is called 'a'; expected another name than in line 6",
            "7:44: copies[1].page: unknown key 'page'; expected no page: a copy is shown, it wakes nobody",
            "8:5: copies[2]: name is missing; expected name: a name, without /",
            "8:5: copies[2]: match is missing; expected match: a list of matchers such as ['team = payments', 'severity =~ \"crit.*\"']",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES])
def test_says_what_is_wrong(text: str, expected: list[str]) -> None:
    assert complaints(text) == expected


def test_a_teams_file_looks_up_in_the_main_files_catalogue_and_gives_way_to_the_root() -> None:
    main = (
        HEAD
        + ROUTING
        + 'rules_files: [t.yaml]\ncatalog: {app.example.com/service: {shop: {channel: "#shop", page: pay/maria}}}\n'
    )
    team = (
        "version: 1\nteam: pay\nowner: {channel: \"#pay\"}\nscope: ['team = pay']\npeople: {maria: {email: maria@example.com}}\n"
        "routing: {group_by: ['...'], channel: {from: app.example.com/service}, page: {from: app.example.com/service}}\n"
    )
    loaded = linted(load([RulesText("c.yaml", main), RulesText("t.yaml", team)], adapters=ADAPTERS), ADAPTERS)
    assert loaded.all_errors == loaded.warnings == ()
    assert loaded.configuration is not None
    found = loaded.configuration.rules
    settings = found.routes["pay"].settings
    for service, channel, page in (("shop", "#shop", "pay/maria"), ("ghost", "#a", None)):
        sent = labels(**{"app.example.com/service": service})
        assert channels_for(settings, sent, found.catalog).home == channel
        paged = page_for(settings, sent, found.catalog).page
        assert (None if paged is None else paged.target) == page


def test_a_teams_file_that_looks_up_in_no_catalogue_is_refused() -> None:
    team = (
        "version: 1\nteam: pay\nowner: {channel: \"#pay\"}\nscope: ['team = pay']\n"
        "routing: {group_by: ['...'], channel: {from: example.com/servxe}}\n"
    )
    main = HEAD + ROUTING + "rules_files: [t.yaml]\ncatalog: {example.com/service: {}}\n"
    [error] = linted(
        load([RulesText("c.yaml", main), RulesText("t.yaml", team)], adapters=ADAPTERS), ADAPTERS
    ).all_errors
    assert str(error) == (
        "t.yaml:5:46: routing.channel.from: no catalogue is called 'example.com/servxe'; "
        "expected a catalogue under catalog: example.com/service (did you mean example.com/service?)"
    )
