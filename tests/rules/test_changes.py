"""What a reload prints: a line for each thing that came, went or changed."""

from rules.changes import changes
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
        "maintenance works removed",
        "inhibition down added",
        "name changed",
    ]
