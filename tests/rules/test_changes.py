"""What a reload prints: a line for each thing that came, went or changed."""

import msgspec

from adapters import ADAPTERS
from rules.advice.changes import changes
from rules.advice.differences import differences
from rules.loading.load import RulesText, load
from rules.model.configuration import Configuration
from tests.rules.reading import HEAD, accepted, at

BEFORE = (
    HEAD
    + """routing: {channel: "#a", routes: [{name: gone, match: [a=b]}, {name: kept, match: [a=c]}, {name: moved, match: [a=d]}]}
people: {alice: {email: alice@example.com}, bob: {slack: U0123ABCD}}
maintenance: [{name: works, match: [a=b], from: 2026-01-01}]
"""
)
AFTER = (
    HEAD.replace("p:", "q:")
    + """name: other
routing: {channel: "#a", routes: [{name: kept, match: [a=c]}, {name: moved, match: [a=e]}, {name: new, match: [a=b]}]}
people: {alice: {email: alice@example.com}, bob: {slack: U0123ABCE}}
inhibit: [{name: down, while: [a=b], hold: [a=c]}]
windows: {office: {hours: 09:00-18:00}}
rules_files: [rules.d/*.yaml]
"""
)


def test_nothing_changed() -> None:
    assert list(changes(accepted(BEFORE), accepted(BEFORE))) == []
    assert list(changes(accepted(BEFORE), accepted("# a comment\n" + BEFORE))) == []


def test_each_change_is_a_line() -> None:
    assert list(changes(accepted(BEFORE), accepted(AFTER))) == [
        "route gone removed",
        'route moved changed: match: {a="d"} → {a="e"}',
        "route new added",
        "source p removed",
        "source q added",
        "person bob changed: slack_id: U0123ABCD → U0123ABCE",
        "window office added",
        "maintenance works removed",
        "inhibition down added",
        "name changed: alert-router → other",
        "rules_files changed: none → [rules.d/*.yaml]",
    ]


def test_teams_come_go_and_change_their_owner() -> None:
    def with_teams(**owners: str) -> Configuration:
        texts = [
            RulesText(name, f"version: 1\nteam: {name}\nowner: {{channel: '{owner}'}}\nscope: ['team = {name}']\n")
            for name, owner in owners.items()
        ]
        found = load([RulesText("c.yaml", BEFORE), *texts], adapters=ADAPTERS).configuration
        assert found is not None
        return found

    assert list(changes(with_teams(a="#a", b="#b"), with_teams(a="#x", c="#c"))) == [
        "team a changed: contact.channel: #a → #x",
        "team b removed",
        "team c added",
        "route b removed",
        "route c added",
    ]


TURNS = (
    HEAD
    + """timezone: Europe/Berlin
routing: {channel: "#a", page: primary}
people: {alice: {slack: U0123ABCD}, bob: {slack: U0123ABCE}, carol: {slack: U0123ABCF}}
oncall: {primary: ROTA, same: {rotation: {people: [carol], every: 1d, handoff: 09:00, starts: 2026-11-02}}}
"""
)
ROTA = "{rotation: {people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02}}"
NOW = at("2026-11-21T12:00+01:00")


def moved(after: str, before: str = ROTA) -> list[str]:
    return list(changes(accepted(TURNS.replace("ROTA", before)), accepted(TURNS.replace("ROTA", after)), NOW))


def test_what_a_change_alters_in_the_next_14_days() -> None:
    assert moved(ROTA) == []
    assert moved(ROTA.replace("[alice, bob]", "[bob, alice]")) == [
        "schedule primary changed: rotations.people: [alice, bob] → [bob, alice]",
        "primary: Sat 2026-11-21 12:00 – Mon 2026-11-23 09:00: alice → bob",
        "primary: Mon 2026-11-23 09:00 – Mon 2026-11-30 09:00: bob → alice",
        "primary: Mon 2026-11-30 09:00 – Sat 2026-12-05 12:00: alice → bob",
    ]


def test_an_override_alters_its_own_hours_only() -> None:
    override = ", overrides: [{person: carol, from: 2026-11-22T20:00, until: 2026-11-26}]}"
    assert moved(ROTA[:-1] + override) == [
        "schedule primary changed: overrides",
        "primary: Sun 2026-11-22 20:00 – Mon 2026-11-23 09:00: alice → carol",
        "primary: Mon 2026-11-23 09:00 – Thu 2026-11-26 00:00: bob → carol",
    ]


def test_to_change_the_order_without_moving_tonight() -> None:
    later = (
        "{rotations: [{people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02, until: 2026-11-30}, "
        "{people: [carol, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-30}]}"
    )
    assert moved(later) == [
        "schedule primary changed: rotations",
        "primary: Mon 2026-11-30 09:00 – Sat 2026-12-05 12:00: alice → carol",
    ]


