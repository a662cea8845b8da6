"""What a reload prints: a line for each thing that came, went or changed."""

from adapters import ADAPTERS
from rules.changes import changes
from rules.configuration import Configuration
from rules.load import Source, load
from tests.rules.reading import HEAD, accepted

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
            Source(name, f"version: 1\nteam: {name}\nowner: {{channel: '{owner}'}}\nscope: ['team = {name}']\n")
            for name, owner in owners.items()
        ]
        found = load([Source("c.yaml", BEFORE), *texts], adapters=ADAPTERS).configuration
        assert found is not None
        return found

    assert list(changes(with_teams(a="#a", b="#b"), with_teams(a="#x", c="#c"))) == [
        "team a changed",
        "team b removed",
        "team c added",
        "route b removed",
        "route c added",
    ]
