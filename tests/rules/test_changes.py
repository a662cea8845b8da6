"""What a reload prints: a line for each thing that came, went or changed."""

from adapters import ADAPTERS
from rules.advice.changes import changes
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
        "route moved changed",
        "route new added",
        "source p removed",
        "source q added",
        "person bob changed",
        "window office added",
        "maintenance works removed",
        "inhibition down added",
        "name changed",
        "rules_files changed",
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
        "team a changed",
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
        "schedule primary changed",
        "primary: Sat 2026-11-21 12:00 – Mon 2026-11-23 09:00: alice → bob",
        "primary: Mon 2026-11-23 09:00 – Mon 2026-11-30 09:00: bob → alice",
        "primary: Mon 2026-11-30 09:00 – Sat 2026-12-05 12:00: alice → bob",
    ]


def test_an_override_alters_its_own_hours_only() -> None:
    override = ", overrides: [{person: carol, from: 2026-11-22T20:00, until: 2026-11-26}]}"
    assert moved(ROTA[:-1] + override) == [
        "schedule primary changed",
        "primary: Sun 2026-11-22 20:00 – Mon 2026-11-23 09:00: alice → carol",
        "primary: Mon 2026-11-23 09:00 – Thu 2026-11-26 00:00: bob → carol",
    ]


def test_to_change_the_order_without_moving_tonight() -> None:
    later = (
        "{rotations: [{people: [alice, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-02, until: 2026-11-30}, "
        "{people: [carol, bob], every: 1w, handoff: mon 09:00, starts: 2026-11-30}]}"
    )
    assert moved(later) == [
        "schedule primary changed",
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
        "route default changed",
        "schedule first added",
        "schedule primary removed",
    ]