def test_turns_that_differ_alike_are_one_interval() -> None:
    assert moved(
        "{rotation: {people: [bob], every: 1d, handoff: 08:00, starts: 2026-11-24}}",
        "{rotation: {people: [alice], every: 1d, handoff: 09:00, starts: 2026-11-02}}",
    )[1:] == [
        "primary: Sat 2026-11-21 12:00 – Tue 2026-11-24 08:00: alice → nobody",
        "primary: Tue 2026-11-24 08:00 – Sat 2026-12-05 12:00: alice → bob",
    ]


def test_a_gap_is_nobody() -> None:
    ended = ROTA[:-2] + ", until: 2026-11-23}}"
    assert moved(ended)[1:] == [
        "primary: Mon 2026-11-23 09:00 – Mon 2026-11-30 09:00: bob → nobody",
        "primary: Mon 2026-11-30 09:00 – Sat 2026-12-05 12:00: alice → nobody",
    ]


def test_a_long_list_of_turns_is_cut() -> None:
    daily = "{rotation: {people: [alice, bob], every: 1d, handoff: 09:00, starts: 2026-11-02}}"
    found = moved(daily.replace("[alice, bob]", "[bob, alice]"), daily)
    assert len(found) == 12
    assert found[-1] == "primary: and 5 more within 14 days"


def test_what_is_new_or_renamed_has_no_turns_to_compare() -> None:
    after = TURNS.replace("ROTA", ROTA).replace("primary:", "first:").replace("page: primary", "page: first")
    assert list(changes(accepted(TURNS.replace("ROTA", ROTA)), accepted(after), NOW)) == [
        "route default changed: page: primary (a schedule) → first (a schedule)",
        "schedule first added",
        "schedule primary removed",
    ]


def one(before: str, after: str, key: str = "routing: {channel: '#a'}") -> list[str]:
    return list(changes(accepted(f"{HEAD}{key}\n{before}\n"), accepted(f"{HEAD}{key}\n{after}\n")))


def test_old_and_new_are_said() -> None:
    assert list(
        changes(
            accepted(HEAD + "routing: {channel: '#a', repeat_interval: 4h, severity: high}\n"),
            accepted(HEAD + "routing: {channel: ['#b', '#c'], repeat_interval: none}\n"),
        )
    ) == ["route default changed: channel: #a → #b, #c, repeat_interval: 4h → none, severity: high → none"]
    assert one("windows: {w: {hours: 09:00-18:00}}", "windows: {w: {hours: 09:00-17:30}}") == [
        "window w changed: any_of.hours: [09:00-18:00] → [09:00-17:30]"
    ]
    assert one("", "retention: {incidents: 400d}") == ["retention.incidents changed: 12w6d → 57w1d"]
    assert one("", "silences: {max: 7d, remind: none}") == [
        "silences.max changed: none → 1w",
        "silences.remind changed: 15m → none",
    ]
    assert one("timezone: UTC", "timezone: Europe/Berlin") == ["timezone changed: UTC → Europe/Berlin"]
    assert one("server: {tokens: {read: {env: A}}}", "server: {tokens: {read: {file: /b}}}") == [
        "server changed: tokens"
    ]


def test_no_more_differences_are_said_than_one_reads() -> None:
    quiet = "{name: m, match: ['a = b'], from: 2026-01-01T00:00Z, until: 2026-02-01T00:00Z, reason: one}"
    loud = "{name: m, match: ['a = c'], from: 2026-01-02T00:00Z}"
    assert one(f"maintenance: [{quiet}]", f"maintenance: [{loud}]") == [
        (
            'maintenance m changed: match: {a="b"} → {a="c"}, begins: 2026-01-01 00:00 UTC → 2026-01-02 00:00 UTC, '
            "ends: 2026-02-01 00:00 UTC → none, reason: one → none"
        )
    ]
    long = one("name: a", f"name: {'x' * 90}")
    assert long == [f"name changed: a → {'x' * 79}…"]


class Wide(msgspec.Struct, frozen=True):
    """Of more than anybody reads."""

    a: bool = False
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0
    f: int = 0
    g: int = 0
    h: int = 0
    i: int = 0
    j: tuple[dict[str, int], ...] = ()


def test_differences_are_bounded_and_what_is_long_is_only_named() -> None:
    other = Wide(True, 1, 1, 1, 1, 1, 1, 1, 1, ({"a": 1},))
    assert differences(Wide(), other) == (
        "a: false → true, b: 0 → 1, c: 0 → 1, d: 0 → 1, e: 0 → 1, f: 0 → 1, g: 0 → 1, h: 0 → 1 and 2 more"
    )
    assert differences(Wide(j=({"a": 1},)), Wide(j=({"a": 2}, {}))) == "j"
    assert differences({"a": 1}, {"a": 2}) == "it"
