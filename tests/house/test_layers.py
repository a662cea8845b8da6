"""What import-linter cannot see, because it sees modules and not names: only the store writes SQL."""

import ast
from pathlib import Path

import pytest

ROUTER = Path(__file__).parents[2] / "router"
HANDED_ON = {"Connection", "DBAPIError"}
"""A verb names the connection it is given, and the error that tells whose data was refused."""


def imported_from_sqlalchemy(text: str) -> set[str]:
    """Names taken from SQLAlchemy; a module imported whole counts as "sqlalchemy"."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {"sqlalchemy" for alias in node.names if alias.name.split(".")[0] == "sqlalchemy"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(ROUTER.rglob("*.py")) if path.relative_to(ROUTER).parts[0] != "store"],
    ids=lambda path: path.name,
)
def test_a_verb_hands_its_connection_on_and_asks_nothing_itself(path: Path) -> None:
    text = path.read_text()
    assert imported_from_sqlalchemy(text) <= HANDED_ON
    assert ".execute(" not in text


def test_the_check_sees_each_way_of_importing() -> None:
    assert imported_from_sqlalchemy("import sqlalchemy.orm\nfrom sqlalchemy import select, Connection") == {
        "sqlalchemy",
        "select",
        "Connection",
    }
